//! Finds the container that is meant by a name which no container has: a Compose service, or the
//! beginning of a container's name.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};

use crate::{ContainerName, Engine, Error, LABEL_SESSION};

/// Compose's label for the project of a container.
pub(crate) const COMPOSE_PROJECT: &str = "com.docker.compose.project";
/// Compose's label for the service of a container.
const COMPOSE_SERVICE: &str = "com.docker.compose.service";
/// Compose's label for a container of `docker compose run`, which is not one of the service.
const COMPOSE_ONE_OFF: &str = "com.docker.compose.oneoff";

/// Returns the Compose service that a container is one of, and the service's project.
pub(crate) fn service_of(container: &ContainerSummary) -> Option<(&str, &str)> {
    let label = |key: &str| container.labels.as_ref()?.get(key).map(String::as_str);
    if label(COMPOSE_ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    Some((label(COMPOSE_SERVICE)?, label(COMPOSE_PROJECT)?))
}

/// The container that is meant by a name which no container has. Its text says so in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// The name of the container.
    pub name: ContainerName,
    /// The text that stands for it.
    typed: String,
    /// The Compose project, if the text is the name of a service.
    project: Option<String>,
}

impl fmt::Display for StandIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, typed, project } = self;
        match project {
            Some(project) => {
                write!(
                    formatter,
                    "`{typed}` is a service of the Compose project {project}: taking `{name}`"
                )
            }
            None => write!(
                formatter,
                "no container is named `{typed}`: taking `{name}`, the only name that begins so"
            ),
        }
    }
}

impl Engine {
    /// Finds the container that is meant by a name which no container has. Returns `None` if a
    /// container has this name or id, or if none is meant.
    ///
    /// # Errors
    ///
    /// Fails if a Compose service of this name has several containers.
    pub async fn stand_in(&self, name: &ContainerName) -> Result<Option<StandIn>, Error> {
        match self.inspect_container(name.as_str()).await {
            Err(error) if error.is_no_such_container() => {}
            // Whoever inspects the container next reports all other errors.
            _ => return Ok(None),
        }
        let Ok(list) = self.list_containers(true, &[]).await else { return Ok(None) };
        choose(name.as_str(), &list.iter().filter_map(Candidate::of).collect::<Vec<_>>())
    }
}

/// A container that may be meant.
#[derive(Debug, Clone, Copy)]
struct Candidate<'a> {
    name: &'a str,
    is_running: bool,
    labels: Option<&'a HashMap<String, String>>,
}

impl<'a> Candidate<'a> {
    /// Containers of scratchdbg's sessions are never meant.
    fn of(summary: &'a ContainerSummary) -> Option<Self> {
        let labels = summary.labels.as_ref();
        if labels.is_some_and(|labels| labels.contains_key(LABEL_SESSION)) {
            return None;
        }
        // Links add names with more than one slash.
        let mut names = summary.names.iter().flatten().map(|name| name.trim_start_matches('/'));
        Some(Self {
            name: names.find(|name| !name.contains('/'))?,
            is_running: summary.state == Some(ContainerSummaryStateEnum::RUNNING),
            labels,
        })
    }

    fn label(&self, key: &str) -> &'a str {
        self.labels.and_then(|labels| labels.get(key)).map_or("", String::as_str)
    }
}

/// Chooses the container that is meant: of a Compose service, the running one, or else the one that
/// has ended; otherwise, the only one whose name begins like this.
fn choose(typed: &str, all: &[Candidate<'_>]) -> Result<Option<StandIn>, Error> {
    let is_of_service = |each: &&Candidate<'_>| {
        each.label(COMPOSE_SERVICE) == typed
            && !each.label(COMPOSE_ONE_OFF).eq_ignore_ascii_case("true")
    };
    let mut of_service: Vec<_> = all.iter().filter(is_of_service).collect();
    // Any image can set the label: a container that runs takes the place only of those of its own
    // project.
    let projects: BTreeSet<_> = of_service.iter().map(|each| each.label(COMPOSE_PROJECT)).collect();
    if projects.len() < 2 && of_service.iter().any(|each| each.is_running) {
        of_service.retain(|each| each.is_running);
    }
    let begin_so: Vec<_> = all.iter().filter(|each| each.name.starts_with(typed)).collect();
    let (meant, project) = match (&of_service[..], &begin_so[..]) {
        ([one], _) => (one, Some(one.label(COMPOSE_PROJECT).to_owned())),
        ([], [one]) => (one, None),
        ([], _) => return Ok(None),
        (several, _) => {
            return Err(Error::SeveralOfService {
                service: typed.to_owned(),
                projects: projects.len(),
                containers: several.iter().map(|each| each.name.to_owned()).collect(),
            });
        }
    };
    // The engine accepts no other names.
    let Ok(name) = meant.name.parse() else { return Ok(None) };
    Ok(Some(StandIn { name, typed: typed.to_owned(), project }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(service: &str, project: &str) -> HashMap<String, String> {
        [(COMPOSE_SERVICE, service), (COMPOSE_PROJECT, project)]
            .map(|(key, value)| (key.into(), value.into()))
            .into()
    }

    /// Chooses among containers that are written as `name`, `name=service@project`, or with `!` if
    /// they have ended.
    fn meant(typed: &str, containers: &[&str]) -> Result<Option<String>, Vec<String>> {
        let parsed: Vec<_> = containers
            .iter()
            .map(|text| {
                let name = text.trim_start_matches('!');
                let (name, of) = name.split_once('=').unwrap_or((name, ""));
                let labels = of.split_once('@').map(|(service, project)| labels(service, project));
                (name, !text.starts_with('!'), labels)
            })
            .collect();
        let all: Vec<_> = parsed
            .iter()
            .map(|(name, is_running, labels)| Candidate {
                name,
                is_running: *is_running,
                labels: labels.as_ref(),
            })
            .collect();
        match choose(typed, &all) {
            Ok(meant) => Ok(meant.map(|meant| meant.name.to_string())),
            Err(Error::SeveralOfService { containers, .. }) => Err(containers),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn services_come_before_beginnings_of_names() {
        let some = |name: &str| Ok(Some(name.to_owned()));
        assert_eq!(meant("web", &["shop-web-1=web@shop", "web-2"]), some("shop-web-1"));
        assert_eq!(
            meant("web", &["shop-web-1=web@shop", "!shop-web-2=web@shop"]),
            some("shop-web-1")
        );
        assert_eq!(meant("web", &["!shop-web-1=web@shop"]), some("shop-web-1"));
        assert_eq!(
            meant("web", &["shop-web-1=web@shop", "cms-web-1=web@cms"]),
            Err(vec!["shop-web-1".to_owned(), "cms-web-1".to_owned()])
        );
        assert_eq!(
            meant("web", &["!shop-web-1=web@shop", "cms-web-1=web@cms"]),
            Err(vec!["shop-web-1".to_owned(), "cms-web-1".to_owned()]),
            "one that runs does not take the place of another project's"
        );
        assert_eq!(meant("sh", &["shop-web-1=web@shop", "web-2"]), some("shop-web-1"));
        assert_eq!(meant("w", &["web-1", "web-2"]), Ok(None));
        assert_eq!(meant("w", &["!web-1", "db"]), some("web-1"));
        assert_eq!(meant("x", &["web-1"]), Ok(None));
    }

    #[test]
    fn containers_of_sessions_and_of_single_commands_are_not_meant() {
        let mut once = labels("web", "shop");
        once.insert(COMPOSE_ONE_OFF.into(), "True".into());
        let all = [Candidate { name: "shop-web-run-1", is_running: true, labels: Some(&once) }];
        assert_eq!(choose("web", &all).unwrap(), None);
        let summary = |label: &str| ContainerSummary {
            names: Some(vec!["/other/alias".into(), "/web-1".into()]),
            labels: Some([(label.to_owned(), String::new())].into()),
            ..ContainerSummary::default()
        };
        assert!(Candidate::of(&summary(LABEL_SESSION)).is_none());
        assert_eq!(Candidate::of(&summary("a")).map(|each| each.name), Some("web-1"));
    }

    #[test]
    fn what_was_taken_is_said() {
        let all = [Candidate {
            name: "shop-web-1",
            is_running: true,
            labels: Some(&labels("web", "shop")),
        }];
        let said = |typed: &str| choose(typed, &all).unwrap().unwrap().to_string();
        assert_eq!(
            said("web"),
            "`web` is a service of the Compose project shop: taking `shop-web-1`"
        );
        assert_eq!(
            said("shop"),
            "no container is named `shop`: taking `shop-web-1`, the only name that begins so"
        );
    }
}
