//! `.dockerignore`, and the patterns of `COPY`.

use scratchdbg_builder::dockerfile::{self, Arguments};

/// `data` is a pattern for `COPY` and `.dockerignore`, between a line `---`.
pub fn run(data: &[u8]) {
    let [pattern, ignore] = super::parts(data);
    let folder = super::folder();
    let context = folder.path();
    // Names that are long enough for patterns to be slow.
    let long = "a".repeat(60);
    std::fs::create_dir_all(context.join("d/e").join(&long)).unwrap();
    std::fs::write(context.join("d/e").join(&long).join("f.go"), "f").unwrap();
    std::fs::write(context.join(&long), "a").unwrap();
    std::fs::write(context.join(".dockerignore"), ignore).unwrap();
    let pattern = String::from_utf8_lossy(pattern);
    for pattern in [&*pattern, "."] {
        let words = serde_json::to_string(&[pattern, "/x/"]).unwrap();
        let _refused = dockerfile::read(
            &format!("FROM scratch\nCOPY {words}\n"),
            context,
            &Arguments::default(),
        );
    }
}
