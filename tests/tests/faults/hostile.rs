//! Texts that would be SQL, if somebody let them.

use cube_catalog::{Catalog, CatalogUrl};
use cube_model::{FieldTest, FieldValue, Search};
use serde_json::json;

use crate::archive;
use crate::place::Place;
use crate::state::runtime;

/// Quotes, comments, patterns, escapes, other alphabets, and a megabyte.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "'; DROP TABLE dataset; --",
        "' OR '1'='1",
        "\" OR \"\"=\"",
        "\\'; DELETE FROM cube.dataset; --",
        "$$; DROP SCHEMA cube CASCADE; $$",
        "$1",
        "?1",
        "%",
        "_",
        "sentinel\\-2a",
        "/* */ UNION SELECT document FROM dataset_document",
        "\u{202e}\u{0}\u{1}",
        "a\u{0}b",
        "\u{1f6f0}",
        "\\x00",
        "\\N",
        "\\.",
        "a\tb\nc\rd",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("'\\\"".repeat(350_000));
    texts
}

/// Every way in for a text: as the value of a text field, equal and between, of a field of another kind, as a field's
/// name, a product, a location and an order. Each answers, or refuses with a sentence that is not the database's.
fn hostile_texts(place: &Place) {
    place.sandbox.write("all.ndjson", archive::lines(0..50));
    place.sandbox.cube(["index", "all.ndjson"]).succeeds();
    let url: CatalogUrl = place.url().parse().unwrap();
    runtime().block_on(async {
        let catalog = Catalog::open(&url).await.unwrap();
        let all = catalog.count(&Search::default()).await.unwrap();
        assert_eq!(all, 50);
        for text in texts() {
            let value = || FieldValue::Text(text.clone());
            let shown: String = text.chars().take(40).collect();
            // No dataset has such a platform.
            let equal = Search::product(archive::PRODUCT).field("platform", FieldTest::Equals(value()));
            assert_eq!(catalog.count(&equal).await.unwrap(), 0, "{shown:?}");
            let other = Search::product(archive::PRODUCT).not_field("platform", FieldTest::Equals(value()));
            assert_eq!(catalog.count(&other).await.unwrap(), all, "{shown:?}");
            let located = Search::default().field("location", FieldTest::Equals(value()));
            assert_eq!(catalog.count(&located).await.unwrap(), 0, "{shown:?}");
            // Above or below all of them, as texts are ordered by their bytes.
            let from = Search::default().field("platform", FieldTest::Between(Some(value()), None));
            let expected = if text.as_bytes() <= b"sentinel-2a".as_slice() { all } else { 0 };
            assert_eq!(catalog.count(&from).await.unwrap(), expected, "{shown:?}");
            for faulty in [
                Search::default().field("cloud_cover", FieldTest::Equals(value())),
                Search::default().field("time", FieldTest::Equals(value())),
                Search::default().field("id", FieldTest::Equals(value())),
                Search::default().field(text.clone(), FieldTest::Equals(FieldValue::Text("x".to_owned()))),
                Search::product(text.clone()),
                Search::default().field("product", FieldTest::Equals(value())),
                Search::default().order_by(text.as_str()),
            ] {
                if let Err(error) = catalog.search_ids(&faulty).await {
                    let said = error.to_string();
                    assert!(!said.contains("error returned from database"), "{shown:?}: {said:.300}");
                }
            }
            assert_eq!(catalog.count(&Search::default()).await.unwrap(), all, "{shown:?}");
        }
        catalog.close().await.unwrap();
    });
}

/// The same texts as values of documents: what a dataset says is found again by exactly that, and comes out as it went in.
fn hostile_documents(place: &Place) {
    // A NUL cannot be in a command's arguments, but in a document it can.
    let texts: Vec<String> = texts().into_iter().filter(|text| text.len() < 1000).collect();
    let lines = texts
        .iter()
        .enumerate()
        .map(|(n, text)| {
            let mut document = archive::document(n);
            document["properties"]["eo:platform"] = json!(text);
            document["label"] = json!(format!("{n} {text}"));
            document.to_string()
        })
        .collect::<Vec<_>>()
        .join("\n");
    place.sandbox.write("hostile.ndjson", lines);
    let run = place.sandbox.cube(["index", "--json", "hostile.ndjson"]);
    let report = run.json();
    // PostgreSQL holds no NUL: such a document may be refused, with a sentence; all others are there.
    let refused = report["refused"].as_array().unwrap();
    for refusal in refused {
        let reason = refusal["reason"].as_str().unwrap();
        assert!(!reason.contains("error returned from database"), "{reason}");
    }
    let url: CatalogUrl = place.url().parse().unwrap();
    runtime().block_on(async {
        let catalog = Catalog::open(&url).await.unwrap();
        for (n, text) in texts.iter().enumerate() {
            let search =
                Search::product(archive::PRODUCT).field("platform", FieldTest::Equals(FieldValue::Text(text.clone())));
            let found = catalog.search(&search).await.unwrap();
            if text.contains('\0') && !refused.is_empty() {
                assert!(found.is_empty());
                continue;
            }
            let ids: Vec<_> = found.iter().map(|dataset| dataset.id).collect();
            assert_eq!(ids, [archive::id(n)], "{text:?}");
            assert_eq!(found[0].document["properties"]["eo:platform"], json!(text));
        }
        catalog.close().await.unwrap();
    });
    let with_nul = texts.iter().filter(|text| text.contains('\0')).count();
    assert!(refused.is_empty() || refused.len() == with_nul, "{report}");
}

#[test]
fn hostile_texts_are_texts_in_sqlite() {
    hostile_texts(&Place::sqlite());
    hostile_documents(&Place::sqlite());
}

#[test]
fn hostile_texts_are_texts_in_postgis() {
    let Some(place) = Place::postgis() else { return };
    hostile_texts(&place);
    let Some(place) = Place::postgis() else { return };
    hostile_documents(&place);
}
