//! The real documents of `corpus` get the verdict that datacube gives them, in the order of its manifest.
#![expect(clippy::unwrap_used, reason = "the manifest is fixed, and shared functions are not exempt as tests are")]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use cube_model::documents::{ProductMatcher, RawDocument, default_metadata_types, parse};
use cube_model::{Dataset, MetadataType, Product};
use cube_tests::shared;
use serde_json::Value;

/// In degrees, a tenth of a metre: both follow the outline of the valid data, each with its own points in between.
const EXTENT_TOLERANCE: f64 = 1e-6;

/// Rows whose verdict differs from datacube's, with the reason; each is explained in docs/differences-from-odc.md. A row
/// that agrees again must leave this list.
const DIFFERENCES: &[(&str, &str)] = &[(
    "datasets/opendatacube__datacube-core__integration_tests__data__eo3__ls8_dataset2.yaml",
    "a measurement names a grid that the document does not have",
)];

/// Datasets whose range of longitudes differs: datacube leaves out corners of the grid where it crosses the antimeridian.
const WRONG_EXTENTS: &[&str] =
    &["datasets/opendatacube__datacube-core__integration_tests__data__dataset_add__datasets_eo3.yml__1.yaml"];

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
    /// What differs from datacube beside the verdict.
    details: Vec<String>,
}

impl Index {
    fn add(&mut self, row: &Row, document: &RawDocument) -> Result<(), String> {
        match row.get("kind") {
            "metadata_types" => {
                let metadata_type = MetadataType::from_document(document).map_err(|e| e.to_string())?;
                assert_eq!(metadata_type.name, row.get("name"));
                let conflicts = metadata_type.eo3_conflicts();
                if conflicts.is_empty() != (row.get("eo3") == "accept") {
                    self.details.push(format!("{}: EO3 {}, we have {conflicts:?}", row.get("file"), row.get("eo3")));
                }
                self.metadata_types.push(metadata_type);
            }
            "products" => {
                let product = Product::from_document(document).map_err(|e| e.to_string())?;
                let known = self.metadata_types.iter().map(|m| m.name.as_str());
                product.check_metadata_type(document, known).map_err(|e| e.to_string())?;
                self.metadata_types.extend(product.embedded_metadata_type().map_err(|e| e.to_string())?);
                self.details.extend(load_hints_difference(row, &product));
                self.products.push(Arc::new(product));
            }
            _ => {
                let matcher = ProductMatcher::new(self.products.iter().cloned());
                let dataset = Dataset::from_document(document, None, &matcher).map_err(|e| e.to_string())?;
                if row.get("verdict") == "accept" {
                    assert_eq!(dataset.product, row.get("matched_product"), "{}", row.get("file"));
                    self.details.extend(extent_difference(row, &dataset));
                }
            }
        }
        Ok(())
    }
}

#[test]
fn real_documents_get_datacubes_verdict() {
    let Some(corpus) = shared("corpus") else { return };
    let mut index =
        Index { metadata_types: default_metadata_types().unwrap(), products: Vec::new(), details: Vec::new() };
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
    let unexpected: Vec<String> = differences
        .iter()
        .filter(|(file, _)| !expected.contains(&file.as_str()))
        .map(|(f, m)| format!("{f}: {m}"))
        .collect();
    assert!(unexpected.is_empty(), "differs from datacube:\n{}", unexpected.join("\n"));
    for (file, why) in DIFFERENCES {
        assert!(differences.contains_key(*file), "{file} agrees with datacube now, though {why}: take it off the list");
    }
    let (known, unknown): (Vec<String>, Vec<String>) =
        index.details.into_iter().partition(|d| WRONG_EXTENTS.iter().any(|file| d.starts_with(file)));
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert_eq!(known.len(), WRONG_EXTENTS.len(), "an extent agrees with datacube now: {known:?}");
    assert_eq!(checked, 204);
}

/// How the load hints differ. The manifest has six digits of each number.
fn load_hints_difference(row: &Row, product: &Product) -> Option<String> {
    let text = row.get("load_hints");
    let differs = || Some(format!("{}: {:?}, datacube has {text:?}", row.get("file"), product.load_hints));
    let (Some(hints), false) = (&product.load_hints, text.is_empty()) else {
        return if product.load_hints.is_some() || !text.is_empty() { differs() } else { None };
    };
    let expected: Value = serde_json::from_str(text).unwrap();
    let crs = cube_geo::Crs::parse(expected["output_crs"].as_str().unwrap()).unwrap();
    let written = expected["resolution"].as_str().unwrap();
    let numbers: Vec<f64> = written
        .trim_start_matches("Resolution(x=")
        .trim_end_matches(')')
        .split(", y=")
        .map(|n| n.parse().unwrap())
        .collect();
    let close = |ours: f64, theirs: f64| (ours - theirs).abs() <= theirs.abs() * 1e-5;
    let same = hints.crs == crs && close(hints.resolution.x, numbers[0]) && close(hints.resolution.y, numbers[1]);
    if same { None } else { differs() }
}

fn extent_difference(row: &Row, dataset: &Dataset) -> Option<String> {
    let expected: Value = serde_json::from_str(row.get("extent")).unwrap();
    let number = |pointer: &str| expected.pointer(pointer).and_then(Value::as_f64).unwrap();
    let theirs = [number("/lon/begin"), number("/lat/begin"), number("/lon/end"), number("/lat/end")];
    let extent = dataset.footprint.lonlat_extent().unwrap();
    let ours = [extent.west, extent.south, extent.east, extent.north];
    let far = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    (far > EXTENT_TOLERANCE).then(|| format!("{}: {ours:?} lies {far} from datacube's {theirs:?}", row.get("file")))
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
