//! Documents out: metadata types, products and datasets of the catalog as files that index again to the same.

mod record;
mod sink;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cube_catalog::DatasetRecord;
use cube_model::documents::resolve;
use cube_model::stac::{CollectionOptions, ItemOptions, collection_of, item_of};
use cube_model::{Dataset, Product, Search, Status};
use serde::Serialize;
use serde_json::Value;

use crate::{Datacube, Error};

pub(crate) use record::Record;
use sink::Sink;

/// Datasets that are read and written together.
const TOGETHER: usize = 1000;

/// How documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// YAML, a document a file; several in one file are parted by `---`.
    Yaml,
    /// JSON, a document a file; several in one file stand on a line each.
    Json,
    /// JSON, a document a line of one file.
    Ndjson,
    /// STAC 1.1: products as collections, datasets as items. Metadata types, and what is archived, have no place in it.
    Stac,
}

/// How to export documents.
#[derive(Default)]
pub struct DocumentsOptions<'a> {
    /// The format; where `None`, YAML for a folder or archive, and one document a line for a file or stream.
    pub format: Option<DocumentFormat>,
    /// Write the paths of measurements and accessories in full, for programs that look for them beside the document.
    pub absolute_paths: bool,
    /// Replace what is there.
    pub overwrite: bool,
    /// Called with (datasets done, datasets in all).
    pub progress: Option<&'a dyn Fn(u64, u64)>,
}

/// What was exported.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DocumentsReport {
    /// Metadata types.
    pub metadata_types: usize,
    /// Products.
    pub products: usize,
    /// Datasets, archived ones too.
    pub datasets: u64,
    /// Those of them that are archived.
    pub archived: u64,
    /// Archived datasets that were left out, since STAC has no place for them.
    pub left_out: u64,
    /// Datasets that have no form in STAC, with reasons.
    pub refused: Vec<crate::Refusal>,
    /// Seconds it took.
    pub seconds: f64,
}

impl Datacube {
    /// Writes the datasets that a search finds, with their products and metadata types, to `target`: a new folder, an
    /// archive (`.tar`, `.tar.gz`, `.tgz`), one file (`.ndjson`, `.jsonl`, `.yaml`, also with `.gz`), or `-` for standard
    /// output. A search for nothing in particular takes all products, those without datasets too.
    ///
    /// Indexing the result into another catalog makes the same catalog. So that relative paths in a document find their
    /// files from anywhere, each document has a section `cube` with the `location` that the catalog has of it, and with
    /// the instant since when it is `archived`, if it is; indexing takes the section out and follows it. Lineage that no
    /// document says, and homes, are not exported.
    ///
    /// Files appear under their name only when all is complete.
    ///
    /// # Errors
    /// Where the search is faulty, the target is there already or cannot be written, or the catalog cannot be read.
    pub fn export_documents(
        &self,
        search: &Search,
        target: &Path,
        options: &DocumentsOptions<'_>,
    ) -> Result<DocumentsReport, Error> {
        let started = Instant::now();
        let mut sink = Sink::begin(target, options.format, options.overwrite)?;
        let mut report = DocumentsReport::default();
        let products = self.products_of(search)?;
        self.export_definitions(search, &products, &mut sink, &mut report)?;
        let total = if options.progress.is_some() { self.count(search)? } else { 0 };
        let products: BTreeMap<&str, &Arc<Product>> = products.iter().map(|p| (p.name.as_str(), p)).collect();
        let mut written = Ok(());
        self.wait(self.catalog.each_record(search, TOGETHER, |records| {
            for record in records {
                written = put(record, &products, &mut sink, options, &mut report);
                if written.is_err() {
                    return false;
                }
            }
            if let Some(progress) = options.progress {
                progress(report.datasets, total);
            }
            true
        }))?;
        written?;
        sink.finish()?;
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }

    /// The products that a search is about: those it names, else those of which it finds datasets.
    fn products_of(&self, search: &Search) -> Result<Vec<Arc<Product>>, Error> {
        let mut products = self.products()?;
        if !search.products.is_empty() {
            let named = search.products.iter().map(|name| self.product(name)).collect::<Result<Vec<_>, _>>()?;
            products.retain(|product| named.iter().any(|one| one.name == product.name));
        } else if !is_for_all(search) {
            let mut kept = Vec::new();
            for product in products {
                let of_it = Search { products: vec![product.name.clone()], limit: Some(1), ..search.clone() };
                // A field that this product has not finds nothing of it.
                if matches!(self.count(&of_it), Ok(1..)) {
                    kept.push(product);
                }
            }
            return Ok(kept);
        }
        Ok(products)
    }

    fn export_definitions(
        &self,
        search: &Search,
        products: &[Arc<Product>],
        sink: &mut Sink,
        report: &mut DocumentsReport,
    ) -> Result<(), Error> {
        let stac = sink.format() == DocumentFormat::Stac;
        for metadata_type in self.metadata_types()? {
            let asked = is_for_all(search) || products.iter().any(|p| p.metadata_type == metadata_type.name);
            if asked && !stac {
                sink.put(&format!("metadata_types/{}.odc-type", metadata_type.name), &metadata_type.document)?;
                report.metadata_types += 1;
            }
        }
        for product in products {
            if stac {
                let collection = collection_of(product, &CollectionOptions::default());
                sink.put(&format!("{}/collection", product.name), &collection)?;
            } else {
                sink.put(&format!("products/{}.odc-product", product.name), &product.document)?;
            }
            report.products += 1;
        }
        Ok(())
    }
}

/// True where a search asks for nothing but a status.
fn is_for_all(search: &Search) -> bool {
    *search == Search { status: search.status, ..Search::default() } && search.status != Status::Archived
}

/// Writes one dataset.
fn put(
    record: DatasetRecord,
    products: &BTreeMap<&str, &Arc<Product>>,
    sink: &mut Sink,
    options: &DocumentsOptions<'_>,
    report: &mut DocumentsReport,
) -> Result<(), Error> {
    let (id, product) = (record.id, record.product);
    if sink.format() == DocumentFormat::Stac && record.archived.is_some() {
        // Indexed again, it would be active.
        report.left_out += 1;
        return Ok(());
    }
    report.datasets += 1;
    report.archived += u64::from(record.archived.is_some());
    if sink.format() == DocumentFormat::Stac {
        let dataset = Dataset::from_stored(record.document, record.location.as_deref(), &product)?;
        let noun = products.get(product.as_str()).map(|product| &***product);
        // As the folders lie.
        let item = ItemOptions { collection_href: Some("../collection.json".to_owned()), ..ItemOptions::default() };
        match item_of(&dataset, noun, &item) {
            Ok(item) => sink.put(&format!("{product}/{}/{id}", folder(id)), &item)?,
            Err(error) => {
                report.datasets -= 1;
                let source = dataset.location.unwrap_or_else(|| format!("dataset {id}"));
                report.refused.push(crate::Refusal { source, reason: error.to_string() });
            }
        }
        return Ok(());
    }
    let mut document = record.document;
    if options.absolute_paths {
        in_full(&mut document, record.location.as_deref());
    }
    Record { location: record.location, archived: record.archived }.put_into(&mut document);
    sink.put(&format!("datasets/{product}/{}/{id}.odc-metadata", folder(id)), &document)
}

/// The folder of a dataset among those of its product: 256 of them, since no file system likes a million files in one.
fn folder(id: uuid::Uuid) -> String {
    format!("{:02x}", id.as_bytes()[0])
}

/// Writes the paths of a document as they are seen from anywhere.
fn in_full(document: &mut Value, location: Option<&str>) {
    for section in ["measurements", "accessories"] {
        let Some(entries) = document.get_mut(section).and_then(Value::as_object_mut) else { continue };
        for entry in entries.values_mut() {
            let Some(path) = entry.get("path").and_then(Value::as_str) else { continue };
            // What stands behind # says which plane of the file it is.
            let part = path.rsplit_once('#').map(|(_, part)| part.to_owned()).filter(|part| part.starts_with("part="));
            if let Some((full, _)) = resolve(location, path) {
                entry["path"] = part.map_or(full.clone(), |part| format!("{full}#{part}")).into();
            }
        }
    }
}
