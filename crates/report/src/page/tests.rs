use jiff::Timestamp;
use jiff::tz::TimeZone;
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::container::{ContainerFacts, Event, State};
use scratchdbg_diagnose::pod::PodFacts;
use scratchdbg_diagnose::{Code, Confidence, Finding, Location, Severity};
use scratchdbg_logs::{Ending, Line, Stream};
use unicode_width::UnicodeWidthStr as _;

use crate::{History, Incident, LogCollector, Subject};

const HOSTILE: &str = "</title></style></script><script>alert(1)</script>\"'><img src=x onerror=alert(1)> &lt; \u{202e}\u{0}\x1b[2J\x1b]8;;http://x\x07";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn line(second: i64, text: &str) -> Line<'static> {
    Line {
        stream: Stream::Stderr,
        timestamp: scratchdbg_logs::Timestamp::new(at(second).to_string().as_bytes()),
        text: text.as_bytes().to_vec().into(),
        ending: Ending::Lf,
        cut: 0,
        found: None,
        run: None,
    }
}

fn finding(text: &str) -> Finding {
    Finding {
        code: Code::AppExit,
        severity: Severity::Error,
        confidence: Confidence::Guess,
        message: text.to_owned(),
        evidence: vec![text.to_owned(); 20],
        fix: Some(text.to_owned()),
        location: Some(Location { path: text.to_owned(), line: 1 }),
    }
}

/// A report of `runs` runs that each log `lines` lines of this text.
fn incident(runs: i64, lines: i64, text: &str) -> Incident {
    let second = 1_000_000_000;
    let events = (0..runs).flat_map(|run| {
        let event = |time, action: &str| Event {
            time: time * second,
            action: action.to_owned(),
            exit_code: Some(run % 3),
            ..Event::default()
        };
        [
            event(run * 100, "start"),
            event(run * 100 + 5, &format!("health_status: {text}{run}")),
            event(run * 100 + 90, "die"),
        ]
    });
    let facts = ContainerFacts {
        name: text.to_owned(),
        events: Some(events.collect()),
        gaps: vec![text.to_owned(); 100],
        ..ContainerFacts::default()
    };
    let config = ConfigFacts {
        command: vec![text.to_owned(), "--password".to_owned(), "hunter2".to_owned()],
        env: (0..1_000).map(|index| format!("{text}{index}=hunter2")).collect(),
        ..ConfigFacts::default()
    };
    let history = History::new(&facts, &[]);
    let mut log = LogCollector::new(&history);
    for second in (runs - 40).max(0) * lines..runs * lines {
        log.add(&line(second * 100 / lines.max(1), text));
        log.note(text);
    }
    let subject = Subject { facts: &facts, config: &config, id: text, image: text, image_id: text };
    Incident {
        findings: vec![finding(text); 100],
        versions: vec![("engine", text.to_owned())],
        log: Some(log.finish()),
        ..Incident::new(subject, history, at(runs * 100), TimeZone::UTC)
    }
}

/// Returns the elements that a page has, checking that all are closed.
fn elements(page: &str) -> Vec<String> {
    const VOID: &[&str] = &["!doctype", "meta"];
    let (mut open, mut all) = (Vec::<String>::new(), Vec::new());
    let without_style = page.split_once("<style>").unwrap();
    let rest = without_style.1.split_once("</style>").unwrap().1;
    for piece in [without_style.0, rest].concat().split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag ends");
        let name = tag.trim_end_matches('/').split(' ').next().unwrap().to_owned();
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
        } else if !VOID.contains(&&*name) && !tag.ends_with('/') {
            open.push(name.clone());
        }
        all.push(name);
    }
    assert_eq!(open, Vec::<String>::new());
    all
}

#[test]
fn nothing_hostile_becomes_markup() {
    let page = incident(3, 20, HOSTILE).to_html();
    let mut found = elements(&page);
    found.retain(|name| !name.starts_with('/'));
    found.sort();
    found.dedup();
    let known = [
        "!doctype", "a", "abbr", "article", "body", "caption", "code", "dd", "desc", "details",
        "div", "dl", "dt", "footer", "h1", "h2", "h3", "head", "header", "html", "li", "main",
        "meta", "nav", "ol", "p", "path", "rect", "section", "span", "strong", "summary", "svg",
        "table", "tbody", "td", "text", "th", "thead", "time", "title", "tr", "ul",
    ];
    assert!(found.iter().all(|name| known.contains(&&**name)), "{found:?}");
    for bad in ["<script", "<img", "\u{202e}", "\0", "\x1b", "\x07", "hunter2", "javascript:"] {
        assert!(!page.contains(bad), "{bad:?}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
}

#[test]
fn a_page_is_bounded() {
    for text in [HOSTILE.repeat(50), "&".repeat(9_000), "\u{1}".repeat(9_000), "𝕏".repeat(9_000)]
    {
        let page = incident(1_200, 13, &text).to_html();
        elements(&page);
        assert!(page.len() < 2_000_000, "{} bytes of {}", page.len(), &text[..4]);
    }
}

#[test]
fn a_page_of_nothing_says_so() {
    let facts = ContainerFacts { name: "web".to_owned(), ..ContainerFacts::default() };
    let config = ConfigFacts::default();
    let subject = Subject { facts: &facts, config: &config, id: "", image: "", image_id: "" };
    let nothing = Incident::new(subject, History::new(&facts, &[]), at(9), TimeZone::UTC);
    let page = nothing.to_html();
    elements(&page);
    assert!(page.contains("No run is on record") && page.contains("The log could not be read."));
    assert_eq!(nothing.to_text(80)[1], "no run is on record, and the log has no line");
}

#[test]
fn a_page_is_readable_without_seeing_it() {
    let page = incident(2, 5, "<b>").to_html();
    for part in [
        "<html lang=\"en\">",
        "<main>",
        "<nav aria-label=",
        "<header>",
        "<footer>",
        "role=\"img\" aria-labelledby=\"chart-title chart-text\"",
        "<caption>",
        "scope=\"col\"",
        "scope=\"row\"",
        "prefers-color-scheme: dark",
        "@media print",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<table>").count(), page.matches("<caption>").count());
    assert_eq!(page.matches("<h1>").count(), 1);
    assert_eq!(page.matches(" id=\"").count(), {
        let ids = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next());
        ids.collect::<std::collections::BTreeSet<_>>().len()
    });
}

#[test]
fn commands_name_the_pod() {
    let pod = PodFacts {
        name: "web-0".to_owned(),
        namespace: "shop".to_owned(),
        container: "app".to_owned(),
        ..PodFacts::default()
    };
    let facts =
        ContainerFacts { pod: Some(pod), state: State::default(), ..ContainerFacts::default() };
    let config = ConfigFacts::default();
    let subject = Subject { facts: &facts, config: &config, id: "", image: "", image_id: "" };
    let incident = Incident::new(subject, History::default(), at(9), TimeZone::UTC);
    assert_eq!(incident.commands[0], "scratchdbg why pod/web-0/app --namespace shop");
}

#[test]
fn the_text_fits_and_shows_runs_ends_and_levels() {
    let incident = Incident { name: "web".to_owned(), ..incident(3, 10, "ERROR it failed") };
    for columns in [20, 40, 80, 200] {
        let rows = incident.to_text(columns);
        let widest = rows.iter().map(|row| row.width()).max();
        assert!(widest <= Some(columns.max(40)), "{columns}: {rows:#?}");
    }
    let rows = incident.to_text(60);
    assert_eq!(rows[0], "web: created (2)");
    let row = |label: &str| rows.iter().find(|row| row.starts_with(label)).unwrap();
    assert!(row("runs").contains('█') && row("runs").contains('·'), "{rows:#?}");
    assert_eq!(row("ends").matches('x').count(), 2);
    assert_eq!(row("ends").matches('o').count(), 1);
    assert!(row("error").ends_with(" 30"), "{rows:#?}");
    let hostile = self::incident(2, 3, HOSTILE).to_text(80).join("\n");
    assert!(!hostile.contains(['\x1b', '\u{202e}', '\0', '\x07']));
}

proptest::proptest! {
    #[test]
    fn no_text_becomes_markup(text in ".{0,60}") {
        elements(&incident(1, 2, &text).to_html());
    }
}
