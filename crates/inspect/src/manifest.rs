//! Checks a Kubernetes manifest against the images that it names.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use scratchdbg_backend::ErrorKind;
use scratchdbg_diagnose::Finding;
use scratchdbg_diagnose::rules::template::{self, TemplateImage};
use scratchdbg_diagnose::template::{ContainerTemplate, PodTemplate};
use scratchdbg_manifest::Manifest;

use crate::blocking::blocking;
use crate::open::{OpenImage, open, open_of_platform};
use crate::{Error, ImageLocation, Report, Sources, stored};

/// Checks the pods of a manifest. Each image is taken from the platform if that has it, else from
/// its registry.
pub(crate) async fn check(
    subject: String,
    path: &Path,
    sources: &impl Sources,
) -> Result<Report, Error> {
    let file = path.to_owned();
    let manifest = blocking(move || {
        let text = scratchdbg_files::read_text(&file, scratchdbg_manifest::LARGEST);
        let text = text.map_err(|source| Error::File { path: file.clone(), source })?;
        Ok(scratchdbg_manifest::read(&text))
    })
    .await?;
    let Manifest { templates, problems } = manifest;
    if templates.is_empty() && problems.is_empty() {
        return Err(Error::NoPods { path: path.to_owned() });
    }
    let mut findings: Vec<Finding> = Vec::new();
    for problem in &problems {
        findings.push(template::invalid(&subject, problem.line, &problem.what, &problem.fix));
    }
    let mut images: BTreeMap<String, Result<Arc<OpenImage>, String>> = BTreeMap::new();
    let mut images_of = Registries::default();
    for pod in templates.iter().map(|pod| Arc::new(pod.clone())) {
        for index in 0..pod.containers.len() {
            let container = &pod.containers[index];
            findings.extend(template::check_settings(&subject, &pod, container));
            let Some(image) = &container.image else { continue };
            if !images.contains_key(&image.value) {
                let opened = images_of.open(&image.value, sources).await;
                images.insert(image.value.clone(), opened.map(Arc::new));
            }
            let of_image = match &images[&image.value] {
                Ok(opened) => {
                    let (opened, pod, path) =
                        (Arc::clone(opened), Arc::clone(&pod), subject.clone());
                    let checked = blocking(move || {
                        check_images(&path, &pod, &pod.containers[index], &opened)
                    })
                    .await;
                    checked.map_err(|error| error.to_string())
                }
                Err(why) => Err(why.clone()),
            };
            match of_image {
                Ok(more) => findings.extend(more),
                Err(why) => findings.push(template::image_not_read(
                    &subject,
                    image.line,
                    &image.value,
                    &why,
                )),
            }
        }
    }
    // An image for several platforms, or one in several containers, has the same problems again.
    let mut said: Vec<Finding> = Vec::new();
    for finding in findings {
        if !said.contains(&finding) {
            said.push(finding);
        }
    }
    let line = |finding: &Finding| finding.location.as_ref().map_or(0, |location| location.line);
    said.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), line(finding)));
    Ok(Report { subject, findings: said })
}

/// The registries that do not answer, with what was found.
#[derive(Default)]
struct Registries {
    silent: BTreeMap<String, String>,
}

impl Registries {
    /// Opens an image of the platform, or of its registry if the platform is not there or does not
    /// have it. A registry that does not answer is asked once.
    async fn open(&mut self, name: &str, sources: &impl Sources) -> Result<OpenImage, String> {
        if let Ok(platform) = sources.platform().await
            && let Ok(opened) = open_of_platform(name, platform).await
        {
            return Ok(opened.trusted());
        }
        let registry = registry_of(name);
        if let Some(why) = self.silent.get(registry) {
            return Err(why.clone());
        }
        open(ImageLocation::Registry(name.to_owned()), sources).await.map_err(|error| {
            let why = error.to_string();
            if let Error::Backend(error) = error
                && error.kind == ErrorKind::Unreachable
            {
                self.silent.insert(registry.to_owned(), why.clone());
            }
            why
        })
    }
}

/// Returns the registry in an image's name, or nothing for the default one.
fn registry_of(name: &str) -> &str {
    let first = name.split_once('/').map_or("", |(first, _)| first);
    if first == "localhost" || first.contains(['.', ':']) { first } else { "" }
}

/// Checks a container against its image, on each platform of the image. Blocking.
fn check_images(
    path: &str,
    pod: &PodTemplate,
    container: &ContainerTemplate,
    opened: &OpenImage,
) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for image in opened.images()? {
        let facts =
            stored::read(&opened.source, &image, |config| template::applied(container, config));
        let mut facts = match facts.map_err(|error| opened.explain(error))? {
            Ok(facts) => facts,
            // No engine loads this image.
            Err(broken) => {
                return Ok(vec![
                    broken.at(path, container.image.as_ref().map_or(0, |image| image.line)),
                ]);
            }
        };
        template::hide_mounts(container, &mut facts.rootfs);
        let image = TemplateImage {
            config: &facts.config,
            rootfs: &facts.rootfs,
            mentions: facts.mentions.as_ref(),
        };
        findings.extend(template::check_image(path, pod, container, image));
    }
    Ok(findings)
}
