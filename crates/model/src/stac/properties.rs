//! Properties of an item ↔ properties of an EO3 document, by the table of datacube's `stac2ds` and `ds2stac`.

use serde_json::{Map, Value};

use crate::parse_instant;

/// STAC's name and EO3's name, which is older.
const RENAMED: [(&str, &str); 11] = [
    ("end_datetime", "dtr:end_datetime"),
    ("start_datetime", "dtr:start_datetime"),
    ("gsd", "eo:gsd"),
    ("instruments", "eo:instrument"),
    ("platform", "eo:platform"),
    ("constellation", "eo:constellation"),
    ("view:off_nadir", "eo:off_nadir"),
    ("view:azimuth", "eo:azimuth"),
    ("view:sun_azimuth", "eo:sun_azimuth"),
    ("view:sun_elevation", "eo:sun_elevation"),
    ("created", "odc:processing_datetime"),
];

/// Properties of an item that have a place of their own in an EO3 document.
const ELSEWHERE: [&str; 4] = ["title", "odc:product", "odc:lineage", "odc:grids"];

/// An instrument that STAC's list of instruments cannot give back, such as `ETM+`.
const INSTRUMENT: &str = "odc:instrument";

/// The properties of an EO3 document. Projection is in crs and grids; where both names of a property are given, EO3's
/// counts.
pub(super) fn to_eo3(properties: &Map<String, Value>) -> Map<String, Value> {
    let mut eo3 = Map::with_capacity(properties.len() + 1);
    for (key, value) in properties {
        if key.starts_with("proj:") || ELSEWHERE.contains(&key.as_str()) || key == INSTRUMENT {
            continue;
        }
        let Some((_, name)) = RENAMED.iter().find(|(stac, _)| stac == key) else {
            eo3.insert(key.clone(), value.clone());
            continue;
        };
        if properties.contains_key(*name) {
            continue;
        }
        if key == "instruments"
            && let Some(exact) = properties.get(INSTRUMENT)
        {
            eo3.insert((*name).to_owned(), exact.clone());
            continue;
        }
        let value = match (key.as_str(), value) {
            ("instruments", Value::Array(list)) => match joined(list) {
                Some(text) => text.into(),
                None => continue,
            },
            _ => value.clone(),
        };
        eo3.insert((*name).to_owned(), value);
    }
    if eo3.get("odc:processing_datetime").is_none_or(Value::is_null) {
        // Metadata types want to know when a dataset was made; datacube takes the time of measuring where nobody says.
        let time = ["datetime", "start_datetime"].iter().find_map(|key| properties.get(*key).filter(|v| !v.is_null()));
        if let Some(time) = time {
            eo3.insert("odc:processing_datetime".to_owned(), time.clone());
        }
    }
    eo3
}

/// The properties of an item.
pub(super) fn to_stac(properties: &Map<String, Value>) -> Map<String, Value> {
    let mut stac = Map::with_capacity(properties.len() + 8);
    for (key, value) in properties {
        let name = RENAMED.iter().find(|(_, eo3)| eo3 == key).map_or(key.as_str(), |(name, _)| name);
        if name == "instruments"
            && let Some(text) = value.as_str()
        {
            let list = parted(text);
            if joined(&list).as_deref() != Some(text) {
                stac.insert(INSTRUMENT.to_owned(), value.clone());
            }
            stac.insert(name.to_owned(), list.into());
            continue;
        }
        stac.insert(
            name.to_owned(),
            if name.contains("datetime") || name == "created" { instant(value) } else { value.clone() },
        );
    }
    // An item without one moment says so and gives its range.
    stac.entry("datetime").or_insert(Value::Null);
    stac
}

/// `["oli", "tirs"]` → `OLI_TIRS`.
fn joined(list: &[Value]) -> Option<String> {
    let names: Vec<String> = list.iter().filter_map(Value::as_str).map(str::to_uppercase).collect();
    (!names.is_empty()).then(|| names.join("_"))
}

/// `OLI_TIRS` → `["oli", "tirs"]`.
fn parted(text: &str) -> Vec<Value> {
    text.split('_').map(|name| name.trim_matches(['+', '-']).to_lowercase().into()).collect()
}

/// A moment as RFC 3339 has it; anything else as it is.
fn instant(value: &Value) -> Value {
    match value.as_str().and_then(|text| parse_instant(text).ok()) {
        Some(instant) => instant.to_string().into(),
        None => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn properties_have_the_names_of_datacube() {
        let stac = map(&json!({
            "datetime": "2034-05-17T10:00:00Z", "platform": "landsat-8", "instruments": ["oli", "tirs"], "gsd": 30,
            "created": "2034-05-18T00:00:00Z", "view:sun_azimuth": 34.2, "proj:epsg": 32633, "eo:cloud_cover": 1,
            "title": "x", "odc:product": "p",
        }));
        let eo3 = map(&json!({
            "datetime": "2034-05-17T10:00:00Z", "eo:platform": "landsat-8", "eo:instrument": "OLI_TIRS", "eo:gsd": 30,
            "odc:processing_datetime": "2034-05-18T00:00:00Z", "eo:sun_azimuth": 34.2, "eo:cloud_cover": 1,
        }));
        assert_eq!(to_eo3(&stac), eo3);
        let back = to_stac(&eo3);
        for (key, value) in &back {
            assert_eq!(&stac[key], value, "{key}");
        }
        assert_eq!(back.len(), 7);
    }

    #[test]
    fn an_instrument_that_a_list_cannot_give_back_stays_beside_it() {
        let stac = to_stac(&map(&json!({"datetime": "2034-05-17", "eo:instrument": "ETM+"})));
        assert_eq!(stac["instruments"], json!(["etm"]));
        assert_eq!(to_eo3(&stac)["eo:instrument"], "ETM+");
    }

    #[test]
    fn moments_are_written_as_rfc_3339() {
        let stac = to_stac(&map(&json!({"datetime": "2034-05-17 10:00:00.5+02:00", "x:datetime": "soon"})));
        assert_eq!(stac["datetime"], "2034-05-17T08:00:00.5Z");
        assert_eq!(stac["x:datetime"], "soon");
        assert_eq!(to_stac(&Map::new())["datetime"], Value::Null);
    }
}
