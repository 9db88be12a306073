//! Formats tables that fit the terminal.

use anstyle::Style;
use scratchdbg_logs::escape;
use scratchdbg_logs::render::shorten;
use unicode_width::UnicodeWidthStr as _;

const GAP: &str = "  ";
const HEADER: Style = Style::new().bold();
/// The smallest width that a column is cut to.
const NARROWEST: usize = 12;

/// A column.
#[derive(Debug)]
pub struct Column<R> {
    /// The header.
    pub name: &'static str,
    /// Returns the text of a cell. It is escaped before it is shown.
    pub cell: fn(&R) -> String,
    /// Returns the style of a cell.
    pub style: fn(&R) -> Style,
    /// If the table is too wide, columns with the lowest rank are left out first. Columns with rank
    /// [`KEPT`] stay.
    pub rank: u8,
    /// Whether it may be cut to make room.
    pub may_shrink: bool,
}

/// The rank of a column that is never left out.
pub const KEPT: u8 = u8::MAX;

/// The cells of a column, and its width.
struct Laid<'a, R> {
    column: &'a Column<R>,
    cells: Vec<String>,
    width: usize,
}

/// Formats rows as a table of at most `width` characters: the header, and a line for each row.
pub fn lines<R>(columns: &[Column<R>], rows: &[R], width: Option<usize>) -> Vec<String> {
    let mut laid: Vec<Laid<'_, R>> = columns
        .iter()
        .map(|column| {
            let cells: Vec<String> =
                rows.iter().map(|row| escape::label(&(column.cell)(row)).into_owned()).collect();
            let widest = cells.iter().map(|cell| cell.width()).max().unwrap_or_default();
            Laid { column, cells, width: widest.max(column.name.len()) }
        })
        .collect();
    if let Some(width) = width {
        fit(&mut laid, width);
    }
    let last = laid.len().saturating_sub(1);
    let line = |cells: Vec<(&str, Style)>| {
        let cells = cells.into_iter().zip(&laid).enumerate().map(
            |(index, ((cell, style), Laid { width, .. }))| {
                let cell = shorten(cell, *width);
                let fill = if index == last { 0 } else { width.saturating_sub(cell.width()) };
                format!("{style}{cell}{style:#}{}", " ".repeat(fill))
            },
        );
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    let header = line(laid.iter().map(|laid| (laid.column.name, HEADER)).collect());
    let body = rows.iter().enumerate().map(|(index, row)| {
        line(laid.iter().map(|laid| (&*laid.cells[index], (laid.column.style)(row))).collect())
    });
    std::iter::once(header).chain(body).collect()
}

/// Cuts columns that may be cut, then leaves columns out, until the table fits.
fn fit<R>(columns: &mut Vec<Laid<'_, R>>, width: usize) {
    let total = |columns: &[Laid<'_, R>]| {
        columns.iter().map(|laid| laid.width + GAP.len()).sum::<usize>().saturating_sub(GAP.len())
    };
    loop {
        let excess = total(columns).saturating_sub(width);
        if excess == 0 {
            return;
        }
        let widest =
            columns.iter_mut().filter(|laid| laid.column.may_shrink && laid.width > NARROWEST);
        if let Some(laid) = widest.max_by_key(|laid| laid.width) {
            laid.width -= excess.min(laid.width - NARROWEST);
            continue;
        }
        let ranked = columns.iter().enumerate().filter(|(_, laid)| laid.column.rank != KEPT);
        match ranked.min_by_key(|(_, laid)| laid.column.rank) {
            Some((index, _)) => drop(columns.remove(index)),
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column<&str>] = &[
        Column {
            name: "NAME",
            cell: |row| (*row).to_owned(),
            style: |_| Style::new(),
            rank: KEPT,
            may_shrink: true,
        },
        Column {
            name: "LENGTH",
            cell: |row| row.len().to_string(),
            style: |_| Style::new(),
            rank: 1,
            may_shrink: false,
        },
        Column {
            name: "AGAIN",
            cell: |row| (*row).to_owned(),
            style: |_| Style::new(),
            rank: 0,
            may_shrink: true,
        },
    ];

    fn plain(rows: &[&'static str], width: Option<usize>) -> Vec<String> {
        lines(COLUMNS, rows, width)
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect()
    }

    #[test]
    fn tables_fit() {
        let rows = ["a-rather-long-name-of-a-container", "b", "日本語日本語日本語日本語"];
        assert_eq!(plain(&rows, None)[2], "b                                  1       b");
        for width in [20, 24, 40, 60, 200] {
            let lines = plain(&rows, Some(width));
            assert!(lines.iter().all(|line| line.width() <= width), "{width}: {lines:#?}");
        }
        assert_eq!(plain(&rows, Some(20))[0], "NAME          LENGTH");
        assert_eq!(plain(&[], None), ["NAME  LENGTH  AGAIN"]);
    }

    #[test]
    fn cells_cannot_drive_the_terminal() {
        let line = &plain(&["\u{1b}[2J\nx"], None)[1];
        assert!(!line.contains(['\u{1b}', '\n']), "{line}");
    }
}
