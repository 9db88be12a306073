//! Where a loader searches for a library, in its order: `elf/dl-load.c` of glibc, `ldso/dynlink.c`
//! of musl.

use super::place::{self, Place};
use super::{Loader, Object};
use crate::elf::{ElfFacts, IsaLevel, Libc};

/// The directories by processor level that glibc since 2.33 searches first.
const LEVELS: &[(&str, IsaLevel)] =
    &[("x86-64-v4", IsaLevel::V4), ("x86-64-v3", IsaLevel::V3), ("x86-64-v2", IsaLevel::V2)];
/// Those of other machines.
const OTHER_LEVELS: &[&str] = &["power10", "power9", "z16", "z15", "z14", "z13"];
/// Those that glibc before 2.37 searched, in any combination of one of each.
const LEGACY: [&[&str]; 4] =
    [&["", "tls"], &["", "haswell", "xeon_phi"], &["", "avx512_1"], &["", "x86_64"]];
/// Values of `$PLATFORM`: the processor's name according to the kernel or the loader.
const PLATFORMS: &[&str] = &["haswell", "xeon_phi", "x86_64", "aarch64", "i686", "i586"];

/// The result of a search.
pub(super) enum Found {
    /// Found at this path, as searched.
    At(String),
    /// A file that the loader does not accept, and why.
    Unusable(String, String),
    /// Not found in these directories.
    Nowhere(Vec<String>),
    /// Not known.
    Open,
}

/// Searches the library that `objects[user]` requests as `name`.
pub(super) fn find(
    loader: &Loader<'_>,
    elf: &ElfFacts,
    objects: &[Object<'_>],
    user: usize,
    name: &str,
) -> Found {
    if name.contains('/') {
        let paths = expand(loader, name, &objects[user].path);
        return first(
            loader,
            elf,
            &paths.iter().map(|path| loader.subject.absolute(path)).collect::<Vec<_>>(),
            &[],
        );
    }
    let directories = directories(loader, objects, user);
    let files = |directories: Vec<String>| {
        directories.into_iter().map(|directory| format!("{directory}/{name}"))
    };
    let mut paths: Vec<String> = files(directories.before).collect();
    if !objects[user].facts.own_run_path_only {
        paths.extend(loader.cache.get(name).into_iter().flatten().cloned());
        paths.extend(files(loader.defaults.clone()));
    }
    let searched = directories.searched.into_iter().chain(loader.defaults.clone());
    match first(loader, elf, &paths, &searched.collect::<Vec<_>>()) {
        // Directories for some processors are searched only if there is no other file.
        Found::Nowhere(searched) if loader.kind == Libc::Glibc => {
            let paths: Vec<String> =
                paths.iter().flat_map(|path| by_processor(loader, path)).collect();
            match first(loader, elf, &paths, &[]) {
                Found::Nowhere(_) => Found::Nowhere(searched),
                found => found,
            }
        }
        found => found,
    }
}

fn first(loader: &Loader<'_>, elf: &ElfFacts, paths: &[String], searched: &[String]) -> Found {
    let mut passed_over = None;
    let mut unknown = false;
    for path in paths {
        match place::at(loader, elf, path) {
            Place::Library(path) => return Found::At(path),
            Place::Fatal(path, reason) if !unknown => return Found::Unusable(path, reason),
            Place::PassedOver(path, reason) => passed_over = passed_over.or(Some((path, reason))),
            Place::Empty => {}
            Place::Unknown | Place::Fatal(..) => unknown = true,
        }
    }
    match passed_over {
        _ if unknown => Found::Open,
        Some((path, reason)) => Found::Unusable(path, reason),
        None => Found::Nowhere(if searched.is_empty() { paths } else { searched }.to_vec()),
    }
}

struct Directories {
    before: Vec<String>,
    searched: Vec<String>,
}

/// Returns the directories before the built-in ones, and how to describe them.
fn directories(loader: &Loader<'_>, objects: &[Object<'_>], user: usize) -> Directories {
    let Some(own) = objects.get(user) else {
        return Directories { before: Vec::new(), searched: Vec::new() };
    };
    let chain = || std::iter::successors(Some(own), |object| objects.get(object.loaded_by?));
    let run_path = |object: &Object<'_>, list: &[String]| -> Vec<String> {
        list.iter()
            .flat_map(|path| expand(loader, path, &object.path))
            .map(|path| loader.subject.absolute(&path))
            .collect()
    };
    let environment = {
        let separators: &[char] =
            if loader.kind == Libc::Musl { &[':', '\n'] } else { &[':', ';'] };
        let list = loader.subject.library_path;
        let elements = list
            .split(separators)
            .filter(|path| !list.is_empty() && (loader.kind == Libc::Glibc || !path.is_empty()));
        let program = objects.first().map_or("/", |program| program.path.as_str());
        elements
            .flat_map(|path| expand(loader, path, program))
            .map(|path| loader.subject.absolute(&path))
            .collect::<Vec<_>>()
    };
    let mut before = Vec::new();
    if loader.kind == Libc::Musl {
        // Both kinds of run path are inherited, and come last.
        before.extend(environment);
        for object in chain() {
            let both = [&object.facts.run_path[..], &object.facts.inherited_run_path[..]].concat();
            before.extend(run_path(
                object,
                &both.into_iter().filter(|path| !path.is_empty()).collect::<Vec<_>>(),
            ));
        }
    } else {
        if own.facts.run_path.is_empty() {
            for object in chain() {
                before.extend(run_path(object, &object.facts.inherited_run_path));
            }
        }
        before.extend(environment);
        before.extend(run_path(own, &own.facts.run_path));
    }
    Directories { searched: before.clone(), before }
}

/// Returns the possible values of a path with `$ORIGIN`, `$LIB` and `$PLATFORM`. `user` is the path
/// of the file that contains it.
fn expand(loader: &Loader<'_>, path: &str, user: &str) -> Vec<String> {
    let origin = user.rsplit_once('/').map_or("", |(directory, _)| directory);
    let replace = |text: &str, name: &str, value: &str| {
        text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
    };
    let path = replace(
        path,
        "ORIGIN",
        if origin.is_empty() && !path.contains("ORIGIN/") { "/" } else { origin },
    );
    if loader.kind == Libc::Musl {
        return if path.contains('$') { Vec::new() } else { vec![path] };
    }
    let has = |text: &str, name: &str| {
        text.contains(&format!("${name}")) || text.contains(&format!("${{{name}}}"))
    };
    let mut paths = vec![path];
    for (name, values) in [("LIB", loader.lib.as_slice()), ("PLATFORM", PLATFORMS)] {
        if paths.iter().any(|path| has(path, name)) {
            paths = paths
                .iter()
                .flat_map(|path| values.iter().map(|value| replace(path, name, value)))
                .collect();
        }
    }
    paths
}

/// Returns where glibc searches for a variant of this path for the processor.
fn by_processor(loader: &Loader<'_>, path: &str) -> Vec<String> {
    let Some((directory, name)) = path.rsplit_once('/') else { return Vec::new() };
    let has = |level: IsaLevel| loader.subject.cpu.is_none_or(|cpu| cpu >= level);
    let levels = LEVELS.iter().filter(|(_, level)| has(*level)).map(|(level, _)| *level);
    let levels = levels.chain(OTHER_LEVELS.iter().copied());
    let mut paths: Vec<String> =
        levels.map(|level| format!("{directory}/glibc-hwcaps/{level}/{name}")).collect();
    let mut folders = vec![directory.to_owned()];
    for choices in LEGACY {
        let with = |folder: &String| {
            let choice = |choice: &&str| {
                if choice.is_empty() { folder.clone() } else { format!("{folder}/{choice}") }
            };
            choices.iter().map(choice).collect::<Vec<_>>()
        };
        folders = folders.iter().flat_map(with).collect();
    }
    paths.extend(folders.iter().skip(1).map(|folder| format!("{folder}/{name}")));
    paths
}
