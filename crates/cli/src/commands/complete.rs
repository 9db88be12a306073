//! Answers the completion scripts of shells, and docker and kubectl.
//!
//! A name that the platform does not give in time is not a candidate: a shell waits for the answer.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use scratchdbg_args::{Color, Global, KubernetesArgs, ModeArg};
use scratchdbg_completion::{Caller, Candidate, Kind, Names, candidates, with_names};
use scratchdbg_diagnose::Code;
use scratchdbg_logs::Level;
use scratchdbg_settings::Part;

use crate::env::Environment;
use crate::platform::{self, Wanted};

/// How long the platform may take.
const TIME_LIMIT: Duration = Duration::from_secs(1);

/// Completes a command line of `command`, whose last word is incomplete.
pub(crate) fn answer(
    caller: Caller,
    command: clap::Command,
    words: &[String],
    environment: Environment,
) -> String {
    let asked = Arc::new(Asked::read(words, command.clone(), environment));
    let names: Names = Arc::new(move |kind, typed| asked.names(kind, typed));
    let answer = candidates(with_names(command, &names), words);
    caller.text(&answer, words.last().map_or("", String::as_str))
}

/// What the words before the last one say of the platform and of the target.
struct Asked {
    global: Global,
    cluster: KubernetesArgs,
    is_image: bool,
    takes_ended: bool,
    environment: Environment,
}

impl Asked {
    /// Reads the options, as far as they are typed.
    fn read(words: &[String], command: clap::Command, environment: Environment) -> Self {
        let program = command.get_name().to_owned();
        let of_kubectl = command.get_bin_name().is_some_and(|name| name.starts_with("kubectl"));
        let complete = words.split_last().map_or(&[][..], |(_, complete)| complete);
        let line =
            std::iter::once(OsString::from(program)).chain(complete.iter().map(OsString::from));
        let typed = command.ignore_errors(true).try_get_matches_from(line).unwrap_or_default();
        let inner = typed.subcommand().map(|(_, inner)| inner);
        let of = |name: &str| {
            inner.and_then(|inner| value::<String>(inner, name)).or_else(|| value(&typed, name))
        };
        let file = inner.and_then(|inner| value::<PathBuf>(inner, "kubeconfig"));
        let cluster = KubernetesArgs {
            namespace: of("namespace"),
            kube_context: of("kube_context").or_else(|| of("context").filter(|_| of_kubectl)),
            kubeconfig: file,
            is_plugin: of_kubectl,
            ..KubernetesArgs::default()
        };
        let is_image = inner.and_then(|inner| value(inner, "image")) == Some(true);
        let takes_ended = inner.and_then(|inner| value(inner, "mode")) == Some(ModeArg::Copy);
        let global = Global {
            host: of("host"),
            context: of("context").filter(|_| !of_kubectl),
            verbose: 0,
            quiet: true,
            color: Some(Color::Never),
        };
        let environment = Environment { is_completing: true, ..environment };
        Self { global, cluster, is_image, takes_ended, environment }
    }

    /// Returns the values of a kind.
    fn names(&self, kind: Kind, typed: &str) -> Vec<Candidate> {
        let of_kubectl = self.cluster.is_plugin;
        let is_pod = |typed: &str| of_kubectl || scratchdbg_args::is_pod_reference(typed);
        let wanted = match kind {
            Kind::Code => {
                let candidate = |code: &Code| Candidate {
                    value: code.as_str().to_owned(),
                    about: code.meaning().to_owned(),
                };
                return Code::ALL.iter().map(candidate).collect();
            }
            Kind::Level => {
                let candidate = |level: Level| Candidate {
                    value: level.as_str().to_owned(),
                    about: String::new(),
                };
                return Level::ALL.into_iter().map(candidate).collect();
            }
            Kind::Tool => return self.tools(),
            Kind::Toolkit => {
                return self.tools().into_iter().chain(self.ask(Wanted::Images)).collect();
            }
            Kind::KubeContext => Wanted::KubeContexts,
            Kind::Context if of_kubectl => Wanted::KubeContexts,
            Kind::Context => Wanted::Contexts,
            Kind::Namespace => Wanted::Namespaces,
            Kind::Target if self.is_image => Wanted::Images,
            Kind::Copied if typed.starts_with(['/', '.']) => return Vec::new(),
            Kind::Target | Kind::Container | Kind::Copied if is_pod(typed) => {
                Wanted::Pods(typed.to_owned())
            }
            Kind::Target => Wanted::Containers { all: self.takes_ended },
            Kind::Container | Kind::Copied => Wanted::Containers { all: true },
            Kind::Image => Wanted::Images,
            Kind::Subject => Wanted::ImagesAndContainers,
            Kind::Session => Wanted::Sessions,
            Kind::Project => Wanted::Projects,
        };
        self.ask(wanted)
    }

    /// Returns the names of tools in the settings.
    fn tools(&self) -> Vec<Candidate> {
        let settings = crate::settings::read(&self.environment).unwrap_or_default();
        let candidate = |(name, parts): (&str, &[Part])| Candidate {
            value: name.to_owned(),
            about: parts.iter().map(Part::to_string).collect::<Vec<_>>().join(", "),
        };
        settings.toolkits().iter().map(candidate).collect()
    }

    /// Asks the platform. An error is no candidate.
    fn ask(&self, wanted: Wanted) -> Vec<Candidate> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return Vec::new() };
        let names = platform::names(wanted, &self.global, &self.cluster, &self.environment);
        let names = runtime.block_on(async { tokio::time::timeout(TIME_LIMIT, names).await });
        // A thread may still be waiting for the platform.
        runtime.shutdown_background();
        let names = names.map(Result::unwrap_or_default).unwrap_or_default();
        names.into_iter().map(|each| Candidate { value: each.name, about: each.about }).collect()
    }
}

/// Returns the value of an option that this command may not have.
fn value<T: Clone + Send + Sync + 'static>(typed: &ArgMatches, name: &str) -> Option<T> {
    typed.try_get_one::<T>(name).ok().flatten().cloned()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use scratchdbg_args::Cli;

    use super::*;

    fn read(line: &str) -> Asked {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Asked::read(&words, Cli::command(), Environment::default())
    }

    #[test]
    fn options_are_read_as_far_as_they_are_typed() {
        let asked = read("-H unix:///a attach --image --nonsense w");
        assert_eq!((asked.global.host.as_deref(), asked.is_image), (Some("unix:///a"), true));
        let asked = read("logs --context far --namespace shop we");
        assert_eq!(asked.global.context.as_deref(), Some("far"));
        assert_eq!(asked.cluster.namespace.as_deref(), Some("shop"));
        assert!(read("attach --mode copy w").takes_ended && !read("attach w").takes_ended);
        assert_eq!(read("").global.host, None);
    }

    #[test]
    fn what_is_known_without_a_platform_needs_none() {
        let answer = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            super::answer(Caller::Cobra, Cli::command(), &words, Environment::default())
        };
        assert!(answer("check --explain loader-m").starts_with("loader-missing\t"));
        assert_eq!(answer("logs --level w"), "warn\n:4\n");
    }

    #[test]
    fn tools_are_those_of_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "[toolkits]\ncurl = '/opt/curl'\nnet = 'r.example/net:1'\n").unwrap();
        let answer = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let environment =
                Environment { config_file: Some(file.clone()), ..Environment::default() };
            super::answer(Caller::Cobra, Cli::command(), &words, environment)
        };
        assert_eq!(answer("attach --with-tools cu"), "curl\t/opt/curl\n:4\n");
        let several = answer("attach --with-tools curl,ne");
        assert!(several.starts_with("curl,net\timage r.example/net:1\n"), "{several}");
        let toolkit = answer("-H unix:///nonexistent attach --toolkit ne");
        assert!(toolkit.starts_with("net\timage r.example/net:1\n"), "{toolkit}");
    }
}
