//! Waits for the end of a container that the engine removes by itself, to get the container's exit
//! code.

use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::transport::full;
use crate::{ContainerName, Engine, Error};

/// The answer to a wait request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WaitAnswer {
    status_code: i64,
}

/// The maximum length of an answer.
const MAX_ANSWER: usize = 64 << 10;

/// A pending wait request, which the engine answers once it has removed the container.
#[derive(Debug)]
pub(super) struct ExitWaiter {
    answer: JoinHandle<Result<i64, Error>>,
}

impl Drop for ExitWaiter {
    fn drop(&mut self) {
        // The answer is no longer needed.
        self.answer.abort();
    }
}

impl ExitWaiter {
    /// Sends the wait request. This must happen before the start: a removed container cannot be
    /// waited for, and a request that arrives while Docker removes the container may never be
    /// answered. Docker starts its answer once it is waiting for the container, and this function
    /// waits for the start of the answer. Podman does not.
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
            // Podman reports exit code 0 for a container that is already removed, so its end is
            // waited for separately. A container that is gone at Podman's next poll is known only
            // from its record.
            let ended = engine.transport.fetch(ended).await;
            match engine.transport.fetch(removed).await {
                Err(error) if !error.is_no_such_container() => return Err(error),
                _ => {}
            }
            match ended {
                Ok(ended) => read(&ended),
                Err(error) if error.is_no_such_container() => {
                    engine.recorded_exit_code(&container).await.ok_or(error)
                }
                Err(error) => Err(error),
            }
        });
        Ok(Self { answer })
    }

    /// Whether the container is removed, or the request failed.
    pub(super) fn is_over(&self) -> bool {
        self.answer.is_finished()
    }

    /// Waits for the removal, and returns the exit code.
    pub(super) async fn exit_code(&mut self) -> Result<i64, Error> {
        (&mut self.answer)
            .await
            .map_err(|error| Error::transport("wait for the session's container", error))?
    }
}

impl Engine {
    /// Returns the exit code that the engine recorded when the container ended.
    pub(super) async fn recorded_exit_code(&self, container: &ContainerName) -> Option<i64> {
        let host = self.host_facts().await.ok()?;
        let events = self.events_of(container.as_str(), &host).await?;
        events.iter().rev().find(|event| event.action == "die")?.exit_code
    }
}

fn read(answer: &Bytes) -> Result<i64, Error> {
    let ended: Result<WaitAnswer, _> = serde_json::from_slice(answer);
    Ok(ended
        .map_err(|error| Error::transport("wait for the session's container", error))?
        .status_code)
}
