//! From the pixels of one grid to the pixels of another, exactly.

use crate::{Affine, CrsError, GeoBox, Transform};

/// Moves positions in destination pixels to positions in source pixels, through both affines and PROJ. Positions are
/// (column, row) at pixel corners: the centre of the first pixel is (0.5, 0.5).
#[derive(Debug, Clone)]
pub struct PixelTransform {
    dst: Affine,
    transform: Transform,
    turn: Option<Turn>,
    src: Affine,
}

/// A geographic source holds a longitude only on one turn of the Earth: others are moved onto it.
#[derive(Debug, Clone, Copy)]
struct Turn {
    /// Where that turn begins: as far from the source as can be.
    from: f64,
    /// 360° in the unit of the CRS.
    size: f64,
}

/// 360° in the unit of a geographic grid's CRS, `None` in other CRSs.
pub(crate) fn full_turn(geobox: &GeoBox) -> Option<f64> {
    let unit = geobox.crs.unit_factor();
    (geobox.crs.is_geographic() && unit > 0.0).then(|| std::f64::consts::TAU / unit)
}

impl PixelTransform {
    /// From pixels of `dst` to pixels of `src`.
    ///
    /// # Errors
    /// Where PROJ knows no transform between the two CRSs.
    pub fn new(src: &GeoBox, dst: &GeoBox) -> Result<Self, CrsError> {
        let transform = Transform::new(&dst.crs, &src.crs)?;
        let turn = full_turn(src).map(|size| {
            let bbox = src.bounding_box();
            let gap = ((size - bbox.width()) / 2.0).max(src.affine.a.abs() * 1e-6);
            // 360 is exact where the unit is a degree.
            let size = if (size - 360.0).abs() < 1e-9 { 360.0 } else { size };
            Turn { from: bbox.left - gap, size }
        });
        let nowhere = Affine::new(f64::NAN, 0.0, f64::NAN, 0.0, f64::NAN, f64::NAN);
        Ok(Self { dst: dst.affine, transform, turn, src: src.affine.inverse().unwrap_or(nowhere) })
    }

    /// For a geographic source with columns along the parallels: how many columns a whole turn of the Earth has, and at
    /// which column a turn begins. Positions are on that turn; an area over its seam has corners at both ends of it.
    #[must_use]
    pub fn turn_columns(&self) -> Option<(f64, f64)> {
        let turn = self.turn.filter(|_| self.src.d == 0.0 && self.src.b == 0.0)?;
        let ends = [turn.from, turn.from + turn.size].map(|x| self.src.apply(x, 0.0).0);
        Some(((ends[1] - ends[0]).abs(), ends[0].min(ends[1])))
    }

    /// Moves the positions (`xs[i]`, `ys[i]`) from destination to source pixels, in place. A position without image
    /// becomes (NaN, NaN).
    pub fn apply(&self, xs: &mut [f64], ys: &mut [f64]) {
        for (x, y) in xs.iter_mut().zip(ys.iter_mut()) {
            (*x, *y) = self.dst.apply(*x, *y);
        }
        self.transform.apply(xs, ys);
        for (x, y) in xs.iter_mut().zip(ys.iter_mut()) {
            if let Some(turn) = self.turn {
                *x -= ((*x - turn.from) / turn.size).floor() * turn.size;
            }
            let (col, row) = self.src.apply(*x, *y);
            (*x, *y) = if col.is_finite() && row.is_finite() { (col, row) } else { (f64::NAN, f64::NAN) };
        }
    }

    /// Moves one position; `None` where it has no image.
    #[must_use]
    pub fn point(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (mut xs, mut ys) = ([x], [y]);
        self.apply(&mut xs, &mut ys);
        xs[0].is_finite().then_some((xs[0], ys[0]))
    }
}
