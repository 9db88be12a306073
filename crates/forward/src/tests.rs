//! The client's side against the target's side, without a session in between.

use std::sync::Mutex;

use scratchdbg_relay::{Decoder, Frame, Kind, MOST_CHANNELS};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};

use crate::{Forward, Listeners, News, link};

/// What a target's side that a test plays has received and sends.
struct Target {
    input: DuplexStream,
    output: DuplexStream,
    decoder: Decoder,
}

impl Target {
    async fn send(&mut self, frame: Frame) {
        let mut bytes = Vec::new();
        frame.write_to(&mut bytes);
        self.output.write_all(&bytes).await.unwrap();
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(frame);
            }
            let mut buffer = vec![0; 4096];
            let count = self.input.read(&mut buffer).await.unwrap();
            if count == 0 {
                return None;
            }
            self.decoder.add(&buffer[..count]);
        }
    }
}

/// Forwards a free port to a target that `play` plays. Returns how that ended, and what was told.
async fn play<F: Future<Output = ()>>(
    play: impl FnOnce(Target, std::net::SocketAddr) -> F,
) -> (Result<(), String>, Vec<String>) {
    let listeners = Listeners::bind(&["0:80".parse::<Forward>().unwrap()]).await.unwrap();
    let address = listeners.0[0].0.local_addr().unwrap();
    let (ours_out, input) = duplex(4096);
    let (output, ours_in) = duplex(4096);
    let told = Mutex::new(Vec::new());
    let tell = |news: News<'_>| {
        told.lock().unwrap().push(match news {
            News::Listening(_, remote) => format!("listening {remote}"),
            News::Refused(remote, why) => format!("refused {remote}: {why}"),
            News::Full(count) => format!("full {count}"),
            News::Notice(_) => "notice".to_owned(),
        });
    };
    let target = Target { input, output, decoder: Decoder::default() };
    let (outcome, ()) =
        tokio::join!(link::serve(ours_in, ours_out, listeners, &tell), play(target, address),);
    (outcome.map_err(|error| error.message), told.into_inner().unwrap())
}

#[tokio::test]
async fn halves_end_one_by_one() {
    let (outcome, told) = play(async |mut target, address| {
        target.send(Frame::new(Kind::Ready, 0)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(target.next().await, Some(Frame::with(Kind::Open, 1, b"tcp:80")));
        target.send(Frame::new(Kind::Opened, 1)).await;
        stream.write_all(b"ask").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(target.next().await, Some(Frame::with(Kind::Data, 1, b"ask")));
        assert_eq!(target.next().await, Some(Frame::new(Kind::End, 1)));
        target.send(Frame::with(Kind::Data, 1, b"answer")).await;
        target.send(Frame::new(Kind::End, 1)).await;
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "answer");
    })
    .await;
    assert_eq!((outcome, told), (Ok(()), vec!["listening port 80".to_owned()]));
}

#[tokio::test]
async fn a_refusal_is_told_and_the_connection_ends() {
    let (outcome, told) = play(async |mut target, address| {
        target.send(Frame::new(Kind::Ready, 0)).await;
        for channel in 1..=3 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            assert_eq!(target.next().await.map(|frame| frame.channel), Some(channel));
            target.send(Frame::with(Kind::Refused, channel, b"connection refused")).await;
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
        }
    })
    .await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(told.len(), 4);
    assert_eq!(told[1], "refused port 80: connection refused");
}

/// A target that lies: it sends more than it may, speaks of connections that are none, or sends
/// what is no frame.
#[tokio::test]
async fn a_target_that_lies_is_given_up() {
    let (outcome, _) = play(async |mut target, address| {
        target.send(Frame::new(Kind::Ready, 0)).await;
        let _stream = TcpStream::connect(address).await.unwrap();
        let _open = target.next().await;
        target.send(Frame::new(Kind::Opened, 1)).await;
        target.send(Frame::with(Kind::Data, 99, b"nobody's")).await;
        let data = Frame::with(Kind::Data, 1, &vec![b'x'; 16 << 10]);
        let mut bytes = Vec::new();
        data.write_to(&mut bytes);
        // Nobody reads the stream: sooner or later no credit is left.
        while target.output.write_all(&bytes).await.is_ok() {}
    })
    .await;
    assert!(outcome.unwrap_err().contains("not what the launcher sends"));
    for lie in [&b"\xff\0\0\0\0\0\0"[..], b"\x01\0\0\0\0\0\x01", b"\x04\xff\xff\0\0\0\x01"] {
        let (outcome, _) = play(async |mut target, _| {
            target.output.write_all(lie).await.unwrap();
            assert_eq!(target.next().await, None);
        })
        .await;
        assert!(outcome.is_err(), "{lie:?}");
    }
}

#[tokio::test]
async fn a_target_that_ends_ends_all() {
    let (outcome, told) = play(async |mut target, address| {
        target.send(Frame::new(Kind::Ready, 0)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _open = target.next().await;
        target.send(Frame::new(Kind::Opened, 1)).await;
        drop(target);
        // Nobody takes what came for the whole.
        assert!(stream.read(&mut [0]).await.is_err());
    })
    .await;
    assert_eq!((outcome, told.len()), (Ok(()), 1));
    // One that is never ready.
    let (outcome, told) = play(async |target, _| drop(target)).await;
    assert_eq!((outcome, told.len()), (Ok(()), 0));
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_end() {
    let (outcome, _) = play(async |mut target, address| {
        target.send(Frame::new(Kind::Ready, 0)).await;
        // There.
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _open = target.next().await;
        target.send(Frame::new(Kind::Opened, 1)).await;
        target.send(Frame::with(Kind::Data, 1, b"half")).await;
        stream.read_exact(&mut [0; 4]).await.unwrap();
        target.send(Frame::new(Kind::Abort, 1)).await;
        assert!(stream.read(&mut [0]).await.is_err());
        // Here. What was given for the bytes comes before.
        let stream = TcpStream::connect(address).await.unwrap();
        while target.next().await != Some(Frame::with(Kind::Open, 2, b"tcp:80")) {}
        target.send(Frame::new(Kind::Opened, 2)).await;
        stream.set_zero_linger().unwrap();
        drop(stream);
        assert_eq!(target.next().await, Some(Frame::new(Kind::Abort, 2)));
        // Here, after its own end.
        let mut stream = TcpStream::connect(address).await.unwrap();
        while target.next().await != Some(Frame::with(Kind::Open, 3, b"tcp:80")) {}
        target.send(Frame::new(Kind::Opened, 3)).await;
        stream.shutdown().await.unwrap();
        assert_eq!(target.next().await, Some(Frame::new(Kind::End, 3)));
        stream.set_zero_linger().unwrap();
        drop(stream);
        assert_eq!(target.next().await, Some(Frame::new(Kind::Abort, 3)));
    })
    .await;
    assert_eq!(outcome, Ok(()));
}

#[tokio::test]
async fn too_many_connections_are_said_once_and_wait() {
    let (outcome, told) = play(async |mut target, address| {
        target.send(Frame::new(Kind::Ready, 0)).await;
        let most = u32::try_from(MOST_CHANNELS).unwrap();
        let mut streams = Vec::new();
        for _ in 0..MOST_CHANNELS + 2 {
            streams.push(TcpStream::connect(address).await.unwrap());
        }
        for channel in 1..=most {
            assert_eq!(target.next().await.map(|frame| frame.channel), Some(channel));
        }
        target.send(Frame::with(Kind::Refused, 1, b"no")).await;
        let next = target.next().await;
        assert_eq!(next, Some(Frame::with(Kind::Open, most + 1, b"tcp:80")));
    })
    .await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(told.iter().filter(|told| *told == "full 128").count(), 1, "{told:?}");
}

#[tokio::test]
async fn a_port_in_use_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let forward: Forward = format!("{port}:80").parse().unwrap();
    let error = Listeners::bind(&[forward]).await.unwrap_err();
    assert!(error.message.contains("address already in use"), "{error}");
}
