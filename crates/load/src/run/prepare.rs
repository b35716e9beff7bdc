//! What all chunks of a run share.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use cube_geo::{Resampling, Shape, Window};

use super::{Budget, RunOptions};
use crate::blocks::BlockStore;
use crate::files::Files;
use crate::fill::{Context, TaskSource};
use crate::maps::Maps;
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
    let mut maps = Maps::new(plan.geobox.shape.cols);
    for (&(grid, resampling), relation) in geometry.relations() {
        let mut found = Vec::with_capacity(tiles.len());
        for tile in &tiles {
            if options.cancel.load(Ordering::Relaxed) {
                break;
            }
            found.push(relation.windows(*tile).map(|(_, dst)| dst));
        }
        let all = found.iter().flatten().copied().reduce(around);
        if let Some(all) = all.filter(|_| relation.linear().is_none()) {
            maps.add((grid, resampling), relation, all);
        }
        windows.insert((grid, resampling), found);
    }
    let mut files = Files::new(plan);
    files.expect(|dataset, measurement| {
        let key = plan.source(dataset, measurement).zip(plan.measurements.get(measurement));
        let tiles = key.and_then(|(source, planned)| windows.get(&(source.grid, planned.resampling)));
        tiles.map_or(0, |tiles: &Vec<Option<Window>>| tiles.iter().flatten().count())
    });
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
            self.context.files.done_with(source.dataset, chunk, &self.context.store);
        }
    }
}
