//! Copies files of containers by the engine's archive API, in and out.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use bollard::models::MountPoint;
use bytes::Bytes;
use futures_util::Stream;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use scratchdbg_backend::{self as backend, ArchiveBackend, BoxError, PathFacts};

use crate::files::percent_encode;
use crate::reach::volume::option;
use crate::transport::{Pieces, full};
use crate::upload::{Upload, is_closed_channel};
use crate::{ContainerName, Engine, Error};

/// The header that describes a path.
const FACTS: &str = "x-docker-container-path-stat";

/// The bits of Go's file modes for folders and for links (`io/fs`).
const GO_FOLDER: u32 = 1 << 31;
const GO_LINK: u32 = 1 << 27;

/// A tar stream of the engine.
#[derive(Debug)]
pub struct Archive(Pieces);

impl Stream for Archive {
    type Item = Result<Bytes, backend::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(context).map_err(backend::Error::from)
    }
}

fn query(container: &ContainerName, path: &str) -> String {
    format!("/containers/{container}/archive?path={}", percent_encode(path))
}

/// Whether the engine means the path and not the container, which is known by now.
fn is_absent(error: &Error) -> bool {
    error.is_status(404)
}

impl ArchiveBackend for Engine {
    type Archive = Archive;

    async fn path_facts(
        &self,
        container: &ContainerName,
        path: &str,
    ) -> Result<Option<PathFacts>, backend::Error> {
        let query = query(container, path);
        let request = self.transport.request(Method::HEAD, &query, full(""))?;
        let answer = match self.transport.send(request).await {
            Ok(answer) => answer,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let facts = answer.headers().get(FACTS).and_then(|facts| parse(facts.as_bytes()));
        let unclear = || Error::transport(&query, "the engine does not describe the path");
        Ok(Some(facts.ok_or_else(unclear)?))
    }

    async fn read_archive(
        &self,
        container: &ContainerName,
        path: &str,
    ) -> Result<Archive, backend::Error> {
        let request = self.transport.request(Method::GET, &query(container, path), full(""))?;
        Ok(Archive(self.transport.stream(request).await?))
    }

    async fn write_archive<E: Into<BoxError>>(
        &self,
        container: &ContainerName,
        folder: &str,
        produce: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
    ) -> Result<(), backend::Error> {
        let Upload { body, progress, production } = Upload::of(produce, "the archive");
        let query = format!("{}&noOverwriteDirNonDir=true", query(container, folder));
        let mut request = self.transport.request(Method::PUT, &query, body)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        let sent = self.transport.send_with(request, &progress).await;
        let produced = production.await.map_err(|error| Error::Produce(error.into()))?;
        match (sent, produced) {
            (Ok(_), Ok(())) => Ok(()),
            // The engine's reason is why nobody read the rest.
            (Err(error @ Error::Api(_)), _) => Err(error.into()),
            (_, Err(error)) if !is_closed_channel(error.as_ref()) => {
                Err(Error::Produce(error).into())
            }
            (Err(error), _) => Err(error.into()),
            (Ok(_), Err(error)) => Err(Error::Produce(error).into()),
        }
    }

    async fn sharer(
        &self,
        container: &ContainerName,
        path: &str,
    ) -> Result<Option<String>, backend::Error> {
        let inspection = self.inspect_container(container.as_str()).await?;
        let is_near = |mount: &MountPoint| {
            let place = mount.destination.as_deref().unwrap_or_default();
            is_below(path, place) || is_below(place, path)
        };
        let own: Vec<_> = inspection.mounts.unwrap_or_default();
        let own: Vec<_> = own.into_iter().filter(is_near).collect();
        if own.is_empty() {
            return Ok(None);
        }
        let mut places = Vec::new();
        for mount in &own {
            places.extend(self.places_of(mount).await?);
        }
        let running = self.list_containers(false, &[]).await?;
        for other in running.into_iter().filter(|other| other.id != inspection.id) {
            for theirs in other.mounts.iter().flatten().filter(|mount| mount.rw != Some(false)) {
                if have_common(&places, &self.places_of(theirs).await?) {
                    let name = other.names.and_then(|names| names.into_iter().next());
                    let name = name.or(other.id).unwrap_or_default();
                    return Ok(Some(name.trim_start_matches('/').to_owned()));
                }
            }
        }
        Ok(None)
    }
}

/// Whether a path is this folder or in it.
fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The name of a volume, or a folder of the engine's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
enum MountPlace {
    Volume(String),
    Folder(String),
}

impl MountPlace {
    /// Returns a folder by its name, and by the one that links lead to, if it is on this machine.
    fn folders(name: String) -> impl Iterator<Item = Self> {
        let real = std::fs::canonicalize(&name).ok();
        let real = real.and_then(|real| real.into_os_string().into_string().ok());
        [Some(name), real].into_iter().flatten().map(Self::Folder)
    }
}

impl Engine {
    /// Returns all names of what is mounted. Lists of containers have volumes by name only, and a
    /// volume may be a folder that has another name (`-o device=`).
    async fn places_of(&self, mount: &MountPoint) -> Result<Vec<MountPlace>, Error> {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut places: Vec<_> =
            text(&mount.source).into_iter().flat_map(MountPlace::folders).collect();
        if let Some(name) = text(&mount.name) {
            let volume = self.volume(&name).await?;
            let named =
                [option(&volume, "device"), volume["Mountpoint"].as_str().unwrap_or_default()];
            let named = named.into_iter().filter(|named| !named.is_empty());
            places.extend(named.map(str::to_owned).flat_map(MountPlace::folders));
            places.push(MountPlace::Volume(name));
        }
        Ok(places)
    }
}

/// Whether one of these places is one of the others, or in it.
fn have_common(own: &[MountPlace], theirs: &[MountPlace]) -> bool {
    use MountPlace::Folder;
    own.iter().any(|own| {
        theirs.iter().any(|theirs| match (own, theirs) {
            (Folder(own), Folder(theirs)) => is_below(own, theirs) || is_below(theirs, own),
            (own, theirs) => own == theirs,
        })
    })
}

/// Reads the description of a path: JSON in base 64.
fn parse(header: &[u8]) -> Option<PathFacts> {
    #[derive(serde::Deserialize)]
    struct Described {
        mode: u32,
        #[serde(rename = "linkTarget", default)]
        link: String,
    }
    let json = base64::engine::general_purpose::STANDARD.decode(header).ok()?;
    let Described { mode, link } = serde_json::from_slice(&json).ok()?;
    let is_link = mode & GO_LINK != 0;
    Some(PathFacts { is_folder: mode & GO_FOLDER != 0, link: is_link.then_some(link) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_the_same_by_name_or_place() {
        let volume = |name: &str| vec![MountPlace::Volume(name.to_owned())];
        let folder = |name: &str| MountPlace::folders(name.to_owned()).collect::<Vec<_>>();
        let at = tempfile::tempdir().unwrap();
        let (real, link) = (at.path().join("real"), at.path().join("link"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        for (own, theirs, expected) in [
            (volume("v"), volume("v"), true),
            (volume("v"), volume("w"), false),
            (volume("v"), folder("v"), false),
            (folder("/srv/data"), folder("/srv/data/conf"), true),
            (folder("/srv/data"), folder("/"), true),
            (folder("/srv/data"), folder("/srv/database"), false),
            (folder(link.to_str().unwrap()), folder(real.to_str().unwrap()), true),
            (folder("/none/x"), [volume("v"), folder("/none/x/y")].concat(), true),
        ] {
            assert_eq!(have_common(&own, &theirs), expected, "{own:?} {theirs:?}");
        }
        assert!(is_below("/data/x", "/data") && is_below("/data", "/data/") && is_below("/x", "/"));
        assert!(!is_below("/database", "/data"));
    }

    #[test]
    fn a_path_is_described_as_the_engine_does() {
        let of =
            |json: &str| parse(base64::engine::general_purpose::STANDARD.encode(json).as_bytes());
        let folder = of(r#"{"name":"etc","size":4096,"mode":2147484141,"linkTarget":""}"#);
        assert_eq!(folder, Some(PathFacts { is_folder: true, link: None }));
        let link = of(r#"{"name":"l","size":4,"mode":134218239,"linkTarget":"/bin/x"}"#);
        assert_eq!(link, Some(PathFacts { is_folder: false, link: Some("/bin/x".to_owned()) }));
        let file = of(r#"{"name":"f","size":4,"mode":420,"linkTarget":""}"#);
        assert_eq!(file, Some(PathFacts { is_folder: false, link: None }));
        assert_eq!((of("{}"), parse(b"?")), (None, None));
    }
}
