//! A target created from a row of the table, and its state seen from outside.

use std::fs::File;
use std::time::Instant;

use scratchdbg_testkit::engine::Container;
use scratchdbg_testkit::{TIMEOUT, eventually, host_processes};

use super::rows::{MEMORY_FLAG, SECCOMP_FLAG, SECCOMP_PROFILE, State};
use crate::stage::Stage;

/// The name of the process that a session leaves behind.
pub(super) const LEFT_BEHIND: &str = "sdbg-left";

/// The number of restarts after which a restart loop is tested: the engine then waits some seconds
/// between two.
const RESTARTS: u64 = 8;

/// A user name, with a group other than its own number, and another group.
const PASSWD: &[u8] = b"root:x:0:0:root:/:/none\napp:x:1234:4321:app:/:/none\n";
const GROUP: &[u8] = b"root:x:0:\nmore:x:5678:app\n";

/// A target.
pub(super) struct Scene<'stage> {
    stage: &'stage Stage,
    image: String,
    container: Option<Container<'stage>>,
    state: State,
    /// Whether its PID namespace is the host's, where other processes come and go.
    in_host: bool,
    /// Held open while it is.
    _entered: Option<File>,
}

/// The state that a session must not change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trace {
    diff: String,
    state: String,
    containers: Vec<String>,
    processes: Vec<String>,
    images: Vec<String>,
}

impl<'stage> Scene<'stage> {
    /// Creates an image and a target from it.
    pub(super) fn set(
        stage: &'stage Stage,
        flags: &[&str],
        changes: &[&str],
        condition: State,
    ) -> Self {
        let engine = &stage.engine;
        let changes: Vec<&str> = [changes, &["ENV MARK=seen", "WORKDIR /dev"]].concat();
        let files: [(&str, u32, &[u8]); 2] =
            [("etc/passwd", 0o644, PASSWD), ("etc/group", 0o644, GROUP)];
        let by_name = changes.contains(&"USER app");
        let image = engine.import_app_with(if by_name { &files } else { &[] }, &changes);
        let in_host = flags.contains(&"host");
        let mut scene = Self {
            stage,
            image,
            container: None,
            state: condition,
            in_host,
            _entered: in_host.then(host_processes::enter),
        };
        if condition == State::ImageOnly {
            return scene;
        }

        let profile = stage.scratchdbg.home().join("seccomp.json");
        std::fs::write(&profile, SECCOMP_PROFILE).expect("the profile can be written");
        let profile = format!("seccomp={}", profile.display());
        // With cgroup v2, the runtime's copy of itself counts too: with less memory it does not
        // start.
        let memory = if engine.ask(["info", "--format", "{{.CgroupVersion}}"]) == "2" {
            "32m"
        } else {
            MEMORY_FLAG
        };
        let fill_in = |flag: &&str| match *flag {
            SECCOMP_FLAG => profile.clone(),
            MEMORY_FLAG => memory.to_owned(),
            flag => flag.to_owned(),
        };
        let mut flags: Vec<String> = flags.iter().map(fill_in).collect();
        if condition == State::BesideAnother {
            let other = engine.run(&unique("other"), &[], &scene.image, &[]);
            flags.extend(["--pid".to_owned(), format!("container:{}", other.id())]);
        }
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let command: &[&str] = match condition {
            State::Exited | State::Restarting => &["exit", "1"],
            _ => &[],
        };
        let name = unique("web");
        let container = match condition {
            State::Created => engine.create(&name, &flags, &scene.image, command),
            _ => engine.run(&name, &flags, &scene.image, command),
        };
        match condition {
            State::Paused => drop(engine.ask(["pause", container.id()])),
            State::Exited => assert_eq!(container.wait(), 1),
            State::Restarting => eventually(
                || format!("{RESTARTS} restarts of {}", container.name()),
                || {
                    let facts = container.inspect();
                    let enough = facts["RestartCount"].as_u64() >= Some(RESTARTS);
                    (enough && facts["State"]["Status"] == "restarting").then_some(())
                },
            ),
            _ => {}
        }
        scene.container = Some(container);
        scene
    }

    /// Returns the arguments of `attach`, with these options and this command.
    pub(super) fn arguments<'a>(
        &'a self,
        options: &[&'a str],
        command: &[&'a str],
    ) -> Vec<&'a str> {
        let target: &[&str] = match &self.container {
            Some(container) => &[container.name()],
            None => &["--image", &self.image],
        };
        [&["attach"], options, target, &["--"], command].concat()
    }

    /// Returns the current state.
    pub(super) fn trace(&self) -> Trace {
        let images = self.stage.engine.descendants(&self.image);
        let Some(container) = &self.container else {
            let of_image = format!("ancestor={}", self.image);
            let containers =
                self.stage.engine.ask(["ps", "--all", "--quiet", "--filter", &of_image]);
            let containers = containers.lines().map(str::to_owned).collect();
            return Trace {
                diff: String::new(),
                state: String::new(),
                containers,
                processes: Vec::new(),
                images,
            };
        };
        // In the host's namespace, only the process left behind has that name.
        let counts = |process: &String| !self.in_host || process.ends_with(LEFT_BEHIND);
        let processes = match self.state {
            State::Created | State::Exited | State::Restarting | State::ImageOnly => Vec::new(),
            _ => container.processes(&self.stage.image).into_iter().filter(counts).collect(),
        };
        let state = match self.state {
            // It continues to restart.
            State::Restarting => String::new(),
            _ => container.inspect()["State"]["Status"].to_string(),
        };
        Trace {
            diff: container.diff(),
            state,
            containers: container.companions(),
            processes,
            images,
        }
    }

    /// Waits until the state is `before` again. Returns the differing state if that does not
    /// happen.
    pub(super) fn not_restored(&self, before: &Trace) -> Option<Trace> {
        let deadline = Instant::now() + TIMEOUT / 3;
        loop {
            let now = self.trace();
            if now == *before {
                return None;
            }
            if Instant::now() > deadline {
                return Some(now);
            }
        }
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        // Remove restart loops, and sleepers in the host's namespace, before the test ends.
        if let Some(container) = &self.container {
            self.stage.engine.docker(["rm", "--force", container.id()]);
        }
    }
}

/// Returns a name for a container of this row.
fn unique(stem: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{stem}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
