//! More clients than the server takes.

use std::time::Duration;

use cube_tests::postgres::Cluster;

use crate::archive;
use crate::place::Place;
use crate::state::State;

/// Fifty clients at once on a server that takes ten connections: each of them does its work or says why not, none waits
/// for ever, and what was reported as written is there.
#[test]
fn fifty_clients_of_a_server_for_ten_wait_or_say_why_not() {
    let Some(cluster) = Cluster::start(&["max_connections=10"]) else { return };
    let place = Place::inside(&cluster);
    place.sandbox.write("first.ndjson", archive::lines(0..200));
    place.begin(&["index", "first.ndjson"]).wait(Duration::from_mins(2)).succeeds();
    let clients: Vec<_> = (0..50)
        .map(|number| {
            if number % 5 > 0 {
                return (None, place.begin(&["search", "--count", "platform=\"sentinel-2a\""]));
            }
            let own = 1000 + number * 100..1000 + number * 100 + 50;
            let name = format!("{number}.ndjson");
            place.sandbox.write(&name, archive::lines(own.clone()));
            (Some(own), place.begin(&["index", &name]))
        })
        .collect();
    let (mut done, mut refused) = (0, 0);
    let mut written = Vec::new();
    for (own, client) in clients {
        let run = client.wait(Duration::from_mins(3));
        if run.code == Some(0) {
            done += 1;
            written.extend(own.into_iter().flatten());
        } else {
            let run = run.fails(1);
            assert!(run.stderr.contains("connection"), "{run}");
            refused += 1;
        }
    }
    eprintln!("fifty clients, ten connections: {done} did their work, {refused} said why not");
    assert!(done > 0);
    let ids = State::of(&place).ids();
    assert!(written.into_iter().all(|n| ids.contains(&archive::id(n))));
}
