//! The life of datasets on the command line: lineage, archiving and restoring with what was derived, updates, locations,
//! duplicates, maturity.
#![expect(clippy::unwrap_used, reason = "the functions that tests share fail them in the same way")]

use cube_tests::scenes::{PRODUCT, copied, indexed};
use cube_tests::{Run, Sandbox, sample_data};
use serde_json::{Value, json};

/// Three of the twelve scenes, of three days.
const SCENES: [&str; 3] = [
    "9ebb9ec7-19cb-5580-a0c5-eaf236162974",
    "4a0390dd-3b04-516d-8031-d88a17fc521a",
    "a1ae3c35-6909-5743-b5b7-ae693105884b",
];

/// A dataset that no catalog has.
const ELSEWHERE: &str = "00000000-0000-4000-8000-000000000007";

/// The run, once it is sure that it printed no data.
fn no_data(run: Run) -> Run {
    let run = run.succeeds();
    assert_eq!(run.stdout, "", "{run}");
    run
}

/// What the sandbox's catalog finds.
fn count(sandbox: &Sandbox, status: &str) -> u64 {
    sandbox.cube(["search", "--count", "--json", "--status", status]).succeeds().json()["count"].as_u64().unwrap()
}

/// Makes the scenes one from the other: the second from the first, the third from the second and from elsewhere.
fn derive(sandbox: &Sandbox) {
    let source = |classifier: &str, id: &str| format!("{classifier}={id}");
    let run = sandbox.cube(["dataset", "lineage", "add", SCENES[1], "--source", &source("level1", SCENES[0])]);
    assert_eq!(no_data(run).stderr, "1 edge added\n");
    let (own, other) = (source("ard", SCENES[1]), source("dem", ELSEWHERE));
    let run = sandbox.cube(["dataset", "lineage", "add", SCENES[2], "--source", &own, "--source", &other]);
    assert_eq!(no_data(run).stderr, "2 edges added\n");
}

// Lineage

#[test]
fn lineage_is_drawn_as_a_tree_both_ways() {
    let sandbox = indexed();
    derive(&sandbox);
    let [first, second, third] = SCENES;
    let run = sandbox.cube(["dataset", "lineage", third]).succeeds();
    let expected = format!(
        "{third} {PRODUCT}\n├─ ard: {second} {PRODUCT}\n│  └─ level1: {first} {PRODUCT}\n└─ dem: {ELSEWHERE} (not in this catalog)\n"
    );
    assert_eq!(run.stdout, expected, "{run}");
    assert_eq!(run.stderr, "3 source datasets\n");
    let run = sandbox.cube(["dataset", "lineage", third, "--depth", "1"]).succeeds();
    assert!(run.stdout.contains(&format!("ard: {second} {PRODUCT}, … and more below\n")), "{run}");
    let run = sandbox.cube(["dataset", "lineage", ELSEWHERE, "--derived"]).succeeds();
    assert_eq!(run.stdout, format!("{ELSEWHERE} (not in this catalog)\n└─ dem: {third} {PRODUCT}\n"), "{run}");
    no_data(sandbox.cube(["dataset", "archive", first]));
    let json = sandbox.cube(["dataset", "lineage", third, "--json"]).succeeds().json();
    assert_eq!(json["sources"]["ard"][0]["sources"]["level1"][0]["archived"], true, "{json:#}");
}

#[test]
fn a_tree_that_was_printed_is_added_elsewhere() {
    let sandbox = indexed();
    derive(&sandbox);
    no_data(sandbox.cube(["dataset", "lineage", "home", "set", "north", ELSEWHERE]));
    let tree = sandbox.cube(["dataset", "lineage", SCENES[2], "--json"]).succeeds();
    let other = Sandbox::new();
    no_data(other.cube(["init"]));
    let file = other.write("tree.json", &tree.stdout);
    let run = other.cube(["dataset".as_ref(), "lineage".as_ref(), "add".as_ref(), file.as_path()]);
    assert_eq!(no_data(run).stderr, "3 edges added, 1 home set\n");
    let again = other.cube_with_stdin(["dataset", "lineage", "add", "-"], &tree.stdout);
    assert_eq!(no_data(again).stderr, "0 edges added, 3 there already\n");
    let there = other.cube(["dataset", "lineage", SCENES[2]]).succeeds();
    assert!(there.stdout.contains(&format!("dem: {ELSEWHERE} (not in this catalog), at home in north\n")), "{there}");
}

#[test]
fn lineage_that_contradicts_the_catalog_is_refused_unless_it_may_update() {
    let sandbox = indexed();
    derive(&sandbox);
    let other = format!("raw={}", SCENES[0]);
    let add = ["dataset", "lineage", "add", SCENES[1], "--source", &other];
    let run = sandbox.cube(add).fails(1);
    assert!(run.stderr.contains("\"level1\"") && run.stderr.contains("--allow-updates"), "{run}");
    let report = sandbox.cube([&add[..], &["--allow-updates", "--dry-run", "--json"]].concat()).succeeds().json();
    assert_eq!(report, json!({"dry_run": true, "added": 0, "changed": 1, "present": 0, "homes": 0}));
    assert!(sandbox.cube(["dataset", "lineage", SCENES[1]]).succeeds().stdout.contains("level1: "));
    no_data(sandbox.cube([&add[..], &["--allow-updates"]].concat()));
    assert!(sandbox.cube(["dataset", "lineage", SCENES[1]]).succeeds().stdout.contains("raw: "));

    let circle = format!("x={}", SCENES[2]);
    let run = sandbox.cube(["dataset", "lineage", "add", SCENES[0], "--source", &circle, "--allow-updates"]).fails(1);
    assert!(run.stderr.contains("circle"), "{run}");
    let run = sandbox.cube(["dataset", "lineage", "add", SCENES[0], "--source", SCENES[1]]).fails(2);
    assert!(run.stderr.contains("CLASSIFIER=ID"), "{run}");
    let run = sandbox.cube_with_stdin(["dataset", "lineage", "add", "-"], "hello: world\n").fails(1);
    assert!(run.stderr.contains("standard input") && run.stderr.contains("`id`"), "{run}");
}

#[test]
fn lineage_and_homes_are_removed() {
    let sandbox = indexed();
    derive(&sandbox);
    let dem = format!("dem={ELSEWHERE}");
    let run = sandbox.cube(["dataset", "lineage", "remove", SCENES[2], "--source", &dem]);
    assert_eq!(no_data(run).stderr, "1 edge removed\n");
    let run = sandbox.cube(["dataset", "lineage", "remove", SCENES[2], "--depth", "1", "--json"]).succeeds();
    assert_eq!(run.json()["removed"], 1);
    let run = sandbox.cube(["dataset", "lineage", "remove", SCENES[0], "--derived"]);
    assert_eq!(no_data(run).stderr, "1 edge removed\n");
    let run = sandbox.cube(["dataset", "lineage", SCENES[2]]).succeeds();
    assert_eq!(run.stdout.lines().count(), 1, "{run}");

    no_data(sandbox.cube(["dataset", "lineage", "home", "set", "north", SCENES[0], ELSEWHERE]));
    let run = sandbox.cube(["dataset", "lineage", "home", "set", "south", ELSEWHERE]).fails(1);
    assert!(run.stderr.contains("at home in \"north\""), "{run}");
    no_data(sandbox.cube(["dataset", "lineage", "home", "set", "south", ELSEWHERE, "--allow-updates"]));
    let homes = sandbox.cube(["dataset", "lineage", "home", "show", SCENES[0], ELSEWHERE, SCENES[1], "--json"]);
    let expected = json!([{"id": ELSEWHERE, "home": "south"}, {"id": SCENES[0], "home": "north"}]);
    assert_eq!(homes.succeeds().json(), expected);
    let run = sandbox.cube(["dataset", "lineage", "home", "clear", SCENES[0], SCENES[1]]);
    assert_eq!(no_data(run).stderr, "1 home cleared\n");
}

// Archive, restore, purge

#[test]
fn derived_datasets_go_and_come_with_their_source() {
    let sandbox = indexed();
    derive(&sandbox);
    let run = sandbox.cube(["dataset", "archive", SCENES[0], "--derived", "--dry-run"]).succeeds();
    assert_eq!(run.stderr, "dry run, nothing written: 3 datasets would be archived\n");
    assert!(SCENES.iter().all(|id| run.stdout.contains(id)), "{run}");
    assert_eq!(count(&sandbox, "active"), 12);
    no_data(sandbox.cube(["dataset", "archive", SCENES[1]]));
    let run = no_data(sandbox.cube(["dataset", "archive", SCENES[0], SCENES[1]]));
    assert_eq!(run.stderr, "1 dataset archived; 1 was archived already\n");
    let run = no_data(sandbox.cube(["dataset", "archive", SCENES[0], "--derived"]));
    assert_eq!(run.stderr, "1 dataset archived; 1 was archived already\n", "the third is left");
    assert_eq!(count(&sandbox, "archived"), 3);
    let report = sandbox.cube(["dataset", "restore", SCENES[0], "--derived", "--json"]).succeeds().json();
    assert_eq!(report["restored"], 3, "{report:#}");
    assert_eq!(count(&sandbox, "active"), 12);
}

#[test]
fn datasets_are_chosen_by_terms_or_all() {
    let sandbox = indexed();
    let run = no_data(sandbox.cube(["dataset", "archive", "-p", PRODUCT, "--query", "time in 2034-07"]));
    assert_eq!(run.stderr, "2 datasets archived\n");
    let run = no_data(sandbox.cube(["dataset", "archive", "--time", "2034-06", "--bbox", "11,41,13,43"]));
    assert_eq!(run.stderr, "2 datasets archived\n");
    let run = no_data(sandbox.cube(["dataset", "restore", "--all", "-p", PRODUCT]));
    assert_eq!(run.stderr, "4 datasets restored\n");
    no_data(sandbox.cube(["dataset", "archive", "--query", "region_code=33TTG"]));
    assert_eq!(no_data(sandbox.cube(["dataset", "purge", "--all"])).stderr, "6 datasets deleted for good\n");
    assert_eq!(count(&sandbox, "all"), 6, "active ones stay");
    assert_eq!(no_data(sandbox.cube(["dataset", "purge", "--all", "--force"])).stderr, "6 datasets deleted for good\n");

    for (words, hint) in [
        (vec!["dataset", "archive"], "no datasets are named"),
        (vec!["dataset", "restore", "-p", PRODUCT], "add --all"),
        (vec!["dataset", "purge", SCENES[0], "--query", "time in 2034"], "not both"),
        (vec!["dataset", "purge", "--all", "--query", "time in 2034"], "leave out one"),
        (vec!["dataset", "archive", "7"], "not a dataset id"),
    ] {
        let run = sandbox.cube(&words).fails(2);
        assert!(run.stderr.contains(hint), "{run}");
    }
    let run = sandbox.cube(["dataset", "archive", "--all", "-p", "s2_l2a_braciano"]).fails(1);
    assert!(run.stderr.contains("did you mean"), "{run}");
}

#[test]
fn an_unknown_id_stops_the_whole_change() {
    let sandbox = indexed();
    for change in ["archive", "purge"] {
        let run = sandbox.cube(["dataset", change, SCENES[0], ELSEWHERE]).fails(1);
        assert!(run.stderr.contains(ELSEWHERE), "{run}");
    }
    assert_eq!(count(&sandbox, "active"), 12);
}

// Update

/// A sandbox with a copy of the scenes, and the document of the third of them, changed and written back.
fn edited(edit: impl FnOnce(String) -> String) -> (Sandbox, &'static str) {
    let sandbox = copied();
    let file = "s2/2034-07-12_33TTG/odc-metadata.yaml";
    let text = std::fs::read_to_string(sandbox.path(file)).unwrap();
    let new = edit(text.clone());
    assert_ne!(new, text);
    sandbox.write(file, new);
    (sandbox, file)
}

#[test]
fn an_update_that_is_not_safe_needs_leave() {
    let (sandbox, file) = edited(|text| text.replace("eo:cloud_cover: 0.00", "eo:cloud_cover: 7.5"));
    let run = sandbox.cube(["dataset", "update", file, "--dry-run"]).fails(1);
    assert!(run.stderr.contains("  not safe  properties.eo:cloud_cover was 0.0, is 7.5\n"), "{run}");
    let run = sandbox.cube(["dataset", "update", file]).fails(1);
    assert!(
        run.stderr.contains("--allow-any") && run.stderr.ends_with("0 datasets updated, 0 unchanged, 1 refused\n"),
        "{run}"
    );
    let cloudy = || sandbox.cube(["search", "--count", "cloud_cover", "in", "[7,8]"]).succeeds().stdout;
    assert_eq!(cloudy(), "0\n");
    let allowed = ["dataset", "update", "s2", "--allow-any", "properties.eo:cloud_cover"];
    let report = sandbox.cube([&allowed[..], &["--dry-run", "--json"]].concat()).succeeds().json();
    assert_eq!((&report["updated"], &report["unchanged"]), (&json!(1), &json!(11)), "{report:#}");
    assert_eq!(cloudy(), "0\n");
    let run = no_data(sandbox.cube(allowed));
    assert!(run.stderr.ends_with("1 dataset updated, 11 unchanged, 0 refused\n"), "{run}");
    assert_eq!(cloudy(), "1\n");
}

#[test]
fn a_new_key_at_the_top_is_safe_and_a_dataset_may_move() {
    let (sandbox, file) = edited(|text| format!("{text}\naccessories: {{thumbnail: {{path: t.png}}}}\n"));
    let text = std::fs::read_to_string(sandbox.path(file)).unwrap();
    sandbox.write("elsewhere/scene.yaml", text);
    let location = || sandbox.cube(["dataset", "info", SCENES[2], "--json"]).succeeds().json()[0]["location"].clone();
    let before = location();
    no_data(sandbox.cube(["dataset", "update", "elsewhere", "--location-policy", "keep"]));
    assert_eq!(location(), before);
    let run = no_data(sandbox.cube(["dataset", "update", "elsewhere"]));
    assert!(run.stderr.contains("elsewhere/scene.yaml"), "{run}");
    assert!(location().as_str().unwrap().ends_with("/elsewhere/scene.yaml"));
    let shown = sandbox.cube(["dataset", "show", SCENES[2], "--json"]).succeeds().json();
    assert_eq!(shown[0]["accessories"]["thumbnail"]["path"], "t.png");
}

#[test]
fn an_update_tells_what_it_cannot_place() {
    let (sandbox, file) = edited(|text| text.replace(SCENES[2], ELSEWHERE));
    sandbox.write("s2/broken.yaml", "id: [");
    let run = sandbox.cube(["dataset", "update", file, "s2/broken.yaml", "none.yaml"]).fails(1);
    for part in [ELSEWHERE, "broken.yaml", "none.yaml: no such file", "3 refused"] {
        assert!(run.stderr.contains(part), "{part}: {run}");
    }
}

#[test]
fn an_update_archives_less_mature_versions() {
    let (sandbox, _) = edited(|text| format!("{text}\nnew: 1\n"));
    let scene = std::fs::read_to_string(sample_data().join("s2/2034-07-12_33TTG/odc-metadata.yaml")).unwrap();
    let soon = scene.replace(SCENES[2], ELSEWHERE).replace("maturity: final", "maturity: nrt");
    sandbox.write("s2/nrt/odc-metadata.yaml", soon.replace("T10:05:27Z", "T10:05:27.4Z"));
    sandbox.cube(["index", "s2/nrt"]).succeeds();
    assert_eq!(count(&sandbox, "active"), 13);
    let run = no_data(sandbox.cube(["dataset", "update", "s2/2034-07-12_33TTG", "--archive-less-mature"]));
    assert!(run.stderr.contains("1 less mature dataset archived"), "{run}");
    let archived = sandbox.cube(["search", "--json", "--status", "archived"]).succeeds().json();
    assert_eq!(archived[0]["id"], ELSEWHERE);
    let run = sandbox.cube(["dataset", "restore", ELSEWHERE]);
    no_data(run);
    let run = sandbox.cube(["dataset", "update", "s2/nrt", "--archive-less-mature"]).fails(1);
    assert!(run.stderr.contains("is nrt") && run.stderr.contains("which is final"), "{run}");
}

// Finding

#[test]
fn datasets_are_found_by_where_their_documents_are() {
    let sandbox = copied();
    let find = |words: &[&str]| {
        let list = sandbox.cube([&["dataset", "uris", "--json"], words].concat()).succeeds().json();
        list.as_array().unwrap().iter().map(|found| found["id"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(find(&["s2/2034-07-12_33TTG/odc-metadata.yaml", "--mode", "exact"]), [SCENES[2]]);
    let url = format!("file://{}", sandbox.path("s2/2034-07-12_33TTG/odc-metadata.yaml").display());
    assert_eq!(find(&[&url, "--mode", "exact"]), [SCENES[2]]);
    assert_eq!(find(&["s2/2034-07-12_3"]).len(), 2, "a prefix by default");
    assert_eq!(find(&["s2/"]).len(), 12);
    assert_eq!(find(&["s2/2034-07-12_3", "s2/2034-07"]).len(), 2, "each once");
    assert_eq!(find(&["s2/2034-07-12_3", "--mode", "exact"]).len(), 0);
    no_data(sandbox.cube(["dataset", "archive", SCENES[2]]));
    let run = sandbox.cube(["dataset", "uris", "s2/2034-07-12_33TTG/", "nowhere"]).succeeds();
    assert!(run.stdout.contains(SCENES[2]) && run.stdout.contains("archived"), "{run}");
    assert!(run.stderr.contains("nowhere: no dataset has its document there"), "{run}");
}

#[test]
fn duplicates_are_grouped_by_what_they_share() {
    let sandbox = indexed();
    let run = sandbox.cube(["dataset", "duplicates", "region_code", "time"]).succeeds();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", "no duplicates\n"));
    let groups = sandbox.cube(["dataset", "duplicates", "region_code", "-p", PRODUCT, "--json"]).succeeds().json();
    assert_eq!(groups.as_array().unwrap().len(), 2);
    assert_eq!(groups[1]["values"], json!({"region_code": "33TTG"}));
    assert_eq!(groups[1]["ids"].as_array().unwrap().len(), 6);
    let csv = sandbox.cube(["dataset", "duplicates", "platform", "time", "--csv"]).succeeds();
    assert_eq!(csv.stdout.lines().next(), Some("group,product,platform,time,id"), "{csv}");
    let run = sandbox.cube(["dataset", "duplicates", "region_code"]).succeeds();
    assert_eq!(run.stderr, "2 groups of 12 datasets\n");
    let run = sandbox.cube(["dataset", "duplicates", "regioncode", "-p", PRODUCT]).fails(1);
    assert!(run.stderr.contains("region_code"), "{run}");
}

#[test]
fn info_says_what_is_known() {
    let sandbox = indexed();
    derive(&sandbox);
    no_data(sandbox.cube(["dataset", "archive", SCENES[1]]));
    let run = sandbox.cube(["dataset", "info", SCENES[2], "--sources", "--derived"]).succeeds();
    for line in [
        format!("id: {}\n", SCENES[2]),
        format!("product: {PRODUCT}\nstatus: active\nindexed: "),
        "  region_code: 33TTG\n".to_owned(),
        format!("sources:\n  ard:\n    - id: {}\n", SCENES[1]),
        "derivations: {}\n".to_owned(),
    ] {
        assert!(run.stdout.contains(&line), "{line:?}:\n{run}");
    }
    let json = sandbox.cube(["dataset", "info", SCENES[1], SCENES[0], "--json", "--sources", "--max-depth", "1"]);
    let json = json.succeeds().json();
    assert_eq!(json[0]["status"], "archived");
    assert_eq!(json[0]["sources"]["level1"][0]["id"], SCENES[0]);
    assert_eq!(json[1]["fields"]["dataset_maturity"], "final");
    let run = sandbox.cube(["dataset", "info", SCENES[1], ELSEWHERE, "-f", "csv"]).fails(1);
    assert!(
        run.stdout.starts_with(&format!("id,status,product,location\n{},archived,{PRODUCT},/", SCENES[1])),
        "{run}"
    );
    assert!(run.stderr.contains(&format!("dataset {ELSEWHERE} is not in the catalog")), "{run}");
}
