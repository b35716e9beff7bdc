//! CRS, affine, GeoBox, windows, overlaps and coordinate transforms.
//!
//! The bottom of the house: it knows where pixels are on the Earth and nothing of datasets, files or
//! arrays. Coordinates are always (x, y) = (easting, northing) = (longitude, latitude), whatever the
//! authority's axis order; shapes and windows are rows, then columns.

mod affine;
mod areas;
mod bbox;
mod crs;
mod footprint;
mod geobox;
mod gridspec;
mod healpix;
mod known_crs;
mod lonlat;
mod near_meridian;
mod overlap;
mod pixel_transform;
mod proj;
mod resampling;
mod trace;
mod transform_grid;
mod union;
mod window;
mod windows;

pub use affine::{Affine, Resolution};
pub use areas::{CellAreas, strip};
pub use bbox::BoundingBox;
pub use crs::{Crs, CrsError, CrsKind};
pub use footprint::{Footprint, FootprintError};
pub use geobox::{Anchor, GeoBox, GeoBoxError, SNAP_TOLERANCE};
pub use gridspec::GridSpec;
pub use healpix::{CellOverlap, Healpix, HealpixError, HealpixOrder, Interpolation};
pub use lonlat::LonLatExtent;
pub use overlap::{NEAREST_TOLERANCE, Overlap, OverlapKind, Relation, overlap, relate};
pub use pixel_transform::PixelTransform;
pub use proj::{Transform, proj_version};
pub use resampling::{Resampling, ResamplingError};
pub use transform_grid::{PixelMap, PixelPoints, TransformGrid};
pub use window::{Shape, Window};
