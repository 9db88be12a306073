//! The user's side of a session: this process's standard streams and terminal.

use std::cell::RefCell;
use std::io::{Stderr, Stdout};

use jiff::Timestamp;
use scratchdbg_backend::{Error, ErrorKind, Interrupts, Plan, Window};
use scratchdbg_console::printer::Printer;
use scratchdbg_console::signals::PassedOn;
use scratchdbg_console::streams::{self, Outlet};
use scratchdbg_console::terminal::{self, Input, RawMode};
use scratchdbg_session::{Audit, Consent, Notice, SessionEnd, Stage, Streams, User};
use tokio::sync::watch;

use crate::{consent, words};

/// Standard streams, a terminal if there is one, and the audit file.
#[derive(Debug)]
pub struct TerminalUser {
    printer: Printer,
    audit: Option<Audit>,
    /// Set only while a session uses the terminal: before and after, Ctrl-C is a signal to this
    /// process.
    raw_mode: RefCell<Option<RawMode>>,
    /// Set while the first signal is passed on to the command.
    passed_on: RefCell<Option<PassedOn>>,
}

impl TerminalUser {
    /// Uses the standard streams. Sessions are recorded in the audit file.
    pub fn new(printer: Printer, audit: Option<Audit>) -> Self {
        Self { printer, audit, raw_mode: RefCell::default(), passed_on: RefCell::default() }
    }
}

fn cannot(what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Local, format!("cannot {what}: {error}"))
}

impl User for TerminalUser {
    type Input = Input;
    type Output = Outlet<Stdout>;
    type Errors = Outlet<Stderr>;

    fn streams(&mut self) -> Streams<Input, Self::Output, Self::Errors> {
        // Reading needs a thread of its own.
        let input = (!terminal::input_is_null()).then(Input::open);
        Streams {
            input,
            output: Outlet::of(streams::stdout()),
            error: Outlet::of(streams::stderr()),
        }
    }

    fn windows(&mut self) -> Result<watch::Receiver<Option<Window>>, Error> {
        terminal::windows().map_err(|error| cannot("watch the terminal's size", error))
    }

    fn enter(&self, stage: Stage, plan: &Plan) -> Result<(), Error> {
        match stage {
            Stage::Starting => *self.passed_on.borrow_mut() = (!plan.tty).then(PassedOn::begin),
            Stage::Running if plan.tty => {
                let raw = RawMode::enable().map_err(|error| cannot("switch the terminal to raw mode", error))?;
                *self.raw_mode.borrow_mut() = Some(raw);
            }
            Stage::Running => {}
            Stage::Unclear => self.printer.note(&format!(
                "the session's stream ended without a word from the launcher; asking the {} how the command did",
                plan.platform
            )),
            Stage::Ending => *self.raw_mode.borrow_mut() = None,
            Stage::Over => {
                *self.passed_on.borrow_mut() = None;
                *self.raw_mode.borrow_mut() = None;
            }
        }
        Ok(())
    }

    fn tell(&self, notice: Notice<'_>) {
        words::tell(notice, self.printer);
    }

    async fn agree(
        &mut self,
        plan: &Plan,
        refusal: &Error,
        interrupts: &mut Interrupts,
    ) -> Consent {
        consent::obtain(plan, refusal, self.printer, interrupts).await
    }

    fn begins(&mut self, plan: &Plan, at: Timestamp) -> Result<(), Error> {
        self.audit.as_mut().map_or(Ok(()), |audit| audit.start(plan, at))
    }

    fn ended(
        &mut self,
        plan: &Plan,
        began: Timestamp,
        end: &Result<SessionEnd, Error>,
    ) -> Result<(), Error> {
        self.audit.as_mut().map_or(Ok(()), |audit| audit.end(plan, began, end))
    }
}
