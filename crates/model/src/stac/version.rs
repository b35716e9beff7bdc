//! STAC 1.0 ↔ 1.1: bands and projection codes.
//!
//! After the migration notes of STAC 1.1 (best practices, "Band migration") and of the projection extension 2.0.

use cube_geo::Crs;
use serde_json::{Map, Value, json};

use crate::documents::Rule;
use crate::documents::check::{Faults, Node};

/// A version of STAC that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StacVersion {
    /// 1.0.0: `eo:bands`, `raster:bands` and `proj:epsg`.
    V1_0,
    /// 1.1.0: `bands` and `proj:code`.
    #[default]
    V1_1,
}

impl StacVersion {
    /// The text of `stac_version`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0.0",
            Self::V1_1 => "1.1.0",
        }
    }
}

/// Refuses versions before 1.0 (also of 1.0's own betas those are taken that differ in nothing that is read here).
pub(super) fn check(root: &Node<'_>, faults: &mut Faults) {
    let Some(version) = faults.need_text(root, "stac_version", "1.0.0 or 1.1.0") else { return };
    if version.strip_prefix("1.").is_none()
        && let Some(at) = root.get("stac_version")
    {
        let message = format!("expected STAC 1.0 or 1.1, got {version:?}");
        faults.add(
            &at,
            Rule::Unsupported,
            message,
            "bring the document up to date, as pystac does when it reads and writes it",
        );
    }
}

/// Where the schema of an extension is.
pub(super) fn extension(name: &str, version: &str) -> String {
    format!("https://stac-extensions.github.io/{name}/v{version}/schema.json")
}

/// Extensions whose fields changed, with the version for STAC 1.0 and the one for 1.1.
const EXTENSIONS: [(&str, &str, &str); 3] =
    [("eo", "1.1.0", "2.0.0"), ("projection", "1.1.0", "2.0.0"), ("raster", "1.1.0", "2.0.0")];

/// Keys of a band of the eo extension that got its prefix in 1.1.
const EO_KEYS: [&str; 4] = ["common_name", "center_wavelength", "full_width_half_max", "solar_illumination"];

/// Keys of a band of the raster extension that got its prefix in 1.1.
const RASTER_KEYS: [&str; 6] = ["scale", "offset", "sampling", "bits_per_sample", "spatial_resolution", "histogram"];

/// Keys of a band of the raster extension that became common ones in 1.1.
const DATA_KEYS: [&str; 4] = ["nodata", "data_type", "statistics", "unit"];

/// An item or a collection of any 1.x as 1.1. What is not as the specification has it stays as it is, for the reader to
/// refuse.
pub(super) fn upgraded(document: &Value) -> Value {
    let mut document = document.clone();
    let Some(map) = document.as_object_mut() else { return document };
    map.insert("stac_version".to_owned(), StacVersion::V1_1.name().into());
    let named = map.get("properties").and_then(|p| p.get("eo:bands")).cloned();
    if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
        code_of_epsg(properties);
    }
    for key in ["assets", "item_assets"] {
        for asset in map.get_mut(key).and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
            if let Some(asset) = asset.as_object_mut() {
                code_of_epsg(asset);
                join_bands(asset, named.as_ref());
            }
        }
    }
    if let Some(Value::Array(extensions)) = map.get_mut("stac_extensions") {
        for extension in extensions {
            renew(extension);
        }
    }
    document
}

/// A document of STAC 1.1 in another version.
pub(super) fn downgraded(mut document: Map<String, Value>, version: StacVersion) -> Map<String, Value> {
    if version == StacVersion::V1_1 {
        return document;
    }
    document.insert("stac_version".to_owned(), version.name().into());
    if let Some(properties) = document.get_mut("properties").and_then(Value::as_object_mut) {
        epsg_of_code(properties);
    }
    let mut raster = false;
    for key in ["assets", "item_assets"] {
        for asset in document.get_mut(key).and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
            if let Some(asset) = asset.as_object_mut() {
                epsg_of_code(asset);
                raster |= part_bands(asset);
            }
        }
    }
    let has_item_assets = document.contains_key("item_assets");
    if let Some(Value::Array(extensions)) = document.get_mut("stac_extensions") {
        for uri in extensions.iter_mut() {
            if let Some((name, old, _)) = EXTENSIONS.iter().find(|(n, _, new)| *uri == *extension(n, new)) {
                *uri = extension(name, old).into();
            }
        }
        let raster_uri = Value::from(extension("raster", "1.1.0"));
        if raster && !extensions.contains(&raster_uri) {
            extensions.push(raster_uri);
        }
        let item_assets = Value::from(extension("item-assets", "1.0.0"));
        if has_item_assets && !extensions.contains(&item_assets) {
            extensions.push(item_assets);
        }
    }
    document
}

/// `proj:epsg` → `proj:code`.
fn code_of_epsg(map: &mut Map<String, Value>) {
    if map.contains_key("proj:code") {
        return;
    }
    let code = match map.get("proj:epsg") {
        Some(Value::Null) => Value::Null,
        Some(epsg) => match epsg.as_u64() {
            Some(epsg) => format!("EPSG:{epsg}").into(),
            None => return,
        },
        None => return,
    };
    rename(map, "proj:epsg", "proj:code", &code);
}

/// `proj:code` → `proj:epsg`; a CRS without an EPSG code is said as WKT.
fn epsg_of_code(map: &mut Map<String, Value>) {
    let Some(code) = map.get("proj:code").cloned() else { return };
    let epsg = code.as_str().and_then(|c| c.strip_prefix("EPSG:")?.parse::<u32>().ok());
    rename(map, "proj:code", "proj:epsg", &epsg.map_or(Value::Null, Value::from));
    let is_said = ["proj:wkt2", "proj:projjson"].iter().any(|key| map.get(*key).is_some_and(|v| !v.is_null()));
    if epsg.is_none()
        && !is_said
        && let Some(crs) = code.as_str().and_then(|c| Crs::parse(c).ok())
    {
        map.insert("proj:wkt2".to_owned(), crs.wkt().into());
    }
}

/// Another key and value in the place of a key.
fn rename(map: &mut Map<String, Value>, from: &str, to: &str, value: &Value) {
    let mut renamed = Map::with_capacity(map.len());
    for (key, old) in std::mem::take(map) {
        if key == from {
            renamed.insert(to.to_owned(), value.clone());
        } else {
            renamed.insert(key, old);
        }
    }
    *map = renamed;
}

/// `eo:bands` and `raster:bands` → `bands`. `named` are the bands of the item, which those of assets of 1.0 betas point at
/// by number.
fn join_bands(asset: &mut Map<String, Value>, named: Option<&Value>) {
    let old = |key: &str| asset.get(key).and_then(|list| mappings(list, named));
    let (eo, raster) = (old("eo:bands"), old("raster:bands"));
    if eo.is_none() && raster.is_none() {
        return;
    }
    let mut bands = match asset.get("bands") {
        None => Vec::new(),
        Some(bands) => match mappings(bands, None) {
            Some(bands) => bands,
            None => return,
        },
    };
    let (has_eo, has_raster) = (eo.is_some(), raster.is_some());
    let parts = [(eo, &EO_KEYS[..], "eo"), (raster, &RASTER_KEYS[..], "raster")];
    for (list, keys, prefix) in parts.into_iter().filter_map(|(list, keys, prefix)| Some((list?, keys, prefix))) {
        if bands.len() < list.len() {
            bands.resize_with(list.len(), Map::new);
        }
        for (band, old) in bands.iter_mut().zip(list) {
            for (key, value) in old {
                let key = if keys.contains(&key.as_str()) { format!("{prefix}:{key}") } else { key };
                band.entry(key).or_insert(value);
            }
        }
    }
    let bands = Value::from(bands);
    let first = if has_eo { "eo:bands" } else { "raster:bands" };
    if asset.contains_key("bands") {
        asset.insert("bands".to_owned(), bands);
        asset.shift_remove(first);
    } else {
        rename(asset, first, "bands", &bands);
    }
    if has_raster {
        asset.shift_remove("raster:bands");
    }
}

/// A list of mappings; numbers in it stand for those of `named`.
fn mappings(list: &Value, named: Option<&Value>) -> Option<Vec<Map<String, Value>>> {
    let one = |value: &Value| match value {
        Value::Object(map) => Some(map.clone()),
        Value::Number(n) => named?.get(usize::try_from(n.as_u64()?).ok()?)?.as_object().cloned(),
        _ => None,
    };
    list.as_array()?.iter().map(one).collect()
}

/// `bands` → `eo:bands` and `raster:bands`; true where there is any of the latter.
fn part_bands(asset: &mut Map<String, Value>) -> bool {
    let Some(bands) = asset.get("bands").and_then(|bands| mappings(bands, None)) else { return false };
    let mut eo = Vec::with_capacity(bands.len());
    let mut raster = Vec::with_capacity(bands.len());
    for band in bands {
        let (mut e, mut r) = (Map::new(), Map::new());
        for (key, value) in band {
            if let Some(key) = key.strip_prefix("raster:") {
                r.insert(key.to_owned(), value);
            } else if DATA_KEYS.contains(&key.as_str()) {
                r.insert(key, value);
            } else if let Some(key) = key.strip_prefix("eo:") {
                e.insert(key.to_owned(), value);
            } else {
                e.insert(key, value);
            }
        }
        eo.push(e);
        raster.push(r);
    }
    let has = |bands: &[Map<String, Value>]| bands.iter().any(|b| !b.is_empty());
    let (has_eo, has_raster) = (has(&eo), has(&raster));
    if has_eo {
        rename(asset, "bands", "eo:bands", &json!(eo));
        if has_raster {
            asset.insert("raster:bands".to_owned(), json!(raster));
        }
    } else {
        rename(asset, "bands", "raster:bands", &json!(raster));
    }
    has_raster
}

/// The address of an extension of 1.0, or its mere name as 1.0 betas had it, as the one for 1.1.
fn renew(uri: &mut Value) {
    let Some(text) = uri.as_str() else { return };
    for (name, _, new) in EXTENSIONS {
        let old = text.strip_prefix("https://stac-extensions.github.io/").and_then(|rest| rest.strip_prefix(name));
        if text == name || old.is_some_and(|rest| rest.starts_with("/v1.")) {
            *uri = extension(name, new).into();
            return;
        }
    }
    if text == "view" {
        *uri = extension("view", "1.0.0").into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> Value {
        json!({
            "type": "Feature", "stac_version": "1.0.0", "id": "x",
            "stac_extensions": [extension("eo", "1.1.0"), extension("raster", "1.1.0"), extension("projection", "1.1.0"), "https://host/other.json"],
            "properties": { "datetime": "2034-05-17T10:00:00Z", "proj:epsg": 32633, "gsd": 10 },
            "assets": {
                "red": { "href": "red.tif", "eo:bands": [{"name": "B04", "common_name": "red"}],
                    "raster:bands": [{"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": -0.1}], "gsd": 10 },
                "text": { "href": "x.txt" },
            },
        })
    }

    #[test]
    fn bands_and_codes_of_1_0_are_those_of_1_1() {
        let new = upgraded(&item());
        assert_eq!(new["stac_version"], "1.1.0");
        assert_eq!(new["properties"]["proj:code"], "EPSG:32633");
        assert_eq!(
            new["assets"]["red"]["bands"],
            json!([{"name": "B04", "eo:common_name": "red", "nodata": 0, "data_type": "uint16", "raster:scale": 0.0001, "raster:offset": -0.1}])
        );
        assert_eq!(new["stac_extensions"][0], extension("eo", "2.0.0"));
        assert_eq!(new["assets"]["text"], item()["assets"]["text"]);
    }

    #[test]
    fn an_item_of_1_0_comes_back_as_it_was() {
        let Value::Object(new) = upgraded(&item()) else { panic!("no mapping") };
        assert_eq!(Value::Object(downgraded(new, StacVersion::V1_0)), item());
    }

    #[test]
    fn bands_of_betas_that_are_numbers_are_looked_up() {
        let mut old = item();
        old["properties"]["eo:bands"] = json!([{"name": "B03"}, {"name": "B04"}]);
        old["assets"]["red"]["eo:bands"] = json!([1]);
        assert_eq!(upgraded(&old)["assets"]["red"]["bands"][0]["name"], "B04");
        old["assets"]["red"]["eo:bands"] = json!([7]);
        assert!(upgraded(&old)["assets"]["red"]["eo:bands"].is_array());
    }

    #[test]
    fn a_crs_without_epsg_code_is_said_as_wkt_in_1_0() {
        let mut map = json!({"proj:code": "ESRI:54009"}).as_object().cloned().unwrap_or_default();
        epsg_of_code(&mut map);
        assert!(map["proj:epsg"].is_null());
        assert!(map["proj:wkt2"].as_str().is_some_and(|wkt| wkt.starts_with("PROJCRS")), "{map:?}");
    }
}
