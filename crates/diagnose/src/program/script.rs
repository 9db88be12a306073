//! Parses the `#!` line of a script like the kernel does.

/// How many bytes of a script the kernel reads (`BINPRM_BUF_SIZE`, Linux 5.1 and later; 128
/// before).
const KERNEL_WINDOW: usize = 256;

/// A script's first line, parsed as in `fs/binfmt_script.c`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFacts {
    /// The interpreter's path as written; empty if the line names none. Includes a trailing
    /// carriage return if the line ends in one and has no argument: the kernel looks for that name.
    pub interpreter: String,
    /// Everything after the interpreter, which the kernel passes as a single argument.
    pub argument: Option<String>,
    /// The line ends in `\r\n`.
    pub carriage_return: bool,
    /// The file begins with a UTF-8 byte order mark, so the kernel does not recognize `#!`.
    pub byte_order_mark: bool,
}

impl ScriptFacts {
    /// Returns the facts of a file that begins with `head`, or `None` if it is not a script. `head`
    /// should contain 256 bytes, or the whole file.
    pub fn parse(head: &[u8]) -> Option<Self> {
        let (byte_order_mark, head) = match head.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => (true, rest),
            None => (false, head),
        };
        let line = head.strip_prefix(b"#!")?;
        let line = &line[..line.len().min(KERNEL_WINDOW - 2)];
        let line = line.split(|&byte| byte == b'\n' || byte == 0).next().unwrap_or_default();
        let carriage_return = line.ends_with(b"\r");
        // The kernel trims only blanks and tabs.
        let text = String::from_utf8_lossy(line);
        let text = text.trim_matches([' ', '\t']);
        let (interpreter, argument) = match text.split_once([' ', '\t']) {
            Some((interpreter, argument)) => {
                (interpreter, Some(argument.trim_start_matches([' ', '\t'])))
            }
            None => (text, None),
        };
        Some(Self {
            interpreter: interpreter.to_owned(),
            argument: argument.map(ToOwned::to_owned),
            carriage_return,
            byte_order_mark,
        })
    }

    /// Returns the interpreter's name without the carriage return of a Windows line ending.
    pub fn intended_interpreter(&self) -> &str {
        self.interpreter.trim_end_matches('\r')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        for (head, interpreter, argument, carriage_return) in [
            (&b"#!/bin/sh\necho"[..], "/bin/sh", None, false),
            (b"#! /bin/sh -e\n", "/bin/sh", Some("-e"), false),
            (b"#!/usr/bin/env  python3 -u\n", "/usr/bin/env", Some("python3 -u"), false),
            (b"#!/bin/sh\r\necho\r\n", "/bin/sh\r", None, true),
            (b"#!/bin/sh -e\r\n", "/bin/sh", Some("-e\r"), true),
            (b"#!\n", "", None, false),
            (b"#!", "", None, false),
            (b"#!/bin/sh", "/bin/sh", None, false),
        ] {
            let facts = ScriptFacts::parse(head).unwrap();
            assert_eq!(facts.interpreter, interpreter, "{head:?}");
            assert_eq!(facts.argument.as_deref(), argument, "{head:?}");
            assert_eq!(facts.carriage_return, carriage_return, "{head:?}");
        }
        assert_eq!(ScriptFacts::parse(b"# !/bin/sh\n"), None);
        assert_eq!(ScriptFacts::parse(b""), None);
        assert!(ScriptFacts::parse(b"\xef\xbb\xbf#!/bin/sh\n").unwrap().byte_order_mark);
        assert!(
            ScriptFacts::parse(&[b"#!/".as_slice(), &[b'a'; 9000]].concat())
                .unwrap()
                .interpreter
                .len()
                < 256
        );
    }
}
