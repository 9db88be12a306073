//! `sessions`: lists and ends debug sessions in the engine, or on the pods of a cluster.

use std::time::Duration;

use anstyle::Style;
use scratchdbg_backend::{Part, Session, SessionBackend as _, SessionList, SessionState};
use scratchdbg_format::{self as format, Column, KEPT};

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
    format: Format,
    context: &Context,
) -> Outcome {
    let (sessions, failure) = platform.sessions().await?;
    if format == Format::Json {
        context.printer.json(&sessions)?;
    } else {
        let columns = match location {
            Location::Engine => COLUMNS,
            Location::Cluster => POD_COLUMNS,
        };
        for line in scratchdbg_format::lines(columns, &sessions, None) {
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

const fn column(name: &'static str, cell: fn(&Session) -> String) -> Column<Session> {
    Column { name, cell, style: |_| Style::new(), rank: KEPT, may_shrink: false }
}

const ID: Column<Session> = column("SESSION", |session| session.id.clone());
const TARGET: Column<Session> = column("TARGET", |session| session.target_name.clone());
const MODE: Column<Session> = column("MODE", |session| session.mode.clone());
const AGE: Column<Session> = column("AGE", |session| {
    session.age.map_or_else(|| "?".to_owned(), |age| format::age(Duration::from_secs(age)))
});
const STATE: Column<Session> = column("STATE", |session| state(session.state).to_owned());
const PARTS: Column<Session> =
    column("PARTS", |session| session.parts.iter().map(part).collect::<Vec<_>>().join(", "));
const NAMESPACE: Column<Session> = column("NAMESPACE", |session| place(session, "namespace"));
const NODE: Column<Session> = column("NODE", |session| place(session, "node"));

const COLUMNS: &[Column<Session>] = &[ID, TARGET, MODE, AGE, STATE, PARTS];

/// The columns for sessions on pods.
const POD_COLUMNS: &[Column<Session>] = &[ID, NAMESPACE, TARGET, NODE, MODE, AGE, STATE, PARTS];

fn place(session: &Session, name: &str) -> String {
    session.places.get(name).cloned().unwrap_or_default()
}

fn state(state: SessionState) -> &'static str {
    match state {
        SessionState::Running => "running",
        SessionState::Changing => "starting",
        SessionState::Left => "left over",
    }
}

fn part(part: &Part) -> String {
    match part.size {
        Some(size) => format!("{} ({})", part.kind, format::size(size)),
        None => part.role.to_owned(),
    }
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
