//! What is said of a library that the loader does not find or accept.

use std::collections::BTreeMap;

use super::Loader;
use crate::code::Code;
use crate::elf::ElfFacts;
use crate::finding::{Finding, Severity};

pub(super) fn missing(loader: &Loader<'_>, name: &str, user: &str, searched: &[String]) -> Finding {
    let rootfs = loader.subject.rootfs;
    let place = rootfs.files_named(name.rsplit('/').next().unwrap_or(name)).into_iter().next();
    // A library that exists nowhere cannot be found.
    let is_nowhere = place.is_none() && rootfs.knows_all();
    let severity =
        if place.is_some() && !loader.is_sure { Severity::Warning } else { Severity::Error };
    let message = match &place {
        Some(place) => format!(
            "{user} needs the library {name}, which the loader does not look for at {place}: it ends with exit code 127"
        ),
        None => {
            format!(
                "{user} needs the library {name}, which is not in the image: the loader ends with exit code 127"
            )
        }
    };
    let finding = Finding::new(Code::LibraryMissing, severity, message)
        .evidence(format!("{user}: DT_NEEDED {name}"))
        .evidence(format!("searched: {}", searched.join(", ")));
    let finding = match place {
        Some(place) => finding.evidence(format!("{place} is in the image")).fix(format!(
            "put {name} where the loader looks, name its directory in LD_LIBRARY_PATH, or run ldconfig in the build"
        )),
        None => {
            finding.fix(format!("add {name} (and what it needs in turn) to the image, or link the program statically"))
        }
    };
    if is_nowhere || (loader.is_sure && !rootfs.knows_all()) { finding } else { finding.guessed() }
}

/// A library that exists, but that the loader does not accept.
pub(super) fn unusable(name: &str, user: &str, place: &str, reason: &str) -> Finding {
    Finding::new(
        Code::LibraryMissing,
        Severity::Error,
        format!("{user} needs the library {name}, and {place} {reason}: the loader ends with exit code 127"),
    )
    .evidence(format!("{user}: DT_NEEDED {name}"))
    .evidence(format!("{place} {reason}"))
    .fix(format!(
        "put the {name} that the program was linked against there, and let its user read it and search its directories \
         (mode 0755)"
    ))
}

pub(super) fn too_old(
    user: &str,
    facts: &ElfFacts,
    found: &BTreeMap<String, (String, &ElfFacts)>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, (path, library)) in found {
        // A library without versions, or one that was read in part, proves nothing.
        if library.provided_versions.is_empty() || library.partial {
            continue;
        }
        let lacking: Vec<&str> = facts
            .required_versions
            .iter()
            .filter(|required| {
                required.library == *name && !library.provided_versions.contains(&required.version)
            })
            .map(|required| required.version.as_str())
            .collect();
        if let Some(last) = lacking.last() {
            findings.push(
                Finding::new(
                    Code::LibraryTooOld,
                    Severity::Error,
                    format!(
                        "{user} was linked against a newer {name} than the image has: {path} lacks the version {last}"
                    ),
                )
                .evidence(format!("{user}: needs {} of {name}", lacking.join(", ")))
                .evidence(format!("{path}: defines up to {}", newest(&library.provided_versions)))
                .fix("build on the distribution (or an older one) that the image's libraries come from, or link statically"),
            );
        }
    }
    findings
}

fn newest(versions: &[String]) -> &str {
    versions.iter().rfind(|version| !version.ends_with("PRIVATE")).map_or("nothing", String::as_str)
}
