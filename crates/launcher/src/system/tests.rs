use std::process::{Command, Stdio};

use super::{Signals, exit_code, inheritable, random_bytes, spawn_session};

#[test]
fn a_command_is_started_with_no_signal_blocked() {
    // In a thread of its own, because each thread has its own mask.
    let status = std::thread::spawn(|| {
        let _signals = Signals::block_all().unwrap();
        let mut grep = Command::new("grep");
        grep.args(["SigBlk", "/proc/self/status"]).stdout(Stdio::piped());
        spawn_session(&mut grep).unwrap().wait_with_output().unwrap()
    });
    let output = String::from_utf8(status.join().unwrap().stdout).unwrap();
    assert_eq!(output.trim_start_matches("SigBlk:").trim(), "0".repeat(16), "{output}");
}

#[test]
fn a_command_ends_with_the_launcher() {
    // The signal arrives at the end of the thread that started the command.
    let mut child =
        std::thread::spawn(|| spawn_session(Command::new("sleep").arg("1000")).unwrap())
            .join()
            .unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()),
        Some(super::SIGKILL)
    );
}

#[test]
fn commands_inherit_a_descriptor_with_a_high_number() {
    use std::os::fd::{AsFd as _, AsRawFd as _};
    let folder = std::fs::File::open("/").unwrap();
    let inherited = inheritable(folder.as_fd(), 100).unwrap();
    assert!(inherited.as_raw_fd() >= 100);
    let mut list = Command::new("ls");
    list.arg(format!("/proc/self/fd/{}/proc", inherited.as_raw_fd())).stdout(Stdio::null());
    assert!(spawn_session(&mut list).unwrap().wait().unwrap().success());
}

#[test]
fn random_bytes_differ() {
    assert_ne!(random_bytes::<16>().unwrap(), random_bytes::<16>().unwrap());
}

#[test]
fn wait_status_becomes_an_exit_code() {
    for (status, code) in [(0, 0), (42 << 8, 42), (255 << 8, 255), (9, 137), (15, 143), (0x8b, 139)]
    {
        assert_eq!(exit_code(status), code, "status {status:#x}");
    }
}
