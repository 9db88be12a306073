//! The program that hands out credentials (`exec` of a configuration).

use std::process::Stdio;
use std::time::Duration;

use kube::config::{Cluster, ExecConfig, ExecInteractiveMode};
use scratchdbg_secrets::{Limits, answer, ended};
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::answer::{Answer, read};
use super::{CredentialError, Dialog};
use crate::config::Problem;

/// The longest accepted output, more than any credential.
const LONGEST_ANSWER: u64 = 1 << 20;

/// The time limit where no person is there, who may have to log in elsewhere.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// The extension of a cluster with the settings of its credential program.
const EXTENSION: &str = "client.authentication.k8s.io/exec";

/// A credential program. Not `Debug`: its arguments and variables may contain secrets.
pub(crate) struct Program {
    command: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    api_version: Option<String>,
    mode: ExecInteractiveMode,
    /// What the program is told of the cluster.
    cluster: Option<Value>,
}

impl Program {
    /// Reads the settings of a program. The authority of the cluster is in its data.
    pub(crate) fn read(exec: ExecConfig, cluster: &Cluster) -> Result<Self, Problem> {
        let command = exec.command.filter(|command| !command.is_empty());
        let command =
            command.ok_or(Problem::Setting { setting: "exec", reason: "has no `command`" })?;
        let variables = exec.env.unwrap_or_default().into_iter();
        let variables = variables
            .filter_map(|mut variable| Some((variable.remove("name")?, variable.remove("value")?)));
        Ok(Self {
            command,
            arguments: exec.args.unwrap_or_default(),
            variables: variables.collect(),
            api_version: exec.api_version,
            mode: exec.interactive_mode.unwrap_or(ExecInteractiveMode::IfAvailable),
            cluster: exec.provide_cluster_info.then(|| about(cluster)),
        })
    }

    /// Runs the program. What it prints on standard error is its own affair. Dropping the future
    /// ends the program.
    pub(super) async fn run(&self, dialog: Dialog) -> Result<Answer, CredentialError> {
        let can_ask = dialog == Dialog::Terminal { has_input: true };
        let is_interactive = match self.mode {
            ExecInteractiveMode::Never => false,
            ExecInteractiveMode::IfAvailable => can_ask,
            ExecInteractiveMode::Always if can_ask => true,
            ExecInteractiveMode::Always => {
                return Err(self.failed("has to ask, and there is no terminal for it"));
            }
        };
        let mut command = Command::new(&self.command);
        command
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("KUBERNETES_EXEC_INFO", self.request(is_interactive).to_string());
        command.stdin(if is_interactive { Stdio::inherit() } else { Stdio::null() });
        command.stderr(if dialog == Dialog::None { Stdio::null() } else { Stdio::inherit() });
        // On a terminal the program stays in this process's group: it could not ask otherwise, not
        // even through /dev/tty. Ctrl-C reaches it there.
        let is_attended = matches!(dialog, Dialog::Terminal { .. });
        let limits = Limits {
            time: (!is_attended).then_some(TIME_LIMIT),
            output: LONGEST_ANSWER,
            has_own_group: !is_attended,
        };
        tracing::debug!("runs the credential program {:?}", self.name());
        let answer = answer(command, None, limits).await.map_err(|error| match error {
            scratchdbg_secrets::Error::NotStarted(_) => CredentialError::Program {
                program: self.name().to_owned(),
                reason: error.to_string(),
            },
            error => self.failed(&error.to_string()),
        })?;
        if !answer.status.success() {
            return Err(self.failed(&ended(answer.status)));
        }
        read(&answer.output, self.api_version.as_deref()).map_err(|reason| self.failed(reason))
    }

    /// Returns the name without what may be arguments, if the name is none of a program.
    fn name(&self) -> &str {
        self.command.split_whitespace().next().unwrap_or_default()
    }

    fn failed(&self, reason: &str) -> CredentialError {
        CredentialError::Program { program: self.command.clone(), reason: reason.to_owned() }
    }

    /// Returns what the program is told, as an `ExecCredential`.
    fn request(&self, is_interactive: bool) -> Value {
        let mut spec = json!({ "interactive": is_interactive });
        if let Some(cluster) = &self.cluster {
            spec["cluster"] = cluster.clone();
        }
        let mut request = json!({ "kind": "ExecCredential", "spec": spec });
        if let Some(version) = &self.api_version {
            request["apiVersion"] = version.as_str().into();
        }
        request
    }
}

/// Returns what a program is told of a cluster.
fn about(cluster: &Cluster) -> Value {
    let extensions = cluster.extensions.iter().flatten();
    let config = extensions.filter(|extension| extension.name == EXTENSION);
    let fields = [
        ("server", cluster.server.as_deref().map(Value::from)),
        ("tls-server-name", cluster.tls_server_name.as_deref().map(Value::from)),
        ("insecure-skip-tls-verify", cluster.insecure_skip_tls_verify.map(Value::from)),
        (
            "certificate-authority-data",
            cluster.certificate_authority_data.as_deref().map(Value::from),
        ),
        ("proxy-url", cluster.proxy_url.as_deref().map(Value::from)),
        ("disable-compression", cluster.disable_compression.map(Value::from)),
        ("config", config.map(|extension| extension.extension.clone()).next()),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect::<Map<_, _>>())
}
