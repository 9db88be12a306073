//! Events in a target during a session.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use scratchdbg_testkit::program::Finished;
use scratchdbg_testkit::{eventually, host_processes};

use crate::proxy::Proxy;
use crate::stage::{Stage, Target};

/// The most memory that a command may use at any time, in KiB, beside the pages of its program
/// file: of a debug build more of them are in use, and the kernel takes them back when it needs to.
const PEAK_MEMORY: u64 = 16 << 10;

/// Kills the main process of a target behind the engine's back: docker does not restart a container
/// that was killed with `docker kill`.
fn crash(stage: &Stage, target: &Target<'_>) {
    let pid = target.container.inspect()["State"]["Pid"].to_string();
    let toolkit = stage.toolkit(&[], target.name());
    let _entered = host_processes::enter();
    let kill = [
        "run",
        "--rm",
        "--network",
        "none",
        "--pid",
        "host",
        "--entrypoint",
        "/bin/busybox",
        &toolkit,
        "kill",
    ];
    stage.engine.ask(kill.into_iter().chain(["-KILL", &pid]));
}

/// Waits until no container of a session is left beside the target.
#[track_caller]
fn until_alone(target: &Target<'_>, when: &str) {
    eventually(
        || format!("{when}: {:?}", target.container.companions()),
        || target.container.companions().is_empty().then_some(()),
    );
}

/// Asserts a session whose target ended when it had hardly begun: one clear message, no output, and
/// nothing left.
#[track_caller]
fn expect_ended_with_target(target: &Target<'_>, finished: &Finished, when: &str) {
    assert!(matches!(finished.status.code(), Some(125 | 137)), "{when}: {finished}");
    assert!(finished.stderr.contains(target.name()), "{when}: {finished}");
    assert!(finished.stdout.is_empty(), "{when}: {finished}");
    assert!(finished.stderr.lines().count() <= 3, "{when}: {finished}");
    until_alone(target, when);
}

#[test]
fn the_target_restarts_and_is_followed() {
    let stage = Stage::set();
    let target = stage.target(&["--restart", "always"]);
    let arguments =
        ["attach", "--follow-restarts", target.name(), "--", "sh", "-c", "echo up; sleep 1000"];
    let session = stage.scratchdbg.start(arguments);
    session.wait_for_stdout("the first run", |bytes| bytes == b"up\n");
    crash(&stage, &target);
    session.wait_for_stdout("the second run", |bytes| bytes == b"up\nup\n");
    session.signal(Signal::TERM);
    let finished = session.finish();
    finished.expect_code(143);
    assert!(finished.stderr.contains("exit code 137"), "{finished}");
    until_alone(&target, "after the session");
}

#[test]
fn the_target_restarts_and_is_not_followed() {
    let stage = Stage::set();
    let target = stage.target(&["--restart", "always"]);
    let session = target.start_attach(&["sh", "-c", "echo up; sleep 1000"]);
    session.wait_for_stdout("the command", |bytes| bytes == b"up\n");
    crash(&stage, &target);
    let finished = session.finish();
    finished.expect(137, "up\n");
    for words in ["ended", target.name(), "--mode copy", "--follow-restarts"] {
        assert!(finished.stderr.contains(words), "{words:?} is missing in {finished}");
    }
    until_alone(&target, "after the session");
}

#[test]
fn the_target_ends_and_its_own_code_is_said() {
    let stage = Stage::set();
    let other = stage.target(&[]);
    other.attach(&["true"]).expect(0, "");
    let toolkit = stage.toolkit(&[], other.name());
    let until_told = "while [ ! -e /told ]; do sleep 0.1; done; exit 7";
    let flags = ["--entrypoint", "/bin/busybox"];
    let target = stage.target_named("teller", &flags, &toolkit, &["sh", "-c", until_told]);
    let finished = target.attach(&["sh", "-c", "touch /told; sleep 1000"]);
    finished.expect(137, "");
    assert!(finished.stderr.contains("exit code 7"), "{finished}");
    assert_eq!(target.container.companions(), [""; 0]);
}

#[test]
fn the_target_ends_while_a_session_begins() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    target.attach(&["true"]).expect(0, "");
    for milliseconds in [0, 15, 30, 45, 60, 80, 100, 130] {
        // If the target has already ended, another mode would create a copy.
        let session = stage.scratchdbg.start([
            "attach",
            "--mode",
            "exec",
            target.name(),
            "--",
            "sleep",
            "1000",
        ]);
        std::thread::sleep(Duration::from_millis(milliseconds));
        stage.engine.ask(["kill", target.container.id()]);
        let finished = session.finish();
        expect_ended_with_target(&target, &finished, &format!("after {milliseconds} ms"));
        stage.engine.ask(["start", target.container.id()]);
    }
}

/// The engine, containerd and its shim learn of an end one after the other, and each reports it
/// differently until then. None of these messages is output of the session.
#[test]
fn the_target_ends_as_the_command_is_started() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    target.attach(&["true"]).expect(0, "");
    for milliseconds in [0, 0, 0, 1, 1, 2, 3, 5, 8] {
        let (host, id) = (stage.engine.host().to_owned(), target.container.id().to_owned());
        let proxy = Proxy::with_witness(stage.engine.host(), move |bytes| {
            let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line);
            if line.contains("/exec/") && line.contains("/start") {
                // Beside what is passed on now.
                let (host, id) = (host.clone(), id.clone());
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(milliseconds));
                    ask_raw(&host, &format!("POST /containers/{id}/kill"));
                });
            }
        });
        proxy.open();
        let finished =
            stage.run(&["-H", &proxy.host(), "attach", target.name(), "--", "sleep", "1000"]);
        expect_ended_with_target(&target, &finished, &format!("after {milliseconds} ms"));
        stage.engine.ask(["start", target.container.id()]);
    }
}

/// Sends a request without a body on a new connection, which is faster than starting a client.
fn ask_raw(host: &str, request: &str) {
    let socket = host.strip_prefix("unix://").expect("the engine of the tests has a Unix socket");
    let mut connection = UnixStream::connect(socket).expect("an engine");
    let request = format!("{request} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).expect("it is taken");
    let _answer = connection.read_to_end(&mut Vec::new());
}

#[test]
fn what_a_target_says_of_itself_is_no_escape_sequence() {
    let stage = Stage::set();
    let evil = "\u{1b}]0;title\u{7}\u{1b}[2J\u{202e}\r";
    let ended = stage.engine.run(
        "web",
        &["--label", &format!("x={evil}")],
        &stage.image,
        &["exit", "1", evil],
    );
    ended.wait();
    for arguments in [
        &["attach", ended.name(), "--", "true"][..],
        &["attach", "--explain", ended.name(), "--", evil],
        &["attach", ended.name(), "--", evil],
        &["attach", evil],
        &["attach", "--image", evil],
        &["attach", ended.name(), "--user", evil, "--", "true"],
    ] {
        let finished = stage.run(arguments);
        let said = finished.text() + &finished.stderr;
        for byte in ['\u{1b}', '\u{7}', '\u{202e}', '\r'] {
            assert!(!said.contains(byte), "{byte:?} from {finished}\n{said:?}");
        }
    }
}

#[test]
fn a_slow_reader_gets_everything_and_costs_no_memory() {
    const LENGTH: usize = 100 << 20;
    let stage = Stage::set();
    let target = stage.target(&[]);
    let write = format!("head -c {LENGTH} /dev/zero; read line; exit 3");
    let mut command = stage.scratchdbg.command(target.attach_arguments(&["sh", "-c", &write]));
    let mut session =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut output = session.stdout.take().expect("it is piped");
    let mut buffer = vec![0; 1 << 20];
    let mut count = 0;
    while count < LENGTH {
        // The reader is far behind at first.
        if count < 64 << 10 {
            std::thread::sleep(Duration::from_millis(100));
        }
        let read = output.read(&mut buffer).expect("it can be read");
        assert_ne!(read, 0, "it ended after {count} bytes");
        assert!(buffer[..read].iter().all(|&byte| byte == 0), "other bytes after {count}");
        count += read;
    }
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", session.id())).expect("it runs");
    let field = |name: &str| -> u64 {
        let value =
            status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
        value
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or_else(|| panic!("{name} in {status}"))
    };
    let peak = field("VmHWM:") - field("RssFile:");
    assert!(peak <= PEAK_MEMORY, "{peak} KiB at the most");
    drop(session.stdin.take());
    assert_eq!(output.read(&mut buffer).expect("it can be read"), 0);
    assert_eq!(session.wait().expect("it can be waited for").code(), Some(3));
    target.assert_untouched();
}

#[test]
fn fault_13_a_program_that_forbids_to_be_looked_into() {
    let stage = Stage::set();
    let target =
        stage.target_named("secretive", &["--user", "1000:1000"], &stage.image, &["secretive"]);
    eventually(|| target.container.logs(), || (target.container.logs() == "closed").then_some(()));
    // Nothing of the target's process is inspected.
    target.attach(&["id", "-u"]).expect(0, "1000\n");
    let sidecar = ["attach", "--mode", "sidecar", target.name(), "--", "true"];
    let finished = stage.run(&sidecar);
    finished.expect(125, "");
    assert!(
        finished.stderr.contains("dumpable") && finished.stderr.contains("SYS_PTRACE"),
        "{finished}"
    );
    assert!(!finished.stderr.contains("privileged"), "{finished}");
    target.assert_untouched();
}

#[test]
fn fault_17_tools_that_cannot_be_had() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let home = stage.scratchdbg.home();
    let foreign = home.join("foreign-busybox");
    let mut bytes = std::fs::read("/bin/busybox").expect("busybox-static is installed");
    // `e_machine`: 64-bit RISC-V, which no test machine is.
    bytes[18..20].copy_from_slice(&243_u16.to_le_bytes());
    std::fs::write(&foreign, bytes).expect("the file can be written");
    let foreign = foreign.to_string_lossy().into_owned();
    for (toolkit, words) in [
        ("no/such/image:1", &["no/such/image:1", "no such file"][..]),
        ("/bin/ls", &["/bin/ls", "dynamically linked"]),
        (&foreign, &["riscv64"]),
    ] {
        let finished = stage.run(&["attach", "--toolkit", toolkit, target.name(), "--", "true"]);
        finished.expect(125, "");
        for word in words {
            assert!(finished.stderr.contains(word), "{word:?} is missing in {finished}");
        }
        assert!(!finished.stderr.contains("loading"), "no image is made: {finished}");
        assert_eq!(target.container.companions(), [""; 0]);
    }
    target.assert_untouched();
}

#[test]
fn fault_18_a_sidecar_that_runs_out_of_memory() {
    let stage = Stage::set();
    let target = stage.target(&["--memory", "64m"]);
    let grow = "a=x; while :; do a=$a$a; done";
    let finished =
        stage.run(&["attach", "--mode", "sidecar", target.name(), "--", "sh", "-c", grow]);
    finished.expect(137, "");
    assert!(
        finished.stderr.contains("out of memory") && finished.stderr.contains("sidecar"),
        "{finished}"
    );
    let inspect = &target.container.inspect()["State"];
    assert_eq!((&inspect["Running"], &inspect["OOMKilled"]), (&true.into(), &false.into()));
    target.assert_untouched();
}
