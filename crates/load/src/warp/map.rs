//! Where the pixels of the output lie in a source.

use cube_geo::{PixelMap, Resampling, Shape, Window};

use crate::files::count;

/// Source positions of output pixels, in pixels of the level that is read.
pub(crate) struct Map<'a> {
    /// To pixels of full resolution.
    pub(crate) map: &'a PixelMap,
    /// Pixels of the level for one of full resolution, along columns and rows.
    pub(crate) factor: (f64, f64),
}

/// Source positions of a row of pixels.
#[derive(Default)]
pub(crate) struct Positions {
    xs: Vec<f64>,
    ys: Vec<f64>,
}

impl Map<'_> {
    pub(crate) fn centres(&self, row: usize, cols: std::ops::Range<usize>, out: &mut Positions) {
        out.resize(cols.len());
        self.map.row(row, cols, &mut out.xs, &mut out.ys);
        self.to_level(out);
    }

    /// Of the upper corners of a row; one more than there are columns.
    pub(crate) fn corners(&self, row: usize, cols: std::ops::Range<usize>, out: &mut Positions) {
        let cols = cols.start..cols.end + 1;
        out.resize(cols.len());
        self.map.corner_row(row, cols, &mut out.xs, &mut out.ys);
        self.to_level(out);
    }

    fn to_level(&self, out: &mut Positions) {
        if self.factor != (1.0, 1.0) {
            out.xs.iter_mut().for_each(|x| *x *= self.factor.0);
            out.ys.iter_mut().for_each(|y| *y *= self.factor.1);
        }
    }

    /// The source window that the pixels of `part` need, kernel included.
    pub(crate) fn window(
        &self,
        resampling: Resampling,
        part: Window,
        image: Shape,
        scratch: &mut Positions,
    ) -> Option<Window> {
        let mut bounds = Bounds::default();
        if resampling.is_area() {
            for row in part.row..=part.row_end() {
                self.corners(row, part.col..part.col_end(), scratch);
                bounds.add(scratch);
            }
        } else {
            for row in part.row..part.row_end() {
                self.centres(row, part.col..part.col_end(), scratch);
                bounds.add(scratch);
            }
        }
        bounds.window(resampling.radius() + 1e-3, image)
    }
}

impl Positions {
    fn resize(&mut self, n: usize) {
        self.xs.resize(n, 0.0);
        self.ys.resize(n, 0.0);
    }

    pub(crate) fn slices(&self) -> (&[f64], &[f64]) {
        (&self.xs, &self.ys)
    }
}

/// The box around positions; NaN is passed over.
struct Bounds {
    x: (f64, f64),
    y: (f64, f64),
}

impl Default for Bounds {
    fn default() -> Self {
        Self { x: (f64::INFINITY, f64::NEG_INFINITY), y: (f64::INFINITY, f64::NEG_INFINITY) }
    }
}

impl Bounds {
    fn add(&mut self, positions: &Positions) {
        let grow = |range: &mut (f64, f64), values: &[f64]| {
            let (mut low, mut high) = *range;
            for &v in values {
                // A NaN compares false and leaves both.
                low = if v < low { v } else { low };
                high = if v > high { v } else { high };
            }
            *range = (low, high);
        };
        grow(&mut self.x, &positions.xs);
        grow(&mut self.y, &positions.ys);
    }

    fn window(&self, pad: f64, image: Shape) -> Option<Window> {
        let axis = |(low, high): (f64, f64), size: usize| {
            let (from, to) = ((low - pad).floor().max(0.0), (high + pad).ceil().min(count(size)));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= from < to <= size")]
            (from < to).then_some((from as usize, (to - from) as usize))
        };
        let (col, cols) = axis(self.x, image.cols)?;
        let (row, rows) = axis(self.y, image.rows)?;
        Some(Window::new(row, col, rows, cols))
    }
}
