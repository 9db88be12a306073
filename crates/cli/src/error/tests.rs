//! Errors of images, builds, registries and logs as a user reads them. Review changes of the
//! snapshots as prose. The errors of engines are tested in `crates/docker/src/hint/tests.rs`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use scratchdbg_builder::BuildError;
use scratchdbg_builder::dockerfile::DockerfileError;
use scratchdbg_builder::toolkit::ToolkitError;
use scratchdbg_image::read::ReadError;
use scratchdbg_image::{Digest, ImageError};
use scratchdbg_registry::{CredentialError, Error as RegistryError};

use super::{CommandError, inspect};

fn denied() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn path(text: &str) -> PathBuf {
    PathBuf::from(text)
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn shown(errors: impl IntoIterator<Item = CommandError>) -> String {
    let show = |error: CommandError| {
        let hints = error.hints.iter().map(|hint| format!("hint: {hint}"));
        std::iter::once(format!("error: {}", error.message))
            .chain(hints)
            .collect::<Vec<_>>()
            .join("\n")
    };
    errors.into_iter().map(show).collect::<Vec<_>>().join("\n\n")
}

fn images() -> Vec<ImageError> {
    vec![
        ImageError::InvalidDigest { text: text("sha256:0") },
        ImageError::InvalidPlatform { text: text("amd64") },
        ImageError::InvalidCompression { text: text("lzma") },
        ImageError::InvalidPath { path: text("../x"), reason: "it leads out of the image" },
        ImageError::DuplicatePath { path: text("app") },
        ImageError::Read { path: path("app"), source: denied() },
        ImageError::Read { path: path("app"), source: missing() },
        ImageError::NotARegularFile { path: path("app"), kind: "a directory" },
        ImageError::SourceChanged { path: path("app"), expected: 9, actual: 7 },
        ImageError::BlobChanged { expected: Digest::of(b"1"), actual: Digest::of(b"2") },
        ImageError::DuplicatePlatform { platform: text("linux/amd64") },
        ImageError::Store { path: path("out/index.json"), source: missing() },
        ImageError::Store {
            path: path("out/index.json"),
            source: io::ErrorKind::StorageFull.into(),
        },
        ImageError::NotALayout { path: path("out"), reason: text("it holds other files") },
        ImageError::Locked { path: path("out"), holder: text("process 7") },
        ImageError::TagTaken { path: path("out"), tag: text("1"), other: text("shop/db:1") },
        ImageError::Write(io::ErrorKind::StorageFull.into()),
    ]
}

fn builds() -> Vec<BuildError> {
    vec![
        BuildError::NoBinary,
        BuildError::Read { path: path("app"), source: denied() },
        BuildError::Read { path: path("app"), source: missing() },
        BuildError::NameNotUtf8 { path: path("app") },
        BuildError::NotAnExecutable { path: path("app"), what: text("a script") },
        BuildError::Truncated { path: path("app"), expected: 9, actual: 7 },
        BuildError::DynamicallyLinked {
            path: path("app"),
            interpreter: text("/lib64/ld-linux-x86-64.so.2"),
        },
        BuildError::UnknownMachine { path: path("app"), machine: 7 },
        BuildError::LinkLeadsOut { path: path("conf/x"), target: text("/etc/x") },
        BuildError::WrongPlatform {
            path: path("app"),
            actual: text("linux/amd64"),
            asked: text("linux/arm64"),
        },
        BuildError::NoSource {
            need: text("ca"),
            looked_for: text("/etc/ssl/cert.pem"),
            package: "ca-certificates",
        },
        BuildError::UnknownPlatform,
        BuildError::InvalidSetting {
            what: "the port",
            value: text("x"),
            reason: "it is PORT[/tcp|udp]",
        },
        BuildError::SameTag { tag: text("app:1") },
        BuildError::NoToolkitFor { platform: text("linux/arm64"), available: text("linux/amd64") },
        ToolkitError::Unfit { origin: text("/bin/ls"), reason: text("it is not a busybox") }.into(),
        ToolkitError::NotFound { skipped: Vec::new() }.into(),
    ]
}

#[test]
fn errors_of_builds_read_well() {
    use crate::commands::build::explain::{explain, explain_dockerfile};
    let instruction = DockerfileError {
        line: 3,
        instruction: text("RUN make"),
        reason: text("nothing is run while an image is built here"),
        mended: None,
    };
    let dockerfile = explain_dockerfile(&path("Dockerfile"), &instruction);
    let images = images().into_iter().map(BuildError::Image);
    insta::assert_snapshot!(shown(
        builds().into_iter().chain(images).map(|error| explain(&error)).chain([dockerfile])
    ));
}

#[test]
fn errors_of_images_read_well() {
    let image = |source| inspect::Error::Image { name: text("oci:out"), source };
    let layer = || text("layer sha256:0123");
    let all = [
        inspect::Error::File { path: path("app"), source: denied() },
        inspect::Error::Content { path: text("/app"), source: denied() },
        inspect::Error::HostFile(ImageError::NotARegularFile { path: path("app"), kind: "a pipe" }),
        image(ReadError::Io { path: path("out/index.json"), source: missing() }),
        image(ReadError::NotAnImage { path: path("out"), reason: text("there is no index.json") }),
        image(ReadError::NoSuchImage {
            path: path("out"),
            wanted: text("app:2"),
            available: text("app:1"),
        }),
        image(ReadError::Missing { what: layer() }),
        image(ReadError::DigestMismatch { what: layer(), actual: Digest::of(b"1") }),
        image(ReadError::SizeMismatch { what: layer(), expected: 9, actual: 7 }),
        image(ReadError::DuplicatePath { path: text("/app"), layer: layer() }),
        image(ReadError::Invalid { what: layer(), reason: text("it is no tar") }),
        inspect::Error::NoRoom {
            reference: text("app:1"),
            source: io::ErrorKind::StorageFull.into(),
        },
        inspect::Error::NoSuchImage { reference: text("app:1") },
        inspect::Error::NothingNamed { name: text("app") },
        inspect::Error::NotAnImage { path: path("app.txt") },
        inspect::Error::Empty { name: text("oci:out") },
        inspect::Error::SeveralImages {
            name: text("oci:out"),
            images: vec![text("app:1"), text("app:2")],
        },
        inspect::Error::NotFor {
            name: text("app:1"),
            wanted: "linux/arm64".parse().expect("a platform"),
            available: vec![text("linux/amd64")],
        },
        inspect::Error::AlsoFor {
            debug: text("app:1-debug"),
            platform: "linux/arm64".parse().expect("a platform"),
            production: text("app:1"),
        },
        inspect::Error::Dockerfile {
            path: path("Dockerfile"),
            reason: text("line 3: `RUN` runs a program"),
        },
    ];
    insta::assert_snapshot!(shown(all.map(CommandError::from)));
}

#[test]
fn errors_of_registries_read_well() {
    let (registry, what) = (|| text("registry.example"), || text("shop/app:1"));
    let (message, after) = (|| text("not today"), Duration::from_mins(1));
    let all = [
        RegistryError::InvalidReference {
            text: text("A/b"),
            reason: text("letters are lower case"),
        },
        RegistryError::Unreachable { registry: registry(), reason: text("connection refused") },
        RegistryError::PlainHttp { registry: registry() },
        RegistryError::Tls { registry: registry(), reason: text("the certificate has expired") },
        RegistryError::Silent { registry: registry(), what: text("a manifest"), after },
        RegistryError::Slow { registry: registry(), what: text("a manifest"), after, came: 12 },
        RegistryError::Unauthorized { registry: registry(), had_credentials: false },
        RegistryError::Unauthorized { registry: text("docker.io"), had_credentials: true },
        RegistryError::Denied { registry: registry(), what: what(), message: message() },
        RegistryError::NotFound { registry: registry(), what: what() },
        RegistryError::Quota { registry: registry(), what: what(), message: message() },
        RegistryError::TooLarge { registry: registry(), what: what(), message: text("") },
        RegistryError::Busy {
            registry: registry(),
            status: 503,
            what: what(),
            message: message(),
            wait: None,
        },
        RegistryError::Busy {
            registry: registry(),
            status: 429,
            what: what(),
            message: message(),
            wait: Some(std::time::Duration::from_secs(100_000)),
        },
        RegistryError::Refused {
            registry: registry(),
            status: 418,
            what: what(),
            message: text(""),
        },
        RegistryError::Protocol {
            registry: registry(),
            reason: text("sends a redirect without a target"),
        },
        RegistryError::ForeignRealm {
            registry: registry(),
            realm: text("https://elsewhere.example"),
        },
        RegistryError::DigestMismatch {
            registry: registry(),
            what: text("a layer"),
            expected: Digest::of(b"1"),
            actual: Digest::of(b"2").to_string(),
        },
        RegistryError::Broken {
            registry: registry(),
            what: text("a layer"),
            reason: text("connection reset"),
        },
        CredentialError::Config { path: path("config.json"), reason: text("it is no JSON") }.into(),
        CredentialError::Entry { path: path("config.json"), key: registry() }.into(),
        CredentialError::Helper {
            program: text("docker-credential-x"),
            reason: text("ended with 1"),
        }
        .into(),
    ];
    insta::assert_snapshot!(shown(all.iter().map(crate::registry::explain)));
}
