//! Reads small files of a container with the engine's archive API, which needs no shell and works
//! on stopped containers.

mod blocking;

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
    /// Reads a small text file of a container. Returns `None` if it does not exist or is not a
    /// file.
    pub async fn read_file(&self, container: &ContainerName, path: &str) -> Result<Option<String>, Error> {
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
    async fn read_entry(&self, container: &ContainerName, path: &str) -> Result<Option<Entry>, Error> {
        self.expect_no_blocking_file(container).await?;
        let query = format!("/containers/{container}/archive?path={}", percent_encode(path));
        let request = self.transport.request(Method::GET, &query, full(""))?;
        match self.transport.fetch(request).await {
            Ok(archive) => first_entry(&archive).map(Some).map_err(|error| Error::transport(&query, error)),
            Err(error) if error.is_status(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Unpacks a tar archive into a directory of a container that has not been started.
    pub(crate) async fn unpack(&self, container: &ContainerName, folder: &str, archive: &[u8]) -> Result<(), Error> {
        let path = format!("/containers/{container}/archive?path={}", percent_encode(folder));
        let body = full(archive.to_vec());
        let mut request = self.transport.request(Method::PUT, &path, body)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        self.transport.fetch(request).await.map(drop)
    }

    /// Resolves the user of a process that is started in the target as `user`. `None` stands for
    /// the target's own user. `is_inside` states that the process starts in the running target
    /// itself.
    ///
    /// Files that the target may have changed are not even read: the target could have chosen the
    /// ids, or replaced a file with a pipe, on which an engine waits. The target's own user is then
    /// the user of its first process.
    ///
    /// An engine compares sizes and times, in seconds, to find changed files, so a change can be
    /// hidden. Inside the target, the launcher compares the target's own user with its first
    /// process. In all other cases, the files are compared with those of the image.
    pub(crate) async fn resolve_user(
        &self,
        target: &Target,
        user: Option<&str>,
        is_inside: bool,
    ) -> Result<Result<ResolvedUser, UserError>, Error> {
        let is_own = user.is_none();
        let user = user.unwrap_or(&target.user);
        let is_fixed = target.has_fixed_files();
        let named_group = target.added_groups.iter().find(|group| group.parse::<u32>().is_err() && !is_fixed);
        if !user::needs_files(user) && named_group.is_none() {
            return Ok(user::resolve_for_exec(user, "", "", &target.added_groups, is_fixed));
        }
        // Those that have a name are looked up in a file.
        let added = || target.added_groups.iter().filter_map(|group| group.parse().ok()).collect();
        let changed = if is_fixed { None } else { self.changed_user_file(target).await? };
        let doubt = match changed {
            Some(path) => Doubt::Changed(path),
            None => {
                let [passwd, group] = user::FILES.map(|path| self.file_of_target(target, path, is_fixed));
                match tokio::try_join!(passwd, group)? {
                    (Some(passwd), Some(group)) => {
                        let resolve = || user::resolve_for_exec(user, &passwd, &group, &target.added_groups, is_fixed);
                        if is_fixed {
                            return Ok(resolve());
                        }
                        if is_own && is_inside && (user::is_plainly_root(user) || !user::is_root(user)) {
                            return Ok(resolve().map(|resolved| resolved.like_first_process(user, added())));
                        }
                        match self.differs_from_image(target, [&passwd, &group]).await? {
                            Some(doubt) => doubt,
                            None => return Ok(resolve()),
                        }
                    }
                    // A link may lead to a file that the target may change.
                    (None, _) => Doubt::Changed(user::FILES[0]),
                    (_, None) => Doubt::Changed(user::FILES[1]),
                }
            }
        };
        if let Some(group) = named_group {
            return Ok(Err(UserError::ChangedGroups { group: group.clone() }));
        }
        if user::is_plainly_root(user) {
            return Ok(Ok(ResolvedUser::by_numbers(NumericUser::ROOT, added())));
        }
        let first = if is_own { self.first_process(target).await } else { None };
        let resolved = first.filter(|&first| user::agrees(user, first));
        let resolved = resolved.map(|first| ResolvedUser::by_numbers(first, added()));
        let user = user.to_owned();
        Ok(resolved.ok_or(match doubt {
            Doubt::Changed(path) => UserError::Changed { user, path },
            Doubt::NoImage => UserError::NoImage { user },
        }))
    }

    /// Returns the file for users that the target changed or could have changed. Returns `None` for
    /// an image.
    async fn changed_user_file(&self, target: &Target) -> Result<Option<&'static str>, Error> {
        if target.id.is_empty() {
            return Ok(None);
        }
        let changes = self.changes(&target.id.parse()?).await?;
        Ok(user::changed(&changes, &target.reach.mounts))
    }

    /// Returns the file for users whose contents differ from those in the target's image.
    async fn differs_from_image(&self, target: &Target, contents: [&str; 2]) -> Result<Option<Doubt>, Error> {
        if target.id.is_empty() {
            return Ok(None);
        }
        let of_image = match self.files_of_image(&target.image_id, &user::FILES).await {
            Err(error) if error.is_status(404) => return Ok(Some(Doubt::NoImage)),
            read => read?,
        };
        let text = |bytes: &Option<Vec<u8>>| String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
        let mut pairs = user::FILES.into_iter().zip(&of_image).zip(contents);
        let other = pairs.find(|((_, bytes), content)| text(bytes) != *content);
        Ok(other.map(|((path, _), _)| Doubt::Changed(path)))
    }

    /// Returns the ids of a running target's first process, if the engine reports them.
    async fn first_process(&self, target: &Target) -> Option<NumericUser> {
        // Podman runs the container's own `ps`.
        if target.pid == 0 || !target.state.has_processes() || self.is_podman() {
            return None;
        }
        let top = self.ask(&format!("/containers/{}/top?ps_args=-eo%20pid,uid,gid", target.id)).await?;
        user::first_process(&top, target.pid)
    }

    /// Returns a text file of a container or an image, empty if the file does not exist. Returns
    /// `None` if the path is a symbolic link that is not to be followed.
    async fn file_of_target(&self, target: &Target, path: &str, follow: bool) -> Result<Option<String>, Error> {
        // For this request, Docker mounts the volumes of a stopped container and creates missing
        // directories on its host.
        let shares_folders = target.reach.mounts.iter().any(|mount| mount.kind == "bind");
        if target.id.is_empty() || (shares_folders && !target.state.has_processes()) {
            let file = self.file_of_image(&target.image_id, path).await?.unwrap_or_default();
            return Ok(Some(String::from_utf8_lossy(&file).into_owned()));
        }
        let container = target.id.parse()?;
        if follow {
            return Ok(Some(self.read_file(&container, path).await?.unwrap_or_default()));
        }
        let read = tokio::time::timeout(LOOKUP_TIMEOUT, self.read_entry(&container, path));
        let entry = read.await.unwrap_or_else(|_| Err(Error::transport(path, "the engine does not read it")))?;
        Ok(match entry {
            Some(Entry::File(text)) => Some(text),
            Some(Entry::Link(_)) => None,
            Some(Entry::Other) | None => Some(String::new()),
        })
    }
}

/// Why the files in which users are looked up are not believed.
enum Doubt {
    /// The target changed this one, or could have.
    Changed(&'static str),
    /// They cannot be compared with those of the image, which is gone.
    NoImage,
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
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

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
