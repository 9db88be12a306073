//! Finds the launcher of a session from its keeper: by its command line, and by its executable,
//! which is the keeper's own.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::folder::Name;
use crate::process::Process;
use crate::processes::{self, Stat};
use crate::run::options::Options;
use crate::system::{self, SIGKILL};
use crate::tools;

/// The folder of the launcher in the root of a container.
const TOOLS: &str = "/bin";

/// The role that a launcher's command line shows.
pub(super) const ROLE: &str = "run";

/// Returns the process id of a launcher in a container of its own. Returns `None` if several
/// processes have this command line: there it is not secret.
pub(super) fn of_container(session: &str) -> Option<i32> {
    let own = std::process::id().to_string();
    let is_program =
        |called: &[u8]| called.ends_with(format!("{TOOLS}/{}", tools::NAME).as_bytes());
    match processes::with_arguments(is_program, &[ROLE, &own, session])[..] {
        [one] => Some(one),
        _ => None,
    }
}

/// A launcher process.
#[derive(Debug)]
pub(super) struct Launcher(Process);

impl Launcher {
    /// Finds the process of a session with this role, which was started through the session's name
    /// in the keeper's root.
    ///
    /// Any process can use this command line, but no process knows the name before the launcher is
    /// started, so the first process with it is the launcher. The launcher makes itself
    /// inaccessible, as other processes can. A process that is accessible is the launcher only if
    /// it runs this same executable.
    pub(super) fn find(role: &str, session: &str, name: &Name) -> Option<Self> {
        let own = std::process::id().to_string();
        let names = tools::base().join(super::folder::FOLDER);
        let (before, behind) =
            (format!("/proc/{own}/root{}/", names.display()), format!("/bin/{}", tools::NAME));
        let is_program = |called: &[u8]| {
            let called = std::str::from_utf8(called).ok();
            let called =
                called.and_then(|called| called.strip_prefix(&*before)?.strip_suffix(&*behind));
            called.is_some_and(|called| name.is(called))
        };
        let candidates = processes::with_arguments(is_program, &[role, &own, session])
            .into_iter()
            .filter_map(|pid| {
                let found = Process::of(pid).ok()?;
                let executable = format!("/proc/{pid}/exe");
                let executable = Path::new(&executable);
                let may_be_ours = match std::fs::metadata(executable) {
                    Ok(_) => tools::is_same(Path::new("/proc/self/exe"), executable),
                    Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
                };
                (may_be_ours && found.state().is_some()).then_some(found)
            });
        candidates.min_by_key(Process::start_time).map(Self)
    }

    /// Returns the process id while the launcher is running.
    pub(super) fn process(&self) -> Option<i32> {
        self.state().map(|_| self.0.pid())
    }

    /// Returns the processes of this program: the launcher, and its child if the session's command
    /// is this program in another role. Others cannot look into them, and they hold nothing of a
    /// keeper's.
    pub(super) fn own_processes(&self) -> Vec<i32> {
        let Some(pid) = self.process() else { return Vec::new() };
        let mut own = vec![pid];
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if runs_itself(&line) && self.process().is_some() {
            own.extend(processes::children_of(pid).unwrap_or_default());
        }
        own
    }

    /// Returns the state of the process, or `None` if it has ended.
    pub(super) fn state(&self) -> Option<Stat> {
        self.0.state()
    }

    /// Sends a signal. Does nothing if the process has ended.
    pub(super) fn signal(&self, number: i32) {
        self.0.signal(number);
    }

    /// Kills all descendants of the launcher.
    pub(super) fn kill_descendants(&self) {
        for pid in processes::descendants_of(self.0.pid()) {
            if self.state().is_some() {
                let _ended = system::send(pid, SIGKILL);
            }
        }
    }
}

/// Whether this is the command line of a launcher whose command is this program.
fn runs_itself(line: &[u8]) -> bool {
    let words: Vec<OsString> =
        line.split(|&byte| byte == 0).map(|word| OsStr::from_bytes(word).to_owned()).collect();
    let [_program, role, arguments @ ..] = &words[..] else { return false };
    let options = Options::parse(arguments);
    role == ROLE
        && options.is_ok_and(|options| {
            options.command.first().is_some_and(|command| command == tools::NAME)
        })
}

#[cfg(test)]
mod tests {
    use super::runs_itself;

    #[test]
    fn a_command_of_the_launcher_is_known() {
        for (line, expected) in [
            ("/p/scratchdbg-launcher run 7 id --tools first scratchdbg-launcher relay", true),
            (
                "/p/scratchdbg-launcher run 7 id --directory /a --tools last scratchdbg-launcher pack /",
                true,
            ),
            ("/p/scratchdbg-launcher run 7 id --tools first sh scratchdbg-launcher", false),
            ("/p/scratchdbg-launcher keep 7 id --tools first scratchdbg-launcher relay", false),
            ("", false),
        ] {
            let line = line.replace(' ', "\0");
            assert_eq!(runs_itself(line.as_bytes()), expected, "{line}");
        }
    }
}
