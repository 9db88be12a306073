//! `sessions`: lists and ends debug sessions in the engine, or on the pods of a cluster.

use scratchdbg_backend::{Session, SessionBackend as _, SessionList};
use scratchdbg_format as format;

use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::platform::{self, Location, on_sessions};
use scratchdbg_args::{Format, KubernetesArgs, SessionsCommand};

pub(crate) async fn sessions(command: SessionsCommand, context: &Context) -> Outcome {
    if let SessionsCommand::Rm { sessions, .. } = &command {
        check_ids(sessions)?;
    }
    let options = KubernetesArgs::from(command.cluster());
    let location = platform::location(&[], &options)?;
    let platform = context.platform_of(&[], &options).await?;
    on_sessions!(platform, context.printer, platform => match command {
        SessionsCommand::Ls { format, .. } => list(platform, location, format, context).await,
        SessionsCommand::Rm { sessions, all, .. } => remove(platform, &sessions, all, context).await,
        SessionsCommand::Gc { .. } => {
            let count = platform.collect_garbage().await?;
            context.printer.note(&format!("{count} removed"));
            Ok(0)
        }
    })
}

async fn list(
    platform: &impl SessionList,
    location: Location,
    wanted: Format,
    context: &Context,
) -> Outcome {
    let (sessions, failure) = platform.sessions().await?;
    if wanted == Format::Json {
        context.printer.json(&sessions)?;
    } else {
        for line in format::sessions(&sessions, location == Location::Cluster) {
            context.printer.line(&line)?;
        }
    }
    // Sessions that cannot be read do not prevent listing the others.
    if let Some(failure) = failure {
        context.printer.warning(&format!("not all may be listed: {}", failure.message));
        failure.hints.iter().for_each(|hint| context.printer.hint(hint));
    }
    Ok(0)
}

/// Refuses an empty id: it is a prefix of every id.
fn check_ids(wanted: &[String]) -> Result<(), CommandError> {
    if wanted.iter().any(|id| id.trim().is_empty()) {
        return Err(CommandError::usage("the id of a session is empty")
            .hint("`scratchdbg sessions ls` lists the sessions; --all ends all of them"));
    }
    Ok(())
}

async fn remove(
    platform: &impl SessionList,
    wanted: &[String],
    all: bool,
    context: &Context,
) -> Outcome {
    let (sessions, failure) = platform.sessions().await?;
    let chosen: Vec<&Session> =
        if all { sessions.iter().collect() } else { choose(&sessions, wanted)? };
    // A failure to end one session does not prevent ending the others.
    let mut failures: Vec<CommandError> =
        failure.filter(|_| all).map(Into::into).into_iter().collect();
    for session in chosen {
        match platform.remove_session(session).await {
            Ok(()) => context.printer.note(&format!("{} removed", session.id)),
            Err(error) => failures.push(error.into()),
        }
    }
    let last = failures.pop();
    for failure in failures {
        context.printer.error(&failure.message);
        failure.hints.iter().for_each(|hint| context.printer.hint(hint));
    }
    last.map_or(Ok(0), Err)
}

/// Returns the named sessions without duplicates. All names are resolved before the first session
/// is ended.
fn choose<'a>(
    sessions: &'a [Session],
    wanted: &[String],
) -> Result<Vec<&'a Session>, CommandError> {
    let mut chosen: Vec<&Session> = Vec::new();
    for id in wanted {
        let mut matching = sessions.iter().filter(|session| session.id.starts_with(id.as_str()));
        let shown = scratchdbg_logs::escape::label(id);
        let session = match (matching.next(), matching.next()) {
            (Some(session), None) => session,
            (Some(_), Some(_)) => {
                return Err(CommandError::new(format!("`{shown}` is ambiguous"))
                    .hint("give more of the session's id"));
            }
            (None, _) => {
                return Err(CommandError::new(format!("no session `{shown}`"))
                    .hint("`scratchdbg sessions ls` lists the sessions"));
            }
        };
        if !chosen.iter().any(|other| other.id == session.id) {
            chosen.push(session);
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use scratchdbg_backend::SessionState;

    use super::*;

    fn session(id: &str) -> Session {
        Session {
            id: id.to_owned(),
            target: String::new(),
            target_name: String::new(),
            mode: String::new(),
            created_at: String::new(),
            age: None,
            running: true,
            state: SessionState::Running,
            parts: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    #[test]
    fn sessions_are_chosen_by_a_beginning_that_only_one_has() {
        let sessions = ["0a11", "0a12", "b000"].map(session);
        for (wanted, expected) in [
            (&["0a11"][..], Ok(vec!["0a11"])),
            (&["b", "b000", "0a12"], Ok(vec!["b000", "0a12"])),
            (&["b", "0a"], Err("`0a` is ambiguous")),
            (&["b", "c"], Err("no session `c`")),
            (&["0a11x"], Err("no session `0a11x`")),
        ] {
            let wanted: Vec<String> = wanted.iter().map(|&id| id.to_owned()).collect();
            let chosen = choose(&sessions, &wanted);
            let ids =
                chosen.map(|chosen| chosen.iter().map(|session| &*session.id).collect::<Vec<_>>());
            assert_eq!(
                ids.as_ref().map_err(|error| &*error.message),
                expected.as_ref().map_err(|&text| text)
            );
        }
    }
}
