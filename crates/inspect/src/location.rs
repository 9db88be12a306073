//! The meaning of a word of a command line.

use std::path::{Path, PathBuf};

use scratchdbg_builder::dockerfile;

/// Where an image is, or something else that can be checked like one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageLocation {
    /// A program on this machine.
    Program(PathBuf),
    /// A Dockerfile, whose folder is its context.
    Dockerfile(PathBuf),
    /// A Kubernetes manifest, whose pods name images.
    Manifest(PathBuf),
    /// `oci:DIR[:TAG]`.
    Layout {
        /// The folder.
        folder: PathBuf,
        /// The name of an image in it.
        name: Option<String>,
    },
    /// `archive:FILE[:REF]`.
    Archive {
        /// The file.
        file: PathBuf,
        /// The name of an image in it.
        name: Option<String>,
    },
    /// `registry:REF`, as it was written.
    Registry(String),
    /// A name or id that the platform knows: of an image, or of a container.
    Platform(String),
}

/// What a word without a prefix can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareWords {
    /// An image of the platform.
    Images,
    /// A file that exists, or else an image or container of the platform.
    FilesFirst,
}

/// A word that has no meaning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// An empty word.
    #[error("nothing is named")]
    Nothing,
    /// `oci:` without a folder.
    #[error("no folder")]
    NoFolder,
    /// `archive:` without a file.
    #[error("no file")]
    NoFile,
    /// A folder without `oci:` before it.
    #[error("a folder")]
    Folder,
    /// A path where nothing is.
    #[error("there is no such file")]
    NoSuchFile,
}

/// Tells what is on the disk.
pub trait Disk {
    /// Whether anything is there.
    fn exists(&self, path: &Path) -> bool;

    /// Whether a folder is there.
    fn is_folder(&self, path: &Path) -> bool;

    /// Whether the content of the file that is there is that of a Dockerfile.
    fn reads_as_dockerfile(&self, path: &Path) -> bool;
}

/// The files of this machine.
#[derive(Debug, Clone, Copy)]
pub struct ThisMachine;

impl Disk for ThisMachine {
    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    /// A file that cannot be read is reported when it is checked.
    fn reads_as_dockerfile(&self, path: &Path) -> bool {
        scratchdbg_files::read_text(path, dockerfile::LARGEST)
            .is_ok_and(|text| dockerfile::reads_as_one(&text))
    }
}

impl ImageLocation {
    /// Decides what `text` means, given the files on `disk`. A prefix (`oci:`, `archive:`,
    /// `registry:`) decides first. Then, with [`BareWords::FilesFirst`], a file that exists: a
    /// manifest by its name, a Dockerfile by its name or content, else a program. Any other word is
    /// a name on the platform.
    pub fn parse(text: &str, words: BareWords, disk: &impl Disk) -> Result<Self, LocationError> {
        match text.split_once(':') {
            Some(("oci", "")) => return Err(LocationError::NoFolder),
            Some(("oci", rest)) => {
                let (folder, name) = path_and_name(rest, disk);
                return Ok(Self::Layout { folder, name });
            }
            Some(("archive", "")) => return Err(LocationError::NoFile),
            Some(("archive", rest)) => {
                let (file, name) = path_and_name(rest, disk);
                return Ok(Self::Archive { file, name });
            }
            Some(("registry", rest)) => return Ok(Self::Registry(rest.to_owned())),
            _ if text.is_empty() => return Err(LocationError::Nothing),
            _ => {}
        }
        let path = Path::new(text);
        if words == BareWords::Images {
            return Ok(Self::Platform(text.to_owned()));
        }
        if disk.is_folder(path) {
            return Err(LocationError::Folder);
        }
        // A named pipe or device is reported when it is opened.
        if disk.exists(path) {
            if is_named_manifest(path) {
                return Ok(Self::Manifest(path.into()));
            }
            let is_dockerfile = is_named_dockerfile(path) || disk.reads_as_dockerfile(path);
            return Ok(if is_dockerfile {
                Self::Dockerfile(path.into())
            } else {
                Self::Program(path.into())
            });
        }
        // No name begins like this, only a path.
        if text.starts_with(['/', '.', '~']) {
            return Err(LocationError::NoSuchFile);
        }
        Ok(Self::Platform(text.to_owned()))
    }
}

/// Splits `PATH[:NAME]`. The path itself may contain colons: a path that exists is not split.
fn path_and_name(text: &str, disk: &impl Disk) -> (PathBuf, Option<String>) {
    let mut split = text.match_indices(':').map(|(index, _)| index);
    if disk.exists(Path::new(text)) {
        return (text.into(), None);
    }
    // Split at the first colon behind a path that exists.
    let existing = split.clone().find(|&index| disk.exists(Path::new(&text[..index])));
    match existing.or_else(|| split.next()) {
        Some(index) => (
            text[..index].into(),
            Some(text[index + 1..].to_owned()).filter(|name| !name.is_empty()),
        ),
        None => (text.into(), None),
    }
}

/// Whether the name is that of a manifest: `web.yaml`, `web.yml`, `web.json`.
fn is_named_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Whether the name is that of a Dockerfile, as editors decide: `Dockerfile`, `Dockerfile.prod`,
/// `prod.Dockerfile`, `Containerfile`.
fn is_named_dockerfile(path: &Path) -> bool {
    let name =
        path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    ["dockerfile", "containerfile"].iter().any(|word| {
        name == *word
            || name.starts_with(&format!("{word}."))
            || name.ends_with(&format!(".{word}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is there, without a disk: folders end with a slash, Dockerfiles with a star.
    struct Listed(&'static [&'static str]);

    impl Disk for Listed {
        fn exists(&self, path: &Path) -> bool {
            let path = path.to_str().unwrap();
            self.0.iter().any(|listed| listed.trim_end_matches(['/', '*']) == path)
        }

        fn is_folder(&self, path: &Path) -> bool {
            self.0.contains(&format!("{}/", path.display()).as_str())
        }

        fn reads_as_dockerfile(&self, path: &Path) -> bool {
            self.0.contains(&format!("{}*", path.display()).as_str())
        }
    }

    const DISK: Listed = Listed(&[
        "app",
        "./a b",
        "Dockerfile",
        "prod.dockerfile",
        "build.txt*",
        "a:b.tar",
        "out/",
        "oci",
        "web.YAML",
        "pod.json",
    ]);

    fn layout(folder: &str, name: Option<&str>) -> ImageLocation {
        ImageLocation::Layout { folder: folder.into(), name: name.map(Into::into) }
    }

    fn archive(file: &str, name: Option<&str>) -> ImageLocation {
        ImageLocation::Archive { file: file.into(), name: name.map(Into::into) }
    }

    #[test]
    fn words_are_told_apart() {
        let platform = |text: &str| ImageLocation::Platform(text.into());
        for (text, expected) in [
            ("app", ImageLocation::Program("app".into())),
            ("./a b", ImageLocation::Program("./a b".into())),
            ("a:b.tar", ImageLocation::Program("a:b.tar".into())),
            ("oci", ImageLocation::Program("oci".into())),
            ("Dockerfile", ImageLocation::Dockerfile("Dockerfile".into())),
            ("build.txt", ImageLocation::Dockerfile("build.txt".into())),
            ("prod.dockerfile", ImageLocation::Dockerfile("prod.dockerfile".into())),
            ("web.YAML", ImageLocation::Manifest("web.YAML".into())),
            ("pod.json", ImageLocation::Manifest("pod.json".into())),
            ("archive:a:b.tar", archive("a:b.tar", None)),
            ("archive:a:b.tar:shop/app:1", archive("a:b.tar", Some("shop/app:1"))),
            ("archive:none.tar:1", archive("none.tar", Some("1"))),
            ("archive:none.tar:", archive("none.tar", None)),
            ("oci:none", layout("none", None)),
            ("oci:none:1", layout("none", Some("1"))),
            ("oci:out:shop:1", layout("out", Some("shop:1"))),
            ("registry:shop/app:1", ImageLocation::Registry("shop/app:1".into())),
            ("shop/app:1", platform("shop/app:1")),
            ("0123abc", platform("0123abc")),
        ] {
            assert_eq!(
                ImageLocation::parse(text, BareWords::FilesFirst, &DISK),
                Ok(expected),
                "{text}"
            );
        }
        for (text, error) in [
            ("", LocationError::Nothing),
            ("oci:", LocationError::NoFolder),
            ("archive:", LocationError::NoFile),
            ("out", LocationError::Folder),
            ("./none", LocationError::NoSuchFile),
            ("/none", LocationError::NoSuchFile),
            ("~/none", LocationError::NoSuchFile),
        ] {
            assert_eq!(
                ImageLocation::parse(text, BareWords::FilesFirst, &DISK),
                Err(error),
                "{text}"
            );
        }
    }

    #[test]
    fn where_images_are_meant_files_need_their_prefix() {
        for text in ["app", "out", "Dockerfile", "./none", "shop/app:1"] {
            let meant = ImageLocation::parse(text, BareWords::Images, &DISK);
            assert_eq!(meant, Ok(ImageLocation::Platform(text.into())), "{text}");
        }
        assert_eq!(
            ImageLocation::parse("oci:out:1", BareWords::Images, &DISK),
            Ok(layout("out", Some("1")))
        );
        for text in ["", "oci:", "archive:"] {
            assert!(ImageLocation::parse(text, BareWords::Images, &DISK).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_on_this_machine_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("app"), "x").unwrap();
        std::fs::write(path("build.txt"), "# made by hand\nfrom scratch\nUSER 1\n").unwrap();
        for (name, expected) in [
            ("app", Ok(ImageLocation::Program(path("app")))),
            ("build.txt", Ok(ImageLocation::Dockerfile(path("build.txt")))),
            ("none", Err(LocationError::NoSuchFile)),
            ("", Err(LocationError::Folder)),
        ] {
            let text = path(name).display().to_string();
            assert_eq!(
                ImageLocation::parse(&text, BareWords::FilesFirst, &ThisMachine),
                expected,
                "{text}"
            );
        }
    }
}
