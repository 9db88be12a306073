//! Images in a layout or an archive.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::mentions::Mentions;
use scratchdbg_diagnose::rootfs::{Entry, EntryKind, Rootfs};
use scratchdbg_diagnose::rules::image::{self, ImageFacts, layer};
use scratchdbg_diagnose::{Finding, Platform};
use scratchdbg_image::read::{ImageSource, Member, MemberKind, ReadError, StoredImage};

use super::{Report, files};
use crate::error::{CommandError, what_to_do};

/// An image in the engine runs on that engine's machine.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Host<'a> {
    pub(super) platform: Option<&'a Platform>,
    pub(super) cpu: Option<scratchdbg_diagnose::elf::IsaLevel>,
}

pub(super) fn layout(subject: &str, folder: &Path, name: Option<&str>) -> Result<Vec<Report>, CommandError> {
    let source = ImageSource::layout(folder).map_err(|error| unreadable(&error))?;
    images(subject, &source, name, Host::default())
}

pub(super) fn archive(subject: &str, file: &Path, name: Option<&str>) -> Result<Vec<Report>, CommandError> {
    let source = ImageSource::archive(file).map_err(|error| unreadable(&error))?;
    images(subject, &source, name, Host::default())
}

/// A report for each image, named by its own name and platform where there are several.
pub(super) fn images(
    subject: &str,
    source: &ImageSource,
    name: Option<&str>,
    host: Host<'_>,
) -> Result<Vec<Report>, CommandError> {
    let images = source.find(name).map_err(|error| unreadable(&error))?;
    let several = images.len() > 1;
    let report = |image: &StoredImage| {
        let findings = check(source, image, host).map_err(|error| unreadable(&error))?;
        let subject = match image.names.first() {
            Some(name) if several => format!("{subject}: {name} ({})", image.platform()),
            None if several => format!("{subject}: {} ({})", image.config_document.digest(), image.platform()),
            _ => subject.to_owned(),
        };
        Ok(Report { subject, findings })
    };
    images.iter().map(report).collect()
}

/// What to do about an image that cannot be read.
pub(super) fn unreadable(error: &ReadError) -> CommandError {
    let hint = match error {
        ReadError::Io { source, .. } => what_to_do(source),
        ReadError::NotAnImage { .. } => "check the path: a layout is a folder, an archive a file",
        ReadError::NoSuchImage { .. } => "name one that is there",
        _ => "the image is damaged, or was tampered with: fetch or build it again",
    };
    CommandError::new(CommandError::chain(error)).hint(hint)
}

fn check(source: &ImageSource, stored: &StoredImage, host: Host<'_>) -> Result<Vec<Finding>, ReadError> {
    let config = ConfigFacts::from_image_json(stored.config_document.bytes())
        .map_err(|error| ReadError::Invalid { what: "the config".to_owned(), reason: error.to_string() })?;
    let program = config.arguments().first().map(ToString::to_string).unwrap_or_default();
    let mut walk = Walk { program: base_name(&program).to_owned(), ..Walk::default() };
    for stored_layer in &stored.layers {
        let mut current = Layer::default();
        match source.visit_layer(stored_layer, &mut |member, data| walk.member(member, data, &mut current)) {
            Ok(()) => walk.apply(current),
            // Nobody loads it: there is nothing more to say.
            Err(ReadError::DuplicatePath { path, layer }) => return Ok(vec![layer::duplicate_path(&layer, &path)]),
            Err(error) => return Err(error),
        }
    }
    let mut rootfs = Rootfs::complete();
    for (path, entry) in walk.entries {
        rootfs.insert(&path, entry);
    }
    // An image that is not for this machine at all is judged by what it declares.
    let host_platform = host.platform.filter(|host| config.platform.as_ref().is_none_or(|own| host.runs(own)));
    let mut findings = image::check(ImageFacts {
        mentions: walk.mentions.values().next(),
        host: host_platform,
        cpu: host_platform.and(host.cpu),
        ..ImageFacts::new(&config, &rootfs)
    });
    findings.extend(walk.findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(findings)
}

/// The layers, one applied on the other.
#[derive(Default)]
struct Walk {
    /// The file name of the image's program.
    program: String,
    entries: BTreeMap<String, Entry>,
    /// What the files of that name mention, by path.
    mentions: BTreeMap<String, Mentions>,
    /// Of single files, in every layer: what a later layer hides can still be read by whoever has the image.
    findings: Vec<Finding>,
}

/// One layer.
#[derive(Default)]
struct Layer {
    entries: BTreeMap<String, Entry>,
    mentions: BTreeMap<String, Mentions>,
    /// Paths that are taken away with all that is below them.
    removed: Vec<String>,
    /// Folders that are emptied.
    emptied: Vec<String>,
}

impl Walk {
    fn member(&mut self, member: &Member, data: &mut dyn Read, layer: &mut Layer) -> Result<(), ReadError> {
        let path = format!("/{}", member.path);
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        if name == ".wh..wh..opq" {
            layer.emptied.push(folder.to_owned());
            return Ok(());
        }
        if let Some(hidden) = name.strip_prefix(".wh.") {
            layer.removed.push(format!("{folder}/{hidden}"));
            return Ok(());
        }
        let entry = match &member.kind {
            MemberKind::Directory => Entry::directory(member.mode),
            MemberKind::Symlink(target) => Entry::symlink(target.as_str()),
            MemberKind::Special => Entry { kind: EntryKind::Special, ..Entry::file(member.mode, 0) },
            MemberKind::HardLink(target) => {
                let target = format!("/{}", target.trim_start_matches('/'));
                if let Some(mentions) = layer.mentions.get(&target).cloned() {
                    layer.mentions.insert(path.clone(), mentions);
                }
                let linked = layer.entries.get(&target).or_else(|| self.entries.get(&target));
                linked.cloned().unwrap_or_else(|| Entry::file(member.mode, 0))
            }
            MemberKind::File => {
                let search = name == self.program;
                let seen = files::look(&path, member.mode, member.size, data, search)
                    .map_err(|error| ReadError::Invalid { what: path.clone(), reason: error.to_string() })?;
                layer.mentions.extend(seen.mentions.map(|mentions| (path.clone(), mentions)));
                self.findings.extend(layer::secret_content(&path, &seen.head));
                seen.entry
            }
        };
        let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
        let entry =
            Entry { capabilities: member.capabilities.clone(), ..entry.owned_by(id(member.uid), id(member.gid)) };
        self.findings.extend(layer::setuid(&path, &entry));
        self.findings.extend(layer::secret_path(&path, &entry));
        layer.entries.insert(path, entry);
        Ok(())
    }

    /// Whiteouts speak of the layers below; what the layer itself holds comes after them.
    fn apply(&mut self, layer: Layer) {
        for path in &layer.removed {
            self.remove(path, true);
        }
        for folder in &layer.emptied {
            self.remove(folder, false);
        }
        for (path, entry) in layer.entries {
            if !entry.is_directory() {
                self.remove(&path, true);
            }
            self.entries.insert(path, entry);
        }
        self.mentions.extend(layer.mentions);
    }

    fn remove(&mut self, path: &str, itself: bool) {
        let below = format!("{}/", path.trim_end_matches('/'));
        let gone = |other: &str| (itself && other == path) || other.starts_with(&below);
        self.entries.retain(|other, _| !gone(other));
        self.mentions.retain(|other, _| !gone(other));
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
