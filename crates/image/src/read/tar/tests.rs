use proptest::prelude::*;

use super::member::MOST_NAMES;
use super::*;
use crate::tar::write_tree;
use crate::{Entry, FileData, Tree};

fn all(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>, ReadError> {
    let mut reader = TarReader::new(bytes, "the layer");
    let mut members = Vec::new();
    while let Some(member) = reader.next()? {
        let mut data = Vec::new();
        reader.read_to_end(&mut data).map_err(|error| reader.failed(&error))?;
        members.push((member, data));
    }
    Ok(members)
}

/// A header with these fields and the right checksum.
fn header(path: &[u8], kind: EntryType, size: u64) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn pax(records: &[u8]) -> Vec<u8> {
    let mut bytes = header(b"pax", EntryType::XHeader, records.len() as u64);
    bytes.extend(records);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

#[test]
fn what_we_write_is_read_again() {
    let mut tree = Tree::with_root();
    let long = format!("{}/{}", "d".repeat(200), "f".repeat(200));
    tree.insert(
        &long,
        Entry { uid: 1 << 33, ..Entry::file(FileData::Bytes((*b"data").into()), 0o4755) },
    )
    .unwrap();
    let mut bytes = Vec::new();
    write_tree(&tree, 5, &mut bytes).unwrap();
    bytes.extend([0; 8 * BLOCK]);
    let members = all(&bytes).unwrap();
    let (last, data) = members.last().unwrap();
    assert_eq!(
        (last.path.as_str(), last.mode, last.uid, last.size),
        (long.as_str(), 0o4755, 1 << 33, 4)
    );
    assert_eq!((members.len(), data.as_slice()), (3, &b"data"[..]));
    assert_eq!(members[0].0.path, "");
}

#[test]
fn hostile_entries_are_refused_and_named() {
    let zero = vec![0; 2 * BLOCK];
    let mut negative = Header::new_ustar();
    negative.as_old_mut().name[0] = b'x';
    negative.set_mode(0);
    negative.set_uid(0);
    negative.set_gid(0);
    negative.as_old_mut().size = [0xff; 12];
    negative.set_cksum();
    let negative = negative.as_bytes().to_vec();
    let mut checksum = header(b"x", EntryType::Regular, 0);
    checksum[0] = b'y';
    let with = |first: Vec<u8>| [first, header(b"x", EntryType::Regular, 0)].concat();
    for (bytes, part) in [
        (
            header(b"link", EntryType::Link, 9),
            "/link in the layer: only a regular file can have data",
        ),
        (
            header(b"dir/", EntryType::Directory, 9),
            "/dir in the layer: only a regular file can have data",
        ),
        (header(b"s", EntryType::GNUSparse, 0), "sparse"),
        (header(b"big", EntryType::GNULongName, 1 << 40), "an extended header of"),
        (header(b"big", EntryType::XHeader, 1 << 40), "an extended header of"),
        (header(b"big", EntryType::Regular, 1 << 40), "it ends within an entry"),
        (negative, "claims"),
        (checksum, "checksum"),
        (with(pax(b"22 GNU.sparse.major=1\n")), "sparse"),
        (with(pax(b"12 size=-12\n")), "the number `-12`"),
        (
            with(pax(b"29 size=18446744073709551615\n")),
            "an entry claims 18446744073709551615 bytes",
        ),
        (with(pax(b"99 path=x\n")), "a pax header"),
        (with(pax(b"12 path=a\0b\n")), "a path with a NUL in it"),
        (
            with([header(b"", EntryType::GNULongName, 65536), vec![b'a'; 65536]].concat()),
            "longer than 4096",
        ),
        ([zero.clone(), b"garbage".to_vec()].concat(), "something after its end"),
        (b"short".to_vec(), "within a header"),
    ] {
        let error = all(&bytes).unwrap_err().to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(all(&zero).unwrap(), []);
    assert_eq!(all(b"").unwrap(), []);
}

/// Go's reader and others would read two archives in one.
#[test]
fn headers_that_readers_disagree_on_are_refused() {
    let file = || header(b"app", EntryType::Regular, 0);
    let changed = |at: usize, bytes: &[u8]| {
        let mut header = Header::from_byte_slice(&header(b"z", EntryType::Regular, 0)).clone();
        header.as_mut_bytes()[at..at + bytes.len()].copy_from_slice(bytes);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let long = |kind, name: &[u8]| {
        let mut bytes = header(b"long", kind, name.len() as u64);
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes
    };
    let global_of = |records: &[u8]| {
        let mut bytes = pax(records);
        bytes[156] = b'g';
        let mut first = Header::from_byte_slice(&bytes[..BLOCK]).clone();
        first.set_cksum();
        [first.as_bytes().to_vec(), bytes[BLOCK..].to_vec()].concat()
    };
    let global = || global_of(b"15 comment=xyz\n");
    // An old file whose name ends in a slash, with data.
    let mut old = header(b"z/", EntryType::Regular, 512);
    old[156] = 0;
    let mut old = Header::from_byte_slice(&old).clone();
    old.set_cksum();
    let old = [old.as_bytes().to_vec(), file()].concat();
    let (path, mtime) = (pax(b"12 path=xyz\n"), pax(b"11 mtime=0\n"));
    let (name, link) = (long(EntryType::GNULongName, b"xyz"), long(EntryType::GNULongLink, b"xyz"));
    let gnu = |prefix: &[u8]| {
        let mut bytes = changed(257, b"ustar  \0");
        bytes[345..345 + prefix.len()].copy_from_slice(prefix);
        let mut header = Header::from_byte_slice(&bytes).clone();
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    for (bytes, part) in [
        (old, "/z in the layer: it is a file by its type and a directory by its name"),
        ([path.clone(), mtime, file()].concat(), "several extended headers"),
        ([name.clone(), path.clone(), file()].concat(), "several extended headers"),
        ([path.clone(), name.clone(), file()].concat(), "several extended headers"),
        ([name.clone(), name.clone(), file()].concat(), "several extended headers"),
        ([link.clone(), pax(b"16 linkpath=xyz\n"), file()].concat(), "several extended headers"),
        ([name.clone(), global(), file()].concat(), "a global header"),
        ([path.clone(), global(), file()].concat(), "a global header"),
        ([global_of(b"12 path=xyz\n"), file()].concat(), "more than comments"),
        ([global_of(b"9 uid=77\n"), file()].concat(), "more than comments"),
        // Go takes the header's own name then.
        ([pax(b"8 path=\n"), file()].concat(), "an empty name"),
        ([pax(b"13 linkpath=\n"), file()].concat(), "an empty name"),
        ([long(EntryType::GNULongName, b"\0"), file()].concat(), "an empty name"),
        ([long(EntryType::GNULongLink, b"\0xyz"), file()].concat(), "an empty name"),
        (changed(124, b"+0000000000\0"), "a number with a sign"),
        (changed(100, b"+000644\0"), "a number with a sign"),
        (gnu(b"usr"), "readers disagree"),
        (gnu(b"12 34"), "readers disagree"),
        ([changed(257, b"ustar\0  "), vec![]].concat(), ""),
    ] {
        match all(&bytes) {
            Err(error) => {
                assert!(!part.is_empty() && error.to_string().contains(part), "{part}: {error}");
            }
            Ok(members) => assert!(part.is_empty(), "{part}: {members:?}"),
        }
    }
    for version in [&b"  "[..], b"\0\0", b"01"] {
        let mut bytes = changed(345, b"usr");
        bytes[263..265].copy_from_slice(version);
        let mut header = Header::from_byte_slice(&bytes).clone();
        header.set_cksum();
        assert!(
            all(header.as_bytes()).unwrap_err().to_string().contains("readers disagree"),
            "{version:?}"
        );
    }
    // What GNU tar, git archive and old programs write.
    let mut directory = header(b"z/", EntryType::Regular, 0);
    directory[156] = 0;
    let mut directory = Header::from_byte_slice(&directory).clone();
    directory.set_cksum();
    for bytes in [
        gnu(b""),
        gnu(b"14772622333"),
        gnu(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        [name, link, file()].concat(),
        [global(), path, file()].concat(),
        directory.as_bytes().to_vec(),
        changed(345, b"usr"),
    ] {
        assert_eq!(
            all(&bytes).map(|members| members.len()).map_err(|error| error.to_string()),
            Ok(1)
        );
    }
    let reserved = changed(156, b"7");
    assert_eq!(all(directory.as_bytes()).unwrap()[0].0.kind, MemberKind::Directory);
    let plain = |bytes: &[u8]| all(bytes).unwrap()[0].0.is_plain;
    assert!(plain(&file()) && plain(&changed(345, b"usr")));
    assert!(
        !plain(&gnu(b""))
            && !plain(&[pax(b"11 mtime=0\n"), file()].concat())
            && !plain(directory.as_bytes())
    );
    assert!(!plain(&reserved), "no engine unpacks it");
}

/// Go takes these for files, and GNU tar, busybox and Python for directories.
#[test]
fn a_file_named_as_a_directory_is_refused() {
    for (name, kind, size) in [
        (&b"a/"[..], EntryType::Regular, 0),
        (b"a/", EntryType::Regular, 1024),
        (b"a//", EntryType::Regular, 0),
        (b"a/.", EntryType::Regular, 0),
        (b"b/a/..", EntryType::Regular, 0),
        (b"a/", EntryType::Continuous, 0),
        (b"", EntryType::Regular, 0),
    ] {
        let mut bytes = header(name, kind, size);
        bytes.resize(BLOCK + usize::try_from(size).unwrap(), 0);
        let error = all(&bytes).unwrap_err().to_string();
        assert!(error.contains("a file by its type and a directory by its name"), "{error}");
    }
    let plain = |name: &[u8], kind| all(&header(name, kind, 0)).unwrap()[0].0.is_plain;
    for (name, kind, expected) in [
        (&b"a"[..], EntryType::Regular, true),
        (b"a/", EntryType::Directory, true),
        (b"a", EntryType::Directory, true),
        (b"a//", EntryType::Directory, false),
        (b"./a", EntryType::Regular, false),
        (b"/a", EntryType::Regular, false),
        (b"b/../a", EntryType::Regular, false),
        (b"a\xff", EntryType::Regular, false),
        (b"a/", EntryType::Symlink, false),
        (b"a/", EntryType::Link, false),
    ] {
        assert_eq!(plain(name, kind), expected, "{name:?} {kind:?}");
    }
}

/// As engines take them, which unpack a layer with its root as `/`. Seen with Docker 20.10.
#[test]
fn names_are_taken_as_engines_take_them() {
    for (name, path) in [
        (&b"app"[..], "app"),
        (b"./app", "app"),
        (b"/app", "app"),
        (b"//srv//app/", "srv/app"),
        (b"x/../app", "app"),
        (b"/x/../../app", "app"),
        (b"../../etc/x", "etc/x"),
        (b"x/../../../app", "app"),
        (b"/", ""),
        (b"..", ""),
        (b"./", ""),
    ] {
        let (member, _) = &all(&header(name, EntryType::Directory, 0)).unwrap()[0];
        assert_eq!(member.path, path);
        let mut link = header(b"l", EntryType::Link, 0);
        link[157..157 + name.len()].copy_from_slice(name);
        let mut link = Header::from_byte_slice(&link).clone();
        link.set_cksum();
        let (member, _) = &all(link.as_bytes()).unwrap()[0];
        assert_eq!(member.kind, MemberKind::HardLink(path.to_owned()));
    }
}

#[test]
fn an_owner_that_is_left_out_is_root() {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[0] = b'x';
    header.set_mode(0o755);
    header.set_size(0);
    header.set_cksum();
    let (member, _) = &all(header.as_bytes()).unwrap()[0];
    assert_eq!((member.uid, member.gid), (0, 0));
}

#[test]
fn too_many_entries_are_refused() {
    let entries = header(b"x", EntryType::Regular, 0).repeat(4);
    let count = |most_entries| {
        let mut reader = TarReader { most_entries, ..TarReader::new(&entries[..], "the layer") };
        std::iter::from_fn(|| reader.next().transpose())
            .collect::<Result<Vec<_>, _>>()
            .map(|members| members.len())
    };
    assert_eq!(count(4).unwrap(), 4);
    assert!(count(3).unwrap_err().to_string().contains("more than 3 entries"));
}

#[test]
fn paths_without_end_are_refused() {
    let entries = header(b"a/b/c", EntryType::Regular, 0).repeat(3);
    let count = |names| {
        let mut reader =
            TarReader { names: MOST_NAMES - names, ..TarReader::new(&entries[..], "the layer") };
        std::iter::from_fn(|| reader.next().transpose())
            .collect::<Result<Vec<_>, _>>()
            .map(|members| members.len())
    };
    assert_eq!(count(15).unwrap(), 3);
    assert!(count(14).unwrap_err().to_string().contains("more than 256 MiB"));
    let capabilities = |value: &str| {
        let record = format!("SCHILY.xattr.security.capability={value}\n");
        let length = record.len() + 3;
        let bytes =
            [pax(format!("{length} {record}").as_bytes()), header(b"x", EntryType::Regular, 0)]
                .concat();
        all(&bytes).unwrap()[0].0.capabilities.clone()
    };
    assert_eq!(capabilities(&"c".repeat(24)), Some(vec![b'c'; 24]));
    assert_eq!(capabilities(&"c".repeat(25)), None, "no capabilities");
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_result(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        drop(all(&bytes));
    }

    #[test]
    fn any_change_to_a_good_archive_ends_in_a_result(at in 0usize..2048, to in any::<u8>()) {
        let mut bytes = [pax(b"9 path=y\n"), header(b"x", EntryType::Regular, 3), vec![b'd'; 512], vec![0; 1024]].concat();
        let at = at % bytes.len();
        bytes[at] = to;
        drop(all(&bytes));
    }
}
