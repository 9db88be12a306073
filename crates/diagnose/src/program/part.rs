//! The part of a large program that has its dynamic section, for callers that have a stream.

use std::ops::Range;

use super::source::Head;
use crate::elf;

/// The largest dynamic section that is read.
const MAX_SECTION: u64 = 1024 * 1024;
/// How much around the section is read: tools that change a program put the strings of the section
/// near it.
const AROUND: u64 = 256 * 1024;

/// Returns the part of a program of `size` bytes that has its dynamic section, if `head`, the
/// beginning of the file, lacks it. At most 1.5 MiB, and not before the end of `head`.
pub fn dynamic_part(head: &[u8], size: u64) -> Option<Range<u64>> {
    let (offset, length) =
        elf::dynamic_section(Head { bytes: head, part: (0, &[]), size, position: 0 })?;
    let (end, have) = (offset.checked_add(length)?, head.len() as u64);
    if length > MAX_SECTION || end > size || end <= have {
        return None;
    }
    Some(offset.saturating_sub(AROUND).max(have)..end.saturating_add(AROUND).min(size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::sample::{Sample, Value};
    use crate::program::{Program, inspect_head, inspect_parts};

    /// A program whose dynamic section is behind many other bytes.
    fn large() -> Vec<u8> {
        let run_path = "r".repeat(2 << 20);
        let dynamic = vec![(1, Value::Text("libm.so.6")), (99, Value::Text(run_path.leak()))];
        Sample { dynamic: Some(dynamic), ..Sample::glibc() }.build()
    }

    #[test]
    fn a_dynamic_section_behind_the_first_mebibyte_is_found() {
        let file = large();
        let size = file.len() as u64;
        let head = &file[..1 << 20];
        let Program::Elf(elf) = inspect_head(head, size) else { panic!() };
        assert!(elf.partial && elf.needed.is_empty());
        let range = dynamic_part(head, size).unwrap();
        assert!(
            range.start >= 1 << 20 && range.end <= size && range.end - range.start < 3 << 19,
            "{range:?}"
        );
        let at = |offset| usize::try_from(offset).unwrap();
        let part = &file[at(range.start)..at(range.end)];
        let Program::Elf(elf) = inspect_parts(head, (range.start, part), size) else { panic!() };
        // Its names are in the head.
        assert_eq!(elf.needed, ["libm.so.6"]);
        // With a head that has it, nothing is wanted, nor of what is no program or damaged.
        assert_eq!(dynamic_part(&file, size), None);
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", &file[..64], &file[..100]] {
            assert_eq!(dynamic_part(bytes, size), None);
        }
        assert_eq!(dynamic_part(head, 1 << 20), None, "the file ends before it");
        for at in 0..300 {
            for byte in [0, 0xff] {
                let mut damaged = head.to_vec();
                damaged[at] = byte;
                if let Some(range) = dynamic_part(&damaged, size) {
                    assert!(range.start >= 1 << 20 && range.end <= size && range.start < range.end);
                }
            }
        }
    }
}
