//! Derives the image configs of a pair from the spec. Pure.

use std::collections::BTreeMap;

use scratchdbg_image::{ContainerConfig, History, ImageConfig, Platform};
use serde_json::{Map, Value, json};

use crate::{BuildError, BuildSpec, LAYOUT_VERSION, label, settings, toolkit};

/// The `PATH` that Docker and containerd give a container if its image sets none.
pub(crate) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Returns the production image's config. `binary` is the default entrypoint. The spec must have
/// passed [`settings::check`].
pub(crate) fn production(
    spec: &BuildSpec,
    created: &str,
    platform: &Platform,
    binary: Option<&str>,
) -> Result<ImageConfig, BuildError> {
    let mut labels = spec.labels.clone();
    labels.extend(spec.marks.clone());
    labels.insert(label::ROLE.into(), "prod".into());
    labels.insert(label::LAYOUT.into(), LAYOUT_VERSION.to_string());
    Ok(ImageConfig {
        created: Some(created.into()),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone(),
        os: platform.os.clone(),
        config: ContainerConfig {
            user: spec.user.clone(),
            exposed_ports: settings::exposed_ports(&spec.expose)?,
            env: (!spec.env.is_empty()).then(|| spec.env.clone()),
            entrypoint: spec
                .entrypoint
                .clone()
                .filter(|words| !words.is_empty())
                .or_else(|| binary.map(|path| vec![path.to_owned()])),
            cmd: spec.cmd.clone(),
            volumes: settings::volumes(&spec.volumes),
            working_dir: spec.workdir.clone().unwrap_or_default(),
            labels: Some(labels),
            stop_signal: spec.stop_signal.clone(),
            healthcheck: spec.healthcheck.clone(),
            other: docker_only(spec),
        },
        history: vec![history(created, "scratchdbg build")],
        other: spec.author.iter().map(|author| ("author".to_owned(), json!(author))).collect(),
        ..ImageConfig::default()
    })
}

/// Keys of the config that Docker defines and OCI does not.
fn docker_only(spec: &BuildSpec) -> Map<String, Value> {
    let shell = spec.shell.as_ref().map(|words| ("Shell".to_owned(), json!(words)));
    let on_build =
        (!spec.on_build.is_empty()).then(|| ("OnBuild".to_owned(), json!(spec.on_build)));
    shell.into_iter().chain(on_build).collect()
}

/// Returns the twin's config: that of the production image, except for `PATH`, the labels, and the
/// history of the additional layer.
pub(crate) fn twin(
    production: &ImageConfig,
    prod_config_digest: &str,
    created: &str,
) -> ImageConfig {
    let mut config = production.clone();
    let env = config.config.env.get_or_insert_default();
    match env.iter_mut().rfind(|variable| variable.starts_with("PATH=")) {
        Some(path) => *path = format!("{path}:{}", toolkit::TWIN_BIN),
        None => env.push(format!("PATH={DEFAULT_PATH}:{}", toolkit::TWIN_BIN)),
    }
    let labels = config.config.labels.get_or_insert_default();
    labels.insert(label::ROLE.into(), "debug".into());
    labels.insert(label::PROD.into(), prod_config_digest.into());
    config.history.push(history(created, "scratchdbg build (busybox)"));
    config
}

pub(crate) fn history(created: &str, created_by: &str) -> History {
    History {
        created: Some(created.into()),
        created_by: Some(created_by.into()),
        ..History::default()
    }
}

/// Annotations that name the image that the twin extends (OCI image-spec, annotations).
pub(crate) fn base_annotations(
    manifest_digest: &str,
    name: Option<String>,
) -> BTreeMap<String, String> {
    let digest = (scratchdbg_image::annotation::BASE_DIGEST.to_owned(), manifest_digest.to_owned());
    let name = name.map(|name| (scratchdbg_image::annotation::BASE_NAME.to_owned(), name));
    [Some(digest), name].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn production_of(spec: &BuildSpec) -> ImageConfig {
        production(spec, "1970-01-01T00:00:00Z", &Platform::linux("amd64"), Some("/app")).unwrap()
    }

    #[test]
    fn the_binary_is_the_default_entrypoint() {
        let config = production_of(&BuildSpec::default()).config;
        assert_eq!(config.entrypoint.unwrap(), ["/app"]);
        assert_eq!((config.user.as_str(), config.env, config.cmd), ("65532:65532", None, None));
        let entrypoint = Some(vec!["/app".to_owned(), "serve".to_owned()]);
        assert_eq!(
            production_of(&BuildSpec { entrypoint: entrypoint.clone(), ..BuildSpec::default() })
                .config
                .entrypoint,
            entrypoint
        );
    }

    #[test]
    fn the_twin_differs_in_path_labels_and_history_alone() {
        for (env, expected) in [
            (vec![], vec![format!("PATH={DEFAULT_PATH}:/.scratchdbg/bin")]),
            (vec!["PATH=/x", "A=1"], vec!["PATH=/x:/.scratchdbg/bin".to_owned(), "A=1".to_owned()]),
        ] {
            let env = env.into_iter().map(str::to_owned).collect();
            let production = production_of(&BuildSpec { env, ..BuildSpec::default() });
            let mut twin = twin(&production, "sha256:00", "1970-01-01T00:00:00Z");
            assert_eq!(twin.config.env.take().unwrap(), expected);
            let labels = twin.config.labels.as_mut().unwrap();
            assert_eq!(labels.remove(label::PROD).as_deref(), Some("sha256:00"));
            assert_eq!(labels.insert(label::ROLE.into(), "prod".into()).as_deref(), Some("debug"));
            assert_eq!(twin.history.len(), 2);
            twin.history.pop();
            twin.config.env.clone_from(&production.config.env);
            assert_eq!(twin, production);
        }
    }
}
