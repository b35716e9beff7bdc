//! Pixels of one source, copied or resampled into a chunk.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cube_geo::{PixelMap, PixelPoints, Resampling, Shape, Window};

use super::cells::from_cells;
use super::seam::over_the_seam;
use super::{Broken, Context};
use crate::LoadError;
use crate::convert::Block;
use crate::files::{Opened, SourceFile, Way, count};
use crate::target::Target;
use crate::warp::{Map, Masked, Present, Sample, SourceWindow, Turn, Unlike, paste_row, rows};

/// Most bytes of a window that is put together from a source, marks included; a chunk that needs more is done in
/// parts. With the blocks under the window it is what [`crate::run`] reckons with for a thread.
pub(super) const MOST_WINDOW_BYTES: usize = 16 << 20;

/// A source of a chunk, opened, and how it is resampled.
pub(super) struct Reading<'r, 'a> {
    pub(super) context: &'r Context<'a>,
    pub(super) file: &'r SourceFile,
    pub(super) opened: &'r Opened,
    pub(super) resampling: Resampling,
}

/// Fills what a source has of the target's pixels inside `part` that are not filled yet.
pub(super) fn fill_from<T: Sample>(
    context: &Context<'_>,
    file: &SourceFile,
    resampling: Resampling,
    part: Window,
    target: &mut Target<'_, T>,
    broken: &mut Broken<'_>,
) -> Result<(), LoadError> {
    let opened = file.opened(context.geometry, context.plan)?;
    let reading = Reading { context, file, opened: &opened, resampling };
    match &opened.way {
        Way::Paste { col, row, shrink: 1 } => paste(&reading, (*row, *col), part, target, broken),
        Way::Paste { col, row, shrink } => {
            // Nearest on an integer shrink: the pixel under the centre, counted in whole numbers.
            let n = f64::from(*shrink);
            let offset = |o: i64| signed(o) + f64::from(*shrink / 2) + 0.5;
            let affine = cube_geo::Affine::new(n, 0.0, offset(*col) - n / 2.0, 0.0, n, offset(*row) - n / 2.0);
            resample(&reading, &Map::plain(&PixelMap::Linear(affine)), part, target, broken)
        }
        Way::Linear(map) => resample(&reading, &Map::plain(map), part, target, broken),
        Way::Cells(way) => {
            let no_map = || LoadError::BadPlan { reason: "a source has no map to the output".to_owned() };
            let grid = context.plan.source(file.dataset, file.measurement).map(|s| s.grid).ok_or_else(no_map)?;
            let relation = context.geometry.relation(grid, resampling).ok_or_else(no_map)?;
            if let Some(linear) = relation.linear() {
                return from_cells(&reading, way, &PixelMap::Linear(linear), part, target, broken);
            }
            for (piece, map) in context.maps.on((grid, resampling), relation, part) {
                from_cells(&reading, way, &map, piece, target, broken)?;
            }
            Ok(())
        }
        Way::Warp => {
            let no_map = || LoadError::BadPlan { reason: "a source has no map to the output".to_owned() };
            let grid = context.plan.source(file.dataset, file.measurement).map(|s| s.grid).ok_or_else(no_map)?;
            let relation = context.geometry.relation(grid, resampling).ok_or_else(no_map)?;
            let turn = relation.transform().turn_columns().map(|(columns, first)| Turn {
                columns: columns * opened.factor.0,
                first: first * opened.factor.0,
                unwrapped: false,
            });
            for (piece, places) in context.maps.on((grid, resampling), relation, part) {
                let map = Map { places: &places, factor: opened.factor, turn };
                resample(&reading, &map, piece, target, broken)?;
                over_the_seam(&reading, &map, piece, target, broken)?;
            }
            Ok(())
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a pixel offset, far below 2^53")]
fn signed(n: i64) -> f64 {
    n as f64
}

/// Copies the part of the target that the source has, block by block, straight from the decoded blocks.
fn paste<T: Sample>(
    reading: &Reading<'_, '_>,
    (row_offset, col_offset): (i64, i64),
    part: Window,
    target: &mut Target<'_, T>,
    broken: &mut Broken<'_>,
) -> Result<(), LoadError> {
    let opened = reading.opened;
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
    let blocks = blocks_of::<T>(reading, window, broken)?;
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

pub(super) type Placed<T> = (Window, Arc<Block<T>>);

/// The blocks that hold a window, with their places in the image.
pub(super) fn blocks_of<T: Sample>(
    reading: &Reading<'_, '_>,
    window: Window,
    broken: &mut Broken<'_>,
) -> Result<Vec<Placed<T>>, LoadError> {
    let Reading { context, file, opened, .. } = *reading;
    let Shape { rows, cols } = opened.block;
    let across = window.col / cols..window.col_end().div_ceil(cols);
    let wanted =
        (window.row / rows..window.row_end().div_ceil(rows)).flat_map(|row| across.clone().map(move |col| (row, col)));
    let wanted: Vec<(usize, usize)> = wanted.collect();
    let mut blocks = Vec::with_capacity(wanted.len());
    for (i, (row, col)) in wanted.iter().enumerate() {
        let place = Window::new(row * rows, col * cols, rows, cols);
        let Some(place) = place.intersection(opened.shape.whole()) else { continue };
        if context.cancel.load(Ordering::Relaxed) {
            return Err(LoadError::Cancelled);
        }
        let block = match file.block::<T>(opened, &wanted[i..], &context.store, context.plan) {
            Ok(block) => block,
            Err(error) => {
                // The hole is the block, whatever chunk asks for it.
                broken.leave_out(error)?;
                Arc::new(Block::missing(place.shape().pixels()))
            }
        };
        blocks.push((place, block));
    }
    Ok(blocks)
}

fn resample<T: Sample>(
    reading: &Reading<'_, '_>,
    map: &Map<'_>,
    part: Window,
    target: &mut Target<'_, T>,
    broken: &mut Broken<'_>,
) -> Result<(), LoadError> {
    let Reading { opened, resampling, .. } = *reading;
    let Some(window) = source_window(map, resampling, part, opened.shape) else { return Ok(()) };
    let bytes = window.shape().pixels().saturating_mul(size_of::<T>() + size_of::<u8>());
    if bytes > MOST_WINDOW_BYTES && part.shape().pixels() > 1 {
        for half in halves(part) {
            resample(reading, map, half, target, broken)?;
        }
        return Ok(());
    }
    let blocks = blocks_of::<T>(reading, window, broken)?;
    let unlike = opened.conversion.unlike::<T>(opened.header.dtype);
    let put;
    let (pixels, valid, window) = if let [(place, block)] = &blocks[..] {
        // One block holds it all: no need to copy.
        (&block.pixels, block.valid.as_ref(), *place)
    } else {
        put = put_together(&blocks, window, unlike);
        (&put.0, put.1.as_ref(), window)
    };
    let source =
        SourceWindow { pixels, rows: window.rows, cols: window.cols, first: (count(window.row), count(window.col)) };
    match (valid, unlike) {
        (Some(valid), _) => rows(source, &Masked(valid), map, resampling, part, target),
        (None, Some(nodata)) => rows(source, &Unlike(nodata), map, resampling, part, target),
        (None, None) => rows(source, &Present, map, resampling, part, target),
    }
    Ok(())
}

/// The source window that the pixels of `part` need, kernel included.
fn source_window(map: &Map<'_>, resampling: Resampling, part: Window, image: Shape) -> Option<Window> {
    let points = if resampling.is_area() { PixelPoints::Corners } else { PixelPoints::Centres };
    let bounds = map.places.bounds(part, points)?;
    let pad = resampling.radius() + 1e-3;
    let axis = |low: f64, high: f64, factor: f64, size: usize| {
        let (from, to) = ((low * factor - pad).floor().max(0.0), (high * factor + pad).ceil().min(count(size)));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= from < to <= size")]
        (from < to).then_some((from as usize, (to - from) as usize))
    };
    let (col, cols) = axis(bounds.left, bounds.right, map.factor.0, image.cols)?;
    let (row, rows) = axis(bounds.bottom, bounds.top, map.factor.1, image.rows)?;
    Some(Window::new(row, col, rows, cols))
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

/// One contiguous window from the blocks that hold it, which come row by row; with validity where any block has one.
pub(super) fn put_together<T: Sample>(
    blocks: &[Placed<T>],
    window: Window,
    unlike: Option<T>,
) -> (Vec<T>, Option<Vec<u8>>) {
    let masked = blocks.iter().any(|(_, block)| block.valid.is_some());
    // Written once, in order: nothing is zeroed that is overwritten after.
    let mut pixels: Vec<T> = Vec::with_capacity(window.shape().pixels());
    let mut valid: Vec<u8> = Vec::with_capacity(if masked { window.shape().pixels() } else { 0 });
    for line in blocks.chunk_by(|(a, _), (b, _)| a.row == b.row) {
        let Some(rows) = line.first().and_then(|(place, _)| place.intersection(window)) else { continue };
        for row in rows.row..rows.row_end() {
            for (place, block) in line {
                let Some(piece) = place.intersection(window) else { continue };
                let from = (row - place.row) * place.cols + piece.col - place.col;
                let from = from..from + piece.cols;
                let Some(values) = block.pixels.get(from.clone()) else { continue };
                pixels.extend_from_slice(values);
                if masked {
                    match block.valid.as_ref().and_then(|v| v.get(from)) {
                        Some(mask) => valid.extend_from_slice(mask),
                        None => valid.extend(values.iter().map(|p| u8::from(Some(*p) != unlike))),
                    }
                }
            }
        }
    }
    (pixels, masked.then_some(valid))
}
