//! What is written to PostGIS.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::copy::{Rows, copy_in};
use super::errors::sql;
use super::{lineage, text};
use crate::geometry::box_bytes;
use crate::rows::{DatasetRow, LineageRow, ProductChange, ProductRow, Values, key_bytes};
use crate::{CatalogError, Result, SourceDigest};

/// How many versions of a product are told apart by what they changed. What is known as of an older one is read anew.
const KEPT_VERSIONS: i64 = 1000;

pub(super) async fn put_metadata_type(
    connection: &mut PgConnection,
    name: &str,
    document: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO cube.metadata_type (name, document, added, updated) VALUES ($1, $2, $3, $3)
         ON CONFLICT (name) DO UPDATE SET document = excluded.document, updated = excluded.updated",
    )
    .bind(name)
    .bind(document)
    .bind(now.as_microsecond())
    .execute(&mut *connection)
    .await
    .map_err(sql("writing a metadata type"))?;
    definitions_changed(connection).await
}

pub(super) async fn put_product(
    connection: &mut PgConnection,
    product: &ProductRow,
    fields: &[&str],
    now: Timestamp,
) -> Result<()> {
    let wrong = sql("writing a product");
    let key: i64 = sqlx::query_scalar(
        "INSERT INTO cube.product (name, metadata_type, document, added, updated)
         VALUES ($1, (SELECT key FROM cube.metadata_type WHERE name = $2), $3, $4, $4)
         ON CONFLICT (name) DO UPDATE
         SET metadata_type = excluded.metadata_type, document = excluded.document, updated = excluded.updated
         RETURNING key",
    )
    .bind(&product.name)
    .bind(&product.metadata_type)
    .bind(&product.document)
    .bind(now.as_microsecond())
    .fetch_one(&mut *connection)
    .await
    .map_err(&wrong)?;
    let fields: Vec<_> = fields.iter().map(|name| text::stored(name).into_owned()).collect();
    sqlx::query("DELETE FROM cube.search_field WHERE product = $1 AND name <> ALL ($2)")
        .bind(key)
        .bind(&fields)
        .execute(&mut *connection)
        .await
        .map_err(&wrong)?;
    sqlx::query(
        "INSERT INTO cube.search_field (product, name) SELECT $1, f.name FROM unnest($2::text[]) AS f (name)
         ON CONFLICT DO NOTHING",
    )
    .bind(key)
    .bind(&fields)
    .execute(&mut *connection)
    .await
    .map_err(&wrong)?;
    definitions_changed(connection).await
}

pub(super) async fn delete_product(connection: &mut PgConnection, product: i64) -> Result<()> {
    sqlx::query("DELETE FROM cube.product WHERE key = $1")
        .bind(product)
        .execute(&mut *connection)
        .await
        .map_err(sql("deleting a product"))?;
    definitions_changed(connection).await
}

async fn definitions_changed(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("UPDATE cube.catalog_state SET definitions = definitions + 1")
        .execute(connection)
        .await
        .map(drop)
        .map_err(sql("counting the definitions up"))
}

/// Two steps. One statement makes the thin rows and says which of them are new; it takes the ids in their order, so that
/// writers of the same datasets wait for each other in a line. Then COPY writes what belongs to the new ones: a document
/// that is there already is not written twice.
pub(super) async fn insert(
    connection: &mut PgConnection,
    rows: &[&DatasetRow],
    now: Timestamp,
) -> Result<Vec<Option<i64>>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let wrong = sql("writing datasets");
    let new: Vec<(Uuid, i64)> = sqlx::query_as(
        "INSERT INTO cube.dataset
             (id, product, time_begin, time_end, time_center, added, updated, archived, boxes, outline, digest, location,
             footprint)
         SELECT r.id, r.product, r.time_begin, r.time_end, r.time_center, coalesce(r.added, $6), $6, r.archived, r.boxes,
             r.outline, r.digest, r.location, cube.footprint_of(r.footprint)
         FROM unnest($1::uuid[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $7::bytea[], $8::bytea[], $9::bytea[],
             $10::text[], $11::bytea[], $12::int8[], $13::int8[])
             AS r (id, product, time_begin, time_end, time_center, boxes, outline, digest, location, footprint, added,
             archived)
         ORDER BY r.id
         ON CONFLICT (id) DO NOTHING
         RETURNING id, key",
    )
    .bind(column(rows, |row| row.id))
    .bind(column(rows, |row| row.product))
    .bind(column(rows, |row| row.time.begin))
    .bind(column(rows, |row| row.time.end))
    .bind(column(rows, |row| row.center))
    .bind(now.as_microsecond())
    .bind(column(rows, |row| box_bytes(&row.boxes)))
    .bind(column(rows, |row| row.outline.as_slice()))
    .bind(column(rows, |row| row.digest.as_ref().map(SourceDigest::as_bytes)))
    .bind(column(rows, |row| row.location.as_deref().map(|l| text::stored(l).into_owned())))
    .bind(column(rows, |row| row.footprint.as_slice()))
    .bind(column(rows, |row| row.added))
    .bind(column(rows, |row| row.archived))
    .fetch_all(&mut *connection)
    .await
    .map_err(&wrong)?;
    let mut new: HashMap<Uuid, i64> = new.into_iter().collect();
    let keys: Vec<Option<i64>> = rows.iter().map(|row| new.remove(&row.id)).collect();
    let rows: Vec<(i64, &DatasetRow)> = keys.iter().zip(rows).filter_map(|(key, row)| Some(((*key)?, *row))).collect();

    let parts = Parts::of(&rows);
    parts.copy(connection).await.map_err(&wrong)?;
    let edges = rows.iter().flat_map(|(_, row)| edges(row)).collect();
    lineage::put(connection, edges, false).await?;
    Ok(keys)
}

fn column<'a, T>(rows: &[&'a DatasetRow], of: impl Fn(&'a DatasetRow) -> T) -> Vec<T> {
    rows.iter().map(|row| of(row)).collect()
}

fn edges(row: &DatasetRow) -> impl Iterator<Item = LineageRow> + '_ {
    row.lineage.iter().map(|(classifier, source)| LineageRow {
        derived: row.id,
        classifier: classifier.clone(),
        source: *source,
    })
}

/// What belongs to datasets in the tables that are only ever written by COPY.
struct Parts {
    documents: Rows,
    texts: Rows,
    numbers: Rows,
    times: Rows,
}

impl Parts {
    fn of(rows: &[(i64, &DatasetRow)]) -> Self {
        let mut parts = Self { documents: Rows::new(), texts: Rows::new(), numbers: Rows::new(), times: Rows::new() };
        for (key, row) in rows {
            parts.documents.row(2).int(*key).text(&row.document);
            for (field, value) in &row.values.texts {
                parts.texts.row(3).int(*key).int(*field).text(&text::stored(value));
            }
            for (field, low, high) in &row.values.numbers {
                parts.numbers.row(4).int(*key).int(*field).float(*low).float(*high);
            }
            for (field, time) in &row.values.times {
                parts.times.row(4).int(*key).int(*field).int(time.begin).int(time.end);
            }
        }
        parts
    }

    async fn copy(self, connection: &mut PgConnection) -> sqlx::Result<()> {
        for (statement, rows) in [
            ("COPY cube.dataset_document (dataset, document) FROM STDIN (FORMAT BINARY)", self.documents),
            ("COPY cube.field_text (dataset, field, value) FROM STDIN (FORMAT BINARY)", self.texts),
            ("COPY cube.field_number (dataset, field, low, high) FROM STDIN (FORMAT BINARY)", self.numbers),
            ("COPY cube.field_time (dataset, field, low, high) FROM STDIN (FORMAT BINARY)", self.times),
        ] {
            copy_in(connection, statement, rows).await?;
        }
        Ok(())
    }
}

/// In one statement: a product whose metadata type changed has its values put one dataset by one.
pub(super) async fn put_values(connection: &mut PgConnection, key: i64, values: &Values) -> Result<()> {
    let texts: Vec<_> = values.texts.iter().map(|(_, value)| text::stored(value).into_owned()).collect();
    sqlx::query(
        "WITH texts AS (DELETE FROM cube.field_text WHERE dataset = $1),
              numbers AS (DELETE FROM cube.field_number WHERE dataset = $1),
              times AS (DELETE FROM cube.field_time WHERE dataset = $1),
              new_texts AS (INSERT INTO cube.field_text (dataset, field, value)
                  SELECT $1, v.* FROM unnest($2::int8[], $3::text[]) v),
              new_numbers AS (INSERT INTO cube.field_number (dataset, field, low, high)
                  SELECT $1, v.* FROM unnest($4::int8[], $5::float8[], $6::float8[]) v)
         INSERT INTO cube.field_time (dataset, field, low, high)
         SELECT $1, v.* FROM unnest($7::int8[], $8::int8[], $9::int8[]) v",
    )
    .bind(key)
    .bind(values.texts.iter().map(|(field, _)| *field).collect::<Vec<_>>())
    .bind(texts)
    .bind(values.numbers.iter().map(|(field, _, _)| *field).collect::<Vec<_>>())
    .bind(values.numbers.iter().map(|(_, low, _)| *low).collect::<Vec<_>>())
    .bind(values.numbers.iter().map(|(_, _, high)| *high).collect::<Vec<_>>())
    .bind(values.times.iter().map(|(field, _)| *field).collect::<Vec<_>>())
    .bind(values.times.iter().map(|(_, time)| time.begin).collect::<Vec<_>>())
    .bind(values.times.iter().map(|(_, time)| time.end).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
    .map_err(sql("writing search fields"))
}

pub(super) async fn replace(connection: &mut PgConnection, key: i64, row: &DatasetRow, now: Timestamp) -> Result<()> {
    let wrong = sql("updating a dataset");
    sqlx::query(
        "WITH document AS (UPDATE cube.dataset_document SET document = $11 WHERE dataset = $1)
         UPDATE cube.dataset SET time_begin = $2, time_end = $3, time_center = $4, updated = $5, boxes = $6, outline = $7,
             digest = $8, location = $9, footprint = cube.footprint_of($10)
         WHERE key = $1",
    )
    .bind(key)
    .bind(row.time.begin)
    .bind(row.time.end)
    .bind(row.center)
    .bind(now.as_microsecond())
    .bind(box_bytes(&row.boxes))
    .bind(row.outline.as_slice())
    .bind(row.digest.as_ref().map(SourceDigest::as_bytes))
    .bind(row.location.as_deref().map(|l| text::stored(l).into_owned()))
    .bind(row.footprint.as_slice())
    .bind(&row.document)
    .execute(&mut *connection)
    .await
    .map_err(&wrong)?;
    put_values(connection, key, &row.values).await?;
    sqlx::query("DELETE FROM cube.dataset_lineage WHERE derived = $1 AND NOT external")
        .bind(row.id)
        .execute(&mut *connection)
        .await
        .map_err(&wrong)?;
    lineage::put(connection, edges(row).collect(), false).await
}

pub(super) async fn set_archived(
    connection: &mut PgConnection,
    keys: &[i64],
    archived: Option<Timestamp>,
) -> Result<()> {
    sqlx::query("UPDATE cube.dataset SET archived = $1 WHERE key = ANY ($2)")
        .bind(archived.map(Timestamp::as_microsecond))
        .bind(keys)
        .execute(connection)
        .await
        .map(drop)
        .map_err(sql("archiving or restoring datasets"))
}

pub(super) async fn delete(connection: &mut PgConnection, keys: &[i64]) -> Result<()> {
    for text in [
        "DELETE FROM cube.dataset_lineage l USING cube.dataset d
         WHERE d.key = ANY ($1) AND l.derived = d.id AND NOT l.external",
        "DELETE FROM cube.dataset_document WHERE dataset = ANY ($1)",
        "DELETE FROM cube.field_text WHERE dataset = ANY ($1)",
        "DELETE FROM cube.field_number WHERE dataset = ANY ($1)",
        "DELETE FROM cube.field_time WHERE dataset = ANY ($1)",
        "DELETE FROM cube.dataset WHERE key = ANY ($1)",
    ] {
        sqlx::query(text).bind(keys).execute(&mut *connection).await.map_err(sql("deleting datasets"))?;
    }
    Ok(())
}

pub(super) async fn bump(connection: &mut PgConnection, products: &[ProductChange]) -> Result<()> {
    let wrong = sql("counting the version of a product up");
    for ProductChange { product, datasets } in products {
        let version: Option<i64> = sqlx::query_scalar(
            "WITH counted AS (
                 UPDATE cube.product SET version = version + 1, reload = greatest(reload, version + 1 - $2)
                 WHERE key = $1 RETURNING key, version
             )
             INSERT INTO cube.product_change (product, version, datasets) SELECT key, version, $3 FROM counted
             RETURNING version",
        )
        .bind(product)
        .bind(KEPT_VERSIONS)
        .bind(key_bytes(datasets))
        .fetch_optional(&mut *connection)
        .await
        .map_err(&wrong)?;
        let Some(version) = version else { return Err(CatalogError::ProductGone) };
        // The oldest are forgotten some at a time.
        if version % 16 == 0 {
            sqlx::query("DELETE FROM cube.product_change WHERE product = $1 AND version <= $2")
                .bind(product)
                .bind(version - KEPT_VERSIONS)
                .execute(&mut *connection)
                .await
                .map_err(&wrong)?;
        }
    }
    Ok(())
}
