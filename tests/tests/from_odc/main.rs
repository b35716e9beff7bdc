//! Moving in: an index of the Open Data Cube, made by datacube itself, is copied into the catalog.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod compare;
mod source;

use cube_tests::Sandbox;
use serde_json::{Value, json};

use compare::{same_document, sorted};
use source::{ARCHIVED_AT, HOME, LEGACY, Source};

/// What `cube index --from-odc` reported, with the exit code that is expected.
fn copy(sandbox: &Sandbox, url: &str, more: &[&str], code: i32) -> Value {
    let run = sandbox.cube(["index", "--from-odc", url, "--json"].iter().chain(more).copied().collect::<Vec<_>>());
    let report = if code == 0 { run.succeeds().json() } else { run.fails(code).json() };
    assert_eq!(report["refused_count"], report["refused"].as_array().unwrap().len());
    report
}

fn product<'r>(report: &'r Value, name: &str) -> &'r Value {
    report["products"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap_or_else(|| panic!("{report:#}"))
}

/// The number of datasets of all products together.
fn sum(report: &Value, key: &str) -> u64 {
    let products = report["products"].as_array().unwrap();
    products.iter().flat_map(|p| [&p["active"][key], &p["archived"][key]]).map(|n| n.as_u64().unwrap()).sum()
}

fn search(sandbox: &Sandbox, terms: &[&str]) -> Vec<Value> {
    let run = sandbox.cube(["search", "--json"].iter().chain(terms).copied().collect::<Vec<_>>()).succeeds();
    run.json().as_array().unwrap().clone()
}

fn ids(found: &[Value]) -> Vec<String> {
    sorted(found.iter().map(|d| d["id"].as_str().unwrap().to_owned()))
}

#[test]
fn both_schemas_move_in_with_documents_lineage_and_what_is_archived() {
    let Some(source) = Source::make() else { return };
    let url = source.url();

    // The database is no catalog yet, and says so.
    let lost = Sandbox::with_catalog(url.clone());
    let said = lost.cube(["status"]).fails(1);
    assert!(said.stderr.contains("cube init") && said.stderr.contains("--from-odc"), "{said}");
    // Two indexes: one must be named.
    let ambiguous = Sandbox::new();
    ambiguous.cube(["init"]).succeeds();
    let said = ambiguous.cube(["index", "--from-odc", &url]).fails(1);
    assert!(said.stderr.contains("--schema"), "{said}");

    for schema in ["agdc", "odc"] {
        let into_sqlite = Sandbox::new();
        moves_in(&source, schema, &into_sqlite);
        // Beside the index of ODC, in the same database.
        let into_postgis = Sandbox::with_catalog(url.clone());
        if schema == "odc" {
            moves_in(&source, schema, &into_postgis);
            assert_eq!(everything(&into_postgis), everything(&into_sqlite));
        }
        follows_changes(&source, schema, &into_sqlite);
    }
}

/// All datasets of a catalog, by id.
fn everything(sandbox: &Sandbox) -> Vec<Value> {
    let mut found = search(sandbox, &["--status", "all"]);
    found.sort_by_key(|d| d["id"].as_str().unwrap().to_owned());
    found
}

fn moves_in(source: &Source, schema: &str, sandbox: &Sandbox) {
    let url = source.url();
    sandbox.cube(["init"]).succeeds();
    let from = |more: &[&str], code| copy(sandbox, &url, &[&["--schema", schema], more].concat(), code);
    let added = source.added(schema);
    let many = added.len() as u64;

    let dry = from(&["--dry-run"], 1);
    assert_eq!(sum(&dry, "copied"), many, "{dry:#}");
    assert!(search(sandbox, &["--status", "all"]).is_empty(), "a dry run wrote something");

    let report = from(&[], 1);
    assert_eq!((sum(&report, "copied"), sum(&report, "there")), (many, many + 1), "{report:#}");
    assert_eq!(sum(&report, "refused"), 1, "{report:#}");
    let refused = report["refused"].as_array().unwrap();
    let legacy = refused.iter().find(|r| r["source"].as_str().unwrap().contains(LEGACY)).unwrap();
    assert!(legacy["reason"].as_str().unwrap().contains("before EO3"), "{legacy}");
    let lake = product(&report, "s2_l2a_bracciano");
    assert_eq!((&lake["matches"], &lake["refused"]), (&json!(true), &Value::Null), "{lake:#}");
    assert_eq!((&lake["archived"]["there"], &lake["here"]["archived"]), (&json!(1), &json!(1)), "{lake:#}");
    assert_eq!(lake["active"]["there"], lake["here"]["active"]);
    let with_legacy = product(&report, "era5_t2m");
    assert_eq!((&with_legacy["matches"], &with_legacy["active"]["refused"]), (&json!(false), &json!(1)));
    assert_eq!(report["more_locations"], u64::from(schema == "agdc"));

    // Document by document, and where each is.
    let found = everything(sandbox);
    assert_eq!(ids(&found), sorted(added.iter().map(|(id, _)| id.clone())));
    for dataset in &found {
        let (_, path) = added.iter().find(|(id, _)| *id == dataset["id"]).unwrap();
        assert_eq!(dataset["location"].as_str(), Some(path.as_str()));
        let given = Source::document(path, dataset["id"].as_str().unwrap());
        let differs = same_document(&given, &dataset["document"], schema == "odc");
        assert!(differs.is_none(), "{schema}: {path}: {}", differs.unwrap_or_default());
    }
    eprintln!("{schema}: {} documents agree with what datacube was given", found.len());

    // What is archived, since when, and when it was added.
    assert_eq!(ids(&search(sandbox, &["--status", "archived"])), std::slice::from_ref(&source.archived));
    let info = sandbox.cube(["dataset", "info", &source.archived, "--json"]).succeeds();
    assert!(info.stdout.contains(ARCHIVED_AT), "{info}");
    let before_the_copy = search(sandbox, &["--status", "all", "indexed_time in 2030-02"]);
    assert_eq!(ids(&before_the_copy), std::slice::from_ref(&source.early), "the time of the first indexing is kept");

    // Lineage: of the documents, and what ODC knows beside them.
    let derived = found.iter().find(|d| d["id"] == source.derived).unwrap();
    let lists = derived["document"]["lineage"].as_object().unwrap();
    assert_eq!(
        sorted(lists["ard"].as_array().unwrap().iter().map(Value::to_string)),
        sorted(source.ard.iter().map(|id| json!(id).to_string()))
    );
    assert_eq!(lists["level1"], json!([source.archived]));
    let tree = sandbox.cube(["dataset", "lineage", &source.external, "--json"]).succeeds();
    if schema == "odc" {
        assert!(tree.stdout.contains(&source.early) && tree.stdout.contains(HOME), "{tree}");
        assert_eq!((&report["edges"], &report["homes"]), (&json!(1), &json!(1)));
    }

    // The same searches as on the files themselves.
    let files = source.indexed_files();
    for terms in [
        &["product=s2_l2a_bracciano", "time in 2034-05"][..],
        &["product=s2_l2a_bracciano", "cloud_cover in [0, 0.1]"],
        &["lat in [42.0, 42.1]", "lon in [12.0, 12.25]"],
        &["platform=sentinel-2c"],
        &["--bbox", "12.1,42.0,12.3,42.2", "--time", "2034-06/2034-08"],
    ] {
        let of_sample = |sandbox: &Sandbox| {
            let mut found = search(sandbox, &[terms, &["--status", "all"]].concat());
            found.retain(|d| source.is_sample(d["id"].as_str().unwrap()));
            ids(&found)
        };
        let expected = of_sample(&files);
        assert!(!expected.is_empty(), "{terms:?} finds nothing");
        assert_eq!(of_sample(sandbox), expected, "{terms:?}");
    }

    // Again: nothing is new.
    let again = from(&[], 1);
    assert_eq!((sum(&again, "copied"), sum(&again, "present")), (0, many), "{again:#}");
    assert_eq!(everything(sandbox), found);
    let one = from(&["s2_l2a_bracciano"], 0);
    assert_eq!(one["products"].as_array().unwrap().len(), 1);
    let unknown = sandbox.cube(["index", "--from-odc", &url, "--schema", schema, "s2_l2a_bracc"]).fails(2);
    assert!(unknown.stderr.contains("s2_l2a_bracciano"), "{unknown}");
}

/// A second copy after something changed in ODC.
fn follows_changes(source: &Source, schema: &str, sandbox: &Sandbox) {
    let url = source.url();
    let from =
        |more: &[&str], code| copy(sandbox, &url, &[&["--schema", schema, "s2_l2a_bracciano"], more].concat(), code);
    source.sql(&format!(
        "UPDATE {schema}.dataset SET metadata = jsonb_set(metadata, '{{properties,eo:cloud_cover}}', '77') WHERE id = '{}';
         UPDATE {schema}.dataset SET archived = NULL WHERE id = '{}'",
        source.early, source.archived
    ));
    let without = from(&[], 1);
    assert_eq!((sum(&without, "refused"), sum(&without, "updated")), (2, 0), "{without:#}");
    let said = without["refused"].to_string();
    assert!(said.contains("cloud_cover") && said.contains("active in ODC and archived in the catalog"), "{said}");
    let with = from(&["--update"], 0);
    assert_eq!((sum(&with, "refused"), sum(&with, "updated")), (0, 2), "{with:#}");
    assert_eq!(product(&with, "s2_l2a_bracciano")["matches"], true);
    assert_eq!(
        ids(&search(sandbox, &["product=s2_l2a_bracciano", "cloud_cover=77"])),
        std::slice::from_ref(&source.early)
    );
    assert!(search(sandbox, &["--status", "archived"]).is_empty());
    assert_eq!(sum(&from(&["--update"], 0), "updated"), 0);
}
