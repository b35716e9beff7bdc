use std::path::Path;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{Config, IndexOptions};

fn catalog(folder: &Path, name: &str) -> Datacube {
    let url = format!("sqlite://{}", folder.join(name).display());
    Datacube::init(&Config::resolve(Some(&url)).unwrap()).unwrap()
}

fn dataset(id: u128) -> Value {
    json!({
        "$schema": "https://schemas.opendatacube.org/dataset", "id": Uuid::from_u128(id).to_string(),
        "product": { "name": "lake" }, "crs": "EPSG:32633",
        "grids": { "default": { "shape": [10, 10], "transform": [10, 0, 300_000, 0, -10, 4_650_000.0, 0, 0, 1] } },
        "properties": { "datetime": format!("2034-05-{id:02}T10:00:00Z"), "odc:processing_datetime": "2034-06-01T00:00:00Z",
            "text": "010", "eo:cloud_cover": 1e-7 },
        "measurements": { "red": { "path": "red.tif" }, "blue": { "path": "../b/blue.nc#part=2" } },
        "lineage": { "level1": [Uuid::from_u128(100 + id).to_string()] },
    })
}

/// A catalog of two products, one without datasets, and three datasets, one of them archived.
fn filled(folder: &Path) -> Datacube {
    let product = |name: &str| {
        json!({
            "name": name, "description": "a lake", "metadata_type": "eo3", "metadata": { "product": { "name": name } },
            "measurements": [{ "name": "red", "dtype": "float32", "nodata": "NaN", "units": "1" }],
        })
    };
    let lines = [product("lake"), product("empty"), dataset(1), dataset(2), dataset(3)];
    let text = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let path = folder.join("scenes").join("all.ndjson");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let dc = catalog(folder, "first.sqlite");
    let report = dc.index(&[path.display().to_string()], &IndexOptions::default()).unwrap();
    assert_eq!((report.added, report.products, report.refused.len()), (3, 2, 0), "{report:?}");
    dc.archive(&[Uuid::from_u128(2)]).unwrap();
    dc
}

fn everything() -> Search {
    Search { status: Status::All, ..Search::default() }
}

/// All that a catalog holds, to be compared.
fn contents(dc: &Datacube) -> (Vec<Value>, Vec<Value>, Vec<DatasetRecord>) {
    let mut records = Vec::new();
    dc.wait(dc.catalog.each_record(&everything(), 2, |some| {
        records.extend(some);
        true
    }))
    .unwrap();
    let products = dc.products().unwrap().iter().map(|p| p.document.clone()).collect();
    (dc.metadata_types().unwrap().iter().map(|t| t.document.clone()).collect(), products, records)
}

#[test]
fn what_was_exported_indexes_again_to_the_same_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let dc = filled(folder.path());
    let before = contents(&dc);
    assert!(before.2.iter().any(|record| record.archived.is_some()));
    for (target, format) in [
        ("out", None),
        ("json", Some(DocumentFormat::Json)),
        ("all.ndjson", None),
        ("all.ndjson.gz", None),
        ("all.yaml", None),
        ("all.tar", None),
        ("all.tar.gz", Some(DocumentFormat::Json)),
    ] {
        let path = folder.path().join(target);
        let options = DocumentsOptions { format, ..DocumentsOptions::default() };
        let report = dc.export_documents(&everything(), &path, &options).unwrap();
        assert_eq!((report.products, report.datasets, report.archived), (2, 3, 1), "{target}");
        let other = catalog(folder.path(), &format!("{target}.sqlite"));
        let indexed = other.index(&[path.display().to_string()], &IndexOptions::default()).unwrap();
        assert!(indexed.refused.is_empty(), "{target}: {:?}", indexed.refused);
        assert_eq!(contents(&other), before, "{target}");
        // Again, and nothing is new.
        let again = other.index(&[path.display().to_string()], &IndexOptions::default()).unwrap();
        assert_eq!((again.added, again.refused.len()), (0, 0), "{target}: {:?}", again.refused);
    }
}

#[test]
fn a_search_takes_its_products_along_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let dc = filled(folder.path());
    let one = Search { ids: Some(vec![Uuid::from_u128(3)]), ..everything() };
    let report = dc.export_documents(&one, &folder.path().join("one"), &DocumentsOptions::default()).unwrap();
    assert_eq!((report.metadata_types, report.products, report.datasets), (1, 1, 1));
    let path = folder.path().join(format!("one/datasets/lake/00/{}.odc-metadata.yaml", Uuid::from_u128(3)));
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("location: ") && !text.contains("archived"), "{text}");
}

#[test]
fn a_target_that_is_there_is_not_touched_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let dc = filled(folder.path());
    for target in ["out", "all.ndjson"] {
        let path = folder.path().join(target);
        let export = |overwrite| {
            dc.export_documents(&everything(), &path, &DocumentsOptions { overwrite, ..DocumentsOptions::default() })
        };
        export(false).unwrap();
        assert!(export(false).unwrap_err().to_string().contains("--overwrite"));
        export(true).unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
    for target in ["a.json", "a.zip", "a.gz"] {
        let refused = dc.export_documents(&everything(), &folder.path().join(target), &DocumentsOptions::default());
        assert!(refused.unwrap_err().is_usage());
    }
}

#[test]
fn paths_in_full_are_seen_from_anywhere() {
    let mut document = dataset(1);
    in_full(&mut document, Some("s3://bucket/a/x.yaml"));
    assert_eq!(document["measurements"]["red"]["path"], "s3://bucket/a/red.tif");
    assert_eq!(document["measurements"]["blue"]["path"], "s3://bucket/b/blue.nc#part=2");
}

#[test]
fn a_broken_section_is_told() {
    for (section, part) in [
        (json!("x"), "mapping"),
        (json!({ "location": 3 }), "path or URL"),
        (json!({ "location": "x", "archived": "yesterday" }), "2034-05-17T10:00:00Z"),
        (json!({ "else": 1 }), "else"),
    ] {
        let error = Record::take_from(&mut json!({ "id": 1, "cube": section })).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(Record::take_from(&mut json!({ "id": 1 })), Ok(None));
}
