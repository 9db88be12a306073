//! `not-executable-mode`, `parent-not-searchable`, `exec-not-permitted`: the program exists and may
//! not be executed.

use super::{ImageFacts, lookup, mount};
use crate::capability;
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::identity::{self, Identity, Resolved};
use crate::rootfs::{Entry, EntryKind, Resolution};

pub(super) fn check(image: ImageFacts<'_>, path: &str) -> Option<Finding> {
    let Resolution::Found { path, entry, parents } = image.rootfs.resolve(path) else {
        return None;
    };
    let Some(entry) = entry.filter(|entry| !entry.is_directory()) else {
        return Some(mount::mounted_directory(image, &path).unwrap_or_else(|| directory(&path)));
    };
    if let Some(no_exec) = mount::no_exec(image, &path, entry.mode) {
        return Some(no_exec);
    }
    if entry.kind == EntryKind::Special {
        return Some(special(&path));
    }
    // The numbers of an unknown user do not matter any more.
    let Resolved::Known(identity) = identity::resolve(&image.config.user, image.rootfs) else {
        return None;
    };
    if let Some((parent, directory)) = parents.iter().find(|(_, parent)| !identity.may(parent, 0o1))
    {
        return Some(not_searchable(&path, parent, directory, &identity));
    }
    if !identity.may(entry, 0o1) {
        let finding = not_executable(&path, entry, &identity);
        let arguments = image.config.arguments();
        let is_passed_over = lookup::has_another(
            image.config,
            image.rootfs,
            arguments.first().copied().unwrap_or("/"),
        );
        return Some(if is_passed_over { finding.guessed() } else { finding });
    }
    // The interpreter of a script must read it. Executing a binary needs no read permission.
    file_capabilities(&path, entry, image.bounding_set)
}

fn who(identity: &Identity) -> String {
    format!("user {}:{}", identity.uid, identity.gid)
}

fn state(path: &str, entry: &Entry) -> String {
    format!("{path}: mode {:04o}, owner {}:{}", entry.mode & 0o7777, entry.uid, entry.gid)
}

fn directory(path: &str) -> Finding {
    Finding::new(
        Code::NotExecutableMode,
        Severity::Error,
        format!(
            "{path} is a directory and not a program (\"permission denied\" or \"is a directory\")"
        ),
    )
    .evidence(format!("{path}: directory"))
    .fix(format!("name the program inside of it: ENTRYPOINT [\"{path}/…\"]"))
}

fn special(path: &str) -> Finding {
    Finding::new(
        Code::NotExecutableMode,
        Severity::Error,
        format!(
            "{path} is a named pipe, socket or device and not a program (\"permission denied\")"
        ),
    )
    .evidence(format!("{path}: no regular file"))
    .fix("put the program's file at this path, or name the one that it is at")
}

fn not_executable(path: &str, entry: &Entry, identity: &Identity) -> Finding {
    let nobody = entry.mode & 0o111 == 0;
    let message = if nobody {
        format!("{path} has no execute permission for anybody (\"permission denied\")")
    } else {
        format!("{path} may not be executed by {} (\"permission denied\")", who(identity))
    };
    Finding::new(Code::NotExecutableMode, Severity::Error, message)
        .evidence(state(path, entry))
        .evidence(format!("the program runs as {}", who(identity)))
        .fix("give it mode 0755: COPY --chmod=0755 in a Dockerfile, or chmod before the build")
}

fn not_searchable(path: &str, parent: &str, directory: &Entry, identity: &Identity) -> Finding {
    Finding::new(
        Code::ParentNotSearchable,
        Severity::Error,
        format!(
            "{} cannot reach {path}: it may not search {parent} (\"permission denied\")",
            who(identity)
        ),
    )
    .evidence(state(parent, directory))
    .evidence(format!("the program runs as {}", who(identity)))
    .fix(format!("give {parent} mode 0755, or the program a place outside of it"))
}

/// The kernel (`bprm_caps_from_vfs_caps`) refuses a program whose file has effective capabilities
/// that are not in the bounding set.
fn file_capabilities(path: &str, entry: &Entry, bounding_set: u64) -> Option<Finding> {
    let EntryKind::File { .. } = entry.kind else { return None };
    let capabilities = FileCapabilities::parse(entry.capabilities.as_deref()?)?;
    let lacking = capabilities.permitted & !bounding_set;
    if !capabilities.effective || lacking == 0 {
        return None;
    }
    let names = capability::names(lacking);
    Some(
        Finding::new(
            Code::ExecNotPermitted,
            Severity::Error,
            format!("{path} has file capabilities that the container may not have: the kernel refuses it (\"operation not permitted\")"),
        )
        .evidence(format!("{path}: security.capability claims {}", names.join(", ")))
        .evidence(format!("bounding set: {bounding_set:#x}"))
        .fix(format!(
            "add them to the container ({}), or take them off the file: setcap -r",
            names.iter().map(|name| format!("--cap-add {name}")).collect::<Vec<_>>().join(" ")
        )),
    )
}

struct FileCapabilities {
    permitted: u64,
    effective: bool,
}

impl FileCapabilities {
    /// Parses `struct vfs_cap_data`: a magic word with the effective flag, then permitted and
    /// inheritable, twice.
    fn parse(attribute: &[u8]) -> Option<Self> {
        let word = |index: usize| -> Option<u32> {
            Some(u32::from_le_bytes(attribute.get(index * 4..index * 4 + 4)?.try_into().ok()?))
        };
        let magic = word(0)?;
        let high = match magic >> 24 {
            1 => 0,
            2 | 3 => word(3)?,
            _ => return None,
        };
        Some(Self {
            permitted: u64::from(word(1)?) | u64::from(high) << 32,
            effective: magic & 1 != 0,
        })
    }
}
