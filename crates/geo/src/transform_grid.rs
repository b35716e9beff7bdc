//! From destination to source pixels, fast: exact at nodes, bilinear between them.

use std::ops::Range;

use crate::geobox::index;
use crate::pixel_transform::PixelTransform;
use crate::{Affine, Window};

/// Pixels along the side of a cell; cells start at multiples of it, counted from the whole destination's first pixel.
const CELL: usize = 64;
/// Distances between nodes that are tried, coarsest first. Below the last, every pixel goes through PROJ.
const STEPS: [usize; 4] = [64, 32, 16, 8];
/// How far the surface may lie from PROJ's own answer, in source pixels.
const TOLERANCE: f64 = 1e-3;

/// Where the pixels of a destination window lie in the source.
#[derive(Debug, Clone)]
pub enum PixelMap {
    /// One affine does, from destination to source pixels.
    Linear(Affine),
    /// Another CRS.
    Grid(TransformGrid),
}

/// Destination to source pixels through nodes 64 pixels apart, closer where the transform bends, and through PROJ itself
/// at seams, poles and the edge of a projection. What a pixel gets depends on the whole destination grid alone, never on the
/// window: nodes lie at multiples of 64 pixels of it, and each cell of 64 × 64 is judged by itself.
#[derive(Debug, Clone)]
pub struct TransformGrid {
    transform: PixelTransform,
    /// First cell along rows and columns.
    first: (usize, usize),
    /// Number of cells along rows and columns.
    cells: (usize, usize),
    grids: Vec<CellGrid>,
}

/// The nodes of one cell: `side × side` of them, `None` where each pixel goes through PROJ.
#[derive(Debug, Clone, Default)]
struct CellGrid {
    side: usize,
    xs: Vec<f64>,
    ys: Vec<f64>,
}

impl PixelMap {
    /// Source positions of the centres of the pixels `cols` of `row` (of the whole destination), into `xs` and `ys`, which
    /// hold `cols.len()` values each. NaN where a pixel has no image.
    pub fn row(&self, row: usize, cols: Range<usize>, xs: &mut [f64], ys: &mut [f64]) {
        match self {
            Self::Linear(affine) => affine_line(*affine, index(row) + 0.5, index(cols.start) + 0.5, xs, ys),
            Self::Grid(grid) => grid.row(row, cols, xs, ys),
        }
    }

    /// Source positions of pixel corners: of the upper (first) corners of `row`, at the columns `cols` (of the whole
    /// destination; the last corner of the last pixel is `col_end`, so `cols` may run one past the pixels).
    pub fn corner_row(&self, row: usize, cols: Range<usize>, xs: &mut [f64], ys: &mut [f64]) {
        match self {
            Self::Linear(affine) => affine_line(*affine, index(row), index(cols.start), xs, ys),
            Self::Grid(grid) => grid.corner_row(row, cols, xs, ys),
        }
    }
}

/// Positions from (`col`, `row`) on, one column apart. Each is computed from its column alone, so that a value does not
/// depend on where the line begins.
fn affine_line(affine: Affine, row: f64, col: f64, xs: &mut [f64], ys: &mut [f64]) {
    let (x0, y0) = (affine.b * row + affine.c, affine.e * row + affine.f);
    for (i, (x, y)) in xs.iter_mut().zip(ys).enumerate() {
        let col = col + index(i);
        *x = affine.a * col + x0;
        *y = affine.d * col + y0;
    }
}

impl TransformGrid {
    /// The grid for a window of the whole destination.
    #[must_use]
    pub fn new(transform: &PixelTransform, window: Window) -> Self {
        // One cell past the end where the window ends on a cell's edge: the last corners belong to it.
        let first = (window.row / CELL, window.col / CELL);
        let cells = (window.row_end() / CELL - first.0 + 1, window.col_end() / CELL - first.1 + 1);
        let mut grid =
            Self { transform: transform.clone(), first, cells, grids: vec![CellGrid::default(); cells.0 * cells.1] };
        let all: Vec<usize> = (0..grid.grids.len()).collect();
        let mut open = grid.settle_whole(&all);
        for step in &STEPS[1..] {
            if open.is_empty() {
                break;
            }
            open = grid.settle(&open, *step);
        }
        grid
    }

    /// The first step: neighbours share nodes, so all nodes and middles are one lattice and one call to PROJ.
    fn settle_whole(&mut self, all: &[usize]) -> Vec<usize> {
        let half = CELL / 2;
        let (rows, cols) = (2 * self.cells.0 + 1, 2 * self.cells.1 + 1);
        let (row, col) = (self.first.0 * CELL, self.first.1 * CELL);
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) =
            (0..rows).flat_map(|j| (0..cols).map(move |i| (index(col + i * half), index(row + j * half)))).unzip();
        self.transform.apply(&mut xs, &mut ys);
        let mut open = Vec::new();
        for &cell in all {
            let (r, c) = (2 * (cell / self.cells.1), 2 * (cell % self.cells.1));
            let pick = |v: &[f64]| -> Vec<f64> {
                (0..3).flat_map(|j| (0..3).map(move |i| (j, i))).map(|(j, i)| v[(r + j) * cols + c + i]).collect()
            };
            if !self.grids[cell].accept(&pick(&xs), &pick(&ys), 3) {
                open.push(cell);
            }
        }
        open
    }

    /// Tries nodes `step` apart in each of the cells; returns those where that is too coarse.
    fn settle(&mut self, cells: &[usize], step: usize) -> Vec<usize> {
        let half = step / 2;
        let n = CELL / half + 1;
        let mut open = Vec::new();
        // A few cells at a time: a seam may run through many.
        for batch in cells.chunks(64) {
            let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = batch
                .iter()
                .flat_map(|cell| {
                    let row = (self.first.0 + cell / self.cells.1) * CELL;
                    let col = (self.first.1 + cell % self.cells.1) * CELL;
                    (0..n).flat_map(move |j| (0..n).map(move |i| (index(col + i * half), index(row + j * half))))
                })
                .unzip();
            self.transform.apply(&mut xs, &mut ys);
            for ((cell, xs), ys) in batch.iter().zip(xs.chunks_exact(n * n)).zip(ys.chunks_exact(n * n)) {
                if !self.grids[*cell].accept(xs, ys, n) {
                    open.push(*cell);
                }
            }
        }
        open
    }

    /// As [`PixelMap::row`].
    pub fn row(&self, row: usize, cols: Range<usize>, xs: &mut [f64], ys: &mut [f64]) {
        self.line(index(row) + 0.5, row / CELL, cols, 0.5, xs, ys);
    }

    /// As [`PixelMap::corner_row`].
    pub fn corner_row(&self, row: usize, cols: Range<usize>, xs: &mut [f64], ys: &mut [f64]) {
        self.line(index(row), row / CELL, cols, 0.0, xs, ys);
    }

    /// Positions at height `y`, in the cells of row `cell_row`, at columns `cols` plus `shift`.
    fn line(&self, y: f64, cell_row: usize, cols: Range<usize>, shift: f64, xs: &mut [f64], ys: &mut [f64]) {
        let n = cols.len().min(xs.len()).min(ys.len());
        let (xs, ys) = (&mut xs[..n], &mut ys[..n]);
        let mut done = 0;
        while done < n {
            let col = cols.start + done;
            let cell_col = col / CELL;
            let end = (done + CELL - col % CELL).min(n);
            let (xs, ys) = (&mut xs[done..end], &mut ys[done..end]);
            let grid = (cell_row.checked_sub(self.first.0))
                .zip(cell_col.checked_sub(self.first.1))
                .filter(|(r, c)| *r < self.cells.0 && *c < self.cells.1)
                .map(|(r, c)| &self.grids[r * self.cells.1 + c]);
            match grid {
                Some(grid) if grid.side > 0 => {
                    grid.line(y - index(cell_row * CELL), col % CELL, shift, xs, ys);
                }
                _ => {
                    for (i, (x, out_y)) in xs.iter_mut().zip(ys.iter_mut()).enumerate() {
                        (*x, *out_y) = (index(col + i) + shift, y);
                    }
                    self.transform.apply(xs, ys);
                }
            }
            done = end;
        }
    }
}

impl CellGrid {
    /// Takes every second node of an `n × n` lattice, if the others lie on the bilinear surface through them.
    fn accept(&mut self, xs: &[f64], ys: &[f64], n: usize) -> bool {
        if xs.iter().any(|x| !x.is_finite()) {
            return false;
        }
        let near = |v: &[f64]| {
            (0..n - 1).step_by(2).all(|j| {
                (0..n - 1).step_by(2).all(|i| {
                    let at = |dj: usize, di: usize| v[(j + dj) * n + i + di];
                    let mean = |a: f64, b: f64| f64::midpoint(a, b);
                    let (top, bottom) = (mean(at(0, 0), at(0, 2)), mean(at(2, 0), at(2, 2)));
                    [
                        at(0, 1) - top,
                        at(2, 1) - bottom,
                        at(1, 0) - mean(at(0, 0), at(2, 0)),
                        at(1, 2) - mean(at(0, 2), at(2, 2)),
                        at(1, 1) - mean(top, bottom),
                    ]
                    .iter()
                    .all(|d| d.abs() <= TOLERANCE)
                })
            })
        };
        if !near(xs) || !near(ys) {
            return false;
        }
        let thin = |v: &[f64]| -> Vec<f64> {
            (0..n).step_by(2).flat_map(|j| (0..n).step_by(2).map(move |i| (j, i))).map(|(j, i)| v[j * n + i]).collect()
        };
        self.side = n / 2 + 1;
        self.xs = thin(xs);
        self.ys = thin(ys);
        true
    }

    /// Positions at height `y` in the cell, from column `col` of it on, plus `shift`.
    fn line(&self, y: f64, col: usize, shift: f64, xs: &mut [f64], ys: &mut [f64]) {
        let step = CELL / (self.side - 1);
        let size = index(step);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= y < 64")]
        let above = ((y / size) as usize).min(self.side - 2);
        let weight = y / size - index(above);
        let mut done = 0;
        while done < xs.len() {
            let from = col + done;
            let left = (from / step).min(self.side - 2);
            let end = (done + (left + 1) * step - from).min(xs.len());
            let at = |values: &[f64], node: usize| {
                let node = above * self.side + node;
                values[node] + (values[node + self.side] - values[node]) * weight
            };
            let run = |values: &[f64], out: &mut [f64]| {
                let start = at(values, left);
                let slope = (at(values, left + 1) - start) / size;
                let offset = index(from - left * step) + shift;
                for (k, out) in out.iter_mut().enumerate() {
                    *out = start + slope * (offset + index(k));
                }
            };
            run(&self.xs, &mut xs[done..end]);
            run(&self.ys, &mut ys[done..end]);
            done = end;
        }
    }
}
