//! `logs` of damaged log files: no complete line is lost, and every loss is reported.

use std::fs;
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use scratchdbg_testkit::engine::Container;
use scratchdbg_testkit::eventually;

use crate::logs_follow::wait_for_lines;
use crate::stage::Stage;

const LINES: usize = 50;

fn log_file(container: &Container<'_>) -> PathBuf {
    let facts = container.inspect();
    PathBuf::from(facts["LogPath"].as_str().expect("a log file"))
}

/// Changes one line of the file in place: the engine keeps writing to it.
fn damage(container: &Container<'_>, change: impl Fn(&mut Vec<Vec<u8>>)) {
    let path = log_file(container);
    let mut lines: Vec<Vec<u8>> = fs::read(&path)
        .expect("the log file")
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    change(&mut lines);
    fs::write(&path, lines.join(&b'\n')).expect("written");
}

/// Returns an address under which the engine counts as remote, so that the client does not look for
/// its files.
fn from_afar(engine: &str) -> String {
    let engine = PathBuf::from(engine.strip_prefix("unix://").expect("a Unix socket"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its number");
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(server)) = (client, UnixStream::connect(&engine)) else { return };
            let (mut there, mut back) =
                (server.try_clone().expect("a handle"), client.try_clone().expect("a handle"));
            let (mut client, mut server) = (client, server);
            std::thread::spawn(move || {
                let _ended = std::io::copy(&mut client, &mut there);
                let _closed = there.shutdown(Shutdown::Both);
            });
            std::thread::spawn(move || {
                let _ended = std::io::copy(&mut server, &mut back);
                let _closed = back.shutdown(Shutdown::Both);
            });
        }
    });
    format!("tcp://{address}")
}

type Change = fn(&mut Vec<Vec<u8>>);

/// Damage after a power loss or on a full disk, and the numbers of the lost lines.
const DAMAGE: [(&str, Change, &[usize]); 12] = [
    ("a record of zeros", |lines| lines[17] = vec![0; lines[17].len()], &[18]),
    ("garbage", |lines| lines[17] = b"not json at all".to_vec(), &[18]),
    ("half a record", |lines| lines[17].truncate(20), &[18]),
    (
        "half a record, the next behind it",
        |lines| {
            let half = lines[17].len() / 2;
            lines[17].truncate(half);
            let next = lines.remove(18);
            lines[17].extend(next);
        },
        &[18],
    ),
    (
        "zeros in the middle of one",
        |lines| lines[17] = [&lines[17][..9], &[0; 200], &lines[17][9..]].concat(),
        &[18],
    ),
    ("zeros before one", |lines| lines[17] = [&[0; 200], &lines[17][..]].concat(), &[]),
    ("an empty line", |lines| lines[17].clear(), &[18]),
    (
        "a wrong type",
        |lines| {
            lines[17] = br#"{"log":5,"stream":"stdout","time":"2026-11-23T07:01:20.5Z"}"#.to_vec();
        },
        &[18],
    ),
    ("the first record", |lines| lines[0] = vec![0; 70], &[1]),
    ("the last record", |lines| lines[LINES - 1].truncate(30), &[LINES]),
    (
        "the last, without its newline",
        |lines| {
            lines.truncate(LINES);
            lines[LINES - 1].truncate(30);
        },
        &[LINES],
    ),
    (
        "several places",
        |lines| [3, 4, 30].iter().for_each(|at| lines[*at] = b"}{".to_vec()),
        &[4, 5, 31],
    ),
];

#[test]
fn fault_40_what_is_behind_damage_is_read_and_damage_is_told() {
    let stage = Stage::set();
    for (name, change, lost) in DAMAGE {
        for flags in [&[][..], &["--log-opt", "max-size=1m", "--log-opt", "max-file=3"]] {
            let flags = [&["--log-driver", "json-file"], flags].concat();
            let container =
                stage.engine.run("web", &flags, &stage.image, &["numbers", &LINES.to_string()]);
            container.wait();
            eventually(
                || "all lines".to_owned(),
                || (container.logs().lines().count() == LINES).then_some(()),
            );
            damage(&container, change);
            let left: Vec<String> = (1..=LINES)
                .filter(|number| !lost.contains(number))
                .map(|number| number.to_string())
                .collect();
            let run =
                |options: &[&str]| stage.run(&[&["logs", container.name()], options].concat());
            for way in [&[][..], &["--via", "file"]] {
                let finished = run(way);
                finished.expect(1, &format!("{}\n", left.join("\n")));
                let places =
                    finished.stderr.lines().filter(|line| line.contains("is damaged")).count();
                assert_eq!(
                    places,
                    if name == "several places" { 2 } else { 1 },
                    "{name}: {finished}"
                );
                assert!(finished.stderr.contains("-json.log"), "it is said where: {finished}");
                let last = run(&[way, &["-n", "5"]].concat());
                assert_eq!(
                    last.text().lines().collect::<Vec<_>>(),
                    left[left.len() - 5..],
                    "{name}: {last}"
                );
                last.expect_code(i32::from(lost.contains(&LINES)));
            }
            let documents = run(&["--format", "json", "--grep", "7$"]);
            documents.expect_code(1);
            assert_eq!(
                documents.text().lines().count(),
                left.iter().filter(|line| line.ends_with('7')).count(),
                "{name}"
            );
            // Through the engine, at least some of the following lines are lost.
            if lost == [LINES] {
                let last = run(&["--via", "api", "-n", "5"]);
                assert!(last.expect_code(1).stderr.contains("damaged"), "{name}: {last}");
            } else {
                let finished = run(&["--via", "api"]);
                finished.expect_code(1);
                assert!(finished.stderr.contains("damaged"), "{name}: {finished}");
            }
            stage.engine.ask(["rm", "--force", container.id()]);
        }
    }
}

/// If the files cannot be read, the engine's responses are compared with each other.
#[test]
fn fault_40_an_engine_that_leaves_lines_out_is_found_out() {
    const MANY: usize = 60_000;
    let stage = Stage::set();
    let host = from_afar(stage.engine.host());
    for (flags, rotated) in
        [(&[][..], false), (&["--log-opt", "max-size=1m", "--log-opt", "max-file=99"], true)]
    {
        let flags = [&["--log-driver", "json-file"], flags].concat();
        let container =
            stage.engine.run("web", &flags, &stage.image, &["numbers", &MANY.to_string()]);
        container.wait();
        let run = |options: &[&str]| {
            stage.run(&[&["-H", &host, "logs", container.name()], options].concat())
        };
        for options in
            [&[][..], &["-t"], &["--since", "1h"], &["--until", "-1h"], &["-n", "5"], &["--stderr"]]
        {
            let finished = run(options);
            assert!(finished.expect_code(0).stderr.is_empty(), "nothing is damaged: {finished}");
        }
        if !rotated {
            assert!(!run(&["-f"]).expect_code(0).stderr.contains("left out"), "nothing is damaged");
        }
        let mut path = log_file(&container);
        if rotated {
            path.set_extension("log.3");
        }
        let mut bytes = fs::read(&path).expect("the log file");
        let from = bytes.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        bytes[from..from + 40].fill(0);
        fs::write(&path, bytes).expect("written");
        for options in [&[][..], &["-t"], &["--since", "1h"], &["--until", "-1h"], &["--grep", "."]]
        {
            let finished = run(options);
            finished.expect_code(1);
            assert!(finished.stderr.contains("left out lines"), "{options:?}: {}", finished.stderr);
        }
        if !rotated {
            let finished = run(&["-f"]);
            finished.expect_code(1);
            assert!(finished.stderr.contains("left out lines"), "{}", finished.stderr);
        }
        let last: Vec<String> = (MANY - 4..=MANY).map(|number| number.to_string()).collect();
        run(&["-n", "5"]).expect(0, &format!("{}\n", last.join("\n")));
        let all = stage.run(&["logs", container.name()]);
        assert_eq!(all.expect_code(1).text().lines().count(), MANY - 1);
        stage.engine.ask(["rm", "--force", container.id()]);
    }
}

#[test]
fn fault_40_damage_that_comes_while_a_log_is_followed() {
    let stage = Stage::set();
    let container =
        stage.engine.run("web", &["--log-driver", "json-file"], &stage.image, &["tick"]);
    let following = stage.scratchdbg.start(["logs", "-f", container.name()]);
    let append = |bytes: &[u8]| {
        let mut file =
            fs::OpenOptions::new().append(true).open(log_file(&container)).expect("the log file");
        std::io::Write::write_all(&mut file, bytes).expect("written");
    };
    wait_for_lines(&following, 3);
    append(&[&[0; 4096][..], b"\n"].concat());
    wait_for_lines(&following, crate::logs_follow::lines(&following) + 5);
    append(b"{\"log\":\"half");
    wait_for_lines(&following, crate::logs_follow::lines(&following) + 5);
    container.kill();
    let finished = following.finish();
    let numbers: Vec<usize> = finished
        .expect_code(1)
        .text()
        .lines()
        .map(|line| line.trim_start_matches("tick ").parse().expect("a number"))
        .collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len()), "every line, once: {finished}");
    assert_eq!(finished.stderr.matches("is damaged").count(), 2, "{finished}");
}

#[test]
fn fault_40_a_log_file_that_is_emptied_while_it_is_followed() {
    let stage = Stage::set();
    let container =
        stage.engine.run("web", &["--log-driver", "json-file"], &stage.image, &["tick"]);
    let following = stage.scratchdbg.start(["logs", "-f", container.name()]);
    wait_for_lines(&following, 20);
    fs::write(log_file(&container), "").expect("emptied");
    wait_for_lines(&following, crate::logs_follow::lines(&following) + 5);
    container.kill();
    let finished = following.finish();
    finished.expect_code(1);
    assert_eq!(finished.stderr.matches("was truncated").count(), 1, "{finished}");
    let last = container.logs().lines().last().map(str::to_owned);
    assert_eq!(finished.text().lines().last(), last.as_deref(), "to the end");
}
