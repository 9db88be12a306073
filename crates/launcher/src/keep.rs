//! The keeper: a dead man's switch that lives as long as the client holds its standard input open.

mod folder;
mod hold;
mod launcher;
mod order;
mod output;
mod session;

pub(crate) use self::folder::FOLDER;

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _, stdin, stdout};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use self::hold::Hold;
use self::order::Order;
use self::session::Session;
use crate::{processes, system};

/// How long a client may be silent. A client sends a heartbeat once a second. This limit applies
/// when the end of the keeper's input tells nothing, because the keeper is to outlive the client or
/// because another process holds the input open.
const SILENCE: Duration = Duration::from_secs(4);

/// The limit if it is unknown whether another process holds the input open, or before the first
/// heartbeat.
const SILENCE_UNVERIFIED: Duration = Duration::from_secs(20);

/// How long a keeper that speaks only when asked waits for its first client. It may have started
/// long after its client gave up, and nobody can remove it.
const FIRST_CLIENT: Duration = Duration::from_mins(1);

/// The limit if no other process holds the input open: a client that was stopped is silent too, and
/// may be continued.
const SILENCE_WHEN_STOPPED: Duration = Duration::from_mins(10);

/// How often to check for silence and for stopped launchers, in milliseconds.
const POLL_INTERVAL: i32 = 500;

/// The interval while a session is ending or has signals to deliver, in milliseconds.
const ENDING_POLL_INTERVAL: i32 = 20;

/// How often to search all processes for one that holds the input of a silent client.
const SEARCH_INTERVAL: Duration = Duration::from_secs(2);

/// `[--asked] SESSION [SECONDS]`: prints `keeper PID NAME`, then executes the client's orders, one
/// per line (see [`Order`]). The path to the tools of this session is below NAME in the folder of
/// names (see [`folder`]).
///
/// Without a time, the keeper lives until the client sends `done`, or until the end of its standard
/// input, which means that the client is gone. Then the keeper ends the session.
///
/// With a time, the keeper outlives its client and waits that long for the next one. It does not
/// interrupt a session that is still running.
///
/// Another process that holds the other end of the input prevents its end from arriving. So a
/// client that stays silent counts as gone too.
///
/// With `--asked`, the keeper prints nothing by itself: on some platforms a client can connect only
/// to a container that is running, and misses what was printed before. Its first session too begins
/// with an order, which the keeper answers with its process id.
pub(crate) fn keep(arguments: &[OsString]) -> Result<u8, String> {
    let (is_asked, arguments) = match arguments {
        [flag, arguments @ ..] if flag == "--asked" => (true, arguments),
        arguments => (false, arguments),
    };
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
    let mut sessions = Vec::new();
    if !is_asked && time.is_none() {
        let entry = output::print_hidden_name();
        let entry = entry.map_err(|error| format!("keeper: cannot name the session: {error}"))?;
        sessions.push(Session::with_hidden_path(session, entry));
    } else if !is_asked {
        let first = Session::open(session, None);
        let first = first.map_err(|error| format!("keeper: cannot name the session: {error}"))?;
        // A lingering keeper answers its later clients.
        let line = format!("keeper {} {}", std::process::id(), first.name().unwrap_or_default());
        output::print_line(&line).map_err(failed)?;
        sessions.push(first);
    }
    let keeper = Keeper {
        input: Some(input.into()),
        deadline: time.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        first: is_asked
            .then(|| First { session: session.to_owned(), until: Instant::now() + FIRST_CLIENT }),
        is_asked,
        sessions,
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
    /// The session that the keeper was started for, until a client opens it.
    first: Option<First>,
    /// The keeper reports its process id in each answer.
    is_asked: bool,
    sessions: Vec<Session>,
    /// The start of an incomplete order.
    pending: Vec<u8>,
    /// The time and result of the last search for a process that holds the input.
    searched: Option<(Instant, Hold)>,
}

/// The first session of a keeper that waits for its client.
struct First {
    session: String,
    /// How long the keeper waits.
    until: Instant,
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
            let now = Instant::now();
            let is_over = |until: Instant| now >= until;
            let is_time = self.deadline.is_none_or(is_over)
                && self.first.as_ref().is_none_or(|first| is_over(first.until));
            if self.sessions.is_empty() && (self.input.is_none() || is_time) {
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
        if let Order::Open { session, name, container } = order {
            let is_first = self.first.as_ref().is_some_and(|first| first.session == session);
            if (self.deadline.is_some() || is_first) && self.session(session).is_none() {
                self.first = self.first.take().filter(|_| !is_first);
                self.open(session, name, container);
            }
            return;
        }
        if let Order::Quit { .. } = order {
            self.close_input();
            return;
        }
        let Some(session) = self.session(order.session()) else { return };
        match order {
            Order::Signal { number, .. } => session.signal(number),
            Order::Here { .. } => session.heartbeat(),
            Order::Done { .. } => session.done(),
            Order::Open { .. } | Order::Quit { .. } => {}
        }
    }

    /// Creates the path to the tools for another session, and reports it. On failure, the client of
    /// a keeper that speaks only when asked gets the reason, and others no answer.
    fn open(&mut self, session: &str, name: &str, container: Option<&str>) {
        let line = match Session::open(session, Some(name)) {
            Ok(opened) => {
                self.sessions.push(if self.is_asked { opened.with_front() } else { opened });
                if self.is_asked {
                    let ids =
                        container.and_then(processes::first_of_container).and_then(processes::ids);
                    let ids =
                        ids.map_or_else(|| "-".to_owned(), |(uid, gid)| format!("{uid}:{gid}"));
                    format!("opened {session} {} {ids}", std::process::id())
                } else {
                    format!("opened {session}")
                }
            }
            Err(error) if self.is_asked => {
                format!("failed {session} cannot name the session: {error}")
            }
            Err(_) => return,
        };
        // The client may use the path at once. Until now, there was nothing that others may see.
        let _stays_hidden = system::make_accessible();
        let mut out = stdout().lock();
        // Do not block if another process has filled the pipe.
        if system::is_writable(stdout().as_fd()).unwrap_or(false) {
            let _gone = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    }

    fn session(&mut self, id: &str) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id() == id)
    }

    fn end_silent_sessions(&mut self) {
        if self
            .sessions
            .iter()
            .all(|session| session.silence().is_none_or(|silence| silence <= SILENCE))
        {
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
                let own: Vec<i32> = self.sessions.iter().flat_map(Session::own_processes).collect();
                let found = hold::of(input.as_fd(), &own);
                self.searched = Some((Instant::now(), found));
                found
            }
        }
    }
}
