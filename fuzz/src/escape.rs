//! Escaping text for a terminal.

use scratchdbg_logs::escape;

/// `data` is what a container wrote.
pub fn run(data: &[u8]) {
    let label = escape::label(data);
    assert!(!label.chars().any(drives), "{label:?}");
    // A log line may contain colors, but no other control sequence.
    let line = escape::line(data);
    let mut rest = &*line;
    while let Some(at) = rest.find('\u{1b}') {
        let (text, sequence) = rest.split_at(at);
        assert!(!text.chars().any(drives), "{line:?}");
        let parameters = sequence.strip_prefix("\u{1b}[").expect("it begins a color");
        let end = parameters
            .find(|c: char| !c.is_ascii_digit() && !matches!(c, ';' | ':'))
            .expect("it ends");
        assert_eq!(parameters.as_bytes()[end], b'm', "{line:?}");
        rest = &parameters[end + 1..];
    }
    assert!(!rest.chars().any(drives), "{line:?}");
    // Harmless text is unchanged.
    if data.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        assert_eq!((label.as_bytes(), line.as_bytes()), (data, data));
    }
}

/// Reports whether a terminal does anything but show the character.
fn drives(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}
