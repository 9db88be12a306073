//! Finds the program of an image among its files.

use std::path::Path;

use scratchdbg_diagnose::program::{self, Program};
use scratchdbg_diagnose::rootfs::normalize;
use scratchdbg_image::{Entry, FileData, Node, Platform};

use crate::config::DEFAULT_PATH;
use crate::links::real_path;
use crate::{BuildError, BuildSpec, binary};

/// How many levels of interpreters the kernel follows: the interpreter of a script may be a script.
const DEEPEST: usize = 5;

/// Returns the path of the program that an engine would run for this name: relative to the working
/// directory, or found in `PATH`.
pub(crate) fn find(spec: &BuildSpec, name: &str) -> Option<String> {
    let workdir = spec.workdir.as_deref().unwrap_or("/");
    let from_workdir = |path: &str| {
        normalize(&if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{workdir}/{path}")
        })
    };
    let candidates: Vec<String> = if name.contains('/') {
        vec![from_workdir(name)]
    } else {
        let path = spec.env.iter().rev().find_map(|variable| variable.strip_prefix("PATH="));
        path.unwrap_or(DEFAULT_PATH)
            .split(':')
            .map(|folder| from_workdir(&format!("{folder}/{name}")))
            .collect()
    };
    let is_file =
        |path: &String| matches!(spec.files.get(path), Some(Entry { node: Node::File(_), .. }));
    candidates.iter().filter_map(|path| real_path(&spec.files, path).ok()).find(is_file)
}

/// Returns the platform of the image's program; for a script, the platform of its interpreter.
/// Returns `None` if the program is not among the files.
pub(crate) fn platform(spec: &BuildSpec, name: &str) -> Result<Option<Platform>, BuildError> {
    let mut name = name.to_owned();
    for _ in 0..DEEPEST {
        let Some(path) = find(spec, &name) else { return Ok(None) };
        let Some(Entry { node: Node::File(data), .. }) = spec.files.get(&path) else {
            return Ok(None);
        };
        let shown = match data {
            FileData::Host(file) => file.path(),
            FileData::Bytes(_) => Path::new(&path),
        };
        let program = inspect(data, shown)?;
        match &program {
            Program::Script(script) if find(spec, &script.interpreter).is_some() => {
                name.clone_from(&script.interpreter);
            }
            _ => return binary::static_platform(shown, &program, &spec.files).map(Some),
        }
    }
    Ok(None)
}

fn inspect(data: &FileData, path: &Path) -> Result<Program, BuildError> {
    let unreadable = |source| BuildError::Read { path: path.to_owned(), source };
    match data {
        FileData::Bytes(bytes) => Ok(program::inspect_head(bytes, bytes.len() as u64)),
        FileData::Host(file) => {
            let file = file.open().map_err(unreadable)?;
            program::inspect(file).map_err(|error| unreadable(std::io::Error::other(error)))
        }
    }
}
