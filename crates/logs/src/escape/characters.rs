//! The characters that do not pass as they are.

/// Reports whether the character controls a terminal, reorders what the terminal shows, or is not
/// seen there.
pub(super) fn is_unsafe(c: char) -> bool {
    // C0, DEL and C1.
    let is_control = c.is_control() && c != '\t';
    // Some terminals obey the line separator and the paragraph separator.
    let is_separator = matches!(c, '\u{2028}' | '\u{2029}');
    is_control
        || is_separator
        || is_blank(c)
        || (is_ignorable_or_format(c) && !is_joiner_or_variation(c))
}

/// Scripts and emoji need the joiners (U+200C, U+200D) and the variation selectors 1 to 16.
fn is_joiner_or_variation(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// The characters with the property `Default_Ignorable_Code_Point`, those of the general category
/// `Cf` (format), and the bidirectional controls, which are among them (Unicode Standard Annex 44;
/// Unicode 16). Code points of these ranges that are not assigned yet are ignorable too.
fn is_ignorable_or_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
            | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Symbols and letters that have no picture, and are neither ignorable nor spaces: the blank of
/// Braille, the filler of the small Khitan script, and the null notehead.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{16fe4}' | '\u{1d159}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables of another program.
    #[test]
    fn the_ranges_are_those_of_unicode() {
        let tables =
            regex::Regex::new(r"^[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Bidi_Control}]$")
                .unwrap();
        let mut text = [0; 4];
        for c in '\0'..=char::MAX {
            let expected = tables.is_match(c.encode_utf8(&mut text));
            assert_eq!(is_ignorable_or_format(c), expected, "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn what_is_not_seen_is_unsafe() {
        for c in "\u{2065}\u{180b}\u{180c}\u{180d}\u{180e}\u{180f}\u{110bd}\u{110cd}\u{13430}\u{1343f}\u{1bca0}\
                  \u{1bca3}\u{1d159}\u{1d173}\u{1d17a}\u{e0000}\u{e0080}\u{e0fff}\u{e0041}\u{e01ef}\u{200b}\u{feff}\
                  \u{ad}\u{34f}\u{115f}\u{17b4}\u{2800}\u{3164}\u{ffa0}\u{fff0}\u{fff9}\u{202e}\u{61c}\u{2028}\r\n\x1b"
            .chars()
        {
            assert!(is_unsafe(c), "U+{:04X}", u32::from(c));
        }
        for c in
            "\taß日👩\u{200d}\u{200c}\u{fe0f}\u{fe0e}\u{1f3fd}\u{20e3}\u{301}\u{a0}\u{3000}\u{2014}"
                .chars()
        {
            assert!(!is_unsafe(c), "U+{:04X}", u32::from(c));
        }
    }
}
