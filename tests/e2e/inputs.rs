//! Files that a user names and that are something else: a pipe that nobody writes to, a device without an end, a folder, a
//! socket, a file of gigabytes, one that hangs. Each gets one clear line at once, and an interrupt always works.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use scratchdbg_image::Digest;
use scratchdbg_testkit::lease::Leased;
use scratchdbg_testkit::program::Program;
use scratchdbg_testkit::sample;

/// The binary, led to no engine by its environment.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scratchdbg")).with_variable("DOCKER_HOST", "unix:///no/such/engine.sock")
}

/// Something that is no file to be read, and the word that an error calls it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Odd {
    Pipe,
    Endless,
    Folder,
    Socket,
    Circle,
    Missing,
    Huge,
}

use Odd::{Circle, Endless, Folder, Huge, Missing, Pipe, Socket};

const ALL: [Odd; 7] = [Pipe, Endless, Folder, Socket, Circle, Missing, Huge];

impl Odd {
    fn word(self) -> &'static str {
        match self {
            Pipe => "a named pipe",
            Endless => "a device",
            Folder => "a directory",
            Socket => "a socket",
            Circle => "symbolic link",
            Missing => "No such file",
            Huge => "larger than",
        }
    }

    /// Makes it at `path`.
    fn make(self, path: &Path) {
        match self {
            Pipe => {
                let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo starts");
                assert!(made.success());
            }
            Endless => symlink("/dev/zero", path).expect("a link"),
            Folder => fs::create_dir(path).expect("a folder"),
            Socket => drop(UnixListener::bind(path).expect("a socket")),
            Circle => symlink(path, path).expect("a link"),
            Missing => {}
            // Nothing is written for it: it has a size alone.
            Huge => File::create(path).and_then(|file| file.set_len(10 << 30)).expect("a sparse file"),
        }
    }
}

/// A folder with a program in it for each odd thing, which is at `odd`.
fn place(program: &Program, odd: Odd) -> PathBuf {
    let folder = program.home().join(format!("{odd:?}"));
    fs::create_dir(&folder).expect("a folder");
    odd.make(&folder.join("odd"));
    folder
}

#[test]
fn a_path_that_leads_to_something_else_gets_one_clear_line() {
    let program = program();
    sample::write_app(program.home());
    for odd in ALL {
        let folder = place(&program, odd);
        let path = folder.join("odd").display().to_string();
        let word = odd.word();
        let output = ["-t", "odd/app:1", "--no-debug", "-o", "archive:odd.tar"];
        let build = |arguments: &[&str]| program.run(["build"].iter().chain(arguments).chain(&output));
        build(&["-f", &path, "."]).expect_clear_failure(1, &[&path, word]);
        // A file without an end to its size is no program, and is not read to learn that.
        let not_a_program = if odd == Huge { "not a Linux executable" } else { word };
        build(&[&path]).expect_clear_failure(1, &[&path, not_a_program]);
        let add = format!("{path}:/x");
        if !matches!(odd, Folder | Huge) {
            build(&["app", "--add", &add]).expect_clear_failure(1, &[&path, word]);
        }
        if odd != Missing && odd != Circle {
            let too_large = if odd == Huge { "no busybox is larger" } else { word };
            let toolkit = ["build", "app", "--toolkit", &path, "-t", "odd/app:1", "-o", "archive:odd.tar"];
            program.run(toolkit).expect_clear_failure(1, &[&path, too_large]);
        }
        let archive = format!("archive:{path}");
        let not_an_archive = if odd == Huge { "zeros" } else { word };
        program.run(["check", &archive]).expect_clear_failure(1, &[&path, not_an_archive]);
        program.run(["pair", "verify", &archive, &archive]).expect_clear_failure(1, &[&path, not_an_archive]);
        match odd {
            Folder | Huge => {}
            Circle | Missing => {
                program.run(["check", &path]).expect_clear_failure(1, &[&path, "no such file"]);
            }
            _ => {
                program.run(["check", &path]).expect_clear_failure(1, &[&path, word]);
            }
        }
        if odd != Folder {
            let layout = format!("oci:{path}");
            let not_a_folder = if odd == Huge { "a file, not a folder" } else { word };
            program.run(["check", &layout]).expect_clear_failure(1, &[&path, not_a_folder]);
        }
        assert!(!program.home().join("odd.tar").exists(), "{odd:?}");
    }
}

#[test]
fn files_beside_those_that_are_named_get_one_clear_line_too() {
    let program = program();
    let app = sample::write_app(program.home());
    let output = ["-t", "odd/app:1", "--no-debug", "-o"];
    for odd in [Pipe, Endless, Folder, Socket, Circle, Huge] {
        let folder = place(&program, odd);
        let word = odd.word();
        let odd_file = folder.join("odd");
        // .dockerignore, beside a Dockerfile.
        let context = folder.join("context");
        fs::create_dir(&context).expect("a folder");
        fs::copy(&app, context.join("app")).expect("a copy");
        let dockerfile = context.join("Dockerfile");
        fs::write(&dockerfile, "FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n").expect("a file");
        symlink(&odd_file, context.join(".dockerignore")).expect("a link");
        let dockerfile = dockerfile.display().to_string();
        let build = ["build", "-f", &dockerfile];
        program.run(build.iter().chain(&output).chain(&["archive:odd.tar"])).expect_clear_failure(1, &[word]);
        program.run(["check", &dockerfile]).expect_clear_failure(1, &[word]);
        // The files of a layout.
        for name in ["oci-layout", "index.json"] {
            let layout = folder.join(format!("layout-{name}"));
            fs::create_dir(&layout).expect("a folder");
            fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a file");
            fs::write(layout.join("index.json"), r#"{"schemaVersion":2,"manifests":[]}"#).expect("a file");
            fs::remove_file(layout.join(name)).expect("it is there");
            symlink(&odd_file, layout.join(name)).expect("a link");
            let layout = format!("oci:{}", layout.display());
            let app = app.display().to_string();
            program
                .run(["build", &app].iter().chain(&output).chain(&[&*layout]))
                .expect_clear_failure(1, &[name, word]);
            program.run(["check", &layout]).expect_clear_failure(1, &[name]);
        }
        // Docker's configuration, its contexts, and the files for TLS.
        let config = folder.join("config");
        let meta = config.join("contexts/meta").join(Digest::of(b"odd").hex());
        fs::create_dir_all(&meta).expect("a folder");
        symlink(&odd_file, meta.join("meta.json")).expect("a link");
        let docker = |variables: &[(&str, &Path)], arguments: &[&str]| {
            let mut command = program.command(arguments);
            command.env_remove("DOCKER_HOST").env("DOCKER_CONFIG", &config).envs(variables.iter().copied());
            scratchdbg_testkit::program::Running::start(command).finish()
        };
        docker(&[], &["--context", "odd", "ps"]).expect_clear_failure(1, &["meta.json", word]);
        let tls = folder.join("tls");
        fs::create_dir(&tls).expect("a folder");
        symlink(&odd_file, tls.join("ca.pem")).expect("a link");
        let host = [
            ("DOCKER_HOST", Path::new("tcp://127.0.0.1:1")),
            ("DOCKER_TLS_VERIFY", Path::new("1")),
            ("DOCKER_CERT_PATH", &*tls),
        ];
        docker(&host, &["ps"]).expect_clear_failure(1, &["ca.pem", word]);
        symlink(&odd_file, config.join("config.json")).expect("a link");
        for arguments in [&["ps"][..], &["logs", "x"], &["check", "x"], &["why", "x"], &["pair", "verify", "x", "y"]] {
            docker(&[], arguments).expect_clear_failure(1, &["config.json", word]);
        }
        docker(&[], &["attach", "x", "--", "true"]).expect_clear_failure(125, &["config.json", word]);
    }
}

/// A lease makes whoever opens a file wait, as a network file system does that lost its server.
#[test]
fn an_interrupt_ends_what_waits_for_a_file() {
    let program = program();
    let home = program.home();
    let app = sample::write_app(home).display().to_string();
    fs::create_dir(home.join(".docker")).expect("a folder");
    fs::write(home.join(".docker/config.json"), "{}").expect("a file");
    fs::write(home.join("Dockerfile"), "FROM scratch\nCOPY app /app\n").expect("a file");
    fs::write(home.join(".dockerignore"), "x\n").expect("a file");
    fs::write(home.join("archive.tar"), "").expect("a file");
    let layout = home.join("layout");
    fs::create_dir(&layout).expect("a folder");
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a file");
    fs::write(layout.join("index.json"), r#"{"schemaVersion":2,"manifests":[]}"#).expect("a file");
    let output = ["-t", "odd/app:1", "--no-debug", "-o", "archive:odd.tar"];
    let build = |arguments: &[&'static str]| [&["build"][..], arguments, &output].concat();
    for (file, arguments) in [
        (".docker/config.json", vec!["ps"]),
        (".docker/config.json", vec!["logs", "x"]),
        (".docker/config.json", vec!["why", "x"]),
        (".docker/config.json", vec!["check", "x"]),
        (".docker/config.json", vec!["sessions", "ls"]),
        (".docker/config.json", vec!["attach", "x", "--", "true"]),
        ("Dockerfile", build(&["-f", "Dockerfile", "."])),
        (".dockerignore", build(&["-f", "Dockerfile", "."])),
        ("app", build(&["app"])),
        ("Dockerfile", vec!["check", "Dockerfile"]),
        ("app", vec!["check", "./app"]),
        ("archive.tar", vec!["check", "archive:archive.tar"]),
        ("archive.tar", vec!["pair", "verify", "archive:archive.tar", "x"]),
        ("layout/index.json", vec!["check", "oci:layout"]),
    ] {
        for signal in [Signal::INT, Signal::TERM] {
            let lease = Leased::take(&home.join(file));
            let mut command = program.command(&arguments);
            command.env_remove("DOCKER_HOST");
            let running = scratchdbg_testkit::program::Running::start(command);
            lease.wait_for_visitor();
            running.signal(signal);
            let finished = running.finish();
            // A command that has nothing to clean up leaves the signal to the kernel.
            let end = finished.status.code().or(finished.status.signal().map(|signal| 128 + signal));
            assert_eq!(end, Some(128 + signal.as_raw()), "{file}: {finished}");
            drop(lease);
        }
    }
    assert!(!home.join("odd.tar").exists());
    drop(app);
}
