//! What manual pages tell and help does not: exit status, environment and files.

/// Terms with their meanings.
type Entries = &'static [(&'static str, &'static str)];

const STATUS: Entries = &[
    ("0", "Success."),
    (
        "1",
        "The command failed, or not all of the output could be read. Standard error has the reason.",
    ),
    ("2", "The command line is wrong."),
];

const CHECK_STATUS: Entries = &[
    ("0", "Nothing was found at the severity of --deny or above."),
    ("1", "Something was found, or a subject could not be read."),
    ("2", "The command line is wrong."),
];

const PAIR_STATUS: Entries = &[
    ("0", "The debug image is the production image and one more layer."),
    ("1", "It is not, or an image could not be read."),
    ("2", "The command line is wrong."),
];

const ATTACH_STATUS: Entries = &[
    ("the command's own", "The command ended by itself."),
    ("125", "scratchdbg failed, or nobody knows how the command ended."),
    ("126", "The command was found and cannot be run."),
    ("127", "The command was not found."),
    ("128+n", "Signal n ended the command or the session."),
    ("129", "The detach keys, or the end of the terminal, ended the session."),
    ("137", "The session was ended from elsewhere, as by `sessions rm`."),
    ("141", "Nobody reads the output any more."),
];

const ENVIRONMENT: Entries = &[
    ("DOCKER_HOST", "The address of the engine: unix:///PATH or tcp://HOST:PORT."),
    ("DOCKER_CONTEXT", "The Docker context to use."),
    ("DOCKER_CONFIG", "The folder of Docker's config.json and contexts. The default is ~/.docker."),
    (
        "DOCKER_TLS, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH",
        "Use TLS for DOCKER_HOST, with the files of this folder.",
    ),
    (
        "KUBECONFIG",
        "Files of Kubernetes configuration, separated by colons. The default is ~/.kube/config.",
    ),
    ("XDG_CONFIG_HOME", "The folder of scratchdbg/config.json. The default is ~/.config."),
    ("XDG_RUNTIME_DIR", "Where the sockets of rootless engines are looked for."),
    ("NO_COLOR", "Print no colors."),
    ("TZ", "The time zone of times without one."),
];

const BUILD_ENVIRONMENT: Entries = &[(
    "SOURCE_DATE_EPOCH",
    "The time stamp of the images, in seconds since 1970. The default is 0.",
)];

const FILES: Entries = &[
    ("~/.docker/config.json", "Credentials of registries, the current context, the detach keys."),
    ("~/.config/scratchdbg/config.toml", "Settings, and names for tools."),
];

/// Returns the exit codes of the command with these words.
pub(crate) fn exit_status(name: &str) -> Entries {
    match command(name) {
        "attach" => ATTACH_STATUS,
        "check" => CHECK_STATUS,
        "pair" => PAIR_STATUS,
        _ => STATUS,
    }
}

/// Returns the environment variables that the page of this command explains: for the program, all
/// that concern every command.
pub(crate) fn environment(name: &str) -> Entries {
    match command(name) {
        "" => ENVIRONMENT,
        "build" => BUILD_ENVIRONMENT,
        _ => &[],
    }
}

/// Returns the files that the page of this command explains.
pub(crate) fn files(name: &str) -> Entries {
    if command(name).is_empty() { FILES } else { &[] }
}

/// Returns the first word after the program's, or nothing.
fn command(name: &str) -> &str {
    name.split(' ').nth(1).unwrap_or_default()
}
