//! `library-missing` and `library-too-old`: what the loader does before the program's first instruction.
//!
//! The loader searches a library in the program's own run path, in `LD_LIBRARY_PATH`, and in the directories that it was
//! built with. Where the image has a cache or a configuration that names further directories, an absent library is a guess.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Subject;
use crate::code::Code;
use crate::elf::{ElfFacts, Libc};
use crate::finding::{Finding, Severity};
use crate::program::Program;
use crate::rootfs::Resolution;
use crate::rules::image::mount;

/// More libraries than any program loads: the walk ends here on a hostile image.
const MAX_LIBRARIES: usize = 1000;

/// Where glibc looks. Debian and Ubuntu have directories by architecture, the others do not.
const GLIBC: &[&str] = &["/lib64", "/usr/lib64", "/lib", "/usr/lib"];
/// Where musl looks (`ldso/dynlink.c`).
const MUSL: &[&str] = &["/lib", "/usr/local/lib", "/usr/lib"];

pub(super) fn check(subject: Subject<'_>, elf: &ElfFacts) -> Vec<Finding> {
    if elf.interpreter.is_none() {
        return Vec::new();
    }
    let directories = directories(subject, elf);
    let guess = may_look_elsewhere(subject, elf);
    let mut findings = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut queue: VecDeque<(String, &ElfFacts)> = VecDeque::from([(subject.path.to_owned(), elf)]);
    let mut found: BTreeMap<&str, (String, &ElfFacts)> = BTreeMap::new();
    let mut requirements = vec![(subject.path.to_owned(), elf)];
    while let Some((user, facts)) = queue.pop_front() {
        for name in facts.needed.iter().filter(|name| !is_loader(name, elf)) {
            if seen.len() >= MAX_LIBRARIES || !seen.insert(name.clone()) {
                continue;
            }
            match search(subject, name, &directories, &user, facts) {
                Search::Unknown => {}
                Search::Absent => {
                    let hidden = subject.mounts.and_then(|mounts| mounts.hidden_file(name));
                    findings.push(match hidden {
                        Some((path, mount)) => {
                            let what = format!("the library {name} of {user}");
                            mount::hidden(mount, &what, path, Severity::Error)
                        }
                        None => missing(name, &user, &directories, guess),
                    });
                }
                Search::Found(path) => {
                    if let Some((path, Program::Elf(library))) = subject.rootfs.program(&path) {
                        found.insert(name, (path.clone(), library));
                        requirements.push((path.clone(), library));
                        queue.push_back((path, library));
                    }
                }
            }
        }
    }
    for (user, facts) in requirements {
        findings.extend(too_old(&user, facts, &found));
    }
    findings
}

enum Search {
    Found(String),
    Absent,
    Unknown,
}

fn search(subject: Subject<'_>, name: &str, directories: &[String], user: &str, facts: &ElfFacts) -> Search {
    let origin = user.rsplit_once('/').map_or("/", |(directory, _)| directory);
    let run_path = facts.run_path.iter().map(|path| path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin));
    let candidates: Vec<String> = if name.contains('/') {
        vec![name.to_owned()]
    } else {
        run_path.chain(directories.iter().cloned()).map(|directory| format!("{directory}/{name}")).collect()
    };
    let mut unknown = false;
    for candidate in candidates {
        match subject.rootfs.resolve(&candidate) {
            Resolution::Found { path, .. } => return Search::Found(path),
            Resolution::Unknown => unknown = true,
            _ => {}
        }
    }
    if unknown { Search::Unknown } else { Search::Absent }
}

fn directories(subject: Subject<'_>, elf: &ElfFacts) -> Vec<String> {
    let environment = subject.library_path.split(':').filter(|path| path.starts_with('/'));
    let built_in = if elf.libc == Some(Libc::Musl) { MUSL } else { GLIBC };
    let mut directories: Vec<String> = environment.chain(built_in.iter().copied()).map(ToOwned::to_owned).collect();
    if elf.libc != Some(Libc::Musl)
        && let Some(triplet) = debian_triplet(elf)
    {
        directories.push(format!("/lib/{triplet}"));
        directories.push(format!("/usr/lib/{triplet}"));
    }
    directories
}

/// Debian's directory of an architecture's libraries.
fn debian_triplet(elf: &ElfFacts) -> Option<&'static str> {
    let platform = elf.platform.as_ref()?;
    Some(match platform.architecture.as_str() {
        "amd64" => "x86_64-linux-gnu",
        "arm64" => "aarch64-linux-gnu",
        "386" => "i386-linux-gnu",
        "arm" => "arm-linux-gnueabihf",
        "ppc64le" => "powerpc64le-linux-gnu",
        "s390x" => "s390x-linux-gnu",
        "riscv64" => "riscv64-linux-gnu",
        _ => return None,
    })
}

/// Whether the image tells the loader of directories that are not looked at here.
fn may_look_elsewhere(subject: Subject<'_>, elf: &ElfFacts) -> bool {
    let exists = |path: &str| subject.rootfs.exists(path) != Some(false);
    match elf.libc {
        Some(Libc::Musl) => ["x86_64", "aarch64", "armhf", "i386", "riscv64", "ppc64le", "s390x"]
            .iter()
            .any(|architecture| exists(&format!("/etc/ld-musl-{architecture}.path"))),
        _ => exists("/etc/ld.so.cache"),
    }
}

/// The loader is loaded already; musl's is its C library too.
fn is_loader(name: &str, elf: &ElfFacts) -> bool {
    let interpreter = elf.interpreter.as_deref().unwrap_or_default();
    interpreter.rsplit('/').next() == Some(name) || (elf.libc == Some(Libc::Musl) && name.starts_with("libc."))
}

fn missing(name: &str, user: &str, directories: &[String], guess: bool) -> Finding {
    let finding = Finding::new(
        Code::LibraryMissing,
        Severity::Error,
        format!("{user} needs the library {name}, which is not in the image: the loader ends with exit code 127"),
    )
    .evidence(format!("{user}: DT_NEEDED {name}"))
    .evidence(format!("searched: {}", directories.join(", ")))
    .fix(format!("add {name} (and what it needs in turn) to the image, or link the program statically"));
    if guess { finding.guessed() } else { finding }
}

fn too_old(user: &str, facts: &ElfFacts, found: &BTreeMap<&str, (String, &ElfFacts)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, (path, library)) in found {
        // A library without any version, or one that was read in part, proves nothing.
        if library.provided_versions.is_empty() || library.partial {
            continue;
        }
        let lacking: Vec<&str> = facts
            .required_versions
            .iter()
            .filter(|required| required.library == *name && !library.provided_versions.contains(&required.version))
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
