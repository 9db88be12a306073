//! The first look at a target, which is the first that is said to an engine.
//!
//! A session inside a target with a keeper that lingers is to be as fast as the engine can start a process. To settle the
//! API version first would be a round trip for itself.

use crate::session::LingeringKeeper;
use crate::transport::Handshake;
use crate::{ContainerName, Endpoint, Engine, Error, Target, containers, labels, session};

/// What a session wants to know of its surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstLook {
    /// The target.
    pub(crate) target: Target,
    /// All keepers that wait for a session, of all targets, as [`Engine::lingering_keepers`] tells.
    pub(crate) keepers: Vec<LingeringKeeper>,
}

impl Engine {
    /// Connects, and looks at a container. The look is an offer: there is none of a container that cannot be looked up, nor
    /// of an engine whose newest dialect we do not know. What is wrong then, asking again tells.
    pub async fn connect_looking_at(
        endpoint: Endpoint,
        container: &ContainerName,
    ) -> Result<(Self, Option<FirstLook>), Error> {
        let handshake = Handshake::open(&endpoint).await?;
        let target = containers::inspect_path(container.as_str());
        let keepers = containers::list_path(false, &[labels::LABEL_LINGERS.to_owned()]);
        let answers = tokio::join!(handshake.ask(&target), handshake.ask(&keepers));
        let (target, keepers) = match answers {
            (Ok(target), Ok(keepers)) => (target, keepers),
            (Err(error), Err(_)) => return Err(error),
            // An engine can be well and one of its containers not.
            _ => return Ok((Self::connect(endpoint).await?, None)),
        };
        let (Some(target_body), Some(keepers_body)) = (target.known(), keepers.known()) else {
            return Ok((Self::connect(endpoint).await?, None));
        };
        let look = FirstLook {
            target: Target::from_inspect(containers::read_container(target_body)?),
            keepers: session::keepers_that_wait(containers::read_list(keepers_body)?, keepers.date()),
        };
        Ok((Self::over(handshake.settle(&target)?, endpoint)?, Some(look)))
    }
}
