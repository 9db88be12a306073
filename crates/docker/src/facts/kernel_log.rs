//! The log of this machine's kernel, for a container of an engine on this machine.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::time::{ClockId, clock_gettime};
use scratchdbg_diagnose::container::KernelLog;

const KERNEL_LOG: &str = "/dev/kmsg";
/// The longest record that the kernel hands out (`PRINTK_MESSAGE_MAX`, with room to spare).
const LONGEST_RECORD: usize = 16 << 10;
/// More records than the log has room for. A kernel that writes without end is not followed.
const MOST_RECORDS: usize = 1 << 20;

/// What the log tells of the container with the full id `id`; `None` where this user may not read it: root always may, others
/// where `kernel.dmesg_restrict` is 0.
pub(super) fn read(id: &str) -> Option<KernelLog> {
    match read_file(Path::new(KERNEL_LOG), id) {
        Ok(log) => Some(log),
        Err(error) => {
            tracing::debug!(%error, "the kernel's log cannot be read");
            None
        }
    }
}

fn read_file(path: &Path, id: &str) -> io::Result<KernelLog> {
    // Not to wait for what will be written yet.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let boot = start_of_clock();
    let mut log = KernelLog::default();
    let mut buffer = vec![0; LONGEST_RECORD];
    for _ in 0..MOST_RECORDS {
        // One record at a time.
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                log.take_in(&String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()), id, boot);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // The next record was overwritten before it was read; reading goes on with the oldest that is left.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(log)
}

/// When the log's clock was at zero, in nanoseconds since 1970: it counts from the start of the machine, and stands while the
/// machine sleeps.
fn start_of_clock() -> i64 {
    let nanoseconds = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
    };
    nanoseconds(ClockId::Realtime).saturating_sub(nanoseconds(ClockId::Monotonic))
}
