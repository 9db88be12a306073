//! The executable of an image.

use std::path::Path;

use scratchdbg_diagnose::elf::ElfFacts;
use scratchdbg_diagnose::program::{self, Program};
use scratchdbg_image::{HostFile, Platform, Tree};

use crate::{BuildError, links};

/// An inspected executable.
#[derive(Debug)]
pub(crate) struct Binary {
    /// Its content.
    pub(crate) file: HostFile,
    /// Its path in the image, with a leading slash.
    pub(crate) path: String,
    /// Its platform.
    pub(crate) platform: Platform,
}

impl Binary {
    /// Inspects the headers of the file. Refuses a file that could not run in an image that
    /// contains only it and `files`.
    pub(crate) fn open(path: &Path, files: &Tree) -> Result<Self, BuildError> {
        let file = HostFile::new(path)?;
        let platform = static_platform(path, &inspect(&file)?, files)?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| BuildError::NameNotUtf8 { path: path.to_owned() })?;
        Ok(Self { file, path: format!("/{name}"), platform })
    }

    /// Returns the requested platform if the binary runs on it.
    pub(crate) fn asked(&self, asked: &Platform) -> Result<Platform, BuildError> {
        if runs(asked, &self.platform) {
            return Ok(asked.clone());
        }
        let (actual, asked) = (self.platform.to_string(), asked.to_string());
        Err(BuildError::WrongPlatform { path: self.file.path().to_owned(), actual, asked })
    }
}

/// Whether a program built for the platform `program` runs on `host`.
pub(crate) fn runs(host: &Platform, program: &Platform) -> bool {
    let convert = |platform: &Platform| {
        scratchdbg_diagnose::Platform::new(
            &platform.os,
            &platform.architecture,
            platform.variant.as_deref(),
        )
    };
    convert(host).runs(&convert(program))
}

fn inspect(file: &HostFile) -> Result<Program, BuildError> {
    let unreadable = |source| BuildError::Read { path: file.path().to_owned(), source };
    let file = file.open().map_err(unreadable)?;
    program::inspect(file).map_err(|error| unreadable(std::io::Error::other(error)))
}

pub(crate) fn static_platform(
    path: &Path,
    program: &Program,
    files: &Tree,
) -> Result<Platform, BuildError> {
    let not_executable = |what: String| BuildError::NotAnExecutable { path: path.to_owned(), what };
    let facts = match program {
        Program::Elf(facts) => facts,
        Program::Script(_) => {
            return Err(not_executable("a script, and the image has no interpreter".into()));
        }
        Program::Other(format) => return Err(not_executable(format.to_string())),
    };
    refuse_truncated(path, facts)?;
    if let Some(interpreter) = facts.interpreter.as_ref().filter(|loader| !is_there(files, loader))
    {
        return Err(BuildError::DynamicallyLinked {
            path: path.to_owned(),
            interpreter: interpreter.clone(),
        });
    }
    if !facts.kind.is_executable() {
        return Err(not_executable(facts.kind.to_string()));
    }
    let platform = platform(facts).ok_or_else(|| BuildError::UnknownMachine {
        path: path.to_owned(),
        machine: facts.machine,
    })?;
    if platform.os == "linux" {
        Ok(platform)
    } else {
        Err(not_executable(format!("for {platform}")))
    }
}

fn is_there(files: &Tree, path: &str) -> bool {
    links::real_path(files, path).is_ok_and(|real| files.get(&real).is_some())
}

fn refuse_truncated(path: &Path, facts: &ElfFacts) -> Result<(), BuildError> {
    match facts.truncated {
        // Also if only the section table is cut off: such a program may run, but it is not the file
        // that was built.
        Some(cut) => Err(BuildError::Truncated {
            path: path.to_owned(),
            expected: cut.end,
            actual: facts.size,
        }),
        None => Ok(()),
    }
}

/// Returns the platform of an ELF file as the image config spells it.
pub(crate) fn platform(facts: &ElfFacts) -> Option<Platform> {
    let platform = facts.platform.as_ref()?;
    Some(Platform {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone(),
    })
}
