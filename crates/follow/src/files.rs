//! A snapshot of a container's log files: rotated and compressed files first, the current file
//! last.

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

pub(crate) use self::read::{CHUNK, ReadProgress};

/// How many times to reopen the files if they are rotated while being opened.
const MAX_ATTEMPTS: usize = 5;

/// The files, oldest first.
#[derive(Debug)]
pub(crate) struct LogFiles {
    /// The path of the current file.
    pub(crate) path: PathBuf,
    pub(crate) format: FileFormat,
    files: VecDeque<(PathBuf, LogFile)>,
    /// The number of bytes read.
    read: u64,
    /// The offset of each opened file in the concatenation of all files.
    begins: Vec<(u64, PathBuf)>,
}

#[derive(Debug)]
enum LogFile {
    /// With the number of bytes left to read. Data that is written later is left to the next pass.
    Plain { file: File, left: u64 },
    /// gzip, as Docker compresses rotated files.
    Packed(Box<MultiGzDecoder<BufReader<File>>>),
}

impl LogFiles {
    /// Opens the files. The error tells why they cannot be read.
    pub(crate) fn open(stored: &Result<StoredFiles, String>) -> Result<Self, String> {
        let StoredFiles { path, format } = stored.as_ref().map_err(Clone::clone)?;
        Self::of(path, *format).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Opens all files of a log, from the newest to the oldest, so that a rotation in between makes
    /// a file appear twice rather than not at all. In that case, opens them again.
    pub(crate) fn of(path: &Path, format: FileFormat) -> io::Result<Self> {
        for _ in 0..MAX_ATTEMPTS {
            let (newest, _) = scratchdbg_files::open(path)?;
            let mut opened = vec![(newest, false)];
            while let Some(older) = open_rotated(path, opened.len())? {
                opened.push(older);
            }
            let facts =
                opened.iter().map(|(file, _)| file.metadata()).collect::<io::Result<Vec<_>>>()?;
            let is_regular = facts.iter().all(Metadata::is_file);
            let unmoved = std::fs::metadata(path)?.ino() == facts[0].ino();
            let mut inodes: Vec<u64> = facts.iter().map(Metadata::ino).collect();
            inodes.sort_unstable();
            inodes.dedup();
            if is_regular && unmoved && inodes.len() == opened.len() {
                let files = opened.into_iter().zip(facts).enumerate().rev().map(
                    |(index, ((file, is_packed), facts))| {
                        if is_packed {
                            let file = MultiGzDecoder::new(BufReader::new(file));
                            (packed(rotated(path, index)), LogFile::Packed(Box::new(file)))
                        } else {
                            let path =
                                if index == 0 { path.to_owned() } else { rotated(path, index) };
                            (path, LogFile::Plain { file, left: facts.len() })
                        }
                    },
                );
                let files = files.collect();
                return Ok(Self {
                    path: path.to_owned(),
                    format,
                    files,
                    read: 0,
                    begins: Vec::new(),
                });
            }
        }
        Err(io::Error::other("it is rotated faster than it can be opened"))
    }

    /// The number of files.
    pub(crate) fn count(&self) -> usize {
        self.files.len()
    }

    /// Whether the current file is empty or ends with a newline.
    pub(crate) fn ends_with_newline(&self) -> io::Result<bool> {
        let Some((_, LogFile::Plain { file, left })) = self.files.back() else { return Ok(true) };
        let mut last = [b'\n'];
        if let Some(at) = left.checked_sub(1) {
            file.read_exact_at(&mut last, at)?;
        }
        Ok(last == [b'\n'])
    }

    /// The total size of the files on disk.
    pub(crate) fn len(&self) -> u64 {
        self.files.iter().map(|(_, file)| file.len()).sum()
    }

    /// Returns the files, oldest first, or `None` if one of them is compressed.
    pub(crate) fn into_plain(self) -> Option<Vec<File>> {
        let plain = self.files.into_iter().map(|file| match file {
            (_, LogFile::Plain { file, .. }) => Some(file),
            (_, LogFile::Packed(_)) => None,
        });
        plain.collect()
    }

    /// Fills the buffer with the next data, up to the sizes that the files had when they were
    /// opened. Returns `None` at the end. A file that has become shorter is an error.
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
                // The file may grow.
                return Ok(None);
            }
            self.files.pop_front();
        }
        Ok(None)
    }

    /// After an error: skips the current file if it is compressed, and so must be damaged. Returns
    /// its path.
    pub(crate) fn skip_damaged(&mut self) -> Option<PathBuf> {
        let (path, _) = self.files.pop_front_if(|(_, file)| matches!(file, LogFile::Packed(_)))?;
        Some(path)
    }

    /// After the end: continues with data that was written to the current file since it was opened.
    pub(crate) fn read_on(&mut self) -> io::Result<()> {
        if let Some((_, LogFile::Plain { file, left })) = self.files.back_mut() {
            *left = file.metadata()?.len().saturating_sub(io::Seek::stream_position(file)?);
        }
        Ok(())
    }

    /// Returns the file that contains this offset of the concatenation, and the offset in that
    /// file.
    pub(crate) fn place(&self, at: u64) -> Option<(&Path, u64)> {
        let (begin, path) = self.begins.iter().rfind(|(begin, _)| *begin <= at)?;
        Some((path, at - begin))
    }
}

impl LogFile {
    fn len(&self) -> u64 {
        match self {
            Self::Plain { left, .. } => *left,
            Self::Packed(file) => {
                file.get_ref().get_ref().metadata().map_or(0, |facts| facts.len())
            }
        }
    }
}

/// Opens the rotated file with this number. Returns whether it is compressed. While Docker
/// compresses a file, both versions exist, and the uncompressed one is complete.
fn open_rotated(path: &Path, index: usize) -> io::Result<Option<(File, bool)>> {
    let plain = rotated(path, index);
    if let Some(file) = open_if_there(&plain)? {
        return Ok(Some((file, false)));
    }
    Ok(open_if_there(&packed(plain))?.map(|file| (file, true)))
}

/// The path of a rotated file after compression.
fn packed(path: PathBuf) -> PathBuf {
    let mut name = path.into_os_string();
    name.push(".gz");
    name.into()
}

/// The path of a file after this many rotations.
pub(crate) fn rotated(path: &Path, index: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{index}"));
    name.into()
}

pub(crate) fn open_if_there(path: &Path) -> io::Result<Option<File>> {
    match scratchdbg_files::open(path) {
        Ok((file, _)) => Ok(Some(file)),
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
        for (name, text) in
            [("x-json.log", "new"), ("x-json.log.1", "older,"), ("x-json.log.2", "oldest,")]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        // A file that is being compressed must not appear twice.
        std::fs::write(folder.path().join("x-json.log.1.gz"), &packed("older,")[..12]).unwrap();
        std::fs::write(folder.path().join("x-json.log.3.gz"), packed("packed,")).unwrap();
        let mut files = LogFiles::of(&path, FileFormat::JsonFile).unwrap();
        assert_eq!(files.count(), 4);
        // Data that is written later is left to the next pass.
        std::fs::write(&path, "newer").unwrap();
        assert_eq!(read_all(&mut files).unwrap(), "packed,oldest,older,new");
        files.read_on().unwrap();
        assert_eq!(read_all(&mut files).unwrap(), "er");
        for (at, name, place) in
            [(6, "x-json.log.3.gz", 6), (7, "x-json.log.2", 0), (20, "x-json.log", 0)]
        {
            assert_eq!(files.place(at), Some((&*folder.path().join(name), place)));
        }
        assert!(LogFiles::of(&path, FileFormat::JsonFile).unwrap().into_plain().is_none());
    }

    #[test]
    fn a_pipe_in_the_place_of_a_log_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-json.log");
        let pipe = |path: &Path| {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0)
                .unwrap();
        };
        pipe(&path);
        let error = LogFiles::of(&path, FileFormat::JsonFile).unwrap_err();
        assert!(error.to_string().contains("named pipe"), "{error}");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "new").unwrap();
        pipe(&rotated(&path, 1));
        LogFiles::of(&path, FileFormat::JsonFile).unwrap_err();
    }

    #[test]
    fn a_packed_file_that_is_not_whole_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("container.log");
        std::fs::write(&path, "new").unwrap();
        let whole = packed("older");
        std::fs::write(folder.path().join("container.log.1.gz"), &whole[..whole.len() - 3])
            .unwrap();
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
