//! Files named by a user that are something else: a pipe without a writer, an endless device, a
//! directory, a socket, a file of gigabytes, a file that hangs. Each yields one clear line at once,
//! and an interrupt always works.

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

/// Returns the binary with an environment that leads to no engine.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_scratchdbg"))
        .with_variable("DOCKER_HOST", "unix:///no/such/engine.sock")
}

/// An object that is not a readable file, and its name in errors.
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

    /// Creates it at `path`.
    fn make(self, path: &Path) {
        match self {
            Pipe => {
                let made =
                    std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo starts");
                assert!(made.success());
            }
            Endless => symlink("/dev/zero", path).expect("a link"),
            Folder => fs::create_dir(path).expect("a folder"),
            Socket => drop(UnixListener::bind(path).expect("a socket")),
            Circle => symlink(path, path).expect("a link"),
            Missing => {}
            // Only the size is set; nothing is written.
            Huge => {
                File::create(path).and_then(|file| file.set_len(10 << 30)).expect("a sparse file");
            }
        }
    }
}

/// Creates a directory with a program for each kind of object, which is at `odd`.
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
        let build =
            |arguments: &[&str]| program.run(["build"].iter().chain(arguments).chain(&output));
        build(&["-f", &path, "."]).expect_clear_failure(1, &[&path, word]);
        // A file of unlimited size is not a program, which must be detected without reading it.
        let not_a_program = if odd == Huge { "not a Linux executable" } else { word };
        build(&[&path]).expect_clear_failure(1, &[&path, not_a_program]);
        let add = format!("{path}:/x");
        if !matches!(odd, Folder | Huge) {
            build(&["app", "--add", &add]).expect_clear_failure(1, &[&path, word]);
        }
        if odd != Missing && odd != Circle {
            let too_large = if odd == Huge { "no busybox is larger" } else { word };
            let toolkit =
                ["build", "app", "--toolkit", &path, "-t", "odd/app:1", "-o", "archive:odd.tar"];
            program.run(toolkit).expect_clear_failure(1, &[&path, too_large]);
        }
        let archive = format!("archive:{path}");
        let not_an_archive = if odd == Huge { "zeros" } else { word };
        program.run(["check", &archive]).expect_clear_failure(1, &[&path, not_an_archive]);
        program
            .run(["pair", "verify", &archive, &archive])
            .expect_clear_failure(1, &[&path, not_an_archive]);
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
        fs::write(&dockerfile, "FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n")
            .expect("a file");
        symlink(&odd_file, context.join(".dockerignore")).expect("a link");
        let dockerfile = dockerfile.display().to_string();
        let build = ["build", "-f", &dockerfile];
        program
            .run(build.iter().chain(&output).chain(&["archive:odd.tar"]))
            .expect_clear_failure(1, &[word]);
        program.run(["check", &dockerfile]).expect_clear_failure(1, &[word]);
        // The files of a layout.
        for name in ["oci-layout", "index.json"] {
            let layout = folder.join(format!("layout-{name}"));
            fs::create_dir(&layout).expect("a folder");
            fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
                .expect("a file");
            fs::write(layout.join("index.json"), r#"{"schemaVersion":2,"manifests":[]}"#)
                .expect("a file");
            fs::remove_file(layout.join(name)).expect("it is there");
            symlink(&odd_file, layout.join(name)).expect("a link");
            let layout = format!("oci:{}", layout.display());
            let app = app.display().to_string();
            program
                .run(["build", &app].iter().chain(&output).chain(&[&*layout]))
                .expect_clear_failure(1, &[name, word]);
            program.run(["check", &layout]).expect_clear_failure(1, &[name]);
        }
        // Docker's configuration, its contexts, and TLS files.
        let config = folder.join("config");
        let meta = config.join("contexts/meta").join(Digest::of(b"odd").hex());
        fs::create_dir_all(&meta).expect("a folder");
        symlink(&odd_file, meta.join("meta.json")).expect("a link");
        let docker = |variables: &[(&str, &Path)], arguments: &[&str]| {
            let mut command = program.command(arguments);
            command
                .env_remove("DOCKER_HOST")
                .env("DOCKER_CONFIG", &config)
                .envs(variables.iter().copied());
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
        for arguments in [
            &["ps"][..],
            &["logs", "x"],
            &["check", "x"],
            &["why", "x"],
            &["pair", "verify", "x", "y"],
        ] {
            docker(&[], arguments).expect_clear_failure(1, &["config.json", word]);
        }
        docker(&[], &["attach", "x", "--", "true"])
            .expect_clear_failure(125, &["config.json", word]);
    }
}

/// A lease makes whoever opens a file wait, like a network file system that has lost its server.
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
            // A command without cleanup leaves the signal to the kernel.
            let end =
                finished.status.code().or(finished.status.signal().map(|signal| 128 + signal));
            assert_eq!(end, Some(128 + signal.as_raw()), "{file}: {finished}");
            drop(lease);
        }
    }
    assert!(!home.join("odd.tar").exists());
    drop(app);
}

#[test]
fn a_dockerfile_that_grows_without_end_is_refused() {
    let program = program();
    let home = program.home();
    sample::write_app(home);
    let lines = |count: usize, line: &dyn Fn(usize) -> String| {
        (0..count).map(line).collect::<Vec<_>>().join("\n")
    };
    let context = home.join("context");
    fs::create_dir(&context).expect("a folder");
    sample::write_app(&context);
    let end = "ENTRYPOINT [\"/app\"]\n";
    for (text, ignore, word) in [
        (
            lines(40, &|n| format!("ENV A{}=${{A{n}}}${{A{n}}}", n + 1)),
            String::new(),
            "longer than 1 MiB",
        ),
        (
            format!("ENV A={}x{}", "${B:-".repeat(20_000), "}".repeat(20_000)),
            String::new(),
            "variables within variables",
        ),
        (lines(20_000, &|n| format!("FROM s{n} AS s{}", n + 1)), String::new(), "at most 1000"),
        (lines(2500, &|_| "WORKDIR a".to_owned()), String::new(), "no path of 4096 bytes"),
        (format!("WORKDIR {}", "a/".repeat(5000)), String::new(), "no path of 4096 bytes"),
        (String::new(), lines(20_000, &|n| format!("**/*{n}*a*a")), "20000 patterns"),
    ] {
        fs::write(context.join(".dockerignore"), ignore).expect("a file");
        let text = format!("FROM scratch AS s0\nCOPY app /app\nENV A0=x\n{text}\n{end}");
        fs::write(context.join("Dockerfile"), text).expect("a file");
        let build = [
            "build",
            "-f",
            "context/Dockerfile",
            "-t",
            "odd/app:1",
            "--no-debug",
            "-o",
            "archive:odd.tar",
        ];
        program.run(build).expect_clear_failure(1, &[word]);
        // A problem of a line is a finding, a problem of the directory is an error.
        let checked = program.run(["check", "context/Dockerfile"]);
        checked.expect_code(1);
        let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), checked.stderr);
        assert!(said.contains(word) && said.len() < 4096, "{checked}");
    }
    assert!(!home.join("odd.tar").exists());
}

/// If each line inspected the file anew, this took longer than a test may.
#[test]
fn one_program_under_thousands_of_names_is_looked_at_once() {
    let program = program();
    let context = program.home().join("context");
    fs::create_dir(&context).expect("a folder");
    sample::write_app(&context);
    let lines = (0..10_000).map(|n| format!("COPY app /d{n}/app\n")).collect::<Vec<_>>().concat();
    let text = format!("FROM scratch\n{lines}USER 1\nENTRYPOINT [\"/d9999/app\"]\n");
    fs::write(context.join("Dockerfile"), text).expect("a file");
    program.run(["check", "context/Dockerfile"]).expect_code(0);
}

#[test]
fn what_is_written_has_the_mode_that_the_umask_leaves() {
    use std::os::unix::fs::PermissionsExt as _;
    let program = program();
    let app = sample::write_app(program.home()).display().to_string();
    let mode = |path: &Path| {
        fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o7777
    };
    let mut bytes = Vec::new();
    for umask in [0o000, 0o022, 0o077] {
        let folder = program.home().join(format!("{umask:o}"));
        fs::create_dir(&folder).expect("a folder");
        let (layout, archive) = (folder.join("layout"), folder.join("app.tar"));
        let script = r#"umask "$1"; shift; exec "$@""#;
        let mut shell = std::process::Command::new("sh");
        let build = ["build", &app, "-t", "odd/app:1", "--no-debug"];
        shell
            .args(["-c", script, "sh", &format!("{umask:o}"), env!("CARGO_BIN_EXE_scratchdbg")])
            .args(build);
        shell.arg("-o").arg(format!("oci:{}", layout.display()));
        shell.arg("-o").arg(format!("archive:{}", archive.display()));
        scratchdbg_testkit::program::Running::start(shell).finish().expect_code(0);
        let mut open = vec![layout.clone()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                assert_eq!(mode(&path), 0o777 & !umask, "{}", path.display());
                open.extend(
                    fs::read_dir(&path)
                        .expect("a folder")
                        .map(|entry| entry.expect("an entry").path()),
                );
            } else {
                assert_eq!(mode(&path), 0o666 & !umask, "{}", path.display());
            }
        }
        assert_eq!(mode(&archive), 0o666 & !umask);
        bytes.push(fs::read(&archive).expect("the archive"));
    }
    assert!(bytes.windows(2).all(|pair| pair[0] == pair[1]), "and the same content");
}

/// With quadratic time, this took longer than a test may.
#[test]
fn an_image_of_a_hundred_thousand_files_is_checked() {
    let program = program();
    let empty = |path: String| (path, tar::EntryType::Regular, String::new());
    let files = (0..100_000).map(|n| empty(format!("usr/lib/p{}/f{n}.js", n / 500)));
    let links = (0..20_000).map(|n| (format!("l{n}"), tar::EntryType::Link, "app".to_owned()));
    let whiteouts = (0..20_000).map(|n| empty(format!("usr/lib/.wh.w{n}")));
    let entries: Vec<_> =
        [empty("app".to_owned())].into_iter().chain(files).chain(links).chain(whiteouts).collect();
    let archive =
        crate::fault::saved("many:1", r#"{"User": "1", "Entrypoint": ["/app"]}"#, |layer| {
            for (path, kind, target) in &entries {
                let mut header = tar::Header::new_ustar();
                header.set_entry_type(*kind);
                header.set_size(0);
                header.set_mode(0o755);
                if target.is_empty() {
                    layer
                        .append_data(&mut header, path, &b""[..])
                        .expect("writing to memory works");
                } else {
                    layer.append_link(&mut header, path, target).expect("writing to memory works");
                }
            }
        });
    fs::write(program.home().join("many.tar"), archive).expect("a file");
    let finished = program.run(["check", "--format", "json", "--deny", "none", "archive:many.tar"]);
    finished.expect_code(0);
    assert!(
        finished.text().contains("not-an-executable"),
        "the program is an empty file: {finished}"
    );
}
