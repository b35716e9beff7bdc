//! Search fields: what of a document is indexed.

use cube_model::{FieldContent, FieldValue, MetadataType};
use jiff::Timestamp;
use serde_json::Value;

use crate::definitions::ProductEntry;
use crate::rows::{Micros, Values};

/// Fields that every dataset has, whatever its metadata type says. They are answered from the dataset's own columns and
/// never stored as values.
pub(crate) const BUILT_IN: [&str; 9] =
    ["id", "product", "metadata_type", "time", "lat", "lon", "location", "uri", "indexed_time"];

/// The names of a metadata type's fields whose values are stored.
pub(crate) fn indexed(metadata_type: &MetadataType) -> Vec<&str> {
    metadata_type.search_fields.keys().map(String::as_str).filter(|name| !BUILT_IN.contains(name)).collect()
}

/// The values of a document's search fields. Each is stored by its kind, whether or not the metadata type asks for an
/// index: a field that may be searched is searched fast.
pub(crate) fn values(document: &Value, product: &ProductEntry) -> Values {
    let mut values = Values::default();
    for (name, field) in &product.metadata_type.search_fields {
        let Some(key) = product.fields.get(name).copied() else { continue };
        let (begin, end) = match field.extract(document) {
            Some(FieldContent::Value(value)) => (Some(value.clone()), Some(value)),
            Some(FieldContent::Range { begin, end }) => (begin, end),
            None => continue,
        };
        match (begin, end) {
            (Some(FieldValue::Text(text)), _) => values.texts.push((key, text)),
            (Some(FieldValue::Bool(value)), _) => values.texts.push((key, value.to_string())),
            (begin @ Some(FieldValue::Number(_)), end) | (begin, end @ Some(FieldValue::Number(_))) => {
                let low = begin.and_then(|v| v.as_number()).unwrap_or(f64::NEG_INFINITY);
                let high = end.and_then(|v| v.as_number()).unwrap_or(f64::INFINITY);
                values.numbers.push((key, low, high));
            }
            (begin, end) => {
                let at = |value: Option<FieldValue>| match value {
                    Some(FieldValue::Time(at)) => Some(at),
                    _ => None,
                };
                let (begin, end) = (at(begin), at(end));
                let micros = Micros::around(begin.unwrap_or(Timestamp::MIN), end.unwrap_or(Timestamp::MAX));
                values.times.push((key, micros));
            }
        }
    }
    values
}
