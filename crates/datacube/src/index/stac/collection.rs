//! Collections that leave out what a product needs are completed: by the user's map, by their first items, and by the
//! headers of the files of these.

use cube_model::documents::resolve;
use cube_model::stac::data_type_name;
use cube_raster::RasterLocation;
use serde_json::{Map, Value, json};

use super::map::MeasurementMap;
use super::place::Place;
use super::{id_of, link};

/// Keys of an item's asset that hold for the measurement and not for the one file.
const OF_TEMPLATE: [&str; 11] = [
    "title",
    "description",
    "type",
    "roles",
    "bands",
    "eo:bands",
    "raster:bands",
    "data_type",
    "nodata",
    "unit",
    "cube:variables",
];
/// Keys of a band that say what pixels are.
const OF_PIXELS: [&str; 3] = ["data_type", "nodata", "unit"];
/// Most files whose headers are read to complete one collection.
const MOST_HEADERS: usize = 200;

/// Completes a collection. What it says itself stays, but for what the map says.
pub(super) fn complete(collection: &mut Value, items: &[Value], map: &MeasurementMap, place: &Place) {
    let id = id_of(collection);
    let variables = variables(collection.get("cube:variables"));
    let said = collection.get("item_assets").and_then(Value::as_object).cloned().unwrap_or_default();
    let templates = if !said.is_empty() {
        said
    } else if variables.is_empty() {
        templates(items)
    } else {
        variables
    };
    let mut assets = Map::new();
    for (key, template) in templates {
        if !map.leaves_out(&id, &key) {
            assets.insert(key, template);
        }
    }
    for key in map.assets(&id) {
        assets.entry(key).or_insert_with(|| json!({ "type": "image/tiff", "roles": ["data"] }));
    }
    let mut headers = 0;
    for (key, asset) in &mut assets {
        let Some(asset) = asset.as_object_mut() else { continue };
        let aliases = map.aliases(&id, key);
        let told = map.said(&id, key);
        if !says_type(asset) && !told.contains_key("data_type") {
            let of_items = items.iter().filter_map(|item| item.get("assets")?.get(key)?.as_object());
            if let Some(other) = of_items.clone().find(|other| says_type(other)) {
                take_pixels(asset, other);
            } else if is_raster(asset) && headers < MOST_HEADERS && !items.is_empty() {
                headers += 1;
                asset.extend(of_header(items, key, place));
            }
        }
        tell(asset, told);
        if !aliases.is_empty() {
            name(asset, &aliases);
        }
    }
    if !assets.is_empty()
        && let Some(collection) = collection.as_object_mut()
    {
        collection.insert("item_assets".to_owned(), assets.into());
    }
}

/// The templates of items' assets.
fn templates(items: &[Value]) -> Map<String, Value> {
    let mut all = Map::new();
    for (key, asset) in items.iter().filter_map(|item| item.get("assets")?.as_object()).flatten() {
        let Some(asset) = asset.as_object().filter(|_| !all.contains_key(key)) else { continue };
        let kept = asset.iter().filter(|(key, _)| OF_TEMPLATE.contains(&key.as_str()));
        let mut template: Map<String, Value> = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        // A template has no file whose name could tell what it is.
        if !template.contains_key("type") && !template.contains_key("roles") {
            let href = asset.get("href").and_then(Value::as_str).unwrap_or_default();
            if cube_model::stac::has_raster_extension(href) {
                template.insert("roles".to_owned(), json!(["data"]));
            }
        }
        let of_variables = variables(asset.get("cube:variables"));
        if of_variables.is_empty() {
            all.insert(key.clone(), template.into());
        } else {
            all.extend(of_variables);
        }
    }
    all
}

/// The measurements that the datacube extension describes: its variables of type data.
fn variables(said: Option<&Value>) -> Map<String, Value> {
    let all = said.and_then(Value::as_object).into_iter().flatten();
    let data = all.filter(|(_, v)| v.get("type").and_then(Value::as_str) == Some("data"));
    data.map(|(name, variable)| {
        let mut one = Map::from_iter([("roles".to_owned(), json!(["data"]))]);
        for key in OF_PIXELS {
            if let Some(value) = variable.get(key).filter(|v| !v.is_null()) {
                one.insert(key.to_owned(), value.clone());
            }
        }
        (name.clone(), one.into())
    })
    .collect()
}

/// The lists that describe bands.
fn band_lists(asset: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let lists = ["bands", "raster:bands"].into_iter().filter_map(|key| asset.get(key)?.as_array());
    lists.flatten()
}

fn says_type(asset: &Map<String, Value>) -> bool {
    asset.contains_key("data_type") || band_lists(asset).any(|band| band.get("data_type").is_some())
}

/// Takes over what another asset of the same name says of its pixels.
fn take_pixels(asset: &mut Map<String, Value>, other: &Map<String, Value>) {
    if let (None, Some(bands)) = (asset.get("raster:bands"), other.get("raster:bands").and_then(Value::as_array)) {
        let pixels = |band: &Value| {
            OF_PIXELS.iter().filter_map(|key| Some(((*key).to_owned(), band.get(*key)?.clone()))).collect()
        };
        let bands: Vec<Map<String, Value>> = bands.iter().map(pixels).collect();
        asset.insert("raster:bands".to_owned(), json!(bands));
        return;
    }
    let first = band_lists(other).next();
    for key in OF_PIXELS {
        if let Some(value) = other.get(key).or_else(|| first?.get(key)) {
            asset.insert(key.to_owned(), value.clone());
        }
    }
}

/// What the user says goes into the asset and every band of it.
fn tell(asset: &mut Map<String, Value>, told: Map<String, Value>) {
    for key in ["bands", "raster:bands"] {
        for band in asset.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(band) = band.as_object_mut() {
                band.extend(
                    told.iter()
                        .filter(|(key, _)| OF_PIXELS.contains(&key.as_str()))
                        .map(|(k, v)| (k.clone(), v.clone())),
                );
            }
        }
    }
    asset.extend(told);
}

/// Adds aliases to the first band of an asset.
fn name(asset: &mut Map<String, Value>, aliases: &[&str]) {
    let band =
        ["bands", "eo:bands", "raster:bands"].into_iter().find(|key| asset.get(*key).is_some_and(Value::is_array));
    let bands = asset.entry(band.unwrap_or("bands")).or_insert_with(|| json!([{}]));
    if let Some(first) = bands.as_array_mut().and_then(|b| b.first_mut()?.as_object_mut()) {
        first.insert("odc:aliases".to_owned(), json!(aliases));
    }
}

fn is_raster(asset: &Map<String, Value>) -> bool {
    let text = asset.get("type").and_then(Value::as_str).unwrap_or_default();
    let roles = asset.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let roles: Vec<&str> = roles.collect();
    let no_data = roles.iter().any(|role| ["thumbnail", "overview", "metadata"].contains(role));
    let screen = ["image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif"].contains(&text);
    !no_data
        && !screen
        && (text.starts_with("image/") || text.contains("netcdf") || text.contains("zarr") || roles.contains(&"data"))
}

/// What the file of the first item that has the asset says of its pixels; nothing where it cannot be read.
fn of_header(items: &[Value], key: &str, place: &Place) -> Map<String, Value> {
    let found = items.iter().find_map(|item| {
        let href = item.get("assets")?.get(key)?.get("href")?.as_str()?;
        let base = link(item, "self").filter(|own| own.contains("://")).map_or_else(|| place.name(), str::to_owned);
        resolve(Some(&base), href)
    });
    let Some((url, _)) = found.filter(|(url, _)| super::grids::may_be_opened(url)) else { return Map::new() };
    match cube_raster::open(&RasterLocation { url, layer: None, band: 1 }) {
        Ok(raster) => {
            let header = raster.header();
            let mut said = Map::from_iter([("data_type".to_owned(), Value::from(data_type_name(header.dtype)))]);
            if let Some(nodata) = header.nodata {
                said.insert("nodata".to_owned(), if nodata.is_nan() { "nan".into() } else { whole(nodata) });
            }
            if let Some(units) = header.units.as_ref().filter(|units| !units.is_empty()) {
                said.insert("unit".to_owned(), units.as_str().into());
            }
            said
        }
        Err(error) => {
            tracing::info!(%error, asset = key, "no header completes the collection");
            Map::new()
        }
    }
}

/// A number as JSON, without a point where it is whole.
fn whole(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
    if value.fract().abs() < f64::EPSILON && value.abs() < 9e15 { (value as i64).into() } else { value.into() }
}
