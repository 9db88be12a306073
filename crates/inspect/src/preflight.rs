//! Checks a pair that was just built, before `build` writes it anywhere.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt as _;

use scratchdbg_builder::dockerfile::Origins;
use scratchdbg_builder::{BuildSpec, Pair};
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::mentions::Mentions;
use scratchdbg_diagnose::program::Program;
use scratchdbg_diagnose::rootfs::{Entry, EntryKind, Rootfs};
use scratchdbg_diagnose::rules::image::{self, ImageFacts, layer};
use scratchdbg_diagnose::{Code, Finding, Severity};
use scratchdbg_image::{FileData, HostFile, Node};

use crate::contents::{self, FileFacts};
use crate::{Error, lines};

/// Returns the findings of the pair's production image on all its platforms, the gravest first.
/// Blocking.
pub fn preflight(spec: &BuildSpec, pair: &Pair) -> Result<Vec<Finding>, Error> {
    let mut findings: Vec<Finding> = Vec::new();
    // Images for several platforms share files, and so findings.
    let mut said = HashSet::new();
    for image in pair.prod.images() {
        let config = ConfigFacts::from_image_json(image.config_document().bytes())
            .map_err(|error| Error::Config(error.to_string()))?;
        for finding in of_config(spec, &config, Rootfs::complete(), Modes::OfTheImage)? {
            if said.insert(format!("{finding:?}")) {
                findings.push(finding);
            }
        }
    }
    Finding::sort_worst_first(&mut findings);
    Ok(findings)
}

/// Merges the findings of a Dockerfile and of its image, each at its line, the gravest first.
/// Leaves out findings that follow from a broken array.
pub fn with_those_of_the_file(
    of_file: Vec<Finding>,
    mut of_image: Vec<Finding>,
    path: &str,
    origins: &Origins,
) -> Vec<Finding> {
    lines::locate(&mut of_image, path, origins);
    let mut findings = of_file;
    lines::locate(&mut findings, path, origins);
    let broken: BTreeSet<usize> = findings
        .iter()
        .filter(|finding| {
            finding.code == Code::ExecFormInvalid && finding.severity == Severity::Error
        })
        .filter_map(|finding| finding.location.as_ref().map(|location| location.line))
        .collect();
    let is_broken = |line: Option<usize>| line.is_some_and(|line| broken.contains(&line));
    let follows = |finding: &Finding| match finding.code {
        Code::ShellForm | Code::HealthcheckNeedsShell => {
            is_broken(finding.location.as_ref().map(|location| location.line))
        }
        Code::CommandIgnored => is_broken(origins.setting("ENTRYPOINT")),
        _ => false,
    };
    findings.extend(of_image.into_iter().filter(|finding| !follows(finding)));
    Finding::sort_worst_first(&mut findings);
    findings
}

/// The modes of files whose mode nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modes {
    /// Those that `build` gives them.
    OfTheImage,
    /// Those of the files here, which Docker keeps.
    OfTheSource,
}

impl Modes {
    fn of(self, entry: &scratchdbg_image::Entry) -> u32 {
        match &entry.node {
            Node::File(FileData::Host(file)) if self == Self::OfTheSource => {
                file.source_mode().unwrap_or(entry.mode)
            }
            _ => entry.mode,
        }
    }
}

/// Returns the findings of an image that is made from `spec` and has this configuration, in no
/// order. `rootfs` holds the files that do not come from `spec`.
pub(crate) fn of_config(
    spec: &BuildSpec,
    config: &ConfigFacts,
    mut rootfs: Rootfs,
    modes: Modes,
) -> Result<Vec<Finding>, Error> {
    let program = config.arguments().first().map(ToString::to_string).unwrap_or_default();
    let mut findings = Vec::new();
    let mut mentions: Option<Mentions> = None;
    let mut host_files = HostFiles::default();
    for (path, entry) in spec.files.iter() {
        let path = format!("/{path}");
        let inserted = match &entry.node {
            Node::Directory => Entry::directory(entry.mode),
            Node::Symlink(target) => Entry::symlink(target.as_str()),
            Node::HardLink(target) => match spec.files.get(target).map(|entry| &entry.node) {
                Some(Node::File(data)) => host_files.read(&path, entry.mode, data, false)?.entry,
                _ => Entry::file(entry.mode, 0),
            },
            Node::File(data) => {
                let seen = host_files.read(&path, modes.of(entry), data, path == program)?;
                mentions = seen.mentions.or(mentions);
                findings.extend(layer::secret_content(&path, &seen.head));
                seen.entry
            }
        };
        let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
        let inserted = inserted.owned_by(id(entry.uid), id(entry.gid));
        findings.extend(layer::setuid(&path, &inserted));
        findings.extend(layer::secret_path(&path, &inserted));
        rootfs.insert(&path, inserted);
    }
    for binary in &spec.binaries {
        let Some(name) = binary.file_name() else { continue };
        let path = format!("/{}", name.to_string_lossy());
        let file = HostFile::new(binary).map_err(Error::HostFile)?;
        let seen = host_files.read(&path, 0o755, &FileData::Host(file), path == program)?;
        // `spec` may have binaries for several platforms.
        if is_for(&seen, config) {
            mentions = seen.mentions.or(mentions);
            rootfs.insert(&path, seen.entry);
        }
    }
    findings.extend(image::check(ImageFacts {
        mentions: mentions.as_ref(),
        ..ImageFacts::new(config, &rootfs)
    }));
    Ok(findings)
}

fn is_for(seen: &FileFacts, config: &ConfigFacts) -> bool {
    match (&seen.entry.kind, &config.platform) {
        (EntryKind::File { program: Some(Program::Elf(elf)), .. }, Some(wanted)) => elf
            .platform
            .as_ref()
            .is_none_or(|platform| platform.architecture == wanted.architecture),
        _ => true,
    }
}

/// A cache of the facts of host files: an image may have one file under thousands of names.
#[derive(Default)]
struct HostFiles {
    /// By device and inode. The beginning of the file is kept only if rules found a secret in it.
    seen: HashMap<(u64, u64), (Entry, Vec<u8>)>,
}

impl HostFiles {
    fn read(
        &mut self,
        path: &str,
        mode: u32,
        data: &FileData,
        search: bool,
    ) -> Result<FileFacts, Error> {
        let seen = match data {
            FileData::Bytes(bytes) => {
                contents::read(path, mode, data.size(), &mut &bytes[..], search)
            }
            FileData::Host(file) => self.read_host(path, mode, file, search),
        };
        seen.map_err(|source| Error::Content { path: path.to_owned(), source })
    }

    fn read_host(
        &mut self,
        path: &str,
        mode: u32,
        file: &HostFile,
        search: bool,
    ) -> io::Result<FileFacts> {
        let open = file.open()?;
        let metadata = open.metadata()?;
        let key = (metadata.dev(), metadata.ino());
        // Files that are kept whole are small, and read again.
        let again = if search || contents::is_kept(path) { None } else { self.seen.get(&key) };
        if let Some((entry, head)) = again {
            return Ok(FileFacts {
                entry: Entry { mode, ..entry.clone() },
                mentions: None,
                head: head.clone(),
            });
        }
        let mut data = scratchdbg_files::without_holes(open, contents::HEAD);
        let mut seen = contents::read(path, mode, file.size(), &mut data, search)?;
        seen.entry.capabilities = file.capabilities().map(Into::into);
        if !contents::is_kept(path) {
            let has_secret = layer::secret_content(path, &seen.head).is_some();
            let head = if has_secret { seen.head.clone() } else { Vec::new() };
            self.seen.insert(key, (seen.entry.clone(), head));
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scratchdbg_diagnose::Confidence;

    fn finding(code: Code, severity: Severity) -> Finding {
        let (message, evidence) = (String::new(), Vec::new());
        Finding {
            code,
            severity,
            confidence: Confidence::Certain,
            message,
            evidence,
            fix: None,
            location: None,
        }
    }

    #[test]
    fn what_follows_from_a_broken_array_is_said_once() {
        let settings = [("ENTRYPOINT".to_owned(), 3), ("CMD".to_owned(), 4)].into();
        let origins = Origins { stage: 1, settings, ..Origins::default() };
        let of_image = || {
            let mut shell_form = finding(Code::ShellForm, Severity::Warning);
            shell_form.evidence.push("ENTRYPOINT [/app]".to_owned());
            vec![
                shell_form,
                finding(Code::CommandIgnored, Severity::Warning),
                finding(Code::RunsAsRoot, Severity::Error),
            ]
        };
        let said = |of_file| {
            let findings = with_those_of_the_file(of_file, of_image(), "Dockerfile", &origins);
            assert!(findings.iter().all(|finding| finding.location.is_some()), "{findings:?}");
            findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        let broken = |severity, line| vec![finding(Code::ExecFormInvalid, severity).at("", line)];
        // The gravest first, and nothing of what follows from line 3.
        assert_eq!(said(broken(Severity::Error, 3)), [Code::ExecFormInvalid, Code::RunsAsRoot]);
        for of_file in [Vec::new(), broken(Severity::Warning, 3), broken(Severity::Error, 9)] {
            let said = said(of_file);
            assert!(
                said.contains(&Code::ShellForm) && said.contains(&Code::CommandIgnored),
                "{said:?}"
            );
        }
    }

    #[test]
    fn a_file_that_vanishes_before_it_is_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app");
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        let mut spec = BuildSpec::default();
        let file = FileData::Host(HostFile::new(&path).unwrap());
        spec.files.insert("app", scratchdbg_image::Entry::file(file, 0o755)).unwrap();
        let config = ConfigFacts { entrypoint: vec!["/app".to_owned()], ..ConfigFacts::default() };
        assert!(of_config(&spec, &config, Rootfs::complete(), Modes::OfTheImage).is_ok());
        std::fs::remove_file(&path).unwrap();
        let error = of_config(&spec, &config, Rootfs::complete(), Modes::OfTheImage).unwrap_err();
        assert!(matches!(&error, Error::Content { path, .. } if path == "/app"), "{error:?}");
        // So is a binary that is named and not there.
        let spec = BuildSpec { binaries: vec![path], ..BuildSpec::default() };
        let error = of_config(&spec, &config, Rootfs::complete(), Modes::OfTheImage).unwrap_err();
        assert!(matches!(error, Error::HostFile(_)), "{error:?}");
    }
}
