//! What `scripts/package` makes of the binary: installed, used and removed again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[track_caller]
fn done(command: &mut Command) -> Output {
    let output = command.output().expect("it can be started");
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// Installs in, or removes from, a folder that stands for a machine.
#[track_caller]
fn dpkg(machine: &Path, arguments: &[&str]) {
    let options = ["--force-not-root", "--force-bad-path", "--root"];
    done(Command::new("dpkg").args(options).arg(machine).args(arguments));
}

/// Returns the files below a folder, but for the package manager's own.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true if path.ends_with("var") => {}
            true => found.extend(files(&path)),
            false => drop(found.insert(path)),
        }
    }
    found
}

#[test]
fn a_package_is_installed_and_removed_without_a_trace() {
    let place = tempfile::tempdir().expect("a folder");
    let made = place.path().join("made");
    let binary = env!("CARGO_BIN_EXE_scratchdbg");
    let mut package = Command::new(root().join("scripts/package"));
    package.args(["--binary", binary, "--url", "https://downloads.example", "--output"]).arg(&made);
    done(&mut package);
    done(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&made));
    let names: Vec<String> = files(&made).iter().map(|path| path.display().to_string()).collect();
    let of_kind = |end: &str| {
        names.iter().find(|name| name.ends_with(end)).unwrap_or_else(|| panic!("{end}: {names:?}"))
    };

    let machine = place.path().join("machine");
    for folder in ["updates", "info", "triggers"] {
        fs::create_dir_all(machine.join("var/lib/dpkg").join(folder)).expect("a folder");
    }
    fs::write(machine.join("var/lib/dpkg/status"), "").expect("a file");
    dpkg(&machine, &["--install", of_kind(".deb")]);
    let version = done(Command::new(machine.join("usr/bin/scratchdbg")).arg("version"));
    assert_eq!(
        String::from_utf8_lossy(&version.stdout),
        format!("scratchdbg {}\n", env!("CARGO_PKG_VERSION"))
    );
    for page in
        ["scratchdbg", "scratchdbg-attach", "scratchdbg-sessions-ls", "scratchdbg-pair-verify"]
    {
        let page = machine.join("usr/share/man/man1").join(format!("{page}.1.gz"));
        assert!(page.is_file(), "{}", page.display());
    }
    for completion in
        ["bash-completion/completions/scratchdbg", "zsh/vendor-completions/_scratchdbg"]
    {
        assert!(machine.join("usr/share").join(completion).is_file(), "{completion}");
    }
    dpkg(&machine, &["--purge", "scratchdbg"]);
    assert_eq!(files(&machine), BTreeSet::new());

    done(Command::new("tar").arg("-xf").arg(of_kind(".tar.gz")).arg("-C").arg(&machine));
    let unpacked = files(&machine);
    let program = unpacked.iter().find(|path| path.ends_with("scratchdbg")).expect("the program");
    done(Command::new(program).arg("version"));
    let formula = fs::read_to_string(of_kind(".rb")).expect("the formula");
    let sums = fs::read_to_string(made.join("SHA256SUMS")).expect("the sums");
    let sum = sums.lines().find_map(|line| {
        Some(line.split_once("  ")?).filter(|(_, name)| name.ends_with(".tar.gz"))
    });
    assert!(formula.contains(sum.expect("the archive's sum").0), "{formula}\n{sums}");
}

/// Each command has a page, which the formatter takes without a complaint.
#[test]
fn each_command_has_a_manual_page() {
    let place = tempfile::tempdir().expect("a folder");
    let scratchdbg = || Command::new(env!("CARGO_BIN_EXE_scratchdbg"));
    done(scratchdbg().args(["man", "--output"]).arg(place.path()));
    let help = done(scratchdbg().arg("--help"));
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let commands = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    for command in commands
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
    {
        let page = fs::read_to_string(place.path().join(format!("scratchdbg-{command}.1")))
            .expect(command);
        assert!(page.contains("EXIT STATUS"), "{command}: {page}");
        assert_eq!(done(scratchdbg().args(["man", command])).stdout, page.as_bytes());
    }
    assert_eq!(
        done(scratchdbg().args(["man", "exec"])).stdout,
        done(scratchdbg().args(["man", "attach"])).stdout
    );
    let unknown = scratchdbg().args(["man", "nosuch"]).output().expect("it can be started");
    assert_eq!(unknown.status.code(), Some(2));
}
