//! The user's settings: the defaults of options that would be typed again and again.
//!
//! They are in `scratchdbg/config.toml` of the configuration directory, and in variables of the
//! environment, which win. Options on the command line win over both. Nothing is read here: the
//! caller gives the file's text and the variables.

mod file;
mod toolkits;

use std::collections::BTreeMap;
use std::fmt;

pub use self::toolkits::{Base, Part, Toolkits, Tools, Unresolved};

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// When to use colors: `auto`, `always` or `never`.
    Color,
    /// The time zone of times without one, in place of `TZ`.
    TimeZone,
    /// The toolkit of sessions in containers of an engine: `attach --toolkit`.
    Toolkit,
    /// The user of sessions: `attach --user`.
    User,
    /// The toolkit image of sessions in pods whose images have no debug twin.
    KubernetesToolkit,
}

impl Key {
    /// All settings, in the order in which they are shown.
    pub const ALL: [Self; 5] =
        [Self::Color, Self::TimeZone, Self::Toolkit, Self::User, Self::KubernetesToolkit];

    /// Returns the name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Color => "color",
            Self::TimeZone => "time-zone",
            Self::Toolkit => "toolkit",
            Self::User => "user",
            Self::KubernetesToolkit => "kubernetes.toolkit",
        }
    }

    /// Returns the name of the environment variable.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Color => "SCRATCHDBG_COLOR",
            Self::TimeZone => "SCRATCHDBG_TIME_ZONE",
            Self::Toolkit => "SCRATCHDBG_TOOLKIT",
            Self::User => "SCRATCHDBG_USER",
            Self::KubernetesToolkit => "SCRATCHDBG_KUBERNETES_TOOLKIT",
        }
    }

    /// Returns the values that are accepted, if not every text is.
    fn choices(self) -> Option<&'static [&'static str]> {
        matches!(self, Self::Color).then_some(&["auto", "always", "never"])
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A variable of the environment.
    Environment(&'static str),
    /// The file.
    File,
}

/// A setting has a value that cannot be used, or the file cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where the value is; the caller knows the file's path.
    pub source: Source,
    /// The problem, with the line if it is in the file.
    pub reason: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Source::Environment(variable) => write!(f, "{variable}: {}", self.reason),
            Source::File => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Invalid {}

/// The settings that have a value, and the names for tools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<Key, (String, Source)>,
    toolkits: Toolkits,
}

impl Settings {
    /// Reads the file's text, if there is a file, and the variables. An empty variable counts as
    /// absent.
    ///
    /// # Errors
    ///
    /// Fails if the file is not TOML, has an unknown setting, which would have no effect, or if a
    /// value cannot be used.
    pub fn new(
        file: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Invalid> {
        let home = variable("HOME");
        let parse = |text| file::parse(text, home.as_deref());
        let (values, toolkits) = file.map(parse).transpose()?.unwrap_or_default();
        let of_file = |(key, value)| (key, (value, Source::File));
        let mut settings: BTreeMap<_, _> = values.into_iter().map(of_file).collect();
        for key in Key::ALL {
            if let Some(value) = variable(key.variable()).filter(|value| !value.is_empty()) {
                settings.insert(key, (value, Source::Environment(key.variable())));
            }
        }
        for (key, (value, source)) in &settings {
            if let Some(choices) = key.choices()
                && !choices.contains(&value.as_str())
            {
                let reason = format!("`{}` is {}, not `{value}`", key.name(), any_of(choices));
                return Err(Invalid { source: *source, reason });
            }
        }
        Ok(Self { values: settings, toolkits })
    }

    /// Returns the value of a setting.
    pub fn get(&self, key: Key) -> Option<&str> {
        self.values.get(&key).map(|(value, _)| value.as_str())
    }

    /// Returns the names for tools and toolkits.
    pub fn toolkits(&self) -> &Toolkits {
        &self.toolkits
    }

    /// Returns where the value of a setting comes from.
    pub fn source(&self, key: Key) -> Option<Source> {
        self.values.get(&key).map(|(_, source)| *source)
    }
}

/// Lists the choices: `a, b or c`.
fn any_of(choices: &[&str]) -> String {
    match choices {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => choices.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn variables_win_over_the_file() {
        let file = "color = \"never\"\ntoolkit = 'a'\n[kubernetes]\ntoolkit = \"r.example/t:1\"\n";
        let variable = |name: &str| match name {
            "SCRATCHDBG_TOOLKIT" => Some("b".to_owned()),
            "SCRATCHDBG_COLOR" => Some(String::new()),
            _ => None,
        };
        let file = format!("{file}[toolkits]\ncurl = ['/opt/curl']\n");
        let settings = Settings::new(Some(&file), variable).unwrap();
        assert_eq!(settings.toolkits().iter().map(|(name, _)| name).collect::<Vec<_>>(), ["curl"]);
        let of = |key| Some((settings.get(key)?, settings.source(key)?));
        assert_eq!(of(Key::Color), Some(("never", Source::File)));
        assert_eq!(of(Key::Toolkit), Some(("b", Source::Environment("SCRATCHDBG_TOOLKIT"))));
        assert_eq!(of(Key::KubernetesToolkit), Some(("r.example/t:1", Source::File)));
        assert_eq!(of(Key::User), None);
        assert_eq!(Settings::new(None, none), Ok(Settings::default()));
        assert_eq!(Settings::new(Some(""), none), Ok(Settings::default()));
    }

    #[test]
    fn values_that_cannot_be_used_are_refused() {
        let reason = |file| Settings::new(Some(file), none).unwrap_err().to_string();
        assert_eq!(reason("color = \"blue\""), "`color` is auto, always or never, not `blue`");
        let of_variable = |_: &str| Some("blue".to_owned());
        assert_eq!(
            Settings::new(None, of_variable).unwrap_err().to_string(),
            "SCRATCHDBG_COLOR: `color` is auto, always or never, not `blue`"
        );
    }

    #[test]
    fn every_setting_can_be_in_the_file() {
        for key in Key::ALL {
            let file = format!("{} = \"always\"", key.name());
            let settings = Settings::new(Some(&file), none).unwrap();
            assert_eq!(settings.get(key), Some("always"));
        }
    }
}
