//! Ends the plugin with docker. Docker from 25 on opens a socket for its plugin, and closes it when
//! the plugin is to end: when docker itself is asked to end, or is gone.

use std::io::Read as _;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::thread;

use rustix::process::{Signal, getpid, kill_process};

/// Sends this process SIGTERM when docker closes the socket of this address, as
/// [`SOCKET_VARIABLE`](super::SOCKET_VARIABLE) has it. Does nothing if the address is not one, or
/// if nobody listens there.
pub fn end_with_docker(address: &str) {
    let Some(mut socket) = connect(address) else { return };
    let watch = move || {
        let mut unused = [0; 64];
        loop {
            match socket.read(&mut unused) {
                // Docker writes nothing.
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        let _ended = kill_process(getpid(), Signal::TERM);
    };
    // Without the thread, the plugin outlives docker, as with older clients.
    let _watched = thread::Builder::new().name("docker".to_owned()).spawn(watch);
}

/// Connects to `@NAME`, a name in the abstract namespace of Linux, or to a path.
fn connect(address: &str) -> Option<UnixStream> {
    let address = match address.strip_prefix('@') {
        #[cfg(target_os = "linux")]
        Some(name) => SocketAddr::from_abstract_name(name).ok()?,
        #[cfg(not(target_os = "linux"))]
        Some(_) => return None,
        None => SocketAddr::from_pathname(address).ok()?,
    };
    UnixStream::connect_addr(&address).ok()
}

#[cfg(test)]
mod tests {
    use super::connect;

    #[test]
    fn a_socket_that_is_not_there_is_no_error() {
        for address in ["", "@", "@scratchdbg-none", "/none/socket", "a\0b"] {
            assert!(connect(address).is_none(), "{address:?}");
        }
    }
}
