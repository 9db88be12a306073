//! Reads files into the facts that rules need.

use std::io::{self, Read};
use std::ops::Range;

use scratchdbg_diagnose::mentions::{MentionScanner, Mentions};
use scratchdbg_diagnose::program::{self, Program};
use scratchdbg_diagnose::rootfs::{Entry, EntryKind, Want};

/// The bytes of a program that decide whether it starts.
pub(crate) const HEAD: u64 = 1 << 20;
const CHUNK: usize = 1 << 20;
/// The bytes of a program that are searched for mentions. Shipped programs are smaller.
pub(crate) const MOST_SEARCHED: u64 = 512 << 20;

/// The facts of a file, from one pass over it.
#[derive(Debug)]
pub(crate) struct FileFacts {
    pub(crate) entry: Entry,
    pub(crate) mentions: Option<Mentions>,
    /// The first bytes, for rules about single files.
    pub(crate) head: Vec<u8>,
}

/// Reads the beginning of a file of `size` bytes, and the whole file if `search` asks for its
/// mentions. A few lists are kept whole, because rules read them.
pub(crate) fn read(
    path: &str,
    mode: u32,
    size: u64,
    data: &mut dyn Read,
    search: bool,
) -> io::Result<FileFacts> {
    let mut head = Vec::new();
    data.take(HEAD).read_to_end(&mut head)?;
    let keep = is_kept(path) && size <= Want::MAX_CONTENT;
    let mut program = program::inspect_head(&head, size);
    let search = search && is_searched(&program);
    let mut scanner = search.then(MentionScanner::new);
    let mut scan = |bytes: &[u8]| scanner.iter_mut().for_each(|scanner| scanner.push(bytes));
    scan(&head);
    if let Some(range) =
        program::dynamic_part(&head, size).filter(|range| range.start <= MOST_SEARCHED)
    {
        let part = read_part(data, head.len() as u64, &range, &mut scan)?;
        program = program::inspect_parts(&head, (range.start, &part), size);
    }
    let program = Some(program);
    let content = keep.then(|| head.as_slice().into());
    let entry =
        Entry { kind: EntryKind::File { size, content, program }, ..Entry::file(mode, size) };
    let mentions = scanner.map(|scanner| finish_scan(scanner, data)).transpose()?;
    head.truncate(scratchdbg_diagnose::rules::image::layer::SECRET_WINDOW);
    Ok(FileFacts { entry, mentions, head })
}

/// Whether the content of the file is kept: rules look users up, and where a loader looks for
/// libraries.
pub(crate) fn is_kept(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_list_of_musl = |name: &str| {
        name.strip_prefix("ld-musl-").is_some_and(|rest| rest.strip_suffix(".path").is_some())
    };
    matches!(name, "passwd" | "group" | "ld.so.cache" | "ld.so.preload") || is_list_of_musl(name)
}

/// Whether the mentions of a file matter: only if it can be started.
pub(crate) fn is_searched(program: &Program) -> bool {
    !matches!(program, Program::Other(_))
}

/// Reads up to the end of `range` from `data`, which is at the offset `position`. Returns the bytes
/// of the range, and passes all bytes to `visit`.
fn read_part(
    data: &mut dyn Read,
    position: u64,
    range: &Range<u64>,
    visit: &mut dyn FnMut(&[u8]),
) -> io::Result<Vec<u8>> {
    pass_over(data.take(range.start.saturating_sub(position)), visit)?;
    let mut part = Vec::new();
    data.take(range.end.saturating_sub(range.start)).read_to_end(&mut part)?;
    visit(&part);
    Ok(part)
}

/// Returns the mentions of a file whose beginning, `head`, has been read.
pub(crate) fn scan(head: &[u8], rest: &mut dyn Read) -> io::Result<Mentions> {
    let mut scanner = MentionScanner::new();
    scanner.push(head);
    finish_scan(scanner, rest)
}

fn finish_scan(mut scanner: MentionScanner, rest: &mut dyn Read) -> io::Result<Mentions> {
    pass_over(rest.take(MOST_SEARCHED), &mut |bytes| scanner.push(bytes))?;
    Ok(scanner.finish())
}

/// Passes all bytes of `data` to `visit`.
fn pass_over(mut data: impl Read, visit: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match data.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(size) => visit(&chunk[..size]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads nothing but errors.
    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is broken"))
        }
    }

    #[test]
    fn accounts_are_kept_and_programs_searched() {
        let script = b"#!/bin/sh\necho /etc/ssl/certs\n";
        for (path, data, search, is_kept, is_searched) in [
            ("/etc/passwd", &b"root:x:0:0::/root:\n"[..], false, true, false),
            ("/srv/group", b"", false, true, false),
            ("/app", script, true, false, true),
            ("/app", script, false, false, false),
            ("/app", b"\x00\x01\x02", true, false, false),
        ] {
            let seen = read(path, 0o644, data.len() as u64, &mut &data[..], search).unwrap();
            let EntryKind::File { size, content, .. } = &seen.entry.kind else { panic!("{path}") };
            assert_eq!(*size, data.len() as u64, "{path}");
            assert_eq!(content.as_deref(), is_kept.then_some(data), "{path}");
            assert_eq!(seen.mentions.is_some(), is_searched, "{path} {search}");
        }
    }

    #[test]
    fn no_more_is_read_than_is_needed() {
        // The head alone, however large the file is.
        let mut data = io::repeat(b'x').take(HEAD).chain(Broken);
        let seen = read("/data", 0o644, 1 << 40, &mut data, false).unwrap();
        assert!(seen.head.len() < 1 << 20, "{}", seen.head.len());
        // Accounts of such a size are none.
        let seen =
            read("/etc/passwd", 0o644, 1 << 40, &mut io::repeat(b'x').take(HEAD), false).unwrap();
        assert!(matches!(seen.entry.kind, EntryKind::File { content: None, .. }));
        // What breaks off is an error, in the head and behind it.
        assert!(read("/data", 0o644, 1, &mut Broken, false).is_err());
        assert!(scan(b"#!/bin/sh", &mut Broken).is_err());
    }
}
