//! Making, upgrading and refusing schemas.

use sqlx::{Connection, raw_sql};

use super::database::Database;
use crate::postgis::connecting::{migrations, newest_version};
use crate::samples::{Sample, product};
use crate::{Catalog, CatalogError, CatalogUrl};

#[tokio::test]
async fn opening_says_what_is_wrong_and_what_to_do() {
    let Some(database) = Database::new().await else { return };
    let open = async |url: &CatalogUrl| Catalog::open(url).await.unwrap_err().to_string();

    let error = open(&database.url()).await;
    assert!(error.contains("there is no catalog") && error.contains("cube init --catalog postgresql://"), "{error}");

    for schema in ["agdc", "odc"] {
        database.execute(&format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.dataset (id uuid)")).await;
        let error = open(&database.url()).await;
        assert!(error.contains("is an ODC catalog: run `cube init") && error.contains("--from-odc"), "{error}");
        database.execute(&format!("DROP SCHEMA {schema} CASCADE")).await;
    }

    database.execute("CREATE SCHEMA cube; CREATE TABLE cube.sugar (x int)").await;
    let error = open(&database.url()).await;
    assert!(error.contains("sugar"), "{error}");
    let error = Catalog::init(&database.url()).await.unwrap_err();
    assert!(matches!(&error, CatalogError::Foreign { .. }), "{error}");

    let missing = CatalogUrl::Postgis(database.text().replace(&database.name, "no_such_database"));
    let error = open(&missing).await;
    assert!(error.contains("has no database \"no_such_database\"") && error.contains("createdb"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_at_once() {
    let begin = std::time::Instant::now();
    let url: CatalogUrl = "postgresql://anna:secret@127.0.0.1:9/cube".parse().unwrap();
    let error = Catalog::open(&url).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:9") && error.contains("check that it runs"), "{error}");
    assert!(!error.contains("secret"), "no password in {error}");
    let socket: CatalogUrl = "postgresql:///cube?host=/no/such/folder".parse().unwrap();
    let error = Catalog::open(&socket).await.unwrap_err().to_string();
    assert!(error.contains("/no/such/folder"), "{error}");
    assert!(begin.elapsed().as_secs() < 5);
    let wrong: CatalogUrl = "postgresql://anna:secret@localhost:port/cube".parse().unwrap();
    let error = Catalog::open(&wrong).await.unwrap_err().to_string();
    assert!(error.contains("invalid port") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_newer_and_an_older_schema_are_refused() {
    let Some(database) = Database::new().await else { return };
    let catalog = database.catalog().await;
    assert_eq!(catalog.schema_version().await.unwrap(), newest_version());
    let set = async |version: i64| {
        database
            .execute(&format!(
                "UPDATE cube._sqlx_migrations SET version = {version}
                 WHERE version = (SELECT max(version) FROM cube._sqlx_migrations)"
            ))
            .await;
    };
    set(99).await;
    for error in [Catalog::open(&database.url()).await.unwrap_err(), Catalog::init(&database.url()).await.unwrap_err()]
    {
        assert!(error.to_string().contains("version 99") && error.to_string().contains("newer cube"), "{error}");
    }
    set(0).await;
    let error = Catalog::open(&database.url()).await.unwrap_err();
    assert!(matches!(error, CatalogError::TooOld { found: 0, .. }), "{error}");
}

#[tokio::test]
async fn creating_again_keeps_everything() {
    let Some(database) = Database::new().await else { return };
    let first = Catalog::init(&database.url()).await.unwrap();
    first.add_product(&product("lake")).await.unwrap();
    let second = Catalog::init(&database.url()).await.unwrap();
    assert_eq!(second.products().await.unwrap().len(), 1);
    assert_eq!(Catalog::open(&database.url()).await.unwrap().products().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_can_create_one_catalog_at_once() {
    let Some(database) = Database::new().await else { return };
    let all: Vec<_> = (0..8)
        .map(|_| {
            let url = database.url();
            tokio::spawn(async move { Catalog::init(&url).await.map(drop) })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_creation_that_was_killed_is_finished_by_the_next() {
    let Some(database) = Database::new().await else { return };
    // Before the first migration: its list is there.
    let mut connection = database.connection().await;
    let mut none = migrations();
    none.migrations = Vec::new().into();
    none.run_direct(None, &mut connection, false).await.unwrap();
    assert!(matches!(Catalog::open(&database.url()).await.unwrap_err(), CatalogError::Missing { .. }));
    // In the middle of it: it is one transaction, which the server ends with its connection.
    raw_sql("BEGIN; CREATE TABLE cube.catalog_state (one boolean); CREATE TABLE cube.product (key bigint)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close_hard().await.unwrap();
    assert!(matches!(Catalog::open(&database.url()).await.unwrap_err(), CatalogError::Missing { .. }));
    Catalog::init(&database.url()).await.unwrap();
    Catalog::open(&database.url()).await.unwrap();
}

#[tokio::test]
async fn odc_tables_beside_ours_are_left_as_they_are() {
    let Some(database) = Database::new().await else { return };
    database.execute("CREATE SCHEMA odc; CREATE TABLE odc.dataset AS SELECT 7 AS id").await;
    let catalog = Catalog::init(&database.url()).await.unwrap();
    catalog.add_product(&product("lake")).await.unwrap();
    let mut connection = database.connection().await;
    let objects: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_class WHERE relnamespace = 'odc'::regnamespace")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(objects, 1);
    Catalog::open(&database.url()).await.unwrap();
}

#[tokio::test]
async fn a_user_without_rights_is_told_who_must_do_what() {
    let Some(database) = Database::new().await else { return };
    let user = format!("{}_anna", database.name);
    database.execute(&format!("CREATE ROLE {user} LOGIN PASSWORD 'secret'")).await;
    let url = CatalogUrl::Postgis(database.text_as(&format!("{user}:secret")));
    let init = async || Catalog::init(&url).await.map(drop).map_err(|e| e.to_string());

    let error = init().await.unwrap_err();
    assert!(error.contains("a superuser run `CREATE EXTENSION postgis SCHEMA public`"), "{error}");
    database
        .execute("CREATE SCHEMA maps; CREATE EXTENSION postgis SCHEMA maps; CREATE EXTENSION btree_gist SCHEMA maps")
        .await;
    let error = init().await.unwrap_err();
    let grant = format!("GRANT CREATE ON DATABASE \"{}\" TO \"{user}\"", database.name);
    assert!(error.contains(&grant) && !error.contains("secret"), "{error}");
    database.execute(&grant).await;
    let public = database.execute("GRANT USAGE ON SCHEMA maps TO PUBLIC");
    public.await;
    init().await.unwrap();

    // PostGIS in a schema of another name is found, too.
    let catalog = Catalog::open(&url).await.unwrap();
    catalog.add_product(&product("lake")).await.unwrap();
    catalog.add_datasets(&[Sample::new("lake", 0).dataset()]).await.unwrap();
    let here = cube_model::Search::product("lake").area(crate::samples::area(10.2, 40.2, 10.4, 40.4));
    assert_eq!(catalog.without_cache().search_ids(&here).await.unwrap().len(), 1);
    database.execute(&format!("DROP OWNED BY {user} CASCADE; DROP ROLE {user}")).await;
}

#[tokio::test]
async fn people_have_a_view_of_their_own() {
    let Some(database) = Database::new().await else { return };
    let catalog = database.catalog().await;
    catalog.add_product(&product("lake")).await.unwrap();
    let mut sample = Sample::new("lake", 0);
    sample.time = ("1969-12-31T23:59:59.000001Z".to_owned(), "2034-01-01T00:00:00.999999Z".to_owned());
    catalog.add_datasets(&[sample.dataset(), Sample::new("lake", 1).dataset()]).await.unwrap();
    catalog.archive(&[sample.id]).await.unwrap();
    let mut connection = database.connection().await;
    raw_sql("SET TimeZone = 'Asia/Kathmandu'").execute(&mut connection).await.unwrap();
    let row: (String, bool, bool, String, f64) = sqlx::query_as(
        "SELECT product, time_begin = '1969-12-31 23:59:59.000001Z' AND time_end = '2034-01-01 00:00:00.999999Z',
                archived BETWEEN added AND now(), location, ST_XMin(footprint)
         FROM cube.datasets WHERE id = $1",
    )
    .bind(sample.id)
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(row, ("lake".to_owned(), true, true, "/data/lake/0.odc-metadata.yaml".to_owned(), 10.0));
    let ancient: bool = sqlx::query_scalar("SELECT cube.instant(-377705023201000000) = '-infinity'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(ancient);
}
