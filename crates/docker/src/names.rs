//! Names that a user may mean, for the completion of command lines: one request each.

use std::collections::BTreeMap;
use std::path::Path;

use bollard::models::ContainerSummary;

use crate::stand_in::{COMPOSE_PROJECT, service_of};
use crate::{Engine, Error, LABEL_SESSION};

/// A name, and what it is in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name, as it is typed.
    pub name: String,
    /// What it is.
    pub about: String,
    /// What names the same object whoever renames it meanwhile, where there is such an id.
    pub id: Option<String>,
}

impl Name {
    fn new(name: String, about: String) -> Self {
        Self { name, about, id: None }
    }
}

impl Engine {
    /// Returns the names of containers, then those of their Compose services. With `all`, includes
    /// containers that do not run. Containers of sessions are left out.
    pub async fn container_names(&self, all: bool) -> Result<Vec<Name>, Error> {
        Ok(names(&self.list_containers(all, &[]).await?))
    }

    /// Returns the Compose projects of all containers.
    pub async fn project_names(&self) -> Result<Vec<Name>, Error> {
        let list = self.list_containers(true, &[]).await?;
        let mut projects: BTreeMap<&str, usize> = BTreeMap::new();
        for container in &list {
            if let Some(project) = label(container, COMPOSE_PROJECT) {
                *projects.entry(project).or_default() += 1;
            }
        }
        let name = |(name, count): (&str, usize)| {
            let kind = if count == 1 { "container" } else { "containers" };
            Name::new(name.to_owned(), format!("{count} {kind}"))
        };
        Ok(projects.into_iter().map(name).collect())
    }

    /// Returns the names of images.
    pub async fn image_names(&self) -> Result<Vec<Name>, Error> {
        let list = self.list_images(None).await?;
        let names = list.into_iter().flat_map(|image| image.repo_tags);
        let is_named = |name: &String| !name.starts_with("<none>");
        Ok(names.filter(is_named).map(|name| Name::new(name, String::new())).collect())
    }
}

/// Returns the names of containers and services.
fn names(list: &[ContainerSummary]) -> Vec<Name> {
    let is_session = |each: &&ContainerSummary| label(each, LABEL_SESSION).is_some();
    let mut names = Vec::new();
    let mut services: BTreeMap<&str, &str> = BTreeMap::new();
    for container in list.iter().filter(|each| !is_session(each)) {
        let own = container.names.iter().flatten().map(|name| name.trim_start_matches('/'));
        let about = [container.image.as_deref(), container.status.as_deref()];
        let about = about.into_iter().flatten().collect::<Vec<_>>().join(", ");
        names.extend(own.filter(|name| !name.contains('/')).take(1).map(|name| Name {
            id: container.id.clone(),
            ..Name::new(name.to_owned(), about.clone())
        }));
        if let Some((service, project)) = service_of(container) {
            services.insert(service, project);
        }
    }
    let services = services
        .into_iter()
        .map(|(name, project)| Name::new(name.to_owned(), format!("Compose service of {project}")));
    let services: Vec<Name> =
        services.filter(|service| names.iter().all(|name| name.name != service.name)).collect();
    names.extend(services);
    names
}

fn label<'a>(container: &'a ContainerSummary, key: &str) -> Option<&'a str> {
    container.labels.as_ref()?.get(key).map(String::as_str)
}

/// Returns the names of the contexts in Docker's context store. A store that cannot be read has
/// none.
pub fn context_names(config_dir: &Path) -> Vec<Name> {
    crate::endpoint::stored_contexts(config_dir)
        .into_iter()
        .map(|(name, host)| Name::new(name, host))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_and_services_are_named() {
        let list = serde_json::json!([
            {"Id": "4f1c", "Names": ["/web", "/other/alias"], "Image": "shop/app:1", "Status": "Up 2 minutes"},
            {"Names": ["/shop-db-1"], "Image": "db", "Status": "Exited (1)", "Labels": {
                "com.docker.compose.project": "shop", "com.docker.compose.service": "db"}},
            {"Names": ["/shop-web-1"], "Labels": {
                "com.docker.compose.project": "shop", "com.docker.compose.service": "web"}},
            {"Names": ["/keeper"], "Labels": {LABEL_SESSION: "1"}},
        ]);
        let list: Vec<ContainerSummary> = serde_json::from_value(list).unwrap();
        let ids: Vec<_> = names(&list).into_iter().map(|each| each.id).collect();
        assert_eq!(ids, [Some("4f1c".to_owned()), None, None, None]);
        let found: Vec<String> =
            names(&list).into_iter().map(|each| format!("{}: {}", each.name, each.about)).collect();
        assert_eq!(
            found,
            [
                "web: shop/app:1, Up 2 minutes",
                "shop-db-1: db, Exited (1)",
                "shop-web-1: ",
                "db: Compose service of shop",
            ]
        );
    }
}
