//! How much memory a run may take, and what for.

use cube_geo::Shape;

use crate::fill::MOST_STACK;
use crate::{Fuse, LoadError, LoadPlan, memory};

/// Bytes of decoded blocks that are kept for other chunks, where there is room.
const BLOCK_STORE: u64 = 96 << 20;
/// Fewer are of no use: a chunk's own blocks would not fit.
const LEAST_STORE: u64 = 16 << 20;
/// Bytes that one thread may take beside its chunk: its window of a source, the blocks under it and what decodes them.
const A_THREAD: u64 = 40 << 20;

/// What a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// How many threads compute.
    pub(crate) threads: usize,
    /// Bytes of decoded blocks that are kept.
    pub(crate) store: usize,
    /// Bytes in all at most, what is held throughout included.
    pub(crate) needed: u64,
}

impl Budget {
    /// What a run takes that holds `held` bytes throughout and works in pieces of `tile`. Where the limit does not allow for
    /// all that is good to have, the store of blocks gets smaller first, then threads become fewer.
    ///
    /// # Errors
    /// Where even one thread with a small store does not fit.
    pub(crate) fn of(plan: &LoadPlan, held: u64, tile: Shape, threads: usize) -> Result<Self, LoadError> {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = if threads == 0 { cores() } else { threads };
        let held = held.saturating_add(table_bytes(plan, tile));
        let each = A_THREAD.saturating_add(chunk_bytes(plan, tile));
        let total =
            |threads: usize, store: u64| held.saturating_add(store).saturating_add(each.saturating_mul(threads as u64));
        let limit = plan.memory_limit.or_else(memory::available).unwrap_or(u64::MAX);
        let found = (1..=threads).rev().find_map(|threads| {
            let room = limit.checked_sub(total(threads, 0))?;
            (room >= LEAST_STORE).then_some((threads, room.min(BLOCK_STORE)))
        });
        let Some((threads, store)) = found else {
            return Err(LoadError::TooLarge {
                needed: total(1, LEAST_STORE),
                output: plan.output_bytes(),
                held,
                limit,
            });
        };
        Ok(Self { threads, store: usize::try_from(store).unwrap_or(usize::MAX), needed: total(threads, store) })
    }
}

/// Bytes of the tables that tell which sources a chunk has, and what is done: they are long only where a resolution is far
/// too fine.
fn table_bytes(plan: &LoadPlan, tile: Shape) -> u64 {
    /// A tile's window, its place, and marks in the output.
    const A_TILE: u64 = 128;
    /// What a source grid can fill of it.
    const A_GRID: u64 = 72;
    let Shape { rows, cols } = plan.geobox.shape;
    let tiles = (rows.div_ceil(tile.rows.max(1)) as u64).saturating_mul(cols.div_ceil(tile.cols.max(1)) as u64);
    let grids = (plan.grids.len() as u64).saturating_mul(plan.measurements.len() as u64);
    tiles.saturating_mul(A_TILE.saturating_add(A_GRID.saturating_mul(grids)))
}

/// Bytes that a thread takes for its chunk: pixels, marks, and what the fuse rule needs.
fn chunk_bytes(plan: &LoadPlan, tile: Shape) -> u64 {
    let Shape { rows, cols } = plan.geobox.shape;
    let pixels = (tile.rows.min(rows) as u64).saturating_mul(tile.cols.min(cols) as u64);
    let widest =
        |bytes: fn(&crate::PlannedMeasurement) -> usize| plan.measurements.iter().map(bytes).max().unwrap_or(0) as u64;
    let (out, source) = (widest(|m| m.dtype.bytes()), widest(|m| m.source_dtype.bytes()));
    let provenance = if plan.provenance { 8 } else { 0 };
    let (each, stack) = match plan.fuse {
        Fuse::First | Fuse::Last => (1, 0),
        Fuse::Min | Fuse::Max => (source + 2, 0),
        Fuse::Mean => (source + 17, 0),
        Fuse::Count => (source + 3, 0),
        Fuse::Median => (source + 1, MOST_STACK as u64),
    };
    pixels.saturating_mul(out + each + provenance).saturating_add(stack)
}
