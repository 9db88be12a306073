//! Trees that are written and read again, and streams that lie.

mod outgoing;

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::{
    Count, Entry, Error, Kind, Note, Packing, Place, Reader, Root, Unpacking, Writer, pack, unpack,
};

/// A folder for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("scratchdbg-archive-{}-{name}", std::process::id()));
        let _none = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Lists what is in it, with contents and links.
    fn shown(&self) -> String {
        fn walk(folder: &Path, base: &Path, lines: &mut Vec<String>) {
            for found in fs::read_dir(folder).unwrap() {
                let path = found.unwrap().path();
                let name = path.strip_prefix(base).unwrap().display().to_string();
                let facts = fs::symlink_metadata(&path).unwrap();
                if facts.is_symlink() {
                    lines.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
                } else if facts.is_dir() {
                    lines.push(format!("{name}/"));
                    walk(&path, base, lines);
                } else {
                    lines.push(format!("{name}={}", fs::read_to_string(&path).unwrap()));
                }
            }
        }
        let mut lines = Vec::new();
        walk(&self.0, &self.0, &mut lines);
        lines.sort();
        lines.join(" ")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn packed(source: &Path, how: &Packing) -> (Vec<u8>, Vec<Note>) {
    let (mut stream, mut notes) = (Vec::new(), Vec::new());
    pack(source, how, &mut stream, &mut |note| notes.push(note)).unwrap();
    (stream, notes)
}

fn unpacked(stream: &[u8], place: &Path, how: Unpacking) -> Result<Count, Error> {
    unpack(stream, Place::find(place)?, how, &mut |_| {})
}

/// Makes a stream of these paths: `x/` is a folder, `x|` a pipe, `x>y` a link, `x=y` a hard link, all else a
/// file with its own path in it.
fn stream(paths: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    for path in paths {
        let (path, kind) = match path.split_once(['>', '=']) {
            Some((link, target)) if path.contains('>') => (link, Kind::Link(target.into())),
            Some((link, target)) => (link, Kind::SameAs(target.into())),
            None if path.ends_with('|') => (&path[..path.len() - 1], Kind::Special),
            None if path.ends_with('/') => (&path[..path.len() - 1], Kind::Folder),
            None => (*path, Kind::File(path.len() as u64)),
        };
        let is_file = matches!(kind, Kind::File(_));
        let path = PathBuf::from(path);
        writer
            .entry(&Entry { path: path.clone(), kind, mode: 0o755, uid: 0, gid: 0, mtime: 7 })
            .unwrap();
        if is_file {
            writer.data(path.as_os_str().as_bytes()).unwrap();
        }
    }
    writer.finish().unwrap();
    out
}

#[test]
fn a_tree_is_the_same_on_the_other_side() {
    let (from, to) = (Folder::new("same-from"), Folder::new("same-to"));
    let long = "n".repeat(200);
    fs::create_dir_all(from.at("app/inner")).unwrap();
    fs::write(from.at("app/file"), "text").unwrap();
    fs::write(from.at(&format!("app/inner/{long}")), "long").unwrap();
    fs::write(from.at("app/large"), "x".repeat(3 << 20)).unwrap();
    symlink("inner/none", from.at("app/link")).unwrap();
    fs::set_permissions(from.at("app/file"), Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(from.at("app/inner"), Permissions::from_mode(0o555)).unwrap();
    let (stream, notes) = packed(&from.at("app"), &Packing::default());
    assert!(notes.is_empty(), "{notes:?}");
    let count = unpacked(&stream, &to.0, Unpacking::default()).unwrap();
    assert_eq!((count.files, count.bytes, count.others), (3, (3 << 20) + 8, 3));
    assert_eq!(from.shown(), to.shown());
    let facts = |folder: &Folder, path: &str| fs::metadata(folder.at(path)).unwrap();
    assert_eq!(facts(&to, "app/file").mode() & 0o7777, 0o751, "not its owner's rights");
    assert_eq!(facts(&to, "app/inner").mode() & 0o7777, 0o555);
    assert_eq!(facts(&from, "app/file").mtime(), facts(&to, "app/file").mtime());
    assert_eq!(facts(&from, "app").mtime(), facts(&to, "app").mtime());
    for folder in [&from, &to] {
        fs::set_permissions(folder.at("app/inner"), Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_place_is_taken_as_docker_takes_it() {
    let from = Folder::new("place-from");
    fs::create_dir_all(from.at("dir")).unwrap();
    fs::write(from.at("dir/a"), "a").unwrap();
    fs::write(from.at("file"), "f").unwrap();
    symlink("file", from.at("link")).unwrap();
    let plain = Packing::default;
    let contents = || Packing { root: Root::Empty, ..Packing::default() };
    let follow = || Packing { follow: true, ..Packing::default() };
    for (source, how, place, expected) in [
        ("file", plain(), "new", Ok("have/ old=o new=f")),
        ("file", plain(), "have", Ok("have/ have/file=f old=o")),
        ("file", plain(), "have/", Ok("have/ have/file=f old=o")),
        ("file", plain(), "old", Ok("have/ old=f")),
        ("file", plain(), "new/", Err("does not exist")),
        ("file", plain(), "none/new", Err("none")),
        ("dir", plain(), "new", Ok("have/ new/ new/a=a old=o")),
        ("dir", plain(), "new/", Ok("have/ new/ new/a=a old=o")),
        ("dir", plain(), "have", Ok("have/ have/dir/ have/dir/a=a old=o")),
        ("dir", plain(), "old", Err("which is a file")),
        ("dir", contents(), "have", Ok("have/ have/a=a old=o")),
        ("dir", contents(), "new", Ok("have/ new/ new/a=a old=o")),
        ("link", plain(), "new", Ok("have/ new -> file old=o")),
        ("link", follow(), "new", Ok("have/ new=f old=o")),
        ("link", follow(), "have", Ok("have/ have/link=f old=o")),
    ] {
        let to = Folder::new("place-to");
        fs::create_dir(to.at("have")).unwrap();
        fs::write(to.at("old"), "o").unwrap();
        let (stream, _) = packed(&from.at(source), &how);
        let outcome = unpacked(&stream, &to.at(place), Unpacking::default());
        match expected {
            Ok(expected) => {
                outcome.unwrap();
                let mut expected: Vec<_> = expected.split(' ').collect();
                let shown = to.shown();
                let mut shown: Vec<_> = shown.split(' ').collect();
                expected.sort_unstable();
                shown.sort_unstable();
                assert_eq!(shown, expected, "{source} to {place}");
            }
            Err(words) => {
                let error = outcome.unwrap_err().to_string();
                assert!(error.contains(words), "{source} to {place}: {error}");
            }
        }
    }
}

#[test]
fn nothing_is_written_outside_of_the_place() {
    let outside = Folder::new("outside");
    fs::write(outside.at("kept"), "kept").unwrap();
    let out = outside.0.display().to_string();
    let (link, hard) = (format!("app/l>{out}"), format!("app/h={out}/kept"));
    let absolute = format!("{out}/new");
    for paths in [
        &["app/", "app/../../outside"][..],
        &["app/", "other/x"],
        &["app/", "other"],
        &["app", "app2"],
        &["app/x/y"],
        &["app/", &absolute],
        // A link that the stream made is not followed, in no way.
        &["app/", &link, "app/l/new"],
        &["app/", &link, "app/l/"],
        &["app/", "app/l>.", "app/l/new"],
        &["app/", "app/l>..", "app/l/l/new"],
        &["app/", &hard],
        &["app/", &link, "app/h=app/l/kept"],
        &["app/", &link, "app/h=app/l"],
    ] {
        let to = Folder::new("hostile-to");
        let outcome = unpacked(&stream(paths), &to.0, Unpacking::default());
        let shown = to.shown();
        assert!(!shown.contains("new") && !shown.contains("kept"), "{paths:?}: {shown}");
        if !paths.iter().any(|path| path.contains('=')) {
            assert!(outcome.is_err(), "{paths:?}: {shown}");
        }
        assert_eq!(outside.shown(), "kept=kept", "{paths:?}");
    }
    // One that it may replace is replaced, and not written through.
    let to = Folder::new("hostile-replace");
    fs::create_dir(to.at("app")).unwrap();
    symlink(outside.at("kept"), to.at("app/l")).unwrap();
    unpacked(&stream(&["app/", "app/l"]), &to.0, Unpacking::default()).unwrap();
    assert_eq!(to.shown(), "app/ app/l=app/l");
    assert_eq!(outside.shown(), "kept=kept");
}

#[test]
fn a_stream_that_is_cut_leaves_no_half_file() {
    let whole = stream(&["app/", "app/first", "app/second"]);
    for length in (0..whole.len() - 1024).step_by(97) {
        let to = Folder::new("cut-to");
        let error = unpacked(&whole[..length], &to.0, Unpacking::default()).unwrap_err();
        assert!(matches!(error, Error::Cut), "{length}: {error}");
        for part in to.shown().split(' ').filter(|part| !part.is_empty()) {
            assert!(
                ["app/", "app/first=app/first", "app/second=app/second"].contains(&part),
                "{length}: {part}"
            );
        }
    }
}

#[test]
fn a_damaged_stream_is_an_error_and_no_panic() {
    let whole = stream(&["app/", "app/first", "app/l>x", "app/h=app/first"]);
    for at in (0..whole.len()).step_by(3) {
        for value in [0, b'/', 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            let to = Folder::new("damaged-to");
            let _any = unpacked(&damaged, &to.0, Unpacking::default());
            let mut reader = Reader::new(&damaged[..]);
            while let Ok(Some(_)) = reader.next_entry() {}
        }
    }
}

#[test]
fn any_archive_goes_into_a_folder() {
    let to = Folder::new("any-to");
    let any = Unpacking { is_any: true, ..Unpacking::default() };
    unpacked(&stream(&["a", "b/c", "b/d/", "/e"]), &to.0, any.clone()).unwrap();
    assert_eq!(to.shown(), "a=a b/ b/c=b/c b/d/ e=/e");
    assert!(unpacked(&stream(&["../x"]), &to.0, any.clone()).is_err());
    assert!(unpacked(&stream(&["a"]), &to.at("a"), any.clone()).is_err());
    assert_eq!(unpacked(&[0; 1024], &to.0, any).unwrap(), Count::default());
}

#[test]
fn a_stream_does_not_choose_its_name() {
    for (paths, name, expected) in [
        (&[".bashrc"][..], Some("app"), Some("app=.bashrc mine=old")),
        (&[".ssh/", ".ssh/keys"], Some("app"), Some("app/ app/keys=.ssh/keys mine=old")),
        (&["mine"], Some("app"), Some("app=mine mine=old")),
        (&["mine", "other"], Some("app"), None),
        (&["dir/", "dir/x"], None, Some("mine=old x=dir/x")),
        (&["mine"], None, None),
    ] {
        let to = Folder::new("name");
        fs::write(to.at("mine"), "old").unwrap();
        let how = Unpacking {
            name: name.map(Into::into),
            is_contents: name.is_none(),
            ..Unpacking::default()
        };
        let unpacked = unpacked(&stream(paths), &to.0, how);
        assert_eq!(unpacked.is_ok(), expected.is_some(), "{paths:?}");
        if let Some(expected) = expected {
            assert_eq!(to.shown(), expected, "{paths:?}");
        } else {
            assert!(to.shown().contains("mine=old"), "{paths:?}");
        }
    }
}

#[test]
fn a_stream_needs_no_memory_of_its_own_choice() {
    // A header that announces an extension of 8 GiB.
    let mut out = stream(&["app"]);
    out[156] = b'x';
    out[124..136].copy_from_slice(b"77777777777\0");
    let sum: u64 = crate::read::sum(out[..512].try_into().unwrap());
    out[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let error = Reader::new(&out[..]).next_entry().unwrap_err().to_string();
    assert!(error.contains("extended header"), "{error}");
}

#[test]
fn a_place_is_found_through_links_of_ones_own_alone() {
    let at = Folder::new("guarded");
    fs::create_dir_all(at.at("dir/inner")).unwrap();
    fs::write(at.at("dir/file"), "old").unwrap();
    symlink("dir", at.at("own")).unwrap();
    symlink(at.at("own/inner"), at.at("dir/far")).unwrap();
    symlink("../dir/file", at.at("dir/conf")).unwrap();
    symlink("loop", at.at("loop")).unwrap();
    symlink("none", at.at("dangling")).unwrap();
    for (path, expected) in [
        ("dir", Some("dir/new")),
        ("own", Some("dir/new")),
        ("own/", Some("dir/new")),
        ("own/far", Some("dir/inner/new")),
        ("own/inner/../../dir/conf", Some("dir/file")),
        ("own/other", Some("dir/other")),
        ("dangling", Some("none")),
        ("loop", None),
        ("none/x", None),
        ("dir/file/x", None),
        ("dir/file/", None),
    ] {
        let found = Place::find_guarded(&at.at(path));
        let how = Unpacking { name: Some("new".into()), ..Unpacking::default() };
        let done = found.and_then(|place| unpack(&stream(&["x"])[..], place, how, &mut |_| {}));
        assert_eq!(done.is_ok(), expected.is_some(), "{path}: {done:?}");
        if let Some(expected) = expected {
            assert_eq!(fs::read(at.at(expected)).unwrap(), b"x", "{path}");
            fs::remove_file(at.at(expected)).unwrap();
            fs::write(at.at("dir/file"), "old").unwrap();
        }
    }
    // Root may give a link away.
    let foreign = std::os::unix::fs::lchown(at.at("own"), Some(65_532), None);
    if foreign.is_ok() {
        let error = Place::find_guarded(&at.at("own/x")).unwrap_err().to_string();
        assert!(error.contains("a link of user 65532 to dir"), "{error}");
    }
}

#[test]
fn folders_without_end_are_left_out() {
    let (from, to) = (Folder::new("deep-from"), Folder::new("deep-to"));
    fs::create_dir_all(from.at(&format!("d{}", "/d".repeat(1500)))).unwrap();
    let (stream, notes) = packed(&from.at("d"), &Packing::default());
    let [Note::Missed(path, reason)] = &notes[..] else { panic!("{notes:?}") };
    assert!(path.iter().count() == 513 && reason.contains("512 folders deep"), "{reason}");
    let count = unpacked(&stream, &to.0, Unpacking::default()).unwrap();
    assert_eq!(count.others, 512);
}

#[test]
fn files_that_the_kernel_makes_up_have_their_content() {
    let to = Folder::new("proc-to");
    let (stream, _) = packed(Path::new("/proc/self/status"), &Packing::default());
    unpacked(&stream, &to.0, Unpacking::default()).unwrap();
    assert!(to.shown().contains("Name:"));
}

#[test]
fn pipes_are_left_out_and_nobody_waits_for_them() {
    let from = Folder::new("pipe-from");
    fs::create_dir(from.at("dir")).unwrap();
    let path = from.at("dir/pipe");
    std::os::unix::net::UnixListener::bind(&path).unwrap();
    let (_, notes) = packed(&from.at("dir"), &Packing::default());
    assert!(matches!(&notes[..], [Note::LeftOut(..)]), "{notes:?}");
    let error = pack(&path, &Packing::default(), Vec::new(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("neither"), "{error}");
}
