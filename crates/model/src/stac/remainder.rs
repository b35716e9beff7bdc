//! What EO3 has no place for: the difference between an item as it came and the one that its dataset gives back.
//!
//! It is kept in the dataset's document as `with` (values to put, mapping by mapping) and `without` (ways to keys that
//! the item did not have). Hrefs are no part of it: they follow the dataset's location.

use serde_json::{Map, Value, json};

/// How many mappings deep a key is looked into; below that a value is taken whole.
fn depth(key: &str) -> usize {
    match key {
        "properties" => 1,
        "assets" => 2,
        _ => 0,
    }
}

/// What must be done to `given` to get `original`.
pub(super) fn difference(original: &Map<String, Value>, given: &Map<String, Value>) -> (Value, Value) {
    let mut with = Map::new();
    let mut without = Vec::new();
    for (key, value) in original {
        if ["type", "stac_version"].contains(&key.as_str()) {
            continue;
        }
        let mut path = vec![key.clone()];
        if let Some(value) = compare(value, given.get(key), depth(key), &mut path, &mut without) {
            with.insert(key.clone(), value);
        }
    }
    without.extend(given.keys().filter(|k| !original.contains_key(*k)).map(|k| vec![k.clone()]));
    (Value::Object(with), json!(without))
}

/// What to put for `original` where `given` is; `None` where nothing.
fn compare(
    original: &Value,
    given: Option<&Value>,
    depth: usize,
    path: &mut Vec<String>,
    without: &mut Vec<Vec<String>>,
) -> Option<Value> {
    let Some(given) = given else { return Some(original.clone()) };
    let (Value::Object(there), Value::Object(here), true) = (original, given, depth > 0) else {
        return (original != given).then(|| original.clone());
    };
    let in_asset = path.len() == 2 && path[0] == "assets";
    let mut with = Map::new();
    for (key, value) in there {
        if in_asset && key == "href" {
            continue;
        }
        path.push(key.clone());
        if let Some(value) = compare(value, here.get(key), depth - 1, path, without) {
            with.insert(key.clone(), value);
        }
        path.pop();
    }
    let gone = here.keys().filter(|k| !there.contains_key(*k));
    without.extend(gone.map(|k| path.iter().cloned().chain([k.clone()]).collect()));
    (!with.is_empty()).then_some(Value::Object(with))
}

/// Puts and takes away in an item what its dataset's remainder says.
pub(super) fn apply(item: &mut Map<String, Value>, remainder: &Value) {
    for path in remainder.get("without").and_then(Value::as_array).into_iter().flatten() {
        let path: Vec<&str> = path.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let Some((last, way)) = path.split_last() else { continue };
        let mut map = Some(&mut *item);
        for key in way {
            map = map.and_then(|m| m.get_mut(*key)).and_then(Value::as_object_mut);
        }
        if let Some(map) = map {
            map.shift_remove(*last);
        }
    }
    for (key, value) in remainder.get("with").and_then(Value::as_object).into_iter().flatten() {
        put(item, key, value, depth(key));
    }
}

fn put(map: &mut Map<String, Value>, key: &str, value: &Value, depth: usize) {
    if let (Value::Object(inside), true, Some(Value::Object(there))) = (value, depth > 0, map.get_mut(key)) {
        for (key, value) in inside {
            put(there, key, value, depth - 1);
        }
    } else {
        map.insert(key.to_owned(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn what_is_put_and_taken_away_gives_the_original() {
        let original = map(&json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "x", "collection": null, "links": [{"rel": "root"}],
            "properties": { "datetime": null, "a": { "b": 1 }, "same": 2 },
            "assets": { "red": { "href": "red.tif", "title": "Red" }, "new": { "href": "new.txt" } },
        }));
        let mut given = map(&json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "y", "bbox": [1], "links": [],
            "properties": { "datetime": null, "a": { "b": 2, "c": 3 }, "same": 2, "created": "x" },
            "assets": { "red": { "href": "red.tif", "roles": ["data"] }, "old": {} },
        }));
        let (with, without) = difference(&original, &given);
        assert_eq!(with["properties"], json!({"a": {"b": 1}}));
        apply(&mut given, &json!({ "with": with, "without": without }));
        assert_eq!(Value::Object(given), Value::Object(original));
    }
}
