//! What PostGIS knows of datasets without their documents.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::errors::sql;
use super::text;
use crate::rows::{FactRow, Micros, Values};
use crate::{Result, geometry};

pub(super) async fn facts(connection: &mut PgConnection, ids: &[Uuid], fields: &[i64]) -> Result<Vec<FactRow>> {
    let wrong = sql("reading what is known of datasets");
    let mut rows: Vec<FactRow> = sqlx::query(
        "SELECT key, id, product, time_begin, time_end, archived, added, location, boxes
         FROM cube.dataset WHERE id = ANY ($1)",
    )
    .bind(ids)
    .try_map(|row| fact_row(&row))
    .fetch_all(&mut *connection)
    .await
    .map_err(&wrong)?;
    if fields.is_empty() || rows.is_empty() {
        return Ok(rows);
    }
    let keys: Vec<i64> = rows.iter().map(|row| row.key).collect();
    let mut values: HashMap<i64, Values> = HashMap::with_capacity(rows.len());
    // The sum leaves the index that begins with the dataset: there are few datasets and perhaps millions of values.
    let texts: Vec<(i64, i64, String)> = sqlx::query_as(
        "SELECT dataset, field, value FROM cube.field_text WHERE dataset = ANY ($1) AND field + 0 = ANY ($2)",
    )
    .bind(&keys)
    .bind(fields)
    .fetch_all(&mut *connection)
    .await
    .map_err(&wrong)?;
    for (dataset, field, value) in texts {
        values.entry(dataset).or_default().texts.push((field, text::read(value)));
    }
    let numbers: Vec<(i64, i64, f64, f64)> = sqlx::query_as(
        "SELECT dataset, field, low, high FROM cube.field_number WHERE dataset = ANY ($1) AND field + 0 = ANY ($2)",
    )
    .bind(&keys)
    .bind(fields)
    .fetch_all(&mut *connection)
    .await
    .map_err(&wrong)?;
    for (dataset, field, low, high) in numbers {
        values.entry(dataset).or_default().numbers.push((field, low, high));
    }
    let times: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT dataset, field, low, high FROM cube.field_time WHERE dataset = ANY ($1) AND field + 0 = ANY ($2)",
    )
    .bind(&keys)
    .bind(fields)
    .fetch_all(connection)
    .await
    .map_err(&wrong)?;
    for (dataset, field, begin, end) in times {
        values.entry(dataset).or_default().times.push((field, Micros { begin, end }));
    }
    for row in &mut rows {
        row.values = values.remove(&row.key).unwrap_or_default();
    }
    Ok(rows)
}

fn fact_row(row: &PgRow) -> sqlx::Result<FactRow> {
    let location: Option<String> = row.try_get(7)?;
    Ok(FactRow {
        key: row.try_get(0)?,
        id: row.try_get(1)?,
        product: row.try_get(2)?,
        time: Micros { begin: row.try_get(3)?, end: row.try_get(4)? },
        archived: row.try_get(5)?,
        added: row.try_get(6)?,
        location: location.map(text::read),
        boxes: geometry::boxes(row.try_get(8)?),
        values: Values::default(),
    })
}

pub(super) async fn last_change(connection: &mut PgConnection, product: i64) -> Result<Option<i64>> {
    sqlx::query_scalar("SELECT max(greatest(added, updated, archived)) FROM cube.dataset WHERE product = $1")
        .bind(product)
        .fetch_one(connection)
        .await
        .map_err(sql("reading the last change of a product"))
}
