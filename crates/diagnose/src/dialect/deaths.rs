//! Messages of language runtimes and shells when a program dies. Reported after the cause, if that
//! is known.

use super::{Meaning, Wording, named, says};
use crate::code::Code;

macro_rules! plain {
    ($code:ident, $pattern:expr) => {
        Wording { pattern: $pattern, meaning: |c| Meaning::Plain(Code::$code, named(c, "p")) }
    };
}

pub(super) const WORDINGS: &[Wording] = &[
    plain!(RustPanic, r"thread '[^'\n]*'(?: \(\d+\))? panicked at (?P<p>[^\n]+)"),
    plain!(GoPanic, r"(?m)^(?:\S+\s+\|\s+)?panic: (?P<p>[^\n]+)"),
    plain!(
        GoPanic,
        r"(?m)^(?:\S+\s+\|\s+)?fatal error: (?P<p>all goroutines are asleep|runtime|concurrent map|unexpected signal|out of memory|sync: |too many )"
    ),
    plain!(GoPanic, r"goroutine \d+ \[running\]:"),
    plain!(GoPanic, r"(?P<p>runtime: goroutine stack exceeds \d+-byte limit)"),
    // Also written by runtimes other than Go's.
    says!(
        guess GoPanic,
        r"(?m)^(?:\S+\s+\|\s+)?fatal error: stack overflow",
        "the program died of a stack overflow, in the words of a Go program: a function calls itself without end",
        "the trace that follows says which; where there is none, the program is not Go's"
    ),
    plain!(Aborted, r"Assertion [`'](?P<p>[^\n]+)' failed"),
    plain!(
        Aborted,
        r"terminate called (?:after throwing an instance of '(?P<p>[^'\n]+)'|without an active exception)"
    ),
    plain!(
        Aborted,
        r"(?P<p>double free or corruption|(?:free|munmap_chunk|realloc)\(\): (?:invalid|double free)[a-z ]+|malloc\(\): [a-z ]+|corrupted size vs\. prev_size|\*\*\* stack smashing detected \*\*\*|\*\*\* buffer overflow detected \*\*\*)"
    ),
    plain!(Aborted, r"(?P<p>has overflowed its stack)"),
    plain!(Aborted, r"(?P<p>memory allocation of \d+ bytes failed)"),
    plain!(
        SegfaultOrAbort,
        r"(?im)\bsegmentation (?:fault|violation)\b(?:$|\s*[^\w\s]|\s{2,}|\s+(?:at|in|on|while|during|occurred|code)\b)|\bSIGSEGV\b|uncaught target signal 11|(?:exited|killed|terminated) (?:on|by|with) signal 11\b|\[\d+\]: segfault at [0-9a-f]+ ip\b"
    ),
    plain!(IllegalInstruction, r"(?i)\billegal instruction\b|\bSIGILL\b|uncaught target signal 4"),
    plain!(
        KilledBySignal,
        r"(?i)\bbus error\b|\bSIGBUS\b|\bfloating point exception\b|\bSIGFPE\b|breakpoint trap\b"
    ),
    plain!(ForbiddenSyscall, r"(?i)\bbad system call\b|\bSIGSYS\b"),
    plain!(
        Aborted,
        r"(?P<p>\b[Aa]borted \(core dumped\)|signal: aborted|uncaught target signal 6 |\bSIGABRT\b)"
    ),
];
