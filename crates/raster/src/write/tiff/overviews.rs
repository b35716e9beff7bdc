//! Overviews from the tiles of the image as they come: each waits until all that lies under it has come, and then
//! counts for the next. In row-major order of tiles about a row of tiles waits at each level.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use cube_geo::{Shape, Window};

use super::levels::{Axis, Level, TILE};
use super::sample::{Missing, Sample, halve_rows};

/// How a pixel of an overview comes from those under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduction {
    /// The mean of the valid ones, by area.
    Average,
    /// One of them, as flags need it.
    Nearest,
}

/// Which tile: band, level, row and column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    pub(super) band: usize,
    pub(super) level: usize,
    pub(super) row: usize,
    pub(super) col: usize,
}

/// The overview tiles of a file that are not complete yet.
pub(super) struct Overviews<T> {
    levels: Vec<Level>,
    reduction: Reduction,
    missing: Missing<T>,
    waiting: Mutex<HashMap<Tile, Arc<Mutex<Partial<T>>>>>,
}

/// A tile that waits for what lies under it.
struct Partial<T> {
    /// Tiles that have still to come.
    remaining: usize,
    made: Made<T>,
}

enum Made<T> {
    Pixels(Vec<T>),
    /// Sums of values and of weights, where a pixel covers parts of pixels.
    Sums(Vec<[f64; 2]>),
}

impl<T: Sample> Overviews<T> {
    pub(super) fn new(levels: Vec<Level>, reduction: Reduction, missing: Missing<T>) -> Self {
        Self { levels, reduction, missing, waiting: Mutex::default() }
    }

    /// Bytes that wait at most for one band whose tiles come in row-major order.
    pub(super) fn working_bytes(&self) -> u64 {
        let tile = TILE * TILE;
        let all = self.levels.windows(2).map(|pair| {
            let sums = if self.is_summed(&pair[0], &pair[1]) { size_of::<[f64; 2]>() } else { size_of::<T>() };
            // A row of tiles, and where pixels straddle tiles the next one with it.
            let rows = if self.is_summed(&pair[0], &pair[1]) { 2 } else { 1 };
            (pair[1].grid.cols * rows * tile * sums + tile * size_of::<T>()) as u64
        });
        all.sum()
    }

    fn is_summed(&self, full: &Level, reduced: &Level) -> bool {
        let (rows, cols) = axes(full, reduced);
        self.reduction == Reduction::Average && !(rows.is_half() && cols.is_half())
    }

    /// Counts a tile (`TILE` pixels a row) for the overview above its level; gives the tiles that this completes.
    pub(super) fn add(&self, tile: Tile, pixels: &[T]) -> Vec<(Tile, Vec<T>)> {
        let (Some(full), Some(reduced)) = (self.levels.get(tile.level), self.levels.get(tile.level + 1)) else {
            return Vec::new();
        };
        let (rows, cols) = axes(full, reduced);
        let window = full.window(tile.row, tile.col);
        let mut complete = Vec::new();
        for row in rows.above(tile.row) {
            for col in cols.above(tile.col) {
                let above = Tile { level: tile.level + 1, row, col, ..tile };
                let partial = self.partial(above, rows.below(row).len() * cols.below(col).len(), full, reduced);
                let part = Part { window, rows, cols, tile, above, pixels };
                if let Some(pixels) = self.count(&part, &partial) {
                    self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&above);
                    complete.push((above, pixels));
                }
            }
        }
        complete
    }

    fn partial(&self, tile: Tile, remaining: usize, full: &Level, reduced: &Level) -> Arc<Mutex<Partial<T>>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.entry(tile) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => {
                let made = if self.is_summed(full, reduced) {
                    Made::Sums(vec![[0.0; 2]; TILE * TILE])
                } else {
                    Made::Pixels(vec![self.missing.fill; TILE * TILE])
                };
                Arc::clone(new.insert(Arc::new(Mutex::new(Partial { remaining, made }))))
            }
        }
    }

    /// Counts one tile for one above it; gives the pixels of that one where it was the last.
    fn count(&self, part: &Part<'_, T>, partial: &Mutex<Partial<T>>) -> Option<Vec<T>> {
        let lock = || partial.lock().unwrap_or_else(PoisonError::into_inner);
        let mut partial = match self.reduction {
            Reduction::Average if part.rows.is_half() && part.cols.is_half() => {
                // Averaged before the lock is taken: it is held for a copy.
                let shape = Shape::new(part.window.rows / 2, part.window.cols / 2);
                let small = part.halve(shape, &self.missing);
                let mut partial = lock();
                if let Made::Pixels(out) = &mut partial.made {
                    let first = (part.window.row / 2 % TILE) * TILE + part.window.col / 2 % TILE;
                    for (row, small) in small.chunks_exact(shape.cols.max(1)).enumerate() {
                        let start = first + row * TILE;
                        if let Some(out) = out.get_mut(start..start + shape.cols) {
                            out.copy_from_slice(small);
                        }
                    }
                }
                partial
            }
            reduction => {
                let mut partial = lock();
                match &mut partial.made {
                    Made::Pixels(out) if reduction == Reduction::Nearest => part.pick(out),
                    Made::Sums(sums) => part.sum(sums, &self.missing),
                    Made::Pixels(_) => {}
                }
                partial
            }
        };
        partial.remaining = partial.remaining.saturating_sub(1);
        if partial.remaining > 0 {
            return None;
        }
        Some(match std::mem::replace(&mut partial.made, Made::Pixels(Vec::new())) {
            Made::Pixels(pixels) => pixels,
            Made::Sums(sums) => sums.into_iter().map(|[sum, weight]| self.mean(sum, weight)).collect(),
        })
    }

    /// A mean as a pixel; integers to the nearest, halves up.
    fn mean(&self, sum: f64, weight: f64) -> T {
        if weight < 1e-6 {
            return self.missing.fill;
        }
        let mean = sum / weight;
        self.missing.keep(T::from_f64(if T::DTYPE.is_float() { mean } else { (mean + 0.5).floor() }))
    }
}

fn axes(full: &Level, reduced: &Level) -> (Axis, Axis) {
    (Axis::new(full.shape.rows, reduced.shape.rows), Axis::new(full.shape.cols, reduced.shape.cols))
}

/// A tile under one of an overview.
struct Part<'p, T> {
    /// The tile's pixels in its image.
    window: Window,
    rows: Axis,
    cols: Axis,
    tile: Tile,
    above: Tile,
    pixels: &'p [T],
}

impl<T: Sample> Part<'_, T> {
    fn row(&self, row: usize) -> &[T] {
        let start = (row - self.window.row) * TILE;
        self.pixels.get(start..start + self.window.cols).unwrap_or_default()
    }

    /// The tile at half its size.
    fn halve(&self, shape: Shape, missing: &Missing<T>) -> Vec<T> {
        let mut small = vec![missing.fill; shape.pixels()];
        for (row, out) in (self.window.row..).step_by(2).zip(small.chunks_exact_mut(shape.cols.max(1))) {
            halve_rows(self.row(row), self.row(row + 1), out, missing);
        }
        small
    }

    /// Copies the pixels that stand for those above.
    fn pick(&self, out: &mut [T]) {
        for row in self.rows.pixels_above(self.tile.row, self.above.row) {
            let from = self.rows.nearest(row);
            if !(self.window.row..self.window.row_end()).contains(&from) {
                continue;
            }
            let line = self.row(from);
            for col in self.cols.pixels_above(self.tile.col, self.above.col) {
                let from = self.cols.nearest(col).checked_sub(self.window.col).and_then(|from| line.get(from));
                if let (Some(from), Some(out)) = (from, out.get_mut(row % TILE * TILE + col % TILE)) {
                    *out = *from;
                }
            }
        }
    }

    /// Adds the valid pixels, each by the part that lies under the pixel above.
    fn sum(&self, sums: &mut [[f64; 2]], missing: &Missing<T>) {
        let columns: Vec<(usize, Vec<(usize, f64)>)> = self
            .cols
            .pixels_above(self.tile.col, self.above.col)
            .map(|col| {
                let weights = self.cols.weights(col, self.window.col..self.window.col_end());
                (col % TILE, weights.map(|(at, part)| (at - self.window.col, part)).collect())
            })
            .collect();
        for row in self.rows.pixels_above(self.tile.row, self.above.row) {
            let Some(out) = sums.get_mut(row % TILE * TILE..(row % TILE + 1) * TILE) else { continue };
            for (from, down) in self.rows.weights(row, self.window.row..self.window.row_end()) {
                let line = self.row(from);
                for (col, weights) in &columns {
                    let Some(out) = out.get_mut(*col) else { continue };
                    for (at, across) in weights {
                        if let Some(value) = line.get(*at).filter(|v| !missing.is(**v)) {
                            out[0] += down * across * value.to_f64();
                            out[1] += down * across;
                        }
                    }
                }
            }
        }
    }
}
