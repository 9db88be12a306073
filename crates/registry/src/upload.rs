//! Uploads one blob: checks whether it exists, tries to mount it from another repository, and
//! otherwise sends it (OCI distribution-spec, end-2, end-4a, end-6, end-11).

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

/// The upload of a blob to a repository.
pub(crate) struct Upload<'a> {
    pub(crate) session: &'a Session,
    pub(crate) repository: &'a str,
    pub(crate) blob: &'a Blob,
    /// Another repository of the registry that has the blob.
    pub(crate) from: Option<&'a str>,
    pub(crate) scope: &'a str,
}

/// How the blob got into the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Present,
    Mounted,
    Sent,
}

/// The result of starting an upload.
enum UploadStart {
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
                UploadStart::Mounted => return Ok(Outcome::Mounted),
                UploadStart::At(uri) => uri,
            };
            let (error, wait) = match self.send(&uri, &what).await? {
                Attempt::Done => return Ok(Outcome::Sent),
                // A token may expire while a large blob is being sent.
                Attempt::Unauthorized if is_renewed => {
                    return Err(self.session.unauthorized().await);
                }
                Attempt::Unauthorized => {
                    is_renewed = true;
                    continue;
                }
                Attempt::Failed { error, wait } => (error, wait),
            };
            failures += 1;
            if !self.session.policy.may_retry(failures, wait) {
                return Err(error);
            }
            self.session.back_off(failures, wait, &what).await;
        }
    }

    async fn is_there(&self, what: &str) -> Result<bool, Error> {
        let uri =
            self.session.uri(&format!("{}/blobs/{}", self.repository, self.blob.digest())).await?;
        let answer = match self.session.send(&Call::new(Method::HEAD, uri, self.scope, what)).await
        {
            Ok(answer) => answer,
            Err(Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        // A blob with another length or digest is sent again. The registry then reports what is
        // wrong.
        let length = answer
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let same_digest =
            digest_header(&answer).is_none_or(|digest| digest == self.blob.digest().to_string());
        Ok(same_digest && length.is_none_or(|length| length == self.blob.size()))
    }

    async fn begin(&self, from: Option<&str>, what: &str) -> Result<UploadStart, Error> {
        let digest = escaped(&self.blob.digest().to_string());
        let path = match from {
            Some(from) => {
                format!("{}/blobs/uploads/?mount={digest}&from={}", self.repository, escaped(from))
            }
            None => format!("{}/blobs/uploads/", self.repository),
        };
        let uri = self.session.uri(&path).await?;
        let answer =
            self.session.send(&Call::new(Method::POST, uri.clone(), self.scope, what)).await;
        let answer = answer.map_err(|error| match error {
            Error::NotFound { registry, .. } => Error::NotFound {
                registry,
                what: format!("repository {} that can be pushed to", self.repository),
            },
            other => other,
        })?;
        if answer.status() == StatusCode::CREATED && from.is_some() {
            check_digest(self.session, &answer, self.blob.digest(), what)?;
            return Ok(UploadStart::Mounted);
        }
        let location = self.session.location(&uri, &answer, what).await?;
        // Keep the registry's own parameters.
        let separator = if location.query().is_some() { '&' } else { '?' };
        let complete = format!("{location}{separator}digest={digest}").parse();
        complete
            .map(UploadStart::At)
            .map_err(|_| self.session.protocol(format!("names no place to go for {what}")))
    }

    async fn send(&self, uri: &Uri, what: &str) -> Result<Attempt, Error> {
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
        // An error of the source explains any other error, unless the source failed only because
        // its reader was gone.
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
                return Ok(Attempt::Failed { error: session.failed(failure, what), wait: None });
            }
            Err(failure) => return Err(session.failed(failure, what)),
        };
        let status = answer.status();
        if status == StatusCode::CREATED {
            check_digest(session, &answer, self.blob.digest(), what)?;
            return Ok(Attempt::Done);
        }
        if status == StatusCode::UNAUTHORIZED {
            session.renew(&answer, self.scope, shown.as_ref()).await?;
            return Ok(Attempt::Unauthorized);
        }
        let wait = retry::retry_after(answer.headers());
        let refusal = Refusal::read(answer).await;
        // The upload session is gone; a new one can be started.
        let is_over = matches!(status, StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE)
            || refusal.has_code("BLOB_UPLOAD_UNKNOWN");
        let is_damaged = refusal.has_code("DIGEST_INVALID") || refusal.has_code("SIZE_INVALID");
        let error = refusal.into_error(&session.registry, what);
        if is_over || is_damaged || retry::is_passing(status) {
            return Ok(Attempt::Failed { error, wait });
        }
        Err(error)
    }
}

/// The result of one attempt.
enum Attempt {
    Done,
    Unauthorized,
    Failed { error: Error, wait: Option<std::time::Duration> },
}
