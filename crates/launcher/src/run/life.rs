//! What a session lives by, and what happens in its life.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::keeper::Keeper;
use crate::system::{self, END_SESSION, SIGHUP, SIGKILL, Signal, Signals};

/// How often to poll a keeper without a process descriptor, in milliseconds.
const POLL_INTERVAL: i32 = 200;

/// How often to check whether a keeper with a process descriptor is stopped, in milliseconds.
const WATCHED_POLL_INTERVAL: i32 = 1000;

/// The session ends when the keeper or the front is gone.
pub(super) struct Life {
    pub(super) keeper: Keeper,
    /// The other end is the front's (see [`crate::front`]), if there is one.
    pub(super) front: Option<UnixStream>,
    pub(super) signals: Signals,
}

/// An event in the life of a session.
#[derive(Debug)]
pub(super) enum Event {
    /// The session is over; the code is that of the processes it kills.
    Over(u8),
    /// Any other signal.
    Signal(Signal),
    /// The stream is writable, or fails.
    Writable,
    /// The timeout for checking the keeper expired.
    None,
}

impl Life {
    /// Waits for the next event.
    pub(super) fn next_event(&mut self, stream: Option<BorrowedFd<'_>>) -> io::Result<Event> {
        let keeper = self.keeper.descriptor();
        let timeout = if keeper.is_some() { WATCHED_POLL_INTERVAL } else { POLL_INTERVAL };
        // A front writes nothing: its end is readable at its end.
        let front = self.front.as_ref().map(|front| front.as_fd());
        let ready = [Some(self.signals.descriptor()), keeper, front, stream];
        let [is_signaled, keeper_ended, front_ended, is_writable] =
            system::wait_readable_or_last_writable(ready, Some(timeout))?;
        if keeper_ended || front_ended || self.keeper.is_lost() {
            return Ok(Event::Over(system::killed_by(SIGKILL)));
        }
        if !is_signaled {
            return Ok(if is_writable { Event::Writable } else { Event::None });
        }
        let signal = self.signals.next()?;
        Ok(match signal.number {
            // The keeper reports that the client ended the session, or is gone.
            END_SESSION if signal.from_process => Event::Over(system::killed_by(SIGKILL)),
            // The terminal hung up, so the client is gone.
            SIGHUP if !signal.from_process => Event::Over(system::killed_by(SIGHUP)),
            _ => Event::Signal(signal),
        })
    }
}
