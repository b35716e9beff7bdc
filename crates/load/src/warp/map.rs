//! Where the pixels of the output lie in a source.

use cube_geo::PixelMap;

/// Source positions of output pixels, in pixels of the level that is read.
pub(crate) struct Map<'a> {
    /// To pixels of full resolution.
    pub(crate) places: &'a PixelMap,
    /// Pixels of the level for one of full resolution, along columns and rows.
    pub(crate) factor: (f64, f64),
    /// For a geographic source: the turn of the Earth that its positions are on.
    pub(crate) turn: Option<Turn>,
}

/// One turn of the Earth, in columns of the level that is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Turn {
    /// How many columns it has.
    pub(crate) columns: f64,
    /// The column that it begins at.
    pub(crate) first: f64,
    /// True where positions of its first half are meant on the turn after: areas over the seam then have their corners
    /// side by side.
    pub(crate) unwrapped: bool,
}

impl<'a> Map<'a> {
    /// To pixels of the level itself, in the source's own CRS.
    pub(crate) const fn plain(places: &'a PixelMap) -> Self {
        Self { places, factor: (1.0, 1.0), turn: None }
    }

    /// Corners of a pixel that are farther apart than this lie on both sides of the seam.
    pub(super) fn torn(&self) -> f64 {
        self.turn.map_or(f64::INFINITY, |turn| turn.columns / 2.0)
    }
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
        self.places.row(row, cols, &mut out.xs, &mut out.ys);
        self.to_level(out);
    }

    /// Of the upper corners of a row; one more than there are columns.
    pub(crate) fn corners(&self, row: usize, cols: std::ops::Range<usize>, out: &mut Positions) {
        let cols = cols.start..cols.end + 1;
        out.resize(cols.len());
        self.places.corner_row(row, cols, &mut out.xs, &mut out.ys);
        self.to_level(out);
    }

    fn to_level(&self, out: &mut Positions) {
        if self.factor != (1.0, 1.0) {
            out.xs.iter_mut().for_each(|x| *x *= self.factor.0);
            out.ys.iter_mut().for_each(|y| *y *= self.factor.1);
        }
        if let Some(turn) = self.turn.filter(|turn| turn.unwrapped) {
            let middle = turn.first + turn.columns / 2.0;
            out.xs.iter_mut().filter(|x| **x < middle).for_each(|x| *x += turn.columns);
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
