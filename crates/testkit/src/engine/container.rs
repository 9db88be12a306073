//! Containers of tests, queried with the docker CLI.

use std::cell::RefCell;
use std::process::Output;

use serde_json::Value;

use super::Engine;
use crate::{eventually, unique};

/// A container of a test.
#[derive(Debug)]
pub struct Container<'engine> {
    pub(super) engine: &'engine Engine,
    pub(super) id: String,
    pub(super) name: String,
}

impl Container<'_> {
    /// Returns the full id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the output of `docker inspect`.
    pub fn inspect(&self) -> Value {
        self.engine.ask_json(["inspect", "--type", "container", "--format", "{{json .}}", &self.id])
    }

    /// Returns the changes in its file system since its creation, one per line, sorted.
    pub fn diff(&self) -> String {
        let diff = self.engine.ask(["diff", &self.id]);
        let mut changes: Vec<&str> = diff.lines().collect();
        changes.sort_unstable();
        changes.join("\n")
    }

    /// Returns its output so far, by stream, from the docker CLI.
    pub fn output(&self) -> Output {
        self.engine.docker(["logs", &self.id])
    }

    /// Returns its standard output so far, from the docker CLI.
    pub fn logs(&self) -> String {
        self.engine.ask(["logs", &self.id])
    }

    /// Waits for its end and returns its exit code.
    pub fn wait(&self) -> i32 {
        self.engine.ask(["wait", &self.id]).parse().expect("docker wait prints a number")
    }

    /// Kills it with SIGKILL and waits for its end.
    pub fn kill(&self) {
        self.engine.ask(["kill", &self.id]);
        self.wait();
    }

    /// Disables its restart policy. Docker refuses that at moments in which a run begins or ends
    /// ("task … not found").
    pub fn restart_no_more(&self) {
        let stderr = RefCell::new(String::new());
        eventually(
            || format!("{} not to be started again: {}", self.name, stderr.borrow()),
            || {
                let output = self.engine.docker(["update", "--restart", "no", &self.id]);
                *stderr.borrow_mut() = String::from_utf8_lossy(&output.stderr).into_owned();
                output.status.success().then_some(())
            },
        );
    }

    /// Returns the containers that were created for it or share a namespace with it.
    pub fn companions(&self) -> Vec<String> {
        self.engine
            .facts()
            .into_iter()
            .filter(|facts| facts.joins(&self.id))
            .map(|facts| facts.id)
            .collect()
    }

    /// Returns the processes and zombies in its PID namespace, as `PID STATE NAME`, sorted. A
    /// temporary container lists them; its image must contain the sample program.
    pub fn processes(&self, image: &str) -> Vec<String> {
        let namespace = format!("container:{}", self.id);
        let join = ["run", "--rm", "--network", "none", "--user", "0:0", "--pid", &namespace];
        let name = self.engine.name(&unique());
        // Only containers in the same user namespace can share a PID namespace.
        let users =
            self.engine.ask(["inspect", "--format", "{{.HostConfig.UsernsMode}}", &self.id]);
        let view =
            ["--userns", &users, "--name", &name, "--entrypoint", "/app", image, "processes"];
        let mut processes: Vec<String> =
            self.engine.ask(join.into_iter().chain(view)).lines().map(str::to_owned).collect();
        processes.sort();
        processes
    }
}
