//! The keeper: a dead-man switch that lives as long as the client holds its standard input.

mod folder;
mod hold;
mod launcher;
mod order;
mod output;
mod session;

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _, stdin, stdout};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use self::hold::Hold;
use self::order::Order;
use self::session::Session;
use crate::system;

/// A client says once a second that it is there. One that has been silent for so long is gone, if the end of its input tells
/// nothing: because the keeper is to outlive it, or because another process holds the input open.
const SILENCE: Duration = Duration::from_secs(4);

/// The same where it cannot be told whether another process holds the input open, or before the first word.
const SILENCE_UNPROVED: Duration = Duration::from_secs(20);

/// The same where nobody holds it. A client that was stopped is silent too, and will be continued.
const SILENCE_OF_THE_STOPPED: Duration = Duration::from_mins(10);

/// How often silence, and launchers that were stopped, are looked for, in milliseconds.
const LOOK_EVERY: i32 = 500;

/// How often while a session ends, or has yet to be signalled, in milliseconds.
const RETRY_EVERY: i32 = 20;

/// How often all processes are searched for one that holds the input of a silent client.
const SEARCH_EVERY: Duration = Duration::from_secs(2);

/// `SESSION [SECONDS]`: prints `keeper PID NAME`, then follows the client's orders, one a line (see [`Order`]). Below NAME in
/// the folder of names is the way to the tools of this session (see [`folder`]).
///
/// Without a time it lives until the client says that it is done, or the end of its standard input, which means that the
/// client is gone in whatever way. Then it ends what is left of the session.
///
/// With a time it outlives its client, and waits so long for the next one; a session that is still on is not cut short.
///
/// The end of the input is held back by whoever else holds the other end of it, and so silence counts too.
pub(crate) fn keep(arguments: &[OsString]) -> Result<u8, String> {
    let (session, time) = match arguments {
        [session] => (session, None),
        [session, seconds] => {
            let seconds = seconds.to_str().and_then(|text| text.parse().ok());
            (session, Some(seconds.ok_or("keep: not a number of seconds")?))
        }
        _ => return Err("keep takes a session, and at most a number of seconds".to_owned()),
    };
    output::hide();
    let session = session.to_str().ok_or("keep: not a session")?;
    let failed = |error: std::io::Error| format!("keeper: {error}");
    // Not by way of the standard library's buffer: what is in there, poll(2) does not see.
    let input = stdin().as_fd().try_clone_to_owned().map_err(failed)?;
    let first = Session::open(session, None).map_err(|error| format!("keeper: cannot name the session: {error}"))?;
    // One that lingers answers its later clients.
    output::say(&format!("keeper {} {}", std::process::id(), first.name()), time.is_none()).map_err(failed)?;
    let keeper = Keeper {
        input: Some(input.into()),
        deadline: time.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        sessions: vec![first],
        pending: Vec::new(),
        searched: None,
    };
    Ok(keeper.run())
}

struct Keeper {
    /// The orders, until their end.
    input: Option<File>,
    /// How long it waits for the next session; nothing when it ends with the first.
    deadline: Option<Instant>,
    sessions: Vec<Session>,
    /// The beginning of an order.
    pending: Vec<u8>,
    /// When was last searched for who holds the input, and what was found.
    searched: Option<(Instant, Hold)>,
}

impl Keeper {
    fn run(mut self) -> u8 {
        loop {
            let hurry = self.sessions.iter().any(Session::is_in_a_hurry);
            let mut timeout = if hurry { RETRY_EVERY } else { LOOK_EVERY };
            // All that waits is read before anybody is taken for silent.
            while let Some(input) = &self.input {
                match system::wait_readable([Some(input.as_fd())], Some(timeout)) {
                    Ok([true]) => {}
                    Ok([false]) => break,
                    // Whoever may limit our open files has done so: it cannot be known any more whether the client is there.
                    Err(_) => {
                        self.hang_up();
                        break;
                    }
                }
                self.read_orders();
                timeout = 0;
            }
            if self.input.is_none() {
                std::thread::sleep(Duration::from_millis(timeout.unsigned_abs().into()));
            }
            self.end_silent_sessions();
            self.sessions.iter_mut().for_each(Session::look);
            self.sessions.retain(|session| !session.is_over());
            let is_time = self.input.is_none() || self.deadline.is_none_or(|deadline| Instant::now() >= deadline);
            if self.sessions.is_empty() && is_time {
                return 0;
            }
        }
    }

    /// Follows what came in. At the end of the input all sessions end.
    fn read_orders(&mut self) {
        let mut buffer = [0; 1024];
        let Some(Ok(count @ 1..)) = self.input.as_mut().map(|input| input.read(&mut buffer)) else {
            self.hang_up();
            return;
        };
        for &byte in &buffer[..count] {
            if byte != b'\n' {
                // No order is longer.
                if self.pending.len() < 256 {
                    self.pending.push(byte);
                }
                continue;
            }
            let line = std::mem::take(&mut self.pending);
            if let Some(order) = std::str::from_utf8(&line).ok().and_then(Order::parse) {
                self.follow(order);
            }
        }
    }

    /// No client is there any more.
    fn hang_up(&mut self) {
        self.input = None;
        self.sessions.iter_mut().for_each(Session::end);
    }

    fn follow(&mut self, order: Order<'_>) {
        if let Order::Open { session, name } = order {
            if self.deadline.is_some() && self.session(session).is_none() {
                self.open(session, name);
            }
            return;
        }
        let Some(session) = self.session(order.session()) else { return };
        match order {
            Order::Signal { number, .. } => session.signal(number),
            Order::Here { .. } => session.hear(),
            Order::Done { .. } => session.done(),
            Order::Open { .. } => {}
        }
    }

    /// Opens the way to the tools for one more session, and says so. One that cannot be opened is waited for in vain.
    fn open(&mut self, session: &str, name: &str) {
        let Ok(opened) = Session::open(session, Some(name)) else { return };
        self.sessions.push(opened);
        let mut out = stdout().lock();
        // Whoever filled the pipe does not hold us up.
        if system::is_writable(stdout().as_fd()).unwrap_or(false) {
            let _gone = writeln!(out, "opened {session}").and_then(|()| out.flush());
        }
    }

    fn session(&mut self, id: &str) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id() == id)
    }

    fn end_silent_sessions(&mut self) {
        if self.sessions.iter().all(|session| session.silence().is_none_or(|silence| silence <= SILENCE)) {
            return;
        }
        let limit = match (self.deadline, self.hold()) {
            // Its input has no end.
            (Some(_), _) | (None, Hold::Held) => SILENCE,
            (None, Hold::Unknown) => SILENCE_UNPROVED,
            (None, Hold::Free) => SILENCE_OF_THE_STOPPED,
        };
        for session in &mut self.sessions {
            let limit = if session.was_heard() { limit } else { limit.max(SILENCE_UNPROVED) };
            if session.silence().is_some_and(|silence| silence > limit) {
                session.end();
            }
        }
    }

    /// Who holds the input, as far as it has to be known. Once it was held by another, it is not believed any more.
    fn hold(&mut self) -> Hold {
        let (Some(input), None) = (&self.input, self.deadline) else { return Hold::Held };
        match self.searched {
            Some((_, Hold::Held)) => Hold::Held,
            Some((when, found)) if when.elapsed() < SEARCH_EVERY => found,
            _ => {
                let launchers: Vec<i32> = self.sessions.iter().filter_map(Session::process).collect();
                let found = hold::of(input.as_fd(), &launchers);
                self.searched = Some((Instant::now(), found));
                found
            }
        }
    }
}
