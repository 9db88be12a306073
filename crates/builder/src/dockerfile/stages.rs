//! The stages of a Dockerfile as they are written.

use super::source::{Instruction, Source};
use super::{Context, DockerfileError, KEYWORDS, error, words};

/// One stage as it is written.
pub(super) struct Parsed<'a> {
    pub(super) from: &'a Instruction,
    pub(super) image: &'a str,
    pub(super) name: Option<String>,
    pub(super) instructions: &'a [Instruction],
}

/// Where a stage begins.
#[derive(Clone, Debug)]
pub(super) enum Base {
    Scratch,
    Stage(usize),
    Image(String),
}

/// The `ARG`s before the first stage, and all stages. What no engine reads is an error, in whatever stage it is.
pub(super) fn stages(source: &Source) -> Result<(&[Instruction], Vec<Parsed<'_>>), DockerfileError> {
    let instructions = &source.instructions[..];
    if let Some(unknown) = instructions.iter().find(|other| !KEYWORDS.contains(&other.keyword.as_str())) {
        let reason = match unknown.keyword.as_str() {
            keyword if KEYWORDS.iter().any(|known| is_near(keyword, known)) => {
                let near = KEYWORDS.iter().find(|known| is_near(keyword, known)).unwrap_or(&"");
                format!("{keyword} is no instruction; is {near} meant?")
            }
            // The rest of an array, or of a command with options.
            keyword if keyword.starts_with(['"', '\'', '[', ']', '-', '&', '|', ',']) => {
                let word = &unknown.keyword;
                format!("{word} is no instruction: to continue the line before, end that with {}", source.escape)
            }
            keyword => format!("{keyword} is no instruction"),
        };
        return Err(error(unknown, reason));
    }
    let is_from = |instruction: &Instruction| instruction.keyword == "FROM";
    let first = instructions.iter().position(is_from).unwrap_or(instructions.len());
    if let Some(early) = instructions[..first].iter().find(|early| early.keyword != "ARG") {
        return Err(error(early, "the first instruction is FROM; only ARG may stand before it".into()));
    }
    let mut stages: Vec<Parsed<'_>> = Vec::new();
    let starts: Vec<usize> = (first..instructions.len()).filter(|at| is_from(&instructions[*at])).collect();
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(instructions.len());
        let from = &instructions[start];
        let words: Vec<&str> = from.arguments.split_ascii_whitespace().collect();
        let (image, name) = match words[..] {
            [image] => (image, None),
            [image, keyword, name] if keyword.eq_ignore_ascii_case("as") => {
                let name = name.to_ascii_lowercase();
                let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
                if !is_name {
                    return Err(error(from, format!("`{name}` is no name of a stage: it begins with a letter")));
                }
                (image, Some(name))
            }
            _ => return Err(error(from, "expected FROM IMAGE, or FROM IMAGE AS NAME".into())),
        };
        stages.push(Parsed { from, image, name, instructions: &instructions[start + 1..end] });
    }
    Ok((&instructions[..first], stages))
}

/// Whether one word is the other with one letter wrong, missing, too many or in its neighbour's place.
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

pub(super) fn base(stage: &Parsed<'_>, earlier: &[Parsed<'_>], context: &Context) -> Result<Base, DockerfileError> {
    let at = |reason| error(stage.from, reason);
    for flag in &stage.from.flags {
        let platform = flag.strip_prefix("--platform=").ok_or_else(|| at(format!("{flag} is no option of FROM")))?;
        let platform = words::expand(platform, context.escape, &context.global, &context.budget).map_err(at)?;
        // Which one it is matters to images that are fetched, and to nothing that begins at scratch.
        platform
            .parse::<scratchdbg_image::Platform>()
            .map_err(|_| at(format!("--platform={platform}: expected OS/ARCHITECTURE, as in linux/amd64")))?;
    }
    let image = words::expand(stage.image, context.escape, &context.global, &context.budget).map_err(at)?;
    if image.is_empty() {
        return Err(at(format!("{} is empty: which image is meant?", stage.image)));
    }
    let named = |other: &Parsed<'_>| other.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(&image));
    Ok(match earlier.iter().rposition(named) {
        Some(number) => Base::Stage(number),
        None if image == "scratch" => Base::Scratch,
        None => Base::Image(image),
    })
}
