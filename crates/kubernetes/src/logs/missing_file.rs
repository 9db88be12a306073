//! A log whose file is not there at the moment.
//!
//! A node makes, renames and removes the files of a container's log while the container restarts.
//! A request that comes in between gets the kubelet's error in the place of the log, with the
//! status of a success. A moment later the file may be there.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, empty, iter, once};

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;

/// A log as the API server sends it.
type RawLog = BoxStream<'static, Result<Bytes, Error>>;

/// How often the log is requested again.
const ATTEMPTS: u32 = 5;

/// The pause before each request.
const PAUSE: Duration = Duration::from_millis(400);

/// Whether a text is a kubelet's error about a missing file. Each line of a log begins with its
/// time, so no program can write such a text.
pub(super) fn is_told(text: &[u8]) -> bool {
    text.starts_with(b"failed to try resolving symlinks in path ")
        && memchr::memmem::find(text, b"no such file or directory").is_some()
}

/// Requests a log again for some time if its file is not there.
pub(super) fn retried(client: Client, call: Call, log: RawLog) -> RawLog {
    once(begun(client, call, log)).flatten().boxed()
}

/// Returns the log from its first piece on. Without a file, that is the kubelet's error.
async fn begun(client: Client, call: Call, mut log: RawLog) -> RawLog {
    for _ in 0..ATTEMPTS {
        match log.next().await {
            Some(Ok(piece)) if is_told(&piece) => {}
            Some(first) => return iter([first]).chain(log).boxed(),
            // A stream that has ended must not be asked again.
            None => return empty().boxed(),
        }
        tracing::debug!("the file of the log is not there");
        tokio::time::sleep(PAUSE).await;
        log = match client.stream(&call).await {
            Ok(Some(again)) => again,
            Ok(None) => return empty().boxed(),
            Err(error) => return once(async { Err(error) }).boxed(),
        };
    }
    log
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;
    use crate::client::stand_in::{Answers, client};
    use crate::kind::Kind;

    const WORDS: &str = "failed to try resolving symlinks in path \"/var/log/pods/a/app/0.log\": lstat /var/log/pods/a/app/0.log: no such file or directory";

    #[test]
    fn only_the_kubelets_words_are_taken_for_them() {
        assert!(is_told(WORDS.as_bytes()));
        for other in [
            "",
            "unable to retrieve container logs for containerd://0123",
            "2026-11-27T03:00:05.5Z failed to try resolving symlinks in path: no such file or directory",
            "failed to try resolving symlinks in path \"/x\": permission denied",
        ] {
            assert!(!is_told(other.as_bytes()), "{other}");
        }
    }

    #[tokio::test]
    async fn the_log_is_read_when_its_file_is_there() {
        let read = async |answers: &[&str]| {
            let client = client(Answers::of(answers)).await;
            let call = Call::get(Kind::Pod, "shop", "web").of("log");
            let log = client.stream(&call).await.unwrap().unwrap();
            let pieces: Vec<Bytes> = retried(client, call, log).try_collect().await.unwrap();
            String::from_utf8(pieces.concat()).unwrap()
        };
        assert_eq!(read(&["a line\n"]).await, "a line\n");
        assert_eq!(read(&[""]).await, "", "an empty log");
        assert_eq!(read(&[WORDS, WORDS, "a line\n"]).await, "a line\n");
        assert_eq!(read(&[WORDS; 20]).await, WORDS, "it is not there");
    }
}
