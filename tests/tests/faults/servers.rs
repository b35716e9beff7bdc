//! Servers that crash while somebody indexes.

use std::time::{Duration, Instant};

use cube_tests::postgres::Cluster;

use crate::place::Place;
use crate::random::Random;
use crate::state::{State, Watch};
use crate::{archive, rounds};

/// Kills PostgreSQL's first process at random moments of `cube index`, with `fsync` on. The client ends with a sentence
/// and says how much is there; that much is there when the server has recovered; the same command, run again, ends in
/// the state of one clean run.
#[test]
fn a_server_killed_while_somebody_indexes_loses_nothing() {
    let Some(cluster) = Cluster::start(&["--fsync"]) else { return };
    let mut random = Random::of("killed servers");
    let count = rounds(6_000, 20_000);
    let lines = archive::lines(0..count);
    let alone = Place::inside(&cluster);
    alone.sandbox.write("all.ndjson", &lines);
    let started = Instant::now();
    alone.begin(&["index", "all.ndjson"]).wait(Duration::from_mins(10)).succeeds();
    let clean_run = started.elapsed();
    let clean = State::of(&alone);
    let mut left = Vec::new();
    for _ in 0..rounds(5, 20) {
        let place = Place::inside(&cluster);
        place.sandbox.write("all.ndjson", &lines);
        let mut watch = Watch::of(&place);
        let process = place.begin(&["index", "all.ndjson"]);
        watch.until(Instant::now() + random.moment(clean_run));
        cluster.kill();
        let run = process.wait(Duration::from_mins(2));
        let told = match run.code {
            Some(0) => count,
            _ => acknowledged(&run.fails(1).stderr),
        };
        cluster.start_again();
        let after = State::of(&place);
        let least = told.max(watch.seen);
        assert!(after.len() >= least, "{least} datasets were acknowledged, {} are left", after.len());
        after.has_whole_batches(count);
        after.is_part_of(&clean);
        left.push((told, after.len()));
        place.begin(&["index", "all.ndjson"]).wait(Duration::from_mins(10)).succeeds();
        State::of(&place).is(&clean);
    }
    eprintln!("killed servers: datasets acknowledged and there after each, of {count}: {left:?}");
}

/// The number of datasets that an index run says it has written before it broke off.
fn acknowledged(said: &str) -> usize {
    let words: Vec<&str> = said.split_whitespace().collect();
    let sentence = words.windows(4).find(|words| words[1..] == ["datasets", "were", "written"]);
    sentence.map_or(0, |words| words[0].parse().unwrap())
}
