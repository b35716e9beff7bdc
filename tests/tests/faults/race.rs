//! Writers that race.

use std::time::Duration;

use crate::place::Place;
use crate::random::Random;
use crate::state::State;
use crate::{archive, rounds};

const PROCESSES: usize = 8;

/// The same documents, in another order each, from eight processes at once: each document is added by exactly one of
/// them and found by the others, nobody complains, and what is there is what one process would have made.
fn race(test: &str, make: impl Fn() -> Option<Place>) {
    let mut random = Random::of(test);
    let count = rounds(1_500, 20_000);
    let Some(alone) = make() else { return };
    alone.sandbox.write("alone.ndjson", archive::lines(0..count));
    alone.begin_with_stdin(&["index", "-"], "alone.ndjson").wait(Duration::from_mins(10)).succeeds();
    let clean = State::of(&alone);
    assert_eq!(clean.len(), count);
    for round in 0..rounds(2, 10) {
        let Some(place) = make() else { return };
        let mut order: Vec<usize> = (0..count).collect();
        let running: Vec<_> = (0..PROCESSES)
            .map(|number| {
                random.shuffle(&mut order);
                let name = format!("{number}.ndjson");
                place.sandbox.write(&name, archive::lines(order.iter().copied()));
                name
            })
            .collect::<Vec<_>>()
            .iter()
            .map(|name| place.begin_with_stdin(&["index", "--json", "-"], name))
            .collect();
        let (mut added, mut present) = (0, 0);
        for process in running {
            let run = process.wait(Duration::from_mins(10)).succeeds();
            assert_eq!(run.stderr, "", "round {round}: {run}");
            let report = run.json();
            let number = |key: &str| usize::try_from(report[key].as_u64().unwrap()).unwrap();
            added += number("added");
            present += number("present");
            assert_eq!(report["refused"], serde_json::json!([]), "round {round}");
        }
        assert_eq!((added, present), (count, count * (PROCESSES - 1)), "round {round}");
        State::of(&place).is(&clean);
    }
}

#[test]
fn eight_processes_index_the_same_documents_into_sqlite() {
    race("race, SQLite", || Some(Place::sqlite()));
}

#[test]
fn eight_processes_index_the_same_documents_into_postgis() {
    race("race, PostGIS", Place::postgis);
}
