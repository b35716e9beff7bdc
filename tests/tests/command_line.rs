//! What each command prints and where: data on stdout, messages on stderr, `--json` everywhere.
#![expect(clippy::unwrap_used, reason = "the functions that tests share fail them in the same way")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cube_tests::scenes::{BOX, GRID, PRODUCT, copied, indexed, load};
use cube_tests::{Run, Sandbox, sample_data};
use serde_json::Value;

/// The id of one of the twelve scenes.
const SCENE: &str = "a1ae3c35-6909-5743-b5b7-ae693105884b";

/// The run, once it is sure that it said nothing on stderr.
fn quiet(run: Run) -> Run {
    let run = run.succeeds();
    assert_eq!(run.stderr, "", "{run}");
    run
}

/// The run, once it is sure that it printed no data.
fn no_data(run: Run) -> Run {
    let run = run.succeeds();
    assert_eq!(run.stdout, "", "{run}");
    run
}

fn scene_document() -> String {
    std::fs::read_to_string(sample_data().join("s2/2034-07-12_33TTG/odc-metadata.yaml")).unwrap()
}

/// A sandbox with the product and no dataset.
fn with_product() -> Sandbox {
    let sandbox = Sandbox::new();
    no_data(sandbox.cube(["init"]));
    no_data(sandbox.cube(["product".as_ref(), "add".as_ref(), sample_data().join("products").as_path()]));
    sandbox
}

// Catalog and status

#[test]
fn init_twice_is_init_once() {
    let sandbox = Sandbox::new();
    for _ in 0..2 {
        let run = no_data(sandbox.cube(["init"]));
        assert!(run.stderr.contains("is ready"), "{run}");
    }
}

#[test]
fn the_default_catalog_is_in_the_users_data_directory() {
    let sandbox = Sandbox::new();
    let bare = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.env_remove("CUBE_CATALOG");
        sandbox.run(command)
    };
    no_data(bare(&["init"]));
    let run = bare(&["status", "--json"]).succeeds();
    let url = run.json()["catalog"]["url"].as_str().unwrap().to_owned();
    assert!(url.ends_with("data/cube/catalog.sqlite"), "{url}");
}

#[test]
fn status_counts_and_names_what_reads() {
    let run = quiet(indexed().cube(["status"]));
    for part in ["schema    version ", "holds     1 product, 12 datasets", "PROJ      ", "reads     NetCDF, Zarr"] {
        assert!(run.stdout.contains(part), "{part:?}:\n{run}");
    }
    let longest = run.stdout.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest < 160, "a line of {longest} characters:\n{run}");
}

#[test]
fn status_without_a_catalog_fails_with_the_line_that_mends_it() {
    let sandbox = Sandbox::new();
    let run = sandbox.cube(["status"]).fails(1);
    assert!(run.stderr.contains(&format!("`cube init --catalog {}`", sandbox.catalog())), "{run}");
    assert!(run.stdout.contains("PROJ"), "what is known is told all the same:\n{run}");
    let status = sandbox.cube(["status", "--json"]).fails(1).json();
    assert!(status["trouble"].as_str().unwrap().contains("cube init"), "{status}");
}

// JSON

#[test]
fn every_command_that_prints_data_prints_json() {
    let sandbox = indexed();
    let arguments = |more: &[&'static str]| [more, &["--bbox", BOX][..], &GRID].concat();
    for (words, expected) in [
        (vec!["status", "--json"], "/catalog/datasets"),
        (vec!["product", "list", "--json"], "/0/measurements/5"),
        (vec!["product", "show", "--json"], "/0/measurements/0/name"),
        (vec!["product", "show", PRODUCT, "--json"], "/0/metadata"),
        (vec!["metadata", "list", "--json"], "/0/search_fields/0"),
        (vec!["metadata", "show", "eo3", "--json"], "/0/dataset/search_fields"),
        (vec!["dataset", "show", SCENE, "--json"], "/0/grids/default/shape/1"),
        (vec!["search", "--json"], "/11/document/measurements"),
        (vec!["search", "--geojson"], "/features/11/geometry/coordinates/0/0/1"),
        (vec!["search", "--count", "--json"], "/count"),
        (vec!["index", "--dry-run", "--update", "--json", "s2.yaml"], "/updated"),
        (arguments(&["load", PRODUCT, "-m", "green", "--explain", "--json"]), "/files/0/bytes_to_read"),
        (arguments(&["load", PRODUCT, "-m", "green", "-o", "a.nc", "--json"]), "/shape/time"),
        (arguments(&["series", PRODUCT, "-m", "green", "-o", "a.csv", "--json"]), "/0/points/0/mean"),
        (arguments(&["water", PRODUCT, "-o", "water", "--json"]), "/dates/0/water_km2"),
    ] {
        sandbox.write("s2.yaml", scene_document());
        let json = sandbox.cube(&words).succeeds().json();
        assert!(json.pointer(expected).is_some(), "{words:?} has no {expected}:\n{json:#}");
    }
}

#[test]
fn refusals_are_in_the_json_of_index_too() {
    let sandbox = with_product();
    sandbox.write("good.yaml", scene_document());
    sandbox.write("bad.yaml", "hello: [");
    let report = sandbox.cube(["index", ".", "--json"]).exits_with(1).json();
    assert_eq!(report["added"], 1, "{report}");
    assert!(report["refused"][0]["reason"].as_str().unwrap().contains("bad.yaml:1:8"), "{report}");
}

/// A check that does not ask for words on stderr.
trait Exits {
    fn exits_with(self, code: i32) -> Self;
}

impl Exits for Run {
    fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

// Search

#[test]
fn search_prints_a_row_a_dataset() {
    let run = indexed().cube(["search", "product=s2_l2a_bracciano", "time", "in", "2034-07"]).succeeds();
    insta::assert_snapshot!(run.stdout, @r#"
     time                   product            label                               CRS          id
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     2034-07-12T10:05:12Z   s2_l2a_bracciano   s2_l2a_bracciano_2034-07-12_32TQM   EPSG:32632   f12f250a-ca07-544a-8224-66742fa0615d
     2034-07-12T10:05:27Z   s2_l2a_bracciano   s2_l2a_bracciano_2034-07-12_33TTG   EPSG:32633   a1ae3c35-6909-5743-b5b7-ae693105884b
    "#);
    assert_eq!(run.stderr, "2 datasets\n");
}

#[test]
fn search_limits_after_it_sorts() {
    let sandbox = indexed();
    let times = |arguments: &[&str]| -> Vec<String> {
        let found = sandbox.cube([&["search", "--json"], arguments].concat()).succeeds().json();
        found.as_array().unwrap().iter().map(|d| d["time"]["begin"].as_str().unwrap()[..10].to_owned()).collect()
    };
    assert_eq!(times(&["--limit", "1"]), ["2034-05-03"]);
    assert_eq!(times(&["--limit", "1", "--sort", "-time"]), ["2034-10-30"]);
    assert_eq!(times(&["--sort", "time"]).len(), 12);
    let labels = sandbox.cube(["search", "--csv", "--sort=-label"]).succeeds().stdout;
    let labels: Vec<&str> = labels.lines().skip(1).map(|line| line.split(',').nth(4).unwrap()).collect();
    assert!(labels.is_sorted_by(|a, b| a >= b), "{labels:?}");
}

#[test]
fn search_counts_and_writes_csv_and_geojson() {
    let sandbox = indexed();
    assert_eq!(quiet(sandbox.cube(["search", "--count"])).stdout, "12\n");
    assert_eq!(quiet(sandbox.cube(["search", "--count", "time in 2040"])).stdout, "0\n");
    let csv = quiet(sandbox.cube(["search", "--csv"])).stdout;
    assert_eq!(csv.lines().next(), Some("id,product,begin,end,label,location"));
    assert_eq!(csv.lines().count(), 13);
    let features = quiet(sandbox.cube(["search", "--geojson"])).json();
    assert_eq!(features["features"].as_array().unwrap().len(), 12);
    let ring = features["features"][0]["geometry"]["coordinates"][0].as_array().unwrap();
    assert_eq!(ring.first(), ring.last(), "a ring ends where it begins");
    let place = |v: &Value| (v[0].as_f64().unwrap(), v[1].as_f64().unwrap());
    let near = |(lon, lat): (f64, f64)| (11.9..12.6).contains(&lon) && (41.8..42.4).contains(&lat);
    assert!(ring.iter().all(|v| near(place(v))), "{ring:?}");
}

#[test]
fn terms_are_anded_however_they_are_given() {
    let sandbox = indexed();
    let count = |arguments: &[&str]| {
        sandbox.cube([&["search", "--count"], arguments].concat()).succeeds().stdout.trim().to_owned()
    };
    assert_eq!(count(&["time in 2034-07"]), "2");
    assert_eq!(count(&["time in 2034-07", "time in 2034-08"]), "4", "a repeated field is an OR");
    assert_eq!(count(&["--time", "2034-07/2034-08"]), "4");
    assert_eq!(count(&["--query", "time in 2034-07", "region_code=33TTG"]), "1");
    assert_eq!(count(&["lat in [41,43]", "lon in [12,13]"]), "12");
    assert_eq!(count(&["--bbox", "264620,4661260,277800,4672020", "--bbox-crs", "EPSG:32633"]), "12");
    assert_eq!(count(&["--bbox", "0,0,1,1"]), "0");
    assert_eq!(count(&["--geometry", "POINT(12.3 42.15)"]), count(&["--bbox", "12.2999,42.1499,12.3001,42.1501"]));
    assert_eq!(count(&["--geometry", &sample_data().join("lake.geojson").display().to_string()]), "12");
}

// Products, metadata types, datasets

#[test]
fn a_product_is_shown_as_it_can_be_added() {
    let (sandbox, other) = (with_product(), Sandbox::new());
    let shown = quiet(sandbox.cube(["product", "show", PRODUCT])).stdout;
    other.cube(["init"]).succeeds();
    let run = no_data(other.cube_with_stdin(["product", "add", "-"], &shown));
    assert_eq!(run.stderr, "product s2_l2a_bracciano: added\n");
    let again = no_data(other.cube_with_stdin(["product", "add", "-"], &shown));
    assert_eq!(again.stderr, "product s2_l2a_bracciano: already there, unchanged\n");
    assert_eq!(other.cube(["product", "show", PRODUCT]).succeeds().stdout, shown);
}

#[test]
fn product_list_is_a_table_of_one_line_a_product() {
    let run = quiet(indexed().cube(["product", "list"]));
    insta::assert_snapshot!(run.stdout, @r#"
     product            datasets   measurements                    description
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     s2_l2a_bracciano   12         blue green red nir swir16 scl   Made-up Sentinel-2-like surface reflectance of a lake with a falling shore line
    "#);
}

#[test]
fn update_tells_safe_from_unsafe_changes() {
    let sandbox = indexed();
    let shown = sandbox.cube(["product", "show", PRODUCT]).succeeds().stdout;
    let safe = shown.replacen("description: ", "description: Now ", 1);
    sandbox.write("safe.yaml", &safe);
    let run = sandbox.cube(["product", "add", "safe.yaml"]).fails(1);
    assert!(run.stderr.contains("`cube product update`"), "{run}");
    let run = no_data(sandbox.cube(["product", "update", "safe.yaml"]));
    assert_eq!(run.stderr, "product s2_l2a_bracciano: updated\n");
    sandbox.write("unsafe.yaml", safe.replacen("dtype: uint16", "dtype: int32", 1));
    let run = sandbox.cube(["product", "update", "unsafe.yaml"]).fails(1);
    assert!(run.stderr.contains("12 datasets") && run.stderr.contains("--allow-unsafe"), "{run}");
    let run = no_data(sandbox.cube(["product", "update", "--allow-unsafe", "unsafe.yaml"]));
    assert_eq!(run.stderr, "product s2_l2a_bracciano: updated\n");
}

#[test]
fn a_product_with_datasets_is_deleted_only_by_force() {
    let sandbox = indexed();
    let run = sandbox.cube(["product", "delete", PRODUCT]).fails(1);
    assert!(run.stderr.contains("12 active datasets") && run.stderr.contains("--force"), "{run}");
    let run = no_data(sandbox.cube(["product", "delete", "--force", PRODUCT]));
    assert_eq!(run.stderr, "product s2_l2a_bracciano: deleted, and 12 datasets with it\n");
    assert_eq!(sandbox.cube(["search", "--count"]).succeeds().stdout, "0\n");
}

#[test]
fn metadata_types_are_shown_as_they_can_be_added() {
    let sandbox = with_product();
    let shown = quiet(sandbox.cube(["metadata", "show", "eo3"])).stdout;
    let run = no_data(sandbox.cube_with_stdin(["metadata", "add", "-"], &shown));
    assert_eq!(run.stderr, "metadata type eo3: already there, unchanged\n");
    let run = no_data(sandbox.cube_with_stdin(["metadata", "add", "-"], shown.replace("name: eo3", "name: mine")));
    assert_eq!(run.stderr, "metadata type mine: added\n");
    let listed = quiet(sandbox.cube(["metadata", "list"])).stdout;
    assert!(listed.contains("mine") && listed.contains("cloud_cover"), "{listed}");
}

#[test]
fn a_dataset_is_archived_restored_and_purged() {
    let sandbox = indexed();
    let count = |status: &str| sandbox.cube(["search", "--count", "--status", status]).succeeds().stdout;
    assert_eq!(no_data(sandbox.cube(["dataset", "archive", SCENE])).stderr, "1 dataset archived\n");
    assert_eq!((count("active"), count("archived"), count("all")), ("11\n".into(), "1\n".into(), "12\n".into()));
    assert_eq!(no_data(sandbox.cube(["dataset", "restore", SCENE])).stderr, "1 dataset restored\n");
    assert_eq!(count("active"), "12\n");
    let run = sandbox.cube(["dataset", "purge", SCENE]).fails(1);
    assert!(run.stderr.contains("archive") && run.stderr.contains("--force"), "{run}");
    no_data(sandbox.cube(["dataset", "archive", SCENE]));
    assert_eq!(no_data(sandbox.cube(["dataset", "purge", SCENE])).stderr, "1 dataset deleted for good\n");
    assert_eq!(count("all"), "11\n");
    sandbox.cube(["dataset", "show", SCENE]).fails(1);
}

#[test]
fn a_dataset_is_shown_as_it_was_written() {
    let run = quiet(indexed().cube(["dataset", "show", SCENE]));
    for line in ["label: s2_l2a_bracciano_2034-07-12_33TTG", "crs: epsg:32633", "add_offset: -0.1"] {
        assert!(run.stdout.contains(line), "{line:?}:\n{run}");
    }
}

// Indexing

#[test]
fn documents_are_indexed_from_wherever_they_are() {
    let sandbox = copied();
    let documents: Vec<String> = sandbox
        .files()
        .into_iter()
        .filter(|f| f.ends_with("odc-metadata.yaml"))
        .map(|f| sandbox.path(f).display().to_string())
        .collect();
    let found = sandbox.cube(["search", "--json"]).succeeds().json();
    let lines: Vec<String> = found.as_array().unwrap().iter().map(|d| d["document"].to_string()).collect();
    let ndjson = lines.join("\n");
    sandbox.write("all.ndjson", &ndjson);
    sandbox.write("yaml.yaml", documents.iter().map(|d| std::fs::read_to_string(d).unwrap()).collect::<String>());
    tool(&sandbox, "tar", &["-czf", "all.tar.gz", "s2"]);
    tool(&sandbox, "tar", &["-cf", "all.tar", "s2"]);
    tool(&sandbox, "gzip", &["-k", "all.ndjson"]);

    let all: Vec<&str> = [&["index"][..], &documents.iter().map(String::as_str).collect::<Vec<_>>()].concat();
    for arguments in [
        &["index", "s2"][..],
        &["index", "s2/*/odc-metadata.yaml"],
        &["index", "s2/*"],
        &["index", "all.ndjson"],
        &["index", "all.ndjson.gz"],
        &["index", "all.tar.gz"],
        &["index", "all.tar"],
        &["index", "yaml.yaml"],
        &all,
    ] {
        forget(&sandbox);
        let run = no_data(sandbox.cube(arguments));
        assert!(run.stderr.starts_with("12 added, 0 already there, 0 refused in "), "{run}");
        let again = no_data(sandbox.cube(arguments));
        assert!(again.stderr.starts_with("0 added, 12 already there, 0 refused in "), "{again}");
    }
    for input in [&ndjson, &std::fs::read_to_string(sandbox.path("yaml.yaml")).unwrap()] {
        forget(&sandbox);
        let run = no_data(sandbox.cube_with_stdin(["index", "-"], input));
        assert!(run.stderr.starts_with("12 added"), "{run}");
    }
}

/// Deletes all datasets.
fn forget(sandbox: &Sandbox) {
    let shown = sandbox.cube(["product", "show", PRODUCT]).succeeds().stdout;
    sandbox.cube(["product", "delete", "--force", PRODUCT]).succeeds();
    sandbox.cube_with_stdin(["product", "add", "-"], shown).succeeds();
}

fn tool(sandbox: &Sandbox, program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).current_dir(sandbox.path("")).status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{program} {arguments:?}: {status:?}");
}

#[test]
fn a_file_has_one_place_however_it_is_reached() {
    let sandbox = copied();
    let location = || {
        sandbox.cube(["search", "--json", "--limit", "1"]).succeeds().json()[0]["location"].as_str().unwrap().to_owned()
    };
    let (before, found) = (location(), "s2/../s2/./2034-05-03_32TQM");
    forget(&sandbox);
    sandbox.cube(["index", found]).succeeds();
    assert_eq!(location(), before);
}

#[test]
fn a_dry_run_says_what_would_happen_and_writes_nothing() {
    let sandbox = with_product();
    sandbox.write("a.yaml", scene_document());
    let run = no_data(sandbox.cube(["index", "--dry-run", "a.yaml"]));
    assert!(run.stderr.starts_with("dry run, nothing written: 1 added, 0 already there"), "{run}");
    assert_eq!(sandbox.cube(["search", "--count"]).succeeds().stdout, "0\n");
    no_data(sandbox.cube(["index", "a.yaml"]));
    let run = no_data(sandbox.cube(["index", "--dry-run", "a.yaml"]));
    assert!(run.stderr.starts_with("dry run, nothing written: 0 added, 1 already there"), "{run}");
    sandbox.write("a.yaml", scene_document().replace("MSI", "MSI2"));
    let run = sandbox.cube(["index", "--dry-run", "a.yaml"]).fails(1);
    assert!(run.stderr.contains("--update replaces it"), "{run}");
    let run = no_data(sandbox.cube(["index", "--dry-run", "--update", "a.yaml"]));
    assert!(run.stderr.contains("1 updated"), "{run}");
}

#[test]
fn a_changed_document_is_replaced_only_when_asked() {
    let sandbox = with_product();
    sandbox.write("a.yaml", scene_document());
    no_data(sandbox.cube(["index", "a.yaml"]));
    sandbox.write("a.yaml", scene_document().replace("eo:instrument: MSI", "eo:instrument: OLI"));
    let run = sandbox.cube(["index", "a.yaml"]).fails(1);
    assert!(
        run.stderr.contains(SCENE) && run.stderr.contains("eo:instrument") && run.stderr.contains("--update"),
        "{run}"
    );
    let run = no_data(sandbox.cube(["index", "--update", "a.yaml"]));
    assert!(run.stderr.starts_with("0 added, 0 already there, 1 updated, 0 refused"), "{run}");
    assert_eq!(sandbox.cube(["search", "--count", "instrument=OLI"]).succeeds().stdout, "1\n");
}

#[test]
fn quiet_leaves_only_errors() {
    let sandbox = with_product();
    sandbox.write("a.yaml", scene_document());
    sandbox.write("b.yaml", "hello: [");
    assert_eq!(no_data(sandbox.cube(["-q", "index", "a.yaml"])).stderr, "");
    let run = sandbox.cube(["-q", "index", "a.yaml", "b.yaml"]).fails(1);
    assert!(run.stderr.starts_with("error: ") && run.stderr.lines().count() == 1, "{run}");
}

// Loads

#[test]
fn a_load_goes_into_the_format_of_its_name() {
    let sandbox = indexed();
    let july = ["--time", "2034-07", "-m", "green,red"];
    for (output, first) in [("a.tif", &b"II"[..]), ("a.nc", b"\x89HDF")] {
        let run = no_data(sandbox.cube([&load(output)[..], &july].concat()));
        assert!(
            run.stderr.ends_with(&format!("written: {output}\n")) && run.stderr.starts_with("1 time of green, red, "),
            "{run}"
        );
        assert!(std::fs::read(sandbox.path(output)).unwrap().starts_with(first), "{output}");
    }
    no_data(sandbox.cube([&load("a.zarr")[..], &july].concat()));
    assert!(sandbox.path("a.zarr/zarr.json").is_file());
    let run = no_data(sandbox.cube([&load("scenes/")[..], &["-m", "green,scl"]].concat()));
    assert!(run.stderr.ends_with("written: 12 files in scenes/\n"), "{run}");
    assert!(sandbox.path("scenes/20340712T100512Z_scl.tif").is_file());
    let strange: Vec<_> =
        sandbox.files().into_iter().filter(|f| f.to_string_lossy().contains("/.") || f.starts_with(".")).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn one_load_looks_like_another() {
    let sandbox = indexed();
    let shape = |arguments: &[&str]| {
        let words =
            [&["load", PRODUCT, "--time", "2034-07", "-m", "red", "--group-by", "solar-day", "--json"], arguments]
                .concat();
        sandbox.cube(words).succeeds().json()["shape"].clone()
    };
    let base = shape(&["--bbox", BOX, "--crs", "EPSG:32633", "--resolution", "60", "-o", "base.tif"]);
    assert_eq!(shape(&["--like", "base.tif", "-o", "like.tif"]), base);
    assert_eq!(
        std::fs::read(sandbox.path("like.tif")).unwrap().len(),
        std::fs::read(sandbox.path("base.tif")).unwrap().len()
    );
    assert_eq!(shape(&["--bbox", BOX, "--crs", "utm", "--resolution", "60", "-o", "utm.tif"]), base);
    let run = sandbox.cube(["load", PRODUCT, "--like", "base.tif", "--crs", "utm", "-o", "no.tif"]).fails(2);
    assert!(run.stderr.contains("--like"), "{run}");
}

#[test]
fn the_place_of_a_load_is_given_in_many_ways() {
    let sandbox = indexed();
    let boxed = |arguments: &[&str]| -> String {
        let words = [
            &[
                "load",
                PRODUCT,
                "--time",
                "2034-07",
                "-m",
                "red",
                "--crs",
                "EPSG:32633",
                "--resolution",
                "100",
                "--explain",
            ],
            arguments,
        ]
        .concat();
        let run = quiet(sandbox.cube(words));
        run.stdout.lines().next().unwrap().split("box ").nth(1).unwrap().to_owned()
    };
    let native = boxed(&["--bbox", "265000,4662000,276000,4671000", "--bbox-crs", "EPSG:32633"]);
    assert_eq!(native, "265000,4662000,276000,4671000");
    let shifted = boxed(&["--bbox", "265000,4662000,276000,4671000", "--bbox-crs", "EPSG:32633", "--align", "50,50"]);
    assert_eq!(shifted, "264950,4661950,276050,4671050");
    let wkt = "POLYGON((12.155 42.072, 12.31 42.072, 12.31 42.165, 12.155 42.165, 12.155 42.072))";
    let json = r#"{"type":"Polygon","coordinates":[[[12.155,42.072],[12.31,42.072],[12.31,42.165],[12.155,42.165],[12.155,42.072]]]}"#;
    sandbox.write("place.geojson", json);
    let expected = boxed(&["--bbox", BOX]);
    for geometry in [wkt, json, "place.geojson"] {
        assert_eq!(boxed(&["--geometry", geometry]), expected, "{geometry}");
    }
}

#[test]
fn resampling_is_chosen_for_each_measurement() {
    let explain = [&["load", PRODUCT, "--bbox", BOX, "-m", "green,red,scl", "--explain", "--json"][..], &GRID].concat();
    let run =
        indexed().cube([&explain[..], &["--resampling", "bilinear,scl=mode", "--resampling", "red=average"]].concat());
    let explained = run.succeeds().json();
    let modes: Vec<_> = explained["measurements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["resampling"].as_str().unwrap().to_lowercase())
        .collect();
    assert_eq!(modes, ["bilinear", "average", "mode"]);
}

#[test]
fn an_explanation_tells_plan_and_cost_and_reads_nothing() {
    let sandbox = copied();
    // Headers are read, pixels are not: a file cut behind its header explains itself all the same.
    let file = sandbox.path("s2/2034-07-12_33TTG/B03.tif");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let arguments =
        ["load", PRODUCT, "--bbox", BOX, "--crs", "EPSG:32633", "--resolution", "20", "--group-by", "solar-day"];
    let run = quiet(sandbox.cube([&arguments[..], &["--time", "2034-07", "-m", "green,scl", "--explain"]].concat()));
    // What a load takes at most depends on the machine's cores.
    let shown: Vec<&str> = run.stdout.lines().map(|line| line.split(" for the result; ").next().unwrap()).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    output    538 rows x 659 columns in EPSG:32633, pixels of 20 x -20, box 264620,4661260,277800,4672020
    times     1: 2034-07-12T10:05:12Z
    arrays    green: uint16, nodata 0, nearest
              scl: uint8, nodata 0, nearest
    fuse      first
    read      83.5 kB at most of 4 files, 2 datasets, 126.4 kB stored
              green: 1 by GTiff, full resolution, paste
              green: 1 by GTiff, full resolution, warp
              scl: 1 by GTiff, full resolution, paste
              scl: 1 by GTiff, full resolution, warp
    decode    1.0 MB of pixels at most, less than 0.1 s of one core
    warp      0.42 million pixels at most, less than 0.1 s of one core
    memory    1.0 MB
    work      8 chunks of 512 rows x 512 columns
    "#);
    assert!(run.stdout.ends_with('\n'));
    assert!(!sandbox.path("out.nc").exists());
}

// The terminal

#[test]
fn completions_and_man_pages_name_every_command() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = quiet(sandbox.cube(["completions", shell])).stdout;
        for word in ["product", "search", "memory-limit", "group-by"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    no_data(sandbox.cube(["man", "pages"]));
    for page in ["cube.1", "cube-load.1", "cube-product-add.1"] {
        let text = std::fs::read_to_string(sandbox.path("pages").join(page)).unwrap();
        assert!(text.contains(".TH") && text.contains(".SH DESCRIPTION"), "{page}");
    }
}

#[test]
fn help_is_an_answer_for_every_command() {
    let sandbox = Sandbox::new();
    let help = quiet(sandbox.cube(["--help"])).stdout;
    assert!(help.contains("First steps"), "{help}");
    for command in [
        "init",
        "status",
        "product",
        "metadata",
        "index",
        "dataset",
        "search",
        "load",
        "water",
        "series",
        "plot",
        "completions",
        "man",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}:\n{help}");
        let own = quiet(sandbox.cube([command, "--help"])).stdout;
        assert!(own.contains(&format!("Usage: cube {command}")), "{own}");
    }
    assert!(quiet(sandbox.cube(["--version"])).stdout.starts_with("cube "));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let sandbox = indexed();
    for arguments in [
        &["search", "--json"][..],
        &["search", "--csv"],
        &["search"],
        &["completions", "zsh"],
        &["product", "show"],
        &["status"],
    ] {
        let mut child = sandbox.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {:?}", output.status);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("error") && !said.contains("panicked"), "{arguments:?}: {said}");
    }
}

#[test]
fn nothing_is_coloured_where_no_terminal_is() {
    let sandbox = indexed();
    for no_colour in [true, false] {
        for arguments in [&["search"][..], &["search", "time in"], &["frobnicate"], &["--help"], &["status"]] {
            let mut command = sandbox.command(arguments);
            if !no_colour {
                command.env_remove("NO_COLOR");
            }
            let run = sandbox.run(command);
            assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'), "{run}");
        }
    }
}

// Ctrl-C

/// Starts a load that takes many seconds, sends it a signal as soon as `ready`, and gives what stderr said.
#[cfg(unix)]
fn interrupted(sandbox: &Sandbox, output: &str, signal: &str, ready: &dyn Fn() -> bool) -> String {
    let arguments = [
        "load",
        PRODUCT,
        "--bbox",
        BOX,
        "--crs",
        "EPSG:32633",
        "--resolution",
        "5",
        "--group-by",
        "solar-day",
        "-o",
        output,
    ];
    let mut child = sandbox.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while !ready() {
        assert!(child.try_wait().unwrap().is_none(), "the load ended before it could be interrupted");
        assert!(begun.elapsed() < Duration::from_mins(5), "the load never came so far");
        std::thread::sleep(Duration::from_millis(5));
    }
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let sent = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success(), "{:?}", output.status);
    assert!(sent.elapsed() < Duration::from_secs(20), "it took {:?} to stop", sent.elapsed());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Everything in the working folder, hidden folders too.
#[cfg(unix)]
fn entries(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(sandbox.path("")).unwrap();
    entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(unix)]
#[test]
fn an_interrupted_load_leaves_nothing_behind() {
    let sandbox = indexed();
    // While it reads.
    let begun = Instant::now();
    let said = interrupted(&sandbox, "a.nc", "-INT", &|| begun.elapsed() > Duration::from_millis(700));
    assert!(said.contains("stopped") && !said.contains("panicked"), "{said}");
    assert!(entries(&sandbox).is_empty(), "{:?}", entries(&sandbox));
    // While it writes.
    for (output, signal) in [("a.zarr", "-INT"), ("a.nc", "-TERM"), ("scenes/", "-INT")] {
        let folder = sandbox.path(if output == "scenes/" { "scenes" } else { "" });
        let writes = || {
            let mut entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            entries.any(|e| e.file_name().to_string_lossy().starts_with(".cube-writing-"))
        };
        let said = interrupted(&sandbox, output, signal, &writes);
        assert!(said.contains("stopped") && !said.contains("panicked"), "{said}");
        // Of a directory the files that were complete stay.
        let left: Vec<_> = sandbox
            .files()
            .into_iter()
            .filter(|f| !f.starts_with("scenes") || f.to_string_lossy().contains("/."))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(entries(&sandbox).iter().all(|e| e == "scenes"), "{:?}", entries(&sandbox));
    }
}
