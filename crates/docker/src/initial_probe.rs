//! Probes a target with the first requests on a new connection.
//!
//! A session inside a target with a lingering keeper must start as fast as the engine can start a
//! process. Negotiating the API version first would cost an additional round trip.

use crate::session::LingeringKeeper;
use crate::transport::Handshake;
use crate::{ContainerName, Endpoint, Engine, Error, Target, containers, labels, session};

/// The facts about a target and its keepers, from the initial probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialProbe {
    /// The target.
    pub(crate) target: Target,
    /// All lingering keepers of all targets, as [`Engine::lingering_keepers`] returns them.
    pub(crate) keepers: Vec<LingeringKeeper>,
}

impl Engine {
    /// Connects, and inspects a container at the same time. The result has no probe if the
    /// container cannot be inspected, or if the engine's API version is newer than ours. The caller
    /// then inspects the container again, which reports any error.
    pub async fn connect_and_probe(
        endpoint: Endpoint,
        container: &ContainerName,
    ) -> Result<(Self, Option<InitialProbe>), Error> {
        let handshake = Handshake::open(&endpoint).await?;
        let target = containers::inspect_path(container.as_str());
        let keepers = containers::list_path(false, &[labels::LABEL_LINGERS.to_owned()]);
        let answers = tokio::join!(handshake.ask(&target), handshake.ask(&keepers));
        let (target, keepers) = match answers {
            (Ok(target), Ok(keepers)) => (target, keepers),
            (Err(error), Err(_)) => return Err(error),
            // The engine may work although one of its containers does not.
            _ => return Ok((Self::connect(endpoint).await?, None)),
        };
        let (Some(target_body), Some(keepers_body)) = (target.known(), keepers.known()) else {
            return Ok((Self::connect(endpoint).await?, None));
        };
        let probe = InitialProbe {
            target: Target::from_inspect(containers::read_container(target_body)?),
            keepers: session::keepers_that_wait(
                containers::read_list(keepers_body)?,
                keepers.date(),
            ),
        };
        Ok((Self::over(handshake.settle(&target)?, endpoint)?, Some(probe)))
    }
}
