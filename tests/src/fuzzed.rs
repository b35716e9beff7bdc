//! What is fuzzed: the parsers of text and files that may come from anybody, one function a parser.
//!
//! Each takes any bytes, demands more than the absence of a panic, and tells whether the parser accepted the text. The targets
//! in `fuzz/` call them with what libFuzzer makes up; `tests/tests/fuzz_corpus.rs` calls them with the committed seeds and
//! with some thousand mutations of those.
#![expect(clippy::missing_panics_doc, reason = "a panic is how a fuzzer is told that a parser does not keep its word")]

mod rasters;

use std::sync::{Arc, OnceLock};

use cube_catalog::CatalogUrl;
use cube_model::documents::{
    DocumentError, DocumentKind, ProductMatcher, RawDocument, default_metadata_types, parse, resolve, to_yaml,
};
use cube_model::stac::{CollectionOptions, ItemOptions, StacVersion, collection_of, item_of};
use cube_model::{Dataset, MetadataType, Product, Search, SearchError, TimeRange, area_from_text, parse_instant};

pub use rasters::{jp2, tiff};

/// A name under `fuzz/corpus`, and the function that takes its files.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All targets.
pub const TARGETS: [Target; 8] = [
    ("documents", documents),
    ("stac", stac),
    ("search", search),
    ("time", time),
    ("area", area),
    ("catalog_url", catalog_url),
    ("tiff", tiff),
    ("jp2", jp2),
];

/// The product that seeds of datasets belong to.
const PRODUCT: &str = "
name: fuzz_test
description: the product of the seeds
metadata_type: eo3
metadata: {product: {name: fuzz_test}}
measurements:
  - {name: red, dtype: uint16, nodata: 0, units: '1'}
";

/// Documents of YAML or JSON: products, metadata types and datasets. What was read can be written and read again; a
/// dataset that was accepted is accepted from the store too; an error names a place in the text.
#[must_use]
pub fn documents(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let documents = match parse(&text, "fuzzed") {
        Ok(documents) => documents,
        Err(e) => return refused(&e, &text),
    };
    let mut accepted = false;
    for document in &documents {
        let checked = match document.kind() {
            DocumentKind::Product => product(document),
            DocumentKind::MetadataType => MetadataType::from_document(document).map(|t| drop(t.eo3_conflicts())),
            _ => dataset(document),
        };
        accepted |= match checked {
            Ok(()) => true,
            Err(e) => refused(&e, &text),
        };
        written(document);
    }
    accepted
}

fn product(document: &RawDocument) -> Result<(), DocumentError> {
    let product = Product::from_document(document)?;
    product.embedded_metadata_type()?;
    product.check_metadata_type(document, ["eo3"])
}

fn dataset(document: &RawDocument) -> Result<(), DocumentError> {
    let location = Some("https://host/scene/dataset.yaml");
    let dataset = Dataset::from_document(document, location, products())?;
    let location = dataset.location.as_deref();
    let stored = Dataset::from_stored(dataset.document.clone(), location, &dataset.product);
    assert_eq!(stored.as_ref(), Ok(&dataset), "a dataset that was accepted reads from the store");
    let extent = dataset.footprint.lonlat_extent().ok();
    for metadata_type in metadata_types() {
        drop(metadata_type.values(&dataset, extent));
    }
    for (name, measurement) in &dataset.measurements {
        let part = resolve(location, &measurement.path).and_then(|(_, part)| part);
        assert_ne!(part, Some(0), "bands count from 1");
        assert!(dataset.geobox(name).is_some(), "{name} lies on no grid of its dataset");
    }
    Ok(())
}

/// Items and collections of STAC, one or many. What is accepted comes out as STAC of either version, and in again as the
/// same dataset or product.
#[must_use]
pub fn stac(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let documents = match parse(&text, "fuzzed") {
        Ok(documents) => documents,
        Err(e) => return refused(&e, &text),
    };
    let mut accepted = false;
    for document in &documents {
        let checked = match document.kind() {
            DocumentKind::StacCollection => collection(document),
            _ => dataset(document).and_then(|()| item(document)),
        };
        accepted |= match checked {
            Ok(()) => true,
            Err(e) => refused(&e, &text),
        };
    }
    accepted
}

fn item(document: &RawDocument) -> Result<(), DocumentError> {
    let there = Dataset::from_document(document, Some("https://host/scene/item.json"), products())?;
    let product = products().products().iter().find(|p| p.name == there.product);
    for version in [StacVersion::V1_0, StacVersion::V1_1] {
        let options = ItemOptions { version, ..Default::default() };
        let Ok(item) = item_of(&there, product.map(AsRef::as_ref), &options) else { continue };
        let again = RawDocument::from_value(item, "written");
        let here = Dataset::from_document(&again, there.location.as_deref(), products())
            .unwrap_or_else(|e| panic!("an item that was written is refused: {e}"));
        assert_eq!((here.id, &here.product, &here.crs, here.time), (there.id, &there.product, &there.crs, there.time));
        assert_eq!(here.measurements.len(), there.measurements.len());
        for (name, m) in &there.measurements {
            let other = &here.measurements[name];
            let file = |path: &str| resolve(there.location.as_deref(), path);
            assert_eq!((file(&other.path), other.band), (file(&m.path), m.band), "{name} is elsewhere");
            assert_eq!(here.geobox(name), there.geobox(name), "{name} has another grid");
        }
    }
    Ok(())
}

fn collection(document: &RawDocument) -> Result<(), DocumentError> {
    let there = Product::from_document(document)?;
    for version in [StacVersion::V1_0, StacVersion::V1_1] {
        let written = collection_of(&there, &CollectionOptions { version, ..Default::default() });
        let here = Product::from_document(&RawDocument::from_value(written, "written"))
            .unwrap_or_else(|e| panic!("a collection that was written is refused: {e}"));
        assert_eq!((&here.name, &here.measurements.len()), (&there.name, &there.measurements.len()));
    }
    Ok(())
}

/// What may be written is read back as it was.
fn written(document: &RawDocument) {
    let Ok(text) = to_yaml(&document.value) else { return };
    let back =
        parse(&text, "written").unwrap_or_else(|e| panic!("a document that was written does not read: {e}\n{text}"));
    let back: Vec<_> = back.into_iter().map(|d| d.value).collect();
    let whole = std::slice::from_ref(&document.value);
    assert!(
        back == whole || (document.value.is_null() && back.is_empty()),
        "{whole:?} became {back:?} through\n{text}"
    );
}

/// False, once the error was found to be a good one.
fn refused(error: &DocumentError, text: &str) -> bool {
    assert!(!error.faults.is_empty(), "an error without a fault");
    let breaks = text.chars().filter(|c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')).count();
    for at in error.faults.iter().filter_map(|f| f.position) {
        assert!(at.line >= 1 && at.column >= 1 && at.line <= breaks + 1, "{at:?} lies outside the text: {error}");
    }
    assert!(error.faults.iter().all(|f| !f.message.is_empty() && !f.help.is_empty()), "a fault says nothing: {error}");
    false
}

/// False, once the error was found to say something.
fn speaks(error: &dyn std::error::Error) -> bool {
    assert!(!error.to_string().is_empty(), "an error says nothing");
    false
}

/// Search expressions. An error names a column of the expression, or the one behind its end.
#[must_use]
pub fn search(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    match Search::parse(&text) {
        Ok(search) => {
            assert!(search.times.iter().all(|t| t.begin <= t.end), "a time range is reversed: {search:?}");
            assert!(search.fields.iter().all(|f| !f.any.is_empty()), "a term tests nothing: {search:?}");
            true
        }
        Err(SearchError::Syntax { column, reason, .. }) => {
            assert!((1..=text.chars().count() + 1).contains(&column), "column {column} lies outside: {reason}");
            assert!(!reason.is_empty());
            false
        }
        Err(e) => speaks(&e),
    }
}

/// Times and ranges of time. A range begins before it ends, has its middle between, and reads again as it was
/// printed, but for an end that lasts as long as it is written.
#[must_use]
pub fn time(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Ok(range) = text.parse::<TimeRange>() else { return false };
    assert!(range.begin <= range.end, "{range:?} is reversed");
    let (begin, middle, end) =
        (range.begin.as_microsecond(), range.center().as_microsecond(), range.end.as_microsecond());
    assert!((begin..=end).contains(&middle), "the middle of {range:?} lies outside");
    // An end is the last instant of the period it names, which for `10:00:00Z` is 10:00:00.999999.
    if let Ok(printed) = range.to_string().parse::<TimeRange>() {
        assert!(printed.begin == range.begin && printed.end >= range.end, "{range:?} became {printed:?}");
    }
    if !text.contains([',', '/']) {
        assert_eq!(parse_instant(&text), Ok(range.begin), "an instant is where its period begins");
    }
    true
}

/// Areas in GeoJSON or WKT, and what a search does with them.
#[must_use]
pub fn area(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let area = match area_from_text(&text) {
        Ok(area) => area,
        Err(e) => return speaks(&e),
    };
    let search = Search::default().geometry(&text);
    assert_eq!(search.map(|s| s.area), Ok(Some(area.clone())), "a search takes the area as it is");
    for (x, y) in area.polygons().iter().flat_map(|p| p.exterior().coords()).map(|c| (c.x, c.y)) {
        assert!((-360.0..=360.0).contains(&x) && (-90.0..=90.0).contains(&y), "({x}, {y}) is not on the Earth");
    }
    for bbox in area.lonlat_boxes().unwrap_or_default() {
        assert!(bbox.left <= bbox.right && bbox.bottom <= bbox.top, "{bbox:?} is turned inside out");
    }
    true
}

/// URLs of catalogs. What is printed reads again as the same, unless a password was hidden.
#[must_use]
pub fn catalog_url(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    match text.parse::<CatalogUrl>() {
        Ok(url @ CatalogUrl::Postgis(_)) => {
            assert!(url.to_string().starts_with("postgres"), "{url}");
            true
        }
        Ok(url) => {
            let digits = |at: usize| text.get(at + 1..at + 3).is_some_and(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
            assert!(text.match_indices('%').all(|(at, _)| digits(at)), "{text:?} has a half escape and was accepted");
            let printed = url.to_string();
            assert!(
                printed.parse::<CatalogUrl>().is_ok_and(|u| u == url),
                "{url:?} does not read again from {printed:?}"
            );
            true
        }
        Err(e) => speaks(&e),
    }
}

fn products() -> &'static ProductMatcher {
    static PRODUCTS: OnceLock<ProductMatcher> = OnceLock::new();
    PRODUCTS.get_or_init(|| {
        let documents = parse(PRODUCT, "product").unwrap_or_default();
        ProductMatcher::new(documents.iter().filter_map(|d| Product::from_document(d).ok()).map(Arc::new))
    })
}

fn metadata_types() -> &'static [MetadataType] {
    static TYPES: OnceLock<Vec<MetadataType>> = OnceLock::new();
    TYPES.get_or_init(|| default_metadata_types().unwrap_or_default())
}
