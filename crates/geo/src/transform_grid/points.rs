//! Positions anywhere on a map.

use super::{CELL, PixelMap, TransformGrid};
use crate::geobox::index;

impl PixelMap {
    /// Moves positions of the window that the map was made for from destination to source pixels, in place; NaN where one
    /// has no image. They are as near to PROJ's as those of the pixels.
    pub fn points(&self, xs: &mut [f64], ys: &mut [f64]) {
        match self {
            Self::Linear(affine) => {
                for (x, y) in xs.iter_mut().zip(ys) {
                    (*x, *y) = affine.apply(*x, *y);
                }
            }
            Self::Grid(grid) => grid.points(xs, ys),
        }
    }
}

impl TransformGrid {
    fn points(&self, xs: &mut [f64], ys: &mut [f64]) {
        let mut rest = Vec::new();
        for (i, (x, y)) in xs.iter_mut().zip(ys.iter_mut()).enumerate() {
            match self.patched(*x, *y) {
                Some(there) => (*x, *y) = there,
                None => rest.push(i),
            }
        }
        if rest.is_empty() {
            return;
        }
        let mut there: (Vec<f64>, Vec<f64>) = rest.iter().map(|&i| (xs[i], ys[i])).unzip();
        self.transform.apply(&mut there.0, &mut there.1);
        for (i, (x, y)) in rest.into_iter().zip(there.0.into_iter().zip(there.1)) {
            (xs[i], ys[i]) = (x, y);
        }
    }

    /// The position by the patch under it; `None` where there is none.
    fn patched(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let cell_of = |at: f64, first: usize, cells: usize| {
            let cell = at / index(CELL) - index(first);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= cell, far below 2^53")]
            (cell >= 0.0).then_some(cell as usize).filter(|cell| *cell < cells)
        };
        let (row, col) = (cell_of(y, self.first.0, self.cells.0)?, cell_of(x, self.first.1, self.cells.1)?);
        let cell = &self.grids[row * self.cells.1 + col];
        if cell.side == 0 {
            return None;
        }
        let size = index(CELL / cell.side);
        let along = |at: f64, cell_at: usize| {
            let at = (at - index(cell_at * CELL)) / size;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= at < 64")]
            let patch = (at as usize).min(cell.side - 1);
            (patch, at - index(patch))
        };
        let (down, across) = (along(y, self.first.0 + row), along(x, self.first.1 + col));
        let patch = cell.patches.get(down.0 * cell.side + across.0)?;
        Some((patch.x.across(down.1).at(across.1), patch.y.across(down.1).at(across.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::grid;
    use super::*;
    use crate::PixelTransform;

    #[test]
    fn positions_between_pixels_are_where_proj_puts_them() {
        for (src, dst) in [(grid(32632, 10.0), grid(3035, 100.0)), (grid(3857, 50_000.0), grid(4326, 0.5))] {
            let transform = PixelTransform::new(&src, &dst).unwrap();
            let map = PixelMap::Grid(TransformGrid::new(&transform, dst.shape.whole()));
            let (mut xs, mut ys): (Vec<f64>, Vec<f64>) =
                (0..900_u32).map(|i| (f64::from(i % 30) * 10.3, f64::from(i / 30) * 10.3 + 0.7)).unzip();
            let mut exact = (xs.clone(), ys.clone());
            map.points(&mut xs, &mut ys);
            transform.apply(&mut exact.0, &mut exact.1);
            for (i, (x, y)) in exact.0.into_iter().zip(exact.1).enumerate() {
                let off = (x - xs[i]).abs().max((y - ys[i]).abs());
                assert!(off < 1e-5 || x.is_nan() && xs[i].is_nan(), "{i}: {off}");
            }
        }
    }
}
