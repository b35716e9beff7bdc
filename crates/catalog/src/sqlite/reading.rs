//! What is read from SQLite as it stands there.

use cube_model::Status;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::sql;
use crate::rows::{BoxRow, DefinitionRows, LineageRow, Micros, ProductRow, State, StoredRow, Version};
use crate::{Result, geometry};

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
    let hex: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
    sqlx::query(
        "SELECT d.key, d.id, d.product, d.archived, d.location, f.document
         FROM dataset d JOIN dataset_document f ON f.dataset = d.key
         WHERE d.id IN (SELECT unhex(value) FROM json_each(?))",
    )
    .bind(json(&hex))
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

pub(super) async fn changes(
    connection: &mut SqliteConnection,
    product: i64,
    since: Option<i64>,
) -> Result<Vec<BoxRow>> {
    sqlx::query(
        "SELECT key, time_begin, time_end, boxes, archived IS NOT NULL FROM dataset WHERE product = ? AND change > ?",
    )
    .bind(product)
    .bind(since.unwrap_or(-1))
    .try_map(|row: SqliteRow| {
        Ok(BoxRow {
            key: row.try_get(0)?,
            time: Micros { begin: row.try_get(1)?, end: row.try_get(2)? },
            boxes: geometry::boxes(row.try_get(3)?),
            archived: row.try_get(4)?,
        })
    })
    .fetch_all(connection)
    .await
    .map_err(sql("reading the changes of a product"))
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

pub(super) async fn lineage(connection: &mut SqliteConnection, id: Uuid, derived: bool) -> Result<Vec<LineageRow>> {
    let text = if derived {
        "SELECT classifier, derived FROM dataset_lineage WHERE source = ? ORDER BY 1, 2"
    } else {
        "SELECT classifier, source FROM dataset_lineage WHERE derived = ? ORDER BY 1, 2"
    };
    sqlx::query(text)
        .bind(id)
        .try_map(|row: SqliteRow| Ok(LineageRow { classifier: row.try_get(0)?, other: row.try_get(1)? }))
        .fetch_all(connection)
        .await
        .map_err(sql("reading the lineage"))
}

/// A list as JSON: one parameter for a statement whose text stays the same, whatever the list's length.
pub(super) fn json<T: serde::Serialize>(list: &[T]) -> String {
    // Numbers and text always have a JSON form.
    serde_json::to_string(list).unwrap_or_else(|_| "[]".to_owned())
}
