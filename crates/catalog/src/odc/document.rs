//! What ODC does to a document when it indexes it, undone.

use std::collections::BTreeMap;

use cube_model::documents::EO3_SCHEMA;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The order in which people write the keys of a metadata type.
pub(super) const METADATA_TYPE: [&str; 3] = ["name", "description", "dataset"];
/// Of a product.
pub(super) const PRODUCT: [&str; 9] = [
    "name",
    "description",
    "license",
    "metadata_type",
    "metadata",
    "load",
    "storage",
    "extra_dimensions",
    "measurements",
];
/// Of a dataset.
const DATASET: [&str; 11] = [
    "$schema",
    "id",
    "label",
    "product",
    "crs",
    "geometry",
    "grids",
    "properties",
    "measurements",
    "accessories",
    "lineage",
];

/// The sections that ODC computes from the others.
const COMPUTED: [&str; 2] = ["extent", "grid_spatial"];

/// A document with these keys first: PostgreSQL sorts them by their length.
pub(super) fn ordered(document: Value, keys: &[&str]) -> Value {
    let Value::Object(mut map) = document else { return document };
    let mut first: Map<String, Value> =
        keys.iter().filter_map(|key| Some(((*key).to_owned(), map.shift_remove(*key)?))).collect();
    first.extend(map);
    Value::Object(first)
}

/// The document that ODC was given, and those sources that have no place in it. `numbered` where the driver gives each
/// source a classifier of its own. A document that is not of EO3 stays as it is.
pub(super) fn as_given(stored: Value, sources: &[(String, Uuid)], mut numbered: bool) -> (Value, Vec<(String, Uuid)>) {
    let mut document = match stored {
        Value::Object(map) if map.get("$schema").and_then(Value::as_str) == Some(EO3_SCHEMA) => map,
        other => return (other, sources.to_vec()),
    };
    for key in COMPUTED {
        document.shift_remove(key);
    }
    let left = match document.get_mut("lineage") {
        None => sources.to_vec(),
        Some(lineage) => {
            // A copy that was made from the other driver has its form still.
            numbered |= lineage.get("source_datasets").is_some();
            let mut all = said(lineage);
            for (classifier, source) in sources {
                if !all.iter().any(|(_, there)| there == source) {
                    all.push((classifier.clone(), *source));
                }
            }
            let given = if numbered { unnumbered(all) } else { gathered(all) };
            // An empty list of sources is still a list.
            let mut new = Map::new();
            if let Some(lists) = lineage.as_object().filter(|_| !numbered) {
                new.extend(lists.iter().map(|(classifier, _)| (classifier.clone(), json!([]))));
            }
            new.extend(given.into_iter().map(|(classifier, ids)| (classifier, json!(ids))));
            *lineage = Value::Object(new);
            Vec::new()
        }
    };
    (ordered(Value::Object(document), &DATASET), left)
}

/// The sources that a stored document itself still says: `{classifier: [id]}`, or `{source_datasets: {classifier: {id}}}`.
fn said(lineage: &Value) -> Vec<(String, Uuid)> {
    let id = |value: &Value| value.as_str().and_then(|text| Uuid::try_parse(text).ok());
    let mut found = Vec::new();
    match lineage.get("source_datasets").and_then(Value::as_object) {
        Some(sources) => {
            for (classifier, source) in sources {
                found.extend(source.get("id").and_then(id).map(|source| (classifier.clone(), source)));
            }
        }
        None => {
            for (classifier, list) in lineage.as_object().into_iter().flatten() {
                let ids = list.as_array().into_iter().flatten().filter_map(id);
                found.extend(ids.map(|source| (classifier.clone(), source)));
            }
        }
    }
    found
}

/// The sources of each classifier.
fn gathered(sources: Vec<(String, Uuid)>) -> IndexMap<String, Vec<Uuid>> {
    let mut lists: IndexMap<String, Vec<Uuid>> = IndexMap::new();
    for (classifier, source) in sources {
        lists.entry(classifier).or_default().push(source);
    }
    lists
}

/// Several sources of one classifier `a`, which ODC calls `a1`, `a2` and so on, as a list again. The shortest classifier
/// takes the longest run, from 1 on without a gap.
fn unnumbered(sources: Vec<(String, Uuid)>) -> IndexMap<String, Vec<Uuid>> {
    let mut left: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for (classifier, source) in sources {
        left.entry(classifier).or_default().push(source);
    }
    let mut stems: Vec<String> = left
        .keys()
        .filter_map(|name| name.strip_suffix('1'))
        .filter(|stem| !stem.is_empty())
        .map(str::to_owned)
        .collect();
    stems.sort_by_key(String::len);
    let mut lists = BTreeMap::new();
    for stem in stems {
        let run: Vec<String> =
            (1..=left.len()).map(|n| format!("{stem}{n}")).take_while(|name| left.contains_key(name)).collect();
        if run.len() >= 2 {
            let ids: Vec<Uuid> = run.iter().filter_map(|name| left.remove(name)).flatten().collect();
            lists.entry(stem).or_insert_with(Vec::new).extend(ids);
        }
    }
    for (classifier, ids) in left {
        lists.entry(classifier).or_insert_with(Vec::new).extend(ids);
    }
    lists.into_iter().collect()
}
