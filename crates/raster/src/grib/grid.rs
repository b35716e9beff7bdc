//! The grids of fields that we read, and the order in which their points are stored.

use cube_geo::{Affine, Crs, Healpix, HealpixOrder, Shape};

/// A grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Grid {
    LonLat(LonLat),
    Healpix(Healpix),
}

/// Points at equal steps of longitude and latitude, with the first point as it is stored, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LonLat {
    pub(super) shape: Shape,
    /// Longitude and latitude of the point that is stored first, and of the last one.
    pub(super) first: (f64, f64),
    pub(super) last: (f64, f64),
    /// Steps as the message says them, where it does.
    pub(super) step: (Option<f64>, Option<f64>),
    /// Code table 8 of edition 1, 3.4 of edition 2.
    pub(super) scan: u8,
}

const WEST: u8 = 0x80;
const NORTH: u8 = 0x40;
const COLUMNS: u8 = 0x20;
const TURNING: u8 = 0x10;

impl Grid {
    /// Rows and columns; of HEALPix `12·nside` rows of `nside` cells, in the order of their numbers.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::LonLat(grid) => grid.shape,
            Self::Healpix(cells) => cells.folded(),
        }
    }

    pub(super) fn healpix(&self) -> Option<Healpix> {
        if let Self::Healpix(cells) = self { Some(*cells) } else { None }
    }

    pub(super) fn affine_and_crs(&self) -> (Option<Affine>, Option<Crs>) {
        match self {
            Self::LonLat(grid) => (Some(grid.affine()), Crs::lonlat().ok()),
            Self::Healpix(_) => (None, Crs::lonlat().ok()),
        }
    }

    /// Values as stored, put into rows from north to south and columns from west to east.
    pub(super) fn in_rows<T: Copy + Default>(&self, values: Vec<T>) -> Vec<T> {
        match self {
            Self::LonLat(grid) => grid.in_rows(values),
            Self::Healpix(_) => values,
        }
    }
}

impl LonLat {
    /// Degrees from one column and one row to the next, positive.
    fn steps(&self) -> (f64, f64) {
        let Shape { rows, cols } = self.shape;
        let (west, east) =
            if self.scan & WEST == 0 { (self.first.0, self.last.0) } else { (self.last.0, self.first.0) };
        // The ends are exact to the last digit stored; a step of a third of a degree is not.
        let mut span = east - west;
        while span <= 0.0 {
            span += 360.0;
        }
        let over = |span: f64, n: usize| (n > 1).then(|| span / crate::grib::grid::count(n - 1));
        let x = over(span, cols).or(self.step.0).unwrap_or(1.0);
        let y = over((self.last.1 - self.first.1).abs(), rows).or(self.step.1).unwrap_or(1.0);
        // What the message itself says is rounder, where both agree.
        let near = |own: f64, said: Option<f64>| said.filter(|s| (s - own).abs() <= 1e-6 * own).unwrap_or(own);
        (near(x, self.step.0), near(y, self.step.1))
    }

    /// Of pixels around the points, from the north-western corner.
    fn affine(&self) -> Affine {
        let (dx, dy) = self.steps();
        let west = if self.scan & WEST == 0 { self.first.0 } else { self.last.0 };
        let north = self.first.1.max(self.last.1);
        // Longitudes as people write them where the grid does not cross 180 degrees.
        let width = dx * count(self.shape.cols);
        let west = if west - dx / 2.0 >= 180.0 - 1e-9 && width < 360.0 - dx { west - 360.0 } else { west };
        Affine::new(dx, 0.0, west - dx / 2.0, 0.0, -dy, north + dy / 2.0)
    }

    fn in_rows<T: Copy + Default>(&self, values: Vec<T>) -> Vec<T> {
        if self.scan & (WEST | NORTH | COLUMNS | TURNING) == 0 {
            return values;
        }
        let Shape { rows, cols } = self.shape;
        let mut put = vec![T::default(); values.len()];
        let (lines, along) = if self.scan & COLUMNS == 0 { (rows, cols) } else { (cols, rows) };
        for line in 0..lines {
            for at in 0..along {
                let stored = if self.scan & TURNING != 0 && line % 2 == 1 { along - 1 - at } else { at };
                let (row, col) = if self.scan & COLUMNS == 0 { (line, at) } else { (at, line) };
                let row = if self.scan & NORTH == 0 { row } else { rows - 1 - row };
                let col = if self.scan & WEST == 0 { col } else { cols - 1 - col };
                if let (Some(to), Some(from)) = (put.get_mut(row * cols + col), values.get(line * along + stored)) {
                    *to = *from;
                }
            }
        }
        put
    }
}

#[expect(clippy::cast_precision_loss, reason = "points along a side, far below 2^53")]
pub(super) fn count(n: usize) -> f64 {
    n as f64
}

/// The grid of HEALPix as a message says it: points along a side, longitude of the first point in millionths of a degree, where
/// in the cells the points are (4 is their centres), order.
pub(super) fn healpix(nside: u32, first_lon: u32, position: u8, order: u8, scan: u8) -> Result<Grid, String> {
    let order = match order {
        0 => HealpixOrder::Ring,
        1 => HealpixOrder::Nested,
        other => return Err(format!("its HEALPix cells are in the order {other}, which is neither ring nor nested")),
    };
    // The first cell of the first ring lies at 45 degrees; older messages leave position and longitude out.
    if !matches!(first_lon, 45_000_000 | u32::MAX) || !matches!(position, 4 | 0 | 255) || scan != 0 {
        return Err("its HEALPix cells are turned, or their points are not the centres".to_owned());
    }
    Healpix::new(nside, order).map(Grid::Healpix).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(scan: u8, first: (f64, f64), last: (f64, f64)) -> LonLat {
        LonLat { shape: Shape::new(2, 3), first, last, step: (Some(0.5), Some(0.5)), scan }
    }

    #[test]
    fn points_come_in_rows_from_the_north_west_however_they_are_stored() {
        let due = vec![1, 2, 3, 4, 5, 6];
        for (scan, stored) in [
            (0x00, [1, 2, 3, 4, 5, 6]),
            (0x40, [4, 5, 6, 1, 2, 3]),
            (0x80, [3, 2, 1, 6, 5, 4]),
            (0x10, [1, 2, 3, 6, 5, 4]),
            (0x20, [1, 4, 2, 5, 3, 6]),
            (0x60, [4, 1, 5, 2, 6, 3]),
        ] {
            assert_eq!(grid(scan, (0.0, 0.0), (1.0, 1.0)).in_rows(stored.to_vec()), due, "{scan:#x}");
        }
    }

    #[test]
    fn pixels_lie_around_the_points() {
        let due = Affine::new(0.5, 0.0, 9.75, 0.0, -0.5, 50.25);
        for (scan, first, last) in
            [(0x00, (10.0, 50.0), (11.0, 49.5)), (0x40, (10.0, 49.5), (11.0, 50.0)), (0xc0, (11.0, 49.5), (10.0, 50.0))]
        {
            assert_eq!(grid(scan, first, last).affine(), due);
        }
        // Over Greenwich, in degrees from 0 to 360, and west of it.
        assert!((grid(0, (359.5, 50.0), (0.5, 49.5)).affine().c + 0.75).abs() < 1e-9);
        assert!((grid(0, (200.0, 50.0), (201.0, 49.5)).affine().c + 160.25).abs() < 1e-9);
        let global = LonLat {
            shape: Shape::new(181, 360),
            first: (0.0, 90.0),
            last: (359.0, -90.0),
            step: (None, None),
            scan: 0,
        };
        assert_eq!(global.affine(), Affine::new(1.0, 0.0, -0.5, 0.0, -1.0, 90.5));
    }

    #[test]
    fn turned_healpix_is_refused() {
        assert!(healpix(8, 45_000_000, 4, 1, 0).is_ok());
        healpix(8, 0, 4, 1, 0).unwrap_err();
        healpix(8, 45_000_000, 4, 2, 0).unwrap_err();
        // Nested cells need a power of two.
        healpix(6, 45_000_000, 4, 1, 0).unwrap_err();
    }
}
