//! The options of `build`.

use std::path::PathBuf;

use clap::Args;

use super::{Deny, Format};

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Static executables, each for another platform; with --file, the folder that its sources lie in
    #[arg(required_unless_present = "file", value_name = "BINARY")]
    pub(crate) binaries: Vec<PathBuf>,
    /// Name of the production image; the twin's tag is the same with `-debug` appended
    #[arg(short, long = "tag", value_name = "REF")]
    pub(crate) tags: Vec<String>,
    /// Name of the debug twin
    #[arg(long = "debug-tag", value_name = "REF")]
    pub(crate) debug_tags: Vec<String>,
    /// Where the images go: `engine`, `registry` (the one that each name names), `oci:DIR`, or `archive:FILE` (`archive:-` is
    /// standard output)
    #[arg(short, long = "output", value_name = "OUTPUT", default_value = "engine")]
    pub(crate) outputs: Vec<String>,
    /// Take files and settings from a Dockerfile whose last stage is FROM scratch
    #[arg(short, long, value_name = "DOCKERFILE")]
    pub(crate) file: Option<PathBuf>,
    /// Value of an ARG of the Dockerfile
    #[arg(long = "build-arg", value_name = "NAME=VALUE", requires = "file")]
    pub(crate) arguments: Vec<String>,
    /// Put a file, or what is in a folder, into the image
    #[arg(long = "add", value_name = "SRC:DST[:MODE[:UID[:GID]]]")]
    pub(crate) additions: Vec<String>,
    /// What a container runs: a program, or a JSON array of program and arguments
    #[arg(long, value_name = "PROGRAM|JSON")]
    pub(crate) entrypoint: Option<String>,
    /// Arguments that `docker run IMAGE ARGS` replaces: one, or a JSON array
    #[arg(long, value_name = "ARGUMENT|JSON", allow_hyphen_values = true)]
    pub(crate) cmd: Option<String>,
    /// Environment variable
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,
    /// Label of the images
    #[arg(short, long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<String>,
    /// User that the images run as, in numbers [default: 65532:65532, or what the Dockerfile says]
    #[arg(short, long, value_name = "UID[:GID]")]
    pub(crate) user: Option<String>,
    /// Working directory
    #[arg(short, long, value_name = "PATH")]
    pub(crate) workdir: Option<String>,
    /// Port that the program listens on
    #[arg(long, value_name = "PORT[/PROTOCOL]")]
    pub(crate) expose: Vec<String>,
    /// Signal that asks the program to end
    #[arg(long, value_name = "SIGNAL")]
    pub(crate) stop_signal: Option<String>,
    /// Program that tells whether the container is healthy: a program, a JSON array, or `none`
    #[arg(long, value_name = "PROGRAM|JSON")]
    pub(crate) healthcheck: Option<String>,
    /// Files that a program looks for and a scratch image lacks: `auto` (what the binary mentions), `none`, or a list of
    /// certs, tz, passwd, tmp, nsswitch, services [default: auto; with --file none]
    #[arg(long, value_name = "LIST")]
    pub(crate) with: Option<String>,
    /// How layers are packed: none, gzip[:1-12], zstd[:1-19] [default: gzip for oci and registry, none for engine and archive]
    #[arg(long, value_name = "METHOD")]
    pub(crate) compress: Option<String>,
    /// Platform that the images are to be for; refused when a binary is for another
    #[arg(long = "platform", value_name = "OS/ARCH[/VARIANT]", value_delimiter = ',')]
    pub(crate) platforms: Vec<String>,
    /// Static busybox for the twin: a file, or an image in the engine that holds one; one for each platform
    #[arg(long = "toolkit", value_name = "PATH|IMAGE")]
    pub(crate) toolkits: Vec<String>,
    /// Write nothing when there is a finding this grave, or graver
    #[arg(long, value_enum, default_value = "error", value_name = "LEVEL")]
    pub(crate) deny: Deny,
    /// Make the production image alone
    #[arg(long, conflicts_with_all = ["debug_tags", "toolkits"])]
    pub(crate) no_debug: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}
