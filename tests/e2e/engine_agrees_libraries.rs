//! Where glibc's loader finds libraries: compares `check` with what the engine really does with
//! images.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::engine_agrees::disagreement;
use crate::stage::Stage;

const DEBIAN: &str = "/lib/x86_64-linux-gnu";

/// Compiles C in `folder`.
#[track_caller]
fn compile(folder: &Path, source: &str, output: &str, options: &[&str]) {
    fs::write(folder.join("source.c"), source).expect("a file");
    let mut compiler = Command::new("cc");
    compiler.current_dir(folder).args(["-s", "-o", output, "source.c"]).args(options);
    let said = compiler.output().expect("a C compiler, see CONTRIBUTING.md");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

/// Returns an `ld.so.cache` with one entry.
fn cache(name: &str, path: &str) -> Vec<u8> {
    let mut file = b"glibc-ld.so.cache1.1".to_vec();
    let begin = 48 + 24;
    let length = |text: &str| u32::try_from(text.len() + 1).expect("short");
    for word in
        [1, length(name) + length(path), 0, 0, 0, 0, 0, 0x303, begin, begin + length(name), 0, 0, 0]
    {
        file.extend(word.to_le_bytes());
    }
    file.extend(format!("{name}\0{path}\0").bytes());
    file
}

/// Creates the program, its libraries, and files that are not libraries, under the names that
/// Dockerfiles copy.
fn context(stage: &Stage) -> std::path::PathBuf {
    let folder = stage.scratchdbg.home().join("context");
    fs::create_dir_all(&folder).expect("a folder");
    fs::copy("/lib64/ld-linux-x86-64.so.2", folder.join("ld")).expect("this machine's loader");
    fs::copy("/lib/x86_64-linux-gnu/libc.so.6", folder.join("libc"))
        .expect("this machine's C library");
    compile(
        &folder,
        "int foo(void) { return 0; }",
        "libfoo.so.1",
        &["-shared", "-fPIC", "-Wl,-soname,libfoo.so.1"],
    );
    compile(&folder, "int foo(void) { return 0; }", "libbar.so", &["-shared", "-fPIC"]);
    let main = "int foo(void); int main(void) { return foo(); }";
    compile(&folder, main, "m", &["./libfoo.so.1"]);
    compile(&folder, main, "by-path", &["./libbar.so"]);
    for (name, option) in [
        ("run-lib", "-Wl,--enable-new-dtags,-rpath,/opt/$LIB"),
        ("run-platform", "-Wl,--enable-new-dtags,-rpath,/opt/$PLATFORM"),
        ("run-origin", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../own"),
        ("run-old", "-Wl,--disable-new-dtags,-rpath,/opt/own"),
        ("run-relative", "-Wl,--enable-new-dtags,-rpath,own"),
    ] {
        compile(&folder, main, name, &["./libfoo.so.1", option]);
    }
    // A library that needs another one, which the program's run path finds or not.
    compile(
        &folder,
        main.replace("main", "mid").as_str(),
        "libmid.so",
        &["-shared", "-fPIC", "-Wl,-soname,libmid.so", "./libfoo.so.1"],
    );
    let outer = "int mid(void); int main(void) { return mid(); }";
    let unresolved = "-Wl,--allow-shlib-undefined";
    compile(
        &folder,
        outer,
        "inherits",
        &["./libmid.so", unresolved, "-Wl,--disable-new-dtags,-rpath,/opt/own"],
    );
    compile(
        &folder,
        outer,
        "inherits-not",
        &["./libmid.so", unresolved, "-Wl,--enable-new-dtags,-rpath,/opt/own"],
    );
    fs::write(folder.join("cache"), cache("libfoo.so.1", "/opt/l/libfoo.so.1")).expect("a file");
    fs::write(folder.join("conf"), "/opt/l\n").expect("a file");
    fs::write(folder.join("preload"), "/opt/l/libfoo.so.1\n").expect("a file");
    fs::write(folder.join("empty"), "").expect("a file");
    fs::write(folder.join("text"), "no library\n".repeat(20)).expect("a file");
    let mut foreign = fs::read(folder.join("libfoo.so.1")).expect("it was made");
    foreign[18] = 183;
    fs::write(folder.join("foreign"), foreign).expect("a file");
    fs::create_dir_all(folder.join("folder/x")).expect("a folder");
    fs::write(folder.join("folder/x/y"), "").expect("a file");
    folder
}

/// Returns Dockerfile lines in addition to the loader and the C library, and whether the program
/// runs.
fn cases() -> Vec<(String, bool)> {
    let m = |lines: &str| format!("COPY m /m\n{lines}\nENTRYPOINT [\"/m\"]");
    let of = |program: &str, lines: &str| {
        format!("COPY {program} /opt/bin/m\n{lines}\nENTRYPOINT [\"/opt/bin/m\"]")
    };
    let library = |folder: &str| format!("COPY libfoo.so.1 {folder}/");
    vec![
        (m(&library(DEBIAN)), true),
        (m(&library("/usr/lib")), true),
        // Not searched by Debian's loader.
        (m(&library("/lib64")), false),
        (m(&library("/usr/local/lib")), false),
        (m(""), false),
        // By processor level.
        (m(&library("/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2")), true),
        (m(&library("/lib/x86_64-linux-gnu/blas")), false),
        // The environment.
        (m(&format!("{}\nENV LD_PRELOAD=/opt/l/libfoo.so.1", library("/opt/l"))), true),
        (m(&format!("{}\nENV LD_LIBRARY_PATH=\"/x;/opt/l\"", library("/opt/l"))), true),
        (m(&format!("{}\nENV LD_LIBRARY_PATH=l\nWORKDIR /opt", library("/opt/l"))), true),
        (m(&format!("{}\nENV LD_LIBRARY_PATH=l\nWORKDIR /srv", library("/opt/l"))), false),
        // Files.
        (m(&format!("{}\nCOPY preload /etc/ld.so.preload", library("/opt/l"))), true),
        (m(&format!("{}\nCOPY cache /etc/ld.so.cache", library("/opt/l"))), true),
        (m(&format!("{}\nCOPY conf /etc/ld.so.conf", library("/opt/l"))), false),
        (m(&format!("{}\nCOPY cache /etc/ld.so.cache", library("/opt/other"))), false),
        // Run paths.
        (of("run-lib", &library("/opt/lib/x86_64-linux-gnu")), true),
        (of("run-lib", &library("/opt/lib")), false),
        (of("run-origin", &library("/opt/own")), true),
        (of("run-origin", &library("/opt/bin/own")), false),
        (of("run-old", &library("/opt/own")), true),
        (of("run-relative", &format!("{}\nWORKDIR /opt", library("/opt/own"))), true),
        (of("run-relative", &format!("{}\nWORKDIR /", library("/opt/own"))), false),
        (of("inherits", "COPY libmid.so libfoo.so.1 /opt/own/"), true),
        (of("inherits-not", "COPY libmid.so libfoo.so.1 /opt/own/"), false),
        // By path.
        (of("by-path", "COPY libbar.so /opt/libbar.so\nWORKDIR /opt"), true),
        (of("by-path", "COPY libbar.so /opt/libbar.so\nWORKDIR /"), false),
        // Files that no loader accepts.
        (m("COPY empty /lib/libfoo.so.1"), false),
        (m("COPY text /lib/libfoo.so.1"), false),
        (m("COPY foreign /lib/libfoo.so.1"), false),
        (m("COPY folder /lib/libfoo.so.1"), false),
        (m(&format!("COPY foreign {DEBIAN}/libfoo.so.1\n{}", library("/lib"))), true),
        (m(&format!("COPY text {DEBIAN}/libfoo.so.1\n{}", library("/lib"))), false),
    ]
}

#[test]
fn check_says_of_libraries_what_the_loader_does() {
    let stage = Stage::set();
    let folder = context(&stage);
    let mut disagree = Vec::new();
    for (lines, works) in cases() {
        let base = format!(
            "FROM scratch\nCOPY ld /lib64/ld-linux-x86-64.so.2\nCOPY libc {DEBIAN}/libc.so.6\nUSER 7:7\n"
        );
        let text = format!("{base}{lines}\n");
        let found = disagreement(&stage, &folder, &text, works);
        disagree.extend(found);
    }
    assert!(disagree.is_empty(), "{}", disagree.join("\n\n"));
}
