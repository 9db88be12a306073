//! Decides which objects in an engine are ours (created by scratchdbg), by properties that an image
//! cannot set.
//!
//! A container inherits labels, environment and command line from its image, so the author of an
//! image can choose all of those. An image cannot set the container's name and its settings in the
//! engine. Our containers have
//!
//! - a name that matches the session's label, and all the labels that we set, each in its form,
//!   with a session that is not the image's;
//! - our settings: they are removed when they end, keep no log, and read standard input without a
//!   terminal; a keeper has neither a network nor mounts nor a writable root;
//! - for a keeper, an image that is one of our toolkit images by its name and its content;
//! - for the demo, an image whose name contains the session, and the mark of a client of this
//!   machine, which nobody elsewhere can know.
//!
//! The engine removes our containers by their own settings when they end. So a user who imitates
//! all of this loses nothing that the engine would not have removed by itself.

mod container;
mod image;

use std::collections::HashMap;
use std::hash::BuildHasher;

use jiff::{SignedDuration, Timestamp};

pub(crate) use self::container::{Role, is_lingering, is_ours, may_be_ours};
pub(crate) use self::image::{
    COPIES, DEMOS, is_copy, is_demo, is_grown_from, is_toolkit, is_toolkits_config, may_be_copy,
};
use crate::client;
use crate::labels::{
    LABEL_CLIENT, LABEL_CREATED_AT, LABEL_EXPIRES_AT, LABEL_LINGERS, LABEL_MODE, LABEL_SESSION,
    LABEL_TARGET, LABEL_VERSION,
};

/// The value of `io.scratchdbg.mode` for a container that reads a file of its image.
pub(crate) const MODE_FILES: &str = "files";

/// The value of that label for the demo's objects.
pub(crate) const MODE_DEMO: &str = "demo";

/// The labels of one of our objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The session's id.
    pub(crate) session: String,
    /// The full id of the target; empty for an image.
    pub(crate) target: String,
    /// The creation time, by the engine's clock as far as the client knew it.
    pub(crate) created_at: Timestamp,
    /// The mode: `exec`, `sidecar`, `copy`, [`MODE_FILES`] or [`MODE_DEMO`].
    pub(crate) mode: String,
    /// The client that created the object.
    pub(crate) client: Option<String>,
    /// How long a keeper waits for its next session, and which sessions it can serve.
    pub(crate) lingers: Option<(SignedDuration, String)>,
}

impl Marks {
    /// Parses the labels. Returns `None` if one is missing or malformed.
    pub(crate) fn read<S: BuildHasher>(labels: &HashMap<String, String, S>) -> Option<Self> {
        let label = |key: &str| labels.get(key).cloned();
        let of_form = |key: &str, form: fn(&str) -> bool| label(key).filter(|value| form(value));
        let created_at: Timestamp = label(LABEL_CREATED_AT)?.parse().ok()?;
        of_form(LABEL_VERSION, is_version)?;
        let client = label(LABEL_CLIENT);
        if !client.as_deref().is_none_or(client::is_mark) {
            return None;
        }
        // Only keepers set these; other objects may have them from their image. Both times are by
        // the same clock.
        let lingers =
            label(LABEL_EXPIRES_AT).zip(label(LABEL_LINGERS)).and_then(|(expires, fits)| {
                let expires: Timestamp = expires.parse().ok()?;
                Some((expires.duration_since(created_at), fits))
            });
        Some(Self {
            session: of_form(LABEL_SESSION, is_session)?,
            target: of_form(LABEL_TARGET, |target| target.is_empty() || is_id(target))?,
            created_at,
            mode: of_form(LABEL_MODE, |mode| {
                ["exec", "sidecar", "copy", MODE_FILES, MODE_DEMO].contains(&mode)
            })?,
            client,
            lingers,
        })
    }
}

/// Whether a text has the form of a session's id: 64 bits in hexadecimal.
fn is_session(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(is_lower_hex)
}

/// Whether a text has the form of a full id.
fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(is_lower_hex)
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn is_version(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.len() <= 64
        && text.bytes().all(allowed)
}

/// Returns a reference without the prefixes that Podman and old versions of Docker add.
fn familiar(reference: &str) -> &str {
    ["localhost/", "docker.io/library/", "docker.io/"]
        .iter()
        .find_map(|host| reference.strip_prefix(host))
        .unwrap_or(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const SESSION: &str = "0123456789abcdef";

    pub(super) fn labels() -> HashMap<String, String> {
        let target = "ab".repeat(32);
        let mut labels = crate::labels::labels(SESSION, &target, "exec", Timestamp::now());
        labels.insert(LABEL_CLIENT.to_owned(), "0123456789abcdef-7-8".to_owned());
        labels
    }

    #[test]
    fn labels_count_all_together_and_in_their_form() {
        let marks = Marks::read(&labels()).unwrap();
        assert_eq!((&*marks.session, &*marks.mode), (SESSION, "exec"));
        for (key, value) in [
            (LABEL_SESSION, Some("x")),
            (LABEL_SESSION, Some("0123456789ABCDEF")),
            (LABEL_SESSION, Some("0123456789abcdef0")),
            (LABEL_SESSION, None),
            (LABEL_TARGET, Some("web")),
            (LABEL_TARGET, None),
            (LABEL_CREATED_AT, Some("yesterday")),
            (LABEL_CREATED_AT, None),
            (LABEL_VERSION, Some("v1")),
            (LABEL_VERSION, Some("1 \u{1b}[2J")),
            (LABEL_VERSION, None),
            (LABEL_MODE, Some("privileged")),
            (LABEL_MODE, None),
            (LABEL_CLIENT, Some("me")),
        ] {
            let mut labels = labels();
            match value {
                Some(value) => labels.insert(key.to_owned(), value.to_owned()),
                None => labels.remove(key),
            };
            assert_eq!(Marks::read(&labels), None, "{key}={value:?}");
        }
        // An older version did not record its client.
        let mut labels = labels();
        labels.remove(LABEL_CLIENT);
        assert!(Marks::read(&labels).is_some());
    }

    #[test]
    fn a_keeper_lingers_for_as_long_as_its_client_asked() {
        let mut labels = labels();
        labels.insert(LABEL_CREATED_AT.to_owned(), "1999-01-01T00:00:00.5Z".to_owned());
        labels.insert(LABEL_EXPIRES_AT.to_owned(), "1999-01-01T00:10:00Z".to_owned());
        labels.insert(LABEL_LINGERS.to_owned(), "0:0 tools".to_owned());
        let (time, fits) = Marks::read(&labels).unwrap().lingers.unwrap();
        assert_eq!((time.as_secs(), &*fits), (599, "0:0 tools"));
    }
}
