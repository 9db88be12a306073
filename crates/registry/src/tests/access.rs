//! Tests of authentication, and of which host receives credentials.

use super::{BASIC, Client, SECRET, bearer_challenge};
use crate::error::Error;
use crate::fake::{Answer, Fake, FakeStorage, Seen};
use crate::samples::{image, set};

fn token(seen: &Seen, expected: &str) -> bool {
    seen.authorization() == Some(&format!("Bearer {expected}"))
}

/// Starts a registry that is its own token server and requires the token `open`.
fn with_tokens(shelf: FakeStorage, wants_credentials: bool) -> Fake {
    Fake::start(move |seen| {
        if seen.path.starts_with("/token") {
            let is_user = seen.authorization() == Some(&format!("Basic {BASIC}"));
            return match (wants_credentials, is_user) {
                (true, false) => Answer::error(401, "UNAUTHORIZED", "no"),
                _ => Answer::status(200).body(r#"{"access_token": "open", "expires_in": 300}"#),
            };
        }
        if token(seen, "open") {
            shelf.answer(seen)
        } else {
            bearer_challenge(&format!("http://{}/token", seen.headers["host"]))
        }
    })
}

#[tokio::test]
async fn a_token_is_fetched_once_and_shown() {
    let shelf = FakeStorage::default();
    let fake = with_tokens(shelf.clone(), true);
    let client = Client::with_credentials_for(&[&fake.name()]);
    let name = format!("{}/shop/app:1", fake.name());
    let report = client.push(&[set(&[&name], vec![image("amd64", "a")])]).await.unwrap();
    assert_eq!((report.sent, report.pushed.len()), (2, 1));
    let tokens: Vec<_> =
        fake.seen().into_iter().filter(|seen| seen.path.starts_with("/token")).collect();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    assert_eq!(tokens[0].path, "/token?service=test&scope=repository%3Ashop%2Fapp%3Apull%2Cpush");
    // The password was sent to the token server only.
    let told = fake
        .seen()
        .into_iter()
        .filter(|seen| seen.authorization().is_some_and(|text| text.contains(BASIC)));
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn whoever_has_no_credentials_is_a_guest() {
    let fake = with_tokens(FakeStorage::default(), false);
    let name = format!("{}/app:1", fake.name());
    Client::anonymous().push(&[set(&[&name], vec![image("amd64", "a")])]).await.unwrap();
    let fake = with_tokens(FakeStorage::default(), true);
    let name = format!("{}/app:1", fake.name());
    let error =
        Client::anonymous().push(&[set(&[&name], vec![image("amd64", "a")])]).await.unwrap_err();
    assert!(matches!(&error, Error::Unauthorized { had_credentials: false, .. }), "{error}");
    assert_eq!(error.hint().unwrap(), format!("log in: `docker login {}`", fake.name()));
}

#[tokio::test]
async fn a_registry_that_is_never_content_is_given_up() {
    for realm in [true, false] {
        let fake = Fake::start(move |seen| match seen.path.starts_with("/token") {
            true => Answer::status(200).body(r#"{"token": "open"}"#),
            false if realm => bearer_challenge(&format!("http://{}/token", seen.headers["host"])),
            false => Answer::status(401).header("WWW-Authenticate", "Basic realm=\"x\""),
        });
        let client = Client::with_credentials_for(&[&fake.name()]);
        let error =
            client.pull(&format!("{}/app:1", fake.name()).parse().unwrap()).await.unwrap_err();
        assert!(matches!(&error, Error::Unauthorized { had_credentials: true, .. }), "{error}");
        assert!(fake.seen().len() <= 5, "{:?}", fake.seen());
        let shown = format!("{error} {error:?} {:?} {:?}", error.hint(), client.registry);
        assert!(!shown.contains(SECRET) && !shown.contains(BASIC), "{shown}");
    }
}

#[tokio::test]
async fn a_challenge_that_nobody_knows() {
    let fake = Fake::start(|seen| match seen.path.as_str() {
        "/v2/" => Answer::status(200),
        _ => Answer::status(401).header("WWW-Authenticate", "Negotiate"),
    });
    let error = Client::anonymous()
        .pull(&format!("{}/app", fake.name()).parse().unwrap())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("does not know"), "{error}");
}

#[tokio::test]
async fn a_token_server_elsewhere_is_told_no_password() {
    let elsewhere = Fake::elsewhere(|_| Answer::status(200).body(r#"{"token": "open"}"#));
    let realm = elsewhere.url("/token");
    let shelf = FakeStorage::default();
    let fake = Fake::start(move |seen| {
        if token(seen, "open") { shelf.answer(seen) } else { bearer_challenge(&realm) }
    });
    let name = format!("{}/app:1", fake.name());
    let push =
        async |client: &Client| client.push(&[set(&[&name], vec![image("amd64", "a")])]).await;
    let error = push(&Client::with_credentials_for(&[&fake.name()])).await.unwrap_err();
    assert!(matches!(&error, Error::ForeignRealm { .. }), "{error}");
    assert!(error.to_string().contains(&elsewhere.name()) && error.hint().is_some());
    assert!(elsewhere.seen().is_empty());
    // An anonymous client has no credentials to lose. With credentials for that very server, a
    // token of another registry would come to this one.
    push(&Client::anonymous()).await.unwrap();
    push(&Client::with_credentials_for(&[&elsewhere.name()])).await.unwrap();
    assert!(
        !elsewhere.seen().is_empty()
            && elsewhere.seen().iter().all(|seen| seen.authorization().is_none())
    );
    assert!(
        fake.seen()
            .iter()
            .all(|seen| seen.authorization().is_none_or(|text| text == "Bearer open"))
    );
}

#[tokio::test]
async fn a_token_server_where_none_should_be_is_not_asked() {
    for realm in [
        "http://169.254.169.254/latest",
        "http://example.com/token",
        "ftp://127.0.0.1/",
        "https://u:p@127.0.0.1/",
        "no url",
    ] {
        let fake = Fake::start(move |_| bearer_challenge(realm));
        let error = Client::anonymous()
            .pull(&format!("{}/app", fake.name()).parse().unwrap())
            .await
            .unwrap_err();
        assert!(matches!(&error, Error::Protocol { .. }), "{realm}: {error}");
    }
}

#[tokio::test]
async fn a_token_server_that_redirects_or_babbles() {
    for (answer, part) in [
        (Answer::status(307).header("Location", "http://127.0.0.2:1/token"), "answered 307"),
        (Answer::status(200).body("{}"), "gives no token"),
        (Answer::status(200).body(r#"{"token": "a\nb"}"#), "cannot be shown"),
        (Answer::status(500), "is not available (500)"),
    ] {
        let fake = Fake::start(move |seen| {
            if seen.path.starts_with("/token") {
                answer.clone()
            } else {
                bearer_challenge(&format!("http://{}/token", seen.headers["host"]))
            }
        });
        let error = Client::with_credentials_for(&[&fake.name()])
            .pull(&format!("{}/app", fake.name()).parse().unwrap())
            .await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains(SECRET), "{part}: {error}");
    }
}

#[tokio::test]
async fn an_identity_token_becomes_another_token() {
    let shelf = FakeStorage::default();
    let fake = Fake::start(move |seen| {
        if seen.is("POST", "/token") {
            let form = String::from_utf8(seen.body.clone()).unwrap();
            assert_eq!(
                form,
                "client_id=scratchdbg&grant_type=refresh_token&refresh_token=re%2Ffresh&\
                scope=repository%3Aapp%3Apull%2Cpush&service=test"
            );
            return Answer::status(200).body(r#"{"access_token": "open"}"#);
        }
        if token(seen, "open") {
            shelf.answer(seen)
        } else {
            bearer_challenge(&format!("http://{}/token", seen.headers["host"]))
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let auths = serde_json::json!({"auths": {fake.name(): {"identitytoken": "re/fresh"}}});
    std::fs::write(folder.path().join("config.json"), auths.to_string()).unwrap();
    let registry = crate::Registry::new(Some(folder.path())).unwrap();
    registry
        .push(&[set(&[&format!("{}/app:1", fake.name())], vec![image("amd64", "a")])])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_token_that_ran_out_is_renewed() {
    let (shelf, count) = (FakeStorage::default(), std::sync::atomic::AtomicUsize::new(0));
    let fake = Fake::start(move |seen| {
        if seen.path.starts_with("/token") {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return Answer::status(200).body(format!(r#"{{"token": "t{number}"}}"#));
        }
        // The first token expires as soon as there is a blob to send.
        let is_good = token(seen, "t1") || (token(seen, "t0") && seen.method != "PUT");
        if is_good {
            shelf.answer(seen)
        } else {
            bearer_challenge(&format!("http://{}/token", seen.headers["host"]))
        }
    });
    let name = format!("{}/app:1", fake.name());
    Client::anonymous().push(&[set(&[&name], vec![image("amd64", "a")])]).await.unwrap();
}
