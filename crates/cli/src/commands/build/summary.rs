//! What was built, for people and for programs.

use std::io;

use scratchdbg_builder::Pair;
use scratchdbg_image::{Image, ImageSet};
use serde_json::{Value, json};

use super::Output;
use crate::printer::Printer;

/// `{prod, debug, outputs[], findings[]}`.
pub(super) fn json(pair: &Pair, outputs: &[String]) -> Value {
    json!({
        "prod": set_json(&pair.prod),
        "debug": pair.debug.as_ref().map(set_json),
        "outputs": outputs,
        "findings": [],
    })
}

fn set_json(set: &ImageSet) -> Value {
    let tags: Vec<_> = set.tags().iter().map(scratchdbg_image::TaggedReference::familiar).collect();
    let Some(image) = set.images().first() else { return Value::Null };
    let layer = |layer: &scratchdbg_image::Layer| {
        json!({
            "digest": layer.digest().to_string(),
            "diff_id": layer.diff_id().to_string(),
            "size": layer.size(),
            "media_type": layer.media_type().as_str(),
        })
    };
    json!({
        "tags": tags,
        "image_id": image.config_document().digest().to_string(),
        "manifest": image.manifest().digest().to_string(),
        "platform": image.platform().to_string(),
        "layers": image.layers().iter().map(layer).collect::<Vec<_>>(),
    })
}

/// Both images, what differs, and what to type next. On standard error where standard output is the archive.
pub(super) fn print(pair: &Pair, outputs: &[Output], printer: Printer) -> io::Result<()> {
    let text = text(pair, outputs);
    if outputs.contains(&Output::Stdout) {
        printer.note_lines(&text);
        return Ok(());
    }
    text.iter().try_for_each(|line| printer.line(line))
}

fn text(pair: &Pair, outputs: &[Output]) -> Vec<String> {
    let sets: Vec<(&str, &ImageSet)> =
        std::iter::once(("production", &pair.prod)).chain(pair.debug.iter().map(|set| ("debug twin", set))).collect();
    let rows: Vec<[String; 4]> = sets
        .iter()
        .filter_map(|(role, set)| {
            let image = set.images().first()?;
            Some([(*role).to_owned(), name(set, image), size(total(image)), image.config_document().digest().short()])
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (roles, names, sizes) = (width(0), width(1), width(2));
    let mut lines: Vec<String> = rows
        .iter()
        .map(|[role, name, size, id]| format!("{role:roles$}  {name:names$}  {size:>sizes$}  {id}"))
        .collect();
    if let Some((production, twin)) =
        pair.prod.images().first().zip(pair.debug.as_ref().and_then(|set| set.images().first()))
    {
        let added: u64 = total(twin).saturating_sub(total(production));
        lines.push(format!(
            "The twin differs by one layer ({}, busybox below /.scratchdbg), the end of its PATH, and its labels.",
            size(added)
        ));
    }
    if let Some(image) = pair.prod.images().first() {
        let image = name(&pair.prod, image);
        let archive = outputs.iter().find_map(|output| match output {
            Output::Archive(path) => Some(path.display().to_string()),
            Output::Engine | Output::Stdout => None,
        });
        if let (false, Some(archive)) = (outputs.contains(&Output::Engine), archive) {
            lines.push(format!("Next: docker load -i {archive}"));
        } else {
            lines.push(format!(
                "Next: docker run -d --name app --read-only --cap-drop ALL --security-opt no-new-privileges {image}"
            ));
            lines.push("      scratchdbg attach app".to_owned());
        }
    }
    lines
}

fn name(set: &ImageSet, image: &Image) -> String {
    set.tags()
        .first()
        .map_or_else(|| image.config_document().digest().short(), scratchdbg_image::TaggedReference::familiar)
}

fn total(image: &Image) -> u64 {
    image.layers().iter().map(scratchdbg_image::Layer::size).sum()
}

/// Bytes for people, in the decimal units that Docker prints.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut scale = 1000;
    while unit + 1 < UNITS.len() && bytes >= scale * 1000 {
        unit += 1;
        scale *= 1000;
    }
    let tenths = bytes / (scale / 10);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_decimal() {
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_949_000, "1.9 MB"), (5_000_000_000_000_000, "5000.0 TB")]
        {
            assert_eq!(super::size(bytes), text);
        }
    }
}
