//! `HEALTHCHECK`.

use scratchdbg_image::Healthcheck;

use super::array;
use super::source::Instruction;

const OPTIONS: [&str; 5] =
    ["--interval", "--timeout", "--start-period", "--start-interval", "--retries"];

/// Returns an option that is zero, which later engines interpret as the default and Docker 20.10
/// refuses.
pub(super) fn zero(instruction: &Instruction) -> Option<String> {
    let is_zero = |flag: &&String| {
        flag.split_once('=').is_some_and(|(name, value)| match name {
            "--retries" => value.parse() == Ok(0),
            name => OPTIONS.contains(&name) && duration(value) == Some(0),
        })
    };
    let flag = instruction.flags.iter().find(is_zero)?;
    Some(format!(
        "{flag}: Docker 20.10 refuses zero, and later engines take it for the default: leave the option out"
    ))
}

pub(super) fn read(instruction: &Instruction) -> Result<Healthcheck, String> {
    let mut check = Healthcheck::default();
    let (kind, rest) = kind(instruction);
    if kind == "NONE" {
        return if rest.is_empty() {
            Ok(Healthcheck { test: Some(vec!["NONE".into()]), ..check })
        } else {
            Err("HEALTHCHECK NONE takes no arguments".into())
        };
    }
    instruction.flags_once(&[])?;
    for flag in &instruction.flags {
        let (name, value) = flag.split_once('=').ok_or_else(|| format!("{flag} has no value"))?;
        // An empty value is the default.
        if value.is_empty() && OPTIONS.contains(&name) {
            continue;
        }
        let time =
            || duration(value).ok_or_else(|| format!("`{value}` is not a duration, as in 30s"));
        match name {
            // Zero is the engine's default, so it is omitted.
            "--interval" => check.interval = Some(time()?).filter(|time| *time > 0),
            "--timeout" => check.timeout = Some(time()?).filter(|time| *time > 0),
            "--start-period" => check.start_period = Some(time()?).filter(|time| *time > 0),
            "--start-interval" => check.start_interval = Some(time()?).filter(|time| *time > 0),
            "--retries" => {
                let retries: u32 =
                    value.parse().map_err(|_| format!("`{value}` is not a number of retries"))?;
                check.retries = Some(i64::from(retries)).filter(|retries| *retries > 0);
            }
            other => return Err(format!("{other} is no option of HEALTHCHECK")),
        }
    }
    if kind != "CMD" {
        return Err(
            "expected HEALTHCHECK [OPTIONS] CMD [\"/program\", \"argument\"], or HEALTHCHECK NONE"
                .into(),
        );
    }
    check.test = Some(match array::strict(&command(instruction))? {
        Some(words) if words.is_empty() => return Err("HEALTHCHECK CMD names no command".into()),
        Some(words) => std::iter::once("CMD".to_owned()).chain(words).collect(),
        None if rest.is_empty() => return Err("HEALTHCHECK CMD names no command".into()),
        None => vec!["CMD-SHELL".into(), rest.to_owned()],
    });
    Ok(check)
}

/// Returns the command of a `HEALTHCHECK CMD` as an instruction of its own.
pub(super) fn command(instruction: &Instruction) -> Instruction {
    let keyword = format!("{} CMD", instruction.keyword);
    Instruction { keyword, arguments: kind(instruction).1.to_owned(), ..instruction.clone() }
}

fn kind(instruction: &Instruction) -> (String, &str) {
    let text = instruction.arguments.as_str();
    let (kind, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (kind.to_ascii_uppercase(), rest.trim())
}

/// Parses Go's notation (`time.ParseDuration`) into nanoseconds: `1h30m`, `1.5s`. As in engines,
/// less than a millisecond is refused unless it is zero.
fn duration(text: &str) -> Option<i64> {
    const MILLISECOND: f64 = 1e6;
    if text == "0" {
        return Some(0);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let mut rest = text;
    let mut nanoseconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let units = [
            ("ns", 1.0),
            ("us", 1e3),
            ("µs", 1e3),
            ("ms", 1e6),
            ("s", 1e9),
            ("m", 60e9),
            ("h", 3600e9),
        ];
        let (unit, scale) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        nanoseconds += number * scale;
    }
    if text.is_empty() || nanoseconds >= 9.2e18 || (nanoseconds > 0.0 && nanoseconds < MILLISECOND)
    {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "between 0 and the largest of i64, as was just seen"
    )]
    let whole = nanoseconds.round() as i64;
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_writes_them() {
        for (text, expected) in [
            ("30s", Some(30_000_000_000)),
            ("1h2m3.5s", Some(3_723_500_000_000)),
            ("250ms", Some(250_000_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("+5s", Some(5_000_000_000)),
            (".5s", Some(500_000_000)),
            ("1us", None),
            ("30", None),
            ("s", None),
            ("", None),
            ("1 m", None),
            ("-1s", None),
            ("1..s", None),
            ("999999999h", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}
