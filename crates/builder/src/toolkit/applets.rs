//! Reads the applet names of a busybox from its bytes.
//!
//! busybox stores the names as one array of NUL-terminated strings in strictly ascending order
//! (`applet_names` in its generated `applet_tables.h`, which it searches by bisection). No other
//! sequence of strings in it contains `sh` and is as long.

use memchr::memmem;

const SHELL: &[u8] = b"\0sh\0";
/// The minimum length of a list: a few words may be in order by chance.
const FEWEST: usize = 8;
/// The maximum length of a name: longer than the longest applet name, and short enough to exclude
/// prose.
const LONGEST: usize = 32;

/// Returns the names in ascending order, or `None` if there is no such list.
pub(super) fn find(bytes: &[u8]) -> Option<Vec<String>> {
    let lists = memmem::find_iter(bytes, SHELL).map(|at| list_around(bytes, at + 1));
    lists.max_by_key(Vec::len).filter(|names| names.len() >= FEWEST)
}

/// Returns the longest ascending sequence of names around the one that begins at `start`.
fn list_around(bytes: &[u8], start: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut next = start;
    let mut last: Option<&[u8]> = None;
    while let Some(name) = name_at(bytes, next).filter(|name| last.is_none_or(|last| last < *name))
    {
        names.push(name);
        next += name.len() + 1;
        last = Some(name);
    }
    let mut first = start;
    let mut before = Vec::new();
    while let Some(name) = name_before(bytes, first) {
        let follower = before.last().or(names.first());
        if follower.is_some_and(|follower| name >= *follower) {
            break;
        }
        before.push(name);
        first -= name.len() + 1;
    }
    before.reverse();
    before.into_iter().chain(names).map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

fn name_at(bytes: &[u8], start: usize) -> Option<&[u8]> {
    let rest = bytes.get(start..)?;
    let end = rest.iter().take(LONGEST + 1).position(|byte| *byte == 0)?;
    Some(&rest[..end]).filter(|name| is_name(name))
}

/// Returns the name that ends with the NUL just before `end`.
fn name_before(bytes: &[u8], end: usize) -> Option<&[u8]> {
    let text = bytes.get(..end.checked_sub(1)?)?;
    let start = text.iter().rev().take(LONGEST + 1).position(|byte| *byte == 0)?;
    Some(&text[text.len() - start..]).filter(|name| is_name(name))
}

/// Whether a name consists of letters, digits and the few other characters of applet names. `[` and
/// `[[` are applets too.
fn is_name(name: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'[';
    let other = |byte: &u8| byte.is_ascii_digit() || b"-_.".contains(byte);
    name.first().is_some_and(letter) && name.iter().all(|byte| letter(byte) || other(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIST: &[u8] = b"\0[\0[[\0ash\0busybox\0cat\0fsck.minix\0ls\0run-parts\0sh\0top\0";

    #[test]
    fn the_list_is_found_whole() {
        let mut bytes = b"\x7fELF junk\0Usage: sh\0sh\0zz\0".to_vec();
        bytes.extend(LIST);
        bytes.extend(b"BusyBox v1.35.0\0");
        assert_eq!(
            find(&bytes).unwrap(),
            ["[", "[[", "ash", "busybox", "cat", "fsck.minix", "ls", "run-parts", "sh", "top"]
        );
    }

    #[test]
    fn other_strings_are_no_list() {
        for bytes in [&b""[..], b"\0sh\0", b"/bin/sh\0", b"\0a\0sh\0b\0", b"\0sh"] {
            assert_eq!(find(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at_without_harm(mut bytes in prop::collection::vec(prop::sample::select(&b"\0sh[a"[..]), 0..200)) {
            find(&bytes);
            bytes.extend(LIST);
            prop_assert!(find(&bytes).unwrap().contains(&"run-parts".to_owned()));
        }
    }
}
