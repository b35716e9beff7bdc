//! Connections that break, are refused, or are left in the middle.

use std::time::Duration;

use cube_model::Search;

use super::database::Database;
use crate::samples::{Sample, area, product};
use crate::store::Purpose;
use crate::{Catalog, Outcome};

/// Ends all other connections to the database, as a restart of the server or a pooler does.
const END_ALL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

async fn with_lake(database: &Database) -> Catalog {
    let catalog = database.catalog().await;
    catalog.add_product(&product("lake")).await.unwrap();
    catalog
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    let Some(database) = Database::new().await else { return };
    let catalog = with_lake(&database).await;
    let here = Search::product("lake").area(area(10.2, 40.2, 10.4, 40.4));
    for n in 0..3 {
        database.execute(END_ALL).await;
        let outcome = catalog.add_datasets(&[Sample::new("lake", n).dataset()]).await.unwrap();
        assert_eq!(outcome, [Outcome::Added]);
        // Several at once, so that several connections wait there when they are ended.
        let all = futures_util::future::join_all((0..6).map(|_| catalog.search_ids(&here))).await;
        assert!(all.into_iter().all(|found| found.unwrap().len() == n as usize + 1));
        database.execute(END_ALL).await;
        assert_eq!(catalog.store.state(None).await.unwrap().versions[0].number, i64::from(n) + 1);
        database.execute(END_ALL).await;
        assert_eq!(catalog.search_ids(&here).await.unwrap().len(), n as usize + 1);
    }
}

#[tokio::test]
async fn a_connection_lost_in_a_transaction_is_an_error_and_leaves_nothing() {
    let Some(database) = Database::new().await else { return };
    let catalog = with_lake(&database).await;
    catalog.add_datasets(&[Sample::new("lake", 0).dataset()]).await.unwrap();
    let mut transaction = catalog.store.begin(Purpose::Write).await.unwrap();
    let stored = transaction.stored(&[Sample::new("lake", 0).id], true).await.unwrap();
    transaction.delete(&[stored[0].key]).await.unwrap();
    database.execute(END_ALL).await;
    let error = transaction.commit().await.unwrap_err();
    assert!(error.to_string().contains("not known whether") || error.to_string().contains("committing"), "{error}");
    assert_eq!(catalog.count(&Search::product("lake")).await.unwrap(), 1);
}

#[tokio::test]
async fn a_dropped_transaction_leaves_no_trace_and_no_lock() {
    let Some(database) = Database::new().await else { return };
    let catalog = with_lake(&database).await;
    for _ in 0..20 {
        let mut transaction = catalog.store.begin(Purpose::Define).await.unwrap();
        transaction.delete_product(1).await.unwrap();
        drop(transaction);
    }
    // A statement that is abandoned while it runs takes its connection with it.
    for _ in 0..20 {
        let mut transaction = catalog.store.begin(Purpose::Write).await.unwrap();
        let sample = Sample::new("lake", 0).dataset();
        let begun = tokio::time::timeout(Duration::from_micros(200), async {
            transaction.delete_product(1).await.unwrap();
            catalog.add_datasets(&[sample]).await
        });
        let _ = begun.await;
    }
    assert!(catalog.product("lake").await.unwrap().is_some());
    let outcome = catalog.add_datasets(&[Sample::new("lake", 1).dataset()]).await.unwrap();
    assert_eq!(outcome, [Outcome::Added]);
}

#[tokio::test]
async fn who_changes_definitions_waits_for_writers_and_they_for_him() {
    let Some(database) = Database::new().await else { return };
    let catalog = with_lake(&database).await;
    let begin = async |purpose| {
        tokio::time::timeout(Duration::from_millis(300), catalog.store.begin(purpose)).await.map(Result::unwrap)
    };
    let one = begin(Purpose::Write).await.unwrap_or_else(|_| panic!("nobody is there"));
    let two = begin(Purpose::Write).await.unwrap_or_else(|_| panic!("writers write side by side"));
    assert!(begin(Purpose::Define).await.is_err(), "a writer is there");
    drop((one, two));
    let define = catalog.store.begin(Purpose::Define).await.unwrap();
    assert!(begin(Purpose::Write).await.is_err(), "the definitions are being changed");
    assert!(begin(Purpose::Read).await.is_ok(), "readers never wait");
    drop(define);
    catalog.store.begin(Purpose::Write).await.unwrap();
}

#[tokio::test]
async fn a_full_server_is_waited_for() {
    let Some(database) = Database::new().await else { return };
    with_lake(&database).await.close().await.unwrap();
    let user = format!("{}_ben", database.name);
    database
        .execute(&format!(
            "CREATE ROLE {user} LOGIN CONNECTION LIMIT 2; GRANT USAGE ON SCHEMA cube TO {user};
             GRANT SELECT ON ALL TABLES IN SCHEMA cube TO {user}"
        ))
        .await;
    let url = crate::CatalogUrl::Postgis(database.text_as(&user));
    let (one, two) = (Catalog::open(&url).await.unwrap(), Catalog::open(&url).await.unwrap());
    let third = tokio::spawn(async move { Catalog::open(&url).await.map(drop) });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!third.is_finished(), "it waits");
    one.close().await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), third).await.unwrap().unwrap().unwrap();
    two.close().await.unwrap();
    database.execute(&format!("DROP OWNED BY {user} CASCADE; DROP ROLE {user}")).await;
}
