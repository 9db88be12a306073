//! Property tests with arbitrary bytes: no panic, no endless loop, and no more is read than
//! documented.

use std::io::Cursor;

use proptest::prelude::*;

use crate::code::Code;
use crate::config::ConfigFacts;
use crate::container::{ContainerFacts, Event, KernelLog, Phase, State};
use crate::elf::sample::{NEEDED, RUNPATH, Sample, Value, gnu_note};
use crate::mentions::MentionScanner;
use crate::program::{Program, inspect, inspect_head};
use crate::rootfs::{Entry, Rootfs};
use crate::rules::image::ImageFacts;
use crate::rules::program::Subject;
use crate::rules::{image, program};
use crate::{explain_message, why};

/// Returns a file with something in every table that is read.
fn rich_elf() -> Vec<u8> {
    let mut versions = [1u16, 1].map(u16::to_le_bytes).concat();
    versions.extend([1u32, 16, 0].map(u32::to_le_bytes).concat());
    versions.extend([0u32, 0, 11, 0].map(u32::to_le_bytes).concat());
    let mut definitions = [1u16, 0, 1, 1].map(u16::to_le_bytes).concat();
    definitions.extend([0u32, 20, 0, 11, 0].map(u32::to_le_bytes).concat());
    let mut record = b"\xff Go buildinf:\x08\x02".to_vec();
    record.resize(32, 0);
    record.extend(b"\x06go1.23\x2c0123456789abcdefbuild\tA=b\n0123456789abcdef\n");
    let mut notes = gnu_note(1, &[0, 3, 2, 0].map(u32::to_le_bytes).concat());
    notes.extend(gnu_note(5, &[0xc000_8002u32, 4, 0b111, 0].map(u32::to_le_bytes).concat()));
    let dynamic = vec![
        (NEEDED, Value::Text("libm.so.6")),
        (NEEDED, Value::Text("libc.so.6")),
        (RUNPATH, Value::Text("$ORIGIN/../lib")),
    ];
    Sample { dynamic: Some(dynamic), notes, ..Sample::glibc() }
        .section(".gnu.version_r", 0x6fff_fffe, versions)
        .section(".dynstr", 3, *b"\0libc.so.6\0GLIBC_2.38\0")
        .section(".gnu.version_d", 0x6fff_fffd, definitions)
        .section(".names", 3, *b"\0libc.so.6\0GLIBC_2.38\0")
        .section(".go.buildinfo", 1, record)
        .section(".comment", 1, *b"rustc version 1.95.0 (x)\0")
        .section(".ARM.attributes", 1, *b"A\x14\0\0\0aeabi\0\x01\x07\0\0\0\x06\x0a")
        .build()
}

/// One change of a file.
#[derive(Clone, Debug)]
enum Mutation {
    Byte(usize, u8),
    Word(usize, u64),
    Cut(usize),
    Double(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let extreme = prop_oneof![
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(u64::from(u32::MAX)),
        Just(i64::MAX as u64),
        Just(u64::MAX - 7),
        any::<u64>(),
        (0u64..4096),
    ];
    prop_oneof![
        4 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        4 => (any::<usize>(), extreme).prop_map(|(at, word)| Mutation::Word(at, word)),
        1 => any::<usize>().prop_map(Mutation::Cut),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(at, length)| Mutation::Double(at, length)),
    ]
}

fn apply(file: &mut Vec<u8>, mutation: &Mutation) {
    if file.is_empty() {
        return;
    }
    let length = file.len();
    match *mutation {
        Mutation::Byte(at, byte) => file[at % length] = byte,
        Mutation::Word(at, word) => {
            // Header fields are aligned: most mutations hit a complete field.
            let at = (at % length) & !7;
            let bytes = word.to_le_bytes();
            let count = bytes.len().min(length - at);
            file[at..at + count].copy_from_slice(&bytes[..count]);
        }
        Mutation::Cut(at) => file.truncate(at % length),
        Mutation::Double(at, count) => {
            let at = at % length;
            let piece = file[at..(at + count % 64).min(length)].to_vec();
            file.splice(at..at, piece);
        }
    }
}

/// Runs every rule on a program.
fn interrogate(program: &Program) -> usize {
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/lib64/ld-linux-x86-64.so.2", Entry::file(0o755, 1));
    rootfs.insert("/lib/libc.so.6", Entry::program(0o755, 1, program.clone()));
    rootfs.insert("/app", Entry::program(0o755, 1, program.clone()));
    let platform = "linux/amd64".parse().ok();
    let subject = Subject { platform: platform.as_ref(), ..Subject::new("/app", program, &rootfs) };
    program::check(subject).len()
}

const CONFIG: &str = r#"{"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/app", "--flag"], "Cmd": ["/bin/sh", "-c", "x"], "Env": ["PATH=/usr/bin:/bin", "TZ=Europe/Berlin", "SSL_CERT_FILE=/x", "A_TOKEN=y"], "User": "app:web", "WorkingDir": "/srv/data", "StopSignal": "SIGINT", "Volumes": {"/data": {}}, "Healthcheck": {"Test": ["CMD-SHELL", "curl -f http://localhost || exit 1"]}}}"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_elf_files(mutations in prop::collection::vec(mutation(), 1..8), head in any::<usize>()) {
        let mut file = rich_elf();
        for mutation in &mutations {
            apply(&mut file, mutation);
        }
        let program = inspect(Cursor::new(&file)).unwrap();
        interrogate(&program);
        let size = file.len() as u64;
        let head = &file[..head % (file.len() + 1)];
        interrogate(&inspect_head(head, size));
        interrogate(&inspect_head(head, u64::MAX));
    }

    #[test]
    fn mutated_configurations(mutations in prop::collection::vec(mutation(), 0..4)) {
        let mut json = CONFIG.as_bytes().to_vec();
        for mutation in &mutations {
            apply(&mut json, mutation);
        }
        let Ok(config) = ConfigFacts::from_image_json(&json) else { return Ok(()) };
        interrogate_config(&config);
    }

    #[test]
    fn odd_configurations(
        entrypoint in prop::collection::vec(odd_text(), 0..3),
        command in prop::collection::vec(odd_text(), 0..3),
        env in prop::collection::vec(odd_text(), 0..3),
        user in odd_text(),
        working_directory in odd_text(),
        test in prop::collection::vec(odd_text(), 0..3),
        stop_signal in odd_text(),
        odd in odd_text(),
    ) {
        let healthcheck = Some(crate::config::Healthcheck { test });
        let config = ConfigFacts { entrypoint, command, env, user, working_directory, healthcheck, stop_signal, volumes: vec![odd], platform: None };
        interrogate_config(&config);
    }

    #[test]
    fn odd_states(
        phase in prop::sample::select(vec![Phase::Created, Phase::Running, Phase::Exited, Phase::Restarting, Phase::Dead]),
        exit_code in prop_oneof![any::<i64>(), 0i64..260],
        times in any::<[Option<i64>; 3]>(),
        oom_killed in any::<bool>(),
        error in odd_text(),
        lines in prop::collection::vec(odd_text(), 0..4),
        signals in prop::collection::vec(odd_text(), 0..4),
        record in (any::<(u32, i64, i64)>(), odd_text(), any::<u32>()),
    ) {
        let ((priority, microseconds, boot), process, pid) = record;
        let mut kernel_log = KernelLog::default();
        let group = crate::kernel_log::Group { id: "ab".repeat(32), path: None };
        kernel_log.add_record(&process, &group, boot);
        let record = format!("{priority},1,{microseconds},-;oom-kill:constraint=,global_oom,task_memcg=/{},task={process},pid={pid},uid=0", group.id);
        kernel_log.add_record(&record, &group, boot);
        let events = signals.into_iter().map(|signal| Event { action: "kill".to_owned(), signal: Some(signal), ..Event::default() });
        let facts = ContainerFacts {
            state: State { phase, exit_code, error, oom_killed, started_at: times[0], finished_at: times[1] },
            engine_started_at: times[2],
            kernel_log: Some(kernel_log),
            events: Some(events.collect()),
            log: Some(lines),
            ..ContainerFacts::default()
        };
        let verdict = why(&facts);
        prop_assert_eq!(verdict.code, verdict.findings[0].code);
    }

    #[test]
    fn odd_messages(text in "(?s).{0,200}", piece in odd_text()) {
        for finding in explain_message(&text).into_iter().chain(explain_message(&piece)) {
            prop_assert!(finding.fix.is_some());
        }
    }

    #[test]
    fn mentions_do_not_depend_on_the_pieces(bytes in prop::collection::vec(prop::sample::select(b"/etc/passwd/tmp\0x".to_vec()), 0..200), cuts in prop::collection::vec(0usize..200, 0..5)) {
        let mut whole = MentionScanner::new();
        whole.push(&bytes);
        let mut pieces = MentionScanner::new();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        prop_assert_eq!(whole.finish(), pieces.finish());
    }
}

/// Generates text that resembles what rules look for.
fn odd_text() -> impl Strategy<Value = String> {
    let known = vec![
        "",
        "/",
        "/app",
        "app",
        "/app --x",
        "/bin/sh",
        "-c",
        "..",
        "../../x",
        "./app",
        "CMD",
        "CMD-SHELL",
        "NONE",
        "PATH=",
        "PATH=:/:.",
        "=x",
        "TZ=/",
        "TZ=:",
        "SSL_CERT_FILE=",
        "TMPDIR=/tmp",
        "root",
        "0",
        "65532:65532",
        ":",
        "a:b",
        "9",
        "SIGKILL",
        "15",
        "exec /app: no such file or directory",
        "exec: \"x\": stat x: permission denied",
        "panic: x",
        "'\"\\",
        "\u{202e}\u{0}\u{1b}[2J",
        "é/ü",
    ];
    prop_oneof![
        3 => prop::sample::select(known).prop_map(ToOwned::to_owned),
        1 => "(?s).{0,40}",
    ]
}

fn interrogate_config(config: &ConfigFacts) {
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/app", Entry::program(0o755, 1, inspect(Cursor::new(rich_elf())).unwrap()));
    rootfs.insert("/tmp", Entry::symlink("../../tmp"));
    rootfs.insert("/etc/passwd", Entry::content(0o644, *b"app:x:5:5\n:::\n\xff\n"));
    let findings = image::check(ImageFacts::new(config, &rootfs));
    assert!(findings.is_sorted_by(|a, b| a.severity >= b.severity));
    let state = State { phase: Phase::Exited, exit_code: 1, ..State::default() };
    let facts = ContainerFacts {
        state,
        image: Some(ImageFacts::new(config, &rootfs)),
        ..ContainerFacts::default()
    };
    assert_ne!(why(&facts).code, Code::Running);
    // Requests end, whatever the responses are.
    let on_demand = Rootfs::on_demand();
    let mut rounds = 0;
    loop {
        image::check(ImageFacts::new(config, &on_demand));
        if on_demand.take_wanted().is_empty() {
            break;
        }
        rounds += 1;
        assert!(rounds < 100);
    }
}

#[test]
fn the_rich_file_is_rich() {
    let Program::Elf(facts) = inspect(Cursor::new(rich_elf())).unwrap() else { panic!() };
    assert_eq!(facts.required_versions.len(), 1);
    assert_eq!(facts.provided_versions, ["GLIBC_2.38"]);
    assert!(
        facts.go.is_some()
            && facts.rust.is_some()
            && facts.isa_level.is_some()
            && facts.minimum_kernel.is_some()
    );
}
