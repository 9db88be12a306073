//! Images in the engine: checks for one, loads one, and reads a single file from one.

mod load;
mod tools;

use std::io;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfigLogConfig, ImageInspect, ImageSummary};
use bollard::query_parameters::RemoveImageOptionsBuilder;
use hyper::Method;

use crate::containers::unprivileged;
use crate::transport::{Kind, full};
use crate::{ContainerName, Engine, Error, Target, labels, ours};

/// How often to retry listing images if the engine fails while images are being removed.
const LIST_ATTEMPTS: u32 = 10;

/// The largest file that is read from an image. A program of a static toolkit has a few megabytes.
const MAX_PROGRAM: u64 = 64 << 20;

impl Engine {
    /// Reports whether the engine has, by this reference, the toolkit image with exactly this layer
    /// and no further settings. A name proves nothing: the author of an archive chooses the names
    /// of its images.
    pub async fn has_toolkit(&self, reference: &str, layer: &str) -> Result<bool, Error> {
        let Some(told) = self.raw_image(reference).await? else { return Ok(false) };
        // Use the raw response: a setting that only a later engine has counts too.
        if !ours::is_toolkits_config(&told["Config"]) {
            return Ok(false);
        }
        let image = read_image(told)?;
        let layers =
            image.root_fs.as_ref().and_then(|root| root.layers.as_deref()).unwrap_or_default();
        Ok(layers == [layer] && ours::is_toolkit(&image))
    }

    /// Returns an image as a target: like a container that was never created. Returns `None` if the
    /// engine has no such image.
    pub async fn inspect_image(&self, reference: &str) -> Result<Option<Target>, Error> {
        Ok(self.image_facts(reference).await?.map(|answer| Target::from_image(reference, answer)))
    }

    /// Returns the engine's description of an image, or `None` if there is no such image.
    pub(crate) async fn image_facts(&self, reference: &str) -> Result<Option<ImageInspect>, Error> {
        self.raw_image(reference).await?.map(read_image).transpose()
    }

    /// Like [`image_facts`](Self::image_facts), as raw JSON.
    pub(crate) async fn raw_image(
        &self,
        reference: &str,
    ) -> Result<Option<serde_json::Value>, Error> {
        if !is_image_reference(reference) {
            return Ok(None);
        }
        let path = format!("/images/{}/json", crate::files::percent_encode(reference));
        let answer = match self
            .transport
            .fetch(self.transport.request(Method::GET, &path, full(""))?)
            .await
        {
            Ok(answer) => answer,
            Err(error) if error.is_status(404) || error.is_invalid_reference() => return Ok(None),
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&answer).map(Some).map_err(|error| Error::transport(&path, error))
    }

    /// Lists the images that have a label, or all.
    pub(crate) async fn list_images(
        &self,
        label: Option<&str>,
    ) -> Result<Vec<ImageSummary>, Error> {
        let filters = match label {
            Some(label) => serde_json::json!({ "label": [label] }),
            None => serde_json::json!({}),
        };
        let path =
            format!("/images/json?filters={}", crate::files::percent_encode(&filters.to_string()));
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.transport.fetch(self.transport.request(Method::GET, &path, full(""))?).await
            {
                // Docker 28 with the containerd store fails this way if an image is removed while
                // it lists them.
                Err(error) if error.is_status(404) && attempts < LIST_ATTEMPTS => {
                    tracing::debug!(%error, attempts, "the list is asked for again");
                    tokio::time::sleep(Duration::from_millis(5) * attempts).await;
                }
                answer => {
                    return serde_json::from_slice(&answer?)
                        .map_err(|error| Error::transport("list images", error));
                }
            }
        }
    }

    /// Returns references of images that may contain a busybox: scratchdbg's toolkit images, and
    /// images with that name.
    pub async fn images_with_busybox(&self) -> Result<Vec<String>, Error> {
        let images = self.list_images(None).await?;
        let holds_busybox = |reference: &String| {
            let repository =
                reference.rsplit_once(':').map_or(reference.as_str(), |(repository, _)| repository);
            repository.ends_with("busybox") || repository.ends_with("scratchdbg/toolkit")
        };
        Ok(images.into_iter().flat_map(|image| image.repo_tags).filter(holds_busybox).collect())
    }

    /// Reads one file from an image by creating a container that is never started. Returns `None`
    /// if the file does not exist.
    pub async fn file_of_image(&self, image: &str, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let container = self.create_for_files(image, &[path]).await?;
        let file = self.file_of_container(&container, path).await;
        self.remove(&container).await?;
        file
    }

    /// Reads the files in which users are looked up from an image, empty where there is none.
    pub(crate) async fn user_files_of_image(&self, image: &str) -> Result<[String; 2], Error> {
        let container = self.create_for_files(image, &crate::user::FILES).await?;
        let files = self.read_user_files(&container).await;
        self.remove(&container).await?;
        files
    }

    /// Creates a container for reading these files of an image. The container is never started.
    async fn create_for_files(&self, image: &str, paths: &[&str]) -> Result<ContainerName, Error> {
        let session = scratchdbg_backend::session_id();
        let mut host_config = unprivileged();
        host_config.log_config =
            Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None });
        host_config.auto_remove = Some(true);
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            cmd: Some(paths.iter().map(|&path| path.to_owned()).collect()),
            labels: Some(labels::labels(&session, "", ours::MODE_FILES, self.now())),
            host_config: Some(host_config),
            ..ContainerCreateBody::default()
        };
        self.create(&ours::Role::Files.name(&session), body).await
    }

    async fn file_of_container(
        &self,
        container: &ContainerName,
        path: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        let query =
            format!("/containers/{container}/archive?path={}", crate::files::percent_encode(path));
        let mut answer = match self
            .transport
            .stream(self.transport.request(Method::GET, &query, full(""))?)
            .await
        {
            Ok(answer) => answer,
            Err(error) if error.is_status(404) => return Ok(None),
            Err(error) => return Err(error),
        };
        let archive = answer.collect(usize::try_from(MAX_PROGRAM).unwrap_or(usize::MAX)).await?;
        first_file(&archive).map_err(|error| Error::transport(&query, error))
    }

    /// Removes an image's reference, and with its last reference the image. A missing image is not
    /// an error.
    pub async fn remove_image(&self, reference: &str) -> Result<(), Error> {
        // Untagged images that it was built from are not ours.
        let options = RemoveImageOptionsBuilder::default().noprune(true).build();
        match self
            .transport
            .ask(Kind::RemoveImage, self.docker.remove_image(reference, Some(options), None))
            .await
        {
            Err(error) if !error.is_status(404) => Err(error),
            _ => {
                self.transport.scope().gone(reference);
                Ok(())
            }
        }
    }
}

/// Reports whether a text can name an image: a reference, an id or a prefix of one. Other texts are
/// never requested, because they become part of the request's path, where `..` and double slashes
/// have a meaning. Whether the engine accepts the name is up to the engine.
pub fn is_image_reference(text: &str) -> bool {
    const LONGEST: usize = 4096;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:@+[]".contains(&byte);
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
            && part.bytes().all(is_allowed)
    };
    text.len() <= LONGEST && text.split('/').all(is_part)
}

fn read_image(told: serde_json::Value) -> Result<ImageInspect, Error> {
    serde_json::from_value(told).map_err(|error| Error::transport("look at an image", error))
}

/// Returns the bytes of the first entry, if it is a file.
fn first_file(archive: &[u8]) -> io::Result<Option<Vec<u8>>> {
    use std::io::Read as _;
    let mut archive = tar::Archive::new(archive);
    let Some(entry) = archive.entries()?.next() else { return Ok(None) };
    let mut entry = entry?;
    if !entry.header().entry_type().is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_lead_elsewhere_are_no_images() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let with_digest = format!("shop/app@{digest}");
        for name in [
            "app",
            "app:1",
            "shop/app:1.0-x_y",
            "host.example:5000/a/b__c:1",
            "localhost/a",
            "[::1]:5000/a",
            "0123456789ab",
            "Upper/Case",
            &digest,
            &with_digest,
        ] {
            assert!(is_image_reference(name), "{name}");
        }
        for name in [
            "",
            "/",
            "/x/y",
            "./x",
            "../x",
            "a/../b",
            "a/./b",
            "a//b",
            "a/",
            "nope/",
            ".",
            "..",
            "-x",
            "a?b",
            "a b",
            "a#b",
            "a%2e",
            "a/%2e%2e/b",
            "a\\b",
            "a\nb",
            "a/..",
            "\u{e9}",
        ] {
            assert!(!is_image_reference(name), "{name:?}");
        }
    }
}
