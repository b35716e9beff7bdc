//! Items and collections as the catalogs of the world write them: each is a dataset, or is refused with the reason. The
//! datasets are those that datacube's own `stac2ds` makes.
#![expect(clippy::unwrap_used, reason = "what a test function may do, its set-up may too")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cube_geo::Footprint;
use cube_model::documents::{Fault, ProductMatcher, RawDocument, parse};
use cube_model::stac::{ItemOptions, item_of};
use cube_model::{Dataset, Product};
use cube_tests::{odc_python, shared};
use serde_json::{Value, json};

/// Products of collections that are not there.
const DEFINITIONS: &str = "
name: landsat_c2l2_sr
description: Landsat Collection 2.
metadata_type: eo3
metadata: {product: {name: landsat_c2l2_sr}}
measurements:
  - {name: blue, dtype: uint16, nodata: 0, units: '1'}
  - {name: red, dtype: uint16, nodata: 0, units: '1'}
  - {name: qa_pixel, dtype: uint16, nodata: 1, units: '1', aliases: [QA_PIXEL.TIF]}
---
name: sentinel_s2_l2a_cogs
description: Sentinel-2 of an earlier catalog.
metadata_type: eo3
metadata: {product: {name: sentinel_s2_l2a_cogs}}
measurements:
  - {name: B02, dtype: uint16, nodata: 0, units: '1'}
  - {name: SCL, dtype: uint8, nodata: 0, units: '1'}
---
name: lidar_collection
description: Elevation.
metadata_type: eo3
metadata: {product: {name: lidar_collection}}
measurements:
  - {name: dem, dtype: float32, nodata: -9999, units: m}
";

fn documents(path: &Path) -> Vec<RawDocument> {
    let name = path.file_name().unwrap().to_str().unwrap();
    parse(&fs::read_to_string(path).unwrap(), name).unwrap()
}

/// Every document of STAC in the folder, in the order of their files.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "json" || e == "geojson"));
    files.sort();
    files
}

fn products(folder: &Path) -> ProductMatcher {
    let mut all = parse(DEFINITIONS, "definitions.yaml").unwrap();
    all.extend(documents(&folder.join("sentinel-2-l2a.collection.json")));
    let products = all.iter().map(|document| Product::from_document(document).unwrap());
    ProductMatcher::new(products.chain([ard()]).map(Arc::new))
}

#[test]
fn every_item_is_a_dataset_or_is_told_what_it_lacks() {
    let Some(folder) = shared("realdata/stac_items") else { return };
    let series = shared("realdata/sentinel2_l2a_series").into_iter().flat_map(|folder| files(&folder));
    let products = products(&folder);
    let mut told = String::new();
    for path in files(&folder).into_iter().chain(series) {
        let documents = documents(&path);
        let n = documents.len();
        let mut lines: Vec<(usize, String)> = Vec::new();
        for document in &documents {
            let line = match Dataset::from_document(document, path.to_str(), &products) {
                Ok(d) => {
                    let grids: Vec<&str> = d.grids.keys().map(String::as_str).collect();
                    format!(
                        "{} measurements of {} in {}, grids {}",
                        d.measurements.len(),
                        d.product,
                        d.crs,
                        grids.join(" ")
                    )
                }
                Err(error) => error.faults.iter().map(Fault::reason).collect::<Vec<_>>().join("\n    "),
            };
            match lines.last_mut() {
                Some((count, last)) if *last == line => *count += 1,
                _ => lines.push((1, line)),
            }
        }
        writeln!(told, "{} ({n})", path.file_name().unwrap().to_str().unwrap()).unwrap();
        for (count, line) in lines {
            writeln!(told, "  {count} × {line}").unwrap();
        }
    }
    insta::assert_snapshot!(told);
}

/// Prints the documents that datacube makes of items.
const STAC2DS: &str = "
import json, sys
import pystac
from datacube.metadata import stac2ds
from datacube.utils import jsonify_document
documents = {}
for path in sys.argv[1:]:
    document = json.load(open(path))
    for one in document.get('features', [document]):
        for dataset in stac2ds([pystac.Item.from_dict(one)]):
            documents[str(dataset.id)] = dict(jsonify_document(dataset.metadata_doc), uri=dataset.uri)
print(json.dumps(documents))
";

#[test]
fn datasets_of_items_are_those_that_datacube_makes() {
    let Some(folder) = shared("realdata/stac_items") else { return };
    // Not of the betas whose bands are numbers, nor without grids: datacube fails on those, or makes up a grid of one pixel.
    let names = [
        "S2A_28QCH_20200714_0_L2A.json",
        "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json",
        "LC08_L2SP_028030_20200114_20200824_02_T1_SR.json",
        "LE07_L2SP_044033_20210329_20210424_02_T1_SR.json",
        "two-sentinel-2-items.json",
        "site1-20200606-tall-strip-africa.geojson",
        "site2-2020_jun_jul-35MNM.geojson",
        "lidar_dem.json",
    ];
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    let Some(said) = odc_python(STAC2DS, &paths) else { return };
    let theirs: Value = serde_json::from_str(&said).unwrap();
    let mut compared = 0;
    for document in paths.iter().flat_map(|path| documents(path)) {
        let ours = Dataset::from_document(&document, None, &products(&folder)).unwrap();
        compare(&ours, &theirs[ours.id.to_string()]);
        compared += 1;
    }
    assert!(compared > 25, "{compared}");
}

fn compare(ours: &Dataset, theirs: &Value) {
    let id = ours.id;
    assert!(theirs.is_object(), "datacube gives {id} another identity");
    assert_eq!(theirs["crs"], ours.crs.definition(), "{id}");
    assert_eq!(theirs["uri"].as_str(), ours.location.as_deref(), "{id}");
    let grids = theirs["grids"].as_object().unwrap();
    assert_eq!(grids.len(), ours.grids.len(), "{id}");
    let numbers = |v: &Value| v.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect::<Vec<_>>();
    for (name, grid) in grids {
        let here = &ours.document["grids"][name];
        assert_eq!(numbers(&grid["shape"]), numbers(&here["shape"]), "{id} {name}");
        assert_eq!(numbers(&grid["transform"])[..6], numbers(&here["transform"])[..6], "{id} {name}");
    }
    for (name, there) in theirs["measurements"].as_object().unwrap() {
        // datacube finds no measurement by the names of bands, and gives every band of a file the one name of its asset.
        let path = there["path"].as_str().unwrap();
        let of_file =
            |m: &&cube_model::MeasurementPath| m.path == path && (m.band == 1 || there["band"] == json!(m.band));
        let here = ours.measurements.get(name).filter(of_file).or_else(|| ours.measurements.values().find(of_file));
        assert!(here.is_some(), "{id}: datacube has {name} at {path}");
        let here = here.unwrap();
        assert_eq!(there["grid"].as_str().unwrap_or("default"), here.grid, "{id} {name}");
    }
    for (key, there) in theirs["properties"].as_object().unwrap() {
        let here = ours.properties.get(key).unwrap_or(&Value::Null);
        let moment = |v: &Value| v.as_str().and_then(|text| cube_model::parse_instant(text).ok());
        // Of an item without one moment datacube does not know when it was made; ours takes its beginning.
        let begins =
            key == "odc:processing_datetime" && there.is_null() && here == &ours.properties["dtr:start_datetime"];
        let same = begins
            || here == there
            || here.as_f64().is_some_and(|n| Some(n) == there.as_f64())
            || moment(here).is_some_and(|m| Some(m) == moment(there));
        assert!(same, "{id} {key}: {here} here, {there} there");
    }
    let accessories = theirs["accessories"].as_object().unwrap();
    let here = ours.document["accessories"].as_object().unwrap();
    assert_eq!(accessories.keys().collect::<Vec<_>>(), here.keys().collect::<Vec<_>>(), "{id}");
    let there = cube_model::documents::RawDocument::from_value(theirs.clone(), "datacube");
    let matcher = ProductMatcher::new([Arc::new(Product::from_document(&parse(ANY, "any").unwrap()[0]).unwrap())]);
    let there = Dataset::from_document(&there, None, &matcher).unwrap();
    same_ground(&ours.footprint, &there.footprint);
}

/// A product that every dataset is of.
const ANY: &str = "{name: any, description: Any., metadata_type: eo3, metadata: {}, measurements: []}";

/// Two footprints cover the same ground but for some metres at their edges.
fn same_ground(a: &Footprint, b: &Footprint) {
    let (left, right) = (a.area().unwrap(), b.area().unwrap());
    assert!((left / right - 1.0).abs() < 1e-4, "{left} m² and {right} m²");
    let (a, b) = (a.lonlat_extent().unwrap(), b.lonlat_extent().unwrap());
    for (a, b) in [(a.west, b.west), (a.south, b.south), (a.east, b.east), (a.north, b.north)] {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

/// The product of the pair, with the measurements that both documents have.
fn ard() -> Product {
    let names = ["nbart_blue", "nbart_panchromatic", "oa_fmask", "oa_time_delta"];
    let measurement = |name: &&str| json!({ "name": name, "dtype": "int16", "nodata": -999, "units": "1" });
    let product = json!({
        "name": "ga_ls8c_ard_3", "description": "Landsat 8.", "metadata_type": "eo3",
        "metadata": { "product": { "name": "ga_ls8c_ard_3" } },
        "measurements": names.iter().map(measurement).collect::<Vec<_>>(),
    });
    Product::from_document(&RawDocument::from_value(product, "product")).unwrap()
}

const PAIR: &str = "ga_ls8c_ard_3-1-0_088080_2020-05-25_final";

/// EO3 and STAC of one dataset, as eo-datasets wrote them.
fn pair() -> Option<(Dataset, Dataset, Value)> {
    let folder = shared("realdata/stac_items")?;
    let products = ProductMatcher::new([Arc::new(ard())]);
    let eo3 = documents(&folder.join("data/tostac").join(format!("{PAIR}.odc-metadata.yaml"))).remove(0);
    let item = documents(&folder.join(format!("{PAIR}.stac-item.json"))).remove(0);
    let base = "http://dea-public-data-dev.s3-ap-southeast-2.amazonaws.com/analysis-ready-data/ga_ls8c_ard_3/088/080/2020/05/25";
    let location = format!("{base}/{PAIR}.odc-metadata.yaml");
    let of_eo3 = Dataset::from_document(&eo3, Some(&location), &products).unwrap();
    let of_item = Dataset::from_document(&item, None, &products).unwrap();
    Some((of_eo3, of_item, item.value))
}

/// Keys of one mapping that are missing from another.
fn lacking<'v>(of: &'v Value, from: &Value) -> Vec<&'v str> {
    of.as_object().unwrap().keys().filter(|key| from.get(key.as_str()).is_none()).map(String::as_str).collect()
}

#[test]
fn the_item_of_the_pair_is_the_dataset_of_the_pair() {
    let Some((eo3, item, _)) = pair() else { return };
    assert_eq!((eo3.id, &eo3.product, &eo3.crs, eo3.time), (item.id, &item.product, &item.crs, item.time));
    assert_eq!(eo3.lineage, item.lineage);
    same_ground(&eo3.footprint, &item.footprint);
    // eo-datasets gives the second grid no name in the item.
    assert_eq!(eo3.grids["default"], item.grids["default"]);
    assert_eq!(eo3.grids["panchromatic"], item.grids["g15"]);
    let place = |d: &Dataset, name: &str| {
        let m = &d.measurements[name];
        (cube_model::documents::resolve(d.location.as_deref(), &m.path).unwrap(), m.band, d.geobox(name).unwrap())
    };
    for name in item.measurements.keys() {
        assert_eq!(place(&eo3, name), place(&item, name), "{name}");
    }
    // Those that the makers of the item left out of it.
    let left_out = eo3.measurements.keys().filter(|name| !item.measurements.contains_key(*name));
    assert!(left_out.clone().all(|name| name.contains("nbar_")), "{:?}", left_out.collect::<Vec<_>>());
    for (key, there) in &eo3.properties {
        let here = item.properties.get(key).unwrap_or_else(|| panic!("{key} is missing"));
        let moment = |v: &Value| v.as_str().and_then(|text| cube_model::parse_instant(text).ok());
        match key.as_str() {
            // NaN in the one document, 0.4 in the other.
            "gqa:cep90" => assert_eq!((there, here), (&json!("NaN"), &json!(0.4))),
            _ => assert!(
                here == there || (moment(here).is_some() && moment(here) == moment(there)),
                "{key}: {here} {there}"
            ),
        }
    }
    assert_eq!(item.properties.len(), eo3.properties.len());
    assert_eq!(lacking(&eo3.document["accessories"], &item.document["accessories"]), ["thumbnail:nbar"]);
    assert_eq!(lacking(&item.document["accessories"], &eo3.document["accessories"]), [""; 0]);
    // The item has no title, and its link to the product leads elsewhere.
    assert_eq!((eo3.label.as_deref(), item.label), (Some(PAIR), None));
}

#[test]
fn the_dataset_of_the_pair_is_the_item_of_the_pair() {
    let Some((eo3, item, theirs)) = pair() else { return };
    let ours = item_of(
        &eo3,
        Some(&ard()),
        &ItemOptions { version: cube_model::stac::StacVersion::V1_0, ..Default::default() },
    )
    .unwrap();
    assert_eq!(ours["id"], theirs["id"]);
    let (here, there) = (&ours["properties"], &theirs["properties"]);
    // The collection says it; of the time of making theirs keeps EO3's name, ours has STAC's.
    assert_eq!(lacking(there, here), ["odc:processing_datetime", "odc:product"]);
    assert_eq!(lacking(here, there), ["title", "created", "proj:geometry"]);
    assert_eq!(ours["collection"], there["odc:product"]);
    assert_eq!(here["created"], there["odc:processing_datetime"]);
    for (key, value) in there.as_object().unwrap() {
        match key.as_str() {
            "odc:processing_datetime" | "odc:product" => {}
            // NaN in the one document, 0.4 in the other.
            "gqa:cep90" => assert_eq!((&here[key], value), (&json!("NaN"), &json!(0.4))),
            _ => assert_eq!(&here[key], value, "{key}"),
        }
    }
    for (key, theirs) in theirs["assets"].as_object().unwrap() {
        let ours = &ours["assets"][key];
        for field in ["href", "proj:shape", "proj:transform"] {
            assert_eq!(ours.get(field), theirs.get(field), "{key} {field}");
        }
        let main = |v: &Value| v["type"].as_str().unwrap().split("; profile").next().unwrap().to_owned();
        assert_eq!(main(ours), main(theirs), "{key}");
        if key != "checksum:sha1" {
            assert_eq!(ours["roles"], theirs["roles"], "{key}");
        }
        if let Some(bands) = theirs.get("eo:bands") {
            assert_eq!(&ours["eo:bands"], bands, "{key}");
        }
    }
    for (ours, theirs) in ours["bbox"].as_array().unwrap().iter().zip(theirs["bbox"].as_array().unwrap()) {
        assert!((ours.as_f64().unwrap() - theirs.as_f64().unwrap()).abs() < 1e-4, "{ours} {theirs}");
    }
    // The other way round nothing is lost either.
    let again = item_of(&item, Some(&ard()), &ItemOptions::default()).unwrap();
    for key in ["id", "geometry", "bbox", "links"] {
        assert_eq!(again[key], theirs[key], "{key}");
    }
    assert_eq!(lacking(&theirs["properties"], &again["properties"]), ["proj:epsg"]);
    assert_eq!(again.get("collection"), None);
}
