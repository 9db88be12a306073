//! Builds a pair from a static binary:
//! `cargo run --example pair -- ./app shop/app:1 | docker load`, or, with a folder and a
//! compression, `cargo run --example pair -- ./app shop/app:1 ./layout gzip`.

use std::io;
use std::path::Path;

use scratchdbg_builder::{BuildSpec, LayerStorage, Twin, build, toolkit};
use scratchdbg_image::{Layout, write_hybrid};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (binary, tag, layout) = match arguments[..] {
        [binary, tag] => (binary, tag, None),
        [binary, tag, folder, compression] => (binary, tag, Some((folder, compression.parse()?))),
        _ => return Err("usage: pair BINARY TAG [FOLDER COMPRESSION]".into()),
    };
    let search = toolkit::search_host();
    let toolkit =
        search.toolkit.ok_or(toolkit::ToolkitError::NotFound { skipped: search.skipped })?;
    let mut spec = BuildSpec {
        binaries: vec![binary.into()],
        tags: vec![tag.parse()?],
        twin: Some(Twin { toolkits: vec![toolkit], tags: Vec::new() }),
        ..BuildSpec::default()
    };
    match layout {
        None => write_hybrid(&build(&spec)?.sets(), spec.epoch, &mut io::stdout().lock())?,
        Some((folder, compression)) => {
            let layout = Layout::open_or_create(Path::new(folder))?;
            spec.layers = LayerStorage::Spool { folder: layout.folder().into(), compression };
            layout.add(&build(&spec)?.sets())?;
        }
    }
    Ok(())
}
