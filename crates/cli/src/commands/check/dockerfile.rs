//! A Dockerfile, by the image that it would make.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use scratchdbg_builder::{BuildSpec, dockerfile};
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_image::ContainerConfig;

use super::{Report, preflight};
use crate::error::CommandError;

/// The folder that the file lies in is its context.
pub(super) fn check(subject: &str, path: &Path) -> Result<Vec<Report>, CommandError> {
    let text = fs::read_to_string(path)
        .map_err(|error| CommandError::new(format!("cannot read {}: {error}", path.display())))?;
    let context = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let spec = dockerfile::read(&text, context, &BTreeMap::new()).map_err(|error| {
        CommandError::new(format!("{}:{}: {}", path.display(), error.line, error.reason))
            .hint("build it with Docker, and check the image that comes out")
    })?;
    let mut findings = preflight::of_config(&spec, &config(&spec)?)?;
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(vec![Report { subject: subject.to_owned(), findings }])
}

/// The configuration as it will stand in the image. Nothing is built: what cannot be built is what is looked for.
fn config(spec: &BuildSpec) -> Result<ConfigFacts, CommandError> {
    let config = ContainerConfig {
        user: spec.user.clone(),
        env: Some(spec.env.clone()),
        entrypoint: spec.entrypoint.clone(),
        cmd: spec.cmd.clone(),
        working_dir: spec.workdir.clone().unwrap_or_default(),
        stop_signal: spec.stop_signal.clone(),
        healthcheck: spec.healthcheck.clone(),
        ..ContainerConfig::default()
    };
    let config = serde_json::to_value(config).and_then(serde_json::from_value);
    config.map_err(|error| CommandError::new(error.to_string()))
}
