//! From destination to source pixels, fast: exact at nodes, bicubic between them.

mod bounds;
mod lanes;
mod nodes;
mod points;

use std::ops::Range;

use crate::geobox::index;
use crate::pixel_transform::PixelTransform;
use crate::{Affine, Window};

pub use bounds::PixelPoints;
use lanes::{Along, positions};
use nodes::{Lattice, Nodes, lattice};

/// Pixels along the side of a cell; cells start at multiples of it, counted from the whole destination's first pixel.
const CELL: usize = 64;
/// Sizes of patches that are tried, coarsest first; each has four nodes on a side. Below the last, every pixel goes through
/// PROJ.
const STEPS: [usize; 4] = [64, 32, 16, 8];
/// The last of them, and how many nodes it has along a cell.
const FINEST: usize = STEPS[STEPS.len() - 1];
const NODES: usize = 3 * CELL / FINEST;
/// How far a patch may lie from PROJ's own answer, in source pixels. Interpolated pixels move by this part of the
/// difference of their neighbours: small enough that whole numbers round as with PROJ itself, and that floats keep five
/// digits of that difference.
const TOLERANCE: f64 = 2e-6;
/// Where a patch is compared with PROJ: there a bicubic surface is farthest from one of the fourth degree, with the errors
/// along both axes once added and once subtracted.
const CHECKS: [(f64, f64); 2] = [(0.127, 0.127), (0.127, 0.5)];
/// Where the pixels of a destination window lie in the source.
#[derive(Debug, Clone)]
pub enum PixelMap {
    /// One affine does, from destination to source pixels.
    Linear(Affine),
    /// Another CRS.
    Grid(TransformGrid),
}

/// Destination to source pixels through patches of 64 pixels, smaller where the transform bends, and through PROJ itself at
/// seams, poles and the edge of a projection. What a pixel gets depends on the whole destination grid alone, never on the
/// window: patches lie at multiples of 64 pixels of it, and each cell of 64 × 64 is judged by itself.
#[derive(Debug, Clone)]
pub struct TransformGrid {
    transform: PixelTransform,
    /// First cell along rows and columns.
    first: (usize, usize),
    /// Number of cells along rows and columns.
    cells: (usize, usize),
    grids: Vec<CellGrid>,
}

/// The patches of one cell, row by row, `side × side` of them; `side` is 0 where each pixel goes through PROJ.
#[derive(Debug, Clone, Default)]
struct CellGrid {
    side: usize,
    patches: Vec<Patch>,
}

/// Columns and rows of the source over one patch.
#[derive(Debug, Clone)]
struct Patch {
    x: Surface,
    y: Surface,
}

impl PixelMap {
    /// Source positions of the centres of the pixels `cols` of `row` (of the whole destination), into `xs` and `ys`, which
    /// hold `cols.len()` values each. NaN where a pixel has no image.
    pub fn row(&self, row: usize, cols: Range<usize>, xs: &mut [f64], ys: &mut [f64]) {
        match self {
            Self::Linear(affine) => {
                positions(Along::Affine { affine: *affine, row: index(row) + 0.5 }, index(cols.start) + 0.5, xs, ys);
            }
            Self::Grid(grid) => grid.row(row, cols, xs, ys),
        }
    }

    /// Source positions of pixel corners: of the upper (first) corners of `row`, at the columns `cols` (of the whole
    /// destination; the last corner of the last pixel is `col_end`, so `cols` may run one past the pixels).
    pub fn corner_row(&self, row: usize, cols: Range<usize>, xs: &mut [f64], ys: &mut [f64]) {
        match self {
            Self::Linear(affine) => {
                positions(Along::Affine { affine: *affine, row: index(row) }, index(cols.start), xs, ys);
            }
            Self::Grid(grid) => grid.corner_row(row, cols, xs, ys),
        }
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
        let (open, nodes) = grid.settle_whole(&all);
        // A few cells at a time: a seam may run through many.
        for batch in open.chunks(64) {
            grid.settle(batch, &nodes);
        }
        grid
    }

    /// The first step: neighbours share nodes, so all nodes are one lattice and one call to PROJ. Gives the cells where it is
    /// too coarse, and the nodes.
    fn settle_whole(&mut self, all: &[usize]) -> (Vec<usize>, Lattice) {
        let (rows, cols) = (3 * self.cells.0 + 1, 3 * self.cells.1 + 1);
        let (row, col) = (self.first.0 * CELL, self.first.1 * CELL);
        // Counted from the node's own cell, so that it is in the same place whatever the window.
        let node = |first: usize, i: usize| index(first + i / 3 * CELL) + index(i % 3) * (index(CELL) / 3.0);
        let lattice = (0..rows).flat_map(|j| (0..cols).map(move |i| (node(col, i), node(row, j))));
        let checks = all.iter().flat_map(|&cell| self.checks(cell, CELL));
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = lattice.chain(checks).unzip();
        self.transform.apply(&mut xs, &mut ys);
        let truth = (xs.split_off(rows * cols), ys.split_off(rows * cols));
        let checks = truth.0.chunks_exact(CHECKS.len()).zip(truth.1.chunks_exact(CHECKS.len()));
        let mut open = Vec::new();
        for (&cell, checks) in all.iter().zip(checks) {
            let (r, c) = (3 * (cell / self.cells.1), 3 * (cell % self.cells.1));
            let pick = |v: &[f64]| -> Vec<f64> {
                (0..4).flat_map(|j| (0..4).map(move |i| (j, i))).map(|(j, i)| v[(r + j) * cols + c + i]).collect()
            };
            if !self.grids[cell].accept(&pick(&xs), &pick(&ys), 4, checks) {
                open.push(cell);
            }
        }
        (open, Lattice { cols, xs, ys })
    }

    /// Tries smaller and smaller patches in each of the cells. Nodes that are known from coarser steps or from neighbours
    /// are not asked for again.
    fn settle(&mut self, cells: &[usize], coarsest: &Lattice) {
        let mut nodes = Nodes::new(coarsest);
        let mut open = cells.to_vec();
        for step in &STEPS[1..] {
            let third = index(*step) / 3.0;
            let n = 3 * (CELL / step) + 1;
            let (mut xs, mut ys) = (Vec::new(), Vec::new());
            for &cell in &open {
                let (row, col) = self.corner(cell);
                let (row, col) = (index(row), index(col));
                for (j, i) in lattice(n).filter(|&(j, i)| nodes.wants(self.node(cell, *step, j, i))) {
                    xs.push(col + index(i) * third);
                    ys.push(row + index(j) * third);
                }
            }
            let new = xs.len();
            for (x, y) in open.iter().flat_map(|&cell| self.checks(cell, *step)) {
                xs.push(x);
                ys.push(y);
            }
            self.transform.apply(&mut xs, &mut ys);
            let checks = (xs.split_off(new), ys.split_off(new));
            nodes.learn(xs, ys);
            let each = CHECKS.len() * (CELL / step) * (CELL / step);
            let mut checks = checks.0.chunks_exact(each).zip(checks.1.chunks_exact(each));
            open.retain(|&cell| {
                let (xs, ys): (Vec<f64>, Vec<f64>) =
                    lattice(n).map(|(j, i)| nodes.at(self.node(cell, *step, j, i))).unzip();
                checks.next().is_none_or(|checks| !self.grids[cell].accept(&xs, &ys, n, checks))
            });
            if open.is_empty() {
                break;
            }
        }
    }

    /// The place of a cell's node among those of the finest step, from the first cell's corner.
    fn node(&self, cell: usize, step: usize, j: usize, i: usize) -> (usize, usize) {
        let fine = step / FINEST;
        (NODES * (cell / self.cells.1) + j * fine, NODES * (cell % self.cells.1) + i * fine)
    }

    /// Row and column of a cell's first pixel.
    fn corner(&self, cell: usize) -> (usize, usize) {
        ((self.first.0 + cell / self.cells.1) * CELL, (self.first.1 + cell % self.cells.1) * CELL)
    }

    /// The positions at which the patches of a cell are compared with PROJ.
    fn checks(&self, cell: usize, step: usize) -> impl Iterator<Item = (f64, f64)> + use<> {
        let (row, col) = self.corner(cell);
        let patches = CELL / step;
        (0..patches * patches).flat_map(move |patch| {
            let (j, i) = (patch / patches, patch % patches);
            CHECKS.map(|(u, v)| (index(col + i * step) + u * index(step), index(row + j * step) + v * index(step)))
        })
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
    /// Takes an `n × n` lattice of nodes, three to a patch and one more, if the surfaces through them pass by the checks.
    fn accept(&mut self, xs: &[f64], ys: &[f64], n: usize, checks: (&[f64], &[f64])) -> bool {
        // A position without image is NaN in both.
        if xs.iter().chain(checks.0).any(|x| !x.is_finite()) {
            return false;
        }
        let side = n / 3;
        let mut patches = Vec::with_capacity(side * side);
        let truth = checks.0.chunks_exact(CHECKS.len()).zip(checks.1.chunks_exact(CHECKS.len()));
        for (patch, (true_x, true_y)) in (0..side * side).zip(truth) {
            let first = 3 * (patch / side) * n + 3 * (patch % side);
            let patch = Patch { x: Surface::through(xs, n, first), y: Surface::through(ys, n, first) };
            let near = |surface: &Surface, truth: &[f64]| {
                let at = CHECKS.iter().zip(truth);
                at.into_iter().all(|(&(u, v), truth)| (surface.across(v).at(u) - truth).abs() <= TOLERANCE)
            };
            if !near(&patch.x, true_x) || !near(&patch.y, true_y) {
                return false;
            }
            patches.push(patch);
        }
        *self = Self { side, patches };
        true
    }

    /// Positions at height `y` in the cell, from column `col` of it on, plus `shift`.
    fn line(&self, y: f64, col: usize, shift: f64, xs: &mut [f64], ys: &mut [f64]) {
        let step = CELL / self.side;
        // A power of two: to divide by it and to multiply by its inverse is the same.
        let inverse = 1.0 / index(step);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= y < 64")]
        let row = ((y * inverse) as usize).min(self.side - 1);
        let height = y * inverse - index(row);
        let n = xs.len();
        let mut done = 0;
        while done < n {
            let from = col + done;
            let i = (from / step).min(self.side - 1);
            let end = (done + (i + 1) * step - from).min(n);
            let start = index(from - i * step) + shift;
            let patch = &self.patches[row * self.side + i];
            let along = Along::Cubics { x: patch.x.across(height), y: patch.y.across(height), factor: inverse };
            positions(along, start, &mut xs[done..end], &mut ys[done..end]);
            done = end;
        }
    }
}

/// A bicubic surface over a patch, each side of it 0 to 1: line `j` holds the factors of v^j, those of 1, u, u² and u³.
#[derive(Debug, Clone)]
struct Surface([Cubic; 4]);

impl Surface {
    /// Through 4 × 4 nodes of an `n × n` lattice, the first of which has the index `first`.
    #[expect(clippy::many_single_char_names, reason = "factors of polynomials")]
    fn through(values: &[f64], n: usize, first: usize) -> Self {
        let rows = [0, 1, 2, 3].map(|j| {
            let at = first + j * n;
            Cubic::through([values[at], values[at + 1], values[at + 2], values[at + 3]])
        });
        let down = |part: fn(&Cubic) -> f64| Cubic::through(rows.each_ref().map(part));
        let (a, b, c, d) = (down(|r| r.a), down(|r| r.b), down(|r| r.c), down(|r| r.d));
        Self([
            Cubic { a: a.a, b: b.a, c: c.a, d: d.a },
            Cubic { a: a.b, b: b.b, c: c.b, d: d.b },
            Cubic { a: a.c, b: b.c, c: c.c, d: d.c },
            Cubic { a: a.d, b: b.d, c: c.d, d: d.d },
        ])
    }

    /// Along the columns at height `v`.
    #[expect(clippy::many_single_char_names, reason = "factors of polynomials")]
    fn across(&self, v: f64) -> Cubic {
        let [p, q, r, s] = &self.0;
        let at = |p: f64, q: f64, r: f64, s: f64| p + v * (q + v * (r + v * s));
        Cubic {
            a: at(p.a, q.a, r.a, s.a),
            b: at(p.b, q.b, r.b, s.b),
            c: at(p.c, q.c, r.c, s.c),
            d: at(p.d, q.d, r.d, s.d),
        }
    }
}

/// `a + b·t + c·t² + d·t³`, for t from 0 to 1.
#[derive(Debug, Clone, Copy)]
struct Cubic {
    a: f64,
    b: f64,
    c: f64,
    d: f64,
}

impl Cubic {
    /// Through values at 0, 1/3, 2/3 and 1 (Lagrange's formula).
    #[inline]
    fn through([p, q, r, s]: [f64; 4]) -> Self {
        Self {
            a: p,
            b: 0.5 * (18.0 * q - 11.0 * p - 9.0 * r + 2.0 * s),
            c: 4.5 * (2.0 * p - 5.0 * q + 4.0 * r - s),
            d: 4.5 * (3.0 * (q - r) + s - p),
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it must be compiled for the vector unit of its caller")]
    fn at(self, t: f64) -> f64 {
        self.a + t * (self.b + t * (self.c + t * self.d))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crs, GeoBox, Shape, Transform};

    /// A grid of 300 × 300 pixels of `size` around 12 E 42 N.
    pub(super) fn grid(code: u32, size: f64) -> GeoBox {
        let crs = Crs::epsg(code).unwrap();
        let (x, y) = Transform::new(&Crs::lonlat().unwrap(), &crs).unwrap().point(12.0, 42.0).unwrap();
        let affine = Affine::new(size, 0.0, x - 150.0 * size, 0.0, -size, y + 150.0 * size);
        GeoBox::new(Shape::new(300, 300), affine, crs).unwrap()
    }

    #[test]
    fn pixels_are_where_proj_puts_them() {
        for (src, dst) in [
            (grid(32632, 10.0), grid(3035, 10.0)),
            (grid(32633, 10.0), grid(4326, 0.0001)),
            (grid(4326, 0.1), grid(3035, 10_000.0)),
            (grid(3857, 5000.0), grid(4326, 0.05)),
        ] {
            let transform = PixelTransform::new(&src, &dst).unwrap();
            let map = TransformGrid::new(&transform, dst.shape.whole());
            let (mut xs, mut ys) = (vec![0.0; 300], vec![0.0; 300]);
            for row in 0..300 {
                map.row(row, 0..300, &mut xs, &mut ys);
                for col in 0..300 {
                    let Some((x, y)) = transform.point(index(col) + 0.5, index(row) + 0.5) else { continue };
                    let off = (x - xs[col]).abs().max((y - ys[col]).abs());
                    assert!(off < 1.5 * TOLERANCE, "{} to {}: {off} off at row {row}, column {col}", dst.crs, src.crs);
                }
            }
        }
    }

    #[test]
    fn pixel_does_not_depend_on_the_window() {
        let (src, dst) = (grid(32633, 10.0), grid(4326, 0.0001));
        let transform = PixelTransform::new(&src, &dst).unwrap();
        let whole = TransformGrid::new(&transform, dst.shape.whole());
        let part = TransformGrid::new(&transform, Window::new(130, 77, 40, 90));
        let (mut xs, mut ys) = (vec![0.0; 300], vec![0.0; 300]);
        let mut cut = (vec![0.0; 90], vec![0.0; 90]);
        for row in 130..170 {
            whole.row(row, 0..300, &mut xs, &mut ys);
            part.row(row, 77..167, &mut cut.0, &mut cut.1);
            assert!(cut.0[..] == xs[77..167] && cut.1[..] == ys[77..167], "row {row}");
        }
    }
}
