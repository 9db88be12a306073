//! The forms of headers, and those that readers would not agree on.
//!
//! Engines read layers with Go's `archive/tar`. Where it takes a header otherwise than POSIX
//! (pax(1), "ustar Interchange Format") or than GNU tar, the entry is refused: what is shown of a
//! layer must be what is unpacked.

use std::ops::Range;

use tar::{EntryType, Header};

/// The field `prefix` and what stands in its place in other formats, up to the end of the header.
const AFTER_DEVICE: Range<usize> = 345..500;
/// The access time and the change time of GNU tar's own format.
const GNU_TIMES: [Range<usize>; 2] = [345..357, 357..369];
/// The mode, the owner, the group and the size.
const NUMBERS: [Range<usize>; 4] = [100..108, 108..116, 116..124, 124..136];
const MAGIC: Range<usize> = 257..263;
const VERSION: Range<usize> = 263..265;
/// The last byte of the shorter prefix that the format of star has, and its mark.
const STAR_PREFIX_END: usize = 345 + 130;
const STAR_MARK: Range<usize> = 508..512;

/// Whether a header is one of POSIX's own.
pub(super) fn is_ustar(header: &Header) -> bool {
    let bytes = header.as_bytes();
    bytes[MAGIC] == *b"ustar\0" && bytes[VERSION] == *b"00" && bytes[STAR_MARK] != *b"tar\0"
}

/// Returns why readers would not agree on a header. `path` is that of the entry, with extended
/// headers.
pub(super) fn ambiguity(
    header: &Header,
    kind: EntryType,
    size: u64,
    path: &[u8],
) -> Option<&'static str> {
    // In the oldest format, this is a directory, which has no data. Otherwise Go takes this for a
    // file, and GNU tar for a directory.
    let is_old = header.as_bytes()[156] == 0;
    let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
    if is_file && is_named_as_directory(path) && (size > 0 || !is_old) {
        return Some("it is a file by its type and a directory by its name");
    }
    if NUMBERS.into_iter().any(|field| has_sign(&header.as_bytes()[field])) {
        return Some("its header has a number with a sign, which engines refuse");
    }
    has_unclear_prefix(header.as_bytes())
        .then_some("its header has a name in a place where readers disagree")
}

/// Whether only a directory can have this name.
fn is_named_as_directory(path: &[u8]) -> bool {
    matches!(path.rsplit(|byte| *byte == b'/').next(), Some(b"" | b"." | b".."))
}

/// Whether the name of an entry is written as its path, with a slash at the end of a directory's.
pub(super) fn is_written_plainly(name: &[u8], path: &str, kind: EntryType) -> bool {
    let name = name.strip_suffix(b"/").filter(|_| kind.is_dir()).unwrap_or(name);
    name == path.as_bytes()
}

/// Whether a number in text has a sign.
fn has_sign(field: &[u8]) -> bool {
    field[0] & 0x80 == 0 && field.iter().any(|byte| matches!(byte, b'+' | b'-'))
}

/// Whether a part of the name, or what some readers take for one, is outside of the fields of the
/// header's format.
fn has_unclear_prefix(bytes: &[u8; 512]) -> bool {
    if bytes[MAGIC] == *b"ustar\0" {
        let has_more = bytes[AFTER_DEVICE].iter().any(|byte| *byte != 0);
        let is_star = bytes[STAR_MARK] == *b"tar\0";
        return has_more && bytes[VERSION] != *b"00" || is_star && bytes[STAR_PREFIX_END] != 0;
    }
    // Go takes the prefix where a time cannot be read.
    bytes[MAGIC] == *b"ustar " && GNU_TIMES.into_iter().any(|time| !is_time(&bytes[time]))
}

/// Whether a field has a number, or nothing: octal digits, or GNU tar's binary form.
fn is_time(field: &[u8]) -> bool {
    let is_binary = field[0] & 0x80 != 0;
    let is_space = |byte: &u8| matches!(byte, 0 | b' ');
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(is_space).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    is_binary || digits.iter().all(|byte| (b'0'..=b'7').contains(byte)) && rest.iter().all(is_space)
}
