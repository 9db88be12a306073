//! The program inside the containers of tests. Its first argument selects what it does:
//!
//! - `talk` (the default): writes two lines to standard output and one to standard error, then
//!   waits to be killed.
//! - `exit CODE`: writes one line to each stream, then exits with that code.
//! - `lines LENGTH...`: for each length, writes a line to standard output and `mark` to standard
//!   error, then waits.
//! - `numbers COUNT`: writes the lines `1` to COUNT to standard output, then exits.
//! - `say LINE...`: writes each line to standard output, then exits.
//! - `fail CODE LINE...`: the same, and exits with that code. In a line, `\e` is an escape
//!   character.
//! - `fill FILE MEBIBYTES`: writes a file of that size, then waits to be killed.
//! - `flood ROUNDS`: writes two thousand numbered lines at once, twenty times a second, ROUNDS
//!   times, then exits.
//! - `tick`: writes a numbered line ten times a second, forever.
//! - `halves`: writes half a line, the other half later, and so on forever.
//! - `unfinished`: writes a line and half a line, then exits with 0 at a SIGTERM.
//! - `terminal`: reports whether its standard output is a terminal, and exits.
//! - `panic`, `abort`, `segfault`, `trap`: dies that way.
//! - `eat`: allocates memory until it fails; `child-eat` has a child do so, and exits with 0
//!   itself.
//! - `zombies COUNT`: starts COUNT children that end at once, does not reap them, then waits to be
//!   killed.
//! - `obey`: waits for SIGTERM, and exits with 0.
//! - `secretive`: makes itself inaccessible to other processes of its user, and waits to be killed.
//! - `echo PORT PATH`: takes connections on that port of the loopback address and on that Unix
//!   socket, sends back what comes, and says `end` when the other side has ended.
//! - `processes`: lists the other processes that it can see, one per line, as `PID STATE NAME`, and
//!   exits.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &String| text.parse::<usize>().map_err(io::Error::other);
    let (mut out, mut err) = (io::stdout(), io::stderr());
    match arguments.iter().map(String::as_str).next().unwrap_or("talk") {
        "talk" => {
            writeln!(out, "out 1")?;
            writeln!(err, "err 1")?;
            writeln!(out, "out 2")?;
            wait()
        }
        "exit" => {
            writeln!(out, "out")?;
            writeln!(err, "err")?;
            return Ok(ExitCode::from(number(&arguments[1])? as u8));
        }
        "echo" => {
            let port = number(&arguments[1])? as u16;
            let tcp = std::net::TcpListener::bind(("127.0.0.1", port))?;
            let unix = std::os::unix::net::UnixListener::bind(&arguments[2])?;
            writeln!(out, "ready")?;
            std::thread::spawn(move || {
                for stream in unix.incoming().flatten() {
                    std::thread::spawn(move || echo(&stream, &stream));
                }
            });
            for stream in tcp.incoming().flatten() {
                std::thread::spawn(move || echo(&stream, &stream));
            }
        }
        "lines" => {
            for length in &arguments[1..] {
                let mut line = vec![b'x'; number(length)?];
                line.push(b'\n');
                out.write_all(&line)?;
                out.flush()?;
                writeln!(err, "mark")?;
            }
            wait()
        }
        "numbers" => {
            let mut out = BufWriter::new(out.lock());
            for line in 1..=number(&arguments[1])? {
                writeln!(out, "{line}")?;
            }
            out.flush()?;
        }
        "say" => {
            for line in &arguments[1..] {
                writeln!(out, "{line}")?;
            }
        }
        "fail" => {
            for line in &arguments[2..] {
                writeln!(out, "{}", line.replace("\\e", "\u{1b}"))?;
            }
            return Ok(ExitCode::from(number(&arguments[1])? as u8));
        }
        "fill" => {
            let mut file = std::fs::File::create(&arguments[1])?;
            for _ in 0..number(&arguments[2])? {
                file.write_all(&vec![1; 1 << 20])?;
            }
            wait()
        }
        // Lines of one length, each with a beginning and an end.
        "repeat" => {
            for line in arguments[1..].chunks(3) {
                writeln!(out, "{}{}{}", line[1], "x".repeat(number(&line[0])?), line[2])?;
            }
        }
        "trace" => {
            writeln!(out, "java.lang.IllegalStateException: boom")?;
            for line in 0..number(&arguments[1])? {
                writeln!(out, "\tat com.example.Main.run(Main.java:{line})")?;
            }
        }
        "flood" => {
            for round in 0..number(&arguments[1])? {
                let lines: String = (1..=2000).map(|line| format!("{}\n", round * 2000 + line)).collect();
                out.write_all(lines.as_bytes())?;
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        "tick" => {
            for line in 1_u64.. {
                writeln!(out, "tick {line}")?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        "halves" => loop {
            write!(out, "begun, ")?;
            out.flush()?;
            std::thread::sleep(Duration::from_millis(700));
            writeln!(out, "done")?;
            std::thread::sleep(Duration::from_millis(100));
        },
        "unfinished" => {
            unsafe { signal(SIGTERM, end) };
            write!(out, "whole\nhalf")?;
            out.flush()?;
            wait()
        }
        "terminal" => writeln!(out, "{}", if out.is_terminal() { "terminal" } else { "no terminal" })?,
        "panic" => panic!("no more"),
        "abort" => std::process::abort(),
        "segfault" => unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) },
        #[cfg(target_arch = "x86_64")]
        "trap" => unsafe { std::arch::asm!("ud2") },
        #[cfg(target_arch = "aarch64")]
        "trap" => unsafe { std::arch::asm!("udf #0") },
        // The engine reports a lack of memory on another channel than starts and ends. It may miss
        // one that occurs just after the start or just before the end.
        "eat" => {
            std::thread::sleep(Duration::from_millis(700));
            eat()
        }
        "eat-at-once" => eat(),
        "child-eat" => {
            std::process::Command::new("/proc/self/exe").arg("eat").status()?;
            std::thread::sleep(Duration::from_millis(700));
        }
        "zombies" => {
            for _ in 0..number(&arguments[1])? {
                std::process::Command::new("/proc/self/exe").args(["numbers", "0"]).spawn()?;
            }
            wait()
        }
        "obey" => {
            unsafe { signal(SIGTERM, end) };
            wait()
        }
        "secretive" => {
            assert_eq!(unsafe { prctl(PR_SET_DUMPABLE, 0) }, 0);
            writeln!(out, "closed")?;
            wait()
        }
        "processes" => processes(&mut out)?,
        other => return Err(io::Error::other(format!("no such thing to do: {other}"))),
    }
    Ok(ExitCode::SUCCESS)
}

/// Allocates memory until that fails.
fn eat() -> ! {
    loop {
        let mut taken = vec![0_u8; 1 << 20];
        taken.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        std::mem::forget(taken);
    }
}

const SIGTERM: i32 = 15;
/// From `prctl(2)`.
const PR_SET_DUMPABLE: i32 = 4;

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn _exit(code: i32) -> !;
    fn prctl(option: i32, value: usize) -> i32;
}

extern "C" fn end(_signal: i32) {
    unsafe { _exit(0) }
}

/// Waits to be killed.
fn wait() -> ! {
    loop {
        std::thread::park();
    }
}

fn processes(out: &mut io::Stdout) -> io::Result<()> {
    let own = std::process::id();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if pid == own {
            continue;
        }
        // The process may be gone by now.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else { continue };
        let state = stat[close + 1..].split_ascii_whitespace().next().unwrap_or("?");
        writeln!(out, "{pid} {state} {}", &stat[open + 1..close])?;
    }
    Ok(())
}

/// Sends back what comes, and a word at the end.
fn echo(mut input: impl io::Read, mut output: impl io::Write) -> io::Result<()> {
    io::copy(&mut input, &mut output)?;
    output.write_all(b"end")
}
