//! Completion in real shells: names of containers and images, from the engine.

use std::cell::Cell;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use scratchdbg_testkit::terminal::Terminal;

use crate::stage::Stage;

/// How each shell is started, with no settings but these.
const SHELLS: [(&str, &[&str], &str); 3] = [
    (
        "bash",
        &["--noprofile", "--norc", "-i"],
        "PS1='ready> '; source <(scratchdbg completion bash)",
    ),
    (
        "zsh",
        &["-f", "-i"],
        "PS1='ready> '; autoload -Uz compinit; compinit -u -D; source <(scratchdbg completion zsh)",
    ),
    (
        "fish",
        &["--no-config", "-i"],
        "function fish_prompt; echo -n 'ready> '; end; scratchdbg completion fish | source",
    ),
];

/// Starts a shell on a terminal, with scratchdbg in its `PATH` and its completions loaded.
fn shell(stage: &Stage, row: &(&str, &[&str], &str)) -> Terminal {
    let (name, arguments, settings) = row;
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_scratchdbg"));
    let folder = programs.parent().expect("a folder").display().to_string();
    let mut command = Command::new(name);
    command.args(*arguments).env_clear().current_dir(stage.scratchdbg.home());
    command.env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"));
    command.env("HOME", stage.scratchdbg.home()).env("TERM", "xterm").env("LANG", "C.UTF-8");
    command.envs(stage.engine.variables());
    let terminal = Terminal::start(command, 40, 110);
    terminal.send(&format!("{settings}; echo is-\"set\"\r"));
    terminal.wait_for("the shell's settings", |text| text.contains("\nis-set"));
    terminal
}

#[test]
fn shells_complete_names_of_containers_and_images() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let (name, image) = (target.name().to_owned(), stage.image.clone());
    let (begin, _) = name.split_at(name.len() - 3);
    // All but the tag: the shell has to complete behind a colon, at which bash divides words.
    let (of_image, tag) = image.rsplit_once(':').expect("a tag");
    for row in &SHELLS {
        let mut terminal = shell(&stage, row);
        for (typed, wanted) in [
            (format!("scratchdbg atta\t{begin}\t"), format!("scratchdbg attach {name} ")),
            (format!("scratchdbg why {begin}\t"), format!("scratchdbg why {name} ")),
            (
                format!("scratchdbg check {of_image}:\t"),
                format!("scratchdbg check {of_image}:{tag}"),
            ),
            (
                "scratchdbg logs --level err\t".to_owned(),
                "scratchdbg logs --level error".to_owned(),
            ),
            ("scratchdbg attach --mode side\t".to_owned(), "--mode sidecar".to_owned()),
            ("scratchdbg logs --timest\t".to_owned(), "scratchdbg logs --timestamps".to_owned()),
        ] {
            terminal.send(&typed);
            let asked = Cell::new(Instant::now());
            terminal.wait_for(&format!("{}: {wanted}", row.0), |text| {
                let line = text.lines().rev().find(|line| line.starts_with("ready> "));
                let is_complete = line.is_some_and(|line| format!("{line} ").contains(&wanted));
                // An engine that has much to do may have answered too late: a user asks again.
                if !is_complete && asked.get().elapsed() > Duration::from_secs(5) {
                    terminal.send("\t");
                    asked.set(Instant::now());
                }
                is_complete
            });
            // Nothing of it is run. A shell that still completes takes the first key for that.
            terminal.wait_for("a new prompt", |text| {
                let is_new = text.trim_end().ends_with("ready>");
                if !is_new {
                    terminal.send("\x03");
                }
                is_new
            });
        }
        terminal.send("exit\r");
        terminal.wait();
    }
}

/// A shell waits for the answer.
#[test]
fn an_engine_that_does_not_answer_gives_no_names() {
    let stage = Stage::set();
    let socket = stage.scratchdbg.home().join("mute.sock");
    let _mute = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let host = format!("unix://{}", socket.display());
    let begun = std::time::Instant::now();
    let answer = stage.run(&["__complete", "fish", "-H", &host, "attach", "w"]);
    answer.expect(0, "");
    assert!(answer.stderr.is_empty(), "{answer}");
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}

#[test]
fn scripts_are_installed_where_shells_look() {
    let stage = Stage::set();
    for (shell, place) in [
        ("bash", ".local/share/bash-completion/completions/scratchdbg"),
        ("zsh", ".local/share/zsh/site-functions/_scratchdbg"),
        ("fish", ".config/fish/completions/scratchdbg.fish"),
    ] {
        let path = stage.scratchdbg.home().join(place);
        let told = format!("installed: {}\n", path.display());
        stage.run(&["completion", "install", shell]).expect(0, &told);
        let script = stage.run(&["completion", shell]).text();
        assert_eq!(fs::read_to_string(&path).expect("the script"), script);
        let told = format!("removed: {}\n", path.display());
        stage.run(&["completion", "uninstall", shell]).expect(0, &told);
        assert!(!path.exists(), "{shell}");
    }
    // A file of somebody else.
    let path = stage.scratchdbg.home().join(".config/fish/completions/scratchdbg.fish");
    fs::write(&path, "complete -c scratchdbg -a mine\n").expect("a file");
    for command in ["install", "uninstall"] {
        let refused = stage.run(&["completion", command, "fish"]);
        refused.expect_clear_failure(1, &["is not from scratchdbg"]);
    }
    assert_eq!(fs::read(&path).expect("the file"), b"complete -c scratchdbg -a mine\n");
    let unknown = stage.run(&["completion", "install"]);
    unknown.expect_clear_failure(2, &["SHELL", "completion install bash"]);
}
