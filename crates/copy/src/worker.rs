//! The local side of a copy: files are read and written on a thread of their own, at the other end
//! of a socket.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchdbg_archive::{
    Count, Entry, Error, Outgoing, Packing, Place as To, Report, Root, Unpacking,
    kernel_filesystems, pack, pass_on, unpack,
};
use scratchdbg_backend as backend;
use tokio::sync::oneshot;

use crate::{Direction, Place, failed};

/// The size of pieces of the stream.
const PIECE: usize = 64 << 10;

/// How long files may take after the stream has ended. A file system may hang.
const AFTER_END: Duration = Duration::from_secs(10);

/// What a worker did.
pub(crate) type Done = (Result<Count, Error>, Report);

/// A thread that reads or writes files.
pub(crate) struct Worker(oneshot::Receiver<Done>);

impl Worker {
    /// Starts work on one end of a socket, and returns the other end.
    pub(crate) fn start(
        work: impl FnOnce(UnixStream, &mut Report) -> Result<Count, Error> + Send + 'static,
    ) -> Result<(Self, tokio::net::UnixStream), backend::Error> {
        let broken = |error: io::Error| {
            backend::Error::new(backend::ErrorKind::Local, format!("cannot make a socket: {error}"))
        };
        let (near, far) = UnixStream::pair().map_err(broken)?;
        near.set_nonblocking(true).map_err(broken)?;
        let near = tokio::net::UnixStream::from_std(near).map_err(broken)?;
        let (sender, receiver) = oneshot::channel();
        // Not a thread of the runtime: one that waits for standard input is left behind.
        std::thread::spawn(move || {
            let mut report = Report::default();
            let outcome = work(far, &mut report);
            let _nobody = sender.send((outcome, report));
        });
        Ok((Self(receiver), near))
    }

    /// Waits for the end, once the stream has ended. `None` if that takes too long.
    pub(crate) async fn finish(self) -> Option<Done> {
        tokio::time::timeout(AFTER_END, self.0).await.ok()?.ok()
    }
}

/// Reads a stream from the target, and writes files or another stream.
pub(crate) fn receive(
    socket: impl Read,
    to: Option<&Path>,
    output: &mut dyn Write,
    how: Unpacking,
    report: &mut Report,
) -> Result<Count, Error> {
    let mut socket = BufReader::with_capacity(PIECE, socket);
    let count = match to {
        Some(path) => To::find(path)
            .and_then(|place| unpack(&mut socket, place, how, &mut |note| report.add(&note)))?,
        None => {
            let mut output = BufWriter::with_capacity(PIECE, output);
            let name = how.name.as_deref().filter(|_| !how.is_contents);
            let mut outgoing = Outgoing::new(name, how.keeps_owner);
            pass_on(&mut socket, &mut output, &mut |entry| outgoing.change(entry))?
        }
    };
    // What comes after the end is the end of a block. Without a reader, its writer would fail.
    io::copy(&mut socket, &mut io::sink()).map_err(Error::Read)?;
    Ok(count)
}

/// The owner of what a platform writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// As in the stream, with the set-user-id bits.
    Kept,
    Root,
}

/// What a stream into a target is made of.
pub(crate) enum From {
    Files(PathBuf, Packing),
    /// A stream. Without an owner, it is for the launcher, which checks it.
    Stream(Box<dyn Read + Send>, Option<Owner>),
}

impl From {
    /// Takes a file or folder of this machine.
    pub(crate) fn files(path: &Path, root: Root, follow: bool, owner: Option<Owner>) -> Self {
        let is_roots = owner == Some(Owner::Root);
        let how = Packing {
            follow,
            root,
            owner: is_roots.then_some((0, 0)),
            drops_set_ids: is_roots,
            without: kernel_filesystems(),
        };
        Self::Files(path.to_owned(), how)
    }

    /// Writes the stream.
    pub(crate) fn send(self, out: &mut dyn Write, report: &mut Report) -> Result<Count, Error> {
        let mut out = BufWriter::with_capacity(PIECE, out);
        match self {
            Self::Files(path, how) => pack(&path, &how, &mut out, &mut |note| report.add(&note)),
            Self::Stream(input, owner) => {
                let input = BufReader::with_capacity(PIECE, input);
                let Some(owner) = owner else {
                    return pass_on(input, &mut out, &mut |_| Ok(()));
                };
                // Platforms follow the links that a stream makes.
                let mut outgoing = Outgoing::any(owner == Owner::Kept);
                pass_on(input, &mut out, &mut |entry: &mut Entry| {
                    if owner == Owner::Root {
                        (entry.uid, entry.gid) = (0, 0);
                    }
                    outgoing.change(entry)
                })
            }
        }
    }
}

/// Whether only the contents of a folder of this machine are meant: its path ends with `.`.
pub(crate) fn is_contents(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    text == b"." || text.ends_with(b"/.") || text.iter().all(|&byte| byte == b'/')
}

/// Whether whoever reads standard output takes no more of a stream from a target.
pub(crate) fn has_lost_its_reader(direction: &Direction, done: Option<&Done>) -> bool {
    let is_stream = matches!(direction, Direction::Out(_, Place::Stream));
    let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    is_stream && matches!(done, Some((Err(Error::Write(error)), _)) if broken(error))
}

/// Returns the error of a worker, unless the other side only ended before it.
pub(crate) fn own_failure(done: &Done) -> Option<backend::Error> {
    match &done.0 {
        Ok(_) | Err(Error::Cut | Error::Read(_)) => None,
        Err(Error::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => None,
        Err(error) => Some(failed(error)),
    }
}
