//! Finds the names of files that a program may open, by searching its bytes.
//!
//! A static binary contains the names of the files that its libraries open: certificates, time
//! zones, `/etc/passwd`. The search is for bytes and not for NUL-terminated strings, because Go's
//! strings are not terminated. A mention is a hint, not a proof: the code that uses the name may
//! never run.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};

/// A resource outside of a binary that it may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A bundle of CA certificates.
    CaCertificates,
    /// The time zone database.
    TimeZones,
    /// A time zone database inside the binary (Go's `time/tzdata`).
    EmbeddedTimeZones,
    /// `/tmp`.
    Tmp,
    /// `/etc/passwd`.
    Passwd,
    /// `/etc/nsswitch.conf`.
    Nsswitch,
    /// `/etc/services` or `/etc/protocols`.
    Services,
    /// The name service modules that glibc loads at run time.
    GlibcNss,
    /// A shell.
    Shell,
}

/// The names to search for. The longest name limits how much of a match can be in the previous
/// chunk.
const PATTERNS: &[(&str, Topic)] = &[
    ("/etc/ssl/certs/ca-certificates.crt", Topic::CaCertificates),
    ("/etc/ssl/cert.pem", Topic::CaCertificates),
    ("/etc/pki/tls/certs", Topic::CaCertificates),
    ("SSL_CERT_FILE", Topic::CaCertificates),
    ("/usr/share/zoneinfo", Topic::TimeZones),
    ("zoneinfo.zip", Topic::TimeZones),
    ("/etc/localtime", Topic::TimeZones),
    ("time/tzdata", Topic::EmbeddedTimeZones),
    ("/tmp", Topic::Tmp),
    ("TMPDIR", Topic::Tmp),
    ("/etc/passwd", Topic::Passwd),
    ("/etc/nsswitch.conf", Topic::Nsswitch),
    ("/etc/services", Topic::Services),
    ("/etc/protocols", Topic::Services),
    ("libnss_", Topic::GlibcNss),
    ("/bin/sh", Topic::Shell),
];
const LONGEST: usize = 34;

/// The topics that a program mentions, each with the first name that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    found: BTreeMap<Topic, &'static str>,
}

impl Mentions {
    /// Returns the name by which the program mentions `topic`.
    pub fn get(&self, topic: Topic) -> Option<&'static str> {
        self.found.get(&topic).copied()
    }

    /// Returns all topics with the names that were found, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Topic, &'static str)> {
        self.found.iter().map(|(&topic, &name)| (topic, name))
    }
}

/// Searches a file chunk by chunk, as fast as memory can be read. Can be used while the file is
/// read for another purpose.
#[derive(Debug)]
pub struct MentionScanner {
    /// `None` if the automaton could not be built, which cannot happen with these patterns. Nothing
    /// is found then.
    automaton: Option<AhoCorasick>,
    found: Mentions,
    /// The end of the previous chunk, in which a name may have begun.
    tail: Vec<u8>,
}

impl Default for MentionScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl MentionScanner {
    /// Returns a scanner at the beginning of a file.
    pub fn new() -> Self {
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(PATTERNS.iter().map(|(pattern, _)| pattern))
            .ok();
        Self { automaton, found: Mentions::default(), tail: Vec::new() }
    }

    /// Searches the next chunk, of any length. Large chunks are faster.
    pub fn push(&mut self, chunk: &[u8]) {
        let Some(automaton) = &self.automaton else { return };
        if self.found.found.len() == TOPICS {
            return;
        }
        if !self.tail.is_empty() {
            self.tail.extend_from_slice(&chunk[..chunk.len().min(LONGEST - 1)]);
            search(automaton, &self.tail, &mut self.found);
        }
        search(automaton, chunk, &mut self.found);
        if chunk.len() >= LONGEST - 1 || self.tail.is_empty() {
            self.tail.clear();
            self.tail.extend_from_slice(&chunk[chunk.len().saturating_sub(LONGEST - 1)..]);
        } else {
            // The tail already includes the chunk.
            let surplus = self.tail.len().saturating_sub(LONGEST - 1);
            self.tail.drain(..surplus);
        }
    }

    /// Returns the result.
    pub fn finish(self) -> Mentions {
        self.found
    }
}

/// The number of topics. Once all are found, the rest of the file need not be searched.
const TOPICS: usize = 9;

fn search(automaton: &AhoCorasick, bytes: &[u8], found: &mut Mentions) {
    for hit in automaton.find_iter(bytes) {
        if let Some(&(name, topic)) = PATTERNS.get(hit.pattern().as_usize()) {
            found.found.entry(topic).or_insert(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn scan(bytes: &[u8], piece: usize) -> Mentions {
        let mut scanner = MentionScanner::new();
        for chunk in bytes.chunks(piece) {
            scanner.push(chunk);
        }
        scanner.finish()
    }

    #[test]
    fn constants_fit_the_patterns() {
        assert_eq!(PATTERNS.iter().map(|(pattern, _)| pattern.len()).max(), Some(LONGEST));
        assert_eq!(PATTERNS.iter().map(|(_, topic)| topic).collect::<BTreeSet<_>>().len(), TOPICS);
    }

    #[test]
    fn every_pattern_is_found_however_the_file_is_cut() {
        for &(pattern, topic) in PATTERNS {
            // As in Go: surrounded by other strings, without NUL.
            let file = [b"abc".as_slice(), pattern.as_bytes(), b"def/etc/pass".as_slice()].concat();
            for piece in 1..=file.len() {
                let found = scan(&file, piece);
                assert_eq!(
                    found.iter().collect::<Vec<_>>(),
                    [(topic, pattern)],
                    "{pattern} by {piece}"
                );
            }
        }
    }

    #[test]
    fn near_misses() {
        for bytes in
            [&b""[..], b"/etc/passw", b"/tm p", b"LIBNSS_", b"/etc/ssl/certs", b"/bin/s\0h"]
        {
            assert_eq!(scan(bytes, 3), Mentions::default(), "{bytes:?}");
        }
    }
}
