//! Verdicts for made-up containers.

mod apart;
mod facts;
mod last_runs;
mod refused;
mod running;
mod started;

use std::io::Cursor;

use super::*;
use crate::config::ConfigFacts;
use crate::container::{Health, Limits, Options, Probe, Processes, Restarts, State, Usage};
use crate::elf::sample::Sample;
use crate::finding::Confidence;
use crate::mounts::{Mount, MountKind, Mounts};
use crate::program::inspect;
use crate::rootfs::{Entry, Rootfs};
use crate::rules::image::ImageFacts;

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_800_000_000 * SECOND;

fn ended(exit_code: i64) -> ContainerFacts<'static> {
    ContainerFacts {
        name: "web".to_owned(),
        state: State {
            phase: Phase::Exited,
            exit_code,
            started_at: Some(START),
            finished_at: Some(START + 60 * SECOND),
            ..State::default()
        },
        log: Some(Vec::new()),
        ..ContainerFacts::default()
    }
}

/// A run that was over as soon as it began.
fn at_once(exit_code: i64) -> ContainerFacts<'static> {
    let mut facts = ended(exit_code);
    facts.state.finished_at = Some(START + SECOND / 50);
    facts
}

fn event(action: &str, detail: i64) -> Event {
    let mut event = Event { time: START + SECOND, action: action.to_owned(), ..Event::default() };
    match action {
        "kill" => event.signal = Some(detail.to_string()),
        "die" => event.exit_code = Some(detail),
        _ => {}
    }
    event
}

fn events(list: &[(&str, i64)]) -> Vec<Event> {
    list.iter().map(|(action, detail)| event(action, *detail)).collect()
}

fn log(text: &str) -> Vec<String> {
    text.lines().map(ToOwned::to_owned).collect()
}

fn verdict(facts: &ContainerFacts<'_>) -> (&'static str, bool) {
    let verdict = why(facts);
    assert_eq!(verdict.code, verdict.findings[0].code);
    for finding in &verdict.findings {
        assert!(!finding.evidence.is_empty(), "{finding:?}");
        assert!(!finding.message.is_empty(), "{finding:?}");
    }
    (verdict.code.as_str(), verdict.findings[0].confidence == Confidence::Guess)
}

/// Returns an image with this program.
fn image_of(file: &[u8], mode: u32) -> (ConfigFacts, Rootfs) {
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/app", Entry::program(mode, 1, inspect(Cursor::new(file)).unwrap()));
    let config = ConfigFacts {
        entrypoint: vec!["/app".to_owned()],
        user: "1:1".to_owned(),
        platform: Some("linux/amd64".parse().unwrap()),
        ..ConfigFacts::default()
    };
    (config, rootfs)
}
