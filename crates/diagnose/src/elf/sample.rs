//! Builds small ELF files for tests, field by field.

use std::collections::BTreeMap;

/// The contents of a 64-bit little-endian ELF file.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) e_type: u16,
    pub(crate) machine: u16,
    pub(crate) os_abi: u8,
    pub(crate) entry: u64,
    pub(crate) interpreter: Option<&'static str>,
    /// `None`: no dynamic section at all.
    pub(crate) dynamic: Option<Vec<(u64, Value)>>,
    pub(crate) notes: Vec<u8>,
    pub(crate) sections: Vec<(&'static str, u32, Vec<u8>)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(&'static str),
    Number(u64),
}

pub(crate) const NEEDED: u64 = 1;
pub(crate) const SONAME: u64 = 14;
pub(crate) const RPATH: u64 = 15;
pub(crate) const RUNPATH: u64 = 29;
pub(crate) const FLAGS_1: u64 = 0x6fff_fffb;
pub(crate) const PIE: u64 = 0x0800_0000;

impl Sample {
    /// Returns a static x86-64 program.
    pub(crate) fn fixed() -> Self {
        Self {
            e_type: 2,
            machine: 62,
            os_abi: 0,
            entry: 0x40_0000,
            interpreter: None,
            dynamic: None,
            notes: Vec::new(),
            sections: Vec::new(),
        }
    }

    /// Returns a dynamic x86-64 program that needs glibc.
    pub(crate) fn glibc() -> Self {
        Self {
            e_type: 3,
            interpreter: Some("/lib64/ld-linux-x86-64.so.2"),
            dynamic: Some(vec![
                (NEEDED, Value::Text("libm.so.6")),
                (NEEDED, Value::Text("libc.so.6")),
            ]),
            ..Self::fixed()
        }
    }

    pub(crate) fn section(
        mut self,
        name: &'static str,
        kind: u32,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        self.sections.push((name, kind, content.into()));
        self
    }

    /// Returns the file: header, program headers, one loaded segment with all contents, section
    /// headers.
    pub(crate) fn build(&self) -> Vec<u8> {
        const BASE: u64 = 0x40_0000;
        let count = 1
            + usize::from(self.interpreter.is_some())
            + usize::from(self.dynamic.is_some())
            + usize::from(!self.notes.is_empty());
        let mut file = vec![0; 64 + 56 * count];
        let mut headers: Vec<(u32, u64, u64)> = Vec::new();
        let append = |file: &mut Vec<u8>, bytes: &[u8]| {
            file.resize(file.len().next_multiple_of(8), 0);
            let offset = file.len() as u64;
            file.extend(bytes);
            (offset, bytes.len() as u64)
        };
        if let Some(interpreter) = self.interpreter {
            let (offset, size) = append(&mut file, format!("{interpreter}\0").as_bytes());
            headers.push((3, offset, size));
        }
        if let Some(dynamic) = &self.dynamic {
            let mut strings = vec![0];
            let mut entries = Vec::new();
            for (tag, value) in dynamic {
                let number = match value {
                    Value::Number(number) => *number,
                    Value::Text(text) => {
                        let at = strings.len() as u64;
                        strings.extend(text.bytes());
                        strings.push(0);
                        at
                    }
                };
                entries.push((*tag, number));
            }
            let (offset, _) = append(&mut file, &strings);
            entries.push((5, BASE + offset));
            entries.push((0, 0));
            let bytes: Vec<u8> = entries
                .iter()
                .flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()])
                .flatten()
                .collect();
            let (offset, size) = append(&mut file, &bytes);
            headers.push((2, offset, size));
        }
        if !self.notes.is_empty() {
            let (offset, size) = append(&mut file, &self.notes);
            headers.push((4, offset, size));
        }
        let placed: Vec<(u64, u64)> =
            self.sections.iter().map(|(.., content)| append(&mut file, content)).collect();
        let loaded = file.len() as u64;
        headers.push((1, 0, loaded));

        let mut names = vec![0];
        let mut name_at = BTreeMap::new();
        for name in self.sections.iter().map(|(name, ..)| *name).chain([".shstrtab"]) {
            name_at.insert(name, u32::try_from(names.len()).unwrap());
            names.extend(name.bytes());
            names.push(0);
        }
        let (names_offset, names_size) = append(&mut file, &names);
        let mut table = vec![0; 64];
        let total = self.sections.len();
        for (index, ((name, kind, _), (offset, size))) in
            self.sections.iter().zip(&placed).enumerate()
        {
            // The version table refers to the string table in the next section.
            table.extend(section_header(
                name_at[name],
                *kind,
                *offset,
                *size,
                u32::try_from(index + 2).unwrap(),
            ));
        }
        table.extend(section_header(name_at[".shstrtab"], 3, names_offset, names_size, 0));
        let (table_offset, _) = append(&mut file, &table);

        let mut header = b"\x7fELF\x02\x01\x01".to_vec();
        header.push(self.os_abi);
        header.resize(16, 0);
        header.extend(self.e_type.to_le_bytes());
        header.extend(self.machine.to_le_bytes());
        header.extend(1u32.to_le_bytes());
        header.extend(self.entry.to_le_bytes());
        header.extend(64u64.to_le_bytes());
        header.extend(table_offset.to_le_bytes());
        header.extend(0u32.to_le_bytes());
        let halves = [64, 56, count, 64, total + 2, total + 1];
        header.extend(halves.iter().flat_map(|&half| u16::try_from(half).unwrap().to_le_bytes()));
        file[..64].copy_from_slice(&header);
        for (index, (kind, offset, size)) in headers.iter().enumerate() {
            let mut bytes = Vec::new();
            bytes.extend(kind.to_le_bytes());
            bytes.extend(5u32.to_le_bytes());
            for word in [*offset, BASE + offset, BASE + offset, *size, *size, 4] {
                bytes.extend(word.to_le_bytes());
            }
            file[64 + 56 * index..64 + 56 * (index + 1)].copy_from_slice(&bytes);
        }
        file
    }
}

fn section_header(name: u32, kind: u32, offset: u64, size: u64, link: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(name.to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    for word in [0u64, 0, offset, size] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(link.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(1u64.to_le_bytes());
    bytes.extend(0u64.to_le_bytes());
    bytes
}

/// Returns a note of the owner `GNU`.
pub(crate) fn gnu_note(kind: u32, content: &[u8]) -> Vec<u8> {
    let mut note = Vec::new();
    for word in [4, u32::try_from(content.len()).unwrap(), kind] {
        note.extend(word.to_le_bytes());
    }
    note.extend(b"GNU\0");
    note.extend(content);
    note
}
