//! The sample data goes out as STAC, comes into another catalog as STAC, and loads the same pixels there.
#![expect(clippy::unwrap_used, reason = "what a test function may do, its set-up may too")]

use std::fs;
use std::path::PathBuf;

use cube_tests::{Sandbox, odc_python, product_definitions, sample_data};
use serde_json::Value;

const PRODUCTS: [&str; 3] = ["s2_l2a_bracciano", "climatedt_2t_prec", "climatedt_2t_prec_monthly"];

/// A catalog with the sample data, as EO3.
fn sample() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    let products = [product_definitions(), sample_data().join("products")];
    sandbox.cube(["product".into(), "add".into()].into_iter().chain(products)).succeeds();
    let sources: [PathBuf; 3] = ["index".into(), sample_data().join("s2"), sample_data().join("climatedt")];
    sandbox.cube(sources).succeeds();
    sandbox
}

/// Items and collections of everything in a catalog.
fn written(sandbox: &Sandbox, version: &str) -> (String, Vec<String>) {
    let items = sandbox.cube(["search", "--stac", "--stac-version", version]).succeeds().stdout;
    let collection =
        |name: &&str| sandbox.cube(["product", "show", name, "--stac", "--stac-version", version]).succeeds().stdout;
    (items, PRODUCTS.iter().map(collection).collect())
}

fn pixels(sandbox: &Sandbox, name: &str, arguments: &[&str]) -> Vec<u8> {
    let path = sandbox.path(name);
    let output = path.to_str().unwrap();
    sandbox.cube(["load"].iter().chain(arguments).chain(&["-o", output])).succeeds();
    fs::read(path).unwrap()
}

#[test]
fn items_load_the_pixels_of_the_documents_they_were_made_of() {
    let there = sample();
    let lake =
        ["--bbox", "12.155,42.072,12.31,42.165", "--time", "2034-06", "--crs", "EPSG:32633", "--resolution", "20"];
    let loads = [
        [&["s2_l2a_bracciano", "--group-by", "solar-day", "-m", "green,nir"][..], &lake].concat(),
        vec!["climatedt_2t_prec_monthly", "--time", "2034-07", "-m", "2t"],
    ];
    for version in ["1.0", "1.1"] {
        let (items, collections) = written(&there, version);
        let here = Sandbox::new();
        here.cube(["init"]).succeeds();
        let mut sources = vec!["index".into(), here.write("items.json", &items)];
        for (name, collection) in PRODUCTS.iter().zip(&collections) {
            sources.push(here.write(&format!("{name}.json"), collection));
        }
        // Items before their collections: what is in one call needs no order.
        let run = here.cube(&sources).succeeds();
        let all = there.cube(["search", "--count"]).succeeds().stdout;
        assert_eq!(here.cube(["search", "--count"]).succeeds().stdout, all, "{run}");
        for (n, load) in loads.iter().enumerate() {
            let name = format!("{n}.tif");
            assert_eq!(
                pixels(&there, &format!("{version}-{name}"), load),
                pixels(&here, &name, load),
                "{load:?} of {version}"
            );
        }
        // What came as items goes out as the same items.
        let (again, _) = written(&here, version);
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let (mut before, mut after) = (parsed(&items), parsed(&again));
        for collection in [&mut before, &mut after] {
            let features = collection["features"].as_array_mut().unwrap();
            features.sort_by_key(|item| item["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(before, after);
        here.cube(&sources).succeeds();
        assert_eq!(here.cube(["search", "--count"]).succeeds().stdout, all, "the same again adds nothing");
    }
}

/// Reads items and collections with pystac, validates them against the schemas that it brings, and compares boxes with
/// geometries.
const VALID: &str = "
import json, sys
import pystac, shapely.geometry
from pystac.validation.stac_validator import JsonSchemaSTACValidator
validator = JsonSchemaSTACValidator()
n = 0
for path in sys.argv[1:]:
    document = json.load(open(path))
    for one in document.get('features', [document]):
        kind = pystac.STACObjectType.ITEM if one['type'] == 'Feature' else pystac.STACObjectType.COLLECTION
        # pystac brings the schemas of 1.1 alone, and makes 1.1 of 1.0 when it reads it.
        reader = pystac.Item if one['type'] == 'Feature' else pystac.Collection
        new = one
        if one['stac_version'] != '1.1.0':
            new = reader.from_dict(one).to_dict(include_self_link=False, transform_hrefs=False)
        assert validator.validate_core(new, kind, '1.1.0')
        n += 1
        if one['type'] == 'Collection':
            assert pystac.Collection.from_dict(one).id == one['id']
            continue
        item = pystac.Item.from_dict(one)
        back = item.to_dict(include_self_link=False, transform_hrefs=False)
        for key in ('id', 'geometry', 'bbox', 'collection'):
            assert back[key] == one[key], key
        assert {k: a['href'] for k, a in back['assets'].items()} == {k: a['href'] for k, a in one['assets'].items()}
        shape = shapely.geometry.shape(one['geometry'])
        assert shape.is_valid and shape.geom_type in ('Polygon', 'MultiPolygon')
        west, south, east, north = one['bbox']
        outer = getattr(shape, 'geoms', [shape])
        assert all(p.exterior.is_ccw for p in outer)
        bounds = shape.bounds
        assert abs(bounds[1] - south) < 1e-9 and abs(bounds[3] - north) < 1e-9
        if west <= east:
            assert abs(bounds[0] - west) < 1e-9 and abs(bounds[2] - east) < 1e-9
        else:
            assert bounds[0] == -180 and bounds[2] == 180
            assert all(p.bounds[0] >= west - 1e-9 or p.bounds[2] <= east + 1e-9 for p in outer)
print(n)
";

/// Footprints that cross the antimeridian, and one around the pole.
const FAR: &str = r#"
{"$schema": "https://schemas.opendatacube.org/dataset", "id": "6e19ba5e-8be3-4d4a-8a3b-6a2c0b8f6e01", "product": {"name": "far"}, "crs": "EPSG:32601", "grids": {"default": {"shape": [200, 200], "transform": [10, 0, 165500, 0, -10, 3000]}}, "properties": {"datetime": "2034-05-01T10:00:00Z", "odc:processing_datetime": "2034-05-02T00:00:00Z"}, "measurements": {"red": {"path": "red.tif"}}, "lineage": {}}
{"$schema": "https://schemas.opendatacube.org/dataset", "id": "6e19ba5e-8be3-4d4a-8a3b-6a2c0b8f6e02", "product": {"name": "far"}, "crs": "EPSG:3413", "grids": {"default": {"shape": [100, 100], "transform": [20000, 0, -1000000, 0, -20000, 1000000]}}, "properties": {"dtr:start_datetime": "2034-05-01T10:00:00Z", "dtr:end_datetime": "2034-05-02T00:00:00Z", "odc:processing_datetime": "2034-05-02T00:00:00Z"}, "measurements": {"red": {"path": "red.tif"}}, "lineage": {"raw": ["6e19ba5e-8be3-4d4a-8a3b-6a2c0b8f6e01"]}}
"#;

const FAR_PRODUCT: &str = "
name: far
description: Places where longitudes go round.
metadata_type: eo3
metadata: {product: {name: far}}
measurements:
  - {name: red, dtype: float32, nodata: .nan, units: '1'}
";

#[test]
fn what_is_written_is_valid_stac() {
    let sandbox = sample();
    let product = sandbox.write("far.yaml", FAR_PRODUCT);
    let far = sandbox.write("far.ndjson", FAR);
    sandbox.cube(["index".into(), product, far]).succeeds();
    let mut paths = Vec::new();
    for version in ["1.0", "1.1"] {
        let (items, collections) = written(&sandbox, version);
        paths.push(sandbox.write(&format!("{version}/items.json"), &items));
        for (name, collection) in PRODUCTS.iter().zip(collections) {
            paths.push(sandbox.write(&format!("{version}/{name}.json"), collection));
        }
        // One product without datasets, and one at the pole and at the antimeridian.
        let far = sandbox.cube(["product", "show", "far", "--stac", "--stac-version", version]).succeeds();
        paths.push(sandbox.write(&format!("{version}/far.json"), far.stdout));
        let empty = sandbox.cube(["product", "show", "sentinel2_l2a", "--stac", "--stac-version", version]).succeeds();
        paths.push(sandbox.write(&format!("{version}/empty.json"), empty.stdout));
    }
    let items: Value = serde_json::from_str(&fs::read_to_string(&paths[0]).unwrap()).unwrap();
    let far = items["features"].as_array().unwrap().iter().find(|i| i["collection"] == "far").unwrap();
    assert!(far["bbox"][0].as_f64().unwrap() > far["bbox"][2].as_f64().unwrap(), "{far:#}");
    if let Some(said) = odc_python(VALID, &paths) {
        let items = items["features"].as_array().unwrap().len();
        assert_eq!(said.trim(), (2 * (items + PRODUCTS.len() + 2)).to_string());
    }
}

#[test]
fn an_item_of_a_derived_dataset_links_to_the_documents_of_its_sources() {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    let product = sandbox.write("far.yaml", FAR_PRODUCT);
    let far = sandbox.write("far.ndjson", FAR);
    sandbox.cube(["index".into(), product, far.clone()]).succeeds();
    let item = sandbox.cube(["dataset", "show", "6e19ba5e-8be3-4d4a-8a3b-6a2c0b8f6e02", "--stac"]).succeeds().json();
    let links = item["links"].as_array().unwrap();
    let derived = links.iter().find(|l| l["rel"] == "derived_from").unwrap();
    assert_eq!(derived["href"], far.canonicalize().unwrap().to_str().unwrap());
    assert_eq!(derived["title"], "6e19ba5e-8be3-4d4a-8a3b-6a2c0b8f6e01");
    assert_eq!(item["properties"]["datetime"], Value::Null);
    assert_eq!(item["properties"]["odc:lineage"]["raw"][0], "6e19ba5e-8be3-4d4a-8a3b-6a2c0b8f6e01");
}

#[test]
fn a_collection_of_a_product_that_is_there_adds_nothing() {
    let sandbox = sample();
    let (_, collections) = written(&sandbox, "1.1");
    let before = sandbox.cube(["product", "show", PRODUCTS[0], "--json"]).succeeds().stdout;
    let path = sandbox.write("collection.json", &collections[0]);
    let report = sandbox.cube(["index".as_ref(), path.as_os_str()]).succeeds();
    assert_eq!(sandbox.cube(["product", "show", PRODUCTS[0], "--json"]).succeeds().stdout, before, "{report}");
    let catalog =
        sandbox.write("catalog.json", r#"{"type": "Catalog", "stac_version": "1.1.0", "id": "x", "links": []}"#);
    let refused = sandbox.cube(["index".as_ref(), catalog.as_os_str()]).fails(1);
    assert!(refused.stderr.contains("this catalog links to no item"), "{refused}");
}
