//! Cuts foreign text to the length of a line. Escape the result before showing it on a terminal.

/// The most characters of foreign text in an error.
const MOST: usize = 300;

/// Returns the beginning of `text`, on one line.
pub(crate) fn cut(text: &str) -> String {
    let mut short: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = short.char_indices().nth(MOST) {
        short.truncate(end);
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_texts_are_cut() {
        assert_eq!(super::cut(" a\n b\t"), "a b");
        assert_eq!(super::cut(&"ä".repeat(1000)).chars().count(), 301);
    }
}
