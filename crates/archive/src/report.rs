//! What a user is told of a copy that went on.

use std::path::Path;

use crate::Note;

/// The most notes that are told one by one.
const MOST: usize = 10;

/// Collects notes as lines. Their number is limited, whatever a stream has in it.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<String>,
    more: u64,
    missed: bool,
}

impl Report {
    /// Adds a note.
    pub fn add(&mut self, note: &Note) {
        self.missed |= matches!(note, Note::Missed(..));
        if self.lines.len() < MOST {
            self.lines.push(match note {
                Note::Missed(path, why) => format!("{} is not copied: {why}", shown(path)),
                Note::LeftOut(path, what) => format!("{} is not copied: {what}", shown(path)),
                Note::LeadsOut(path, target) => {
                    format!(
                        "{} is a link that leads out of the copy: {}",
                        shown(path),
                        shown(target)
                    )
                }
            });
        } else {
            self.more += 1;
        }
    }

    /// Whether something is missing that should be in the copy.
    pub fn has_missed(&self) -> bool {
        self.missed
    }

    /// Returns the lines, with the number of those that were left out.
    pub fn lines(self) -> Vec<String> {
        let mut lines = self.lines;
        if self.more > 0 {
            lines.push(format!("and {} more", self.more));
        }
        lines
    }
}

/// Returns a path on one line.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.chars().map(|each| if each.is_control() { '\u{fffd}' } else { each }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_few_lines() {
        let mut report = Report::default();
        for _ in 0..15 {
            report.add(&Note::LeftOut("a\nb".into(), "a device"));
        }
        assert!(!report.has_missed());
        report.add(&Note::Missed("x".into(), "why".to_owned()));
        assert!(report.has_missed());
        let lines = report.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (11, "a\u{fffd}b is not copied: a device"));
        assert_eq!(lines[10], "and 6 more");
    }
}
