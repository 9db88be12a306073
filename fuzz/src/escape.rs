//! Text on its way to a terminal.

use scratchdbg_logs::escape;

/// `data` is what a container wrote.
pub fn run(data: &[u8]) {
    let label = escape::label(data);
    assert!(!label.chars().any(drives), "{label:?}");
    // A log line may have colours, and nothing else.
    let line = escape::line(data);
    let mut rest = &*line;
    while let Some(at) = rest.find('\u{1b}') {
        let (text, sequence) = rest.split_at(at);
        assert!(!text.chars().any(drives), "{line:?}");
        let parameters = sequence.strip_prefix("\u{1b}[").expect("it begins a colour");
        let end = parameters.find(|c: char| !c.is_ascii_digit() && !matches!(c, ';' | ':')).expect("it ends");
        assert_eq!(parameters.as_bytes()[end], b'm', "{line:?}");
        rest = &parameters[end + 1..];
    }
    assert!(!rest.chars().any(drives), "{line:?}");
    // What is harmless stays as it is.
    if data.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        assert_eq!((label.as_bytes(), line.as_bytes()), (data, data));
    }
}

/// Whether a terminal does more with it than to show it.
fn drives(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}
