//! Sockets that are connected without waiting, and `poll(2)`. The standard library has neither.

#![expect(unsafe_code, reason = "system calls the standard library does not wrap")]

use std::ffi::{c_int, c_ulong, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, RawFd};

unsafe extern "C" {
    fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn connect(fd: c_int, address: *const c_void, length: u32) -> c_int;
    fn getsockopt(
        fd: c_int,
        level: c_int,
        option: c_int,
        value: *mut c_void,
        length: *mut u32,
    ) -> c_int;
    fn setsockopt(
        fd: c_int,
        level: c_int,
        option: c_int,
        value: *const c_void,
        length: u32,
    ) -> c_int;
    fn shutdown(fd: c_int, how: c_int) -> c_int;
    fn poll(fds: *mut Polled, count: c_ulong, timeout: c_int) -> c_int;
}

const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
/// `SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC`.
const STREAM: c_int = 1 | 0o4_000 | 0o2_000_000;
const SOL_SOCKET: c_int = 1;
const SO_ERROR: c_int = 4;
const SO_LINGER: c_int = 13;
const SHUT_WR: c_int = 1;
const EINPROGRESS: i32 = 115;
/// The longest path of a socket, with its last zero byte.
const LONGEST_PATH: usize = 108;

/// The bit of `poll(2)` for something to read.
pub(crate) const READABLE: i16 = 1;
/// The bit of `poll(2)` for room to write.
pub(crate) const WRITABLE: i16 = 4;

/// `struct pollfd`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Polled {
    fd: RawFd,
    events: i16,
    happened: i16,
}

impl Polled {
    /// Waits for these events. For none, the descriptor is not looked at.
    pub(crate) fn new(fd: RawFd, events: i16) -> Self {
        Self { fd: if events == 0 { -1 } else { fd }, events, happened: 0 }
    }

    /// Whether something happened: an error or an end too.
    pub(crate) fn has(self, event: i16) -> bool {
        self.events & event != 0
            && self.happened != 0
            && (self.happened & event != 0 || self.happened & !(READABLE | WRITABLE) != 0)
    }
}

/// Waits until something happens.
pub(crate) fn wait(polled: &mut [Polled]) -> io::Result<()> {
    // SAFETY: the array is as long as the count given.
    let result = unsafe { poll(polled.as_mut_ptr(), polled.len() as c_ulong, -1) };
    if result >= 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        error => Err(error),
    }
}

/// An address that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Loopback4(u16),
    Loopback6(u16),
    Unix(Vec<u8>),
}

impl Address {
    /// Reads `tcp:PORT` or `unix:PATH`. A port is tried on both loopback addresses.
    pub(crate) fn parse(text: &[u8]) -> Option<Vec<Self>> {
        if let Some(path) = text.strip_prefix(b"unix:") {
            let is_abstract = path.starts_with(b"@");
            let fits = !path.is_empty() && path.len() < LONGEST_PATH;
            let mut path = path.to_vec();
            if is_abstract {
                path[0] = 0;
            }
            return (fits && !path[usize::from(is_abstract)..].contains(&0))
                .then(|| vec![Self::Unix(path)]);
        }
        let port = std::str::from_utf8(text.strip_prefix(b"tcp:")?).ok()?.parse().ok()?;
        Some(vec![Self::Loopback4(port), Self::Loopback6(port)])
    }

    /// Returns the address as the kernel takes it.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Loopback4(port) => {
                let mut bytes = AF_INET.to_ne_bytes().to_vec();
                bytes.extend(port.to_be_bytes());
                bytes.extend([127, 0, 0, 1]);
                bytes.extend([0; 8]);
                bytes
            }
            Self::Loopback6(port) => {
                let mut bytes = AF_INET6.to_ne_bytes().to_vec();
                bytes.extend(port.to_be_bytes());
                bytes.extend([0; 4]);
                bytes.extend(std::net::Ipv6Addr::LOCALHOST.octets());
                bytes.extend([0; 4]);
                bytes
            }
            Self::Unix(path) => {
                let mut bytes = AF_UNIX.to_ne_bytes().to_vec();
                bytes.extend(path);
                // The name of an abstract socket ends with its length.
                if !path.starts_with(&[0]) {
                    bytes.push(0);
                }
                bytes
            }
        }
    }

    fn family(&self) -> u16 {
        match self {
            Self::Loopback4(_) => AF_INET,
            Self::Loopback6(_) => AF_INET6,
            Self::Unix(_) => AF_UNIX,
        }
    }

    /// Begins to connect. The socket is writable when that has succeeded or failed.
    pub(crate) fn begin(&self) -> io::Result<File> {
        let address = self.bytes();
        // SAFETY: takes no pointer. Nobody else owns the returned descriptor.
        let socket = unsafe {
            let fd = socket(self.family().into(), STREAM, 0);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            File::from_raw_fd(fd)
        };
        if self.family() != AF_UNIX {
            breaks_at_close(&socket, true)?;
        }
        let length = u32::try_from(address.len()).unwrap_or(0);
        // SAFETY: the address is as long as the length given.
        let result = unsafe { connect(socket.as_raw_fd(), address.as_ptr().cast(), length) };
        if result == 0 {
            return Ok(socket);
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(EINPROGRESS) => Ok(socket),
            error => Err(error),
        }
    }
}

/// Returns how connecting ended, once the socket is writable.
pub(crate) fn outcome(socket: &File) -> io::Result<()> {
    let (mut error, mut length): (c_int, _) = (0, 4_u32);
    // SAFETY: the value is as long as the length given.
    let result = unsafe {
        getsockopt(
            socket.as_raw_fd(),
            SOL_SOCKET,
            SO_ERROR,
            (&raw mut error).cast(),
            &raw mut length,
        )
    };
    match (result, error) {
        (0, 0) => Ok(()),
        (0, error) => Err(io::Error::from_raw_os_error(error)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sets whether the other end of a TCP connection learns that it broke when the socket is closed,
/// be it that this process is killed. Otherwise it learns of an orderly end, and takes what came
/// for the whole.
pub(crate) fn breaks_at_close(socket: &File, breaks: bool) -> io::Result<()> {
    // `struct linger`: on or off, and the seconds.
    let linger: [c_int; 2] = [breaks.into(), 0];
    // SAFETY: the value is as long as the length given: two numbers of four bytes.
    let result =
        unsafe { setsockopt(socket.as_raw_fd(), SOL_SOCKET, SO_LINGER, linger.as_ptr().cast(), 8) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Tells the other end of a socket that nothing more comes.
pub(crate) fn end_output(socket: &File) -> io::Result<()> {
    // SAFETY: takes no pointer.
    let result = unsafe { shutdown(socket.as_raw_fd(), SHUT_WR) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_read_strictly() {
        let tcp = vec![Address::Loopback4(80), Address::Loopback6(80)];
        assert_eq!(Address::parse(b"tcp:80"), Some(tcp));
        assert_eq!(Address::parse(b"unix:/run/x"), Some(vec![Address::Unix(b"/run/x".to_vec())]));
        assert_eq!(Address::parse(b"unix:@x"), Some(vec![Address::Unix(b"\0x".to_vec())]));
        for bad in
            [&b"tcp:"[..], b"tcp:65536", b"tcp:x", b"unix:", b"80", b"unix:/a\0b", b"unix:@\0"]
        {
            assert_eq!(Address::parse(bad), None, "{bad:?}");
        }
        assert_eq!(Address::parse(format!("unix:/{}", "x".repeat(108)).as_bytes()), None);
    }
}
