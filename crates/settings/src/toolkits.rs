//! The names that the user gave to tools and toolkits, and what a session's options mean by them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The longest name.
const LONGEST: usize = 64;

/// A thing that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// An image.
    Image(String),
    /// A program of this machine, or a folder of programs.
    Path(PathBuf),
}

impl Part {
    /// Reads a value of the file: a path begins with `/` or `~/`.
    fn parse(text: &str, home: Option<&str>) -> Result<Self, String> {
        let text = text.trim();
        if let Some(below) = text.strip_prefix("~/") {
            let home = home.filter(|home| home.starts_with('/'));
            let home = home.ok_or("`~` is nowhere: HOME is not set")?;
            return Ok(Self::Path(PathBuf::from(home).join(below)));
        }
        if text.starts_with('/') {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        if text.is_empty() || text.starts_with(['.', '~']) {
            return Err(format!(
                "`{text}` is neither an image nor a whole path, which begins with / or ~/"
            ));
        }
        Ok(Self::Image(text.to_owned()))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => write!(f, "image {image}"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// The names, and what they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toolkits(BTreeMap<String, Vec<Part>>);

impl Toolkits {
    /// Reads the table of the file. The error says what is wrong with which name.
    pub(crate) fn new(
        table: BTreeMap<String, Vec<String>>,
        home: Option<&str>,
    ) -> Result<Self, String> {
        let mut toolkits = BTreeMap::new();
        for (name, texts) in table {
            if !is_name(&name) {
                return Err(format!(
                    "toolkits: `{}` is no name: it has letters, digits and any of . _ + -",
                    name.escape_debug()
                ));
            }
            let parts = texts.iter().map(|text| Part::parse(text, home));
            let parts = parts.collect::<Result<Vec<_>, _>>();
            let parts = parts.map_err(|reason| format!("toolkits.{name}: {reason}"))?;
            let images = parts.iter().filter(|part| matches!(part, Part::Image(_))).count();
            if parts.is_empty() || images > 1 {
                return Err(format!(
                    "toolkits.{name}: it has paths of programs and folders, and one image at most"
                ));
            }
            toolkits.insert(name, parts);
        }
        Ok(Self(toolkits))
    }

    /// Lists the names with what they stand for.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Part])> {
        self.0.iter().map(|(name, parts)| (name.as_str(), parts.as_slice()))
    }

    /// Returns the tools that `--toolkit` and `--with-tools` mean together. A name of the file goes
    /// before a file or image of the same name. `default` counts where the options name no toolkit
    /// and no image.
    ///
    /// # Errors
    ///
    /// Fails if `--with-tools` has a name that the file has not, and if several images are meant.
    pub fn resolve(
        &self,
        toolkit: Option<&str>,
        with_tools: &[String],
        default: Option<&str>,
    ) -> Result<Tools, Unresolved> {
        let mut tools = toolkit.map_or_else(|| Ok(Tools::default()), |text| self.toolkit(text))?;
        for name in with_tools {
            match self.0.get(name) {
                Some(parts) => tools.add(parts)?,
                None if name.contains('/') => tools.add(&[Part::Path(name.into())])?,
                None => return Err(self.unknown(name)),
            }
        }
        if let Some(default) = default.filter(|_| toolkit.is_none() && tools.base == Base::Default)
        {
            let Tools { base, paths } = self.toolkit(default)?;
            tools.base = base;
            tools.paths.extend(paths);
            tools.paths.sort();
            tools.paths.dedup();
        }
        Ok(tools)
    }

    /// Returns what the text of `--toolkit` means.
    fn toolkit(&self, text: &str) -> Result<Tools, Unresolved> {
        let mut tools = Tools::default();
        match self.0.get(text.trim()) {
            Some(parts) => tools.add(parts)?,
            None => tools.base = Base::Named(text.to_owned()),
        }
        Ok(tools)
    }

    /// Returns the image that a toolkit's name stands for, or else the text itself.
    pub fn image<'a>(&'a self, toolkit: &'a str) -> Result<&'a str, Unresolved> {
        match self.0.get(toolkit).map(Vec::as_slice) {
            None => Ok(toolkit),
            Some([Part::Image(image)]) => Ok(image),
            Some(_) => Err(Unresolved::NoImage { what: toolkit.to_owned() }),
        }
    }

    fn unknown(&self, name: &str) -> Unresolved {
        let known = self.0.keys().cloned().collect();
        Unresolved::Unknown { name: name.to_owned(), known }
    }
}

/// What the tools of a session are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// What they are added to.
    pub base: Base,
    /// Programs and folders of this machine.
    pub paths: Vec<PathBuf>,
}

/// A toolkit that tools are added to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// The default one.
    #[default]
    Default,
    /// The text of `--toolkit`: the path of a busybox, or an image.
    Named(String),
    /// An image, even where a file has its name.
    Image(String),
}

impl Base {
    /// Returns the text that names it.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Default => None,
            Self::Named(name) | Self::Image(name) => Some(name),
        }
    }
}

impl Tools {
    fn add(&mut self, parts: &[Part]) -> Result<(), Unresolved> {
        for part in parts {
            match part {
                Part::Path(path) if self.paths.contains(path) => {}
                Part::Path(path) => self.paths.push(path.clone()),
                Part::Image(image) => match self.base.name() {
                    Some(other) if other != image => {
                        let images = [other.to_owned(), image.clone()];
                        return Err(Unresolved::TwoImages { images });
                    }
                    _ => self.base = Base::Image(image.clone()),
                },
            }
        }
        Ok(())
    }

    /// Returns the image, for a platform that uses nothing of this machine. `None` is the
    /// platform's default.
    ///
    /// # Errors
    ///
    /// Fails if files of this machine are meant.
    pub fn image(&self) -> Result<Option<&str>, Unresolved> {
        match self.paths.first() {
            Some(path) => Err(Unresolved::NoImage { what: path.display().to_string() }),
            None => Ok(self.base.name()),
        }
    }
}

/// Why options do not tell the tools of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// The file has no such name.
    Unknown {
        /// The name.
        name: String,
        /// The names that the file has.
        known: Vec<String>,
    },
    /// Several images are meant.
    TwoImages {
        /// Two of them.
        images: [String; 2],
    },
    /// It is on this machine, and an image is needed.
    NoImage {
        /// The name or path.
        what: String,
    },
}

impl Unresolved {
    /// Returns what to do, in lines of their own. `file` is the file of settings.
    pub fn hints(&self, file: &str) -> Vec<String> {
        match self {
            Self::Unknown { name, known } => {
                let tool = if is_name(name) { name } else { "NAME" };
                let mut hints = vec![
                    format!("say what it is in {file}: `toolkits.{tool} = \"/path/to/a/static/{tool}\"`, or an image that has it"),
                    format!("or name the program itself, --with-tools ./{tool}, or an image, --toolkit IMAGE"),
                ];
                if !known.is_empty() {
                    hints.insert(0, format!("the names there are {}", known.join(", ")));
                }
                hints
            }
            Self::TwoImages { .. } => vec![
                "a session has one image; static programs of the other can be added by their paths: --with-tools ./PROGRAM".to_owned(),
            ],
            Self::NoImage { .. } => vec![
                "`scratchdbg toolkit build FILE... --tag REGISTRY/NAME:TAG --output registry` pushes an image with it; name \
                 that: --toolkit REGISTRY/NAME:TAG"
                    .to_owned(),
            ],
        }
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, .. } => {
                write!(f, "--with-tools {}: no tool of this name is known", name.escape_debug())
            }
            Self::TwoImages { images: [one, other] } => {
                write!(f, "{one} and {other} cannot both be the image of a session")
            }
            Self::NoImage { what } => write!(
                f,
                "{what} is on this machine, and a session in a pod needs an image that its node can pull"
            ),
        }
    }
}

impl std::error::Error for Unresolved {}

/// Whether a text can be a name: neither a path nor several names.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte))
}

#[cfg(test)]
mod tests;
