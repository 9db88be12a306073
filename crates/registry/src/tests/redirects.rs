//! Tests of redirects.

use std::io::Read as _;
use std::sync::Arc;

use scratchdbg_image::read::{ImageSource, RemoteImage as _};

use super::{BASIC, Client};
use crate::error::Error;
use crate::fake::{Answer, Fake, FakeStorage};
use crate::samples::{image, set};

#[tokio::test(flavor = "multi_thread")]
async fn blobs_may_come_from_elsewhere_and_no_password_goes_there() {
    let shelf = FakeStorage::default();
    let store = shelf.clone();
    let elsewhere = Fake::elsewhere(move |seen| store.answer(seen));
    let target = format!("http://{}", elsewhere.name());
    let fake = Fake::start(move |seen| {
        if seen.authorization() != Some(&format!("Basic {BASIC}")) {
            return Answer::status(401).header("WWW-Authenticate", "Basic realm=\"x\"");
        }
        if seen.method == "GET" && seen.path.contains("/blobs/") {
            Answer::status(307).header("Location", format!("{target}{}", seen.path))
        } else {
            shelf.answer(seen)
        }
    });
    let client = Client::with_credentials_for(&[&fake.name(), &elsewhere.name()]);
    let name = format!("{}/app:1", fake.name());
    client.push(&[set(&[&name], vec![image("amd64", "content")])]).await.unwrap();
    let pulled = Arc::new(client.pull(&name.parse().unwrap()).await.unwrap());
    let images = tokio::task::spawn_blocking(move || {
        let source = ImageSource::remote(pulled);
        let images = source.images().unwrap();
        source.visit_layer(&images[0].layers[0], &mut |_, _| Ok(())).unwrap();
        images
    });
    assert_eq!(images.await.unwrap().len(), 1);
    assert_eq!(elsewhere.seen().len(), 2, "config and layer");
    assert!(
        elsewhere.seen().iter().all(|seen| seen.authorization().is_none()),
        "{:?}",
        elsewhere.seen()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_good_can_be_nobody_goes() {
    for (location, part) in [
        ("http://169.254.169.254/latest/meta-data", "nothing safe"),
        ("http://example.com/", "nothing safe"),
        ("ftp://example.com/", "no place to go"),
        ("/v2/app/manifests/1", "from one place to the next"),
        ("", "from one place to the next"),
    ] {
        let fake = Fake::start(move |seen| match seen.path.as_str() {
            "/v2/" => Answer::status(200),
            _ => Answer::status(307).header("Location", location),
        });
        let error = Client::anonymous()
            .pull(&format!("{}/app:1", fake.name()).parse().unwrap())
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Protocol { .. }) && error.to_string().contains(part),
            "{location}: {error}"
        );
        assert!(fake.seen().len() <= 9, "{location}: {}", fake.seen().len());
    }
}

#[tokio::test]
async fn an_upload_that_is_sent_elsewhere_takes_no_password_along() {
    let elsewhere = Fake::elsewhere(|_| Answer::status(201));
    let target = elsewhere.url("/store/1?signature=s");
    let shelf = FakeStorage::default();
    let fake = Fake::start(move |seen| {
        if seen.authorization().is_none() {
            return Answer::status(401).header("WWW-Authenticate", "Basic realm=\"x\"");
        }
        match seen.method.as_str() {
            "POST" => Answer::status(202).header("Location", &target),
            _ => shelf.answer(seen),
        }
    });
    let client = Client::with_credentials_for(&[&fake.name()]);
    let error = client
        .push(&[set(&[&format!("{}/app:1", fake.name())], vec![image("amd64", "a")])])
        .await
        .unwrap_err();
    // The registry lacks the blobs, and reports that.
    assert!(error.to_string().contains("no manifest"), "{error}");
    assert_eq!(elsewhere.count("PUT", "/store/1?signature=s&digest=sha256%3A"), 2);
    assert!(elsewhere.seen().iter().all(|seen| seen.authorization().is_none()));
}

#[tokio::test]
async fn uploads_are_not_begun_where_get_would_be() {
    let shelf = FakeStorage::default();
    let fake = Fake::start(move |seen| match seen.method.as_str() {
        "POST" => Answer::status(302).header("Location", "/v2/other"),
        _ => shelf.answer(seen),
    });
    let name = format!("{}/app:1", fake.name());
    let error =
        Client::anonymous().push(&[set(&[&name], vec![image("amd64", "a")])]).await.unwrap_err();
    assert!(error.to_string().contains("sends us elsewhere with 302"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_read_from_its_beginning_each_time() {
    let shelf = FakeStorage::default();
    let fake = Fake::start(move |seen| shelf.answer(seen));
    let name = format!("{}/app:1", fake.name());
    let image = image("amd64", "content");
    let digest = image.layers()[0].digest();
    Client::anonymous().push(&[set(&[&name], vec![image])]).await.unwrap();
    let pulled = Client::anonymous().pull(&name.parse().unwrap()).await.unwrap();
    tokio::task::spawn_blocking(move || {
        for _ in 0..2 {
            let mut bytes = Vec::new();
            pulled.blob(digest).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(scratchdbg_image::Digest::of(&bytes), digest);
        }
    })
    .await
    .unwrap();
}
