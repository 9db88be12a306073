//! Lines that do not begin with an instruction. If the intended instruction can be guessed, it
//! replaces the line, so that one typing error does not hide the problems of other lines, or make
//! them appear wrong.

use super::source::{Instruction, Source};
use super::{DockerfileError, KEYWORDS, error};

/// How many such lines in a row are reported: the file may be something else altogether.
const MOST_TOLD: usize = 10;

/// Instructions that mean something else without their continuation lines.
const CHANGED_BY_A_CUT: [&str; 9] =
    ["ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD", "RUN", "SHELL", "VOLUME"];

/// Adds an error for each such line. A typing error is replaced by the intended instruction. Other
/// text, and an instruction that it seems to continue, is marked as lost.
pub(super) fn settle(source: &mut Source) {
    // The last instruction that was recognized, and the number of lines since.
    let mut last: Option<usize> = None;
    let mut since = 0;
    for index in 0..source.instructions.len() {
        let instruction = &source.instructions[index];
        let before = last.map_or(0, |last| source.instructions[last].indent);
        let is_inner = instruction.indent > before;
        let is_known = KEYWORDS.contains(&instruction.keyword.as_str());
        // An indented word after lost text belongs to that text, whatever it is.
        if is_known && !(since > 0 && is_inner) {
            (last, since) = (Some(index), 0);
            continue;
        }
        if instruction.keyword.is_empty() {
            continue;
        }
        let continues = last.is_some() && is_inner
            || instruction.keyword.starts_with(['"', '\'', '[', ']', '-', '&', '|', ',']);
        let near = KEYWORDS.iter().find(|known| !continues && is_near(&instruction.keyword, known));
        if let Some(near) = near {
            let mended = Instruction { keyword: (*near).to_owned(), ..instruction.clone() };
            let reason = format!("{} is no instruction; is {near} meant?", instruction.word);
            let mended_line = Some(mended.beginning());
            source.errors.push(DockerfileError {
                mended: mended_line,
                ..error(&as_written(instruction), reason)
            });
            source.instructions[index] = mended;
            (last, since) = (Some(index), 0);
            continue;
        }
        if since == 0 || (!continues && since < MOST_TOLD) {
            source.errors.push(error(
                &as_written(instruction),
                reason(instruction, continues, source.escape),
            ));
        }
        if since == 0 && continues {
            let cut = last.map(|last| &mut source.instructions[last]);
            if let Some(cut) = cut.filter(|cut| CHANGED_BY_A_CUT.contains(&cut.keyword.as_str())) {
                *cut = Instruction::lost(cut.line);
            }
        }
        since += 1;
        source.instructions[index] = Instruction::lost(source.instructions[index].line);
    }
}

fn as_written(instruction: &Instruction) -> Instruction {
    Instruction { keyword: instruction.word.clone(), ..instruction.clone() }
}

fn reason(instruction: &Instruction, continues: bool, escape: char) -> String {
    let word = &instruction.word;
    if continues {
        format!("{word} is no instruction: to continue the line before, end that with {escape}")
    } else {
        format!("{word} is no instruction")
    }
}

/// Reports whether one word differs from the other by one wrong, missing, additional or transposed
/// letter.
fn is_near(word: &str, known: &str) -> bool {
    let (word, known) = (word.as_bytes(), known.as_bytes());
    let same = word.iter().zip(known).take_while(|(a, b)| a == b).count();
    let (word, known) = (&word[same..], &known[same..]);
    match (word, known) {
        ([a, b, word @ ..], [c, d, known @ ..]) if a == d && b == c => word == known,
        ([_, word @ ..], [_, known @ ..]) if word == known => true,
        ([_, word @ ..], known) if word == known => true,
        (word, [_, known @ ..]) => word == known,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    /// Returns the remaining keywords, with `-` for lost text, and the lines of errors.
    fn settled(text: &str) -> (String, Vec<usize>) {
        let mut source = source::parse(text);
        settle(&mut source);
        let keyword = |instruction: &Instruction| match instruction.keyword.as_str() {
            "" => "-".to_owned(),
            keyword => keyword.to_owned(),
        };
        let keywords: Vec<String> = source.instructions.iter().map(keyword).collect();
        (keywords.join(" "), source.errors.iter().map(|error| error.line).collect())
    }

    #[test]
    fn what_is_meant_is_taken_for_what_is_written() {
        for (text, keywords, lines) in [
            (
                "FROM a\nCPOY x /x\nENTRYPOINTS y\nUSR 1\n",
                "FROM COPY ENTRYPOINT USER",
                &[2, 3, 4][..],
            ),
            ("FROM a\nBOGUS x\nFOO y\nUSER 1\n", "FROM - - USER", &[2, 3]),
            ("FROM a\nCMD [\"/a\",\n\"b\"]\nUSER 1\n", "FROM - - USER", &[3]),
            ("FROM a\nENV A=1\n  B=2\nUSER 1\n", "FROM ENV - USER", &[3]),
            ("FROM a\nRUN x &&\n  make &&\n  env\nUSER 1\n", "FROM - - - USER", &[3]),
            ("  FROM a\n  BOGUS x\n  USER 1\n", "FROM - USER", &[2]),
            ("FROM a\n  ENV B=2\nUSER 1\n", "FROM ENV USER", &[]),
            ("FROM a\nRUN <<E\nUSER 1\n", "FROM RUN -", &[2]),
        ] {
            assert_eq!(settled(text), (keywords.to_owned(), lines.to_vec()), "{text}");
        }
        assert_eq!(settled(&"some text\n".repeat(1000)).1.len(), MOST_TOLD);
    }
}
