//! Tests of pulling: content that does not match its digest is refused.

use std::io::{self, Read as _};
use std::sync::Arc;

use scratchdbg_image::Digest;
use scratchdbg_image::read::{ImageSource, RemoteImage as _, validate};

use super::{Client, Times};
use crate::error::Error;
use crate::fake::{Answer, Fake, FakeStorage, Seen};
use crate::samples::{image, image_of, layer, set};

/// Returns a registry with `app:1`, and the digest of its layer of 4 MiB.
async fn filled() -> (FakeStorage, Digest) {
    let shelf = FakeStorage::default();
    let good = shelf.clone();
    let fake = Fake::start(move |seen| good.answer(seen));
    let image = image_of("amd64", vec![layer(&"0123456789abcdef".repeat(1 << 18))]);
    let digest = image.layers()[0].digest();
    Client::anonymous()
        .push(&[set(&[&format!("{}/app:1", fake.name())], vec![image])])
        .await
        .unwrap();
    (shelf, digest)
}

/// Reads a blob of the image `app:1`.
async fn read(fake: &Fake, digest: Digest) -> (io::Result<Vec<u8>>, Option<Error>) {
    let client = Client::anonymous();
    let pulled = client.pull(&format!("{}/app:1", fake.name()).parse().unwrap()).await.unwrap();
    let work = move || {
        let mut bytes = Vec::new();
        let read = pulled.blob(digest).and_then(|mut blob| blob.read_to_end(&mut bytes));
        (read.map(|_| bytes), pulled.failure())
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_read_without_being_kept() {
    let (shelf, _) = filled().await;
    let fake = Fake::start(move |seen| shelf.answer(seen));
    let reference = format!("{}/app:1", fake.name()).parse().unwrap();
    let pulled = Arc::new(Client::anonymous().pull(&reference).await.unwrap());
    let work = move || {
        let source = ImageSource::remote(pulled);
        let images = source.find(None).unwrap();
        validate(&source, &images[0]).unwrap();
        images[0].names.clone()
    };
    let names = tokio::task::spawn_blocking(work).await.unwrap();
    assert_eq!(names, [reference.to_string()]);
}

/// The server resumes at the requested position, or starts from the beginning.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_within_a_blob_is_taken_up_again() {
    for knows_ranges in [true, false] {
        let (shelf, digest) = filled().await;
        let cuts = Times::new(2, Answer::Close);
        let fake = Fake::start(move |seen| {
            if !seen.is("GET", "/blobs/") {
                return shelf.answer(seen);
            }
            let mut asked = seen.clone();
            if !knows_ranges {
                asked.headers.remove("range");
            }
            let Answer::Full { status, headers, body } = shelf.answer(&asked) else {
                return Answer::Close;
            };
            let (length, half) = (body.len(), body.len() / 2);
            let body = if cuts.next().is_some() { body[..half].to_vec() } else { body };
            Answer::Full { status, headers, body }.header("Content-Length", length.to_string())
        });
        let (bytes, failure) = read(&fake, digest).await;
        assert_eq!(Digest::of(bytes.unwrap()), digest, "{knows_ranges}");
        assert!(failure.is_none());
        let ranges = fake.seen().iter().filter(|seen| seen.headers.contains_key("range")).count();
        assert_eq!(ranges, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_never_comes_whole_is_given_up() {
    for (fault, part) in [
        (Answer::Close, "broke"),
        (Answer::Silence, "sent nothing"),
        (Answer::status(404), "has no blob"),
    ] {
        let (shelf, digest) = filled().await;
        let fake =
            Fake::start(
                move |seen| {
                    if seen.is("GET", "/blobs/") { fault.clone() } else { shelf.answer(seen) }
                },
            );
        let (bytes, failure) = read(&fake, digest).await;
        assert!(bytes.is_err());
        assert!(failure.unwrap().to_string().contains(part), "{part}");
        assert!(fake.count("GET", "/blobs/") <= 3);
    }
}

/// A time limit on silence alone would not suffice.
#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_drips_is_given_up() {
    for first in [0, 1 << 20] {
        let (shelf, digest) = filled().await;
        let drips = move |seen: &Seen| {
            if seen.is("GET", "/blobs/") { Answer::Drip(first) } else { shelf.answer(seen) }
        };
        let fake = Fake::start(drips);
        let (bytes, failure) = read(&fake, digest).await;
        assert!(bytes.is_err());
        let error = failure.unwrap();
        assert!(matches!(&error, Error::Slow { came: 1.., .. }), "{error}");
        assert!(error.to_string().contains("is too slow"), "{error}");
        assert_eq!(fake.count("GET", "/blobs/"), 1, "another attempt would bring no more");
        let fake = Fake::start(move |seen| {
            if seen.path.contains("/manifests/") {
                Answer::Drip(first)
            } else {
                Answer::status(200)
            }
        });
        let reference = format!("{}/app:1", fake.name()).parse().unwrap();
        let error = Client::anonymous().pull(&reference).await.unwrap_err();
        assert!(matches!(&error, Error::Slow { came: 1.., .. }), "{error}");
        assert_eq!(fake.count("GET", "/manifests/"), 1);
    }
}

#[tokio::test]
async fn manifests_that_are_not_what_they_should_be() {
    let (shelf, _) = filled().await;
    let bytes = shelf.content().manifests[&("app".to_owned(), "1".to_owned())].clone();
    let digest = Digest::of(&bytes);
    let zero = format!("sha256:{}", "0".repeat(64));
    let lie = zero.clone();
    let by_tag = "app:1".to_owned();
    for (reference, answer, part) in [
        (
            by_tag.clone(),
            Answer::status(200).header("Docker-Content-Digest", lie).body(bytes.clone()),
            "instead of",
        ),
        (format!("app@{zero}"), Answer::status(200).body(bytes.clone()), "instead of"),
        (by_tag.clone(), Answer::status(200).body(vec![b' '; 5 << 20]), "more than 4 MiB"),
        (by_tag.clone(), Answer::error(404, "MANIFEST_UNKNOWN", ""), "has no image"),
        // The length is too large: the connection ends too early, each time.
        (
            by_tag,
            Answer::status(200).header("Content-Length", "100000").body(bytes.clone()),
            "broke",
        ),
    ] {
        let fake = Fake::start(move |seen: &Seen| {
            if seen.path.contains("/manifests/") { answer.clone() } else { Answer::status(200) }
        });
        let error = Client::anonymous()
            .pull(&format!("{}/{reference}", fake.name()).parse().unwrap())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    let fake = Fake::start(move |_| Answer::status(200).body(bytes.clone()));
    Client::anonymous()
        .pull(&format!("{}/app@{digest}", fake.name()).parse().unwrap())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_is_another_is_found_out() {
    let (shelf, digest) = filled().await;
    for bytes in [vec![b'x'; 4 << 20], vec![b'x'; 64 << 20], b"short".to_vec()] {
        let shelf = shelf.clone();
        let part = format!("/blobs/{digest}");
        let fake = Fake::start(move |seen| {
            if seen.path.contains(&part) {
                Answer::status(200).body(bytes.clone())
            } else {
                shelf.answer(seen)
            }
        });
        let reference = format!("{}/app:1", fake.name()).parse().unwrap();
        let pulled = Arc::new(Client::anonymous().pull(&reference).await.unwrap());
        let work = move || {
            let source = ImageSource::remote(pulled);
            let images = source.images().unwrap();
            source.visit_layer(&images[0].layers[0], &mut |_, _| Ok(())).unwrap_err().to_string()
        };
        let error = tokio::task::spawn_blocking(work).await.unwrap();
        assert!(error.contains(&digest.to_string()), "{error}");
    }
}

/// `BuildKit` stores attestations beside images, for an unknown platform. An engine chooses
/// whatever is for its own.
#[tokio::test(flavor = "multi_thread")]
async fn attestations_are_passed_over() {
    let shelf = FakeStorage::default();
    let good = shelf.clone();
    let fake = Fake::start(move |seen| good.answer(seen));
    let image = image("amd64", "a");
    Client::anonymous()
        .push(&[set(&[&format!("{}/app:amd", fake.name())], vec![image.clone()])])
        .await
        .unwrap();
    let entry = |digest: Digest,
                 size: u64,
                 (os, architecture): (&str, &str),
                 annotations: serde_json::Value| {
        let platform = serde_json::json!({"os": os, "architecture": architecture});
        let media_type = crate::plan::MANIFEST;
        serde_json::json!({"mediaType": media_type, "digest": digest, "size": size, "platform": platform,
            "annotations": annotations})
    };
    let attestation = serde_json::json!({"vnd.docker.reference.type": "attestation-manifest"});
    let manifest = image.manifest();
    for (platform, is_passed_over) in [(("unknown", "unknown"), true), (("linux", "amd64"), false)]
    {
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": crate::plan::INDEX, "manifests": [
            entry(manifest.digest(), manifest.size(), ("linux", "amd64"), serde_json::json!({})),
            entry(Digest::of("attestation"), 11, platform, attestation.clone()),
        ]});
        shelf
            .content()
            .manifests
            .insert(("app".into(), "1".into()), index.to_string().into_bytes());
        let reference = format!("{}/app:1", fake.name()).parse().unwrap();
        let pulled = Arc::new(Client::anonymous().pull(&reference).await.unwrap());
        let images = tokio::task::spawn_blocking(move || ImageSource::remote(pulled).images().ok());
        assert_eq!(
            images.await.unwrap().map(|images| images.len()),
            is_passed_over.then_some(1),
            "{platform:?}"
        );
    }
}
