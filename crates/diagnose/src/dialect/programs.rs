//! Further messages of programs and of the services that they use. Each names one cause.

use super::{Meaning, Wording, named, says};
use crate::code::Code;

macro_rules! plain {
    ($code:ident, $pattern:expr) => {
        Wording { pattern: $pattern, meaning: |c| Meaning::Plain(Code::$code, named(c, "p")) }
    };
}

pub(super) const WORDINGS: &[Wording] = &[
    says!(
        NameNotResolved,
        r"(?i)\blookup (?P<p>[^\s:]+)(?: on \S+)?: (?:try again|temporary failure|no address associated|SERVFAIL|NXDOMAIN)",
        "the name {p} has no address, or no name server answers",
        "see the name's spelling and that both are on one network: Docker's default bridge resolves no container names, a network \
         of one's own does (docker network create); and --dns, and /etc/resolv.conf in the container"
    ),
    plain!(
        PasswdMissing,
        r"user: (?:lookup|unknown) (?:uid|userid|user id)(?: for)? ?(?P<p>\d+): (?:not found|no such)"
    ),
    says!(
        PortNotPermitted,
        r"(?i)\b(?:bind|listen) EACCES:?(?: permission denied)? ?(?P<p>[\w.\[\]:*]*:\d+)?|(?m:^(?:[\w./-]+: )?bind: permission denied)|BindException: permission denied",
        "the program may not listen on its port[, {p}]: ports below 1024 need CAP_NET_BIND_SERVICE",
        "let it listen on a higher port and publish that (-p 80:8080); or --cap-add NET_BIND_SERVICE with root, or --sysctl \
         net.ipv4.ip_unprivileged_port_start=0"
    ),
    says!(
        guess PortNotPermitted,
        r"java\.net\.SocketException: Permission denied",
        "the program may not use a socket as it wants to: most likely it listens on a port below 1024",
        "let it listen on a higher port and publish that (-p 80:8080); or --cap-add NET_BIND_SERVICE with root"
    ),
    says!(
        OutOfMemory,
        r"(?:\b|_)(?:Array)?MemoryError: (?P<p>Unable to allocate [^\n]+)",
        "the program asked for memory and got none[: {p}]",
        "raise the limit (--memory) or give the machine more memory; or make the program use less"
    ),
    says!(
        guess ProcessLimit,
        r"std::system_error[^\n]*Resource temporarily unavailable|what\(\):\s+(?:thread[^\n]*: )?Resource temporarily unavailable",
        "no further thread can be started: a limit on their number is reached, most likely",
        "raise the limit that is reached: --pids-limit, or --ulimit nproc=… (it counts all processes of that uid on the host)"
    ),
    plain!(
        CaCertificatesMissing,
        r"(?P<p>\bDEPTH_ZERO_SELF_SIGNED_CERT\b|/etc/ssl/(?:certs/ca-certificates\.crt|cert\.pem)['\x22]?: no such file|/etc/pki/tls/certs/ca-bundle\.crt['\x22]?: no such file|error setting certificate verify locations)"
    ),
    plain!(LibraryTooOld, r"version (?P<p>(?:GLIBC|GLIBCXX|CXXABI|GCC|MUSL)_[\w.]+) not found"),
    plain!(StopSignalUnknown, r"[Ii]nvalid signal: (?P<p>[^\s.]+)"),
    says!(
        DeviceMissing,
        r"(?m)(?:^|: )l?stat (?P<p>/dev/[^\s:]+): no such file or directory$",
        "the device {p} is not on the engine's host",
        "see its name there (lsblk, ls -l /dev), plug it in or load its driver, or take it out of the container's options \
         (--device, --device-read-bps, --blkio-weight-device)"
    ),
    says!(
        LoginRefused,
        r"\bAccessDenied: Access Denied|<Code>(?:AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId)</Code>|\b(?:SignatureDoesNotMatch|InvalidAccessKeyId|InvalidClientTokenId|UnrecognizedClientException|ExpiredTokenException): |AccessDeniedException: User: (?P<p>\S+)",
        "the cloud's service refuses the request: its keys are wrong or expired, or have no right to it",
        "see the keys in the program's environment, the role that it has, and what that role may do; a clock that is wrong says the same"
    ),
];
