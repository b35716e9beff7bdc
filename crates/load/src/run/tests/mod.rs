//! Whole loads over small stores.

mod fuse;
mod loads;
mod sinks;

use std::path::PathBuf;

use cube_geo::GeoBox;
use cube_model::{DataType, Dataset, Pixel};
use tempfile::TempDir;

use super::{Loaded, RunOptions, run};
use crate::testing::product;
use crate::{GroupBy, LoadError, LoadPlan, LoadSpec, group, plan};

pub(super) const DAY: &str = "2024-06-01T10:00:00Z";

pub(super) fn load(
    datasets: Vec<Dataset>,
    dtype: DataType,
    nodata: f64,
    grid: &GeoBox,
    spec: &LoadSpec,
) -> Result<Loaded, LoadError> {
    let groups = group(datasets, GroupBy::Time)?;
    let plan = plan(&[product(&[("red", dtype, Some(nodata))])], &groups, grid.clone(), spec)?;
    // By way of bytes, as a remote worker gets it.
    let plan: LoadPlan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    run(&plan, &RunOptions { threads: 2, ..RunOptions::default() })
}

pub(super) fn red<T: Pixel>(loaded: &Loaded) -> Vec<T> {
    loaded.cube.array::<T>("red").unwrap().iter().copied().collect()
}

pub(super) fn store(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(format!("{name}.zarr"))
}

/// Values that tell every pixel from its neighbours; every seventh is nodata (0).
pub(super) fn speckled(grid: &GeoBox, seed: u32) -> Vec<u16> {
    let n = u32::try_from(grid.shape.pixels()).unwrap();
    let mix = |i: u32| u16::try_from((i.wrapping_mul(2_654_435_761).wrapping_add(seed * 97)) >> 18).unwrap();
    (0..n).map(|i| if (i + seed).is_multiple_of(7) { 0 } else { 1 + mix(i) }).collect()
}
