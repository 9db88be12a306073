//! The credentials that were sent, to be taken out of what a cluster says: it may repeat them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::http::HeaderValue;

/// How many headers are remembered: an answer may come after the next one was sent.
const REMEMBERED: usize = 4;

/// A shorter text may be a part of any word.
const SHORTEST: usize = 4;

/// The headers that were sent last. Not `Debug`: they are secrets.
#[derive(Default)]
pub(super) struct Sent(Mutex<VecDeque<HeaderValue>>);

impl Sent {
    /// Remembers a header.
    pub(super) fn note(&self, header: &HeaderValue) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !sent.contains(header) {
            sent.push_back(header.clone());
            if sent.len() > REMEMBERED {
                sent.pop_front();
            }
        }
    }

    /// Returns a text without the credentials.
    pub(super) fn taken_out(&self, text: String) -> String {
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets = sent.iter().flat_map(secrets);
        secrets.fold(text, |text, secret| text.replace(&secret, "…"))
    }
}

/// Returns the token or the pair of a header, and the password of a pair.
fn secrets(header: &HeaderValue) -> Vec<String> {
    let text = header.to_str().unwrap_or_default();
    let Some((scheme, value)) = text.split_once(' ') else { return Vec::new() };
    let mut found = vec![value.to_owned()];
    if scheme == "Basic" {
        let pair = STANDARD.decode(value).ok().and_then(|pair| String::from_utf8(pair).ok());
        found.extend(pair.as_ref().and_then(|pair| Some(pair.split_once(':')?.1.to_owned())));
    }
    found.retain(|secret| secret.len() >= SHORTEST);
    found
}

#[cfg(test)]
mod tests {
    use scratchdbg_secrets::Secret;

    use super::super::{basic, bearer};
    use super::*;

    #[test]
    fn what_a_cluster_repeats_is_taken_out() {
        let sent = Sent::default();
        let text = "bad header Authorization: Bearer SECRET-1, SECRET-1";
        assert_eq!(sent.taken_out(text.to_owned()), text);
        sent.note(&bearer(&Secret::new("SECRET-1")).unwrap());
        sent.note(&basic("me", &Secret::new("SECRET:2")).unwrap());
        assert_eq!(sent.taken_out(text.to_owned()), "bad header Authorization: Bearer …, …");
        assert_eq!(sent.taken_out("bWU6U0VDUkVUOjI= is me:SECRET:2".into()), "… is me:…");
        for number in 0..9 {
            sent.note(&bearer(&Secret::new(format!("SECRET-{number}"))).unwrap());
        }
        assert_eq!(sent.taken_out("SECRET-8 SECRET-5".to_owned()), "… …");
    }
}
