//! Dockerfiles that grow, nest or repeat without end. Each is read, or refused with one clear line.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{Arguments, DockerfileError, MOST_FINDINGS, inspect, read};
use crate::BuildSpec;

/// Reads a Dockerfile in a context with one file, `app`.
fn spec(text: &str) -> Result<BuildSpec, DockerfileError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app"), "app").unwrap();
    read(text, folder.path(), &Arguments::default()).map(|recipe| recipe.spec)
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        writeln!(text, "{}", line(number)).unwrap();
        text
    })
}

#[test]
fn what_grows_without_end_is_refused() {
    let nested = |depth: usize| format!("{}x{}", "${B:-".repeat(depth), "}".repeat(depth));
    let double = |instruction: &str| {
        format!(
            "FROM scratch\n{instruction} A0=x\n{}",
            lines(40, |n| format!("{instruction} A{}=${{A{n}}}${{A{n}}}", n + 1))
        )
    };
    for (text, part) in [
        (double("ENV"), "longer than 1 MiB"),
        (double("ARG"), "longer than 1 MiB"),
        (double("LABEL"), ""),
        (format!("FROM scratch\nENV A={}\n", nested(20_000)), "variables within variables"),
        (
            format!(
                "FROM scratch AS s0\n{}",
                lines(20_000, |n| format!("FROM s{n} AS s{}", n + 1))
            ),
            "at most 1000",
        ),
        (format!("ARG B=scratch\n{}", lines(20_000, |_| "FROM $B".to_owned())), "at most 1000"),
        ("FROM scratch\nCOPY <<EOF /x\nabc\n".to_owned(), ""),
        (format!("FROM scratch\n{}", "ONBUILD ".repeat(50_000)), ""),
        (format!("FROM scratch\nCMD {}\n", "[".repeat(500_000)), ""),
        ("x".repeat(2 << 20), "larger than 1 MiB"),
        // The parser skips a mark that occurs twice; positions are looked up nevertheless.
        ("\u{feff}\u{feff}FROM scratch\nENV \u{e4}\u{f6}\u{20ac}=\"x\n".to_owned(), ""),
        ("\u{feff}\u{20ac}".to_owned(), ""),
    ] {
        let shown: String = text.chars().take(60).collect();
        match spec(&text) {
            Ok(_) => assert_eq!(part, "", "{shown}"),
            Err(error) => {
                assert!(error.reason.contains(part), "{shown}: {error}");
            }
        }
    }
}

#[test]
fn patterns_and_sums_that_take_too_much_are_refused() {
    let value = "a".repeat(900_000);
    let long = format!("*{}b", "a".repeat(9000));
    let many = format!("{}b", "*a".repeat(400));
    let stars = "*".repeat(1000);
    let sums =
        |count: usize| format!("ENV B={value}\n{}", lines(count, |n| format!("ENV A{n}=$B")));
    for (text, part) in [
        (format!("ENV B={value}\nENV A=${{B//{long}/c}}\n"), "longer than 1 KiB"),
        (format!("ENV B={value}\nENV A=${{B##{long}}}\n"), "longer than 1 KiB"),
        (format!("ENV B={value}\nENV A=${{B//{many}/c}}\n"), "takes too long"),
        (format!("ENV B={value}\nENV A=${{B%%{many}}}\n"), "takes too long"),
        (
            format!("ENV P={many}\n{}", lines(10_000, |_| "ENV A=${B#$P}".to_owned())),
            "takes too long",
        ),
        (format!("ENV B={value}\nENV A=${{B//a/$B}}\n"), "longer than 1 MiB"),
        (sums(100), "64 MiB in all"),
        (format!("{}{}", sums(10), lines(100, |_| "FROM s AS s".to_owned())), "64 MiB in all"),
        // Near misses.
        (sums(10), ""),
        (format!("ENV B=aab\nENV A=${{B//{}b/c}}\n", "*a".repeat(400)), ""),
        (format!("ENV B={value}\nENV A=x${{B##{stars}}}\n"), ""),
        (format!("ENV B={value}\nENV A=${{B//aa/c}}\n"), ""),
    ] {
        let shown: String = text.chars().rev().take(60).collect();
        match spec(&format!("FROM scratch AS s\n{text}")) {
            Ok(_) => assert_eq!(part, "", "{shown}"),
            Err(error) => {
                assert!(
                    !part.is_empty() && error.reason.contains(part),
                    "{shown}: {}",
                    error.reason
                );
                assert!(!error.reason.contains('\n'), "{}", error.reason);
            }
        }
    }
}

#[test]
fn very_many_wrong_lines_are_not_all_told() {
    let looked = |text: &str| inspect(text, Path::new("/"), &Arguments::default()).unwrap().0;
    for line in
        ["CPOY a /a", "COPY none /a", "EXPOSE x", "ENV A=1\nBOGUS", "CMD ['a']", "FROM a b c"]
    {
        let recipe = looked(&format!("FROM scratch\n{}", format!("{line}\n").repeat(5000)));
        assert_eq!(recipe.findings.len(), MOST_FINDINGS, "{line}");
        assert!(recipe.left_out > 0, "{line}");
    }
    assert_eq!(looked("FROM scratch\nEXPOSE x\n").left_out, 0);
}

#[test]
fn very_many_variables_take_a_time_that_grows_with_their_number() {
    let names = (0..80_000).fold(String::new(), |text, number| text + &format!(" A{number}=1"));
    let spec = spec(&format!("FROM scratch\nENV{names}{}\n", " A79999=2".repeat(20_000))).unwrap();
    assert_eq!((spec.env.len(), spec.env[80_000].as_str()), (80_001, "A79999=2"));
}

#[test]
fn deep_folders_and_many_ways_to_them_are_refused() {
    let down = |count: usize| lines(count, |_| "WORKDIR a".to_owned());
    for (text, part) in [
        (down(2000), ""),
        (down(2100), "no path of 4096 bytes"),
        (format!("WORKDIR {}\n", "a/".repeat(2000)), ""),
        (format!("WORKDIR {}\n", "a/".repeat(100_000)), "no path of 4096 bytes"),
        (format!("WORKDIR {}\n", "x".repeat(256)), "at most 255"),
        (format!("COPY app /{}\n", "x".repeat(256)), "at most 255"),
        (format!("COPY app /{}\n", "x/".repeat(2048)), "no path of 4096 bytes"),
        (
            lines(200, |n| format!("WORKDIR /{n}/{}", "a/".repeat(2000))),
            "following paths takes too long",
        ),
        (
            lines(200, |n| format!("COPY app /{n}/{}", "a/".repeat(2000))),
            "following paths takes too long",
        ),
        (format!("{}{}", down(2000), lines(900, |_| "FROM s AS s".to_owned())), "128 MiB in all"),
        (format!("{}{}", down(2000), lines(500, |_| "WORKDIR .".to_owned())), ""),
        // Near misses.
        (lines(20_000, |n| format!("WORKDIR /srv/app/{n}")), ""),
        (format!("WORKDIR {}\n", "x".repeat(255)), ""),
    ] {
        let shown: String = text.chars().rev().take(60).collect();
        match spec(&format!("FROM scratch AS s\n{text}")) {
            Ok(_) => assert_eq!(part, "", "{shown}"),
            Err(error) => assert!(
                !part.is_empty() && error.reason.contains(part),
                "{shown}: {}",
                error.reason
            ),
        }
    }
}

#[test]
fn a_byte_order_mark_moves_no_line() {
    let text = "FROM scratch\n# \u{20ac}\nCOPY none /\u{e4}\n";
    let plain = spec(text).unwrap_err();
    let marked = spec(&format!("\u{feff}{text}")).unwrap_err();
    assert_eq!((marked.line, &marked.instruction), (plain.line, &plain.instruction));
    assert_eq!(plain.line, 3);
    let windows = spec(&text.replace('\n', "\r\n")).unwrap_err();
    assert_eq!(windows.line, 3);
}
