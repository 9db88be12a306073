//! Messages of interpreters and virtual machines about the programs that they run.

use super::{Meaning, Wording, named, says};
use crate::code::Code;

macro_rules! plain {
    ($code:ident, $pattern:expr) => {
        Wording { pattern: $pattern, meaning: |c| Meaning::Plain(Code::$code, named(c, "p")) }
    };
}

pub(super) const WORDINGS: &[Wording] = &[
    says!(
        ProgramMissing,
        r"Cannot find (?:package|module) '(?P<p>[^'\n]+)' imported from|ImportError: No module named (?P<q>[\w.]+)|java\.lang\.(?:ClassNotFoundException|NoClassDefFoundError): (?P<r>[\w.$/]+)|no main manifest attribute, in (?P<s>\S+)|Could not open input file: (?P<t>\S+)",
        "what the interpreter is to run is not in the image, or not where it looks: {p}",
        "copy it into the image and see the working directory; a mount over it hides it; install the dependencies in the image that \
         runs, not only in the one that builds"
    ),
    says!(
        ProgramMissing,
        r"Failed opening required '(?P<p>[^'\n]+)'|Could not locate (?P<q>Gemfile)\b|command not found: (?P<r>[\w./-]+)$|cannot load such file -- (?P<s>\S+)|The application '(?P<t>[^'\n]+\.dll)' does not exist",
        "what the interpreter is to run is not in the image, or not where it looks: {p}",
        "copy it into the image and see the working directory; a mount over it hides it (-v …:/app takes node_modules and vendor \
         along); install the dependencies in the image that runs"
    ),
    says!(
        ProgramMissing,
        r#"\benoent\b[^\n]*ENOENT: no such file or directory, open '(?P<p>[^'\n]+package\.json)'|Missing script: "?(?P<q>[\w:-]+)|Could not find (?:a part of the path|file) '(?P<r>[^'\n]+)'|Couldn't find a project to run|COULD NOT FIND the main class (?P<s>\S+)|Could not find artifact|Could not find (?P<t>[\w-]+-\d[\w.]*) in (?:any of the sources|locally installed gems)"#,
        "what is to be run is not in the image, or not where it is looked for: {p}",
        "see the working directory (WORKDIR), what was copied into it, and that no mount hides it"
    ),
    // A program that another program starts.
    says!(
        ProgramMissing,
        r"\bspawn (?P<p>[^\s/]+) ENOENT|FileNotFoundError: \[Errno 2\] No such file or directory: '(?P<q>[\w+-]+)'$|Errno::ENOENT: No such file or directory - (?P<r>[\w+-]+)$|Cannot run program \x22(?P<s>[^\x22\n]+)\x22[^\n]*error=2",
        "the program calls {p}, which is not in the image",
        "add it to the image, or do its work in the program itself"
    ),
    // Runtimes and extensions in incompatible versions.
    says!(
        LibraryTooOld,
        r"compiled against a different Node\.js version[^\n]*|UnsupportedClassVersionError: (?P<p>\S+) has been compiled by|The framework '(?P<q>[^'\n]+)', version '[^'\n]+'[^\n]* was not found|It was not possible to find any compatible framework version|You must install or update \.NET to run this application|requires? (?:a )?(?:different Python|Python)[^\n]*(?:not in|but the running)|Your Ruby version is (?P<r>\S+), but your Gemfile specified|Your Composer dependencies require a PHP version",
        "the image's runtime is of another version than the one that the program was built for[ ({p})]",
        "take an image with that version of the runtime, or build with the one that the image has (install the dependencies within it)"
    ),
    says!(
        LibraryMissing,
        r"Unable to load shared library '(?P<p>[^'\n]+)'|Couldn't find a valid (?P<q>ICU) package installed|OSError: cannot load library '(?P<s>[^'\n]+)'|no (?P<t>\w+) in java\.library\.path",
        "the library {p} is not in the image",
        "add it and what it needs in turn; for .NET without ICU: DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1"
    ),
    plain!(
        WrongArchitecture,
        r"(?P<p>[^\s'\x22]+\.(?:node|so[\w.]*)): invalid ELF header|wrong ELF class: \w+"
    ),
    // Users and time zones.
    plain!(TimezoneMissing, r"UnknownTimeZoneError: '?(?P<p>[\w/+-]+)"),
    plain!(
        TimezoneMissing,
        r"(?:time zone ID|timezone) '(?P<p>[^'\n]+)' was not found on the local computer"
    ),
    plain!(
        TimezoneMissing,
        r"No source of timezone data could be found|(?P<p>missing Location) in call to Time\.In|ZoneRulesException: Unknown time-zone ID: (?:\S+)"
    ),
    plain!(
        PasswdMissing,
        r"No user exists for uid (?P<p>\d+)|could not look up effective user ID (?:\d+)"
    ),
    says!(
        UserUnknown,
        r#"(?:chown|chgrp|install): (?:unknown user/group|invalid user:|invalid group:|unknown user|unknown group) ?[‘']?(?P<p>[\w.:-]+)|(?:su-exec|gosu|setpriv): (?P<q>\w[\w.-]*): Name does not resolve|getpwnam\("(?P<r>[^"\n]+)"\) failed|user '?(?P<s>[\w.-]+)'? does not exist$|su: user (?P<t>\S+) does not exist"#,
        "the image has no passwd or group file that knows {p}",
        "use numbers (chown 65532:65532, USER 65532:65532), or make the user in the image: adduser, or scratchdbg build --with passwd"
    ),
    says!(
        RunsAsRoot,
        r#""root" execution of the PostgreSQL server is not permitted|can ?not run (?P<p>elasticsearch|opensearch|logstash) as root|how to run mysqld as root|Running as root without --no-sandbox is not supported|initdb: error: cannot be run as root"#,
        "the program refuses to run as root[: {p}]",
        "run it as a user of its own: USER in the image, --user 1000:1000, user: in the compose file; its volume must belong to that user"
    ),
    // Temporary files.
    plain!(
        TmpMissing,
        r"mktemp: [^\n]*(?P<p>/tmp/[^\s'’]*)['’]?: No such file or directory|IOException: No such file or directory: /tmp(?:/|$)"
    ),
    // Scripts with Windows line endings after their first line.
    plain!(CrlfShebang, r"\$'\\?r': command not found|can't execute '[^'\n]*\\?r': No such file"),
    plain!(InterpreterMissing, r"env: can't execute '(?P<p>[^'\n\\]+)': No such file or directory"),
];
