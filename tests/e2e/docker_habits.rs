//! What people type who know docker.

use crate::stage::Stage;

#[test]
fn attach_takes_what_docker_exec_takes() {
    let mut stage = Stage::set();
    stage.scratchdbg = stage.scratchdbg.with_variable("PASSED_ON", "yes");
    let target = stage.target(&["--user", "65532:65532"]);
    let name = target.name();
    // Arguments, exit code, standard output.
    let rows: [(&[&str], i32, &str); 13] = [
        (&["attach", "-it", name, "sh", "-c", "echo seen; exit 3"], 3, "seen\n"),
        (&["exec", "-i", name, "sh", "-c", "echo $0 $1", "-u", "--root"], 0, "-u --root\n"),
        (&["exec", "--interactive", "--tty", name, "id", "-u"], 0, "65532\n"),
        (&["exec", name, "--mode", "exec", "--", "id", "-u"], 0, "65532\n"),
        (&["exec", name, "echo", "--", "-x"], 0, "-- -x\n"),
        (&["exec", "--root", name, "id", "-u"], 0, "0\n"),
        (&["exec", "-u", "root", name, "id", "-u"], 0, "0\n"),
        (&["exec", "-u", "root:root", name, "sh", "-c", "id -u; id -g"], 0, "0\n0\n"),
        (
            &[
                "exec",
                "-e",
                "A=b=c",
                "--env",
                "B=",
                "-e",
                "UNSET",
                name,
                "sh",
                "-c",
                "echo $A-$B-${UNSET-none}",
            ],
            0,
            "b=c--none\n",
        ),
        (&["exec", "-w", "/dev", name, "pwd"], 0, "/dev\n"),
        (&["exec", "-w", "/dev", "--mode", "copy", name, "pwd"], 0, "/dev\n"),
        (
            &["exec", "-w", "/dev", "--mode", "sidecar", name, "sh", "-c", "echo $PWD"],
            0,
            "/proc/1/root/dev\n",
        ),
        (&["exec", "--detach-keys", "ctrl-x,x", name, "true"], 0, ""),
    ];
    for (arguments, code, stdout) in rows {
        let finished = stage.run(arguments);
        if stdout == "/proc/self\n" {
            let text = finished.expect_code(code).text();
            assert!(
                text.starts_with("/proc/")
                    && text.trim_start_matches("/proc/").trim_end().parse::<u32>().is_ok(),
                "{text}"
            );
        } else {
            finished.expect(code, stdout);
        }
    }
    stage.run(&["exec", "-e", "PASSED_ON", name, "sh", "-c", "echo $PASSED_ON"]).expect(0, "yes\n");
    target.assert_untouched();
}

#[test]
fn what_attach_cannot_take_is_said() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "65532:65532"]);
    let name = target.name();
    let rows: [(&[&str], &str); 7] = [
        (&["-w", "/none", name, "true"], "there is no such directory"),
        (&["-w", "/app", name, "true"], "it is not a directory"),
        (&["-w", "dev", name, "true"], "not an absolute path"),
        (&["-e", "PATH=/x", name, "true"], "sets this variable itself"),
        (&["-e", "=x", name, "true"], "names no variable"),
        (&["--detach-keys", "ctrl-", name, "true"], "are no keys"),
        (&["--root", "-u", "7", name, "true"], "cannot be used with"),
    ];
    for (arguments, words) in rows {
        for command in ["attach", "exec"] {
            let finished = stage.run(&[&[command], arguments].concat());
            finished.expect(125, "");
            assert!(finished.stderr.contains(words), "{words:?} is missing in {finished}");
        }
    }
    // Only `attach` reserves the other codes for a command.
    stage.run(&["logs", "--nope", "exec"]).expect_code(2);
    stage.run(&["exec", "--nope", "logs"]).expect_code(125);
    target.assert_untouched();
}

/// A directory that a hostile image makes a link to somewhere else.
#[test]
fn a_link_as_the_working_directory_leads_nowhere_else() {
    let stage = Stage::set();
    let image = stage.engine.import_app_with(&[("srv/data", 0o644, b"of the target")], &[]);
    let target = stage.target_of(&[], &image, &[]);
    target
        .attach(&["sh", "-c", "rm -f /link; ln -s /proc/1/root/srv /link; ln -s /../../../srv /up"])
        .expect_code(0);
    for path in ["/link", "/up"] {
        stage.run(&["exec", "-w", path, target.name(), "cat", "data"]).expect(0, "of the target");
    }
    // In a sidecar a link is read as in the sidecar itself, which has no such folder.
    stage
        .run(&["exec", "-w", "/up", "--mode", "sidecar", target.name(), "cat", "data"])
        .expect_code(125);
}

#[test]
fn logs_of_all_and_of_patterns() {
    let stage = Stage::set();
    let names = ["one-a", "one-b", "two"];
    let containers = names.map(|stem| stage.engine.run(stem, &[], &stage.image, &["numbers", "2"]));
    for container in &containers {
        container.wait();
    }
    let prefix = containers[0].name().strip_suffix("one-a").expect("names end with their stems");
    let lines = |pattern: &str| {
        let finished = stage.run(&["logs", pattern]);
        finished.expect_code(0).text().lines().count()
    };
    assert_eq!(lines(&format!("{prefix}one-*")), 4);
    assert_eq!(lines(&format!("{prefix}one-?")), 4);
    assert_eq!(lines(&format!("{prefix}*")), 6);
    let none = stage.run(&["logs", &format!("{prefix}three-*")]);
    none.expect(1, "");
    assert!(none.stderr.contains("no container is selected"), "{none}");
    // Both, each once.
    let both = stage.run(&["logs", &format!("{prefix}one-*"), containers[2].name()]);
    assert_eq!(both.expect_code(0).text().lines().count(), 6);
    // Those that start later are followed too.
    let mut follow = stage.scratchdbg.start(["logs", "-f", &format!("{prefix}late-*")]);
    let late = stage.engine.run("late-1", &[], &stage.image, &["numbers", "1"]);
    late.wait();
    follow.wait_for_stdout("the line of a container that started later", |bytes| {
        bytes.ends_with(b"\n")
    });
    assert!(!follow.has_ended());
    follow.signal(rustix::process::Signal::TERM);
    follow.finish().expect_code(143);
}

#[test]
fn build_takes_a_folder_with_a_dockerfile() {
    let stage = Stage::set();
    let folder = stage.scratchdbg.home().join("context");
    std::fs::create_dir(&folder).expect("a new folder");
    std::fs::write(folder.join("data"), "x").expect("it can be written");
    let without = stage.run(&["build", "context"]);
    without.expect(1, "");
    assert!(without.stderr.contains("without a Dockerfile"), "{without}");
    std::fs::write(
        folder.join("Dockerfile"),
        "ARG A\nFROM scratch\nARG A\nLABEL a=$A\nCOPY data /data\n",
    )
    .expect("it can be written");
    let built = stage.run(&[
        "build",
        "context",
        "--no-debug",
        "--deny",
        "none",
        "--platform",
        "linux/amd64",
        "--build-arg",
        "A=b",
        "-o",
        "oci:out",
    ]);
    built.expect_code(0);
    let unnamed = stage.run(&["build", "context/data", "--build-arg", "A=b", "-o", "oci:out"]);
    unnamed.expect(2, "");
    assert!(unnamed.stderr.contains("none is named"), "{unnamed}");
    let both = stage.run(&["build", "context", "--push", "-o", "oci:out"]);
    both.expect(2, "");
    let nowhere = stage.run(&["build", "context", "--push"]);
    nowhere.expect(2, "");
    assert!(nowhere.stderr.contains("where to?"), "{nowhere}");
}

#[test]
fn help_and_version_are_commands_too() {
    let stage = Stage::set();
    let version = stage.run(&["version"]).expect_code(0).text();
    assert_eq!(version, stage.run(&["--version"]).expect_code(0).text());
    for (command, words) in [
        (&["help"][..], "Usage: scratchdbg"),
        (&["help", "exec"], "scratchdbg attach"),
        (&["help", "logs"], "--follow"),
    ] {
        let help = stage.run(command);
        assert!(help.expect_code(0).text().contains(words), "{help}");
    }
}

#[test]
fn an_image_in_the_place_of_a_container_is_told() {
    let stage = Stage::set();
    for name in ["shop/app:1", "ghcr.io/shop/app", "app:1"] {
        for command in ["attach", "why", "logs"] {
            let refused = stage.run(&[command, name]);
            assert!(refused.status.code() != Some(0) && refused.stdout.is_empty(), "{refused}");
            assert!(refused.stderr.contains("attach --image"), "{refused}");
            assert!(!refused.stderr.contains("kubeconfig"), "{refused}");
        }
    }
}

#[test]
fn a_container_that_never_started_has_no_log_and_that_is_said() {
    let stage = Stage::set();
    let created = stage.engine.create("created", &[], &stage.image, &[]);
    for options in [&[][..], &["-f"]] {
        let finished = stage.run(&[&["logs"], options, &[created.name()]].concat());
        finished.expect(0, "");
        assert!(finished.stderr.contains("has never started"), "{finished}");
    }
    let silent = stage.engine.run("silent", &[], &stage.image, &["exit", "0"]);
    silent.wait();
    let finished = stage.run(&["logs", silent.name()]);
    assert!(!finished.expect_code(0).stderr.contains("never started"), "{finished}");
}

#[test]
fn a_quiet_build_prints_the_id_alone() {
    let stage = Stage::set();
    let app = scratchdbg_testkit::sample::write_app(stage.scratchdbg.home());
    let tag = format!("{}:1", stage.engine.name("quiet"));
    let built = stage.run(&["build", &app.to_string_lossy(), "-t", &tag, "-q"]);
    let id = stage.engine.ask(["image", "inspect", "--format", "{{.Id}}", &tag]);
    built.expect(0, &format!("{}\n", id.trim()));
    assert_eq!(built.stderr, "", "{built}");
}

#[test]
fn a_code_is_explained() {
    let stage = Stage::set();
    let text = stage.run(&["check", "--explain", "loader-missing"]).expect_code(0).text();
    for words in ["loader-missing\n", "Shows: ", "Fix: ", "To see it:"] {
        assert!(text.contains(words), "{words:?} is missing in {text}");
    }
    let wrong = stage.run(&["check", "--explain", "loader-mising"]);
    wrong.expect(2, "");
    assert!(wrong.stderr.contains("did you mean `loader-missing`?"), "{wrong}");
}
