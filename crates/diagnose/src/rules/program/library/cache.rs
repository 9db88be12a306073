//! Parses `/etc/ld.so.cache`, with which glibc's loader finds libraries outside of its built-in
//! directories. `ldconfig` generates it from `/etc/ld.so.conf`, which the loader does not read.

use std::collections::BTreeMap;

/// The beginning of the part that loaders since glibc 2.2 read. A part for older loaders may
/// precede it.
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// The size of the magic, two counts, and fields of later versions.
const HEADER: usize = 48;
/// The size of an entry: flags, offsets of name and path, and the required processor.
const ENTRY: usize = 24;
/// The bits of an entry's flags with the kind of library: glibc's.
const KIND: u32 = 0xff;
const GLIBC: u32 = 3;
const ANY: u32 = 1;
/// The most entries that are read, more than any machine's cache has.
const MAX_ENTRIES: usize = 100_000;

/// Returns the paths of each library, in the cache's order, or `None` if no loader would accept the
/// cache.
pub(super) fn parse(content: &[u8]) -> Option<BTreeMap<String, Vec<String>>> {
    let begin = content.windows(MAGIC.len()).position(|window| window == MAGIC)?;
    let cache = content.get(begin..)?;
    let number =
        |at: usize| Some(u32::from_le_bytes(cache.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let string = |at: u32| {
        let bytes = cache.get(usize::try_from(at).ok()?..)?;
        let end = bytes.iter().position(|&byte| byte == 0)?;
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
    };
    let count = usize::try_from(number(MAGIC.len())?).ok().filter(|count| *count <= MAX_ENTRIES)?;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for index in 0..count {
        let at = HEADER + ENTRY * index;
        let (flags, name, path) = (number(at)?, number(at + 4)?, number(at + 8)?);
        if matches!(flags & KIND, GLIBC | ANY) {
            found.entry(string(name)?).or_default().push(string(path)?);
        }
    }
    Some(found)
}

#[cfg(test)]
pub(in crate::rules::program) fn sample(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut strings = Vec::new();
    let mut table = Vec::new();
    let base = HEADER + ENTRY * entries.len();
    for (name, path) in entries {
        let mut place = |text: &str| {
            let at = u32::try_from(base + strings.len()).unwrap();
            strings.extend(text.bytes().chain([0]));
            at
        };
        let words = [0x303, place(name), place(path), 0, 0, 0];
        table.extend(words.map(u32::to_le_bytes).concat());
    }
    let mut file = MAGIC.to_vec();
    file.extend(u32::try_from(entries.len()).unwrap().to_le_bytes());
    file.extend(u32::try_from(strings.len()).unwrap().to_le_bytes());
    file.resize(HEADER, 0);
    file.extend(table);
    file.extend(strings);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_paths() {
        let file = sample(&[
            ("libfoo.so.1", "/opt/l/libfoo.so.1"),
            ("libfoo.so.1", "/x/libfoo.so.1"),
            ("b", "/b"),
        ]);
        for before in [&b""[..], b"ld.so-1.7.0\0\0\0\0\0"] {
            let cache = parse(&[before, &file].concat()).unwrap();
            assert_eq!(cache["libfoo.so.1"], ["/opt/l/libfoo.so.1", "/x/libfoo.so.1"]);
            assert_eq!(cache["b"], ["/b"]);
        }
        for cut in 0..file.len() {
            assert_eq!(parse(&file[..cut]), None, "{cut}");
        }
        assert_eq!(parse(b"ld.so-1.7.0 only"), None);
        assert_eq!(parse(&[MAGIC, &[0xff; 64]].concat()), None);
    }
}
