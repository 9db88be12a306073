//! The attach matrix: every kind of target, what a session sees of it, and that it leaves nothing
//! in it. The table [`rows::ROWS`] is both the test and the document.

mod document;
mod rows;
mod scene;

use std::sync::Mutex;

use scratchdbg_testkit::TIMEOUT;
use scratchdbg_testkit::engine::Engine;
use scratchdbg_testkit::program::Finished;

use self::document::document;
use self::rows::{LIMITS, Limit, NOT_REMAPPED, ROWS, Row, State};
use self::scene::{LEFT_BEHIND, Scene};
use crate::own_engine::OwnEngine;
use crate::stage::Stage;

/// How many rows run at a time, enough to keep an engine busy.
const AT_ONCE: usize = 4;

/// Reports its user and place with the shell's builtins, so that it needs no other process.
const LOOK: &str = r#"
while read -r key value _; do
    case $key in Uid:) uid=$value ;; Gid:) gid=$value ;; esac
done < /proc/self/status
while read -r key values; do
    case $key in Groups:) groups=$values ;; esac
done < /proc/self/status
echo "user $uid:$gid"
for group in $groups; do [ "$group" = "$gid" ] || echo "group $group"; done
echo "mark $MARK"
echo "directory $PWD"
"#;

#[test]
fn every_target() {
    all_right(ROWS.iter(), Stage::set);
}

#[test]
fn fault_15_every_target_where_users_are_remapped() {
    let engine = OwnEngine::start_remapped();
    // With user remapping, the engine has no container in the host's PID namespace.
    let rows = ROWS.iter().filter(|row| !row.flags.contains(&"host")).chain(NOT_REMAPPED);
    all_right(rows, || Stage::on(Engine::at(engine.host())));
}

#[track_caller]
fn all_right<'rows>(rows: impl Iterator<Item = &'rows Row>, set: impl Fn() -> Stage + Sync) {
    let rows: Vec<&Row> = rows.collect();
    let count = rows.len();
    let wrong = for_each(rows, set, |stage, row| {
        check(stage, row).map_err(|wrong| format!("{}: {wrong}", row.target))
    });
    assert!(wrong.is_empty(), "{} of {count} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_limit_is_said() {
    let wrong = for_each(LIMITS.iter().collect(), Stage::set, |stage, row| {
        refused(stage, row).map_err(|wrong| format!("{}: {wrong}", row.situation))
    });
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), LIMITS.len(), wrong.join("\n"));
}

#[test]
fn the_document_is_the_table() {
    let committed = include_str!("../../docs/attach-matrix.md");
    assert!(
        committed == document(),
        "docs/attach-matrix.md is out of date: cargo test -p scratchdbg --test e2e -- --ignored write_the_attach_matrix"
    );
}

#[test]
#[ignore = "writes docs/attach-matrix.md"]
fn write_the_attach_matrix() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/attach-matrix.md");
    std::fs::write(path, document()).expect("the document can be written");
}

/// Checks all rows, some at a time. Starts with the last, which take the longest.
fn for_each<T: Sync>(
    rows: Vec<&T>,
    set: impl Fn() -> Stage + Sync,
    check: impl Fn(&Stage, &T) -> Result<(), String> + Sync,
) -> Vec<String> {
    let queue = Mutex::new(rows);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let stage = set();
                loop {
                    let Some(row) = queue.lock().expect("no holder panics").pop() else { break };
                    if let Err(what) = check(&stage, row) {
                        wrong.lock().expect("no holder panics").push(what);
                    }
                }
            });
        }
    });
    wrong.into_inner().expect("no holder panics")
}

/// Attaches to the target of a row, and compares all columns.
fn check(stage: &Stage, row: &Row) -> Result<(), String> {
    let scene = Scene::set(stage, row.flags, row.changes, row.state);
    let before = scene.trace();
    let mut wrong = Vec::new();
    let mut compare = |column: &str, expected: &str, seen: &str| {
        if expected != seen {
            wrong.push(format!("{column}: {expected:?} is wanted, {seen:?} was seen"));
        }
    };

    let explained = stage.run(
        &scene.arguments(&[row.options, &["--explain", "--format", "json"]].concat(), &["true"]),
    );
    let plan: serde_json::Value = serde_json::from_slice(&explained.stdout).unwrap_or_default();
    compare("mode", row.mode, plan["mode"].as_str().unwrap_or(&explained.stderr));

    let script = script(row);
    let finished = stage.run(&scene.arguments(row.options, &["sh", "-c", &script]));
    compare("exit code", "42", &code(&finished));
    let said = finished.text();
    let fact = |name: &str| {
        let of_name = |line: &str| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
        said.lines().filter_map(of_name).collect::<Vec<_>>().join(" ")
    };
    let user = [fact("user"), fact("group")].join(" ");
    compare("user", row.user, user.trim());
    let files = fact("files");
    let has = |name: &str| files.split(' ').any(|file| file == name);
    compare("files", "app, no bin", if has("app") && !has("bin") { "app, no bin" } else { &files });
    compare("environment", if row.is_inside() { "seen" } else { "" }, &fact("mark"));
    let directory = fact("directory");
    if row.is_inside() {
        compare("working directory", "/dev", &directory);
    } else if !(directory.starts_with("/proc/") && directory.ends_with("/root")) {
        compare("working directory", "/proc/<pid>/root", &directory);
    }

    if let Some(after) = scene.not_restored(&before) {
        wrong.push(format!(
            "left behind: before\n  {before:?}\n  after {TIMEOUT:?} / 3\n  {after:?}"
        ));
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{finished}", wrong.join("; "))) }
}

/// Returns the command of a session: it reports, leaves a process behind if possible, and exits
/// with 42.
fn script(row: &Row) -> String {
    // A sidecar starts in the target's root; its own root is `/`.
    let go = if row.is_inside() { "cd /\n" } else { "" };
    let leave = match row.state {
        State::RunningWithoutRoom => "",
        _ => &format!("(echo {LEFT_BEHIND} > /proc/self/comm; sleep 1000; :) &\n"),
    };
    format!("{LOOK}{go}echo files *\n{leave}exit 42")
}

/// Tries a session that must be refused, and compares the messages.
fn refused(stage: &Stage, row: &Limit) -> Result<(), String> {
    let scene = Scene::set(stage, row.flags, &[], row.state);
    let before = scene.trace();
    let finished = stage.run(&scene.arguments(row.options, &["true"]));
    let mut wrong = Vec::new();
    if code(&finished) != row.code.to_string() {
        wrong.push(format!("exit code: {} is wanted", row.code));
    }
    wrong.extend(
        row.says
            .iter()
            .filter(|words| !finished.stderr.contains(**words))
            .map(|words| format!("no {words:?}")),
    );
    if let Some(after) = scene.not_restored(&before) {
        wrong.push(format!(
            "left behind: before\n  {before:?}\n  after {TIMEOUT:?} / 3\n  {after:?}"
        ));
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{finished}", wrong.join("; "))) }
}

fn code(finished: &Finished) -> String {
    finished.status.code().map_or_else(|| finished.status.to_string(), |code| code.to_string())
}
