//! Indexing: documents and rasters become datasets in the catalog.

mod checking;
mod ground;
mod known;
mod options;
mod pieces;
mod rasters;
mod reading;
mod report;
mod run;
mod safe;
mod sources;
mod stac;
mod writer;

pub use options::{IndexOptions, IndexProgress};
pub(crate) use reading::{read_parts, read_sources};
pub use report::{IndexReport, Reason as RefusalReason, Refusal};
pub(crate) use sources::{Rasters, find_sources};
pub use stac::StacQuery;
