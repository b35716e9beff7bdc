//! The load engine: group, output GeoBox, plan, read, warp, fuse.
//!
//! ```text
//! datasets ─ group ─▶ DatasetGroup ─┐
//! LoadSpec ─ output_geobox ─▶ GeoBox ┴ plan (pure) ─▶ LoadPlan ─ run ─▶ Cube
//!                                                       └ explain ─▶ Explanation
//! ```
//!
//! What a pixel is depends on the plan and the files alone: overview level, paste or warp and the nodes of the transform
//! are fixed once for a source grid and the whole output, so that neither chunks nor threads change a bit.

mod blocks;
mod convert;
mod error;
mod explain;
mod files;
mod fill;
mod geobox;
mod geometry;
mod group;
mod maps;
mod memory;
mod plan;
mod run;
mod spec;
mod target;
#[cfg(test)]
mod testing;
mod warp;

pub use error::LoadError;
pub use explain::{Cost, Explanation, explain};
pub use geobox::output_geobox;
pub use geometry::{ChunkSource, Geometry};
pub use group::{DatasetGroup, group};
pub use plan::{Chunk, LoadPlan, PlannedDataset, PlannedMeasurement, PlannedSource, TimePlane, plan};
pub use run::{FuseFunction, Hole, Loaded, RunOptions, Written, check_streamed, run, run_into};
pub use spec::{Fuse, GroupBy, LoadSpec, UnknownName};
