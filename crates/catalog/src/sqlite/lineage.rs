//! Lineage and homes in SQLite. Neither end of an edge need be in the catalog.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::reading::{hex, json};
use super::sql;
use crate::Result;
use crate::rows::{HomeRow, LineageRow};

pub(super) async fn edges(connection: &mut SqliteConnection, ids: &[Uuid], derived: bool) -> Result<Vec<LineageRow>> {
    let text = if derived {
        "SELECT derived, classifier, source FROM dataset_lineage
         WHERE source IN (SELECT unhex(value) FROM json_each(?)) ORDER BY 1, 2, 3"
    } else {
        "SELECT derived, classifier, source FROM dataset_lineage
         WHERE derived IN (SELECT unhex(value) FROM json_each(?)) ORDER BY 1, 2, 3"
    };
    sqlx::query(text)
        .bind(hex(ids))
        .try_map(|row: SqliteRow| {
            Ok(LineageRow { derived: row.try_get(0)?, classifier: row.try_get(1)?, source: row.try_get(2)? })
        })
        .fetch_all(connection)
        .await
        .map_err(sql("reading the lineage"))
}

pub(super) async fn put(connection: &mut SqliteConnection, edges: &[LineageRow]) -> Result<()> {
    sqlx::query(
        "INSERT INTO dataset_lineage (derived, classifier, source, external)
         SELECT unhex(value ->> 0), value ->> 1, unhex(value ->> 2), 1 FROM json_each(?) WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(edges_json(edges))
    .execute(connection)
    .await
    .map(drop)
    .map_err(sql("writing the lineage"))
}

pub(super) async fn remove(connection: &mut SqliteConnection, edges: &[LineageRow]) -> Result<()> {
    sqlx::query(
        "DELETE FROM dataset_lineage WHERE (derived, classifier, source) IN
         (SELECT unhex(value ->> 0), value ->> 1, unhex(value ->> 2) FROM json_each(?))",
    )
    .bind(edges_json(edges))
    .execute(connection)
    .await
    .map(drop)
    .map_err(sql("removing lineage"))
}

fn edges_json(edges: &[LineageRow]) -> String {
    let rows: Vec<_> = edges
        .iter()
        .map(|edge| (edge.derived.simple().to_string(), &edge.classifier, edge.source.simple().to_string()))
        .collect();
    json(&rows)
}

pub(super) async fn homes(connection: &mut SqliteConnection, ids: &[Uuid]) -> Result<Vec<HomeRow>> {
    sqlx::query(
        "SELECT dataset, home FROM dataset_home WHERE dataset IN (SELECT unhex(value) FROM json_each(?)) ORDER BY 1",
    )
    .bind(hex(ids))
    .try_map(|row: SqliteRow| Ok(HomeRow { dataset: row.try_get(0)?, home: row.try_get(1)? }))
    .fetch_all(connection)
    .await
    .map_err(sql("reading the homes"))
}

pub(super) async fn put_homes(connection: &mut SqliteConnection, homes: &[HomeRow]) -> Result<()> {
    let rows: Vec<_> = homes.iter().map(|home| (home.dataset.simple().to_string(), &home.home)).collect();
    sqlx::query(
        "INSERT INTO dataset_home (dataset, home)
         SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?) WHERE true
         ON CONFLICT (dataset) DO UPDATE SET home = excluded.home",
    )
    .bind(json(&rows))
    .execute(connection)
    .await
    .map(drop)
    .map_err(sql("writing the homes"))
}

pub(super) async fn clear_homes(connection: &mut SqliteConnection, ids: &[Uuid]) -> Result<()> {
    sqlx::query("DELETE FROM dataset_home WHERE dataset IN (SELECT unhex(value) FROM json_each(?))")
        .bind(hex(ids))
        .execute(connection)
        .await
        .map(drop)
        .map_err(sql("clearing the homes"))
}
