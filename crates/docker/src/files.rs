//! Reads small files of a container with the engine's archive API, which needs no shell and works
//! on stopped containers.

mod blocking;
mod guarded;

use std::io::Read as _;
use std::time::Duration;

use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::transport::full;
use crate::user::{self, NumericUser, ResolvedUser, UserError};
use crate::{ContainerName, Engine, Error, Target};

/// The most bytes of a file that are read.
const MAX_FILE: u64 = 1 << 20;

/// How long the engine may take to read a file in which users are looked up. If the target replaced
/// the file with a pipe, the engine would wait forever.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// How many symbolic links are followed. The engine itself resolves all components but the last.
const MAX_LINKS: usize = 8;

impl Engine {
    /// Reads the files in which users are looked up from a container, empty where there is none.
    pub(crate) async fn read_user_files(
        &self,
        container: &ContainerName,
    ) -> Result<[String; 2], Error> {
        self.expect_no_blocking_file(container).await?;
        let [passwd, group] = user::FILES.map(|path| self.read_through_links(container, path));
        let (passwd, group) = tokio::try_join!(passwd, group)?;
        Ok([passwd, group].map(Option::unwrap_or_default))
    }

    /// Reads a small text file of a container. Returns `None` if it does not exist or is not a
    /// file.
    async fn read_through_links(
        &self,
        container: &ContainerName,
        path: &str,
    ) -> Result<Option<String>, Error> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            match self.read_entry(container, &path).await? {
                Some(Entry::File(text)) => return Ok(Some(text)),
                Some(Entry::Link(target)) if target.starts_with('/') => path = target,
                Some(Entry::Link(target)) => {
                    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    path = format!("{folder}/{target}");
                }
                Some(Entry::Other) | None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Returns the entry at a path of a container, if there is one. A symbolic link is not
    /// followed.
    async fn read_entry(
        &self,
        container: &ContainerName,
        path: &str,
    ) -> Result<Option<Entry>, Error> {
        let query = format!("/containers/{container}/archive?path={}", percent_encode(path));
        let request = self.transport.request(Method::GET, &query, full(""))?;
        match self.transport.fetch(request).await {
            Ok(archive) => {
                first_entry(&archive).map(Some).map_err(|error| Error::transport(&query, error))
            }
            Err(error) if error.is_status(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Unpacks a tar archive into a directory of a container that has not been started.
    pub(crate) async fn unpack(
        &self,
        container: &ContainerName,
        folder: &str,
        archive: &[u8],
    ) -> Result<(), Error> {
        let path = format!("/containers/{container}/archive?path={}", percent_encode(folder));
        let body = full(archive.to_vec());
        let mut request = self.transport.request(Method::PUT, &path, body)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        self.transport.fetch(request).await.map(drop)
    }

    /// Resolves the user of a process that is started in the target as `user`. `None` stands for
    /// the target's own user.
    ///
    /// Files that the target may have changed are not believed: the target could have chosen the
    /// ids, or replaced a file with a pipe, on which an engine waits. The target's own user is the
    /// one in the files of its image. A name that the caller chose has to mean the same in both.
    pub(crate) async fn resolve_user(
        &self,
        target: &Target,
        user: Option<&str>,
    ) -> Result<Result<ResolvedUser, UserError>, Error> {
        let is_own = user.is_none();
        let user = user.unwrap_or(&target.user);
        let added = &target.added_groups;
        let named_group = added.iter().find(|group| group.parse::<u32>().is_err());
        if !user::needs_files(user) && named_group.is_none() {
            return Ok(user::resolve_for_exec(user, "", "", added));
        }
        let changed = |path| match named_group {
            Some(group) => UserError::ChangedGroups { group: group.clone() },
            None => UserError::Changed { user: user.to_owned(), path },
        };
        let mounted = user::mounted(target);
        if let Some(path) = mounted.filter(|_| !is_own || named_group.is_some()) {
            return Ok(Err(changed(path)));
        }
        let [passwd, group] = match self.user_files_of_image(&target.image_id).await {
            Err(error) if error.is_status(404) => {
                return Ok(Err(UserError::NoImage { user: user.to_owned() }));
            }
            files => files?,
        };
        if !is_own && let Some(path) = self.changed_user_file(target, [&passwd, &group]).await? {
            return Ok(Err(changed(path)));
        }
        let resolved = match user::resolve_for_exec(user, &passwd, &group, added) {
            Ok(resolved) => resolved,
            // The name may be in the mounted file.
            Err(error) => return Ok(Err(mounted.map_or(error, changed))),
        };
        // The engine looked the user up in the mounted file. What it found is known of the process.
        if let Some(path) = mounted
            && !user::is_plainly_root(user)
            && self.first_process(target).await != Some(resolved.numeric)
        {
            return Ok(Err(changed(path)));
        }
        // Podman looks the target's own user up by its name, and the container's files are asked.
        if is_own
            && self.is_podman()
            && let Some([passwd, group]) = self.user_files_of_container(target).await?
            && user::resolve(user, &passwd, &group) != Ok(resolved.numeric)
        {
            return Ok(Err(changed(user::FILES[0])));
        }
        // The engine adds the groups of a user without a group, as the container's files have them.
        if is_own
            && resolved.needs_engine()
            && self.changed_user_file(target, [&passwd, &group]).await?.is_some()
        {
            let groups = added.iter().filter_map(|group| group.parse().ok()).collect();
            return Ok(Ok(ResolvedUser::by_numbers(resolved.numeric, groups)));
        }
        Ok(Ok(resolved))
    }

    /// Returns the file for users that differs from that of the image. The engine lists changes,
    /// but finds them by sizes and times in seconds, so the contents are compared, too.
    async fn changed_user_file(
        &self,
        target: &Target,
        of_image: [&str; 2],
    ) -> Result<Option<&'static str>, Error> {
        if target.id.is_empty() {
            return Ok(None);
        }
        let changes = self.changes(&target.id.parse()?).await?;
        if let Some(path) = user::changed(&changes, self.is_podman()) {
            return Ok(Some(path));
        }
        let Some(files) = self.user_files_of_container(target).await? else { return Ok(None) };
        let mut pairs = user::FILES.into_iter().zip(files.iter().zip(of_image));
        Ok(pairs.find(|(_, (found, expected))| found != expected).map(|(path, _)| path))
    }

    /// Returns the ids of a running target's first process, if the engine reports them.
    async fn first_process(&self, target: &Target) -> Option<NumericUser> {
        // Podman runs the container's own `ps`.
        if target.pid == 0 || !target.state.has_processes() || self.is_podman() {
            return None;
        }
        let top =
            self.ask(&format!("/containers/{}/top?ps_args=-eo%20pid,uid,gid", target.id)).await?;
        user::first_process(&top, target.pid)
    }

    /// Reads the files in which users are looked up from the target itself. Returns `None` for an
    /// image, and where reading them has effects.
    async fn user_files_of_container(&self, target: &Target) -> Result<Option<[String; 2]>, Error> {
        // For this request, Docker mounts the volumes of a stopped container and creates missing
        // directories on its host.
        let shares_folders = target.reach.mounts.iter().any(|mount| mount.kind == "bind");
        if target.id.is_empty() || (shares_folders && !target.state.has_processes()) {
            return Ok(None);
        }
        let container = target.id.parse()?;
        let read = tokio::time::timeout(LOOKUP_TIMEOUT, self.read_user_files(&container)).await;
        read.unwrap_or_else(|_| Err(Error::transport("/etc/passwd", "the engine does not read it")))
            .map(Some)
    }
}

enum Entry {
    File(String),
    Link(String),
    Other,
}

/// Returns the first entry of the engine's tar archive of a path.
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

/// Characters that are not escaped in a query: the unreserved characters of RFC 3986, section 2.3,
/// and slashes.
const QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Percent-encodes text for a query.
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
