//! The end of a container that the engine removes by itself, and the exit code that it had.

use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::transport::full;
use crate::{ContainerName, Engine, Error};

/// The answer to a wait.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ended {
    status_code: i64,
}

/// No answer to it is longer.
const MAX_ANSWER: usize = 64 << 10;

/// A question that the engine answers once it has removed the container.
#[derive(Debug)]
pub(super) struct Removal {
    answer: JoinHandle<Result<i64, Error>>,
}

impl Drop for Removal {
    fn drop(&mut self) {
        // Nobody waits for the answer any more.
        self.answer.abort();
    }
}

impl Removal {
    /// Asks for it. This goes before the start: of a container that is gone nothing can be asked, and a question that comes while
    /// Docker removes the container may stay without an answer for ever. Docker begins its answer when it has begun to wait, and
    /// that is waited for; Podman does not.
    pub(super) async fn ask(engine: &Engine, container: &ContainerName) -> Result<Self, Error> {
        let wait = |condition: &str| {
            let path = format!("/containers/{container}/wait?condition={condition}");
            engine.transport.request(Method::POST, &path, full(""))
        };
        let removed = wait("removed")?;
        if !engine.is_podman() {
            let mut answer = engine.transport.stream(removed).await?;
            let answer = tokio::spawn(async move { read(&answer.collect(MAX_ANSWER).await?) });
            return Ok(Self { answer });
        }
        let ended = wait("next-exit")?;
        let (engine, container) = (engine.clone(), container.clone());
        let answer = tokio::spawn(async move {
            // Podman tells of a container that is gone that it ended with 0, so the end is waited for by itself. One that was
            // gone at its next look it knows nothing of, save in its record.
            let ended = engine.transport.fetch(ended).await;
            match engine.transport.fetch(removed).await {
                Err(error) if !error.is_no_such_container() => return Err(error),
                _ => {}
            }
            match ended {
                Ok(ended) => read(&ended),
                Err(error) if error.is_no_such_container() => engine.recorded_exit_code(&container).await.ok_or(error),
                Err(error) => Err(error),
            }
        });
        Ok(Self { answer })
    }

    /// It is removed, or the question failed.
    pub(super) fn is_over(&self) -> bool {
        self.answer.is_finished()
    }

    /// Waits for the removal; the exit code.
    pub(super) async fn exit_code(&mut self) -> Result<i64, Error> {
        (&mut self.answer).await.map_err(|error| Error::transport("wait for the session's container", error))?
    }
}

impl Engine {
    /// The exit code that the engine wrote down when the container ended.
    pub(super) async fn recorded_exit_code(&self, container: &ContainerName) -> Option<i64> {
        let host = self.host_facts().await.ok()?;
        let events = self.events_of(container.as_str(), &host).await?;
        events.iter().rev().find(|event| event.action == "die")?.exit_code
    }
}

fn read(answer: &Bytes) -> Result<i64, Error> {
    let ended: Result<Ended, _> = serde_json::from_slice(answer);
    Ok(ended.map_err(|error| Error::transport("wait for the session's container", error))?.status_code)
}
