//! Items and collections there and back.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{CollectionExtent, CollectionOptions, ItemOptions, StacVersion, collection_of, item_of};
use crate::documents::{ProductMatcher, RawDocument, parse};
use crate::{DataType, Dataset, Product};

fn raw(value: &Value) -> RawDocument {
    RawDocument::from_value(value.clone(), "test.json")
}

/// A collection with bands of every kind: plain, scaled, of several in one file, and what is no measurement.
fn collection() -> Value {
    json!({
        "type": "Collection", "stac_version": "1.0.0", "id": "sentinel-2-l2a", "title": "S2", "description": "Scenes.",
        "license": "proprietary", "extent": {}, "links": [],
        "item_assets": {
            "B04": { "type": "image/tiff", "roles": ["data"], "eo:bands": [{"name": "B04", "common_name": "red"}],
                "raster:bands": [{"data_type": "uint16", "nodata": 0, "scale": 0.0001, "offset": -0.1}] },
            "B11": { "type": "image/tiff", "roles": ["data"],
                "raster:bands": [{"data_type": "uint16", "nodata": 0, "unit": "m"}] },
            "visual": { "type": "image/tiff", "roles": ["data"],
                "eo:bands": [{"name": "R", "common_name": "red"}, {"name": "G", "common_name": "green"}],
                "raster:bands": [{"data_type": "uint8"}, {"data_type": "uint8"}] },
            "preview": { "type": "image/tiff", "roles": ["thumbnail"] },
            "metadata": { "type": "application/xml", "roles": ["metadata"] },
        },
    })
}

fn product() -> Product {
    Product::from_document(&raw(&collection())).unwrap()
}

fn item() -> Value {
    json!({
        "type": "Feature", "stac_version": "1.0.0", "id": "S2A_33TTG", "collection": "sentinel-2-l2a",
        "stac_extensions": ["https://stac-extensions.github.io/eo/v1.1.0/schema.json", "https://host/own.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json"],
        "geometry": { "type": "Polygon", "coordinates": [[[12.5, 42.1], [12.6, 42.1], [12.6, 42.2], [12.5, 42.1]]] },
        "bbox": [12.5, 42.1, 12.6, 42.2],
        "properties": { "datetime": "2034-05-17T10:00:00.024000Z", "platform": "Sentinel-2A", "instruments": ["msi"],
            "proj:epsg": 32633, "eo:cloud_cover": 3.5, "s2:mgrs_tile": "33TTG", "title": "a scene", "own": null,
            "created": "2034-05-18T00:00:00Z" },
        "links": [
            { "rel": "self", "href": "https://host/items/S2A_33TTG.json" },
            { "rel": "collection", "href": "https://host/collection.json", "type": "application/json" },
        ],
        "assets": {
            "B04": { "href": "./B04.tif", "type": "image/tiff; application=geotiff", "roles": ["data"], "title": "Red",
                "eo:bands": [{"name": "B04", "common_name": "red"}],
                "raster:bands": [{"data_type": "uint16", "nodata": 0, "scale": 0.0001, "offset": 0}],
                "proj:shape": [100, 100], "proj:transform": [10, 0, 300_000, 0, -10, 4_700_000] },
            "B11": { "href": "s3://bucket/B11.tif", "type": "image/tiff; application=geotiff", "roles": ["data"],
                "proj:shape": [50, 50], "proj:transform": [20, 0, 300_000, 0, -20, 4_700_000, 0, 0, 1] },
            "visual": { "href": "TCI.tif", "type": "image/tiff; application=geotiff", "roles": ["data"],
                "eo:bands": [{"name": "R", "common_name": "red"}, {"name": "G", "common_name": "green"}],
                "proj:shape": [100, 100], "proj:transform": [10, 0, 300_000, 0, -10, 4_700_000] },
            "preview": { "href": "preview.tif", "type": "image/tiff", "roles": ["thumbnail"] },
            "metadata": { "href": "meta.xml", "type": "application/xml", "roles": ["metadata"], "file:size": 7 },
        },
    })
}

fn matcher() -> ProductMatcher {
    ProductMatcher::new([Arc::new(product())])
}

fn dataset(item: &Value) -> Dataset {
    Dataset::from_document(&raw(item), Some("/data/items.json"), &matcher()).unwrap()
}

/// What is wrong with the item after `change`.
fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let mut item = item();
    change(&mut item);
    Dataset::from_document(&raw(&item), None, &matcher()).unwrap_err().to_string()
}

#[test]
fn a_collection_is_a_product() {
    let product = product();
    assert_eq!((product.name.as_str(), product.license.as_deref()), ("sentinel_2_l2a", Some("proprietary")));
    assert_eq!(product.metadata, json!({"product": {"name": "sentinel_2_l2a"}}));
    let names: Vec<&str> = product.measurements.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["B04", "B11", "visual", "visual_2"]);
    let red = product.measurement("red").unwrap();
    assert_eq!((red.name.as_str(), red.dtype, red.nodata), ("B04", DataType::UInt16, Some(0.0)));
    assert_eq!((red.scale_factor, red.add_offset), (Some(0.0001), Some(-0.1)));
    assert_eq!(product.measurement("green").unwrap().name, "visual_2");
    assert_eq!((product.measurements[1].units.as_str(), product.measurements[2].nodata), ("m", None));
}

#[test]
fn a_collection_that_says_too_little_is_told_what_to_give() {
    let mut silent = collection();
    silent["item_assets"]["B11"].as_object_mut().unwrap().remove("raster:bands");
    let error = Product::from_document(&raw(&silent)).unwrap_err().to_string();
    assert!(error.contains("missing for B11") && error.contains("\"sentinel_2_l2a\""), "{error}");
    silent.as_object_mut().unwrap().remove("item_assets");
    let error = Product::from_document(&raw(&silent)).unwrap_err().to_string();
    assert!(error.contains("item_assets") && error.contains("cube product add"), "{error}");
}

#[test]
fn an_item_is_a_dataset_as_datacube_makes_it() {
    let dataset = dataset(&item());
    // uuid.uuid5(UUID_NAMESPACE_STAC, "sentinel-2-l2a\nS2A_33TTG\n")
    assert_eq!(dataset.id.to_string(), "a0fe4ac1-6fc2-50f1-bd44-0433d91f46f7");
    assert_eq!((dataset.product.as_str(), dataset.label.as_deref()), ("sentinel_2_l2a", Some("a scene")));
    assert_eq!(dataset.location.as_deref(), Some("https://host/items/S2A_33TTG.json"));
    assert_eq!(dataset.crs.epsg_code(), Some(32633));
    assert_eq!(dataset.grids.keys().collect::<Vec<_>>(), ["default", "g20"]);
    assert_eq!(dataset.measurements["B11"].grid, "g20");
    assert_eq!((dataset.measurements["visual_2"].path.as_str(), dataset.measurements["visual_2"].band), ("TCI.tif", 2));
    // The product's offset is -0.1, the item's 0; both have the same scale.
    let red = &dataset.measurements["B04"];
    assert_eq!((red.scale_factor, red.add_offset), (None, Some(0.0)));
    assert_eq!(dataset.properties["eo:platform"], "Sentinel-2A");
    assert_eq!(dataset.properties["eo:instrument"], "MSI");
    assert_eq!(dataset.properties["odc:file_format"], "GeoTIFF");
    assert!(!dataset.properties.contains_key("proj:epsg"));
    assert_eq!(dataset.document["accessories"]["metadata"], json!({"path": "meta.xml"}));
    assert!(
        (dataset.footprint.bounding_box().left - 293_000.0).abs() < 3000.0,
        "{:?}",
        dataset.footprint.bounding_box()
    );
}

#[test]
fn an_item_comes_back_as_it_was() {
    let dataset = dataset(&item());
    let options = ItemOptions { version: StacVersion::V1_0, ..Default::default() };
    let mut expected = item();
    for (key, href) in [("B04", "B04.tif"), ("visual", "TCI.tif"), ("preview", "preview.tif"), ("metadata", "meta.xml")]
    {
        expected["assets"][key]["href"] = json!(format!("https://host/items/{href}"));
    }
    let back = item_of(&dataset, Some(&product()), &options).unwrap();
    assert_eq!(back, expected, "{back:#}");
    // And from the store.
    let stored = Dataset::from_stored(dataset.document.clone(), dataset.location.as_deref(), &dataset.product).unwrap();
    assert_eq!(item_of(&stored, Some(&product()), &options).unwrap(), expected);
    let new = item_of(&stored, Some(&product()), &ItemOptions::default()).unwrap();
    assert_eq!(new["stac_version"], "1.1.0");
    assert_eq!(new["properties"]["proj:code"], "EPSG:32633");
    assert_eq!(new["assets"]["B04"]["bands"][0]["raster:offset"], 0);
    assert_eq!(super::version::upgraded(&expected), new);
}

/// An EO3 dataset with all that an EO3 document can say.
const EO3: &str = "\
$schema: https://schemas.opendatacube.org/dataset
id: f884df9b-4458-47fd-a9d2-1a52a2db8a1a
label: a scene
product: {name: scenes, href: 'https://host/product'}
crs: epsg:32601
geometry:
  type: Polygon
  coordinates: [[[165500.25, 1000], [167500, 1000], [167500, 3000.125], [165500.25, 1000]]]
grids:
  default: {shape: [100, 200], transform: [10, 0, 165500, 0, -10, 3000]}
  coarse: {shape: [50, 100], transform: [20, 0, 165500, 0, -20, 3000, 0, 0, 1]}
  idle: {shape: [1, 1], transform: [2000, 0, 165500, 0, -2000, 3000, 0, 0, 1]}
properties:
  datetime: 2034-05-17 10:00:00.5+02:00
  dtr:start_datetime: 2034-05-17 08:00:00Z
  dtr:end_datetime: 2034-05-17 09:00:00Z
  odc:processing_datetime: 2034-05-18 00:00:00Z
  odc:file_format: GeoTIFF
  eo:instrument: ETM+
  eo:platform: landsat-7
  gqa:cep90: .nan
measurements:
  red: {path: ../red.tif, grid: coarse}
  deep: {path: all.nc, layer: deep, band: 3}
  first: {path: stack.tif}
  second: {path: stack.tif, band: 2, scale_factor: 0.5, add_offset: 1.0}
accessories:
  'checksum:sha1': {path: x.sha1}
  thumbnail: {path: x.jpg}
lineage:
  ard: [6241395f-f341-41b0-96b7-60f486c577d0]
";

fn scenes() -> Product {
    let text = "
name: scenes
description: Scenes.
metadata_type: eo3
license: CC-BY-4.0
metadata: {product: {name: scenes}}
load: {crs: 'EPSG:3857', resolution: {x: 10, y: -10}}
measurements:
  - {name: red, dtype: uint16, nodata: 0, units: '1', aliases: [b4], scale_factor: 0.1,
     flags_definition: {cloud: {bits: 1, values: {0: no, 1: yes}}}}
  - {name: first, dtype: float32, nodata: .nan, units: K}
  - {name: second, dtype: complex64, nodata: -1, units: '1'}
";
    Product::from_document(&parse(text, "product.yaml").unwrap().remove(0)).unwrap()
}

#[test]
fn a_dataset_comes_back_as_it_was() {
    let products = ProductMatcher::new([Arc::new(scenes())]);
    let there = Dataset::from_document(&parse(EO3, "x.yaml").unwrap()[0], Some("/data/a/x.yaml"), &products).unwrap();
    for version in [StacVersion::V1_0, StacVersion::V1_1] {
        let item = item_of(&there, Some(&scenes()), &ItemOptions { version, ..Default::default() }).unwrap();
        assert!(item["bbox"][0].as_f64() > item["bbox"][2].as_f64(), "{item:#}");
        assert_eq!(item["assets"]["red"]["href"], "/data/red.tif");
        assert_eq!(item["assets"]["file_stack"]["href"], "/data/a/stack.tif");
        let back = Dataset::from_document(&raw(&item), Some("/other/items.json"), &products).unwrap();
        assert_eq!((&back.id, &back.label, &back.product), (&there.id, &there.label, &there.product), "{item:#}");
        assert_eq!((&back.crs, &back.grids, &back.time), (&there.crs, &there.grids, &there.time), "{item:#}");
        assert_eq!((&back.footprint, &back.lineage), (&there.footprint, &there.lineage));
        assert_eq!(back.document["product"], there.document["product"]);
        for (name, m) in &there.measurements {
            let mut given = back.measurements[name].clone();
            assert!(given.path.ends_with(m.path.trim_start_matches("../")) && given.path.starts_with("/data/"));
            given.path.clone_from(&m.path);
            assert_eq!(&given, m, "{name}");
        }
        assert_eq!(back.measurements.len(), there.measurements.len());
        assert_eq!(back.document["accessories"]["checksum:sha1"]["path"], "/data/a/x.sha1");
        for (key, value) in &there.properties {
            let moment = |v: &Value| v.as_str().and_then(|t| crate::parse_instant(t).ok());
            let given = &back.properties[key];
            assert!(
                given == value || (moment(value).is_some() && moment(given) == moment(value)),
                "{key}: {given} {value}"
            );
        }
        assert_eq!(back.properties.len(), there.properties.len());
    }
}

#[test]
fn a_product_comes_back_as_it_was() {
    for version in [StacVersion::V1_0, StacVersion::V1_1] {
        let options = CollectionOptions { version, ..Default::default() };
        let there = collection_of(&scenes(), &options);
        let back = Product::from_document(&raw(&there)).unwrap();
        let mut back = back;
        let scenes = scenes();
        // The order of keys is no part of a product.
        back.document.clone_from(&scenes.document);
        assert_eq!(format!("{back:?}"), format!("{scenes:?}"), "{there:#}");
    }
}

#[test]
fn a_collection_over_the_antimeridian_has_its_west_greater_than_its_east() {
    let area = cube_geo::LonLatExtent { west: 170.0, south: -10.0, east: 190.0, north: 10.0 };
    let time = ("2034-05-01T00:00:00Z".parse().unwrap(), "2034-05-31T00:00:00Z".parse().unwrap());
    let extent = CollectionExtent { area: Some(area), time: Some(time) };
    let collection = collection_of(&scenes(), &CollectionOptions { extent, ..Default::default() });
    assert_eq!(collection["extent"]["spatial"]["bbox"], json!([[170.0, -10.0, -170.0, 10.0]]));
    assert_eq!(collection["extent"]["temporal"]["interval"], json!([["2034-05-01T00:00:00Z", "2034-05-31T00:00:00Z"]]));
}

#[test]
fn what_is_missing_is_named() {
    let error = refusal(|item| {
        item["properties"].as_object_mut().unwrap().remove("proj:epsg");
    });
    assert!(error.contains("at properties:") && error.contains("proj:code"), "{error}");
    let error = refusal(|item| {
        for key in ["B04", "B11", "visual"] {
            item["assets"][key].as_object_mut().unwrap().remove("proj:transform");
        }
    });
    assert!(error.contains("got no proj:transform for") && error.contains("B04, B11, visual"), "{error}");
    let error = refusal(|item| item["properties"]["datetime"] = Value::Null);
    assert!(error.contains("start_datetime"), "{error}");
    let error = refusal(|item| item["collection"] = json!("other"));
    assert!(error.contains("\"other\"") && error.contains("sentinel_2_l2a"), "{error}");
    let error = refusal(|item| {
        item["assets"].as_object_mut().unwrap().remove("B11");
    });
    assert!(error.contains("measurements B11"), "{error}");
    let error = refusal(|item| item["assets"]["B11"]["proj:epsg"] = json!(32634));
    assert!(error.contains("one CRS"), "{error}");
    let error = refusal(|item| item["stac_version"] = json!("0.9.0"));
    assert!(error.contains("0.9.0"), "{error}");
    let error = refusal(|item| item["geometry"]["type"] = json!("Point"));
    assert!(error.contains("Polygon"), "{error}");
}

#[test]
fn what_is_hostile_is_refused() {
    let error = refusal(|item| item["id"] = json!("x".repeat(5000)));
    assert!(error.contains("4096"), "{error}");
    let error = refusal(|item| item["assets"]["B04"]["bands"] = json!(vec![json!({}); 10_001]));
    assert!(error.contains("10000 bands"), "{error}");
    let error = refusal(|item| item["assets"] = (0..10_001).map(|i| (i.to_string(), json!({"href": "x"}))).collect());
    assert!(error.contains("10000 assets"), "{error}");
    for key in ["assets", "properties", "geometry", "id", "collection"] {
        assert!(!refusal(|item| item[key] = json!(["?"])).is_empty());
    }
    assert!(refusal(|item| item["assets"]["B04"]["proj:shape"] = json!([0, -1])).contains("at assets.B04.proj:shape"));
}

#[test]
fn items_of_a_collection_of_items_are_documents_of_their_own() {
    let mut broken = item();
    broken["properties"]["proj:epsg"] = json!(1);
    let text =
        serde_json::to_string_pretty(&json!({"type": "FeatureCollection", "features": [item(), broken]})).unwrap();
    let documents = parse(&text, "items.json").unwrap();
    assert_eq!(documents.len(), 2);
    assert!(Dataset::from_document(&documents[0], None, &matcher()).is_ok());
    let error = Dataset::from_document(&documents[1], None, &matcher()).unwrap_err();
    let line = text.lines().position(|l| l.contains("\"proj:epsg\": 1")).unwrap() + 1;
    assert!(error.to_string().contains("at features[1].properties.proj:code"), "{error}");
    assert!(error.faults[0].position.unwrap().line <= line, "{error}");
}

#[test]
fn an_item_without_collection_is_matched_by_its_properties() {
    let mut definition = product().document;
    definition["metadata"] = json!({"properties": {"eo:platform": "sentinel-2A"}});
    let products = ProductMatcher::new([Arc::new(Product::from_document(&raw(&definition)).unwrap())]);
    let mut item = item();
    item.as_object_mut().unwrap().remove("collection");
    assert_eq!(Dataset::from_document(&raw(&item), None, &products).unwrap().product, "sentinel_2_l2a");
    // Or said to be of a product.
    let named = Dataset::from_document(&raw(&item), None, &matcher().with_items_of("sentinel_2_l2a")).unwrap();
    assert_eq!(named.product, "sentinel_2_l2a");
}

#[test]
fn bands_find_measurements_of_other_names() {
    let definition = json!({
        "name": "s2", "description": "x", "metadata_type": "eo3", "metadata": {"product": {"name": "s2"}},
        "measurements": [{"name": "red", "dtype": "uint16", "nodata": 0, "units": "1"},
            {"name": "green", "dtype": "uint8", "nodata": 0, "units": "1"}],
    });
    let products = ProductMatcher::new([Arc::new(Product::from_document(&raw(&definition)).unwrap())]);
    let dataset = Dataset::from_document(&raw(&item()), None, &products.with_items_of("s2")).unwrap();
    assert_eq!(dataset.measurements["red"].path, "./B04.tif");
    assert_eq!((dataset.measurements["green"].path.as_str(), dataset.measurements["green"].band), ("TCI.tif", 2));
    let back = item_of(&dataset, None, &ItemOptions::default()).unwrap();
    assert_eq!(back["assets"].as_object().unwrap().len(), item()["assets"].as_object().unwrap().len());
    assert_eq!(back["assets"]["B04"]["bands"], super::version::upgraded(&item())["assets"]["B04"]["bands"]);
}
