//! What is read from PostGIS as it stands there.

use std::collections::HashSet;

use cube_model::Status;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Postgres, Row};
use uuid::Uuid;

use super::copy::{Columns, copy_out};
use super::errors::sql;
use super::text;
use crate::rows::{BoxRow, Changes, DefinitionRows, KnownRow, Micros, ProductRow, State, StoredRow, Version};
use crate::{Result, SourceDigest, geometry, rows};

pub(super) async fn state(connection: &mut PgConnection, products: Option<&[i64]>) -> Result<State> {
    let wrong = sql("reading the versions");
    let query = match products {
        None => sqlx::query(
            "SELECT s.definitions, p.key, p.version, p.reload FROM cube.catalog_state s
             LEFT JOIN cube.product p ON true ORDER BY p.key",
        ),
        Some(keys) => sqlx::query(
            "SELECT s.definitions, p.key, p.version, p.reload FROM cube.catalog_state s
             LEFT JOIN cube.product p ON p.key = ANY ($1) ORDER BY p.key",
        )
        .bind(keys),
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

pub(super) async fn definitions(connection: &mut PgConnection) -> Result<DefinitionRows> {
    let wrong = sql("reading the products");
    let generation = sqlx::query_scalar("SELECT definitions FROM cube.catalog_state")
        .fetch_one(&mut *connection)
        .await
        .map_err(&wrong)?;
    let metadata_types = sqlx::query_as("SELECT name, document FROM cube.metadata_type ORDER BY name")
        .fetch_all(&mut *connection)
        .await
        .map_err(&wrong)?;
    let products: Vec<(i64, String, String, String)> = sqlx::query_as(
        "SELECT p.key, p.name, t.name, p.document FROM cube.product p
         JOIN cube.metadata_type t ON t.key = p.metadata_type ORDER BY p.name",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(&wrong)?;
    let fields: Vec<(i64, i64, String)> =
        sqlx::query_as("SELECT key, product, name FROM cube.search_field ORDER BY key")
            .fetch_all(connection)
            .await
            .map_err(&wrong)?;
    let products = products
        .into_iter()
        .map(|(key, name, metadata_type, document)| (key, ProductRow { name, metadata_type, document }))
        .collect();
    let fields = fields.into_iter().map(|(key, product, name)| (key, product, text::read(name))).collect();
    Ok(DefinitionRows { generation, metadata_types, products, fields })
}

pub(super) async fn stored(connection: &mut PgConnection, ids: &[Uuid], lock: bool) -> Result<Vec<StoredRow>> {
    if lock {
        // By a statement of its own: what it waited for is seen by the next. In the order of the ids, so that writers
        // never wait for each other in a circle.
        sqlx::query("SELECT FROM cube.dataset WHERE id = ANY ($1) ORDER BY id FOR UPDATE")
            .bind(ids)
            .execute(&mut *connection)
            .await
            .map_err(sql("locking datasets"))?;
    }
    let query = sqlx::query(
        "SELECT d.key, d.id, d.product, d.archived, d.location, f.document
         FROM cube.dataset d JOIN cube.dataset_document f ON f.dataset = d.key WHERE d.id = ANY ($1)",
    );
    query.bind(ids).try_map(|row| stored_row(&row)).fetch_all(connection).await.map_err(sql("reading datasets"))
}

pub(super) async fn known(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<KnownRow>> {
    sqlx::query("SELECT id, archived IS NOT NULL, digest FROM cube.dataset WHERE id = ANY ($1)")
        .bind(ids)
        .try_map(|row: PgRow| {
            let digest: Option<&[u8]> = row.try_get(2)?;
            Ok(KnownRow {
                id: row.try_get(0)?,
                archived: row.try_get(1)?,
                digest: digest.and_then(SourceDigest::of_bytes),
            })
        })
        .fetch_all(connection)
        .await
        .map_err(sql("looking for datasets"))
}

pub(super) async fn page(
    connection: &mut PgConnection,
    product: i64,
    after: i64,
    limit: u32,
) -> Result<Vec<StoredRow>> {
    // The sum keeps PostgreSQL from sorting all of the product for each page.
    sqlx::query(
        "SELECT d.key, d.id, d.product, d.archived, d.location, f.document
         FROM cube.dataset d JOIN cube.dataset_document f ON f.dataset = d.key
         WHERE d.product + 0 = $1 AND d.key > $2 ORDER BY d.key LIMIT $3",
    )
    .bind(product)
    .bind(after)
    .bind(i64::from(limit))
    .try_map(|row| stored_row(&row))
    .fetch_all(connection)
    .await
    .map_err(sql("reading the datasets of a product"))
}

fn stored_row(row: &PgRow) -> sqlx::Result<StoredRow> {
    let location: Option<String> = row.try_get(4)?;
    Ok(StoredRow {
        key: row.try_get(0)?,
        id: row.try_get(1)?,
        product: row.try_get(2)?,
        archived: row.try_get(3)?,
        location: location.map(text::read),
        document: row.try_get(5)?,
    })
}

pub(super) async fn changes(connection: &mut PgConnection, product: i64, since: Option<i64>) -> Result<Changes> {
    let wrong = sql("reading the changes of a product");
    let Some(since) = since else {
        // COPY takes no parameters; a number is only a number.
        let text = format!(
            "COPY (SELECT key, id, time_begin, time_end, time_center, boxes, outline, archived IS NOT NULL
             FROM cube.dataset WHERE product = {product}) TO STDOUT (FORMAT BINARY)"
        );
        let mut changes = Changes { whole: true, ..Changes::default() };
        let take = |row: Columns<'_>| copied_row(row).map(|row| changes.rows.push(&row));
        copy_out(connection, text, take).await.map_err(wrong)?;
        return Ok(changes);
    };
    let lists: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT datasets FROM cube.product_change WHERE product = $1 AND version > $2")
            .bind(product)
            .bind(since)
            .fetch_all(&mut *connection)
            .await
            .map_err(&wrong)?;
    let Some(mut keys) = rows::changed_keys(&lists) else {
        return Box::pin(changes(connection, product, None)).await;
    };
    let found: Vec<BoxRow> = sqlx::query(
        "SELECT key, id, time_begin, time_end, time_center, boxes, outline, archived IS NOT NULL
         FROM cube.dataset WHERE key = ANY ($1)",
    )
    .bind(&keys)
    .try_map(|row| box_row(&row))
    .fetch_all(connection)
    .await
    .map_err(wrong)?;
    let there: HashSet<i64> = found.iter().map(|row| row.key).collect();
    keys.retain(|key| !there.contains(key));
    Ok(Changes { rows: found.iter().collect(), gone: keys, whole: false })
}

fn box_row(row: &PgRow) -> sqlx::Result<BoxRow> {
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

fn copied_row(mut row: Columns<'_>) -> Option<BoxRow> {
    Some(BoxRow {
        key: row.int()?,
        id: row.uuid()?,
        time: Micros { begin: row.int()?, end: row.int()? },
        center: row.int()?,
        boxes: geometry::boxes(row.bytes()?),
        outline: row.bytes()?.to_vec(),
        archived: row.bool()?,
    })
}

pub(super) async fn count_product(connection: &mut PgConnection, product: i64, status: Status) -> Result<u64> {
    let text = match status {
        Status::Active => "SELECT count(*) FROM cube.dataset WHERE product = $1 AND archived IS NULL",
        Status::Archived => "SELECT count(*) FROM cube.dataset WHERE product = $1 AND archived IS NOT NULL",
        Status::All => "SELECT count(*) FROM cube.dataset WHERE product = $1",
    };
    let count = sqlx::query_scalar::<Postgres, i64>(text).bind(product).fetch_one(connection).await;
    Ok(count.map_err(sql("counting datasets"))?.unsigned_abs())
}
