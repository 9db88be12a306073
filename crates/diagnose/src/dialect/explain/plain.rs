//! Codes whose sentence depends only on the captured text.

use super::severity;
use crate::code::Code;
use crate::finding::Finding;

/// Returns the finding for a code and the captured text.
pub(super) fn plain(code: Code, subject: Option<&str>) -> Finding {
    let (message, fix): (String, &str) = match code {
        Code::UserUnknown => (
            format!("the image has no passwd or group file that knows {}", subject.map_or("the user".to_owned(), |name| format!("\"{name}\""))),
            "use numbers: USER 65532:65532, --user 65532:65532",
        ),
        Code::UserNotNumeric => (
            format!("the image names its user \"{}\", and Kubernetes cannot verify that it is not root", subject.unwrap_or_default()),
            "write the number: USER 65532:65532 in the image, or runAsUser in the pod",
        ),
        Code::SegfaultOrAbort => (
            "the program died of a segmentation fault (SIGSEGV)".to_owned(),
            "a core dump says from where (--ulimit core=-1); a truncated binary does the same: scratchdbg check",
        ),
        Code::IllegalInstruction => (
            "the program executed an instruction that the processor does not have, or a deliberate trap (SIGILL)".to_owned(),
            "build for the baseline: GOAMD64=v1, -C target-cpu=x86-64, -march=x86-64",
        ),
        Code::ForbiddenSyscall => (
            "the program made a system call that its seccomp profile answers with a kill (SIGSYS)".to_owned(),
            "dmesg or the audit log names the call; allow it in a profile of your own",
        ),
        Code::KilledBySignal => (
            "the program died of a signal that it raised itself (SIGBUS, SIGFPE or SIGTRAP)".to_owned(),
            "a core dump says from where (--ulimit core=-1); a bus error may be a full /dev/shm: --shm-size",
        ),
        Code::PortInUse => (
            format!("the port {}is taken by another process or container", subject.map(|port| format!("{port} ")).unwrap_or_default()),
            "stop what holds it (docker ps, ss -ltnp), or publish another: -p 8081:80",
        ),
        Code::Paused => (
            "the container is paused, and engines start nothing in it".to_owned(),
            "docker unpause it, or look into it as it is: scratchdbg attach --mode sidecar",
        ),
        Code::NotRunning => (
            "the container is not running".to_owned(),
            "scratchdbg why says what it died of; scratchdbg attach --mode copy opens a copy of it",
        ),
        Code::Removed => (format!("{} does not exist, or not any more", subject.unwrap_or("it")), "see what there is: docker ps -a"),
        Code::WrongArchitecture => (
            format!("the image or file is for another platform{}", subject.map(|name| format!(": {name}")).unwrap_or_default()),
            "build or pull it for the host's platform: --platform linux/amd64",
        ),
        Code::OomKilled => (
            "the kernel killed the program because the container was at its memory limit".to_owned(),
            "raise the limit (--memory), or make the program use less: GOMEMLIMIT for Go, -Xmx for Java",
        ),
        Code::CrashLoop => (
            "the program ends again and again, and is started again and again".to_owned(),
            "read what it said last: scratchdbg logs, or kubectl logs --previous",
        ),
        Code::LibraryMissing => (
            format!("the library {} is not in the image, or not where the loader looks", subject.unwrap_or_default()),
            "add it and what it needs in turn, or link the program statically; where it is there, name its directory in LD_LIBRARY_PATH \
             or run ldconfig in the build",
        ),
        Code::LibraryTooOld => (
            format!("the image's libraries lack {}, which the program was linked against", subject.unwrap_or_default()),
            "build on the distribution that the image's libraries come from (glibc and musl do not mix), or link statically",
        ),
        Code::LoaderMissing => (
            format!("the program's loader {} is not in the image", subject.unwrap_or_default()),
            "link the program statically, or use an image that has the loader",
        ),
        Code::InterpreterMissing => (
            format!("the script's interpreter {} is not in the image", subject.unwrap_or_default()),
            "start a static program instead of the script, or use an image that has the interpreter",
        ),
        Code::CrlfShebang => (
            "the script has Windows line endings: the name of its interpreter ends in a carriage return".to_owned(),
            "save it with Unix line endings: sed -i 's/\\r$//' FILE; and *.sh text eol=lf in .gitattributes",
        ),
        Code::RustPanic => (format!("the program panicked at {}", subject.unwrap_or_default()), "run it with RUST_BACKTRACE=1 to see from where"),
        Code::GoPanic => (format!("the program panicked{}", subject.map(|text| format!(": {text}")).unwrap_or_default()), "the first goroutine of the trace says where"),
        Code::Aborted => (format!("the program aborted itself{}", subject.map(|text| format!(": {text}")).unwrap_or_default()), "the line before it says why; a core dump says from where"),
        Code::CaCertificatesMissing => (
            "a TLS connection failed because no CA certificate vouches for the other side: the image has none, or not that one".to_owned(),
            "add a bundle at /etc/ssl/certs/ca-certificates.crt (scratchdbg build --with certs); for a private authority, its own",
        ),
        Code::TimezoneMissing => (
            format!("the image has no data of the time zone {}", subject.unwrap_or_default()),
            "add the database (scratchdbg build --with tz), or for Go: import _ \"time/tzdata\"",
        ),
        Code::TmpMissing => ("the image has no /tmp".to_owned(), "add it with mode 1777 (scratchdbg build --with tmp), or --tmpfs /tmp"),
        Code::TmpMode => (
            "the container's user may not write to /tmp".to_owned(),
            "give it mode 1777, or mount a tmpfs there: --tmpfs /tmp",
        ),
        Code::PasswdMissing => (
            "the program looked its user up, and the image has no /etc/passwd that knows it".to_owned(),
            "add one with the image's user (scratchdbg build --with passwd), and set HOME and USER",
        ),
        Code::ServicesMissing => (
            "the program looked a service or protocol up by name, and the image has no /etc/services or /etc/protocols".to_owned(),
            "use numbers, or add the files (scratchdbg build --with services)",
        ),
        Code::ReadOnlyFilesystem => (
            format!("the program wrote {}, and the root filesystem is read-only", subject.unwrap_or("a file")),
            "mount a volume or a tmpfs where it writes: --tmpfs /tmp, -v data:/data",
        ),
        Code::ProgramMissing => (
            format!("the program calls {}, which is not in the image", subject.unwrap_or("another")),
            "add it to the image, or do its work in the program itself",
        ),
        Code::CpuLevel => (
            format!("the processor lacks what the program was built for ({})", subject.unwrap_or_default()),
            "build for the baseline: GOAMD64=v1, -C target-cpu=x86-64, -march=x86-64; or use a newer processor",
        ),
        _ => (code.meaning().to_owned(), "`scratchdbg check` on the image says more"),
    };
    let finding = Finding::new(code, severity(code), message).fix(fix);
    // The text reports an unknown authority for this server, not that the image has no authorities.
    if code == Code::CaCertificatesMissing { finding.guessed() } else { finding }
}
