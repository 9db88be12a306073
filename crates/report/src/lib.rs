//! Reports of incidents: the facts about a container in, a page or a picture in text out.
//!
//! This crate does no I/O. The caller collects an [`Incident`], with what a [`LogCollector`] has
//! counted of the log.
//!
//! * [`History`]: the runs of a container, from its events and state, or from its pod;
//! * [`LogCollector`]: counts lines, and keeps the last lines before each end, in bounded memory;
//! * [`Incident::to_text`]: the timeline for a terminal;
//! * [`Incident::to_html`]: one page that needs nothing else.
//!
//! A page is handed on. So everything that a container controls is escaped in it, and what looks
//! like a secret is masked (`mask`). Its size is bounded, whatever there is to tell.

mod axis;
mod history;
mod incident;
mod log;
mod mask;
mod page;
mod text;

pub use history::{End, History, Mark, Outcome, Run};
pub use incident::{Incident, Subject};
pub use log::{Log, LogCollector};
