//! The arguments of the launcher.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// The end of `PATH` that the tools are added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    First,
    Last,
}

/// The arguments of `run`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options<'a> {
    /// The keeper's process id.
    pub(crate) keeper: i32,
    /// The secret and the size of the terminal come in a line of input, see [`crate::preamble`].
    pub(crate) preamble: bool,
    /// The command gets no input.
    pub(crate) no_input: bool,
    /// Additions to the command's environment.
    pub(crate) environment: Vec<(&'a OsStr, &'a OsStr)>,
    /// Where the command starts.
    pub(crate) directory: Option<&'a OsStr>,
    pub(crate) tools: Option<Order>,
    /// The containers of the keeper and of the target.
    pub(crate) beside: Option<(&'a str, &'a str)>,
    pub(crate) command: &'a [OsString],
}

impl<'a> Options<'a> {
    pub(crate) fn parse(arguments: &'a [OsString]) -> Result<Self, String> {
        // The session's id is there only for the keeper to find.
        let [keeper, _session, rest @ ..] = arguments else {
            return Err("run takes the keeper's process id and a session".to_owned());
        };
        let keeper = keeper.to_str().and_then(|pid| pid.parse().ok()).filter(|&pid: &i32| pid > 0);
        let keeper = keeper.ok_or("the keeper's process id is not a number")?;
        let mut options = Self {
            keeper,
            preamble: false,
            no_input: false,
            environment: Vec::new(),
            directory: None,
            tools: None,
            beside: None,
            command: rest,
        };
        // The client passes the options in this order, and a command may have the name of an
        // option.
        if let [flag, rest @ ..] = options.command
            && flag == "--preamble"
        {
            (options.preamble, options.command) = (true, rest);
            if let [flag, rest @ ..] = options.command
                && flag == "--no-input"
            {
                (options.no_input, options.command) = (true, rest);
            }
            while let [flag, entry, rest @ ..] = options.command
                && flag == "--env"
            {
                options.environment.extend(split(entry));
                options.command = rest;
            }
        }
        if let [flag, directory, rest @ ..] = options.command
            && flag == "--directory"
        {
            (options.directory, options.command) = (Some(directory.as_os_str()), rest);
        }
        match options.command {
            [flag, order, rest @ ..] if flag == "--tools" => {
                let order = if order == "first" { Order::First } else { Order::Last };
                (options.tools, options.command) = (Some(order), rest);
            }
            [flag, keeper, container, rest @ ..] if flag == "--beside" => {
                options.beside = keeper.to_str().zip(container.to_str());
                options.command = rest;
            }
            [flag, keeper, container, rest @ ..] if flag == "--beside-with-tools" => {
                options.beside = keeper.to_str().zip(container.to_str());
                (options.tools, options.command) = (Some(Order::Last), rest);
            }
            _ => {}
        }
        Ok(options)
    }
}

/// Splits `NAME=VALUE`.
fn split(entry: &OsStr) -> Option<(&OsStr, &OsStr)> {
    let bytes = entry.as_bytes();
    let at = bytes.iter().position(|&byte| byte == b'=').filter(|&at| at > 0)?;
    Some((OsStr::from_bytes(&bytes[..at]), OsStr::from_bytes(&bytes[at + 1..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_before_the_command_and_never_out_of_it() {
        let words = |line: &str| line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let beside = Some(("k1", "t1"));
        for (line, tools, beside, command) in [
            ("7 s1 ls -l", None, None, "ls -l"),
            ("7 s1 --tools last ls", Some(Order::Last), None, "ls"),
            ("7 s1 --tools first", Some(Order::First), None, ""),
            ("7 s1 --beside k1 t1 sh", None, beside, "sh"),
            ("7 s1 --beside-with-tools k1 t1 sh", Some(Order::Last), beside, "sh"),
            ("7 s1 --beside k1 t1 --tools last", None, beside, "--tools last"),
            ("7 s1 --tools last --tools first x", Some(Order::Last), None, "--tools first x"),
        ] {
            let (line, command) = (words(line), words(command));
            let (environment, preamble, no_input) = (Vec::new(), false, false);
            let directory = None;
            let expected = Options {
                keeper: 7,
                preamble,
                no_input,
                environment,
                directory,
                tools,
                beside,
                command: &command,
            };
            assert_eq!(Options::parse(&line), Ok(expected), "{line:?}");
        }
        for (line, no_input, environment, command) in [
            ("7 s1 --preamble --tools last ls", false, &[][..], "ls"),
            ("7 s1 --preamble --no-input --tools last ls", true, &[], "ls"),
            (
                "7 s1 --preamble --env A=b=c --env =x --env B= --tools last --env C=d",
                false,
                &[("A", "b=c"), ("B", "")],
                "--env C=d",
            ),
        ] {
            let (line, command) = (words(line), words(command));
            let environment = environment
                .iter()
                .map(|(name, value)| (OsStr::new(name), OsStr::new(value)))
                .collect();
            let tools = Some(Order::Last);
            let (directory, beside) = (None, None);
            let expected = Options {
                keeper: 7,
                preamble: true,
                no_input,
                environment,
                directory,
                tools,
                beside,
                command: &command,
            };
            assert_eq!(Options::parse(&line), Ok(expected), "{line:?}");
        }
        for (line, command) in [
            ("7 s1 --directory /srv --tools last ls", "ls"),
            ("7 s1 --preamble --directory /srv --tools last --directory /x", "--directory /x"),
            ("7 s1 --directory /srv --beside k1 t1 --directory /x", "--directory /x"),
        ] {
            let line = words(line);
            let options = Options::parse(&line).unwrap();
            assert_eq!(options.directory, Some(OsStr::new("/srv")), "{line:?}");
            assert_eq!(options.command, words(command), "{line:?}");
        }
        for bad in ["", "7", "x s1", "0 s1", "-7 s1"] {
            assert!(Options::parse(&words(bad)).is_err(), "{bad:?}");
        }
    }
}
