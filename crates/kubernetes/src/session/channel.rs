//! The protocol of exec and attach: each message of the WebSocket begins with the number of its
//! channel (`k8s.io/apimachinery/pkg/util/remotecommand`, versions 4 and 5).

use scratchdbg_backend::Window;
use scratchdbg_logs::frame::Stream;
use serde::Deserialize;

/// Standard input, from the client.
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
/// The end of the process, as a `Status` in JSON.
const STATUS: u8 = 3;
/// The size of the terminal, from the client.
const RESIZE: u8 = 4;
/// The end of a channel, from version 5 on.
const CLOSE: u8 = 255;

/// A message from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// Output of the process.
    Output(Stream, &'a [u8]),
    /// How the process ended.
    Status(Status),
    /// A message that is ignored.
    Other,
}

/// How a process ended, as the platform reports it. The platform also reports success if it lost
/// the process, for example when the runtime was restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// The process ended with exit code 0, or the platform reports so.
    Success,
    /// The process ended with another exit code.
    Code(u8),
    /// The process could not be started, or was lost. The text may quote text that a container
    /// controls.
    Failure(String),
}

/// Decodes a message.
pub(super) fn decode(message: &[u8]) -> Frame<'_> {
    match message {
        // The first frame of each channel may be empty.
        [] | [_] => Frame::Other,
        [STDOUT, bytes @ ..] => Frame::Output(Stream::Stdout, bytes),
        [STDERR, bytes @ ..] => Frame::Output(Stream::Stderr, bytes),
        [STATUS, bytes @ ..] => Frame::Status(Status::read(bytes)),
        _ => Frame::Other,
    }
}

/// Returns a message with input. The first byte of the buffer must be free, the input follows it.
pub(super) fn input(buffer: &mut [u8]) -> &[u8] {
    if let Some(first) = buffer.first_mut() {
        *first = STDIN;
    }
    buffer
}

/// Returns the message that ends the input.
pub(super) fn end_of_input() -> [u8; 2] {
    [CLOSE, STDIN]
}

/// Returns the message that resizes the terminal.
pub(super) fn resize(window: Window) -> Vec<u8> {
    let size = format!("{{\"Width\":{},\"Height\":{}}}", window.columns, window.rows);
    [&[RESIZE], size.as_bytes()].concat()
}

impl Status {
    fn read(json: &[u8]) -> Self {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Answer {
            status: String,
            message: String,
            reason: String,
            details: Details,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Details {
            causes: Vec<Cause>,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Cause {
            reason: String,
            message: String,
        }
        let Ok(answer) = serde_json::from_slice::<Answer>(json) else {
            return Self::Failure(String::from_utf8_lossy(json).trim().to_owned());
        };
        if answer.status == "Success" {
            return Self::Success;
        }
        let code = answer.details.causes.iter().find(|cause| cause.reason == "ExitCode");
        match code.and_then(|cause| cause.message.parse::<i64>().ok()) {
            Some(code) if answer.reason == "NonZeroExitCode" => {
                Self::Code(u8::try_from(code).unwrap_or(u8::MAX))
            }
            _ => Self::Failure(answer.message.trim().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart_by_their_first_byte() {
        for (message, frame) in [
            (&b"\x01hello"[..], Frame::Output(Stream::Stdout, b"hello")),
            (b"\x02oh", Frame::Output(Stream::Stderr, b"oh")),
            (b"\x01\x03", Frame::Output(Stream::Stdout, b"\x03")),
            (b"", Frame::Other),
            (b"\x01", Frame::Other),
            (b"\x03", Frame::Other),
            (b"\x04{}", Frame::Other),
            (b"\xff\x01", Frame::Other),
            (b"\x03{\"metadata\":{},\"status\":\"Success\"}", Frame::Status(Status::Success)),
        ] {
            assert_eq!(decode(message), frame, "{message:?}");
        }
    }

    #[test]
    fn the_end_of_a_process_is_read() {
        let ended = |code: &str| {
            format!(
                r#"{{"metadata":{{}},"status":"Failure","message":"command terminated with exit code {code}","reason":"NonZeroExitCode","details":{{"causes":[{{"reason":"ExitCode","message":"{code}"}}]}}}}"#
            )
        };
        for (json, status) in [
            (ended("42"), Status::Code(42)),
            (ended("137"), Status::Code(137)),
            (ended("-1"), Status::Code(255)),
            (ended("x"), Status::Failure("command terminated with exit code x".to_owned())),
            (
                r#"{"status":"Failure","message":"Internal error occurred: no such file","reason":"InternalError","code":500}"#.to_owned(),
                Status::Failure("Internal error occurred: no such file".to_owned()),
            ),
            ("container not found\n".to_owned(), Status::Failure("container not found".to_owned())),
            ("{}".to_owned(), Status::Failure(String::new())),
            ("[]".to_owned(), Status::Failure(String::new())),
            ("7".to_owned(), Status::Failure("7".to_owned())),
        ] {
            assert_eq!(Status::read(json.as_bytes()), status, "{json}");
        }
    }

    #[test]
    fn messages_to_the_server() {
        assert_eq!(input(&mut [9, 65, 66]), b"\x00AB");
        assert_eq!(end_of_input(), *b"\xff\x00");
        assert_eq!(resize(Window { columns: 80, rows: 24 }), b"\x04{\"Width\":80,\"Height\":24}");
    }
}
