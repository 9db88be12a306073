//! Durations, as options take them.

use super::digits;

/// Parses a duration, in nanoseconds: `1h30m`, `1.5h`, `-10s`, `2d`. The grammar is the one of Go's
/// `time.ParseDuration`, which Docker's options use, with the units `d` and `w` for days and weeks.
/// Every option of the command line that takes a duration uses it.
pub fn duration(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (if text.starts_with('-') { -1 } else { 1 }, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(number_len);
        let unit_len = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_len);
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            "w" => 604_800_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        // Further digits are below a nanosecond, even of a week.
        let fraction = &fraction[..fraction.len().min(15)];
        if whole.is_empty() || fraction.is_empty() {
            return None;
        }
        let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        total = total
            .checked_add(digits::<i128>(whole)?.checked_mul(unit)?)?
            .checked_add(digits::<i128>(fraction)? * unit / scale)?;
        rest = after;
    }
    Some(sign * total)
}
