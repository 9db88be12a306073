//! What a subject on the command line means.

use std::path::{Path, PathBuf};

use scratchdbg_builder::dockerfile;
use scratchdbg_registry::Reference;

use crate::error::CommandError;
use crate::registry;

/// Something that can be checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A program of this machine.
    Binary(PathBuf),
    /// A Dockerfile, whose folder is its context.
    Dockerfile(PathBuf),
    /// `oci:DIR[:TAG]`.
    Layout { folder: PathBuf, name: Option<String> },
    /// `archive:FILE[:REF]`.
    Archive { file: PathBuf, name: Option<String> },
    /// `registry:REF`.
    InRegistry(Reference),
    /// An image or a container.
    InEngine(String),
}

impl Subject {
    /// A prefix says what it is; a file that exists is that file, and a Dockerfile by its name or its content; all else is looked for in the engine.
    pub(super) fn parse(text: &str) -> Result<Self, CommandError> {
        let unusable = |reason: &str| {
            CommandError::usage(format!("`{text}`: {reason}")).hint(
                "a subject is a binary, a Dockerfile, oci:DIR[:TAG], archive:FILE[:REF], registry:REF, or an image or \
                 container",
            )
        };
        if text.is_empty() {
            return Err(unusable("nothing to check"));
        }
        if let Some(rest) = text.strip_prefix("oci:") {
            let (folder, name) = path_and_name(rest);
            return if rest.is_empty() { Err(unusable("no folder")) } else { Ok(Self::Layout { folder, name }) };
        }
        if let Some(rest) = text.strip_prefix("archive:") {
            let (file, name) = path_and_name(rest);
            return if rest.is_empty() { Err(unusable("no file")) } else { Ok(Self::Archive { file, name }) };
        }
        if let Some(rest) = text.strip_prefix("registry:") {
            return registry::reference(rest).map(Self::InRegistry);
        }
        let path = Path::new(text);
        if path.is_dir() {
            return Err(unusable("a folder").hint(format!("an OCI layout is written oci:{text}")));
        }
        // What is there is meant, whatever it is: a pipe is told when it is opened.
        if path.exists() {
            let path = path.to_owned();
            return Ok(if is_dockerfile(&path) || reads_as_dockerfile(&path) {
                Self::Dockerfile(path)
            } else {
                Self::Binary(path)
            });
        }
        // Nothing but a path begins so.
        if text.starts_with(['/', '.', '~']) {
            return Err(CommandError::new(format!("cannot read {text}: there is no such file"))
                .hint("check the path: it is looked for from the current folder"));
        }
        Ok(Self::InEngine(text.to_owned()))
    }
}

/// `PATH[:NAME]`, where the path itself may hold colons: as it stands when that exists.
pub(in crate::commands) fn path_and_name(text: &str) -> (PathBuf, Option<String>) {
    let mut split = text.match_indices(':').map(|(index, _)| index);
    if Path::new(text).exists() {
        return (text.into(), None);
    }
    // The first colon after which what stands before is there.
    let existing = split.clone().find(|&index| Path::new(&text[..index]).exists());
    match existing.or_else(|| split.next()) {
        Some(index) => (text[..index].into(), Some(text[index + 1..].to_owned()).filter(|name| !name.is_empty())),
        None => (text.into(), None),
    }
}

/// By its name, as editors tell: `Dockerfile`, `Dockerfile.prod`, `prod.Dockerfile`, `Containerfile`.
fn is_dockerfile(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    ["dockerfile", "containerfile"]
        .iter()
        .any(|word| name == *word || name.starts_with(&format!("{word}.")) || name.ends_with(&format!(".{word}")))
}

/// By its content. What cannot be read is told when it is checked.
fn reads_as_dockerfile(path: &Path) -> bool {
    scratchdbg_files::read_text(path, dockerfile::LARGEST).is_ok_and(|text| dockerfile::reads_as_one(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["app", "Dockerfile", "prod.dockerfile", "a:b.tar"] {
            std::fs::write(path(name), "x").unwrap();
        }
        std::fs::write(path("build.txt"), "# made by hand\nfrom scratch\nUSER 1\n").unwrap();
        let text = |prefix: &str, name: &str, rest: &str| format!("{prefix}{}{rest}", path(name).display());
        for (given, expected) in [
            (text("", "app", ""), Subject::Binary(path("app"))),
            (text("", "Dockerfile", ""), Subject::Dockerfile(path("Dockerfile"))),
            (text("", "build.txt", ""), Subject::Dockerfile(path("build.txt"))),
            (text("", "prod.dockerfile", ""), Subject::Dockerfile(path("prod.dockerfile"))),
            (text("archive:", "a:b.tar", ""), Subject::Archive { file: path("a:b.tar"), name: None }),
            (
                text("archive:", "a:b.tar", ":shop/app:1"),
                Subject::Archive { file: path("a:b.tar"), name: Some("shop/app:1".into()) },
            ),
            ("oci:nowhere:1".into(), Subject::Layout { folder: "nowhere".into(), name: Some("1".into()) }),
            ("registry:shop/app:1".into(), Subject::InRegistry("shop/app:1".parse().unwrap())),
            ("shop/app:1".into(), Subject::InEngine("shop/app:1".into())),
        ] {
            assert_eq!(Subject::parse(&given).unwrap(), expected, "{given}");
        }
        for bad in
            ["", "oci:", "archive:", "registry:", "registry:X", "./no-such-file", &folder.path().display().to_string()]
        {
            assert!(Subject::parse(bad).is_err(), "{bad}");
        }
    }
}
