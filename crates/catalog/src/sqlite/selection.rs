//! A selection as one statement, whatever the number of products.

use cube_geo::BoundingBox;
use cube_model::Status;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::reading::{hex, json};
use super::sql;
use super::writing::product_coordinate;
use crate::cache::days;
use crate::geometry::EARTH;
use crate::rows::{Candidate, Condition, Micros, Selection, Span, Term};
use crate::{Result, geometry};

pub(super) async fn candidates(connection: &mut SqliteConnection, selection: &Selection) -> Result<Vec<Candidate>> {
    let columns = if selection.place { "d.key, d.id, d.boxes, f.footprint" } else { "d.key, d.id" };
    let mut query = QueryBuilder::new(format!("SELECT {columns} FROM dataset d"));
    if selection.place {
        query.push(" JOIN dataset_document f ON f.dataset = d.key");
    }
    conditions(connection, &mut query, selection).await?;
    query.push(" ORDER BY d.time_center, d.id");
    if let Some(limit) = selection.limit {
        query.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    }
    let place = selection.place;
    query
        .build()
        .try_map(|row: SqliteRow| {
            let place = if place { Some((geometry::boxes(row.try_get(2)?), row.try_get(3)?)) } else { None };
            Ok(Candidate { key: row.try_get(0)?, id: row.try_get(1)?, place })
        })
        .fetch_all(connection)
        .await
        .map_err(sql("searching datasets"))
}

pub(super) async fn count(connection: &mut SqliteConnection, selection: &Selection) -> Result<u64> {
    let mut query = QueryBuilder::new("SELECT count(*) FROM dataset d");
    conditions(connection, &mut query, selection).await?;
    let count: i64 = query.build_query_scalar().fetch_one(connection).await.map_err(sql("counting datasets"))?;
    Ok(count.unsigned_abs())
}

pub(super) async fn span(connection: &mut SqliteConnection, selection: &Selection) -> Result<Option<Span>> {
    let wrong = sql("reading the span of datasets");
    let mut query = QueryBuilder::new("SELECT count(*), min(d.time_begin), max(d.time_end) FROM dataset d");
    conditions(connection, &mut query, selection).await?;
    let (count, begin, end): (i64, Option<i64>, Option<i64>) =
        query.build_query_as().fetch_one(connection).await.map_err(wrong)?;
    let time = begin.zip(end).map(|(begin, end)| Micros { begin, end });
    Ok(time.map(|time| Span { time, count: count.unsigned_abs() }))
}

/// Appends `WHERE …`. The first of keys, ids, boxes, a text and the times that is there drives the statement; `+`
/// before a column keeps SQLite from choosing the index of a weaker term.
async fn conditions(
    connection: &mut SqliteConnection,
    query: &mut QueryBuilder<Sqlite>,
    selection: &Selection,
) -> Result<()> {
    query.push(" WHERE true");
    let mut driven = true;
    if let Some(ids) = &selection.ids {
        query.push(" AND d.id IN (SELECT unhex(value) FROM json_each(").push_bind(hex(ids)).push("))");
    } else if let Some(keys) = &selection.keys {
        query.push(" AND d.key IN (SELECT value FROM json_each(").push_bind(json(keys)).push("))");
    } else if !(selection.boxes.is_empty() && selection.times.is_empty()) {
        let products = match &selection.products {
            Some(products) => products.clone(),
            None => all_products(connection).await?,
        };
        query.push(" AND d.key IN (SELECT b.id >> 1 FROM json_each(");
        query.push_bind(json(&boxes(&products, selection)));
        query.push(
            ") w CROSS JOIN dataset_box b ON b.product_low = w.value ->> 0 AND b.west <= w.value ->> 3
             AND b.east >= w.value ->> 1 AND b.south <= w.value ->> 4 AND b.north >= w.value ->> 2
             AND b.time_low <= w.value ->> 6 AND b.time_high >= w.value ->> 5)",
        );
    } else {
        driven = false;
    }
    // A text is the next best thing to begin with: platforms and regions.
    let first = selection.terms.iter().position(|t| !driven && drives(t));
    if let Some(term) = first.map(|at| &selection.terms[at]) {
        query.push(" AND d.key IN (");
        for (i, condition) in term.any.iter().enumerate() {
            query.push(if i == 0 { "" } else { " UNION ALL " });
            field_rows(query, condition);
        }
        query.push(")");
        driven = true;
    }
    match selection.products.as_deref() {
        None => {}
        // One product's datasets stand in its index in the order of the results: a limit ends the walk early.
        Some([product]) => {
            query.push(if driven { " AND +d.product = " } else { " AND d.product = " }).push_bind(*product);
        }
        Some(products) => {
            query.push(if driven { " AND +d.product IN (" } else { " AND d.product IN (" });
            query.push("SELECT value FROM json_each(").push_bind(json(products)).push("))");
        }
    }
    query.push(match selection.status {
        Status::Active => " AND d.archived IS NULL",
        Status::Archived => " AND d.archived IS NOT NULL",
        Status::All => "",
    });
    if !selection.times.is_empty() {
        any(query, false, &selection.times, |query, time| {
            overlap(query, "d.time_begin", "d.time_end", *time);
        });
    }
    for (_, term) in selection.terms.iter().enumerate().filter(|(at, _)| Some(*at) != first) {
        any(query, term.negated, &term.any, condition);
    }
    Ok(())
}

/// `AND (a OR b OR …)`, or `AND NOT (…)`; none of nothing holds.
fn any<T>(
    query: &mut QueryBuilder<Sqlite>,
    negated: bool,
    of: &[T],
    mut one: impl FnMut(&mut QueryBuilder<Sqlite>, &T),
) {
    query.push(if negated { " AND NOT (false" } else { " AND (false" });
    for item in of {
        query.push(" OR ");
        one(query, item);
    }
    query.push(")");
}

fn overlap(query: &mut QueryBuilder<Sqlite>, begin: &str, end: &str, time: Micros) {
    query.push("(").push(begin).push(" <= ").push_bind(time.end);
    query.push(" AND ").push(end).push(" >= ").push_bind(time.begin).push(")");
}

fn condition(query: &mut QueryBuilder<Sqlite>, condition: &Condition) {
    match condition {
        Condition::Text(..) | Condition::Number(..) | Condition::Time(..) => {
            query.push("EXISTS (");
            field_rows(query, condition);
            query.push(" AND v.dataset = d.key)");
        }
        Condition::DatasetTime(time) => overlap(query, "d.time_begin", "d.time_end", *time),
        Condition::Indexed(time) => overlap(query, "d.added", "d.added", *time),
        Condition::Location(location) => {
            query.push("d.location IS ").push_bind(location.clone());
        }
        Condition::LocationPrefix(prefix) => {
            // The range of the index that holds them, and the test itself.
            query.push("(d.location >= ").push_bind(prefix.clone());
            query.push(" AND d.location <= ").push_bind(format!("{prefix}\u{10ffff}\u{10ffff}"));
            let length = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
            query.push(" AND substr(d.location, 1, ").push_bind(length);
            query.push(") = ").push_bind(prefix.clone()).push(")");
        }
        Condition::Product(products) => {
            query.push("+d.product IN (SELECT value FROM json_each(").push_bind(json(products)).push("))");
        }
        Condition::Id(id) => {
            query.push("d.id = ").push_bind(*id);
        }
    }
}

/// The datasets with a value of a field.
fn field_rows(query: &mut QueryBuilder<Sqlite>, condition: &Condition) {
    let from = |query: &mut QueryBuilder<Sqlite>, table: &str, fields: &[i64]| {
        query.push("SELECT v.dataset FROM ").push(table).push(" v WHERE v.field IN (");
        query.push("SELECT value FROM json_each(").push_bind(json(fields)).push("))");
    };
    match condition {
        Condition::Text(fields, low, high) => {
            from(query, "field_text", fields);
            match (low, high) {
                (Some(low), Some(high)) if low == high => {
                    query.push(" AND v.value = ").push_bind(low.clone());
                }
                (low, high) => {
                    if let Some(low) = low {
                        query.push(" AND v.value >= ").push_bind(low.clone());
                    }
                    if let Some(high) = high {
                        query.push(" AND v.value <= ").push_bind(high.clone());
                    }
                }
            }
        }
        Condition::Number(fields, low, high) => {
            from(query, "field_number", fields);
            query.push(" AND v.low <= ").push_bind(*high).push(" AND v.high >= ").push_bind(*low);
        }
        Condition::Time(fields, time) => {
            from(query, "field_time", fields);
            query.push(" AND v.low <= ").push_bind(time.end).push(" AND v.high >= ").push_bind(time.begin);
        }
        _ => {
            query.push("SELECT NULL WHERE false");
        }
    }
}

/// True where the index of the values finds the datasets of a term.
fn drives(term: &Term) -> bool {
    let equal = |c: &Condition| matches!(c, Condition::Text(_, Some(low), Some(high)) if low == high);
    !term.negated && !term.any.is_empty() && term.any.iter().all(equal)
}

async fn all_products(connection: &mut SqliteConnection) -> Result<Vec<i64>> {
    sqlx::query_scalar("SELECT key FROM product").fetch_all(connection).await.map_err(sql("reading the products"))
}

/// What the R*Tree is asked, a list of product, west, south, east, north, first and last day each. The tree compares
/// the numbers with its outward rounded ones, so that nothing is lost.
fn boxes(products: &[i64], selection: &Selection) -> Vec<[f64; 7]> {
    let times = if selection.times.is_empty() { &[Micros::EVER][..] } else { &selection.times };
    let places = if selection.boxes.is_empty() { &[EARTH][..] } else { &selection.boxes };
    let mut list = Vec::new();
    for product in products {
        for BoundingBox { left, bottom, right, top } in places {
            for time in times {
                let product = product_coordinate(*product);
                list.push([product, *left, *bottom, *right, *top, days(time.begin), days(time.end)]);
            }
        }
    }
    list
}
