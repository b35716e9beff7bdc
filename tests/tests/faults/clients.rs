//! Clients that are killed while they index.

use std::time::{Duration, Instant};

use crate::place::Place;
use crate::random::Random;
use crate::state::{State, Watch};
use crate::{archive, rounds};

/// Kills `cube index` at random moments of its run. What another process has seen stays, each dataset is there whole or
/// not at all, and the same command, run again, ends in the state of one clean run.
fn kill_clients(test: &str, make: impl Fn() -> Option<Place>) {
    let mut random = Random::of(test);
    let count = rounds(6_000, 20_000);
    let lines = archive::lines(0..count);
    let Some(alone) = make() else { return };
    alone.sandbox.write("all.ndjson", &lines);
    let started = Instant::now();
    alone.begin(&["index", "all.ndjson"]).wait(Duration::from_mins(10)).succeeds();
    let clean_run = started.elapsed();
    let clean = State::of(&alone);
    assert_eq!(clean.len(), count);
    let mut left = Vec::new();
    for _ in 0..rounds(5, 50) {
        let Some(place) = make() else { return };
        place.sandbox.write("all.ndjson", &lines);
        let mut watch = Watch::of(&place);
        let process = place.begin(&["index", "all.ndjson"]);
        watch.until(Instant::now() + random.moment(clean_run));
        let acknowledged = watch.seen;
        process.kill();
        let after = State::of(&place);
        assert!(after.len() >= acknowledged, "{acknowledged} datasets were seen, {} are left", after.len());
        after.has_whole_batches(count);
        after.is_part_of(&clean);
        left.push(after.len());
        place.begin(&["index", "all.ndjson"]).wait(Duration::from_mins(10)).succeeds();
        State::of(&place).is(&clean);
    }
    eprintln!("{test}: datasets there after each kill, of {count}: {left:?}");
}

#[test]
fn a_client_killed_while_indexing_into_sqlite_loses_nothing() {
    kill_clients("killed clients, SQLite", || Some(Place::sqlite()));
}

#[test]
fn a_client_killed_while_indexing_into_postgis_loses_nothing() {
    kill_clients("killed clients, PostGIS", Place::postgis);
}
