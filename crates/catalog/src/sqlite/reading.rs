//! What is read from SQLite as it stands there.

use std::collections::HashSet;

use cube_model::Status;
use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::sql;
use crate::rows::{BoxRow, Changes, DefinitionRows, KnownRow, Micros, ProductRow, State, StoredRow, Version};
use crate::{Result, SourceDigest, geometry, rows};

pub(super) async fn state(connection: &mut SqliteConnection, products: Option<&[i64]>) -> Result<State> {
    let wrong = sql("reading the versions");
    let query = match products {
        None => sqlx::query(
            "SELECT s.definitions, p.key, p.version, p.reload FROM catalog_state s LEFT JOIN product p ON true ORDER BY p.key",
        ),
        Some(keys) => sqlx::query(
            "SELECT s.definitions, p.key, p.version, p.reload FROM catalog_state s
             LEFT JOIN product p ON p.key IN (SELECT value FROM json_each(?)) ORDER BY p.key",
        )
        .bind(json(keys)),
    };
    let rows = query.fetch_all(connection).await.map_err(&wrong)?;
    let mut state = State { definitions: 0, versions: Vec::with_capacity(rows.len()) };
    for row in rows {
        state.definitions = row.try_get(0).map_err(&wrong)?;
        if let Some(product) = row.try_get(1).map_err(&wrong)? {
            let (number, reload) = (row.try_get(2).map_err(&wrong)?, row.try_get(3).map_err(&wrong)?);
            state.versions.push(Version { product, number, reload });
        }
    }
    Ok(state)
}

pub(super) async fn definitions(connection: &mut SqliteConnection) -> Result<DefinitionRows> {
    let wrong = sql("reading the products");
    let generation = sqlx::query_scalar("SELECT definitions FROM catalog_state")
        .fetch_one(&mut *connection)
        .await
        .map_err(&wrong)?;
    let metadata_types = sqlx::query_as("SELECT name, document FROM metadata_type ORDER BY name")
        .fetch_all(&mut *connection)
        .await
        .map_err(&wrong)?;
    let products: Vec<(i64, String, String, String)> = sqlx::query_as(
        "SELECT p.key, p.name, t.name, p.document FROM product p JOIN metadata_type t ON t.key = p.metadata_type
         ORDER BY p.name",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(&wrong)?;
    let fields = sqlx::query_as("SELECT key, product, name FROM search_field ORDER BY key")
        .fetch_all(connection)
        .await
        .map_err(&wrong)?;
    let products = products
        .into_iter()
        .map(|(key, name, metadata_type, document)| (key, ProductRow { name, metadata_type, document }))
        .collect();
    Ok(DefinitionRows { generation, metadata_types, products, fields })
}

pub(super) async fn stored(connection: &mut SqliteConnection, ids: &[Uuid]) -> Result<Vec<StoredRow>> {
    let wrong = sql("reading datasets");
    sqlx::query(
        "SELECT d.key, d.id, d.product, d.archived, d.location, f.document
         FROM dataset d JOIN dataset_document f ON f.dataset = d.key
         WHERE d.id IN (SELECT unhex(value) FROM json_each(?))",
    )
    .bind(hex(ids))
    .try_map(|row| stored_row(&row))
    .fetch_all(connection)
    .await
    .map_err(&wrong)
}

pub(super) async fn page(
    connection: &mut SqliteConnection,
    product: i64,
    after: i64,
    limit: u32,
) -> Result<Vec<StoredRow>> {
    sqlx::query(
        "SELECT d.key, d.id, d.product, d.archived, d.location, f.document
         FROM dataset d JOIN dataset_document f ON f.dataset = d.key
         WHERE +d.product = ? AND d.key > ? ORDER BY d.key LIMIT ?",
    )
    .bind(product)
    .bind(after)
    .bind(limit)
    .try_map(|row| stored_row(&row))
    .fetch_all(connection)
    .await
    .map_err(sql("reading the datasets of a product"))
}

fn stored_row(row: &SqliteRow) -> sqlx::Result<StoredRow> {
    Ok(StoredRow {
        key: row.try_get(0)?,
        id: row.try_get(1)?,
        product: row.try_get(2)?,
        archived: row.try_get(3)?,
        location: row.try_get(4)?,
        document: row.try_get(5)?,
    })
}

pub(super) async fn known(connection: &mut SqliteConnection, ids: &[Uuid]) -> Result<Vec<KnownRow>> {
    sqlx::query(
        "SELECT id, archived IS NOT NULL, digest FROM dataset WHERE id IN (SELECT unhex(value) FROM json_each(?))",
    )
    .bind(hex(ids))
    .try_map(|row: SqliteRow| {
        let digest: Option<&[u8]> = row.try_get(2)?;
        let digest = digest.and_then(SourceDigest::of_bytes);
        Ok(KnownRow { id: row.try_get(0)?, archived: row.try_get(1)?, digest })
    })
    .fetch_all(connection)
    .await
    .map_err(sql("reading what is known of datasets"))
}

/// The columns that [`box_row`] takes.
macro_rules! box_columns {
    () => {
        "d.key, d.id, d.time_begin, d.time_end, d.time_center, d.boxes, d.outline, d.archived IS NOT NULL"
    };
}

fn box_row(row: &SqliteRow) -> sqlx::Result<BoxRow> {
    Ok(BoxRow {
        key: row.try_get(0)?,
        id: row.try_get(1)?,
        time: Micros { begin: row.try_get(2)?, end: row.try_get(3)? },
        center: row.try_get(4)?,
        boxes: geometry::boxes(row.try_get(5)?),
        outline: row.try_get(6)?,
        archived: row.try_get(7)?,
    })
}

pub(super) async fn changes(connection: &mut SqliteConnection, product: i64, since: Option<i64>) -> Result<Changes> {
    let wrong = sql("reading the changes of a product");
    let Some(since) = since else {
        let all = sqlx::query(concat!("SELECT ", box_columns!(), " FROM dataset d WHERE d.product = ?")).bind(product);
        let mut changes = Changes { whole: true, ..Changes::default() };
        let mut all = all.fetch(connection);
        while let Some(row) = all.try_next().await.map_err(&wrong)? {
            changes.rows.push(&box_row(&row).map_err(&wrong)?);
        }
        drop(all);
        return Ok(changes);
    };
    let lists: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT datasets FROM product_change WHERE product = ? AND version > ?")
            .bind(product)
            .bind(since)
            .fetch_all(&mut *connection)
            .await
            .map_err(&wrong)?;
    let Some(mut keys) = rows::changed_keys(&lists) else {
        return Box::pin(changes(connection, product, None)).await;
    };
    let found: Vec<BoxRow> = sqlx::query(concat!(
        "SELECT ",
        box_columns!(),
        " FROM dataset d WHERE d.key IN (SELECT value FROM json_each(?)) AND +d.product = ?"
    ))
    .bind(json(&keys))
    .bind(product)
    .try_map(|row| box_row(&row))
    .fetch_all(connection)
    .await
    .map_err(wrong)?;
    let there: HashSet<i64> = found.iter().map(|row| row.key).collect();
    keys.retain(|key| !there.contains(key));
    Ok(Changes { rows: found.iter().collect(), gone: keys, whole: false })
}

pub(super) async fn count_product(connection: &mut SqliteConnection, product: i64, status: Status) -> Result<u64> {
    let text = match status {
        Status::Active => "SELECT count(*) FROM dataset WHERE product = ? AND archived IS NULL",
        Status::Archived => "SELECT count(*) FROM dataset WHERE product = ? AND archived IS NOT NULL",
        Status::All => "SELECT count(*) FROM dataset WHERE product = ?",
    };
    let count: i64 =
        sqlx::query_scalar(text).bind(product).fetch_one(connection).await.map_err(sql("counting datasets"))?;
    Ok(count.unsigned_abs())
}

/// Ids as one parameter: a JSON list of hexadecimal texts.
pub(super) fn hex(ids: &[Uuid]) -> String {
    json(&ids.iter().map(|id| id.simple().to_string()).collect::<Vec<_>>())
}

/// A list as JSON: one parameter for a statement whose text stays the same, whatever the list's length.
pub(super) fn json<T: serde::Serialize>(list: &[T]) -> String {
    // Numbers and text always have a JSON form.
    serde_json::to_string(list).unwrap_or_else(|_| "[]".to_owned())
}
