//! Checks one stream while it is written to another.

use std::io::{self, Read, Write};

use crate::read::of_input;
use crate::{Count, Entry, Error, Kind, Reader, Writer};

/// Passes a stream on, entry by entry, up to its marked end. No path in what is written is absolute
/// or has `..` in it.
///
/// `change` may rename or change an entry, or leave it out. It sees those of devices, pipes and
/// sockets too, which are left out in any case.
///
/// # Errors
///
/// Fails if the stream cannot be read, is not whole, or cannot be written.
pub fn pass_on(
    stream: impl Read,
    out: impl Write,
    change: &mut dyn FnMut(&mut Entry) -> Result<(), Error>,
) -> Result<Count, Error> {
    let (mut reader, mut writer) = (Reader::new(stream), Writer::new(out));
    let mut count = Count::default();
    let mut buffer = vec![0; 128 << 10];
    while let Some(mut entry) = reader.next_entry()? {
        change(&mut entry)?;
        match entry.kind {
            Kind::Special => continue,
            Kind::File(size) => {
                (count.files, count.bytes) = (count.files + 1, count.bytes + size);
            }
            _ => count.others += 1,
        }
        writer.entry(&entry)?;
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(size) => writer.data(&buffer[..size])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(of_input(error)),
            }
        }
    }
    writer.finish()?;
    Ok(count)
}
