//! What can be returned of a dataset, and be sorted by, without making a noun of it.

use std::cmp::Ordering;
use std::collections::HashMap;

use cube_geo::BoundingBox;
use cube_model::{FieldType, Search};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::Result;
use crate::definitions::{Definitions, ProductEntry, parsed};
use crate::rows::{FactRow, Micros, StoredRow};
use crate::store::Transaction;
use crate::terms::unknown_field;

/// A field of every dataset, a search field, or a place in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Column {
    Id,
    Product,
    MetadataType,
    Time,
    Lon,
    Lat,
    Location,
    IndexedTime,
    Archived,
    Label,
    /// A search field by name; products may have fields of one name that differ.
    Field(String),
    /// The keys that lead to a value of the document.
    Path(Vec<String>),
}

/// What a column holds in one dataset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Nothing,
    Bool(bool),
    Number(f64),
    /// From the least to the greatest, infinite where open.
    Numbers(f64, f64),
    Time(i64),
    Times(Micros),
    Text(String),
    Json(Value),
}

impl Column {
    /// The column of this name for a search of these products.
    ///
    /// # Errors
    /// Where there is none.
    pub(crate) fn new(name: &str, searched: &[&ProductEntry]) -> Result<Self> {
        Ok(match name {
            "id" => Self::Id,
            "product" => Self::Product,
            "metadata_type" => Self::MetadataType,
            "time" => Self::Time,
            "lon" => Self::Lon,
            "lat" => Self::Lat,
            "location" | "uri" => Self::Location,
            "indexed_time" => Self::IndexedTime,
            "archived" => Self::Archived,
            "label" => Self::Label,
            _ if searched.iter().any(|p| p.metadata_type.search_fields.contains_key(name)) => {
                Self::Field(name.to_owned())
            }
            _ if name.contains('.') => {
                Self::Path(name.split('.').filter(|key| !key.is_empty()).map(str::to_owned).collect())
            }
            _ => return Err(unknown_field(name, searched)),
        })
    }

    /// The columns of these names for a search.
    pub(crate) fn all(names: &[impl AsRef<str>], search: &Search, definitions: &Definitions) -> Result<Vec<Self>> {
        let searched = searched(search, definitions)?;
        names.iter().map(|name| Self::new(name.as_ref(), &searched)).collect()
    }

    const fn needs_document(&self) -> bool {
        matches!(self, Self::Label | Self::Path(_))
    }
}

/// The products that a search looks at.
pub(crate) fn searched<'d>(search: &Search, definitions: &'d Definitions) -> Result<Vec<&'d ProductEntry>> {
    if search.products.is_empty() {
        Ok(definitions.products().map(AsRef::as_ref).collect())
    } else {
        search.products.iter().map(|name| definitions.product(name).map(AsRef::as_ref)).collect()
    }
}

/// The cells of those of these datasets that are there, in the order of the ids.
pub(crate) async fn cells(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    ids: &[Uuid],
    columns: &[Column],
) -> Result<Vec<(Uuid, Vec<Cell>)>> {
    if columns.iter().all(|column| *column == Column::Id) {
        return Ok(ids.iter().map(|id| (*id, vec![Cell::Text(id.to_string()); columns.len()])).collect());
    }
    let fields: Vec<i64> = columns
        .iter()
        .filter_map(|column| if let Column::Field(name) = column { Some(name) } else { None })
        .flat_map(|name| definitions.products().filter_map(|entry| entry.fields.get(name).copied()))
        .collect();
    let mut facts: HashMap<Uuid, FactRow> =
        transaction.facts(ids, &fields).await?.into_iter().map(|row| (row.id, row)).collect();
    let mut documents: HashMap<Uuid, StoredRow> = HashMap::new();
    if columns.iter().any(Column::needs_document) {
        documents = transaction.stored(ids, false).await?.into_iter().map(|row| (row.id, row)).collect();
    }
    let mut list = Vec::with_capacity(ids.len());
    for fact in ids.iter().filter_map(|id| facts.remove(id)) {
        let entry = definitions.product_of_key(fact.product)?;
        let document = match documents.get(&fact.id) {
            Some(row) => parsed(&row.document, || format!("dataset {}", row.id))?,
            None => Value::Null,
        };
        list.push((fact.id, columns.iter().map(|column| cell(column, &fact, entry, &document)).collect()));
    }
    Ok(list)
}

fn cell(column: &Column, fact: &FactRow, entry: &ProductEntry, document: &Value) -> Cell {
    match column {
        Column::Id => Cell::Text(fact.id.to_string()),
        Column::Product => Cell::Text(entry.row.name.clone()),
        Column::MetadataType => Cell::Text(entry.row.metadata_type.clone()),
        Column::Time => Cell::Times(fact.time),
        Column::Lon => {
            let (west, east) = longitudes(&fact.boxes);
            Cell::Numbers(west, east)
        }
        Column::Lat => {
            let south = fact.boxes.iter().map(|b| b.bottom).fold(f64::INFINITY, f64::min);
            Cell::Numbers(south, fact.boxes.iter().map(|b| b.top).fold(f64::NEG_INFINITY, f64::max))
        }
        Column::Location => fact.location.clone().map_or(Cell::Nothing, Cell::Text),
        Column::IndexedTime => Cell::Time(fact.added),
        Column::Archived => fact.archived.map_or(Cell::Nothing, Cell::Time),
        Column::Label => json_cell(document.get("label")),
        Column::Field(name) => field_cell(name, fact, entry),
        Column::Path(keys) => json_cell(at(document, keys)),
    }
}

/// From west to east; where the boxes cross the antimeridian, the east is past 180.
fn longitudes(boxes: &[BoundingBox]) -> (f64, f64) {
    match boxes {
        [a, b] => {
            let (east_of, west_of) = if a.left < b.left { (a, b) } else { (b, a) };
            (west_of.left, east_of.right + 360.0)
        }
        [a, ..] => (a.left, a.right),
        [] => (f64::NEG_INFINITY, f64::INFINITY),
    }
}

/// The stored value of a search field.
fn field_cell(name: &str, fact: &FactRow, entry: &ProductEntry) -> Cell {
    let (Some(key), Some(field)) = (entry.fields.get(name), entry.metadata_type.search_fields.get(name)) else {
        return Cell::Nothing;
    };
    let values = &fact.values;
    if let Some((_, text)) = values.texts.iter().find(|(field, _)| field == key) {
        return match field.kind {
            FieldType::Boolean => Cell::Bool(text == "true"),
            FieldType::Object => {
                serde_json::from_str(text).map_or_else(|_| Cell::Text(text.clone()), |value| json_cell(Some(&value)))
            }
            _ => Cell::Text(text.clone()),
        };
    }
    if let Some((_, low, high)) = values.numbers.iter().find(|(field, ..)| field == key) {
        return if field.kind.is_range() { Cell::Numbers(*low, *high) } else { Cell::Number(*low) };
    }
    match values.times.iter().find(|(field, _)| field == key) {
        Some((_, time)) if field.kind.is_range() => Cell::Times(*time),
        Some((_, time)) => Cell::Time(time.begin),
        None => Cell::Nothing,
    }
}

fn json_cell(value: Option<&Value>) -> Cell {
    match value {
        None | Some(Value::Null) => Cell::Nothing,
        Some(Value::Bool(value)) => Cell::Bool(*value),
        Some(Value::String(text)) => Cell::Text(text.clone()),
        Some(Value::Number(number)) => match number.as_f64() {
            // A whole number beyond those that a float tells apart stays as it is written.
            Some(float) if float.abs() < 9e15 || number.is_f64() => Cell::Number(float),
            _ => Cell::Json(Value::Number(number.clone())),
        },
        Some(other) => Cell::Json(other.clone()),
    }
}

/// The value at some keys; a number is the place in a list. Where a key holds a point itself, it is found too.
fn at<'v>(value: &'v Value, keys: &[String]) -> Option<&'v Value> {
    if keys.is_empty() {
        return Some(value);
    }
    if let Value::Array(list) = value {
        return at(list.get(keys[0].parse::<usize>().ok()?)?, &keys[1..]);
    }
    let map: &Map<String, Value> = value.as_object()?;
    (1..=keys.len()).find_map(|end| at(map.get(&keys[..end].join("."))?, &keys[end..]))
}

impl Cell {
    /// As JSON: times in UTC, ranges as `begin` and `end`, null where there is nothing or an end is open.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Bool(value) => json!(value),
            Self::Number(number) => whole(*number),
            Self::Numbers(begin, end) => json!({"begin": whole(*begin), "end": whole(*end)}),
            Self::Time(at) => instant(*at),
            Self::Times(time) => json!({"begin": instant(time.begin), "end": instant(time.end)}),
            Self::Text(text) => json!(text),
            Self::Json(value) => value.clone(),
        }
    }

    /// The order of two cells: numbers and times by size, ranges by their middle, texts by their characters; what is of
    /// another kind comes after.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Json(a), Self::Json(b)) => a.to_string().cmp(&b.to_string()),
            (a, b) => match (a.number(), b.number()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => match (a.time(), b.time()) {
                    (Some(a), Some(b)) => a.cmp(&b),
                    _ => a.kind().cmp(&b.kind()),
                },
            },
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Numbers(low, high) if low.is_finite() && high.is_finite() => Some(f64::midpoint(*low, *high)),
            Self::Numbers(low, high) => Some(if low.is_finite() { *low } else { *high }),
            _ => None,
        }
    }

    fn time(&self) -> Option<i64> {
        match self {
            Self::Time(at) => Some(*at),
            Self::Times(time) => Some(middle(*time)),
            _ => None,
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Number(_) | Self::Numbers(..) => 1,
            Self::Time(_) | Self::Times(_) => 2,
            Self::Text(_) => 3,
            Self::Json(_) => 4,
            Self::Nothing => 5,
        }
    }
}

/// The middle of a time, as datasets are ordered by it; its one end where the other is open.
fn middle(time: Micros) -> i64 {
    let ends = [Timestamp::MIN, Timestamp::MAX].map(Timestamp::as_microsecond);
    match (time.begin > ends[0], time.end < ends[1]) {
        (true, false) => time.begin,
        (false, true) => time.end,
        _ => time.begin.saturating_add(time.end.saturating_sub(time.begin).div_euclid(2)),
    }
}

/// A number, without a point where it is whole; null where it is infinite.
#[expect(clippy::cast_possible_truncation, reason = "whole and small enough to be exact")]
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

/// An instant in UTC; null where it stands for an open end.
fn instant(micros: i64) -> Value {
    let ends = [Timestamp::MIN, Timestamp::MAX].map(Timestamp::as_microsecond);
    match Timestamp::from_microsecond(micros) {
        Ok(at) if micros > ends[0] && micros < ends[1] => json!(at.to_string()),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(path: &str) -> Vec<String> {
        path.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn paths_lead_through_mappings_lists_and_keys_with_points() {
        let document = json!({"properties": {"eo:gsd": 10, "a.b": {"c": 1}, "a": {"x": 2}}, "list": [[5, 6]]});
        let found = |path| at(&document, &keys(path)).cloned();
        assert_eq!(found("properties.eo:gsd"), Some(json!(10)));
        assert_eq!(found("properties.a.b.c"), Some(json!(1)));
        assert_eq!(found("properties.a.x"), Some(json!(2)));
        assert_eq!(found("list.0.1"), Some(json!(6)));
        for path in ["properties.none", "list.x", "list.9", "properties.eo:gsd.deeper"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn longitudes_across_the_antimeridian_go_on_past_180() {
        let two = [BoundingBox::new(-180.0, 0.0, -178.0, 1.0), BoundingBox::new(177.0, 0.0, 180.0, 1.0)];
        assert_eq!(longitudes(&two), (177.0, 182.0));
        assert_eq!(longitudes(&[two[1], two[0]]), (177.0, 182.0));
        assert_eq!(longitudes(&two[1..]), (177.0, 180.0));
    }

    #[test]
    fn cells_are_ordered_by_what_they_mean() {
        let less = |a: &Cell, b: &Cell| assert_eq!(a.compare(b), Ordering::Less, "{a:?} {b:?}");
        less(&Cell::Number(9.0), &Cell::Number(10.0));
        less(&Cell::Numbers(0.0, 10.0), &Cell::Number(6.0));
        let from_three_to_nine = Micros { begin: 3, end: 9 };
        less(&Cell::Time(5), &Cell::Times(from_three_to_nine));
        less(&Cell::Text("10".to_owned()), &Cell::Text("9".to_owned()));
        less(&Cell::Number(1e9), &Cell::Text(String::new()));
        less(&Cell::Text("z".to_owned()), &Cell::Nothing);
    }

    #[test]
    fn open_ends_are_null() {
        let open = Micros { begin: Timestamp::MIN.as_microsecond(), end: 0 };
        assert_eq!(middle(open), 0);
        assert_eq!(Cell::Times(open).json(), json!({"begin": null, "end": "1970-01-01T00:00:00Z"}));
        assert_eq!(Cell::Numbers(f64::NEG_INFINITY, 2.5).json(), json!({"begin": null, "end": 2.5}));
        assert_eq!(Cell::Number(3.0).json(), json!(3));
    }
}
