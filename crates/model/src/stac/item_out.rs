//! Dataset → STAC item.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::version::{StacVersion, downgraded, extension};
use super::{REMAINDER, StacError, assets, geometry, properties, remainder, word};
use crate::documents::resolve;
use crate::{Dataset, Measurement, MeasurementPath, Product};

/// Most bands that one asset lists for the sake of those that are measurements.
const MOST_LISTED_BANDS: usize = 100;

/// What a caller adds to an item.
#[derive(Debug, Clone, Default)]
pub struct ItemOptions {
    /// The version to write.
    pub version: StacVersion,
    /// Where the item will be (`self` link).
    pub self_href: Option<String>,
    /// Where its collection is (`collection` link); `./collection.json` without.
    pub collection_href: Option<String>,
    /// Where the documents of source datasets are, for `derived_from` links.
    pub sources: IndexMap<Uuid, String>,
}

/// The STAC item of a dataset. `product` gives types, nodata and units of its measurements. Hrefs are absolute wherever
/// the dataset's location is known. A dataset that came from an item gives that item back.
///
/// # Errors
/// Where its footprint has no image in longitude and latitude.
pub fn item_of(dataset: &Dataset, product: Option<&Product>, options: &ItemOptions) -> Result<Value, StacError> {
    let mut item = base(dataset, product)?;
    if let Some(kept) = dataset.document.get(REMAINDER) {
        remainder::apply(&mut item, kept);
    }
    for asset in item.get_mut("assets").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        if let Some(href) = asset.get("href").and_then(Value::as_str) {
            asset["href"] = absolute(dataset, href).into();
        }
    }
    if let Some(Value::Array(links)) = item.get_mut("links") {
        if let Some(href) = &options.self_href {
            put_link(links, "self", href, "application/geo+json");
        }
        if let Some(href) = &options.collection_href {
            put_link(links, "collection", href, "application/json");
        }
        for source in dataset.lineage.values().flatten() {
            if let Some(href) = options.sources.get(source) {
                links.push(json!({ "rel": "derived_from", "href": href, "title": source }));
            }
        }
    }
    Ok(downgraded(item, options.version).into())
}

/// Puts the one link of a relation.
fn put_link(links: &mut Vec<Value>, relation: &str, href: &str, media_type: &str) {
    links.retain(|link| link.get("rel").and_then(Value::as_str) != Some(relation));
    links.insert(0, json!({ "rel": relation, "href": href, "type": media_type }));
}

/// The item as the EO3 part of a document alone gives it, as STAC 1.1.
pub(super) fn base(dataset: &Dataset, product: Option<&Product>) -> Result<Map<String, Value>, StacError> {
    let (geometry, bbox) =
        geometry::to_stac(&dataset.footprint).map_err(|source| StacError::Footprint { id: dataset.id, source })?;
    // An item that came from elsewhere is read again by its own fields; it needs none of ours.
    let ours = dataset.document.get(REMAINDER).is_none();
    let assets = assets_of(dataset, product, ours);
    let mut said = properties_of(dataset, ours);
    let used: Vec<&str> = dataset.measurements.values().map(|m| m.grid.as_str()).collect();
    let unused: Map<String, Value> = dataset
        .grids
        .keys()
        .filter(|name| *name != "default" && !used.contains(&name.as_str()))
        .map(|name| {
            (
                name.clone(),
                json!({ "shape": grid(dataset, name, "shape"), "transform": grid(dataset, name, "transform") }),
            )
        })
        .collect();
    if !unused.is_empty() {
        said.insert("odc:grids".to_owned(), unused.into());
    }
    let mut item = Map::new();
    item.insert("type".to_owned(), "Feature".into());
    item.insert("stac_version".to_owned(), StacVersion::V1_1.name().into());
    item.insert("stac_extensions".to_owned(), extensions(&said, &assets));
    item.insert("id".to_owned(), dataset.id.to_string().into());
    item.insert("geometry".to_owned(), geometry);
    item.insert("bbox".to_owned(), bbox);
    item.insert("properties".to_owned(), said.into());
    item.insert("links".to_owned(), links(dataset));
    item.insert("assets".to_owned(), assets.into());
    item.insert("collection".to_owned(), dataset.product.clone().into());
    Ok(item)
}

fn properties_of(dataset: &Dataset, ours: bool) -> Map<String, Value> {
    let mut said = Map::new();
    if let Some(label) = &dataset.label {
        said.insert("title".to_owned(), label.clone().into());
    }
    said.extend(properties::to_stac(&dataset.properties));
    if !dataset.lineage.is_empty() {
        said.insert("odc:lineage".to_owned(), json!(dataset.lineage));
    }
    let code = dataset.crs.epsg_code().map(|code| format!("EPSG:{code}"));
    let has_code = code.is_some();
    said.insert("proj:code".to_owned(), code.map_or(Value::Null, Value::from));
    if !has_code {
        said.insert("proj:wkt2".to_owned(), dataset.crs.wkt().into());
    }
    said.insert("proj:shape".to_owned(), grid(dataset, "default", "shape"));
    said.insert("proj:transform".to_owned(), grid(dataset, "default", "transform"));
    if ours && !dataset.crs.is_geographic() {
        // Longitudes and latitudes are rounded; this is the outline as it was.
        said.insert("proj:geometry".to_owned(), geometry::geojson(dataset.footprint.polygons()));
    }
    said
}

/// Shape or transform of a grid, as the document has it.
fn grid(dataset: &Dataset, name: &str, key: &str) -> Value {
    dataset.document.get("grids").and_then(|g| g.get(name)?.get(key)).cloned().unwrap_or_default()
}

/// Assets by key: the measurements, file by file, then the accessories.
fn assets_of(dataset: &Dataset, product: Option<&Product>, ours: bool) -> Map<String, Value> {
    let mut files: IndexMap<String, Vec<(&str, &MeasurementPath)>> = IndexMap::new();
    for (name, path) in &dataset.measurements {
        files.entry(key_of(dataset, name, path)).or_default().push((name, path));
    }
    let mut all = Map::with_capacity(files.len());
    for (key, measurements) in files {
        all.insert(key.clone(), data_asset(dataset, product, &key, &measurements, ours));
    }
    let accessories = dataset.document.get("accessories").and_then(Value::as_object);
    for (name, accessory) in accessories.into_iter().flatten() {
        let Some(path) = accessory.get("path").and_then(Value::as_str) else { continue };
        let mut key = name.clone();
        while all.contains_key(&key) {
            key.push('_');
        }
        let thumbnail = name.starts_with("thumbnail");
        let mut asset = Map::new();
        asset.insert("href".to_owned(), absolute(dataset, path).into());
        asset.insert("type".to_owned(), assets::media_type(path).into());
        asset.insert("roles".to_owned(), json!([if thumbnail { "thumbnail" } else { "metadata" }]));
        all.insert(key, asset.into());
    }
    all
}

/// The key of the asset that a measurement is in: the one that it came with; of several bands of one file a key of the
/// file; else the name of the measurement.
fn key_of(dataset: &Dataset, name: &str, path: &MeasurementPath) -> String {
    let kept = dataset.document.get(REMAINDER);
    if let Some(kept) = kept {
        let key = kept.get("keys").and_then(|keys| keys.get(name)?.as_str());
        return key.unwrap_or(name).to_owned();
    }
    let same: Vec<usize> = dataset.measurements.values().filter(|m| is_same_file(m, path)).map(|m| m.band).collect();
    let is_plain = same == [1];
    let fits = path.layer.is_none() && same.iter().all(|b| *b <= MOST_LISTED_BANDS);
    if is_plain || !fits {
        return name.to_owned();
    }
    let file = path.path.rsplit(['/', '\\']).next().unwrap_or(&path.path);
    let mut key = format!("file_{}", word(file.split('.').next().unwrap_or(file)));
    if path.grid != "default" {
        key = format!("{key}_{}", word(&path.grid));
    }
    while dataset.measurements.contains_key(&key) {
        key.push('_');
    }
    key
}

fn is_same_file(a: &MeasurementPath, b: &MeasurementPath) -> bool {
    (&a.path, &a.layer, &a.grid) == (&b.path, &b.layer, &b.grid)
}

fn data_asset(
    dataset: &Dataset,
    product: Option<&Product>,
    key: &str,
    measurements: &[(&str, &MeasurementPath)],
    ours: bool,
) -> Value {
    let first = measurements[0].1;
    let mut asset = Map::new();
    asset.insert("href".to_owned(), absolute(dataset, &first.path).into());
    asset.insert("type".to_owned(), assets::media_type(&first.path).into());
    asset.insert("roles".to_owned(), json!(["data"]));
    let last = measurements.iter().map(|(_, m)| m.band).max().unwrap_or(1);
    let lists = first.layer.is_none() && last <= MOST_LISTED_BANDS;
    let mut bands = vec![Map::new(); if lists { last } else { 1 }];
    for (name, path) in measurements {
        let known = product.and_then(|p| p.measurement(name));
        bands[if lists { path.band - 1 } else { 0 }] = band(name, path, known);
    }
    for (i, band) in bands.iter_mut().enumerate().filter(|(_, band)| band.is_empty()) {
        band.insert("name".to_owned(), format!("band_{}", i + 1).into());
    }
    asset.insert("bands".to_owned(), bands.into());
    asset.insert("proj:shape".to_owned(), grid(dataset, &first.grid, "shape"));
    asset.insert("proj:transform".to_owned(), grid(dataset, &first.grid, "transform"));
    let is_plain = |(name, m): &(&str, &MeasurementPath)| {
        *name == key && m.band == 1 && m.layer.is_none() && m.grid == "default" && word(name) == *name
    };
    if ours && !(measurements.len() == 1 && measurements.iter().all(is_plain)) {
        let entries: Map<String, Value> =
            measurements.iter().map(|(name, m)| ((*name).to_owned(), entry(m).into())).collect();
        asset.insert("odc:measurements".to_owned(), entries.into());
    }
    asset.into()
}

/// What an EO3 document says of a measurement beyond its path.
fn entry(path: &MeasurementPath) -> Map<String, Value> {
    let mut entry = Map::new();
    if path.band != 1 {
        entry.insert("band".to_owned(), path.band.into());
    }
    if let Some(layer) = &path.layer {
        entry.insert("layer".to_owned(), layer.clone().into());
    }
    if path.grid != "default" {
        entry.insert("grid".to_owned(), path.grid.clone().into());
    }
    entry
}

fn band(name: &str, path: &MeasurementPath, known: Option<&Measurement>) -> Map<String, Value> {
    let mut band = known.map_or_else(|| Map::from_iter([("name".to_owned(), name.into())]), |m| described(name, m));
    for (key, own) in [("raster:scale", path.scale_factor), ("raster:offset", path.add_offset)] {
        if let Some(value) = own {
            band.insert(key.to_owned(), value.into());
        }
    }
    band
}

/// A measurement as a band of STAC 1.1.
pub(super) fn described(name: &str, measurement: &Measurement) -> Map<String, Value> {
    let mut band = Map::from_iter([("name".to_owned(), name.into())]);
    band.insert("data_type".to_owned(), assets::data_type_name(measurement.dtype).into());
    if let Some(nodata) = measurement.nodata {
        band.insert("nodata".to_owned(), number(nodata));
    }
    band.insert("unit".to_owned(), measurement.units.clone().into());
    for (key, value) in [("raster:scale", measurement.scale_factor), ("raster:offset", measurement.add_offset)] {
        if let Some(value) = value {
            band.insert(key.to_owned(), value.into());
        }
    }
    band
}

/// A number as STAC has it: whole ones without a point, what JSON has no number for as text.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2^53")]
    match value {
        v if v.is_nan() => "nan".into(),
        v if v.is_infinite() => if v > 0.0 { "inf" } else { "-inf" }.into(),
        v if v.fract() == 0.0 && v.abs() < 9e15 => (v as i64).into(),
        v => v.into(),
    }
}

/// The path seen from anywhere; as it stands where the dataset's location is not known.
fn absolute(dataset: &Dataset, path: &str) -> String {
    match resolve(dataset.location.as_deref(), path) {
        Some((file, Some(band))) => format!("{file}#part={}", band - 1),
        Some((file, None)) => file,
        None => path.to_owned(),
    }
}

fn links(dataset: &Dataset) -> Value {
    let mut links = vec![json!({ "rel": "collection", "href": "./collection.json", "type": "application/json" })];
    if let Some(href) = dataset.document.pointer("/product/href").and_then(Value::as_str) {
        links.push(
            json!({ "rel": "product_overview", "href": href, "type": "text/html", "title": "ODC Product Overview" }),
        );
    }
    if let Some(location) = dataset.location.as_deref().filter(|l| assets::media_type(l) == "text/yaml") {
        links.push(json!({ "rel": "odc_yaml", "href": location, "type": "text/yaml", "title": "ODC Dataset YAML" }));
    }
    links.into()
}

/// The extensions whose fields are used.
fn extensions(properties: &Map<String, Value>, assets: &Map<String, Value>) -> Value {
    let bands = assets.values().filter_map(|a| a.get("bands")?.as_array()).flatten().filter_map(Value::as_object);
    let keys: Vec<&str> = properties.keys().chain(bands.flat_map(Map::keys)).map(String::as_str).collect();
    let known = [
        ("eo", "2.0.0"),
        ("projection", "2.0.0"),
        ("raster", "2.0.0"),
        ("view", "1.0.0"),
        ("sar", "1.0.0"),
        ("sat", "1.0.0"),
    ];
    let used = known.into_iter().filter(|(name, _)| {
        let prefix = if *name == "projection" { "proj" } else { name };
        keys.iter().any(|key| key.split_once(':').is_some_and(|(p, _)| p == prefix))
    });
    used.map(|(name, version)| extension(name, version)).collect()
}
