//! Containers and images in memory, and on the disk, without an engine.

mod containers;
mod images;

use std::sync::{Arc, Mutex, PoisonError};

use scratchdbg_backend::{self as backend, ErrorKind};
use scratchdbg_diagnose::Finding;
use scratchdbg_image::read::RemoteImage;
use scratchdbg_testkit::fake::FakeBackend;

use crate::{Caveat, Error, ImageLocation, RegistryImage, Report, Sources, check};

/// A platform in memory, and one image of a registry.
#[derive(Default)]
struct Places {
    platform: FakeBackend,
    remote: Option<Arc<dyn RemoteImage>>,
    /// What the network does wrong while the image is read.
    failure: Option<backend::Error>,
    pulled: Mutex<Vec<String>>,
}

impl Sources for Places {
    type Platform = FakeBackend;

    async fn platform(&self) -> Result<&FakeBackend, backend::Error> {
        Ok(&self.platform)
    }

    async fn pull(&self, reference: &str) -> Result<RegistryImage, backend::Error> {
        self.pulled.lock().unwrap_or_else(PoisonError::into_inner).push(reference.to_owned());
        let image = self
            .remote
            .clone()
            .ok_or_else(|| backend::Error::new(ErrorKind::Denied, "no access"))?;
        let failure = self.failure.clone();
        Ok(RegistryImage {
            image,
            repository: reference.split(':').next().unwrap_or_default().to_owned(),
            failure: Box::new(move || failure.clone()),
        })
    }
}

impl Places {
    async fn check(&self, location: ImageLocation) -> Result<Vec<Report>, Error> {
        check(location, "it", self, |caveat: Caveat| panic!("{caveat:?}")).await
    }

    /// The findings on the one thing that the platform knows by this name.
    async fn findings(&self, name: &str) -> Vec<Finding> {
        let mut reports = self.check(ImageLocation::Platform(name.to_owned())).await.unwrap();
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert_eq!(reports[0].subject, name);
        reports.remove(0).findings
    }
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn denied() -> backend::Error {
    let error = backend::Error::new(ErrorKind::Denied, "a plugin says no");
    backend::Error { hints: vec!["ask whoever runs it".to_owned()], ..error }
}
