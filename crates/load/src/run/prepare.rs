//! What all chunks of a run share.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use cube_geo::{Resampling, Shape, Window};

use super::{Budget, RunOptions};
use crate::blocks::BlockStore;
use crate::files::Files;
use crate::fill::Context;
use crate::maps::Maps;
use crate::plan::Chunk;
use crate::{ChunkSource, Geometry, LoadPlan};

/// Of a source and of a tile, where they share ground.
type Windows = Option<(Window, Window)>;

/// A run: what its chunks share, and which sources each of them has.
pub(super) struct Job<'a> {
    pub(super) context: Context<'a>,
    pub(super) threads: usize,
    /// The pieces of the output grid, and their places among the windows below.
    tiles: HashMap<Window, usize>,
    /// For each source grid and resampling, what each tile needs of it, and the part of the tile that gets something.
    windows: HashMap<(usize, Resampling), Vec<Windows>>,
}

/// Looks up for each source grid what it can fill of each tile (PROJ answers once for a grid, on this thread alone; its map
/// for the tiles), and counts for each file the chunks that need it.
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
    for (&key, relation) in geometry.relations() {
        // One affine answers at once; else the map of where the whole output meets the source does.
        let met = match relation.linear() {
            Some(_) => Some((plan.geobox.shape.whole(), None)),
            None if plan.healpix.contains_key(&key.0) => {
                let whole = plan.geobox.shape.whole();
                Some((whole, maps.add(key, relation, whole)))
            }
            None => relation.reach().map(|all| (all, maps.add(key, relation, all))),
        };
        let windows_of = |tile: Window| {
            let (all, map) = met.as_ref()?;
            if plan.healpix.contains_key(&key.0) {
                return geometry.windows(key.0, key.1, tile);
            }
            let part = tile.intersection(*all)?;
            map.as_ref().map_or_else(|| relation.windows(part), |map| relation.windows_on(map, part))
        };
        let mut found = Vec::with_capacity(tiles.len());
        for tile in &tiles {
            if options.cancel.load(Ordering::Relaxed) {
                break;
            }
            found.push(windows_of(*tile));
        }
        windows.insert(key, found);
    }
    let mut files = Files::new(plan, options.access);
    files.expect(|dataset, measurement| {
        let key = plan.source(dataset, measurement).zip(plan.measurements.get(measurement));
        let tiles = key.and_then(|(source, planned)| windows.get(&(source.grid, planned.resampling)));
        tiles.map_or(0, |tiles: &Vec<Windows>| tiles.iter().flatten().count())
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
    pub(super) fn sources_of(&self, chunk: Chunk) -> Vec<ChunkSource> {
        let Some(tile) = self.tiles.get(&chunk.window) else { return Vec::new() };
        let windows = |grid, resampling| *self.windows.get(&(grid, resampling))?.get(*tile)?;
        self.context.geometry.sources_with(chunk, windows)
    }

    /// A chunk is done with its sources.
    pub(super) fn done_with(&self, chunk: Chunk, sources: &[ChunkSource]) {
        for source in sources {
            self.context.files.done_with(source.dataset, chunk, &self.context.store);
        }
    }
}
