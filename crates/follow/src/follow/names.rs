//! Follows a container that was renamed, and another one that has its name now.

use scratchdbg_backend::{LogBackend, LogSource};
use scratchdbg_logs::resume::Resume;

use crate::{Error, LogReader, Notice, Sink};

impl<B: LogBackend, S: Sink> LogReader<'_, B, S> {
    /// Looks for the container by its id, because its name is another one's (`is_taken`) or
    /// nobody's. If it is there, it was renamed, and is followed by its id from now on.
    pub(super) async fn renamed(&mut self, is_taken: bool) -> Result<Option<LogSource>, Error> {
        // On some platforms, what is asked for is not a container's own name.
        let is_by_id = self.lookup.as_str() == self.source.id;
        let Some(id) =
            self.source.id.parse().ok().filter(|_| !self.source.is_found_by_name && !is_by_id)
        else {
            return Ok(None);
        };
        let Ok(source) = self.backend.log_source(&id).await else { return Ok(None) };
        self.pipeline.flush(&mut self.sink)?;
        self.sink.notice(Notice::Renamed { name: source.name.clone(), is_taken })?;
        self.by_name = Some(std::mem::replace(&mut self.lookup, id));
        Ok(Some(source))
    }

    /// After a renamed container has ended, begins the log of the container that has its name now.
    /// Returns `false` if there is none.
    pub(super) async fn go_on_by_name(&mut self) -> Result<bool, Error> {
        let Some(name) = self.by_name.take() else { return Ok(false) };
        match self.backend.log_source(&name).await {
            Ok(source) if source.id != self.source.id => {
                self.lookup = name;
                self.begin_recreated(source)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The container was removed, and another one was created under its name.
    pub(super) fn begin_recreated(&mut self, source: LogSource) -> Result<(), Error> {
        self.pipeline.flush(&mut self.sink)?;
        self.tell_unread_end()?;
        for notice in self.runs.remaining() {
            self.sink.notice(notice)?;
        }
        self.sink.notice(Notice::Recreated)?;
        (self.is_gone, self.has_unread_end) = (false, false);
        self.source = source;
        self.resume = Resume::new();
        self.runs.begin_anew();
        Ok(())
    }
}
