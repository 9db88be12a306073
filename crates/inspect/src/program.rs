//! Checks a program as if it were alone in an image.

use std::io::{self, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use scratchdbg_builder::DEFAULT_USER;
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::program::{self, Format, Program};
use scratchdbg_diagnose::rootfs::{Entry, Rootfs};
use scratchdbg_diagnose::rules::image::{self, ImageFacts};
use scratchdbg_diagnose::{Code, Finding};

use crate::{Error, contents};

pub(crate) fn check(path: &Path) -> Result<Vec<Finding>, Error> {
    let unreadable = |source: io::Error| Error::File { path: path.to_owned(), source };
    let (mut file, metadata) = scratchdbg_files::open(path).map_err(unreadable)?;
    let program =
        program::inspect(&mut file).map_err(|error| unreadable(io::Error::other(error)))?;
    file.rewind().map_err(unreadable)?;
    let mut mentions = None;
    if contents::is_searched(&program) {
        mentions = Some(
            contents::scan(&[], &mut scratchdbg_files::without_holes(file, 0))
                .map_err(unreadable)?,
        );
    }

    let name = path.file_name().map_or_else(|| "app".into(), |name| name.to_string_lossy());
    let place = format!("/{name}");
    let other = match &program {
        Program::Other(format) => Some(*format),
        _ => None,
    };
    // A file that is no program needs no executable bit.
    let mode = if other.is_some() { 0o755 } else { metadata.mode() & 0o7777 };
    let mut rootfs = Rootfs::complete();
    rootfs.insert(&place, Entry::program(mode, metadata.len(), program));
    let config = ConfigFacts {
        entrypoint: vec![place],
        user: DEFAULT_USER.to_owned(),
        ..ConfigFacts::default()
    };
    let mut findings = image::check(ImageFacts {
        mentions: mentions.as_ref(),
        ..ImageFacts::new(&config, &rootfs)
    });
    let is_other = |finding: &Finding| finding.code == Code::NotAnExecutable;
    if let Some(hint) = other.and_then(|format| otherwise(format, path))
        && let Some(finding) = findings.iter_mut().find(|finding| is_other(finding))
    {
        let fix = finding.fix.take().unwrap_or_default();
        finding.fix = Some(format!("{hint}; or {fix}"));
    }
    Ok(findings)
}

/// Returns the way to name a file that can be checked as something else.
fn otherwise(format: Format, path: &Path) -> Option<String> {
    let path = path.display();
    match format {
        Format::Tar | Format::Gzip | Format::Zstd => {
            Some(format!("an image in an archive is named archive:{path}"))
        }
        Format::Text => Some(format!("a Dockerfile is named by -f {path}")),
        _ => None,
    }
}
