//! `cp`, on the side of the target: files as a tar stream on standard output, and back from
//! standard input.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _, stderr, stdin, stdout};
use std::os::fd::AsFd as _;
use std::path::Path;

use scratchdbg_archive::{
    Count, Error, Packing, Place, Report, Root, Unpacking, kernel_filesystems,
};

use crate::system::{self, SIGHUP, SIGINT, SIGQUIT, SIGTERM, Signals};

/// The exit code if something was left out that should be in the copy.
const INCOMPLETE: u8 = 1;

/// The exit code of a copy that failed. The last line of standard error says why.
const FAILED: u8 = 2;

/// The signals that end a copy.
const ENDS: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// The size of pieces of the stream.
const PIECE: usize = 64 << 10;

/// `[--follow] [--contents] PATH`: writes what is there to standard output.
pub(crate) fn pack(arguments: &[OsString]) -> Result<u8, String> {
    let (options, path) = options(arguments)?;
    let has = |name: &str| options.iter().any(|option| option == name);
    let how = Packing {
        follow: has("--follow"),
        root: if has("--contents") { Root::Empty } else { Root::Own },
        owner: None,
        drops_set_ids: false,
        without: kernel_filesystems(),
    };
    let out = stdout().as_fd().try_clone_to_owned().map(File::from);
    let out = out.map_err(|error| error.to_string())?;
    let mut report = Report::default();
    let packed = scratchdbg_archive::pack(
        Path::new(path),
        &how,
        BufWriter::with_capacity(PIECE, out),
        &mut |note| report.add(&note),
    );
    Ok(end(packed, report))
}

/// `[--any] [--owner] PATH`: writes standard input there.
pub(crate) fn unpack(arguments: &[OsString]) -> Result<u8, String> {
    let (options, path) = options(arguments)?;
    let has = |name: &str| options.iter().any(|option| option == name);
    let how =
        Unpacking { is_any: has("--any"), keeps_owner: has("--owner"), ..Unpacking::default() };
    let broken = |error: io::Error| error.to_string();
    let input = Input {
        file: stdin().as_fd().try_clone_to_owned().map(File::from).map_err(broken)?,
        signals: Signals::block_all().map_err(broken)?,
    };
    let mut report = Report::default();
    let unpacked = Place::find_guarded(Path::new(path)).and_then(|place| {
        let stream = io::BufReader::with_capacity(PIECE, input);
        scratchdbg_archive::unpack(stream, place, how, &mut |note| report.add(&note))
    });
    Ok(end(unpacked, report))
}

fn options(arguments: &[OsString]) -> Result<(&[OsString], &OsString), String> {
    let (path, options) = arguments.split_last().ok_or("a path is missing")?;
    Ok((options, path))
}

/// Says how a copy ended, and returns the exit code.
fn end(outcome: Result<Count, Error>, report: Report) -> u8 {
    let is_incomplete = report.has_missed();
    let mut lines = report.lines();
    let code = match outcome {
        Ok(_) if is_incomplete => INCOMPLETE,
        Ok(_) => 0,
        Err(error) => {
            lines.push(error.to_string().replace('\n', " "));
            FAILED
        }
    };
    for line in lines {
        // If standard error is closed, nothing can be done.
        let _unwritten = writeln!(stderr(), "{line}");
    }
    code
}

/// Standard input, which a signal ends too: what is half written is removed then.
struct Input {
    file: File,
    signals: Signals,
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let watched = [Some(self.signals.descriptor()), Some(self.file.as_fd())];
            let [is_signaled, is_readable] = system::wait_readable(watched, None)?;
            if is_signaled && ENDS.contains(&self.signals.next()?.number) {
                return Err(io::Error::other("it was interrupted"));
            }
            if is_readable {
                match self.file.read(buffer) {
                    // Another process has set the file so that it does not wait.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return read,
                }
            }
        }
    }
}
