//! What a user says of the measurements of collections that say too little.

use std::path::Path;

use cube_model::DataType;
use cube_model::documents::parse;
use serde_json::{Map, Value};

use crate::Error;
use crate::error::why;

/// The key that stands for all collections, or all assets.
const ALL: &str = "*";
/// What may be said of an asset, and the name that STAC has for it. The first ones are those of odc-stac.
const KEYS: [(&str, &str); 9] = [
    ("data_type", "data_type"),
    ("dtype", "data_type"),
    ("nodata", "nodata"),
    ("unit", "unit"),
    ("units", "unit"),
    ("scale_factor", "raster:scale"),
    ("add_offset", "raster:offset"),
    ("scale", "raster:scale"),
    ("offset", "raster:offset"),
];
/// Keys of a collection that odc-stac has, and that say nothing here.
const PASSED_OVER: [&str; 3] = ["warnings", "uuid", "warning"];

/// By collection and asset: what is said of the pixels. The form is that of odc-stac's configuration:
///
/// ```yaml
/// sentinel-2-l2a:
///   assets:
///     "*": {data_type: uint16, nodata: 0, unit: "1"}
///     SCL: {data_type: uint8}
///     visual: null        # no measurement
///   aliases: {rededge: B05}
/// ```
#[derive(Debug, Clone, Default)]
pub(super) struct MeasurementMap {
    collections: Map<String, Value>,
}

impl MeasurementMap {
    /// # Errors
    /// Where the file cannot be read, or says something that is not understood.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|e| Error::Unreadable { path: path.to_owned(), reason: why(&e) })?;
        Self::parse(&text, &path.display().to_string())
    }

    fn parse(text: &str, name: &str) -> Result<Self, Error> {
        let mut documents = parse(text, name)?;
        let wrong = |reason: String| Error::Usage { reason: format!("{name}: {reason}") };
        let example = "such as sentinel-2-l2a: {assets: {\"*\": {data_type: uint16, nodata: 0}}}";
        let Some(Value::Object(collections)) = documents.pop().map(|d| d.value).filter(|_| documents.is_empty()) else {
            return Err(wrong(format!("expected one mapping by collection, {example}")));
        };
        for (collection, said) in &collections {
            let at = |reason: String| wrong(format!("of {collection:?}: {reason}"));
            let Some(said) = said.as_object() else { return Err(at(format!("expected a mapping, {example}"))) };
            for (key, value) in said {
                match key.as_str() {
                    "assets" => check_assets(value).map_err(at)?,
                    "aliases" => {
                        let fits =
                            |v: &Value| v.is_string() || v.as_array().is_some_and(|l| l.iter().all(Value::is_string));
                        if !value.as_object().is_some_and(|map| map.values().all(fits)) {
                            return Err(at(
                                "expected aliases as a mapping from alias to asset, such as {rededge: B05}".to_owned(),
                            ));
                        }
                    }
                    key if PASSED_OVER.contains(&key) => {}
                    other => return Err(at(format!("{other:?} is not known; expected assets and aliases"))),
                }
            }
        }
        Ok(Self { collections })
    }

    /// Sections for a collection, the most general first.
    fn sections<'a>(&'a self, collection: &'a str) -> impl Iterator<Item = &'a Value> {
        [ALL, collection].into_iter().filter_map(|key| self.collections.get(key))
    }

    /// True where the map says that an asset is no measurement.
    pub(super) fn leaves_out(&self, collection: &str, asset: &str) -> bool {
        self.sections(collection).filter_map(|s| s.get("assets")?.get(asset)).last().is_some_and(Value::is_null)
    }

    /// What is said of an asset, by the names that STAC has for it.
    pub(super) fn said(&self, collection: &str, asset: &str) -> Map<String, Value> {
        let mut said = Map::new();
        for section in self.sections(collection) {
            for key in [ALL, asset] {
                let entry = section.get("assets").and_then(|assets| assets.get(key)?.as_object());
                for (key, value) in entry.into_iter().flatten() {
                    if let Some((_, stac)) = KEYS.iter().find(|(ours, _)| ours == key) {
                        said.insert((*stac).to_owned(), value.clone());
                    }
                }
            }
        }
        said
    }

    /// Assets that are named, and not left out.
    pub(super) fn assets<'a>(&'a self, collection: &'a str) -> Vec<&'a str> {
        let named = self.sections(collection).filter_map(|s| s.get("assets")?.as_object()).flatten();
        named.filter(|(key, value)| *key != ALL && !value.is_null()).map(|(key, _)| key.as_str()).collect()
    }

    /// Other names for an asset.
    pub(super) fn aliases<'a>(&'a self, collection: &'a str, asset: &str) -> Vec<&'a str> {
        let all = self.sections(collection).filter_map(|s| s.get("aliases")?.as_object()).flatten();
        let is = |value: &Value| {
            value.as_str() == Some(asset)
                || value.as_array().is_some_and(|l| l.iter().any(|one| one.as_str() == Some(asset)))
        };
        all.filter(|(_, value)| is(value)).map(|(alias, _)| alias.as_str()).collect()
    }
}

fn check_assets(assets: &Value) -> Result<(), String> {
    let Some(assets) = assets.as_object() else {
        return Err("expected assets as a mapping by name, with \"*\" for all others".to_owned());
    };
    for (asset, said) in assets {
        if said.is_null() {
            continue;
        }
        let Some(said) = said.as_object() else {
            return Err(format!("expected what is said of the asset {asset:?} as a mapping, or null to leave it out"));
        };
        for (key, value) in said {
            let stac = KEYS.iter().find(|(ours, _)| ours == key).map(|(_, stac)| *stac);
            let fits = match stac {
                Some("data_type") => value.as_str().is_some_and(|name| DataType::from_name(name).is_some()),
                Some("unit") => value.is_string(),
                Some("nodata") => value.is_number() || matches!(value.as_str(), Some("NaN" | "nan" | "inf" | "-inf")),
                Some(_) => value.is_number(),
                None => {
                    return Err(format!(
                        "asset {asset:?}: {key:?} is not known; expected data_type, nodata, unit, scale_factor or add_offset"
                    ));
                }
            };
            if !fits {
                return Err(format!("asset {asset:?}: {key} cannot be {value}"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_said_of_one_asset_wins_over_what_is_said_of_all() {
        let text = "
\"*\": {warnings: ignore, assets: {\"*\": {unit: '1', nodata: 0}}}
c:
  assets: {\"*\": {data_type: uint16}, SCL: {dtype: uint8, units: class}, visual: null}
  aliases: {red: B04, first: [B04, B03]}
";
        let map = MeasurementMap::parse(text, "map.yaml").unwrap();
        let said = |asset: &str| Value::Object(map.said("c", asset));
        assert_eq!(said("B04"), json!({"unit": "1", "nodata": 0, "data_type": "uint16"}));
        assert_eq!(said("SCL"), json!({"unit": "class", "nodata": 0, "data_type": "uint8"}));
        assert_eq!(Value::Object(map.said("d", "B04")), json!({"unit": "1", "nodata": 0}));
        assert!(map.leaves_out("c", "visual") && !map.leaves_out("d", "visual"));
        assert_eq!(map.aliases("c", "B04"), ["red", "first"]);
        assert_eq!(map.assets("c"), ["SCL"]);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for (text, told) in [
            ("[1]", "one mapping by collection"),
            ("c: {asset: {}}", "\"asset\" is not known"),
            ("c: {assets: {B: {data_type: float17}}}", "data_type cannot be \"float17\""),
            ("c: {assets: {B: {nodate: 1}}}", "\"nodate\" is not known"),
            ("c: {aliases: [x]}", "expected aliases"),
        ] {
            let said = MeasurementMap::parse(text, "map.yaml").unwrap_err().to_string();
            assert!(said.starts_with("map.yaml: ") && said.contains(told), "{said}");
        }
    }
}
