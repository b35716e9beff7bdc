//! `cube index` of static catalogs, and of documents by URL; what collections and items leave out.
#![expect(clippy::unwrap_used, reason = "what a test function may do, its set-up may too")]

use std::fs;
use std::path::{Path, PathBuf};

use cube_tests::server::{Reply, Server};
use cube_tests::{Run, Sandbox, sample_data, shared};
use serde_json::{Value, json};

use crate::documents::{collection, item};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    sandbox
}

fn counts(run: &Run) -> [u64; 4] {
    let report = run.json();
    ["added", "present", "updated", "refused_in_all"].map(|key| report[key].as_u64().unwrap())
}

/// A catalog with a collection that has two items and one that is missing.
fn catalog(sandbox: &Sandbox) -> PathBuf {
    let links = json!([
        {"rel": "root", "href": "../catalog.json"},
        {"rel": "item", "href": "./1/item.json"},
        {"rel": "item", "href": "2/item.json"},
        {"rel": "item", "href": "3/item.json"},
    ]);
    sandbox.write("stac/scenes/collection.json", collection("scenes", &links).to_string());
    for n in [1, 2] {
        let mut item = item("scenes", n);
        for name in ["red", "nir"] {
            item["assets"][name]["href"] = json!(format!("./{name}.tif"));
        }
        item.as_object_mut().unwrap().remove("collection");
        sandbox.write(&format!("stac/scenes/{n}/item.json"), item.to_string());
    }
    let root = json!({"type": "Catalog", "stac_version": "1.0.0", "id": "root", "description": "All.", "links": [
        {"rel": "self", "href": "catalog.json"}, {"rel": "child", "href": "./scenes/collection.json"}, {"rel": "child", "href": "catalog.json"}]});
    sandbox.write("stac/catalog.json", root.to_string())
}

/// Serves a folder.
fn served(folder: PathBuf) -> Server {
    Server::start(move |_, asked, _| match fs::read(folder.join(asked.path().trim_start_matches('/'))) {
        Ok(bytes) => Reply::new("application/octet-stream", bytes),
        Err(_) => Reply::status(404),
    })
}

#[test]
fn static_catalogs_are_walked_from_disk_and_over_http() {
    let sandbox = sandbox();
    let root = catalog(&sandbox);
    let run = sandbox.cube(["index".as_ref(), root.as_os_str(), "--json".as_ref()]).fails(1);
    assert_eq!(counts(&run), [2, 0, 0, 1], "{run}");
    assert!(run.stdout.contains("3/item.json: there is no such file"), "{run}");
    let found = sandbox.cube(["search", "product=scenes", "--json"]).succeeds().json();
    assert!(found[0]["location"].as_str().unwrap().ends_with("/stac/scenes/1/item.json"), "{found:#}");
    let again = sandbox.cube(["index".as_ref(), root.as_os_str(), "--json".as_ref()]).fails(1);
    assert_eq!(counts(&again), [0, 2, 0, 1]);

    let server = served(sandbox.path("stac"));
    let other = self::sandbox();
    let run = other.cube(["index", &server.url("/catalog.json"), "--json"]).fails(1);
    assert_eq!(counts(&run), [2, 0, 0, 1], "{run}");
    assert!(run.stdout.contains("/scenes/3/item.json: the server answers 404"), "{run}");
    let found = other.cube(["search", "--json"]).succeeds().json();
    assert_eq!(found[0]["location"].as_str().unwrap(), server.url("/scenes/1/item.json"), "{found:#}");
    let narrow = self::sandbox();
    let run = narrow.cube(["index", &server.url("/scenes/collection.json"), "--time", "2034-05-02", "--json"]).fails(1);
    assert_eq!(counts(&run), [1, 0, 0, 1], "{run}");
}

#[test]
fn items_collections_of_items_and_documents_are_indexed_by_url() {
    let sandbox = sandbox();
    sandbox.write("www/collection.json", collection("scenes", &json!([])).to_string());
    sandbox.write("www/item.json", item("scenes", 1).to_string());
    let items = json!({"type": "FeatureCollection", "features": [item("scenes", 2), item("scenes", 3)]});
    sandbox.write("www/items.json", items.to_string());
    let lines = format!("{}\n{}\n", item("scenes", 4), item("scenes", 5));
    sandbox.write("www/items.ndjson", lines);
    let server = served(sandbox.path("www"));
    for (name, added) in [("collection.json", 0), ("item.json", 1), ("items.json", 2), ("items.ndjson", 2)] {
        let run = sandbox.cube(["index", &server.url(&format!("/{name}")), "--json"]).succeeds();
        assert_eq!(counts(&run), [added, 0, 0, 0], "{name} {run}");
    }
    // EO3 of the sample data, as it lies there and packed.
    let scene = walk(&sample_data().join("s2")).into_iter().find(|p| p.ends_with("odc-metadata.yaml")).unwrap();
    sandbox
        .cube(["product".into(), "add".into(), cube_tests::product_definitions(), sample_data().join("products")])
        .succeeds();
    let server = served(scene.parent().unwrap().to_owned());
    let run = sandbox.cube(["index", &server.url("/odc-metadata.yaml"), "--json"]).succeeds();
    assert_eq!(counts(&run), [1, 0, 0, 0], "{run}");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { all.extend(walk(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// A band of a scene of the sample data.
fn band() -> PathBuf {
    walk(&sample_data().join("s2")).into_iter().find(|p| p.extension().is_some_and(|e| e == "tif")).unwrap()
}

/// A catalog of one collection that says nothing of its measurements, and one item that says nothing of its grid.
fn bare(sandbox: &Sandbox, file: &Path) -> PathBuf {
    let mut collection = collection("bare", &json!([{"rel": "item", "href": "item.json"}]));
    collection.as_object_mut().unwrap().remove("item_assets");
    sandbox.write("bare/collection.json", collection.to_string());
    let mut item = item("bare", 1);
    item["properties"].as_object_mut().unwrap().retain(|key, _| !key.starts_with("proj:"));
    item["assets"] = json!({"red": {"href": file, "type": "image/tiff", "roles": ["data"]}});
    sandbox.write("bare/item.json", item.to_string());
    sandbox.path("bare/collection.json")
}

#[test]
fn what_documents_leave_out_comes_from_the_headers_of_the_files() {
    let sandbox = sandbox();
    let root = bare(&sandbox, &band());
    let run = sandbox.cube(["index".as_ref(), root.as_os_str(), "--json".as_ref()]).succeeds();
    assert_eq!(counts(&run), [1, 0, 0, 0], "{run}");
    let product = sandbox.cube(["product", "show", "bare", "--json"]).succeeds().json();
    assert!(product.to_string().contains("uint16"), "{product:#}");
    let id = sandbox.cube(["search", "--json"]).succeeds().json()[0]["id"].as_str().unwrap().to_owned();
    let document = sandbox.cube(["dataset", "show", &id, "--json"]).succeeds().stdout;
    assert!(document.contains("EPSG:326") && document.contains("\"shape\""), "{document}");
    // The pixels are where the grid says.
    let out = sandbox.path("out.tif");
    sandbox
        .cube([
            "load".as_ref(),
            "bare".as_ref(),
            "-o".as_ref(),
            out.as_os_str(),
            "--crs".as_ref(),
            "EPSG:32633".as_ref(),
            "--resolution".as_ref(),
            "100".as_ref(),
        ])
        .succeeds();
    assert!(out.exists());
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_the_item() {
    let sandbox = sandbox();
    let root = bare(&sandbox, Path::new("/no/such/file.tif"));
    let map = sandbox.write("map.yaml", "bare: {assets: {'*': {data_type: uint16, nodata: 0}}}");
    let run = sandbox.cube(["index".as_ref(), root.as_os_str(), "--measurements".as_ref(), map.as_os_str()]).fails(1);
    assert!(run.stderr.contains("the headers of its files do not say it either"), "{run}");
    assert!(run.stderr.contains("/no/such/file.tif"), "{run}");
}

#[test]
fn a_map_says_what_a_collection_leaves_out() {
    let sandbox = sandbox();
    let mut document = collection("scenes", &json!([{"rel": "item", "href": "item.json"}]));
    for name in ["red", "nir"] {
        document["item_assets"][name].as_object_mut().unwrap().remove("raster:bands");
    }
    document["item_assets"]["visual"] = json!({"type": "image/tiff", "roles": ["data"]});
    let root = sandbox.write("c/collection.json", document.to_string());
    sandbox.write("c/item.json", item("scenes", 1).to_string());
    let run = sandbox.cube(["index".as_ref(), root.as_os_str()]).fails(1);
    assert!(run.stderr.contains("which are missing for red, nir, visual"), "{run}");
    let map = sandbox.write(
        "map.yaml",
        "scenes:\n  assets: {'*': {data_type: int16, nodata: -999}, nir: {data_type: uint16, nodata: 0}, visual: null}\n  aliases: {rot: red}\n",
    );
    let run = sandbox
        .cube(["index".as_ref(), root.as_os_str(), "--measurements".as_ref(), map.as_os_str(), "--json".as_ref()])
        .succeeds();
    assert_eq!(counts(&run), [1, 0, 0, 0], "{run}");
    let product = sandbox.cube(["product", "show", "scenes", "--json"]).succeeds().json();
    let product = if product.is_array() { product[0].clone() } else { product };
    let said: Vec<(Value, Value, Value)> = product["measurements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["name"].clone(), m["dtype"].clone(), m["nodata"].clone()))
        .collect();
    assert_eq!(
        said,
        [(json!("red"), json!("int16"), json!(-999)), (json!("nir"), json!("uint16"), json!(0))],
        "{product:#}"
    );
    assert!(product["measurements"][0]["aliases"].as_array().unwrap().contains(&json!("rot")), "{product:#}");
    let bad = sandbox.write("bad.yaml", "scenes: {bands: []}");
    let run = sandbox.cube(["index".as_ref(), root.as_os_str(), "--measurements".as_ref(), bad.as_os_str()]).fails(2);
    assert!(run.stderr.contains("\"bands\" is not known"), "{run}");
}

#[test]
fn the_items_of_the_world_come_over_http_as_they_come_from_files() {
    let Some(folder) = shared("realdata/stac_items") else { return };
    let server = served(folder.clone());
    let (there, here) = (sandbox(), sandbox());
    for name in [
        "sentinel-2-l2a.collection.json",
        "two-sentinel-2-items.json",
        "item-collection.json",
        "S2A_28QCH_20200714_0_L2A.json",
    ] {
        let file = there.cube(["index".as_ref(), folder.join(name).as_os_str(), "--json".as_ref()]);
        // The collection's own link leads to the API that it was taken from.
        let at = if name.contains("collection.json") && name.starts_with("sentinel") {
            folder.join(name).to_string_lossy().into_owned()
        } else {
            server.url(&format!("/{name}"))
        };
        let url = here.cube(["index", &at, "--json"]);
        assert_eq!(counts(&file), counts(&url), "{name}\n{file}\n{url}");
    }
    let count = |sandbox: &Sandbox| sandbox.cube(["search", "--count"]).succeeds().stdout;
    assert_eq!(count(&there), count(&here));
}
