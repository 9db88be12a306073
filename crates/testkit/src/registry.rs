//! A real registry: Debian's `docker-registry`, on a free port of loopback, with its own directory.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::TIMEOUT;

/// The user of a registry that requires one. The password must not occur in any output.
pub const USER: &str = "user";
/// See [`USER`].
pub const PASSWORD: &str = "hidden-word";
/// The password's bcrypt hash, as `htpasswd -B` writes it.
const HASHED: &str = "$2b$05$pt4xUuY5y99ecEbWpMxFpO4nzO./vMnM0658VgXAgALj2vHIhxSa6";

/// A registry. On drop, it is ended and everything it stored is removed.
#[derive(Debug)]
pub struct Registry {
    process: Child,
    folder: TempDir,
    port: u16,
}

/// The options of a registry.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether the registry requires [`USER`].
    pub wants_password: bool,
    /// Uses TLS with these files: certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
}

impl Registry {
    /// Starts a registry without TLS and without authentication.
    pub fn start() -> Self {
        Self::with(&Options::default())
    }

    /// Starts a registry with `options`. Fails the test without the program: a skipped test proves
    /// nothing.
    pub fn with(options: &Options) -> Self {
        // Another process may take the port before the registry does.
        (0..5)
            .find_map(|_| Self::try_start(options))
            .expect("a registry starts on one of five free ports")
    }

    fn try_start(options: &Options) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary directory can be made");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port")
            .port();
        fs::write(folder.path().join("config.yml"), config(folder.path(), port, options))
            .expect("it can be written");
        fs::write(folder.path().join("users"), format!("{USER}:{HASHED}\n"))
            .expect("it can be written");
        let log = fs::File::create(folder.path().join("log")).expect("it can be made");
        let process = Command::new("docker-registry")
            .args(["serve", "config.yml"])
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("this test needs docker-registry ({error}): run ./scripts/test")
            });
        let mut registry = Self { process, folder, port };
        let deadline = std::time::Instant::now() + TIMEOUT;
        while std::time::Instant::now() < deadline {
            if registry.process.try_wait().expect("it can be waited for").is_some() {
                return None;
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("docker-registry does not listen; its log: {}", registry.log());
    }

    /// Returns its name, as in image names.
    pub fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the directory of its storage.
    pub fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }

    /// Returns its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ended = self.process.kill();
        let _waited = self.process.wait();
    }
}

fn config(folder: &Path, port: u16, options: &Options) -> String {
    let folder = folder.display();
    let mut text = format!(
        "version: 0.1\nlog:\n  accesslog:\n    disabled: true\n  level: error\nstorage:\n  filesystem:\n    \
         rootdirectory: {folder}/storage\nhttp:\n  addr: 127.0.0.1:{port}\n  secret: test\n"
    );
    if let Some((certificate, key)) = &options.tls {
        let (certificate, key) = (certificate.display(), key.display());
        text = format!("{text}  tls:\n    certificate: {certificate}\n    key: {key}\n");
    }
    if options.wants_password {
        text = format!("{text}auth:\n  htpasswd:\n    realm: test\n    path: {folder}/users\n");
    }
    text
}
