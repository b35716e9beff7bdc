//! A catalog in PostGIS on the command line: what SQLite answers, it answers.

use cube_tests::postgres::Database;
use cube_tests::scenes::{BOX, PRODUCT, indexed};
use cube_tests::{Sandbox, sample_data};

#[test]
fn postgis_answers_what_sqlite_answers() {
    let Some(database) = Database::new() else { return };
    let here = Sandbox::with_catalog(database.url());
    let run = here.cube(["init"]).succeeds();
    assert!(run.stderr.contains(&format!("catalog {} is ready (schema version 1)", database.url())), "{run}");
    here.cube(["product".as_ref(), "add".as_ref(), sample_data().join("products").as_path()]).succeeds();
    here.cube(["index".as_ref(), sample_data().join("s2").as_path()]).succeeds();
    let sqlite = indexed();
    for sandbox in [&here, &sqlite] {
        let status = sandbox.cube(["status", "--json"]).succeeds().json();
        assert_eq!(status["catalog"]["url"], sandbox.catalog());
        assert_eq!(status["catalog"]["datasets"], 12, "{status:#}");
    }
    let status = here.cube(["status"]).succeeds();
    assert!(status.stdout.contains("schema    version 1\n") && status.stdout.contains("12 datasets"), "{status}");
    for words in [
        vec![],
        vec!["product=s2_l2a_bracciano"],
        vec!["--bbox", BOX],
        vec!["--bbox", BOX, "time in 2034"],
        vec!["platform = sentinel-2a"],
        vec!["not platform = sentinel-2a", "--limit", "3"],
        vec!["cloud_cover in [0, 20]"],
    ] {
        let found = |sandbox: &Sandbox| sandbox.cube(["search"].iter().chain(&words)).succeeds().stdout;
        assert_eq!(found(&here), found(&sqlite), "{words:?}");
    }
    assert_eq!(database.sql("SELECT DISTINCT product FROM cube.datasets").trim(), PRODUCT);
}

#[test]
fn a_database_of_odc_is_named_with_the_way_out() {
    let Some(database) = Database::new() else { return };
    database.sql("CREATE SCHEMA agdc; CREATE TABLE agdc.dataset (id uuid)");
    let sandbox = Sandbox::with_catalog(database.url());
    let run = sandbox.cube(["search"]).fails(1);
    let said = format!("is an ODC catalog: run `cube init --catalog {}`, then `cube index --from-odc", database.url());
    assert!(run.stderr.contains(&said), "{run}");
    sandbox.cube(["init"]).succeeds();
    sandbox.cube(["search"]).succeeds();
}
