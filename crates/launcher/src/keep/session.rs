//! One session, as its keeper sees it.

use std::io;
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::launcher::Launcher;
use crate::system::{END_SESSION, SIGCONT};

/// A launcher does not stop by itself. One that is stopped for so long does not answer for its session any more.
const STOPPED_FOR: Duration = Duration::from_secs(4);

/// How long a launcher may take to end its session: longer than it takes itself for what it cannot kill.
const ENDS_WITHIN: Duration = Duration::from_millis(2500);

/// How long a launcher is looked for whose client is gone. It may be on its way; and what is held by a debugger does not see by itself
/// that it is to end.
const FOUND_WITHIN: Duration = Duration::from_secs(1);

/// How long after that it may take to die.
const DIES_WITHIN: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Session {
    id: String,
    name: String,
    /// The way to the tools; closed at the end.
    folder: Option<Folder>,
    opened: Instant,
    /// When its client was last heard of.
    heard: Option<Instant>,
    launcher: Option<Launcher>,
    /// Since when its launcher is seen stopped.
    stopped: Option<Instant>,
    /// Since when it is to end.
    ending: Option<Instant>,
    /// The client said so: it knows what it has started.
    is_done: bool,
    /// Signals for a launcher that the engine has yet to start.
    early: Vec<i32>,
}

impl Session {
    /// Opens the way to the tools for it.
    pub(super) fn open(id: &str, name: Option<&str>) -> io::Result<Self> {
        let folder = Folder::make(name)?;
        Ok(Self {
            id: id.to_owned(),
            name: folder.name().to_owned(),
            folder: Some(folder),
            opened: Instant::now(),
            heard: None,
            launcher: None,
            stopped: None,
            ending: None,
            is_done: false,
            early: Vec::new(),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What the way to the tools is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its client is there.
    pub(super) fn hear(&mut self) {
        self.heard = Some(Instant::now());
    }

    pub(super) fn was_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// How long its client has been silent; nothing when it is to end anyway.
    pub(super) fn silence(&self) -> Option<Duration> {
        if self.ending.is_some() { None } else { Some(self.heard.unwrap_or(self.opened).elapsed()) }
    }

    /// Something is to happen soon.
    pub(super) fn is_in_a_hurry(&self) -> bool {
        self.ending.is_some() || !self.early.is_empty()
    }

    /// Passes a signal on to the command, now or when there is a launcher. The engine has no call of its own to signal what an
    /// exec started.
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

    /// Ends it by its client's word.
    pub(super) fn done(&mut self) {
        self.is_done = true;
        self.end();
    }

    /// Ends it: nothing is started by this way any more, and the launcher is told.
    pub(super) fn end(&mut self) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(Instant::now());
        self.folder = None;
        self.early = vec![END_SESSION];
        self.look();
    }

    /// Looks after the launcher.
    pub(super) fn look(&mut self) {
        self.deliver();
        let Some(since) = self.ending else {
            self.look_whether_stopped();
            return;
        };
        if let Some(launcher) = self.launcher.as_ref().filter(|launcher| launcher.state().is_some()) {
            launcher.signal(SIGCONT);
            // One that a debugger holds does not go on by that. There may be little time: the next client removes what has lost its own.
            let is_held = launcher.state().is_some_and(crate::processes::Stat::is_traced);
            if is_held || since.elapsed() > ENDS_WITHIN {
                launcher.kill_with_descendants();
            }
        }
    }

    fn look_whether_stopped(&mut self) {
        let found = self.find();
        let state = self.launcher.as_ref().and_then(Launcher::state);
        if !found || !state.is_some_and(crate::processes::Stat::is_stopped) {
            self.stopped = None;
        } else if self.stopped.get_or_insert_with(Instant::now).elapsed() > STOPPED_FOR {
            self.end();
        }
    }

    /// Whether there is a launcher, which is looked for as long as none was found.
    fn find(&mut self) -> bool {
        if self.launcher.is_none() {
            self.launcher = Launcher::find(&self.id, &self.name);
        }
        self.launcher.is_some()
    }

    /// The process id of its launcher, where there is one.
    pub(super) fn process(&self) -> Option<i32> {
        self.launcher.as_ref().map_or_else(|| super::launcher::of_container(&self.id), Launcher::process)
    }

    /// It was to end, and has: or what is left of it cannot be killed.
    pub(super) fn is_over(&self) -> bool {
        let Some(since) = self.ending else { return false };
        match &self.launcher {
            Some(launcher) => launcher.state().is_none() || since.elapsed() > ENDS_WITHIN + DIES_WITHIN,
            None => self.is_done || since.elapsed() > FOUND_WITHIN,
        }
    }
}
