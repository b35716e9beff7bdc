//! An indexing run: read, parse on all cores, write in batches.

use std::sync::Arc;
use std::time::Instant;

use cube_catalog::{Added, Outcome};
use cube_model::documents::{self, DocumentKind, ProductMatcher, RawDocument};
use cube_model::{Dataset, MetadataType, Product};
use rayon::prelude::*;

use super::report::{IndexReport, Refusal};
use super::sources::{Source, SourceText, find_sources, read_sources};
use crate::{Datacube, Error};

/// How to index.
#[derive(Default)]
pub struct IndexOptions<'a> {
    /// The product that raster files belong to.
    pub product: Option<String>,
    /// Check everything, write nothing.
    pub dry_run: bool,
    /// Replace the document of a dataset that is there but differs.
    pub update: bool,
    /// How many threads parse; all cores where `None`.
    pub jobs: Option<usize>,
    /// Called with (sources done, sources in all).
    pub progress: Option<&'a dyn Fn(usize, usize)>,
}

/// Datasets that go into one transaction.
const BATCH: usize = 2000;

/// Texts that are parsed together.
const PARSED_TOGETHER: usize = 4000;

impl Datacube {
    /// Indexes what the arguments name: documents in files, directories, globs, archives and on standard input
    /// (`-`), and, where a product is given, raster files. Products and metadata types among the documents are added
    /// too. A document that is refused is reported and stops nothing else; a batch lands whole or not at all.
    ///
    /// # Errors
    /// Where the product for rasters is not there, or the catalog cannot be written.
    pub fn index(&self, arguments: &[String], options: &IndexOptions<'_>) -> Result<IndexReport, Error> {
        let started = Instant::now();
        if let Some(product) = &options.product {
            self.product(product)?;
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.jobs.unwrap_or(0))
            .build()
            .map_err(|e| Error::NoThreads { reason: e.to_string() })?;
        let mut run = Run {
            dc: self,
            options,
            pool,
            products: self.products()?,
            report: IndexReport::default(),
            waiting: Vec::new(),
        };
        let mut sources = Vec::new();
        for argument in arguments {
            match find_sources(argument) {
                Ok(found) => sources.extend(found),
                Err(error) => run.refuse(argument.clone(), error.to_string()),
            }
        }
        let mut texts = Vec::new();
        for (n, source) in sources.iter().enumerate() {
            if let Some(progress) = options.progress {
                progress(n, sources.len());
            }
            let read = match (source, &options.product) {
                (Source::Raster(path), Some(product)) => {
                    run.parse(std::mem::take(&mut texts))?;
                    run.raster(path, product)
                }
                _ => read_sources(source, &mut |text| texts.push(text)),
            };
            if let Err(error) = read {
                run.refuse(name_of(source), error.to_string());
            }
            if texts.len() >= PARSED_TOGETHER {
                run.parse(std::mem::take(&mut texts))?;
            }
        }
        run.parse(texts)?;
        run.flush()?;
        if let Some(progress) = options.progress {
            progress(sources.len(), sources.len());
        }
        let mut report = run.report;
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }
}

fn name_of(source: &Source) -> String {
    match source {
        Source::Documents(path) | Source::Raster(path) => path.display().to_string(),
        Source::Stdin => "standard input".to_owned(),
    }
}

struct Run<'a> {
    dc: &'a Datacube,
    options: &'a IndexOptions<'a>,
    pool: rayon::ThreadPool,
    products: Vec<Arc<Product>>,
    report: IndexReport,
    /// Datasets that wait for their batch to fill.
    waiting: Vec<Dataset>,
}

/// What one document turned out to be.
enum Parsed {
    Dataset(Box<Dataset>),
    Product(Box<Product>),
    MetadataType(Box<MetadataType>),
    Refused(Refusal),
}

impl Run<'_> {
    fn refuse(&mut self, source: String, reason: String) {
        self.report.refused.push(Refusal { source, reason });
    }

    /// Parses the texts on all cores and takes in what they hold, in their order.
    fn parse(&mut self, texts: Vec<SourceText>) -> Result<(), Error> {
        if texts.is_empty() {
            return Ok(());
        }
        let raw: Vec<Result<Found, Refusal>> =
            self.pool.install(|| texts.par_iter().flat_map_iter(read_documents).collect());
        // Definitions first, so that a directory may hold a product and its datasets.
        let (definitions, others): (Vec<_>, Vec<_>) = raw.into_iter().partition(|d| {
            d.as_ref().is_ok_and(|d| {
                matches!(documents::kind(&d.document), DocumentKind::Product | DocumentKind::MetadataType)
            })
        });
        for found in definitions.into_iter().flatten() {
            let parsed = definition(&found.document);
            self.take(parsed)?;
        }
        let matcher = ProductMatcher::new(self.products.iter().cloned());
        let parsed: Vec<Parsed> = self.pool.install(|| others.into_par_iter().map(|d| dataset(d, &matcher)).collect());
        for one in parsed {
            self.take(one)?;
        }
        Ok(())
    }

    fn take(&mut self, parsed: Parsed) -> Result<(), Error> {
        match parsed {
            Parsed::Refused(refusal) => self.report.refused.push(refusal),
            Parsed::Dataset(dataset) => {
                self.waiting.push(*dataset);
                if self.waiting.len() >= BATCH {
                    self.flush()?;
                }
            }
            Parsed::Product(product) => {
                let source = product.name.clone();
                if self.options.dry_run {
                    self.report.products += 1;
                } else {
                    match self.dc.wait(self.dc.catalog.add_product(&product)) {
                        Ok(Added::New) => self.report.products += 1,
                        Ok(Added::AlreadyThere) => self.report.present += 1,
                        Err(error) => return self.refused_by_catalog(source, error),
                    }
                }
                self.products.retain(|p| p.name != product.name);
                self.products.push(Arc::new(*product));
            }
            Parsed::MetadataType(metadata_type) => {
                if self.options.dry_run {
                    self.report.metadata_types += 1;
                    return Ok(());
                }
                match self.dc.wait(self.dc.catalog.add_metadata_type(&metadata_type)) {
                    Ok(Added::New) => self.report.metadata_types += 1,
                    Ok(Added::AlreadyThere) => self.report.present += 1,
                    Err(error) => return self.refused_by_catalog(metadata_type.name.clone(), error),
                }
            }
        }
        Ok(())
    }

    /// A definition that the catalog refuses is one refusal among others.
    #[expect(clippy::unnecessary_wraps, reason = "ends the arms of a fallible match")]
    fn refused_by_catalog(&mut self, source: String, error: Error) -> Result<(), Error> {
        self.refuse(source, error.to_string());
        Ok(())
    }

    fn raster(&mut self, path: &std::path::Path, product: &str) -> Result<(), Error> {
        let product = self.dc.product(product)?;
        for dataset in super::rasters::documents_of(path, &product)? {
            self.take(Parsed::Dataset(Box::new(dataset)))?;
        }
        Ok(())
    }

    /// Writes the waiting datasets in one transaction.
    fn flush(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.waiting);
        if batch.is_empty() {
            return Ok(());
        }
        if self.options.dry_run {
            return batch.into_iter().try_for_each(|dataset| self.compare(dataset));
        }
        let outcomes = if self.options.update {
            self.dc.wait(self.dc.catalog.update_datasets(&batch))?
        } else {
            self.dc.wait(self.dc.catalog.add_datasets(&batch))?
        };
        for (dataset, outcome) in batch.iter().zip(outcomes) {
            match outcome {
                Outcome::Added => self.report.added += 1,
                Outcome::AlreadyThere | Outcome::Archived => self.report.present += 1,
                Outcome::Updated => self.report.updated += 1,
                Outcome::Changed { differs } => self.differs(dataset, &format!(" ({})", differs.join("; "))),
            }
        }
        Ok(())
    }

    /// Counts what writing a dataset would do.
    fn compare(&mut self, dataset: Dataset) -> Result<(), Error> {
        match self.dc.wait(self.dc.catalog.dataset(dataset.id))? {
            None => self.report.added += 1,
            Some(there) if there.document == dataset.document => self.report.present += 1,
            Some(_) if self.options.update => self.report.updated += 1,
            Some(_) => self.differs(&dataset, ""),
        }
        Ok(())
    }

    fn differs(&mut self, dataset: &Dataset, how: &str) {
        let source = dataset.location.clone().unwrap_or_default();
        let id = dataset.id;
        let reason =
            format!("{source}: dataset {id} is in the catalog with another document{how}; --update replaces it");
        self.refuse(source, reason);
    }
}

/// A document and the place that its relative paths start from.
struct Found {
    document: RawDocument,
    location: String,
}

/// The documents of a text.
fn read_documents(text: &SourceText) -> Vec<Result<Found, Refusal>> {
    let refuse = |name: &str, error: documents::DocumentError| {
        Err(Refusal { source: name.to_owned(), reason: error.to_string() })
    };
    let text_location = &text.name;
    let whole = |text: &str, name: &str| match documents::parse(text, name) {
        Ok(all) => all.into_iter().map(|document| Ok(Found { document, location: text_location.clone() })).collect(),
        Err(error) => vec![refuse(name, error)],
    };
    if !text.by_line {
        return whole(&text.text, &text.name);
    }
    let lines = text.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.flat_map(|(n, line)| whole(line, &format!("{} (line {})", text.name, n + 1))).collect()
}

fn refused(source: &str, error: &documents::DocumentError) -> Parsed {
    Parsed::Refused(Refusal { source: source.to_owned(), reason: error.to_string() })
}

fn definition(document: &RawDocument) -> Parsed {
    let parsed = if documents::kind(document) == DocumentKind::Product {
        Product::from_document(document).map(|p| Parsed::Product(Box::new(p)))
    } else {
        MetadataType::from_document(document).map(|t| Parsed::MetadataType(Box::new(t)))
    };
    parsed.unwrap_or_else(|error| refused(&document.source, &error))
}

fn dataset(found: Result<Found, Refusal>, matcher: &ProductMatcher) -> Parsed {
    let found = match found {
        Ok(found) => found,
        Err(refusal) => return Parsed::Refused(refusal),
    };
    match Dataset::from_document(&found.document, Some(&found.location), matcher) {
        Ok(dataset) => Parsed::Dataset(Box::new(dataset)),
        Err(error) => refused(&found.document.source, &error),
    }
}
