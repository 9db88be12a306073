//! `sessions`: what debug sessions there are in the engine, and getting rid of them.

use std::time::Duration;

use scratchdbg_engine::Session;

use crate::args::{Format, SessionsCommand};
use crate::context::Context;
use crate::error::{CommandError, Outcome};

pub(crate) async fn sessions(command: SessionsCommand, context: &Context) -> Outcome {
    match command {
        SessionsCommand::Ls { format } => list(format, context).await,
        SessionsCommand::Rm { sessions, all } => remove(&sessions, all, context).await,
        SessionsCommand::Gc => {
            let count = context.engine().await?.collect_garbage().await?;
            context.printer.note(&format!("{count} removed"));
            Ok(0)
        }
    }
}

async fn list(format: Format, context: &Context) -> Outcome {
    let sessions = context.engine().await?.sessions().await?;
    if format == Format::Json {
        context.printer.json(&sessions)?;
        return Ok(0);
    }
    let rows: Vec<[String; 5]> = std::iter::once(["SESSION", "TARGET", "MODE", "AGE", "STATE"].map(str::to_owned))
        .chain(sessions.iter().map(row))
        .collect();
    let widths: Vec<usize> =
        (0..4).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()).collect();
    for [session, target, mode, age, state] in &rows {
        let (a, b, c, d) = (widths[0], widths[1], widths[2], widths[3]);
        context.printer.line(&format!("{session:a$}  {target:b$}  {mode:c$}  {age:d$}  {state}"))?;
    }
    Ok(0)
}

fn row(session: &Session) -> [String; 5] {
    let safe = |text: &str| scratchdbg_logs::escape::label(text).into_owned();
    let age = session.created_at.parse::<jiff::Timestamp>().ok().map(|created| jiff::Timestamp::now() - created);
    let age = age.and_then(|age| Duration::try_from(age).ok());
    let state = if session.running { "running" } else { "abandoned" };
    [
        safe(&session.id),
        safe(&session.target_name),
        safe(&session.mode),
        age.map_or_else(|| "?".to_owned(), duration),
        state.to_owned(),
    ]
}

/// One unit is enough to tell sessions apart.
fn duration(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds @ 7200..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86400),
    }
}

async fn remove(wanted: &[String], all: bool, context: &Context) -> Outcome {
    let engine = context.engine().await?;
    let sessions = engine.sessions().await?;
    let mut chosen = Vec::new();
    for id in wanted {
        let mut matching = sessions.iter().filter(|session| session.id.starts_with(id.as_str()));
        match (matching.next(), matching.next()) {
            (Some(session), None) => chosen.push(session),
            (Some(_), Some(_)) => {
                return Err(CommandError::new(format!("`{id}` is ambiguous")).hint("give more of the session's id"));
            }
            (None, _) => {
                return Err(
                    CommandError::new(format!("no session `{id}`")).hint("`scratchdbg sessions ls` lists the sessions")
                );
            }
        }
    }
    if all {
        chosen = sessions.iter().collect();
    }
    for session in chosen {
        engine.remove_session(session).await?;
        context.printer.note(&format!("{} removed", session.id));
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        for (seconds, text) in [(0, "0s"), (119, "119s"), (120, "2m"), (7200, "2h"), (172_800, "2d")] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
