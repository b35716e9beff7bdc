//! Affine: from pixel (column, row) to coordinates (x, y).

use serde::{Deserialize, Serialize};

/// `x = a·col + b·row + c`, `y = d·col + e·row + f`, at pixel corners: (0, 0) is the outer corner of
/// the first pixel and (0.5, 0.5) its centre.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// x per column.
    pub a: f64,
    /// x per row.
    pub b: f64,
    /// x of the corner.
    pub c: f64,
    /// y per column.
    pub d: f64,
    /// y per row.
    pub e: f64,
    /// y of the corner.
    pub f: f64,
}

impl Affine {
    /// Leaves coordinates as they are.
    pub const IDENTITY: Self = Self::new(1.0, 0.0, 0.0, 0.0, 1.0, 0.0);

    /// The affine with these six coefficients, in the order of EO3 documents.
    #[must_use]
    #[expect(clippy::many_single_char_names, reason = "the names that the field gives them")]
    pub const fn new(a: f64, b: f64, c: f64, d: f64, e: f64, f: f64) -> Self {
        Self { a, b, c, d, e, f }
    }

    /// From GDAL's order `[c, a, b, f, d, e]`.
    #[must_use]
    pub const fn from_gdal(g: [f64; 6]) -> Self {
        Self::new(g[1], g[2], g[0], g[4], g[5], g[3])
    }

    /// In GDAL's order `[c, a, b, f, d, e]`.
    #[must_use]
    pub const fn to_gdal(self) -> [f64; 6] {
        [self.c, self.a, self.b, self.f, self.d, self.e]
    }

    /// Moves by (`x`, `y`).
    #[must_use]
    pub const fn translation(x: f64, y: f64) -> Self {
        Self::new(1.0, 0.0, x, 0.0, 1.0, y)
    }

    /// Multiplies by (`x`, `y`).
    #[must_use]
    pub const fn scale(x: f64, y: f64) -> Self {
        Self::new(x, 0.0, 0.0, 0.0, y, 0.0)
    }

    /// Where (column, row) lies, as (x, y).
    #[must_use]
    pub fn apply(self, col: f64, row: f64) -> (f64, f64) {
        (self.a * col + self.b * row + self.c, self.d * col + self.e * row + self.f)
    }

    /// `self` after `first`: `self.after(first).apply(p) == self.apply(first.apply(p))`.
    #[must_use]
    pub fn after(self, first: Self) -> Self {
        Self {
            a: self.a * first.a + self.b * first.d,
            b: self.a * first.b + self.b * first.e,
            c: self.a * first.c + self.b * first.f + self.c,
            d: self.d * first.a + self.e * first.d,
            e: self.d * first.b + self.e * first.e,
            f: self.d * first.c + self.e * first.f + self.f,
        }
    }

    /// The determinant of the linear part: signed area of one pixel.
    #[must_use]
    pub fn determinant(self) -> f64 {
        self.a * self.e - self.b * self.d
    }

    /// The way back, `None` where the affine is degenerate or not finite.
    #[must_use]
    pub fn inverse(self) -> Option<Self> {
        let det = self.determinant();
        if !self.is_finite() || det == 0.0 || !det.is_finite() {
            return None;
        }
        let (a, b, d, e) = (self.e / det, -self.b / det, -self.d / det, self.a / det);
        Some(Self { a, b, c: -(a * self.c + b * self.f), d, e, f: -(d * self.c + e * self.f) })
    }

    /// True where all six coefficients are finite.
    #[must_use]
    pub fn is_finite(self) -> bool {
        [self.a, self.b, self.c, self.d, self.e, self.f].iter().all(|v| v.is_finite())
    }

    /// True where rows and columns run along the axes: neither rotation nor shear.
    #[must_use]
    pub fn is_rectilinear(self) -> bool {
        self.b == 0.0 && self.d == 0.0
    }

    /// Pixel size with its sign, along columns and along rows.
    #[must_use]
    pub const fn resolution(self) -> Resolution {
        Resolution { x: self.a, y: self.e }
    }
}

/// Pixel size in CRS units with its sign: `y` is negative where rows run southwards.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    /// Along columns.
    pub x: f64,
    /// Along rows.
    pub y: f64,
}

impl Resolution {
    /// Pixels of `x` by `y`, signs kept.
    #[must_use]
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// North-up square pixels of `size`: `x = size`, `y = -size`.
    #[must_use]
    pub const fn square(size: f64) -> Self {
        Self { x: size, y: -size }
    }
}

impl From<f64> for Resolution {
    fn from(size: f64) -> Self {
        Self::square(size)
    }
}
