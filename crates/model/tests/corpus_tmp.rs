//! The real documents of `corpus` get the verdict that datacube gives them, in the order of its manifest.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use cube_model::documents::{ProductMatcher, RawDocument, default_metadata_types, parse};
use cube_model::{Dataset, MetadataType, Product};
fn shared(_: &str) -> Option<std::path::PathBuf> { Some("/work/shared/corpus".into()) }
use serde_json::Value;

/// Datacube's extents are exact to the sampling of the outline: it projects a hundred points of it, we follow the outline
/// until its course is right to 1e-5 of its size.
const EXTENT_TOLERANCE: f64 = 2e-4;

/// Rows whose verdict differs from datacube's, with the reason; each is explained in docs/differences-from-odc.md. A row
/// that agrees again must leave this list.
const DIFFERENCES: &[(&str, &str)] = &[
];

struct Row(HashMap<String, String>);

impl Row {
    fn get(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }
}

/// What became of the rows so far.
struct Index {
    metadata_types: Vec<MetadataType>,
    products: Vec<Arc<Product>>,
}

impl Index {
    fn add(&mut self, row: &Row, document: &RawDocument) -> Result<(), String> {
        match row.get("kind") {
            "metadata_types" => {
                let metadata_type = MetadataType::from_document(document).map_err(|e| e.to_string())?;
                assert_eq!(metadata_type.name, row.get("name"));
                let conflicts = metadata_type.eo3_conflicts();
                assert_eq!(conflicts.is_empty(), row.get("eo3") == "accept", "{}: {conflicts:?}", row.get("file"));
                self.metadata_types.push(metadata_type);
            }
            "products" => {
                let product = Product::from_document(document).map_err(|e| e.to_string())?;
                let known = self.metadata_types.iter().map(|m| m.name.as_str());
                product.check_metadata_type(document, known).map_err(|e| e.to_string())?;
                self.metadata_types.extend(product.embedded_metadata_type().map_err(|e| e.to_string())?);
                check_load_hints(row, &product);
                self.products.push(Arc::new(product));
            }
            _ => {
                let matcher = ProductMatcher::new(self.products.iter().cloned());
                let dataset = Dataset::from_document(document, None, &matcher).map_err(|e| e.to_string())?;
                assert_eq!(dataset.product, row.get("matched_product"), "{}", row.get("file"));
                check_extent(row, &dataset);
            }
        }
        Ok(())
    }
}

#[test]
fn real_documents_get_datacubes_verdict() {
    let Some(corpus) = shared("corpus") else { return };
    let mut index = Index { metadata_types: default_metadata_types().unwrap(), products: Vec::new() };
    let mut differences = BTreeMap::new();
    let mut checked = 0;
    for row in manifest(&corpus) {
        let file = row.get("file").to_owned();
        let text = std::fs::read_to_string(corpus.join(&file)).unwrap();
        let mut documents = parse(&text, &file).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(documents.len(), 1, "{file}");
        if row.get("verdict") == "shadowed" {
            continue;
        }
        checked += 1;
        let verdict = index.add(&row, &documents.remove(0));
        let legacy = row.get("is_eo3") == "False";
        match verdict {
            // Legacy datasets are refused with a sentence, as the postgis driver refuses them.
            Err(message) if legacy => assert!(message.contains("from before EO3"), "{message}"),
            Ok(()) if row.get("verdict") == "accept" => {}
            Err(_) if row.get("verdict") == "reject" => {}
            Ok(()) => drop(differences.insert(file, format!("accepted, datacube says {}", row.get("message")))),
            Err(message) => drop(differences.insert(file, message)),
        }
    }
    let expected: Vec<&str> = DIFFERENCES.iter().map(|(file, _)| *file).collect();
    for (file, message) in &differences {
        assert!(expected.contains(&file.as_str()), "{file} differs from datacube: {message}");
    }
    for (file, why) in DIFFERENCES {
        assert!(differences.contains_key(*file), "{file} agrees with datacube now, though {why}: take it off the list");
    }
    assert_eq!(checked, 204);
}

fn check_load_hints(row: &Row, product: &Product) {
    let hints = row.get("load_hints");
    let expected: Option<Value> = (!hints.is_empty()).then(|| serde_json::from_str(hints).unwrap());
    let file = row.get("file");
    match (&product.load_hints, expected) {
        (None, None) => {}
        (Some(hints), Some(expected)) => {
            let crs = cube_geo::Crs::parse(expected["output_crs"].as_str().unwrap()).unwrap();
            assert_eq!(hints.crs, crs, "{file}");
            // The manifest has six digits of each number.
            let written = expected["resolution"].as_str().unwrap();
            let numbers: Vec<f64> = written
                .trim_start_matches("Resolution(x=")
                .trim_end_matches(')')
                .split(", y=")
                .map(|n| n.parse().unwrap())
                .collect();
            for (ours, theirs) in [hints.resolution.x, hints.resolution.y].into_iter().zip(numbers) {
                assert!((ours - theirs).abs() <= theirs.abs() * 1e-5, "{file}: {ours} {theirs}");
            }
        }
        (ours, theirs) => panic!("{file}: {ours:?}, datacube has {theirs:?}"),
    }
}

fn check_extent(row: &Row, dataset: &Dataset) {
    let expected: Value = serde_json::from_str(row.get("extent")).unwrap();
    let number = |pointer: &str| expected.pointer(pointer).and_then(Value::as_f64).unwrap();
    let extent = dataset.footprint.lonlat_extent().unwrap();
    for (ours, theirs) in [
        (extent.west, number("/lon/begin")),
        (extent.east, number("/lon/end")),
        (extent.south, number("/lat/begin")),
        (extent.north, number("/lat/end")),
    ] {
        assert!((ours - theirs).abs() < EXTENT_TOLERANCE, "{}: {ours} {theirs}", row.get("file"));
    }
}

/// The rows of the manifest: CSV with quotes.
fn manifest(corpus: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(corpus.join("manifest.csv")).unwrap();
    let mut lines = csv_rows(&text).into_iter();
    let header = lines.next().unwrap();
    lines.map(|fields| Row(header.iter().cloned().zip(fields).collect())).collect()
}

fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            c => field.push(c),
        }
    }
    rows
}
