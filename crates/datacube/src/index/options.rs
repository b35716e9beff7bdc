//! How to index.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cube_model::Product;

use super::stac::StacQuery;
use crate::http::HttpOptions;

/// How to index.
#[derive(Default)]
pub struct IndexOptions<'a> {
    /// Only datasets of these products; of all where empty. Raster files need exactly one: theirs.
    pub products: Vec<String>,
    /// No datasets of these products.
    pub exclude_products: Vec<String>,
    /// Check everything, write nothing.
    pub dry_run: bool,
    /// Replace the document of a dataset that is there but differs.
    pub update: bool,
    /// Archive less mature versions of the datasets that come, and refuse those of which a more mature version is there.
    pub archive_less_mature: bool,
    /// Which items of STAC catalogs and APIs are wanted.
    pub stac: StacQuery,
    /// What servers are told.
    pub http: HttpOptions,
    /// How many threads parse; all cores where `None`.
    pub jobs: Option<usize>,
    /// Called now and then, on the thread that indexes.
    pub progress: Option<&'a dyn Fn(&IndexProgress)>,
    /// Another thread sets it to true to stop the run after the batch that is being written.
    pub stop: Option<&'a AtomicBool>,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IndexProgress {
    /// Documents that were looked at.
    pub documents: u64,
    /// Bytes of the sources that were read, packed as they are.
    pub read: u64,
    /// Bytes of all sources; `None` where standard input is one of them.
    pub total: Option<u64>,
}

impl IndexOptions<'_> {
    /// Whether datasets of this product are wanted.
    pub(super) fn wants(&self, product: &Arc<Product>) -> bool {
        (self.products.is_empty() || self.products.contains(&product.name))
            && !self.exclude_products.contains(&product.name)
    }

    /// What becomes of a dataset that was checked.
    pub(super) fn way(&self) -> Way {
        Way { dry_run: self.dry_run, update: self.update, archive_less_mature: self.archive_less_mature }
    }
}

/// What becomes of the datasets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) dry_run: bool,
    pub(super) update: bool,
    pub(super) archive_less_mature: bool,
}

impl Way {
    /// Whether the writer asks for the dataset itself, and not only for what goes into the catalog.
    pub(super) const fn needs_datasets(self) -> bool {
        self.dry_run || self.archive_less_mature
    }
}

/// Whether somebody wants the run to end.
pub(super) fn stopped(stop: Option<&AtomicBool>) -> bool {
    stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
}
