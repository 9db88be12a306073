//! The environment variables that scratchdbg honors, read in this one place.

#![expect(clippy::disallowed_methods, reason = "this is the one place")]

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use scratchdbg_completion::Homes;
use scratchdbg_plugin::docker::{self, DockerFlags};
use scratchdbg_settings::{Key, Settings, Source};

/// The environment variables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `DOCKER_HOST`: the engine's address.
    pub(crate) docker_host: Option<String>,
    /// `DOCKER_CONTEXT`: a context of Docker's context store.
    pub(crate) docker_context: Option<String>,
    /// `DOCKER_CONFIG`, or `.docker` in the home directory.
    pub(crate) docker_config: Option<PathBuf>,
    /// Whether `DOCKER_TLS` is set, and not empty.
    pub(crate) docker_tls: bool,
    /// Whether `DOCKER_TLS_VERIFY` is set, and not empty.
    pub(crate) docker_tls_verify: bool,
    /// The flags that docker took for its plugin.
    pub(crate) docker_flags: DockerFlags,
    /// `DOCKER_CLI_PLUGIN_SOCKET`: the socket of the docker that runs this program as its plugin.
    pub(crate) docker_plugin_socket: Option<String>,
    /// `DOCKER_CERT_PATH`: the directory of the TLS files.
    pub(crate) docker_cert_path: Option<PathBuf>,
    /// `SOURCE_DATE_EPOCH`: the time stamp of images, in seconds since 1970.
    pub(crate) source_date_epoch: Option<String>,
    /// `TERM`: the type of the user's terminal.
    pub(crate) term: Option<String>,
    /// `TZ`: the time zone of times without one.
    pub(crate) zone: Option<OsString>,
    /// `KUBECONFIG`: files of Kubernetes configuration.
    pub(crate) kubeconfig: Option<OsString>,
    /// `.kube/config` in the home directory.
    pub(crate) default_kubeconfig: Option<PathBuf>,
    /// `scratchdbg/config.toml` in `XDG_CONFIG_HOME`, or in `.config` of the home directory.
    pub(crate) config_file: Option<PathBuf>,
    /// `SHELL`: the user's shell.
    pub(crate) shell: Option<String>,
    /// `XDG_DATA_HOME`, `XDG_CONFIG_HOME` and `BASH_COMPLETION_USER_DIR`: where shells look for
    /// completions.
    pub(crate) completion_homes: Homes,
    /// Whether `KUBERNETES_SERVICE_HOST` is set: this process runs in a container of a pod.
    pub(crate) is_in_pod: bool,
    /// Whether a shell completes a command line, so that nothing may be asked or printed.
    pub(crate) is_completing: bool,
    /// `XDG_RUNTIME_DIR`: the directory in which rootless engines create their sockets.
    pub(crate) runtime_dir: Option<PathBuf>,
}

impl Environment {
    /// Applies docker's flags, which override its variables.
    pub(crate) fn with(self, docker_flags: DockerFlags) -> Self {
        let docker_config = docker_flags.config.clone().or(self.docker_config);
        let docker_tls_verify = docker_flags.tls_verify.unwrap_or(self.docker_tls_verify);
        // Docker uses TLS where the flag is given, even as `--tlsverify=false`.
        let docker_tls = self.docker_tls || docker_flags.tls || docker_flags.tls_verify.is_some();
        Self { docker_config, docker_tls, docker_tls_verify, docker_flags, ..self }
    }

    /// Applies the time zone of the settings. `TZ` wins over the file.
    pub(crate) fn take(&mut self, settings: &Settings) {
        let is_from_file = settings.source(Key::TimeZone) == Some(Source::File);
        if let Some(zone) = settings.get(Key::TimeZone)
            && !(is_from_file && self.zone.is_some())
        {
            self.zone = Some(zone.into());
        }
    }

    /// Reads a variable that the user named on the command line.
    pub(crate) fn named(name: &str) -> Option<String> {
        env::var_os(name).map(lossy)
    }

    /// Reads the environment. An empty variable counts as absent.
    pub(crate) fn read() -> Self {
        let path =
            |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The XDG base directory specification ignores a relative path.
        let base = |name: &str| path(name).filter(|path| path.is_absolute());
        let home = |folder: &str| Some(base("HOME")?.join(folder));
        let config_home = base("XDG_CONFIG_HOME").or_else(|| home(".config"));
        let text = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(lossy);
        Self {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            docker_config: path("DOCKER_CONFIG").or_else(|| home(".docker")),
            docker_tls: text("DOCKER_TLS").is_some(),
            docker_tls_verify: text("DOCKER_TLS_VERIFY").is_some(),
            docker_flags: DockerFlags::default(),
            docker_plugin_socket: text(docker::SOCKET_VARIABLE),
            docker_cert_path: path("DOCKER_CERT_PATH"),
            source_date_epoch: text("SOURCE_DATE_EPOCH"),
            term: text("TERM"),
            zone: env::var_os("TZ").filter(|value| !value.is_empty()),
            kubeconfig: env::var_os("KUBECONFIG").filter(|value| !value.is_empty()),
            default_kubeconfig: home(".kube/config"),
            config_file: config_home.as_ref().map(|folder| folder.join("scratchdbg/config.toml")),
            shell: text("SHELL"),
            completion_homes: Homes {
                data: base("XDG_DATA_HOME").or_else(|| home(".local/share")),
                config: config_home,
                bash: path("BASH_COMPLETION_USER_DIR"),
            },
            is_in_pod: text("KUBERNETES_SERVICE_HOST").is_some(),
            is_completing: false,
            runtime_dir: path("XDG_RUNTIME_DIR"),
        }
    }
}

fn lossy(value: OsString) -> String {
    value.into_string().unwrap_or_else(|value| value.to_string_lossy().into_owned())
}
