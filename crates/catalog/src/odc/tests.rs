use cube_model::documents::EO3_SCHEMA;
use serde_json::{Value, json};
use uuid::Uuid;

use super::document::as_given;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn stored(lineage: Option<Value>) -> Value {
    let mut document = json!({
        "id": "x", "crs": "epsg:4326", "$schema": EO3_SCHEMA, "extent": {"lat": {}}, "grid_spatial": {"projection": {}},
    });
    if let Some(lineage) = lineage {
        document["lineage"] = lineage;
    }
    document
}

fn lineage(stored_as: Value, sources: &[(&str, u128)], numbered: bool) -> Value {
    let sources: Vec<_> = sources.iter().map(|(name, n)| ((*name).to_owned(), id(*n))).collect();
    let (document, left) = as_given(stored(Some(stored_as)), &sources, numbered);
    assert!(left.is_empty());
    document["lineage"].clone()
}

#[test]
fn what_odc_computes_is_taken_out() {
    let (document, left) = as_given(stored(None), &[("level1".to_owned(), id(1))], true);
    assert_eq!(document.to_string(), json!({"$schema": EO3_SCHEMA, "id": "x", "crs": "epsg:4326"}).to_string());
    assert_eq!(left, [("level1".to_owned(), id(1))], "a document without lineage gets none");
    let legacy = json!({"id": "x", "extent": {}, "grid_spatial": {}});
    assert_eq!(as_given(legacy.clone(), &[], true).0, legacy);
}

#[test]
fn several_sources_of_one_classifier_are_a_list_again() {
    let numbered = |sources: &[(&str, u128)]| lineage(json!({"source_datasets": {}}), sources, true);
    assert_eq!(numbered(&[("level1", 1)]), json!({"level1": [id(1)]}), "one source keeps its name");
    assert_eq!(numbered(&[("ard1", 1), ("ard2", 2), ("level1", 3)]), json!({"ard": [id(1), id(2)], "level1": [id(3)]}));
    assert_eq!(numbered(&[("a1", 1), ("a3", 3)]), json!({"a1": [id(1)], "a3": [id(3)]}), "a gap is no run");
    let many: Vec<(String, u128)> = (1..=12).map(|n| (format!("l{n}"), n)).collect();
    let many: Vec<(&str, u128)> = many.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    assert_eq!(numbered(&many), json!({"l": (1..=12).map(id).collect::<Vec<_>>()}), "by number, not by letter");
    assert_eq!(numbered(&[("ard11", 1), ("ard12", 2)]), json!({"ard1": [id(1), id(2)]}));
    assert_eq!(numbered(&[]), json!({}));
}

#[test]
fn classifiers_that_were_not_numbered_stay() {
    assert_eq!(lineage(json!({}), &[("ard1", 1), ("ard2", 2)], false), json!({"ard1": [id(1)], "ard2": [id(2)]}));
    assert_eq!(lineage(json!({}), &[("ard", 1), ("ard", 2)], false), json!({"ard": [id(1), id(2)]}));
    // A copy within ODC may still say its lineage itself.
    assert_eq!(lineage(json!({"ard": [id(1)], "none": []}), &[("ard", 1)], false), json!({"ard": [id(1)], "none": []}));
    let remapped = json!({"source_datasets": {"ard1": {"id": id(1)}, "ard2": {"id": id(2)}}});
    assert_eq!(lineage(remapped, &[("ard2", 2)], false), json!({"ard": [id(1), id(2)]}));
}
