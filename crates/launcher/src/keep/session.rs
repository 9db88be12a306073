//! One session, from the keeper's point of view.

use std::io;
use std::time::{Duration, Instant};

use super::folder::{Folder, Identity, Name};
use super::launcher::{Launcher, ROLE};
use crate::front;
use crate::processes::Stat;
use crate::system::{self, END_SESSION, SIGCONT, SIGKILL};

/// A launcher does not stop by itself. After this time, a stopped launcher no longer counts as
/// supervising its session.
const STOPPED_LIMIT: Duration = Duration::from_secs(4);

/// How long a launcher may take to end its session. It is longer than the launcher's own limit for
/// processes that it cannot kill.
const END_TIMEOUT: Duration = Duration::from_millis(2500);

/// How long to look for the launcher of a client that is gone. The launcher may be about to start.
/// A launcher held by a debugger does not notice by itself that it must end.
const FIND_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the launcher may take to reap its processes once the keeper has killed them.
const REAP_TIMEOUT: Duration = Duration::from_millis(300);

/// How long the launcher may take to die after that.
const DEATH_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Session {
    id: String,
    name: Name,
    /// The path to the tools, removed at the end. `None` if the keeper does not know its name.
    folder: Option<Folder>,
    opened: Instant,
    /// When the last heartbeat of the client arrived.
    heard: Option<Instant>,
    launcher: Option<Launcher>,
    /// Whether the launcher has a front (see [`front`]), which is looked for at the end.
    has_front: bool,
    /// Since when the launcher is stopped, or has ended behind its front.
    stopped: Option<Instant>,
    /// Since when the session is ending.
    ending: Option<Instant>,
    /// The client ended the session, and knows what it has started.
    is_done: bool,
    /// Signals for a launcher that the engine has not started yet.
    early: Vec<i32>,
}

impl Session {
    /// Creates the path to the tools for the session.
    pub(super) fn open(id: &str, name: Option<&str>) -> io::Result<Self> {
        let folder = Folder::make(name)?;
        Ok(Self::with_path(id, Name::Known(folder.name().to_owned()), Some(folder)))
    }

    /// Returns the keeper's only session, the path of which exists.
    pub(super) fn with_hidden_path(id: &str, entry: Identity) -> Self {
        Self::with_path(id, Name::Hidden(entry), None)
    }

    fn with_path(id: &str, name: Name, folder: Option<Folder>) -> Self {
        Self {
            id: id.to_owned(),
            name,
            folder,
            opened: Instant::now(),
            heard: None,
            launcher: None,
            has_front: false,
            stopped: None,
            ending: None,
            is_done: false,
            early: Vec::new(),
        }
    }

    /// Returns the session of a launcher that has a front.
    pub(super) fn with_front(self) -> Self {
        Self { has_front: true, ..self }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The name of the path to the tools, if the keeper knows it.
    pub(super) fn name(&self) -> Option<&str> {
        self.folder.as_ref().map(Folder::name)
    }

    /// Records a heartbeat of the client.
    pub(super) fn heartbeat(&mut self) {
        self.heard = Some(Instant::now());
    }

    pub(super) fn has_heartbeat(&self) -> bool {
        self.heard.is_some()
    }

    /// Returns how long the client has been silent, or `None` if the session is ending anyway.
    pub(super) fn silence(&self) -> Option<Duration> {
        if self.ending.is_some() { None } else { Some(self.heard.unwrap_or(self.opened).elapsed()) }
    }

    /// Whether the session needs the short polling interval.
    pub(super) fn polls_fast(&self) -> bool {
        self.ending.is_some() || !self.early.is_empty()
    }

    /// Forwards a signal to the command, now or once the launcher is running. The engine has no API
    /// to signal the process of an exec.
    pub(super) fn signal(&mut self, number: i32) {
        self.early.push(number);
        self.deliver();
    }

    fn deliver(&mut self) {
        if self.early.is_empty() || !self.find() {
            return;
        }
        let early = std::mem::take(&mut self.early);
        if let Some(launcher) = &self.launcher {
            for number in early {
                launcher.signal(number);
            }
        }
    }

    /// Ends the session on the client's order.
    pub(super) fn done(&mut self) {
        self.is_done = true;
        self.end();
    }

    /// Ends the session: takes the path away, so that nothing more is started through it, and
    /// signals the launcher.
    pub(super) fn end(&mut self) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(Instant::now());
        self.folder = None;
        if matches!(self.name, Name::Hidden(_)) {
            // The keeper has no other session, so nobody needs a path through it any more.
            let _stays_accessible = system::make_inaccessible();
        }
        self.early = vec![END_SESSION];
        self.check_launcher();
    }

    /// Checks on the launcher.
    pub(super) fn check_launcher(&mut self) {
        self.deliver();
        let Some(since) = self.ending else {
            self.look_whether_stopped();
            return;
        };
        if let Some(launcher) = self.launcher.as_ref().filter(|launcher| launcher.state().is_some())
        {
            launcher.signal(SIGCONT);
            // A launcher held by a debugger does not continue at `SIGCONT`. There may be little
            // time: the next client removes containers of clients that are gone.
            let is_held = launcher.state().is_some_and(Stat::is_traced);
            if is_held || since.elapsed() > END_TIMEOUT {
                launcher.kill_descendants();
            }
            // Without its processes, the launcher ends by itself, and leaves no zombie of theirs.
            if is_held || since.elapsed() > END_TIMEOUT + REAP_TIMEOUT {
                launcher.signal(SIGKILL);
            }
        } else if self.has_front {
            // A front ends by itself behind its launcher, unless somebody has stopped it.
            let front = self.front();
            self.has_front = front.is_some();
            if let Some(front) = front {
                front.signal(SIGKILL);
            }
        }
    }

    fn look_whether_stopped(&mut self) {
        if !self.seems_stopped() {
            self.stopped = None;
        } else if self.stopped.get_or_insert_with(Instant::now).elapsed() > STOPPED_LIMIT {
            self.end();
        }
    }

    /// Whether the launcher is stopped, or its front: before it has started the launcher, or so
    /// that it does not tell the platform that the launcher has ended.
    fn seems_stopped(&mut self) -> bool {
        if self.find() {
            let state = self.launcher.as_ref().and_then(Launcher::state);
            return state.map_or(self.has_front, Stat::is_stopped);
        }
        let state = self.front().as_ref().and_then(Launcher::state);
        state.is_some_and(Stat::is_stopped)
    }

    /// Looks for the front.
    fn front(&self) -> Option<Launcher> {
        if self.has_front { Launcher::find(front::ROLE, &self.id, &self.name) } else { None }
    }

    /// Whether the launcher is known. Looks for it until it is found.
    fn find(&mut self) -> bool {
        if self.launcher.is_none() {
            self.launcher = Launcher::find(ROLE, &self.id, &self.name);
        }
        self.launcher.is_some()
    }

    /// Returns the process id of the launcher, if it is running.
    pub(super) fn process(&self) -> Option<i32> {
        self.launcher
            .as_ref()
            .map_or_else(|| super::launcher::of_container(&self.id), Launcher::process)
    }

    /// Returns the processes of this program in the session.
    pub(super) fn own_processes(&self) -> Vec<i32> {
        match &self.launcher {
            Some(launcher) => launcher.own_processes(),
            None => self.process().into_iter().collect(),
        }
    }

    /// Whether the session has ended, or what is left of it cannot be killed.
    pub(super) fn is_over(&self) -> bool {
        let Some(since) = self.ending else { return false };
        match &self.launcher {
            Some(launcher) => {
                (launcher.state().is_none() && !self.has_front)
                    || since.elapsed() > END_TIMEOUT + REAP_TIMEOUT + DEATH_TIMEOUT
            }
            None => self.is_done || since.elapsed() > FIND_TIMEOUT,
        }
    }
}
