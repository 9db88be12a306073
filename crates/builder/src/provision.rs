//! `--with`: adds files of an ordinary system that a program may need, and that a scratch image
//! lacks.
//!
//! The needs of a binary are guessed from the strings in it. Small, constant files are generated;
//! others are copied from this machine. Each decision has a reason, including the decision not to
//! add something.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use scratchdbg_diagnose::elf::ElfFacts;
use scratchdbg_diagnose::mentions::{MentionScanner, Mentions, Topic};
use scratchdbg_diagnose::program::{self, Program};
use scratchdbg_image::{Entry, FileData, ImageError};
use serde::Serialize;

use crate::add::{Addition, Wanted};
use crate::{BuildError, BuildSpec};

/// The path of the certificates: Go, OpenSSL and rustls look there first.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The paths of the certificates in distributions (Go's `crypto/x509/root_linux.go`).
const BUNDLE_SOURCES: [&str; 5] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/cert.pem",
];
const ZONES: &str = "usr/share/zoneinfo";
/// Parts of the database that are copies in other forms, or links out of it.
const ZONES_LEFT_OUT: [&str; 4] = ["localtime", "posix", "posixrules", "right"];
const NSSWITCH: &[u8] =
    b"passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n";
const BUFFER: usize = 1024 * 1024;

/// Files that can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// CA certificates.
    Certs,
    /// The time zone database.
    Tz,
    /// `/etc/passwd` and `/etc/group`, with the image's user.
    Passwd,
    /// `/tmp`, writable for everybody.
    Tmp,
    /// `/etc/nsswitch.conf`.
    Nsswitch,
    /// `/etc/services` and `/etc/protocols`.
    Services,
}

impl Need {
    const ALL: [Self; 6] =
        [Self::Certs, Self::Tz, Self::Passwd, Self::Tmp, Self::Nsswitch, Self::Services];

    fn word(self) -> &'static str {
        match self {
            Self::Certs => "certs",
            Self::Tz => "tz",
            Self::Passwd => "passwd",
            Self::Tmp => "tmp",
            Self::Nsswitch => "nsswitch",
            Self::Services => "services",
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The argument of `--with`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum With {
    /// The files that the binaries seem to need.
    #[default]
    Auto,
    /// Exactly these files; none if empty.
    Only(BTreeSet<Need>),
}

impl FromStr for With {
    type Err = BuildError;

    /// `auto`, `none`, or words separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let need = |word: &str| Need::ALL.into_iter().find(|need| need.word() == word);
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::Only(BTreeSet::new())),
            _ => text.split(',').map(need).collect::<Option<_>>().map(Self::Only).ok_or(BuildError::InvalidSetting {
                what: "--with",
                value: text.to_owned(),
                reason: "expected auto, none, or a list of certs, tz, passwd, tmp, nsswitch, services",
            }),
        }
    }
}

/// A decision about one kind of files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The kind of files.
    pub need: Need,
    /// Whether it is added.
    pub added: bool,
    /// The reason.
    pub reason: String,
}

/// The facts about a binary.
#[derive(Clone, Debug)]
struct Facts {
    mentions: Mentions,
    is_go: bool,
}

/// Decides which files the images of `spec` need, and adds them to the files and environment of the
/// spec. Reads the binaries if `with` is [`With::Auto`]. Searches source files below `root`, which
/// is `/` except in tests. Does not replace existing files of the spec.
pub fn provision(
    spec: &mut BuildSpec,
    with: &With,
    root: &Path,
) -> Result<Vec<Decision>, BuildError> {
    let decisions = match with {
        With::Only(needs) => {
            needs.iter().map(|need| decide(*need, true, "asked for by --with")).collect()
        }
        With::Auto => {
            let facts =
                spec.binaries.iter().map(|path| look(path)).collect::<Result<Vec<_>, _>>()?;
            automatic(&facts, &spec.env, root)
        }
    };
    for decision in decisions.iter().filter(|decision| decision.added) {
        add(spec, decision.need, root)?;
    }
    Ok(decisions)
}

fn decide(need: Need, added: bool, reason: impl Into<String>) -> Decision {
    Decision { need, added, reason: reason.into() }
}

/// Pure, except that it checks whether source files exist.
fn automatic(facts: &[Facts], env: &[String], root: &Path) -> Vec<Decision> {
    let mention = |topic| facts.iter().find_map(|facts| facts.mentions.get(topic));
    let only_go = !facts.is_empty() && facts.iter().all(|facts| facts.is_go);
    let mut decisions = Vec::new();
    if let Some(name) = mention(Topic::CaCertificates) {
        decisions.push(match bundle(root) {
            Some(_) => decide(Need::Certs, true, format!("the program mentions {name}")),
            None => decide(
                Need::Certs,
                false,
                format!("the program mentions {name}, but this machine has no bundle"),
            ),
        });
    }
    let zone = env
        .iter()
        .find_map(|variable| variable.strip_prefix("TZ="))
        .filter(|zone| !zone.is_empty());
    match (zone, mention(Topic::TimeZones), mention(Topic::EmbeddedTimeZones)) {
        (_, _, Some(_)) => {
            decisions.push(decide(
                Need::Tz,
                false,
                "the program brings the database itself (time/tzdata)",
            ));
        }
        (Some(zone), ..) if root.join(ZONES).is_dir() => {
            decisions.push(decide(Need::Tz, true, format!("TZ={zone} is set")));
        }
        (Some(zone), ..) => {
            let reason =
                format!("TZ={zone} is set, but this machine has no /{ZONES} (install tzdata)");
            decisions.push(decide(Need::Tz, false, reason));
        }
        // Nearly every program contains this string, because its standard library does. Few load a
        // time zone.
        (None, Some(_), None) => {
            decisions.push(decide(
                Need::Tz,
                false,
                "no TZ is set; `--with tz` adds the database for a program that loads zones",
            ));
        }
        (None, None, None) => {}
    }
    for (need, topic) in
        [(Need::Passwd, Topic::Passwd), (Need::Tmp, Topic::Tmp), (Need::Nsswitch, Topic::Nsswitch)]
    {
        if let Some(name) = mention(topic) {
            decisions.push(decide(need, true, format!("the program mentions {name}")));
        }
    }
    if let Some(name) = mention(Topic::Services) {
        decisions.push(match services(root) {
            _ if only_go => decide(Need::Services, false, "Go has the common names built in"),
            Some(_) => decide(Need::Services, true, format!("the program mentions {name}")),
            None => decide(
                Need::Services,
                false,
                format!("the program mentions {name}, but this machine has none (install netbase)"),
            ),
        });
    }
    decisions
}

fn look(path: &Path) -> Result<Facts, BuildError> {
    let read = |source: io::Error| BuildError::Read { path: path.to_owned(), source };
    let (mut file, _) = scratchdbg_files::open(path).map_err(read)?;
    let mut scanner = MentionScanner::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(size) => scanner.push(&buffer[..size]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read(error)),
        }
    }
    let program = program::inspect(file).map_err(|error| read(io::Error::other(error)))?;
    let go = |facts: &ElfFacts| facts.is_go;
    Ok(Facts {
        mentions: scanner.finish(),
        is_go: matches!(&program, Program::Elf(facts) if go(facts)),
    })
}

fn bundle(root: &Path) -> Option<PathBuf> {
    BUNDLE_SOURCES.iter().map(|path| root.join(path)).find(|path| path.is_file())
}

fn services(root: &Path) -> Option<[PathBuf; 2]> {
    let files = [root.join("etc/services"), root.join("etc/protocols")];
    files.iter().all(|path| path.is_file()).then_some(files)
}

fn add(spec: &mut BuildSpec, need: Need, root: &Path) -> Result<(), BuildError> {
    let absent = |looked_for: &str, package| BuildError::NoSource {
        need: need.to_string(),
        looked_for: looked_for.to_owned(),
        package,
    };
    match need {
        Need::Certs => {
            let list = || BUNDLE_SOURCES.map(|path| format!("/{path}")).join(", ");
            let source = bundle(root).ok_or_else(|| absent(&list(), "ca-certificates"))?;
            copy(spec, &source, BUNDLE)?;
            if !spec.env.iter().any(|variable| variable.starts_with("SSL_CERT_FILE=")) {
                spec.env.push(format!("SSL_CERT_FILE={BUNDLE}"));
            }
        }
        Need::Tz => {
            let source = root.join(ZONES);
            if !source.is_dir() {
                return Err(absent(&format!("/{ZONES}"), "tzdata"));
            }
            if spec.files.get(ZONES).is_none() {
                let wanted = |path: &str| {
                    if ZONES_LEFT_OUT.contains(&path) { Wanted::No } else { Wanted::Yes }
                };
                addition(&source, &format!("/{ZONES}")).apply_filtered(&mut spec.files, &wanted)?;
            }
        }
        Need::Passwd => {
            let (passwd, group) = accounts(&spec.user);
            write(spec, "etc/passwd", passwd.as_bytes())?;
            write(spec, "etc/group", group.as_bytes())?;
        }
        Need::Tmp => {
            if spec.files.get("tmp").is_none() {
                spec.files.insert("tmp", Entry { mode: 0o1777, ..Entry::directory() })?;
            }
        }
        Need::Nsswitch => write(spec, "etc/nsswitch.conf", NSSWITCH)?,
        Need::Services => {
            let sources =
                services(root).ok_or_else(|| absent("/etc/services, /etc/protocols", "netbase"))?;
            for (source, destination) in sources.iter().zip(["/etc/services", "/etc/protocols"]) {
                copy(spec, source, destination)?;
            }
        }
    }
    Ok(())
}

/// Entries for root, and for the image's user if that is another. They are those of distroless,
/// except that the home is `/`: in a read-only image nobody could write to a home folder.
fn accounts(user: &str) -> (String, String) {
    let (uid, gid) = user.split_once(':').unwrap_or((user, "0"));
    let is_other = |id: &str| id.parse::<u32>().is_ok_and(|id| id > 0);
    let passwd = if is_other(uid) {
        format!("nonroot:x:{uid}:{gid}:nonroot:/:/sbin/nologin\n")
    } else {
        String::new()
    };
    let group = if is_other(gid) { format!("nonroot:x:{gid}:\n") } else { String::new() };
    (format!("root:x:0:0:root:/:/sbin/nologin\n{passwd}"), format!("root:x:0:\n{group}"))
}

fn write(spec: &mut BuildSpec, path: &str, content: &[u8]) -> Result<(), ImageError> {
    if spec.files.get(path).is_some() {
        return Ok(());
    }
    spec.files.insert(path, Entry::file(FileData::Bytes(content.into()), 0o644))
}

fn copy(spec: &mut BuildSpec, source: &Path, destination: &str) -> Result<(), BuildError> {
    if spec.files.get(destination).is_some() {
        return Ok(());
    }
    addition(source, destination).apply(&mut spec.files)
}

fn addition(source: &Path, destination: &str) -> Addition {
    Addition {
        source: source.into(),
        destination: destination.into(),
        mode: Some(0o644),
        owner: (0, 0),
    }
}

#[cfg(test)]
mod tests;
