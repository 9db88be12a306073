//! Rules over the files of containers, fetched as rules ask for them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use scratchdbg_backend::{
    ContainerName, ContainerRecord, ErrorKind, FactsBackend as _, HostFacts, ListFilter, Phase,
};
use scratchdbg_diagnose::container::Event;
use scratchdbg_diagnose::mounts::{Mount, MountKind};
use scratchdbg_diagnose::rootfs::{Entry, Resolution};
use scratchdbg_diagnose::{Code, Confidence, program};
use scratchdbg_testkit::fake::Request;

use super::{Places, codes, denied};
use crate::evaluate::{Evaluation, evaluate};
use crate::shells::shells;
use crate::{Error, ImageLocation, why};

fn script(text: &str) -> Entry {
    Entry::program(
        0o755,
        text.len() as u64,
        program::inspect_head(text.as_bytes(), text.len() as u64),
    )
}

/// A container `web` whose program is `/app`.
fn web() -> Places {
    let places = Places::default();
    places.platform.run("web", &[]);
    places.platform.describe("web", |record| {
        record.config.entrypoint = vec!["/app".to_owned()];
        record.config.user = "1000".to_owned();
    });
    places
}

async fn record(places: &Places) -> ContainerRecord {
    places.platform.container_record(&"web".parse::<ContainerName>().unwrap()).await.unwrap()
}

#[tokio::test]
async fn rules_get_the_files_that_they_ask_for_and_no_others() {
    let places = web();
    places.platform.put("web", "/app", script("#!/opt/sh\n"));
    places.platform.put("web", "/bin/other", Entry::file(0o755, 1));
    let findings = places.findings("web").await;
    assert!(codes(&findings).contains(&"interpreter-missing"), "{findings:?}");
    let wanted = places.platform.looked_up();
    let distinct: BTreeSet<_> = wanted.iter().collect();
    assert_eq!(distinct.len(), wanted.len(), "nothing is asked for twice: {wanted:?}");
    assert!(wanted.iter().any(|want| want.path == "/app"), "{wanted:?}");
    assert!(!wanted.iter().any(|want| want.path == "/bin/other"), "{wanted:?}");
}

#[tokio::test]
async fn links_are_followed_over_several_rounds() {
    let places = web();
    places.platform.put("web", "/app", Entry::symlink("/srv/current/app"));
    places.platform.put("web", "/srv/current", Entry::symlink("v2"));
    places.platform.put("web", "/srv/v2/app", script("#!/opt/sh\n"));
    let findings = places.findings("web").await;
    assert!(codes(&findings).contains(&"interpreter-missing"), "{findings:?}");
}

#[tokio::test]
async fn rules_that_ask_again_and_again_end() {
    let places = web();
    let record = record(&places).await;
    let mut rounds = 0;
    let Evaluation { value, failure } = evaluate(&places.platform, &record, |rootfs, _| {
        rounds += 1;
        let _unknown = rootfs.resolve(&format!("/{rounds}"));
        ControlFlow::Continue(rounds)
    })
    .await;
    assert_eq!(
        failure.map(|error| error.kind),
        Some(ErrorKind::Broken),
        "there is not even a root directory"
    );
    assert_eq!(value, 1);

    places.platform.put("web", "/there", Entry::file(0o644, 1));
    let mut rounds = 0;
    let ended = evaluate(&places.platform, &record, |rootfs, _| {
        rounds += 1;
        assert!(matches!(rootfs.resolve(&format!("/{rounds}")), Resolution::Unknown));
        ControlFlow::Continue(rounds)
    });
    let Evaluation { value, failure } = ended.await;
    assert!(failure.is_none() && value > 1000, "{value}: {failure:?}");
}

#[tokio::test]
async fn rules_that_ask_the_same_again_are_not_run_again() {
    let places = web();
    places.platform.put("web", "/there", Entry::file(0o644, 1));
    let record = record(&places).await;
    let mut rounds = 0;
    let look = evaluate(&places.platform, &record, |rootfs, _| {
        rounds += 1;
        let _unknown = rootfs.resolve("/there/is/none");
        ControlFlow::Continue(())
    });
    assert!(look.await.failure.is_none());
    assert_eq!((rounds, places.platform.looked_up().len()), (2, 1));
}

#[tokio::test]
async fn rules_that_know_enough_break_off() {
    let places = web();
    let record = record(&places).await;
    let look = evaluate(&places.platform, &record, |rootfs, _| {
        let _unknown = rootfs.resolve("/app");
        ControlFlow::Break(())
    });
    assert!(look.await.failure.is_none());
    assert!(places.platform.looked_up().is_empty());
}

/// It is there when it is looked up, and gone when it is read.
#[tokio::test]
async fn a_file_that_vanishes_meanwhile_is_missing() {
    let places = web();
    places.platform.put_for("web", "/app", script("#!/bin/sh\n"), 1);
    places.platform.put("web", "/bin/other", Entry::file(0o755, 1));
    let findings = places.findings("web").await;
    assert!(codes(&findings).contains(&"entrypoint-missing"), "{findings:?}");
}

#[tokio::test]
async fn a_platform_that_refuses_is_told_with_its_hints() {
    let places = web();
    places.platform.put("web", "/app", script("#!/bin/sh\n"));
    places.platform.refuse(Request::Files, denied());
    let error = places.check(ImageLocation::Platform("web".to_owned())).await.unwrap_err();
    assert!(matches!(error, Error::FilesNotShown(_)), "{error:?}");
    assert_eq!((error.to_string().as_str(), error.hints().len()), ("a plugin says no", 2));

    // `why` says what it knows without them.
    let diagnosis = why(&"web".parse().unwrap(), &places.platform).await.unwrap();
    assert_eq!(diagnosis.failure, Some(denied()));
    assert_eq!(codes(&diagnosis.findings).first(), Some(&"running"));

    places.platform.refuse(Request::Any, denied());
    assert_eq!(why(&"web".parse().unwrap(), &places.platform).await.unwrap_err(), denied());
    let error = places.check(ImageLocation::Platform("web".to_owned())).await.unwrap_err();
    assert!(matches!(&error, Error::Backend(error) if *error == denied()), "{error:?}");
}

/// Where a platform finds nothing at all, nothing is missing.
#[tokio::test]
async fn a_container_of_which_nothing_is_shown_is_not_judged() {
    let places = web();
    let error = places.check(ImageLocation::Platform("web".to_owned())).await.unwrap_err();
    assert!(error.to_string().contains("not even the directory /"), "{error}");
    let diagnosis = why(&"web".parse().unwrap(), &places.platform).await.unwrap();
    assert!(
        diagnosis.failure.is_some() && !codes(&diagnosis.findings).contains(&"entrypoint-missing")
    );
}

#[tokio::test]
async fn nothing_is_looked_at_where_that_would_change_something() {
    let places = web();
    places.platform.put("web", "/bin/other", Entry::file(0o755, 1));
    places.platform.forbid_looking();
    let findings = places.findings("web").await;
    assert!(!codes(&findings).contains(&"entrypoint-missing"), "it is not known: {findings:?}");
}

#[tokio::test]
async fn what_a_mount_hides_is_asked_for() {
    for (beneath, hidden) in [(&["/srv/app"][..], true), (&["/srv/x"], false)] {
        let places = web();
        places.platform.describe("web", |record| {
            record.config.entrypoint = vec!["/srv/app".to_owned()];
            record.facts.mounts = vec![Mount::new(MountKind::Bind, "/data", "/srv")];
        });
        places.platform.put("web", "/srv/other", Entry::file(0o644, 1));
        let confidence = async || {
            let findings = places.findings("web").await;
            findings
                .iter()
                .find(|finding| finding.code == Code::HiddenByMount)
                .map(|finding| finding.confidence)
        };
        assert_eq!(confidence().await, Some(Confidence::Guess), "the platform does not tell");
        places.platform.put_below_mounts("web", beneath);
        assert_eq!(confidence().await, hidden.then_some(Confidence::Certain), "{beneath:?}");
    }
}

#[tokio::test]
async fn a_name_of_nothing() {
    let places = web();
    for name in ["none", "a/b:1", "..", "a b"] {
        let error = places.check(ImageLocation::Platform(name.to_owned())).await.unwrap_err();
        assert!(matches!(error, Error::NothingNamed { .. }), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_container_that_is_gone_is_answered_from_memory() {
    let places = web();
    let name: ContainerName = "gone".parse().unwrap();
    let error = why(&name, &places.platform).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NotFound { .. }), "{error:?}");
    let event = |action: &str, exit_code| Event {
        action: action.to_owned(),
        exit_code,
        ..Event::default()
    };
    places.platform.remember("gone", vec![event("die", Some(3)), event("destroy", None)]);
    let diagnosis = why(&name, &places.platform).await.unwrap();
    assert_eq!(
        (diagnosis.container.name.as_str(), diagnosis.container.id, diagnosis.container.phase),
        ("gone", None, None)
    );
    assert!(!diagnosis.findings.is_empty());
    // Its name is another one now.
    let renamed = Event { container: "web".to_owned(), ..event("die", Some(3)) };
    places.platform.remember("gone", vec![renamed]);
    let error = why(&name, &places.platform).await.unwrap_err();
    assert!(error.message.contains("it is called `web` now"), "{error:?}");
}

#[tokio::test]
async fn one_container_of_each_image_shows_whether_there_is_a_shell() {
    let places = Places::default();
    for (name, image, phase) in [
        ("ended", "with", Phase::Exited),
        ("runs", "with", Phase::Running),
        ("bare", "without", Phase::Exited),
        ("empty", "unseen", Phase::Exited),
    ] {
        places.platform.run(name, &[]);
        places.platform.describe(name, |record| {
            image.clone_into(&mut record.image_id);
            record.facts.state.phase = phase;
        });
    }
    places.platform.put("runs", "/bin/sh", script("#!/bin/other\n"));
    places.platform.put("bare", "/app", script("#!/bin/sh\n"));
    let all = ListFilter { all: true, ..ListFilter::default() };
    let records = places.platform.list_records(&all, &HostFacts::default()).await.unwrap();
    let found = shells(&places.platform, &records).await;
    assert_eq!(
        (found["with"], found["without"], found["unseen"]),
        (Some(true), Some(false), None),
        "{found:?}"
    );
}
