//! Pushing: first blobs, then the manifests that indexes refer to, then tagged manifests. So a tag
//! never refers to an incomplete image, and repeating an interrupted push sends only what is
//! missing.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hyper::Method;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use scratchdbg_image::json::Document;
use scratchdbg_image::{Digest, ImageSet, TaggedReference};

use crate::Registry;
use crate::document;
use crate::error::Error;
use crate::plan::{self, MANIFEST, RepositoryPlan};
use crate::pull::LARGEST_MANIFEST;
use crate::session::{Call, Session};
use crate::upload::{Outcome, Upload};

/// The number of concurrent uploads. Each needs a thread and less than a MiB.
const AT_ONCE: usize = 3;

/// The result of a push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushReport {
    /// The names, and the digests that they refer to now.
    pub pushed: Vec<Pushed>,
    /// How many blobs were sent.
    pub sent: usize,
    /// How many bytes were sent.
    pub sent_bytes: u64,
    /// How many blobs the registry mounted from another of its repositories.
    pub mounted: usize,
    /// How many blobs existed already.
    pub present: usize,
}

/// A pushed name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The name.
    pub reference: TaggedReference,
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// Its media type.
    pub media_type: &'static str,
}

impl Registry {
    /// Checks that the registries in the names of a push are reachable and accept the credentials,
    /// before anything is built. Whether a repository is writable becomes known only in the push
    /// itself.
    pub async fn check_access(&self, references: &[TaggedReference]) -> Result<(), Error> {
        for reference in references {
            let session = self.session(reference.registry());
            let uri = session.uri("").await?;
            let scope = scope(reference.repository(), None);
            let answer = session.send(&Call::new(Method::GET, uri, &scope, "access")).await;
            match answer {
                // Some registries do not support this request, or do not answer it by permission.
                Ok(_)
                | Err(Error::NotFound { .. } | Error::Denied { .. } | Error::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Pushes all images to the registries in their names.
    pub async fn push(&self, sets: &[ImageSet]) -> Result<PushReport, Error> {
        let shares = plan::plan(sets)?;
        let sessions: HashMap<&str, Arc<Session>> = shares
            .iter()
            .map(|share| (share.registry.as_str(), self.session(&share.registry)))
            .collect();
        let mut report = PushReport::default();
        for (number, share) in shares.iter().enumerate() {
            let session = &sessions[share.registry.as_str()];
            // Blobs that an earlier repository of the same registry already has can be mounted from
            // there.
            let earlier: Vec<&RepositoryPlan> =
                shares[..number].iter().filter(|other| other.registry == share.registry).collect();
            push_blobs(session, share, &earlier, &mut report).await?;
        }
        for share in &shares {
            let session = &sessions[share.registry.as_str()];
            let scope = scope(&share.repository, None);
            for manifest in &share.unnamed {
                let version = manifest.digest().to_string();
                put_manifest(session, &share.repository, &version, manifest, MANIFEST, &scope)
                    .await?;
            }
            for named in &share.named {
                let (tag, document) = (named.reference.tag(), &named.document);
                put_manifest(session, &share.repository, tag, document, named.media_type, &scope)
                    .await?;
                report.pushed.push(Pushed {
                    reference: named.reference.clone(),
                    digest: document.digest(),
                    media_type: named.media_type,
                });
            }
        }
        for share in &shares {
            let (session, scope) =
                (&sessions[share.registry.as_str()], scope(&share.repository, None));
            for named in &share.named {
                let kept = Kept {
                    session,
                    repository: &share.repository,
                    version: named.reference.tag(),
                    scope: &scope,
                };
                kept.check(&named.document, named.media_type).await?;
            }
        }
        Ok(report)
    }
}

/// A manifest that a registry reported as stored.
struct Kept<'a> {
    session: &'a Session,
    repository: &'a str,
    version: &'a str,
    scope: &'a str,
}

impl Kept<'_> {
    /// Checks that the registry has the document, in case it accepts everything and stores nothing.
    async fn check(&self, document: &Document, media_type: &'static str) -> Result<(), Error> {
        let Self { session, repository, version, scope } = *self;
        let what = format!("manifest {repository}:{version}");
        let uri = session.uri(&format!("{repository}/manifests/{version}")).await?;
        let call = Call {
            headers: vec![(ACCEPT, HeaderValue::from_static(media_type))],
            ..Call::new(Method::GET, uri, scope, &what)
        };
        let mut failures = 0;
        loop {
            failures += 1;
            let answer = match session.send(&call).await {
                Ok(answer) => answer,
                // Permission to write does not imply permission to read.
                Err(Error::Denied { .. } | Error::Unauthorized { .. }) => return Ok(()),
                // A registry that consists of several machines may need a moment.
                Err(Error::NotFound { .. }) if failures < session.policy.attempts => {
                    session.back_off(failures, None, &what).await;
                    continue;
                }
                Err(Error::NotFound { .. }) => {
                    return Err(
                        session.protocol(format!("said that it took {what}, and does not have it"))
                    );
                }
                Err(error) => return Err(error),
            };
            let actual =
                Digest::of(document::read(session, answer, LARGEST_MANIFEST, &what).await?);
            if actual == document.digest() {
                return Ok(());
            }
            let (registry, expected, actual) =
                (session.registry.clone(), document.digest(), actual.to_string());
            return Err(Error::DigestMismatch { registry, what, expected, actual });
        }
    }
}

/// Returns the access that a push to `repository` needs, and the access to mount blobs `from`
/// another one.
fn scope(repository: &str, from: Option<&str>) -> String {
    let push = format!("repository:{repository}:pull,push");
    match from {
        Some(from) => format!("{push} repository:{from}:pull"),
        None => push,
    }
}

async fn push_blobs(
    session: &Session,
    share: &RepositoryPlan,
    earlier: &[&RepositoryPlan],
    report: &mut PushReport,
) -> Result<(), Error> {
    let uploads = share.blobs.iter().map(|blob| {
        let from = earlier
            .iter()
            .find(|other| other.has(blob.digest()))
            .map(|other| other.repository.as_str());
        let scope = scope(&share.repository, from);
        async move {
            let upload =
                Upload { session, repository: &share.repository, blob, from, scope: &scope };
            upload.run().await.map(|outcome| (outcome, blob.size()))
        }
    });
    let mut outcomes = stream::iter(uploads).buffer_unordered(AT_ONCE);
    while let Some((outcome, size)) = outcomes.try_next().await? {
        match outcome {
            Outcome::Present => report.present += 1,
            Outcome::Mounted => report.mounted += 1,
            Outcome::Sent => {
                report.sent += 1;
                report.sent_bytes += size;
            }
        }
    }
    Ok(())
}

async fn put_manifest(
    session: &Session,
    repository: &str,
    version: &str,
    document: &Document,
    media_type: &'static str,
    scope: &str,
) -> Result<(), Error> {
    let what = format!("manifest {repository}:{version}");
    let uri = session.uri(&format!("{repository}/manifests/{version}")).await?;
    let call = Call {
        headers: vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))],
        body: Bytes::copy_from_slice(document.bytes()),
        ..Call::new(Method::PUT, uri, scope, &what)
    };
    let answer = session.send(&call).await?;
    check_digest(session, &answer, document.digest(), &what)
}

/// Compares the digest that the registry reports, if any, with the object's own.
pub(crate) fn check_digest(
    session: &Session,
    answer: &hyper::Response<Incoming>,
    expected: Digest,
    what: &str,
) -> Result<(), Error> {
    let Some(actual) = digest_header(answer) else { return Ok(()) };
    if actual == expected.to_string() {
        return Ok(());
    }
    let (registry, actual) = (session.registry.clone(), crate::text::cut(&actual));
    Err(Error::DigestMismatch { registry, what: what.to_owned(), expected, actual })
}

/// Returns `Docker-Content-Digest`, if its algorithm is supported.
pub(crate) fn digest_header(answer: &hyper::Response<Incoming>) -> Option<String> {
    let text = answer.headers().get("docker-content-digest")?.to_str().ok()?;
    text.starts_with("sha256:").then(|| text.to_owned())
}
