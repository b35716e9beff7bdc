//! `cube init`, killed on its way.

use std::path::Path;
use std::time::{Duration, Instant};

use cube_tests::postgres::{Cluster, Database, try_sql};
use cube_tests::{Sandbox, repository};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::place::{Place, Running};
use crate::random::Random;
use crate::state::runtime;
use crate::{archive, rounds};

/// Datasets in the catalog that is upgraded: enough for the upgrade to take a while.
const ROWS: u32 = 60_000;

/// The first migration ran, none after it; a product, and rows as they were then.
async fn old_catalog(path: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let name = "0001_catalog.sql";
    std::fs::copy(repository().join("migrations/sqlite").join(name), folder.path().join(name)).unwrap();
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(false);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    Migrator::new(folder.path()).await.unwrap().run(&pool).await.unwrap();
    // Of a product that is not there: nothing of an upgrade asks for it.
    let insert = "
        WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ";
    let rest = ") INSERT INTO dataset
        (key, id, product, time_begin, time_end, time_center, change, added, updated, boxes)
        SELECT n, randomblob(16), 1, n, n, n, 1, 0, 0, zeroblob(32) FROM n;";
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("{insert}{ROWS}{rest}"))).execute(&pool).await.unwrap();
    pool.close().await;
}

/// Columns of `dataset`, the newest migration that is noted, and rows.
async fn seen(path: &Path) -> (Vec<String>, i64, u32) {
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(path)).await.unwrap();
    let columns = sqlx::query_scalar("SELECT name FROM pragma_table_info('dataset')").fetch_all(&pool).await.unwrap();
    let version = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success");
    let version = version.fetch_one(&pool).await.unwrap();
    let rows = sqlx::query_scalar("SELECT count(*) FROM dataset").fetch_one(&pool).await.unwrap();
    pool.close().await;
    (columns, version, rows)
}

#[test]
fn an_upgrade_of_sqlite_killed_midway_leaves_the_old_or_the_new_schema() {
    let mut random = Random::of("killed upgrades, SQLite");
    let original = tempfile::tempdir().unwrap();
    let original = original.path().join("old.db");
    runtime().block_on(old_catalog(&original));
    let old = runtime().block_on(seen(&original));
    assert_eq!((old.1, old.2), (1, ROWS));
    let begin = || {
        let sandbox = Sandbox::new();
        let path = sandbox.path("catalog.db");
        std::fs::copy(&original, &path).unwrap();
        let mut command = sandbox.command(["init"]);
        command.env("CUBE_CATALOG", format!("sqlite://{}", path.display()));
        (Running::of(command), sandbox, path)
    };
    let (clean, _sandbox, path) = begin();
    let started = Instant::now();
    clean.wait(Duration::from_mins(2)).succeeds();
    let upgrade = started.elapsed();
    let new = runtime().block_on(seen(&path));
    assert!(new.1 > old.1 && new.2 == ROWS, "{new:?}");
    let (mut stayed_old, mut became_new) = (0, 0);
    for _ in 0..rounds(5, 50) {
        let (running, sandbox, path) = begin();
        std::thread::sleep(random.moment(upgrade));
        running.kill();
        let after = runtime().block_on(seen(&path));
        // Each migration is whole or not there; those of one upgrade may be between them.
        match after.1 {
            version if version == old.1 => assert_eq!(after, old),
            version if version == new.1 => assert_eq!(after, new),
            version => assert!((old.1..new.1).contains(&version), "{after:?}"),
        }
        *(if after.1 == new.1 { &mut became_new } else { &mut stayed_old }) += 1;
        let mut again = sandbox.command(["init"]);
        again.env("CUBE_CATALOG", format!("sqlite://{}", path.display()));
        sandbox.run(again).succeeds();
        assert_eq!(runtime().block_on(seen(&path)), new);
    }
    eprintln!("killed upgrades of SQLite: {stayed_old} left the old schema, {became_new} the new one");
}

/// Makes every statement of a migration take long, so that a kill hits it midway.
fn slow_down(database: &Database) {
    database.sql(
        "CREATE EXTENSION postgis; CREATE EXTENSION btree_gist;
         CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.02); END';
         CREATE EVENT TRIGGER slow ON ddl_command_end EXECUTE FUNCTION public.slow();",
    );
}

/// The tables, indexes, views and columns of the catalog, as the server describes them.
fn schema(database: &Database) -> String {
    database.sql(
        "SELECT c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'cube'
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relname NOT LIKE '\\_sqlx%' ORDER BY 1, 3",
    )
}

/// Waits until nobody but the asker is connected: the server goes on with what a killed client began.
fn settle(database: &Database) {
    let deadline = Instant::now() + Duration::from_mins(1);
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                  AND backend_type = 'client backend'";
    while database.sql(others) != "0" {
        assert!(Instant::now() < deadline, "a session of a killed client stays");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_init_of_postgis_killed_midway_leaves_no_schema_or_all_of_it() {
    let Some(cluster) = Cluster::start(&["--fsync"]) else { return };
    let mut random = Random::of("killed init, PostGIS");
    let place = Place::of(cluster.database());
    let clean = place.database.as_ref().unwrap();
    slow_down(clean);
    let started = Instant::now();
    place.begin(&["init"]).wait(Duration::from_mins(2)).succeeds();
    let took = started.elapsed();
    let whole = schema(clean);
    assert!(whole.contains("dataset_document"), "{whole}");
    let (mut nothing, mut everything) = (0, 0);
    for round in 0..rounds(6, 40) {
        let place = Place::of(cluster.database());
        let database = place.database.as_ref().unwrap();
        slow_down(database);
        let running = place.begin(&["init"]);
        std::thread::sleep(random.moment(took));
        // Client and server in turn.
        if round % 2 == 0 {
            running.kill();
            settle(database);
        } else {
            cluster.kill();
            running.wait(Duration::from_mins(2));
            cluster.start_again();
        }
        let after = schema(database);
        assert!(after.is_empty() || after == whole, "half a schema:\n{after}");
        *(if after.is_empty() { &mut nothing } else { &mut everything }) += 1;
        try_sql(&place.url(), "DROP EVENT TRIGGER slow").unwrap();
        place.sandbox.cube(["init"]).succeeds();
        assert_eq!(schema(database), whole);
        place.sandbox.write("faulty.odc-product.yaml", archive::product());
        place.sandbox.cube(["product", "add", "faulty.odc-product.yaml"]).succeeds();
        place.sandbox.write("all.ndjson", archive::lines(0..20));
        place.sandbox.cube(["index", "all.ndjson"]).succeeds();
    }
    eprintln!("killed init of PostGIS: {nothing} left no schema, {everything} all of it");
}
