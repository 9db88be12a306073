//! `workdir-not-a-directory`. A missing working directory is not a problem: engines create it.

use super::ImageFacts;
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::rootfs::Resolution;

pub(super) fn check(image: ImageFacts<'_>) -> Option<Finding> {
    let workdir = image.config.working_directory.as_str();
    if !workdir.is_empty() && !workdir.starts_with('/') {
        return Some(
            Finding::new(
                Code::WorkdirNotADirectory,
                Severity::Error,
                format!("the working directory {workdir} is no absolute path (\"Cwd must be an absolute path\")"),
            )
            .evidence(format!("WorkingDir: {workdir}"))
            .fix(format!(
                "write it in full: WORKDIR /{} in a Dockerfile, --workdir on the command line",
                workdir.trim_start_matches("./")
            )),
        );
    }
    let in_the_way = match image.rootfs.resolve(workdir) {
        Resolution::Found { path, entry: Some(entry), .. } if !entry.is_directory() => path,
        Resolution::NotADirectory { at } => at,
        _ => return None,
    };
    Some(
        Finding::new(
            Code::WorkdirNotADirectory,
            Severity::Error,
            format!("the working directory {workdir} is not a directory: {in_the_way} is a file"),
        )
        .evidence(format!("WorkingDir: {workdir}"))
        .evidence(format!("{in_the_way}: not a directory"))
        .fix("name a directory: WORKDIR in a Dockerfile, --workdir on the command line"),
    )
}
