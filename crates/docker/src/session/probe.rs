//! Queries the engine about a session's process while its streams are in use.

use std::time::Duration;

use bollard::query_parameters::{ResizeContainerTTYOptionsBuilder, ResizeExecOptionsBuilder};
use scratchdbg_backend::{Probe, Window};

use crate::transport::Kind;
use crate::{ContainerName, Engine};

/// A handle for queries about a process.
#[derive(Debug, Clone)]
pub struct ProcessProbe {
    pub(super) engine: Engine,
    pub(super) of: ProbeTarget,
}

#[derive(Debug, Clone)]
pub(super) enum ProbeTarget {
    /// An exec, by its id.
    Exec(String),
    /// The main process of a container.
    Container(ContainerName),
}

impl Probe for ProcessProbe {
    async fn is_running(&self) -> Result<bool, scratchdbg_backend::Error> {
        let Self { engine, of } = self;
        match of {
            ProbeTarget::Exec(id) => {
                let state =
                    engine.transport.ask(Kind::Question, engine.docker.inspect_exec(id)).await?;
                Ok(state.running != Some(false))
            }
            ProbeTarget::Container(container) => {
                Ok(engine.keeps_running(container, Duration::ZERO).await?)
            }
        }
    }

    fn can_signal(&self) -> bool {
        matches!(self.of, ProbeTarget::Container(_))
    }

    async fn signal(&self, number: u8) -> Result<(), scratchdbg_backend::Error> {
        if let ProbeTarget::Container(container) = &self.of {
            self.engine.kill(container, number).await?;
        }
        Ok(())
    }

    async fn resize(&self, window: Window) -> Result<(), scratchdbg_backend::Error> {
        let (width, height) = (window.columns.into(), window.rows.into());
        let Self { engine, of } = self;
        match of {
            ProbeTarget::Exec(id) => {
                let options = ResizeExecOptionsBuilder::default().w(width).h(height).build();
                engine.transport.ask(Kind::Resize, engine.docker.resize_exec(id, options)).await?;
            }
            ProbeTarget::Container(container) => {
                let options =
                    ResizeContainerTTYOptionsBuilder::default().w(width).h(height).build();
                let resized = engine.docker.resize_container_tty(container.as_str(), options);
                engine.transport.ask(Kind::Resize, resized).await?;
            }
        }
        Ok(())
    }
}
