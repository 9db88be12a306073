//! The axis of time: from the first run or line to the last.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The distances between ticks, in milliseconds.
const STEPS: &[i64] = &[
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000,
];
const DAY: i64 = 86_400_000;

/// A span of time that is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    zone: TimeZone,
}

/// A tick with its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) at: Timestamp,
    pub(crate) label: String,
}

impl Axis {
    /// Returns the axis that has all these times; `None` if there are none.
    pub(crate) fn new(times: impl IntoIterator<Item = Timestamp>, zone: &TimeZone) -> Option<Self> {
        const LEAST: SignedDuration = SignedDuration::from_secs(1);
        let ends = times.into_iter().fold(None, |ends: Option<(Timestamp, Timestamp)>, at| {
            Some(ends.map_or((at, at), |(from, to)| (from.min(at), to.max(at))))
        });
        let (from, to) = ends?;
        let to = to.max(from.saturating_add(LEAST).unwrap_or(Timestamp::MAX));
        Some(Self { from, to, zone: zone.clone() })
    }

    /// Returns the place of a time: 0 at the start of the axis, 1 at its end.
    #[expect(clippy::cast_precision_loss, reason = "it is drawn")]
    pub(crate) fn place(&self, at: Timestamp) -> f64 {
        let all = self.to.as_nanosecond() - self.from.as_nanosecond();
        let part = at.as_nanosecond() - self.from.as_nanosecond();
        if all <= 0 { 0.0 } else { (part as f64 / all as f64).clamp(0.0, 1.0) }
    }

    /// Returns ticks at round times, at most `most` of them, and at least 2 apart.
    pub(crate) fn ticks(&self, most: usize) -> Vec<Tick> {
        let (from, to) = (self.from.as_millisecond(), self.to.as_millisecond());
        let most = i64::try_from(most.max(1)).unwrap_or(1);
        let span = to.saturating_sub(from);
        let days = || {
            std::iter::successors(Some(DAY), |step| step.checked_mul(2))
                .find(|step| span / step < most)
        };
        let step = STEPS.iter().copied().find(|step| span / step < most).or_else(days);
        let Some(step) = step else { return Vec::new() };
        // Round by the user's clock.
        let offset = i64::from(self.zone.to_offset(self.from).seconds()) * 1_000;
        let first = (from + offset).div_euclid(step) * step + step - offset;
        let first = if (from + offset).rem_euclid(step) == 0 { from } else { first };
        let format = match step {
            ..1_000 => "%H:%M:%S%.1f",
            1_000..60_000 => "%H:%M:%S",
            60_000..DAY if span < DAY => "%H:%M",
            60_000..DAY => "%m-%d %H:%M",
            _ => "%Y-%m-%d",
        };
        let ticks = std::iter::successors(Some(first), |at| at.checked_add(step));
        let ticks = ticks.take_while(|at| *at <= to).filter_map(|at| {
            let at = Timestamp::from_millisecond(at).ok()?;
            Some(Tick { at, label: self.show(at, format) })
        });
        ticks.collect()
    }

    fn show(&self, at: Timestamp, format: &str) -> String {
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }

    /// Returns the first and the last time in words.
    pub(crate) fn in_words(&self) -> String {
        let length = scratchdbg_logs::stats::short_duration(self.to.duration_since(self.from));
        let (from, to) = (self.show(self.from, SECONDS), self.show(self.to, SECONDS));
        format!("{from} to {to} ({length})")
    }
}

/// The format of times.
const SECONDS: &str = "%Y-%m-%d %H:%M:%S";

/// Returns a time with milliseconds.
pub(crate) fn shown(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// Returns a time of a day.
pub(crate) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn ticks_are_at_round_times() {
        let labels = |from, to, most| {
            let axis = Axis::new([at(from), at(to)], &TimeZone::UTC).unwrap();
            let ticks = axis.ticks(most);
            ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(3, 33, 4), ["00:00:10", "00:00:20", "00:00:30"]);
        assert_eq!(labels(0, 300, 3), ["00:00", "00:02", "00:04"]);
        assert_eq!(labels(0, 200_000, 3), ["1970-01-01", "1970-01-02", "1970-01-03"]);
        assert_eq!(labels(0, 90_000, 3), ["01-01 00:00", "01-01 12:00", "01-02 00:00"]);
        assert!(labels(0, 4_000_000_000, 5).len() <= 6);
        assert_eq!(labels(7, 7, 3), ["00:00:07.0", "00:00:07.5", "00:00:08.0"]);
    }

    #[test]
    fn places_are_within_the_axis() {
        assert!(Axis::new([], &TimeZone::UTC).is_none());
        let axis = Axis::new([at(10), at(20)], &TimeZone::UTC).unwrap();
        let places: Vec<_> = [5, 10, 15, 25].map(|second| axis.place(at(second))).into();
        assert_eq!(places, [0.0, 0.0, 0.5, 1.0]);
        let all = Axis::new([Timestamp::MIN, Timestamp::MAX], &TimeZone::UTC).unwrap();
        assert!(all.ticks(8).len() <= 9);
    }
}
