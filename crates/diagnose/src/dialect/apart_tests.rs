//! Messages whose last words mean something else without their context, and short messages that
//! name their cause.

use super::*;
use crate::finding::Confidence::{Certain, Guess};

#[track_caller]
fn check(cases: &[(&str, &str, crate::finding::Confidence, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|(text, code, confidence, part)| {
            let findings = explain_message(text);
            let is_right = findings.first().is_some_and(|first| {
                first.code.as_str() == *code
                    && first.confidence == *confidence
                    && first.message.contains(part)
            });
            (!is_right).then(|| format!("{text}: {findings:#?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_line_that_is_understood_as_a_whole_has_no_other_meaning() {
    check(&[
        ("Bus error: /dev/shm is full", "no-space", Certain, "64 MB"),
        (
            "OCI runtime create failed: error during container init: unable to join session keyring: unable to create session key: disk \
             quota exceeded: unknown",
            "limit-refused",
            Certain,
            "quota of keys",
        ),
        (
            "ImportError: /usr/lib/libgomp.so.1: cannot allocate memory in static TLS block",
            "library-too-old",
            Guess,
            "/usr/lib/libgomp.so.1",
        ),
        (
            "sysctl: error setting key 'vm.max_map_count': Read-only file system",
            "operation-not-permitted",
            Certain,
            "vm.max_map_count",
        ),
        (
            "rosetta error: failed to open elf at /lib64/ld-linux-x86-64.so.2",
            "loader-missing",
            Guess,
            "built for amd64",
        ),
        (
            "OCI runtime exec failed: exec failed: unable to start container process: open /dev/pts/0: operation not permitted: \
             unknown",
            "operation-not-permitted",
            Guess,
            "control group",
        ),
        (
            "Error: short-name \"foo\" did not resolve to an alias and no unqualified-search registries are defined in \"/etc/x\"",
            "image-not-found",
            Certain,
            "no registry was asked",
        ),
        (
            "Error processing tar file(potentially insufficient UIDs or GIDs available in user namespace (requested 0:42 for \
             /etc/shadow): Check /etc/subuid and /etc/subgid: lchown /etc/shadow: invalid argument): exit status 1",
            "operation-not-permitted",
            Certain,
            "(0:42)",
        ),
        (
            "Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "certificate-invalid",
            Certain,
            "kubeconfig",
        ),
        (
            "bind: cannot assign requested address",
            "config-invalid",
            Certain,
            "none that this container or host has",
        ),
        (
            "nginx: [emerg] bind() to 192.0.2.7:80 failed (99: Cannot assign requested address)",
            "config-invalid",
            Certain,
            "192.0.2.7:80",
        ),
        (
            "dial tcp [::1]:80: connect: cannot assign requested address",
            "connection-refused",
            Certain,
            "[::1]:80",
        ),
        (
            "Ports are not available: listen tcp 0.0.0.0:3000: bind: An attempt was made to access a socket in a way forbidden by its \
             access permissions.",
            "port-not-permitted",
            Guess,
            "Windows",
        ),
    ]);
    for text in
        ["Bus error: /dev/shm is full", "sysctl: error setting key 'vm.x': Read-only file system"]
    {
        assert_eq!(explain_message(text).len(), 1, "{text}");
    }
    // Another line may have the other meaning.
    let both = "sysctl: error setting key 'vm.x': Read-only file system\nopen /data/x: read-only file system";
    assert_eq!(explain_message(both)[1].code, Code::ReadOnlyFilesystem);
}

#[test]
fn whose_memory_was_used_up_is_told_as_the_kernel_tells_it() {
    check(&[
        (
            "Out of memory: Killed process 1234 (java)",
            "oom-killed",
            Certain,
            "java because the machine had no memory left",
        ),
        (
            "[12345.678] Out of memory: Killed process 4242 (mysqld) total-vm:8GB, anon-rss:7GB",
            "oom-killed",
            Certain,
            "mysqld because the machine",
        ),
        (
            "Out of memory: Kill process 7 (a) score 900 or sacrifice child",
            "oom-killed",
            Certain,
            "the machine",
        ),
        (
            "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/a,task=b,pid=7,uid=0",
            "oom-killed",
            Certain,
            "b because the machine",
        ),
        (
            "oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/a,task_memcg=/a,task=b,pid=7,uid=0",
            "oom-killed",
            Certain,
            "its control group",
        ),
        (
            "Memory cgroup out of memory: Killed process 7 (a)",
            "oom-killed",
            Certain,
            "the container was at its memory limit",
        ),
        (
            "web.service: Failed with result 'oom-kill'.",
            "oom-killed",
            Certain,
            "or the machine had none left",
        ),
        (
            "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL)",
            "oom-killed",
            Certain,
            "or of the whole machine",
        ),
    ]);
}

#[test]
fn other_services_are_no_registry() {
    for text in [
        "NOAUTH Authentication required.",
        "AccessDenied: Access Denied status code: 403, request id: abc",
        "HTTP 429 Too Many Requests",
        "Error: Authentication required",
        "request failed: unexpected status 403 Forbidden",
        "status code 429: Too Many Requests",
        "open /x: permission denied: access to it is logged",
        "ftp: incorrect username or password",
        "Unauthorized: bad token",
    ] {
        let findings = explain_message(text);
        let is_of_a_registry = |finding: &Finding| {
            matches!(finding.code, Code::RegistryDenied | Code::RegistryRateLimited)
        };
        assert!(!findings.iter().any(is_of_a_registry), "{text}: {findings:?}");
    }
    check(&[
        (
            "unauthorized: authentication required",
            "registry-denied",
            Certain,
            "the registry refuses",
        ),
        (
            "Error response from daemon: Get \"https://r.example/v2/\": unauthorized: bad token",
            "registry-denied",
            Certain,
            "",
        ),
        ("denied: requested access to the resource is denied", "registry-denied", Certain, ""),
        (
            "failed to fetch oauth token: unexpected status: 401 Unauthorized",
            "registry-denied",
            Certain,
            "",
        ),
        (
            "unexpected status code https://r.example/v2/a/manifests/1: 403 Forbidden",
            "registry-denied",
            Certain,
            "",
        ),
    ]);
}

#[test]
fn what_the_kernel_refuses_to_execute_never_ran() {
    check(&[
        (
            "exec /s2.sh: too many levels of symbolic links",
            "interpreter-missing",
            Certain,
            "names itself",
        ),
        ("exec /app: text file busy", "file-busy", Certain, "/app"),
        ("exec /app: input/output error", "start-failed", Certain, "/app: input/output error"),
        (
            "exec container process `/s`: Too many levels of symbolic links",
            "interpreter-missing",
            Certain,
            "/s leads to no program",
        ),
        (
            "exec: \"npm start\": executable file not found in $PATH: unknown",
            "entrypoint-one-string",
            Certain,
            "npm start",
        ),
        (
            "exec: \"--flag\": executable file not found in $PATH",
            "entrypoint-not-absolute",
            Certain,
            "is an option",
        ),
        (
            "OCI runtime exec failed: exec failed: unable to start container process: exec: \"ls -l\": executable file not found in \
             $PATH: unknown",
            "program-missing",
            Certain,
            "the whole command line",
        ),
        ("sh: /x: Permission denied", "not-executable-mode", Certain, "a shell may not execute /x"),
        ("sh: exec: line 0: /t/x: Permission denied", "not-executable-mode", Certain, "/t/x"),
    ]);
}

#[test]
fn words_in_passing_are_no_cause() {
    for text in ["no such host key", "retrying connection refused counter reset to 0"] {
        assert_eq!(explain_message(text), [], "{text}");
    }
    check(&[
        ("lookup db: no such host", "name-not-resolved", Certain, "db"),
        ("dial tcp: lookup db: no such host; retrying", "name-not-resolved", Certain, "db"),
        ("connect: Connection refused", "connection-refused", Certain, ""),
        ("connection refused by 192.0.2.7", "connection-refused", Certain, ""),
        ("[Errno 111] Connection refused", "connection-refused", Certain, ""),
        (
            "open /tmp/foo123: no such file or directory",
            "tmp-missing",
            Guess,
            "or nothing has made that file",
        ),
        ("mkdir /tmp/a: no such file or directory", "tmp-missing", Certain, "no /tmp"),
        ("fatal error: stack overflow", "go-panic", Guess, "calls itself"),
        (
            "runtime: goroutine stack exceeds 1000000000-byte limit\nfatal error: stack overflow",
            "go-panic",
            Certain,
            "goroutine stack",
        ),
        (
            "Error processing tar file(exit status 1): invalid tar header",
            "image-pull-failed",
            Certain,
            "unpacked",
        ),
        (
            "The command '/bin/sh -c npm install' returned a non-zero code: 1",
            "app-exit",
            Guess,
            "a step of the build failed, /bin/sh -c npm install",
        ),
    ]);
}

#[test]
fn short_words_of_many_programs_are_known() {
    check(&[
        ("wget: bad address 'db:80'", "name-not-resolved", Certain, "answers: db"),
        (
            "host not found in upstream \"api:3000\" in /etc/nginx/nginx.conf:3",
            "name-not-resolved",
            Certain,
            "answers: api",
        ),
        ("dial tcp: lookup db: Try again", "name-not-resolved", Certain, "db"),
        ("user: lookup uid for 1000: not found", "passwd-missing", Certain, ""),
        ("Error: bind EACCES 0.0.0.0:443", "port-not-permitted", Certain, "0.0.0.0:443"),
        ("httpd: bind: Permission denied", "port-not-permitted", Certain, ""),
        ("java.net.SocketException: Permission denied", "port-not-permitted", Guess, ""),
        (
            "numpy.core._exceptions.MemoryError: Unable to allocate 7.45 GiB for an array",
            "out-of-memory",
            Certain,
            "7.45 GiB",
        ),
        ("std::system_error: Resource temporarily unavailable", "process-limit", Guess, ""),
        ("Error: DEPTH_ZERO_SELF_SIGNED_CERT", "ca-certificates-missing", Guess, ""),
        (
            "no certificate found: open /etc/ssl/certs/ca-certificates.crt: no such file or directory",
            "ca-certificates-missing",
            Guess,
            "",
        ),
        (
            "Error: /lib/libc.musl-x86_64.so.1: version GLIBC_2.28 not found",
            "library-too-old",
            Certain,
            "GLIBC_2.28",
        ),
        (
            "docker: Error response from daemon: Invalid signal: SIGFOO.",
            "stop-signal-unknown",
            Certain,
            "",
        ),
        (
            "docker: Error response from daemon: stat /dev/nosuch: no such file or directory",
            "device-missing",
            Certain,
            "/dev/nosuch",
        ),
        (
            "ZoneInfoNotFoundError: 'No time zone found with key Europe/Berlin'",
            "timezone-missing",
            Certain,
            "zone Europe/Berlin",
        ),
    ]);
    let zone =
        &explain_message("ZoneInfoNotFoundError: 'No time zone found with key Europe/Berlin'")[0];
    assert!(zone.message.ends_with("Europe/Berlin"), "{zone:?}");
}

#[test]
fn what_is_no_text_is_cut_down() {
    let noise: String = (0..1_000_000_u32)
        .map(|index| char::from_u32(index.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    for text in
        [noise, "a: b: ".repeat(170_000), "exec: \"".repeat(3_000_000), "x509\n".repeat(200_000)]
    {
        assert!(prepare(&text).len() <= 100 * 1024);
        assert_eq!(explain_message(&text), []);
    }
    assert_eq!(prepare("a\0\u{1}\u{fffd}b\tc"), "a\u{fffd}b\tc");
}
