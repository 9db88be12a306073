//! Servers with TLS.

use std::fs::File;
use std::io::BufReader;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use scratchdbg_testkit::program::Running;

/// Creates a certificate authority, and a certificate for this machine. Returns their files, and
/// that of the certificate's key.
pub(crate) fn certificates(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(folder);
        Running::start(command).finish().expect_code(0);
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"));
    let names = "-addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE";
    openssl(&format!(
        "req -x509 -CA ca.pem -CAkey ca.key {key} -keyout own.key -out own.pem -days 2 -subj /CN=own {names}"
    ));
    ["ca.pem", "own.pem", "own.key"].map(|name| folder.join(name)).into()
}

/// The side of a server.
pub(crate) struct Server(Arc<ServerConfig>);

impl Server {
    /// Makes a server with the certificate in these files.
    pub(crate) fn new(certificate: &Path, key: &Path) -> Self {
        let open = |path: &Path| BufReader::new(File::open(path).expect("a file"));
        let chain = CertificateDer::pem_reader_iter(open(certificate));
        let chain = chain.collect::<Result<_, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_reader(open(key)).expect("a key");
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("they are known")
                .with_no_client_auth()
                .with_single_cert(chain, key);
        Self(Arc::new(config.expect("they belong together")))
    }

    pub(crate) fn accept(&self, client: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
        let connection = ServerConnection::new(Arc::clone(&self.0)).expect("a connection");
        StreamOwned::new(connection, client)
    }
}
