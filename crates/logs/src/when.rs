//! Parses `--since` and `--until` into instants.
//!
//! Accepts all forms of docker's command line (moby `client/internal/timestamp/timestamp.go`) and
//! some more: days and weeks in durations, `10:30`, `today`, `yesterday`, `yesterday 10:30`, `now`.
//! Unlike docker, durations keep their nanoseconds. A time without a zone is in the zone of the
//! caller's clock.

mod duration;

pub use self::duration::duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, ToSpan as _, Zoned};
use thiserror::Error;

/// A span of time that includes both ends. An end that is `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The first instant.
    pub since: Option<Timestamp>,
    /// The last instant.
    pub until: Option<Timestamp>,
}

/// A time that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimeError {
    /// Not an accepted form.
    #[error(
        "{option} `{text}` is not a time: write how long ago (10m, 1h30m, 2d), a time of day (10:30), `yesterday`, a date (2006-01-02, 2006-01-02T15:04:05, with Z or +02:00 for its zone) or unix seconds"
    )]
    Unknown {
        /// `--since` or `--until`.
        option: &'static str,
        /// The text as written.
        text: String,
    },
    /// `--since` is in the future: no line can match.
    #[error("--since `{text}` is in the future ({since}): no line can be that new")]
    Future {
        /// The text as written.
        text: String,
        /// The instant.
        since: Timestamp,
    },
    /// The range ends before it begins.
    #[error("--until ({until}) is before --since ({since}): no line can match")]
    Reversed {
        /// The beginning.
        since: Timestamp,
        /// The end.
        until: Timestamp,
    },
}

impl TimeRange {
    /// Returns the range that the two options name, relative to `now`. A time of day that is still
    /// to come today means yesterday in `--since`, and today in `--until`.
    ///
    /// # Errors
    /// [`TimeError`], whose text names the accepted forms.
    ///
    /// ```
    /// use scratchdbg_logs::when::TimeRange;
    /// let now = "2026-11-23T12:00:00[UTC]".parse()?;
    /// let range = TimeRange::parse(Some("yesterday"), Some("10:30"), &now)?;
    /// assert_eq!(range.since, Some("2026-11-22T00:00:00Z".parse()?));
    /// assert_eq!(range.until, Some("2026-11-23T10:30:00Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(since: Option<&str>, until: Option<&str>, now: &Zoned) -> Result<Self, TimeError> {
        let since = since.map(|text| parse_since(text, now)).transpose()?;
        let until = until
            .map(|text| {
                parse(text, now, Hour::Second)
                    .map(|parsed| parsed.at)
                    .ok_or_else(|| TimeError::Unknown { option: "--until", text: text.into() })
            })
            .transpose()?;
        match (since, until) {
            (Some(since), Some(until)) if until < since => {
                Err(TimeError::Reversed { since, until })
            }
            _ => Ok(Self { since, until }),
        }
    }
}

fn parse_since(text: &str, now: &Zoned) -> Result<Timestamp, TimeError> {
    let unknown = || TimeError::Unknown { option: "--since", text: text.into() };
    let Parsed { at, is_time_of_day } = parse(text, now, Hour::First).ok_or_else(unknown)?;
    if at <= now.timestamp() {
        return Ok(at);
    }
    if is_time_of_day {
        let yesterday = now.yesterday().map_err(|_| unknown())?;
        return parse(text, &yesterday, Hour::First).map(|parsed| parsed.at).ok_or_else(unknown);
    }
    Err(TimeError::Future { text: text.into(), since: at })
}

struct Parsed {
    at: Timestamp,
    /// Whether the text was only a time of day, on today's date.
    is_time_of_day: bool,
}

/// Which one is meant of an hour that a clock shows twice, when it is set back.
#[derive(Clone, Copy)]
enum Hour {
    First,
    Second,
}

fn parse(text: &str, now: &Zoned, hour: Hour) -> Option<Parsed> {
    let text = text.trim();
    if let Some(time) = time_of_day(text) {
        return Some(Parsed {
            at: at_zone_of(now.date().to_datetime(time), now, hour)?,
            is_time_of_day: true,
        });
    }
    let at = day_word(text, now, hour)
        .or_else(|| unix_seconds(text))
        .or_else(|| duration(text).and_then(|nanos| before(now, nanos)))
        .or_else(|| date_time(text, now, hour))?;
    Some(Parsed { at, is_time_of_day: false })
}

fn at_zone_of(civil: DateTime, now: &Zoned, hour: Hour) -> Option<Timestamp> {
    let ambiguous = now.time_zone().to_ambiguous_timestamp(civil);
    match hour {
        Hour::First => ambiguous.compatible().ok(),
        Hour::Second => ambiguous.later().ok(),
    }
}

/// `now`; `today` and `yesterday`, optionally with a time of day.
fn day_word(text: &str, now: &Zoned, hour: Hour) -> Option<Timestamp> {
    let (word, time) = text.split_once(' ').unwrap_or((text, "00:00"));
    let date = match word {
        "now" => return (text == "now").then(|| now.timestamp()),
        "today" => now.date(),
        "yesterday" => now.date().checked_sub(1.day()).ok()?,
        _ => return None,
    };
    at_zone_of(date.to_datetime(time_of_day(time)?), now, hour)
}

/// `hh:mm`, `hh:mm:ss`, `hh:mm:ss.fraction`.
fn time_of_day(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() || !(1..=2).contains(&hour.len()) || minute.len() != 2 {
        return None;
    }
    let (second, nanos) = second.map_or(Some((0, 0)), |second| {
        let (whole, fraction) =
            second.split_once('.').map_or((second, None), |(whole, rest)| (whole, Some(rest)));
        let nanos = fraction.map_or(Some(0), fraction_nanos)?;
        (whole.len() == 2).then_some((digits(whole)?, nanos))
    })?;
    Time::new(digits(hour)?, digits(minute)?, second, i32::try_from(nanos).ok()?).ok()
}

fn digits<N: std::str::FromStr>(text: &str) -> Option<N> {
    // The standard parsers also accept a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Parses the digits after a decimal point into nanoseconds.
fn fraction_nanos(text: &str) -> Option<i64> {
    (1..=9).contains(&text.len()).then_some(())?;
    digits::<i64>(text).map(|value| value * 10_i64.pow(9 - u32::try_from(text.len()).unwrap_or(9)))
}

/// `seconds` or `seconds.nanos` since 1970, possibly negative.
fn unix_seconds(text: &str) -> Option<Timestamp> {
    let (sign, number) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) =
        number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let nanos = fraction.map_or(Some(0), fraction_nanos)?;
    Timestamp::new(sign * digits::<i64>(whole)?, i32::try_from(sign * nanos).ok()?).ok()
}

fn before(now: &Zoned, nanos: i128) -> Option<Timestamp> {
    Timestamp::from_nanosecond(now.timestamp().as_nanosecond().checked_sub(nanos)?).ok()
}

/// A date, optionally with a time (`T` or a space before it) and a zone (`Z` or `±hh:mm`).
fn date_time(text: &str, now: &Zoned, hour: Hour) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let [year, month, day] = [date.get(..4)?, date.get(5..7)?, date.get(8..)?];
    if date.as_bytes()[4] != b'-' || date.as_bytes()[7] != b'-' {
        return None;
    }
    let date = Date::new(digits(year)?, digits(month)?, digits(day)?).ok()?;
    let (time, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()));
    let time = if time.is_empty() {
        Time::midnight()
    } else {
        time_of_day(time.strip_prefix(['T', 't', ' '])?)?
    };
    let civil = date.to_datetime(time);
    if zone.is_empty() {
        return at_zone_of(civil, now, hour);
    }
    let offset =
        if zone.eq_ignore_ascii_case("z") { jiff::tz::Offset::UTC } else { numeric_offset(zone)? };
    offset.to_timestamp(civil).ok()
}

/// `+hh:mm` or `-hh:mm`, less than a day (RFC 3339, `time-numoffset`).
fn numeric_offset(zone: &str) -> Option<jiff::tz::Offset> {
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (digits::<i32>(hours)?, digits::<i32>(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60;
    jiff::tz::Offset::from_seconds(if zone.starts_with('-') { -seconds } else { seconds }).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Zoned {
        let offset = jiff::tz::Offset::from_seconds(2 * 3600).unwrap();
        "2026-11-23T10:00:00.5Z".parse::<Timestamp>().unwrap().to_zoned(offset.to_time_zone())
    }

    #[test]
    fn forms() {
        // Local time is two hours ahead of UTC: now is 12:00:00.5.
        let cases = [
            ("10m", "2026-11-23T09:50:00.5Z"),
            ("1h30m", "2026-11-23T08:30:00.5Z"),
            ("1.5h", "2026-11-23T08:30:00.5Z"),
            ("250ms", "2026-11-23T10:00:00.25Z"),
            ("1ns", "2026-11-23T10:00:00.499999999Z"),
            ("2d", "2026-11-21T10:00:00.5Z"),
            ("1w", "2026-11-16T10:00:00.5Z"),
            ("2006-01-02T15:04:05Z", "2006-01-02T15:04:05Z"),
            ("2006-01-02T15:04:05.123456789+02:00", "2006-01-02T13:04:05.123456789Z"),
            ("2006-01-02T15:04:05-05:30", "2006-01-02T20:34:05Z"),
            ("2006-01-02T15:04:05", "2006-01-02T13:04:05Z"),
            ("2006-01-02T15:04:05.5", "2006-01-02T13:04:05.5Z"),
            ("2006-01-02T15:04", "2006-01-02T13:04:00Z"),
            ("2006-01-02 15:04", "2006-01-02T13:04:00Z"),
            ("2006-01-02", "2006-01-01T22:00:00Z"),
            ("2006-01-02Z", "2006-01-02T00:00:00Z"),
            ("2006-01-02+01:00", "2006-01-01T23:00:00Z"),
            ("1136073845", "2006-01-01T00:04:05Z"),
            ("1136073845.000000001", "2006-01-01T00:04:05.000000001Z"),
            ("0", "1970-01-01T00:00:00Z"),
            ("-1.5", "1969-12-31T23:59:58.5Z"),
            ("10:30", "2026-11-23T08:30:00Z"),
            ("9:05:07.25", "2026-11-23T07:05:07.25Z"),
            ("today", "2026-11-22T22:00:00Z"),
            ("yesterday", "2026-11-21T22:00:00Z"),
            ("yesterday 10:30", "2026-11-22T08:30:00Z"),
            ("now", "2026-11-23T10:00:00.5Z"),
            (" 10m ", "2026-11-23T09:50:00.5Z"),
        ];
        for (text, want) in cases {
            let want: Timestamp = want.parse().unwrap();
            assert_eq!(
                TimeRange::parse(Some(text), None, &now()).map(|range| range.since),
                Ok(Some(want)),
                "{text}"
            );
            assert_eq!(
                TimeRange::parse(None, Some(text), &now()).map(|range| range.until),
                Ok(Some(want)),
                "{text}"
            );
        }
    }

    /// Nothing that may be meant is left out.
    #[test]
    fn an_hour_that_comes_twice_is_there_twice() {
        let now: Zoned = "2026-10-25T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
        for (text, first, second) in [
            ("2026-10-25T02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            ("02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            ("today 02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            // One that never comes is taken as the same time after it.
            ("2026-03-29T02:30", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z"),
        ] {
            let range = TimeRange::parse(Some(text), Some(text), &now).unwrap();
            assert_eq!(range.since, first.parse().ok(), "{text}");
            assert_eq!(range.until, second.parse().ok(), "{text}");
        }
    }

    #[test]
    fn a_time_of_day_still_to_come() {
        let range = TimeRange::parse(Some("23:00"), Some("23:00"), &now()).unwrap();
        assert_eq!(range.since, "2026-11-22T21:00:00Z".parse().ok());
        assert_eq!(range.until, "2026-11-23T21:00:00Z".parse().ok());
    }

    #[test]
    fn what_is_refused() {
        let nonsense = [
            "",
            "x",
            "10x",
            "1h30",
            "m",
            "-",
            ".",
            "1.h",
            ".5h",
            "10:3",
            "25:00",
            "10:30:61",
            "10:30:00:00",
            "+10:30",
            "2006-13-02",
            "2006-02-30",
            "2006-01-02T",
            "2006-01-02T15",
            "2006-01-02T15:04:05+2",
            "2006-01-02T15:04:05+25:00",
            "2006-01-02T15:04:05-24:00",
            "2006-01-02T15:04:05+01:60",
            "2006/01/02",
            "now 10:30",
            "tomorrow",
            "yesterday noon",
            "99999999999999999999",
            "99999999999999999999h",
            "1.0000000001",
            "日本語日本語日本語",
        ];
        for text in nonsense {
            for (since, until, option) in
                [(Some(text), None, "--since"), (None, Some(text), "--until")]
            {
                let want = Err(TimeError::Unknown { option, text: text.into() });
                assert_eq!(TimeRange::parse(since, until, &now()), want, "{text}");
            }
        }
        let future = TimeRange::parse(Some("2027-01-01Z"), None, &now());
        assert!(matches!(future, Err(TimeError::Future { .. })), "{future:?}");
        let reversed = TimeRange::parse(Some("1h"), Some("2h"), &now());
        assert!(matches!(reversed, Err(TimeError::Reversed { .. })), "{reversed:?}");
        let in_future = TimeRange::parse(None, Some("-1h"), &now()).unwrap();
        assert_eq!(
            in_future.until,
            "2026-11-23T11:00:00.5Z".parse().ok(),
            "a negative duration is ahead, as in docker"
        );
    }

    proptest! {
        #[test]
        fn never_panics(since in "\\PC{0,30}", until in "[0-9:.TZ+dhms-]{0,30}") {
            let _range = TimeRange::parse(Some(&since), Some(&until), &now());
        }

        #[test]
        fn every_instant_is_understood(seconds in 0_i64..1_790_000_000, nanos in 0_i32..1_000_000_000) {
            let at = Timestamp::new(seconds, nanos).unwrap();
            for text in [at.to_string(), format!("{seconds}.{nanos:09}")] {
                prop_assert_eq!(TimeRange::parse(Some(&text), None, &now()), Ok(TimeRange { since: Some(at), until: None }));
            }
        }
    }
}
