//! An indexing run: read and parse on all cores, write in batches beside it.

use std::sync::{Arc, mpsc};
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

/// Batches that may wait for the writer before the readers wait for it.
const WAITING: usize = 2;

/// Sources that are read and parsed together; between two such pieces progress is told.
const READ_TOGETHER: usize = 1000;

impl Datacube {
    /// Indexes what the arguments name: documents in files, directories, globs, archives and on standard input
    /// (`-`), and, where a product is given, raster files. Products and metadata types among the documents are added
    /// too. A document that is refused is reported and stops nothing else; a batch lands whole or not at all. Documents
    /// are read and parsed on all cores while the batch before is being written.
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
        let products = self.products()?;
        let mut report = std::thread::scope(|scope| {
            let (batches, queue) = mpsc::sync_channel::<Vec<Dataset>>(WAITING);
            let writer = Writer { dc: self, update: options.update, dry_run: options.dry_run };
            let written = scope.spawn(move || writer.run(&queue));
            let mut run =
                Run { dc: self, options, pool, products, report: IndexReport::default(), batch: Vec::new(), batches };
            let read = run.sources(arguments);
            let mut report = run.finish();
            let written = written.join().map_err(|_| Error::NoThreads { reason: "the writer broke off".to_owned() })?;
            // A writer that failed ends the readers: its error is the cause, theirs the consequence.
            report.take_in(written?);
            read.map(|()| report)
        })?;
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

/// The reading side of a run.
struct Run<'a> {
    dc: &'a Datacube,
    options: &'a IndexOptions<'a>,
    pool: rayon::ThreadPool,
    products: Vec<Arc<Product>>,
    report: IndexReport,
    /// Datasets that wait for their batch to fill.
    batch: Vec<Dataset>,
    batches: mpsc::SyncSender<Vec<Dataset>>,
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

    /// Reads everything that the arguments name, in their order.
    fn sources(&mut self, arguments: &[String]) -> Result<(), Error> {
        let mut sources = Vec::new();
        for argument in arguments {
            match find_sources(argument) {
                Ok(found) => sources.extend(found),
                Err(error) => self.refuse(argument.clone(), error.to_string()),
            }
        }
        let mut done = 0;
        let is_raster = |source: &Source| matches!(source, Source::Raster(_)) && self.options.product.is_some();
        let runs = sources.chunk_by(|a, b| is_raster(a) == is_raster(b)).collect::<Vec<_>>();
        for piece in runs.into_iter().flat_map(|run| run.chunks(READ_TOGETHER)) {
            self.tell(done, sources.len());
            match &self.options.product {
                Some(product) if matches!(piece[0], Source::Raster(_)) => self.rasters(piece, product)?,
                _ => self.documents(piece)?,
            }
            done += piece.len();
        }
        self.send()?;
        self.tell(done, sources.len());
        Ok(())
    }

    fn tell(&self, done: usize, total: usize) {
        if let Some(progress) = self.options.progress {
            progress(done, total);
        }
    }

    /// Reads and parses documents on all cores and takes in what they hold, in their order.
    fn documents(&mut self, sources: &[Source]) -> Result<(), Error> {
        let raw: Vec<Result<Found, Refusal>> =
            self.pool.install(|| sources.par_iter().flat_map_iter(read_source).collect());
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
                self.batch.push(*dataset);
                if self.batch.len() >= BATCH {
                    self.send()?;
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
                        Err(error) => return self.refused_by_catalog(source, &error),
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
                    Err(error) => return self.refused_by_catalog(metadata_type.name.clone(), &error),
                }
            }
        }
        Ok(())
    }

    /// A definition that the catalog refuses is one refusal among others.
    #[expect(clippy::unnecessary_wraps, reason = "ends the arms of a fallible match")]
    fn refused_by_catalog(&mut self, source: String, error: &Error) -> Result<(), Error> {
        self.refuse(source, error.to_string());
        Ok(())
    }

    fn rasters(&mut self, sources: &[Source], product: &str) -> Result<(), Error> {
        let product = self.dc.product(product)?;
        for source in sources {
            let Source::Raster(path) = source else { continue };
            match super::rasters::documents_of(path, &product) {
                Ok(datasets) => {
                    datasets.into_iter().try_for_each(|dataset| self.take(Parsed::Dataset(Box::new(dataset))))?;
                }
                Err(error) => self.refuse(name_of(source), error.to_string()),
            }
        }
        Ok(())
    }

    /// Hands the batch to the writer.
    fn send(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        self.batches.send(batch).map_err(|_| Error::NoThreads { reason: "the writer broke off".to_owned() })
    }

    /// Lets the writer end, and gives what was counted on this side.
    fn finish(self) -> IndexReport {
        self.report
    }
}

/// The writing side of a run.
struct Writer<'a> {
    dc: &'a Datacube,
    update: bool,
    dry_run: bool,
}

impl Writer<'_> {
    /// Writes batches until no more come, each in one transaction.
    fn run(&self, batches: &mpsc::Receiver<Vec<Dataset>>) -> Result<IndexReport, Error> {
        let mut report = IndexReport::default();
        for batch in batches {
            if self.dry_run {
                batch.iter().try_for_each(|dataset| self.compare(dataset, &mut report))?;
            } else {
                self.write(&batch, &mut report)?;
            }
        }
        Ok(report)
    }

    fn write(&self, batch: &[Dataset], report: &mut IndexReport) -> Result<(), Error> {
        let outcomes = if self.update {
            self.dc.wait(self.dc.catalog.update_datasets(batch))?
        } else {
            self.dc.wait(self.dc.catalog.add_datasets(batch))?
        };
        for (dataset, outcome) in batch.iter().zip(outcomes) {
            match outcome {
                Outcome::Added => report.added += 1,
                Outcome::AlreadyThere | Outcome::Archived => report.present += 1,
                Outcome::Updated => report.updated += 1,
                Outcome::Changed { differs } => {
                    report.refused.push(differing(dataset, &format!(" ({})", differs.join("; "))));
                }
            }
        }
        Ok(())
    }

    /// Counts what writing a dataset would do.
    fn compare(&self, dataset: &Dataset, report: &mut IndexReport) -> Result<(), Error> {
        match self.dc.wait(self.dc.catalog.dataset(dataset.id))? {
            None => report.added += 1,
            Some(there) if there.document == dataset.document => report.present += 1,
            Some(_) if self.update => report.updated += 1,
            Some(_) => report.refused.push(differing(dataset, "")),
        }
        Ok(())
    }
}

/// The refusal of a dataset that is in the catalog with another document.
fn differing(dataset: &Dataset, how: &str) -> Refusal {
    let source = dataset.location.clone().unwrap_or_default();
    let id = dataset.id;
    let reason = format!("{source}: dataset {id} is in the catalog with another document{how}; --update replaces it");
    Refusal { source, reason }
}

/// A document and the place that its relative paths start from.
struct Found {
    document: RawDocument,
    location: String,
}

/// The documents of a source.
fn read_source(source: &Source) -> Vec<Result<Found, Refusal>> {
    let mut found = Vec::new();
    let read = read_sources(source, &mut |text| found.extend(read_documents(&text)));
    if let Err(error) = read {
        found.push(Err(Refusal { source: name_of(source), reason: error.to_string() }));
    }
    found
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
