//! Opens regular files of this machine without blocking, and reads them up to a limit.
//!
//! A path chosen by a user may lead to anything: a named pipe without a writer, an endless device,
//! a folder, a file of many gigabytes. This crate returns the content of a regular file, or one
//! error that names what is at the path instead. A network file system may still hang, so
//! asynchronous code must call this on a thread for blocking work.

mod replace;

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, SeekFrom};
use rustix::io::Errno;

pub use self::replace::{replace, replaceable};

/// How long another process may take to release a lease on the file. The kernel breaks the lease
/// after 45 seconds (`/proc/sys/fs/lease-break-time`).
const LEASE: Duration = Duration::from_mins(1);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Why an existing file is not read. It is the inner error of an [`io::Error`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The path leads to a directory, named pipe, socket or device.
    #[error("it is {kind}, not a regular file")]
    NotRegular {
        /// Its kind, with an article.
        kind: &'static str,
    },
    /// The file exceeds the limit.
    #[error("it is larger than {}", size(*limit))]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
}

/// Returns a hint for a file that cannot be read.
pub fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "check the path: it is looked for from the current folder",
        io::ErrorKind::PermissionDenied => "check the permissions: `ls -l` shows the owner",
        io::ErrorKind::FileTooLarge => "no such file is as large: check the path",
        io::ErrorKind::InvalidData => "check the path, and what is in the file",
        _ => "give a regular file",
    }
}

/// Opens the regular file at `path` for reading, following links. Never blocks on a pipe. Anything
/// but a regular file is an error that contains [`Refused`].
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    // Check before opening, because opening alone has an effect on some devices.
    regular(&fs::metadata(path)?)?;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let start = Instant::now();
    let file = loop {
        match File::options().read(true).custom_flags(flags).open(path) {
            // For a regular file, this means that another process holds a lease.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && start.elapsed() < LEASE => {
                thread::sleep(PAUSE);
            }
            opened => break opened?,
        }
    };
    // The path may lead to something else by now.
    let metadata = file.metadata()?;
    regular(&metadata)?;
    Ok((file, metadata))
}

/// Reads the regular file at `path`. A file larger than `limit` bytes is an error that contains
/// [`Refused`].
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, metadata) = open(path)?;
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, Refused::TooLarge { limit });
    if metadata.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // The file may grow, and some file systems report no sizes.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

/// Like [`read`], for a file that must be UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|error| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is not UTF-8: {}", error.utf8_error()),
        )
    })
}

/// Reads an open file from its current position, and replaces each hole by one zero byte: a sparse
/// file may be larger than all disks and contain almost nothing. Up to the offset `exact`, the file
/// is read unchanged.
pub fn without_holes(file: File, exact: u64) -> impl Read {
    Dense { file, position: None, end: exact }
}

/// Reads the data of a file, extent by extent.
struct Dense {
    file: File,
    /// The current position; unknown before the first read.
    position: Option<u64>,
    /// The end of the current extent.
    end: u64,
}

impl Dense {
    /// Returns the bounds of the next extent, or `None` after the last. On a file system without
    /// support for holes, the whole file is one extent.
    fn next(&self, position: u64) -> io::Result<Option<(u64, u64)>> {
        let begin = match rustix::fs::seek(&self.file, SeekFrom::Data(position)) {
            Ok(begin) => begin,
            Err(Errno::NXIO) => return Ok(None),
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some((position, u64::MAX))),
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(&self.file, SeekFrom::Hole(begin))?;
        rustix::fs::seek(&self.file, SeekFrom::Start(begin))?;
        Ok(Some((begin, end.max(begin.saturating_add(1)))))
    }
}

impl Read for Dense {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut position = match self.position {
            Some(position) => position,
            None => rustix::fs::seek(&self.file, SeekFrom::Current(0))?,
        };
        if position >= self.end {
            let Some((begin, end)) = self.next(position)? else { return Ok(0) };
            self.end = end;
            if begin > position {
                self.position = Some(begin);
                buffer[0] = 0;
                return Ok(1);
            }
        }
        let rest = usize::try_from(self.end - position).unwrap_or(usize::MAX);
        let length = buffer.len().min(rest);
        let read = self.file.read(&mut buffer[..length])?;
        position += read as u64;
        self.position = Some(position);
        Ok(read)
    }
}

/// The kind of a file that is not regular: "a directory", "a named pipe", "a socket" or "a device".
pub fn kind(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_symlink() {
        Some("a symbolic link")
    } else {
        Some("a device")
    }
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    match kind(metadata) {
        None => Ok(()),
        Some(kind) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, Refused::NotRegular { kind }))
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        mib if mib > 0 && mib % (1 << 20) == 0 => format!("{} MiB", mib >> 20),
        kib if kib > 0 && kib % (1 << 10) == 0 => format!("{} KiB", kib >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_is_no_regular_file_is_said_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        let around = folder.path().join("around");
        std::os::unix::fs::symlink("around", &around).unwrap();
        for (path, reason) in [
            (folder.path(), "it is a directory, not a regular file"),
            (&pipe, "it is a named pipe, not a regular file"),
            (&socket, "it is a socket, not a regular file"),
            (Path::new("/dev/zero"), "it is a device, not a regular file"),
            (&link, "it is a device, not a regular file"),
            (&around, "symbolic link"),
            (&folder.path().join("none"), "No such file"),
        ] {
            for error in [open(path).unwrap_err(), read(path, 9).unwrap_err()] {
                assert!(error.to_string().contains(reason), "{}: {error}", path.display());
            }
        }
        assert_eq!(open(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn holes_are_passed_over() {
        use std::io::{Seek as _, Write as _};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"begin").unwrap();
        file.seek(io::SeekFrom::Start(100 << 30)).unwrap();
        file.write_all(b"middle").unwrap();
        file.set_len(1 << 40).unwrap();
        let read = |from: u64, exact: u64| {
            let mut file = File::open(&path).unwrap();
            file.seek(io::SeekFrom::Start(from)).unwrap();
            let mut bytes = Vec::new();
            without_holes(file, exact).read_to_end(&mut bytes).unwrap();
            bytes
        };
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', " ");
        let all = words(&read(0, 0));
        assert_eq!(all.split_whitespace().collect::<Vec<_>>(), ["begin", "middle"]);
        assert!(all.len() < 1 << 20, "{}", all.len());
        assert!(read(0, 1 << 20).len() >= 1 << 20, "exact up to there");
        assert_eq!(words(&read(50 << 30, 0)).trim(), "middle");
        assert_eq!(words(&read(1 << 39, 0)).trim(), "");
        fs::write(&path, "").unwrap();
        assert!(read(0, 9).is_empty());
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read_text(&path, 6).unwrap(), "12345");
        assert_eq!(read(&path, 4).unwrap_err().to_string(), "it is larger than 4 bytes");
        fs::write(&path, b"\xff").unwrap();
        assert!(read_text(&path, 5).unwrap_err().to_string().contains("not UTF-8"));
        // A sparse file of 10 GB is recognized as too large without reading it.
        File::create(&path).unwrap().set_len(10 << 30).unwrap();
        assert_eq!(read(&path, 1 << 20).unwrap_err().to_string(), "it is larger than 1 MiB");
        // A file of procfs reports no size, but has content.
        assert_eq!(
            read(Path::new("/proc/self/maps"), 16).unwrap_err().to_string(),
            "it is larger than 16 bytes"
        );
    }
}
