//! Small files of a container, by the engine's archive call: works without a shell, and on stopped containers too.

use std::io::Read as _;

use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::transport::full;
use crate::user::{self, ResolvedUser, UserError};
use crate::{ContainerName, Engine, Error, Target};

/// No file that is read here is longer; a longer one is cut.
const MAX_FILE: u64 = 1 << 20;

/// How many symbolic links are followed. The engine resolves all but the last component itself.
const MAX_LINKS: usize = 8;

impl Engine {
    /// Reads a small text file of a container. Nothing when it is not there or not a file.
    pub async fn read_file(&self, container: &ContainerName, path: &str) -> Result<Option<String>, Error> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            let query = format!("/containers/{container}/archive?path={}", percent_encode(&path));
            let request = self.transport.request(Method::GET, &query, full(""))?;
            let archive = match self.transport.fetch(request).await {
                Ok(archive) => archive,
                Err(error) if error.is_status(404) => return Ok(None),
                Err(error) => return Err(error),
            };
            match first_entry(&archive).map_err(|error| Error::transport(&query, error))? {
                Entry::File(text) => return Ok(Some(text)),
                Entry::Link(target) if target.starts_with('/') => path = target,
                Entry::Link(target) => {
                    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    path = format!("{folder}/{target}");
                }
                Entry::Other => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Unpacks a tar archive into a folder of a container that is not started yet.
    pub(crate) async fn unpack(&self, container: &ContainerName, folder: &str, archive: &[u8]) -> Result<(), Error> {
        let path = format!("/containers/{container}/archive?path={}", percent_encode(folder));
        let body = full(archive.to_vec());
        let mut request = self.transport.request(Method::PUT, &path, body)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        self.transport.fetch(request).await.map(drop)
    }

    /// Who a process started in the target as `user` will be: `None` stands for the target's own user.
    pub(crate) async fn resolve_user(
        &self,
        target: &Target,
        user: Option<&str>,
    ) -> Result<Result<ResolvedUser, UserError>, Error> {
        let user = user.unwrap_or(&target.user);
        if !user::needs_files(user) {
            return Ok(user::resolve_for_exec(user, "", ""));
        }
        let (passwd, group) =
            tokio::try_join!(self.file_of_target(target, "/etc/passwd"), self.file_of_target(target, "/etc/group"))?;
        Ok(user::resolve_for_exec(user, &passwd, &group))
    }

    /// A text file of a container, or of an image; empty when it is not there.
    async fn file_of_target(&self, target: &Target, path: &str) -> Result<String, Error> {
        // For the call, Docker mounts what a container has that does not run, and makes folders on its host for what is missing.
        let shares_folders = target.reach.mounts.iter().any(|mount| mount.kind == "bind");
        if target.id.is_empty() || (shares_folders && !target.state.has_processes()) {
            let file = self.file_of_image(&target.image_id, path).await?.unwrap_or_default();
            return Ok(String::from_utf8_lossy(&file).into_owned());
        }
        Ok(self.read_file(&target.id.parse()?, path).await?.unwrap_or_default())
    }
}

enum Entry {
    File(String),
    Link(String),
    Other,
}

/// The first entry of the tar archive that the engine makes of a path.
fn first_entry(archive: &[u8]) -> std::io::Result<Entry> {
    let mut archive = tar::Archive::new(archive);
    let Some(entry) = archive.entries()?.next() else { return Ok(Entry::Other) };
    let entry = entry?;
    let kind = entry.header().entry_type();
    if kind.is_symlink() {
        let target = entry.link_name()?.map(|target| target.to_string_lossy().into_owned());
        return Ok(target.map_or(Entry::Other, Entry::Link));
    }
    if !kind.is_file() {
        return Ok(Entry::Other);
    }
    let mut bytes = Vec::new();
    entry.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(Entry::File(String::from_utf8_lossy(&bytes).into_owned()))
}

/// What stands for itself in a query: the unreserved characters of RFC 3986, section 2.3, and slashes.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Escapes what may not stand in a query.
pub(crate) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

#[cfg(test)]
mod tests {
    use super::percent_encode;

    #[test]
    fn nothing_leaves_the_query() {
        assert_eq!(percent_encode("{a=\"b&c\"}ä"), "%7Ba%3D%22b%26c%22%7D%C3%A4");
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(percent_encode("/etc/pass wd&x=ä"), "/etc/pass%20wd%26x%3D%C3%A4");
    }
}
