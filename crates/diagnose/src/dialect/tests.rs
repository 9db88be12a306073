use super::*;

fn corpus() -> Vec<(&'static str, &'static str)> {
    parse(include_str!("../../tests/data/messages.txt"))
}

/// Parses `#= code` lines, each followed by a text, as in `tests/data/messages.txt`.
fn parse(corpus: &'static str) -> Vec<(&'static str, &'static str)> {
    corpus
        .split("#= ")
        .skip(1)
        .map(|block| {
            let (code, text) = block.split_once('\n').unwrap();
            (code, text.trim_end())
        })
        .collect()
}

#[test]
fn every_pattern_compiles() {
    let all: Vec<&Wording> = FAMILIES.iter().flat_map(|(_, family)| family.iter()).collect();
    for wording in &all {
        Regex::new(&ascii(wording.pattern)).unwrap();
    }
    assert_eq!(WORDINGS.each.len(), all.len());
    assert_eq!(WORDINGS.set.len(), all.len());
}

#[test]
fn the_corpus_is_understood() {
    let corpus = corpus();
    let known = corpus.iter().filter(|(code, _)| *code != "none").count();
    assert!(known >= 60, "{known}");
    assert!(corpus.len() - known >= 10);
    check(&corpus);
}

#[track_caller]
fn check(corpus: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (expected, text) in corpus {
        let findings = explain_message(text);
        let first = findings.first().map_or("none", |finding| finding.code.as_str());
        if first != *expected {
            wrong.push(format!("{expected} but {first}: {text}"));
        }
        for finding in findings {
            assert!(!finding.evidence.is_empty() && finding.fix.is_some(), "{finding:?}");
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Common messages of docker, Compose, Kubernetes, databases, servers and runtimes.
#[test]
fn everyday_messages_are_understood() {
    let everyday = parse(include_str!("../../tests/data/everyday.txt"));
    assert!(everyday.len() >= 400, "{}", everyday.len());
    check(&everyday);
}

#[test]
fn names_are_captured() {
    for (text, part) in [
        ("unable to find user nonroot: no matching entries in passwd file", "\"nonroot\""),
        ("exec /opt/x/app: no such file or directory", "/opt/x/app is not there, or what"),
        (
            "OCI runtime create failed: exec: \\\"/a b\\\": stat /a b: no such file or directory",
            "\"/a b\"",
        ),
        (
            "/app: error while loading shared libraries: libz.so.1: cannot open shared object file",
            "libz.so.1",
        ),
        ("open /data/x: read-only file system", "/data/x"),
    ] {
        assert!(
            explain_message(text)[0].message.contains(part),
            "{text}: {:?}",
            explain_message(text)
        );
    }
}

#[test]
fn a_mount_fails_for_the_reason_that_is_said() {
    for (text, part) in [
        (
            "failed to mount local volume: mount /nope:/var/lib/docker/volumes/x/_data, flags: 0x1000: no such file or directory",
            "mounting /nope failed: its source is absent",
        ),
        (
            "failed to mount local volume: mount :/export:/var/lib/docker/volumes/n/_data, data: addr=192.0.2.9: connection refused",
            "mounting :/export failed: the engine's mount said: connection refused",
        ),
        (
            "error mounting \"proc\" to rootfs at \"/proc\": mount proc:/proc: operation not permitted",
            "the kernel forbids it",
        ),
        (
            "error mounting \"/a\" to rootfs at \"/b\": mount /a:/b: invalid argument",
            "said: invalid argument",
        ),
        (
            "error mounting \"/a\" to rootfs at \"/b\": mount /a:/b: not a directory: Are you trying to mount a directory onto a file",
            "source is absent, or a directory",
        ),
    ] {
        assert!(
            explain_message(text)[0].message.contains(part),
            "{text}: {:?}",
            explain_message(text)
        );
    }
}

#[test]
fn an_addition_of_docker_is_no_finding_of_its_own() {
    let text = corpus()
        .into_iter()
        .find(|(_, text)| text.contains("stat /app/x: not a directory"))
        .unwrap()
        .1;
    assert_eq!(explain_message(text).len(), 1, "{:?}", explain_message(text));
}

#[test]
fn large_and_odd_texts_are_bounded() {
    let mut text = "x".repeat(4 << 20);
    text.push_str("\nexec /app: exec format error\n");
    assert_eq!(explain_message(&text)[0].code, Code::WrongArchitecture);
    let text = format!("exec: {}\"/x\": stat /x: no such file or directory", "\\".repeat(200_000));
    assert_eq!(explain_message(&text)[0].code, Code::ProgramMissing);
    assert_eq!(explain_message(""), []);
    let long =
        format!("exec: \"{}\": stat x: no such file or directory: unknown", "/é".repeat(9000));
    for finding in explain_message(&long) {
        assert!(finding.evidence[0].len() < 600);
    }
}
