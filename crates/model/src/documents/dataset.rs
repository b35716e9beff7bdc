//! EO3 dataset documents.

use cube_geo::{Footprint, GeoBox};
use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::check::{Faults, Node, describe};
use super::error::{DocumentError, Rule};
use super::kind::EO3_SCHEMA;
use super::matching::ProductMatcher;
use super::{DocumentKind, RawDocument, geometry, grids};
use crate::time::parse_instant;
use crate::{Dataset, Grid, MeasurementPath, Product, TimeRange};

impl Dataset {
    /// The dataset that an EO3 document or a STAC item describes, as one of the products of `products`. `location` is
    /// where the document is; relative paths of measurements start there. Of items see [`Dataset::from_stac_item`].
    ///
    /// # Errors
    /// Where the document is not of EO3, breaks its rules, matches no product or several, or lacks a measurement of its
    /// product. All faults are reported together.
    pub fn from_document(
        document: &RawDocument,
        location: Option<&str>,
        products: &ProductMatcher,
    ) -> Result<Self, DocumentError> {
        if document.kind() == DocumentKind::StacItem {
            return Self::from_stac_item(document, location, products);
        }
        let mut dataset = checked(document, location, products)?;
        dataset.document = document.value.clone();
        Ok(dataset)
    }

    /// The dataset of a document that was checked when it was indexed: products are not matched again.
    ///
    /// # Errors
    /// Where the document is not one that was checked.
    pub fn from_stored(value: Value, location: Option<&str>, product: &str) -> Result<Self, DocumentError> {
        let mut faults = Faults::default();
        let Some(parts) = read(&Node::root(&value), &mut faults).filter(|_| faults.is_empty()) else {
            let id = value.get("id").and_then(Value::as_str).unwrap_or("without id");
            let source = location.map_or_else(|| format!("stored dataset {id}"), str::to_owned);
            return faults.into_result(&RawDocument::from_value(value, source), None);
        };
        let mut dataset = parts.with(product, location);
        dataset.document = value;
        Ok(dataset)
    }
}

impl RawDocument {
    /// The dataset that this EO3 document or STAC item describes, as [`Dataset::from_document`] makes it, without a copy of the
    /// document.
    ///
    /// # Errors
    /// As [`Dataset::from_document`].
    pub fn into_dataset(mut self, location: Option<&str>, products: &ProductMatcher) -> Result<Dataset, DocumentError> {
        if self.kind() == DocumentKind::StacItem {
            return Dataset::from_stac_item(&self, location, products);
        }
        let mut dataset = checked(&self, location, products)?;
        dataset.document = std::mem::take(&mut self.value);
        Ok(dataset)
    }
}

/// The dataset of a document, with nothing yet in the document's place.
fn checked(
    document: &RawDocument,
    location: Option<&str>,
    products: &ProductMatcher,
) -> Result<Dataset, DocumentError> {
    let root = Node::root(&document.value);
    let mut faults = Faults::default();
    if !check_kind(document, &root, &mut faults) {
        return faults.into_result(document, None);
    }
    let parts = read(&root, &mut faults);
    let product = match_product(&root, products, &mut faults);
    if let Some(product) = product {
        check_measurements(&root, product, &mut faults);
    }
    let dataset = parts.zip(product).map(|(parts, product)| parts.with(&product.name, location));
    faults.into_result(document, dataset)
}

/// Everything that stands in the document itself.
struct Parts {
    id: Uuid,
    label: Option<String>,
    crs: cube_geo::Crs,
    grids: IndexMap<String, Grid>,
    measurements: IndexMap<String, MeasurementPath>,
    time: TimeRange,
    footprint: Footprint,
    properties: Map<String, Value>,
    lineage: IndexMap<String, Vec<Uuid>>,
}

impl Parts {
    fn with(self, product: &str, location: Option<&str>) -> Dataset {
        Dataset {
            id: self.id,
            product: product.to_owned(),
            label: self.label,
            location: location.map(str::to_owned),
            crs: self.crs,
            grids: self.grids,
            measurements: self.measurements,
            time: self.time,
            footprint: self.footprint,
            properties: self.properties,
            lineage: self.lineage,
            document: Value::Null,
        }
    }
}

/// False, with a fault, where this is no EO3 document.
fn check_kind(document: &RawDocument, root: &Node<'_>, faults: &mut Faults) -> bool {
    if let Some(at) = root.get("$schema") {
        if at.value.as_str() == Some(EO3_SCHEMA) {
            return true;
        }
        let message = format!("expected the schema {EO3_SCHEMA:?}, got {}", describe(at.value));
        faults.add(&at, Rule::Unsupported, message, "convert the document to EO3");
        return false;
    }
    let (what, help) = match document.kind() {
        DocumentKind::LegacyDataset => (
            "this is a dataset document from before EO3: it has no $schema",
            "convert it to EO3, as datacube's postgis driver demands it too",
        ),
        DocumentKind::StacCollection => {
            ("this is a STAC collection, not a dataset document", "add it as a product; its items are the datasets")
        }
        DocumentKind::StacCatalog => (
            "this is a STAC catalog, which describes no dataset but links to others",
            "index the collections and items that it links to",
        ),
        DocumentKind::Product => ("this is a product definition, not a dataset document", "add it as a product"),
        DocumentKind::MetadataType => ("this is a metadata type, not a dataset document", "add it as a metadata type"),
        // Items never come here: they are EO3 documents by then.
        DocumentKind::Eo3Dataset | DocumentKind::StacItem => return true,
        DocumentKind::Unknown => {
            faults.mapping(root, "an EO3 dataset document: a mapping with $schema, id, crs, grids and properties");
            if root.value.is_object() {
                faults.missing(root, "$schema", EO3_SCHEMA);
            }
            return false;
        }
    };
    faults.add(root, Rule::Unsupported, what, help);
    false
}

fn read(root: &Node<'_>, faults: &mut Faults) -> Option<Parts> {
    let id = id(root, faults);
    let crs = grids::crs(root, faults);
    let grids = grids::read(root, faults);
    let footprint = crs.as_ref().and_then(|crs| match root.get("geometry") {
        Some(at) => geometry::read(&at, crs, faults),
        None => outline(root, crs, grids.as_ref()?.get("default")?, faults),
    });
    let properties = properties(root, faults);
    let time = properties.and_then(|_| time(&root.get("properties")?, faults));
    let measurements = measurements(root, grids.as_ref(), faults);
    let lineage = lineage(root, faults);
    Some(Parts {
        id: id?,
        label: root.get("label").map(|at| at.value.as_str().map_or_else(|| at.value.to_string(), str::to_owned)),
        crs: crs?,
        grids: grids?,
        measurements,
        time: time?,
        footprint: footprint?,
        properties: properties?.clone(),
        lineage,
    })
}

fn id(root: &Node<'_>, faults: &mut Faults) -> Option<Uuid> {
    let text = faults.need_text(root, "id", "the UUID of the dataset")?;
    let id = Uuid::try_parse(text).ok();
    if id.is_none() {
        faults.wrong(
            &root.get("id")?,
            "a UUID",
            "give the dataset an identity of its own, such as the output of uuidgen",
        );
    }
    id
}

/// The outline of the default grid.
fn outline(root: &Node<'_>, crs: &cube_geo::Crs, grid: &Grid, faults: &mut Faults) -> Option<Footprint> {
    let geobox = GeoBox { shape: grid.shape, affine: grid.affine, crs: crs.clone() };
    match Footprint::from_geobox(&geobox) {
        Ok(footprint) => Some(footprint),
        Err(error) => {
            let at = root.get("grids")?;
            faults.add(&at.get("default")?, Rule::Value, error.to_string(), "check shape, transform and crs");
            None
        }
    }
}

fn properties<'n>(root: &Node<'n>, faults: &mut Faults) -> Option<&'n Map<String, Value>> {
    match root.value.get("properties") {
        None | Some(Value::Null) => {
            faults.missing(root, "properties", "datetime and other properties of the dataset");
            None
        }
        Some(value) => {
            let map = value.as_object();
            if map.is_none() {
                faults.wrong(&root.child("properties", value), "a mapping of properties", "write keys and values");
            }
            map
        }
    }
}

/// From the earlier of start and datetime to the later of end and datetime, as the `time` field of EO3 has it.
fn time(properties: &Node<'_>, faults: &mut Faults) -> Option<TimeRange> {
    let mut instant = |key: &str| -> Option<Timestamp> {
        let text = faults.text(properties, key, "a date and time")?;
        let instant = parse_instant(text).ok();
        if instant.is_none()
            && let Some(at) = properties.get(key)
        {
            faults.wrong(&at, "a date and time", "write it as 2034-05-17T10:00:00Z");
        }
        instant
    };
    let (middle, start, end) = (instant("datetime"), instant("dtr:start_datetime"), instant("dtr:end_datetime"));
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        let at = properties.get("dtr:end_datetime")?;
        let message = format!("expected an end not before the start ({start}), got {end}");
        faults.add(&at, Rule::Consistency, message, "swap dtr:start_datetime and dtr:end_datetime");
        return None;
    }
    let begin = [start, middle].into_iter().flatten().min();
    let last = [end, middle].into_iter().flatten().max();
    let Some((begin, last)) = begin.zip(last) else {
        if ["datetime", "dtr:start_datetime", "dtr:end_datetime"].iter().all(|k| properties.get(k).is_none()) {
            faults.missing(properties, "datetime", "when it was measured, such as 2034-05-17T10:00:00Z");
        } else if properties.get("datetime").is_none() {
            let other = if begin.is_none() { "dtr:start_datetime" } else { "dtr:end_datetime" };
            faults.missing(properties, other, "the other end of the time range, or datetime");
        }
        return None;
    };
    TimeRange::new(begin, last).ok()
}

fn measurements(
    root: &Node<'_>,
    grids: Option<&IndexMap<String, Grid>>,
    faults: &mut Faults,
) -> IndexMap<String, MeasurementPath> {
    let Some(at) = root.get("measurements") else { return IndexMap::new() };
    let Some(map) = faults.mapping(&at, "a mapping of measurements by name") else { return IndexMap::new() };
    let mut measurements = IndexMap::with_capacity(map.len());
    for (name, value) in map {
        if let Some(measurement) = measurement(&at.child(name, value), grids, faults) {
            measurements.insert(name.clone(), measurement);
        }
    }
    measurements
}

fn measurement(
    node: &Node<'_>,
    grids: Option<&IndexMap<String, Grid>>,
    faults: &mut Faults,
) -> Option<MeasurementPath> {
    faults.mapping(node, "a measurement: a mapping with path, and perhaps band, layer and grid")?;
    let path = faults.need_text(node, "path", "the path or URL of the file");
    let grid = faults.text(node, "grid", "the name of a grid").unwrap_or("default");
    // A missing default grid has its own fault.
    if let Some(grids) = grids
        && grid != "default"
        && !grids.contains_key(grid)
        && let Some(at) = node.get("grid")
    {
        let names: Vec<&str> = grids.keys().map(String::as_str).collect();
        let message = format!("expected one of the grids {}, got {}", names.join(", "), describe(at.value));
        faults.add(&at, Rule::Consistency, message, "name one of the document's grids, or add this one");
    }
    let band = match node.get("band") {
        None => Some(1),
        Some(at) => {
            let band = at.value.as_u64().filter(|b| *b >= 1).and_then(|b| usize::try_from(b).ok());
            if band.is_none() {
                faults.wrong(&at, "a whole number of at least 1", "count bands from 1");
            }
            band
        }
    };
    let layer = node.get("layer").map(|at| at.value.as_str().map_or_else(|| at.value.to_string(), str::to_owned));
    let scale_factor = faults.number_at(node, "scale_factor", "a number: real = scale_factor · pixel + add_offset");
    let add_offset = faults.number_at(node, "add_offset", "a number: real = scale_factor · pixel + add_offset");
    Some(MeasurementPath {
        path: path?.to_owned(),
        band: band?,
        layer,
        grid: grid.to_owned(),
        scale_factor,
        add_offset,
    })
}

fn lineage(root: &Node<'_>, faults: &mut Faults) -> IndexMap<String, Vec<Uuid>> {
    let mut lineage = IndexMap::new();
    let Some(at) = root.get("lineage") else { return lineage };
    for (classifier, value) in faults.mapping(&at, "a mapping from classifiers to lists of UUIDs").into_iter().flatten()
    {
        let node = at.child(classifier, value);
        let embedded = value.as_object().is_some_and(|m| !m.is_empty())
            || value.as_array().is_some_and(|list| list.iter().any(Value::is_object));
        if embedded {
            let message = "expected a list of UUIDs, got whole dataset documents";
            faults.add(
                &node,
                Rule::Unsupported,
                message,
                "index those datasets on their own and name their UUIDs here",
            );
            continue;
        }
        let mut ids = Vec::new();
        for (i, value) in value.as_array().into_iter().flatten().enumerate() {
            match value.as_str().and_then(|text| Uuid::try_parse(text).ok()) {
                Some(id) => ids.push(id),
                None => faults.wrong(&node.item(i, value), "a UUID", "name a dataset by its UUID"),
            }
        }
        if !value.is_array() && !value.is_object() && !value.is_null() {
            faults.wrong(&node, "a list of UUIDs", "write a list");
        }
        lineage.insert(classifier.clone(), ids);
    }
    lineage
}

fn match_product<'p>(root: &Node<'_>, products: &'p ProductMatcher, faults: &mut Faults) -> Option<&'p Product> {
    let found = products.matches(root.value);
    if let [product] = found[..] {
        return Some(product);
    }
    let name = root.value.pointer("/product/name").and_then(Value::as_str);
    let node = root.get("product");
    let at = node.as_ref().unwrap_or(root);
    if found.is_empty() {
        let told = name.map_or_else(String::new, |n| format!(" (it names {n:?})"));
        let message = format!("the dataset{told} matches none of {}", products.listed());
        let help = "add its product definition first, or mend the metadata section of the product";
        faults.add(at, Rule::Match, message, help);
    } else {
        let names: Vec<&str> = found.iter().map(|p| p.name.as_str()).collect();
        let message = format!("the dataset matches {} products: {}", names.len(), names.join(", "));
        faults.add(at, Rule::Match, message, "choose one of them, or make their metadata sections tell them apart");
    }
    None
}

/// The document must have every measurement of its product; those along an extra dimension are made of others.
fn check_measurements(root: &Node<'_>, product: &Product, faults: &mut Faults) {
    let has = root.value.get("measurements").and_then(Value::as_object);
    let lacks: Vec<&str> = product
        .measurements
        .iter()
        .filter(|m| m.extra_dim.is_none() && !has.is_some_and(|h| h.contains_key(&m.name)))
        .map(|m| m.name.as_str())
        .collect();
    if lacks.is_empty() {
        return;
    }
    let node = root.get("measurements");
    let message = format!("the measurements {} of product {} are missing", lacks.join(", "), product.name);
    let help = "add them, or take them out of the product definition";
    faults.add(node.as_ref().unwrap_or(root), Rule::Consistency, message, help);
}
