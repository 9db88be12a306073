//! The options of `build`.

use std::path::PathBuf;

use clap::Args;

use super::{Deny, Format};

const CONTENT: &str = "Content and settings";
const TWIN: &str = "Debug twin";

/// The options of `build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Static executables, one per platform. Or a build context with a Dockerfile
    #[arg(required_unless_present_any = ["file", "toolkit_only"], value_name = "BINARY")]
    pub binaries: Vec<PathBuf>,
    /// Name of the production image (repeatable)
    ///
    /// The debug twin gets the same name with `-debug` appended.
    #[arg(short, long = "tag", value_name = "REF")]
    pub tags: Vec<String>,
    /// Name of the debug twin (repeatable)
    #[arg(long = "debug-tag", value_name = "REF", help_heading = TWIN)]
    pub debug_tags: Vec<String>,
    /// Destination: engine, registry, oci:DIR, archive:FILE (repeatable)
    ///
    /// `registry` pushes each image to the registry of its name; `archive:-` is standard output.
    #[arg(short, long = "output", value_name = "OUTPUT", default_value = "engine")]
    pub outputs: Vec<String>,
    /// Push to the registry: the same as --output registry
    #[arg(long, conflicts_with = "outputs")]
    pub push: bool,
    /// Build from a Dockerfile whose last stage is FROM scratch
    #[arg(short, long, value_name = "DOCKERFILE")]
    pub file: Option<PathBuf>,
    /// Set an ARG of the Dockerfile (repeatable)
    #[arg(long = "build-arg", value_name = "NAME=VALUE")]
    pub arguments: Vec<String>,
    /// Add a file, or the content of a directory (repeatable)
    ///
    /// The whole form is SRC:DST[:MODE[:UID[:GID]]].
    #[arg(long = "add", help_heading = CONTENT, value_name = "SRC:DST")]
    pub additions: Vec<String>,
    /// Set the entrypoint: a program, or a JSON array
    #[arg(long, help_heading = CONTENT, value_name = "PROGRAM")]
    pub entrypoint: Option<String>,
    /// Set the default arguments: one, or a JSON array
    #[arg(long, help_heading = CONTENT, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub cmd: Option<String>,
    /// Set an environment variable (repeatable)
    #[arg(short, long, help_heading = CONTENT, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Set a label (repeatable)
    #[arg(short, long = "label", help_heading = CONTENT, value_name = "KEY=VALUE")]
    pub labels: Vec<String>,
    /// Set the user, in numbers [default: 65532:65532]
    ///
    /// With --file, the default is the Dockerfile's USER.
    #[arg(short, long, help_heading = CONTENT, value_name = "UID[:GID]")]
    pub user: Option<String>,
    /// Set the working directory
    #[arg(short, long, help_heading = CONTENT, value_name = "PATH")]
    pub workdir: Option<String>,
    /// Declare a port that the program listens on (repeatable)
    ///
    /// PORT or PORT/PROTOCOL.
    #[arg(long, help_heading = CONTENT, value_name = "PORT")]
    pub expose: Vec<String>,
    /// Set the signal that stops the program
    #[arg(long, help_heading = CONTENT, value_name = "SIGNAL")]
    pub stop_signal: Option<String>,
    /// Set the health check: a program, a JSON array, or none
    #[arg(long, help_heading = CONTENT, value_name = "PROGRAM")]
    pub healthcheck: Option<String>,
    /// Add files that programs expect: auto, none, or a list
    ///
    /// `auto` adds what the binary mentions. A list has any of certs, tz, passwd, tmp, nsswitch,
    /// services, separated by commas. The default is auto, and none with --file.
    #[arg(long, help_heading = CONTENT, value_name = "LIST")]
    pub with: Option<String>,
    /// Compress layers: none, gzip[:1-12] or zstd[:1-19]
    ///
    /// The default is gzip for oci and registry, and none for engine and archive.
    #[arg(long, value_name = "METHOD")]
    pub compress: Option<String>,
    /// Require the binaries to be for these platforms
    ///
    /// OS/ARCH[/VARIANT], separated by commas.
    #[arg(long = "platform", value_name = "OS/ARCH", value_delimiter = ',')]
    pub platforms: Vec<String>,
    /// Use this static busybox (repeatable, one per platform)
    ///
    /// A file, or an image in the engine that contains one.
    #[arg(long = "toolkit", help_heading = TWIN, value_name = "PATH|IMAGE")]
    pub toolkits: Vec<String>,
    /// Build only an image of tools, for sessions on Kubernetes
    ///
    /// Push it where the nodes can pull it, and name it in `attach pod/NAME --toolkit`.
    #[arg(long, help_heading = TWIN, conflicts_with_all = [
        "binaries", "file", "debug_tags", "additions", "entrypoint", "cmd", "env", "labels", "user", "workdir", "expose",
        "stop_signal", "healthcheck", "with", "compress", "platforms", "no_debug",
    ])]
    pub toolkit_only: bool,
    /// Fail on findings of this severity or worse, and write nothing
    #[arg(long, value_enum, default_value = "error", value_name = "LEVEL")]
    pub deny: Deny,
    /// Build only the production image
    #[arg(long, help_heading = TWIN, conflicts_with_all = ["debug_tags", "toolkits"])]
    pub no_debug: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}
