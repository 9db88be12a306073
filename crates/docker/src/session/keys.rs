//! What is typed in a session on a terminal, as far as it matters to the client: the detach keys, and keys that ask a program
//! to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// What engines take for the detach keys where no others are named.
const DOCKERS: &str = "ctrl-p,ctrl-q";

/// Ctrl-C, Ctrl-D and Ctrl-\.
const ASKS_FOR_THE_END: [u8; 3] = [0x03, 0x04, 0x1c];

/// What has been typed so far. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    detached: AtomicBool,
    asked: Notify,
}

impl Typed {
    /// The detach keys have been pressed: the engine ends the streams, and nothing else.
    pub(super) fn detached(&self) -> bool {
        self.0.detached.load(Ordering::Relaxed)
    }

    /// Somebody wishes that the command would end.
    pub(super) fn ask(&self) {
        self.0.asked.notify_one();
    }

    /// Waits for that wish.
    pub(super) async fn asked(&self) {
        self.0.asked.notified().await;
    }
}

/// Sees the keys on their way to the session.
#[derive(Debug)]
pub(super) struct Keys {
    detach: Vec<u8>,
    /// The last keys, as many as detach.
    last: Vec<u8>,
    typed: Typed,
}

impl Keys {
    /// Watches for these detach keys, in Docker's words; for Docker's own where there are none.
    pub(super) fn watch(detach: Option<&str>, typed: Typed) -> Self {
        let detach = codes(detach.unwrap_or(DOCKERS)).unwrap_or_default();
        Self { detach, last: Vec::new(), typed }
    }

    /// Sees some keys.
    pub(super) fn see(&mut self, keys: &[u8]) {
        for &key in keys {
            if ASKS_FOR_THE_END.contains(&key) {
                self.typed.ask();
            }
            if self.last.len() == self.detach.len() && !self.last.is_empty() {
                self.last.remove(0);
            }
            self.last.push(key);
            if !self.detach.is_empty() && self.last.ends_with(&self.detach) {
                self.typed.0.detached.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// The bytes of keys such as `ctrl-p,ctrl-q` or `ctrl-x,q` (moby/term, `ascii.go`); nothing of what is none.
fn codes(keys: &str) -> Option<Vec<u8>> {
    let code = |key: &str| match (key.as_bytes(), key.strip_prefix("ctrl-").map(str::as_bytes)) {
        ([key], _) => Some(*key),
        (_, Some([letter @ b'a'..=b'z'])) => Some(letter - b'a' + 1),
        (_, Some(b"@")) => Some(0),
        (_, Some([sign @ b'['..=b'_'])) => Some(sign - b'[' + 27),
        _ => None,
    };
    keys.split(',').map(code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detaches(keys: Option<&str>, typed: &[&[u8]]) -> bool {
        let seen = Typed::default();
        let mut watch = Keys::watch(keys, seen.clone());
        for keys in typed {
            watch.see(keys);
        }
        seen.detached()
    }

    #[test]
    fn detach_keys_are_known_however_they_come() {
        for typed in [&[&b"ls\r\x10\x11"[..]][..], &[b"\x10", b"\x11"], &[b"\x10\x10", b"\x11x"]] {
            assert!(detaches(None, typed), "{typed:?}");
        }
        assert!(detaches(Some("ctrl-x,q"), &[b"\x18q"]));
        assert!(detaches(Some("ctrl-@,ctrl-_,ctrl-["), &[b"\x00\x1f\x1b"]));
        for typed in [&[][..], &[&b"\x11\x10"[..]], &[b"\x10", b"x", b"\x11"]] {
            assert!(!detaches(None, typed), "{typed:?}");
        }
        assert!(!detaches(Some("ctrl-x,q"), &[b"\x10\x11"]));
        assert!(!detaches(Some("no such keys"), &[b"no such keys"]));
    }

    #[tokio::test]
    async fn keys_that_ask_for_the_end_are_noticed() {
        for (keys, asks) in [(&b"ls\r"[..], false), (b"\x03", true), (b"exit\x04", true), (b"\x1c", true)] {
            let typed = Typed::default();
            Keys::watch(None, typed.clone()).see(keys);
            let asked = tokio::time::timeout(std::time::Duration::from_millis(1), typed.asked()).await;
            assert_eq!(asked.is_ok(), asks, "{keys:?}");
        }
    }
}
