//! Reads quantities in the notation of the API: `128Mi`, `1.5G`, `100m`.

/// Returns a quantity, rounded down to a whole number. Returns `None` if the text is not a
/// quantity.
pub(crate) fn quantity(text: &str) -> Option<u64> {
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let factor: u128 = match unit {
        "" => 1,
        "k" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "m" => return Some(whole.parse::<u64>().ok()? / 1000),
        _ => return None,
    };
    let whole: u128 = whole.parse().ok()?;
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let total = whole.checked_mul(factor)?.checked_add(fraction.checked_mul(factor)? / scale)?;
    total.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::quantity;

    #[test]
    fn quantities_are_read() {
        for (text, value) in [
            ("16Mi", Some(16 << 20)),
            ("1.5Gi", Some(3 << 29)),
            ("128974848", Some(128_974_848)),
            ("1k", Some(1000)),
            ("2500m", Some(2)),
            ("", None),
            ("1.2.3", None),
            ("x", None),
            ("99999999999999999999999Ti", None),
        ] {
            assert_eq!(quantity(text), value, "{text}");
        }
    }
}
