//! Parses a Dockerfile into instructions like BuildKit's parser
//! (`frontend/dockerfile/parser/parser.go`): continued lines, comments, directives, flags and
//! here-documents.

use std::collections::BTreeSet;

use super::budget::Budget;
use super::{DockerfileError, words};

/// All instructions of one file, in order.
#[derive(Debug)]
pub(super) struct Source {
    /// The character that escapes and continues lines: `\`, or `` ` `` with a directive.
    pub(super) escape: char,
    pub(super) instructions: Vec<Instruction>,
    /// The problems of the file, in the order in which they were found. The instructions that could
    /// be parsed are in `instructions`.
    pub(super) errors: Vec<DockerfileError>,
}

/// One instruction as written.
#[derive(Clone, Debug)]
pub(super) struct Instruction {
    /// The number of its first line, from 1.
    pub(super) line: usize,
    /// The number of blanks before it.
    pub(super) indent: usize,
    /// The keyword in capitals; empty if the line could not be interpreted.
    pub(super) keyword: String,
    /// The keyword as written.
    pub(super) word: String,
    /// The words with `--` before the arguments, without quotes: `--from=build`.
    pub(super) flags: Vec<String>,
    /// The rest, in one line.
    pub(super) arguments: String,
    /// The here-documents that follow it, in the order of their words.
    pub(super) documents: Vec<Document>,
}

/// A here-document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) name: String,
    /// Whether variables in it are replaced, because its word has no quotes.
    pub(super) expand: bool,
    pub(super) text: String,
}

/// The word that announces a here-document.
struct Announced {
    name: String,
    expand: bool,
    /// `<<-`: leading tabs of each line are removed.
    chomp: bool,
}

/// Instructions that may be followed by here-documents.
const WITH_DOCUMENTS: [&str; 3] = ["ADD", "COPY", "RUN"];

/// Parses a file as far as possible.
pub(super) fn parse(text: &str) -> Source {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines =
        text.split_inclusive('\n').enumerate().map(|(index, line)| (index + 1, line)).peekable();
    let mut errors = Vec::new();
    let escape = directives(text, &mut errors);
    let mut instructions = Vec::new();
    while let Some((number, line)) = lines.next() {
        if is_comment(line) || line.trim().is_empty() {
            continue;
        }
        let (part, mut continued) =
            continuation(line.trim_end_matches(['\r', '\n']).trim_start(), escape);
        let mut logical = part.to_owned();
        while continued {
            let Some((_, line)) = lines.next() else { break };
            // Comments and empty lines between the parts are skipped.
            if is_comment(line) || line.trim().is_empty() {
                continue;
            }
            let (part, more) = continuation(line.trim_end_matches(['\r', '\n']), escape);
            logical.push_str(part);
            continued = more;
        }
        if logical.trim().is_empty() {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let mut instruction = Instruction { indent, ..instruction(number, &logical, escape) };
        let mut is_cut = false;
        for announced in announced(&instruction) {
            let mut text = String::new();
            loop {
                let Some((_, line)) = lines.next() else {
                    let reason = format!(
                        "the here-document is not ended by a line that is `{}`",
                        announced.name
                    );
                    errors.push(error(number, &logical, reason));
                    is_cut = true;
                    break;
                };
                let bare = line.trim_end_matches(['\r', '\n']);
                if if announced.chomp { bare.trim_start_matches('\t') } else { bare }
                    == announced.name
                {
                    break;
                }
                text.push_str(if announced.chomp { line.trim_start_matches('\t') } else { line });
            }
            if is_cut {
                break;
            }
            instruction.documents.push(Document {
                name: announced.name,
                expand: announced.expand,
                text,
            });
        }
        instructions.push(instruction);
        if is_cut {
            // The next lines may or may not be part of the document.
            instructions.push(Instruction::lost(number));
        }
    }
    Source { escape, instructions, errors }
}

pub(super) fn error(line: usize, instruction: &str, reason: String) -> DockerfileError {
    DockerfileError {
        line,
        instruction: instruction.trim().chars().take(80).collect(),
        reason,
        mended: None,
    }
}

impl Instruction {
    /// Returns an instruction of unknown purpose.
    pub(super) fn lost(line: usize) -> Self {
        instruction(line, "", '\\')
    }

    /// Returns its beginning, for errors.
    pub(super) fn beginning(&self) -> String {
        let text = [
            std::slice::from_ref(&self.keyword),
            &self.flags,
            std::slice::from_ref(&self.arguments),
        ]
        .concat();
        text.join(" ").trim().chars().take(80).collect()
    }

    /// Fails if an option occurs twice, except for `several`.
    pub(super) fn flags_once(&self, several: &[&str]) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        let names = self.flags.iter().map(|flag| flag.split('=').next().unwrap_or(flag));
        match names.into_iter().find(|name| !several.contains(name) && !seen.insert(*name)) {
            Some(name) => Err(format!("{name} is there twice")),
            None => Ok(()),
        }
    }

    /// Returns the instruction after `ONBUILD`.
    pub(super) fn trigger(&self, escape: char) -> Self {
        let inner = instruction(self.line, &self.arguments, escape);
        Self { documents: self.documents.clone(), ..inner }
    }
}

/// Returns an instruction that an earlier stage left for this one.
pub(super) fn instruction(line: usize, text: &str, escape: char) -> Instruction {
    let text = text.trim();
    let (keyword, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (flags, arguments) = flags(rest, escape);
    Instruction {
        line,
        indent: 0,
        keyword: keyword.to_ascii_uppercase(),
        word: keyword.to_owned(),
        flags,
        arguments: arguments.trim().to_owned(),
        documents: Vec::new(),
    }
}

/// Parses the directives at the beginning of the file, which end at the first other line.
fn directives(text: &str, errors: &mut Vec<DockerfileError>) -> char {
    let mut seen = Vec::new();
    let mut escape = '\\';
    for (index, line) in text.lines().enumerate() {
        let directive = line.trim().strip_prefix('#').and_then(|rest| rest.trim().split_once('='));
        let Some((name, value)) = directive else { break };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if !matches!(name.as_str(), "syntax" | "escape" | "check") || value.is_empty() {
            break;
        }
        if seen.contains(&name) {
            errors.push(error(index + 1, line, format!("the directive `{name}` is there twice")));
            continue;
        }
        if name == "escape" {
            escape = match value {
                "\\" => '\\',
                "`" => '`',
                _ => {
                    errors.push(error(index + 1, line, "the escape character is \\ or `".into()));
                    escape
                }
            };
        }
        seen.push(name);
    }
    escape
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Returns the line without the escape character at its end, and whether there was one. An escaped
/// escape character does not count.
fn continuation(line: &str, escape: char) -> (&str, bool) {
    match line.trim_end_matches([' ', '\t']).strip_suffix(escape) {
        Some(rest) if !rest.ends_with(escape) => (rest, true),
        _ => (line, false),
    }
}

/// Splits off the words that begin with `--`, with their quotes and escapes resolved.
fn flags(text: &str, escape: char) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = text;
    loop {
        let word_at = rest.trim_start();
        if !word_at.starts_with("--") {
            return (flags, word_at);
        }
        let mut word = String::new();
        let mut quote = None;
        let mut characters = word_at.char_indices();
        let mut end = word_at.len();
        while let Some((at, character)) = characters.next() {
            match (character, quote) {
                (character, None) if character.is_whitespace() => {
                    end = at;
                    break;
                }
                ('\'' | '"', None) => quote = Some(character),
                (character, Some(open)) if character == open => quote = None,
                (character, _) if character == escape => {
                    word.extend(characters.next().map(|(_, next)| next));
                }
                (character, _) => word.push(character),
            }
        }
        rest = &word_at[end..];
        if word == "--" {
            return (flags, rest);
        }
        flags.push(word);
    }
}

/// Returns the here-documents that follow an instruction, in order.
fn announced(instruction: &Instruction) -> Vec<Announced> {
    let inner;
    let instruction = if instruction.keyword == "ONBUILD" {
        inner = self::instruction(instruction.line, &instruction.arguments, '\\');
        &inner
    } else {
        instruction
    };
    let is_array = serde_json::from_str::<Vec<String>>(&instruction.arguments).is_ok();
    if !WITH_DOCUMENTS.contains(&instruction.keyword.as_str())
        || is_array
        || !instruction.arguments.contains("<<")
    {
        return Vec::new();
    }
    words::shell_words(&instruction.arguments)
        .iter()
        .filter_map(|word| announcement(word))
        .collect()
}

/// `[N]<<[-]WORD`.
fn announcement(word: &str) -> Option<Announced> {
    let rest =
        word.trim_start_matches(|character: char| character.is_ascii_digit()).strip_prefix("<<")?;
    let (rest, chomp) = rest.strip_prefix('-').map_or((rest, false), |rest| (rest, true));
    let rest = rest.trim();
    if rest.is_empty() || rest.contains('<') {
        return None;
    }
    let name = words::expand(rest, '\\', &words::Nothing, &Budget::default()).ok()?;
    let is_one_word = !name.is_empty() && words::raw_words(rest, '\\').len() == 1;
    is_one_word.then(|| Announced { name, expand: !rest.contains(['\'', '"']), chomp })
}

/// Returns the name of the here-document that this source of a `COPY` refers to.
pub(super) fn document_name(source: &str) -> Option<String> {
    announcement(source).map(|announced| announced.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(usize, String, String)> {
        let source = parse(text);
        assert_eq!(source.errors, []);
        let instruction =
            |i: Instruction| (i.line, [vec![i.keyword], i.flags].concat().join(" "), i.arguments);
        source.instructions.into_iter().map(instruction).collect()
    }

    #[test]
    fn lines_are_counted_as_editors_count_them() {
        let text = "\u{feff}# syntax=docker/dockerfile:1\r\n\r\nFROM scratch\r\nENV A=1 \\\r\n  # between\r\n\r\n  B=2\r\nCOPY <<E /x\r\nFROM no\r\nE\r\n\tuser 1\r\n";
        let expected = [
            (3, "FROM", "scratch"),
            (4, "ENV", "A=1   B=2"),
            (8, "COPY", "<<E /x"),
            (11, "USER", "1"),
        ];
        let found = of(text);
        let found: Vec<_> =
            found.iter().map(|(line, head, rest)| (*line, head.as_str(), rest.as_str())).collect();
        assert_eq!(found, expected);
        assert_eq!(parse(text).instructions[2].documents[0].text, "FROM no\r\n");
    }

    #[test]
    fn flags_escapes_and_directives() {
        assert_eq!(
            of("COPY --from=a --chown=\"1:1\" x y"),
            [(1, "COPY --from=a --chown=1:1".into(), "x y".into())]
        );
        assert_eq!(of("COPY -- --x y"), [(1, "COPY".into(), "--x y".into())]);
        assert_eq!(
            of("#escape=`\nRUN a `\n b\nCMD x\\\n"),
            [(2, "RUN".into(), "a  b".into()), (4, "CMD".into(), "x\\".into())]
        );
        assert_eq!(of("CMD a\\\\\nUSER 1")[0].2, "a\\\\", "an escaped escape continues nothing");
        assert_eq!(parse("# escape=x\nFROM a").errors[0].line, 1);
        assert_eq!(parse("# check=a\n# check=b\nFROM a").errors[0].line, 2);
        assert_eq!(
            of("# a comment\n# escape=`\nFROM a`\n")[0].2,
            "a`",
            "directives end at the first other line"
        );
    }

    #[test]
    fn here_documents_follow_in_the_order_of_their_words() {
        let error = &parse("FROM a\nCOPY <<a <<b /x/\n1\na\nx\n").errors[0];
        assert!(error.line == 2 && error.reason.contains("not ended"), "{error}");
        assert_eq!(of("RUN <<\"b c\" cat\nUSER 1\nb c\nUSER 2").len(), 2, "a name in quotes");
        let source = parse(
            "COPY <<a <<-\"b\" <<'d' /x/\n1 $X\na\n\t2\n\tb\nd\nRUN <<EOF cat && 3<<EOR\nx\nEOF\ny\nEOR\nUSER 1\n",
        );
        let documents: Vec<_> = source.instructions[0].documents.clone();
        let document = |name: &str, expand, text: &str| Document {
            name: name.into(),
            expand,
            text: text.into(),
        };
        assert_eq!(
            documents,
            [document("a", true, "1 $X\n"), document("b", false, "2\n"), document("d", false, "")]
        );
        assert_eq!(source.instructions[1].documents.len(), 2);
        assert_eq!(source.instructions[2].line, 12);
        assert!(of("RUN echo \"a << b\"\nUSER 1").len() == 2, "quoted");
        assert!(of("RUN cat <<<word\nUSER 1").len() == 2, "a here-string");
        assert_eq!(of("ONBUILD COPY <<E /x\na\nE\nUSER 1")[1].0, 4);
    }
}
