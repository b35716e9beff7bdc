//! Metadata type documents.

use indexmap::IndexMap;
use serde_json::Value;

use super::check::{Faults, Node};
use super::error::{DocumentError, Rule};
use super::{RawDocument, parse};
use crate::{FieldType, MetadataType, SearchField};

const SECTIONS: [&str; 8] =
    ["id", "creation_dt", "label", "sources", "measurements", "format", "grid_spatial", "search_fields"];

impl MetadataType {
    /// The metadata type that a document describes.
    ///
    /// # Errors
    /// Where the document breaks datacube's schema of metadata types.
    pub fn from_document(document: &RawDocument) -> Result<Self, DocumentError> {
        let mut faults = Faults::default();
        let metadata_type = read(&Node::root(&document.value), &mut faults);
        faults.into_result(document, metadata_type)
    }

    /// What keeps datacube's postgis driver from taking this metadata type for EO3 datasets: EO3 says where id, label,
    /// measurements, creation time, format and sources stand, and search fields other than `lat` and `lon` must be
    /// properties or the CRS. Empty where nothing does.
    #[must_use]
    pub fn eo3_conflicts(&self) -> Vec<String> {
        let Some(dataset) = self.document.get("dataset") else { return vec!["there is no section `dataset`".into()] };
        let mut conflicts = Vec::new();
        for (section, offset) in [
            ("id", &["id"][..]),
            ("measurements", &["measurements"]),
            ("label", &["label"]),
            ("creation_dt", &["properties", "odc:processing_datetime"]),
            ("format", &["properties", "odc:file_format"]),
        ] {
            // A section that is left out contradicts nothing; the schema demands those that must be there.
            let written = dataset.get(section).and_then(Value::as_array);
            if written.is_some_and(|w| !w.iter().map(Value::as_str).eq(offset.iter().map(|o| Some(*o)))) {
                conflicts.push(format!("dataset.{section} must be [{}]", offset.join(", ")));
            }
        }
        if dataset.pointer("/sources/0").and_then(Value::as_str) != Some("lineage") {
            conflicts.push("dataset.sources must begin with lineage".into());
        }
        let in_eo3 = |offset: &Vec<String>| match offset.as_slice() {
            [only] => only == "crs",
            [first, _] => first == "properties",
            _ => false,
        };
        for (name, field) in self.search_fields.iter().filter(|(name, _)| !["lat", "lon"].contains(&name.as_str())) {
            if !field.min_offsets.iter().chain(&field.max_offsets).all(in_eo3) {
                conflicts.push(format!("search field {name} must be read from the properties or the crs"));
            }
        }
        conflicts
    }
}

/// The metadata types that every catalog has: `eo3`, and the legacy `eo` and `telemetry`.
///
/// # Errors
/// Never, as long as the documents in this crate are right; a test holds them so.
pub fn default_metadata_types() -> Result<Vec<MetadataType>, DocumentError> {
    let text = include_str!("default_metadata_types.yaml");
    parse(text, "default_metadata_types.yaml")?.iter().map(MetadataType::from_document).collect()
}

/// Checks a metadata type, which may stand inside a product.
pub(super) fn read(node: &Node<'_>, faults: &mut Faults) -> Option<MetadataType> {
    faults.mapping(node, "a metadata type: a mapping with name, description and dataset")?;
    faults.only(node, &["name", "description", "dataset"]);
    let name = faults.need_text(node, "name", "the name of the metadata type");
    let description = faults.need_text(node, "description", "what the metadata type is for");
    let Some(dataset) = node.get("dataset") else {
        faults.missing(node, "dataset", "where things stand in a dataset document");
        return None;
    };
    faults.mapping(&dataset, "a mapping with id, label, creation_dt, sources and search_fields")?;
    faults.only(&dataset, &SECTIONS);
    for section in SECTIONS.iter().filter(|s| **s != "search_fields") {
        match dataset.get(section) {
            Some(at) => drop(offset(&at, faults)),
            None if ["id", "creation_dt", "label", "sources"].contains(section) => {
                faults.missing(&dataset, section, "a list of keys that lead to it");
            }
            None => {}
        }
    }
    let mut search_fields = IndexMap::new();
    if let Some(fields) = dataset.get("search_fields") {
        for (name, value) in faults.mapping(&fields, "a mapping of search fields by name")? {
            if let Some(field) = search_field(&fields.child(name, value), faults) {
                search_fields.insert(name.clone(), field);
            }
        }
    } else {
        faults.missing(&dataset, "search_fields", "the search fields by name");
    }
    Some(MetadataType {
        name: name?.to_owned(),
        description: description.map(str::to_owned),
        search_fields,
        document: node.value.clone(),
    })
}

fn search_field(node: &Node<'_>, faults: &mut Faults) -> Option<SearchField> {
    faults.mapping(node, "a search field: a mapping with type and offset")?;
    faults.only(node, &["description", "type", "offset", "min_offset", "max_offset", "indexed"]);
    let description = faults.text(node, "description", "what the field is").map(str::to_owned);
    let kind = match faults.text(node, "type", "the type of the field") {
        None => FieldType::String,
        Some(name) => FieldType::from_name(name).or_else(|| {
            let names: Vec<&str> = FieldType::ALL.iter().map(|t| t.name()).collect();
            faults.wrong(&node.get("type")?, &format!("one of {}", names.join(", ")), "choose one of these types");
            None
        })?,
    };
    let indexed = match node.get("indexed") {
        None => true,
        Some(at) => at.value.as_bool().or_else(|| {
            faults.wrong(&at, "true or false", "write true or false");
            None
        })?,
    };
    let (min_offsets, max_offsets) = if kind.is_range() {
        (offsets(node, "min_offset", faults), offsets(node, "max_offset", faults))
    } else if let Some(at) = node.get("offset") {
        (offset(&at, faults).map(|o| vec![o]), Some(Vec::new()))
    } else {
        faults.missing(node, "offset", "a list of keys that lead to the value");
        (None, None)
    };
    Some(SearchField { description, kind, min_offsets: min_offsets?, max_offsets: max_offsets?, indexed })
}

/// The list of offsets of one end of a range.
fn offsets(node: &Node<'_>, key: &str, faults: &mut Faults) -> Option<Vec<Vec<String>>> {
    let Some(at) = node.get(key) else {
        faults.missing(node, key, "a list of offsets, each a list of keys");
        return None;
    };
    let list = faults.list(&at, "a list of offsets, each a list of keys")?;
    list.iter().enumerate().map(|(i, value)| offset(&at.item(i, value), faults)).collect()
}

fn offset(node: &Node<'_>, faults: &mut Faults) -> Option<Vec<String>> {
    let list = faults.list(node, "a list of keys, such as [properties, datetime]")?;
    let mut keys = Vec::with_capacity(list.len());
    for (i, value) in list.iter().enumerate() {
        match value.as_str() {
            Some(key) => keys.push(key.to_owned()),
            None => faults.wrong(&node.item(i, value), "a key", "put it in quotes"),
        }
    }
    if list.is_empty() {
        faults.add(node, Rule::Value, "expected at least one key, got an empty list", "write the keys that lead there");
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_metadata_types_are_right() {
        let types = default_metadata_types().unwrap();
        let names: Vec<&str> = types.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["eo3", "eo", "telemetry"]);
        assert_eq!(types[0].eo3_conflicts(), Vec::<String>::new());
        let fields: Vec<&str> = types[0].search_fields.keys().map(String::as_str).collect();
        let expected = "platform instrument product_family region_code dataset_maturity cloud_cover time lon lat";
        assert_eq!(fields.join(" "), expected);
        assert!(!types[1].eo3_conflicts().is_empty());
    }
}
