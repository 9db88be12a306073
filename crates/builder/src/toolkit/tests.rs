use super::*;
use crate::samples::{AARCH64, X86_64, busybox, elf, toolkit};

#[test]
fn a_busybox_is_known_by_its_bytes() {
    let toolkit = toolkit(AARCH64);
    assert_eq!(toolkit.platform(), &Platform::linux("arm64"));
    assert_eq!(
        toolkit.applets(),
        ["[", "[[", "ash", "busybox", "cat", "id", "ls", "ps", "sh", "top"]
    );
    assert_eq!(toolkit.digest(), Digest::of(busybox(AARCH64)));
}

#[test]
fn what_would_not_work_is_refused_with_the_reason() {
    for (bytes, part) in [
        (
            elf(X86_64, Some("/lib/ld-musl-x86_64.so.1"), b""),
            "dynamically linked (it needs /lib/ld-musl-x86_64.so.1)",
        ),
        (elf(X86_64, None, b"\0sh\0"), "no list of applets"),
        (b"#!/bin/sh\n".to_vec(), "a script"),
        (b"".to_vec(), "an empty file"),
        (busybox(X86_64)[..150].to_vec(), "not a whole executable"),
    ] {
        let error = Toolkit::from_bytes(bytes, "x").unwrap_err().to_string();
        assert!(error.starts_with("x cannot be the toolkit: ") && error.contains(part), "{error}");
    }
}

#[test]
fn the_image_holds_busybox_its_applets_and_the_extras() {
    let extra = ExtraFile {
        path: "/bin/scratchdbg-launcher".into(),
        mode: 0o755,
        bytes: (*b"launcher").into(),
        links: Vec::new(),
    };
    let set = toolkit(X86_64).image(&[extra]).unwrap();
    let mut tar = Vec::new();
    set.images()[0].layers()[0].write_to(&mut tar).unwrap();
    let mut archive = tar::Archive::new(&tar[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let link = entry.link_name().unwrap().map(|link| link.display().to_string());
        (entry.path().unwrap().display().to_string(), link)
    });
    let entries: BTreeMap<_, _> = entries.collect();
    assert_eq!(
        entries.len(),
        3 + 1 + 9 + 1,
        "root, bin, session, busybox, nine links, the launcher"
    );
    assert_eq!(entries["session/"], None);
    assert_eq!(entries["bin/sh"].as_deref(), Some("bin/busybox"));
    assert_eq!(entries["bin/busybox"], None);
    assert_eq!(entries["bin/scratchdbg-launcher"], None);
}

#[test]
fn the_reference_follows_the_content() {
    let extra = |bytes: &[u8], mode| ExtraFile {
        path: "/bin/x".into(),
        mode,
        bytes: bytes.into(),
        links: Vec::new(),
    };
    let reference = |toolkit: &Toolkit, extras: &[ExtraFile]| {
        toolkit.image_reference(extras).unwrap().familiar()
    };
    let (amd64, arm64) = (toolkit(X86_64), toolkit(AARCH64));
    let all = [
        reference(&amd64, &[]),
        reference(&arm64, &[]),
        reference(&amd64, &[extra(b"1", 0o755)]),
        reference(&amd64, &[extra(b"2", 0o755)]),
        reference(&amd64, &[extra(b"1", 0o644)]),
    ];
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(reference(&amd64, &[]), all[0]);
    assert!(
        all[0].starts_with("scratchdbg/toolkit:")
            && all[0].len() == "scratchdbg/toolkit:".len() + 12,
        "{}",
        all[0]
    );
    let set = amd64.image(&[]).unwrap();
    assert_eq!(set.tags()[0].familiar(), all[0]);
}
