//! Reads small responses completely: a manifest, a token. Both size and total time are limited. A
//! limit on silence would not suffice: a byte now and then would renew it.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use scratchdbg_pace::{Pace, TooSlow};
use tokio::time::Instant;

use crate::error::Error;
use crate::session::Session;

/// Reads the body of a response of at most `largest` bytes.
pub(crate) async fn read(
    session: &Session,
    answer: Response<Incoming>,
    largest: usize,
    what: &str,
) -> Result<Bytes, Error> {
    let (begun, mut body, mut all) = (Instant::now(), answer.into_body(), BytesMut::new());
    let mut pace = Pace::new(session.policy.silence);
    loop {
        let left = session.policy.whole.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(session
                .too_slow(TooSlow { waited: session.policy.whole, came: all.len() as u64 }, what));
        }
        let (since, limit) = (Instant::now(), left.min(pace.left()));
        let frame = tokio::time::timeout(limit, body.frame()).await;
        let data = match frame {
            Ok(None) => return Ok(all.freeze()),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            Ok(Some(Err(error))) => {
                let (registry, reason) =
                    (session.registry.clone(), crate::transport::innermost(&error));
                return Err(Error::Broken { registry, what: what.to_owned(), reason });
            }
            Err(_) => Bytes::new(),
        };
        all.extend_from_slice(&data);
        if all.len() > largest {
            return Err(session.protocol(format!("has more than {} MiB as {what}", largest >> 20)));
        }
        pace.waited(since.elapsed(), data.len()).map_err(|slow| session.too_slow(slow, what))?;
    }
}
