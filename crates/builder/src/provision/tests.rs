use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::samples::{X86_64, elf};

/// A machine that has all source files.
fn machine() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for path in [
        "etc/pki/tls/certs/ca-bundle.crt",
        "etc/services",
        "etc/protocols",
        "usr/share/zoneinfo/Europe/Berlin",
        "usr/share/zoneinfo/right/Europe/Berlin",
    ] {
        fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
        fs::write(root.path().join(path), path).unwrap();
    }
    symlink("/etc/localtime", root.path().join("usr/share/zoneinfo/localtime")).unwrap();
    root
}

fn spec(folder: &Path, strings: &[u8]) -> BuildSpec {
    let binary = folder.join("app");
    fs::write(&binary, elf(X86_64, None, strings)).unwrap();
    BuildSpec { binaries: vec![binary], ..BuildSpec::default() }
}

fn paths(spec: &BuildSpec) -> Vec<&str> {
    spec.files.iter().map(|(path, _)| path).filter(|path| !path.is_empty()).collect()
}

fn decisions(spec: &mut BuildSpec, root: &Path) -> Vec<(&'static str, bool)> {
    let decisions = provision(spec, &With::Auto, root).unwrap();
    decisions.into_iter().map(|decision| (decision.need.word(), decision.added)).collect()
}

#[test]
fn a_program_that_mentions_nothing_gets_nothing() {
    let root = machine();
    let mut spec = spec(root.path(), b"hello");
    assert_eq!(decisions(&mut spec, root.path()), []);
    assert_eq!(paths(&spec), Vec::<&str>::new());
}

#[test]
fn what_is_mentioned_is_added() {
    let root = machine();
    let mut spec = spec(
        root.path(),
        b"/etc/ssl/certs/ca-certificates.crt /usr/share/zoneinfo /etc/passwd /tmp /etc/nsswitch.conf /etc/services",
    );
    let expected = [
        ("certs", true),
        ("tz", false),
        ("passwd", true),
        ("tmp", true),
        ("nsswitch", true),
        ("services", true),
    ];
    assert_eq!(decisions(&mut spec, root.path()), expected);
    assert_eq!(
        paths(&spec),
        [
            "etc",
            "etc/group",
            "etc/nsswitch.conf",
            "etc/passwd",
            "etc/protocols",
            "etc/services",
            "etc/ssl",
            "etc/ssl/certs",
            "etc/ssl/certs/ca-certificates.crt",
            "tmp"
        ]
    );
    assert_eq!(spec.files.get("tmp").unwrap().mode, 0o1777);
    assert_eq!(spec.env, ["SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"]);
}

#[test]
fn the_time_zones_follow_tz() {
    let root = machine();
    let mut with_zone = spec(root.path(), b"/usr/share/zoneinfo");
    with_zone.env.push("TZ=Europe/Berlin".into());
    assert_eq!(decisions(&mut with_zone, root.path()), [("tz", true)]);
    assert_eq!(
        paths(&with_zone)[2..],
        ["usr/share/zoneinfo", "usr/share/zoneinfo/Europe", "usr/share/zoneinfo/Europe/Berlin"]
    );
    let mut embedded = spec(root.path(), b"/usr/share/zoneinfo time/tzdata");
    embedded.env.push("TZ=Europe/Berlin".into());
    assert_eq!(decisions(&mut embedded, root.path()), [("tz", false)]);
}

#[test]
fn a_guess_without_a_source_is_said_and_a_wish_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let mut guess = spec(empty.path(), b"SSL_CERT_FILE /etc/services");
    let decisions = provision(&mut guess, &With::Auto, empty.path()).unwrap();
    assert!(
        decisions
            .iter()
            .all(|decision| !decision.added && decision.reason.contains("this machine has no")),
        "{decisions:?}"
    );
    for (need, package) in [("certs", "ca-certificates"), ("tz", "tzdata"), ("services", "netbase")]
    {
        let mut wish = spec(empty.path(), b"");
        let error =
            provision(&mut wish, &need.parse().unwrap(), empty.path()).unwrap_err().to_string();
        assert!(error.contains(package), "{error}");
    }
}

#[test]
fn a_list_overrides_and_what_is_there_stays() {
    let root = machine();
    let mut spec = spec(root.path(), b"/tmp SSL_CERT_FILE");
    spec.files
        .insert("etc/passwd", Entry::file(FileData::Bytes((*b"mine").into()), 0o600))
        .unwrap();
    provision(&mut spec, &"passwd,tz".parse().unwrap(), root.path()).unwrap();
    assert_eq!(spec.files.get("etc/passwd").unwrap().mode, 0o600);
    assert!(
        spec.files.get("etc/group").is_some()
            && spec.files.get("tmp").is_none()
            && spec.env.is_empty()
    );
    assert_eq!("none".parse::<With>().unwrap(), With::Only(BTreeSet::new()));
    assert!("certs,x".parse::<With>().is_err() && "".parse::<With>().is_err());
}

#[test]
fn accounts_name_the_images_user() {
    assert!(accounts("65532:65532").0.ends_with("nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"));
    assert_eq!(accounts("0").0.lines().count(), 1);
    assert_eq!(accounts("1000:0"), (accounts("1000").0, "root:x:0:\n".into()));
}
