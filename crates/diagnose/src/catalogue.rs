//! What the documentation says of every code: how it shows, how it is mended, and how to see it for
//! oneself.

mod image;
mod pod;
mod run;
mod start;

use crate::code::Code;

/// The documentation of one code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    code: Code,
    /// Where and in which words it shows.
    shows: &'static str,
    /// What to do.
    pub(crate) fix: &'static str,
    /// Commands that bring it about.
    reproduce: &'static str,
}

/// The documentation of a code; a test sees to it that every code has its own.
pub(crate) fn entry(code: Code) -> Entry {
    let all = [start::ENTRIES, image::ENTRIES, run::ENTRIES, pod::ENTRIES];
    let own = all.into_iter().flatten().find(|entry| entry.code == code);
    own.copied().unwrap_or(Entry { code, shows: "", fix: "", reproduce: "" })
}

/// The codes that only pods have.
pub fn codes_of_pods() -> impl Iterator<Item = Code> {
    pod::ENTRIES.iter().map(|entry| entry.code)
}

/// What the documentation says of a code, as plain text; `None` if there is no such code.
pub fn explain_code(code: &str) -> Option<String> {
    let Entry { code, shows, fix, reproduce } =
        entry(*Code::ALL.iter().find(|known| known.as_str() == code)?);
    Some(format!(
        "{code}\n\n{}\n\nShows: {shows}\n\nFix: {fix}\n\nTo see it:\n\n{reproduce}",
        code.meaning()
    ))
}

/// The document of all codes, as Markdown: `docs/codes.md`.
pub fn codes_markdown() -> String {
    let mut text = String::from(
        "# Codes\n\n\
         Every finding of `scratchdbg check`, `why` and `build` has one of these codes. They are stable: words are added,\n\
         never renamed. This file is made from the rules; change it there (`crates/diagnose/src/catalogue`).\n\n\
         In the commands below `./app` is any static program, and `IMAGE` any image that has it at `/app`.\n\n",
    );
    let groups = [
        ("It does not start", start::ENTRIES),
        ("It starts, and something is missing or unwise", image::ENTRIES),
        ("What became of it", run::ENTRIES),
        ("On Kubernetes", pod::ENTRIES),
    ];
    for (title, entries) in groups {
        text.extend(["## ", title, "\n\n"]);
        for entry in entries {
            let Entry { code, shows, fix, reproduce } = entry;
            text.extend([
                "### `",
                code.as_str(),
                "`\n\n",
                code.meaning(),
                "\n\n**Shows:** ",
                shows,
            ]);
            text.extend(["\n\n**Fix:** ", fix, "\n\n```sh\n", reproduce, "\n```\n\n"]);
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_code_has_one_entry() {
        let mut counts: BTreeMap<Code, usize> = BTreeMap::new();
        for entry in
            [start::ENTRIES, image::ENTRIES, run::ENTRIES, pod::ENTRIES].into_iter().flatten()
        {
            *counts.entry(entry.code).or_default() += 1;
            assert!(
                !entry.shows.is_empty() && !entry.fix.is_empty() && !entry.reproduce.is_empty(),
                "{}",
                entry.code
            );
        }
        for &code in Code::ALL {
            assert_eq!(counts.get(&code), Some(&1), "{code}");
        }
    }

    #[test]
    fn the_document_is_up_to_date() {
        let committed = include_str!("../../../docs/codes.md");
        assert!(
            committed == codes_markdown(),
            "docs/codes.md is out of date: cargo test -p scratchdbg-diagnose -- --ignored write_the_document"
        );
    }

    #[test]
    #[ignore = "writes docs/codes.md"]
    fn write_the_document() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/codes.md");
        std::fs::write(path, codes_markdown()).unwrap();
    }
}
