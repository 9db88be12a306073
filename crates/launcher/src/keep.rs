//! The keeper: a dead-man switch that lives as long as the client holds its standard input.

mod order;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _, stdin, stdout};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use self::order::Order;
use crate::{processes, system};

/// A client says once a second that it is there. One that has been silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(4);

/// How often silence is looked for, in milliseconds.
const LOOK_EVERY: i32 = 500;

/// How often a launcher is looked for that was to be signalled before it was there, in milliseconds.
const RETRY_EVERY: i32 = 20;

/// `[SECONDS]`: prints `keeper PID`, then follows the client's orders, one a line (see [`Order`]).
///
/// Without a time it lives until the end of its standard input, which means that the client is done, or gone in whatever
/// way. The launchers watch this process and end their sessions with it, so nothing is left to do then.
///
/// With a time it outlives its client, and waits so long for the next one; a session that is still on is not cut short.
/// Then the clients say that they are there, and a session whose client fell silent is ended.
pub(crate) fn keep(arguments: &[OsString]) -> Result<u8, String> {
    let time = match arguments {
        [] => None,
        [seconds] => Some(seconds.to_str().and_then(|text| text.parse().ok()).ok_or("keep: not a number of seconds")?),
        _ => return Err("keep takes at most a number of seconds".to_owned()),
    };
    let deadline = time.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let own = std::process::id();
    let mut out = stdout().lock();
    writeln!(out, "keeper {own}").and_then(|()| out.flush()).map_err(|error| format!("keeper: {error}"))?;
    // Not by way of the standard library's buffer: what is in there, poll(2) does not see.
    let input = stdin().as_fd().try_clone_to_owned().map_err(|error| format!("keeper: {error}"))?;
    let mut keeper = Keeper { own, input: input.into(), heard: HashMap::new(), pending: Vec::new(), early: Vec::new() };
    loop {
        let timeout = if keeper.early.is_empty() { deadline.map(|_| LOOK_EVERY) } else { Some(RETRY_EVERY) };
        let [readable] =
            system::wait_readable([Some(keeper.input.as_fd())], timeout).map_err(|error| format!("keeper: {error}"))?;
        if readable && !keeper.read_orders() {
            return Ok(0);
        }
        keeper.signal_late_comers();
        if let Some(deadline) = deadline {
            keeper.end_silent_sessions();
            if Instant::now() >= deadline && keeper.heard.is_empty() {
                return Ok(0);
            }
        }
    }
}

struct Keeper {
    own: u32,
    input: File,
    /// When the client of each session was last heard of.
    heard: HashMap<String, Instant>,
    /// The beginning of an order.
    pending: Vec<u8>,
    /// Signals for launchers that the engine has yet to start.
    early: Vec<(String, i32)>,
}

impl Keeper {
    /// Follows what came in; false at the end of the input.
    fn read_orders(&mut self) -> bool {
        let mut buffer = [0; 1024];
        let count = match self.input.read(&mut buffer) {
            Ok(0) | Err(_) => return false,
            Ok(count) => count,
        };
        for &byte in &buffer[..count] {
            if byte != b'\n' {
                self.pending.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.pending);
            if let Some(order) = std::str::from_utf8(&line).ok().and_then(Order::parse) {
                self.follow(order);
            }
        }
        true
    }

    fn follow(&mut self, order: Order<'_>) {
        match order {
            Order::Signal { session, number } => {
                if !self.signal(session, number) {
                    self.early.push((session.to_owned(), number));
                }
            }
            Order::Here { session } => {
                self.heard.insert(session.to_owned(), Instant::now());
            }
            Order::Done { session } => {
                self.heard.remove(session);
                self.early.retain(|(early, _)| early != session);
                self.signal(session, system::END_SESSION);
            }
        }
    }

    fn end_silent_sessions(&mut self) {
        let silent: Vec<String> = self
            .heard
            .iter()
            .filter(|(_, heard)| heard.elapsed() > SILENCE)
            .map(|(session, _)| session.clone())
            .collect();
        for session in silent {
            self.follow(Order::Done { session: &session });
        }
    }

    /// Sends what came before its launcher did.
    fn signal_late_comers(&mut self) {
        let early = std::mem::take(&mut self.early);
        self.early = early.into_iter().filter(|(session, number)| !self.signal(session, *number)).collect();
    }

    /// Signals the launcher of a session; false where there is none, or none yet. The engine has no call of its own to
    /// signal what an exec started.
    fn signal(&self, session: &str, number: i32) -> bool {
        let launcher = format!("/proc/{}/root/bin/scratchdbg-launcher", self.own);
        let launchers = processes::with_arguments(&[&launcher, "run", &self.own.to_string(), session]);
        for &pid in &launchers {
            // The session may have ended in between: there is nobody left to signal then.
            let _gone = system::send(pid, number);
        }
        !launchers.is_empty()
    }
}
