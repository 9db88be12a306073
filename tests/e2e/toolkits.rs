//! Tools that a user brings along: `--with-tools`, names of the settings, `toolkit build`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::stage::{Stage, Target};

/// Two static programs, in `tools/one` and `two` of the home folder, and settings that name the
/// first. No other test has the same bytes.
struct Tools {
    stage: Stage,
    two: String,
}

impl Tools {
    fn new() -> Self {
        let stage = Stage::set();
        let home = stage.scratchdbg.home().to_owned();
        fs::create_dir(home.join("tools")).expect("a folder");
        let program = |name: &str| {
            let path = home.join(name);
            fs::rename(sample::write_app(&home), &path).expect("a file");
            path.to_string_lossy().into_owned()
        };
        program("tools/one");
        let two = program("two");
        let tools = Self { stage, two };
        tools.settings("one = \"~/tools/one\"");
        tools
    }

    /// Writes the table of the settings.
    fn settings(&self, lines: &str) -> PathBuf {
        let folder = self.stage.scratchdbg.home().join(".config/scratchdbg");
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("config.toml");
        fs::write(&file, format!("[toolkits]\n{lines}\n")).expect("a file");
        file
    }

    /// Runs a command in a session with these options.
    #[track_caller]
    fn expect(&self, options: &[&str], target: &Target<'_>, command: &[&str], code: i32) {
        let line = [&["attach"], options, &[target.name(), "--"], command].concat();
        self.stage.run(&line).expect_code(code);
    }

    /// Removes the toolkit images of sessions with these options.
    fn remove(&self, target: &Target<'_>, options: &[&[&str]]) {
        for options in options {
            let image = self.stage.toolkit(options, target.name());
            self.stage.engine.docker(["rmi", "--force", &image]);
        }
    }
}

#[test]
fn tools_of_paths_and_of_the_settings_are_in_a_session() {
    let tools = Tools::new();
    let stage = &tools.stage;
    let target = stage.target(&["--user", "65532:65532", "--read-only"]);
    let both = ["--with-tools", &*format!("one,{}", tools.two)];
    let modes =
        "ls -ln $(which one) | cut -d' ' -f1; ls -n $(which one) | grep -c ' 0 *0 '; two exit 3";
    let finished =
        stage.run(&[&["attach"], &both[..], &[target.name(), "--", "sh", "-c", modes]].concat());
    finished.expect(3, "-rwxr-xr-x\n1\nout\n");
    tools.expect(&both, &target, &["one", "exit", "4"], 4);
    // The same content is the same image, which is loaded once, whatever the order and the paths.
    let image = stage.toolkit(&both, target.name());
    assert_eq!(stage.engine.images(&image).len(), 1);
    let folder = stage.scratchdbg.home().join("tools");
    let other = format!("{},{}", tools.two, folder.display());
    let again =
        stage.run(&["attach", "--with-tools", &other, target.name(), "--", "two", "exit", "5"]);
    assert!(!again.expect_code(5).stderr.contains("loading"), "{again}");
    assert_ne!(stage.toolkit(&[], target.name()), image);
    assert_ne!(stage.toolkit(&["--with-tools", "one"], target.name()), image);
    // A name of the settings goes before a file of the same name, which may be anybody's.
    fs::write(stage.scratchdbg.home().join("one"), "not a program").expect("a file");
    tools.expect(&["--toolkit", "one"], &target, &["one", "exit", "6"], 6);
    let copied = stage.scratchdbg.home().join("copied").to_string_lossy().into_owned();
    let from = format!("{}:/app", target.name());
    stage.run(&["cp", "--toolkit", "one", &from, &copied]).expect_code(0);
    // A keeper that lingers has the tools that it was made with.
    let lingers = [&both[..], &["--linger", "1m"]].concat();
    tools.expect(&lingers, &target, &["one", "exit", "7"], 7);
    tools.expect(&lingers, &target, &["two", "exit", "8"], 8);
    tools.expect(&[], &target, &["one"], 127);
    tools.expect(&["--mode", "copy", "--with-tools", "one"], &target, &["one", "exit", "9"], 9);
    for keeper in target.container.companions() {
        stage.engine.ask(["rm", "--force", &keeper]);
    }
    target.assert_untouched();
    tools.remove(&target, &[&both, &["--toolkit", "one"]]);
}

#[test]
fn what_is_not_known_or_would_not_run_is_told_with_what_to_do() {
    let tools = Tools::new();
    let stage = &tools.stage;
    let target = stage.target(&[]);
    let home = stage.scratchdbg.home().to_owned();
    let dynamic = sample::write_dynamic_app(&home).to_string_lossy().into_owned();
    let foreign = sample::write_foreign_app(&home, "foreign", 243).to_string_lossy().into_owned();
    let shared = tools.two.clone();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).expect("a mode");
    let settings = tools.settings("one = \"~/tools/one\"\nabsent = \"/no/such/file\"");
    let settings = settings.to_string_lossy();
    let hint = "toolkits.strace = ";
    for (with, words) in [
        (
            "strace",
            &["strace: no tool of this name", &settings, hint, "absent, one", "./strace"][..],
        ),
        ("one,strace", &["strace: no tool of this name"]),
        ("absent", &["/no/such/file", "No such file"]),
        (&dynamic, &["dynamically linked", "--toolkit IMAGE"]),
        (&foreign, &["riscv64"]),
        (&shared, &["everybody may write to it", "chmod o-w"]),
        ("/dev/zero", &["/dev/zero", "not a regular file"]),
    ] {
        let finished = stage.run(&["attach", "--with-tools", with, target.name(), "--", "true"]);
        finished.expect(125, "");
        for word in words {
            assert!(finished.stderr.contains(word), "{word:?} is missing in {finished}");
        }
        assert!(!finished.stderr.contains("loading"), "{finished}");
    }
    // A node has nothing of this machine: that is told before any cluster is asked.
    let pod = stage.run(&["attach", "pod/web", "--with-tools", "one", "--", "true"]);
    pod.expect_clear_failure(125, &["is on this machine", "scratchdbg toolkit build", "--toolkit"]);
    let missing = stage.run(&["attach", target.name(), "--", "strace", "-p", "1"]);
    missing.expect(127, "");
    for words in ["strace: command not found", "--with-tools PATH", "--toolkit IMAGE"] {
        assert!(missing.stderr.contains(words), "{words:?} is missing in {missing}");
    }
    target.assert_untouched();
}

#[test]
fn an_image_that_toolkit_build_made_brings_its_tools() {
    let tools = Tools::new();
    let stage = &tools.stage;
    let target = stage.target(&[]);
    let home = stage.scratchdbg.home().to_owned();
    let image = format!("{}:1", stage.engine.name("tools"));
    fs::create_dir(home.join("tools/share")).expect("a folder");
    fs::write(home.join("tools/share/data"), "read me\n").expect("a file");
    std::os::unix::fs::symlink("one", home.join("tools/uno")).expect("a link");
    let folder = home.join("tools").to_string_lossy().into_owned();
    let build = ["toolkit", "build", &folder, &tools.two, "--tag", &image];
    let made = stage.run(&build);
    assert!(
        made.expect_code(0).text().contains("with busybox and one, share/data, two, uno"),
        "{made}"
    );
    tools.settings(&format!("mine = \"{image}\""));
    let by_name = ["--toolkit", &*image];
    for options in [&by_name[..], &["--toolkit", "mine"], &["--with-tools", "mine"]] {
        tools.expect(options, &target, &["uno", "exit", "3"], 3);
    }
    let look = "cat $(dirname $(which one))/share/data; two exit 4";
    let finished =
        stage.run(&["attach", "--toolkit", &image, target.name(), "--", "sh", "-c", look]);
    finished.expect(4, "read me\nout\n");
    // The programs of the image are added to, and not its launcher: that is always ours.
    let extended = [&by_name[..], &["--with-tools", "./tools/one"]].concat();
    assert_eq!(stage.toolkit(&extended, target.name()), stage.toolkit(&by_name, target.name()));
    // The same content is the same image, wherever it goes.
    let archive = home.join("tools.tar").to_string_lossy().into_owned();
    let output = format!("archive:{archive}");
    let json = stage.run(&[&build[..], &["--output", &output, "--format", "json"]].concat());
    let json: Value = serde_json::from_str(&json.expect_code(0).text()).expect("a document");
    let id = stage.engine.ask(["image", "inspect", "--format", "{{.Id}}", &image]);
    assert_eq!(json["toolkit"]["image_id"], *id, "{json}");
    assert_eq!(json["tools"], serde_json::json!(["one", "share/data", "two", "uno"]));
    let dynamic = sample::write_dynamic_app(&home).to_string_lossy().into_owned();
    stage
        .run(&["toolkit", "build", &dynamic, "--tag", &image])
        .expect_clear_failure(1, &["dynamically linked", "static"]);
    stage.run(&["toolkit", "build"]).expect_code(2);
    target.assert_untouched();
    tools.remove(&target, &[&by_name]);
    stage.engine.docker(["rmi", "--force", &image]);
}

#[test]
fn an_image_of_the_settings_and_a_program_are_in_one_sidecar() {
    let tools = Tools::new();
    let stage = &tools.stage;
    let target = stage.target(&["--user", "1000:2000"]);
    let image = stage.engine.import_app(&[]);
    tools.settings(&format!("net = \"{image}\"\nall = [\"{image}\", \"~/tools/one\"]"));
    let both = ["--with-tools", "net,./two"];
    tools.expect(&both, &target, &["two", "exit", "3"], 3);
    tools.expect(&both, &target, &["/app", "exit", "4"], 4);
    // Where the image has no program of the name, busybox has one.
    let finished = stage.run(&[
        "attach",
        "--toolkit",
        "all",
        target.name(),
        "--",
        "sh",
        "-c",
        "id -u; one exit 5",
    ]);
    finished.expect(5, "1000\nout\n");
    let refused =
        stage.run(&["attach", "--toolkit", "other:1", "--with-tools", "net", target.name()]);
    refused.expect_clear_failure(125, &["cannot both be the image"]);
    tools.settings("gone = \"no/such/image:1\"");
    stage
        .run(&["attach", "--toolkit", "gone", target.name(), "--", "true"])
        .expect_clear_failure(125, &["no image no/such/image:1", "docker pull no/such/image:1"]);
    target.assert_untouched();
    tools.settings(&format!("net = \"{image}\"\nall = [\"{image}\", \"~/tools/one\"]"));
    tools.remove(&target, &[&both, &["--toolkit", "all"]]);
}
