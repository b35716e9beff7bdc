//! One chunk filled from its sources.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cube_geo::{PixelMap, Resampling, Shape, Window};
use ndarray::ArrayViewMut2;

use crate::blocks::BlockStore;
use crate::convert::Block;
use crate::files::{Opened, SourceFile, Way, count};
use crate::target::Target;
use crate::warp::{Map, Masked, Positions, Present, Sample, SourceWindow, Unlike, paste_row, rows};
use crate::{Geometry, Hole, LoadError, LoadPlan};

/// Most bytes of a window that is put together from a source, marks included; a chunk that needs more is done in
/// parts. With the blocks under the window it is what [`crate::run`] reckons with for a thread.
const MOST_WINDOW_BYTES: usize = 16 << 20;

/// What all chunks share.
pub(crate) struct Context<'a> {
    pub(crate) plan: &'a LoadPlan,
    pub(crate) geometry: &'a Geometry<'a>,
    /// Maps of the source grids that lie in another CRS.
    pub(crate) maps: HashMap<(usize, Resampling), PixelMap>,
    pub(crate) files: Vec<SourceFile>,
    pub(crate) store: BlockStore,
    pub(crate) cancel: &'a AtomicBool,
}

/// A source of a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TaskSource {
    /// Index of the file.
    pub(crate) file: usize,
    /// What it can fill, as a window of the output grid.
    pub(crate) dst_window: Window,
}

/// Fills one chunk: nodata first, then each source in turn where nothing is filled yet, until nothing is left to fill.
pub(crate) fn fill_chunk<T: Sample>(
    context: &Context<'_>,
    measurement: usize,
    window: Window,
    sources: &[TaskSource],
    mut pixels: ArrayViewMut2<'_, T>,
) -> Result<Vec<Hole>, LoadError> {
    let mut holes = Vec::new();
    let Some(planned) = context.plan.measurements.get(measurement) else { return Ok(holes) };
    let empty = if T::DTYPE.is_float() { f64::NAN } else { 0.0 };
    pixels.fill(T::from_f64(planned.nodata.unwrap_or(empty)));
    let nodata = planned.nodata.filter(|v| !v.is_nan()).map(T::from_f64);
    let filled = vec![0; if sources.is_empty() { 0 } else { window.shape().pixels() }];
    let mut target = Target { window, pixels, filled, nodata };
    for source in sources {
        if context.cancel.load(Ordering::Relaxed) {
            return Err(LoadError::Cancelled);
        }
        let Some(part) = target.unfilled(source.dst_window) else { continue };
        let file = &context.files[source.file];
        match fill_from(context, file, planned.resampling, part, &mut target) {
            Err(error) if context.plan.skip_broken && !matches!(error, LoadError::Cancelled) => {
                holes.push(file.hole(context.plan, &error));
            }
            result => result?,
        }
    }
    Ok(holes)
}

fn fill_from<T: Sample>(
    context: &Context<'_>,
    file: &SourceFile,
    resampling: Resampling,
    part: Window,
    target: &mut Target<'_, T>,
) -> Result<(), LoadError> {
    let opened = file.opened(context.geometry, context.plan)?;
    match &opened.way {
        Way::Paste { col, row, shrink: 1 } => paste(context, file, &opened, (*row, *col), part, target),
        Way::Paste { col, row, shrink } => {
            // Nearest on an integer shrink: the pixel under the centre, counted in whole numbers.
            let n = f64::from(*shrink);
            let offset = |o: i64| signed(o) + f64::from(*shrink / 2) + 0.5;
            let affine = cube_geo::Affine::new(n, 0.0, offset(*col) - n / 2.0, 0.0, n, offset(*row) - n / 2.0);
            resample(
                context,
                file,
                &opened,
                &Map { map: &PixelMap::Linear(affine), factor: (1.0, 1.0) },
                resampling,
                part,
                target,
            )
        }
        Way::Linear(map) => {
            resample(context, file, &opened, &Map { map, factor: (1.0, 1.0) }, resampling, part, target)
        }
        Way::Warp => {
            let grid = context.plan.source(file.dataset, file.measurement).map(|s| s.grid);
            let map = grid.and_then(|grid| context.maps.get(&(grid, resampling)));
            let map =
                map.ok_or_else(|| LoadError::BadPlan { reason: "a source has no map to the output".to_owned() })?;
            resample(context, file, &opened, &Map { map, factor: opened.factor }, resampling, part, target)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a pixel offset, far below 2^53")]
fn signed(n: i64) -> f64 {
    n as f64
}

/// Copies the part of the target that the source has, block by block, straight from the decoded blocks.
fn paste<T: Sample>(
    context: &Context<'_>,
    file: &SourceFile,
    opened: &Opened,
    (row_offset, col_offset): (i64, i64),
    part: Window,
    target: &mut Target<'_, T>,
) -> Result<(), LoadError> {
    let axis = |from: usize, n: usize, offset: i64, size: usize| -> Option<(usize, usize)> {
        let (from, n, size) = (i64::try_from(from).ok()?, i64::try_from(n).ok()?, i64::try_from(size).ok()?);
        let (first, end) = ((from + offset).max(0), (from + n + offset).min(size));
        (first < end).then_some((usize::try_from(first).ok()?, usize::try_from(end - first).ok()?))
    };
    let Some(((row, rows), (col, cols))) = axis(part.row, part.rows, row_offset, opened.shape.rows).zip(axis(
        part.col,
        part.cols,
        col_offset,
        opened.shape.cols,
    )) else {
        return Ok(());
    };
    let window = Window::new(row, col, rows, cols);
    let blocks = blocks_of::<T>(context, file, opened, window)?;
    let unlike = opened.conversion.unlike::<T>(opened.header.dtype);
    let out = |i: usize, offset: i64| usize::try_from(i64::try_from(i).unwrap_or(0) - offset).unwrap_or(0);
    for (place, block) in &blocks {
        let Some(piece) = place.intersection(window) else { continue };
        for row in piece.row..piece.row_end() {
            let start = (row - place.row) * place.cols + piece.col - place.col;
            let Some(pixels) = block.pixels.get(start..start + piece.cols) else { continue };
            let Some(mut line) = target.row(out(row, row_offset), out(piece.col, col_offset), piece.cols) else {
                continue;
            };
            match (&block.valid, unlike) {
                (Some(valid), _) => paste_row(pixels, start, &Masked(valid), &mut line),
                (None, Some(nodata)) => paste_row(pixels, start, &Unlike(nodata), &mut line),
                (None, None) => paste_row(pixels, start, &Present, &mut line),
            }
        }
    }
    Ok(())
}

type Placed<T> = (Window, Arc<Block<T>>);

/// The blocks that hold a window, with their places in the image.
fn blocks_of<T: Sample>(
    context: &Context<'_>,
    file: &SourceFile,
    opened: &Opened,
    window: Window,
) -> Result<Vec<Placed<T>>, LoadError> {
    let Shape { rows, cols } = opened.block;
    let mut blocks = Vec::new();
    for row in window.row / rows..window.row_end().div_ceil(rows) {
        for col in window.col / cols..window.col_end().div_ceil(cols) {
            let place = Window::new(row * rows, col * cols, rows, cols);
            let Some(place) = place.intersection(opened.shape.whole()) else { continue };
            blocks.push((place, file.block::<T>(opened, (row, col), &context.store, context.plan)?));
        }
    }
    Ok(blocks)
}

fn resample<T: Sample>(
    context: &Context<'_>,
    file: &SourceFile,
    opened: &Opened,
    map: &Map<'_>,
    resampling: Resampling,
    part: Window,
    target: &mut Target<'_, T>,
) -> Result<(), LoadError> {
    let mut scratch = Positions::default();
    let Some(window) = map.window(resampling, part, opened.shape, &mut scratch) else { return Ok(()) };
    let bytes = window.shape().pixels().saturating_mul(size_of::<T>() + size_of::<u8>());
    if bytes > MOST_WINDOW_BYTES && part.shape().pixels() > 1 {
        for half in halves(part) {
            resample(context, file, opened, map, resampling, half, target)?;
        }
        return Ok(());
    }
    let blocks = blocks_of::<T>(context, file, opened, window)?;
    let unlike = opened.conversion.unlike::<T>(opened.header.dtype);
    let (pixels, valid) = put_together(&blocks, window, unlike);
    drop(blocks);
    let source = SourceWindow {
        pixels: &pixels,
        rows: window.rows,
        cols: window.cols,
        first: (count(window.row), count(window.col)),
    };
    match (&valid, unlike) {
        (Some(valid), _) => rows(source, &Masked(valid), map, resampling, part, target),
        (None, Some(nodata)) => rows(source, &Unlike(nodata), map, resampling, part, target),
        (None, None) => rows(source, &Present, map, resampling, part, target),
    }
    Ok(())
}

fn halves(part: Window) -> [Window; 2] {
    let Window { row, col, rows, cols } = part;
    if rows >= cols {
        let half = rows / 2;
        [Window::new(row, col, half, cols), Window::new(row + half, col, rows - half, cols)]
    } else {
        let half = cols / 2;
        [Window::new(row, col, rows, half), Window::new(row, col + half, rows, cols - half)]
    }
}

/// One contiguous window from the blocks that hold it; with validity where any block has one.
fn put_together<T: Sample>(blocks: &[Placed<T>], window: Window, unlike: Option<T>) -> (Vec<T>, Option<Vec<u8>>) {
    let masked = blocks.iter().any(|(_, block)| block.valid.is_some());
    let mut pixels = vec![T::default(); window.shape().pixels()];
    let mut valid = masked.then(|| vec![0; window.shape().pixels()]);
    for (place, block) in blocks {
        let Some(piece) = place.intersection(window) else { continue };
        for row in piece.row..piece.row_end() {
            let from = (row - place.row) * place.cols + piece.col - place.col;
            let to = (row - window.row) * window.cols + piece.col - window.col;
            let (from, to) = (from..from + piece.cols, to..to + piece.cols);
            let Some(line) = block.pixels.get(from.clone()) else { continue };
            pixels[to.clone()].copy_from_slice(line);
            let Some(valid) = valid.as_mut().map(|valid| &mut valid[to]) else { continue };
            match block.valid.as_ref().and_then(|v| v.get(from)) {
                Some(mask) => valid.copy_from_slice(mask),
                None => valid.iter_mut().zip(line).for_each(|(v, p)| *v = u8::from(Some(*p) != unlike)),
            }
        }
    }
    (pixels, valid)
}
