//! The kinds of requests to an engine: their description and their time limits.

use std::time::Duration;

use hyper::{Method, StatusCode};
#[cfg(doc)]
use scratchdbg_pace::Pace;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A query that the engine answers from memory.
    Question,
    /// A list, for which the engine may lock all listed objects.
    List,
    /// The changes of a container, for which the engine compares files.
    Changes,
    /// A file or a directory of a container.
    File,
    /// A log up to now.
    Log,
    /// A complete image.
    Save,
    /// A response without an end: a followed log or followed events, or waiting for the end of a
    /// container.
    Endless,
    /// The headers of a response without an end.
    Beginning,
    /// The stream of a container.
    Attach,
    Create,
    Start,
    CreateExec,
    StartExec,
    Resize,
    Rename,
    Stop,
    Remove,
    RemoveImage,
    Commit,
    Load,
    /// Any other request that changes something.
    Change,
}

impl Kind {
    /// Returns the kind of a request from its method and its path (with or without `/v1.41`) and
    /// query.
    pub(crate) fn of(method: &Method, path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
        let words = match &words[..] {
            [version, rest @ ..] if is_version(version) => rest,
            words => words,
        };
        let has = |pair: &str| query.split('&').any(|each| each == pair);
        match (method, words) {
            (&Method::GET, ["events"]) if !query.contains("until=") && !has("stream=false") => {
                Self::Endless
            }
            (&Method::GET, ["containers", _, "logs"]) if has("follow=1") => Self::Endless,
            (&Method::GET, ["containers", _, "logs"]) => Self::Log,
            (&Method::GET, ["containers", _, "archive"]) => Self::File,
            (&Method::GET, ["containers", _, "changes"]) => Self::Changes,
            (&Method::GET, ["images", .., "get"]) => Self::Save,
            (&Method::GET, [.., "json"] | ["networks" | "events", ..]) if words.len() < 3 => {
                Self::List
            }
            (&Method::GET | &Method::HEAD, _) => Self::Question,
            (&Method::DELETE, ["images", ..]) => Self::RemoveImage,
            (&Method::DELETE, _) => Self::Remove,
            (_, ["containers", "create"]) => Self::Create,
            (_, ["containers", _, "start"]) => Self::Start,
            (_, ["containers", _, "exec"]) => Self::CreateExec,
            (_, ["exec", _, "start"]) => Self::StartExec,
            (_, ["containers", _, "attach"]) => Self::Attach,
            (_, ["containers", _, "wait"]) => Self::Endless,
            (_, ["containers", _, "rename"]) => Self::Rename,
            (_, ["containers", _, "stop"]) => Self::Stop,
            (_, [.., "resize"]) => Self::Resize,
            (_, ["commit"]) => Self::Commit,
            (_, ["images", "load"]) => Self::Load,
            _ => Self::Change,
        }
    }

    /// Describes the operation, for a message.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Question => "answer a question",
            Self::List => "list what it has",
            Self::Changes => "list a container's changes",
            Self::File => "read files of a container",
            Self::Log => "send a log",
            Self::Save => "send an image",
            Self::Endless => "go on",
            Self::Beginning => "begin its answer",
            Self::Attach => "attach to a container",
            Self::Create => "create a container",
            Self::Start => "start a container",
            Self::CreateExec => "create a process",
            Self::StartExec => "start a process",
            Self::Resize => "resize the terminal",
            Self::Rename => "rename a container",
            Self::Stop => "stop a container",
            Self::Remove => "remove a container",
            Self::RemoveImage => "remove an image",
            Self::Commit => "commit a container's files",
            Self::Load => "load an image",
            Self::Change => "do what it was asked",
        }
    }

    /// Returns how long nothing may arrive while the engine responds to other requests, or `None`
    /// for no limit. An engine that responds to none is given up earlier.
    pub(crate) fn max_silence(self) -> Option<Duration> {
        let max_silence = match self {
            Self::Endless => return None,
            // A busy engine was observed to take 27 s for a start, and longer for a query that
            // waits for a lock.
            Self::Question
            | Self::List
            | Self::Resize
            | Self::Attach
            | Self::Beginning
            | Self::Create
            | Self::Start
            | Self::CreateExec
            | Self::StartExec
            | Self::Rename
            | Self::Stop
            | Self::Remove
            | Self::File
            | Self::Changes
            | Self::Change => Duration::from_mins(2),
            Self::Log | Self::RemoveImage => Duration::from_mins(5),
            // The engine writes gigabytes before it responds.
            Self::Save | Self::Commit | Self::Load => Duration::from_mins(10),
        };
        Some(max_silence)
    }

    /// Returns how long a response that is read completely may take, or `None` if only its speed is
    /// limited. Small responses are limited in total, because a byte per second renews any limit on
    /// silence.
    pub(crate) fn total_limit(self) -> Option<Duration> {
        match self {
            Self::Endless | Self::File | Self::Log | Self::Save => None,
            // The engine writes a line for each image once it is unpacked.
            Self::Load => Some(Duration::from_hours(1)),
            _ => self.max_silence(),
        }
    }

    /// Returns the time over which a streamed response must be as fast as [`Pace::LEAST`], or
    /// `None` for no such limit. It is as long as the engine may be silent, since the engine may
    /// take that long to find the data.
    pub(crate) fn window(self) -> Option<Duration> {
        if self == Self::Load { None } else { self.max_silence() }
    }

    /// Returns the kind that limits waiting for the headers of a response. Docker sends headers
    /// when it has begun an operation, Podman with the first output.
    pub(crate) fn headers(self, podman: bool) -> Self {
        if self == Self::Endless && !podman { Self::Beginning } else { self }
    }

    /// Reports whether the request removes something, which a command does at its end even after it
    /// was canceled.
    pub(crate) fn cleans_up(self) -> bool {
        matches!(self, Self::Remove | Self::RemoveImage)
    }

    /// Reports whether an engine that succeeded responds with this status. Other success codes come
    /// from a proxy or a web server.
    pub(crate) fn is_done_with(self, status: StatusCode) -> bool {
        match self {
            Self::Create | Self::CreateExec | Self::Commit => status == StatusCode::CREATED,
            Self::Start | Self::Rename => status == StatusCode::NO_CONTENT,
            // The container was already stopped.
            Self::Stop => status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED,
            Self::Remove => status == StatusCode::NO_CONTENT || status == StatusCode::OK,
            Self::Attach | Self::StartExec => status == StatusCode::SWITCHING_PROTOCOLS,
            Self::Resize | Self::Change => status.is_success(),
            _ => status == StatusCode::OK,
        }
    }
}

/// Whether a path segment is a version, such as `v1.41`.
fn is_version(word: &str) -> bool {
    word.strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_known_by_method_and_path() {
        for (method, path, kind) in [
            (Method::GET, "/v1.41/containers/web/json", Kind::Question),
            (Method::GET, "/containers/web/json", Kind::Question),
            (Method::GET, "/v1.41/containers/json?all=true", Kind::List),
            (Method::GET, "/v1.41/images/json", Kind::List),
            (Method::GET, "/v1.41/images/a/b:1/json", Kind::Question),
            (Method::GET, "/v1.41/images/a/b:1/get", Kind::Save),
            (Method::GET, "/v1.41/info", Kind::Question),
            (Method::GET, "/v1.41/events?filters=x&since=0&until=7", Kind::List),
            (Method::GET, "/v1.41/events?since=0&stream=false", Kind::List),
            (Method::GET, "/v1.41/events?filters=x", Kind::Endless),
            (Method::GET, "/v1.41/containers/web/logs?follow=1&tail=all", Kind::Endless),
            (Method::GET, "/v1.41/containers/web/logs?follow=0", Kind::Log),
            (Method::GET, "/v1.41/containers/web/archive?path=/a", Kind::File),
            (Method::GET, "/v1.41/exec/7ab1/json", Kind::Question),
            (Method::POST, "/v1.41/containers/create?name=a", Kind::Create),
            (Method::POST, "/v1.41/containers/web/start", Kind::Start),
            (Method::POST, "/v1.41/containers/web/exec", Kind::CreateExec),
            (Method::POST, "/v1.41/exec/7ab1/start", Kind::StartExec),
            (Method::POST, "/v1.41/exec/7ab1/resize?w=1", Kind::Resize),
            (Method::POST, "/v1.41/containers/web/wait?condition=removed", Kind::Endless),
            (Method::POST, "/v1.41/commit?container=web", Kind::Commit),
            (Method::POST, "/v1.41/images/load?quiet=1", Kind::Load),
            (Method::DELETE, "/v1.41/containers/web?force=true", Kind::Remove),
            (Method::DELETE, "/v1.41/images/a", Kind::RemoveImage),
        ] {
            assert_eq!(Kind::of(&method, path), kind, "{method} {path}");
        }
    }

    #[test]
    fn only_what_has_no_end_may_take_for_ever() {
        assert_eq!(Kind::Endless.max_silence(), None);
        assert!(Kind::Endless.headers(false).max_silence().is_some(), "it has a beginning");
        assert_eq!(Kind::Endless.headers(true), Kind::Endless);
        for kind in [Kind::Question, Kind::Create, Kind::Start, Kind::Load, Kind::Remove] {
            assert!(kind.max_silence().is_some(), "{kind:?}");
        }
    }

    #[test]
    fn every_answer_that_has_an_end_has_a_limit() {
        for kind in [
            Kind::Question,
            Kind::List,
            Kind::Changes,
            Kind::Create,
            Kind::Start,
            Kind::CreateExec,
            Kind::Remove,
            Kind::RemoveImage,
            Kind::Commit,
            Kind::Load,
            Kind::Change,
        ] {
            assert!(kind.total_limit().is_some(), "{kind:?}: small answers have one for the whole");
        }
        for kind in [Kind::File, Kind::Log, Kind::Save, Kind::List] {
            assert_eq!(kind.window(), kind.max_silence(), "{kind:?}: streams have a least speed");
        }
        assert_eq!((Kind::Endless.total_limit(), Kind::Endless.window()), (None, None));
    }

    #[test]
    fn a_good_status_of_another_kind_is_no_success() {
        for (kind, good, bad) in [
            (Kind::Create, 201, &[200, 204, 101, 304][..]),
            (Kind::Start, 204, &[200, 201, 101, 304]),
            (Kind::StartExec, 101, &[200, 201, 204, 304]),
            (Kind::Question, 200, &[101, 201, 204, 301, 304]),
            (Kind::Remove, 204, &[101, 202, 301, 304]),
        ] {
            let status = |code| StatusCode::from_u16(code).expect("a status");
            assert!(kind.is_done_with(status(good)), "{kind:?} {good}");
            for &code in bad {
                assert!(!kind.is_done_with(status(code)), "{kind:?} {code}");
            }
        }
    }
}
