//! Reads this machine's kernel log for a container of an engine on this machine.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::time::{ClockId, clock_gettime};
use scratchdbg_diagnose::container::KernelLog;
use scratchdbg_diagnose::kernel_log::Group;

const KERNEL_LOG: &str = "/dev/kmsg";
/// The longest record that the kernel returns (`PRINTK_MESSAGE_MAX`, plus a margin).
const LONGEST_RECORD: usize = 16 << 10;
/// The most records that are read, more than the log can hold. A kernel that keeps writing is not
/// followed.
const MOST_RECORDS: usize = 1 << 20;

/// Returns what the log reports about a container, or `None` if this user may not read the log. Root may always read it, others if `kernel.dmesg_restrict` is 0.
pub(super) fn read(group: &Group) -> Option<KernelLog> {
    match read_file(Path::new(KERNEL_LOG), group) {
        Ok(log) => Some(log),
        Err(error) => {
            tracing::debug!(%error, "the kernel's log cannot be read");
            None
        }
    }
}

fn read_file(path: &Path, group: &Group) -> io::Result<KernelLog> {
    // Do not wait for records that are yet to be written.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let boot = start_of_clock();
    let mut log = KernelLog::default();
    let mut buffer = vec![0; LONGEST_RECORD];
    for _ in 0..MOST_RECORDS {
        // Each read returns one record.
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                log.add_record(
                    &String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()),
                    group,
                    boot,
                );
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // The next record was overwritten before it was read. Continue with the oldest that is
            // left.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(log)
}

/// Returns the origin of the log's clock, in nanoseconds since 1970. The clock counts from the
/// start of the machine and stops while the machine sleeps.
fn start_of_clock() -> i64 {
    let nanoseconds = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
    };
    nanoseconds(ClockId::Realtime).saturating_sub(nanoseconds(ClockId::Monotonic))
}
