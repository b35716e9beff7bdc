//! What all chunks of a run share.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use cube_geo::{Resampling, Shape, Window};

use super::{Budget, RunOptions};
use crate::blocks::BlockStore;
use crate::files::Files;
use crate::fill::{Context, TaskSource};
use crate::plan::Chunk;
use crate::target::around;
use crate::{Fuse, Geometry, LoadPlan};

/// A run: what its chunks share, and which sources each of them has.
pub(super) struct Job<'a> {
    pub(super) context: Context<'a>,
    pub(super) threads: usize,
    /// The pieces of the output grid, and their places among the windows below.
    tiles: HashMap<Window, usize>,
    /// For each source grid and resampling, the part of each tile that gets something.
    windows: HashMap<(usize, Resampling), Vec<Option<Window>>>,
}

/// Looks up for each source grid what it can fill of each tile (PROJ answers once for a grid and a tile, on this thread
/// alone), and counts for each file the chunks that need it.
pub(super) fn prepare<'a>(
    plan: &'a LoadPlan,
    geometry: &'a Geometry<'a>,
    tile: Shape,
    budget: Budget,
    options: &RunOptions<'a>,
) -> Job<'a> {
    let tiles: Vec<Window> = plan.geobox.shape.whole().tiles(tile).collect();
    let mut windows = HashMap::new();
    let mut maps = HashMap::new();
    for (&(grid, resampling), relation) in geometry.relations() {
        let found: Vec<Option<Window>> = tiles.iter().map(|t| relation.windows(*t).map(|(_, dst)| dst)).collect();
        let all = found.iter().flatten().copied().reduce(around);
        if let Some(all) = all.filter(|_| relation.linear().is_none()) {
            maps.insert((grid, resampling), relation.pixel_map(all));
        }
        windows.insert((grid, resampling), found);
    }
    let files = Files::new(plan);
    for (measurement, planned) in plan.measurements.iter().enumerate() {
        for dataset in 0..plan.datasets.len() {
            let Some(source) = plan.source(dataset, measurement) else { continue };
            let tiles = windows.get(&(source.grid, planned.resampling));
            let uses = tiles.map_or(0, |tiles| tiles.iter().flatten().count());
            for extra in 0..plan.extra_len(measurement) {
                if let Some(file) = files.at(dataset, measurement, extra) {
                    file.chunks_left.store(uses, Ordering::Relaxed);
                }
            }
        }
    }
    let context = Context {
        plan,
        geometry,
        maps,
        files,
        store: BlockStore::new(budget.store),
        fuse_with: options.fuse_with,
        cancel: options.cancel,
    };
    Job { context, threads: budget.threads, tiles: tiles.into_iter().zip(0..).collect(), windows }
}

impl Job<'_> {
    /// The sources of a chunk, in the order in which they fill it: as [`Geometry::sources_of`].
    pub(super) fn sources_of(&self, chunk: Chunk) -> Vec<TaskSource> {
        let plan = self.context.plan;
        let Some((tile, planned)) = self.tiles.get(&chunk.window).zip(plan.measurements.get(chunk.measurement)) else {
            return Vec::new();
        };
        let sources = plan.datasets_of(chunk.plane).filter_map(|dataset| {
            let grid = plan.source(dataset, chunk.measurement)?.grid;
            let dst_window = (*self.windows.get(&(grid, planned.resampling))?.get(*tile)?)?;
            Some(TaskSource { dataset, dst_window })
        });
        if plan.fuse == Fuse::Last { sources.rev().collect() } else { sources.collect() }
    }

    /// A chunk is done with its sources.
    pub(super) fn done_with(&self, chunk: Chunk, sources: &[TaskSource]) {
        for source in sources {
            if let Some(file) = self.context.files.of(source.dataset, chunk) {
                file.done_with_chunk(&self.context.store);
            }
        }
    }
}
