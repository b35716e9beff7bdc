//! Product definitions and metadata types that change, from the command line, on both stores.

use cube_tests::postgres::Database;
use cube_tests::scenes::PRODUCT;
use cube_tests::{Sandbox, sample_data};
use serde_json::{Value, json};

/// Runs a test with the sample scenes in a SQLite file, and in PostGIS where there is a server.
fn on_both_stores(test: impl Fn(&Sandbox)) {
    let run = |sandbox: &Sandbox| {
        sandbox.cube(["init"]).succeeds();
        sandbox.cube(["product".as_ref(), "add".as_ref(), sample_data().join("products").as_path()]).succeeds();
        sandbox.cube(["index".as_ref(), sample_data().join("s2").as_path()]).succeeds();
        test(sandbox);
    };
    run(&Sandbox::new());
    if let Some(database) = Database::new() {
        run(&Sandbox::with_catalog(database.url()));
    }
}

fn definition(sandbox: &Sandbox) -> Value {
    sandbox.cube(["product", "show", PRODUCT, "--json"]).succeeds().json()[0].take()
}

#[test]
fn a_dry_run_tells_each_change_and_whether_it_is_safe() {
    on_both_stores(|sandbox| {
        let before = definition(sandbox);
        let mut changed = before.clone();
        changed["description"] = json!("other words");
        changed["measurements"][0]["nodata"] = json!(7);
        sandbox.write("changed.json", changed.to_string());
        let run = sandbox.cube(["product", "update", "changed.json", "--dry-run"]).fails(1);
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert_eq!(lines.len(), 3, "{run}");
        assert_eq!(lines[0], format!("product {PRODUCT}: 2 changes, 1 not safe; 12 datasets"), "{run}");
        assert!(lines[1].starts_with("  safe    description was "), "{run}");
        let unsafe_one = "  unsafe  measurements.0.nodata was 0, is 7 (refused: ";
        assert!(lines[2].starts_with(unsafe_one) && lines[2].contains("--allow-unsafe"), "{run}");
        let told =
            sandbox.cube(["product", "update", "changed.json", "-d", "--allow-unsafe", "--json"]).succeeds().json();
        assert_eq!((&told[0]["refused"], &told[0]["datasets"]), (&json!(false), &json!(12)), "{told}");
        assert_eq!(told[0]["changes"][1]["path"], "measurements.0.nodata", "{told}");
        assert_eq!(definition(sandbox), before, "nothing was written");

        let refused = sandbox.cube(["product", "update", "changed.json"]).fails(1);
        assert!(refused.stderr.contains("measurements.0.nodata was 0, is 7"), "{refused}");
        assert_eq!(definition(sandbox), before);
        sandbox.cube(["product", "update", "changed.json", "--allow-unsafe"]).succeeds();
        assert_eq!(definition(sandbox), changed);
        let run = sandbox.cube(["product", "update", "changed.json", "--dry-run"]).succeeds();
        assert_eq!(run.stdout, format!("product {PRODUCT}: nothing changes\n"));
    });
}

#[test]
fn a_new_search_field_finds_what_was_indexed_before() {
    on_both_stores(|sandbox| {
        let mut eo3 = sandbox.cube(["metadata", "show", "eo3", "-f", "json"]).succeeds().json()[0].take();
        let unknown = sandbox.cube(["search", "gsd < 21"]).fails(1);
        assert!(unknown.stderr.contains("no search field \"gsd\""), "{unknown}");
        eo3["dataset"]["search_fields"]["gsd"] = json!({"type": "double", "offset": ["properties", "eo:gsd"]});
        sandbox.write("eo3.json", eo3.to_string());
        let told = sandbox.cube(["metadata", "update", "eo3.json", "--dry-run"]).succeeds();
        assert!(told.stdout.contains("  safe    dataset.search_fields.gsd is new"), "{told}");
        sandbox.cube(["metadata", "update", "eo3.json"]).succeeds();
        assert_eq!(sandbox.cube(["search", "--count", "gsd < 21"]).succeeds().stdout, "12\n");
        assert_eq!(sandbox.cube(["search", "--count", "gsd < 20"]).succeeds().stdout, "0\n");

        eo3["dataset"]["search_fields"]["platform"]["offset"] = json!(["properties", "odc:region_code"]);
        sandbox.write("eo3.json", eo3.to_string());
        let refused = sandbox.cube(["metadata", "update", "eo3.json"]).fails(1);
        assert!(
            refused.stderr.contains("search_fields.platform.offset") && refused.stderr.contains("12 datasets"),
            "{refused}"
        );
        sandbox.cube(["metadata", "update", "eo3.json", "--allow-unsafe"]).succeeds();
        assert_eq!(sandbox.cube(["search", "--count", "platform=33TTG"]).succeeds().stdout, "6\n");
        assert_eq!(sandbox.cube(["search", "--count", "platform=sentinel-2c"]).succeeds().stdout, "0\n");
    });
}

#[test]
fn products_are_deleted_together_and_a_dry_run_counts() {
    on_both_stores(|sandbox| {
        let mut other = definition(sandbox);
        other["name"] = json!("other");
        other["metadata"]["product"]["name"] = json!("other");
        sandbox.write("other.json", other.to_string());
        sandbox.cube(["product", "add", "other.json"]).succeeds();
        let words = ["product", "delete", "other", PRODUCT];
        let told = sandbox.cube([&words[..], &["--dry-run", "--json"]].concat()).fails(1).json();
        let expected = json!([
            {"product": "other", "active": 0, "archived": 0, "refused": false},
            {"product": PRODUCT, "active": 12, "archived": 0, "refused": true},
        ]);
        assert_eq!(told, expected);
        let refused = sandbox.cube(words).fails(1);
        assert!(refused.stderr.contains("12 active datasets") && refused.stderr.contains("--force"), "{refused}");
        let list = || sandbox.cube(["product", "list", "-f", "json"]).succeeds().json().as_array().unwrap().len();
        assert_eq!(list(), 2, "both or none");
        assert!(sandbox.cube([&words[..], &["--dry-run", "--force"]].concat()).succeeds().stdout.contains("deleted"));
        assert_eq!(list(), 2);
        let run = sandbox.cube([&words[..], &["--force"]].concat()).succeeds();
        assert!(run.stderr.contains("12 datasets with it"), "{run}");
        assert_eq!(list(), 0);
        assert_eq!(sandbox.cube(["search", "--count", "--status", "all"]).succeeds().stdout, "0\n");
    });
}

#[test]
fn definitions_are_listed_and_shown_in_every_format() {
    on_both_stores(|sandbox| {
        let product = |format| sandbox.cube(["product", "list", "-f", format]).succeeds();
        assert_eq!(product("json").json()[0]["datasets"], 12);
        assert!(product("csv").stdout.starts_with("product,datasets,measurements,description\ns2_l2a_bracciano,12,"));
        assert!(product("yaml").stdout.contains("name: s2_l2a_bracciano"));
        assert!(product("tab").stdout.contains("s2_l2a_bracciano"));
        assert_eq!(sandbox.cube(["product", "show", PRODUCT, "-f", "json"]).succeeds().json()[0], definition(sandbox));
        let yaml = sandbox.cube(["product", "show", PRODUCT]).succeeds().stdout;
        sandbox.write("again.yaml", &yaml);
        let again = sandbox.cube(["product", "add", "again.yaml"]).succeeds();
        assert!(again.stderr.contains("already there, unchanged"), "{again}");
    });
}

#[test]
fn a_metadata_type_inside_a_product_comes_with_it() {
    on_both_stores(|sandbox| {
        let mut mine = sandbox.cube(["metadata", "show", "eo3", "--json"]).succeeds().json()[0].take();
        mine["name"] = json!("mine");
        let mut product = definition(sandbox);
        product["name"] = json!("other");
        product["metadata"]["product"]["name"] = json!("other");
        product["metadata_type"] = mine;
        sandbox.write("other.json", product.to_string());
        sandbox.cube(["product", "add", "other.json"]).succeeds();
        let types = sandbox.cube(["metadata", "list", "--json"]).succeeds().json();
        assert!(types.as_array().unwrap().iter().any(|t| t["name"] == "mine"), "{types}");
        let again = sandbox.cube(["product", "update", "other.json", "--dry-run"]).succeeds();
        assert_eq!(again.stdout, "product other: nothing changes\n");
    });
}
