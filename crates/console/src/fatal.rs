//! Signals that end this process at once. Their handler restores the terminal first.
//!
//! The signals that ask a command to end are received elsewhere (see [`crate::signals`]). A handler
//! may call hardly anything: `tcsetattr(3)`, `sigaction(2)` and `raise(3)` are allowed.

#![expect(
    unsafe_code,
    reason = "no dependency sets a handler that restores something and lets the signal end the process"
)]

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{c_int, termios};

/// The terminal's settings to restore. Null while nothing is to be restored.
static SETTINGS: AtomicPtr<termios> = AtomicPtr::new(ptr::null_mut());

/// The previous action of each signal, by number.
static BEFORE: OnceLock<Vec<Option<libc::sigaction>>> = OnceLock::new();

/// The signals whose default action does not end a process, and those that cannot be caught.
const OTHERS: [c_int; 9] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGCONT,
    libc::SIGCHLD,
    libc::SIGURG,
    libc::SIGWINCH,
];

/// Faults of this process. The standard library has a handler for them, which reports stack
/// overflows.
const FAULTS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Saves the settings of standard input, a terminal, before they are changed.
pub(crate) fn save() {
    BEFORE.get_or_init(catch);
    let mut settings = MaybeUninit::<termios>::uninit();
    // SAFETY: the pointer is valid for one `termios`, which is read only if the call has filled it.
    let saved = unsafe {
        (libc::tcgetattr(libc::STDIN_FILENO, settings.as_mut_ptr()) == 0)
            .then(|| settings.assume_init())
    };
    if let Some(settings) = saved {
        // Never freed, because a handler may be reading it. A session leaks a few bytes, once.
        SETTINGS.store(Box::leak(Box::new(settings)), Ordering::Release);
    }
}

/// Forgets the saved settings, because the terminal has them again.
pub(crate) fn forget() {
    SETTINGS.store(ptr::null_mut(), Ordering::Release);
}

/// Catches all signals that would end the process. Returns their previous actions, by number.
fn catch() -> Vec<Option<libc::sigaction>> {
    let catch = |signal: c_int| {
        if OTHERS.contains(&signal) {
            return None;
        }
        let before = action(signal, None)?;
        // Signals that are ignored or have a handler keep their action.
        let ends = before.sa_sigaction == libc::SIG_DFL || FAULTS.contains(&signal);
        ends.then_some(before)
    };
    let before: Vec<_> = (0..=libc::SIGRTMAX()).map(catch).collect();
    for (signal, _) in (0..).zip(&before).filter(|(_, before)| before.is_some()) {
        // SAFETY: all zeros are a valid `sigaction`: no flags, and no blocked signal.
        let mut ours: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        ours.sa_sigaction =
            restore as extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void) as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        action(signal, Some(&ours));
    }
    before
}

/// Whether a signal is ignored. The parent process may have set this.
pub(crate) fn is_ignored(signal: c_int) -> bool {
    action(signal, None).is_some_and(|action| action.sa_sigaction == libc::SIG_IGN)
}

/// Sets the action of a signal, if there is a new one. Returns the old one.
fn action(signal: c_int, new: Option<&libc::sigaction>) -> Option<libc::sigaction> {
    let mut old = MaybeUninit::<libc::sigaction>::uninit();
    let new = new.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: both pointers are null or valid for one `sigaction`; the old one is read only if the
    // call has filled it.
    unsafe { (libc::sigaction(signal, new, old.as_mut_ptr()) == 0).then(|| old.assume_init()) }
}

/// The signal handler.
extern "C" fn restore(signal: c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let settings = SETTINGS.load(Ordering::Acquire);
    let before = usize::try_from(signal).ok().and_then(|at| BEFORE.get()?.get(at)?.as_ref());
    // SAFETY: `settings` is null or a `termios` that is never freed; `info` belongs to the kernel,
    // and is valid while the handler runs. The calls are safe in a handler (signal-safety(7)).
    unsafe {
        if !settings.is_null() {
            libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, settings);
        }
        let default: libc::sigaction = MaybeUninit::zeroed().assume_init();
        libc::sigaction(signal, before.map_or(&raw const default, ptr::from_ref), ptr::null_mut());
        // A fault occurs again by itself, and then the library's handler receives its address.
        let is_fault = !info.is_null() && (*info).si_code > 0;
        if !is_fault {
            libc::raise(signal);
        }
    }
}
