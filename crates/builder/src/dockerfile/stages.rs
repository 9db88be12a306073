//! Splits a Dockerfile into stages.

use std::collections::BTreeSet;

use scratchdbg_diagnose::Finding;

use super::source::{self, Instruction, Source};
use super::{Context, DockerfileError, error, platform, rules, words};

/// One stage as written.
pub(super) struct Parsed<'a> {
    pub(super) from: &'a Instruction,
    /// The words after `FROM`; `None` if they cannot be parsed.
    pub(super) image: Option<&'a str>,
    pub(super) name: Option<String>,
    pub(super) instructions: &'a [Instruction],
}

/// The base of a stage.
#[derive(Clone, Debug)]
pub(super) enum Base {
    Scratch,
    Stage(usize),
    Image(String),
    /// The line cannot be parsed.
    Unknown,
}

/// Returns the `ARG`s before the first stage, and all stages. Invalid lines of any stage are
/// errors.
pub(super) fn stages<'a>(
    source: &'a Source,
    errors: &mut Vec<DockerfileError>,
) -> (&'a [Instruction], Vec<Parsed<'a>>) {
    let instructions = &source.instructions[..];
    let is_from = |instruction: &Instruction| instruction.keyword == "FROM";
    let first = instructions.iter().position(is_from).unwrap_or(instructions.len());
    let early = instructions[..first].iter().position(|early| early.keyword != "ARG");
    let mut stages: Vec<Parsed<'_>> = Vec::new();
    if let Some(early) = early {
        let from = &instructions[early];
        // A line that was not recognized may have been the FROM, and was reported.
        if !from.keyword.is_empty() {
            errors.push(error(
                from,
                "the first instruction is FROM; only ARG may stand before it".into(),
            ));
        }
        if first == instructions.len() {
            stages.push(Parsed {
                from,
                image: None,
                name: None,
                instructions: &instructions[early..],
            });
        }
    }
    let starts: Vec<usize> =
        (first..instructions.len()).filter(|at| is_from(&instructions[*at])).collect();
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(instructions.len());
        let from = &instructions[start];
        let words: Vec<&str> = from.arguments.split_ascii_whitespace().collect();
        let (image, name) = match words[..] {
            [image] => (Some(image), None),
            [image, keyword, name] if keyword.eq_ignore_ascii_case("as") => {
                let name = name.to_ascii_lowercase();
                let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
                if !is_name {
                    errors.push(error(
                        from,
                        format!("`{name}` is no name of a stage: it begins with a letter"),
                    ));
                }
                (Some(image), is_name.then_some(name))
            }
            _ => {
                errors.push(error(from, "expected FROM IMAGE, or FROM IMAGE AS NAME".into()));
                (None, None)
            }
        };
        stages.push(Parsed { from, image, name, instructions: &instructions[start + 1..end] });
    }
    if stages.is_empty() {
        errors.push(source::error(1, "", "it has no FROM".into()));
    }
    (&instructions[..early.unwrap_or(first)], stages)
}

/// Returns stages with the name of an earlier one. The classic builder refuses them; in BuildKit
/// the later one counts.
pub(super) fn named_twice<'a>(stages: &'a [Parsed<'_>]) -> impl Iterator<Item = Finding> + 'a {
    let mut names = BTreeSet::new();
    stages.iter().filter_map(move |stage| {
        let name = stage.name.as_deref()?;
        let reason =
            format!("there is a stage `{name}` before it (\"a stage name already used\"): choose another name");
        (!names.insert(name)).then(|| rules::invalid(&error(stage.from, reason)))
    })
}

pub(super) fn base(
    stage: &Parsed<'_>,
    earlier: &[Parsed<'_>],
    context: &Context,
) -> Result<Base, DockerfileError> {
    let at = |reason| error(stage.from, reason);
    let Some(written) = stage.image else { return Ok(Base::Unknown) };
    stage.from.flags_once(&[]).map_err(at)?;
    for flag in &stage.from.flags {
        let platform = flag
            .strip_prefix("--platform=")
            .ok_or_else(|| at(format!("{flag} is no option of FROM")))?;
        let platform = words::expand(platform, context.escape, &context.global, &context.budget)
            .map_err(at)?;
        // The platform matters only for images that are fetched, not for scratch.
        if flag != "--platform=" {
            platform::check_written(&platform).map_err(at)?;
        }
    }
    let image =
        words::expand(written, context.escape, &context.global, &context.budget).map_err(at)?;
    if image.is_empty() {
        return Err(at(format!("{written} is empty: which image is meant?")));
    }
    let named = |other: &Parsed<'_>| {
        other.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(&image))
    };
    Ok(match earlier.iter().rposition(named) {
        Some(number) => Base::Stage(number),
        None if image == "scratch" => Base::Scratch,
        None => Base::Image(image),
    })
}
