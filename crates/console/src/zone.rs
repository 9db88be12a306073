//! The user's time zone.
//!
//! `TZ` may name any file, and jiff would read the file completely, even a named pipe without a
//! writer, or a device without an end. Therefore jiff gets the value of `TZ` only as the name of a
//! zone, a rule, or the content of a regular file.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use jiff::tz::TimeZone;
use scratchdbg_backend::{Error, ErrorKind};

/// The largest zone file that is read, in bytes. Real zone files have a few kilobytes.
const LIMIT: u64 = 1 << 20;

/// Returns the zone in `TZ`, or the machine's zone if `TZ` is unset. Blocks on files.
///
/// # Errors
///
/// Fails if `TZ` is neither a rule, nor the name of a zone, nor a zone file.
pub fn local(tz: Option<OsString>) -> Result<TimeZone, Error> {
    tz.filter(|tz| !tz.is_empty()).map_or_else(|| Ok(TimeZone::system()), |tz| named(&tz))
}

/// Interprets a `TZ`: a rule (`EST5EDT,M3.2.0,M11.1.0`), a zone's name, or a file. A colon may
/// precede names and files.
fn named(tz: &OsStr) -> Result<TimeZone, Error> {
    let text = tz.to_str();
    if let Some(zone) = text.and_then(|text| TimeZone::posix(text).ok()) {
        return Ok(zone);
    }
    let path = tz.as_bytes().strip_prefix(b":").map_or(tz, OsStr::from_bytes);
    // A path into a zone database ends with the zone's name.
    let name =
        path.to_str().map(|path| path.rsplit_once("zoneinfo/").map_or(path, |(_, name)| name));
    if let Some(zone) = name.and_then(|name| TimeZone::get(name).ok()) {
        return Ok(zone);
    }
    let path = Path::new(path);
    let bytes = match scratchdbg_files::read(path, LIMIT) {
        Ok(bytes) => bytes,
        // The C library would silently use UTC, and times would be hours off.
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_relative() => {
            return Err(unusable(tz, &"no such zone is known"));
        }
        Err(error) => return Err(unusable(tz, &error)),
    };
    TimeZone::tzif("", &bytes).map_err(|error| unusable(tz, &error))
}

fn unusable(tz: &OsStr, error: &dyn std::fmt::Display) -> Error {
    let tz = tz.to_string_lossy();
    Error::new(ErrorKind::Local, format!("cannot use TZ={tz} as the time zone: {error}"))
        .hint("set TZ to a zone's name, for example Europe/Berlin, or to the file of one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tz_is_read_from_regular_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let text = folder.path().join("text");
        std::fs::write(&text, "no zone").unwrap();
        for path in
            [&fifo, &text, &folder.path().join("none"), Path::new("/dev/zero"), folder.path()]
        {
            for prefix in ["", ":"] {
                let tz = format!("{prefix}{}", path.display());
                let error = named(OsStr::new(&tz)).unwrap_err();
                assert!(
                    error.message.contains(&tz) && !error.message.contains('\n'),
                    "{}",
                    error.message
                );
            }
        }
        assert!(named(OsStr::from_bytes(b"/\xff")).is_err());
    }

    #[test]
    fn tz_is_a_rule_or_the_name_of_a_zone() {
        let at = jiff::Timestamp::UNIX_EPOCH;
        for tz in ["no/such/zone", "none", ":none"] {
            assert!(named(OsStr::new(tz)).unwrap_err().message.contains("no such zone"), "{tz}");
        }
        for (tz, hours) in [("EST5", -5), ("<+03>-3", 3), ("UTC", 0), (":UTC", 0)] {
            assert_eq!(
                named(OsStr::new(tz)).unwrap().to_offset(at).seconds(),
                hours * 3600,
                "{tz}"
            );
        }
    }
}
