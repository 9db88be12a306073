//! Forwards ports of this machine to sockets in a target.
//!
//! The session's command is the launcher as [`serve`](scratchdbg_relay::serve): it makes the
//! connections in the target, and all of them go over the session's own streams.
//!
//! * [`Forward`] is what the command line asks for.
//! * [`Listeners`] are bound before the session begins, so that a port in use is told at once.
//! * [`run`] runs the session.

mod connection;
mod link;
mod listen;
mod spec;
#[cfg(test)]
mod tests;

pub use self::listen::Listeners;
pub use self::spec::{Forward, Invalid, Remote};

use scratchdbg_backend::launcher::LAUNCHER_NAME;
use scratchdbg_backend::{Error, Interrupts, SessionBackend, SessionTarget, ToolSource};
use scratchdbg_session::{Notice, Piped, PipedOptions, PipedStreams};

/// How many bytes of the session's streams are in memory.
const PIPE: usize = 64 << 10;

/// What a user is told while connections are forwarded.
#[derive(Debug)]
pub enum News<'a> {
    /// Connections to this address are forwarded from now on.
    Listening(&'a str, &'a Remote),
    /// A connection cannot be made, for this reason. The text comes from the target.
    Refused(&'a Remote, &'a str),
    /// So many connections are open that further ones wait.
    Full(usize),
    /// The session has something to say.
    Notice(Notice<'a>),
}

/// Forwards until a signal comes or the target ends. Returns the exit code.
///
/// # Errors
///
/// Fails if no session is possible, and if the session fails.
pub async fn run<B: SessionBackend>(
    backend: &B,
    target: SessionTarget,
    tools: &impl ToolSource,
    listeners: Listeners,
    options: PipedOptions,
    tell: &(dyn Fn(News<'_>) + Sync),
    interrupts: &mut Interrupts,
) -> Result<u8, Error> {
    let inspected = Box::pin(backend.inspect(&target, false));
    let inspected = match interrupts.race(backend.scope(), inspected).await {
        Ok(inspected) => inspected?,
        Err(code) => return Ok(code),
    };
    let request = options.request(target, vec![LAUNCHER_NAME.to_owned(), "relay".to_owned()]);
    let (ours_out, theirs_in) = tokio::io::duplex(PIPE);
    let (theirs_out, ours_in) = tokio::io::duplex(PIPE);
    let notice = |notice: Notice<'_>| tell(News::Notice(notice));
    let streams = PipedStreams { input: Some(theirs_in), output: Box::new(theirs_out) };
    let mut user = Piped::new(move |_| Ok(streams), &notice);
    let said = user.said();
    let session = async {
        let ended = scratchdbg_session::run(
            backend,
            request,
            Some(inspected),
            tools,
            &mut user,
            interrupts,
        )
        .await;
        // The other side sees the end.
        drop(user);
        ended
    };
    let link = link::serve(ours_in, ours_out, listeners, tell);
    let (ended, linked) = tokio::join!(Box::pin(session), Box::pin(link));
    match (ended?, linked) {
        // This side has found a mistake, and closed the streams.
        (_, Err(error)) => Err(error),
        (code @ (1 | 2 | 125..=127), Ok(())) => {
            let why = said.lines().pop().unwrap_or_else(|| format!("it ended with {code}"));
            let why = why.strip_prefix("scratchdbg: ").unwrap_or(&why).to_owned();
            Err(Error::new(scratchdbg_backend::ErrorKind::Refused, format!("in the target: {why}")))
        }
        (code, Ok(())) => Ok(code),
    }
}
