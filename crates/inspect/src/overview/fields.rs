//! The fields of a container in the words of `docker ps`, for templates.

use std::time::Duration;

use super::{Details, Row};

/// The length of a short id.
const SHORT_ID: usize = 12;
/// The length to which a command is cut.
const SHORT_COMMAND: usize = 20;
/// The length to which the name of a mount is cut.
const SHORT_MOUNT: usize = 15;

impl Row {
    /// All fields: those of `docker ps`, as far as they are known, and our own.
    pub const FIELDS: &'static [&'static str] = &[
        "ID",
        "Names",
        "Image",
        "Command",
        "CreatedAt",
        "RunningFor",
        "Status",
        "State",
        "Ports",
        "Labels",
        "Mounts",
        "Networks",
        "Health",
        "ExitCode",
        "Restarts",
        "User",
        "Shell",
        "Twin",
        "Verdict",
    ];

    /// The fields that take more than a look at each container.
    pub const COSTLY_FIELDS: &'static [&'static str] = &["Shell", "Twin"];

    /// Returns the id, cut as docker cuts ids unless it is wanted whole.
    pub fn shown_id(&self, is_whole: bool) -> &str {
        if is_whole { &self.id } else { self.id.get(..SHORT_ID).unwrap_or(&self.id) }
    }

    /// Returns the value of a field, cut as docker cuts values unless it is wanted whole. `None` if
    /// there is no such field.
    pub fn field(&self, name: &str, is_whole: bool) -> Option<String> {
        let Details { command, labels, mounts, networks, ports, .. } = &self.details;
        let known = |known: Option<bool>| {
            known.map_or("?", |is_so| if is_so { "true" } else { "false" }).to_owned()
        };
        Some(match name {
            "ID" => self.shown_id(is_whole).to_owned(),
            "Names" => self.name.clone(),
            "Image" => self.image.clone(),
            "Command" => format!(
                "{:?}",
                if is_whole { command.clone() } else { cut(command, SHORT_COMMAND) }
            ),
            "CreatedAt" => self.details.created.map(created).unwrap_or_default(),
            "RunningFor" => self
                .details
                .created_ago
                .map(|ago| format!("{} ago", duration(ago)))
                .unwrap_or_default(),
            "Status" => self.status(),
            "State" => self.state.to_owned(),
            "Ports" => ports.join(", "),
            "Labels" => labels
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join(","),
            "Mounts" => {
                let shown =
                    |name: &String| if is_whole { name.clone() } else { cut(name, SHORT_MOUNT) };
                mounts.iter().map(shown).collect::<Vec<_>>().join(",")
            }
            "Networks" => networks.join(","),
            "Health" => self.health.clone().unwrap_or_default(),
            "ExitCode" => self.exit_code.map(|code| code.to_string()).unwrap_or_default(),
            "Restarts" => self.restarts.to_string(),
            "User" => self.user.clone().unwrap_or_else(|| "?".to_owned()),
            "Shell" => known(self.shell),
            "Twin" => known(self.twin),
            "Verdict" => self.verdict.to_owned(),
            _ => return None,
        })
    }

    /// Returns the value of a label; empty if the label is absent.
    pub fn label(&self, key: &str) -> String {
        self.details.labels.get(key).cloned().unwrap_or_default()
    }

    /// Describes the state in docker's words: `Up 2 hours (healthy)`, `Exited (3) 5 minutes ago`.
    fn status(&self) -> String {
        let Some(age) = self.age.map(duration) else {
            return match self.state {
                "created" => "Created".to_owned(),
                state => state.to_owned(),
            };
        };
        let health = match self.health.as_deref() {
            Some("starting") => " (health: starting)".to_owned(),
            Some(health) => format!(" ({health})"),
            None => String::new(),
        };
        let code = self.exit_code.unwrap_or_default();
        match self.state {
            "running" => format!("Up {age}{health}"),
            "paused" => format!("Up {age} (Paused)"),
            "restarting" => format!("Restarting ({code}) {age} ago"),
            "exited" => format!("Exited ({code}) {age} ago"),
            "removing" => "Removal In Progress".to_owned(),
            "dead" => "Dead".to_owned(),
            _ => "Created".to_owned(),
        }
    }
}

/// Cuts a text to this many characters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Formats the time of creation, in nanoseconds since 1970, as docker does: in seconds, with the
/// offset and the name of the zone.
fn created(nanoseconds: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).ok();
    time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()).unwrap_or_default()
}

/// Describes a duration as docker does, in one rounded unit.
fn duration(duration: Duration) -> String {
    const DAY: u64 = 24;
    const WEEK: u64 = 7 * DAY;
    const MONTH: u64 = 30 * DAY;
    const YEAR: u64 = 365 * DAY;
    let seconds = duration.as_secs();
    // Docker rounds hours, and cuts off everything else.
    let hours = (seconds + 1_800) / 3_600;
    match (seconds, hours) {
        (0, _) => "Less than a second".to_owned(),
        (1, _) => "1 second".to_owned(),
        (2..60, _) => format!("{seconds} seconds"),
        (60..120, _) => "About a minute".to_owned(),
        (120..3_600, _) => format!("{} minutes", seconds / 60),
        (_, 1) => "About an hour".to_owned(),
        (_, ..48) => format!("{hours} hours"),
        (_, hours) if hours < 2 * WEEK => format!("{} days", hours / DAY),
        (_, hours) if hours < 2 * MONTH => format!("{} weeks", hours / WEEK),
        (_, hours) if hours < 2 * YEAR => format!("{} months", hours / MONTH),
        _ => format!("{} years", seconds / 3_600 / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::tests::row;

    #[test]
    fn durations_are_said_as_docker_says_them() {
        const HOUR: u64 = 3_600;
        for (seconds, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (3_599, "59 minutes"),
            (HOUR, "About an hour"),
            (HOUR + 1_799, "About an hour"),
            (HOUR + 1_800, "2 hours"),
            (47 * HOUR, "47 hours"),
            (48 * HOUR, "2 days"),
            (13 * 24 * HOUR, "13 days"),
            (14 * 24 * HOUR, "2 weeks"),
            (60 * 24 * HOUR, "2 months"),
            (729 * 24 * HOUR, "24 months"),
            (730 * 24 * HOUR, "2 years"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text, "{seconds}");
        }
    }

    #[test]
    fn every_field_has_a_value() {
        for field in Row::FIELDS {
            assert!(row().field(field, false).is_some(), "{field}");
        }
        assert_eq!(row().field("Size", false), None);
        assert!(Row::COSTLY_FIELDS.iter().all(|field| Row::FIELDS.contains(field)));
    }

    #[test]
    fn values_are_cut_as_docker_cuts_them() {
        let mut row = row();
        row.id = "0123456789abcdef".into();
        row.details.command = "/app serve --port 8080".into();
        assert_eq!(row.field("ID", false).as_deref(), Some("0123456789ab"));
        assert_eq!(row.field("ID", true).as_deref(), Some("0123456789abcdef"));
        assert_eq!(row.field("Command", false).as_deref(), Some("\"/app serve --port 8…\""));
        assert_eq!(row.field("Command", true).as_deref(), Some("\"/app serve --port 8080\""));
        assert_eq!(created(0), "1970-01-01 00:00:00 +0000 UTC");
    }

    #[test]
    fn states_are_said_as_docker_says_them() {
        let said = |state: &'static str, health: Option<&str>, age: Option<u64>| {
            let health = health.map(str::to_owned);
            Row { state, health, exit_code: Some(3), age: age.map(Duration::from_secs), ..row() }
                .status()
        };
        assert_eq!(said("running", None, Some(7)), "Up 7 seconds");
        assert_eq!(said("running", Some("healthy"), Some(7)), "Up 7 seconds (healthy)");
        assert_eq!(said("running", Some("starting"), Some(7)), "Up 7 seconds (health: starting)");
        assert_eq!(said("paused", None, Some(7)), "Up 7 seconds (Paused)");
        assert_eq!(said("exited", None, Some(300)), "Exited (3) 5 minutes ago");
        assert_eq!(said("restarting", None, Some(1)), "Restarting (3) 1 second ago");
        assert_eq!(said("created", None, None), "Created");
        assert_eq!(said("created", None, Some(7)), "Created");
    }
}
