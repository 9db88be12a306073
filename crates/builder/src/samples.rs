//! Small files for tests.

use crate::Toolkit;

pub(crate) const X86_64: u16 = 62;
pub(crate) const AARCH64: u16 = 183;

/// Returns a 64-bit little-endian executable with one loaded segment, a loader if `interpreter` is
/// given, and `content`.
pub(crate) fn elf(machine: u16, interpreter: Option<&str>, content: &[u8]) -> Vec<u8> {
    let interpreter = interpreter.map(|path| format!("{path}\0").into_bytes());
    let count = 1 + u16::from(interpreter.is_some());
    let headers = 64 + 56 * u64::from(count);
    let path = interpreter.clone().unwrap_or_default();
    let size = headers + path.len() as u64 + content.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend(2u16.to_le_bytes());
    file.extend(machine.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    for word in [0x40_0000u64, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    for half in [64, 56, count, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    let mut program_header = |kind: u32, offset: u64, size: u64| {
        file.extend(kind.to_le_bytes());
        file.extend(5u32.to_le_bytes());
        for word in [offset, 0x40_0000 + offset, 0x40_0000 + offset, size, size, 1] {
            file.extend(word.to_le_bytes());
        }
    };
    if interpreter.is_some() {
        program_header(3, headers, path.len() as u64);
    }
    program_header(1, 0, size);
    file.extend(path);
    file.extend(content);
    file
}

/// Returns an executable with the strings that identify a busybox.
pub(crate) fn busybox(machine: u16) -> Vec<u8> {
    elf(machine, None, b"\0[\0[[\0ash\0busybox\0cat\0id\0ls\0ps\0sh\0top\0BusyBox v1.35.0\0")
}

pub(crate) fn toolkit(machine: u16) -> Toolkit {
    Toolkit::from_bytes(busybox(machine), "a sample").unwrap()
}
