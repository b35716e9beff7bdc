//! The box around all positions of a window, without computing each.

use super::{CELL, CellGrid, PixelMap, Surface, TransformGrid};
use crate::geobox::index;
use crate::{BoundingBox, Window};

/// Which positions of pixels are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelPoints {
    /// Their centres.
    Centres,
    /// Their corners.
    Corners,
}

impl PixelMap {
    /// A box in source pixels that holds the positions of all pixels of `window` (of the whole destination), hardly
    /// wider than it must be; `None` where no pixel has an image.
    #[must_use]
    pub fn bounds(&self, window: Window, points: PixelPoints) -> Option<BoundingBox> {
        if window.is_empty() {
            return None;
        }
        // From the first position to the last, along each axis.
        let inset = if points == PixelPoints::Centres { 0.5 } else { 0.0 };
        let along = |from: usize, n: usize| (index(from) + inset, index(from + n) - inset);
        let (cols, rows) = (along(window.col, window.cols), along(window.row, window.rows));
        match self {
            Self::Linear(affine) => {
                let corners = [(cols.0, rows.0), (cols.1, rows.0), (cols.0, rows.1), (cols.1, rows.1)];
                BoundingBox::around(corners.map(|(x, y)| affine.apply(x, y)))
            }
            Self::Grid(grid) => grid.bounds(cols, rows, window, points),
        }
    }
}

impl TransformGrid {
    fn bounds(&self, cols: (f64, f64), rows: (f64, f64), window: Window, points: PixelPoints) -> Option<BoundingBox> {
        let mut found: Option<BoundingBox> = None;
        let mut add = |bbox: Option<BoundingBox>| {
            found = match (found, bbox) {
                (Some(a), Some(b)) => Some(a.union(b)),
                (a, b) => a.or(b),
            };
        };
        for cell_row in window.row / CELL..=window.row_end() / CELL {
            for cell_col in window.col / CELL..=window.col_end() / CELL {
                let cell = (cell_row.checked_sub(self.first.0).zip(cell_col.checked_sub(self.first.1)))
                    .filter(|(r, c)| *r < self.cells.0 && *c < self.cells.1)
                    .map(|(r, c)| &self.grids[r * self.cells.1 + c]);
                let origin = (index(cell_row * CELL), index(cell_col * CELL));
                match cell {
                    Some(cell) if cell.side > 0 => add(cell.bounds(shifted(cols, origin.1), shifted(rows, origin.0))),
                    _ => {
                        let cell = Window::new(cell_row * CELL, cell_col * CELL, CELL, CELL);
                        if let Some(part) = cell.intersection(window) {
                            add(self.exact(part, points));
                        }
                    }
                }
            }
        }
        found
    }

    /// The box around positions that PROJ computes one by one.
    fn exact(&self, part: Window, points: PixelPoints) -> Option<BoundingBox> {
        let more = usize::from(points == PixelPoints::Corners);
        let n = part.cols + more;
        let (mut xs, mut ys) = (vec![0.0; n], vec![0.0; n]);
        let rows = (part.row..part.row_end() + more).filter_map(|row| {
            match points {
                PixelPoints::Centres => self.row(row, part.col..part.col + n, &mut xs, &mut ys),
                PixelPoints::Corners => self.corner_row(row, part.col..part.col + n, &mut xs, &mut ys),
            }
            BoundingBox::around(xs.iter().copied().zip(ys.iter().copied()))
        });
        rows.reduce(BoundingBox::union)
    }
}

fn shifted((from, to): (f64, f64), by: f64) -> (f64, f64) {
    (from - by, to - by)
}

impl CellGrid {
    /// Of the positions at `cols` and `rows` of the cell.
    fn bounds(&self, cols: (f64, f64), rows: (f64, f64)) -> Option<BoundingBox> {
        let size = index(CELL / self.side);
        // The part of a patch that is asked for, 0..1 along its side.
        let part = |(from, to): (f64, f64), i: usize| {
            let (from, to) = ((from / size - index(i)).max(0.0), (to / size - index(i)).min(1.0));
            (from <= to).then_some((from, to))
        };
        let mut found: Option<BoundingBox> = None;
        for j in 0..self.side {
            let Some(v) = part(rows, j) else { continue };
            for i in 0..self.side {
                let Some(u) = part(cols, i) else { continue };
                let patch = &self.patches[j * self.side + i];
                let (x, y) = (patch.x.hull(u, v), patch.y.hull(u, v));
                let bbox = BoundingBox::new(x.0, y.0, x.1, y.1);
                found = Some(found.map_or(bbox, |b| b.union(bbox)));
            }
        }
        found
    }
}

impl Surface {
    /// Between which values the surface of a patch lies on a part of it: those of its control points (a surface of degree
    /// three lies in the hull of its Bernstein coefficients).
    fn hull(&self, u: (f64, f64), v: (f64, f64)) -> (f64, f64) {
        let four = |(from, to): (f64, f64)| [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0].map(|t| from + (to - from) * t);
        // From values at thirds of the way.
        let control = |[p, q, r, s]: [f64; 4]| {
            [p, (18.0 * q - 5.0 * p - 9.0 * r + 2.0 * s) / 6.0, (18.0 * r - 9.0 * q - 5.0 * s + 2.0 * p) / 6.0, s]
        };
        let rows = four(v).map(|v| {
            let along = self.across(v);
            control(four(u).map(|u| along.at(u)))
        });
        let columns = [0, 1, 2, 3].map(|i| control(rows.map(|row| row[i])));
        let all = columns.into_iter().flatten();
        all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), c| (low.min(c), high.max(c)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::grid;
    use super::*;
    use crate::PixelTransform;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn bounds_hold_every_position_and_little_more(
            row in 0_usize..250, col in 0_usize..250, rows in 1_usize..50, cols in 1_usize..50, pair in 0_usize..3,
        ) {
            let (src, dst) = [(grid(32632, 10.0), grid(3035, 10.0)), (grid(4326, 0.1), grid(3035, 10_000.0)),
                (grid(3857, 50_000.0), grid(4326, 0.5))][pair].clone();
            let window = Window::new(row, col, rows, cols);
            let map = PixelMap::Grid(TransformGrid::new(&PixelTransform::new(&src, &dst).unwrap(), window));
            for points in [PixelPoints::Centres, PixelPoints::Corners] {
                let Some(found) = map.bounds(window, points) else { continue };
                let more = usize::from(points == PixelPoints::Corners);
                let (mut xs, mut ys) = (vec![0.0; cols + more], vec![0.0; cols + more]);
                let mut exact: Option<BoundingBox> = None;
                for r in row..row + rows + more {
                    match points {
                        PixelPoints::Centres => map.row(r, col..col + cols, &mut xs, &mut ys),
                        PixelPoints::Corners => map.corner_row(r, col..col + cols + 1, &mut xs, &mut ys),
                    }
                    for (x, y) in xs.iter().zip(&ys).filter(|(x, _)| x.is_finite()) {
                        let slack = 1e-9 * (1.0 + x.abs() + y.abs());
                        prop_assert!(*x >= found.left - slack && *x <= found.right + slack, "{x} in {found:?}");
                        prop_assert!(*y >= found.bottom - slack && *y <= found.top + slack, "{y} in {found:?}");
                    }
                    let line = BoundingBox::around(xs.iter().copied().zip(ys.iter().copied()));
                    exact = exact.into_iter().chain(line).reduce(BoundingBox::union);
                }
                let exact = exact.unwrap();
                let wide = (found.width() - exact.width()).max(found.height() - exact.height());
                prop_assert!(wide <= 0.02 * (exact.width() + exact.height()) + 0.5, "{found:?} around {exact:?}");
            }
        }
    }
}
