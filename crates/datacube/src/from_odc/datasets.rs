//! Datasets of an index of ODC: read, parsed and written at the same time.

use std::sync::{Arc, mpsc};

use cube_catalog::{
    CatalogError, LineageEdge, OdcCounts, OdcDataset, OdcIndex, OdcProduct, Outcome, Prepared, Preparer, SourceDigest,
};
use cube_model::documents::{ProductMatcher, RawDocument};
use cube_model::{Dataset, Product, Search, Status};
use jiff::Timestamp;
use rayon::prelude::*;
use uuid::Uuid;

use super::report::{CopiedProduct, StateCounts};
use super::writer::Writer;
use super::{Copy, FromOdcReport};
use crate::{Datacube, Error};

/// Datasets that are read and written together.
const TOGETHER: u32 = 2000;

/// Pieces that may wait between two of the three that work.
const WAITING: usize = 1;

/// A dataset of ODC on its way.
pub(super) struct Item {
    pub(super) id: Uuid,
    /// Where it is, for people.
    pub(super) place: String,
    pub(super) archived: Option<Timestamp>,
    pub(super) what: What,
}

/// What is known of it.
pub(super) enum What {
    /// It is made ready to be written.
    Ready(Box<Prepared>),
    /// It is only to be compared.
    Checked(Box<Dataset>),
    /// It was copied before and did not change: what adding it would say.
    Known(Outcome),
    Refused(String),
}

/// What the writer is told of one piece.
pub(super) struct Piece {
    pub(super) items: Vec<Item>,
    pub(super) edges: Vec<LineageEdge>,
    pub(super) more_locations: u64,
}

impl Copy<'_> {
    /// Copies the datasets of one product.
    pub(super) fn product(
        &mut self,
        index: &mut OdcIndex,
        odc: &OdcProduct,
        product: Result<&Arc<Product>, &String>,
        counts: OdcCounts,
    ) -> Result<(), Error> {
        let mut copied = CopiedProduct { name: odc.name.clone(), ..CopiedProduct::default() };
        (copied.active.there, copied.archived.there) = (counts.active, counts.archived);
        match product {
            Err(reason) => {
                copied.refused = Some(reason.clone());
                (copied.active.refused, copied.archived.refused) = (counts.active, counts.archived);
                self.report.refused_count += counts.active + counts.archived;
                self.done += counts.active + counts.archived;
                copied.compare(None);
                copied.matches = false;
            }
            Ok(product) => {
                self.datasets(index, odc, product, &mut copied)?;
                let here = if self.options.dry_run { None } else { Some(self.here(&odc.name)?) };
                copied.compare(here);
            }
        }
        self.report.products.push(copied);
        Ok(())
    }

    fn here(&self, product: &str) -> Result<StateCounts, Error> {
        let count = |status| self.dc.count(&Search { status, ..Search::product(product) });
        Ok(StateCounts { active: count(Status::Active)?, archived: count(Status::Archived)? })
    }

    /// Three work at the same time, each on its own piece: one reads from ODC, one parses, one writes.
    fn datasets(
        &mut self,
        index: &mut OdcIndex,
        odc: &OdcProduct,
        product: &Arc<Product>,
        copied: &mut CopiedProduct,
    ) -> Result<(), Error> {
        let (dc, options) = (self.dc, self.options);
        let parser = Parser {
            dc,
            matcher: ProductMatcher::new([Arc::clone(product)]),
            preparer: if options.dry_run { None } else { Some(dc.wait(dc.catalog.preparer())?) },
        };
        let pool = &self.pool;
        let (done, total) = (self.done, self.total);
        let report: &mut FromOdcReport = self.report;
        let writer = Writer { dc, options, report, copied, done, total };
        let broke_off = |_| Error::NoThreads { reason: "a thread broke off".to_owned() };
        let (read, parsed, written) = std::thread::scope(|scope| {
            let (send_page, pages) = mpsc::sync_channel::<Vec<OdcDataset>>(WAITING);
            let (send_piece, pieces) = mpsc::sync_channel::<Piece>(WAITING);
            let reader = scope.spawn(move || {
                dc.wait(index.start(odc))?;
                loop {
                    let page = dc.wait(index.next(TOGETHER))?;
                    // Nobody takes it where the writer failed, whose error counts.
                    if page.is_empty() || send_page.send(page).is_err() {
                        return Ok(());
                    }
                }
            });
            let writer = scope.spawn(move || writer.run(&pieces));
            let parsed = (|| {
                for page in &pages {
                    let piece = parser.parse(pool, &page)?;
                    if send_piece.send(piece).is_err() {
                        break;
                    }
                }
                Ok(())
            })();
            drop((pages, send_piece));
            (reader.join(), parsed, writer.join())
        });
        self.done = written.map_err(broke_off)??;
        parsed.and(read.map_err(broke_off)?)
    }
}

/// What turns records of ODC into datasets.
struct Parser<'a> {
    dc: &'a Datacube,
    /// The one product that ODC says they belong to.
    matcher: ProductMatcher,
    preparer: Option<Preparer>,
}

impl Parser<'_> {
    fn parse(&self, pool: &rayon::ThreadPool, page: &[OdcDataset]) -> Result<Piece, Error> {
        let digests: Vec<(Uuid, SourceDigest)> =
            pool.install(|| page.par_iter().map(|dataset| (dataset.id, dataset.digest())).collect());
        let known = self.dc.wait(self.dc.catalog.already_there(&digests))?;
        let parsed: Vec<(Item, Vec<LineageEdge>)> = pool.install(|| {
            page.par_iter()
                .zip(known)
                .zip(digests)
                .map(|((odc, known), (_, digest))| self.one(odc, known, digest))
                .collect()
        });
        let more_locations = page.iter().filter(|dataset| dataset.other_locations > 0).count() as u64;
        let (items, edges): (Vec<_>, Vec<_>) = parsed.into_iter().unzip();
        Ok(Piece { items, edges: edges.into_iter().flatten().collect(), more_locations })
    }

    fn one(&self, odc: &OdcDataset, known: Option<Outcome>, digest: SourceDigest) -> (Item, Vec<LineageEdge>) {
        let place = match &odc.location {
            Some(location) => format!("{location} (dataset {} of the ODC index)", odc.id),
            None => format!("dataset {} of the ODC index", odc.id),
        };
        let mut edges = Vec::new();
        let what = match known {
            Some(outcome) => {
                // Their lineage is written after the datasets: an earlier run may have ended in between.
                edges.extend(odc.given().map(|given| given.edges).unwrap_or_default());
                What::Known(outcome)
            }
            None => self.checked(odc, &place, digest, &mut edges).unwrap_or_else(What::Refused),
        };
        (Item { id: odc.id, place, archived: odc.archived, what }, edges)
    }

    /// The same checks as when the document is indexed.
    fn checked(
        &self,
        odc: &OdcDataset,
        place: &str,
        digest: SourceDigest,
        edges: &mut Vec<LineageEdge>,
    ) -> Result<What, String> {
        let given = odc.given().map_err(|e| e.to_string())?;
        let document = RawDocument::from_value(given.document, place);
        let dataset =
            Dataset::from_document(&document, odc.location.as_deref(), &self.matcher).map_err(|e| e.to_string())?;
        if dataset.id != odc.id {
            return Err(format!("{place}: its document has the id {}; mend it in ODC", dataset.id));
        }
        let on_earth = |source| CatalogError::Footprint { id: odc.id, source };
        let what = if let Some(preparer) = &self.preparer {
            let ready = preparer.prepare(&dataset, Some(digest)).map_err(|e| format!("{place}: {e}"))?;
            What::Ready(Box::new(ready.with_history(Some(odc.added), odc.archived)))
        } else {
            dataset.footprint.lonlat_extent().map_err(on_earth).map_err(|e| format!("{place}: {e}"))?;
            What::Checked(Box::new(dataset))
        };
        edges.extend(given.edges);
        Ok(what)
    }
}
