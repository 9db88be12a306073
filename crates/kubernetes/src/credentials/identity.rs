//! Client certificates.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Returns a certificate with its key, both in PEM, or the predicate of a sentence about the
/// certificate. Sections of other kinds are ignored.
pub(crate) fn identity(certificate: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, &'static str> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or("has no valid certificate in PEM")?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "has no key in PEM beside it")?;
    let provider = rustls::crypto::ring::default_provider();
    let key = provider.key_provider.load_private_key(key);
    let identity = CertifiedKey::new(chain, key.map_err(|_| "has a key of an unsupported kind")?);
    match identity.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err("is not that of its key")
        }
        Err(rustls::Error::InvalidCertificate(_)) => Err("has no valid certificate in PEM"),
        _ => Ok(Arc::new(identity)),
    }
}

/// The certificate of a connection, which may be replaced. Handshakes use the current one.
#[derive(Default)]
pub(crate) struct Identities(RwLock<Option<Arc<CertifiedKey>>>);

impl Identities {
    pub(super) fn new(identity: Option<Arc<CertifiedKey>>) -> Self {
        Self(RwLock::new(identity))
    }

    pub(super) fn set(&self, identity: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    fn current(&self) -> Option<Arc<CertifiedKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesClientCert for Identities {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.current()
    }

    fn has_certs(&self) -> bool {
        self.current().is_some()
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identities").finish_non_exhaustive()
    }
}
