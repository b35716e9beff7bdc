//! What is written to SQLite.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::reading::json;
use super::sql;
use crate::cache::days;
use crate::geometry::box_bytes;
use crate::rows::{DatasetRow, ProductChange, ProductRow, Values, key_bytes};
use crate::{Result, SourceDigest};

type Arguments = <Sqlite as sqlx::Database>::Arguments;
type Query<'q> = sqlx::query::Query<'q, Sqlite, Arguments>;

pub(super) async fn put_metadata_type(
    connection: &mut SqliteConnection,
    name: &str,
    document: &str,
    now: Timestamp,
) -> Result<()> {
    let wrong = sql("writing a metadata type");
    sqlx::query(
        "INSERT INTO metadata_type (name, document, added, updated) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT (name) DO UPDATE SET document = excluded.document, updated = excluded.updated",
    )
    .bind(name)
    .bind(document)
    .bind(now.as_microsecond())
    .execute(&mut *connection)
    .await
    .map_err(&wrong)?;
    definitions_changed(connection).await
}

pub(super) async fn put_product(
    connection: &mut SqliteConnection,
    product: &ProductRow,
    fields: &[&str],
    now: Timestamp,
) -> Result<()> {
    let wrong = sql("writing a product");
    sqlx::query(
        "INSERT INTO product (name, metadata_type, document, added, updated)
         VALUES (?1, (SELECT key FROM metadata_type WHERE name = ?2), ?3, ?4, ?4)
         ON CONFLICT (name) DO UPDATE
         SET metadata_type = excluded.metadata_type, document = excluded.document, updated = excluded.updated",
    )
    .bind(&product.name)
    .bind(&product.metadata_type)
    .bind(&product.document)
    .bind(now.as_microsecond())
    .execute(&mut *connection)
    .await
    .map_err(&wrong)?;
    sqlx::query(
        "DELETE FROM search_field WHERE product = (SELECT key FROM product WHERE name = ?)
         AND name NOT IN (SELECT value FROM json_each(?))",
    )
    .bind(&product.name)
    .bind(json(fields))
    .execute(&mut *connection)
    .await
    .map_err(&wrong)?;
    sqlx::query(
        "INSERT INTO search_field (product, name)
         SELECT p.key, f.value FROM product p, json_each(?) f WHERE p.name = ? ON CONFLICT DO NOTHING",
    )
    .bind(json(fields))
    .bind(&product.name)
    .execute(&mut *connection)
    .await
    .map_err(&wrong)?;
    definitions_changed(connection).await
}

pub(super) async fn delete_product(connection: &mut SqliteConnection, product: i64) -> Result<()> {
    sqlx::query("DELETE FROM product WHERE key = ?")
        .bind(product)
        .execute(&mut *connection)
        .await
        .map_err(sql("deleting a product"))?;
    definitions_changed(connection).await
}

async fn definitions_changed(connection: &mut SqliteConnection) -> Result<()> {
    sqlx::query("UPDATE catalog_state SET definitions = definitions + 1")
        .execute(connection)
        .await
        .map(drop)
        .map_err(sql("counting the definitions up"))
}

/// Rows a statement writes: enough that the cost of a statement is shared, few enough for SQLite's 32,766 parameters.
const ROWS: usize = 64;

/// Writes rows, many a statement. `values` is one row's `(?, ?, …)`.
async fn write<T>(
    connection: &mut SqliteConnection,
    into: &str,
    values: &str,
    rows: &[T],
    bind: impl for<'q> Fn(Query<'q>, &'q T) -> Query<'q>,
) -> Result<()> {
    for chunk in rows.chunks(ROWS) {
        // Two texts a table, so that the connection keeps both prepared: full chunks and single rows.
        let at_once = if chunk.len() == ROWS { ROWS } else { 1 };
        let text = format!("INSERT INTO {into} VALUES {}", vec![values; at_once].join(", "));
        for rows in chunk.chunks(at_once) {
            // Nothing but the names of our own tables and question marks is in the text.
            let query = rows.iter().fold(sqlx::query(AssertSqlSafe(text.clone())), &bind);
            query.execute(&mut *connection).await.map_err(sql("writing datasets"))?;
        }
    }
    Ok(())
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    rows: &[&DatasetRow],
    now: Timestamp,
) -> Result<Vec<Option<i64>>> {
    let next: i64 = sqlx::query_scalar("SELECT coalesce(max(key), 0) + 1 FROM dataset")
        .fetch_one(&mut *connection)
        .await
        .map_err(sql("writing datasets"))?;
    // A transaction that writes has the database to itself, so the keys above are free.
    let rows: Vec<(i64, &DatasetRow)> = (next..).zip(rows.iter().copied()).collect();
    let now = now.as_microsecond();
    write(
        connection,
        "dataset (key, id, product, time_begin, time_end, time_center, added, updated, archived, boxes, location, outline,
         digest)",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &rows,
        |query, (key, row)| {
            let query = query.bind(key).bind(row.id).bind(row.product).bind(row.time.begin).bind(row.time.end);
            let query = query.bind(row.center).bind(row.added.unwrap_or(now)).bind(now).bind(row.archived);
            let query = query.bind(box_bytes(&row.boxes));
            let digest = row.digest.as_ref().map(SourceDigest::as_bytes);
            query.bind(row.location.as_deref()).bind(row.outline.as_slice()).bind(digest)
        },
    )
    .await?;
    write_parts(connection, &rows).await?;
    Ok(rows.into_iter().map(|(key, _)| Some(key)).collect())
}

/// What stands in other tables than `dataset`.
async fn write_parts(connection: &mut SqliteConnection, rows: &[(i64, &DatasetRow)]) -> Result<()> {
    write(connection, "dataset_document (dataset, footprint, document)", "(?, ?, ?)", rows, |query, (key, row)| {
        query.bind(key).bind(row.footprint.as_slice()).bind(row.document.as_str())
    })
    .await?;
    let boxes: Vec<_> = rows
        .iter()
        .flat_map(|(key, row)| row.boxes.iter().enumerate().map(move |(i, b)| (2 * key + i64::from(i > 0), *row, *b)))
        .collect();
    write(
        connection,
        "dataset_box (id, product_low, product_high, west, east, south, north, time_low, time_high)",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &boxes,
        |query, (id, row, b)| {
            let product = product_coordinate(row.product);
            let query =
                query.bind(id).bind(product).bind(product).bind(b.left).bind(b.right).bind(b.bottom).bind(b.top);
            query.bind(days(row.time.begin)).bind(days(row.time.end))
        },
    )
    .await?;
    write_values(connection, rows.iter().map(|(key, row)| (*key, &row.values))).await?;
    let edges: Vec<(Uuid, &str, Uuid)> = rows
        .iter()
        .flat_map(|(_, row)| row.lineage.iter().map(|(classifier, source)| (row.id, classifier.as_str(), *source)))
        .collect();
    for (derived, classifier, source) in edges {
        // An edge that was added by itself before its dataset came is the document's from now on.
        sqlx::query(
            "INSERT INTO dataset_lineage (derived, classifier, source) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET external = 0",
        )
        .bind(derived)
        .bind(classifier)
        .bind(source)
        .execute(&mut *connection)
        .await
        .map_err(sql("writing the lineage"))?;
    }
    Ok(())
}

/// Where a product stands in the R*Tree. Steps of 1024, far more than degrees or days, make the tree part its
/// products first; a power of two keeps all keys under 2²⁴ exact in 32 bits.
#[expect(clippy::cast_precision_loss, reason = "product keys are small numbers")]
pub(super) fn product_coordinate(product: i64) -> f64 {
    product as f64 * 1024.0
}

async fn write_values(
    connection: &mut SqliteConnection,
    rows: impl Iterator<Item = (i64, &Values)> + Clone + Send,
) -> Result<()> {
    let texts: Vec<_> = rows.clone().flat_map(|(key, v)| v.texts.iter().map(move |t| (key, t))).collect();
    write(connection, "field_text (dataset, field, value)", "(?, ?, ?)", &texts, |query, (key, (field, value))| {
        query.bind(key).bind(field).bind(value.as_str())
    })
    .await?;
    let numbers: Vec<_> = rows.clone().flat_map(|(key, v)| v.numbers.iter().map(move |n| (key, n))).collect();
    write(connection, "field_number (dataset, field, low, high)", "(?, ?, ?, ?)", &numbers, |query, (key, n)| {
        query.bind(key).bind(n.0).bind(n.1).bind(n.2)
    })
    .await?;
    let times: Vec<_> = rows.flat_map(|(key, v)| v.times.iter().map(move |t| (key, t))).collect();
    write(connection, "field_time (dataset, field, low, high)", "(?, ?, ?, ?)", &times, |query, (key, (field, t))| {
        query.bind(key).bind(field).bind(t.begin).bind(t.end)
    })
    .await
}

pub(super) async fn put_values(connection: &mut SqliteConnection, key: i64, values: &Values) -> Result<()> {
    for text in [
        "DELETE FROM field_text WHERE dataset = ?",
        "DELETE FROM field_number WHERE dataset = ?",
        "DELETE FROM field_time WHERE dataset = ?",
    ] {
        sqlx::query(text).bind(key).execute(&mut *connection).await.map_err(sql("writing search fields"))?;
    }
    write_values(connection, std::iter::once((key, values))).await
}

pub(super) async fn replace(
    connection: &mut SqliteConnection,
    key: i64,
    row: &DatasetRow,
    now: Timestamp,
) -> Result<()> {
    let wrong = sql("updating a dataset");
    sqlx::query(
        "UPDATE dataset SET time_begin = ?, time_end = ?, time_center = ?, boxes = ?, location = ?, updated = ?,
         outline = ?, digest = ? WHERE key = ?",
    )
    .bind(row.time.begin)
    .bind(row.time.end)
    .bind(row.center)
    .bind(box_bytes(&row.boxes))
    .bind(row.location.as_deref())
    .bind(now.as_microsecond())
    .bind(row.outline.as_slice())
    .bind(row.digest.as_ref().map(SourceDigest::as_bytes))
    .bind(key)
    .execute(&mut *connection)
    .await
    .map_err(&wrong)?;
    for text in [
        "DELETE FROM dataset_document WHERE dataset = ?1",
        "DELETE FROM dataset_box WHERE id IN (2 * ?1, 2 * ?1 + 1)",
        "DELETE FROM field_text WHERE dataset = ?1",
        "DELETE FROM field_number WHERE dataset = ?1",
        "DELETE FROM field_time WHERE dataset = ?1",
        "DELETE FROM dataset_lineage WHERE external = 0 AND derived = (SELECT id FROM dataset WHERE key = ?1)",
    ] {
        sqlx::query(text).bind(key).execute(&mut *connection).await.map_err(&wrong)?;
    }
    write_parts(connection, &[(key, row)]).await
}

pub(super) async fn set_archived(
    connection: &mut SqliteConnection,
    keys: &[i64],
    archived: Option<Timestamp>,
) -> Result<()> {
    sqlx::query("UPDATE dataset SET archived = ? WHERE key IN (SELECT value FROM json_each(?))")
        .bind(archived.map(Timestamp::as_microsecond))
        .bind(json(keys))
        .execute(connection)
        .await
        .map(drop)
        .map_err(sql("archiving or restoring datasets"))
}

pub(super) async fn delete(connection: &mut SqliteConnection, keys: &[i64]) -> Result<()> {
    for text in [
        "DELETE FROM dataset_box WHERE id IN (SELECT 2 * value FROM json_each(?1) UNION ALL SELECT 2 * value + 1 FROM json_each(?1))",
        "DELETE FROM dataset_lineage WHERE external = 0 AND derived IN (SELECT id FROM dataset WHERE key IN (SELECT value FROM json_each(?1)))",
        "DELETE FROM dataset WHERE key IN (SELECT value FROM json_each(?1))",
    ] {
        sqlx::query(text).bind(json(keys)).execute(&mut *connection).await.map_err(sql("deleting datasets"))?;
    }
    Ok(())
}

/// Versions of a product whose changes are kept: a cache further behind reads the whole product.
const KEPT_VERSIONS: i64 = 1000;

pub(super) async fn bump(connection: &mut SqliteConnection, products: &[ProductChange]) -> Result<()> {
    let wrong = sql("counting the version of a product up");
    for ProductChange { product, datasets } in products {
        let version: i64 = sqlx::query_scalar(
            "UPDATE product SET version = version + 1, reload = max(reload, version + 1 - ?) WHERE key = ?
             RETURNING version",
        )
        .bind(KEPT_VERSIONS)
        .bind(product)
        .fetch_one(&mut *connection)
        .await
        .map_err(&wrong)?;
        sqlx::query("INSERT INTO product_change (product, version, datasets) VALUES (?, ?, ?)")
            .bind(product)
            .bind(version)
            .bind(key_bytes(datasets))
            .execute(&mut *connection)
            .await
            .map_err(&wrong)?;
        sqlx::query("DELETE FROM product_change WHERE product = ? AND version <= ?")
            .bind(product)
            .bind(version - KEPT_VERSIONS)
            .execute(&mut *connection)
            .await
            .map_err(&wrong)?;
    }
    Ok(())
}
