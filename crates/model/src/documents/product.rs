//! Product definitions.

use serde_json::Value;

use super::check::{Faults, Node, describe, is_word};
use super::error::{DocumentError, Rule};
use super::{DocumentKind, RawDocument, load_hints, measurement, metadata_type};
use crate::{DataType, ExtraDimension, Measurement, MetadataType, Product};

const KEYS: [&str; 10] = [
    "name",
    "description",
    "license",
    "metadata_type",
    "metadata",
    "measurements",
    "load",
    "storage",
    "extra_dimensions",
    "managed",
];

const STORAGE_KEYS: [&str; 7] = ["chunking", "crs", "dimension_order", "resolution", "tile_size", "origin", "driver"];

impl Product {
    /// The product that a definition or a STAC collection defines.
    ///
    /// # Errors
    /// Where the document breaks datacube's schema of products, a nodata value does not fit its data type, or an extra
    /// dimension is not declared. All faults are reported together.
    pub fn from_document(document: &RawDocument) -> Result<Self, DocumentError> {
        let made;
        let document = if document.kind() == DocumentKind::StacCollection {
            made = crate::stac::product_document(document)?;
            &made
        } else {
            document
        };
        let mut faults = Faults::default();
        let product = read(&Node::root(&document.value), &mut faults);
        faults.into_result(document, product)
    }

    /// The metadata type that stands inside the document, where the product brings its own.
    ///
    /// # Errors
    /// Never for a product that came from [`Product::from_document`].
    pub fn embedded_metadata_type(&self) -> Result<Option<MetadataType>, DocumentError> {
        match self.document.get("metadata_type") {
            Some(value) if value.is_object() => {
                let document = RawDocument::from_value(value.clone(), format!("product {}", self.name));
                MetadataType::from_document(&document).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Checks that the product's metadata type is among `known` or stands in the document itself.
    ///
    /// # Errors
    /// Where it is not; `document` is the one that the product came from.
    pub fn check_metadata_type<'k>(
        &self,
        document: &RawDocument,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Result<(), DocumentError> {
        let known: Vec<&str> = known.into_iter().collect();
        let root = Node::root(&document.value);
        let mut faults = Faults::default();
        if let Some(at) =
            root.get("metadata_type").filter(|n| n.value.is_string() && !known.contains(&self.metadata_type.as_str()))
        {
            let message =
                format!("expected one of the metadata types {}, got {}", known.join(", "), describe(at.value));
            faults.add(&at, Rule::Match, message, "add that metadata type first, or use one that is known");
        }
        faults.into_result(document, Some(()))
    }
}

fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Product> {
    let map =
        faults.mapping(node, "a product definition: a mapping with name, description, metadata_type and metadata")?;
    for key in map.keys().filter(|k| !KEYS.contains(&k.as_str())) {
        // Values that other parts of the document point at may stand in keys such as default_flags.
        match key.split_once("default_") {
            Some((_, name)) if name.starts_with(|c: char| c.is_alphanumeric() || c == '_') => {
                if let Some(at) = node.get(key) {
                    faults.mapping(&at, "a mapping");
                }
            }
            _ => faults.unknown(node, key, &KEYS),
        }
    }
    let name = faults.need_text(node, "name", "the name of the product");
    if let (Some(name), Some(at)) = (name, node.get("name"))
        && !is_word(name)
    {
        faults.wrong(&at, "a name of letters, digits and underscores", "rename the product");
    }
    let description = faults.need_text(node, "description", "what the product is, in a sentence");
    let license = faults.text(node, "license", "an SPDX identifier, various or proprietary");
    if let (Some(license), Some(at)) = (license, node.get("license"))
        && !is_licence(license)
    {
        let expected = "an SPDX identifier, various or proprietary (letters, digits, - . + _)";
        faults.wrong(&at, expected, "write the licence's SPDX identifier, such as CC-BY-4.0");
    }
    let metadata_type = metadata_type_name(node, faults);
    let metadata = if let Some(at) = node.get("metadata") {
        faults.mapping(&at, "a mapping: the part of a dataset document that makes it one of this product");
        at.value.clone()
    } else {
        faults.missing(node, "metadata", "the part of a dataset document that makes it one of this product");
        Value::Null
    };
    if let Some(at) = node.get("managed").filter(|n| !n.value.is_boolean()) {
        faults.wrong(&at, "true or false", "write true or false");
    }
    let extra_dimensions = extra_dimensions(node, faults);
    let measurements = measurements(node, &extra_dimensions, faults);
    if let Some(storage) = node.get("storage") {
        check_storage(&storage, faults);
    }
    let load_hints = load_hints::read(node, faults);
    Some(Product {
        name: name?.to_owned(),
        description: description?.to_owned(),
        license: license.map(str::to_owned),
        metadata_type: metadata_type?,
        metadata,
        measurements,
        load_hints,
        extra_dimensions,
        document: node.value.clone(),
    })
}

/// `^[\w\-.+]+$`.
fn is_licence(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_-.+".contains(c))
}

/// The name of the metadata type, be it named or written out.
fn metadata_type_name(node: &Node<'_>, faults: &mut Faults) -> Option<String> {
    let Some(at) = node.get("metadata_type") else {
        faults.missing(node, "metadata_type", "the name of a metadata type, such as eo3");
        return None;
    };
    match at.value {
        Value::String(name) => Some(name.clone()),
        Value::Object(_) => metadata_type::read(&at, faults).map(|m| m.name),
        _ => {
            faults.wrong(&at, "the name of a metadata type, or a metadata type", "write a name, such as eo3");
            None
        }
    }
}

fn measurements(node: &Node<'_>, extra: &[ExtraDimension], faults: &mut Faults) -> Vec<Measurement> {
    let Some(at) = node.get("measurements") else { return Vec::new() };
    let Some(list) = faults.list(&at, "a list of measurements") else { return Vec::new() };
    let mut measurements: Vec<Measurement> = Vec::with_capacity(list.len());
    for (i, value) in list.iter().enumerate() {
        let item = at.item(i, value);
        let Some(measurement) = measurement::read(&item, extra, faults) else { continue };
        if measurements.iter().any(|m| m.name == measurement.name) {
            let message = format!("expected another name than those before, got {:?} a second time", measurement.name);
            faults.add(&item, Rule::Consistency, message, "rename or remove one of the two measurements");
        }
        measurements.push(measurement);
    }
    measurements
}

fn extra_dimensions(node: &Node<'_>, faults: &mut Faults) -> Vec<ExtraDimension> {
    let Some(at) = node.get("extra_dimensions") else { return Vec::new() };
    let Some(list) = faults.list(&at, "a list of extra dimensions") else { return Vec::new() };
    list.iter().enumerate().filter_map(|(i, value)| extra_dimension(&at.item(i, value), faults)).collect()
}

fn extra_dimension(node: &Node<'_>, faults: &mut Faults) -> Option<ExtraDimension> {
    faults.mapping(node, "an extra dimension: a mapping with name, values and dtype")?;
    faults.only(node, &["name", "values", "dtype", "units"]);
    let name = faults.need_text(node, "name", "the name of the dimension");
    let dtype = measurement::dtype(node, faults);
    let units = faults.text(node, "units", "units of the values").map(str::to_owned);
    let mut values = Vec::new();
    if let Some(at) = node.get("values") {
        for (i, value) in faults.list(&at, "a list of coordinate values")?.iter().enumerate() {
            values.extend(faults.number(&at.item(i, value), "a number"));
        }
    } else {
        faults.missing(node, "values", "the coordinate values");
    }
    let dtype: DataType = dtype?;
    Some(ExtraDimension { name: name?.to_owned(), values, dtype, units })
}

fn check_storage(node: &Node<'_>, faults: &mut Faults) {
    if faults.mapping(node, "a mapping with crs, resolution and the like").is_none() {
        return;
    }
    faults.only(node, &STORAGE_KEYS);
    faults.text(node, "crs", "the CRS");
    faults.text(node, "driver", "the storage driver");
    for key in ["chunking", "resolution", "tile_size", "origin"] {
        if let Some(at) = node.get(key) {
            faults.mapping(&at, "a mapping by dimension name");
        }
    }
    if let Some(at) = node.get("dimension_order") {
        faults.list(&at, "a list of dimension names");
    }
}
