//! Which sources a chunk has: computed from the plan, never stored.

use std::collections::HashMap;

use cube_geo::{Relation, Resampling, Window, relate};

use crate::plan::Chunk;
use crate::{Fuse, LoadError, LoadPlan};

/// How the grids of a plan's sources relate to its output grid: fixed once for the whole output, so that the result
/// does not depend on chunks.
#[derive(Debug)]
pub struct Geometry<'p> {
    plan: &'p LoadPlan,
    relations: HashMap<(usize, Resampling), Relation>,
}

/// A source that has pixels for a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSource {
    /// Index of the dataset in the plan.
    pub dataset: usize,
    /// The window of the source at full resolution, kernel padding included.
    pub src_window: Window,
    /// The part of the chunk that gets something, as a window of the output grid.
    pub dst_window: Window,
}

impl<'p> Geometry<'p> {
    /// The relations of all source grids.
    ///
    /// # Errors
    /// Where a source's CRS cannot be reached from the output's, or the plan does not hold together.
    pub fn new(plan: &'p LoadPlan) -> Result<Self, LoadError> {
        plan.check()?;
        let mut relations = HashMap::new();
        for layout in &plan.layouts {
            for (source, measurement) in layout.iter().zip(&plan.measurements) {
                let key = (source.grid, measurement.resampling);
                if let std::collections::hash_map::Entry::Vacant(slot) = relations.entry(key)
                    && let Some(grid) = plan.grids.get(source.grid)
                {
                    slot.insert(relate(grid, &plan.geobox, measurement.resampling)?);
                }
            }
        }
        Ok(Self { plan, relations })
    }

    /// The relations by source grid and resampling.
    pub(crate) fn relations(&self) -> impl Iterator<Item = (&(usize, Resampling), &Relation)> {
        self.relations.iter()
    }

    /// The relation of a source's grid to the output.
    pub(crate) fn relation(&self, grid: usize, resampling: Resampling) -> Option<&Relation> {
        self.relations.get(&(grid, resampling))
    }

    /// The sources of a chunk, in the order in which they fill it: the first valid pixel wins.
    #[must_use]
    pub fn sources_of(&self, chunk: Chunk) -> Vec<ChunkSource> {
        self.sources_with(chunk, |grid, resampling| self.windows(grid, resampling, chunk.window))
    }

    /// What a window of the output needs of a source grid, and the part of it that gets something. Cells lie everywhere.
    pub(crate) fn windows(&self, grid: usize, resampling: Resampling, window: Window) -> Option<(Window, Window)> {
        match self.plan.healpix.get(&grid) {
            Some(cells) => Some((cells.folded().whole(), window)),
            None => self.relation(grid, resampling)?.windows(window),
        }
    }

    /// As [`Geometry::sources_of`], with `windows` telling what the chunk's window needs of a grid, by its resampling.
    pub(crate) fn sources_with(
        &self,
        chunk: Chunk,
        windows: impl Fn(usize, Resampling) -> Option<(Window, Window)>,
    ) -> Vec<ChunkSource> {
        let Some(measurement) = self.plan.measurements.get(chunk.measurement) else { return Vec::new() };
        let sources = self.plan.datasets_of(chunk.plane).filter_map(|dataset| {
            let grid = self.plan.source(dataset, chunk.measurement)?.grid;
            let (src_window, dst_window) = windows(grid, measurement.resampling)?;
            Some(ChunkSource { dataset, src_window, dst_window })
        });
        if self.plan.fuse == Fuse::Last { sources.rev().collect() } else { sources.collect() }
    }
}
