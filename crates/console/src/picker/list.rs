//! The list: what was typed, what matches it, and which line is selected.

use scratchdbg_logs::escape;
use scratchdbg_logs::render::shorten;

use super::{Choice, Key};

/// What a key did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The list stays.
    Stays,
    /// This choice was made.
    Chosen(usize),
    /// The user left the list.
    Left,
}

/// The most lines that are shown at a time.
const MOST_LINES: usize = 12;

#[derive(Debug)]
pub(super) struct List<'a> {
    title: &'a str,
    choices: &'a [Choice],
    typed: String,
    /// The selected one of those that match.
    selected: usize,
}

impl<'a> List<'a> {
    pub(super) fn new(title: &'a str, choices: &'a [Choice]) -> Self {
        Self { title, choices, typed: String::new(), selected: 0 }
    }

    /// Returns the choices that have each typed word in them, in any case.
    fn matching(&self) -> Vec<usize> {
        let typed = self.typed.to_lowercase();
        let matches = |choice: &Choice| {
            let text = format!("{} {}", choice.value, choice.about).to_lowercase();
            typed.split_whitespace().all(|word| text.contains(word))
        };
        let choices = self.choices.iter().enumerate();
        choices.filter(|(_, choice)| matches(choice)).map(|(index, _)| index).collect()
    }

    pub(super) fn key(&mut self, key: Key) -> Step {
        let matching = self.matching();
        let last = matching.len().saturating_sub(1);
        match key {
            Key::Leave => return Step::Left,
            Key::Enter => {
                return matching
                    .get(self.selected)
                    .map_or(Step::Stays, |&index| Step::Chosen(index));
            }
            Key::Up => self.selected = self.selected.checked_sub(1).unwrap_or(last),
            Key::Down if self.selected >= last => self.selected = 0,
            Key::Down => self.selected += 1,
            Key::Character(character) => {
                self.typed.push(character);
                self.selected = 0;
            }
            Key::Erase => {
                self.typed.pop();
                self.selected = 0;
            }
            Key::EraseAll => {
                self.typed.clear();
                self.selected = 0;
            }
            Key::Other => {}
        }
        Step::Stays
    }

    /// Returns the line with what was typed, and the lines below it, for a screen of this size.
    pub(super) fn view(&self, rows: usize, columns: usize) -> (String, Vec<String>) {
        let room = columns.saturating_sub(1);
        let prompt = shorten(&format!("{}: {}", self.title, escape::label(&self.typed)), room);
        let matching = self.matching();
        let shown = MOST_LINES.min(rows.saturating_sub(2)).max(1);
        // The selected line is always among those that are shown.
        let first = self.selected.saturating_sub(shown - 1);
        let value = |index: usize| escape::label(&self.choices[index].value).into_owned();
        let widest = matching.iter().map(|&index| value(index).chars().count()).max();
        // One long name does not hide what is known of the others.
        let widest = widest.unwrap_or_default().min(room / 2);
        let line = |(position, &index): (usize, &usize)| {
            let about = escape::label(&self.choices[index].about).into_owned();
            let text = format!("{:widest$}  {about}", value(index));
            let is_selected = position == self.selected;
            let text = shorten(
                &format!("{} {}", if is_selected { ">" } else { " " }, text.trim_end()),
                room,
            );
            if is_selected { format!("\x1b[1m{text}\x1b[22m") } else { text }
        };
        let mut lines: Vec<_> =
            matching.iter().enumerate().skip(first).take(shown).map(line).collect();
        if matching.is_empty() {
            lines.push(shorten("  nothing matches", room));
        }
        (prompt, lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices() -> Vec<Choice> {
        [("web", "Up 3 minutes"), ("web-db", "Exited (1)"), ("cache", "Up 2 hours")]
            .map(|(value, about)| Choice { value: value.to_owned(), about: about.to_owned() })
            .to_vec()
    }

    fn typed(list: &mut List<'_>, text: &str) {
        for character in text.chars() {
            assert_eq!(list.key(Key::Character(character)), Step::Stays);
        }
    }

    #[test]
    fn typing_filters_and_keys_select() {
        let choices = choices();
        let mut list = List::new("Container", &choices);
        assert_eq!(list.key(Key::Up), Step::Stays);
        assert_eq!(list.key(Key::Enter), Step::Chosen(2), "up from the first is the last");
        typed(&mut list, "WEB");
        assert_eq!(list.matching(), [0, 1]);
        assert_eq!(list.key(Key::Down), Step::Stays);
        assert_eq!(list.key(Key::Enter), Step::Chosen(1));
        list.key(Key::Down);
        assert_eq!(list.key(Key::Enter), Step::Chosen(0), "down from the last is the first");
        typed(&mut list, " exi");
        assert_eq!(list.key(Key::Enter), Step::Chosen(1), "words match in any order");
        typed(&mut list, "x");
        assert_eq!(list.key(Key::Enter), Step::Stays, "there is nothing to choose");
        list.key(Key::EraseAll);
        assert_eq!(list.matching().len(), 3);
        assert_eq!(list.key(Key::Leave), Step::Left);
    }

    #[test]
    fn the_view_fits_the_screen() {
        let many: Vec<_> = (0..50)
            .map(|number| Choice { value: format!("name-{number}"), about: "a".repeat(200) })
            .collect();
        let mut list = List::new("Container", &many);
        for _ in 0..30 {
            list.key(Key::Down);
        }
        for (rows, columns) in [(24, 80), (5, 20), (2, 3), (1, 1), (0, 0)] {
            let (prompt, lines) = list.view(rows, columns);
            assert!(lines.len() < rows.max(2), "{rows}: {}", lines.len());
            let selected = lines.iter().filter(|line| line.starts_with("\x1b[1m")).count();
            assert_eq!(selected, 1);
            for line in lines.iter().chain([&prompt]) {
                let width = line.replace("\x1b[1m", "").replace("\x1b[22m", "").chars().count();
                assert!(width < columns.max(2), "{columns}: {line}");
            }
        }
        let (_, lines) = list.view(24, 30);
        assert!(lines.last().expect("lines").contains("> name-30"), "{lines:?}");
    }

    #[test]
    fn names_do_not_drive_the_terminal() {
        let hostile =
            [Choice { value: "\x1b[2Ja\r\n\u{202e}".to_owned(), about: "\x07".to_owned() }];
        let mut list = List::new("Container", &hostile);
        typed(&mut list, "\u{9b}");
        list.key(Key::Erase);
        let (_, lines) = list.view(24, 80);
        assert_eq!(lines, ["\x1b[1m> \\x1b[2Ja\\r\\n\\u{202e}  \\x07\x1b[22m"]);
    }
}
