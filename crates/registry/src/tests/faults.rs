//! Tests of networks and registries that fail in the middle.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Client, Times};
use crate::error::Error;
use crate::fake::{Answer, Fake, FakeStorage, Seen};
use crate::samples::{image, image_of, layer, set};

/// Starts a correct registry that fails whenever `is_meant` and `fault` agree.
fn shaky(
    shelf: FakeStorage,
    is_meant: impl Fn(&Seen) -> bool + Send + Sync + 'static,
    fault: Times,
) -> Fake {
    Fake::start(move |seen| {
        if is_meant(seen) {
            fault.next().unwrap_or_else(|| shelf.answer(seen))
        } else {
            shelf.answer(seen)
        }
    })
}

async fn push(fake: &Fake) -> Result<crate::PushReport, Error> {
    Client::anonymous()
        .push(&[set(&[&format!("{}/app:1", fake.name())], vec![image("amd64", "a")])])
        .await
}

#[tokio::test]
async fn passing_troubles_pass() {
    for method in ["HEAD", "POST", "PUT", "GET"] {
        for fault in [
            Answer::status(429).header("Retry-After", "0"),
            Answer::status(503),
            Answer::status(500),
            Answer::Close,
            Answer::Silence,
        ] {
            let shelf = FakeStorage::default();
            let fake = shaky(
                shelf.clone(),
                move |seen| seen.method == method,
                Times::new(2, fault.clone()),
            );
            push(&fake).await.unwrap_or_else(|error| panic!("{method} {fault:?}: {error}"));
            assert_eq!(shelf.content().manifests.len(), 2, "the tag and its digest");
        }
    }
}

#[tokio::test]
async fn troubles_that_stay_are_said_after_some_attempts() {
    for (method, part) in
        [("HEAD", "/blobs/"), ("POST", "/uploads/"), ("PUT", "/uploads/"), ("PUT", "/manifests/")]
    {
        for (fault, text) in [
            (
                Answer::error(429, "TOOMANYREQUESTS", "slow \u{1b}[2J down"),
                "is not available (429)",
            ),
            (Answer::error(503, "UNAVAILABLE", "maintenance"), "is not available (503)"),
            (Answer::Close, "broke"),
            (Answer::Silence, "sent nothing"),
        ] {
            let fake = shaky(
                FakeStorage::default(),
                move |seen| seen.is(method, part),
                Times::new(usize::MAX, fault),
            );
            let begun = Instant::now();
            let error = push(&fake).await.unwrap_err().to_string();
            assert!(error.contains(text), "{method} {part}: {error}");
            assert!(begun.elapsed() < Duration::from_secs(15));
            // Two concurrent blobs, each tried three times.
            assert!(
                (3..=6).contains(&fake.count(method, part)),
                "{method} {part}: {}",
                fake.count(method, part)
            );
        }
    }
}

#[tokio::test]
async fn a_registry_says_how_long_to_wait() {
    let fault = Answer::status(429).header("Retry-After", "1");
    let fake =
        shaky(FakeStorage::default(), |seen| seen.is("PUT", "/manifests/"), Times::new(1, fault));
    let mut client = Client::anonymous();
    client.registry.policy.longest_wait = Duration::from_secs(5);
    let begun = Instant::now();
    client
        .push(&[set(&[&format!("{}/app:1", fake.name())], vec![image("amd64", "a")])])
        .await
        .unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

/// The wait exceeds the longest one: the request is given up at once, with the registry's message.
#[tokio::test]
async fn a_registry_that_asks_for_a_long_wait_is_given_up() {
    for (method, part) in
        [("GET", "/v2/"), ("HEAD", "/blobs/"), ("POST", "/uploads/"), ("PUT", "/manifests/")]
    {
        let fault = Answer::status(429).header("Retry-After", "100000");
        let fake = shaky(
            FakeStorage::default(),
            move |seen| seen.is(method, part),
            Times::new(usize::MAX, fault),
        );
        let error = push(&fake).await.unwrap_err().to_string();
        assert!(
            error.contains("(429)") && error.contains("asks to wait for 100000 s"),
            "{method} {part}: {error}"
        );
        // Two concurrent blobs.
        assert!(fake.count(method, part) <= 2, "{method} {part}: {}", fake.count(method, part));
    }
}

#[tokio::test]
async fn waits_of_some_seconds_are_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let reporter = crate::retry::WaitReporter::new(move |name, wait| {
        heard.lock().unwrap().push((name.to_owned(), wait));
    });
    for seconds in [0, 1, 2, 30] {
        reporter.report("registry.example", Duration::from_secs(seconds));
    }
    let expected =
        [2, 30].map(|seconds| ("registry.example".to_owned(), Duration::from_secs(seconds)));
    assert_eq!(*told.lock().unwrap(), expected);
    crate::retry::WaitReporter::default().report("registry.example", Duration::from_secs(30));
}

#[tokio::test]
async fn what_is_refused_is_refused_once() {
    for (answer, check) in [
        (Answer::error(403, "DENIED", "not yours"), "denies blob"),
        (Answer::error(413, "", ""), "does not accept anything as large"),
        (Answer::error(400, "NAME_INVALID", "bad name"), "answered 400"),
        (Answer::error(403, "DENIED", "Quota exceeded"), "has no room"),
        (Answer::error(404, "NAME_UNKNOWN", "no such project"), "no repository app"),
    ] {
        let fake = shaky(
            FakeStorage::default(),
            |seen| seen.method == "POST",
            Times::new(usize::MAX, answer),
        );
        let error = push(&fake).await.unwrap_err();
        assert!(error.to_string().contains(check), "{error}");
        assert!(error.hint().is_some());
        assert!(fake.count("POST", "") <= 2, "{}", fake.count("POST", ""));
    }
}

#[tokio::test]
async fn a_refusal_before_the_end_of_a_large_blob_is_heard() {
    let shelf = FakeStorage::default();
    let early =
        |seen: &Seen| seen.is("PUT", "/uploads/").then(|| Answer::error(413, "", "too large"));
    let fake = Fake::hasty(early, move |seen| shelf.answer(seen));
    let large = image_of("amd64", vec![layer(&"x".repeat(8 << 20))]);
    let name = format!("{}/app:1", fake.name());
    let error = Client::anonymous().push(&[set(&[&name], vec![large])]).await.unwrap_err();
    assert!(matches!(&error, Error::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_within_a_blob() {
    let shelf = FakeStorage::default();
    let good = shelf.clone();
    let fault = Times::new(2, Answer::Close);
    let early = move |seen: &Seen| if seen.is("PUT", "/uploads/") { fault.next() } else { None };
    let fake = Fake::hasty(early, move |seen| good.answer(seen));
    let large = image_of("amd64", vec![layer(&"x".repeat(8 << 20))]);
    let digest = large.layers()[0].digest().to_string();
    let name = format!("{}/app:1", fake.name());
    Client::anonymous().push(&[set(&[&name], vec![large])]).await.unwrap();
    assert!(shelf.content().blobs.contains_key(&("app".to_owned(), digest)));
}

#[tokio::test]
async fn an_upload_that_expired_begins_anew() {
    let gone = Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "upload session expired");
    let fake = shaky(
        FakeStorage::default(),
        |seen| seen.is("PUT", "/uploads/"),
        Times::new(1, gone.clone()),
    );
    push(&fake).await.unwrap();
    assert_eq!(fake.count("POST", "/uploads/"), 3, "two blobs, one of them twice");
    let fake = shaky(
        FakeStorage::default(),
        |seen| seen.is("PUT", "/uploads/"),
        Times::new(usize::MAX, gone),
    );
    assert!(push(&fake).await.is_err());
    assert!(fake.count("POST", "/uploads/") <= 6);
}

#[tokio::test]
async fn nobody_is_there() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let begun = Instant::now();
    let error = Client::anonymous()
        .pull(&format!("127.0.0.1:{port}/app").parse().unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable { reason, .. } if reason.contains("refused")),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn somebody_is_there_who_never_speaks() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("{}/app", listener.local_addr().unwrap());
    let begun = Instant::now();
    let error = Client::anonymous().pull(&name.parse().unwrap()).await.unwrap_err();
    assert!(matches!(&error, Error::Silent { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(15));
}
