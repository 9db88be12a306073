//! A container's log files as they were at one time: rotated ones, and packed ones, before the one that is written.

pub(crate) mod follow;
mod read;

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use scratchdbg_backend::StoredFiles;
use scratchdbg_logs::file::FileFormat;

pub(crate) use self::read::{CHUNK, Taken};

/// They are opened anew so often where they are rotated meanwhile.
const TRIES: usize = 5;

/// The files, oldest first.
#[derive(Debug)]
pub(crate) struct LogFiles {
    /// The one that is written.
    pub(crate) path: PathBuf,
    pub(crate) format: FileFormat,
    files: VecDeque<(PathBuf, LogFile)>,
    /// How many bytes were read.
    read: u64,
    /// Where each file that was begun has its first byte, counted over all.
    begins: Vec<(u64, PathBuf)>,
}

#[derive(Debug)]
enum LogFile {
    /// With the length that is still to be read: what is written from now on is left to the next look.
    Plain { file: File, left: u64 },
    /// gzip, as Docker packs what it has rotated.
    Packed(Box<MultiGzDecoder<BufReader<File>>>),
}

impl LogFiles {
    /// Opens them, or tells why they cannot be read.
    pub(crate) fn open(stored: &Result<StoredFiles, String>) -> Result<Self, String> {
        let StoredFiles { path, format } = stored.as_ref().map_err(Clone::clone)?;
        Self::of(path, *format).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// All files of one log. They are opened from the newest to the oldest, so that one that is rotated meanwhile is
    /// seen twice rather than missed; then it is done over.
    pub(crate) fn of(path: &Path, format: FileFormat) -> io::Result<Self> {
        for _ in 0..TRIES {
            let newest = File::open(path)?;
            let mut opened = vec![(newest, false)];
            while let Some(older) = open_rotated(path, opened.len())? {
                opened.push(older);
            }
            let facts = opened.iter().map(|(file, _)| file.metadata()).collect::<io::Result<Vec<_>>>()?;
            let is_regular = facts.iter().all(Metadata::is_file);
            let unmoved = std::fs::metadata(path)?.ino() == facts[0].ino();
            let mut inodes: Vec<u64> = facts.iter().map(Metadata::ino).collect();
            inodes.sort_unstable();
            inodes.dedup();
            if is_regular && unmoved && inodes.len() == opened.len() {
                let files =
                    opened.into_iter().zip(facts).enumerate().rev().map(|(index, ((file, is_packed), facts))| {
                        if is_packed {
                            let file = MultiGzDecoder::new(BufReader::new(file));
                            (packed(rotated(path, index)), LogFile::Packed(Box::new(file)))
                        } else {
                            let path = if index == 0 { path.to_owned() } else { rotated(path, index) };
                            (path, LogFile::Plain { file, left: facts.len() })
                        }
                    });
                let files = files.collect();
                return Ok(Self { path: path.to_owned(), format, files, read: 0, begins: Vec::new() });
            }
        }
        Err(io::Error::other("it is rotated faster than it can be opened"))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.files.len()
    }

    /// Whether the newest file, which is not packed, ends with a newline, or is empty.
    pub(crate) fn ends_with_newline(&self) -> io::Result<bool> {
        let Some((_, LogFile::Plain { file, left })) = self.files.back() else { return Ok(true) };
        let mut last = [b'\n'];
        if let Some(at) = left.checked_sub(1) {
            file.read_exact_at(&mut last, at)?;
        }
        Ok(last == [b'\n'])
    }

    /// How long they are, as they are kept.
    pub(crate) fn len(&self) -> u64 {
        self.files.iter().map(|(_, file)| file.len()).sum()
    }

    /// The files themselves, oldest first. Nothing when one of them is packed.
    pub(crate) fn into_plain(self) -> Option<Vec<File>> {
        let plain = self.files.into_iter().map(|file| match file {
            (_, LogFile::Plain { file, .. }) => Some(file),
            (_, LogFile::Packed(_)) => None,
        });
        plain.collect()
    }

    /// Fills the buffer with what comes next, up to the length that the files had when they were opened. `None` at the
    /// end; an error also when a file has become shorter meanwhile.
    pub(crate) fn read<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        while let Some((path, file)) = self.files.front_mut() {
            if self.begins.last().is_none_or(|(_, last)| last != path) {
                self.begins.push((self.read, path.clone()));
            }
            let count = match file {
                LogFile::Plain { left: 0, .. } => 0,
                LogFile::Plain { file, left } => {
                    let most = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    let count = file.read(&mut buffer[..most])?;
                    if count == 0 {
                        let reason = "it was rotated away while it was read";
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
                    }
                    *left -= count as u64;
                    count
                }
                LogFile::Packed(file) => file.read(buffer)?,
            };
            if count > 0 {
                self.read += count as u64;
                return Ok(Some(&buffer[..count]));
            }
            if self.files.len() == 1 {
                // It may grow.
                return Ok(None);
            }
            self.files.pop_front();
        }
        Ok(None)
    }

    /// After an error: gives up the file where it was packed, and so cannot be anything but damaged. Its name.
    pub(crate) fn skip_damaged(&mut self) -> Option<PathBuf> {
        let (path, _) = self.files.pop_front_if(|(_, file)| matches!(file, LogFile::Packed(_)))?;
        Some(path)
    }

    /// After the end: what was written into the newest file since it was opened is to be read too.
    pub(crate) fn read_on(&mut self) -> io::Result<()> {
        if let Some((_, LogFile::Plain { file, left })) = self.files.back_mut() {
            *left = file.metadata()?.len().saturating_sub(io::Seek::stream_position(file)?);
        }
        Ok(())
    }

    /// The file that has the byte of this place, counted over all, and its place there.
    pub(crate) fn place(&self, at: u64) -> Option<(&Path, u64)> {
        let (begin, path) = self.begins.iter().rfind(|(begin, _)| *begin <= at)?;
        Some((path, at - begin))
    }
}

impl LogFile {
    fn len(&self) -> u64 {
        match self {
            Self::Plain { left, .. } => *left,
            Self::Packed(file) => file.get_ref().get_ref().metadata().map_or(0, |facts| facts.len()),
        }
    }
}

/// The rotated file of this number, and whether it is packed. While Docker packs one, both are there, and the plain one is
/// whole.
fn open_rotated(path: &Path, index: usize) -> io::Result<Option<(File, bool)>> {
    let plain = rotated(path, index);
    if let Some(file) = open_if_there(&plain)? {
        return Ok(Some((file, false)));
    }
    Ok(open_if_there(&packed(plain))?.map(|file| (file, true)))
}

/// Where a rotated file goes when it is packed.
fn packed(path: PathBuf) -> PathBuf {
    let mut name = path.into_os_string();
    name.push(".gz");
    name.into()
}

/// Where a file goes when it is rotated, so many times.
pub(crate) fn rotated(path: &Path, index: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{index}"));
    name.into()
}

pub(crate) fn open_if_there(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read_all(files: &mut LogFiles) -> io::Result<String> {
        let (mut all, mut buffer) = (Vec::new(), [0; 4]);
        while let Some(bytes) = files.read(&mut buffer)? {
            all.extend_from_slice(bytes);
        }
        Ok(String::from_utf8(all).unwrap())
    }

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn rotated_files_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-json.log");
        for (name, text) in [("x-json.log", "new"), ("x-json.log.1", "older,"), ("x-json.log.2", "oldest,")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        // One that is packed while it is looked at: it is not there twice.
        std::fs::write(folder.path().join("x-json.log.1.gz"), &packed("older,")[..12]).unwrap();
        std::fs::write(folder.path().join("x-json.log.3.gz"), packed("packed,")).unwrap();
        let mut files = LogFiles::of(&path, FileFormat::JsonFile).unwrap();
        assert_eq!(files.count(), 4);
        // What is written from now on is left to the next look.
        std::fs::write(&path, "newer").unwrap();
        assert_eq!(read_all(&mut files).unwrap(), "packed,oldest,older,new");
        files.read_on().unwrap();
        assert_eq!(read_all(&mut files).unwrap(), "er");
        for (at, name, place) in [(6, "x-json.log.3.gz", 6), (7, "x-json.log.2", 0), (20, "x-json.log", 0)] {
            assert_eq!(files.place(at), Some((&*folder.path().join(name), place)));
        }
        assert!(LogFiles::of(&path, FileFormat::JsonFile).unwrap().into_plain().is_none());
    }

    #[test]
    fn a_packed_file_that_is_not_whole_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("container.log");
        std::fs::write(&path, "new").unwrap();
        let whole = packed("older");
        std::fs::write(folder.path().join("container.log.1.gz"), &whole[..whole.len() - 3]).unwrap();
        let mut files = LogFiles::of(&path, FileFormat::Local).unwrap();
        assert!(read_all(&mut files).is_err());
        assert_eq!(files.skip_damaged(), Some(folder.path().join("container.log.1.gz")));
        assert_eq!(read_all(&mut files).unwrap(), "new");
        assert_eq!(files.skip_damaged(), None);
    }

    #[test]
    fn a_file_that_shrinks_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-json.log");
        std::fs::write(&path, "text").unwrap();
        let mut files = LogFiles::of(&path, FileFormat::JsonFile).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(files.read(&mut [0; 4]).is_err());
        assert!(LogFiles::of(&folder.path().join("none"), FileFormat::JsonFile).is_err());
    }
}
