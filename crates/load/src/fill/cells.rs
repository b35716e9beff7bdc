//! Pixels from cells of HEALPix.
//!
//! Nearest takes the cell that the pixel's centre lies in. Bilinear weighs four cells on two rings, as
//! [`cube_geo::Interpolation`] does; where the cell under the centre is missing the pixel is too, and weights of other missing
//! cells go to those that are there. Average weighs each cell by the area that it shares with the pixel; missing cells count
//! for nothing.

use std::sync::Arc;

use cube_geo::{CellOverlap, Healpix, PixelMap, PixelTransform, Resampling, Shape, Window};

use super::Broken;
use super::read::{MOST_WINDOW_BYTES, Reading};
use crate::LoadError;
use crate::convert::Block;
use crate::files::{CellWay, count};
use crate::target::Target;
use crate::warp::{Row, Sample};

/// Fills what cells give of the target's pixels inside `part` that are not filled yet. `map` leads from pixels to the grid that
/// stands for the cells.
pub(super) fn from_cells<T: Sample>(
    reading: &Reading<'_, '_>,
    way: &CellWay,
    map: &PixelMap,
    part: Window,
    target: &mut Target<'_, T>,
    broken: &mut Broken<'_>,
) -> Result<(), LoadError> {
    let mut store = Cells::<T>::new(reading);
    match reading.resampling {
        Resampling::Bilinear => bilinear(&mut store, way, map, part, target, broken),
        Resampling::Average => average(&mut store, way, map, part, target, broken),
        _ => nearest(&mut store, way, map, part, target, broken),
    }
}

/// Degrees of longitude and latitude of the positions on the grid that stands for the cells.
fn to_degrees(cells: Healpix, xs: &mut [f64], ys: &mut [f64]) {
    let affine = cells.around().1;
    for (x, y) in xs.iter_mut().zip(ys) {
        (*x, *y) = (affine.a * *x + affine.c, affine.e * *y + affine.f);
    }
}

fn nearest<T: Sample>(
    store: &mut Cells<'_, T>,
    way: &CellWay,
    map: &PixelMap,
    part: Window,
    target: &mut Target<'_, T>,
    broken: &mut Broken<'_>,
) -> Result<(), LoadError> {
    let (mut lons, mut lats) = (vec![0.0; part.cols], vec![0.0; part.cols]);
    let mut cells = vec![0; part.cols];
    for row in part.row..part.row_end() {
        map.row(row, part.col..part.col_end(), &mut lons, &mut lats);
        to_degrees(way.cells, &mut lons, &mut lats);
        way.cells.cells_at(&lons, &lats, &mut cells);
        store.load(cells.iter().copied(), broken)?;
        let Some(Row { pixels, filled, .. }) = target.row(row, part.col, part.cols) else { continue };
        for ((pixel, filled), cell) in pixels.iter_mut().zip(filled).zip(&cells) {
            if *filled == 0
                && let Some(value) = store.value(*cell)
            {
                (*pixel, *filled) = (value, 1);
            }
        }
    }
    Ok(())
}

fn bilinear<T: Sample>(
    store: &mut Cells<'_, T>,
    way: &CellWay,
    map: &PixelMap,
    part: Window,
    target: &mut Target<'_, T>,
    broken: &mut Broken<'_>,
) -> Result<(), LoadError> {
    let Some(interpolation) = &way.interpolation else { return Ok(()) };
    let (mut lons, mut lats) = (vec![0.0; part.cols], vec![0.0; part.cols]);
    let mut under = vec![0; part.cols];
    for row in part.row..part.row_end() {
        map.row(row, part.col..part.col_end(), &mut lons, &mut lats);
        to_degrees(way.cells, &mut lons, &mut lats);
        way.cells.cells_at(&lons, &lats, &mut under);
        let taps: Vec<_> = lons.iter().zip(&lats).map(|(lon, lat)| interpolation.taps(*lon, *lat)).collect();
        let wanted = taps.iter().flatten().flatten().map(|(cell, _)| *cell);
        store.load(wanted.chain(under.iter().copied()), broken)?;
        let Some(Row { pixels, filled, nodata }) = target.row(row, part.col, part.cols) else { continue };
        for (((pixel, filled), under), taps) in pixels.iter_mut().zip(filled).zip(&under).zip(&taps) {
            let Some(taps) = taps.as_ref().filter(|_| *filled == 0 && store.value(*under).is_some()) else { continue };
            if let Some(value) = weighted(store, taps) {
                (*pixel, *filled) = (Row::computed(nodata, value), 1);
            }
        }
    }
    Ok(())
}

/// The mean of the cells that are there, by their weights.
fn weighted<T: Sample>(store: &Cells<'_, T>, taps: &[(u32, f64)]) -> Option<f64> {
    let (mut sum, mut weight, mut whole) = (0.0, 0.0, true);
    for (cell, share) in taps.iter().filter(|(_, share)| *share > 0.0) {
        match store.value(*cell) {
            Some(value) => {
                sum += value.to_f64() * share;
                weight += share;
            }
            None => whole = false,
        }
    }
    // Weights of whole pixels add up to 1 but for the last bits, which must not move a value.
    let of_one = whole && (weight - 1.0).abs() < 1e-12;
    (weight > 0.0).then_some(if of_one { sum } else { sum / weight })
}

/// Positions along the edges of a row's pixels, `steps` to an edge.
struct Edges {
    xs: Vec<f64>,
    ys: Vec<f64>,
}

impl Edges {
    /// Along a line between rows.
    fn across(way: &CellWay, map: &PixelMap, row: usize, part: Window) -> Self {
        let n = part.cols * way.steps + 1;
        let at = |i: usize| count(part.col) + count(i) / count(way.steps);
        Self::at((0..n).map(|i| (at(i), count(row))), way.cells, map)
    }

    /// Along the sides of a row's pixels, without the corners: `steps − 1` positions a side.
    fn down(way: &CellWay, map: &PixelMap, row: usize, part: Window) -> Self {
        let sides = part.col..=part.col_end();
        let along = |i: usize| count(row) + count(i) / count(way.steps);
        let points = sides.flat_map(|col| (1..way.steps).map(move |i| (count(col), along(i))));
        Self::at(points, way.cells, map)
    }

    fn at(points: impl Iterator<Item = (f64, f64)>, cells: Healpix, map: &PixelMap) -> Self {
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = points.unzip();
        map.points(&mut xs, &mut ys);
        to_degrees(cells, &mut xs, &mut ys);
        Self { xs, ys }
    }

    fn push(&self, outline: &mut Vec<(f64, f64)>, at: impl Iterator<Item = usize>) {
        outline.extend(at.filter_map(|i| Some((*self.xs.get(i)?, *self.ys.get(i)?))));
    }
}

fn average<T: Sample>(
    store: &mut Cells<'_, T>,
    way: &CellWay,
    map: &PixelMap,
    part: Window,
    target: &mut Target<'_, T>,
    broken: &mut Broken<'_>,
) -> Result<(), LoadError> {
    let mut overlap = CellOverlap::new(way.cells);
    let (mut outline, mut shares) = (Vec::new(), Vec::new());
    let mut of_row: Vec<(u32, f64)> = Vec::new();
    let mut ends = Vec::with_capacity(part.cols);
    let steps = way.steps;
    let mut below = Edges::across(way, map, part.row, part);
    for row in part.row..part.row_end() {
        let above = std::mem::replace(&mut below, Edges::across(way, map, row + 1, part));
        let sides = Edges::down(way, map, row, part);
        of_row.clear();
        ends.clear();
        for col in 0..part.cols {
            let along = col * steps..=(col + 1) * steps;
            let side = |col: usize| col * (steps - 1)..(col + 1) * (steps - 1);
            outline.clear();
            above.push(&mut outline, along.clone());
            sides.push(&mut outline, side(col + 1));
            below.push(&mut outline, along.rev());
            sides.push(&mut outline, side(col).rev());
            overlap.shares(&outline, &mut shares);
            of_row.append(&mut shares);
            ends.push(of_row.len());
        }
        store.load(of_row.iter().map(|(cell, _)| *cell), broken)?;
        let Some(Row { pixels, filled, nodata }) = target.row(row, part.col, part.cols) else { continue };
        let mut from = 0;
        for ((pixel, filled), end) in pixels.iter_mut().zip(filled).zip(&ends) {
            let shares = of_row.get(from..*end).unwrap_or_default();
            from = *end;
            if *filled == 0
                && let Some(value) = mean(store, shares)
            {
                (*pixel, *filled) = (Row::computed(nodata, value), 1);
            }
        }
    }
    Ok(())
}

/// The mean of the cells that are there, by their shares; a single cell's value as it is.
fn mean<T: Sample>(store: &Cells<'_, T>, shares: &[(u32, f64)]) -> Option<f64> {
    if let [(cell, _)] = shares {
        return store.value(*cell).map(T::to_f64);
    }
    let (mut sum, mut weight) = (0.0, 0.0);
    for (cell, share) in shares {
        if let Some(value) = store.value(*cell) {
            sum += value.to_f64() * share;
            weight += share;
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

/// Into how many straight lines the edge of a pixel is cut, so that none of them lies farther than [`STRAIGHT`] of its length
/// from the edge itself; fixed once for a whole output. Close to the poles, where more would be needed, it stays at the most.
pub(crate) fn edge_steps(transform: &PixelTransform, whole: Shape, cells: Healpix) -> usize {
    const LATTICE: usize = 9;
    let at = |i: usize, n: usize| count(n.saturating_sub(1) * i / (LATTICE - 1));
    let mut worst = 0.0_f64;
    for (i, j) in (0..LATTICE).flat_map(|i| (0..LATTICE).map(move |j| (i, j))) {
        let (x, y) = (at(i, whole.cols), at(j, whole.rows));
        for (dx, dy) in [(1.0, 0.0), (0.0, 1.0)] {
            let mut xs = [x, x + dx / 2.0, x + dx];
            let mut ys = [y, y + dy / 2.0, y + dy];
            transform.apply(&mut xs, &mut ys);
            to_degrees(cells, &mut xs, &mut ys);
            worst = worst.max(bend(xs, ys).unwrap_or(0.0));
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 16")]
    let steps = (worst / STRAIGHT).sqrt().ceil().clamp(1.0, MOST_STEPS) as usize;
    steps
}

/// How far lines may lie beside the edge of a pixel, in parts of its length.
const STRAIGHT: f64 = 1e-4;
const MOST_STEPS: f64 = 16.0;

/// How far the middle of an edge lies from between its ends, in parts of its length.
fn bend(lons: [f64; 3], lats: [f64; 3]) -> Option<f64> {
    let near_pole = lats.iter().any(|lat| lat.is_nan() || lat.abs() > 85.0);
    if near_pole || lons.iter().any(|lon| !lon.is_finite()) || (lons[2] - lons[0]).abs() > 180.0 {
        return None;
    }
    let narrow = lats[1].to_radians().cos();
    let x = lons.map(|lon| lon.to_radians() * narrow);
    let y = lats.map(|lat| lat.to_radians().sin() / narrow);
    let length = (x[2] - x[0]).hypot(y[2] - y[0]);
    let off = (f64::midpoint(x[0], x[2]) - x[1]).hypot(f64::midpoint(y[0], y[2]) - y[1]);
    (length > 0.0).then(|| off / length)
}

/// Blocks of cells, read when one of their cells is asked for.
struct Cells<'r, T> {
    reading: &'r Reading<'r, 'r>,
    blocks: Vec<Option<Arc<Block<T>>>>,
    /// Cells of a block.
    each: usize,
    held: usize,
    unlike: Option<T>,
}

impl<'r, T: Sample> Cells<'r, T> {
    fn new(reading: &'r Reading<'r, 'r>) -> Self {
        let opened = reading.opened;
        let rows = opened.block.rows.max(1);
        Self {
            reading,
            blocks: vec![None; opened.shape.rows.div_ceil(rows)],
            each: rows * opened.shape.cols.max(1),
            held: 0,
            unlike: opened.conversion.unlike::<T>(opened.header.dtype),
        }
    }

    /// Reads the blocks of these cells that are not there yet.
    fn load(&mut self, cells: impl Iterator<Item = u32>, broken: &mut Broken<'_>) -> Result<(), LoadError> {
        if self.held * self.each * size_of::<T>() > MOST_WINDOW_BYTES {
            // What the next row needs of them comes from the store again.
            self.blocks.fill(None);
            self.held = 0;
        }
        let mut wanted = Vec::new();
        let mut last = usize::MAX;
        for cell in cells.filter(|cell| *cell != Healpix::NOWHERE) {
            let block = cell as usize / self.each;
            if block != last && self.blocks.get(block).is_some_and(Option::is_none) {
                wanted.push(block);
            }
            last = block;
        }
        if wanted.is_empty() {
            return Ok(());
        }
        wanted.sort_unstable();
        wanted.dedup();
        for block in wanted {
            self.read(block, broken)?;
        }
        Ok(())
    }

    fn read(&mut self, block: usize, broken: &mut Broken<'_>) -> Result<(), LoadError> {
        let opened = self.reading.opened;
        let window = Window::new(block * opened.block.rows, 0, opened.block.rows, opened.shape.cols);
        let Some(window) = window.intersection(opened.shape.whole()) else { return Ok(()) };
        for (_, read) in super::read::blocks_of::<T>(self.reading, window, broken)? {
            self.blocks[block] = Some(read);
            self.held += 1;
        }
        Ok(())
    }

    /// The value of a cell that was loaded, where it is a measurement.
    #[inline]
    fn value(&self, cell: u32) -> Option<T> {
        let (block, at) = (cell as usize / self.each, cell as usize % self.each);
        let block = self.blocks.get(block)?.as_ref()?;
        let value = *block.pixels.get(at)?;
        let valid = match &block.valid {
            Some(valid) => valid.get(at).is_some_and(|v| *v != 0),
            None => Some(value) != self.unlike,
        };
        (valid && !value.is_nan()).then_some(value)
    }
}
