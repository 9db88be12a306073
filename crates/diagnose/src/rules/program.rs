//! One program in its root filesystem: does it start there?

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

/// How deep a script's interpreter may be a script itself (`fs/exec.c`: five rewrites).
const MAX_DEPTH: usize = 5;

/// A program, where it lies, and what it is to run on.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The program's absolute path in the image.
    pub path: &'a str,
    /// Its facts.
    pub program: &'a Program,
    /// The files around it. For a single binary in an otherwise empty image: [`Rootfs::complete`] with nothing in it.
    pub rootfs: &'a Rootfs,
    /// The platform that the image declares, or that of the host; `None` when neither is known.
    pub platform: Option<&'a Platform>,
    /// The value of `PATH` that the program is started with.
    pub search_path: &'a str,
    /// The value of `LD_LIBRARY_PATH` that the program is started with; empty for none.
    pub library_path: &'a str,
    /// The value of `LD_PRELOAD` that the program is started with; empty for none.
    pub preload: &'a str,
    /// The directory that the program is started in.
    pub working_directory: &'a str,
    /// Whom it is started as, as an image's configuration says it; `None` where permissions are not to be looked at.
    pub user: Option<&'a str>,
    /// The level of the processor that is to run it, where that is known.
    pub cpu: Option<IsaLevel>,
    /// What is mounted over the files around it.
    pub mounts: Option<&'a Mounts>,
}

impl<'a> Subject<'a> {
    /// A program with nothing known of the environment and the host.
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

    /// `path` as the program that is started in the working directory takes it.
    pub(crate) fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        format!("{}/{path}", self.working_directory.trim_end_matches('/'))
    }
}

/// Everything that keeps the program from starting, the gravest first.
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
