use std::fs;

use scratchdbg_image::{Layout, save_hybrid};

use super::*;
use crate::samples::{X86_64, elf, toolkit};
use crate::{BuildSpec, Twin, build};

/// Returns a pair as it is read from a layout.
fn pair() -> (Subject, Subject) {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("app");
    fs::write(&binary, elf(X86_64, None, b"app")).unwrap();
    let spec = BuildSpec {
        binaries: vec![binary],
        tags: vec!["shop/app:1".parse().unwrap()],
        twin: Some(Twin { toolkits: vec![toolkit(X86_64)], tags: Vec::new() }),
        env: vec!["A=1".into()],
        ..BuildSpec::default()
    };
    let sets = build(&spec).unwrap().sets();
    let root = folder.path().join("layout");
    Layout::open_or_create(&root).unwrap().add(&sets).unwrap();
    let archive = folder.path().join("archive.tar");
    save_hybrid(&sets, 0, &archive).unwrap();
    let read = |source: &ImageSource, name| {
        Subject::read(source, &source.find(Some(name)).unwrap()[0]).unwrap()
    };
    let (layout, archive) =
        (ImageSource::layout(&root).unwrap(), ImageSource::archive(&archive).unwrap());
    (read(&layout, "shop/app:1"), read(&archive, "shop/app:1-debug"))
}

#[test]
fn what_we_build_is_a_pair() {
    let (prod, debug) = pair();
    let verification = verify(&prod, &debug);
    assert_eq!(verification.differences, []);
    assert!(verification.ok);
    assert_eq!(verification.shared_layers, [prod.layers[0].diff_id]);
    assert_eq!(verification.debug_layer, Some(debug.layers[1].diff_id));
}

#[test]
fn a_debug_image_under_the_production_tag_is_named_first() {
    let (prod, debug) = pair();
    let first = &verify(&debug, &debug).differences[0];
    assert_eq!(
        first.message,
        "docker.io/shop/app:1-debug, given as the production image, is labeled as `debug`"
    );
    let subjects: Vec<_> = verify(&debug, &prod)
        .differences
        .into_iter()
        .map(|difference| difference.subject)
        .collect();
    for expected in ["role", "layers", "production-shell", "base"] {
        assert!(subjects.iter().any(|subject| subject == expected), "{subjects:?}");
    }
}

#[test]
fn every_difference_is_found_and_named() {
    type Change = fn(&mut Subject, &mut Subject);
    let add = |debug: &mut Subject, path: &str, kind: MemberKind, mode: u32| {
        let member =
            Member { path: path.to_owned(), kind, mode, ..debug.layers[1].members[0].clone() };
        debug.layers[1].members.push(member);
    };
    for (path, kind, mode, expected) in [
        (".scratchdbg/l", MemberKind::Symlink("/".into()), 0o777, "is a link to /"),
        (".scratchdbg/l", MemberKind::Symlink("..".into()), 0o777, "is a link to .."),
        (".scratchdbg/l", MemberKind::Symlink("x/../..".into()), 0o777, "is a link to x/../.."),
        (".scratchdbg/l", MemberKind::HardLink("app".into()), 0o755, "is a link to app"),
        (".scratchdbg/bin/sh/x", MemberKind::File, 0o755, "another entry is below it"),
        (".scratchdbg/root", MemberKind::File, 0o4755, "special bit"),
        (
            ".scratchdbg/root",
            MemberKind::HardLink(".scratchdbg/bin/sh".into()),
            0o4755,
            "special bit",
        ),
        (
            ".scratchdbg/bin/sh",
            MemberKind::HardLink(".scratchdbg/bin/busybox".into()),
            0o777,
            "others than root may",
        ),
        (".scratchdbg/disk", MemberKind::Special, 0o666, "neither a file"),
    ] {
        let (prod, mut debug) = pair();
        add(&mut debug, path, kind, mode);
        let messages: Vec<_> =
            verify(&prod, &debug).differences.into_iter().map(|found| found.message).collect();
        assert!(
            messages.iter().any(|message| message.contains(expected)),
            "{expected}: {messages:?}"
        );
    }
    let changes: [(Change, &str); 22] = [
        (
            |_, debug| debug.layers[1].members.last_mut().unwrap().is_plain = false,
            "debug-layer: /.scratchdbg/bin/top has extended headers",
        ),
        (
            |_, debug| debug.layers[1].members.last_mut().unwrap().uid = 7,
            "debug-layer: /.scratchdbg/bin/top belongs to 7:0",
        ),
        (
            |_, debug| debug.layers[1].members.last_mut().unwrap().capabilities = Some(vec![1; 20]),
            "debug-layer: /.scratchdbg/bin/top has file capabilities",
        ),
        (
            |_, debug| debug.config["config"]["User"] = "0".into(),
            r#"config.User: it is "65532:65532" in production and "0" in debug"#,
        ),
        (
            |_, debug| debug.config["config"]["Entrypoint"][0] = "/x".into(),
            r#"config.Entrypoint: it is ["/app"] in production"#,
        ),
        (|_, debug| debug.config["architecture"] = "arm64".into(), "architecture: it is \"amd64\""),
        (
            |_, debug| debug.config["config"]["Labels"]["x"] = "y".into(),
            "config.Labels.x: it is null in production",
        ),
        (
            |_, debug| debug.config["config"]["Env"][1] = "PATH=/evil".into(),
            "config.Env.PATH: it is /evil in debug; expected /usr",
        ),
        (
            |_, debug| debug.config["config"]["Env"][0] = "A=2".into(),
            r#"config.Env: it is ["A=1"]"#,
        ),
        (
            |_, debug| debug.config["rootfs"]["type"] = "layers+base".into(),
            r#"rootfs.type: it is "layers" in production and "layers+base" in debug"#,
        ),
        (
            |_, debug| debug.config["rootfs"]["base_layer"] = "x".into(),
            "rootfs.base_layer: it is null in production",
        ),
        (
            |prod, _| prod.layers[0].members[1].path = ".scratchdbg/app".into(),
            "production-folder: the production image has /.scratchdbg/app in /.scratchdbg, the folder of",
        ),
        (
            |prod, _| {
                prod.layers[0].members[1].kind = MemberKind::Symlink(".scratchdbg/app".into());
            },
            "production-folder: the link /app of the production image leads to .scratchdbg/app in",
        ),
        (
            |prod, _| prod.config["config"]["Entrypoint"][0] = "/.scratchdbg/app".into(),
            "production-folder: Entrypoint of the production image names /.scratchdbg",
        ),
        (|_, debug| debug.config["history"] = Value::Null, "history: it is"),
        (|prod, _| prod.layers[0].diff_id = Digest::of("x"), "layers: layer 1 is sha256:"),
        (|_, debug| drop(debug.layers.pop()), "layers: the debug image has no layer of its own"),
        (
            |_, debug| debug.layers.push(debug.layers[1].clone()),
            "layers: the debug image has 2 layers more",
        ),
        (
            |_, debug| debug.layers[1].members[0].path = "bin".into(),
            "debug-layer: it changes /bin, outside of /.scratchdbg",
        ),
        (
            |_, debug| debug.layers[1].members[1].path = ".scratchdbg/.wh.x".into(),
            "debug-layer: /.scratchdbg/.wh.x deletes",
        ),
        (
            |prod, _| prod.layers[0].members[1].path = "usr/bin/bash".into(),
            "production-shell: the production image holds a shell: /usr/bin/bash",
        ),
        (
            |prod, _| prod.config_digest = Digest::of("x"),
            "base: the debug image says that it was made from",
        ),
    ];
    for (change, expected) in changes {
        let (mut prod, mut debug) = pair();
        change(&mut prod, &mut debug);
        let verification = verify(&prod, &debug);
        assert!(!verification.ok);
        let lines: Vec<_> = verification
            .differences
            .iter()
            .map(|d| format!("{}: {}", d.subject, d.message))
            .collect();
        assert!(lines.iter().any(|line| line.starts_with(expected)), "{expected}: {lines:?}");
    }
}

#[test]
fn annotations_and_shells_of_the_twin_count() {
    let (prod, mut debug) = pair();
    debug.annotations.insert(annotation::BASE_DIGEST.into(), "sha256:00".into());
    debug.layers[1].members.retain(|member| !member.path.ends_with("/sh"));
    let subjects: Vec<_> = verify(&prod, &debug)
        .differences
        .into_iter()
        .map(|difference| difference.subject)
        .collect();
    assert_eq!(subjects, ["debug-layer", "base"]);
}
