//! One blob: whether it is there, whether it can be had from a repository beside, and else sending it (OCI
//! distribution-spec, end-2, end-4a, end-6, end-11).

use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode, Uri};

use crate::answer::Refusal;
use crate::body::{Content, Progress};
use crate::error::Error;
use crate::plan::Blob;
use crate::push::{check_digest, digest_header};
use crate::retry;
use crate::session::{Call, Session};
use crate::token::escaped;

/// A blob on its way to a repository.
pub(crate) struct Upload<'a> {
    pub(crate) session: &'a Session,
    pub(crate) repository: &'a str,
    pub(crate) blob: &'a Blob,
    /// Another repository of the registry that has it.
    pub(crate) from: Option<&'a str>,
    pub(crate) scope: &'a str,
}

/// What it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Present,
    Mounted,
    Sent,
}

/// Where a blob is to be sent.
enum Begun {
    Mounted,
    At(Uri),
}

impl Upload<'_> {
    pub(crate) async fn run(&self) -> Result<Outcome, Error> {
        let what = format!("blob {}", self.blob.digest());
        let (mut failures, mut is_renewed, mut from) = (0, false, self.from);
        loop {
            if self.is_there(&what).await? {
                return Ok(if failures == 0 { Outcome::Present } else { Outcome::Sent });
            }
            let uri = match self.begin(from.take(), &what).await? {
                Begun::Mounted => return Ok(Outcome::Mounted),
                Begun::At(uri) => uri,
            };
            let (error, wait) = match self.send(&uri, &what).await? {
                Sent::Done => return Ok(Outcome::Sent),
                // A token may run out while a large blob is on its way.
                Sent::Unauthorized if is_renewed => return Err(self.session.unauthorized().await),
                Sent::Unauthorized => {
                    is_renewed = true;
                    continue;
                }
                Sent::Failed { error, wait } => (error, wait),
            };
            failures += 1;
            if failures >= self.session.patience.attempts {
                return Err(error);
            }
            self.session.rest(failures, wait, &what).await;
        }
    }

    async fn is_there(&self, what: &str) -> Result<bool, Error> {
        let uri = self.session.uri(&format!("{}/blobs/{}", self.repository, self.blob.digest())).await?;
        let answer = match self.session.send(&Call::new(Method::HEAD, uri, self.scope, what)).await {
            Ok(answer) => answer,
            Err(Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        // One that is there by halves, or is another, is sent again: the registry then says what it makes of it.
        let length = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let same_digest = digest_header(&answer).is_none_or(|digest| digest == self.blob.digest().to_string());
        Ok(same_digest && length.is_none_or(|length| length == self.blob.size()))
    }

    async fn begin(&self, from: Option<&str>, what: &str) -> Result<Begun, Error> {
        let digest = escaped(&self.blob.digest().to_string());
        let path = match from {
            Some(from) => format!("{}/blobs/uploads/?mount={digest}&from={}", self.repository, escaped(from)),
            None => format!("{}/blobs/uploads/", self.repository),
        };
        let uri = self.session.uri(&path).await?;
        let answer = self.session.send(&Call::new(Method::POST, uri.clone(), self.scope, what)).await;
        let answer = answer.map_err(|error| match error {
            Error::NotFound { registry, .. } => {
                Error::NotFound { registry, what: format!("repository {} that can be pushed to", self.repository) }
            }
            other => other,
        })?;
        if answer.status() == StatusCode::CREATED && from.is_some() {
            check_digest(self.session, &answer, self.blob.digest(), what)?;
            return Ok(Begun::Mounted);
        }
        let location = self.session.location(&uri, &answer, what).await?;
        // The registry's own parameters stay as they are.
        let separator = if location.query().is_some() { '&' } else { '?' };
        let complete = format!("{location}{separator}digest={digest}").parse();
        complete.map(Begun::At).map_err(|_| self.session.protocol(format!("names no place to go for {what}")))
    }

    async fn send(&self, uri: &Uri, what: &str) -> Result<Sent, Error> {
        let session = self.session;
        let shown = session.authorization(uri, self.scope).await?;
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (CONTENT_LENGTH, HeaderValue::from(self.blob.size())),
        ];
        let headers = headers.into_iter().chain(shown.clone().map(|shown| (AUTHORIZATION, shown)));
        let (content, progress, writer) = match self.blob {
            Blob::Config(document) => {
                let bytes = bytes::Bytes::copy_from_slice(document.bytes());
                (Content::bytes(bytes), Progress::default(), None)
            }
            Blob::Layer(layer) => {
                let (content, progress, writer) = Content::layer(layer.clone());
                (content, progress, Some(writer))
            }
        };
        let answered = session.send_blob(uri, headers, content, &progress, self.blob.size()).await;
        // A source that changed is the reason for whatever else went wrong. That nobody listened any more is not.
        if let Some(writer) = writer {
            match writer.await {
                Ok(Err(scratchdbg_image::ImageError::Write(_)) | Ok(())) => {}
                Ok(Err(error)) => return Err(error.into()),
                Err(error) => return Err(session.protocol(format!("was sent nothing: {error}"))),
            }
        }
        let answer = match answered {
            Ok(answer) => answer,
            Err(failure) if failure.is_passing() => {
                return Ok(Sent::Failed { error: session.failed(failure, what), wait: None });
            }
            Err(failure) => return Err(session.failed(failure, what)),
        };
        let status = answer.status();
        if status == StatusCode::CREATED {
            check_digest(session, &answer, self.blob.digest(), what)?;
            return Ok(Sent::Done);
        }
        if status == StatusCode::UNAUTHORIZED {
            session.renew(&answer, self.scope, shown.as_ref()).await?;
            return Ok(Sent::Unauthorized);
        }
        let wait = retry::retry_after(answer.headers());
        let refusal = Refusal::read(answer).await;
        // The upload's place is gone: a new one may be had.
        let is_over = matches!(status, StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE)
            || refusal.has_code("BLOB_UPLOAD_UNKNOWN");
        let is_damaged = refusal.has_code("DIGEST_INVALID") || refusal.has_code("SIZE_INVALID");
        let error = refusal.into_error(&session.registry, what);
        if is_over || is_damaged || retry::is_passing(status) {
            return Ok(Sent::Failed { error, wait });
        }
        Err(error)
    }
}

/// How one attempt ended.
enum Sent {
    Done,
    Unauthorized,
    Failed { error: Error, wait: Option<std::time::Duration> },
}
