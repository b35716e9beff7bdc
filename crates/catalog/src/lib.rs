//! The catalog: SQL stores, migrations and the R-tree cache in front.
//!
//! [`Catalog`] holds metadata types, products and datasets, and finds datasets by product, time, place and search
//! field. What anything means is written once, above a small store trait that moves rows inside one transaction;
//! SQLite and PostGIS stand behind it. The R-tree cache in front answers what SQL would answer, and is never stale:
//! `docs/design/catalog.md` says how.

mod adding;
mod cache;
mod catalog;
mod columns;
mod counts;
mod datasets;
mod definitions;
mod differences;
mod digest;
mod duplicates;
mod error;
mod extents;
mod fields;
mod geometry;
mod life;
mod lineage;
mod locations;
mod maturity;
mod metadata_types;
mod near;
mod odc;
mod outline;
mod postgis;
mod products;
mod records;
mod returning;
mod rows;
mod search;
mod sqlite;
mod store;
mod terms;
mod updates;
mod url;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod property;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod speed;

pub use adding::{Outcome, Prepared, Preparer};
pub use cache::CacheSize;
pub use catalog::Catalog;
pub use counts::PeriodCount;
pub use datasets::LineageLink;
pub use differences::{DefinitionChange, DefinitionChanges};
pub use digest::SourceDigest;
pub use duplicates::Duplicates;
pub use error::{CatalogError, Result};
pub use extents::Extent;
pub use life::{ArchiveOptions, Chosen, DERIVED_TOLERANCE, PurgeOptions, RestoreOptions, Touched};
pub use lineage::{Below, Direction, Lineage, LineageEdge, LineageTree, MergeOptions, MergeReport};
pub use locations::LocationMode;
pub use maturity::MATURITY_DELTA;
pub use odc::{GivenDocument, OdcCounts, OdcDataset, OdcIndex, OdcMetadataType, OdcProduct, OdcSchema};
pub use products::Added;
pub use records::DatasetRecord;
pub use updates::{DatasetUpdate, UpdateOutcome, UpdateRules};
pub use url::CatalogUrl;
