//! Watches the keys typed in a session with a terminal: the detach keys, and keys that ask a
//! program to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tokio::sync::Notify;

/// Ctrl-C, Ctrl-D and Ctrl-\.
const ASKS_FOR_THE_END: [u8; 3] = [0x03, 0x04, 0x1c];

/// The state derived from the keys typed so far. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    detached: AtomicBool,
    asked: Notify,
    /// The exit code of the signal that the last key sends, or 0.
    signaled: AtomicU8,
}

impl Typed {
    /// Whether the detach keys were typed. The engine then ends the streams, and nothing else.
    pub(crate) fn detached(&self) -> bool {
        self.0.detached.load(Ordering::Relaxed)
    }

    /// Returns the exit code of a program that the last key ends: Ctrl-C and Ctrl-\ are signals
    /// where the terminal is not raw.
    pub(crate) fn signal(&self) -> Option<u8> {
        Some(self.0.signaled.load(Ordering::Relaxed)).filter(|&code| code != 0)
    }

    /// Records that the user asked the command to end.
    pub(crate) fn ask(&self) {
        self.0.asked.notify_one();
    }

    /// Waits until the user asks the command to end.
    pub(crate) async fn asked(&self) {
        self.0.asked.notified().await;
    }
}

/// Watches the keys on their way to the session.
#[derive(Debug)]
pub(crate) struct Keys {
    detach: Vec<u8>,
    /// The most recent keys, as many as the detach sequence has.
    last: Vec<u8>,
    typed: Typed,
}

impl Keys {
    /// Creates a watcher for this detach sequence.
    pub(crate) fn watch(detach: Vec<u8>, typed: Typed) -> Self {
        Self { detach, last: Vec::new(), typed }
    }

    /// Processes keys that were typed. Returns how many of them are the session's, if the rest
    /// completes the detach sequence. The sequence is found wherever it begins, also if its first
    /// keys were typed once more before it; engines do not find it then.
    pub(crate) fn see(&mut self, keys: &[u8]) -> Option<usize> {
        for (index, &key) in keys.iter().enumerate() {
            let signaled = match key {
                0x03 => 130,
                0x1c => 131,
                _ => 0,
            };
            self.typed.0.signaled.store(signaled, Ordering::Relaxed);
            if ASKS_FOR_THE_END.contains(&key) {
                self.typed.ask();
            }
            if self.last.len() == self.detach.len() && !self.last.is_empty() {
                self.last.remove(0);
            }
            self.last.push(key);
            if !self.detach.is_empty() && self.last.ends_with(&self.detach) {
                self.typed.0.detached.store(true, Ordering::Relaxed);
                return Some((index + 1).saturating_sub(self.detach.len()));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detaches(keys: &[u8], typed: &[&[u8]]) -> bool {
        let seen = Typed::default();
        let mut watch = Keys::watch(keys.to_vec(), seen.clone());
        for keys in typed {
            watch.see(keys);
        }
        seen.detached()
    }

    #[test]
    fn what_was_typed_before_the_detach_keys_is_the_sessions() {
        let mut watch = Keys::watch(b"aab".to_vec(), Typed::default());
        assert_eq!(watch.see(b"xa"), None);
        assert_eq!(watch.see(b"aa"), None);
        assert_eq!(watch.see(b"bx"), Some(0), "the rest of the keys came before");
        let mut watch = Keys::watch(b"aab".to_vec(), Typed::default());
        assert_eq!(watch.see(b"aaab"), Some(1));
        let mut watch = Keys::watch(b"abac".to_vec(), Typed::default());
        assert_eq!(watch.see(b"xababacx"), Some(3));
    }

    #[test]
    fn detach_keys_are_known_however_they_come() {
        for typed in [&[&b"ls\r\x10\x11"[..]][..], &[b"\x10", b"\x11"], &[b"\x10\x10", b"\x11x"]] {
            assert!(detaches(b"\x10\x11", typed), "{typed:?}");
        }
        for typed in [&[][..], &[&b"\x11\x10"[..]], &[b"\x10", b"x", b"\x11"]] {
            assert!(!detaches(b"\x10\x11", typed), "{typed:?}");
        }
        assert!(!detaches(b"\x18q", &[b"\x10\x11"]));
        assert!(!detaches(b"", &[b"\x10\x11"]), "there are none");
    }

    #[test]
    fn the_last_key_may_be_a_signal() {
        for (keys, signal) in [
            (&b"\x03"[..], Some(130)),
            (b"ls\x1c", Some(131)),
            (b"\x03a", None),
            (b"", None),
            (b"\x04", None),
        ] {
            let typed = Typed::default();
            Keys::watch(Vec::new(), typed.clone()).see(keys);
            assert_eq!(typed.signal(), signal, "{keys:?}");
        }
    }

    #[tokio::test]
    async fn keys_that_ask_for_the_end_are_noticed() {
        for (keys, asks) in
            [(&b"ls\r"[..], false), (b"\x03", true), (b"exit\x04", true), (b"\x1c", true)]
        {
            let typed = Typed::default();
            Keys::watch(Vec::new(), typed.clone()).see(keys);
            let asked =
                tokio::time::timeout(std::time::Duration::from_millis(1), typed.asked()).await;
            assert_eq!(asked.is_ok(), asks, "{keys:?}");
        }
    }
}
