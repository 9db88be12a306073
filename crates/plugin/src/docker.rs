//! Docker's protocol: a program named `docker-NAME` in a folder of plugins is run as `docker NAME`,
//! with all arguments of docker, those before `NAME` included.

mod flags;
mod parent;

use std::ffi::OsString;

pub use self::flags::{DockerFlags, FlagError};
pub use self::parent::end_with_docker;

/// The file name of the plugin `docker scratchdbg`.
pub const NAME: &str = "docker-scratchdbg";

/// The variable that names the socket by which docker tells its plugins to end.
pub const SOCKET_VARIABLE: &str = "DOCKER_CLI_PLUGIN_SOCKET";

/// The word by which docker calls the plugin.
const WORD: &str = "scratchdbg";

/// The argument with which docker asks for the metadata.
const METADATA: &str = "docker-cli-plugin-metadata";

/// Returns the metadata as JSON, if the arguments (without the program) ask for it. Docker asks
/// before each run and for each help, so answer before anything else is done.
pub fn metadata(arguments: &[OsString], version: &str, description: &str) -> Option<String> {
    let [only] = arguments else { return None };
    (only == METADATA).then(|| {
        format!(
            "{{\"SchemaVersion\":\"0.1.0\",\"Vendor\":\"scratchdbg\",\"Version\":\"v{version}\",\
             \"ShortDescription\":\"{description}\"}}\n"
        )
    })
}

/// What docker runs the plugin for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To carry out a command line: our own arguments, without the program.
    Run(Vec<OsString>),
    /// To complete a command line: its words, the last of which is incomplete.
    Complete(Vec<String>),
}

/// Divides the arguments that docker passes (without the program) into its global flags and ours. A
/// command line that is not from docker is all ours.
///
/// # Errors
///
/// Fails if a global flag is unknown or has no value.
pub fn read(arguments: &[OsString]) -> Result<(DockerFlags, Request), FlagError> {
    let is_word = |argument: &OsString| argument == WORD;
    if !arguments.iter().any(is_word) {
        return Ok((DockerFlags::default(), Request::Run(arguments.to_vec())));
    }
    let mut flags = DockerFlags::default();
    let at = flags.read(arguments)?;
    let (first, rest) =
        arguments.get(at..).and_then(<[_]>::split_first).unwrap_or((&arguments[0], &[]));
    let words = |rest: &[OsString]| {
        rest.iter().skip_while(|word| !is_word(word)).skip(1).cloned().collect::<Vec<_>>()
    };
    let request = match first.to_str() {
        Some(WORD) => Request::Run(rest.to_vec()),
        Some("help") => Request::Run([first.clone()].into_iter().chain(words(rest)).collect()),
        Some("__complete" | "__completeNoDesc") => Request::Complete(
            words(rest).into_iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        ),
        // `scratchdbg` is a word of our own command line, run without docker.
        _ => return Ok((DockerFlags::default(), Request::Run(arguments.to_vec()))),
    };
    Ok((flags, request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn run(line: &str) -> (DockerFlags, Vec<OsString>) {
        match read(&words(line)) {
            Ok((flags, Request::Run(ours))) => (flags, ours),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_metadata_is_what_docker_takes() {
        let json = metadata(&words("docker-cli-plugin-metadata"), "1.2.3", "Debug")
            .expect("it is asked for");
        assert_eq!(
            json,
            "{\"SchemaVersion\":\"0.1.0\",\"Vendor\":\"scratchdbg\",\"Version\":\"v1.2.3\",\"ShortDescription\":\"Debug\"}\n"
        );
        assert_eq!(metadata(&words("scratchdbg logs"), "1", ""), None);
        assert_eq!(metadata(&[], "1", ""), None);
    }

    #[test]
    fn our_arguments_follow_our_word() {
        assert_eq!(run("scratchdbg logs -f web").1, words("logs -f web"));
        assert_eq!(
            run("-D scratchdbg attach web -- scratchdbg").1,
            words("attach web -- scratchdbg")
        );
        assert_eq!(run("help scratchdbg").1, words("help"));
        assert_eq!(run("help scratchdbg logs").1, words("help logs"));
        assert_eq!(run("-H unix:///a help scratchdbg logs").1, words("help logs"));
        // Without docker.
        assert_eq!(run("logs web").1, words("logs web"));
        assert_eq!(run("attach web scratchdbg").1, words("attach web scratchdbg"));
        assert_eq!(run("").1, words(""));
    }

    #[test]
    fn global_flags_come_before_our_word() {
        let (flags, ours) = run("-H unix:///a --config /c -l debug scratchdbg -H unix:///b ps");
        assert_eq!((flags.host.as_deref(), flags.config), (Some("unix:///a"), Some("/c".into())));
        assert_eq!(ours, words("-H unix:///b ps"));
        assert!(read(&words("--nope scratchdbg ps")).is_err());
        // A value that is our word.
        let (flags, ours) = run("--context scratchdbg scratchdbg ps");
        assert_eq!((flags.context.as_deref(), ours), (Some("scratchdbg"), words("ps")));
    }

    #[test]
    fn completions_are_requested_with_words() {
        for line in ["__complete scratchdbg logs -", "__completeNoDesc scratchdbg logs -"] {
            assert_eq!(
                read(&words(line)).unwrap().1,
                Request::Complete(vec!["logs".into(), "-".into()])
            );
        }
    }
}
