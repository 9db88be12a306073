//! The side of the target, with real sockets.

use std::fs::File;
use std::io::{Read as _, Write as _, pipe};
use std::net::{Shutdown, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::thread;

use crate::{Decoder, Frame, Invalid, Kind, LONGEST, WINDOW, serve};

/// A client of a side of the target that runs on a thread.
struct Client {
    input: File,
    output: File,
    decoder: Decoder,
    end: thread::JoinHandle<std::io::Result<()>>,
}

impl Client {
    fn start() -> Self {
        let (theirs, ours) = pipe().unwrap();
        let (from, to) = pipe().unwrap();
        let file = |fd: OwnedFd| File::from(fd);
        let (input, output) = (file(theirs.into()), file(to.into()));
        let end = thread::spawn(move || serve(input, output));
        let mut client = Self {
            input: file(ours.into()),
            output: file(from.into()),
            decoder: Decoder::default(),
            end,
        };
        assert_eq!(client.next(), Frame::new(Kind::Ready, 0));
        client
    }

    fn send(&mut self, frame: &Frame) {
        let mut bytes = Vec::new();
        frame.write_to(&mut bytes);
        self.input.write_all(&bytes).unwrap();
    }

    fn next(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return frame;
            }
            let mut buffer = vec![0; LONGEST];
            let count = self.output.read(&mut buffer).unwrap();
            assert!(count > 0, "it ended");
            self.decoder.add(&buffer[..count]);
        }
    }

    fn open(&mut self, channel: u32, address: &str) {
        self.send(&Frame::with(Kind::Open, channel, address.as_bytes()));
    }

    /// Returns the bytes of a connection up to its end. Gives no credit.
    fn read_to_end(&mut self, channel: u32) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let frame = self.next();
            assert_eq!(frame.channel, channel, "{frame:?}");
            match frame.kind {
                Kind::Data => all.extend(frame.payload),
                Kind::Credit => {}
                Kind::End => return all,
                other => panic!("{other:?}"),
            }
        }
    }

    fn finish(self) -> std::io::Result<()> {
        let Self { input, output: _output, end, .. } = self;
        drop(input);
        end.join().unwrap()
    }
}

#[test]
fn each_half_of_a_connection_ends_on_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap().port());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        stream.write_all(format!("got {all}").as_bytes()).unwrap();
    });
    let mut client = Client::start();
    client.open(7, &address);
    assert_eq!(client.next(), Frame::new(Kind::Opened, 7));
    client.send(&Frame::with(Kind::Data, 7, b"hello"));
    client.send(&Frame::new(Kind::End, 7));
    assert_eq!(client.read_to_end(7), b"got hello");
    server.join().unwrap();
    client.finish().unwrap();
}

/// Who takes an upload has to learn that it is not whole.
#[test]
fn a_connection_that_breaks_is_no_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap().port());
    for is_aborted in [true, false] {
        let mut client = Client::start();
        client.open(1, &address);
        assert_eq!(client.next(), Frame::new(Kind::Opened, 1));
        let (mut stream, _) = listener.accept().unwrap();
        client.send(&Frame::with(Kind::Data, 1, b"half"));
        stream.read_exact(&mut [0; 4]).unwrap();
        if is_aborted {
            client.send(&Frame::new(Kind::Abort, 1));
        }
        client.finish().unwrap();
        assert!(stream.read(&mut [0]).is_err(), "{is_aborted}");
    }
    // The other way round.
    let mut client = Client::start();
    client.open(1, &address);
    assert_eq!(client.next(), Frame::new(Kind::Opened, 1));
    let (mut stream, _) = listener.accept().unwrap();
    client.send(&Frame::with(Kind::Data, 1, b"half"));
    assert_eq!(client.next().kind, Kind::Credit);
    // Closed with something unread.
    stream.read_exact(&mut [0; 2]).unwrap();
    drop(stream);
    assert_eq!(client.next(), Frame::new(Kind::Abort, 1));
    client.finish().unwrap();
}

#[test]
fn unix_sockets_are_connected_and_what_is_not_there_is_said() {
    let path = std::env::temp_dir().join(format!("scratchdbg-relay-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    let mut client = Client::start();
    client.open(1, &format!("unix:{}", path.display()));
    assert_eq!(client.next(), Frame::new(Kind::Opened, 1));
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"text").unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
    assert_eq!(client.read_to_end(1), b"text");
    std::fs::remove_file(&path).unwrap();
    client.open(2, "unix:/none/of/this");
    let refused = client.next();
    assert_eq!((refused.kind, refused.channel), (Kind::Refused, 2));
    assert_eq!(refused.payload, b"no such file or directory");
    client.open(3, "tcp:nonsense");
    assert_eq!(client.next().kind, Kind::Refused);
    // A port that was just free.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    client.open(4, &format!("tcp:{free}"));
    let refused = client.next();
    assert_eq!((refused.kind, refused.payload), (Kind::Refused, b"connection refused".to_vec()));
    client.finish().unwrap();
}

#[test]
fn no_more_than_a_window_is_on_its_way() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap().port());
    let server = thread::spawn(move || {
        // One that talks without end, and one that says a word.
        let (mut busy, _) = listener.accept().unwrap();
        let talk = thread::spawn(move || while busy.write_all(&[b'x'; 4096]).is_ok() {});
        let (mut quiet, _) = listener.accept().unwrap();
        quiet.write_all(b"word").unwrap();
        drop(quiet);
        talk
    });
    let mut client = Client::start();
    client.open(1, &address);
    let mut came = 0;
    while came < WINDOW as usize {
        let frame = client.next();
        came += if frame.kind == Kind::Data { frame.payload.len() } else { 0 };
    }
    assert_eq!(came, WINDOW as usize);
    // The next frames are those of the other connection: the first one waits for credit.
    client.open(2, &address);
    assert_eq!(client.next(), Frame::new(Kind::Opened, 2));
    assert_eq!(client.read_to_end(2), b"word");
    client.send(&Frame::credit(1, 100));
    let frame = client.next();
    assert_eq!((frame.kind, frame.channel, frame.payload.len()), (Kind::Data, 1, 100));
    client.send(&Frame::new(Kind::Abort, 1));
    server.join().unwrap().join().unwrap();
    client.finish().unwrap();
}

#[test]
fn a_client_that_sends_more_than_it_may_loses_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap().port());
    let mut client = Client::start();
    client.open(1, &address);
    assert_eq!(client.next(), Frame::new(Kind::Opened, 1));
    let (_never_read, _) = listener.accept().unwrap();
    let piece = vec![b'x'; LONGEST];
    let frame = loop {
        client.send(&Frame::with(Kind::Data, 1, &piece));
        client.send(&Frame::with(Kind::Open, 2, b"?"));
        let mut frame = client.next();
        while frame.kind == Kind::Credit {
            frame = client.next();
        }
        if frame.kind == Kind::Abort {
            break frame;
        }
    };
    assert_eq!(frame.channel, 1);
    client.finish().unwrap();
}

#[test]
fn what_is_no_frame_ends_it() {
    let mut client = Client::start();
    client.input.write_all(&[200; 64]).unwrap();
    assert!(client.finish().is_err());
    let mut decoder = Decoder::default();
    decoder.add(&[4, 0xff, 0xff, 0, 0, 0, 1]);
    assert_eq!(decoder.next_frame(), Err(Invalid));
}

#[test]
fn frames_are_read_however_they_are_cut() {
    let frames = [
        Frame::new(Kind::Ready, 0),
        Frame::with(Kind::Data, 1, &vec![b'x'; LONGEST]),
        Frame::credit(u32::MAX, 77),
        Frame::with(Kind::Refused, 2, b"why"),
    ];
    let mut bytes = Vec::new();
    for frame in &frames {
        frame.write_to(&mut bytes);
    }
    for length in [1, 7, 1000, bytes.len()] {
        let (mut decoder, mut found) = (Decoder::default(), Vec::new());
        for piece in bytes.chunks(length) {
            decoder.add(piece);
            while let Some(frame) = decoder.next_frame().unwrap() {
                found.push(frame);
            }
        }
        assert_eq!(found, frames, "{length}");
    }
    assert_eq!(frames[2].given(), Some(77));
    assert_eq!(frames[3].given(), None);
}
