//! Shapes and windows: rows, then columns.

use serde::{Deserialize, Serialize};

/// How many rows and columns a raster has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Number of rows (the y axis).
    pub rows: usize,
    /// Number of columns (the x axis).
    pub cols: usize,
}

impl Shape {
    /// A shape of `rows` by `cols`.
    #[must_use]
    pub const fn new(rows: usize, cols: usize) -> Self {
        Self { rows, cols }
    }

    /// Number of pixels, saturating at `usize::MAX`.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.rows.saturating_mul(self.cols)
    }

    /// True where the shape holds no pixel.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.rows == 0 || self.cols == 0
    }

    /// The window that covers the whole shape.
    #[must_use]
    pub const fn whole(self) -> Window {
        Window { row: 0, col: 0, rows: self.rows, cols: self.cols }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows x {} columns", self.rows, self.cols)
    }
}

/// A rectangle of rows and columns inside a raster: `row..row + rows` by `col..col + cols`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First row.
    pub row: usize,
    /// First column.
    pub col: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Window {
    /// A window of `rows` by `cols` pixels whose first pixel is (`row`, `col`).
    #[must_use]
    pub const fn new(row: usize, col: usize, rows: usize, cols: usize) -> Self {
        Self { row, col, rows, cols }
    }

    /// The window's own shape.
    #[must_use]
    pub const fn shape(self) -> Shape {
        Shape::new(self.rows, self.cols)
    }

    /// True where the window holds no pixel.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.rows == 0 || self.cols == 0
    }

    /// One past the last row.
    #[must_use]
    pub const fn row_end(self) -> usize {
        self.row + self.rows
    }

    /// One past the last column.
    #[must_use]
    pub const fn col_end(self) -> usize {
        self.col + self.cols
    }

    /// The pixels that both windows hold, `None` where there are none.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        let row = self.row.max(other.row);
        let col = self.col.max(other.col);
        let row_end = self.row_end().min(other.row_end());
        let col_end = self.col_end().min(other.col_end());
        (row < row_end && col < col_end).then(|| Self::new(row, col, row_end - row, col_end - col))
    }

    /// True where every pixel of the window lies inside `shape`.
    #[must_use]
    pub const fn fits(self, shape: Shape) -> bool {
        self.row_end() <= shape.rows && self.col_end() <= shape.cols
    }

    /// Cuts the window into pieces of at most `piece`, in row-major order. Pieces start at multiples of
    /// `piece` counted from the origin of the raster, so that neighbours share edges.
    pub fn tiles(self, piece: Shape) -> impl Iterator<Item = Self> {
        let step = Shape::new(piece.rows.max(1), piece.cols.max(1));
        let rows = (self.row / step.rows)..self.row_end().div_ceil(step.rows);
        rows.flat_map(move |r| {
            let cols = (self.col / step.cols)..self.col_end().div_ceil(step.cols);
            cols.filter_map(move |c| Self::new(r * step.rows, c * step.cols, step.rows, step.cols).intersection(self))
        })
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rows {}..{}, columns {}..{}", self.row, self.row_end(), self.col, self.col_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_window_once() {
        let window = Window::new(3, 5, 20, 17);
        let mut hits = vec![0u8; 30 * 30];
        for tile in window.tiles(Shape::new(8, 8)) {
            for r in tile.row..tile.row_end() {
                for c in tile.col..tile.col_end() {
                    hits[r * 30 + c] += 1;
                }
            }
        }
        for r in 0..30 {
            for c in 0..30 {
                let inside = (3..23).contains(&r) && (5..22).contains(&c);
                assert_eq!(hits[r * 30 + c], u8::from(inside));
            }
        }
    }

    #[test]
    fn touching_windows_do_not_intersect() {
        assert_eq!(Window::new(0, 0, 4, 4).intersection(Window::new(4, 0, 4, 4)), None);
    }
}
