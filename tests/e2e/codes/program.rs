//! Small programs in C, compiled for one fault each.

use std::fs;
use std::process::Command;

use crate::fault::{File, executable};
use crate::stage::Stage;

/// Compiles `source` with these compiler options, and returns the program.
#[track_caller]
pub(super) fn compiled(stage: &Stage, source: &str, options: &[&str]) -> Vec<u8> {
    let folder = stage.scratchdbg.home();
    fs::write(folder.join("source.c"), source).expect("a file");
    let mut compiler = Command::new("cc");
    compiler.current_dir(folder).args(["-s", "-o", "compiled", "source.c"]).args(options);
    let output = compiler.output().expect("a C compiler, see CONTRIBUTING.md");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = fs::read(folder.join("compiled")).expect("the compiler wrote it");
    fs::remove_file(folder.join("compiled")).expect("it can be removed");
    bytes
}

/// Returns a program without a C library that contains nothing else. `body` is that of its only
/// function, which can call `sys(NUMBER, A, B, C)` and must end with `leave(CODE)`.
#[track_caller]
pub(super) fn bare(stage: &Stage, body: &str) -> Vec<u8> {
    let source = format!(
        "static long sys(long n, long a, long b, long c) {{ long r; __asm__ volatile(\"syscall\" : \"=a\"(r) : \
         \"a\"(n), \"D\"(a), \"S\"(b), \"d\"(c) : \"rcx\", \"r11\", \"memory\"); return r; }}\n\
         static void leave(int code) {{ sys(60, code, 0, 0); for (;;); }}\n\
         void _start(void) {{ {body} }}\n"
    );
    compiled(
        stage,
        &source,
        &["-static", "-nostdlib", "-fno-stack-protector", "-Wl,--build-id=none"],
    )
}

/// Returns a program that needs the file `path`: it exits with 0 if it can read the file, and
/// otherwise with 1 and C's `perror` message.
#[track_caller]
pub(super) fn needing(stage: &Stage, path: &str) -> Vec<u8> {
    let said = format!("open {path}: No such file or directory\\n");
    let length = said.len() - 1;
    bare(
        stage,
        &format!(
            "if (sys(2, (long)\"{path}\", 0, 0) >= 0) leave(0); sys(1, 2, (long)\"{said}\", {length}); leave(1);"
        ),
    )
}

/// Returns the files of a dynamically linked program: its loader, the C library and `more`.
pub(super) fn with_libraries(program: Vec<u8>, more: Vec<File>) -> Vec<File> {
    let library = |path: &str| fs::read(path).expect("this machine's libraries");
    let mut files = vec![
        executable("app", program),
        executable("lib64/ld-linux-x86-64.so.2", library("/lib64/ld-linux-x86-64.so.2")),
        executable("lib/x86_64-linux-gnu/libc.so.6", library("/lib/x86_64-linux-gnu/libc.so.6")),
    ];
    files.extend(more);
    files
}
