//! Tests sessions on a platform in memory: every way a session can end, and what follows.

mod ended;
mod next;

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use scratchdbg_backend::{
    Error, ErrorKind, Interrupts, Mode, Phase, Plan, PlanRequest, ProcessEnd, SessionTarget, Window,
};
use scratchdbg_testkit::fake_session::{FakeSessions, FakeTools, Script, Write};
use tokio::io::{AsyncWrite, Empty};
use tokio::sync::{mpsc, watch};

use crate::{Consent, Notice, Request, SessionEnd, Stage, Streams, User, run};

/// A writer that stores what is written to it.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .expect("it is text")
    }
}

impl AsyncWrite for Kept {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A user that records notices, and answers questions as the test specifies.
struct Recorder {
    output: Kept,
    errors: Kept,
    said: RefCell<Vec<String>>,
    stages: RefCell<Vec<Stage>>,
    answer: Consent,
    /// Called at each stage.
    at: Box<dyn Fn(Stage)>,
}

impl User for Recorder {
    type Input = Empty;
    type Output = Kept;
    type Errors = Kept;

    fn streams(&mut self) -> Streams<Empty, Kept, Kept> {
        Streams { input: None, output: self.output.clone(), error: self.errors.clone() }
    }

    fn windows(&mut self) -> Result<watch::Receiver<Option<Window>>, Error> {
        Ok(watch::channel(None).1)
    }

    fn enter(&self, stage: Stage, _: &Plan) -> Result<(), Error> {
        self.stages.borrow_mut().push(stage);
        (self.at)(stage);
        Ok(())
    }

    fn tell(&self, notice: Notice<'_>) {
        let word = format!("{notice:?}");
        let end = word.find(|character: char| !character.is_alphanumeric()).unwrap_or(word.len());
        self.said.borrow_mut().push(word[..end].to_owned());
    }

    async fn agree(&mut self, _: &Plan, _: &Error, _: &mut Interrupts) -> Consent {
        self.said.borrow_mut().push("question".to_owned());
        self.answer
    }

    fn begins(&mut self, plan: &Plan, _: Timestamp) -> Result<(), Error> {
        self.said.borrow_mut().push(format!("begins {}", plan.mode().as_str()));
        Ok(())
    }

    fn ended(
        &mut self,
        _: &Plan,
        _: Timestamp,
        end: &Result<SessionEnd, Error>,
    ) -> Result<(), Error> {
        let word = match end {
            Ok(SessionEnd::Code(code)) => format!("ended {code}"),
            Ok(other) => {
                format!("{other:?}").split([' ', '(']).next().unwrap_or_default().to_owned()
            }
            Err(error) => format!("failed: {}", error.message),
        };
        self.said.borrow_mut().push(word);
        Ok(())
    }
}

/// A test case.
struct Case {
    platform: FakeSessions,
    request: Request,
    answer: Consent,
    signals: Option<mpsc::UnboundedReceiver<u8>>,
    at: Box<dyn Fn(Stage)>,
}

/// The result of a test case.
struct Seen {
    code: Result<u8, Error>,
    output: String,
    errors: String,
    said: Vec<String>,
    stages: Vec<Stage>,
}

impl Case {
    fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self {
            platform: FakeSessions::new(scripts),
            request: Request {
                target: SessionTarget::Container("web".parse().expect("a name")),
                plan: PlanRequest::default(),
                trust_neighbors: false,
                follow_restarts: false,
            },
            answer: Consent::Refused,
            signals: None,
            at: Box::new(|_| {}),
        }
    }

    async fn run(self) -> (FakeSessions, Seen) {
        let mut user = Recorder {
            output: Kept::default(),
            errors: Kept::default(),
            said: RefCell::default(),
            stages: RefCell::default(),
            answer: self.answer,
            at: self.at,
        };
        let mut interrupts = self.signals.map_or_else(Interrupts::none, Interrupts::new);
        let session =
            run(&self.platform, self.request, None, &FakeTools, &mut user, &mut interrupts);
        let code = tokio::time::timeout(Duration::from_mins(10), session)
            .await
            .expect("it comes to an end");
        let result = Seen {
            code,
            output: user.output.text(),
            errors: user.errors.text(),
            said: user.said.into_inner(),
            stages: user.stages.into_inner(),
        };
        (self.platform, result)
    }
}

fn exits(code: u8) -> Script {
    Script {
        writes: vec![Write::Out("out\n"), Write::Err("err\n"), Write::Record(code)],
        ..Script::default()
    }
}

fn error(kind: ErrorKind, message: &str) -> Error {
    Error::new(kind, message)
}

#[tokio::test(start_paused = true)]
async fn a_session_passes_on_streams_and_the_exit_code() {
    for code in [0, 1, 42, 137, 255] {
        let (platform, result) = Case::new([exits(code)]).run().await;
        assert_eq!(result.code, Ok(code));
        assert_eq!((&*result.output, &*result.errors), ("out\n", "err\n"));
        assert_eq!(
            platform.journal(),
            ["look web", "keep for exec", "keeper gone", "process gone"]
        );
        assert_eq!(result.said, ["Begins", "begins exec", &format!("ended {code}")]);
        assert_eq!(result.stages.first(), Some(&Stage::Starting));
        assert_eq!(result.stages.last(), Some(&Stage::Over));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_record_is_no_success() {
    for (end, words) in [
        (Some(ProcessEnd::Exited(0, Vec::new())), "ended with 0"),
        (Some(ProcessEnd::StillRunning(Vec::new())), "and the command did not"),
        (None, "is not known"),
    ] {
        let script = Script { writes: vec![Write::Out("some")], end, ..Script::default() };
        let (platform, result) = Case::new([script]).run().await;
        let failure = result.code.expect_err("it is none");
        assert!(failure.message.contains(words), "{failure}");
        assert_eq!(result.output, "some");
        assert_eq!(platform.journal()[2..], ["keeper gone", "process gone"]);
    }
    // A platform that is out of reach is asked for nothing more.
    let error = Error::new(ErrorKind::Unreachable, "out of reach");
    let end = Some(ProcessEnd::Lost(error));
    let script = Script { writes: vec![Write::Out("some")], end, ..Script::default() };
    let (platform, result) = Case::new([script]).run().await;
    assert_eq!(result.code.map_err(|error| error.message), Err("out of reach".to_owned()));
    assert_eq!(platform.journal()[2..], [""; 0]);
    let script = Script { writes: vec![Write::Out("some"), Write::Break], ..Script::default() };
    let (platform, result) = Case::new([script]).run().await;
    assert_eq!(result.code.map_err(|error| error.message), Err("the stream broke".to_owned()));
    assert_eq!(platform.journal()[2..], ["stream broken", "keeper gone", "process gone"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_held_back_is_passed_on() {
    let end = Some(ProcessEnd::Exited(127, b"one line\r\n".to_vec()));
    let (_, result) = Case::new([Script { end, ..Script::default() }]).run().await;
    assert_eq!((result.code.is_err(), &*result.output), (true, "one line\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_keeper_that_does_not_report_is_discarded() {
    for (says, reason) in
        [("exec format error\n", "exec format error"), ("keeper 1/../7 x\n", "keeper 1/../7 x")]
    {
        let script = Script { keeper_says: Some(says), ..Script::default() };
        let (platform, result) = Case::new([script]).run().await;
        assert_eq!(
            result.code.expect_err("it failed").message,
            format!("the keeper did not start: {reason}")
        );
        assert_eq!(platform.journal(), ["look web", "keep for exec", "keeper discarded"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_ends_in_any_step_is_told_and_ends_the_session() {
    let ends = Some((Phase::Exited, 3));
    let failure = || Some(error(ErrorKind::Broken, "cannot join the namespace"));
    for script in [
        Script { no_keeper: failure(), target_ends: ends, ..Script::default() },
        Script { no_keeper: failure(), target_ends: ends, notices_late: 5, ..Script::default() },
        Script { keeper_says: Some("gone\n"), target_ends: ends, ..Script::default() },
        Script { no_process: failure(), target_ends: ends, ..Script::default() },
        Script {
            writes: vec![Write::Out("x"), Write::Break],
            target_ends: ends,
            ..Script::default()
        },
        Script { writes: vec![Write::Record(137)], target_ends: ends, ..Script::default() },
        Script {
            end: Some(ProcessEnd::Exited(137, Vec::new())),
            target_ends: ends,
            ..Script::default()
        },
    ] {
        let (_, result) = Case::new([script.clone()]).run().await;
        assert_eq!(result.code, Ok(137), "{script:?}");
        assert_eq!(result.said.last().map(String::as_str), Some("TargetEnded"), "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_does_not_end_with_its_original() {
    let mut case = Case::new([Script { target_ends: Some((Phase::Exited, 3)), ..exits(137) }]);
    case.request.plan.mode = Some(Mode::Copy);
    let (_, result) = case.run().await;
    assert_eq!((result.code, result.said.last().map(String::as_str)), (Ok(137), Some("ended 137")));
}

#[tokio::test(start_paused = true)]
async fn memory_that_runs_out_is_told_apart_from_a_kill() {
    let (_, result) = Case::new([Script { out_of_memory: true, ..exits(137) }]).run().await;
    assert_eq!(
        (result.code, result.said.last().map(String::as_str)),
        (Ok(137), Some("OutOfMemory"))
    );
    let (_, result) = Case::new([Script { out_of_memory: true, ..exits(1) }]).run().await;
    assert_eq!((result.code, result.said.last().map(String::as_str)), (Ok(1), Some("ended 1")));
}

#[tokio::test(start_paused = true)]
async fn the_first_signal_is_the_commands_and_the_second_ends_the_session() {
    // The command cleans up and exits.
    let (sender, receiver) = mpsc::unbounded_channel();
    let polite = Script {
        writes: vec![Write::AwaitSignal(15), Write::Out("bye\n"), Write::Record(3)],
        ..Script::default()
    };
    let mut case = Case::new([polite]);
    case.signals = Some(receiver);
    let first = sender.clone();
    case.at = Box::new(move |stage| {
        if stage == Stage::Running {
            first.send(143).expect("it listens");
        }
    });
    let (platform, result) = case.run().await;
    assert_eq!((result.code, &*result.output), (Ok(3), "bye\n"));
    assert!(platform.journal().contains(&"signal 15".to_owned()));
    // The command ignores the signal.
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut case = Case::new([Script { writes: vec![Write::Hang], ..Script::default() }]);
    case.signals = Some(receiver);
    case.at = Box::new(move |stage| {
        if stage == Stage::Running {
            sender.send(143).expect("it listens");
            sender.send(130).expect("it listens");
        }
    });
    let (platform, result) = case.run().await;
    assert_eq!(result.code, Ok(130));
    let journal = platform.journal();
    assert!(
        journal.contains(&"keeper gone".to_owned()) && journal.contains(&"clean_up".to_owned()),
        "{journal:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn silence_is_an_end_only_where_the_process_has_ended() {
    let hangs = || {
        Case::new([Script { writes: vec![Write::Out("some"), Write::Hang], ..Script::default() }])
    };
    assert!(
        tokio::time::timeout(Duration::from_mins(5), hangs().run()).await.is_err(),
        "it may be silent for ever"
    );
    let case = hangs();
    case.platform.lose_streams();
    let (platform, seen) = case.run().await;
    assert!(seen.code.expect_err("the streams are lost").message.contains("is not known"));
    assert_eq!(seen.output, "some");
    assert_eq!(platform.journal()[2..], ["keeper gone", "process gone"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_platform_is_given_up_when_the_end_is_asked_for() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut case = Case::new([Script { writes: vec![Write::Hang], ..Script::default() }]);
    case.signals = Some(receiver);
    let platform = case.platform.clone();
    case.at = Box::new(move |stage| {
        if stage == Stage::Running {
            platform.fall_silent();
            sender.send(130).expect("it listens");
        }
    });
    let (_, result) = case.run().await;
    assert_eq!(result.code, Ok(130));
    assert!(result.said.contains(&"PlatformSilent".to_owned()), "{:?}", result.said);
}
