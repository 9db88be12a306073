//! Changes the seeds at random for two minutes per target. Unlike a fuzzer, it needs no feedback
//! from the code.
//!
//!     cargo test -p scratchdbg --test fuzz -- --ignored --nocapture mutations_of::dockerfile
//!
//! Inputs that break a target are written to `fuzz/artifacts`.

use std::time::{Duration, Instant, SystemTime};

use crate::{SLOWEST, files, fuzz_folder};

const LONG: Duration = Duration::from_mins(2);
/// Longer inputs are cut.
const LARGEST: usize = 64 * 1024;

/// Marsaglia's xorshift: the quality of the numbers does not matter.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).unwrap_or_default()
    }

    /// Returns a part of `data`, usually a short one.
    fn part<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        let begin = self.below(data.len());
        let most = if self.below(4) == 0 { data.len() } else { 16 };
        let length = self.below(most + 1).min(data.len() - begin);
        &data[begin..begin + length]
    }
}

#[expect(clippy::print_stdout, reason = "who runs it by hand wants to know how often")]
pub(crate) fn run(name: &str, run: fn(&[u8])) {
    let folders = ["seeds", "regressions"].map(|folder| fuzz_folder().join(folder).join(name));
    let mut seeds: Vec<Vec<u8>> = folders
        .iter()
        .flat_map(|folder| files(folder))
        .map(|path| std::fs::read(path).expect("a seed"))
        .collect();
    for seed in &mut seeds {
        seed.truncate(LARGEST);
    }
    let first = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    let mut random = Random(u64::try_from(first & u128::from(u64::MAX)).unwrap_or(1) | 1);
    let begin = Instant::now();
    let mut runs = 0u64;
    while begin.elapsed() < LONG {
        let mut data = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(6) {
            change(&mut data, &seeds, &mut random);
        }
        data.truncate(LARGEST);
        let started = Instant::now();
        let outcome = std::panic::catch_unwind(|| run(&data));
        runs += 1;
        if outcome.is_err() || started.elapsed() > SLOWEST {
            let folder = fuzz_folder().join("artifacts").join(name);
            std::fs::create_dir_all(&folder).expect("a folder");
            let path = folder.join(format!("mutation-{:x}", random.0));
            std::fs::write(&path, &data).expect("a file");
            panic!("{name} broke, or took {:?}: {}", started.elapsed(), path.display());
        }
    }
    println!("{name}: {runs} runs");
}

fn change(data: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    const ODD: [&[u8]; 12] = [
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xe2\x82\xac",
        b"\r\n",
        b"${",
        b"}",
        b"\\",
        b"\"",
        b"99999999999",
        b"-1",
        b"/../",
    ];
    let at = random.below(data.len() + 1);
    match random.below(8) {
        0 if at < data.len() => data[at] ^= 1 << random.below(8),
        1 if at < data.len() => data[at] = u8::try_from(random.below(256)).unwrap_or_default(),
        2 => data.truncate(at),
        3 => {
            let end = (at + random.below(32)).min(data.len());
            data.drain(at..end);
        }
        4 => {
            let odd = ODD[random.below(ODD.len())];
            data.splice(at..at, odd.iter().copied());
        }
        5 => {
            let seed = &seeds[random.below(seeds.len())];
            let part = random.part(seed).to_vec();
            data.splice(at..at, part);
        }
        // Repeat it, a few or many times.
        6 => {
            let part = random.part(data).repeat(1 + random.below(40));
            data.splice(at..at, part);
        }
        _ => {
            let part = random.part(data).to_vec();
            let end = (at + part.len()).min(data.len());
            data.splice(at..end, part);
        }
    }
}
