//! What Docker, containerd, Podman and the kubelet say before or around a start.

use super::{Meaning, Wording, named};
use crate::code::Code;

macro_rules! plain {
    ($code:ident, $pattern:expr) => {
        Wording { pattern: $pattern, meaning: |c| Meaning::Plain(Code::$code, named(c, "p")) }
    };
}

pub(super) const WORDINGS: &[Wording] = &[
    plain!(NoCommand, r"(?i)no command specified"),
    plain!(NoCommand, r"no command or entrypoint provided, and no CMD or ENTRYPOINT from image"),
    plain!(UserUnknown, r"unable to find user (?P<p>[^:\n]+): (?:no matching entries in passwd file|invalid|stat)"),
    plain!(UserUnknown, r"unable to find group (?P<p>[^:\n]+): no matching entries in group file"),
    plain!(
        UserUnknown,
        r#"(?:unable to find user|can't get uid for user|failed to resolve user|failed to get user) "?(?P<p>[\w.-]+)"?: .*(?:no users found|no such file or directory)"#
    ),
    plain!(UserUnknown, r"mount callback failed on \S+: no users found|no users found$"),
    plain!(UserUnknown, r"no groups found$"),
    plain!(UserUnknown, r"Cannot find User '(?P<p>[^']+)' in passwd file"),
    plain!(UserUnknown, r"linux spec user: unable to find user (?P<p>[^:\n]+):"),
    plain!(UserNotNumeric, r"image has non-numeric user \((?P<p>[^)\n]+)\), cannot verify user is non-root"),
    plain!(RunsAsRoot, r"container has runAsNonRoot and image will run as root"),
    plain!(RunsAsRoot, r"container's runAsUser breaks non-root policy"),
    plain!(EnvironmentInvalid, r#"environment variable name can't be empty(?:: "(?P<p>[^"\n]*)")?"#),
    plain!(EnvironmentInvalid, r"invalid environment variable: (?P<p>=[^\n]*)"),
    plain!(WorkdirNotADirectory, r"Cannot mkdir: (?P<p>\S+) is not a directory"),
    plain!(WorkdirNotADirectory, r#"chdir to cwd \("(?P<p>[^"\n]+)"\) set in config.json failed: not a directory"#),
    plain!(WorkdirNotADirectory, r"mkdir (?P<p>\S+): not a directory"),
    plain!(WorkdirNotADirectory, r"chdir to `(?P<p>[^`\n]+)`: Not a directory"),
    plain!(WorkdirMissing, r#"chdir to cwd \("(?P<p>[^"\n]+)"\) set in config.json failed: no such file or directory"#),
    plain!(WorkdirMissing, r"chdir(?: to)? `(?P<p>[^`\n]+)`: No such file or directory"),
    plain!(WorkdirMissing, r#"workdir "(?P<p>[^"\n]+)" does not exist on container"#),
    plain!(ParentNotSearchable, r#"chdir to cwd \("(?P<p>[^"\n]+)"\) set in config.json failed: permission denied"#),
    plain!(MountFailed, r#"error mounting "(?P<p>[^"\n]+)" to rootfs"#),
    plain!(MountFailed, r"bind source path does not exist: (?P<p>[^\n]+)"),
    plain!(MountFailed, r"error while creating mount source path '(?P<p>[^'\n]+)'"),
    // Docker adds "Are you trying to mount a directory onto a file" to every "not a directory": it says nothing of itself.
    plain!(MountFailed, r"Error: statfs (?P<p>[^:\n]+): no such file or directory"),
    plain!(MountFailed, r"mount `(?P<p>[^`\n]+)` to `[^`\n]+`: "),
    plain!(MountFailed, r#"MountVolume\.SetUp failed for volume "(?P<p>[^"\n]+)""#),
    plain!(MountFailed, r"error while mounting volume '(?P<p>[^'\n]+)'"),
    plain!(PortInUse, r"Bind for (?P<p>\S+) failed: port is already allocated"),
    plain!(PortInUse, r"(?:listen|bind)(?: on)?:? ?(?:tcp|udp)[46]? (?P<p>\S+): bind: address already in use"),
    plain!(PortInUse, r"(?:exposing port \w+|rootlessport) (?P<p>\S+).*address already in use"),
    plain!(Paused, r"[Cc]ontainer (?P<p>\S+) is paused"),
    plain!(Paused, r"cannot exec in a paused (?:container|state)"),
    plain!(NotRunning, r"[Cc]ontainer (?P<p>\S+) is not running"),
    plain!(NotRunning, r"can only create exec sessions on running containers"),
    plain!(NotRunning, r"cannot exec in a stopped container"),
    // A shim of containerd whose container has just ended.
    plain!(NotRunning, r"cannot exec in a (?:stopped|deleted) state"),
    plain!(NotRunning, r"cannot exec (?:in|a) container that (?:is not running|has stopped)"),
    plain!(Removed, r"No such container: (?P<p>\S+)"),
    plain!(Removed, r#"no container with name or ID "(?P<p>[^"\n]+)" found"#),
    plain!(Removed, r"No such (?:object|image): (?P<p>\S+)"),
    plain!(DuplicatePath, r"duplicates of file paths not supported"),
    plain!(WrongArchitecture, r"image's platform \((?P<p>[^)\n]+)\) does not match"),
    plain!(WrongArchitecture, r"image platform \((?P<p>[^)\n]+)\) does not match the expected platform"),
    plain!(WrongArchitecture, r"no matching manifest for (?P<p>\S+) in the manifest list"),
    plain!(
        WrongArchitecture,
        r#"choosing image instance: no image found in (?:manifest list|image index) for architecture "?(?P<p>\w+)"#
    ),
    plain!(OomKilled, r"[Mm]emory cgroup out of memory: Killed process \d+ \((?P<p>[^)\n]*)\)"),
    plain!(OomKilled, r"Reason:\s+OOMKilled|\bOOMKilled\b"),
    plain!(CrashLoop, r"CrashLoopBackOff"),
    plain!(CrashLoop, r"[Bb]ack-off (?:\S+ )?restarting failed container"),
    plain!(HealthcheckNeedsShell, r"executing health check command .*/bin/sh.*: no such file"),
];
