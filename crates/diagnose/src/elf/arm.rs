//! The ARM build attributes, which are the only way to distinguish an `ARMv6` program from an
//! `ARMv7` one.
//!
//! "Addenda to, and Errata in, the ABI for the Arm Architecture", build attributes: `A`, then
//! subsections of `u32 length, vendor\0`, each with sub-subsections of `tag, u32 length`, each with
//! attributes of ULEB128 tags and values.

/// `Tag_File`: attributes of the whole file.
const TAG_FILE: u8 = 1;
/// `Tag_CPU_arch`.
const TAG_CPU_ARCH: u64 = 6;

/// Returns the OCI variant (`v5` to `v8`) of a little-endian file with these attributes.
pub(super) fn variant(attributes: Option<&[u8]>) -> Option<String> {
    let mut rest = attributes?.strip_prefix(b"A")?;
    while let Some((subsection, after)) = block(rest, 0) {
        if let Some(content) =
            subsection.get(4..).and_then(|content| content.strip_prefix(b"aeabi\0"))
            && let Some((&TAG_FILE, _)) = content.split_first()
            && let Some((file, _)) = block(content, 1)
        {
            return cpu_architecture(file.get(5..)?);
        }
        rest = after;
    }
    None
}

/// Splits off the block whose length is at `at`. The length counts all bytes from the block's
/// first.
fn block(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let length = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
    let length = usize::try_from(length).ok()?;
    (length > at + 4).then(|| bytes.split_at_checked(length))?
}

fn cpu_architecture(mut bytes: &[u8]) -> Option<String> {
    while !bytes.is_empty() {
        let tag = uleb128(&mut bytes)?;
        // Strings: the CPU's names (4, 5), compatibility (32, after a number), and all odd tags
        // above.
        let is_string = matches!(tag, 4 | 5 | 32) || (tag > 32 && tag % 2 == 1);
        if is_string {
            if tag == 32 {
                uleb128(&mut bytes)?;
            }
            let end = bytes.iter().position(|&byte| byte == 0)?;
            bytes = &bytes[end + 1..];
            continue;
        }
        let value = uleb128(&mut bytes)?;
        if tag == TAG_CPU_ARCH {
            let variant = match value {
                3..=5 => "v5",
                6..=9 | 11 => "v6",
                10 | 12 | 13 => "v7",
                14.. => "v8",
                _ => return None,
            };
            return Some(variant.to_owned());
        }
    }
    None
}

fn uleb128(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[u8]) -> Vec<u8> {
        let file_length = u32::try_from(pairs.len() + 5).unwrap();
        let mut file = vec![TAG_FILE];
        file.extend(file_length.to_le_bytes());
        file.extend(pairs);
        let length = u32::try_from(file.len() + 10).unwrap();
        let mut section = b"A".to_vec();
        section.extend(length.to_le_bytes());
        section.extend(b"aeabi\0");
        section.extend(file);
        section
    }

    #[test]
    fn cpu_architecture_becomes_a_variant() {
        for (pairs, variant_name) in [
            (&b"\x06\x0a\x07\x41"[..], Some("v7")),
            (b"\x05ARM1176\0\x06\x06", Some("v6")),
            (b"\x06\x0e", Some("v8")),
            (b"\x06\x04", Some("v5")),
            (b"\x06\x00", None),
            (b"\x08\x01", None),
            (b"", None),
        ] {
            assert_eq!(variant(Some(&attributes(pairs))).as_deref(), variant_name, "{pairs:?}");
        }
        assert_eq!(variant(None), None);
        assert_eq!(variant(Some(b"A\0\0\0\0aeabi\0")), None);
        assert_eq!(variant(Some(b"A\xff\xff\xff\xffaeabi\0")), None);
        assert_eq!(variant(Some(b"B")), None);
    }
}
