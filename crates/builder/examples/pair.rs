//! Writes the pair for a static binary as an archive: `cargo run --example pair -- ./app shop/app:1 | docker load`.

use scratchdbg_builder::{BuildSpec, Twin, build, toolkit};
use scratchdbg_image::write_hybrid;
use std::io;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(binary), Some(tag), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: pair BINARY TAG > pair.tar".into());
    };
    let search = toolkit::search_host();
    let toolkit = search.toolkit.ok_or(toolkit::ToolkitError::NotFound { skipped: search.skipped })?;
    let pair = build(&BuildSpec {
        binaries: vec![binary.into()],
        tags: vec![tag.parse()?],
        twin: Some(Twin { toolkits: vec![toolkit], tags: Vec::new() }),
        ..BuildSpec::default()
    })?;
    write_hybrid(&pair.sets(), 0, &mut io::stdout().lock())?;
    Ok(())
}
