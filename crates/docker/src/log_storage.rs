//! How the engines' log drivers store logs, and what that implies for reading them.

use std::collections::HashMap;
use std::path::PathBuf;

use bollard::models::ContainerInspectResponse;
use jiff::Timestamp;
use scratchdbg_backend::{Completeness, LogSource, Storage, StoredFiles};
use scratchdbg_logs::file::FileFormat;
use scratchdbg_logs::line::Joining;

use crate::api_version::ApiVersion;
use crate::endpoint::Address;
use crate::{Engine, Target};

/// The properties of the engine that decide how a log is read.
#[derive(Debug, Clone, Copy)]
struct Platform {
    is_podman: bool,
    /// Whether the engine may be on this machine, so that its files may be readable.
    may_be_local: bool,
    /// Whether a followed log loses lines when it is rotated.
    loses_lines_at_rotation: bool,
    /// Whether a stream that follows a log can end before the log.
    follow_ends_early: bool,
}

/// A container's log driver, as the engine describes it.
#[derive(Debug, Default)]
struct Driver {
    name: String,
    options: HashMap<String, String>,
    /// The path at which `json-file` or `local` writes on the engine's machine. Empty for other
    /// drivers.
    path: String,
}

impl Engine {
    /// Returns the properties of this engine. Docker before 23.0 loses lines when it rotates a
    /// followed log, and ends the stream while it still stores the last lines of a run.
    fn platform(&self) -> Platform {
        let is_podman = self.is_podman();
        let is_old_docker = !is_podman && self.api_version() < ApiVersion::FOLLOWS_ROTATION;
        Platform {
            is_podman,
            may_be_local: matches!(self.endpoint().address, Address::Unix(_)) && !is_podman,
            loses_lines_at_rotation: is_old_docker,
            follow_ends_early: is_old_docker,
        }
    }

    /// Returns how this engine cuts long lines into records.
    pub(crate) fn log_joining(&self) -> Joining {
        if self.is_podman() { Joining::UntilNewline } else { Joining::Docker }
    }

    /// Describes a container's log.
    pub(crate) fn describe_log(&self, mut answer: ContainerInspectResponse) -> LogSource {
        let log = answer
            .host_config
            .as_mut()
            .and_then(|config| config.log_config.take())
            .unwrap_or_default();
        let time = |text: Option<&String>| {
            let at: Timestamp = text?.parse().ok()?;
            // A container that never ran has the time 0001-01-01.
            (at > Timestamp::UNIX_EPOCH).then_some(at)
        };
        let state = answer.state.as_ref();
        let started_at = time(state.and_then(|state| state.started_at.as_ref()));
        let finished_at = time(state.and_then(|state| state.finished_at.as_ref()));
        let restart_count = answer.restart_count.unwrap_or_default();
        let path = answer.log_path.take().unwrap_or_default();
        // The engine does not report the path of `local`'s files. They are in the container's
        // directory, as are others whose path it reports (moby `daemon/logger/local/local.go`).
        let folder = answer
            .resolv_conf_path
            .as_deref()
            .and_then(|path| Some(path.rsplit_once('/')?.0.to_owned()));
        let Target { id, name, state, tty, .. } = Target::from_inspect(answer);
        let driver = log.typ.unwrap_or_default();
        let path = match folder {
            Some(folder) if driver == "local" && path.is_empty() => {
                format!("{folder}/local-logs/container.log")
            }
            _ => path,
        };
        let driver = Driver { name: driver, options: log.config.unwrap_or_default(), path };
        LogSource {
            storage: storage(driver, &id, self.platform()),
            joining: self.log_joining(),
            id,
            name,
            state,
            is_found_by_name: false,
            waits_for: None,
            tty,
            started_at,
            finished_at,
            restart_count,
        }
    }
}

impl Driver {
    fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// Reports whether old records are deleted when new ones arrive.
    fn rotates(&self) -> bool {
        match self.name.as_str() {
            "json-file" => self.option("max-size").is_some_and(|size| size != "-1"),
            "local" => true,
            _ => false,
        }
    }

    /// Reports whether rotated files are compressed.
    fn compresses(&self) -> bool {
        match self.name.as_str() {
            "json-file" => self.option("compress") == Some("true"),
            "local" => self.option("compress") != Some("false"),
            _ => false,
        }
    }

    fn files(&self, container: &str, platform: Platform) -> Result<StoredFiles, String> {
        if !platform.may_be_local {
            return Err(
                "the engine is not reached by a Unix socket of Docker's on this machine".to_owned()
            );
        }
        let format = match self.name.as_str() {
            "json-file" => FileFormat::JsonFile,
            "local" => FileFormat::Local,
            driver => return Err(format!("the files of the log driver `{driver}` are not read")),
        };
        // A path that contains the id belongs to this container.
        if container.is_empty() || !self.path.contains(container) {
            return Err("the engine names no log file".to_owned());
        }
        Ok(StoredFiles { path: PathBuf::from(&self.path), format })
    }

    /// Returns why the files cannot be followed.
    fn cannot_follow_files(&self) -> Option<String> {
        if self.name != "json-file" {
            return Some(format!("the files of the log driver `{}` are not followed", self.name));
        }
        // With a single file, rotation truncates it, so it cannot be read to its end.
        let kept = self.option("max-file").and_then(|count| count.parse().ok()).unwrap_or(1);
        if self.rotates() && kept < 2 {
            return Some("with max-file=1 the engine empties it when it is full".to_owned());
        }
        self.compresses().then(|| "its rotated log files are compressed".to_owned())
    }
}

fn storage(driver: Driver, container: &str, platform: Platform) -> Storage {
    Storage {
        may_drop: driver.option("mode") == Some("non-blocking"),
        rotates: driver.rotates(),
        loses_lines_at_rotation: platform.loses_lines_at_rotation,
        follow_ends_early: platform.follow_ends_early,
        // Docker then leaves out complete compressed files, as if they were older (observed with
        // 20.10 and both drivers).
        since_is_incomplete: driver.compresses(),
        completeness: match driver.name.as_str() {
            "journald" => Completeness::Unknown,
            _ if platform.is_podman => Completeness::FromTheEnd,
            "json-file" | "local" => Completeness::ByCount,
            _ => Completeness::Unknown,
        },
        files: driver.files(container, platform),
        cannot_follow_files: driver.cannot_follow_files(),
        driver: driver.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKER: Platform = Platform {
        is_podman: false,
        may_be_local: true,
        loses_lines_at_rotation: true,
        follow_ends_early: true,
    };

    fn driver(name: &str, options: &[(&str, &str)]) -> Driver {
        let options =
            options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Driver {
            name: name.to_owned(),
            options,
            path: "/var/lib/docker/containers/0123/0123-json.log".to_owned(),
        }
    }

    #[test]
    fn drivers_decide_how_a_log_is_read() {
        // Each case has the options; whether the log rotates; whether a time is not enough; and
        // whether its files can be followed.
        let cases = [
            ("json-file", &[][..], (false, false, true)),
            ("json-file", &[("max-size", "-1")], (false, false, true)),
            ("json-file", &[("max-size", "1m")], (true, false, false)),
            ("json-file", &[("max-size", "1m"), ("max-file", "2")], (true, false, true)),
            (
                "json-file",
                &[("max-size", "1m"), ("max-file", "2"), ("compress", "true")],
                (true, true, false),
            ),
            ("local", &[], (true, true, false)),
            ("local", &[("compress", "false")], (true, false, false)),
            ("journald", &[("mode", "non-blocking")], (false, false, false)),
        ];
        for (name, options, expected) in cases {
            let stored = storage(driver(name, options), "0123", DOCKER);
            let found =
                (stored.rotates, stored.since_is_incomplete, stored.cannot_follow_files.is_none());
            assert_eq!(found, expected, "{name} {options:?}");
            assert_eq!(stored.may_drop, name == "journald", "{name}");
        }
    }

    #[test]
    fn files_are_read_only_where_they_are_surely_the_containers() {
        let remote = Platform { may_be_local: false, ..DOCKER };
        assert!(storage(driver("json-file", &[]), "0123", DOCKER).files.is_ok());
        for (name, container, platform) in [
            ("json-file", "4567", DOCKER),
            ("json-file", "", DOCKER),
            ("gelf", "0123", DOCKER),
            ("local", "0123", remote),
        ] {
            assert!(
                storage(driver(name, &[]), container, platform).files.is_err(),
                "{name} {container}"
            );
        }
    }

    #[test]
    fn each_engine_is_checked_in_its_own_way() {
        let podman = Platform {
            is_podman: true,
            may_be_local: false,
            loses_lines_at_rotation: false,
            follow_ends_early: false,
        };
        let cases = [
            ("json-file", DOCKER, Completeness::ByCount),
            ("local", DOCKER, Completeness::ByCount),
            ("gelf", DOCKER, Completeness::Unknown),
            ("k8s-file", podman, Completeness::FromTheEnd),
            ("journald", podman, Completeness::Unknown),
        ];
        for (name, platform, expected) in cases {
            assert_eq!(
                storage(driver(name, &[]), "0123", platform).completeness,
                expected,
                "{name}"
            );
        }
    }
}
