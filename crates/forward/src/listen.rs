//! Listens on this machine.

use scratchdbg_backend::{Error, ErrorKind};
use tokio::net::TcpListener;

use crate::{Forward, Remote};

/// The sockets that listen, each with where its connections go.
#[derive(Debug)]
pub struct Listeners(pub(crate) Vec<(TcpListener, Remote)>);

impl Listeners {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// Fails if an address is in use, or not of this machine.
    pub async fn bind(forwards: &[Forward]) -> Result<Self, Error> {
        let mut listeners = Vec::new();
        for Forward { address, port, remote } in forwards {
            let listener = TcpListener::bind((address.as_str(), *port)).await;
            let listener = listener.map_err(|error| refused(address, *port, &error))?;
            listeners.push((listener, remote.clone()));
        }
        Ok(Self(listeners))
    }
}

fn refused(address: &str, port: u16, error: &std::io::Error) -> Error {
    let reason = error.to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default().to_lowercase();
    let error_text = format!("cannot listen on {address} port {port}: {reason}");
    let hint = match error.kind() {
        std::io::ErrorKind::AddrInUse => "choose another port; 0 takes any that is free",
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need rights: choose a higher one",
        _ => "give an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them",
    };
    Error::new(ErrorKind::Local, error_text).hint(hint)
}
