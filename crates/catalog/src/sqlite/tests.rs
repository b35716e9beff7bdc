use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cube_model::Search;
use tempfile::TempDir;

use super::*;
use crate::samples::{Sample, area, memory, product};
use crate::{Catalog, Outcome, contract};

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    contract::run(async || memory(&[]).await).await;
}

#[tokio::test]
async fn the_store_in_a_file_keeps_the_contract() {
    let directory = TempDir::new().unwrap();
    let number = AtomicU32::new(0);
    contract::run(async || {
        let path = directory.path().join(format!("{}.db", number.fetch_add(1, Ordering::Relaxed)));
        Catalog::init(&CatalogUrl::sqlite(path)).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn opening_says_what_is_wrong_and_what_to_do() {
    let directory = TempDir::new().unwrap();
    let url = |name: &str| CatalogUrl::sqlite(directory.path().join(name));
    let error = Catalog::open(&url("none.db")).await.unwrap_err();
    assert!(error.to_string().contains("cube init --catalog sqlite://"), "{error}");
    assert!(!directory.path().join("none.db").exists(), "opening creates nothing");

    std::fs::write(directory.path().join("notes.txt"), "no database at all, but long enough to be looked at".repeat(9))
        .unwrap();
    let error = Catalog::open(&url("notes.txt")).await.unwrap_err();
    assert!(matches!(error, CatalogError::Foreign { .. }), "{error}");
    assert!(matches!(Catalog::init(&url("notes.txt")).await.unwrap_err(), CatalogError::Foreign { .. }));

    let options = SqliteConnectOptions::new().filename(directory.path().join("other.db")).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE gpkg_contents (x)").execute(&pool).await.unwrap();
    pool.close().await;
    let error = Catalog::init(&url("other.db")).await.unwrap_err();
    assert!(error.to_string().contains("gpkg_contents"), "{error}");
}

#[tokio::test]
async fn a_newer_and_an_older_schema_are_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("cube.db");
    let url = CatalogUrl::sqlite(&path);
    let catalog = Catalog::init(&url).await.unwrap();
    assert_eq!(catalog.schema_version().await.unwrap(), newest_version());
    catalog.close().await.unwrap();
    let set = async |version: i64| {
        let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path)).await.unwrap();
        let text =
            "UPDATE _sqlx_migrations SET version = ? WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
        sqlx::query(text).bind(version).execute(&pool).await.unwrap();
        pool.close().await;
    };
    set(99).await;
    for error in [Catalog::open(&url).await.unwrap_err(), Catalog::init(&url).await.unwrap_err()] {
        assert!(error.to_string().contains("version 99") && error.to_string().contains("newer cube"), "{error}");
    }
    set(0).await;
    let error = Catalog::open(&url).await.unwrap_err();
    assert!(matches!(error, CatalogError::TooOld { .. }), "{error}");
}

#[tokio::test]
async fn creating_again_keeps_everything() {
    let directory = TempDir::new().unwrap();
    let url = CatalogUrl::sqlite(directory.path().join("cube.db"));
    let first = Catalog::init(&url).await.unwrap();
    first.add_product(&product("lake")).await.unwrap();
    let second = Catalog::init(&url).await.unwrap();
    assert_eq!(second.products().await.unwrap().len(), 1);
    assert_eq!(Catalog::open(&url).await.unwrap().products().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_creation_that_was_killed_at_its_beginning_is_finished_by_the_next() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("cube.db");
    let pool =
        SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path).create_if_missing(true)).await.unwrap();
    Migrator::with_migrations(Vec::new()).run(&pool).await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&pool).await.unwrap();
    assert!(tables > 0, "the list of migrations is there");
    pool.close().await;
    let url = CatalogUrl::sqlite(path);
    assert!(matches!(Catalog::open(&url).await.unwrap_err(), CatalogError::Missing { .. }));
    Catalog::init(&url).await.unwrap();
    Catalog::open(&url).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_can_create_one_catalog_at_once() {
    let directory = TempDir::new().unwrap();
    let url = CatalogUrl::sqlite(directory.path().join("cube.db"));
    let all: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Catalog::init(&url).await.map(drop) })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_the_same_time_all_succeed_and_add_each_dataset_once() {
    let directory = TempDir::new().unwrap();
    let url = CatalogUrl::sqlite(directory.path().join("cube.db"));
    let reader = Catalog::init(&url).await.unwrap();
    reader.add_product(&product("lake")).await.unwrap();
    let datasets: Arc<Vec<_>> = Arc::new((0..400).map(|n| Sample::new("lake", n).dataset()).collect());
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (url, datasets) = (url.clone(), Arc::clone(&datasets));
            tokio::spawn(async move {
                // A handle of its own is as good as a process of its own: they share nothing but the file.
                let catalog = Catalog::open(&url).await.unwrap();
                let mut added = 0;
                for n in 0..8 {
                    let batch = &datasets[(n + 2 * writer) % 8 * 50..][..50];
                    let outcomes = catalog.add_datasets(batch).await.unwrap();
                    added += outcomes.iter().filter(|o| **o == Outcome::Added).count();
                }
                added
            })
        })
        .collect();
    let here = Search::product("lake").area(area(10.2, 40.2, 10.4, 40.4));
    let mut last = 0;
    while writers.iter().any(|w| !w.is_finished()) {
        let now = reader.search_ids(&here).await.unwrap().len();
        assert!(now >= last && now % 50 == 0, "a batch is seen whole or not at all: {last}, then {now}");
        last = now;
    }
    let mut added = 0;
    for writer in writers {
        added += writer.await.unwrap();
    }
    assert_eq!(added, 400, "each was added by one writer alone");
    assert_eq!(reader.search_ids(&here).await.unwrap().len(), 400);
    assert_eq!(reader.cache.unwrap().size().products, 1, "the cache answered");
}

#[tokio::test]
async fn a_dropped_transaction_leaves_no_trace() {
    let catalog = memory(&["lake"]).await;
    let mut transaction = catalog.store.begin(Purpose::Write).await.unwrap();
    transaction.delete_product(1).await.unwrap();
    drop(transaction);
    assert!(catalog.product("lake").await.unwrap().is_some());
}

#[tokio::test]
async fn searches_use_the_indexes_that_are_there_for_them() {
    let catalog = memory(&["lake", "sea"]).await;
    catalog.add_datasets(&[Sample::new("lake", 0).dataset()]).await.unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let plan = async |text: &'static str| -> String {
        let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(text).fetch_all(&store.pool).await.unwrap();
        rows.into_iter().map(|row| row.3).collect::<Vec<_>>().join("; ")
    };
    let by_box = plan(
        "EXPLAIN QUERY PLAN SELECT d.key, d.id FROM dataset d WHERE true AND d.key IN (SELECT b.id >> 1 FROM json_each('[]') w
         CROSS JOIN dataset_box b ON b.product_low = w.value ->> 0 AND b.west <= w.value ->> 3 AND b.east >= w.value ->> 1
         AND b.south <= w.value ->> 4 AND b.north >= w.value ->> 2 AND b.time_low <= w.value ->> 6
         AND b.time_high >= w.value ->> 5) AND +d.product IN (SELECT value FROM json_each('[1]')) ORDER BY d.time_center, d.id",
    )
    .await;
    assert!(by_box.contains("SEARCH d USING INTEGER PRIMARY KEY"), "{by_box}");
    assert!(by_box.contains("SCAN b VIRTUAL TABLE INDEX 2:"), "{by_box}");
    let changes =
        plan("EXPLAIN QUERY PLAN SELECT datasets FROM product_change WHERE product = 1 AND version > 5").await;
    assert!(changes.contains("SEARCH product_change USING INDEX"), "{changes}");
    let below =
        plan("EXPLAIN QUERY PLAN SELECT key FROM dataset d WHERE (d.location >= 'a' AND d.location <= 'b')").await;
    assert!(below.contains("dataset_location"), "{below}");
}
