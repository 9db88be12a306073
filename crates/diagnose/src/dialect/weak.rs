//! Failures of a connection or of a permission. Ignored if the same line is explained better.

use super::{Meaning, Wording, named, says};
use crate::code::Code;

macro_rules! plain {
    ($code:ident, $pattern:expr) => {
        Wording { pattern: $pattern, meaning: |c| Meaning::Plain(Code::$code, named(c, "p")) }
    };
}

pub(super) const WORDINGS: &[Wording] = &[
    says!(
        guess ConfigInvalid,
        r"server gave HTTP response to HTTPS client",
        "the other side speaks plain HTTP, and is asked by https://",
        "write http:// in the address, or give the other side a certificate; where it is a registry, name it under insecure-registries in \
         the engine's daemon.json"
    ),
    plain!(
        PortInUse,
        r#"(?m)(?:EADDRINUSE|(?:\b[Bb]ind|\b[Ll]isten|[Ss]ocket|BindException|\b98\b)[^\n]*[Aa]ddress (?:already )?in use|(?:^|[:("\]] ?|\b(?:ERROR|FATAL|Error|error) )[Aa]ddress (?:already )?in use|[Aa]ddress already in use[^\n]*(?:os error 98|\bbind\b|\blisten)|Only one usage of each socket address|Connection in use: \(|\b[Pp]ort \d+ (?:was|is) already in use)(?:[^\n]*?(?P<p>:\d{2,5})\b)?"#
    ),
    plain!(
        CaCertificatesMissing,
        r"(?P<p>x509: certificate signed by unknown authority|x509: failed to load system roots|x509: certificate is not trusted|self[- ]signed certificate|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF_SIGNATURE)\w*|PKIX path building failed|unable to get local issuer certificate|[Cc]ertificate verify failed|CERTIFICATE_VERIFY_FAILED|No CA certificates were loaded|[Nn]o native root CA(?: certificates found)?|(?:could not|failed to) load (?:platform|native|system|root) (?:root )?cert|unable to load (?:system )?(?:root|CA) cert|UnknownIssuer|sec_error_unknown_issuer|no (?:system )?(?:CA|root) certificates (?:were )?(?:found|loaded)|unable to verify the first certificate|errors in the certificate chain|trustAnchors parameter must be non-empty|RemoteCertificateChainErrors|problem with the SSL CA cert|error setting certificate (?:verify locations|file))"
    ),
    says!(
        PathNotPermitted,
        r#"(?i)(?:open|mkdir|create|creat|stat|lstat|unlink|remove|rename|chdir|write|read|access|opendir|scandir|copyfile|symlink|link|touch|listen unix|bind|cannot \w+ (?:directory|file)?|can't \w+(?: directory| file)?) ?['"‘`]?(?P<p>/[^\s:'"’]+)['"’]?: (?:bind: )?permission denied"#,
        "the program's user may not use {p}",
        "give the file or directory to that user (chown, COPY --chown=65532:65532); a volume has the owner that its directory has \
         in the image; or run as the user that owns it (--user)"
    ),
    says!(
        PathNotPermitted,
        r#"(?i)(?:permission denied|\bEACCES\b)(?: \(os error 13\) at path |: permission denied, \w+ |: |, \w+ )['"](?P<p>/[^'"\n]+)['"]|['"](?P<q>/[^'"\s:]+)['"]: permission denied|AccessDeniedException(?:: |\[)(?P<r>/[^\s\]]+)|(?P<s>/[^\s:()]+) \(Permission denied\)|Access to the path '(?P<t>[^'\n]+)' is denied"#,
        "the program's user may not use {p}",
        "give the file or directory to that user (chown, COPY --chown=65532:65532); a volume has the owner that its directory has \
         in the image; or run as the user that owns it (--user)"
    ),
    says!(
        PathNotPermitted,
        r#"(?i)(?:open|mkdir|create|write|read|to file|file) ['"‘`]?(?P<p>[\w./-]+)['"’]?(?: for \w+)?:? (?:permission denied|\((?:OS )?err(?:code|no):? 13 - permission denied\))|\((?:OS )?err(?:code|no):? 13 - permission denied\)|\bOs \{ code: 13, kind: PermissionDenied|\(os error 13\)|(?:dir|directory|file|stream)\b[^\n:]*:?[^\n]*: permission denied|permission denied @ \w+ - (?P<q>/\S+)|\w+\(\) "(?P<s>/[^"\n]+)" failed \(13: permission denied\)|data directory "(?P<t>/[^"\n]+)" has invalid permissions|cookie file '?(?P<r>/[^'\s]+)'?: eacces"#,
        "the program's user may not use a file or directory[, {p}]",
        "give the file or directory to that user (chown, COPY --chown=65532:65532); a volume has the owner that its directory has \
         in the image; or run as the user that owns it (--user)"
    ),
    says!(
        OperationNotPermitted,
        r#"(?i)(?:['"]?(?P<p>/[^\s:'"]+)['"]?: )?operation not permitted|\bEPERM\b"#,
        "the kernel forbids what the program does: it lacks a capability, or a seccomp or security profile stands in the way[ ({p})]",
        "see which call fails; root in a container has few capabilities: --cap-add NAME (such as CHOWN, NET_ADMIN, SYS_PTRACE) or \
         a seccomp profile that allows it"
    ),
    says!(
        ConnectionRefused,
        r"(?im)(?:(?:dial|connect)\w* (?:tcp|udp)[46]? (?P<p>\S+?):? [^\n]*)?(?:connection refused(?:$|\s*[^\w\s]|\s+(?:\d|at|for|when|while|in|on|by|from|to|is|during|after|errno|connecting|retrying|\w+=))|\bECONNREFUSED\b|connection to (?:the server )?\S+ (?:was )?refused|failed to connect to (?P<q>\S+ port \d+)(?: after \d+ ms)?(?:$|: (?:could ?n[o']t connect|connection refused))|can't connect to (?:local )?(?:mysql|mariadb) server (?:on|through socket) '(?P<r>[^'\n]+)' \((?:111|2|61)\)|\.s\.PGSQL\.\d+[^\n]* failed: no such file|delayed connect error: 111|is the server running (?:locally|on that host)[^\n]*accepting)",
        "nothing listens where the program connects to[: {p}]",
        "see that the other side runs, listens on that port, and not on its own 127.0.0.1 only; in a container localhost is the \
         container itself: use the other's name on a shared network; wait for it (depends_on with condition: service_healthy)"
    ),
    says!(
        ConnectionRefused,
        r"(?i)(?:(?:dial|connect)\w* (?:tcp|udp)[46]? (?P<p>\S+?):? [^\n]*)?(?:cannot assign requested address|\bEADDRNOTAVAIL\b)",
        "the address[ {p}] is none that this container has: of IPv6 where there is none, of another machine, or all ports are used up",
        "let the program listen on 0.0.0.0 and connect to the other's name; localhost may be ::1: write 127.0.0.1"
    ),
    says!(
        ConnectionTimedOut,
        r"(?i)(?:(?:dial|read|connect)\w* (?:tcp|udp)[46]? (?P<p>\S+?):? [^\n]*)?(?:\bi/o timeout\b|connection timed out|\bETIMEDOUT\b|operation timed out|TLS handshake timeout|Client\.Timeout exceeded|request canceled while waiting for connection|connect timed? ?out|no route to host|\bEHOSTUNREACH\b|network is unreachable|\bENETUNREACH\b)",
        "the other side does not answer, or cannot be reached from there[: {p}]",
        "see the container's network (docker inspect, a firewall, a proxy: HTTPS_PROXY), and that the address is right: scratchdbg \
         attach NAME -- nc -vz HOST PORT"
    ),
];
