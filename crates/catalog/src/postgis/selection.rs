//! A selection as one statement, whatever the number of products. PostgreSQL decides where to begin.
//!
//! The text holds names of our own tables and numbered parameters, nothing of what was asked for.

use cube_geo::BoundingBox;
use cube_model::Status;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Postgres, QueryBuilder, Row};

use super::errors::sql;
use super::text;
use crate::rows::{Candidate, Condition, Micros, Selection, Span, Term};
use crate::{Result, geometry};

type Query = QueryBuilder<Postgres>;

/// How many characters of a value the index holds.
const VALUE: usize = 64;
/// How many characters of a location the index holds.
const LOCATION: usize = 600;

pub(super) async fn candidates(connection: &mut PgConnection, selection: &Selection) -> Result<Vec<Candidate>> {
    let place = selection.place;
    plan_for(connection, selection).await?;
    statement("", selection)
        .build()
        .try_map(|row: PgRow| {
            let place = if place { Some((geometry::boxes(row.try_get(2)?), row.try_get(3)?)) } else { None };
            Ok(Candidate { key: row.try_get(0)?, id: row.try_get(1)?, place })
        })
        .fetch_all(connection)
        .await
        .map_err(sql("searching datasets"))
}

/// Lets PostgreSQL plan a statement once for all values only where any values have the same best plan: a search by place
/// begins with the place. Whether one begins with a value depends on how many datasets have it.
async fn plan_for(connection: &mut PgConnection, selection: &Selection) -> Result<()> {
    if !selection.boxes.is_empty() && selection.terms.is_empty() {
        return Ok(());
    }
    let custom = sqlx::raw_sql("SET LOCAL plan_cache_mode = force_custom_plan").execute(connection).await;
    custom.map(drop).map_err(sql("searching datasets"))
}

fn statement(explain: &str, selection: &Selection) -> Query {
    let columns = if selection.place { "d.key, d.id, d.boxes, cube.footprint_wkb(d.footprint)" } else { "d.key, d.id" };
    let mut query = Query::new(explain);
    query.push("SELECT ").push(columns).push(" FROM cube.dataset d");
    conditions(&mut query, selection);
    query.push(" ORDER BY d.time_center, d.id");
    if let Some(limit) = selection.limit {
        query.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    }
    query
}

/// How PostgreSQL would find the candidates, a row a line.
#[cfg(test)]
pub(super) async fn explained(connection: &mut PgConnection, selection: &Selection) -> Vec<PgRow> {
    statement("EXPLAIN ", selection).build().fetch_all(connection).await.unwrap()
}

pub(super) async fn count(connection: &mut PgConnection, selection: &Selection) -> Result<u64> {
    let mut query = Query::new("SELECT count(*) FROM cube.dataset d");
    conditions(&mut query, selection);
    plan_for(connection, selection).await?;
    let count: i64 = query.build_query_scalar().fetch_one(connection).await.map_err(sql("counting datasets"))?;
    Ok(count.unsigned_abs())
}

pub(super) async fn span(connection: &mut PgConnection, selection: &Selection) -> Result<Option<Span>> {
    let mut query = Query::new("SELECT min(d.time_begin), max(d.time_end), count(*) FROM cube.dataset d");
    conditions(&mut query, selection);
    plan_for(connection, selection).await?;
    let (begin, end, count): (Option<i64>, Option<i64>, i64) =
        query.build_query_as().fetch_one(connection).await.map_err(sql("reading the extent of datasets"))?;
    Ok(begin.zip(end).map(|(begin, end)| Span { time: Micros { begin, end }, count: count.unsigned_abs() }))
}

/// Appends `WHERE …`.
fn conditions(query: &mut Query, selection: &Selection) {
    query.push(" WHERE true");
    match selection.products.as_deref() {
        None => {}
        // One product's datasets stand in its index in the order of the results: a limit ends the walk early.
        Some([product]) => {
            query.push(" AND d.product = ").push_bind(*product);
        }
        Some(products) => {
            query.push(" AND d.product = ANY (").push_bind(products.to_vec()).push(")");
        }
    }
    // Keys were found for boxes and times.
    let mut driven = false;
    if let Some(keys) = &selection.keys {
        query.push(" AND d.key = ANY (").push_bind(keys.clone()).push(")");
        driven = true;
    }
    if let Some(ids) = &selection.ids {
        query.push(" AND d.id = ANY (").push_bind(ids.clone()).push(")");
        driven = true;
    }
    if !driven && !selection.boxes.is_empty() {
        any(query, false, &selection.boxes, touches);
    }
    query.push(match selection.status {
        Status::Active => " AND d.archived IS NULL",
        Status::Archived => " AND d.archived IS NOT NULL",
        Status::All => "",
    });
    if !selection.times.is_empty() {
        any(query, false, &selection.times, |query, time| dataset_time(query, *time));
    }
    for term in &selection.terms {
        self::term(query, term);
    }
}

/// `AND (a OR b OR …)`, or `AND NOT (…)`; none of nothing holds.
fn any<T>(query: &mut Query, negated: bool, of: &[T], mut one: impl FnMut(&mut Query, &T)) {
    query.push(if negated { " AND NOT (" } else { " AND (" });
    for (number, item) in of.iter().enumerate() {
        query.push(if number == 0 { "" } else { " OR " });
        one(query, item);
    }
    query.push(if of.is_empty() { "false)" } else { ")" });
}

fn touches(query: &mut Query, b: &BoundingBox) {
    query.push("cube.touches_box(d.footprint, ");
    query.push_bind(b.left).push(", ").push_bind(b.bottom).push(", ").push_bind(b.right).push(", ").push_bind(b.top);
    query.push(")");
}

/// As the index `dataset_place` has it.
fn dataset_time(query: &mut Query, time: Micros) {
    query.push("int8range(d.time_begin, d.time_end, '[]') && int8range(").push_bind(time.begin);
    // A range that ends with the last of all numbers cannot be written as one that ends before the next.
    query.push(", ").push_bind(time.end.min(i64::MAX - 1)).push(", '[]')");
}

fn overlap(query: &mut Query, low: &str, high: &str, time: Micros) {
    query.push("(").push(low).push(" <= ").push_bind(time.end);
    query.push(" AND ").push(high).push(" >= ").push_bind(time.begin).push(")");
}

fn term(query: &mut Query, term: &Term) {
    let tables: Vec<_> = term.any.iter().map(table).collect();
    match tables.first() {
        // As one join, where all conditions are on one table of values: that is what the planner knows best.
        Some(Some(first)) if tables.iter().all(|t| t.as_ref() == Some(first)) => {
            query.push(if term.negated { " AND NOT EXISTS (" } else { " AND EXISTS (" });
            query.push("SELECT FROM ").push(first).push(" v WHERE v.dataset = d.key");
            any_value(query, &term.any);
            query.push(")");
        }
        _ => any(query, term.negated, &term.any, condition),
    }
}

/// The table of values that a condition is on.
fn table(condition: &Condition) -> Option<&'static str> {
    match condition {
        Condition::Text(..) => Some("cube.field_text"),
        Condition::Number(..) => Some("cube.field_number"),
        Condition::Time(..) => Some("cube.field_time"),
        _ => None,
    }
}

fn condition(query: &mut Query, condition: &Condition) {
    match condition {
        Condition::Text(..) | Condition::Number(..) | Condition::Time(..) => {
            let table = table(condition).unwrap_or_default();
            query.push("EXISTS (SELECT FROM ").push(table).push(" v WHERE v.dataset = d.key");
            any_value(query, std::slice::from_ref(condition));
            query.push(")");
        }
        Condition::DatasetTime(time) => dataset_time(query, *time),
        Condition::Indexed(time) => overlap(query, "d.added", "d.added", *time),
        Condition::Location(location) => {
            let location = text::stored(location).into_owned();
            query.push("(left(d.location, 600) = ").push_bind(text::left(&location, LOCATION).to_owned());
            query.push(" AND d.location = ").push_bind(location).push(")");
        }
        Condition::LocationPrefix(prefix) => location_prefix(query, &text::stored(prefix)),
        Condition::Product(products) => {
            query.push("d.product = ANY (").push_bind(products.clone()).push(")");
        }
        Condition::Id(id) => {
            query.push("d.id = ").push_bind(*id);
        }
    }
}

fn location_prefix(query: &mut Query, prefix: &str) {
    let begin = text::left(prefix, LOCATION);
    query.push("(left(d.location, 600) >= ").push_bind(begin.to_owned());
    if let Some(end) = text::after(begin) {
        query.push(" AND left(d.location, 600) < ").push_bind(end);
    }
    query.push(" AND starts_with(d.location, ").push_bind(prefix.to_owned()).push("))");
}

/// `AND (…)`: a value `v` of one of these conditions, which are all on its table.
fn any_value(query: &mut Query, of: &[Condition]) {
    // Several texts of the same fields are one list, which the index takes whole.
    let equal = |condition: &Condition| match condition {
        Condition::Text(fields, Some(low), Some(high)) if low == high => {
            Some((fields.clone(), text::stored(low).into_owned()))
        }
        _ => None,
    };
    if let Some(texts) = of.iter().map(equal).collect::<Option<Vec<_>>>()
        && let Some((fields, _)) = texts.first().cloned()
        && texts.iter().all(|(of, _)| *of == fields)
    {
        let texts: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
        let begins: Vec<String> = texts.iter().map(|text| text::left(text, VALUE).to_owned()).collect();
        query.push(" AND v.field = ANY (").push_bind(fields);
        query.push(") AND left(v.value, 64) = ANY (").push_bind(begins);
        query.push(") AND v.value = ANY (").push_bind(texts).push(")");
        return;
    }
    any(query, false, of, value);
}

fn value(query: &mut Query, condition: &Condition) {
    let of_fields = |query: &mut Query, fields: &[i64]| {
        query.push("(v.field = ANY (").push_bind(fields.to_vec()).push(")");
    };
    match condition {
        Condition::Text(fields, low, high) => {
            of_fields(query, fields);
            for (end, than) in [(low, ">="), (high, "<=")] {
                let Some(end) = end else { continue };
                let end = text::stored(end).into_owned();
                query.push(" AND left(v.value, 64) ").push(than).push(" ");
                query.push_bind(text::left(&end, VALUE).to_owned());
                query.push(" AND v.value ").push(than).push(" ").push_bind(end);
            }
            query.push(")");
        }
        Condition::Number(fields, low, high) => {
            of_fields(query, fields);
            query.push(" AND v.low <= ").push_bind(*high).push(" AND v.high >= ").push_bind(*low).push(")");
        }
        Condition::Time(fields, time) => {
            of_fields(query, fields);
            query.push(" AND ");
            overlap(query, "v.low", "v.high", *time);
            query.push(")");
        }
        _ => {
            query.push("false");
        }
    }
}
