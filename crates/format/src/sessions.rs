//! The table of debug sessions.

use std::time::Duration;

use anstyle::Style;
use scratchdbg_backend::{Part, Session, SessionState};

use crate::{Column, KEPT, lines};

/// Returns the table of sessions in lines. Those on pods have places.
pub fn sessions(sessions: &[Session], are_on_pods: bool) -> Vec<String> {
    lines(if are_on_pods { POD_COLUMNS } else { COLUMNS }, sessions, None)
}

const fn column(name: &'static str, cell: fn(&Session) -> String) -> Column<Session> {
    Column { name, cell, style: |_| Style::new(), rank: KEPT, may_shrink: false }
}

const ID: Column<Session> = column("SESSION", |session| session.id.clone());
const TARGET: Column<Session> = column("TARGET", |session| session.target_name.clone());
const MODE: Column<Session> = column("MODE", |session| session.mode.clone());
const AGE: Column<Session> = column("AGE", |session| {
    session.age.map_or_else(|| "?".to_owned(), |age| crate::age(Duration::from_secs(age)))
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
        Some(size) => format!("{} ({})", part.kind, crate::size(size)),
        None => part.role.to_owned(),
    }
}
