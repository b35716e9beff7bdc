//! The values of search fields in a dataset.

use cube_geo::LonLatExtent;
use indexmap::IndexMap;
use serde_json::Value;

use super::{FieldType, MetadataType, SearchField};
use crate::{Dataset, FieldValue, parse_instant};

/// What a search field holds in one dataset.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldContent {
    /// One value.
    Value(FieldValue),
    /// From a beginning to an end; at least one of them is there.
    Range {
        /// The least of the values that may be the beginning.
        begin: Option<FieldValue>,
        /// The greatest of the values that may be the end.
        end: Option<FieldValue>,
    },
}

impl MetadataType {
    /// The values of all search fields that this dataset has. EO3 documents do not carry their range of longitudes and
    /// latitudes (`extent.lon`, `extent.lat`); it comes from `extent`, the one of the dataset's footprint.
    #[must_use]
    pub fn values(&self, dataset: &Dataset, extent: Option<LonLatExtent>) -> IndexMap<&str, FieldContent> {
        let value = |field: &SearchField| field.extract(&dataset.document).or_else(|| from_extent(field, extent?));
        self.search_fields.iter().filter_map(|(name, field)| Some((name.as_str(), value(field)?))).collect()
    }
}

impl SearchField {
    /// The field's content in a dataset document, `None` where it is not there or is not of the field's type. A range
    /// goes from the least of its beginnings to the greatest of its ends, as datacube reads it.
    #[must_use]
    pub fn extract(&self, document: &Value) -> Option<FieldContent> {
        if !self.kind.is_range() {
            return convert(self.kind, at(document, self.min_offsets.first()?)?).map(FieldContent::Value);
        }
        let values = |offsets: &[Vec<String>]| -> Vec<FieldValue> {
            offsets.iter().filter_map(|offset| convert(self.kind, at(document, offset)?)).collect()
        };
        let begin = values(&self.min_offsets).into_iter().reduce(|a, b| if is_less(&b, &a) { b } else { a });
        let end = values(&self.max_offsets).into_iter().reduce(|a, b| if is_less(&a, &b) { b } else { a });
        (begin.is_some() || end.is_some()).then_some(FieldContent::Range { begin, end })
    }
}

/// The value at some keys; in a list a key is a place, from 0.
fn at<'v>(document: &'v Value, offset: &[String]) -> Option<&'v Value> {
    let inside = |value: &'v Value, key: &String| match value {
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    };
    offset.iter().try_fold(document, inside).filter(|v| !v.is_null())
}

fn convert(kind: FieldType, value: &Value) -> Option<FieldValue> {
    match kind {
        FieldType::String => Some(FieldValue::Text(match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })),
        FieldType::Double
        | FieldType::Numeric
        | FieldType::DoubleRange
        | FieldType::NumericRange
        | FieldType::FloatRange => number(value).map(FieldValue::Number),
        FieldType::Integer | FieldType::IntegerRange => number(value).map(|n| FieldValue::Number(n.trunc())),
        FieldType::Boolean => {
            let text = || value.as_str()?.trim().to_ascii_lowercase().parse().ok();
            value.as_bool().or_else(text).map(FieldValue::Bool)
        }
        FieldType::Datetime | FieldType::DatetimeRange => {
            value.as_str().and_then(|text| parse_instant(text).ok()).map(FieldValue::Time)
        }
        FieldType::Object => Some(FieldValue::Text(value.to_string())),
    }
}

/// A finite number, or text that is one.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|n: &f64| n.is_finite())
}

fn is_less(a: &FieldValue, b: &FieldValue) -> bool {
    match (a, b) {
        (FieldValue::Number(a), FieldValue::Number(b)) => a < b,
        (FieldValue::Time(a), FieldValue::Time(b)) => a < b,
        _ => false,
    }
}

/// The range of longitudes or latitudes, where the field asks for it in EO3's place.
fn from_extent(field: &SearchField, extent: LonLatExtent) -> Option<FieldContent> {
    let asks = |axis: &str| {
        let is = |offsets: &[Vec<String>], end: &str| offsets.iter().any(|o| o.iter().eq(["extent", axis, end]));
        is(&field.min_offsets, "begin") && is(&field.max_offsets, "end")
    };
    let range =
        |begin, end| FieldContent::Range { begin: Some(FieldValue::Number(begin)), end: Some(FieldValue::Number(end)) };
    if asks("lon") {
        Some(range(extent.west, extent.east))
    } else {
        asks("lat").then(|| range(extent.south, extent.north))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::default_metadata_types;
    use serde_json::json;

    #[test]
    fn a_range_goes_from_the_least_beginning_to_the_greatest_end() {
        let eo3 = default_metadata_types().unwrap().swap_remove(0);
        let document = json!({"properties": {
            "datetime": "2034-05-17T10:00:00Z", "dtr:start_datetime": "2034-05-17 09:00:00", "eo:cloud_cover": "12.5",
            "odc:region_code": 33
        }});
        let time = |t: &str| Some(FieldValue::Time(t.parse().unwrap()));
        assert_eq!(
            eo3.search_fields["time"].extract(&document),
            Some(FieldContent::Range { begin: time("2034-05-17T09:00:00Z"), end: time("2034-05-17T10:00:00Z") })
        );
        assert_eq!(
            eo3.search_fields["cloud_cover"].extract(&document),
            Some(FieldContent::Value(FieldValue::Number(12.5)))
        );
        assert_eq!(
            eo3.search_fields["region_code"].extract(&document),
            Some(FieldContent::Value(FieldValue::Text("33".into())))
        );
        assert_eq!(eo3.search_fields["platform"].extract(&document), None);
        assert_eq!(eo3.search_fields["lat"].extract(&document), None);
    }

    #[test]
    fn offsets_go_through_mappings_and_lists() {
        let field = |kind, offset: &[&str]| SearchField {
            description: None,
            kind,
            min_offsets: vec![offset.iter().map(|key| (*key).to_owned()).collect()],
            max_offsets: Vec::new(),
            indexed: true,
        };
        let document = json!({"a": {"b": [5, {"c": "x"}], "flag": " True "}});
        let value = |kind, offset: &[&str]| field(kind, offset).extract(&document);
        let number = FieldContent::Value(FieldValue::Number(5.0));
        assert_eq!(value(FieldType::Integer, &["a", "b", "0"]), Some(number));
        let text = |t: &str| Some(FieldContent::Value(FieldValue::Text(t.to_owned())));
        assert_eq!(value(FieldType::String, &["a", "b", "1", "c"]), text("x"));
        assert_eq!(value(FieldType::String, &["a", "b"]), text("[5,{\"c\":\"x\"}]"));
        assert_eq!(value(FieldType::Boolean, &["a", "flag"]), Some(FieldContent::Value(FieldValue::Bool(true))));
        for offset in [&["a", "b", "2"][..], &["a", "b", "-1"], &["a", "b", "x"], &["a", "c"], &["a", "flag", "0"]] {
            assert_eq!(value(FieldType::String, offset), None, "{offset:?}");
        }
    }
}
