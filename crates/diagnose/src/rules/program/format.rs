//! `not-an-executable`: Linux cannot execute the file.

use crate::code::Code;
use crate::elf::{ElfFacts, Kind, Refused};
use crate::finding::{Finding, Severity};
use crate::program::{Format, ScriptFacts};

pub(super) fn of_other(path: &str, format: Format) -> Finding {
    Finding::new(
        Code::NotAnExecutable,
        Severity::Error,
        format!("{path} is {format}, which Linux does not execute (\"exec format error\")"),
    )
    .evidence(format!("{path}: {format}"))
    .fix(fix(format))
}

fn fix(format: Format) -> &'static str {
    match format {
        Format::Empty | Format::Zeros => {
            "the build or copy that made the file failed: look there for an error that went unseen, and build it again"
        }
        Format::MachO => {
            "build for Linux: GOOS=linux for Go, --target x86_64-unknown-linux-musl (or aarch64-…) for Rust, or build in a \
             Linux container"
        }
        Format::Pe => {
            "build for Linux: GOOS=linux for Go, --target x86_64-unknown-linux-musl (or aarch64-…) for Rust"
        }
        Format::StaticLibrary | Format::LlvmBitcode => {
            "this is what a linker takes, not what it makes: name the linked program (for Go, the main package; for Rust, a \
             [[bin]] target)"
        }
        Format::DebianPackage
        | Format::RpmPackage
        | Format::Zip
        | Format::Gzip
        | Format::Zstd
        | Format::Xz
        | Format::Bzip2
        | Format::Tar => "unpack it, and name the program inside",
        Format::WebAssembly => {
            "it needs a WebAssembly runtime: put one in the image as the entrypoint, or build for Linux"
        }
        Format::JavaClass => "it needs a Java runtime: start it with java, or build a native image",
        Format::Json | Format::Markup => {
            "this looks like the answer of a server, not like a program: see whether the download failed"
        }
        Format::GitLfsPointer => "fetch the real file: git lfs pull",
        Format::Text => {
            "begin a script with its interpreter, such as #!/bin/sh, and see that the image has it; or name the program"
        }
        Format::InvalidElf => "its header is damaged: build or copy it again",
        Format::Data => "name the program that the build made: `file` tells what this is",
    }
}

pub(super) fn of_elf(path: &str, elf: &ElfFacts) -> Option<Finding> {
    if elf.kind.is_executable() {
        return Some(of_refused(path, elf, elf.refused?));
    }
    let fix = match elf.kind {
        Kind::SharedLibrary => {
            "name the program that uses the library; for Go, build without -buildmode=c-shared; for Rust, a [[bin]] target \
             and not a cdylib"
        }
        Kind::Object => "link it: name the linker's output, not the compiler's",
        _ => "name the program that the build made",
    };
    Some(
        Finding::new(
            Code::NotAnExecutable,
            Severity::Error,
            format!("{path} is not a program: it is an ELF {}", describe(elf.kind)),
        )
        .evidence(format!("{path}: ELF {}, {}", elf.kind, elf.platform_name()))
        .fix(fix),
    )
}

/// A program whose headers a kernel does not accept.
fn of_refused(path: &str, elf: &ElfFacts, refused: Refused) -> Finding {
    let consequence = if refused.is_killed() {
        "it is killed before its first instruction, with exit code 139 and without a word"
    } else {
        "the kernel refuses it (\"exec format error\")"
    };
    Finding::new(
        Code::NotAnExecutable,
        Severity::Error,
        format!("{path} is an ELF file that cannot be run: {refused}, so that {consequence}"),
    )
    .evidence(format!("{path}: ELF {}, {}; {refused}", elf.kind, elf.platform_name()))
    .fix("its headers are damaged: build or copy it again")
}

fn describe(kind: Kind) -> String {
    match kind {
        Kind::Object => "object file that is not linked yet".to_owned(),
        kind => kind.to_string(),
    }
}

pub(super) fn of_script(path: &str, script: &ScriptFacts) -> Option<Finding> {
    let (message, evidence, fix) = if script.byte_order_mark {
        (
            "is a script behind a byte order mark, so that the kernel does not see its #! line",
            "the file begins with the bytes ef bb bf",
            "save it as UTF-8 without a byte order mark: sed -i '1s/^\\xef\\xbb\\xbf//' FILE",
        )
    } else if script.intended_interpreter().is_empty() {
        (
            "is a script whose #! line names no interpreter",
            "the first line is a bare #!",
            "name the interpreter: #!/bin/sh",
        )
    } else {
        return None;
    };
    Some(
        Finding::new(
            Code::NotAnExecutable,
            Severity::Error,
            format!("{path} {message} (\"exec format error\")"),
        )
        .evidence(format!("{path}: {evidence}"))
        .fix(fix),
    )
}
