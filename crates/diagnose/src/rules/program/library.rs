//! `library-missing` and `library-too-old`: simulates the loader before the program's first
//! instruction.
//!
//! [`search`] knows where glibc and musl search, [`place`] how they treat the file they find. If
//! the image's loader is another one, or has a list that cannot be read, a missing library is a
//! guess.

mod cache;
mod findings;
mod place;
mod search;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use findings::{missing, too_old, unusable};
use search::Found;

use super::{Subject, access, truncated};
use crate::elf::{ElfFacts, Libc};
use crate::finding::{Finding, Severity};
use crate::identity::Identity;
use crate::program::Program;
use crate::rootfs::Resolution;
use crate::rules::image::mount;

#[cfg(test)]
pub(super) use cache::sample as sample_cache;

/// More libraries than any program loads: limits the work for a malicious image.
const MAX_LIBRARIES: usize = 1000;
/// More libraries than anybody preloads.
const MAX_PRELOADED: usize = 32;

/// The search directories of most glibc builds. Debian and Ubuntu have directories by architecture,
/// other distributions do not.
const GLIBC: &[&str] = &["/lib64", "/usr/lib64", "/lib", "/usr/lib"];
/// musl's search directories (`ldso/dynlink.c`).
const MUSL: &[&str] = &["/lib", "/usr/local/lib", "/usr/lib"];
/// The names that musl's C library provides itself and does not search for (`ldso/dynlink.c`).
const OF_MUSL: &[&str] = &["c", "pthread", "rt", "m", "dl", "util", "xnet"];

/// The loader of a program, as far as it is known.
pub(super) struct Loader<'a> {
    subject: Subject<'a>,
    identity: Option<Identity>,
    kind: Libc,
    /// Its built-in search directories.
    defaults: Vec<String>,
    /// The possible values of `$LIB`.
    lib: Vec<&'static str>,
    /// The paths of `/etc/ld.so.cache`.
    cache: BTreeMap<String, Vec<String>>,
    /// Its own names, which count as loaded.
    names: Vec<String>,
    /// Whether it searches nowhere else.
    is_sure: bool,
}

/// A loaded program or library.
pub(super) struct Object<'a> {
    /// Where it was found.
    path: String,
    facts: &'a ElfFacts,
    /// Which loaded object requested it.
    loaded_by: Option<usize>,
}

pub(super) fn check(subject: Subject<'_>, elf: &ElfFacts) -> Vec<Finding> {
    let Some(loader) = Loader::of(subject, elf) else { return Vec::new() };
    let mut findings = Vec::new();
    let mut link = Link::of(&loader, subject.path, elf);
    link.preload(&loader, elf);
    while let Some(user) = link.queue.pop_front() {
        for name in link.objects[user].facts.needed.clone() {
            if loader.is_loaded(&name)
                || link.names.len() >= MAX_LIBRARIES
                || !link.names.insert(name.clone())
            {
                continue;
            }
            let path = link.objects[user].path.clone();
            match search::find(&loader, elf, &link.objects, user, &name) {
                Found::Open => {}
                Found::At(place) => link.add(&loader, &name, place, user),
                Found::Unusable(place, reason) => {
                    findings.push(unusable(&name, &path, &place, &reason));
                }
                Found::Nowhere(searched) => {
                    findings.push(
                        match subject.mounts.and_then(|mounts| mounts.hidden_file(&name)) {
                            Some((place, mount)) => {
                                let what = format!("the library {name} of {path}");
                                mount::hidden(mount, &what, place, Severity::Error)
                            }
                            None => missing(&loader, &name, &path, &searched),
                        },
                    );
                }
            }
        }
    }
    for object in &link.objects[1..] {
        findings.extend(truncated::of_library(&object.path, object.facts));
    }
    for object in &link.objects {
        findings.extend(too_old(&object.path, object.facts, &link.by_name));
    }
    findings
}

/// The state of the simulation.
struct Link<'a> {
    objects: Vec<Object<'a>>,
    /// The names that need not be searched any more.
    names: BTreeSet<String>,
    by_name: BTreeMap<String, (String, &'a ElfFacts)>,
    /// The objects whose libraries are yet to be searched.
    queue: VecDeque<usize>,
}

impl<'a> Link<'a> {
    fn of(loader: &Loader<'a>, path: &str, elf: &'a ElfFacts) -> Self {
        let program = Object { path: path.to_owned(), facts: elf, loaded_by: None };
        let names = elf.soname.clone().filter(|_| loader.kind == Libc::Glibc).into_iter().collect();
        Self { objects: vec![program], names, by_name: BTreeMap::new(), queue: VecDeque::from([0]) }
    }

    fn add(&mut self, loader: &Loader<'a>, name: &str, place: String, user: usize) {
        let Some((real, Program::Elf(facts))) = loader.subject.rootfs.program(&place) else {
            return;
        };
        self.by_name.insert(name.to_owned(), (real, facts));
        // glibc also identifies a library by its soname.
        self.names.extend(facts.soname.clone().filter(|_| loader.kind == Libc::Glibc));
        self.queue.push_back(self.objects.len());
        self.objects.push(Object { path: place, facts, loaded_by: Some(user) });
    }

    /// Loads the libraries of `LD_PRELOAD` and `/etc/ld.so.preload`. Missing ones are ignored.
    fn preload(&mut self, loader: &Loader<'a>, elf: &ElfFacts) {
        for name in loader.preloaded().into_iter().take(MAX_PRELOADED) {
            if let Found::At(place) = search::find(loader, elf, &self.objects, 0, &name) {
                if !name.contains('/') {
                    self.names.insert(name.clone());
                }
                self.add(loader, &name, place, 0);
            }
        }
    }
}

impl<'a> Loader<'a> {
    /// Returns `None` for a program without a loader, and if the files that the loader reads are
    /// not known yet.
    fn of(subject: Subject<'a>, elf: &ElfFacts) -> Option<Self> {
        let interpreter = elf.interpreter.as_deref()?;
        let place = subject.absolute(interpreter);
        let file = subject.rootfs.program(&place);
        let real = match subject.rootfs.resolve(&place) {
            Resolution::Found { path, .. } => path,
            _ => place.clone(),
        };
        let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let names = vec![base(&real), base(&place)];
        let is_named = |begins: &[&str]| {
            names.iter().any(|name| begins.iter().any(|begin| name.starts_with(begin)))
        };
        let is_musl = is_named(&["ld-musl", "libc.musl"]);
        // A musl that runs glibc programs (gcompat) has a loader with that name beside its own.
        let musl_beside = !is_musl && has_musl(subject, elf);
        let kind = if is_musl { Libc::Musl } else { Libc::Glibc };
        let built_in = match file {
            Some((_, Program::Elf(file))) => file.library_directories.clone(),
            _ => Vec::new(),
        };
        let (defaults, lists_known) =
            if is_musl { directories_of_musl(subject, &place) } else { (built_in.clone(), true) };
        let is_sure = lists_known && !musl_beside && (is_musl || !built_in.is_empty());
        let mut loader = Self {
            subject,
            identity: access::identity(subject),
            kind,
            defaults,
            lib: Vec::new(),
            cache: BTreeMap::new(),
            names,
            is_sure,
        };
        if kind == Libc::Glibc {
            loader.read_cache();
            loader.lib = lib(elf, &built_in);
            if built_in.is_empty() {
                loader.defaults = usual_directories(elf, &real);
            }
            if musl_beside {
                loader.defaults.extend(MUSL.iter().map(ToString::to_string));
            }
        }
        Some(loader)
    }

    fn read_cache(&mut self) {
        const CACHE: &str = "/etc/ld.so.cache";
        let rootfs = self.subject.rootfs;
        match rootfs.content(CACHE).map(cache::parse) {
            Some(Some(cache)) => self.cache = cache,
            Some(None) => {}
            None => self.is_sure &= rootfs.exists(CACHE) == Some(false),
        }
    }

    /// Reports whether the requested name is the loader itself.
    fn is_loaded(&self, name: &str) -> bool {
        let of_musl = || {
            let name = name.strip_prefix("lib").and_then(|name| name.split('.').next());
            name.is_some_and(|name| OF_MUSL.contains(&name))
        };
        let has_musl = self.kind == Libc::Musl
            || self.defaults.iter().any(|directory| directory == "/usr/local/lib");
        self.names.iter().any(|own| own == name) || (has_musl && of_musl())
    }

    fn preloaded(&self) -> Vec<String> {
        let is_separator = |c: char| c.is_ascii_whitespace() || c == ':';
        let mut names: Vec<String> =
            self.subject.preload.split(is_separator).map(ToOwned::to_owned).collect();
        if self.kind == Libc::Glibc
            && let Some(content) = self.subject.rootfs.content("/etc/ld.so.preload")
        {
            let text = String::from_utf8_lossy(content);
            let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
            names.extend(lines.flat_map(|line| line.split(is_separator)).map(ToOwned::to_owned));
        }
        names.retain(|name| !name.is_empty());
        names
    }
}

/// The names of musl's machines in Linux distributions.
const ARCHITECTURES: &[&str] = &[
    "x86_64",
    "aarch64",
    "armhf",
    "armv7",
    "i386",
    "riscv64",
    "powerpc64le",
    "ppc64le",
    "s390x",
    "loongarch64",
];

fn has_musl(subject: Subject<'_>, elf: &ElfFacts) -> bool {
    let machine = match elf.platform.as_ref().map(|platform| platform.architecture.as_str()) {
        Some("amd64") => "x86_64",
        Some("arm64") => "aarch64",
        Some("386") => "i386",
        _ => return false,
    };
    subject.rootfs.exists(&format!("/lib/ld-musl-{machine}.so.1")) == Some(true)
}

/// Returns the directories in musl's list, which replace the built-in ones, and whether the list is
/// known.
fn directories_of_musl(subject: Subject<'_>, loader: &str) -> (Vec<String>, bool) {
    let usual = || MUSL.iter().map(ToString::to_string).collect();
    let name = loader.rsplit('/').next().and_then(|name| name.strip_prefix("ld-musl-"));
    let lists: Vec<String> = match name.and_then(|name| name.split('.').next()) {
        Some(architecture) => vec![format!("/etc/ld-musl-{architecture}.path")],
        None => ARCHITECTURES
            .iter()
            .map(|architecture| format!("/etc/ld-musl-{architecture}.path"))
            .collect(),
    };
    for list in &lists {
        if let Some(content) = subject.rootfs.content(list) {
            let text = String::from_utf8_lossy(content);
            let paths =
                text.trim_end_matches('\0').split([':', '\n']).filter(|path| !path.is_empty());
            return (paths.map(|path| subject.absolute(path)).collect(), true);
        }
    }
    let is_absent = lists.iter().all(|list| subject.rootfs.exists(list) == Some(false));
    (usual(), is_absent)
}

/// Returns the search directories of a loader whose own list was not found.
fn usual_directories(elf: &ElfFacts, loader: &str) -> Vec<String> {
    let mut directories: Vec<String> = GLIBC.iter().map(ToString::to_string).collect();
    if let Some(triplet) = debian_triplet(elf) {
        directories.push(format!("/lib/{triplet}"));
        directories.push(format!("/usr/lib/{triplet}"));
    }
    let own = loader.rsplit_once('/').map(|(directory, _)| directory.to_owned());
    directories.extend(own.filter(|own| !own.is_empty()));
    directories
}

/// Returns the possible values of `$LIB`: the library directory that the loader was built with.
fn lib(elf: &ElfFacts, built_in: &[String]) -> Vec<&'static str> {
    let all = || {
        let of_debian = match debian_triplet(elf) {
            Some("x86_64-linux-gnu") => Some("lib/x86_64-linux-gnu"),
            Some("aarch64-linux-gnu") => Some("lib/aarch64-linux-gnu"),
            Some("i386-linux-gnu") => Some("lib/i386-linux-gnu"),
            Some("arm-linux-gnueabihf") => Some("lib/arm-linux-gnueabihf"),
            _ => None,
        };
        of_debian.into_iter().chain(["lib64", "lib"])
    };
    let is_built_in = |lib: &&str| {
        built_in.iter().any(|directory| directory.trim_start_matches("/usr") == format!("/{lib}"))
    };
    let known: Vec<&str> = all().filter(is_built_in).take(1).collect();
    if known.is_empty() { all().collect() } else { known }
}

/// Returns Debian's name of an architecture's library directory.
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
