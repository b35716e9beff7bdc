use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::Config;

fn document(id: u128, west: f64) -> Value {
    json!({
        "$schema": "https://schemas.opendatacube.org/dataset", "id": Uuid::from_u128(id).to_string(),
        "product": { "name": "lake" }, "crs": "EPSG:32633",
        "grids": { "default": { "shape": [10, 10], "transform": [10, 0, west, 0, -10, 4_650_000.0, 0, 0, 1] } },
        "properties": { "datetime": "2034-05-01T10:00:00Z", "odc:processing_datetime": "2034-05-02T00:00:00Z" },
        "measurements": { "red": { "path": "red.tif" } }, "lineage": {},
    })
}

#[test]
fn a_dry_run_counts_what_the_run_then_does_and_one_bad_dataset_stops_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = format!("sqlite://{}", dir.path().join("catalog.sqlite").display());
    let dc = Datacube::init(&Config::resolve(Some(&catalog)).unwrap()).unwrap();
    let product = json!({
        "name": "lake", "description": "a lake", "metadata_type": "eo3", "metadata": { "product": { "name": "lake" } },
        "measurements": [{ "name": "red", "dtype": "uint16", "nodata": 0, "units": "1" }],
    });
    let mut twice = document(1, 300_000.0);
    twice["properties"]["eo:platform"] = json!("another");
    let lines = [product, document(1, 300_000.0), document(2, 5e9), twice, document(3, 300_000.0)];
    let text = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let write = |folder: &str| {
        let path = dir.path().join(folder).join("all.ndjson");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let index = |path: &str, dry_run| {
        let report = dc.index(&[path.to_owned()], &IndexOptions { dry_run, ..Default::default() }).unwrap();
        (report.added, report.present, report.refused)
    };
    let first = write("first");
    for dry_run in [true, false] {
        let (added, present, refused) = index(&first, dry_run);
        assert_eq!((added, present, refused.len()), (2, 0, 2), "{refused:?}");
        let far = refused.iter().find(|r| r.source.contains("(line 3)")).unwrap();
        assert!(far.reason.contains(&Uuid::from_u128(2).to_string()), "{}", far.reason);
        assert!(refused.iter().any(|r| r.reason.contains("twice")), "{refused:?}");
    }
    // The same documents at another place are other records.
    let second = write("second");
    for dry_run in [true, false] {
        let (added, _, refused) = index(&second, dry_run);
        assert_eq!(added, 0);
        assert!(refused.iter().any(|r| r.reason.contains("its location was")), "{refused:?}");
    }
}
