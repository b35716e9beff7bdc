//! Product → STAC collection.

use cube_geo::LonLatExtent;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::item_out::described;
use super::version::{StacVersion, downgraded, extension};
use crate::{Measurement, Product};

/// Where and when the datasets of a product lie.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CollectionExtent {
    /// Longitudes and latitudes; the whole Earth where `None`.
    pub area: Option<LonLatExtent>,
    /// The first and the last moment; open where `None`.
    pub time: Option<(Timestamp, Timestamp)>,
}

/// What a caller adds to a collection.
#[derive(Debug, Clone, Default)]
pub struct CollectionOptions {
    /// The version to write.
    pub version: StacVersion,
    /// Where the collection will be (`self` link).
    pub self_href: Option<String>,
    /// Where and when its items lie.
    pub extent: CollectionExtent,
}

/// Keys of a product definition that a collection has a place for.
const SAID: [&str; 4] = ["name", "description", "license", "measurements"];

/// Keys of a measurement's definition that a band has a place for.
const SAID_OF_MEASUREMENTS: [&str; 6] = ["name", "dtype", "nodata", "units", "scale_factor", "add_offset"];

/// The STAC collection of a product: its measurements are `item_assets`. What STAC has no place for (load hints, flags,
/// aliases) stands in fields with the prefix `odc:`, from which the product is made again.
#[must_use]
pub fn collection_of(product: &Product, options: &CollectionOptions) -> Value {
    let mut item_assets = Map::with_capacity(product.measurements.len());
    for (i, measurement) in product.measurements.iter().enumerate() {
        let written = product.document.get("measurements").and_then(|m| m.get(i));
        item_assets.insert(measurement.name.clone(), template(measurement, written));
    }
    let mut extensions = Vec::new();
    if product.measurements.iter().any(|m| m.scale_factor.is_some() || m.add_offset.is_some()) {
        extensions.push(extension("raster", "2.0.0"));
    }
    let mut collection = Map::new();
    collection.insert("type".to_owned(), "Collection".into());
    collection.insert("stac_version".to_owned(), StacVersion::V1_1.name().into());
    collection.insert("stac_extensions".to_owned(), json!(extensions));
    collection.insert("id".to_owned(), product.name.clone().into());
    collection.insert("description".to_owned(), product.description.clone().into());
    collection.insert("license".to_owned(), licence(product, options.version).into());
    let producer = product.metadata.pointer("/properties/odc:producer").and_then(Value::as_str);
    if let Some(name) = producer {
        collection.insert("providers".to_owned(), json!([{ "name": name, "roles": ["producer"] }]));
    }
    collection.insert("extent".to_owned(), extent(options.extent));
    let summaries = summaries(product);
    if !summaries.is_empty() {
        collection.insert("summaries".to_owned(), summaries.into());
    }
    for (key, value) in product.document.as_object().into_iter().flatten() {
        if !SAID.contains(&key.as_str()) {
            collection.insert(format!("odc:{key}"), value.clone());
        }
    }
    let link =
        options.self_href.as_ref().map(|href| json!({ "rel": "self", "href": href, "type": "application/json" }));
    collection.insert("links".to_owned(), link.into_iter().collect());
    collection.insert("item_assets".to_owned(), item_assets.into());
    downgraded(collection, options.version).into()
}

fn template(measurement: &Measurement, written: Option<&Value>) -> Value {
    let mut band = described(&measurement.name, measurement);
    for (key, value) in written.and_then(Value::as_object).into_iter().flatten() {
        if !SAID_OF_MEASUREMENTS.contains(&key.as_str()) {
            band.insert(format!("odc:{key}"), value.clone());
        }
    }
    json!({ "roles": ["data"], "bands": [band] })
}

/// The licence; STAC says with a word of its own that it is none of SPDX, or none that anybody said.
fn licence(product: &Product, version: StacVersion) -> &str {
    match (product.license.as_deref(), version) {
        (Some("proprietary" | "various") | None, StacVersion::V1_1) => "other",
        (None, StacVersion::V1_0) => "proprietary",
        (Some(licence), _) => licence,
    }
}

fn extent(extent: CollectionExtent) -> Value {
    let bbox = match extent.area {
        Some(a) if a.east - a.west >= 360.0 => json!([-180.0, a.south, 180.0, a.north]),
        Some(a) => json!([a.west, a.south, if a.east > 180.0 { a.east - 360.0 } else { a.east }, a.north]),
        None => json!([-180.0, -90.0, 180.0, 90.0]),
    };
    let interval = match extent.time {
        Some((begin, end)) => json!([begin.to_string(), end.to_string()]),
        None => json!([null, null]),
    };
    json!({ "spatial": { "bbox": [bbox] }, "temporal": { "interval": [interval] } })
}

/// The properties that all datasets of the product share.
fn summaries(product: &Product) -> Map<String, Value> {
    let shared = product.metadata.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut said = super::properties::to_stac(&shared);
    said.shift_remove("datetime");
    said.into_iter().map(|(key, value)| (key, if value.is_array() { value } else { json!([value]) })).collect()
}
