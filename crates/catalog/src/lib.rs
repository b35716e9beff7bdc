//! The catalog: SQL stores, migrations and the R-tree cache in front.
//!
//! [`Catalog`] holds metadata types, products and datasets, and finds datasets by product, time, place and search
//! field. What anything means is written once, above a small store trait that moves rows inside one transaction;
//! SQLite stands behind it. The R-tree cache in front answers what SQL would answer, and is never stale:
//! `docs/design/catalog.md` says how.

mod cache;
mod catalog;
mod datasets;
mod definitions;
mod differences;
mod digest;
mod error;
mod fields;
mod geometry;
mod near;
mod outline;
mod products;
mod rows;
mod search;
mod sqlite;
mod store;
mod terms;
mod url;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod property;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod speed;

pub use catalog::Catalog;
pub use datasets::{LineageLink, Outcome, Submission};
pub use digest::SourceDigest;
pub use error::{CatalogError, Result};
pub use products::Added;
pub use url::CatalogUrl;
