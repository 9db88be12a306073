//! Copies the user's input to the session's process.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::keys::Keys;

/// Platforms copy in chunks of 32 KiB.
const BUFFER: usize = 32 << 10;

/// Why copying the input ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InputEnd {
    /// There is no more, or the process reads no more.
    Closed,
    /// The user typed the detach keys.
    Detached,
}

/// Forwards the user's input to the process, through `keys`. Closes the process's input at the end
/// of file, because the process may still answer. Failing to read the input is an error, not an end
/// of file. The key that completes the detach keys is not forwarded.
pub(crate) async fn forward_input(
    input: Option<impl AsyncRead + Unpin>,
    mut writer: impl AsyncWrite + Unpin,
    mut keys: Option<Keys>,
) -> std::io::Result<InputEnd> {
    if let Some(mut input) = input {
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = input.read(&mut buffer).await?;
            let piece = &buffer[..count];
            if let Some(of_session) = keys.as_mut().and_then(|keys| keys.see(piece)) {
                // The session ends, whether or not the process reads this.
                let _written = writer.write_all(&piece[..of_session]).await;
                let _flushed = writer.flush().await;
                return Ok(InputEnd::Detached);
            }
            // A failed write means that the process has closed its input or has exited. Its output
            // tells which.
            if count == 0 || writer.write_all(piece).await.is_err() || writer.flush().await.is_err()
            {
                break;
            }
        }
    }
    let _closed = writer.shutdown().await;
    Ok(InputEnd::Closed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Typed;

    #[tokio::test]
    async fn an_input_that_cannot_be_read_is_no_end() {
        struct Broken;
        impl AsyncRead for Broken {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
                _: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Err(std::io::Error::other("broken")))
            }
        }
        assert!(forward_input(Some(Broken), tokio::io::sink(), None).await.is_err());
        assert!(forward_input(Some(&b"text"[..]), tokio::io::sink(), None).await.is_ok());
        assert!(forward_input(None::<tokio::io::Empty>, tokio::io::sink(), None).await.is_ok());
    }

    #[tokio::test]
    async fn nothing_of_the_detach_keys_is_lost_or_doubled_for_the_session() {
        for (typed, passed, end) in [
            (&b"ls\r\x10\x11"[..], &b"ls\r"[..], InputEnd::Detached),
            (b"\x10\x10\x11more", b"\x10", InputEnd::Detached),
            (b"\x10\x10\x10x", b"\x10\x10\x10x", InputEnd::Closed),
            (b"\x10x\x11\x10", b"\x10x\x11\x10", InputEnd::Closed),
        ] {
            let keys = Keys::watch(b"\x10\x11".to_vec(), Typed::default());
            let mut written = Vec::new();
            assert_eq!(
                forward_input(Some(typed), &mut written, Some(keys)).await.unwrap(),
                end,
                "{typed:?}"
            );
            assert_eq!(written, passed, "{typed:?}");
        }
    }
}
