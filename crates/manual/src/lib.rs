//! Manual pages, one per command, from the definitions of a command line.
//!
//! Name, options and subcommands come from the definitions that also make the help, so that the two
//! never differ. What help has no room for (exit status, environment, files) is in `reference`.

pub mod examples;
mod reference;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// A manual page of section 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The words of the command, such as `scratchdbg sessions ls`.
    pub command: String,
    /// Other names of the command, each in one word.
    pub aliases: Vec<String>,
    /// The source in the roff language.
    pub source: Vec<u8>,
}

impl Page {
    /// Returns the page's file name, such as `scratchdbg-sessions-ls.1`.
    pub fn file_name(&self) -> String {
        format!("{}.1", self.command.replace(' ', "-"))
    }

    /// Reports whether this is the page of the command with these words, which do not include the
    /// program's name. None is the program itself.
    pub fn is_of(&self, words: &[String]) -> bool {
        let own: Vec<&str> = self.command.split(' ').skip(1).collect();
        own.len() == words.len()
            && own.iter().zip(words).enumerate().all(|(index, (own, word))| {
                own == word || index + 1 == words.len() && self.aliases.contains(word)
            })
    }
}

/// Makes the pages of a command and of all its subcommands, the command's own first.
///
/// # Errors
///
/// Fails only if memory cannot be written to, as `io::Write` has it.
pub fn pages(command: Command) -> io::Result<Vec<Page>> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, None, &mut pages)?;
    Ok(pages)
}

/// Writes each page to a file in `folder`, which is made if it does not exist.
///
/// # Errors
///
/// What the operating system says of the folder or a file.
pub fn write(pages: &[Page], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    pages.iter().try_for_each(|page| {
        // A page takes the place of what has its name: a link is not followed, a pipe not opened.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&page.source)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        file.persist(folder.join(page.file_name())).map_err(|error| error.error)?;
        Ok(())
    })
}

fn add(command: &Command, parent: Option<&str>, pages: &mut Vec<Page>) -> io::Result<()> {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let aliases = command.get_all_aliases().map(str::to_owned).collect();
    pages.push(Page { source: source(command, &name, parent)?, command: name.clone(), aliases });
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        add(inner, Some(&name), pages)?;
    }
    Ok(())
}

fn source(command: &Command, name: &str, parent: Option<&str>) -> io::Result<Vec<u8>> {
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let mut shown = command.clone().after_help(None::<&str>);
    if parent.is_some() {
        // The page of the whole program explains them.
        shown = shown.mut_args(|argument| {
            let is_global = argument.is_global_set();
            argument.hide(is_global)
        });
    }
    let version = command.get_version().unwrap_or_default().to_owned();
    let program = name.split(' ').next().unwrap_or_default();
    let man = Man::new(shown)
        .title(name.replace(' ', "-"))
        .date("")
        .source(format!("{program} {version}").trim_end().to_owned())
        .manual(format!("{program} manual"));

    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    append(&mut page, |roff| {
        roff.control("SH", ["SYNOPSIS"]);
        synopsis(roff, &usage);
    })?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if parent.is_some() {
        append(&mut page, |roff| {
            roff.control("PP", []);
            roff.text([roman("The global options are in "), bold(program), roman("(1).")]);
        })?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    append(&mut page, |roff| {
        list(roff, "EXIT STATUS", reference::exit_status(name));
        list(roff, "ENVIRONMENT", reference::environment(name));
        list(roff, "FILES", reference::files(name));
        literal(roff, &examples);
        see_also(roff, command, parent);
    })?;
    Ok(page)
}

fn append(page: &mut Vec<u8>, fill: impl FnOnce(&mut Roff)) -> io::Result<()> {
    let mut roff = Roff::default();
    fill(&mut roff);
    roff.to_writer(page)
}

/// Writes the lines of a usage message, without its title.
fn synopsis(roff: &mut Roff, usage: &str) {
    for (index, line) in usage.trim_start_matches("Usage:").lines().map(str::trim).enumerate() {
        if index > 0 {
            roff.control("br", []);
        }
        roff.text([roman(line)]);
    }
}

/// Writes a list of terms with their meanings, or nothing if there are none.
fn list(roff: &mut Roff, title: &str, entries: &[(&str, &str)]) {
    if entries.is_empty() {
        return;
    }
    roff.control("SH", [title]);
    for (term, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
}

/// Writes examples as they are in the help: a title, and lines that are not filled.
fn literal(roff: &mut Roff, examples: &str) {
    let mut lines = examples.lines();
    let Some(title) = lines.next() else { return };
    roff.control("SH", [title.trim_end_matches(':').to_uppercase().as_str()]);
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line.trim_start())]);
    }
    roff.control("fi", []);
}

fn see_also(roff: &mut Roff, command: &Command, parent: Option<&str>) {
    let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set());
    let inner = inner
        .map(|inner| inner.get_bin_name().unwrap_or_else(|| inner.get_name()).replace(' ', "-"));
    let pages: Vec<String> =
        parent.map(|parent| parent.replace(' ', "-")).into_iter().chain(inner).collect();
    if pages.is_empty() {
        return;
    }
    roff.control("SH", ["SEE ALSO"]);
    let mut words = Vec::new();
    for (index, page) in pages.iter().enumerate() {
        words.push(bold(page));
        words.push(roman(if index + 1 < pages.len() { "(1), " } else { "(1)" }));
    }
    roff.text(words);
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn tool() -> Command {
        let quiet = Arg::new("quiet").long("quiet").global(true).help("Print less");
        let list = Command::new("ls")
            .about("List them")
            .after_help("Examples:\n  tool things ls    .List\\ them");
        Command::new("tool")
            .version("1.2")
            .about("Do things")
            .arg(quiet)
            .subcommand(
                Command::new("things")
                    .about("Have things")
                    .alias("stuff")
                    .subcommand_required(true)
                    .subcommand(list),
            )
            .subcommand(Command::new("secret").hide(true))
    }

    #[test]
    fn a_page_takes_the_place_of_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let page = Page { source: b"page".to_vec(), command: "x".to_owned(), aliases: Vec::new() };
        let (kept, link) = (folder.path().join("kept"), folder.path().join(page.file_name()));
        fs::write(&kept, b"kept").unwrap();
        std::os::unix::fs::symlink(&kept, &link).unwrap();
        write(&[page], folder.path()).unwrap();
        assert_eq!(fs::read(&kept).unwrap(), b"kept");
        assert_eq!(fs::read(&link).unwrap(), b"page");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn each_command_has_a_page() {
        let pages = pages(tool()).unwrap();
        let names: Vec<_> = pages.iter().map(Page::file_name).collect();
        assert_eq!(names, ["tool.1", "tool-things.1", "tool-things-ls.1"]);
        let text = |index: usize| String::from_utf8(pages[index].source.clone()).unwrap();
        assert!(text(0).contains("Print less") && !text(2).contains("Print less"));
        assert!(text(2).contains("tool things ls"), "{}", text(2));
        assert!(text(1).contains(r"tool\-things\-ls"), "{}", text(1));
        assert!(!text(0).contains("secret"));
        let is_of = |index: usize, words: &[&str]| {
            pages[index].is_of(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert!(
            is_of(0, &[])
                && is_of(1, &["things"])
                && is_of(1, &["stuff"])
                && is_of(2, &["things", "ls"])
        );
        assert!(!is_of(1, &[]) && !is_of(1, &["ls"]) && !is_of(2, &["things"]));
    }

    #[test]
    fn an_example_is_no_request_of_roff() {
        let pages = pages(tool()).unwrap();
        let text = String::from_utf8(pages[2].source.clone()).unwrap();
        let line = text.lines().find(|line| line.contains(".List")).unwrap();
        assert_eq!(line, "tool things ls    .List\\\\ them");
    }
}
