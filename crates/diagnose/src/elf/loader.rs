//! The built-in search directories of glibc's loader. Each distribution has its own.

use object::ReadRef;

/// The largest loader that is read.
const MAX_SIZE: u64 = 4 * 1024 * 1024;
/// The most directories of a loader that are read.
const MAX_DIRECTORIES: usize = 16;
/// `PATH_MAX`.
const MAX_PATH: usize = 4096;

/// Returns the search directories of a loader, which is recognized by its name (`DT_SONAME`). The
/// loader stores them one after the other; each ends with a slash and a NUL (`system_dirs` of
/// glibc's `elf/dl-load.c`).
pub(super) fn directories<'data, R: ReadRef<'data>>(soname: Option<&str>, data: R) -> Vec<String> {
    let is_loader = soname.is_some_and(|name| {
        ["ld-linux", "ld64.so", "ld.so", "ld-2."].iter().any(|begin| name.starts_with(begin))
    });
    let Some(size) = data.len().ok().filter(|size| is_loader && *size <= MAX_SIZE) else {
        return Vec::new();
    };
    let bytes = data.read_bytes_at(0, size).unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    for word in bytes.split(|&byte| byte == 0) {
        match directory(word) {
            Some(directory) if found.len() < MAX_DIRECTORIES => found.push(directory.to_owned()),
            _ if found.is_empty() => {}
            _ => break,
        }
    }
    found
}

fn directory(word: &[u8]) -> Option<&str> {
    let is_path = word.len() < MAX_PATH && word.starts_with(b"/") && word.ends_with(b"/");
    let text = str::from_utf8(word).ok().filter(|text| is_path && text.contains("/lib"))?;
    Some(text.trim_end_matches('/')).filter(|text| !text.is_empty())
}
