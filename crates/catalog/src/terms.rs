//! What a search asks of fields, in the store's terms.

use std::collections::BTreeSet;
use std::ops::Bound;

use cube_geo::BoundingBox;
use cube_model::{FieldTerm, FieldTest, FieldType, FieldValue, TimeRange};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::definitions::{Definitions, ProductEntry};
use crate::fields::BUILT_IN;
use crate::locations::spellings;
use crate::near::near_names;
use crate::rows::{Condition, Micros, Place, Term};
use crate::{CatalogError, Result};

/// A term of a search, made ready.
pub(crate) enum Compiled {
    /// For the store.
    Values(Term),
    /// For the exact test after it.
    Place(Place),
}

/// Makes a term ready for these products.
///
/// # Errors
/// Where no product searched has the field, or a value does not fit it.
pub(crate) fn compile(term: &FieldTerm, searched: &[&ProductEntry], definitions: &Definitions) -> Result<Compiled> {
    let name = term.name.as_str();
    if matches!(name, "lat" | "lon") {
        let ranges = term.any.iter().map(|test| numbers(name, test)).collect::<Result<Vec<_>>>()?;
        let place = if name == "lat" { Place::Latitude } else { Place::Longitude };
        return Ok(Compiled::Place(place(ranges, term.negated)));
    }
    let mut any = Vec::new();
    for test in &term.any {
        match name {
            "id" => any.push(Condition::Id(id(name, test)?)),
            "product" => {
                let wanted = equal_text(name, test)?;
                any.push(Condition::Product(vec![definitions.product(&wanted)?.key]));
            }
            "metadata_type" => {
                let wanted = equal_text(name, test)?;
                definitions.metadata_type(&wanted)?;
                let of_type = definitions.products().filter(|p| p.row.metadata_type == wanted);
                any.push(Condition::Product(of_type.map(|p| p.key).collect()));
            }
            "time" => any.push(Condition::DatasetTime(times(name, test)?)),
            "indexed_time" => any.push(Condition::Indexed(times(name, test)?)),
            "location" | "uri" => {
                any.extend(spellings(&equal_text(name, test)?).into_iter().map(Condition::Location));
            }
            _ => any.extend(conditions(name, test, searched)?),
        }
    }
    Ok(Compiled::Values(Term { any, negated: term.negated }))
}

/// The conditions of one test on a field of metadata types: one for each kind of value that it has among the products.
fn conditions(name: &str, test: &FieldTest, searched: &[&ProductEntry]) -> Result<Vec<Condition>> {
    let mut of_kind: Vec<(FieldType, Vec<i64>)> = Vec::new();
    for product in searched {
        if let (Some(field), Some(key)) = (product.metadata_type.search_fields.get(name), product.fields.get(name)) {
            match of_kind.iter_mut().find(|(kind, _)| *kind == field.kind) {
                Some((_, keys)) => keys.push(*key),
                None => of_kind.push((field.kind, vec![*key])),
            }
        }
    }
    if of_kind.is_empty() {
        return Err(unknown_field(name, searched));
    }
    let mut conditions = Vec::new();
    for (kind, keys) in of_kind {
        match (kind, test) {
            // Codes that look like numbers: texts have no range of numbers, so two of them are a list.
            (
                FieldType::String | FieldType::Object,
                FieldTest::Between(Some(a @ FieldValue::Number(_)), Some(b @ FieldValue::Number(_))),
            ) => {
                for value in [a, b] {
                    conditions.push(condition(name, &FieldTest::Equals(value.clone()), kind, keys.clone())?);
                }
            }
            _ => conditions.push(condition(name, test, kind, keys)?),
        }
    }
    Ok(conditions)
}

fn condition(name: &str, test: &FieldTest, kind: FieldType, keys: Vec<i64>) -> Result<Condition> {
    Ok(match kind {
        FieldType::String | FieldType::Object => {
            let (low, high) = texts(name, test)?;
            if low.is_some() && high.is_some() && low > high {
                return Err(reversed(name, "text", test));
            }
            Condition::Text(keys, low, high)
        }
        FieldType::Boolean => {
            let value = boolean(name, test)?.to_string();
            Condition::Text(keys, Some(value.clone()), Some(value))
        }
        FieldType::Datetime | FieldType::DatetimeRange => Condition::Time(keys, times(name, test)?),
        FieldType::Double
        | FieldType::Integer
        | FieldType::Numeric
        | FieldType::DoubleRange
        | FieldType::IntegerRange
        | FieldType::NumericRange
        | FieldType::FloatRange => {
            let (low, high) = numbers(name, test)?;
            Condition::Number(keys, low, high)
        }
    })
}

pub(crate) fn unknown_field(name: &str, searched: &[&ProductEntry]) -> CatalogError {
    let known: BTreeSet<&str> = searched
        .iter()
        .flat_map(|p| p.metadata_type.search_fields.keys().map(String::as_str))
        .chain(BUILT_IN)
        .collect();
    let of = match searched {
        [one] => format!("product {:?} has", one.row.name),
        [] => "the catalog has no products, so it has".to_owned(),
        many => format!("the {} products searched have", many.len()),
    };
    let near = near_names(name, known.iter().copied());
    CatalogError::UnknownField {
        field: name.to_owned(),
        near,
        of,
        known: known.into_iter().map(str::to_owned).collect(),
    }
}

/// Low and high of a test, the same for equality.
fn ends(test: &FieldTest) -> (Bound<&FieldValue>, Bound<&FieldValue>) {
    match test {
        FieldTest::Equals(value) => (Bound::Included(value), Bound::Included(value)),
        FieldTest::Between(low, high) => (
            low.as_ref().map_or(Bound::Unbounded, Bound::Included),
            high.as_ref().map_or(Bound::Unbounded, Bound::Included),
        ),
        FieldTest::Within(low, high) => (low.as_ref(), high.as_ref()),
    }
}

/// Texts have no next one that every store could compare with, so that none is left out.
fn texts(name: &str, test: &FieldTest) -> Result<(Option<String>, Option<String>)> {
    let one = |end: Bound<&FieldValue>| match end {
        Bound::Included(value) => Ok(Some(shown(value))),
        Bound::Unbounded => Ok(None),
        Bound::Excluded(_) => Err(refuse(name, "text", shown_test(test), "texts are compared by =, !=, in, >= and <=")),
    };
    let (low, high) = ends(test);
    Ok((one(low)?, one(high)?))
}

fn equal_text(name: &str, test: &FieldTest) -> Result<String> {
    match test {
        FieldTest::Equals(value) => Ok(shown(value)),
        FieldTest::Between(..) | FieldTest::Within(..) => {
            Err(refuse(name, "text", shown_test(test), "give one value, or several joined by OR"))
        }
    }
}

fn id(name: &str, test: &FieldTest) -> Result<Uuid> {
    let given = equal_text(name, test)?;
    given.parse().map_err(|_| refuse(name, "UUID", format!("{given:?}"), "give it as 8-4-4-4-12 hexadecimal digits"))
}

fn boolean(name: &str, test: &FieldTest) -> Result<bool> {
    let refuse = || refuse(name, "boolean", shown_test(test), "give true or false");
    match test {
        FieldTest::Equals(FieldValue::Bool(value)) => Ok(*value),
        FieldTest::Equals(FieldValue::Text(word)) => word.to_lowercase().parse().map_err(|_| refuse()),
        _ => Err(refuse()),
    }
}

fn numbers(name: &str, test: &FieldTest) -> Result<(f64, f64)> {
    let one = |value: &FieldValue| {
        let number = value.as_number();
        number
            .filter(|n| !n.is_nan())
            .ok_or_else(|| refuse(name, "number", format!("{:?}", shown(value)), "give a number or [low, high]"))
    };
    // The next number is the least that is greater: nothing lies between the two.
    let (low, high) = ends(test);
    let low = match low {
        Bound::Unbounded => f64::NEG_INFINITY,
        Bound::Included(value) => one(value)?,
        Bound::Excluded(value) => one(value)?.next_up(),
    };
    let high = match high {
        Bound::Unbounded => f64::INFINITY,
        Bound::Included(value) => one(value)?,
        Bound::Excluded(value) => one(value)?.next_down(),
    };
    if low > high { Err(reversed(name, "number", test)) } else { Ok((low, high)) }
}

/// Times of any precision: a day is the whole day, also where it is left out.
fn times(name: &str, test: &FieldTest) -> Result<Micros> {
    let one = |value: &FieldValue| match value {
        FieldValue::Time(at) => Ok(TimeRange::instant(*at)),
        other => shown(other).parse::<TimeRange>().map_err(|_| {
            refuse(
                name,
                "time",
                format!("{:?}", shown(other)),
                "give 2034, 2034-05, 2034-05-17 or 2034-05-17T10:00:00Z",
            )
        }),
    };
    let micro = SignedDuration::from_micros(1);
    let (low, high) = ends(test);
    let begin = match low {
        Bound::Unbounded => Timestamp::MIN,
        Bound::Included(value) => one(value)?.begin,
        Bound::Excluded(value) => one(value)?.end.checked_add(micro).unwrap_or(Timestamp::MAX),
    };
    let end = match high {
        Bound::Unbounded => Timestamp::MAX,
        Bound::Included(value) => one(value)?.end,
        Bound::Excluded(value) => one(value)?.begin.checked_sub(micro).unwrap_or(Timestamp::MIN),
    };
    if begin > end { Err(reversed(name, "time", test)) } else { Ok(Micros::inside(begin, end)) }
}

fn refuse(name: &str, kind: &'static str, value: String, hint: &'static str) -> CatalogError {
    CatalogError::FieldValue { field: name.to_owned(), kind, value, hint }
}

fn reversed(name: &str, kind: &'static str, test: &FieldTest) -> CatalogError {
    refuse(name, kind, shown_test(test), "the first value is greater than the second, swap them")
}

/// A value as text; a whole number without a point.
fn shown(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => text.clone(),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Bool(value) => value.to_string(),
        FieldValue::Time(at) => at.to_string(),
    }
}

fn shown_test(test: &FieldTest) -> String {
    match test {
        FieldTest::Equals(value) => format!("{:?}", shown(value)),
        FieldTest::Between(low, high) => {
            let end = |value: &Option<FieldValue>| value.as_ref().map_or_else(String::new, shown);
            format!("[{}, {}]", end(low), end(high))
        }
        FieldTest::Within(low, high) => {
            let mut parts = Vec::new();
            for (end, or_equal, strictly) in [(low, ">=", ">"), (high, "<=", "<")] {
                match end {
                    Bound::Unbounded => {}
                    Bound::Included(value) => parts.push(format!("{or_equal} {}", shown(value))),
                    Bound::Excluded(value) => parts.push(format!("{strictly} {}", shown(value))),
                }
            }
            parts.join(" ")
        }
    }
}

/// Boxes that every dataset passing these tests of longitude and latitude touches; `None` where there are no such
/// tests or they exclude rather than ask.
pub(crate) fn boxes_of(places: &[Place]) -> Option<Vec<BoundingBox>> {
    let mut lons = vec![(-180.0, 180.0)];
    let mut lats = vec![(-90.0, 90.0)];
    let mut asked = false;
    for place in places {
        match place {
            Place::Longitude(ranges, false) => lons.clone_from(ranges),
            Place::Latitude(ranges, false) => lats.clone_from(ranges),
            Place::Longitude(_, true) | Place::Latitude(_, true) | Place::Area(_) => continue,
        }
        asked = true;
    }
    let finite = |x: f64| x.clamp(-1e6, 1e6);
    let boxes = lons.iter().flat_map(|(west, east)| {
        lats.iter().map(|(south, north)| BoundingBox::new(finite(*west), finite(*south), finite(*east), finite(*north)))
    });
    asked.then(|| boxes.collect())
}
