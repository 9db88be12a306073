//! The keeper: a dead man's switch that lives as long as the client holds its standard input open.

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

/// How long a client may be silent. A client sends a heartbeat once a second. This limit applies
/// when the end of the keeper's input tells nothing, because the keeper is to outlive the client or
/// because another process holds the input open.
const SILENCE: Duration = Duration::from_secs(4);

/// The limit if it is unknown whether another process holds the input open, or before the first
/// heartbeat.
const SILENCE_UNVERIFIED: Duration = Duration::from_secs(20);

/// The limit if no other process holds the input open: a client that was stopped is silent too, and
/// may be continued.
const SILENCE_WHEN_STOPPED: Duration = Duration::from_mins(10);

/// How often to check for silence and for stopped launchers, in milliseconds.
const POLL_INTERVAL: i32 = 500;

/// The interval while a session is ending or has signals to deliver, in milliseconds.
const ENDING_POLL_INTERVAL: i32 = 20;

/// How often to search all processes for one that holds the input of a silent client.
const SEARCH_INTERVAL: Duration = Duration::from_secs(2);

/// `SESSION [SECONDS]`: prints `keeper PID NAME`, then executes the client's orders, one per line
/// (see [`Order`]). The path to the tools of this session is below NAME in the folder of names (see
/// [`folder`]).
///
/// Without a time, the keeper lives until the client sends `done`, or until the end of its standard
/// input, which means that the client is gone. Then the keeper ends the session.
///
/// With a time, the keeper outlives its client and waits that long for the next one. It does not
/// interrupt a session that is still running.
///
/// Another process that holds the other end of the input prevents its end from arriving. So a
/// client that stays silent counts as gone too.
pub(crate) fn keep(arguments: &[OsString]) -> Result<u8, String> {
    let (session, time) = match arguments {
        [session] => (session, None),
        [session, seconds] => {
            let seconds = seconds.to_str().and_then(|text| text.parse().ok());
            (session, Some(seconds.ok_or("keep: not a number of seconds")?))
        }
        _ => return Err("keep takes a session, and at most a number of seconds".to_owned()),
    };
    output::make_inaccessible();
    let session = session.to_str().ok_or("keep: not a session")?;
    let failed = |error: std::io::Error| format!("keeper: {error}");
    // Not through the standard library's buffer: poll(2) does not see buffered data.
    let input = stdin().as_fd().try_clone_to_owned().map_err(failed)?;
    let first = Session::open(session, None).map_err(|error| format!("keeper: cannot name the session: {error}"))?;
    // A lingering keeper answers its later clients.
    output::print_line(&format!("keeper {} {}", std::process::id(), first.name()), time.is_none()).map_err(failed)?;
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
    /// The input with orders, until its end.
    input: Option<File>,
    /// Until when the keeper waits for the next session. `None` if it ends with the first.
    deadline: Option<Instant>,
    sessions: Vec<Session>,
    /// The start of an incomplete order.
    pending: Vec<u8>,
    /// The time and result of the last search for a process that holds the input.
    searched: Option<(Instant, Hold)>,
}

impl Keeper {
    fn run(mut self) -> u8 {
        loop {
            let is_urgent = self.sessions.iter().any(Session::polls_fast);
            let mut timeout = if is_urgent { ENDING_POLL_INTERVAL } else { POLL_INTERVAL };
            // Read all pending orders before a client counts as silent.
            while let Some(input) = &self.input {
                match system::wait_readable([Some(input.as_fd())], Some(timeout)) {
                    Ok([true]) => {}
                    Ok([false]) => break,
                    // Another process has limited our open files. The keeper can no longer tell
                    // whether the client is alive.
                    Err(_) => {
                        self.close_input();
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
            self.sessions.iter_mut().for_each(Session::check_launcher);
            self.sessions.retain(|session| !session.is_over());
            let is_time = self.input.is_none() || self.deadline.is_none_or(|deadline| Instant::now() >= deadline);
            if self.sessions.is_empty() && is_time {
                return 0;
            }
        }
    }

    /// Executes the orders that have arrived. At the end of the input, ends all sessions.
    fn read_orders(&mut self) {
        let mut buffer = [0; 1024];
        let Some(Ok(count @ 1..)) = self.input.as_mut().map(|input| input.read(&mut buffer)) else {
            self.close_input();
            return;
        };
        for &byte in &buffer[..count] {
            if byte != b'\n' {
                // Longer than any order.
                if self.pending.len() < 256 {
                    self.pending.push(byte);
                }
                continue;
            }
            let line = std::mem::take(&mut self.pending);
            if let Some(order) = std::str::from_utf8(&line).ok().and_then(Order::parse) {
                self.execute(order);
            }
        }
    }

    /// The client is gone: ends all sessions.
    fn close_input(&mut self) {
        self.input = None;
        self.sessions.iter_mut().for_each(Session::end);
    }

    fn execute(&mut self, order: Order<'_>) {
        if let Order::Open { session, name } = order {
            if self.deadline.is_some() && self.session(session).is_none() {
                self.open(session, name);
            }
            return;
        }
        let Some(session) = self.session(order.session()) else { return };
        match order {
            Order::Signal { number, .. } => session.signal(number),
            Order::Here { .. } => session.heartbeat(),
            Order::Done { .. } => session.done(),
            Order::Open { .. } => {}
        }
    }

    /// Creates the path to the tools for another session, and reports it. On failure, the client
    /// gets no answer.
    fn open(&mut self, session: &str, name: &str) {
        let Ok(opened) = Session::open(session, Some(name)) else { return };
        self.sessions.push(opened);
        let mut out = stdout().lock();
        // Do not block if another process has filled the pipe.
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
            (None, Hold::Unknown) => SILENCE_UNVERIFIED,
            (None, Hold::Free) => SILENCE_WHEN_STOPPED,
        };
        for session in &mut self.sessions {
            let limit = if session.has_heartbeat() { limit } else { limit.max(SILENCE_UNVERIFIED) };
            if session.silence().is_some_and(|silence| silence > limit) {
                session.end();
            }
        }
    }

    /// Determines whether another process holds the input, if that matters. Once another process
    /// held the input, this stays so.
    fn hold(&mut self) -> Hold {
        let (Some(input), None) = (&self.input, self.deadline) else { return Hold::Held };
        match self.searched {
            Some((_, Hold::Held)) => Hold::Held,
            Some((when, found)) if when.elapsed() < SEARCH_INTERVAL => found,
            _ => {
                let launchers: Vec<i32> = self.sessions.iter().filter_map(Session::process).collect();
                let found = hold::of(input.as_fd(), &launchers);
                self.searched = Some((Instant::now(), found));
                found
            }
        }
    }
}
