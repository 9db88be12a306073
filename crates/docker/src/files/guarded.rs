//! Determines whether a container's processes can choose the groups of a session inside it.
//!
//! The runtime looks the groups of an exec up in the container's files. The launcher checks them,
//! but a process that took over a keeper which waits for sessions could have its own program
//! started in the launcher's place, with groups that the process does not have.

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

/// The size of a header in a tar archive.
const HEADER: usize = 512;

impl Engine {
    /// Returns whether no process of the container can choose groups that it does not have itself.
    /// `user` is the container's own user.
    pub(crate) async fn guards_groups(&self, target: &Target, user: NumericUser) -> bool {
        match group_choice(target, user, true, self.is_podman()) {
            GroupChoice::NoGain => true,
            GroupChoice::Possible | GroupChoice::InPlace(_) => false,
            // It may be possible to write what is mounted in another place.
            GroupChoice::ByFiles if mounted(&target.reach.mounts).is_some() => false,
            GroupChoice::ByFiles => {
                let Ok(container) = target.id.parse::<ContainerName>() else { return false };
                let [root, etc, passwd, group] =
                    GUARDED.map(|path| self.is_guarded(&container, path));
                let (root, etc, passwd, group) = tokio::join!(root, etc, passwd, group);
                root && etc && passwd && group
            }
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
