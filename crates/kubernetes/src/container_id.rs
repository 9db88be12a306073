//! The ids of containers of pods: one word each, which the traits of `backend` accept and return.

use std::fmt;
use std::str::FromStr;

use scratchdbg_backend::ContainerName;

use crate::target::is_name;

/// Separates the parts. No object name contains this character.
const SEPARATOR: char = '_';

/// A container of a pod: `NAMESPACE_POD_CONTAINER`. The pod's `uid` follows if only that pod is
/// meant, and no later pod of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ContainerId {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) container: String,
    pub(crate) uid: Option<String>,
}

impl ContainerId {
    /// Returns the id as the word that the traits accept. Returns `None` if a part is not a valid
    /// name.
    pub(crate) fn name(&self) -> Option<ContainerName> {
        self.to_string().parse().ok()
    }

    /// Returns the id of the same container in any pod of that name.
    pub(crate) fn of_any(&self) -> Self {
        Self { uid: None, ..self.clone() }
    }
}

/// The text is not a container id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no container of a pod")]
pub(crate) struct NotAContainer(String);

impl FromStr for ContainerId {
    type Err = NotAContainer;

    fn from_str(text: &str) -> Result<Self, NotAContainer> {
        let parts: Vec<&str> = text.split(SEPARATOR).collect();
        let (names, uid) = match &parts[..] {
            [names @ .., uid] if parts.len() == 4 => (names, Some((*uid).to_owned())),
            names => (names, None),
        };
        match names {
            [namespace, pod, container] if names.iter().all(|name| is_name(name)) => Ok(Self {
                namespace: (*namespace).to_owned(),
                pod: (*pod).to_owned(),
                container: (*container).to_owned(),
                uid,
            }),
            _ => Err(NotAContainer(text.escape_debug().to_string())),
        }
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, pod, container, uid } = self;
        write!(formatter, "{namespace}{SEPARATOR}{pod}{SEPARATOR}{container}")?;
        match uid {
            Some(uid) => write!(formatter, "{SEPARATOR}{uid}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_one_word() {
        for text in ["shop_web-1_app", "shop_web.a_app_0d5c8e5e-0001-4d6e-9b1a-000000000000"] {
            let id: ContainerId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(id.name().unwrap().as_str(), text);
        }
        for text in ["web", "shop_web", "shop_web_", "Shop_web_app", "a_b_c_d_e", "../x_a_b"] {
            assert!(text.parse::<ContainerId>().is_err(), "{text}");
        }
    }
}
