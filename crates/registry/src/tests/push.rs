//! Tests of what is sent, in which order, and what is not.

use std::fs;

use scratchdbg_image::{Entry, FileData, HostFile, Layer, Tree};

use super::{Client, Times};
use crate::error::Error;
use crate::fake::{Answer, Fake, FakeStorage};
use crate::samples::{image, image_of, layer, set};

#[tokio::test]
async fn a_pair_is_pushed_and_pushing_it_again_sends_nothing() {
    let shelf = FakeStorage::default();
    let good = shelf.clone();
    let fake = Fake::start(move |seen| good.answer(seen));
    let host = fake.name();
    let app = layer("app");
    let [prod, debug] =
        [vec![app.clone()], vec![app, layer("busybox")]].map(|layers| image_of("amd64", layers));
    let sets = [
        set(&[&format!("{host}/shop/app:1"), &format!("{host}/shop/app:2")], vec![prod.clone()]),
        set(&[&format!("{host}/shop/app:1-debug")], vec![debug]),
    ];
    let report = Client::anonymous().push(&sets).await.unwrap();
    assert_eq!(
        (report.sent, report.present, report.mounted),
        (4, 0, 0),
        "two layers and two configs, each once"
    );
    let names: Vec<_> = report.pushed.iter().map(|pushed| pushed.reference.tag()).collect();
    assert_eq!(names, ["1", "2", "1-debug"]);
    assert_eq!(report.pushed[0].digest, prod.manifest().digest());
    let stored = shelf.content().manifests[&("shop/app".to_owned(), "2".to_owned())].clone();
    assert_eq!(stored, prod.manifest().bytes());
    let before = fake.count("PUT", "/uploads/");
    let again = Client::anonymous().push(&sets).await.unwrap();
    assert_eq!((again.sent, again.present), (0, 4));
    assert_eq!(fake.count("PUT", "/uploads/"), before);
}

/// The registry accepts everything and stores nothing, or stores it a moment later.
#[tokio::test]
async fn a_registry_is_asked_for_what_it_took() {
    let client = Client::anonymous();
    for (times, is_kept) in [(usize::MAX, false), (2, true)] {
        let (shelf, missing) =
            (FakeStorage::default(), Times::new(times, Answer::error(404, "MANIFEST_UNKNOWN", "")));
        let fake = Fake::start(move |seen| {
            let gone = seen.is("GET", "/manifests/").then(|| missing.next()).flatten();
            gone.unwrap_or_else(|| shelf.answer(seen))
        });
        let pushed = client
            .push(&[set(&[&format!("{}/app:1", fake.name())], vec![image("amd64", "a")])])
            .await;
        assert_eq!(pushed.is_ok(), is_kept);
        if let Err(error) = pushed {
            assert!(
                error
                    .to_string()
                    .contains("said that it took manifest app:1, and does not have it"),
                "{error}"
            );
        }
    }
    // The registry has another image than the one that was sent, or an image that is writable but
    // not readable.
    for (answer, is_kept) in
        [(Answer::status(200).body("{}"), false), (Answer::error(403, "DENIED", ""), true)]
    {
        let shelf = FakeStorage::default();
        let fake = Fake::start(move |seen| {
            if seen.is("GET", "/manifests/") { answer.clone() } else { shelf.answer(seen) }
        });
        let pushed = client
            .push(&[set(&[&format!("{}/app:1", fake.name())], vec![image("amd64", "a")])])
            .await;
        assert_eq!(pushed.is_ok(), is_kept, "{pushed:?}");
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_told_before_there_is_anything_to_send() {
    let shelf = FakeStorage::default();
    let fake = Fake::start(move |seen| match seen.authorization() {
        None => Answer::status(401).header("WWW-Authenticate", "Basic"),
        Some(_) => shelf.answer(seen),
    });
    let reference = [format!("{}/app:1", fake.name()).parse().unwrap()];
    let error = Client::anonymous().check_access(&reference).await.unwrap_err();
    assert!(matches!(&error, Error::Unauthorized { .. }), "{error}");
    Client::with_credentials_for(&[&fake.name()]).check_access(&reference).await.unwrap();
}

#[tokio::test]
async fn several_platforms_become_an_index_after_its_manifests() {
    let shelf = FakeStorage::default();
    let good = shelf.clone();
    let fake = Fake::start(move |seen| good.answer(seen));
    let images =
        set(&[&format!("{}/app:1", fake.name())], vec![image("amd64", "a"), image("arm64", "b")]);
    let report = Client::anonymous().push(std::slice::from_ref(&images)).await.unwrap();
    let index = images.index().unwrap().unwrap();
    assert_eq!(
        (report.pushed[0].digest, report.pushed[0].media_type),
        (index.digest(), crate::plan::INDEX)
    );
    assert_eq!(shelf.content().manifests[&("app".to_owned(), "1".to_owned())], index.bytes());
    let types: Vec<_> = fake
        .seen()
        .into_iter()
        .filter(|seen| seen.is("PUT", "/manifests/"))
        .map(|seen| seen.headers["content-type"].clone())
        .collect();
    assert_eq!(types, [crate::plan::MANIFEST, crate::plan::MANIFEST, crate::plan::INDEX]);
}

#[tokio::test]
async fn another_repository_takes_over_what_the_first_has() {
    for declines_mounts in [false, true] {
        let shelf = FakeStorage::default();
        shelf.content().declines_mounts = declines_mounts;
        let good = shelf.clone();
        let fake = Fake::start(move |seen| good.answer(seen));
        let names = ["shop/app:1", "mirror/app:1"].map(|name| format!("{}/{name}", fake.name()));
        let images = set(&[&names[0], &names[1]], vec![image("amd64", "a")]);
        let report = Client::anonymous().push(&[images]).await.unwrap();
        let expected = if declines_mounts { (4, 0) } else { (2, 2) };
        assert_eq!((report.sent, report.mounted), expected);
        assert_eq!(fake.count("POST", "mount=sha256%3A"), 2);
        assert_eq!(shelf.content().blobs.len(), 4);
    }
}

#[tokio::test]
async fn a_push_that_was_interrupted_goes_on_and_no_tag_came_too_early() {
    let shelf = FakeStorage::default();
    let good = shelf.clone();
    let denied = Times::new(1, Answer::error(403, "DENIED", "not now"));
    let fake = Fake::start(move |seen| {
        if seen.is("PUT", "/uploads/") && seen.body.len() > 1 << 20 {
            denied.next().unwrap_or_else(|| good.answer(seen))
        } else {
            good.answer(seen)
        }
    });
    let large = image_of("amd64", vec![layer("small"), layer(&"x".repeat(2 << 20))]);
    let sets = [set(&[&format!("{}/app:1", fake.name())], vec![large])];
    let client = Client::anonymous();
    client.push(&sets).await.unwrap_err();
    assert!(shelf.content().manifests.is_empty(), "no tag stands for an image that is not whole");
    assert_eq!(fake.count("PUT", "/manifests/"), 0);
    let there = shelf.content().blobs.len();
    let report = client.push(&sets).await.unwrap();
    // A blob that was on its way when the push ended may have arrived since.
    assert!(report.present >= there, "{} of {there}", report.present);
    assert_eq!(report.present + report.sent, 3);
    assert_eq!(shelf.content().manifests.len(), 2);
}

#[tokio::test]
async fn a_registry_that_names_another_digest_is_not_believed() {
    let lie = format!("sha256:{}", "0".repeat(64));
    for part in ["/uploads/", "/manifests/"] {
        let (shelf, lie) = (FakeStorage::default(), lie.clone());
        let fake = Fake::start(move |seen| {
            if seen.is("PUT", part) {
                Answer::status(201).header("Docker-Content-Digest", &lie)
            } else {
                shelf.answer(seen)
            }
        });
        let name = format!("{}/app:1", fake.name());
        let error = Client::anonymous()
            .push(&[set(&[&name], vec![image("amd64", "a")])])
            .await
            .unwrap_err();
        assert!(matches!(&error, Error::DigestMismatch { .. }), "{part}: {error}");
    }
}

/// A blob that the registry reports with another length or digest does not count as present.
#[tokio::test]
async fn what_is_there_by_halves_is_sent() {
    for header in [("Content-Length", "7"), ("Docker-Content-Digest", "sha256:00")] {
        let shelf = FakeStorage::default();
        let fake = Fake::start(move |seen| {
            if seen.is("HEAD", "/blobs/") {
                Answer::status(200).header(header.0, header.1)
            } else {
                shelf.answer(seen)
            }
        });
        let name = format!("{}/app:1", fake.name());
        let report =
            Client::anonymous().push(&[set(&[&name], vec![image("amd64", "a")])]).await.unwrap();
        assert_eq!((report.sent, report.present), (2, 0), "{header:?}");
    }
}

#[tokio::test]
async fn a_source_that_changes_under_us_is_never_complete() {
    let shelf = FakeStorage::default();
    let good = shelf.clone();
    let fake = Fake::start(move |seen| good.answer(seen));
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "x".repeat(1 << 20)).unwrap();
    let mut tree = Tree::with_root();
    tree.insert("app", Entry::file(FileData::Host(HostFile::new(file.path()).unwrap()), 0o755))
        .unwrap();
    let image = image_of("amd64", vec![Layer::from_tree(tree, 0).unwrap()]);
    let size = image.layers()[0].size();
    fs::write(file.path(), "y".repeat(1 << 20)).unwrap();
    let error = Client::anonymous()
        .push(&[set(&[&format!("{}/app:1", fake.name())], vec![image])])
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::Image(_)), "{error}");
    assert!(shelf.content().manifests.is_empty());
    // The end was held back, so the registry never had all of it.
    assert!(
        fake.seen().iter().all(|seen| (seen.body.len() as u64) < size),
        "the wrong blob went out whole"
    );
}
