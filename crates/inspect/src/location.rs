//! What a word of a command line means.

use std::path::{Path, PathBuf};

use scratchdbg_builder::dockerfile;

/// Where an image is, or what else can be looked at as if it were one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageLocation {
    /// A program of this machine.
    Program(PathBuf),
    /// A Dockerfile, whose folder is its context.
    Dockerfile(PathBuf),
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

/// What words without a prefix can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// Images of the platform, and nothing else.
    Images,
    /// Files that are there, and else what the platform knows.
    FilesFirst,
}

/// A word that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// It is empty.
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
    /// A path of nothing.
    #[error("there is no such file")]
    NoSuchFile,
}

/// What there is at paths.
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

    /// What cannot be read is told when it is checked.
    fn reads_as_dockerfile(&self, path: &Path) -> bool {
        scratchdbg_files::read_text(path, dockerfile::LARGEST).is_ok_and(|text| dockerfile::reads_as_one(&text))
    }
}

impl ImageLocation {
    /// Decides what `text` means, given what is on `disk`. A prefix says what it is; a file that exists is that file, and a
    /// Dockerfile by its name or its content; all else is looked for on the platform. With [`Words::Images`], files are not
    /// looked at.
    pub fn parse(text: &str, words: Words, disk: &impl Disk) -> Result<Self, LocationError> {
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
        if words == Words::Images {
            return Ok(Self::Platform(text.to_owned()));
        }
        if disk.is_folder(path) {
            return Err(LocationError::Folder);
        }
        // What is there is meant, whatever it is: a pipe is told when it is opened.
        if disk.exists(path) {
            let is_dockerfile = is_named_dockerfile(path) || disk.reads_as_dockerfile(path);
            return Ok(if is_dockerfile { Self::Dockerfile(path.into()) } else { Self::Program(path.into()) });
        }
        // Nothing but a path begins so.
        if text.starts_with(['/', '.', '~']) {
            return Err(LocationError::NoSuchFile);
        }
        Ok(Self::Platform(text.to_owned()))
    }
}

/// `PATH[:NAME]`, where the path itself may hold colons: as it stands when that exists.
fn path_and_name(text: &str, disk: &impl Disk) -> (PathBuf, Option<String>) {
    let mut split = text.match_indices(':').map(|(index, _)| index);
    if disk.exists(Path::new(text)) {
        return (text.into(), None);
    }
    // The first colon after which what stands before is there.
    let existing = split.clone().find(|&index| disk.exists(Path::new(&text[..index])));
    match existing.or_else(|| split.next()) {
        Some(index) => (text[..index].into(), Some(text[index + 1..].to_owned()).filter(|name| !name.is_empty())),
        None => (text.into(), None),
    }
}

/// By its name, as editors tell: `Dockerfile`, `Dockerfile.prod`, `prod.Dockerfile`, `Containerfile`.
fn is_named_dockerfile(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    ["dockerfile", "containerfile"]
        .iter()
        .any(|word| name == *word || name.starts_with(&format!("{word}.")) || name.ends_with(&format!(".{word}")))
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

    const DISK: Listed =
        Listed(&["app", "./a b", "Dockerfile", "prod.dockerfile", "build.txt*", "a:b.tar", "out/", "oci"]);

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
            assert_eq!(ImageLocation::parse(text, Words::FilesFirst, &DISK), Ok(expected), "{text}");
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
            assert_eq!(ImageLocation::parse(text, Words::FilesFirst, &DISK), Err(error), "{text}");
        }
    }

    #[test]
    fn where_images_are_meant_files_need_their_prefix() {
        for text in ["app", "out", "Dockerfile", "./none", "shop/app:1"] {
            let meant = ImageLocation::parse(text, Words::Images, &DISK);
            assert_eq!(meant, Ok(ImageLocation::Platform(text.into())), "{text}");
        }
        assert_eq!(ImageLocation::parse("oci:out:1", Words::Images, &DISK), Ok(layout("out", Some("1"))));
        for text in ["", "oci:", "archive:"] {
            assert!(ImageLocation::parse(text, Words::Images, &DISK).is_err(), "{text}");
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
            assert_eq!(ImageLocation::parse(&text, Words::FilesFirst, &ThisMachine), expected, "{text}");
        }
    }
}
