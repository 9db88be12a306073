//! Formats the list of containers: as a table that fits the terminal, as ids, or by a template.

use anstyle::{AnsiColor, Style};
use scratchdbg_inspect::Row;

use crate::{Column, Fields, KEPT, Template, age, findings};

/// How the list is written.
#[derive(Debug)]
pub enum Listing {
    /// As a table.
    Table,
    /// As ids.
    Ids,
    /// By a template.
    Template(Template),
}

impl Listing {
    /// Whether the list shows what only a look into images tells.
    pub fn needs_images(&self) -> bool {
        match self {
            Self::Table => true,
            Self::Ids => false,
            Self::Template(template) => template.needs(Row::COSTLY_FIELDS),
        }
    }

    /// Returns the lines of the list. A table has at most `width` columns. With `is_whole`, nothing
    /// is cut.
    pub fn lines(&self, rows: &[Row], width: Option<usize>, is_whole: bool) -> Vec<String> {
        match self {
            Self::Table => crate::lines(COLUMNS, rows, width.filter(|_| !is_whole)),
            Self::Ids => rows.iter().map(|row| row.shown_id(is_whole).to_owned()).collect(),
            Self::Template(template) => {
                template.lines(&rows.iter().map(|row| Shown(row, is_whole)).collect::<Vec<_>>())
            }
        }
    }
}

/// A row, and whether its values are shown whole.
struct Shown<'a>(&'a Row, bool);

impl Fields for Shown<'_> {
    fn field(&self, name: &str) -> Option<String> {
        self.0.field(name, self.1)
    }

    fn label(&self, key: &str) -> String {
        self.0.label(key)
    }
}

/// A column whose cells have no style.
const fn plain(
    name: &'static str,
    cell: fn(&Row) -> String,
    rank: u8,
    may_shrink: bool,
) -> Column<Row> {
    Column { name, cell, style: |_| Style::new(), rank, may_shrink }
}

const COLUMNS: &[Column<Row>] = &[
    plain("NAME", |row| row.name.clone(), KEPT, true),
    Column { style: state_style, ..plain("STATE", state, KEPT, false) },
    Column {
        style: |row| findings::style(row.severity),
        ..plain("VERDICT", |row| row.verdict.to_owned(), KEPT, false)
    },
    plain("IMAGE", |row| row.image.clone(), 5, true),
    plain("USER", user, 3, true),
    Column { style: shell_style, ..plain("SHELL", shell, 4, false) },
    plain("ROOTFS", rootfs, 1, false),
    plain("TWIN", twin, 2, false),
    plain("RESTARTS", |row| row.restarts.to_string(), 0, false),
];

fn state(row: &Row) -> String {
    let state = match (row.state, row.exit_code, row.health.as_deref()) {
        ("running", _, None) => "up".to_owned(),
        ("running", _, Some(health)) => format!("up, {health},"),
        (state, Some(code), _) => format!("{state} {code}"),
        (state, None, _) => state.to_owned(),
    };
    match row.age.map(age) {
        Some(age) => format!("{state} {age}"),
        None => state,
    }
}

fn user(row: &Row) -> String {
    match row.user.as_deref() {
        Some("") => "root".to_owned(),
        Some(user) => user.to_owned(),
        None => "?".to_owned(),
    }
}

fn shell(row: &Row) -> String {
    match row.shell {
        Some(true) => "yes",
        Some(false) => "none",
        None => "?",
    }
    .to_owned()
}

fn rootfs(row: &Row) -> String {
    if row.read_only { "ro" } else { "rw" }.to_owned()
}

fn twin(row: &Row) -> String {
    match row.twin {
        Some(true) => "yes",
        Some(false) => "-",
        None => "?",
    }
    .to_owned()
}

fn state_style(row: &Row) -> Style {
    match (row.state, row.exit_code) {
        ("running", _) => AnsiColor::Green.on_default(),
        ("restarting" | "paused" | "dead", _) => AnsiColor::Yellow.on_default(),
        (_, Some(1..)) => AnsiColor::Red.on_default(),
        _ => Style::new().dimmed(),
    }
}

fn shell_style(row: &Row) -> Style {
    if row.shell == Some(false) { Style::new().dimmed() } else { Style::new() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scratchdbg_diagnose::Severity;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    fn row(name: &str) -> Row {
        Row {
            id: "1".into(),
            name: name.into(),
            state: "exited",
            since: None,
            health: None,
            exit_code: Some(137),
            image: "registry.example/shop/app:1".into(),
            image_id: String::new(),
            user: Some(String::new()),
            shell: Some(false),
            read_only: true,
            twin: Some(true),
            restarts: 3,
            verdict: "oom-killed",
            place: None,
            severity: Severity::Error,
            age: Some(Duration::from_secs(7_300)),
            details: scratchdbg_inspect::Details::default(),
        }
    }

    #[test]
    fn the_table_fits() {
        let plain = |width| -> Vec<String> {
            Listing::Table
                .lines(&[row("a-rather-long-name-of-a-container"), row("b")], width, false)
                .iter()
                .map(|line| anstream::adapter::strip_str(line).to_string())
                .collect()
        };
        let whole = plain(None);
        assert!(
            whole[1].contains("a-rather-long-name-of-a-container  exited 137 2h  oom-killed"),
            "{}",
            whole[1]
        );
        assert!(whole[1].ends_with('3') && whole[0].ends_with("RESTARTS"));
        for width in [50, 60, 80, 100, 140] {
            let lines = plain(Some(width));
            assert!(lines.iter().all(|line| line.width() <= width), "{width}: {lines:#?}");
            assert!(lines[0].contains("VERDICT"), "{width}");
        }
        assert_eq!(Listing::Table.lines(&[], None, false).len(), 1);
        assert_eq!(
            Listing::Table.lines(&[row("b")], Some(50), true)[1],
            Listing::Table.lines(&[row("b")], None, false)[1]
        );
        assert!(Listing::Table.needs_images() && !Listing::Ids.needs_images());
        let names = Template::parse("{{.Names}}{{.Label \"a\"}}", Row::FIELDS).unwrap();
        let names = Listing::Template(names);
        assert!(!names.needs_images());
        assert_eq!(names.lines(&[row("b"), row("c")], None, false), ["b", "c"]);
        assert_eq!(Listing::Ids.lines(&[row("b")], None, false), ["1"]);
    }
}
