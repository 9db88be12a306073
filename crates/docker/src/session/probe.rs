//! Asks the engine of a session's process while its streams are in use.

use std::time::Duration;

use bollard::query_parameters::{ResizeContainerTTYOptionsBuilder, ResizeExecOptionsBuilder};
use scratchdbg_backend::{Probe, Window};

use crate::transport::Kind;
use crate::{ContainerName, Engine};

/// A process, to ask how it is.
#[derive(Debug, Clone)]
pub struct ProcessProbe {
    pub(super) engine: Engine,
    pub(super) of: Of,
}

#[derive(Debug, Clone)]
pub(super) enum Of {
    /// An exec, by its id.
    Exec(String),
    /// The main process of a container.
    Container(ContainerName),
}

impl Probe for ProcessProbe {
    async fn is_running(&self) -> Result<bool, scratchdbg_backend::Error> {
        let Self { engine, of } = self;
        match of {
            Of::Exec(id) => {
                let state = engine.transport.ask(Kind::Question, engine.docker.inspect_exec(id)).await?;
                Ok(state.running != Some(false))
            }
            Of::Container(container) => Ok(engine.keeps_running(container, Duration::ZERO).await?),
        }
    }

    fn can_signal(&self) -> bool {
        matches!(self.of, Of::Container(_))
    }

    async fn signal(&self, number: u8) -> Result<(), scratchdbg_backend::Error> {
        if let Of::Container(container) = &self.of {
            self.engine.kill(container, number).await?;
        }
        Ok(())
    }

    async fn resize(&self, window: Window) -> Result<(), scratchdbg_backend::Error> {
        let (width, height) = (window.columns.into(), window.rows.into());
        let Self { engine, of } = self;
        match of {
            Of::Exec(id) => {
                let options = ResizeExecOptionsBuilder::default().w(width).h(height).build();
                engine.transport.ask(Kind::Resize, engine.docker.resize_exec(id, options)).await?;
            }
            Of::Container(container) => {
                let options = ResizeContainerTTYOptionsBuilder::default().w(width).h(height).build();
                let resized = engine.docker.resize_container_tty(container.as_str(), options);
                engine.transport.ask(Kind::Resize, resized).await?;
            }
        }
        Ok(())
    }
}
