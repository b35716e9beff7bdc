//! Two documents that should be one.

use serde_json::{Map, Value};

/// Sorted text.
pub(crate) fn sorted(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = texts.into_iter().collect();
    all.sort();
    all
}

/// Where a document that came out of ODC is not the one that went in; `None` where it is. What ODC itself loses does not
/// count: the order of keys, empty lists of sources, the section `lineage` where there was none, and in the postgis driver
/// (`unordered`) the order of sources.
pub(crate) fn same_document(given: &Value, came: &Value, unordered: bool) -> Option<String> {
    let (given, came) = (plain(given, unordered), plain(came, unordered));
    difference(&given, &came, "")
}

fn plain(document: &Value, unordered: bool) -> Value {
    let mut document = document.clone();
    let lineage = document.as_object_mut().and_then(|map| map.shift_remove("lineage"));
    let mut kept = Map::new();
    for (classifier, list) in lineage.iter().filter_map(Value::as_object).flatten() {
        let mut ids: Vec<Value> = list.as_array().cloned().unwrap_or_default();
        if unordered {
            ids.sort_by_key(Value::to_string);
        }
        if !ids.is_empty() {
            kept.insert(classifier.clone(), ids.into());
        }
    }
    document["lineage"] = kept.into();
    document
}

fn difference(a: &Value, b: &Value, path: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let keys = x.keys().chain(y.keys().filter(|key| !x.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let path = format!("{path}.{key}");
                match (x.get(key), y.get(key)) {
                    (Some(a), Some(b)) => difference(a, b, &path),
                    (a, b) => Some(format!("{path}: {a:?} became {b:?}")),
                }
            })
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).enumerate().find_map(|(at, (a, b))| difference(a, b, &format!("{path}.{at}")))
        }
        (Value::Number(x), Value::Number(y)) if x.as_f64() == y.as_f64() => None,
        (a, b) if a == b => None,
        (a, b) => Some(format!("{path}: {a} became {b}")),
    }
}
