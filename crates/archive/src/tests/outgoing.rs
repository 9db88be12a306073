//! Streams for programs that believe them.

use std::ffi::OsStr;

use super::stream;
use crate::{Error, Outgoing, Reader, pass_on};

#[test]
fn what_goes_to_other_programs_is_what_was_asked_for() {
    let passed = |paths: &[&str], name: Option<&str>, keeps_owner| {
        let mut stream = stream(paths);
        // The mode of the first entry.
        stream[100..108].copy_from_slice(b"0006755\0");
        let sum = crate::read::sum(stream[..512].try_into().unwrap());
        stream[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut outgoing = Outgoing::new(name.map(OsStr::new), keeps_owner);
        let mut out = Vec::new();
        pass_on(&stream[..], &mut out, &mut |entry| outgoing.change(entry))?;
        let (mut reader, mut found) = (Reader::new(&out[..]), Vec::new());
        while let Some(entry) = reader.next_entry()? {
            found.push(format!("{} {:o}", entry.path.display(), entry.mode));
        }
        Ok::<_, Error>(found.join(", "))
    };
    let app = Some("app");
    assert_eq!(
        passed(&["x/", "x/f", "x/l>f"], app, false).unwrap(),
        "app 755, app/f 755, app/l 755"
    );
    assert_eq!(passed(&["x/", "x/f"], app, true).unwrap(), "app 6755, app/f 755");
    assert_eq!(passed(&["x/", "x/f", "x/h=x/f"], None, false).unwrap(), " 755, f 755, h 755");
    assert_eq!(passed(&[".bashrc"], app, false).unwrap(), "app 755");
    for paths in [
        &["x/", "y"][..],
        &["x", "x"],
        &["x/", "x/l>/etc", "x/l/passwd"],
        &["x/", "x/l>/etc", "x/l/"],
        &["x/", "x/l>/etc/passwd", "x/l"],
        &["x/", "x/l>/etc", "x/h=x/l", "x/h/passwd"],
        &["x/", "x/l>/etc", "x/h=x/l/passwd"],
        &["x/", "x/h=y"],
        &["x/y"],
    ] {
        assert!(matches!(passed(paths, app, true), Err(Error::Refused(_))), "{paths:?}");
    }
    assert!(matches!(passed(&["x"], None, true), Err(Error::Refused(_))));
}

#[test]
fn a_stream_for_a_platform_leads_through_nothing_that_is_there() {
    let passed = |paths: &[&str]| {
        let mut outgoing = Outgoing::any(true);
        pass_on(&stream(paths)[..], Vec::new(), &mut |entry| outgoing.change(entry)).is_ok()
    };
    for paths in
        [&["a"][..], &["a", "a"], &["d/", "d/a", "d/e/", "d/e/b", "h=d/a"], &["l>x", "h=l"]]
    {
        assert!(passed(paths), "{paths:?}");
    }
    for paths in [
        &["d/a"][..],
        &["d/e/"],
        &["d/l>x"],
        &["h=a"],
        &["h=d/a"],
        &["d", "h=d/a"],
        &["l>x", "l/a"],
        &["l>x", "l"],
        // What is no folder is none, nor what is left out.
        &["d", "d/a"],
        &["p|", "p/a"],
        &["d/", "d/p|", "d/p/a"],
        &["p|", "h=p"],
    ] {
        assert!(!passed(paths), "{paths:?}");
    }
}

#[test]
fn what_is_passed_on_leads_nowhere() {
    let mut out = Vec::new();
    let paths = ["app/", "/app/file", "app/l>/etc"];
    pass_on(&stream(&paths)[..], &mut out, &mut |_| Ok(())).unwrap();
    let mut reader = Reader::new(&out[..]);
    let mut found = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        found.push(entry.path.display().to_string());
    }
    assert_eq!(found, ["app", "app/file", "app/l"]);
    assert!(pass_on(&stream(&["a/../../b"])[..], Vec::new(), &mut |_| Ok(())).is_err());
    let whole = stream(&["app/", "app/file"]);
    assert!(pass_on(&whole[..whole.len() - 1024], Vec::new(), &mut |_| Ok(())).is_err());
}
