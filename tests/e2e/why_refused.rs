//! `why` of starts that fail after an earlier run, of links and libraries under a mount, and of
//! stops without a grace period.

use std::fs;

use crate::fault::{self, File, executable, expect_verdict};
use crate::stage::Stage;

/// For a failed start, the engine overwrites the exit code of the earlier run.
#[test]
fn what_the_older_run_ended_with_is_not_taken_from_the_start_that_failed() {
    let stage = Stage::set();
    let source = stage.scratchdbg.home().join("settings");
    fs::write(&source, "x").expect("a file");
    let mount = format!("{}:/settings", source.display());
    let name = fault::ended(&stage, "older", &["--volume", &mount], &stage.image, &["exit", "5"]);
    fs::remove_file(&source).expect("a file");
    fs::create_dir(&source).expect("a folder");
    assert!(!stage.engine.docker(["start", &name]).status.success());
    let answer = expect_verdict(&stage, &name, "mount-failed");
    let evidence = answer["findings"][0]["evidence"].to_string();
    assert!(evidence.contains("an older run ended with exit code 5"), "{answer:#}");
}

/// A network that a container was connected to later is reported by its name.
#[test]
fn a_second_network_that_is_gone_is_named() {
    let stage = Stage::set();
    let networks = [stage.engine.name("front"), stage.engine.name("back")];
    for network in &networks {
        stage.engine.ask(["network", "create", network]);
    }
    let name = stage.engine.name("between");
    stage.engine.ask([
        "create",
        "--name",
        &name,
        "--network",
        &networks[0],
        &stage.image,
        "exit",
        "1",
    ]);
    stage.engine.ask(["network", "connect", &networks[1], &name]);
    stage.engine.ask(["network", "rm", &networks[1]]);
    assert!(!stage.engine.docker(["start", &name]).status.success());
    let answer = expect_verdict(&stage, &name, "network-missing");
    let message = answer["findings"][0]["message"].to_string();
    assert!(message.contains(&networks[1]), "{answer:#}");
    stage.engine.ask(["rm", "--force", &name]);
    stage.engine.ask(["network", "rm", &networks[0]]);
}

/// Files of the image under a mount are not reported as missing from the image, nor is a link whose
/// target is missing.
#[test]
fn mounts_over_shells_libraries_and_links() {
    let stage = Stage::set();
    let app = fault::app(&stage);
    let directory = |path| File { path, mode: 0o755, bytes: Vec::new() };
    let image = fault::loaded(&stage, r#"{"Env":["PATH=/bin"]}"#, |layer| {
        for file in [directory("bin/"), executable("bin/sh", app.clone()), directory("srv/")] {
            fault::append(layer, &file);
        }
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        layer.append_link(&mut header, "app", "/srv/server").expect("writing to memory works");
    });
    for (index, (flags, command, code, told)) in [
        (&["--tmpfs", "/bin"][..], &["sh", "exit", "1"][..], "hidden-by-mount", "hides it"),
        (&[], &["sh", "exit", "1"], "app-exit", "exit code 1"),
        (&["--tmpfs", "/srv"], &["/app"], "entrypoint-missing", "a link that leads to /srv/server"),
        (&["--tmpfs", "/proc"], &["sh"], "mount-failed", "the kernel's /proc"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = fault::ended(&stage, &format!("meets-{index}"), flags, &image, command);
        let answer = expect_verdict(&stage, &name, code);
        assert!(answer["findings"][0]["message"].to_string().contains(told), "{answer:#}");
    }

    let loader = fs::read("/lib64/ld-linux-x86-64.so.2").expect("this machine's loader");
    let files = [
        executable("app", fault::dynamic_app(&stage)),
        directory("lib64/"),
        executable("lib64/ld-linux-x86-64.so.2", loader),
        directory("lib/x86_64-linux-gnu/"),
        executable("lib/x86_64-linux-gnu/libc.so.6", app.clone()),
        executable("lib/x86_64-linux-gnu/libgcc_s.so.1", app),
    ];
    let image = fault::image(&stage, &files, &[r#"ENTRYPOINT ["/app"]"#]);
    let name = fault::ended(&stage, "library", &["--tmpfs", "/lib"], &image, &[]);
    let answer = expect_verdict(&stage, &name, "hidden-by-mount");
    assert!(answer["findings"][0]["message"].to_string().contains("the library lib"), "{answer:#}");
}

/// Whether a program that is killed at once would have ended by itself is unknown.
#[test]
fn a_stop_without_a_grace_period() {
    let stage = Stage::set();
    let idle = stage.engine.run("idle", &[], &stage.image, &[]);
    stage.engine.ask(["stop", "--time", "0", idle.name()]);
    let answer = expect_verdict(&stage, idle.name(), "stopped");
    assert!(answer["findings"][0]["evidence"].to_string().contains("SIGKILL came"), "{answer:#}");
}
