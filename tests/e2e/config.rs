//! The settings: the file, the variables, and `config`, which prints them.

use std::fs;
use std::path::PathBuf;

use scratchdbg_testkit::program::Running;

use crate::stage::Stage;

/// Writes the file of settings.
fn write(stage: &Stage, text: &str) -> PathBuf {
    let folder = stage.scratchdbg.home().join(".config/scratchdbg");
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("config.toml");
    fs::write(&file, text).expect("a file");
    file
}

#[test]
fn settings_are_defaults_of_options() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "65532:65532"]);
    let name = target.name().to_owned();
    let uid = ["attach", &name, "--", "id", "-u"];
    stage.run(&uid).expect(0, "65532\n");
    write(&stage, "user = \"root\"\ntime-zone = \"Asia/Tokyo\"\ncolor = \"never\"\n");
    stage.run(&uid).expect(0, "0\n");
    stage.run(&["attach", "-u", "65532", &name, "--", "id", "-u"]).expect(0, "65532\n");
    let shown = stage.run(&["config", "--format", "json"]).expect_code(0).text();
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("a document");
    let zone = &shown["settings"][1];
    assert_eq!((&zone["name"], &zone["value"]), (&"time-zone".into(), &"Asia/Tokyo".into()));
    assert_eq!(zone["source"], "file", "{shown}");

    let with_variable = |arguments: &[&str]| {
        let mut command = stage.scratchdbg.command(arguments);
        command.env("SCRATCHDBG_USER", "65532");
        Running::start(command).finish()
    };
    with_variable(&uid).expect(0, "65532\n");
    let shown = with_variable(&["config"]).expect_code(0).text();
    assert!(shown.contains("user = \"65532\" (SCRATCHDBG_USER)\n"), "{shown}");
    assert!(shown.contains("toolkit is not set (nor is SCRATCHDBG_TOOLKIT)\n"), "{shown}");
}

#[test]
fn a_file_of_settings_that_cannot_be_used_is_told_with_its_line() {
    let stage = Stage::set();
    let file = write(&stage, "color = \"never\"\nusr = \"0\"\n");
    let words = [file.to_str().expect("a path"), "line 2", "`usr`"];
    stage.run(&["ps"]).expect_clear_failure(1, &words);
    stage.run(&["config"]).expect_clear_failure(1, &words);
    stage.run(&["attach", "web"]).expect_clear_failure(125, &words);
    stage.run(&["man"]).expect_code(0);
    stage.run(&["version"]).expect_code(0);
    fs::write(&file, b"color = \"\xff\"").expect("a file");
    stage.run(&["ps"]).expect_clear_failure(1, &["UTF-8"]);
    fs::remove_file(&file).expect("removed");
    fs::create_dir(&file).expect("a folder");
    stage.run(&["ps"]).expect_clear_failure(1, &words[..1]);
    fs::remove_dir(&file).expect("removed");
    stage.run(&["ps", "-q"]).expect_code(0);
}
