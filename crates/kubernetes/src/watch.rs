//! Watches changes of objects: a stream of JSON, one document per line.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::client::Client;
use crate::error::{Error, Refusal};

/// The longest event that is read, in bytes. An object has at most 1.5 MiB (etcd), and is sent as
/// JSON.
const LONGEST: usize = 16 << 20;

/// A change of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change<T> {
    /// The current state of an object that was created, was changed, or existed at the beginning.
    Is(T),
    /// The object was removed.
    Removed(T),
    /// The watch can continue from this version.
    Bookmark(String),
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: serde_json::Value,
}

#[derive(Deserialize)]
struct Bookmark {
    metadata: crate::list::ListMetadata,
}

impl Client {
    /// Opens a watch. A watch ends by itself after a while, and must be opened again.
    pub(crate) async fn watch<T: DeserializeOwned + Send>(
        &self,
        call: &Call,
    ) -> Result<Watch<T>, Error> {
        let bytes: BoxStream<'static, Result<Bytes, Error>> = match self.stream(call).await? {
            Some(bytes) => Box::pin(bytes),
            None => Box::pin(futures_util::stream::empty()),
        };
        Ok(Watch {
            bytes,
            lines: Lines::default(),
            call: call.clone(),
            client: self.clone(),
            kind: PhantomData,
        })
    }
}

/// An open watch.
pub(crate) struct Watch<T> {
    bytes: BoxStream<'static, Result<Bytes, Error>>,
    lines: Lines,
    call: Call,
    client: Client,
    kind: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Watch<T> {
    fn read(&self, line: &[u8]) -> Result<Option<Change<T>>, Error> {
        let broken = |error: serde_json::Error| Error::broken(&self.call, error);
        let event: Event = serde_json::from_slice(line).map_err(broken)?;
        let object = event.object;
        match event.kind.as_str() {
            "ADDED" | "MODIFIED" => {
                Ok(Some(Change::Is(serde_json::from_value(object).map_err(broken)?)))
            }
            "DELETED" => Ok(Some(Change::Removed(serde_json::from_value(object).map_err(broken)?))),
            "BOOKMARK" => {
                let bookmark: Bookmark = serde_json::from_value(object).map_err(broken)?;
                Ok(Some(Change::Bookmark(bookmark.metadata.resource_version)))
            }
            "ERROR" => {
                let code = object["code"].as_u64().and_then(|code| code.try_into().ok());
                Err(Error::Refused {
                    call: Box::new(self.call.clone()),
                    refusal: Refusal::read(code.unwrap_or(500), object.to_string().as_bytes()),
                    place: std::sync::Arc::clone(&self.client.place),
                })
            }
            _ => Ok(None),
        }
    }
}

impl<T: DeserializeOwned> Stream for Watch<T> {
    type Item = Result<Change<T>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(line) = self.lines.next() {
                match self.read(&line).transpose() {
                    Some(change) => return Poll::Ready(Some(change)),
                    None => continue,
                }
            }
            match self.bytes.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => {
                    if !self.lines.push(&bytes) {
                        return Poll::Ready(Some(Err(Error::broken(
                            &self.call,
                            "an event of the watch is too long",
                        ))));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Splits received bytes into lines.
#[derive(Debug, Default)]
struct Lines {
    held: Vec<u8>,
    /// The number of leading bytes that contain no newline.
    searched: usize,
}

impl Lines {
    /// Appends received bytes. Returns `false` if a line is too long.
    fn push(&mut self, piece: &[u8]) -> bool {
        self.held.extend_from_slice(piece);
        self.held.len() <= LONGEST + piece.len()
    }

    /// Returns the next complete line that is not empty.
    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let Some(found) = self.held[self.searched..].iter().position(|byte| *byte == b'\n')
            else {
                self.searched = self.held.len();
                return None;
            };
            let end = self.searched + found;
            let rest = self.held.split_off(end + 1);
            let mut line = std::mem::replace(&mut self.held, rest);
            self.searched = 0;
            line.truncate(end);
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"{\"a\":1}\n\n{\"b\":2}\r\n{\"c\"";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for piece in text.chunks(size) {
                assert!(lines.push(piece));
                found.extend(std::iter::from_fn(|| lines.next()));
            }
            assert_eq!(found, [b"{\"a\":1}".to_vec(), b"{\"b\":2}\r".to_vec()], "{size}");
            assert_eq!(lines.held, b"{\"c\"");
        }
    }
}
