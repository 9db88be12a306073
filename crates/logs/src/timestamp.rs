//! The timestamp that an engine writes before a log record if asked with `timestamps=1`.
//!
//! Docker writes `2006-01-02T15:04:05.000000000Z`, always UTC and 30 characters. Podman and some
//! hosts write a local offset (`+02:00`, 35 characters). The text is kept unchanged, because it is
//! shown to the user and compared with that of a resumed stream. It is converted to an instant only
//! on demand.

use std::fmt;

/// The longest timestamp: nanoseconds and a numeric offset.
const MAX_LEN: usize = "2006-01-02T15:04:05.000000000+07:00".len();

/// The shortest timestamp: whole seconds in UTC.
const MIN_LEN: usize = "2006-01-02T15:04:05Z".len();

/// An engine's timestamp, as text. It has the format of RFC 3339, but need not be a real date.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp {
    text: [u8; MAX_LEN],
    len: u8,
}

impl Timestamp {
    /// The longest prefix of a record that can be a timestamp: the text and the following space.
    pub(crate) const MAX_PREFIX: usize = MAX_LEN + 1;

    /// Takes a timestamp and the one space after it from the start of `record` and returns the
    /// rest, the log text. Returns `None` if the record does not start with a timestamp: then all
    /// of it is log text.
    pub fn split(record: &[u8]) -> Option<(Self, &[u8])> {
        let window = &record[..record.len().min(Self::MAX_PREFIX)];
        let space = memchr::memchr(b' ', window)?;
        Some((Self::new(&record[..space])?, &record[space + 1..]))
    }

    /// Returns a timestamp from its text alone, or `None` if the text has another format.
    pub fn new(text: &[u8]) -> Option<Self> {
        let digits = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18];
        let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        let is_shaped = (MIN_LEN..=MAX_LEN).contains(&text.len())
            && digits.iter().all(|&at| text[at].is_ascii_digit())
            && marks.iter().all(|&(at, mark)| text[at] == mark)
            && text[19..]
                .iter()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b':' | b'+' | b'-' | b'Z'));
        if !is_shaped {
            return None;
        }
        let mut stored = [0; MAX_LEN];
        stored[..text.len()].copy_from_slice(text);
        let len = u8::try_from(text.len()).ok()?;
        Some(Self { text: stored, len })
    }

    /// Whether a text is the beginning of a timestamp, or a complete one.
    pub(crate) fn begins(text: &[u8]) -> bool {
        let fits = |(at, byte): (usize, &u8)| match at {
            4 | 7 => *byte == b'-',
            10 => *byte == b'T',
            13 | 16 => *byte == b':',
            0..=18 => byte.is_ascii_digit(),
            _ => matches!(byte, b'0'..=b'9' | b'.' | b':' | b'+' | b'-' | b'Z'),
        };
        text.len() <= MAX_LEN && text.iter().enumerate().all(fits)
    }

    /// Returns a timestamp in UTC as log files store it, without its trailing zeros. Adds the
    /// zeros, as engines do.
    pub(crate) fn from_utc_without_zeros(text: &[u8]) -> Option<Self> {
        const FULL: &[u8; 30] = b"0000-00-00T00:00:00.000000000Z";
        let digits = text.strip_suffix(b"Z")?;
        if digits.len() == FULL.len() - 1 {
            return Self::new(text);
        }
        let mut full = *FULL;
        full[..FULL.len() - 1].get_mut(..digits.len())?.copy_from_slice(digits);
        Self::new(&full)
    }

    /// Returns the text as the engine wrote it.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever stored.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.len)]
    }

    /// Returns the instant, or `None` if the text is not a real date (month 13). A leap second
    /// (`:60`) is the first instant of the following minute.
    pub fn instant(&self) -> Option<jiff::Timestamp> {
        let text = self.as_bytes();
        let (year, month, day) = (number(&text[..4])?, number(&text[5..7])?, number(&text[8..10])?);
        let (hour, minute, second) =
            (number(&text[11..13])?, number(&text[14..16])?, number(&text[17..19])?);
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let date = jiff::civil::Date::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
        )
        .ok()?;
        let (nanos, offset) = fraction(&text[19..])?;
        let seconds = days_since_epoch(date) * 86_400 + hour * 3_600 + minute * 60 + second
            - offset_seconds(offset)?;
        jiff::Timestamp::new(seconds, nanos).ok()
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({})", self.as_str())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum: i64, byte| {
        Some(sum * 10 + i64::from(byte.checked_sub(b'0').filter(|d| *d < 10)?))
    })
}

/// Parses an optional `.123456789` and returns nanoseconds and the text after it.
fn fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let Some(text) = text.strip_prefix(b".") else { return Some((0, text)) };
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let scale = 10_i64.pow(u32::try_from(9 - count).ok()?);
    Some((i32::try_from(number(&text[..count])? * scale).ok()?, &text[count..]))
}

/// Parses `Z` or `±hh:mm` into seconds east of UTC.
fn offset_seconds(text: &[u8]) -> Option<i64> {
    match text {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let seconds = number(&[*h1, *h2])? * 3_600 + number(&[*m1, *m2])? * 60;
            Some(if *sign == b'+' { seconds } else { -seconds })
        }
        _ => None,
    }
}

/// Returns the days since 1970-01-01 in the proleptic Gregorian calendar.
fn days_since_epoch(date: jiff::civil::Date) -> i64 {
    // Years are counted from March, so that the leap day is the last of its year.
    let month = i64::from(date.month());
    let year = i64::from(date.year()) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(date.day()) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_a_timestamp_and_when_it_is() {
        let cases: &[(&str, Option<Option<&str>>)] = &[
            ("2026-11-23T07:01:20.422028881Z", Some(Some("2026-11-23T07:01:20.422028881Z"))),
            ("2026-11-23T07:01:20.422028881+02:00", Some(Some("2026-11-23T05:01:20.422028881Z"))),
            ("2026-11-23T07:01:20.422028881-05:30", Some(Some("2026-11-23T12:31:20.422028881Z"))),
            ("2026-11-23T07:01:20Z", Some(Some("2026-11-23T07:01:20Z"))),
            ("2026-11-23T07:01:20.5Z", Some(Some("2026-11-23T07:01:20.5Z"))),
            ("0001-01-01T00:00:00.000000000Z", Some(Some("0001-01-01T00:00:00Z"))),
            ("2016-12-31T23:59:60.000000000Z", Some(Some("2017-01-01T00:00:00Z"))),
            ("2024-02-29T00:00:00.000000000Z", Some(Some("2024-02-29T00:00:00Z"))),
            ("2023-02-29T00:00:00.000000000Z", Some(None)),
            ("2026-13-23T07:01:20.422028881Z", Some(None)),
            ("2026-11-23T24:01:20.422028881Z", Some(None)),
            ("2026-11-23T07:01:20.Z0000000000", Some(None)),
            ("2026-11-23T07:01:20.4220288811Z", Some(None)),
            ("2026-11-23T07:01:20", None),
            ("2026-11-23 07:01:20.422028881Z", None),
            ("2026-11-23T07:01:20.422028881+02:00:00", None),
            ("hello", None),
            ("", None),
        ];
        for (text, want) in cases {
            let stamp = Timestamp::new(text.as_bytes());
            assert_eq!(
                stamp
                    .map(|stamp| stamp.instant().map(|at| at.to_string()).as_deref()
                        == want.flatten()),
                want.map(|_| true),
                "{text}"
            );
            if let Some(stamp) = stamp {
                assert_eq!(stamp.as_str(), *text);
            }
        }
    }

    #[test]
    fn the_prefix_ends_at_the_first_space() {
        let (stamp, rest) =
            Timestamp::split(b"2026-11-23T07:01:20.422028881Z  two spaces").unwrap();
        assert_eq!((stamp.as_str(), rest), ("2026-11-23T07:01:20.422028881Z", &b" two spaces"[..]));
        assert_eq!(Timestamp::split(b"2026-11-23T07:01:20.422028881Z"), None);
        assert_eq!(Timestamp::split(b"no time here"), None);
    }

    #[test]
    fn zeros_are_given_back() {
        let cases = [
            ("2026-11-23T07:01:20.42Z", Some("2026-11-23T07:01:20.420000000Z")),
            ("2026-11-23T07:01:20Z", Some("2026-11-23T07:01:20.000000000Z")),
            ("2026-11-23T07:01:20.422028881Z", Some("2026-11-23T07:01:20.422028881Z")),
            ("2026-11-23T07:01:20.42+02:00", None),
            ("2026-11-23T07:01:20.4220288811Z", None),
            ("x", None),
        ];
        for (text, want) in cases {
            assert_eq!(
                Timestamp::from_utc_without_zeros(text.as_bytes()).as_ref().map(Timestamp::as_str),
                want,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(seconds in -62_135_596_800_i64..253_402_207_200, nanos in 0_i32..1_000_000_000) {
            let at = jiff::Timestamp::new(seconds, nanos).unwrap();
            let text = format!("{at:.9}");
            prop_assert_eq!(Timestamp::new(text.as_bytes()).unwrap().instant(), Some(at));
        }

        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some((stamp, _)) = Timestamp::split(&text) {
                let _ = stamp.instant();
            }
        }

        #[test]
        fn never_panics_on_the_right_shape(tail in "[0-9.:+Z-]{1,16}") {
            let text = format!("2026-99-23T07:61:20{tail}");
            if let Some(stamp) = Timestamp::new(text.as_bytes()) {
                let _ = stamp.instant();
            }
        }
    }
}
