//! The fuzzer's seeds, and mutations of them, go through the parsers: none panics, exhausts the stack or takes long.
#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that tests share")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use cube_tests::fuzzed::{TARGETS, Target};
use cube_tests::repository;

/// Far more than any seed needs, far less than a parser takes whose time grows faster than its text.
const LONGEST: Duration = Duration::from_secs(5);

/// How long the mutations of one target's seeds go on.
const MUTATING: Duration = Duration::from_millis(400);

/// Mutations that grow beyond this are cut: the time is better spent on many short ones.
const LARGEST: usize = 4096;

/// All seeds may have so many bytes.
const MOST_BYTES: usize = 250_000;

/// Pieces of text that parsers stumble over.
const PIECES: &[&[u8]] = &[
    b"&a ",
    b"*a",
    b"<<: ",
    b"!!int ",
    b"!!float ",
    b"!x ",
    b"? ",
    b"- ",
    b": ",
    b"\n  ",
    b"\t",
    b"\r",
    b"\r\n",
    b"---\n",
    b"...\n",
    b"|\n",
    b">-\n",
    b"%YAML 1.1\n",
    b"[",
    b"]",
    b"{",
    b"}",
    b"(",
    b")",
    b"\"",
    b"'",
    b"\\",
    b"\\u",
    b"\\x",
    b"#",
    b"0",
    b"-0",
    b"1e999",
    b"-1e-999",
    b".nan",
    b".inf",
    b"NaN",
    b"null",
    b"0x",
    b"0b1",
    b"1:30",
    b"1_0",
    b"9223372036854775808",
    b"18446744073709551616",
    b"180",
    b"-180.0",
    b"90",
    b"/",
    b"..",
    b",",
    b"in ",
    b">=",
    b"!=",
    b"%",
    b"%2",
    b"%ff",
    b"@",
    b"EMPTY",
    b"Z",
    b"+25:59",
    b"9999",
    b"0000",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xf0\x9f",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"\xcc\x81",
    b"\xd9\xa3",
    b"\xc2\xa0",
];

#[test]
fn every_seed_is_read_in_time() {
    let mut bytes = 0;
    for target in TARGETS {
        let (name, seeds) = (target.0, seeds(target.0));
        assert!(!seeds.is_empty(), "fuzz/corpus/{name} has no seed");
        let (mut accepted, mut refused) = (0, 0);
        for (file, seed) in &seeds {
            // What a fuzzer left there has no extension, and is not committed.
            bytes += if file.contains('.') { seed.len() } else { 0 };
            // A stack that overflows ends the process, with the name of the thread.
            match Reader::start(target, format!("{name}/{file}")).read(seed) {
                Ok(true) => accepted += 1,
                Ok(false) => refused += 1,
                Err(what) => panic!("fuzz/corpus/{name}/{file} {what}"),
            }
        }
        println!("{name}: {accepted} seeds accepted, {refused} refused");
        assert!(
            accepted > 0 && refused > 0,
            "the seeds of {name} do not reach both ends: {accepted} accepted, {refused} refused"
        );
    }
    assert!(bytes <= MOST_BYTES, "the seeds have {bytes} bytes; keep them below {MOST_BYTES}");
    let folders = std::fs::read_dir(repository().join("fuzz/corpus")).unwrap().count();
    assert_eq!(folders, TARGETS.len(), "a folder of fuzz/corpus belongs to no target");
}

#[test]
fn no_mutation_of_a_seed_panics() {
    for target in TARGETS {
        // A bomb takes the time of hundreds of others, whatever is changed in it.
        let small = |(name, seed): &(String, Vec<u8>)| seed.len() <= LARGEST && !name.contains("bomb");
        let seeds: Vec<Vec<u8>> = seeds(target.0).into_iter().filter(small).map(|(_, seed)| seed).collect();
        assert!(!seeds.is_empty(), "fuzz/corpus/{} has no seed", target.0);
        let reader = Reader::start(target, format!("mutations for {}", target.0));
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let begin = Instant::now();
        let mut count = 0;
        while count < 10 || begin.elapsed() < MUTATING {
            let text = random.mutation(&seeds);
            if let Err(what) = reader.read(&text) {
                panic!("{}: mutation {count} {what}; keep it as a seed: b\"{}\"", target.0, text.escape_ascii());
            }
            count += 1;
        }
        println!("{}: {count} mutations", target.0);
    }
}

#[test]
fn a_panic_and_a_stall_are_noticed() {
    let panics: Target = ("panics", |bytes| bytes[0] == 0);
    let reader = Reader::start(panics, "this panic is part of the test".to_owned());
    assert_eq!(reader.read(&[0]), Ok(true));
    assert!(reader.read(&[]).unwrap_err().contains("panics"));
    let stalls: Target = ("stalls", |_| {
        loop {
            thread::park();
        }
    });
    let stall = Reader::start(stalls, "stalls".to_owned()).read_within(&[], Duration::from_millis(10));
    assert!(stall.unwrap_err().contains("takes longer"));
}

/// A thread that reads texts, so that a stall is noticed; its stack is of the usual 2 MB.
struct Reader {
    texts: Sender<Vec<u8>>,
    verdicts: Receiver<bool>,
}

impl Reader {
    fn start((_, parser): Target, name: String) -> Self {
        let (texts, inbox) = channel::<Vec<u8>>();
        let (outbox, verdicts) = channel();
        let work = move || {
            for text in inbox {
                if outbox.send(parser(&text)).is_err() {
                    break;
                }
            }
        };
        thread::Builder::new().name(name).spawn(work).unwrap();
        Self { texts, verdicts }
    }

    /// Whether the text was accepted, or what happened instead.
    fn read(&self, text: &[u8]) -> Result<bool, String> {
        self.read_within(text, LONGEST)
    }

    fn read_within(&self, text: &[u8], longest: Duration) -> Result<bool, String> {
        self.texts.send(text.to_vec()).map_err(|_| "comes after a panic".to_owned())?;
        self.verdicts.recv_timeout(longest).map_err(|e| match e {
            RecvTimeoutError::Timeout => format!("takes longer than {} s", longest.as_secs_f64()),
            RecvTimeoutError::Disconnected => "panics, see above".to_owned(),
        })
    }
}

/// The files of a target by name.
fn seeds(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = repository().join("fuzz").join("corpus").join(target);
    let read = |path: &Path| std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), read(&entry.path())))
        .collect()
}

/// Xorshift of 64 bits (Marsaglia 2003): the same numbers in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn pick<'a, T: AsRef<[u8]>>(&mut self, all: &'a [T]) -> &'a [u8] {
        all[self.below(all.len())].as_ref()
    }

    /// A range of up to `longest` bytes of the text.
    fn range(&mut self, text: &[u8], longest: usize) -> std::ops::Range<usize> {
        let start = self.below(text.len() + 1);
        start..(start + self.below(longest + 1)).min(text.len())
    }

    /// One of the seeds, changed in one to four places.
    fn mutation(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut text = self.pick(seeds).to_vec();
        for _ in 0..=self.below(4) {
            let place = self.range(&text, 16);
            let (place, piece) = match self.below(6) {
                0 => (place.start..place.start, self.pick(PIECES).to_vec()),
                1 => (place, self.pick(PIECES).to_vec()),
                2 => (place, Vec::new()),
                3 => (place.clone(), text[place].repeat(1 + self.below(40))),
                4 => {
                    let other = self.pick(seeds);
                    (place, other[self.range(other, 200)].to_vec())
                }
                _ => (place.start..(place.start + 1).min(text.len()), vec![u8::try_from(self.below(256)).unwrap()]),
            };
            text.splice(place, piece);
        }
        text.truncate(LARGEST);
        text
    }
}
