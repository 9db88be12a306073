//! Messages of loaders, language runtimes and libraries in a container's log if the image lacks
//! something.

use super::{Meaning, Wording, named, says};
use crate::code::Code;

macro_rules! plain {
    ($code:ident, $pattern:expr) => {
        Wording { pattern: $pattern, meaning: |c| Meaning::Plain(Code::$code, named(c, "p")) }
    };
}

pub(super) const WORDINGS: &[Wording] = &[
    // Loaders: glibc, musl, qemu-user, Rosetta.
    says!(
        LibraryMissing,
        r"(?:error while loading shared libraries: (?P<p>[^:\n]+)|(?P<q>\blib[\w.+-]+\.so[\w.]*)): cannot open shared object file: Permission denied",
        "the library {p} is there, and the program's user may not read it, or a security module forbids it",
        "give it mode 0644 and the directories that lead to it mode 0755; chmod in the build"
    ),
    says!(
        LibraryMissing,
        r"error while loading shared libraries: (?P<p>[^:\n]+): (?:cannot read file data: (?:Error 21|Is a directory))",
        "the library {p} is a directory: a mount or copy made one in its place",
        "put the library's file there; where a mount makes the directory, see that its source is a file"
    ),
    plain!(
        LibraryMissing,
        r"error while loading shared libraries: (?P<p>[^:\n]+): cannot open shared object file"
    ),
    plain!(LibraryMissing, r"(?P<p>\blib[\w.+-]+\.so[\w.]*): cannot open shared object file"),
    plain!(LibraryTooOld, r"symbol lookup error: [^\n]*undefined symbol: (?P<p>[\w@.]+)"),
    plain!(CpuLevel, r"requires a CPU with (?P<p>\w+) support"),
    // Interpreters and their modules.
    says!(
        ProgramMissing,
        r"Cannot find module '(?P<p>[^'\n]+)'|ModuleNotFoundError: No module named '(?P<q>[^'\n]+)'|Unable to access jarfile (?P<r>\S+)|Could not find or load main class (?P<s>\S+)|can't open file '(?P<t>[^'\n]+)': \[Errno 2\]",
        "what the interpreter is to run is not in the image, or not where it looks: {p}",
        "copy it into the image and see the working directory; a mount over it hides it; install the dependencies in the image that \
         runs, not only in the one that builds"
    ),
    plain!(
        LibraryMissing,
        r"Error loading shared library (?P<p>[^:\n]+): No such file or directory"
    ),
    plain!(LibraryTooOld, r#"version [`'"‘](?P<p>[\w.+-]+)['"’] not found \(required by"#),
    plain!(
        LibraryTooOld,
        r#"version [`'"‘](?P<p>(?:GLIBC|GLIBCXX|CXXABI|GCC|MUSL)_[\w.]+)['"’] not found"#
    ),
    plain!(LibraryTooOld, r"Error relocating \S+: (?P<p>\S+): symbol not found"),
    says!(
        guess MountNoexec,
        r"error while loading shared libraries: (?P<p>[^:\n]+): failed to map segment from shared object",
        "the library {p} may not be executed: it lies on a mount with noexec, or a security module forbids it",
        "see the mount that it lies on (findmnt -T FILE on the host), and mount it with exec; TMPDIR may name another place"
    ),
    says!(
        TruncatedBinary,
        r"error while loading shared libraries: (?P<p>[^:\n]+): file too short",
        "the library {p} is empty, or cut short",
        "copy it again, and compare its size and checksum with those of the original; an empty file is left by a copy that failed"
    ),
    plain!(
        WrongArchitecture,
        r"error while loading shared libraries: (?P<p>[^:\n]+): wrong ELF class"
    ),
    plain!(LoaderMissing, r"(?P<p>/lib\S*/ld-(?:linux|musl)[\w.-]*): [Nn]o such file or directory"),
    plain!(
        LoaderMissing,
        r"qemu-\w+(?:-static)?: Could not open '(?P<p>[^'\n]+)': No such file or directory"
    ),
    // Processors.
    plain!(CpuLevel, r"CPU does not support (?P<p>x86-64-v\d)"),
    // glibc's loader, about the `.note.gnu.property` of a program or library.
    plain!(CpuLevel, r"(?P<p>CPU ISA level is lower than required)"),
    plain!(
        CpuLevel,
        r"can only be run on AMD64 processors with (?P<p>v\d) microarchitecture support"
    ),
    // Missing files of an image.
    plain!(TimezoneMissing, r"unknown time zone (?P<p>[A-Za-z_+/-]+)"),
    plain!(TimezoneMissing, r"ZoneInfoNotFoundError: [^\n]*key (?P<p>[^\s'\x22]+)"),
    // Go, and C's perror.
    plain!(
        TmpMissing,
        r#"(?i)(?:mkdir|create|mkdtemp|mkstemp) (?P<p>/tmp(?:/[^\s:"]*)?): no such file or directory|(?:open|l?stat) (?P<q>/tmp/?): no such file or directory"#
    ),
    says!(
        guess TmpMissing,
        r#"(?i)(?:open|stat|lstat|rename) (?P<p>/tmp/[^\s:"]+): no such file or directory"#,
        "{p} is not there: the image has no /tmp, or nothing has made that file",
        "see which (scratchdbg attach NAME -- ls -ld /tmp); a /tmp is added with mode 1777 (scratchdbg build --with tmp), or by --tmpfs \
         /tmp"
    ),
    // Rust's tempfile, Python, Node.
    plain!(
        TmpMissing,
        r#"(?i)no such file or directory(?: \(os error 2\) at path |: |, \w+ )['"](?P<p>/tmp(?:/[^'"\n]*)?)['"]"#
    ),
    plain!(
        TmpMissing,
        r#"(?i)\b(?:temp|temporary|tmpfile|mkstemp|mkdtemp)\b[^\n]*[\s:'"](?P<p>/tmp(?:/[^\s:'"]*)?)['"]?: no such file or directory"#
    ),
    plain!(
        TmpMissing,
        r"No usable temporary (?:directory|file)(?: name)? found(?: in \['(?P<p>/tmp)')?"
    ),
    plain!(
        TmpMode,
        r#"(?i)(?:open|mkdir|create|mkdtemp|mkstemp) (?P<p>/tmp(?:/[^\s:"]*)?): permission denied"#
    ),
    plain!(
        TmpMode,
        r#"(?i)permission denied(?: \(os error 13\) at path |: |, \w+ )['"](?P<p>/tmp(?:/[^'"\n]*)?)['"]"#
    ),
    plain!(PasswdMissing, r"user: unknown userid (?P<p>\d+)"),
    plain!(PasswdMissing, r"user: lookup userid (?P<p>\d+): no such file or directory"),
    plain!(PasswdMissing, r"user: Current requires cgo or \$USER"),
    plain!(PasswdMissing, r"getpwuid(?:\(\))?: (?:uid not found|NULL)"),
    plain!(PasswdMissing, r"uv_os_get_passwd returned ENOENT"),
    plain!(PasswdMissing, r"cannot find name for (?:user|group) ID (?P<p>\d+)"),
    plain!(PasswdMissing, r"(?i)\$HOME is not defined"),
    plain!(ServicesMissing, r"Servname not supported for ai_socktype"),
    plain!(ServicesMissing, r"no such protocol name: (?P<p>\w+)"),
    plain!(
        ReadOnlyFilesystem,
        r#"(?im)(?:(?P<p>/[^\s:'"]+)['"]?: )?read-only file system(?:$|\s*[^\w\s]|\s+(?:at|on|in|for|while|when|during|writing|opening|errno|\w+=))|EROFS"#
    ),
    says!(
        WorkdirMissing,
        r"(?i)\bget(?:c)?wd\b[^\n]*no such file|\buv_cwd\b|error retrieving current directory|current working directory is outside of container mount namespace",
        "the directory that the program works in is gone",
        "see who removes it (the program itself, or a mount over it); name one that stays: WORKDIR, --workdir"
    ),
    // Shells and env, about a program or interpreter that they cannot find or execute.
    plain!(
        CrlfShebang,
        r"(?P<p>[^\s:]+(?:\^M|\\r)['’]?: (?:bad interpreter: )?No such file or directory)"
    ),
    plain!(InterpreterMissing, r"(?P<p>/[^\s:]+): bad interpreter: No such file or directory"),
    plain!(
        InterpreterMissing,
        r#"\benv: [‘'"]?(?P<p>[^\s:'’"]+)[’'"]?: No such file or directory"#
    ),
    Wording {
        pattern: r"(?P<p>[^\s:]+): cannot execute: required file not found",
        meaning: |c| Meaning::NotFoundByKernel(named(c, "p")),
    },
    Wording {
        pattern: r"(?m)^(?:\S+\s+\|\s+)?(?:\S*/)?(?:ba|da|a|k|z)?sh: (?:exec: )?(?:(?:line )?(?:\d+: )?(?:exec: )?(?P<p>[^\s:]*/[^\s:]*)|(?:line )?\d+: (?:exec: )?(?P<q>[\w.+-]+)): (?:cannot execute: )?Permission denied",
        meaning: |c| Meaning::DeniedToShell(named(c, "p").or_else(|| named(c, "q"))),
    },
    // Dash and busybox write the same for a missing file and for a file whose loader is missing.
    says!(
        guess ProgramMissing,
        r"(?m)^(?:\S+\s+\|\s+)?(?:\S*/)?(?:da|a)?sh: (?:\d+: )?(?P<p>[^\s:]*/[^\s:]*): not found",
        "a shell cannot start {p}: it is not there, or its loader or the interpreter of its #! line is missing",
        "see that the file is there; `scratchdbg check` on it names what it is started with"
    ),
    plain!(
        ProgramMissing,
        r"(?m)^(?:\S+\s+\|\s+)?(?:(?:\S*/)?(?:ba|da|a|k|z)?sh: (?:line )?(?:\d+: )?|(?:\S*/\S+|\S+\.sh): (?:line )?\d+: )(?P<p>[^\s:]+): (?:command )?not found"
    ),
    plain!(ProgramMissing, r"(?m)^(?P<p>[\w.+-]+): command not found$"),
    plain!(ProgramMissing, r"fork/exec (?P<p>[^:\n]+): no such file or directory"),
];
