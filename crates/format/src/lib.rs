//! Formats sizes, ages, tables, lists of containers and sessions, and findings for people.

mod containers;
pub mod findings;
mod sessions;
mod table;
mod template;

use std::time::Duration;

pub use self::containers::Listing;
pub use self::sessions::sessions;
pub use self::table::{Column, KEPT, lines};
pub use self::template::{Fields, Template, TemplateError};

/// Formats a number of bytes in the decimal units that Docker prints: `1.9 MB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut scale = 1000;
    while unit + 1 < UNITS.len() && bytes >= scale * 1000 {
        unit += 1;
        scale *= 1000;
    }
    let tenths = bytes / (scale / 10);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Formats an age in one unit, which is enough to tell things apart: `119s`, `5min`, `3h`, `12d`.
pub fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7_200 => format!("{}min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1_949_000, "1.9 MB"),
            (5_000_000_000_000_000, "5000.0 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn ages_have_one_unit() {
        for (seconds, text) in
            [(0, "0s"), (119, "119s"), (120, "2min"), (7200, "2h"), (172_800, "2d")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }
}
