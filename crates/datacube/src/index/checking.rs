//! The third stage: texts are parsed and checked on all cores, each dataset made ready while its document is at hand.

use std::sync::{Arc, mpsc};

use cube_catalog::{Added, Outcome};
use cube_model::documents::{self, DocumentKind, RawDocument};
use cube_model::{MetadataType, Product};
use rayon::prelude::*;

use super::ground::{Checked, Ground, Numbered, Ready, matcher};
use super::known::{Known, LookedUp};
use super::options::{IndexOptions, IndexProgress, stopped};
use super::pieces::Item;
use super::report::{Refused, Tally};
use crate::{Datacube, Error};

/// Datasets that go into one transaction, and bytes of their texts at which a batch is full.
const BATCH: usize = 5_000;
const BATCH_BYTES: usize = 16 << 20;
/// Texts that a thread takes at once at least.
const TOGETHER: usize = 16;

/// The checking side of a run.
pub(super) struct Checker<'a> {
    dc: &'a Datacube,
    options: &'a IndexOptions<'a>,
    pool: &'a rayon::ThreadPool,
    products: Vec<Arc<Product>>,
    ground: Ground,
    tally: Tally,
    /// Datasets that wait for their batch to fill, and their size.
    batch: Vec<Ready>,
    size: usize,
    batches: mpsc::SyncSender<Vec<Ready>>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        dc: &'a Datacube,
        options: &'a IndexOptions<'a>,
        pool: &'a rayon::ThreadPool,
        batches: mpsc::SyncSender<Vec<Ready>>,
    ) -> Result<Self, Error> {
        let products = dc.products()?;
        let matcher = matcher(&products, options);
        let ground = Ground { matcher, preparer: dc.wait(dc.catalog.preparer())?, way: options.way() };
        Ok(Self { dc, options, pool, products, ground, tally: Tally::default(), batch: Vec::new(), size: 0, batches })
    }

    /// Checks pieces until no more come or the writer has ended.
    pub(super) fn run(&mut self, pieces: &mpsc::Receiver<LookedUp>, total: Option<u64>) -> Result<(), Error> {
        let tell = |documents, read| {
            if let Some(progress) = self.options.progress {
                progress(&IndexProgress { documents, read, total });
            }
        };
        tell(0, 0);
        for piece in pieces {
            if stopped(self.options.stop) {
                break;
            }
            let (documents, read) = (piece.piece.first + piece.piece.items.len() as u64, piece.piece.read);
            if !self.piece(piece)? {
                return Ok(());
            }
            tell(documents, read);
        }
        if stopped(self.options.stop) {
            self.tally.report.stopped = true;
        } else {
            self.send();
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Tally {
        self.tally
    }

    /// Takes in one piece; false where the writer has ended.
    fn piece(&mut self, looked_up: LookedUp) -> Result<bool, Error> {
        let LookedUp { piece, known } = looked_up;
        let mut texts = Vec::new();
        for ((item, known), number) in piece.items.iter().zip(known).zip(piece.first..) {
            match (item, known) {
                (Item::Text(_), Known { outcome: Some(outcome), .. }) => self.known(&outcome),
                (Item::Text(text), Known { digest, .. }) => texts.push(Numbered { text, number, digest }),
                (Item::Raster(path), _) => {
                    // Rasters take long, and texts before them go first.
                    if !self.texts(&std::mem::take(&mut texts))? || !self.raster(path, number) {
                        return Ok(false);
                    }
                }
                (Item::Broken(broken), _) => {
                    let (source, reason) = (broken.place.clone(), broken.error.to_string());
                    let plain = match &broken.error {
                        Error::Unreadable { reason, .. } => reason.clone(),
                        error => error.to_string(),
                    };
                    self.tally.refuse(number, Refused { source, reason, plain });
                }
            }
        }
        self.texts(&texts)
    }

    fn known(&mut self, outcome: &Outcome) {
        if matches!(outcome, Outcome::AlreadyThere | Outcome::Archived) {
            self.tally.report.present += 1;
            self.tally.report.present_archived += usize::from(*outcome == Outcome::Archived);
        }
    }

    /// Parses texts on all cores and takes in what they hold, in their order.
    fn texts(&mut self, texts: &[Numbered<'_>]) -> Result<bool, Error> {
        if texts.is_empty() {
            return Ok(true);
        }
        let (ground, pool) = (&self.ground, self.pool);
        let check = |ground: &Ground| -> Vec<Vec<Checked>> {
            pool.install(|| texts.par_iter().with_min_len(TOGETHER).map(|text| ground.check(text)).collect())
        };
        let mut checked = check(ground);
        // Definitions first, so that a directory may hold a product and its datasets: what was checked without them is
        // checked again.
        let mut found = false;
        for one in checked.iter().flatten() {
            if let Checked::Definition(number, document) = one {
                found |= self.definition(*number, document);
            }
        }
        if found {
            let matcher = matcher(&self.products, self.options);
            let preparer = self.dc.wait(self.dc.catalog.preparer())?;
            self.ground = Ground { matcher, preparer, way: self.ground.way };
            checked = check(&self.ground);
        }
        Ok(checked.into_iter().flatten().all(|one| self.take(one)))
    }

    /// Takes in one document; false where the writer has ended.
    fn take(&mut self, checked: Checked) -> bool {
        match checked {
            Checked::Definition(..) => true,
            Checked::Refused(number, refused) => {
                self.tally.refuse(number, refused);
                true
            }
            Checked::Ready(ready) => {
                self.size += ready.size;
                self.batch.push(*ready);
                (self.batch.len() < BATCH && self.size < BATCH_BYTES) || self.send()
            }
        }
    }

    /// Hands the batch to the writer; false where it has ended.
    fn send(&mut self) -> bool {
        self.size = 0;
        let batch = std::mem::take(&mut self.batch);
        batch.is_empty() || self.batches.send(batch).is_ok()
    }

    /// Adds a product or metadata type to the catalog; true where it is new.
    fn definition(&mut self, number: u64, document: &RawDocument) -> bool {
        // A product that is there says at least as much as the collection.
        if cube_model::stac::product_name(document).is_some_and(|name| self.products.iter().any(|p| p.name == name)) {
            self.tally.report.present_definitions += 1;
            return false;
        }
        if documents::kind(document) != DocumentKind::MetadataType {
            let product = match Product::from_document(document) {
                Ok(product) => product,
                Err(error) => return self.refuse_definition(number, document, &error.into()),
            };
            let is_new = if self.options.dry_run {
                self.tally.report.products += 1;
                true
            } else {
                match self.dc.wait(self.dc.catalog.add_product(&product)) {
                    Ok(Added::New) => {
                        self.tally.report.products += 1;
                        true
                    }
                    Ok(Added::AlreadyThere) => {
                        self.tally.report.present_definitions += 1;
                        false
                    }
                    Err(error) => return self.refuse_definition(number, document, &error),
                }
            };
            self.products.retain(|p| p.name != product.name);
            self.products.push(Arc::new(product));
            return is_new;
        }
        let metadata_type = match MetadataType::from_document(document) {
            Ok(metadata_type) => metadata_type,
            Err(error) => return self.refuse_definition(number, document, &error.into()),
        };
        if self.options.dry_run {
            self.tally.report.metadata_types += 1;
            return true;
        }
        match self.dc.wait(self.dc.catalog.add_metadata_type(&metadata_type)) {
            Ok(Added::New) => {
                self.tally.report.metadata_types += 1;
                true
            }
            Ok(Added::AlreadyThere) => {
                self.tally.report.present_definitions += 1;
                false
            }
            Err(error) => self.refuse_definition(number, document, &error),
        }
    }

    /// A definition that is refused is one refusal among others; it is not new.
    fn refuse_definition(&mut self, number: u64, document: &RawDocument, error: &Error) -> bool {
        let (source, reason) = (document.source.clone(), error.to_string());
        self.tally.refuse(number, Refused { source, plain: reason.clone(), reason });
        false
    }

    /// Takes in the datasets that a raster holds; false where the writer has ended.
    fn raster(&mut self, path: &std::path::Path, number: u64) -> bool {
        let name: Arc<str> = path.display().to_string().into();
        let product = match self.options.products.as_slice() {
            [product] => self.dc.product(product),
            [] => Err(Error::RasterWithoutProduct { path: path.to_owned() }),
            several => Err(Error::RasterMismatch {
                path: path.to_owned(),
                reason: format!("a raster belongs to one product, and --product names {}", several.len()),
            }),
        };
        match product.and_then(|product| super::rasters::documents_of(path, &product)) {
            Ok(datasets) => datasets.into_iter().all(|dataset| {
                let checked = self.ground.ready(dataset, &name, None, number, None, 2_000);
                self.take(checked)
            }),
            Err(error) => {
                let reason = error.to_string();
                let plain = match error {
                    Error::RasterMismatch { reason, .. } | Error::Unreadable { reason, .. } => reason,
                    _ => reason.clone(),
                };
                self.tally.refuse(number, Refused { source: name.to_string(), reason, plain });
                true
            }
        }
    }
}
