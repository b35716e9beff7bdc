//! STAC in and out: items are datasets, collections are products.
//!
//! Every document is read and written as STAC 1.1: what comes in as 1.0 is upgraded first, and what is asked
//! for as 1.0 is turned back last, so that each rule stands once. An item becomes an EO3 document, by the rules of
//! datacube's `stac2ds` (names, properties, identity), and the record keeps what EO3 has no place for under the key
//! `stac`: the item that comes out is the item that went in. The other way round, what STAC has no place for stands in
//! fields with the prefix `odc:`.

mod assets;
mod collection_in;
mod collection_out;
mod complete;
mod geometry;
mod item_in;
mod item_out;
mod measurements;
mod projection;
mod properties;
mod remainder;
mod version;

#[cfg(test)]
mod tests;

use cube_geo::FootprintError;
use uuid::Uuid;

pub use assets::{data_type_name, has_raster_extension};
pub use collection_in::product_name;
pub use collection_out::{CollectionExtent, CollectionOptions, collection_of};
pub use complete::{HeaderGrid, LackingGrid, lacking_grids, with_grids};
pub use item_in::dataset_id;
pub use item_out::{ItemOptions, item_of};
pub use version::StacVersion;

pub(crate) use collection_in::product_document;

/// Most assets of one item or collection. Real ones have some dozen.
const MOST_ASSETS: usize = 10_000;

/// Most bands of one asset; hyperspectral scenes have some hundred.
const MOST_BANDS: usize = 10_000;

/// Longest id of an item or a collection, in bytes.
const LONGEST_ID: usize = 4096;

/// The key of a dataset document that holds what EO3 has no place for.
const REMAINDER: &str = "stac";

/// The namespace of identities made of STAC ids, as datacube and odc-stac have it: the version 5 UUID of `https://stacspec.org` as
/// a URL.
const NAMESPACE: Uuid = Uuid::from_u128(0x55d2_6088_a6d0_5c77_bf9a_3a7f_3c6a_6dab);

/// A dataset cannot be said as a STAC item.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StacError {
    /// It lies nowhere on the Earth.
    #[error(
        "dataset {id} cannot be written as a STAC item, whose footprint is in longitude and latitude: {source}; mend its geometry"
    )]
    Footprint {
        /// The dataset.
        id: Uuid,
        /// Why.
        source: FootprintError,
    },
}

/// A name of letters, digits and underscores, as products and measurements must have: every other character becomes an
/// underscore.
pub(crate) fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}
