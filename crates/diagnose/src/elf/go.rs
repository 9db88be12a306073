//! Reads the Go toolchain's record in a program, like `debug/buildinfo` of Go's standard library.

use std::collections::BTreeMap;

use object::read::elf::FileHeader;
use object::{Endian, ReadRef};

use super::dynamic::file_offset;
use super::{IsaLevel, text};

/// The first 14 bytes of the record.
const MAGIC: &[u8] = b"\xff Go buildinf:";
/// The record's fixed part.
const HEADER: u64 = 32;
/// The longest module information that is read. Large programs have some 20 KiB.
const MAX_STRING: u64 = 1024 * 1024;
/// Go surrounds the module information with 16 bytes at either end.
const SENTINEL: usize = 16;

/// The Go toolchain's record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GoBuild {
    /// The toolchain's version, such as `go1.23.4`.
    pub version: String,
    /// The main package's import path.
    pub path: Option<String>,
    /// The main module and its version, such as `github.com/ko-build/ko` and `v0.17.1`.
    pub module: Option<(String, String)>,
    /// Build settings: `CGO_ENABLED`, `GOARCH`, `GOAMD64`, `vcs.revision`, `vcs.time`,
    /// `vcs.modified`, `-ldflags`, ….
    pub settings: BTreeMap<String, String>,
    /// The modules that it was built from, with their versions, in order.
    pub dependencies: Vec<(String, String)>,
}

impl GoBuild {
    /// Returns the x86-64 level that `GOAMD64` selected.
    pub(super) fn isa_level(&self) -> Option<IsaLevel> {
        match self.settings.get("GOAMD64")?.as_str() {
            "v1" => Some(IsaLevel::V1),
            "v2" => Some(IsaLevel::V2),
            "v3" => Some(IsaLevel::V3),
            "v4" => Some(IsaLevel::V4),
            _ => None,
        }
    }

    /// Returns major and minor version, if the version is that of a release.
    pub fn release(&self) -> Option<(u32, u32)> {
        let version = self.version.strip_prefix("go")?;
        let mut parts = version.split(|c: char| !c.is_ascii_digit());
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }

    fn parse(version: &[u8], modules: &[u8]) -> Self {
        let mut build = Self { version: text(version), ..Self::default() };
        let modules =
            modules.get(SENTINEL..modules.len().saturating_sub(SENTINEL)).unwrap_or_default();
        for line in text(modules).lines() {
            let mut fields = line.split('\t');
            match (fields.next(), fields.next(), fields.next()) {
                (Some("path"), Some(path), _) => build.path = Some(path.to_owned()),
                (Some("mod"), Some(path), version) => {
                    build.module = Some((path.to_owned(), version.unwrap_or_default().to_owned()));
                }
                (Some("dep"), Some(path), version) => {
                    build
                        .dependencies
                        .push((path.to_owned(), version.unwrap_or_default().to_owned()));
                }
                (Some("build"), Some(setting), _) => {
                    if let Some((key, value)) = setting.split_once('=') {
                        build.settings.insert(key.to_owned(), unquote(value));
                    }
                }
                _ => {}
            }
        }
        build
    }
}

/// Unquotes a value. Values with blanks or quotes are written as Go string literals.
fn unquote(value: &str) -> String {
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => value.to_owned(),
    }
}

/// Reads the record at `offset` in the file.
pub(super) fn read<'data, Elf, R>(
    endian: Elf::Endian,
    data: R,
    segments: &'data [Elf::ProgramHeader],
    offset: u64,
) -> Option<GoBuild>
where
    Elf: FileHeader<Endian = object::Endianness>,
    R: ReadRef<'data>,
{
    let header = data.read_bytes_at(offset, HEADER).ok()?;
    if !header.starts_with(MAGIC) {
        return None;
    }
    // Go 1.18 and later: the strings follow the header, each after its length. Before: two pointers
    // to strings.
    let (version, modules) = if header[15] & 2 != 0 {
        let (version, next) = inline(data, offset.checked_add(HEADER)?)?;
        (version, inline(data, next).map(|(modules, _)| modules))
    } else {
        let word = |at: usize| -> Option<u64> { pointer(endian, header.get(at..)?, header[14]) };
        let follow = |address: u64| -> Option<&'data [u8]> {
            let at = file_offset::<Elf>(endian, segments, address)?;
            let size = u64::from(header[14]);
            let string = data.read_bytes_at(at, size.checked_mul(2)?).ok()?;
            let start = file_offset::<Elf>(endian, segments, pointer(endian, string, header[14])?)?;
            let length = pointer(endian, string.get(usize::from(header[14])..)?, header[14])?;
            (length <= MAX_STRING).then(|| data.read_bytes_at(start, length).ok())?
        };
        (follow(word(16)?)?, word(16 + usize::from(header[14])).and_then(follow))
    };
    Some(GoBuild::parse(version, modules.unwrap_or_default()))
}

/// Returns the string at `offset`, which follows its length as a varint, and the offset of its end.
fn inline<'data, R: ReadRef<'data>>(data: R, offset: u64) -> Option<(&'data [u8], u64)> {
    let mut length: u64 = 0;
    let mut at = offset;
    for shift in (0..63).step_by(7) {
        let &[byte] = data.read_bytes_at(at, 1).ok()? else { return None };
        at = at.checked_add(1)?;
        length |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let string = (length <= MAX_STRING).then(|| data.read_bytes_at(at, length).ok())??;
            return Some((string, at.checked_add(length)?));
        }
    }
    None
}

fn pointer<E: Endian>(endian: E, bytes: &[u8], size: u8) -> Option<u64> {
    match size {
        4 => Some(endian.read_u32(bytes.get(..4)?.try_into().ok()?).into()),
        8 => Some(endian.read_u64(bytes.get(..8)?.try_into().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_information() {
        let modules = "0123456789abcdef\
            path\texample.com/shop/cmd/app\n\
            mod\texample.com/shop\tv1.2.3\th1:abc=\n\
            dep\tgolang.org/x/net\tv0.30.0\th1:def=\n\
            build\tCGO_ENABLED=0\nbuild\tGOAMD64=v3\nbuild\t-ldflags=\"-s -w\"\n\
            0123456789abcdef";
        let build = GoBuild::parse(b"go1.23.4", modules.as_bytes());
        assert_eq!(build.path.as_deref(), Some("example.com/shop/cmd/app"));
        assert_eq!(build.module, Some(("example.com/shop".to_owned(), "v1.2.3".to_owned())));
        assert_eq!(build.dependencies, [("golang.org/x/net".to_owned(), "v0.30.0".to_owned())]);
        assert_eq!(build.settings["CGO_ENABLED"], "0");
        assert_eq!(build.settings["-ldflags"], "-s -w");
        assert_eq!(build.isa_level(), Some(IsaLevel::V3));
        assert_eq!(build.release(), Some((1, 23)));
    }

    #[test]
    fn versions_of_releases() {
        for (version, release) in [
            ("go1.15", Some((1, 15))),
            ("go1.22rc1", Some((1, 22))),
            ("devel +abc", None),
            ("", None),
            ("go1", None),
        ] {
            let build = GoBuild { version: version.to_owned(), ..GoBuild::default() };
            assert_eq!(build.release(), release, "{version}");
        }
        assert_eq!(GoBuild::parse(b"go1.20", b"short").path, None);
    }
}
