//! What documents may leave out or bring along.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use cube_model::documents::{ProductMatcher, RawDocument, parse, resolve};
use cube_model::{Dataset, Product};

const PRODUCT: &str = "\
name: scenes
description: Scenes.
metadata_type: eo3
license:
metadata: {product: {name: Scenes}}
extra_dimensions:
  - {name: level, values: [1, 2], dtype: int16, units: hPa}
measurements:
  - name: red
    dtype: float32
    nodata: .nan
    units: '1'
    aliases: [b4]
    flags_definition:
      formula: x/100
      bits_as_values: {bits: [1, 64], values: {0: low}}
      cloud: {bits: [4, 3], values: {0: no, 2: thick, other: x}, description: Clouds.}
  - {name: deep, dtype: int16, nodata: -1, units: K, extra_dim: level}
";

const DATASET: &str = "\
$schema: https://schemas.opendatacube.org/dataset
id: f884df9b-4458-47fd-a9d2-1a52a2db8a1a
label: a scene
product: {name: scenes}
crs: EPSG:32633
grids:
  default: {shape: [100, 200], transform: [10, 0, 300000, 0, -10, 4600000]}
  coarse: {shape: [50, 100], transform: [20, 0, 300000, 0, -20, 4600000, 0, 0, 1]}
properties:
  datetime: 2034-05-17T10:00:00+02:00
  dtr:end_datetime: 2034-05-17 08:30:00
measurements:
  red: {path: ../red.nc, layer: red, band: 3, grid: coarse, scale_factor: 0.0001, add_offset: -0.1}
  more: {path: 's3://bucket/more.tif'}
lineage:
  ard: [6241395f-f341-41b0-96b7-60f486c577d0]
";

fn raw(text: &str) -> RawDocument {
    parse(text, "test.yaml").unwrap().remove(0)
}

fn product() -> Product {
    Product::from_document(&raw(PRODUCT)).unwrap()
}

fn dataset() -> Dataset {
    let products = ProductMatcher::new([Arc::new(product())]);
    Dataset::from_document(&raw(DATASET), Some("/data/scene/doc.yaml"), &products).unwrap()
}

#[test]
fn a_key_without_value_is_as_if_left_out() {
    assert_eq!(product().license, None);
}

#[test]
fn entries_that_are_no_flags_are_left_out() {
    let product = product();
    let flags = &product.measurement("b4").unwrap().flags;
    assert_eq!(flags.keys().collect::<Vec<_>>(), ["cloud"]);
    let cloud = &flags["cloud"];
    assert_eq!((cloud.bits.as_slice(), cloud.mask(), cloud.value(0b1_0111)), ([3, 4].as_slice(), 0b1_1000, 2));
    assert_eq!(cloud.values.iter().map(|(k, v)| (*k, v.as_str())).collect::<Vec<_>>(), [(0, "false"), (2, "thick")]);
    assert!(product.document["measurements"][0]["flags_definition"]["formula"].is_string());
}

#[test]
fn nodata_may_be_nan() {
    assert!(product().measurements[0].nodata.is_some_and(f64::is_nan));
}

#[test]
fn a_dataset_may_bring_its_own_scale() {
    let red = &dataset().measurements["red"];
    assert_eq!((red.scale_factor, red.add_offset), (Some(0.0001), Some(-0.1)));
    assert_eq!((red.band, red.layer.as_deref(), red.grid.as_str()), (3, Some("red"), "coarse"));
}

#[test]
fn a_dataset_may_have_more_measurements_than_its_product_but_those_along_a_dimension_may_lack() {
    let dataset = dataset();
    assert_eq!(dataset.measurements.keys().collect::<Vec<_>>(), ["red", "more"]);
    assert_eq!(dataset.geobox("more").unwrap().shape.cols, 200);
    let found = resolve(dataset.location.as_deref(), &dataset.measurements["red"].path);
    assert_eq!(found.unwrap().0, "/data/red.nc");
}

#[test]
fn the_time_holds_start_middle_and_end() {
    assert_eq!(dataset().time.to_string(), "2034-05-17T08:00:00Z/2034-05-17T08:30:00Z");
}

#[test]
fn the_footprint_is_the_outline_of_the_default_grid() {
    let bbox = dataset().footprint.bounding_box();
    assert_eq!((bbox.left, bbox.bottom, bbox.right, bbox.top), (300_000.0, 4_599_000.0, 302_000.0, 4_600_000.0));
}

#[test]
fn a_stored_document_gives_the_same_dataset() {
    let indexed = dataset();
    let stored = Dataset::from_stored(indexed.document.clone(), indexed.location.as_deref(), "scenes").unwrap();
    assert_eq!(stored, indexed);
    assert!(Dataset::from_stored(serde_json::json!({"id": "x"}), None, "scenes").is_err());
}

#[test]
fn a_document_given_away_makes_the_same_dataset() {
    let products = ProductMatcher::new([Arc::new(product())]);
    let location = Some("/data/scene/doc.yaml");
    let kept = Dataset::from_document(&raw(DATASET), location, &products).unwrap();
    assert_eq!(raw(DATASET).into_dataset(location, &products).unwrap(), kept);
    let broken = DATASET.replace("crs:", "csr:");
    let error = raw(&broken).into_dataset(location, &products).unwrap_err();
    assert_eq!(error, Dataset::from_document(&raw(&broken), location, &products).unwrap_err());
    assert!(error.faults.iter().all(|fault| fault.position.is_some()), "{error}");
}
