//! Why a request failed, in plain words.

use std::io;

use scratchdbg_backend::chain;

/// Returns the message of the innermost error. The outer errors only state that something failed.
pub(super) fn innermost(error: &kube::Error) -> String {
    if is_cut(error) {
        return CUT.to_owned();
    }
    let is_timeout = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    if sources(error).filter_map(|source| source.downcast_ref()).any(is_timeout) {
        return "it does not answer".to_owned();
    }
    sources(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Returns why an answer could not be read to its end.
pub(super) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    if is_cut(error) { CUT.to_owned() } else { chain(error) }
}

const CUT: &str = "the connection was cut";

/// Whether the other side, or something between, closed the connection too early. TLS reports this
/// in words of its own.
fn is_cut(error: &(dyn std::error::Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    sources(error).filter_map(|source| source.downcast_ref::<io::Error>()).any(|error| {
        matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
    })
}

/// Returns an error and its causes, the innermost last.
fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_cut_is_told_in_plain_words() {
        for (kind, cut) in [
            (io::ErrorKind::UnexpectedEof, true),
            (io::ErrorKind::ConnectionReset, true),
            (io::ErrorKind::ConnectionRefused, false),
        ] {
            let error = kube::Error::Service(io::Error::new(kind, "without close_notify").into());
            assert_eq!(is_cut(&error), cut, "{kind}");
            assert_eq!(innermost(&error), if cut { CUT } else { "without close_notify" });
            assert_eq!(words(&error) == CUT, cut);
        }
        let late = io::Error::new(io::ErrorKind::TimedOut, "deadline has elapsed");
        assert_eq!(innermost(&kube::Error::Service(late.into())), "it does not answer");
    }
}
