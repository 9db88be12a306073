//! A first process that makes a user namespace without any capability, and covers `/proc` there:
//! whoever is started in this container looks names up in a folder of this program's. It is made of
//! links to the real `/proc`, but where a launcher reads the state of its keeper there is a pipe.
//! While the launcher waits for it, this program learns the session's path from the launcher's
//! command line, and puts a folder with programs of its own there. With the argument `drop` it is
//! root that gives up all of its rights first, with `bare` it leaves `/proc` as it is.
//!
//! If it is started by another name, it reports that it is running, and with which rights. This
//! must never happen.

use std::collections::HashSet;
use std::ffi::{CStr, CString, c_char, c_int, c_ulong};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

const CLONE_NEWNS: c_int = 0x0002_0000;
const CLONE_NEWUSER: c_int = 0x1000_0000;
const MS_BIND: c_ulong = 4096;
const MS_REC: c_ulong = 16384;
const PR_SET_DUMPABLE: c_int = 4;
const PLACE: &str = "/dev/shm";
const REAL: &str = "/dev/shm/real";
const COVER: &str = "/dev/shm/cover";
const LAUNCHER: &str = "scratchdbg-launcher";

unsafe extern "C" {
    fn unshare(flags: c_int) -> c_int;
    fn mount(source: *const c_char, at: *const c_char, kind: *const c_char, flags: c_ulong, data: *const c_char) -> c_int;
    fn mkfifo(path: *const c_char, mode: u32) -> c_int;
    fn setgroups(count: usize, list: *const u32) -> c_int;
    fn setgid(id: u32) -> c_int;
    fn setuid(id: u32) -> c_int;
    fn getuid() -> u32;
    fn getgid() -> u32;
    fn prctl(option: c_int, value: usize) -> c_int;
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments[0].ends_with("cover") {
        let status = fs::read_to_string("/dev/shm/real/self/status").or_else(|_| fs::read_to_string("/proc/self/status"))?;
        let rights = status.lines().filter(|line| line.starts_with("Uid:") || line.starts_with("CapEff:"));
        return writeln!(io::stdout(), "HIJACKED {}", rights.collect::<Vec<_>>().join(" "));
    }
    if arguments.get(1).map(String::as_str) == Some("drop") {
        unsafe {
            check(setgroups(0, std::ptr::null()))?;
            check(setgid(1000))?;
            check(setuid(1000))?;
            check(prctl(PR_SET_DUMPABLE, 1))?;
        }
    }
    let is_bare = arguments.get(1).map(String::as_str) == Some("bare");
    cover(is_bare)?;
    writeln!(io::stdout(), "up")?;
    while is_bare {
        std::thread::park();
    }
    let mut seen = HashSet::new();
    loop {
        for entry in fs::read_dir(REAL)?.flatten() {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            let path = line.split('\0').next().unwrap_or_default();
            let Some((process, path)) = path.strip_prefix("/proc/").and_then(|path| path.split_once("/root/")) else {
                continue;
            };
            if path.ends_with(LAUNCHER) && seen.insert(path.to_owned()) {
                replace(process, path)?;
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Makes the namespaces, and mounts a folder of links over `/proc` unless it is left bare.
fn cover(is_bare: bool) -> io::Result<()> {
    let (user, group) = unsafe { (getuid(), getgid()) };
    check(unsafe { unshare(CLONE_NEWUSER | CLONE_NEWNS) })?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    let program = fs::read("/proc/self/exe")?;
    memory(PLACE)?;
    fs::write(format!("{PLACE}/program"), program)?;
    fs::set_permissions(format!("{PLACE}/program"), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    fs::create_dir(REAL)?;
    fs::create_dir(COVER)?;
    bind("/proc", REAL)?;
    if is_bare {
        return Ok(());
    }
    memory(COVER)?;
    for entry in fs::read_dir(REAL)?.flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        if name.parse::<u32>().is_err() {
            symlink(entry.path(), Path::new(COVER).join(name))?;
        }
    }
    for process in 1..3000 {
        let folder = format!("{COVER}/{process}");
        fs::create_dir(&folder)?;
        for name in ["root", "status", "cmdline", "cgroup", "fd", "exe", "ns", "task", "maps", "environ", "comm"] {
            symlink(format!("{REAL}/{process}/{name}"), format!("{folder}/{name}"))?;
        }
        let pipe = CString::new(format!("{folder}/stat"))?;
        check(unsafe { mkfifo(pipe.as_ptr(), 0o666) })?;
    }
    bind(COVER, "/proc")
}

/// Puts programs of its own at the path of a launcher, and lets the launcher go on.
fn replace(keeper: &str, path: &str) -> io::Result<()> {
    let root = format!("{COVER}/{keeper}/root");
    let program = Path::new(&root).join(path);
    let folder = program.parent().unwrap_or(Path::new("/"));
    fs::remove_file(&root)?;
    fs::create_dir_all(folder)?;
    symlink("/proc/self/exe", &program)?;
    for name in ["sh", "id", "ls", "busybox"] {
        symlink(format!("{PLACE}/program"), folder.join(name))?;
    }
    let (pipe, real) = (format!("{COVER}/{keeper}/stat"), format!("{REAL}/{keeper}/stat"));
    // A launcher that never waits there has seen through it.
    std::thread::spawn(move || {
        let state = fs::read(&real)?;
        let mut waiting = fs::OpenOptions::new().write(true).open(&pipe)?;
        fs::remove_file(&pipe)?;
        symlink(&real, &pipe)?;
        waiting.write_all(&state)
    });
    Ok(())
}

fn memory(at: &str) -> io::Result<()> {
    mounted(c"tmpfs", at, c"tmpfs", 0)
}

fn bind(folder: &str, at: &str) -> io::Result<()> {
    mounted(&CString::new(folder)?, at, c"", MS_BIND | MS_REC)
}

fn mounted(source: &CStr, at: &str, kind: &CStr, flags: c_ulong) -> io::Result<()> {
    let at = CString::new(at)?;
    check(unsafe { mount(source.as_ptr(), at.as_ptr(), kind.as_ptr(), flags, std::ptr::null()) })
}

fn check(result: c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
