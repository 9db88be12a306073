//! The list as a table that fits the terminal.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use scratchdbg_logs::escape;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Row;
use crate::findings;

const GAP: &str = "  ";
const HEADER: Style = Style::new().bold();
/// A column is not made narrower than this.
const NARROWEST: usize = 12;

/// A column, with what it shows of a row.
struct Column {
    name: &'static str,
    cell: fn(&Row) -> String,
    /// On a narrow terminal the columns with the lowest go first; [`KEPT`] ones stay.
    rank: u8,
    /// It may be cut to make room.
    may_shrink: bool,
}

const KEPT: u8 = u8::MAX;

const COLUMNS: &[Column] = &[
    Column { name: "NAME", cell: |row| row.name.clone(), rank: KEPT, may_shrink: true },
    Column { name: "STATE", cell: state, rank: KEPT, may_shrink: false },
    Column { name: "VERDICT", cell: |row| row.verdict.to_owned(), rank: KEPT, may_shrink: false },
    Column { name: "IMAGE", cell: |row| row.image.clone(), rank: 5, may_shrink: true },
    Column { name: "USER", cell: user, rank: 3, may_shrink: true },
    Column { name: "SHELL", cell: shell, rank: 4, may_shrink: false },
    Column { name: "ROOTFS", cell: rootfs, rank: 1, may_shrink: false },
    Column { name: "TWIN", cell: twin, rank: 2, may_shrink: false },
    Column { name: "RESTARTS", cell: |row| row.restarts.to_string(), rank: 0, may_shrink: false },
];

fn state(row: &Row) -> String {
    let state = match (row.state, row.exit_code, row.health.as_deref()) {
        ("running", _, None) => "up".to_owned(),
        ("running", _, Some(health)) => format!("up, {health},"),
        (state, Some(code), _) => format!("{state} {code}"),
        (state, None, _) => state.to_owned(),
    };
    match row.age.map(in_words) {
        Some(age) => format!("{state} {age}"),
        None => state,
    }
}

fn user(row: &Row) -> String {
    if row.user.is_empty() { "root".to_owned() } else { row.user.clone() }
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
    if row.twin { "yes" } else { "-" }.to_owned()
}

fn in_words(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}min", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The table's lines, the header first; the header alone where there is nothing.
pub(super) fn lines(rows: &[Row], width: Option<usize>) -> Vec<String> {
    let mut columns: Vec<(&Column, Vec<String>, usize)> = COLUMNS
        .iter()
        .map(|column| {
            let cells: Vec<String> = rows.iter().map(|row| escape::label(&(column.cell)(row)).into_owned()).collect();
            let widest = cells.iter().map(|cell| cell.width()).max().unwrap_or_default().max(column.name.len());
            (column, cells, widest)
        })
        .collect();
    if let Some(width) = width {
        fit(&mut columns, width);
    }
    let last = columns.len().saturating_sub(1);
    let line = |cells: Vec<(String, Style)>| {
        let cells = cells.into_iter().zip(&columns).enumerate().map(|(index, ((cell, style), (_, _, width)))| {
            let cell = cut(&cell, *width);
            let fill = if index == last { 0 } else { width.saturating_sub(cell.width()) };
            format!("{style}{cell}{style:#}{}", " ".repeat(fill))
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    let header = line(columns.iter().map(|(column, _, _)| (column.name.to_owned(), HEADER)).collect());
    let body = rows.iter().enumerate().map(|(index, row)| {
        line(columns.iter().map(|(column, cells, _)| (cells[index].clone(), style(column, row))).collect())
    });
    std::iter::once(header).chain(body).collect()
}

/// Cuts what may be cut, then leaves columns out, until the table fits.
fn fit(columns: &mut Vec<(&Column, Vec<String>, usize)>, width: usize) {
    let total = |columns: &[(&Column, Vec<String>, usize)]| {
        columns.iter().map(|(_, _, width)| width + GAP.len()).sum::<usize>().saturating_sub(GAP.len())
    };
    loop {
        let excess = total(columns).saturating_sub(width);
        if excess == 0 {
            return;
        }
        let widest = columns.iter_mut().filter(|(column, _, width)| column.may_shrink && *width > NARROWEST);
        if let Some((_, _, cell_width)) = widest.max_by_key(|(_, _, width)| *width) {
            *cell_width -= excess.min(*cell_width - NARROWEST);
            continue;
        }
        match columns
            .iter()
            .enumerate()
            .filter(|(_, (column, _, _))| column.rank != KEPT)
            .min_by_key(|(_, (column, _, _))| column.rank)
        {
            Some((index, _)) => drop(columns.remove(index)),
            None => return,
        }
    }
}

/// A cell of at most `width` columns.
fn cut(cell: &str, width: usize) -> String {
    if cell.width() <= width {
        return cell.to_owned();
    }
    let mut used = 1;
    let fits = |character: &char| {
        used += character.width().unwrap_or_default();
        used <= width
    };
    let kept: String = cell.chars().take_while(fits).collect();
    format!("{kept}…")
}

fn style(column: &Column, row: &Row) -> Style {
    match (column.name, row.state, row.exit_code) {
        ("VERDICT", ..) => findings::style(row.severity),
        ("STATE", "running", _) => AnsiColor::Green.on_default(),
        ("STATE", "restarting" | "paused" | "dead", _) => AnsiColor::Yellow.on_default(),
        ("STATE", _, Some(1..)) => AnsiColor::Red.on_default(),
        ("STATE", ..) => Style::new().dimmed(),
        ("SHELL", ..) if row.shell == Some(false) => Style::new().dimmed(),
        _ => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scratchdbg_diagnose::Severity;

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
            user: String::new(),
            shell: Some(false),
            read_only: true,
            twin: true,
            restarts: 3,
            verdict: "oom-killed",
            severity: Severity::Error,
            age: Some(Duration::from_secs(7_300)),
        }
    }

    #[test]
    fn the_table_fits() {
        let plain = |width| -> Vec<String> {
            lines(&[row("a-rather-long-name-of-a-container"), row("b")], width)
                .iter()
                .map(|line| anstream::adapter::strip_str(line).to_string())
                .collect()
        };
        let whole = plain(None);
        assert!(whole[1].contains("a-rather-long-name-of-a-container  exited 137 2h  oom-killed"), "{}", whole[1]);
        assert!(whole[1].ends_with('3') && whole[0].ends_with("RESTARTS"));
        for width in [50, 60, 80, 100, 140] {
            let lines = plain(Some(width));
            assert!(lines.iter().all(|line| line.width() <= width), "{width}: {lines:#?}");
            assert!(lines[0].contains("VERDICT"), "{width}");
        }
        assert_eq!(lines(&[], None).len(), 1);
    }

    #[test]
    fn names_cannot_drive_the_terminal() {
        let lines = lines(&[row("\u{1b}[2J\nx")], None);
        let plain = anstream::adapter::strip_str(&lines[1]).to_string();
        assert!(!plain.contains(['\u{1b}', '\n']), "{plain}");
    }
}
