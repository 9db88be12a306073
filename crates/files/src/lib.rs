//! Regular files of this machine, opened without waiting and read up to a limit.
//!
//! A path that a user names may lead to anything: a named pipe that nobody writes to, a device without an end, a folder, a
//! file of many gigabytes. Whoever wants a file's content asks here, and gets it, or one error that says what is there
//! instead. A network file system may still hang: asynchronous code calls this on a thread for blocking work.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

/// How long another process may take to give a lease on the file back: the kernel takes it away after 45 seconds
/// (`/proc/sys/fs/lease-break-time`).
const LEASE: Duration = Duration::from_mins(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Why something that is there is not read. It comes as the inner error of an [`io::Error`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is a directory, named pipe, socket or device.
    #[error("it is {kind}, not a regular file")]
    NotRegular {
        /// What it is, with its article.
        kind: &'static str,
    },
    /// It has more bytes than anybody wants of it.
    #[error("it is larger than {}", size(*limit))]
    TooLarge {
        /// The most that is read, in bytes.
        limit: u64,
    },
}

/// What the user can do about a file that cannot be read, in one line.
pub fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "check the path: it is looked for from the current folder",
        io::ErrorKind::PermissionDenied => "you may not read it: `ls -l` shows whose it is",
        io::ErrorKind::FileTooLarge => "no such file is as large: check the path",
        io::ErrorKind::InvalidData => "check the path, and what is in the file",
        _ => "give a regular file",
    }
}

/// Opens the regular file at `path`, links followed, to read it. Never waits for somebody to write; anything but a regular
/// file is an error that holds [`Refused`].
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    // Opening alone has an effect on some devices: they are not touched.
    regular(&fs::metadata(path)?)?;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let start = Instant::now();
    let file = loop {
        match File::options().read(true).custom_flags(flags).open(path) {
            // Of a regular file, this means that another process has a lease on it.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && start.elapsed() < LEASE => thread::sleep(PAUSE),
            opened => break opened?,
        }
    };
    // What is at the path may be another thing by now.
    let metadata = file.metadata()?;
    regular(&metadata)?;
    Ok((file, metadata))
}

/// The whole content of the regular file at `path`. One with more than `limit` bytes is an error that holds [`Refused`].
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, metadata) = open(path)?;
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, Refused::TooLarge { limit });
    if metadata.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // It may grow, and some file systems tell no sizes.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

/// The same as text, which has to be UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("it is not UTF-8: {}", error.utf8_error())))
}

/// What is there, where it is no regular file: "a directory", "a named pipe", "a socket" or "a device".
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
        Some(kind) => Err(io::Error::new(io::ErrorKind::InvalidInput, Refused::NotRegular { kind })),
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
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
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
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read_text(&path, 6).unwrap(), "12345");
        assert_eq!(read(&path, 4).unwrap_err().to_string(), "it is larger than 4 bytes");
        fs::write(&path, b"\xff").unwrap();
        assert!(read_text(&path, 5).unwrap_err().to_string().contains("not UTF-8"));
        // A sparse file of 10 GB is not read to its end to learn that it is too large.
        File::create(&path).unwrap().set_len(10 << 30).unwrap();
        assert_eq!(read(&path, 1 << 20).unwrap_err().to_string(), "it is larger than 1 MiB");
        // A file of procfs has no size, and content all the same.
        assert_eq!(read(Path::new("/proc/self/maps"), 16).unwrap_err().to_string(), "it is larger than 16 bytes");
    }
}
