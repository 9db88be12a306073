//! Rules for one program in its root filesystem: whether it starts there.

mod access;
mod architecture;
mod cpu;
mod format;
mod library;
mod loader;
mod script;
mod truncated;

use crate::config::DEFAULT_PATH;
use crate::elf::IsaLevel;
use crate::finding::Finding;
use crate::mounts::Mounts;
use crate::platform::Platform;
use crate::program::Program;
use crate::rootfs::Rootfs;

/// How many levels of a script's interpreter may be scripts themselves (`fs/exec.c`: five
/// rewrites).
const MAX_DEPTH: usize = 5;

/// A program, its location, and the machine that it will run on.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The program's absolute path in the image.
    pub path: &'a str,
    /// Its facts.
    pub program: &'a Program,
    /// The surrounding files. For a single binary in an otherwise empty image, an empty
    /// [`Rootfs::complete`].
    pub rootfs: &'a Rootfs,
    /// The platform that the image declares, or that of the host; `None` if neither is known.
    pub platform: Option<&'a Platform>,
    /// The value of `PATH` for the program.
    pub search_path: &'a str,
    /// The value of `LD_LIBRARY_PATH` for the program; empty if unset.
    pub library_path: &'a str,
    /// The value of `LD_PRELOAD` for the program; empty if unset.
    pub preload: &'a str,
    /// The working directory of the program.
    pub working_directory: &'a str,
    /// The user in an image configuration's notation; `None` if permissions are not to be checked.
    pub user: Option<&'a str>,
    /// The level of the processor that will run it, if known.
    pub cpu: Option<IsaLevel>,
    /// The mounts over the surrounding files.
    pub mounts: Option<&'a Mounts>,
}

impl<'a> Subject<'a> {
    /// Returns a program with no facts about the environment and the host.
    pub fn new(path: &'a str, program: &'a Program, rootfs: &'a Rootfs) -> Self {
        Self {
            path,
            program,
            rootfs,
            platform: None,
            search_path: DEFAULT_PATH,
            library_path: "",
            preload: "",
            working_directory: "/",
            user: None,
            cpu: None,
            mounts: None,
        }
    }

    /// Returns `path` relative to the working directory as an absolute path.
    pub(crate) fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        format!("{}/{path}", self.working_directory.trim_end_matches('/'))
    }
}

/// Returns all problems that prevent the program from starting, the most severe first.
pub fn check(subject: Subject<'_>) -> Vec<Finding> {
    check_nested(subject, 0)
}

fn check_nested(subject: Subject<'_>, depth: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    match subject.program {
        Program::Elf(elf) => {
            findings.extend(format::of_elf(subject.path, elf));
            findings.extend(architecture::check(subject.path, elf, subject.platform));
            findings.extend(truncated::check(subject.path, elf));
            if findings.is_empty() {
                findings.extend(loader::check(subject, elf));
            }
            if findings.is_empty() {
                findings.extend(library::check(subject, elf));
            }
            findings.extend(cpu::check(subject.path, elf, subject.cpu));
        }
        Program::Script(script) => {
            findings.extend(format::of_script(subject.path, script));
            if findings.is_empty() {
                findings.extend(script::check(subject, script, depth));
            }
        }
        Program::Other(other) => findings.push(format::of_other(subject.path, *other)),
    }
    findings
}

#[cfg(test)]
mod tests;
