//! Finds the words that differ between lines of one pattern though they do not look like values:
//! names of users, hosts, classes.
//!
//! Patterns of equal length that differ in one place, or in two, are one if there are many of
//! them, or if a value is in that place in one of them. Levels and states, which are few and
//! written in capitals, are told apart.

use std::collections::HashMap;

/// The number of the value among the words.
pub(super) const VALUE: u32 = 0;

/// How many words in one place are taken for values.
const MANY: usize = 5;

/// How many words at the beginning of a line, which mostly says what the line is about.
const MANY_FIRST: usize = 12;

/// How many words in capitals, which are mostly states of something.
const MANY_CAPITALS: usize = 16;

/// How often all places are looked at.
const MAX_ROUNDS: usize = 6;

/// How often patterns are looked at for pairs of places, all in all.
const MAX_LOOKS: usize = 1_500_000;

/// How a word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    Plain,
    Capitals,
    Level,
}

/// What became of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Merged {
    /// The number of its group.
    pub(super) group: usize,
    /// For each of its words, whether it is a value.
    pub(super) values: Vec<bool>,
    /// The words that begin the group's words: several values in a row are one.
    pub(super) starts: Vec<usize>,
}

/// Groups patterns. `writing` tells of each word, by its number, how it is written.
pub(super) fn merge(patterns: &[Vec<u32>], writing: &[Writing]) -> Vec<Merged> {
    let mut merged: Vec<_> = patterns
        .iter()
        .map(|words| Merged {
            group: 0,
            values: vec![false; words.len()],
            starts: (0..words.len()).collect(),
        })
        .collect();
    let mut groups = Groups::default();
    let mut looks = MAX_LOOKS;
    for (words, merged) in patterns.iter().zip(&mut merged) {
        merged.group = groups.number(words.clone());
    }
    for _ in 0..MAX_ROUNDS {
        let changed = groups.round(writing, &mut looks);
        let mut joined = Groups::default();
        let before = groups.words.len();
        let numbers: Vec<_> = (0..before)
            .map(|group| joined.number(collapsed(&groups.words[groups.root(group)])))
            .collect();
        let shorter =
            (0..before).any(|group| joined.words[numbers[group]].len() < groups.words[group].len());
        for merged in &mut merged {
            note(merged, &groups.words[groups.root(merged.group)]);
            merged.group = numbers[merged.group];
        }
        groups = joined;
        if !changed && !shorter {
            break;
        }
    }
    merged
}

/// Notes which words are values, and joins values in a row.
fn note(merged: &mut Merged, words: &[u32]) {
    for (at, _) in words.iter().enumerate().filter(|(_, word)| **word == VALUE) {
        let end = merged.starts.get(at + 1).copied().unwrap_or(merged.values.len());
        merged.values[merged.starts[at]..end].fill(true);
    }
    let mut at = 0;
    merged.starts.retain(|_| {
        at += 1;
        at == 1 || words[at - 1] != VALUE || words[at - 2] != VALUE
    });
}

fn collapsed(words: &[u32]) -> Vec<u32> {
    let mut words = words.to_vec();
    words.dedup_by(|a, b| *a == VALUE && *b == VALUE);
    words
}

/// Patterns, each once.
#[derive(Debug, Default)]
struct Groups {
    words: Vec<Vec<u32>>,
    numbers: HashMap<Vec<u32>, usize>,
    /// The sum of the numbers that stand for each word in its place.
    hashes: Vec<u64>,
    /// The pattern that a pattern is a part of, or itself.
    parents: Vec<usize>,
}

impl Groups {
    fn number(&mut self, words: Vec<u32>) -> usize {
        let next = self.words.len();
        let number = *self.numbers.entry(words.clone()).or_insert(next);
        if number == next {
            self.hashes.push(hash(&words));
            self.words.push(words);
            self.parents.push(next);
        }
        number
    }

    fn root(&self, mut group: usize) -> usize {
        while self.parents[group] != group {
            group = self.parents[group];
        }
        group
    }

    /// Looks at all places once, and reports whether groups were joined.
    fn round(&mut self, writing: &[Writing], looks: &mut usize) -> bool {
        let mut by_length: HashMap<usize, Vec<usize>> = HashMap::new();
        for (group, words) in self.words.iter().enumerate() {
            by_length.entry(words.len()).or_default().push(group);
        }
        let mut by_length: Vec<_> = by_length.into_iter().collect();
        by_length.sort_unstable();
        let mut changed = false;
        for (length, mut groups) in by_length {
            for at in 0..length {
                changed |= self.join(&mut groups, &[at], writing);
            }
            let needed = length * length / 2 * groups.len();
            if length >= 4 && groups.len() >= MANY && needed <= *looks {
                *looks -= needed;
                for first in 0..length {
                    for second in first + 1..length {
                        changed |= self.join(&mut groups, &[first, second], writing);
                    }
                }
            }
        }
        changed
    }

    /// Returns a number for the words outside of the places.
    fn hash_without(&self, group: usize, places: &[usize]) -> u64 {
        let words = &self.words[group];
        places
            .iter()
            .fold(self.hashes[group], |sum, place| sum.wrapping_sub(hash_of(*place, words[*place])))
    }

    /// Joins those of the groups that differ in these places only, if these are values.
    fn join(&mut self, groups: &mut Vec<usize>, places: &[usize], writing: &[Writing]) -> bool {
        let key = |group: &usize| (self.hash_without(*group, places), *group);
        let mut keys: Vec<_> = groups.iter().map(key).collect();
        keys.sort_unstable();
        let mut changed = false;
        for alike in keys.chunk_by(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
            let root = alike[0].1;
            let fixed = fixed_words(&self.words[root], places);
            let is_value = |place: &usize| {
                let mut words: Vec<_> =
                    alike.iter().map(|(_, group)| self.words[*group][*place]).collect();
                words.sort_unstable();
                words.dedup();
                is_value(&words, *place, fixed, places.len() > 1, writing)
            };
            if !places.iter().all(is_value) {
                continue;
            }
            changed = true;
            for (_, group) in &alike[1..] {
                self.parents[*group] = root;
            }
            for place in places {
                self.words[root][*place] = VALUE;
            }
            self.hashes[root] = hash(&self.words[root]);
        }
        if changed {
            groups.retain(|group| self.parents[*group] == *group);
        }
        changed
    }
}

/// Returns how many words beside these places are no values.
fn fixed_words(words: &[u32], places: &[usize]) -> usize {
    words.iter().enumerate().filter(|(at, word)| **word != VALUE && !places.contains(at)).count()
}

/// Reports whether different words in one place are values. `fixed` is the number of other words
/// that the lines have in common. `one_of_two` means that another place differs too.
fn is_value(
    words: &[u32],
    place: usize,
    fixed: usize,
    one_of_two: bool,
    writing: &[Writing],
) -> bool {
    let plain = words.iter().filter(|word| **word != VALUE);
    let count = plain.clone().count();
    // A name can be written like a level, but not half of them are.
    let mostly = |as_what| {
        2 * plain.clone().filter(|word| writing[**word as usize] == as_what).count() >= count.max(1)
    };
    if fixed == 0 || mostly(Writing::Level) || (mostly(Writing::Capitals) && count < MANY_CAPITALS)
    {
        return false;
    }
    let many = if place == 0 { MANY_FIRST } else { MANY };
    match fixed {
        1 if one_of_two => false,
        1 => count >= many * 3 || (count < words.len() && count > 2),
        _ if one_of_two => count >= many,
        _ => count >= many || count < words.len(),
    }
}

fn hash(words: &[u32]) -> u64 {
    words.iter().enumerate().fold(0, |sum, (at, word)| sum.wrapping_add(hash_of(at, *word)))
}

/// Returns a number that stands for a word in a place (the finalizer of `SplitMix64`).
fn hash_of(place: usize, word: u32) -> u64 {
    let mut hash = (place as u64) << 32 | u64::from(word);
    hash = (hash ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
