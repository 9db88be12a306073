//! The summary of a build, as text and as JSON.

use std::io;

use scratchdbg_builder::Pair;
use scratchdbg_builder::provision::Decision;
use scratchdbg_console::printer::Printer;
use scratchdbg_format::size;
use scratchdbg_image::{Image, ImageSet, Layer, TaggedReference};
use scratchdbg_registry::{PushReport, Pushed};
use serde_json::{Value, json};

use super::{Built, Output};

/// Returns the summary as `{prod, debug, outputs[], findings[], provision[], pushed[]}`.
pub(super) fn json(built: &Built, outputs: &[String]) -> Value {
    json!({
        "prod": set_json(&built.pair.prod),
        "debug": built.pair.debug.as_ref().map(set_json),
        "outputs": outputs,
        "findings": built.findings,
        "provision": built.decisions,
        "pushed": built.pushed.iter().flat_map(|report| &report.pushed).map(pushed_json).collect::<Vec<_>>(),
    })
}

pub(super) fn pushed_json(pushed: &Pushed) -> Value {
    json!({
        "reference": pushed.reference.familiar(),
        "digest": pushed.digest.to_string(),
        "media_type": pushed.media_type,
    })
}

/// Returns the first image with its names, and all images under `platforms`.
pub(super) fn set_json(set: &ImageSet) -> Value {
    let tags: Vec<_> = set.tags().iter().map(TaggedReference::familiar).collect();
    let platforms: Vec<Value> = set.images().iter().map(image_json).collect();
    let mut json = platforms.first().cloned().unwrap_or_default();
    json["tags"] = json!(tags);
    json["platforms"] = Value::Array(platforms);
    json
}

fn image_json(image: &Image) -> Value {
    let layer = |layer: &Layer| {
        json!({
            "digest": layer.digest().to_string(),
            "diff_id": layer.diff_id().to_string(),
            "size": layer.size(),
            "media_type": layer.media_type().as_str(),
        })
    };
    json!({
        "image_id": image.config_document().digest().to_string(),
        "manifest": image.manifest().digest().to_string(),
        "platform": image.platform().to_string(),
        "layers": image.layers().iter().map(layer).collect::<Vec<_>>(),
    })
}

/// Prints both images, their differences, and the next commands: on standard error if standard
/// output is the archive.
pub(super) fn print(built: &Built, outputs: &[Output], printer: Printer) -> io::Result<()> {
    if printer.is_quiet() {
        // As in `docker build --quiet`, only the data that a script needs is printed.
        let images = built.pair.prod.images().iter().filter(|_| !outputs.contains(&Output::Stdout));
        return images
            .map(|image| image.config_document().digest().to_string())
            .try_for_each(|id| printer.line(&id));
    }
    let mut text = plan(&built.decisions);
    text.extend(images(&built.pair));
    text.extend(built.pushed.iter().flat_map(pushed));
    text.extend(next(&built.pair, outputs));
    if outputs.contains(&Output::Stdout) {
        printer.note_lines(&text);
        return Ok(());
    }
    text.iter().try_for_each(|line| printer.line(line))
}

/// Returns which files were added for the program, which were not, and why.
fn plan(decisions: &[Decision]) -> Vec<String> {
    let line = |decision: &Decision| {
        let word = if decision.added { "added" } else { "left out" };
        format!("{word:8}  {:8}  {}", decision.need.to_string(), decision.reason)
    };
    decisions.iter().map(line).collect()
}

/// Returns a line for each image, and what the twin adds.
fn images(pair: &Pair) -> Vec<String> {
    let sets: Vec<(&str, &ImageSet)> = std::iter::once(("production", &pair.prod))
        .chain(pair.debug.iter().map(|set| ("debug twin", set)))
        .collect();
    let row = |role: &str, set: &ImageSet, image: &Image| {
        let id = image.config_document().digest().short();
        [role.to_owned(), name(set, image), image.platform().to_string(), size(total(image)), id]
    };
    let rows: Vec<[String; 5]> = sets
        .iter()
        .flat_map(|(role, set)| set.images().iter().map(|image| row(role, set, image)))
        .collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let (roles, names, platforms, sizes) = (width(0), width(1), width(2), width(3));
    let mut lines: Vec<String> = rows
        .iter()
        .map(|[role, name, platform, size, id]| {
            format!("{role:roles$}  {name:names$}  {platform:platforms$}  {size:>sizes$}  {id}")
        })
        .collect();
    if let Some((production, twin)) =
        pair.prod.images().first().zip(pair.debug.as_ref().and_then(|set| set.images().first()))
    {
        let added = total(twin).saturating_sub(total(production));
        lines.push(format!(
            "The twin differs by one layer ({}, busybox below /.scratchdbg), the end of its PATH, and its labels.",
            size(added)
        ));
    }
    lines
}

/// Returns what the registries have after the push, and how many bytes were sent.
pub(super) fn pushed(report: &PushReport) -> Vec<String> {
    let name =
        |pushed: &Pushed| format!("pushed  {}  {}", pushed.reference.familiar(), pushed.digest);
    let blobs =
        |count: usize| if count == 1 { "1 blob".to_owned() } else { format!("{count} blobs") };
    let mut how = vec![format!("{} sent ({})", blobs(report.sent), size(report.sent_bytes))];
    if report.present > 0 {
        how.push(format!("{} there already", report.present));
    }
    if report.mounted > 0 {
        how.push(format!("{} taken over from another repository", report.mounted));
    }
    report.pushed.iter().map(name).chain([how.join(", ")]).collect()
}

/// Returns the next commands, depending on where the images are.
fn next(pair: &Pair, outputs: &[Output]) -> Vec<String> {
    let Some(image) = pair.prod.images().first() else { return Vec::new() };
    let image = name(&pair.prod, image);
    let repository =
        pair.prod.tags().first().map(|tag| tag.repository().to_owned()).unwrap_or_default();
    let container = repository.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("app");
    if outputs.contains(&Output::Engine) {
        return vec![
            format!(
                "Next: docker run -d --name {container} --read-only --cap-drop ALL --security-opt no-new-privileges {image}"
            ),
            format!("      scratchdbg attach {container}"),
        ];
    }
    let command = outputs.iter().find_map(|output| match output {
        Output::Archive(path) => Some(format!("docker load -i {}", path.display())),
        Output::Layout(path) => pair.prod.tags().first().map(|tag| {
            format!(
                "skopeo copy oci:{}:{} docker-daemon:{}",
                path.display(),
                tag.tag(),
                tag.familiar()
            )
        }),
        Output::Registry => {
            pair.prod.tags().first().map(|tag| format!("docker pull {}", tag.familiar()))
        }
        Output::Engine | Output::Stdout => None,
    });
    command.map(|command| format!("Next: {command}")).into_iter().collect()
}

/// Returns the line for one image.
pub(super) fn line(role: &str, set: &ImageSet, image: &Image) -> String {
    let id = image.config_document().digest().short();
    format!("{role}  {}  {}  {}  {id}", name(set, image), image.platform(), size(total(image)))
}

fn name(set: &ImageSet, image: &Image) -> String {
    set.tags()
        .first()
        .map_or_else(|| image.config_document().digest().short(), TaggedReference::familiar)
}

fn total(image: &Image) -> u64 {
    image.layers().iter().map(Layer::size).sum()
}
