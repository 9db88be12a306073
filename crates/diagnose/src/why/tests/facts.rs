//! A container's actual behavior refutes a problem of its image.

use super::*;

#[test]
fn a_program_that_was_started_is_not_said_to_be_kept_from_it() {
    // A loader without libraries: according to the rules, the program cannot start.
    let (config, mut rootfs) = image_of(&Sample::glibc().build(), 0o755);
    let program = inspect(Cursor::new(Sample::glibc().build())).unwrap();
    rootfs.insert("/lib64/ld-linux-x86-64.so.2", Entry::program(0o755, 1, program));
    let (broken, text) = image_of(b"no program", 0o644);
    let running = || {
        let mut facts = ContainerFacts { now: Some(START + 9 * SECOND), ..ended(0) };
        facts.state.phase = Phase::Running;
        facts
    };
    let short = |code: i64, said: &str| {
        let mut facts = ContainerFacts { log: Some(log(said)), ..ended(code) };
        facts.state.finished_at = Some(START + SECOND / 10);
        facts
    };
    for (facts, libraries, start) in [
        (running(), false, false),
        (ended(0), false, false),
        (ended(3), false, false),
        (ended(127), false, false),
        (short(0, ""), false, false),
        (short(3, ""), false, false),
        (short(1, "config is bad"), false, false),
        (short(127, ""), true, true),
        (
            short(
                127,
                "/app: error while loading shared libraries: libm.so.6: cannot open shared object file: No such file",
            ),
            true,
            false,
        ),
        (short(1, "exec /app: permission denied"), false, true),
    ] {
        for (config, rootfs, is_told, code) in [
            (&config, &rootfs, libraries, "library-missing"),
            (&broken, &text, start, "not-executable-mode"),
        ] {
            let facts =
                ContainerFacts { image: Some(ImageFacts::new(config, rootfs)), ..facts.clone() };
            let findings = why(&facts).findings;
            let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
            let told = errors.filter(|finding| finding.code.as_str() == code).count();
            assert_eq!(told > 0, is_told, "{code} {:?}: {findings:?}", facts.state);
        }
    }
}
