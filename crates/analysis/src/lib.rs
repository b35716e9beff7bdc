//! Pure functions from cube to cube: masks, indices, water, reductions.
//!
//! Nothing here opens a file or knows a catalog. Arrays are `[time, y, x]` (reductions also take
//! `[time, extra, y, x]`), C order. A boolean array is a mask: true = keep. Values are *real* values: a pixel
//! times the measurement's scale factor plus its offset, NaN where nothing was measured. Sums run in `f64` with
//! compensation and in a fixed order, so that the same input gives the same bits on any number of threads.

mod bodies;
mod error;
mod flags;
mod index;
mod mask;
mod otsu;
mod real;
mod reduce;
mod space;
mod sums;
mod water;

pub use bodies::{Connectivity, remove_small_bodies};
pub use error::AnalysisError;
pub use flags::make_mask;
pub use index::{Index, index, normalised_difference};
pub use mask::{CLEAR_CLASSES, ClearSpec, WATER_CLASSES, class_mask, clear_mask, masked, valid_mask};
pub use otsu::{Otsu, SEPARABILITY_LIMIT, otsu};
pub use real::{real_values, scaled};
pub use reduce::{Statistic, anomaly, composite, over_time};
pub use space::{BoxSummary, over_space};
pub use water::{Threshold, ThresholdUsed, WATER_UNKNOWN, Water, WaterDate, WaterSpec, water};
