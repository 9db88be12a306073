//! Detects pipes and devices that a container put in place of the files in which users are looked
//! up.
//!
//! Engines open `/etc/passwd` and `/etc/group` of a container when they pack its files and when
//! they start a process in it, and wait forever if one of them is a pipe without a writer. Docker
//! 20.10 holds a lock meanwhile, which blocks all other operations on the container. A request for
//! the type of a file opens nothing, so it is sent first.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, Response};
use serde::Deserialize;

use super::{MAX_LINKS, percent_encode};
use crate::transport::full;
use crate::user::FILES;
use crate::{ContainerName, Engine, Error};

/// How long the engine may take to describe a file. A proxy may not know such requests.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The header in which the engine describes a file without opening it.
const STAT: &str = "x-docker-container-path-stat";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stat {
    /// The mode, as Go's `fs.FileMode`.
    mode: u32,
    /// The target of a symbolic link.
    link_target: String,
}

impl Stat {
    const SYMLINK: u32 = 1 << 27;
    const DEVICE: u32 = 1 << 26;
    const PIPE: u32 = 1 << 25;

    fn of<B>(response: &Response<B>) -> Option<Self> {
        let json = STANDARD.decode(response.headers().get(STAT)?.as_bytes()).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Returns the type of the file if opening it may block.
    fn blocking(&self) -> Option<&'static str> {
        if self.mode & Self::PIPE != 0 {
            Some("a named pipe")
        } else if self.mode & Self::DEVICE != 0 {
            Some("a device")
        } else {
            None
        }
    }
}

impl Engine {
    /// Fails if the engine would wait forever for a file in which the container's users are looked
    /// up.
    pub(crate) async fn expect_no_blocking_file(
        &self,
        container: &ContainerName,
    ) -> Result<(), Error> {
        // One after the other: another connection takes longer where it leads over SSH.
        for path in FILES {
            self.expect_not_blocking(container, path).await?;
        }
        Ok(())
    }

    async fn expect_not_blocking(
        &self,
        container: &ContainerName,
        path: &'static str,
    ) -> Result<(), Error> {
        let mut place = path.to_owned();
        for _ in 0..MAX_LINKS {
            let query = format!("/containers/{container}/archive?path={}", percent_encode(&place));
            let request = self.transport.request(Method::HEAD, &query, full(""))?;
            let response = tokio::time::timeout(MAX_WAIT, self.transport.send(request)).await;
            // Without a description, the file does not exist, or the next request shows the
            // problem.
            let Some(stat) =
                response.ok().and_then(Result::ok).and_then(|response| Stat::of(&response))
            else {
                return Ok(());
            };
            if let Some(what) = stat.blocking() {
                return Err(Error::BlockingFile { path, what });
            }
            if stat.mode & Stat::SYMLINK == 0
                || stat.link_target.is_empty()
                || stat.link_target == place
            {
                return Ok(());
            }
            place = stat.link_target;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_blocks_is_known_by_its_kind() {
        let of = |json: &str| {
            let response = Response::builder()
                .header(STAT, STANDARD.encode(json))
                .body(())
                .expect("a response");
            Stat::of(&response)
        };
        for (json, blocking) in [
            (r#"{"name":"group","size":0,"mode":33554852,"linkTarget":""}"#, Some("a named pipe")),
            (r#"{"name":"group","mode":69206454}"#, Some("a device")),
            (r#"{"name":"group","mode":420}"#, None),
            (r#"{"name":"group","mode":134218239,"linkTarget":"/tmp/pipe"}"#, None),
            (r#"{"name":"etc","mode":2147484141}"#, None),
        ] {
            assert_eq!(of(json).expect("a stat").blocking(), blocking, "{json}");
        }
        assert_eq!(
            of(r#"{"mode":134218239,"linkTarget":"/tmp/pipe"}"#).expect("a stat").link_target,
            "/tmp/pipe"
        );
        assert!(of("no JSON").is_none());
        assert!(Stat::of(&Response::new(())).is_none());
    }
}
