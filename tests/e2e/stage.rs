//! The common set-up of tests: the binary, an engine, and something to debug.

use std::ffi::OsStr;

use scratchdbg_testkit::engine::{Container, Engine, Snapshot};
use scratchdbg_testkit::program::{Finished, Program, Running};

/// The binary under test and an engine for it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) scratchdbg: Program,
    /// An image of the sample program, created without scratchdbg: no shell, no user, nothing but
    /// `/app`.
    pub(crate) image: String,
}

impl Stage {
    pub(crate) fn set() -> Self {
        Self::on(Engine::required())
    }

    /// Like `new`, with the given engine.
    pub(crate) fn on(engine: Engine) -> Self {
        let variables = engine.variables();
        let scratchdbg = variables
            .fold(Program::new(env!("CARGO_BIN_EXE_scratchdbg")), |program, (name, value)| {
                program.with_variable(name, value)
            });
        let image = engine.import_app(&[]);
        Self { engine, scratchdbg, image }
    }

    /// Starts a container of the sample program with its default behavior. `flags` are those of
    /// `docker run`.
    pub(crate) fn target(&self, flags: &[&str]) -> Target<'_> {
        self.target_of(flags, &self.image, &[])
    }

    /// Like [`target`](Self::target), with the given image and command.
    pub(crate) fn target_of(&self, flags: &[&str], image: &str, command: &[&str]) -> Target<'_> {
        self.target_named("web", flags, image, command)
    }

    /// Like [`target`](Self::target), with a name of its own, for tests with several targets.
    pub(crate) fn target_named(
        &self,
        stem: &str,
        flags: &[&str],
        image: &str,
        command: &[&str],
    ) -> Target<'_> {
        let container = self.engine.run(stem, flags, image, command);
        let before = Snapshot::of(&container, &self.image);
        Target { stage: self, container, before }
    }

    /// Returns the name of the toolkit image that a session with these options is made with, whether
    /// the engine has it or not.
    pub(crate) fn toolkit(&self, options: &[&str], target: &str) -> String {
        let explain = [&["attach", "--explain", "--format", "json"], options, &[target]].concat();
        let plan = self.run(&explain).expect_code(0).text();
        let plan: serde_json::Value = serde_json::from_str(&plan).expect("a plan");
        plan["keeper"]["image"].as_str().expect("a name").to_owned()
    }

    /// Runs scratchdbg to its end with empty standard input.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Finished {
        self.scratchdbg.run(arguments)
    }
}

/// A running container, and its state before any session.
#[derive(Debug)]
pub(crate) struct Target<'stage> {
    stage: &'stage Stage,
    pub(crate) container: Container<'stage>,
    before: Snapshot,
}

impl Target<'_> {
    pub(crate) fn name(&self) -> &str {
        self.container.name()
    }

    /// `scratchdbg attach TARGET -- COMMAND...`
    pub(crate) fn attach(&self, command: &[&str]) -> Finished {
        self.stage.scratchdbg.run(self.attach_arguments(command))
    }

    /// Like [`attach`](Self::attach), with data on standard input.
    pub(crate) fn attach_with_input(
        &self,
        command: &[&str],
        input: impl Into<Vec<u8>>,
    ) -> Finished {
        self.stage.scratchdbg.run_with_input(self.attach_arguments(command), input)
    }

    /// Like [`attach`](Self::attach), without waiting for the end, and with standard input held
    /// open.
    pub(crate) fn start_attach(&self, command: &[&str]) -> Running {
        self.stage.scratchdbg.start(self.attach_arguments(command))
    }

    /// Returns the arguments of `attach TARGET -- COMMAND...`.
    pub(crate) fn attach_arguments<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        ["attach", self.name(), "--"].into_iter().chain(command.iter().copied()).collect()
    }

    /// Returns the processes in the target's PID namespace, see [`Container::processes`].
    pub(crate) fn processes(&self) -> Vec<String> {
        self.container.processes(&self.stage.image)
    }

    /// Waits until the target and the engine are in their state before any session: no change in
    /// the file system, no process or zombie, no session container.
    #[track_caller]
    pub(crate) fn assert_untouched(&self) {
        self.before.assert_restored(&self.container, &self.stage.image);
    }
}
