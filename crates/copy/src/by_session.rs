//! Copies through a session inside a running target.
//!
//! The session's command is the launcher in another role: it writes a tar stream to its output, or
//! reads one from its input. So a copy has what the target's processes see, mounts in memory
//! included, and the rights of the session's user.

use scratchdbg_archive::Root;
use scratchdbg_backend::launcher::LAUNCHER_NAME;
use scratchdbg_backend::{
    Error, ErrorKind, Interrupts, Plan, SessionBackend, SessionTarget, ToolSource,
};
use scratchdbg_session::{Notice, Piped, PipedOptions, PipedStreams, SessionEnd};
use tokio::io::AsyncWrite;
use tokio::net::UnixStream;

use crate::hint::hinted;
use crate::worker::{self, Worker, is_contents, own_failure};
use crate::{Copy, Direction, Outcome, Place, Streams};

/// The exit codes of the program in the target: something is missing, and nothing was copied or
/// only a part.
const INCOMPLETE: u8 = 1;
const FAILED: u8 = 2;

/// The exit code of the launcher that could not do its work.
const OWN_FAILURE: u8 = 125;

/// The exit codes of a session whose stream was closed by this side, and of a killed one.
const CLOSED: u8 = SessionEnd::OUTPUT_CLOSED;

/// Copies through a session in a running target. Returns `Err` in the inner result if no session is
/// possible there: the user may choose another way.
///
/// # Errors
///
/// Fails if the copy fails.
#[expect(clippy::too_many_arguments, reason = "all that a session takes, and the copy")]
pub async fn by_session<B: SessionBackend>(
    backend: &B,
    target: SessionTarget,
    tools: &impl ToolSource,
    copy: &Copy,
    options: PipedOptions,
    streams: Streams,
    tell: &(dyn Fn(Notice<'_>) + Sync),
    interrupts: &mut Interrupts,
) -> Result<Result<Outcome, Error>, Error> {
    let inspected = Box::pin(backend.inspect(&target, false));
    let inspected = match interrupts.race(backend.scope(), inspected).await {
        Ok(inspected) => inspected?,
        Err(code) => return Ok(Ok(Outcome { code, ..Outcome::default() })),
    };
    let is_root = options.user.as_deref() == Some("0");
    let request = options.request(target, command(copy));
    let (mut unused, mut worker, mut may_be_root) = (Some(streams), None, false);
    let start = |plan: &Plan| {
        may_be_root = plan.platform == "engine";
        let streams = unused.take().ok_or_else(|| {
            Error::new(ErrorKind::Broken, "the session began twice, and the source was read")
        })?;
        let (started, socket) = start(copy, streams)?;
        worker = Some(started);
        let (input, output): (_, Box<dyn AsyncWrite + Unpin>) = match &copy.direction {
            Direction::Out(..) => (None, Box::new(socket)),
            Direction::In(..) => (Some(socket), Box::new(tokio::io::sink())),
        };
        Ok(PipedStreams { input, output })
    };
    let mut user = Piped::new(start, tell);
    let said = user.said();
    let session =
        scratchdbg_session::run(backend, request, Some(inspected), tools, &mut user, interrupts);
    let ended = Box::pin(session).await;
    drop(user);
    let is_unused = unused.is_some();
    let code = match (ended, is_unused) {
        (Ok(code), _) => code,
        (Err(error), true) if is_of_the_target(&error) => return Ok(Err(error)),
        (Err(error), _) => {
            // The reason may be here.
            let own = match worker {
                Some(worker) => worker.finish().await.as_ref().and_then(own_failure),
                None => None,
            };
            let why = said.lines().pop();
            let why = why.as_deref().and_then(|line| line.strip_prefix("scratchdbg: "));
            let theirs =
                why.map(|why| Error { message: format!("in the target: {why}"), ..error.clone() });
            return Err(own.or(theirs).unwrap_or(error));
        }
    };
    // The program in the target says that it was interrupted.
    if let (FAILED, Some(signal)) = (code, interrupts.first()) {
        return Ok(Ok(Outcome { code: signal, ..Outcome::default() }));
    }
    let done = match worker {
        Some(worker) => worker.finish().await,
        None => None,
    };
    if worker::has_lost_its_reader(&copy.direction, done.as_ref()) {
        return Ok(Ok(Outcome { code: CLOSED, ..Outcome::default() }));
    }
    let may_be_root = may_be_root && !is_root;
    outcome(code, done, said.lines(), may_be_root).map(Ok)
}

/// Whether an error tells that no session is possible in this target, as it is.
fn is_of_the_target(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Unsupported | ErrorKind::Refused) || error.is_exec_refusal()
}

/// Returns the command of the session.
fn command(copy: &Copy) -> Vec<String> {
    let mut command = vec![LAUNCHER_NAME.to_owned()];
    let mut add = |word: &str| command.push(word.to_owned());
    match &copy.direction {
        Direction::Out(path, _) => {
            add("pack");
            if copy.follow {
                add("--follow");
            }
            if path.is_contents {
                add("--contents");
            }
            add(&path.path);
        }
        Direction::In(place, path) => {
            add("unpack");
            if *place == Place::Stream {
                add("--any");
            }
            if copy.keeps_owner {
                add("--owner");
            }
            add(&path.path);
        }
    }
    command
}

/// Concludes from both sides how a copy ended.
fn outcome(
    code: u8,
    done: Option<worker::Done>,
    mut said: Vec<String>,
    may_be_root: bool,
) -> Result<Outcome, Error> {
    let ours = done.as_ref().and_then(own_failure);
    match code {
        0 | INCOMPLETE => {}
        // The target's program tells why, unless this side is the reason.
        FAILED | CLOSED => {
            return Err(ours.unwrap_or_else(|| {
                let why = said.pop().unwrap_or_else(|| "it does not say why".to_owned());
                let error = Error::new(ErrorKind::Refused, format!("in the target: {why}"));
                hinted(error, may_be_root)
            }));
        }
        OWN_FAILURE | 126 | 127 => {
            let why = said.pop().unwrap_or_else(|| format!("it ended with {code}"));
            let why = why.strip_prefix("scratchdbg: ").unwrap_or(&why).to_owned();
            return Err(Error::new(ErrorKind::Refused, format!("in the target: {why}")));
        }
        code => return Ok(Outcome { code, count: None, warnings: said }),
    }
    if let Some(ours) = ours {
        return Err(ours);
    }
    let Some((copied, report)) = done else {
        return Err(Error::new(ErrorKind::Local, "the files on this machine take too long"));
    };
    let count = copied.map_err(|error| crate::failed(&error))?;
    let code = if report.has_missed() { INCOMPLETE } else { code };
    let mut warnings = report.lines();
    warnings.append(&mut said);
    Ok(Outcome { code, count: Some(count), warnings })
}

/// Starts the worker with the files.
fn start(copy: &Copy, streams: Streams) -> Result<(Worker, UnixStream), Error> {
    let Streams { input, mut output } = streams;
    let (follow, keeps_owner) = (copy.follow, copy.keeps_owner);
    match &copy.direction {
        Direction::Out(path, place) => {
            let how = path.unpacking(keeps_owner);
            let to = match place {
                Place::Path(path) => Some(path.clone()),
                Place::Stream => None,
            };
            Worker::start(move |socket, report| {
                worker::receive(socket, to.as_deref(), &mut *output, how, report)
            })
        }
        Direction::In(place, _) => {
            let from = match place {
                Place::Path(path) => {
                    let root = if is_contents(path) { Root::Empty } else { Root::Own };
                    worker::From::files(path, root, follow, None)
                }
                Place::Stream => worker::From::Stream(input, None),
            };
            Worker::start(move |mut socket, report| from.send(&mut socket, report))
        }
    }
}
