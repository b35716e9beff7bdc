//! Where the pixels of the output lie in a source.

use cube_geo::PixelMap;

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
