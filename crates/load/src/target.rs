//! What a chunk fills.

use cube_geo::Window;
use ndarray::ArrayViewMut2;

use crate::warp::{BLOCK, Row, Sample, all_filled};

/// A chunk's window of the output, with its pixels and the marks of what is filled.
pub(crate) struct Target<'a, T> {
    pub(crate) window: Window,
    pub(crate) pixels: ArrayViewMut2<'a, T>,
    /// Not 0 where a pixel is filled; row-major as the window.
    pub(crate) filled: Vec<u8>,
    /// The value that a computed pixel must not have.
    pub(crate) nodata: Option<T>,
}

/// Rows that are looked at together for pixels not filled yet.
const BAND: usize = 64;

impl<'a, T: Sample> Target<'a, T> {
    /// Nothing of it is filled yet.
    pub(crate) fn new(window: Window, pixels: ArrayViewMut2<'a, T>, keep_off: Option<T>) -> Self {
        Self { window, pixels, filled: vec![0; window.shape().pixels()], nodata: keep_off }
    }

    /// Parts of `within` that together hold all its pixels not filled yet, each as small as may be: one where nothing is
    /// filled, else one a band of rows.
    pub(crate) fn unfilled_parts(&self, within: Window) -> Vec<Window> {
        let Some(within) = within.intersection(self.window) else { return Vec::new() };
        match self.unfilled(within) {
            None => Vec::new(),
            Some(part) if part == within || part.rows <= BAND => vec![part],
            Some(part) => (part.row..part.row_end())
                .step_by(BAND)
                .filter_map(|row| {
                    let rows = BAND.min(part.row_end() - row);
                    self.unfilled(Window::new(row, part.col, rows, part.cols))
                })
                .collect(),
        }
    }

    /// The part of `within` that holds all pixels not filled yet.
    fn unfilled(&self, within: Window) -> Option<Window> {
        let within = within.intersection(self.window)?;
        let mut found: Option<Window> = None;
        for row in within.row..within.row_end() {
            let start = (row - self.window.row) * self.window.cols + within.col - self.window.col;
            let line = &self.filled[start..start + within.cols];
            let Some(first) = first_empty(line) else { continue };
            let last = last_empty(line).unwrap_or(first);
            let line = Window::new(row, within.col + first, 1, last - first + 1);
            found = Some(found.map_or(line, |window| around(window, line)));
        }
        found
    }

    /// One row of the output grid, from `col` on, `n` pixels.
    pub(crate) fn row(&mut self, row: usize, col: usize, n: usize) -> Option<Row<'_, T>> {
        let (row, col) = (row - self.window.row, col - self.window.col);
        let start = row * self.window.cols + col;
        let nodata = self.nodata;
        let filled = self.filled.get_mut(start..start + n)?;
        let pixels = self.pixels.row_mut(row).into_slice()?.get_mut(col..col + n)?;
        Some(Row { pixels, filled, nodata })
    }
}

/// The first pixel of a line that is not filled. Whole blocks are looked at together: most are filled.
fn first_empty(filled: &[u8]) -> Option<usize> {
    let from = filled.chunks(BLOCK).position(|block| !all_filled(block))? * BLOCK;
    filled.get(from..)?.iter().position(|f| *f == 0).map(|i| from + i)
}

/// The last one.
fn last_empty(filled: &[u8]) -> Option<usize> {
    let after = filled.rchunks(BLOCK).position(|block| !all_filled(block))? * BLOCK;
    filled.get(..filled.len() - after)?.iter().rposition(|f| *f == 0)
}

/// The smallest window that holds both.
pub(crate) fn around(a: Window, b: Window) -> Window {
    let (row, col) = (a.row.min(b.row), a.col.min(b.col));
    Window::new(row, col, a.row_end().max(b.row_end()) - row, a.col_end().max(b.col_end()) - col)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_what_is_not_filled_are_found() {
        for n in [1, 63, 64, 65, 200] {
            let mut filled = vec![1; n];
            assert_eq!((first_empty(&filled), last_empty(&filled)), (None, None));
            for i in 0..n {
                for j in i..n {
                    (filled[i], filled[j]) = (0, 0);
                    assert_eq!((first_empty(&filled), last_empty(&filled)), (Some(i), Some(j)));
                    (filled[i], filled[j]) = (1, 1);
                }
            }
        }
    }
}
