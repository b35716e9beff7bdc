//! Indexing: documents and rasters become datasets in the catalog.

mod rasters;
mod report;
mod run;
mod sources;

pub use report::{IndexReport, Refusal};
pub use run::IndexOptions;
pub(crate) use sources::{Rasters, find_sources, read_sources};
