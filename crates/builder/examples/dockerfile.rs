//! Builds the production image of a Dockerfile that ends in a `FROM scratch` stage:
//! `cargo run --example dockerfile -- ./Dockerfile . shop/app:1 | docker load`.

use std::io;

use scratchdbg_builder::build;
use scratchdbg_builder::dockerfile::{self, Arguments};
use scratchdbg_image::write_hybrid;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [file, context, tag] = &arguments[..] else {
        return Err("usage: dockerfile FILE CONTEXT TAG > image.tar".into());
    };
    let mut spec =
        dockerfile::read(&std::fs::read_to_string(file)?, context.as_ref(), &Arguments::default())?
            .spec;
    spec.tags.push(tag.parse()?);
    write_hybrid(&build(&spec)?.sets(), spec.epoch, &mut io::stdout().lock())?;
    Ok(())
}
