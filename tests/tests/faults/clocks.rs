//! Clocks that are set to other zones.

use serde_json::{Value, json};

use crate::archive;
use crate::place::Place;

/// The zones of client and server; one of them has summer time, one a quarter of an hour, one is a day away.
const ZONES: [&str; 4] = ["UTC", "Australia/Sydney", "Asia/Kathmandu", "Pacific/Kiritimati"];

/// A naive time is UTC, an offset is kept to, and microseconds stay, whatever the zones of client and server.
fn times_are_utc(make: impl Fn() -> Option<Place>) {
    let times = [
        ("2034-06-30T23:59:59.999999", "2034-06-30T23:59:59.999999Z"),
        ("2034-07-01T00:00:00", "2034-07-01T00:00:00Z"),
        ("2034-07-01 00:00:00.000001", "2034-07-01T00:00:00.000001Z"),
        ("2034-07-01T00:00:00+10:00", "2034-06-30T14:00:00Z"),
    ];
    let lines = times
        .iter()
        .enumerate()
        .map(|(n, (written, _))| {
            let mut document = archive::document(n);
            document["properties"]["datetime"] = json!(written);
            document.to_string()
        })
        .collect::<Vec<_>>()
        .join("\n");
    let mut answers: Vec<(String, Value)> = Vec::new();
    for zone in ZONES {
        let Some(place) = make() else { return };
        if let Some(database) = &place.database {
            database.sql(&format!("ALTER DATABASE {} SET timezone = '{zone}'", database.name()));
        }
        let run = |words: &[&str]| {
            let mut command = place.sandbox.command(words);
            command.env("TZ", zone).env("PGTZ", zone);
            place.sandbox.run(command).succeeds()
        };
        place.sandbox.write("all.ndjson", &lines);
        run(&["index", "all.ndjson"]);
        // To the microsecond, on both sides of midnight, by days and by a field.
        for (search, expected) in [
            ("time in 2034-07", vec![1, 2]),
            ("time in 2034-06", vec![0, 3]),
            ("time in [2034-06-30T23:59:59.999999Z, 2034-06-30T23:59:59.999999Z]", vec![0]),
            ("time in [2034-07-01T00:00:00.000001, 2034-07-01T00:00:00.000001]", vec![2]),
            ("time in [2034-07-01T00:00:00.000002, 2034-07-01T00:00:01]", vec![]),
        ] {
            let said = run(&["search", "--json", search]).json();
            let mut found: Vec<String> =
                said.as_array().unwrap().iter().map(|d| d["id"].as_str().unwrap().to_owned()).collect();
            let mut wanted: Vec<String> = expected.iter().map(|n| archive::id(*n).to_string()).collect();
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{search} in {zone}");
        }
        let said = run(&["search", "--json"]).json();
        for (n, (_, instant)) in times.iter().enumerate() {
            let id = archive::id(n).to_string();
            let dataset = said.as_array().unwrap().iter().find(|d| d["id"] == id.as_str()).unwrap();
            assert_eq!(dataset["time"], json!({"begin": instant, "end": instant}), "{zone}");
        }
        let folder = place.sandbox.path("").display().to_string();
        let shown: Value = serde_json::from_str(&said.to_string().replace(&folder, "")).unwrap();
        answers.push((zone.to_owned(), shown));
    }
    for (zone, answer) in &answers {
        assert_eq!(*answer, answers[0].1, "{zone}");
    }
}

#[test]
fn times_are_utc_in_sqlite_whatever_the_zone() {
    times_are_utc(|| Some(Place::sqlite()));
}

#[test]
fn times_are_utc_in_postgis_whatever_the_zones() {
    times_are_utc(Place::postgis);
}
