//! GeoTIFF, written without GDAL: cloud-optimised, tile by tile as they come.

mod body;
mod directory;
mod encode;
mod file;
mod geo_keys;
mod labels;
mod levels;
mod overviews;
mod sample;
mod wkt1;

pub(crate) use file::{Plan, TileFile, TypedFile};
pub(crate) use labels::Label;
pub(crate) use levels::TILE;
pub(crate) use overviews::Reduction;
