//! Scripts: what the kernel makes of a `#!` line.

/// How many bytes of a script the kernel looks at (`BINPRM_BUF_SIZE`, Linux 5.1 and later; 128 before).
const KERNEL_WINDOW: usize = 256;

/// A script's first line, read as `fs/binfmt_script.c` reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFacts {
    /// The interpreter's path as written; empty when the line names none. Includes a trailing carriage return when the
    /// line ends in one and no argument stands before it: that is the name the kernel looks for.
    pub interpreter: String,
    /// Everything after the interpreter, as the one argument that the kernel passes on.
    pub argument: Option<String>,
    /// The line ends in `\r\n`.
    pub carriage_return: bool,
    /// The file begins with a UTF-8 byte order mark, so that the kernel does not see `#!` at all.
    pub byte_order_mark: bool,
}

impl ScriptFacts {
    /// The facts of a file that begins with `head`, or `None` when it is no script. `head` should hold 256 bytes, or the
    /// whole file.
    pub fn parse(head: &[u8]) -> Option<Self> {
        let (byte_order_mark, head) = match head.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => (true, rest),
            None => (false, head),
        };
        let line = head.strip_prefix(b"#!")?;
        let line = &line[..line.len().min(KERNEL_WINDOW - 2)];
        let line = line.split(|&byte| byte == b'\n' || byte == 0).next().unwrap_or_default();
        let carriage_return = line.ends_with(b"\r");
        // The kernel trims blanks and tabs, nothing else.
        let text = String::from_utf8_lossy(line);
        let text = text.trim_matches([' ', '\t']);
        let (interpreter, argument) = match text.split_once([' ', '\t']) {
            Some((interpreter, argument)) => (interpreter, Some(argument.trim_start_matches([' ', '\t']))),
            None => (text, None),
        };
        Some(Self {
            interpreter: interpreter.to_owned(),
            argument: argument.map(ToOwned::to_owned),
            carriage_return,
            byte_order_mark,
        })
    }

    /// The interpreter's name without the carriage return that a line from Windows leaves on it.
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
        assert!(ScriptFacts::parse(&[b"#!/".as_slice(), &[b'a'; 9000]].concat()).unwrap().interpreter.len() < 256);
    }
}
