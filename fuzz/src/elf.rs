//! Programs: ELF, scripts, other files that are started by mistake, and the rules for them.

use std::io::Cursor;

use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::mentions::MentionScanner;
use scratchdbg_diagnose::program::{self, Program};
use scratchdbg_diagnose::rootfs::{Entry, Rootfs};
use scratchdbg_diagnose::rules::image::{self, ImageFacts, layer};

/// `data` is the program.
pub fn run(data: &[u8]) {
    check(program::inspect(Cursor::new(data)).unwrap(), data);
    let half = &data[..data.len() / 2];
    check(program::inspect_head(half, data.len() as u64), half);
    check(program::inspect_head(data, u64::MAX), data);
}

fn check(program: Program, data: &[u8]) {
    let mut scanner = MentionScanner::new();
    scanner.push(data);
    let mentions = scanner.finish();
    let mut rootfs = Rootfs::complete();
    for path in ["/app", "/lib64/ld-linux-x86-64.so.2", "/lib/libc.so.6"] {
        rootfs.insert(path, Entry::program(0o755, data.len() as u64, program.clone()));
    }
    let config = ConfigFacts { entrypoint: vec!["/app".to_owned()], ..ConfigFacts::default() };
    for finding in
        image::check(ImageFacts { mentions: Some(&mentions), ..ImageFacts::new(&config, &rootfs) })
    {
        assert!(!finding.message.is_empty() && !finding.evidence.is_empty(), "{finding:?}");
    }
    let _secrets = layer::secret_content("/app", data);
}
