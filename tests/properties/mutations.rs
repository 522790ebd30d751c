//! Runs every target on the seeds and on mutations of them.
//!
//! This is a short form of fuzzing in every run of the tests: the stable toolchain, the same inputs
//! each time, a few seconds.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::targets;

/// A function that accepts any input.
type Target = fn(&[u8]);

/// Every target by its name, which is also that of its folder of seeds and of its program in
/// `fuzz/`.
const TARGETS: [(&str, Target); 6] = [
    ("archive", targets::archive),
    ("change_set", targets::change_set),
    ("manifest", targets::manifest),
    ("plan_file", targets::plan_file),
    ("rendered", targets::rendered),
    ("template", targets::template),
];

/// How many mutations are made of each seed.
const MUTATIONS: usize = 150;

/// How long one input may take. Most take a millisecond.
const LIMIT: Duration = Duration::from_secs(10);

/// Tokens of the inputs, for mutations that are more than noise.
const TOKENS: [&str; 32] = [
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    "{{",
    "}}",
    "{%",
    "%}",
    ":",
    ",",
    "\n",
    "\t",
    "  ",
    "- ",
    "#",
    "!",
    "!Ref ",
    "!Sub ",
    "Fn::If",
    "AWS::NoValue",
    "${",
    "\\u0000",
    "\u{0}",
    "\u{feff}",
    "é",
    "🦀",
    "null",
    "-1",
    "99999999999999999999",
    "1e999",
];

/// Pseudorandom numbers, the same in each run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns a number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }
}

/// Returns an input with one to four places changed.
fn mutated(seed: &[u8], others: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut input = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        let start = numbers.below(input.len() + 1);
        let end = (start + numbers.below(16)).min(input.len());
        match numbers.below(6) {
            0 => drop(input.drain(start..end)),
            1 => input.truncate(start),
            2 => {
                let copy = input[start..end].to_vec();
                input.splice(start..start, copy);
            }
            3 => {
                if let Some(byte) = input.get_mut(start) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
            4 => {
                let token = TOKENS[numbers.below(TOKENS.len())];
                input.splice(start..end, token.bytes());
            }
            _ => {
                let other = &others[numbers.below(others.len())];
                let from = numbers.below(other.len() + 1);
                let to = (from + numbers.below(64)).min(other.len());
                input.splice(start..end, other[from..to].iter().copied());
            }
        }
    }
    input
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/properties/seeds")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Runs every target on its seeds and their mutations. Sends each input before it is run.
fn run_targets(inputs: &Sender<(&'static str, Vec<u8>)>) {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for seed in &seeds {
            for mutation in 0..=MUTATIONS {
                let input = match mutation {
                    0 => seed.clone(),
                    _ => mutated(seed, &seeds, &mut numbers),
                };
                inputs.send((name, input.clone())).unwrap();
                let run = catch_unwind(AssertUnwindSafe(|| target(&input)));
                assert!(
                    run.is_ok(),
                    "{name} failed on {:?}",
                    String::from_utf8_lossy(&input)
                );
            }
        }
    }
}

#[test]
fn targets_accept_all_seeds_and_mutations() {
    let (sender, inputs) = mpsc::channel();
    let running = thread::spawn(move || run_targets(&sender));
    let mut current = ("", Vec::new());
    loop {
        match inputs.recv_timeout(LIMIT) {
            Ok(input) => current = input,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!(
                "{} takes longer than {LIMIT:?} on {:?}",
                current.0,
                String::from_utf8_lossy(&current.1)
            ),
        }
    }
    running.join().unwrap();
}
