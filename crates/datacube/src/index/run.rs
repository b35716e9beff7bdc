//! An indexing run: read and parse on all cores, write in batches beside it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use cube_catalog::{Added, CatalogError, Outcome};
use cube_model::documents::{self, DocumentKind, ProductMatcher, RawDocument};
use cube_model::{Dataset, MetadataType, Product};
use rayon::prelude::*;
use uuid::Uuid;

use super::report::{IndexReport, Refusal};
use super::sources::{LARGEST_DOCUMENT, Rasters, Source, SourceText, find_sources, read_sources};
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
    /// Where the product for rasters is not there, or the catalog cannot be written; what was written before that
    /// stays, and the error counts it ([`Error::IndexBrokeOff`]).
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
            let (written, wrote) =
                written.join().map_err(|_| Error::NoThreads { reason: "the writer broke off".to_owned() })?;
            report.take_in(written);
            // A writer that failed ends the readers: its error is the cause, theirs the consequence.
            match (wrote.and(read), report.added + report.updated) {
                (Ok(()), _) => Ok(report),
                (Err(source), written) if written > 0 && !options.dry_run => {
                    Err(Error::IndexBrokeOff { written, source: Box::new(source) })
                }
                (Err(error), _) => Err(error),
            }
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
            let rasters = if self.options.product.is_some() { Rasters::Taken } else { Rasters::Told };
            match find_sources(argument, rasters) {
                Ok(found) => {
                    sources.extend(found.sources);
                    self.report.refused.extend(found.refused);
                }
                Err(error) => self.refuse(argument.clone(), error.to_string()),
            }
        }
        let mut done = 0;
        let is_raster = |source: &Source| matches!(source, Source::Raster(_)) && self.options.product.is_some();
        let way = |source: &Source| (is_raster(source), source.holds_many());
        let runs = sources.chunk_by(|a, b| way(a) == way(b)).collect::<Vec<_>>();
        for piece in runs.into_iter().flat_map(|run| run.chunks(READ_TOGETHER)) {
            self.tell(done, sources.len());
            match &self.options.product {
                Some(product) if matches!(piece[0], Source::Raster(_)) => self.rasters(piece, product)?,
                _ if piece[0].holds_many() => piece.iter().try_for_each(|source| self.stream(source))?,
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
        self.parse(raw)
    }

    /// Reads a source that holds any number of documents, piece by piece, so that it need not fit into memory.
    fn stream(&mut self, source: &Source) -> Result<(), Error> {
        let mut texts = Vec::new();
        let mut bytes = 0;
        let mut broken = false;
        let read = read_sources(source, &mut |text| {
            bytes += text.text.len() as u64;
            texts.push(text);
            if texts.len() < READ_TOGETHER && bytes < LARGEST_DOCUMENT {
                return Ok(());
            }
            bytes = 0;
            let taken = self.texts(&std::mem::take(&mut texts));
            broken = taken.is_err();
            taken
        });
        match read {
            Err(error) if broken => return Err(error),
            Err(error) => self.refuse(name_of(source), error.to_string()),
            Ok(()) => {}
        }
        self.texts(&texts)
    }

    fn texts(&mut self, texts: &[SourceText]) -> Result<(), Error> {
        let raw = self.pool.install(|| texts.par_iter().flat_map_iter(read_documents).collect());
        self.parse(raw)
    }

    /// Parses documents on all cores and takes them in, in their order.
    fn parse(&mut self, raw: Vec<Result<Found, Refusal>>) -> Result<(), Error> {
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
                    let name = name_of(source);
                    datasets.into_iter().try_for_each(|dataset| self.take(placed(dataset, &name)))?;
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
    /// Writes batches until no more come or one fails, each in one transaction; says what was written in any case.
    fn run(&self, batches: &mpsc::Receiver<Vec<Dataset>>) -> (IndexReport, Result<(), Error>) {
        let mut report = IndexReport::default();
        let mut earlier = HashMap::new();
        let done = batches.iter().try_for_each(|batch| {
            let outcomes = match (self.dry_run, self.update) {
                (true, _) => self.compare(&batch, &mut earlier)?,
                (false, true) => self.dc.wait(self.dc.catalog.update_datasets(&batch))?,
                (false, false) => self.dc.wait(self.dc.catalog.add_datasets(&batch))?,
            };
            batch.iter().zip(outcomes).for_each(|(dataset, outcome)| count(&mut report, dataset, outcome));
            Ok(())
        });
        (report, done)
    }

    /// What writing a batch would do. `earlier` has a digest of every dataset that a batch before would have written.
    fn compare(&self, batch: &[Dataset], earlier: &mut HashMap<Uuid, u64>) -> Result<Vec<Outcome>, Error> {
        let mut outcomes = self.dc.wait(self.dc.catalog.compare_datasets(batch, self.update))?;
        for (dataset, outcome) in batch.iter().zip(&mut outcomes) {
            let new = digest(dataset);
            *outcome = match earlier.get(&dataset.id) {
                Some(old) if *old == new => Outcome::AlreadyThere,
                Some(_) if self.update => Outcome::Updated,
                Some(_) => Outcome::Changed { differs: vec!["its id came before in this run".to_owned()] },
                None => continue,
            };
        }
        let written = batch.iter().zip(&outcomes).filter(|(_, o)| matches!(o, Outcome::Added | Outcome::Updated));
        earlier.extend(written.map(|(dataset, _)| (dataset.id, digest(dataset))));
        Ok(outcomes)
    }
}

/// Tells datasets of one id apart within a run.
fn digest(dataset: &Dataset) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&dataset.product, &dataset.location, dataset.document.to_string()).hash(&mut hasher);
    hasher.finish()
}

fn count(report: &mut IndexReport, dataset: &Dataset, outcome: Outcome) {
    match outcome {
        Outcome::Added => report.added += 1,
        Outcome::AlreadyThere | Outcome::Archived => report.present += 1,
        Outcome::Updated => report.updated += 1,
        Outcome::Changed { differs } => {
            report.refused.push(differing(dataset, &format!(" ({})", differs.join("; "))));
        }
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
    let read = read_sources(source, &mut |text| {
        found.extend(read_documents(&text));
        Ok(())
    });
    if let Err(error) = read {
        found.push(Err(Refusal { source: name_of(source), reason: error.to_string() }));
    }
    found
}

/// The documents of a text.
fn read_documents(text: &SourceText) -> Vec<Result<Found, Refusal>> {
    match documents::parse(&text.text, &text.place()) {
        Ok(all) => all.into_iter().map(|document| Ok(Found { document, location: text.name.clone() })).collect(),
        Err(error) => vec![Err(Refusal { source: text.place(), reason: error.to_string() })],
    }
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
        Ok(dataset) => placed(dataset, &found.document.source),
        Err(error) => refused(&found.document.source, &error),
    }
}

/// A dataset that lies somewhere on the Earth. The catalog takes no other, and would refuse the whole batch for it.
fn placed(dataset: Dataset, source: &str) -> Parsed {
    match dataset.footprint.lonlat_extent() {
        Ok(_) => Parsed::Dataset(Box::new(dataset)),
        Err(error) => {
            let error = CatalogError::Footprint { id: dataset.id, source: error };
            Parsed::Refused(Refusal { source: source.to_owned(), reason: format!("{source}: {error}") })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Config;

    fn document(id: u128, west: f64) -> Value {
        json!({
            "$schema": "https://schemas.opendatacube.org/dataset", "id": Uuid::from_u128(id).to_string(),
            "product": { "name": "lake" }, "crs": "EPSG:32633",
            "grids": { "default": { "shape": [10, 10], "transform": [10, 0, west, 0, -10, 4_650_000.0, 0, 0, 1] } },
            "properties": { "datetime": "2034-05-01T10:00:00Z", "odc:processing_datetime": "2034-05-02T00:00:00Z" },
            "measurements": { "red": { "path": "red.tif" } }, "lineage": {},
        })
    }

    #[test]
    fn a_dry_run_counts_what_the_run_then_does_and_one_bad_dataset_stops_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = format!("sqlite://{}", dir.path().join("catalog.sqlite").display());
        let dc = Datacube::init(&Config::resolve(Some(&catalog)).unwrap()).unwrap();
        let product = json!({
            "name": "lake", "description": "a lake", "metadata_type": "eo3", "metadata": { "product": { "name": "lake" } },
            "measurements": [{ "name": "red", "dtype": "uint16", "nodata": 0, "units": "1" }],
        });
        let mut twice = document(1, 300_000.0);
        twice["properties"]["eo:platform"] = json!("another");
        let lines = [product, document(1, 300_000.0), document(2, 5e9), twice, document(3, 300_000.0)];
        let text = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let write = |folder: &str| {
            let path = dir.path().join(folder).join("all.ndjson");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
            path.to_string_lossy().into_owned()
        };
        let index = |path: &str, dry_run| {
            let report = dc.index(&[path.to_owned()], &IndexOptions { dry_run, ..Default::default() }).unwrap();
            (report.added, report.present, report.refused)
        };
        let first = write("first");
        for dry_run in [true, false] {
            let (added, present, refused) = index(&first, dry_run);
            assert_eq!((added, present, refused.len()), (2, 0, 2), "{refused:?}");
            let far = refused.iter().find(|r| r.source.contains("(line 3)")).unwrap();
            assert!(far.reason.contains(&Uuid::from_u128(2).to_string()), "{}", far.reason);
            assert!(refused.iter().any(|r| r.reason.contains("twice")), "{refused:?}");
        }
        // The same documents at another place are other records.
        let second = write("second");
        for dry_run in [true, false] {
            let (added, _, refused) = index(&second, dry_run);
            assert_eq!(added, 0);
            assert!(refused.iter().any(|r| r.reason.contains("its location was")), "{refused:?}");
        }
    }
}
