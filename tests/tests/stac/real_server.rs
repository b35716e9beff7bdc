//! A real STAC API, stac-fastapi over pgstac in PostgreSQL, is walked as its users would.
#![expect(clippy::unwrap_used, reason = "what a test function may do, its set-up may too")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use cube_tests::postgres::Database;
use cube_tests::{Sandbox, shared, stac_interpreter};
use serde_json::{Value, json};

use crate::documents::{collection, item};

const PROGRAM: &str = include_str!("serve_stac.py");

/// A server over a database of its own; both go with the value.
struct Api {
    child: Child,
    url: String,
    _database: Database,
}

impl Api {
    fn serving(files: &[PathBuf]) -> Option<Self> {
        let (interpreter, database) = (stac_interpreter()?, Database::new()?);
        // postgresql://postgres@127.0.0.1:PORT/NAME
        let url = database.url();
        let (server, name) = url.rsplit_once('/').unwrap();
        let (user, place) = server.trim_start_matches("postgresql://").split_once('@').unwrap();
        let (host, port) = place.rsplit_once(':').unwrap();
        let mut child = Command::new(interpreter)
            .args(["-I", "-B", "-W", "ignore", "-c", PROGRAM, host, port, user, name])
            .args(files)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| line.trim().parse::<u16>().ok());
        assert!(port.is_some(), "the STAC server did not start");
        let url = format!("http://127.0.0.1:{}/", port.unwrap());
        Some(Self { child, url, _database: database })
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn counts(report: &Value) -> [u64; 4] {
    ["added", "present", "updated", "refused_in_all"].map(|key| report[key].as_u64().unwrap())
}

#[test]
fn a_real_api_is_paged_filtered_and_walked_again() {
    let files = Sandbox::new();
    let scenes: Vec<Value> = (0..450)
        .map(|n| {
            let mut item = item("scenes", n);
            item["properties"]["eo:cloud_cover"] = json!(n % 100);
            item
        })
        .collect();
    let mut paths = vec![files.write("collection.json", collection("scenes", &json!([])).to_string())];
    paths.push(files.write("items.json", json!({"type": "FeatureCollection", "features": scenes}).to_string()));
    let real = shared("realdata/stac_items");
    if let Some(folder) = &real {
        paths.extend(["sentinel-2-l2a.collection.json", "two-sentinel-2-items.json"].map(|name| folder.join(name)));
    }
    let Some(api) = Api::serving(&paths) else { return };
    let index = |sandbox: &Sandbox, more: &[&str]| {
        sandbox.cube(["index", &api.url, "--json"].iter().chain(more)).succeeds().json()
    };
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    // Three pages, of which one would be too few.
    let report = index(&sandbox, &["--collection", "scenes"]);
    assert_eq!((counts(&report), &report["products"]), ([450, 0, 0, 0], &json!(1)), "{report:#}");
    assert_eq!(counts(&index(&sandbox, &["--collection", "scenes"])), [0, 450, 0, 0]);

    let narrow = Sandbox::new();
    narrow.cube(["init"]).succeeds();
    // By place, time and filter, in the API; 12 and 13 in the loop of 28 days.
    let day = index(&narrow, &["--collection", "scenes", "--time", "2034-05-13", "--bbox", "11,41,12.05,42.05"]);
    assert_eq!(counts(&day), [(0..450).filter(|n| n % 28 == 12).count() as u64, 0, 0, 0], "{day:#}");
    let clear = index(&narrow, &["--collection", "scenes", "--filter", "\"eo:cloud_cover\" < 2", "--dry-run"]);
    assert_eq!(clear["added"].as_u64().unwrap() + clear["present"].as_u64().unwrap(), 10, "{clear:#}");
    let nowhere = index(&narrow, &["--collection", "scenes", "--bbox", "-80,-10,-70,0"]);
    assert_eq!(counts(&nowhere), [0, 0, 0, 0], "{nowhere:#}");

    if real.is_some() {
        let report = index(&sandbox, &["--collection", "sentinel-2-l2a"]);
        assert_eq!((counts(&report), &report["products"]), ([2, 0, 0, 0], &json!(1)), "{report:#}");
        let found = sandbox.cube(["search", "product=sentinel_2_l2a", "--json"]).succeeds().json();
        let place = found[0]["location"].as_str().unwrap();
        assert!(place.starts_with(&format!("{}collections/sentinel-2-l2a/items/S2", api.url)), "{place}");
    }
}
