//! The side of the target: one thread that makes connections, and waits for all of them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;

use crate::channel::Channel;
use crate::socket::{Address, Polled, READABLE, WRITABLE, wait};
use crate::{Decoder, Frame, Kind, LONGEST, MOST_CHANNELS};

/// While more bytes than this wait for the client, nothing is read for it.
const ENOUGH: usize = 64 << 10;

/// While more bytes than this wait for the client, nothing is read from it: it asks more than it
/// listens.
const TOO_MUCH: usize = 256 << 10;

/// A pipe that is writable has room for this much (`pipe(7)`).
const ROOM: usize = 4096;

/// Makes connections as the client asks, until it says no more. Neither waits for one connection
/// while another could go on, nor needs more memory than a window for each direction of each.
///
/// # Errors
///
/// Fails if the client's streams fail, or if what comes is not from a client.
pub fn serve(mut input: File, mut output: File) -> io::Result<()> {
    let mut decoder = Decoder::default();
    let mut channels: Vec<Channel> = Vec::new();
    let mut out = VecDeque::new();
    let mut frames = vec![Frame::new(Kind::Ready, 0)];
    let mut buffer = vec![0; LONGEST];
    loop {
        for frame in frames.drain(..) {
            frame.write_to(&mut out);
        }
        let reads = if out.len() < TOO_MUCH { READABLE } else { 0 };
        let writes = if out.is_empty() { 0 } else { WRITABLE };
        let mut polled =
            vec![Polled::new(input.as_raw_fd(), reads), Polled::new(output.as_raw_fd(), writes)];
        polled.extend(channels.iter().map(|channel| channel.polled(out.len() < ENOUGH)));
        wait(&mut polled)?;
        if polled[1].has(WRITABLE) {
            let (front, _) = out.as_slices();
            let most = front.len().min(ROOM);
            match output.write(&front[..most]) {
                Ok(count) => drop(out.drain(..count)),
                Err(error) if is_temporary(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let mut looked = polled[2..].iter();
        channels.retain_mut(|channel| {
            let Some(&polled) = looked.next() else { return true };
            let outcome = channel.work(polled, &mut frames);
            if let Err(error) = &outcome {
                frames.push(ended(channel, error));
            }
            outcome.is_ok() && !channel.is_over()
        });
        if polled[0].has(READABLE) {
            let count = match input.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if is_temporary(&error) => continue,
                Err(error) => return Err(error),
            };
            decoder.add(&buffer[..count]);
            while let Some(frame) = decoder.next_frame().map_err(io::Error::other)? {
                take(&frame, &mut channels, &mut frames);
            }
        }
    }
}

/// Takes a frame of the client.
fn take(frame: &Frame, channels: &mut Vec<Channel>, frames: &mut Vec<Frame>) {
    let at = channels.iter().position(|channel| channel.id() == frame.channel);
    match (frame.kind, at) {
        (Kind::Open, None) => {
            let opened = if channels.len() < MOST_CHANNELS {
                let addresses = Address::parse(&frame.payload);
                addresses
                    .ok_or_else(|| io::ErrorKind::InvalidInput.into())
                    .and_then(|addresses| Channel::open(frame.channel, addresses))
            } else {
                Err(io::Error::other("there are too many connections"))
            };
            match opened {
                Ok(channel) => channels.push(channel),
                Err(error) => frames.push(refused(frame.channel, &error)),
            }
        }
        (Kind::Abort, Some(at)) => drop(channels.swap_remove(at)),
        (_, Some(at)) => {
            if let Err(error) = channels[at].take(frame) {
                frames.push(ended(&channels[at], &error));
                channels.swap_remove(at);
            }
        }
        // It has ended on this side in the meantime.
        (_, None) => {}
    }
}

fn ended(channel: &Channel, error: &io::Error) -> Frame {
    if channel.is_connected() {
        Frame::new(Kind::Abort, channel.id())
    } else {
        refused(channel.id(), error)
    }
}

fn refused(channel: u32, error: &io::Error) -> Frame {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_lowercase();
    Frame::with(Kind::Refused, channel, text.as_bytes())
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
