//! Reads the tools of a toolkit image.

use std::io::{self, Read as _};

use hyper::Method;
use scratchdbg_backend::ImageTool;
use scratchdbg_backend::launcher::TOOLKIT_BIN;

use crate::files::percent_encode;
use crate::transport::full;
use crate::{ContainerName, Engine, Error, ours};

/// The longest archive that is read: all tools of a toolkit, and busybox.
const LONGEST: usize = 320 << 20;
/// The most entries of it.
const MOST: usize = 8192;

impl Engine {
    /// Returns the tools of an image that has the form of a toolkit image, and nothing for any other
    /// image. Whoever made the image chose their content.
    pub async fn tools_of_image(&self, image: &str) -> Result<Vec<ImageTool>, Error> {
        let told = self.raw_image(image).await?;
        if !told.is_some_and(|told| ours::is_toolkits_config(&told["Config"])) {
            return Ok(Vec::new());
        }
        let container = self.create_for_files(image, &[TOOLKIT_BIN]).await?;
        let tools = self.tools_of_container(&container).await;
        self.remove(&container).await?;
        tools
    }

    async fn tools_of_container(&self, container: &ContainerName) -> Result<Vec<ImageTool>, Error> {
        let path = percent_encode(TOOLKIT_BIN);
        let query = format!("/containers/{container}/archive?path={path}");
        let request = self.transport.request(Method::GET, &query, full(""))?;
        let mut answer = match self.transport.stream(request).await {
            Ok(answer) => answer,
            Err(error) if error.is_status(404) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let archive = answer.collect(LONGEST).await?;
        read(&archive).map_err(|error| Error::transport(&query, error))
    }
}

/// Reads the files of an archive of one folder. An engine gives one of a file's names the content,
/// and makes the others links to that name.
fn read(archive: &[u8]) -> io::Result<Vec<ImageTool>> {
    let mut tools: Vec<ImageTool> = Vec::new();
    let mut archive = tar::Archive::new(archive);
    for (count, entry) in archive.entries()?.enumerate() {
        if count == MOST {
            return Err(io::Error::other(format!("it has more than {MOST} entries")));
        }
        let mut entry = entry?;
        let header = entry.header();
        let (kind, mode) = (header.entry_type(), header.mode()?);
        let Some(name) = below(&entry.path()?) else { continue };
        if kind.is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            tools.push(ImageTool { names: vec![name], is_program: mode & 0o111 != 0, bytes });
        } else if kind.is_hard_link() {
            let leads_to = entry.link_name()?.and_then(|path| below(&path));
            let is_it = |tool: &&mut ImageTool| leads_to.as_ref() == tool.names.first();
            if let Some(tool) = tools.iter_mut().find(is_it) {
                tool.names.push(name);
            }
        }
    }
    Ok(tools)
}

/// Returns a path below the folder, whose name is the first part.
fn below(path: &std::path::Path) -> Option<String> {
    let (_folder, below) = path.to_str()?.trim_start_matches("./").split_once('/')?;
    (!below.is_empty()).then(|| below.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(archive: &mut tar::Builder<Vec<u8>>, path: &str, link: Option<&str>, mode: u32) {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        let bytes: &[u8] = if path.ends_with('/') || link.is_some() { b"" } else { b"content" };
        header.set_size(bytes.len() as u64);
        match link {
            Some(link) => {
                header.set_entry_type(tar::EntryType::Link);
                archive.append_link(&mut header, path, link).unwrap();
            }
            None => {
                if path.ends_with('/') {
                    header.set_entry_type(tar::EntryType::Directory);
                }
                archive.append_data(&mut header, path, bytes).unwrap();
            }
        }
    }

    #[test]
    fn files_have_all_their_names() {
        let mut archive = tar::Builder::new(Vec::new());
        entry(&mut archive, "bin/", None, 0o755);
        entry(&mut archive, "bin/[", None, 0o755);
        entry(&mut archive, "bin/busybox", Some("bin/["), 0o755);
        entry(&mut archive, "bin/lost", Some("bin/absent"), 0o755);
        entry(&mut archive, "bin/share/", None, 0o755);
        entry(&mut archive, "bin/share/db", None, 0o644);
        let tools = read(&archive.into_inner().unwrap()).unwrap();
        let names = tools.iter().map(|tool| (tool.names.join(" "), tool.is_program));
        let names: Vec<_> = names.collect();
        assert_eq!(names, [("[ busybox".to_owned(), true), ("share/db".to_owned(), false)]);
        assert!(tools.iter().all(|tool| tool.bytes == b"content"));
        assert_eq!(read(&[]).unwrap(), []);
        assert!(read(&[1; 600]).is_err());
    }
}
