//! Loads images into the engine.

use std::io::Write;

use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use crate::transport::{BoxError, Kind};
use crate::upload::{Upload, is_closed_channel};
use crate::{Engine, Error};

/// The longest accepted response to a load, which is normally a few lines.
const MAX_LOAD_ANSWER: usize = 1 << 20;

impl Engine {
    /// Loads an image archive that `produce` writes while it is sent, so that neither side stores a
    /// copy before the engine unpacks it.
    pub async fn load<E>(
        &self,
        produce: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
    ) -> Result<(), Error>
    where
        E: Into<BoxError>,
    {
        let Upload { body, progress, production } = Upload::of(produce, "the image");
        let mut request = self.transport.request(Method::POST, "/images/load?quiet=1", body)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        let sent = self.transport.send_with(request, &progress).await;
        let sent = match sent {
            Ok(answer) => {
                self.transport.pieces(Kind::Load, "load", answer).collect(MAX_LOAD_ANSWER).await
            }
            Err(error) => Err(error),
        };
        // If the producer failed, its error explains the request's. If the request failed first,
        // the producer only sees a closed channel.
        let produced = production.await.map_err(|error| Error::Produce(error.into()))?;
        match (sent, produced) {
            (Ok(answer), Ok(())) => load_outcome(&answer),
            (Err(Error::Api(error)), _) => Err(Error::Load { message: error.message }),
            (_, Err(error)) if !is_closed_channel(error.as_ref()) => Err(Error::Produce(error)),
            (Err(error), _) => Err(error),
            (Ok(_), Err(error)) => Err(Error::Produce(error)),
        }
    }
}

/// Reads the result of a load. The engine responds with 200 and reports errors inside the response,
/// which is a sequence of JSON values.
fn load_outcome(answer: &[u8]) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Progress {
        error: Option<String>,
        stream: Option<String>,
        status: Option<String>,
    }
    let mut is_said = false;
    for value in serde_json::Deserializer::from_slice(answer).into_iter::<Progress>() {
        let value = value.map_err(|error| Error::transport("load an image", error))?;
        if let Some(message) = value.error {
            return Err(Error::Load { message });
        }
        is_said |= value.stream.or(value.status).is_some_and(|said| !said.is_empty());
    }
    if is_said {
        Ok(())
    } else {
        Err(Error::transport("load an image", "the engine does not say that it did"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_load_is_found_inside_a_good_answer() {
        let good = b"{\"stream\":\"Loaded image: a:1\\n\"}\r\n";
        assert!(load_outcome(good).is_ok());
        let bad = b"{\"status\":\"x\"}\r\n{\"errorDetail\":{\"message\":\"no space\"},\"error\":\"no space\"}\r\n";
        assert!(matches!(load_outcome(bad), Err(Error::Load { message }) if message == "no space"));
        for odd in [
            "",
            "{}",
            "null",
            "[]",
            "<html>",
            "{\"stream\":\"Loaded image: a",
            "{\"stream\":\"a\"}\r\n{\"er",
        ] {
            assert!(
                matches!(load_outcome(odd.as_bytes()), Err(Error::Transport { .. })),
                "{odd:?}"
            );
        }
    }
}
