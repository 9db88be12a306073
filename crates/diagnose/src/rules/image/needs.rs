//! Files that the program needs at run time and the image lacks. If the only evidence is that the
//! program mentions them, the finding is a guess, and a note instead of a warning unless the need
//! is common and the failure total.

use super::lookup::{self, Found};
use super::{ImageFacts, mount};
use crate::code::Code;
use crate::elf::{ElfFacts, Kind, Libc};
use crate::finding::{Finding, Severity};
use crate::identity::{self, Resolved};
use crate::mentions::Topic;
use crate::program::Program;
use crate::rootfs::Resolution;

pub(super) fn check(image: ImageFacts<'_>) -> Vec<Finding> {
    [
        certificates(image),
        time_zones(image),
        tmp(image),
        passwd(image),
        nsswitch(image),
        services(image),
        static_glibc(image),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns the program's facts, if it is a binary.
fn elf(image: ImageFacts<'_>) -> Option<&ElfFacts> {
    let arguments = image.config.arguments();
    let Found::At(path) = lookup::find(image.config, image.rootfs, arguments.first()?) else {
        return None;
    };
    match image.rootfs.program(&path) {
        Some((_, Program::Elf(elf))) => Some(elf),
        _ => None,
    }
}

fn mention(image: ImageFacts<'_>, topic: Topic) -> Option<&'static str> {
    image.mentions?.get(topic)
}

/// Reports whether none of the paths exists. Paths that are not known yet count as existing.
fn all_absent(image: ImageFacts<'_>, paths: &[&str]) -> bool {
    // Request all paths at once, so that one round of responses decides.
    let absent: Vec<bool> =
        paths.iter().map(|path| image.rootfs.exists(path) == Some(false)).collect();
    absent.into_iter().all(|absent| absent)
}

fn mentions(name: &str) -> String {
    format!("the program mentions {name}")
}

/// The paths that Go, OpenSSL and rustls-native-certs use (Go's `crypto/x509/root_linux.go`, Rust's
/// `openssl-probe`).
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
];

fn certificates(image: ImageFacts<'_>) -> Option<Finding> {
    let fix = "add a bundle at /etc/ssl/certs/ca-certificates.crt (scratchdbg build --with certs), or mount one there";
    if let Some(path) = image.config.variable("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
        return (image.rootfs.exists(path) == Some(false)).then(|| {
            if let Some(hidden) =
                mount::hidden_need(image, "the CA bundle", &[path], Severity::Warning)
            {
                return hidden;
            }
            Finding::new(
                Code::CaCertificatesMissing,
                Severity::Warning,
                format!(
                    "SSL_CERT_FILE names {path}, which is not in the image: TLS connections fail"
                ),
            )
            .evidence(format!("Env: SSL_CERT_FILE={path}"))
            .evidence(format!("{path} is not in the image"))
            .fix(fix)
        });
    }
    let name = mention(image, Topic::CaCertificates)?;
    all_absent(image, BUNDLES).then(|| {
        if let Some(hidden) = mount::hidden_need(image, "the CA bundle", BUNDLES, Severity::Warning) {
            return hidden;
        }
        Finding::new(
            Code::CaCertificatesMissing,
            Severity::Warning,
            "the program can make TLS connections and the image has no CA certificates: they would fail (\"certificate \
             signed by unknown authority\")",
        )
        .evidence(mentions(name))
        .evidence(format!("none of {} is in the image", BUNDLES.join(", ")))
        .fix(fix)
        .guessed()
    })
}

fn time_zones(image: ImageFacts<'_>) -> Option<Finding> {
    let fix = "add the time zone database (scratchdbg build --with tz); for Go, also: import _ \"time/tzdata\"";
    if image.config.variable("ZONEINFO").is_some() {
        return None;
    }
    let zone = image.config.variable("TZ").map(|zone| zone.trim_start_matches(':'));
    if let Some(zone) = zone.filter(|zone| names_a_zone(zone)) {
        let path = if zone.starts_with('/') {
            zone.to_owned()
        } else {
            format!("/usr/share/zoneinfo/{zone}")
        };
        return (image.rootfs.exists(&path) == Some(false)).then(|| {
            if let Some(hidden) = mount::hidden_need(image, "the time zone", &[&path], Severity::Warning) {
                return hidden;
            }
            Finding::new(
                Code::TimezoneMissing,
                Severity::Warning,
                format!("TZ asks for {zone}, and the image has no {path}: times are in UTC without a word, or loading the zone fails"),
            )
            .evidence(format!("Env: TZ={zone}"))
            .evidence(format!("{path} is not in the image"))
            .fix(fix)
        });
    }
    let name = mention(image, Topic::TimeZones)?;
    if mention(image, Topic::EmbeddedTimeZones).is_some() {
        return None;
    }
    all_absent(image, &["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"]).then(|| {
        Finding::new(
            Code::TimezoneMissing,
            Severity::Info,
            "the program can load time zones and the image has none: it knows UTC only (\"unknown time zone\")",
        )
        .evidence(mentions(name))
        .evidence("/usr/share/zoneinfo is not in the image")
        .fix(fix)
        .guessed()
    })
}

/// Reports whether a value of TZ names a file, as opposed to UTC or a POSIX rule such as
/// `CET-1CEST,M3.5.0,M10.5.0/3`.
fn names_a_zone(zone: &str) -> bool {
    let has_digit = zone.contains(|c: char| c.is_ascii_digit());
    let is_rule = zone.contains([',', '<']) || (has_digit && !zone.contains('/'));
    !zone.is_empty()
        && !is_rule
        && !matches!(zone, "UTC" | "GMT" | "Etc/UTC" | "UCT" | "Zulu" | "Local")
}

fn tmp(image: ImageFacts<'_>) -> Option<Finding> {
    let path =
        image.config.variable("TMPDIR").filter(|path| path.starts_with('/')).unwrap_or("/tmp");
    let fix = format!(
        "add {path} with mode 1777 (scratchdbg build --with tmp), or mount a tmpfs there: --tmpfs {path}"
    );
    match image.rootfs.resolve(path) {
        Resolution::Found { path, entry: Some(entry), .. } => {
            let Resolved::Known(identity) = identity::resolve(&image.config.user, image.rootfs)
            else {
                return None;
            };
            let writable = entry.is_directory() && identity.may(entry, 0o3);
            let shared = entry.mode & 0o1002 == 0o002;
            let message = if !writable {
                format!("{path} cannot be written by user {}:{}", identity.uid, identity.gid)
            } else if shared {
                format!(
                    "{path} can be written by all and has no sticky bit: everyone may remove everyone's files"
                )
            } else {
                return None;
            };
            Some(
                Finding::new(Code::TmpMode, Severity::Warning, message)
                    .evidence(format!("{path}: mode {:04o}, owner {}:{}", entry.mode & 0o7777, entry.uid, entry.gid))
                    .evidence(format!("the program runs as user {}:{}", identity.uid, identity.gid))
                    .fix(match image.mounts.and_then(|mounts| mounts.over(&path)) {
                        Some(mount) => {
                            format!(
                                "it is {}: give that mode 1777, or mount a tmpfs there (--tmpfs {path})",
                                mount.describe()
                            )
                        }
                        None => format!("give it mode 1777: COPY --chmod=1777, or chmod 1777 {path} before the build"),
                    }),
            )
        }
        Resolution::Missing { .. } => {
            let name = mention(image, Topic::Tmp)?;
            Some(
                Finding::new(
                    Code::TmpMissing,
                    Severity::Info,
                    format!("the program can use temporary files and the image has no {path}: creating one would fail"),
                )
                .evidence(mentions(name))
                .evidence(format!("{path} is not in the image"))
                .fix(fix)
                .guessed(),
            )
        }
        _ => None,
    }
}

fn passwd(image: ImageFacts<'_>) -> Option<Finding> {
    let name = mention(image, Topic::Passwd)?;
    all_absent(image, &["/etc/passwd"]).then(|| {
        Finding::new(
            Code::PasswdMissing,
            Severity::Info,
            "the program can look users up and the image has no /etc/passwd: looking up its own user or home directory \
             would fail (\"unknown userid\")",
        )
        .evidence(mentions(name))
        .evidence("/etc/passwd is not in the image")
        .fix("add one with root and the image's user (scratchdbg build --with passwd), and set HOME")
        .guessed()
    })
}

fn nsswitch(image: ImageFacts<'_>) -> Option<Finding> {
    let name = mention(image, Topic::Nsswitch)?;
    let elf = elf(image)?;
    // Go reads /etc/hosts first since 1.16; musl always did.
    let reason = match &elf.go {
        Some(go) if go.release().is_some_and(|release| release < (1, 16)) => {
            format!("it is built with {}", go.version)
        }
        None if !elf.is_go && elf.libc == Some(Libc::Glibc) => {
            "it is linked against glibc".to_owned()
        }
        _ => return None,
    };
    all_absent(image, &["/etc/nsswitch.conf"]).then(|| {
        Finding::new(
            Code::NsswitchMissing,
            Severity::Info,
            "the image has no /etc/nsswitch.conf: the program may ask DNS before /etc/hosts, for localhost too",
        )
        .evidence(mentions(name))
        .evidence(reason)
        .evidence("/etc/nsswitch.conf is not in the image")
        .fix("add one with the line \"hosts: files dns\" (scratchdbg build --with nsswitch)")
        .guessed()
    })
}

fn services(image: ImageFacts<'_>) -> Option<Finding> {
    let name = mention(image, Topic::Services)?;
    // Go contains the common services and protocols.
    if elf(image)?.is_go {
        return None;
    }
    all_absent(image, &["/etc/services"]).then(|| {
        Finding::new(
            Code::ServicesMissing,
            Severity::Info,
            "the program can look services up by name and the image has no /etc/services: getaddrinfo with a name such as \
             \"http\" would fail (\"Servname not supported for ai_socktype\")",
        )
        .evidence(mentions(name))
        .evidence("/etc/services is not in the image")
        .fix("use port numbers, or add /etc/services and /etc/protocols (scratchdbg build --with services)")
        .guessed()
    })
}

/// Where glibc loads its name service modules from.
const NSS_MODULES: &[&str] = &[
    "/lib/x86_64-linux-gnu/libnss_dns.so.2",
    "/lib/aarch64-linux-gnu/libnss_dns.so.2",
    "/lib64/libnss_dns.so.2",
    "/usr/lib64/libnss_dns.so.2",
    "/usr/lib/libnss_dns.so.2",
    "/lib/libnss_dns.so.2",
];

fn static_glibc(image: ImageFacts<'_>) -> Option<Finding> {
    let name = mention(image, Topic::GlibcNss)?;
    let elf = elf(image)?;
    let is_static =
        matches!(elf.kind, Kind::Static | Kind::StaticPie) && elf.libc == Some(Libc::Glibc);
    (is_static && all_absent(image, NSS_MODULES)).then(|| {
        Finding::new(
            Code::StaticGlibcNss,
            Severity::Warning,
            "the program is linked statically against glibc and uses its name services, which glibc loads at run time: \
             resolving names may fail or crash",
        )
        .evidence(mentions(name))
        .evidence(format!("{}, linked against glibc", elf.kind))
        .evidence("no libnss_dns.so.2 is in the image")
        .fix("link it against musl instead (--target …-musl, musl-gcc); for Go, build with CGO_ENABLED=0 or -tags netgo,osusergo")
        .guessed()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_and_rules() {
        for (zone, is_zone) in [
            ("Europe/Berlin", true),
            ("Japan", true),
            ("/usr/share/zoneinfo/Asia/Tokyo", true),
            ("UTC", false),
            ("Etc/UTC", false),
            ("CET-1CEST,M3.5.0,M10.5.0/3", false),
            ("EST5EDT", false),
            ("", false),
        ] {
            assert_eq!(names_a_zone(zone), is_zone, "{zone}");
        }
    }
}
