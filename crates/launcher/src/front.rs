//! The front of a launcher: the process that the platform started, with the launcher beside it.
//!
//! containerd kills the process of an exec whose streams are broken. If that were the launcher,
//! the processes of its session would be left to the first process of the target, which may reap
//! nothing. So it is a process that does no more than wait for the launcher. The launcher is its
//! sibling, a child of the runtime, and outlives it for as long as it takes to end and reap the
//! session.

use std::ffi::{CStr, OsString};
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::{io, net};

use crate::system::{self, SIGHUP, SIGKILL, Signals};
use crate::{finish, run};

/// The first argument of this role, and that of the launcher's own, as keepers look for them.
pub(crate) const ROLE: &str = "via";
const OWN: &CStr = c"via";
const LAUNCHERS: &CStr = c"run";

/// Runs the launcher beside this process, and returns its exit code. Its command line shows `run`
/// in the place of `via`. If it cannot be beside this process, it is this process.
pub(crate) fn via(program: &Path, arguments: &[OsString]) -> Result<u8, String> {
    let launcher = |front: Option<UnixStream>| {
        system::rename_role(OWN, LAUNCHERS);
        run::run(program, arguments, front)
    };
    let Ok((ours, theirs)) = UnixStream::pair() else { return launcher(None) };
    let (mut kept, mut given) = (Some(ours), Some(theirs));
    let copied = system::fork_beside(|| {
        // Until it is closed everywhere, the other end does not see the end of this process.
        drop(kept.take());
        let told = given.as_ref().and_then(|front| front.try_clone().ok());
        let code = finish(launcher(given.take()));
        let _front_is_gone = told.map(|mut front| front.write_all(&[code]));
        code
    });
    match (copied, kept) {
        (Ok(()), Some(launcher)) => {
            drop(given);
            wait(launcher).map_err(|error| format!("cannot wait for the launcher: {error}"))
        }
        // The first process of a container has no sibling. There may be no room for one, and a
        // seccomp profile may refuse it.
        _ => launcher(None),
    }
}

/// Waits for the end of the launcher.
fn wait(mut launcher: UnixStream) -> io::Result<u8> {
    let signals = Signals::block_all()?;
    // A keeper looks into each process for one that holds its input. There is no secret in this
    // one, which has not read any.
    let _stays_hidden = system::make_accessible();
    loop {
        let ready = [Some(signals.descriptor()), Some(launcher.as_fd())];
        let [is_signaled, is_over] = system::wait_readable(ready, None)?;
        if is_over {
            let mut code = [0];
            let is_told = launcher.read_exact(&mut code).is_ok();
            return Ok(if is_told { code[0] } else { system::killed_by(SIGKILL) });
        }
        if is_signaled {
            let signal = signals.next()?;
            // The leader of a terminal's session is told that it hung up: the client is gone. Other
            // signals are the launcher's.
            if signal.number == SIGHUP && !signal.from_process {
                launcher.shutdown(net::Shutdown::Write)?;
            }
        }
    }
}
