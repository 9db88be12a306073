//! The engine under test, queried with the docker CLI, so that assertions about the engine do not
//! depend on the code under test.

mod container;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub use self::container::Container;
use crate::{eventually, sample, unique};

/// The prefix of all names that tests create.
const PREFIX: &str = "sdbgtest-";

/// The label of keepers and other session containers with the id of their target.
const SESSION_TARGET_LABEL: &str = "io.scratchdbg.target";

/// A Docker engine with a name prefix for one test. On drop, also after a panic, everything with
/// that prefix is removed: its containers, their session containers, and its images.
#[derive(Debug)]
pub struct Engine {
    /// The prefix of all names of the test.
    prefix: String,
    endpoint: Endpoint,
}

/// The endpoint of the docker CLI, which may use a context or its environment. The code under test
/// must use the same engine.
#[derive(Debug)]
struct Endpoint {
    /// The address in the form of `DOCKER_HOST`, for example `unix:///var/run/docker.sock`.
    host: String,
    tls: Vec<(&'static str, String)>,
}

impl Engine {
    /// Returns the docker CLI's engine. Fails the test without one: a skipped test proves nothing.
    pub fn required() -> Self {
        let asked =
            Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).output();
        match asked {
            Ok(output) if output.status.success() => {}
            Ok(output) => panic!(
                "this test needs a Docker engine, and none answers: run ./scripts/ensure-engine\n{}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
            Err(error) => panic!("this test needs docker ({error}): run ./scripts/ensure-engine"),
        }
        Self::with(Endpoint::of_docker_cli())
    }

    /// Returns the engine at an address in the form of `DOCKER_HOST`.
    pub fn at(host: String) -> Self {
        Self::with(Endpoint { host, tls: Vec::new() })
    }

    fn with(endpoint: Endpoint) -> Self {
        Self { prefix: format!("{PREFIX}{}", unique()), endpoint }
    }

    /// Returns the endpoint in the form of `DOCKER_HOST`.
    pub fn host(&self) -> &str {
        &self.endpoint.host
    }

    /// Returns the variables that select this engine.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        std::iter::once(("DOCKER_HOST", self.endpoint.host.clone()))
            .chain(self.endpoint.tls.iter().cloned())
    }

    /// Returns a name that no other test uses, for a container or an image (without tag).
    pub fn name(&self, stem: &str) -> String {
        format!("{}-{stem}", self.prefix)
    }

    /// Runs docker with these arguments.
    pub fn docker<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Output {
        self.cli().args(arguments).stdin(Stdio::null()).output().expect("docker runs")
    }

    /// Returns the docker CLI, configured for this engine.
    fn cli(&self) -> Command {
        let mut command = Command::new("docker");
        command.envs(self.variables());
        command
    }

    /// Runs docker, which must succeed, and returns its output without the last line ending.
    #[track_caller]
    pub fn ask<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> String {
        let arguments: Vec<&str> = arguments.into_iter().collect();
        let output = self.docker(arguments.iter().copied());
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {}: {complaint}", arguments.join(" "));
        String::from_utf8(output.stdout).expect("docker speaks UTF-8").trim_end().to_owned()
    }

    /// Runs docker, which must succeed and print JSON.
    #[track_caller]
    pub fn ask_json<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Value {
        serde_json::from_str(&self.ask(arguments)).expect("docker speaks JSON")
    }

    /// Creates an image with only the sample program as `/app`, without the builder under test, and
    /// returns its name. `changes` are further Dockerfile instructions, such as `USER 1000`.
    pub fn import_app(&self, changes: &[&str]) -> String {
        self.import(&[("app", 0o755, &sample::unique_app())], changes)
    }

    /// Like [`import_app`](Self::import_app), with more files: path without slash, mode, contents.
    pub fn import_app_with(&self, files: &[(&str, u32, &[u8])], changes: &[&str]) -> String {
        let app = sample::unique_app();
        let files: Vec<_> =
            std::iter::once(("app", 0o755, &app[..])).chain(files.iter().copied()).collect();
        self.import(&files, changes)
    }

    fn import(&self, files: &[(&str, u32, &[u8])], changes: &[&str]) -> String {
        let image = format!("{}:1", self.name(&format!("imported-{}", unique())));
        let mut archive = tar::Builder::new(Vec::new());
        // The engine creates directories that are missing from an archive with mode 0600, which
        // root of a user namespace cannot access.
        let folders: BTreeSet<&Path> =
            files.iter().flat_map(|(path, ..)| Path::new(path).ancestors().skip(1)).collect();
        for folder in folders.into_iter().filter(|folder| !folder.as_os_str().is_empty()) {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_size(0);
            header.set_mode(0o755);
            archive
                .append_data(&mut header, folder, std::io::empty())
                .expect("writing to memory works");
        }
        for (path, mode, contents) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(contents.len() as u64);
            header.set_mode(*mode);
            archive.append_data(&mut header, path, *contents).expect("writing to memory works");
        }
        let archive = archive.into_inner().expect("writing to memory works");

        let mut command = self.cli();
        command.args(["import", "--change", r#"ENTRYPOINT ["/app"]"#]);
        for change in changes {
            command.args(["--change", change]);
        }
        command.args(["-", &image]);
        let mut running = crate::program::Running::start(command);
        running.write_and_close_input(archive);
        running.finish().expect_code(0);
        image
    }

    /// Starts a container of `image` without a network. `flags` are those of `docker run`.
    #[track_caller]
    pub fn run(&self, stem: &str, flags: &[&str], image: &str, command: &[&str]) -> Container<'_> {
        self.make(&["run", "--detach"], stem, flags, image, command)
    }

    /// Like [`run`](Self::run), but only creates the container.
    #[track_caller]
    pub fn create(
        &self,
        stem: &str,
        flags: &[&str],
        image: &str,
        command: &[&str],
    ) -> Container<'_> {
        self.make(&["create"], stem, flags, image, command)
    }

    fn make(
        &self,
        how: &[&str],
        stem: &str,
        flags: &[&str],
        image: &str,
        command: &[&str],
    ) -> Container<'_> {
        let name = self.name(stem);
        let named = ["--network", "none", "--name", &name];
        let id =
            self.ask(how.iter().chain(&named).chain(flags).chain(&[image]).chain(command).copied());
        Container { engine: self, id, name }
    }

    /// Returns the images that were created from `image`: they begin with the same layer.
    pub fn descendants(&self, image: &str) -> Vec<String> {
        let first_layer = "{{index .RootFS.Layers 0}}";
        let layer = self.ask(["image", "inspect", "--format", first_layer, image]);
        let format = format!("{{{{.Id}}}} {first_layer} {{{{json .RepoTags}}}}");
        let all = self.ask(["images", "--all", "--quiet", "--no-trunc"]);
        // docker leaves out images that are gone by now, with an error.
        let inspected =
            self.docker(["image", "inspect", "--format", &format].into_iter().chain(all.lines()));
        let inspected = String::from_utf8_lossy(&inspected.stdout);
        let related = |line: &&str| line.contains(&layer) && !line.contains(image);
        let mut related: Vec<String> =
            inspected.lines().filter(related).map(str::to_owned).collect();
        related.dedup();
        related
    }

    /// Returns the name and id of every image whose name begins with `prefix`, sorted.
    pub fn images(&self, prefix: &str) -> Vec<String> {
        let format = "{{.Repository}}:{{.Tag}} {{.ID}}";
        let listed = self.ask(["images", "--no-trunc", "--format", format]);
        let mut images: Vec<String> =
            listed.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect();
        images.sort();
        images
    }

    /// Returns the id of every container whose name begins with `prefix`.
    pub fn containers(&self, prefix: &str) -> Vec<String> {
        let named = |facts: Facts| facts.name.starts_with(prefix).then_some(facts.id);
        self.facts().into_iter().filter_map(named).collect()
    }

    /// Returns facts about all containers.
    fn facts(&self) -> Vec<Facts> {
        let all = self.ask(["ps", "--all", "--quiet", "--no-trunc"]);
        let format = format!(
            "{{{{.Id}}}} {{{{.Name}}}} {{{{.HostConfig.PidMode}}}} {{{{.HostConfig.NetworkMode}}}} \
             {{{{index .Config.Labels \"{SESSION_TARGET_LABEL}\"}}}}"
        );
        // docker leaves out containers that are gone by now, with an error.
        let inspected = self.docker(
            ["inspect", "--type", "container", "--format", &format].into_iter().chain(all.lines()),
        );
        let inspected = String::from_utf8_lossy(&inspected.stdout);
        let fact = |line: &str| {
            let mut words = line.splitn(3, ' ').map(str::to_owned);
            let (id, name, references) = (words.next()?, words.next()?, words.next()?);
            Some(Facts { id, name: name.trim_start_matches('/').to_owned(), references })
        };
        inspected.lines().filter_map(fact).collect()
    }
}

/// Facts about a container.
struct Facts {
    id: String,
    name: String,
    /// The settings that may name another container.
    references: String,
}

impl Facts {
    /// Reports whether it shares a namespace with the container `id`, or is labeled as its own.
    fn joins(&self, id: &str) -> bool {
        self.id != id && self.references.contains(id)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let list = |arguments: &[&str]| -> Vec<String> {
            let listed = self.docker(arguments.iter().copied());
            String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
        };
        let own = list(&[
            "ps",
            "--all",
            "--quiet",
            "--no-trunc",
            "--filter",
            &format!("name=^/{}-", self.prefix),
        ]);
        for container in own {
            let label = format!("label={SESSION_TARGET_LABEL}={container}");
            let sessions = list(&["ps", "--all", "--quiet", "--filter", &label]);
            let doomed = ["rm", "--force", "--volumes", &container];
            self.docker(doomed.into_iter().chain(sessions.iter().map(String::as_str)));
        }
        let images = format!("reference={}-*", self.prefix);
        let below = format!("reference={}-*/*", self.prefix);
        let format = "{{.Repository}}:{{.Tag}}";
        let images = list(&["images", "--filter", &images, "--filter", &below, "--format", format]);
        if !images.is_empty() {
            self.docker(["rmi", "--force"].into_iter().chain(images.iter().map(String::as_str)));
        }
    }
}

impl Endpoint {
    #[expect(
        clippy::disallowed_methods,
        reason = "the docker CLI goes by the environment, and so must its shadow"
    )]
    fn of_docker_cli() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let tls = ["DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];
        let tls = tls.into_iter().filter_map(|name| Some((name, variable(name)?))).collect();
        let host = variable("DOCKER_HOST").unwrap_or_else(|| {
            let arguments = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
            let output = Command::new("docker").args(arguments).output().expect("docker runs");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        });
        Self { host, tls }
    }
}

/// The state of a container at one time, which a session must not change.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Snapshot {
    diff: String,
    companions: Vec<String>,
    processes: Vec<String>,
    restarts: Value,
    started_at: Value,
}

impl Snapshot {
    /// Records the state of the running `container`. For `image`, see [`Container::processes`].
    pub fn of(container: &Container<'_>, image: &str) -> Self {
        let inspect = container.inspect();
        Self {
            diff: container.diff(),
            companions: container.companions(),
            processes: container.processes(image),
            restarts: inspect["RestartCount"].clone(),
            started_at: inspect["State"]["StartedAt"].clone(),
        }
    }

    /// Waits until `container` has this state again.
    #[track_caller]
    pub fn assert_restored(&self, container: &Container<'_>, image: &str) {
        let last = RefCell::new(self.clone());
        eventually(
            || {
                format!(
                    "{} to be again as it was\n  before: {self:?}\n  now: {:?}",
                    container.name(),
                    last.borrow()
                )
            },
            || {
                last.replace(Self::of(container, image));
                (*last.borrow() == *self).then_some(())
            },
        );
    }
}

#[cfg(test)]
mod tests;
