//! Recognizes files that are neither ELF nor scripts by their first bytes.

use std::fmt;

/// A kind of file that Linux does not execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// An empty file.
    Empty,
    /// A macOS or iOS executable or library, thin or universal.
    MachO,
    /// A Windows executable or library, or a DOS one.
    Pe,
    /// A static library (`ar`), which is input for a linker.
    StaticLibrary,
    /// A Debian package.
    DebianPackage,
    /// An RPM package.
    RpmPackage,
    /// A zip file, such as a jar.
    Zip,
    /// Gzip data, such as a `.tar.gz`.
    Gzip,
    /// Zstandard data.
    Zstd,
    /// XZ data.
    Xz,
    /// Bzip2 data.
    Bzip2,
    /// A tar archive.
    Tar,
    /// A WebAssembly module.
    WebAssembly,
    /// LLVM bitcode.
    LlvmBitcode,
    /// A compiled Java class.
    JavaClass,
    /// A JSON document.
    Json,
    /// An HTML or XML page, such as the result of a failed download.
    Markup,
    /// A git-lfs pointer: the actual file was not fetched.
    GitLfsPointer,
    /// A text file without a `#!` line.
    Text,
    /// Only zero bytes: a hole left by a failed copy.
    Zeros,
    /// An ELF header that no kernel accepts: its class, byte order or version is invalid.
    InvalidElf,
    /// Anything else.
    Data,
}

impl Format {
    /// Returns the format of a file that begins with `head`. 512 bytes, or the whole file, are
    /// enough.
    pub fn of(head: &[u8]) -> Self {
        let starts = |magic: &[u8]| head.starts_with(magic);
        match head {
            [] => Self::Empty,
            // Mach-O's universal magic is also Java's. In Mach-O, a small number of architectures
            // follows; in a class file, its version, which is 45 or more.
            [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 1..=44, ..]
            | [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..]
            | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => Self::MachO,
            [0xca, 0xfe, 0xba, 0xbe, ..] => Self::JavaClass,
            _ if starts(b"\x7fELF") => Self::InvalidElf,
            _ if starts(b"MZ") && !looks_like_text(head) => Self::Pe,
            _ if starts(b"!<arch>\ndebian-binary") => Self::DebianPackage,
            _ if starts(b"!<arch>\n") || starts(b"!<thin>\n") => Self::StaticLibrary,
            _ if starts(b"\xed\xab\xee\xdb") => Self::RpmPackage,
            _ if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") => Self::Zip,
            _ if starts(b"\x1f\x8b") => Self::Gzip,
            _ if starts(b"\x28\xb5\x2f\xfd") => Self::Zstd,
            _ if starts(b"\xfd7zXZ\0") => Self::Xz,
            _ if starts(b"BZh") && !looks_like_text(head) => Self::Bzip2,
            _ if head.get(257..262) == Some(b"ustar") => Self::Tar,
            _ if starts(b"\0asm") => Self::WebAssembly,
            _ if starts(b"BC\xc0\xde") => Self::LlvmBitcode,
            _ if starts(b"version https://git-lfs.github.com/") => Self::GitLfsPointer,
            _ if looks_like_text(head) => Self::of_text(head),
            _ if head.iter().all(|&byte| byte == 0) => Self::Zeros,
            _ => Self::Data,
        }
    }

    fn of_text(head: &[u8]) -> Self {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        match text {
            [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] => Self::Markup,
            [b'{', rest @ ..] if matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')) => {
                Self::Json
            }
            _ => Self::Text,
        }
    }
}

/// Reports whether this is UTF-8 text (a character may be cut at the end) without control
/// characters other than blanks.
fn looks_like_text(head: &[u8]) -> bool {
    let valid = match str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    valid && !head.iter().any(|&byte| byte < 0x20 && !b"\t\n\r\x0c\x1b".contains(&byte))
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::MachO => "a macOS (Mach-O) binary",
            Self::Pe => "a Windows (PE) binary",
            Self::StaticLibrary => "a static library (ar archive)",
            Self::DebianPackage => "a Debian package",
            Self::RpmPackage => "an RPM package",
            Self::Zip => "a zip or jar archive",
            Self::Gzip => "gzip data",
            Self::Zstd => "zstd data",
            Self::Xz => "xz data",
            Self::Bzip2 => "bzip2 data",
            Self::Tar => "a tar archive",
            Self::WebAssembly => "a WebAssembly module",
            Self::LlvmBitcode => "LLVM bitcode",
            Self::JavaClass => "a Java class file",
            Self::Json => "a JSON document",
            Self::Markup => "an HTML or XML document",
            Self::GitLfsPointer => "a git-lfs pointer",
            Self::Text => "a text file without a #! line",
            Self::Zeros => "nothing but zero bytes",
            Self::InvalidElf => "a damaged ELF file",
            Self::Data => "data of an unknown format",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_name_the_format() {
        let mut tar = vec![0; 512];
        tar[0] = b'a';
        tar[257..262].copy_from_slice(b"ustar");
        for (head, format) in [
            (&b""[..], Format::Empty),
            (b"\xcf\xfa\xed\xfe\x07\0\0\x01", Format::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x02\0\0", Format::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x3d\0\0", Format::JavaClass),
            (b"MZ\x90\0\x03\0\0\0", Format::Pe),
            (b"MZ is how this note begins", Format::Text),
            (b"!<arch>\nfoo.o/", Format::StaticLibrary),
            (b"!<arch>\ndebian-binary   ", Format::DebianPackage),
            (b"PK\x03\x04\x14\0", Format::Zip),
            (b"\x1f\x8b\x08\0", Format::Gzip),
            (b"\x28\xb5\x2f\xfd\x04", Format::Zstd),
            (&tar, Format::Tar),
            (b"\0asm\x01\0\0\0", Format::WebAssembly),
            (b"<!DOCTYPE html><html>", Format::Markup),
            (b"<?xml version=\"1.0\"?>", Format::Markup),
            (b"<<EOF", Format::Text),
            (b"{\"message\": \"Not Found\"}", Format::Json),
            (b"{ echo hi; }", Format::Text),
            (b"version https://git-lfs.github.com/spec/v1\n", Format::GitLfsPointer),
            (b"echo hello\n", Format::Text),
            ("h\u{e9}llo".as_bytes(), Format::Text),
            (&"h\u{e9}".as_bytes()[..2], Format::Text),
            (&[0; 64], Format::Zeros),
            (b"\x7fELF", Format::InvalidElf),
            (b"\x7fELF\x09\x01\x01", Format::InvalidElf),
            (b"\x01\x02\xff\xfe\0", Format::Data),
        ] {
            assert_eq!(Format::of(head), format, "{head:?}");
        }
    }
}
