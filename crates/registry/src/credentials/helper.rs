//! Credential helpers: `docker-credential-NAME` programs, each asked for one registry
//! (docker-credential-helpers).

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{Credential, CredentialError, Secret};

/// The longest accepted output, more than any token.
const LONGEST_ANSWER: u64 = 1024 * 1024;
/// The text that helpers print if they have no credential.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Other messages of the protocol.
const KNOWN: [&str; 4] = [
    "no credentials server URL",
    "no credentials username",
    "credentials store is not initialized",
    "Unknown credential action `get`",
];
/// How long the output of a helper that has ended is waited for: a process that it has left in the
/// background may keep it open.
const AFTER_END: Duration = Duration::from_millis(500);

/// Not `Debug`: it contains a password.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    username: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// Asks the helper `name` for the credential of `key`.
pub(super) async fn ask(
    name: &str,
    key: &str,
    timeout: Duration,
) -> Result<Option<Credential>, CredentialError> {
    let program = format!("docker-credential-{name}");
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err(CredentialError::Helper {
            program,
            reason: "has no name that a program can have".into(),
        });
    }
    run(Path::new(&program), key, timeout).await
}

/// Runs a helper. The registry's name is written to its standard input, as the protocol requires,
/// so that no shell interprets it.
pub(super) async fn run(
    program: &Path,
    key: &str,
    timeout: Duration,
) -> Result<Option<Credential>, CredentialError> {
    let failed =
        |reason: String| CredentialError::Helper { program: program.display().to_string(), reason };
    let answered = tokio::time::timeout(timeout, exchange(program, key)).await;
    let (status, output) = answered
        .map_err(|_| failed(format!("gave no answer within {} seconds", timeout.as_secs())))?
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    if output.len() as u64 > LONGEST_ANSWER {
        return Err(failed("says too much".into()));
    }
    if !status.success() {
        // Nothing else of the output is shown: a secret may be in it.
        let said = String::from_utf8_lossy(&output);
        if said.contains(NOT_FOUND) {
            return Ok(None);
        }
        let known = KNOWN.iter().find(|known| said.trim() == **known);
        return Err(failed(
            known.map_or_else(|| format!("failed ({status})"), |known| format!("failed: {known}")),
        ));
    }
    let answer: Answer =
        serde_json::from_slice(&output).map_err(|_| failed("answers with no JSON".into()))?;
    let secret = Secret::new(answer.secret);
    Ok(match answer.username.as_str() {
        "" if secret.reveal().is_empty() => None,
        // Docker's marker for an identity token.
        "<token>" => Some(Credential::Identity(secret)),
        _ => Some(Credential::Login { username: answer.username, password: secret }),
    })
}

async fn exchange(program: &Path, key: &str) -> io::Result<(std::process::ExitStatus, Vec<u8>)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read may still answer.
        let _unread = stdin.write_all(key.as_bytes()).await;
    }
    let mut output = Vec::new();
    let stdout = child.stdout.take().map(|stdout| stdout.take(LONGEST_ANSWER + 1));
    let ended = {
        let mut read = std::pin::pin!(async {
            match stdout {
                Some(mut stdout) => stdout.read_to_end(&mut output).await,
                None => Ok(0),
            }
        });
        tokio::select! {
            biased;
            read = &mut read => {
                read?;
                None
            }
            ended = child.wait() => {
                let _in_background = tokio::time::timeout(AFTER_END, &mut read).await;
                Some(ended?)
            }
        }
    };
    if output.len() as u64 > LONGEST_ANSWER {
        child.start_kill()?;
    }
    let status = match ended {
        Some(status) => status,
        None => child.wait().await?,
    };
    Ok((status, output))
}
