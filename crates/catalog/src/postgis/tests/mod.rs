mod connections;
pub(crate) mod database;
mod schema;
mod speed;

use std::sync::Arc;

use cube_model::Search;
use sqlx::Row;

use super::*;
use crate::rows::{Micros, Selection};
use crate::samples::{Sample, area, product};
use crate::{Catalog, Outcome, contract};
use database::Database;

#[tokio::test]
async fn the_store_keeps_the_contract() {
    let Some(database) = Database::new().await else { return };
    contract::run(async || database.catalog().await).await;
}

/// Time zone, date style, search path, isolation, what planners like: whatever a server, database or user sets.
#[tokio::test]
async fn no_setting_of_the_database_changes_anything() {
    let Some(database) = Database::new().await else { return };
    for setting in [
        "TimeZone = 'Pacific/Apia'",
        "DateStyle = 'German, DMY'",
        "IntervalStyle = 'iso_8601'",
        "bytea_output = 'escape'",
        "extra_float_digits = -15",
        "standard_conforming_strings = off",
        "search_path = nowhere",
        "default_transaction_isolation = 'serializable'",
        "plan_cache_mode = 'force_generic_plan'",
        "enable_seqscan = off",
        "jit_above_cost = 0",
    ] {
        database.execute(&format!("ALTER DATABASE {} SET {setting}", database.name)).await;
    }
    contract::run(async || database.catalog().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_the_same_time_all_succeed_and_add_each_dataset_once() {
    let Some(database) = Database::new().await else { return };
    let reader = database.catalog().await;
    reader.add_product(&product("lake")).await.unwrap();
    let datasets: Arc<Vec<_>> = Arc::new((0..400).map(|n| Sample::new("lake", n).dataset()).collect());
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (url, datasets) = (database.url(), Arc::clone(&datasets));
            tokio::spawn(async move {
                // A handle of its own is as good as a process of its own: they share nothing but the server.
                let catalog = Catalog::open(&url).await.unwrap();
                let mut added = 0;
                for n in 0..8 {
                    // Every batch by every writer, at the same time and each in another order.
                    let mut batch = datasets[(n / 2 * 100)..][..100].to_vec();
                    batch.rotate_left(writer * 13);
                    if writer % 2 == 0 {
                        batch.reverse();
                    }
                    let outcomes = catalog.add_datasets(&batch).await.unwrap();
                    added += outcomes.iter().filter(|o| **o == Outcome::Added).count();
                    assert!(
                        outcomes.iter().all(|o| matches!(o, Outcome::Added | Outcome::AlreadyThere)),
                        "{outcomes:?}"
                    );
                }
                added
            })
        })
        .collect();
    let here = Search::product("lake").area(area(10.2, 40.2, 10.4, 40.4));
    let mut last = 0;
    while writers.iter().any(|w| !w.is_finished()) {
        let now = reader.search_ids(&here).await.unwrap().len();
        assert!(now >= last, "what was seen stays: {last}, then {now}");
        last = now;
    }
    let mut added = 0;
    for writer in writers {
        added += writer.await.unwrap();
    }
    assert_eq!(added, 400, "each was added by one writer alone");
    assert_eq!(reader.search_ids(&here).await.unwrap().len(), 400);
    let mut connection = database.connection().await;
    for table in ["dataset_document", "dataset"] {
        let text = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM cube.{table}"));
        let rows: i64 = sqlx::query_scalar(text).fetch_one(&mut connection).await.unwrap();
        assert_eq!(rows, 400, "{table}");
    }
}

#[tokio::test]
async fn the_cache_sees_what_another_process_committed() {
    let Some(database) = Database::new().await else { return };
    let reader = database.catalog().await;
    let writer = Catalog::open(&database.url()).await.unwrap();
    writer.add_product(&product("lake")).await.unwrap();
    let samples: Vec<_> = (0..6).map(|n| Sample::new("lake", n)).collect();
    let here = Search::product("lake").area(area(10.2, 40.2, 10.4, 40.4));
    let seen = async || reader.search_ids(&here).await.unwrap();
    for (n, sample) in samples.iter().take(4).enumerate() {
        writer.add_datasets(&[sample.dataset()]).await.unwrap();
        for _ in 0..3 {
            assert_eq!(seen().await.len(), n + 1);
        }
    }
    writer.archive(&[samples[1].id]).await.unwrap();
    assert_eq!(seen().await, [samples[0].id, samples[2].id, samples[3].id]);
    writer.purge(&[samples[0].id], true).await.unwrap();
    assert_eq!(seen().await, [samples[2].id, samples[3].id]);
    writer.update_datasets(&[samples[2].clone().at(50.0, 0.0, 51.0, 1.0).dataset()]).await.unwrap();
    assert_eq!(seen().await, [samples[3].id]);
    // What is not committed is not there.
    let mut transaction = writer.store.begin(Purpose::Write).await.unwrap();
    let ids = [samples[3].id];
    let key = transaction.stored(&ids, true).await.unwrap()[0].key;
    transaction.delete(&[key]).await.unwrap();
    assert_eq!(seen().await, [samples[3].id]);
}

#[tokio::test]
async fn all_changes_of_a_product_and_all_its_datasets_are_the_same() {
    let Some(database) = Database::new().await else { return };
    let catalog = database.catalog().await;
    catalog.add_product(&product("lake")).await.unwrap();
    let mut samples: Vec<_> = (0..300).map(|n| Sample::new("lake", n)).collect();
    samples[7] = samples[7].clone().at(178.0, 0.0, 182.0, 4.0);
    catalog.add_datasets(&samples.iter().map(Sample::dataset).collect::<Vec<_>>()).await.unwrap();
    catalog.archive(&[samples[3].id]).await.unwrap();
    catalog.purge(&[samples[4].id], true).await.unwrap();
    let mut transaction = catalog.store.begin(Purpose::Read).await.unwrap();
    let product = transaction.state(None).await.unwrap().versions[0].product;
    // By COPY, and by the list of what each version changed.
    let copied = transaction.changes(product, None).await.unwrap();
    let listed = transaction.changes(product, Some(0)).await.unwrap();
    let rows = copied.rows.told();
    assert_eq!(rows.len(), 300, "299 datasets, one of them with two boxes");
    assert_eq!(rows, listed.rows.told());
    assert_eq!(rows.iter().filter(|(_, archived, _)| *archived).count(), 1);
    assert_eq!(rows.windows(2).filter(|two| two[0].0 == two[1].0).count(), 1);
    assert_eq!((copied.gone.len(), listed.gone.len()), (0, 1));
}

#[tokio::test]
async fn old_changes_are_forgotten_and_the_product_says_so() {
    let Some(database) = Database::new().await else { return };
    let catalog = database.catalog().await;
    catalog.add_product(&product("lake")).await.unwrap();
    let mut transaction = catalog.store.begin(Purpose::Write).await.unwrap();
    let product = transaction.state(None).await.unwrap().versions[0].product;
    for _ in 0..1050 {
        transaction.bump(&[ProductChange { product, datasets: vec![1] }]).await.unwrap();
    }
    let version = transaction.state(None).await.unwrap().versions[0];
    assert_eq!((version.number, version.reload), (1050, 50));
    transaction.commit().await.unwrap();
    let mut connection = database.connection().await;
    let (least, count): (i64, i64) = sqlx::query_as("SELECT min(version), count(*) FROM cube.product_change")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(least <= 51, "all after `reload` are there, not only those from {least}");
    assert!(count < 1020, "{count}");
}

#[tokio::test]
async fn a_deleted_product_is_not_counted_up() {
    let Some(database) = Database::new().await else { return };
    let catalog = database.catalog().await;
    let mut transaction = catalog.store.begin(Purpose::Write).await.unwrap();
    let change = ProductChange { product: 77, datasets: vec![] };
    let error = transaction.bump(&[change]).await.unwrap_err();
    assert!(matches!(error, crate::CatalogError::ProductGone), "{error}");
    assert!(transaction.commit().await.is_err(), "a transaction that failed is not committed in silence");
}

#[tokio::test]
async fn searches_by_place_and_time_go_by_their_index() {
    let Some(database) = Database::new().await else { return };
    let catalog = database.catalog().await;
    catalog.add_product(&product("lake")).await.unwrap();
    let datasets: Vec<_> = (0..2000_u32)
        .map(|n| {
            let (west, south) = (f64::from(n % 50) * 3.0, f64::from(n / 50) * 2.0);
            Sample::new("lake", n).at(west, south, west + 1.0, south + 1.0).dataset()
        })
        .collect();
    catalog.add_datasets(&datasets).await.unwrap();
    let mut connection = database.connection().await;
    let selection = Selection {
        products: Some(vec![1]),
        boxes: vec![cube_geo::BoundingBox::new(9.5, 9.5, 10.5, 10.5)],
        times: vec![Micros { begin: 2_019_686_400_000_000, end: 2_029_686_400_000_000 }],
        ..Selection::default()
    };
    // Without statistics, as just after a bulk load, and with them; for these values and for any.
    for analyzed in [false, true] {
        if analyzed {
            database.execute("ANALYZE").await;
        }
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let set = format!("SET plan_cache_mode = {mode}; SET search_path = ''");
            sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut connection).await.unwrap();
            let plan: String = selection::explained(&mut connection, &selection)
                .await
                .iter()
                .map(|row| row.get::<String, _>(0) + "\n")
                .collect();
            assert!(plan.contains("using dataset_place") || plan.contains("on dataset_place"), "{mode}: {plan}");
            assert!(plan.contains("product =") && plan.contains("&&"), "{mode}: {plan}");
        }
    }
}

#[test]
fn the_lock_in_the_statements_is_ours() {
    assert_eq!(LOCK, 7_166_742_567_961_231_362);
    assert_eq!(LOCK.to_be_bytes(), *b"cube\0\0\0\x02");
}
