//! Facts about products and metadata types that change.

use cube_model::documents::RawDocument;
use cube_model::{MetadataType, Search, Status};
use serde_json::{Value, json};

use super::{fill, found, with_product};
use crate::samples::{Sample, between, equals, product_document, product_of};
use crate::{Added, Catalog, CatalogError};

pub(super) async fn run(open: &impl AsyncFn() -> Catalog) {
    a_metadata_type_that_grows_brings_its_fields_to_what_is_there(open().await).await;
    unsafe_metadata_changes_need_leave(open().await).await;
    changes_are_told_and_nothing_is_written(open().await).await;
    a_metadata_type_inside_a_product_is_added_with_it(open().await).await;
    products_are_deleted_together_or_not_at_all(open().await).await;
    every_type_of_field_is_searched_and_returned(open().await).await;
}

fn type_of(document: Value) -> MetadataType {
    MetadataType::from_document(&RawDocument::from_value(document, "test")).unwrap()
}

/// The type `eo3` with other search fields, `null` for one that is to go.
async fn changed(catalog: &Catalog, fields: Value) -> MetadataType {
    let mut document = catalog.metadata_type("eo3").await.unwrap().document.clone();
    let there = document["dataset"]["search_fields"].as_object_mut().unwrap();
    for (name, field) in fields.as_object().unwrap() {
        there.remove(name);
        if !field.is_null() {
            there.insert(name.clone(), field.clone());
        }
    }
    type_of(document)
}

async fn a_metadata_type_that_grows_brings_its_fields_to_what_is_there(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let samples: Vec<_> = (0..3).map(|n| Sample::new("lake", n)).chain((3..5).map(|n| Sample::new("sea", n))).collect();
    fill(&catalog, &samples).await;
    catalog.archive(&[samples[4].id]).await.unwrap();
    let format = Search { fields: vec![equals("file_format", &["GeoTIFF"])], status: Status::All, ..Search::default() };
    assert!(matches!(catalog.search_ids(&format).await, Err(CatalogError::UnknownField { .. })));
    let grown = json!({"file_format": {"description": "x", "offset": ["properties", "odc:file_format"]}});
    let grown = changed(&catalog, grown).await;
    assert!(catalog.update_metadata_type(&grown, false).await.unwrap(), "a new field is safe");
    assert!(!catalog.update_metadata_type(&grown, false).await.unwrap(), "it is there now");
    assert_eq!(found(&catalog, &samples, &format).await, [0, 1, 2, 3, 4], "archived ones have it too");
    assert_eq!(catalog.metadata_type("eo3").await.unwrap().document, grown.document);
    // What comes later has it as well, and the other fields stay.
    let mut samples = samples;
    samples.push(Sample::new("lake", 7));
    fill(&catalog, &samples[5..]).await;
    assert_eq!(found(&catalog, &samples, &format).await, [0, 1, 2, 3, 4, 5]);
    let cloudy = Search { fields: vec![between("cloud_cover", 10.0, 20.0)], ..Search::product("sea") };
    assert_eq!(found(&catalog, &samples, &cloudy).await, [3]);
}

async fn unsafe_metadata_changes_need_leave(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples = [Sample::new("lake", 0), Sample::new("lake", 1).cloud(80.0)];
    let other =
        json!({"platform": null, "cloud_cover": {"offset": ["properties", "eo:cloud_cover"], "type": "string"}});
    let other = changed(&catalog, other).await;
    fill(&catalog, &samples).await;
    let error = catalog.update_metadata_type(&other, false).await.unwrap_err();
    assert!(matches!(error, CatalogError::UnsafeMetadataChange { datasets: 2, .. }), "{error}");
    let sentence = error.to_string();
    assert!(sentence.contains("search_fields.platform is gone") && sentence.contains("--allow-unsafe"), "{sentence}");
    let platform = Search { fields: vec![equals("platform", &["sentinel-2a"])], ..Search::default() };
    assert_eq!(found(&catalog, &samples, &platform).await, [0, 1], "nothing was changed");
    assert!(catalog.update_metadata_type(&other, true).await.unwrap());
    assert!(matches!(catalog.search_ids(&platform).await, Err(CatalogError::UnknownField { .. })));
    // The field of another type finds by its new values alone.
    let eighty = Search { fields: vec![equals("cloud_cover", &["80.0"])], ..Search::default() };
    assert_eq!(found(&catalog, &samples, &eighty).await, [1]);
    let missing = type_of(json!({"name": "eo4", "description": "x", "dataset": other.document["dataset"]}));
    let error = catalog.update_metadata_type(&missing, true).await.unwrap_err().to_string();
    assert!(error.contains("no metadata type \"eo4\": did you mean eo or eo3?"), "{error}");
}

async fn changes_are_told_and_nothing_is_written(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    fill(&catalog, &[Sample::new("lake", 0)]).await;
    let mut document = product_document("lake");
    document["description"] = json!("other words");
    document["measurements"][0]["nodata"] = json!(7);
    let changes = catalog.compare_product(&product_of(document)).await.unwrap();
    let told: Vec<_> = changes.changes.iter().map(|c| (c.to_string(), c.safe)).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&("measurements.0.nodata was 0, is 7".to_owned(), false)), "{told:?}");
    assert!(told.iter().any(|(phrase, safe)| phrase.starts_with("description was ") && *safe), "{told:?}");
    assert!(changes.needs_leave() && changes.datasets == 1);
    assert_eq!(catalog.require_product("lake").await.unwrap().document, product_document("lake"));
    assert!(catalog.compare_product(&product_of(product_document("lake"))).await.unwrap().changes.is_empty());
    assert!(catalog.compare_product(&product_of(product_document("lak"))).await.is_err());
    let fewer = changed(&catalog, json!({"platform": null})).await;
    let changes = catalog.compare_metadata_type(&fewer).await.unwrap();
    assert!(changes.needs_leave() && changes.changes.len() == 1 && changes.datasets == 1, "{changes:?}");
}

async fn a_metadata_type_inside_a_product_is_added_with_it(catalog: Catalog) {
    let mut inside = catalog.metadata_type("eo3").await.unwrap().document.clone();
    inside["name"] = json!("mine");
    let mut document = product_document("lake");
    document["metadata_type"] = inside.clone();
    let product = product_of(document.clone());
    assert_eq!(catalog.add_product(&product).await.unwrap(), Added::New);
    assert_eq!(catalog.add_product(&product).await.unwrap(), Added::AlreadyThere);
    assert!(!catalog.update_product(&product, false).await.unwrap());
    assert_eq!(catalog.metadata_type("mine").await.unwrap().document, inside);
    let stored = catalog.require_product("lake").await.unwrap();
    assert_eq!(stored.document["metadata_type"], json!("mine"), "the product names it now");
    let samples = [Sample::new("lake", 0)];
    fill(&catalog, &samples).await;
    let by_type = Search { fields: vec![equals("metadata_type", &["mine"])], ..Search::default() };
    assert_eq!(found(&catalog, &samples, &by_type).await, [0]);
    // Another one under the same name is not taken for it.
    document["name"] = json!("sea");
    document["metadata_type"]["description"] = json!("something else");
    let error = catalog.add_product(&product_of(document)).await.unwrap_err();
    assert!(matches!(error, CatalogError::MetadataTypeDiffers { .. }), "{error}");
    assert!(catalog.product("sea").await.unwrap().is_none());
}

async fn products_are_deleted_together_or_not_at_all(catalog: Catalog) {
    for name in ["lake", "sea", "sky"] {
        with_product(&catalog, name).await;
    }
    let samples = [Sample::new("lake", 0), Sample::new("sea", 0), Sample::new("sea", 1)];
    fill(&catalog, &samples).await;
    catalog.archive(&[samples[0].id]).await.unwrap();
    let error = catalog.delete_products(&["lake", "sea"], false).await.unwrap_err();
    assert!(matches!(&error, CatalogError::ProductInUse { name, datasets: 2 } if name == "sea"), "{error}");
    assert!(catalog.delete_products(&["lake", "see"], true).await.is_err());
    let all = Search { status: Status::All, ..Search::default() };
    assert_eq!(catalog.count(&all).await.unwrap(), 3, "nothing went");
    assert_eq!(catalog.delete_products(&["lake", "sky", "lake"], false).await.unwrap(), [1, 0, 0]);
    assert_eq!(found(&catalog, &samples, &all).await, [1, 2]);
    assert_eq!(catalog.delete_products(&["sea"], true).await.unwrap(), [2]);
    assert!(catalog.products().await.unwrap().is_empty());
}

async fn every_type_of_field_is_searched_and_returned(catalog: Catalog) {
    let field = |kind: &str, offset: &[&str]| json!({"type": kind, "offset": offset, "indexed": false});
    let span = |kind: &str, least: Value, most: Value| json!({"type": kind, "min_offset": least, "max_offset": most});
    let grown = changed(
        &catalog,
        json!({
            "words": field("string", &["deep", "er", "words"]),
            "list": field("string", &["deep", "list"]),
            "third": field("integer", &["deep", "list", "2"]),
            "double": field("double", &["deep", "double"]),
            "numeric": field("numeric", &["deep", "numeric"]),
            "flag": field("boolean", &["deep", "flag"]),
            "made": field("datetime", &["deep", "made"]),
            "thing": field("object", &["deep", "er"]),
            "doubles": span("double-range", json!([["deep", "low"], ["deep", "double"]]), json!([["deep", "high"]])),
            "integers": span("integer-range", json!([["deep", "third"]]), json!([["deep", "high"]])),
            "floats": span("float-range", json!([["deep", "low"]]), json!([["deep", "nothing"]])),
            "numerics": span("numeric-range", json!([["deep", "nothing"]]), json!([["deep", "high"]])),
            "whiles": span("datetime-range", json!([["deep", "made"]]), json!([["deep", "until"]])),
        }),
    )
    .await;
    catalog.update_metadata_type(&grown, false).await.unwrap();
    with_product(&catalog, "lake").await;
    let samples: Vec<_> = (0..2).map(|n| Sample::new("lake", n)).collect();
    let mut document = samples[0].document();
    document["deep"] = json!({
        "er": {"words": "in depth"}, "list": [1, 2, 3], "double": -0.5, "numeric": "1e3", "flag": true,
        "made": "2034-05-17T10:00:00.000001+02:00", "until": "2034-06", "low": -2, "high": 8.5, "third": 3,
    });
    let full = cube_model::Dataset::from_stored(document, None, "lake").unwrap();
    catalog.add_datasets(&[full, samples[1].dataset()]).await.unwrap();
    let first = [0];
    for (term, hit) in [
        ("words = 'in depth'", true),
        ("words = in", false),
        ("list = '[1,2,3]'", true),
        ("third = 3", true),
        ("third > 3", false),
        ("double in [-1, 0]", true),
        ("double < -0.5", false),
        ("double <= -0.5", true),
        ("double > -0.6 double < 0", true),
        ("numeric = 1000", true),
        ("flag = true", true),
        ("flag = false", false),
        ("made in 2034-05", true),
        ("made in [2034-05-17, 2034-05-17]", true),
        ("made > 2034-05-17", false),
        ("made >= 2034-05-17", true),
        ("made < 2034-05-18", true),
        ("made = 2034-05-17T08:00:00.000001Z", true),
        ("doubles = 8", true),
        ("doubles in [8.5, 9]", true),
        ("doubles > 8.5", false),
        ("doubles < -2", false),
        ("integers = 4", true),
        ("integers in [9, 10]", false),
        ("floats = 1000000", true),
        ("floats < -2", false),
        ("numerics = -1000000", true),
        ("numerics > 8.5", false),
        ("whiles in 2034-05-20", true),
        ("whiles > 2034-06-01", false),
        ("whiles in 2033", false),
    ] {
        let search = Search::parse(term).unwrap();
        let expected: &[usize] = if hit { &first } else { &[] };
        assert_eq!(found(&catalog, &samples, &search).await, expected, "{term}");
        let not = Search::parse(&format!("not {term}"));
        // Two bounds are two terms, of which `not` turns one round.
        if let Some(not) = not.ok().filter(|not| not.fields.len() == 1) {
            let others: &[usize] = if hit { &[1] } else { &[0, 1] };
            assert_eq!(found(&catalog, &samples, &not).await, others, "not {term}");
        }
    }
    let fields =
        ["words", "list", "third", "double", "numeric", "flag", "made", "thing", "doubles", "floats", "whiles"];
    let rows = catalog.search_returning(&Search::product("lake"), &fields).await.unwrap();
    let expected = json!([
        "in depth", "[1,2,3]", 3, -0.5, 1000, true, "2034-05-17T08:00:00.000001Z", {"words": "in depth"},
        {"begin": -2, "end": 8.5}, {"begin": -2, "end": null},
        {"begin": "2034-05-17T08:00:00.000001Z", "end": "2034-06-01T00:00:00Z"},
    ]);
    assert_eq!(Value::from(rows[0].clone()), expected);
    assert!(rows[1].iter().all(Value::is_null), "{:?}", rows[1]);
}
