//! Lines that must be interpreted as a whole: their last words alone would mean something else.

use super::{Wording, says};
use crate::code::Code;

pub(super) const WORDINGS: &[Wording] = &[
    says!(
        NoSpace,
        r"(?i)\bbus error\b[^\n]*/dev/shm|/dev/shm\b[^\n]*\bfull\b|workers? (?:are|is) out of shared memory|insufficient shared memory \(shm\)",
        "/dev/shm is full: a container has 64 MB of it unless it asks for more",
        "give it more: --shm-size 1g (Compose: shm_size; Kubernetes: an emptyDir of medium Memory at /dev/shm), or --ipc host"
    ),
    says!(
        LimitRefused,
        r"unable to (?:join|create) session key(?:ring)?[^\n]*(?:disk quota exceeded|EDQUOT)|keyctl[^\n]*(?:disk quota exceeded|EDQUOT)",
        "the kernel's quota of keys is used up: each container takes one, and a user may have so many only",
        "raise it on the engine's host: sysctl kernel.keys.maxkeys=20000 kernel.keys.maxbytes=2000000 (for root \
         kernel.keys.root_maxkeys); see what holds them: /proc/key-users"
    ),
    says!(
        guess LibraryTooOld,
        r"(?P<p>[^\s:'\x22]*\.so[\w.]*): cannot allocate memory in static TLS block|cannot allocate memory in static TLS block",
        "the C library has no room left for the thread-local data of {p}: it was loaded too late, which is no lack of memory",
        "load it first (LD_PRELOAD=LIBRARY, or an import before all others), set GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384, \
         or take an image with newer libraries"
    ),
    says!(
        OperationNotPermitted,
        r"(?i)\bsysctl: [^\n]*(?:key |setting )['\x22]?(?P<p>[\w.-]+)[^\n]*(?:read-only file system|permission denied|operation not permitted)|/proc/sys/(?P<q>[\w./-]+)['\x22]?: (?:read-only file system|permission denied)",
        "a container may not change the kernel's settings[, {p} here]: /proc/sys is read-only in it",
        "give it to the engine (--sysctl NAME=VALUE, for net.* and others of a namespace), or set it on the host (sysctl -w), and take \
         it out of the program's start script"
    ),
    says!(
        guess LoaderMissing,
        r"rosetta error: failed to open elf at (?P<p>\S+)",
        "the program is built for amd64, the machine is an arm64 one, and Rosetta does not find the loader {p}: an image for arm64 \
         has none for amd64",
        "build or pull both for one platform (docker run --platform linux/amd64 takes the whole image for amd64), or build the program \
         for arm64"
    ),
    says!(
        guess OperationNotPermitted,
        r"(?i)\bopen:? ['\x22]?(?P<p>/dev/(?:pts/\d+|ptmx|null|zero|u?random|tty|console))['\x22]?: operation not permitted",
        "the container's control group does not let it open {p} any more: its rules for devices were reset under it",
        "restart the container; systemctl daemon-reload does that with an old runc or systemd: bring them up to date"
    ),
    says!(
        ImageNotFound,
        r#"short-name "(?P<p>[^"\n]+)" did not resolve to an alias and no (?:unqualified-search registries|containers-registries\.conf)"#,
        "no registry was asked for the image {p}: its name has none, and the engine is not told which ones to search",
        "write the whole name (docker.io/library/NAME), or name unqualified-search-registries in /etc/containers/registries.conf"
    ),
    says!(
        OperationNotPermitted,
        r"potentially insufficient UIDs or GIDs available in user namespace(?: \(requested (?P<p>\d+:\d+))?",
        "the image has files of a user or group[ ({p})] that the rootless engine has no number for",
        "give its user a range of them in /etc/subuid and /etc/subgid (65536 or more), then podman system migrate, or restart the \
         rootless engine"
    ),
    says!(
        CertificateInvalid,
        r"(?i)unable to connect to the server:[^\n]*x509: certificate signed by unknown",
        "the authority in the kubeconfig does not vouch for the cluster's certificate",
        "fetch the kubeconfig anew: the cluster was made anew, or a proxy stands between; certificate-authority-data must be that \
         cluster's"
    ),
    says!(
        ConfigInvalid,
        r"(?i)(?:(?:\blisten|\bbind)\w*:? (?:on |to )?(?:tcp|udp)[46]? (?P<p>\S+?):? [^\n]*|bind\(\) to (?P<q>\S+) [^\n]*|\b(?:bind|listen)\w*\b[^\n]*)(?:can(?:not|'t) assign requested address|\bEADDRNOTAVAIL\b|address not available)|\blisten EADDRNOTAVAIL\b[^\n]*?(?P<r>[\w.:\[\]]+:\d+)?$",
        "the address to listen on[, {p},] is none that this container or host has",
        "listen on 0.0.0.0 or ::, or on an address that is there (ip addr); a published port (-p ADDRESS:80:80) needs an address of the \
         engine's host"
    ),
    // Windows reserves port ranges, and reports that only in these words.
    says!(
        guess PortNotPermitted,
        r"(?i)(?:tcp|udp)[46]? (?P<p>\S+:\d+): bind: An attempt was made to access a socket in a way forbidden|An attempt was made to access a socket in a way forbidden by its access permissions",
        "Windows does not give the port[ {p}] away: it lies in a range that Windows keeps (Hyper-V, WSL), or another program holds it",
        "see the ranges: netsh interface ipv4 show excludedportrange protocol=tcp; free them with net stop winnat and net start winnat, \
         or publish another port"
    ),
];
