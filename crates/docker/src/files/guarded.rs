//! Determines whether a container's processes can choose the groups of a session inside it.
//!
//! The runtime looks the groups of an exec up in the container's files. The launcher checks them,
//! but a process that took over a keeper which waits for sessions could have its own program
//! started in the launcher's place, with groups that the process does not have.

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::StreamExt as _;
use hyper::Method;

use super::percent_encode;
use crate::plan::{GroupChoice, group_choice};
use crate::transport::full;
use crate::user::{NumericUser, mounted};
use crate::{ContainerName, Engine, Target};

/// What has to be root's, and writable for nobody else: the files, and the directories in which
/// they could be replaced.
const GUARDED: [&str; 4] = ["/", "/etc", "/etc/passwd", "/etc/group"];

/// What must not be a link for a read-only root to keep the files as they are: the files, and where
/// the runtime mounts something in every container.
const OF_RUNTIME: [&str; 9] = [
    "/etc",
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/dev",
    "/proc",
    "/sys",
];

/// The most paths that are looked at.
const MOST_PATHS: usize = 64;

/// The size of a header in a tar archive.
const HEADER: usize = 512;

impl Engine {
    /// Returns whether no process of the container can choose groups that it does not have itself.
    /// `user` is the container's own user.
    pub(crate) async fn guards_groups(&self, target: &Target, user: NumericUser) -> bool {
        match group_choice(target, user, true, self.is_podman()) {
            GroupChoice::NoGain => true,
            GroupChoice::OverFiles(_) => false,
            GroupChoice::Possible | GroupChoice::InPlace(_) => self.fixes_user_files(target).await,
            GroupChoice::ByFiles | GroupChoice::InPlaceByFiles(_) => {
                self.fixes_user_files(target).await
                    || Box::pin(self.guards_user_files(target)).await
            }
        }
    }

    /// Returns by which means a process of the container could run its own program in the place of
    /// a session, with groups that it does not have. `None` if it cannot.
    pub(crate) async fn taken_place(
        &self,
        target: &Target,
        user: NumericUser,
        is_own: bool,
    ) -> Option<String> {
        match group_choice(target, user, is_own, self.is_podman()) {
            GroupChoice::NoGain | GroupChoice::Possible | GroupChoice::ByFiles => None,
            GroupChoice::OverFiles(means) => Some(means),
            GroupChoice::InPlace(means) => (!self.fixes_user_files(target).await).then_some(means),
            GroupChoice::InPlaceByFiles(means) => {
                let cannot_write = self.fixes_user_files(target).await
                    || Box::pin(self.guards_user_files(target)).await;
                (!cannot_write).then(|| format!("{means}, and write /etc/passwd or /etc/group"))
            }
        }
    }

    /// Returns whether only root may write the files in which users and groups are looked up.
    async fn guards_user_files(&self, target: &Target) -> bool {
        // It may be possible to write what is mounted in another place.
        if mounted(target).is_some() {
            return false;
        }
        let Ok(container) = target.id.parse::<ContainerName>() else { return false };
        let [root, etc, passwd, group] = GUARDED.map(|path| self.is_guarded(&container, path));
        let (root, etc, passwd, group) = tokio::join!(root, etc, passwd, group);
        root && etc && passwd && group
    }

    /// Returns whether nobody can write the files in which users and groups are looked up: the root
    /// is read-only, the files are in it, and nothing is mounted over them, by way of no link.
    async fn fixes_user_files(&self, target: &Target) -> bool {
        // Podman's archives follow links.
        if !target.read_only_root || self.is_podman() || mounted(target).is_some() {
            return false;
        }
        let Ok(container) = target.id.parse::<ContainerName>() else { return false };
        let mut paths: BTreeSet<String> = OF_RUNTIME.iter().map(ToString::to_string).collect();
        for place in target.mount_points() {
            let above = Path::new(&place).ancestors().filter(|path| *path != Path::new("/"));
            paths.extend(above.map(|path| path.to_string_lossy().into_owned()));
        }
        if paths.len() > MOST_PATHS {
            return false;
        }
        let looks = paths.iter().map(|path| self.is_in_place(&container, path));
        futures_util::future::join_all(looks).await.into_iter().all(|is_in_place| is_in_place)
    }

    /// Whether a path is no link: a file or a directory, or not there.
    async fn is_in_place(&self, container: &ContainerName, path: &str) -> bool {
        match self.first_header(container, path).await {
            Ok(Some(header)) => header.entry_type().is_file() || header.entry_type().is_dir(),
            Ok(None) => false,
            Err(error) => error.is_status(404),
        }
    }

    /// Whether only root may write the file or directory. It is so for a file that does not exist.
    async fn is_guarded(&self, container: &ContainerName, path: &str) -> bool {
        match self.first_header(container, path).await {
            Ok(Some(header)) => is_guarded(&header),
            Ok(None) => false,
            Err(error) => error.is_status(404) && path != "/" && path != "/etc",
        }
    }

    /// Returns the first header of the engine's archive of a path, and reads no further.
    async fn first_header(
        &self,
        container: &ContainerName,
        path: &str,
    ) -> Result<Option<tar::Header>, crate::Error> {
        let query = format!("/containers/{container}/archive?path={}", percent_encode(path));
        let mut pieces =
            self.transport.stream(self.transport.request(Method::GET, &query, full(""))?).await?;
        let mut bytes = Vec::new();
        while bytes.len() < HEADER {
            let Some(piece) = pieces.next().await else { return Ok(None) };
            bytes.extend_from_slice(&piece?);
        }
        let mut header = tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(&bytes[..HEADER]);
        Ok(Some(header))
    }
}

fn is_guarded(header: &tar::Header) -> bool {
    const OTHERS_WRITE: u32 = 0o022;
    let kind = header.entry_type();
    let is_roots = matches!((header.uid(), header.gid()), (Ok(0), Ok(_)));
    (kind.is_file() || kind.is_dir())
        && is_roots
        && header.mode().is_ok_and(|mode| mode & OTHERS_WRITE == 0)
}

#[cfg(test)]
mod tests {
    use tar::EntryType;

    use super::is_guarded;

    #[test]
    fn what_others_may_write_is_not_guarded() {
        for (kind, uid, mode, expected) in [
            (EntryType::Regular, 0, 0o644, true),
            (EntryType::Directory, 0, 0o755, true),
            (EntryType::Regular, 1000, 0o644, false),
            (EntryType::Regular, 0, 0o664, false),
            (EntryType::Directory, 0, 0o1777, false),
            (EntryType::Symlink, 0, 0o777, false),
            (EntryType::Symlink, 0, 0o644, false),
            (EntryType::Fifo, 0, 0o600, false),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_uid(uid);
            header.set_gid(50);
            header.set_mode(mode);
            assert_eq!(is_guarded(&header), expected, "{kind:?} {uid} {mode:o}");
        }
        assert!(!is_guarded(&tar::Header::new_old()), "an empty header");
    }
}
