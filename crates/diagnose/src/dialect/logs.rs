//! What loaders, language runtimes and libraries write into a container's log when the image lacks something or the program
//! dies.

use super::{Meaning, Wording, named};
use crate::code::Code;

macro_rules! plain {
    ($code:ident, $pattern:expr) => {
        Wording { pattern: $pattern, meaning: |c| Meaning::Plain(Code::$code, named(c, "p")) }
    };
}

pub(super) const WORDINGS: &[Wording] = &[
    // Loaders: glibc, musl, qemu-user, Rosetta.
    plain!(LibraryMissing, r"error while loading shared libraries: (?P<p>[^:\n]+): cannot open shared object file"),
    plain!(LibraryMissing, r"Error loading shared library (?P<p>[^:\n]+): No such file or directory"),
    plain!(LibraryTooOld, r"version `(?P<p>[^'\n]+)' not found \(required by"),
    plain!(LibraryTooOld, r"Error relocating \S+: (?P<p>\S+): symbol not found"),
    plain!(TruncatedBinary, r"error while loading shared libraries: (?P<p>[^:\n]+): file too short"),
    plain!(WrongArchitecture, r"error while loading shared libraries: (?P<p>[^:\n]+): wrong ELF class"),
    plain!(LoaderMissing, r"qemu-\w+(?:-static)?: Could not open '(?P<p>[^'\n]+)': No such file or directory"),
    plain!(LoaderMissing, r"rosetta error: failed to open elf at (?P<p>\S+)"),
    // Processors.
    plain!(CpuLevel, r"CPU does not support (?P<p>x86-64-v\d)"),
    // glibc's loader, of a program's or library's `.note.gnu.property`.
    plain!(CpuLevel, r"(?P<p>CPU ISA level is lower than required)"),
    plain!(CpuLevel, r"can only be run on AMD64 processors with (?P<p>v\d) microarchitecture support"),
    // The ways to die.
    plain!(RustPanic, r"thread '[^'\n]*'(?: \(\d+\))? panicked at (?P<p>[^\n]+)"),
    plain!(GoPanic, r"(?m)^(?:\S+\s+\|\s+)?panic: (?P<p>[^\n]+)"),
    plain!(
        GoPanic,
        r"(?m)^(?:\S+\s+\|\s+)?fatal error: (?P<p>all goroutines are asleep|runtime|concurrent map|stack overflow|unexpected signal|out of memory|sync: |too many )"
    ),
    plain!(GoPanic, r"goroutine \d+ \[running\]:"),
    plain!(Aborted, r"Assertion [`'](?P<p>[^\n]+)' failed"),
    plain!(Aborted, r"terminate called (?:after throwing an instance of '(?P<p>[^'\n]+)'|without an active exception)"),
    plain!(
        Aborted,
        r"(?P<p>double free or corruption|free\(\): invalid (?:pointer|size)|malloc\(\): [a-z ]+|corrupted size vs\. prev_size|\*\*\* stack smashing detected \*\*\*|\*\*\* buffer overflow detected \*\*\*)"
    ),
    plain!(Aborted, r"(?P<p>has overflowed its stack)"),
    plain!(Aborted, r"(?P<p>memory allocation of \d+ bytes failed)"),
    plain!(SegfaultOrAbort, r"Segmentation fault|uncaught target signal 11"),
    plain!(IllegalInstruction, r"Illegal instruction|uncaught target signal 4"),
    plain!(ForbiddenSyscall, r"Bad system call"),
    // What an image lacks.
    plain!(
        CaCertificatesMissing,
        r"(?m)^(?:[^\n]*)(?P<p>x509: certificate signed by unknown authority|x509: failed to load system roots|unable to get local issuer certificate|[Cc]ertificate verify failed|CERTIFICATE_VERIFY_FAILED|invalid peer certificate: UnknownIssuer|No CA certificates were loaded|no native root CA certificates found)"
    ),
    plain!(TimezoneMissing, r"unknown time zone (?P<p>[A-Za-z_+/-]+)"),
    plain!(TimezoneMissing, r"ZoneInfoNotFoundError: [^\n]*key (?P<p>\S+)"),
    // Go, and C's perror.
    plain!(
        TmpMissing,
        r#"(?i)(?:open|mkdir|stat|create|lstat|mkdtemp|mkstemp|rename) (?P<p>/tmp(?:/[^\s:"]*)?): no such file or directory"#
    ),
    // Rust's tempfile, Python, Node.
    plain!(
        TmpMissing,
        r#"(?i)no such file or directory(?: \(os error 2\) at path |: |, \w+ )['"](?P<p>/tmp(?:/[^'"\n]*)?)['"]"#
    ),
    plain!(TmpMissing, r"No usable temporary (?:directory|file)(?: name)? found"),
    plain!(TmpMode, r#"(?i)(?:open|mkdir|create|mkdtemp|mkstemp) (?P<p>/tmp(?:/[^\s:"]*)?): permission denied"#),
    plain!(TmpMode, r#"(?i)permission denied(?: \(os error 13\) at path |: |, \w+ )['"](?P<p>/tmp(?:/[^'"\n]*)?)['"]"#),
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
        PortInUse,
        r"(?:EADDRINUSE|[Aa]ddress already in use|Address in use|Only one usage of each socket address)(?:[^\n]*?(?P<p>:\d{2,5})\b)?"
    ),
    plain!(ReadOnlyFilesystem, r"(?i)(?:(?P<p>/[^\s:]+): )?read-only file system|EROFS"),
    plain!(ProgramMissing, r"fork/exec (?P<p>[^:\n]+): no such file or directory"),
];
