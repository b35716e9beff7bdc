//! GeoBox: a finite pixel grid on the Earth.

use serde::{Deserialize, Serialize};

use crate::{Affine, BoundingBox, Crs, Footprint, FootprintError, Resolution, Shape, Window};

/// Shape, affine and CRS: a finite pixel grid on the Earth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeoBox {
    /// Rows and columns.
    pub shape: Shape,
    /// From (column, row) to (x, y).
    pub affine: Affine,
    /// What x and y are.
    pub crs: Crs,
}

/// Which point of a pixel sits on multiples of the resolution.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Anchor {
    /// Pixel edges (the default).
    #[default]
    Edge,
    /// Pixel centres.
    Center,
    /// A fraction of a pixel from the edge, along x and y, each in `0..1`.
    Fraction {
        /// Along columns.
        x: f64,
        /// Along rows.
        y: f64,
    },
    /// None: the grid begins exactly at the box's edge.
    Floating,
}

/// A pixel grid could not be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GeoBoxError {
    /// The footprint cannot be shown in the grid's CRS, or the grid has none.
    #[error(transparent)]
    Footprint(#[from] FootprintError),
    /// There is no pixel.
    #[error("a grid of {shape} holds no pixel: give one row and one column at least")]
    Empty {
        /// The shape as given.
        shape: Shape,
    },
    /// The box is empty, reversed or not finite.
    #[error("the box {bbox} is empty or not finite: give west < east and south < north")]
    BadBox {
        /// The box as given.
        bbox: BoundingBox,
    },
    /// The resolution is zero or not finite.
    #[error("the resolution ({x}, {y}) is zero or not finite: give a pixel size in CRS units, such as 10")]
    BadResolution {
        /// Along columns.
        x: f64,
        /// Along rows.
        y: f64,
    },
    /// The affine cannot be inverted.
    #[error("the affine ({}, {}, {}, {}, {}, {}) is not finite or has no area: check the box and the resolution", affine.a, affine.b, affine.c, affine.d, affine.e, affine.f)]
    BadAffine {
        /// The affine as given.
        affine: Affine,
    },
    /// The grid would have more pixels than any machine holds.
    #[error(
        "{rows} x {cols} pixels are too many: the box is {bbox}, the resolution ({x}, {y}); is it in the units of {crs}?"
    )]
    TooLarge {
        /// Rows asked for.
        rows: f64,
        /// Columns asked for.
        cols: f64,
        /// The box.
        bbox: BoundingBox,
        /// Pixel size along columns.
        x: f64,
        /// Pixel size along rows.
        y: f64,
        /// The CRS.
        crs: String,
    },
}

/// Most rows or columns of a grid: ten times the Earth's circumference in metres.
const MOST_PIXELS_ON_A_SIDE: f64 = 4e8;

/// An edge closer than this to a multiple of the resolution (in pixels) counts as being on it.
pub const SNAP_TOLERANCE: f64 = 0.01;

impl GeoBox {
    /// A grid of `shape` at `affine`.
    ///
    /// # Errors
    /// Where the affine is not finite or has no area.
    pub fn new(shape: Shape, affine: Affine, crs: Crs) -> Result<Self, GeoBoxError> {
        if affine.inverse().is_none() {
            return Err(GeoBoxError::BadAffine { affine });
        }
        Ok(Self { shape, affine, crs })
    }

    /// The smallest grid of `resolution` that covers `bbox` and whose pixels sit at `anchor`. An edge within
    /// 1 % of a pixel of a multiple is taken to be on it, so that no sliver adds a row (odc-geo's
    /// `GeoBox.from_bbox`, `snap_grid`).
    ///
    /// # Errors
    /// Where the box is empty, the resolution zero, or the grid would be absurdly large.
    pub fn from_bbox(bbox: BoundingBox, crs: Crs, resolution: Resolution, anchor: Anchor) -> Result<Self, GeoBoxError> {
        let edges = [bbox.left, bbox.bottom, bbox.right, bbox.top];
        if edges.iter().any(|v| !v.is_finite()) || bbox.width() < 0.0 || bbox.height() < 0.0 {
            return Err(GeoBoxError::BadBox { bbox });
        }
        let Resolution { x, y } = resolution;
        if !x.is_finite() || !y.is_finite() || x == 0.0 || y == 0.0 {
            return Err(GeoBoxError::BadResolution { x, y });
        }
        let (off_x, off_y) = match anchor {
            Anchor::Edge => (Some(0.0), Some(0.0)),
            Anchor::Center => (Some(0.5), Some(0.5)),
            Anchor::Fraction { x, y } => (Some(x), Some(y)),
            Anchor::Floating => (None, None),
        };
        let (c, cols) = snap_axis(bbox.left, bbox.right, x, off_x);
        let (f, rows) = snap_axis(bbox.bottom, bbox.top, y, off_y);
        if rows > MOST_PIXELS_ON_A_SIDE || cols > MOST_PIXELS_ON_A_SIDE {
            return Err(GeoBoxError::TooLarge { rows, cols, bbox, x, y, crs: crs.to_string() });
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 <= n <= 4e8")]
        let shape = Shape::new(rows as usize, cols as usize);
        Self::new(shape, Affine::new(x, 0.0, c, 0.0, y, f), crs)
    }

    /// The north-up grid of `shape` that fills `bbox` exactly.
    ///
    /// # Errors
    /// Where the box has no area or the shape no pixel.
    pub fn from_shape(bbox: BoundingBox, shape: Shape, crs: Crs) -> Result<Self, GeoBoxError> {
        if shape.is_empty() {
            return Err(GeoBoxError::Empty { shape });
        }
        let edges = [bbox.left, bbox.bottom, bbox.right, bbox.top];
        if edges.iter().any(|v| !v.is_finite()) || bbox.width() <= 0.0 || bbox.height() <= 0.0 {
            return Err(GeoBoxError::BadBox { bbox });
        }
        let (x, y) = (bbox.width() / index(shape.cols), -bbox.height() / index(shape.rows));
        Self::new(shape, Affine::new(x, 0.0, bbox.left, 0.0, y, bbox.top), crs)
    }

    /// The smallest grid that covers `footprint`, moved to `crs` with its edges curved as they are there; snapped as
    /// [`GeoBox::from_bbox`] does. (odc-geo's `from_geopolygon` moves the vertices only, and so may lose a bulge.)
    ///
    /// # Errors
    /// Where the footprint cannot be shown in `crs`, and as [`GeoBox::from_bbox`].
    pub fn from_geopolygon(
        footprint: &Footprint,
        crs: Crs,
        resolution: Resolution,
        anchor: Anchor,
    ) -> Result<Self, GeoBoxError> {
        let bbox = footprint.to_crs(&crs)?.bounding_box();
        Self::from_bbox(bbox, crs, resolution, anchor)
    }

    /// The grid with `rows` more above and below and `cols` more left and right.
    #[must_use]
    pub fn pad(&self, rows: usize, cols: usize) -> Self {
        let shape = Shape::new(self.shape.rows + 2 * rows, self.shape.cols + 2 * cols);
        let affine = self.affine.after(Affine::translation(-index(cols), -index(rows)));
        Self { shape, affine, crs: self.crs.clone() }
    }

    /// The grid grown by at least `x` and `y` CRS units on each side, in whole pixels; a tenth of a pixel is forgiven, as in
    /// odc-geo. Negative distances grow nothing.
    #[must_use]
    pub fn buffered(&self, x: f64, y: f64) -> Self {
        let pixels = |distance: f64, size: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=4e8")]
            let n = (distance / size - 0.1).ceil().clamp(0.0, MOST_PIXELS_ON_A_SIDE) as usize;
            n
        };
        let Affine { a, b, d, e, .. } = self.affine;
        self.pad(pixels(y, b.hypot(e)), pixels(x, a.hypot(d)))
    }

    /// Which point of a pixel sits on multiples of the resolution, to a thousandth of a pixel. With it,
    /// [`GeoBox::from_bbox`] of the grid's own box gives the grid again.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        let fraction = |start: f64, size: f64| {
            let v = maybe_integer(start / size.abs(), 1e-3);
            v - v.floor()
        };
        let (x, y) = (fraction(self.affine.c, self.affine.a), fraction(self.affine.f, self.affine.e));
        let all = |v: f64| (x - v).abs() < 1e-3 && (y - v).abs() < 1e-3;
        if all(0.0) {
            Anchor::Edge
        } else if all(0.5) {
            Anchor::Center
        } else {
            Anchor::Fraction { x, y }
        }
    }

    /// True where both grids are parts of one: same CRS, and pixels that coincide to 1e-4 of a pixel.
    #[must_use]
    pub fn is_aligned(&self, other: &Self) -> bool {
        let Some(back) = other.affine.inverse() else { return false };
        if self.crs != other.crs {
            return false;
        }
        let there = back.after(self.affine);
        let (rows, cols) = (index(self.shape.rows), index(self.shape.cols));
        let (dx, dy) = there.apply(0.0, 0.0);
        (dx - dx.round()).abs() <= 1e-4
            && (dy - dy.round()).abs() <= 1e-4
            && [(cols, 0.0), (0.0, rows), (cols, rows)].into_iter().all(|(col, row)| {
                let (x, y) = there.apply(col, row);
                (x - dx - col).abs() <= 1e-4 && (y - dy - row).abs() <= 1e-4
            })
    }

    /// The outline of the grid, in its own CRS.
    ///
    /// # Errors
    /// Where the grid is empty or not finite.
    pub fn footprint(&self) -> Result<Footprint, FootprintError> {
        Footprint::from_geobox(self)
    }

    /// Pixel size with its sign. Meaningful where the grid is not rotated.
    #[must_use]
    pub const fn resolution(&self) -> Resolution {
        self.affine.resolution()
    }

    /// The box around all four corners, in the grid's own CRS.
    #[must_use]
    pub fn bounding_box(&self) -> BoundingBox {
        let corners = self.corners();
        corners
            .iter()
            .skip(1)
            .fold(BoundingBox::new(corners[0].0, corners[0].1, corners[0].0, corners[0].1), |b, &(x, y)| {
                b.union(BoundingBox::new(x, y, x, y))
            })
    }

    /// The four outer corners in the grid's CRS: first pixel's corner, then along the first row, around.
    #[must_use]
    pub fn corners(&self) -> [(f64, f64); 4] {
        let (rows, cols) = (index(self.shape.rows), index(self.shape.cols));
        [(0.0, 0.0), (cols, 0.0), (cols, rows), (0.0, rows)].map(|(col, row)| self.affine.apply(col, row))
    }

    /// The part of the grid that `window` names.
    #[must_use]
    pub fn crop(&self, window: Window) -> Self {
        let shift = Affine::translation(index(window.col), index(window.row));
        Self { shape: window.shape(), affine: self.affine.after(shift), crs: self.crs.clone() }
    }

    /// The same ground with pixels `factor` times as large; the last ones may reach past the edge.
    #[must_use]
    pub fn zoom_out(&self, factor: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of a usize")]
        let shrink = |n: usize| ((index(n) / factor).ceil() as usize).max(1);
        Self {
            shape: Shape::new(shrink(self.shape.rows), shrink(self.shape.cols)),
            affine: self.affine.after(Affine::scale(factor, factor)),
            crs: self.crs.clone(),
        }
    }

    /// y of the pixel centres of each row. Meaningful where the grid is not rotated.
    #[must_use]
    pub fn y_centers(&self) -> Vec<f64> {
        (0..self.shape.rows).map(|row| self.affine.apply(0.5, index(row) + 0.5).1).collect()
    }

    /// x of the pixel centres of each column. Meaningful where the grid is not rotated.
    #[must_use]
    pub fn x_centers(&self) -> Vec<f64> {
        (0..self.shape.cols).map(|col| self.affine.apply(index(col) + 0.5, 0.5).0).collect()
    }
}

impl std::fmt::Display for GeoBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Resolution { x, y } = self.resolution();
        write!(f, "{} in {}, pixels of {x} x {y}, box {}", self.shape, self.crs, self.bounding_box())
    }
}

/// A pixel count or index as a coordinate. Exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "grids are bounded far below 2^53 on a side")]
pub(crate) const fn index(n: usize) -> f64 {
    n as f64
}

/// The start coordinate and the number of pixels that cover `from..to` (odc-geo `snap_grid`). For a negative
/// resolution the start is the far edge.
fn snap_axis(from: f64, to: f64, resolution: f64, offset: Option<f64>) -> (f64, f64) {
    let size = resolution.abs();
    let Some(offset) = offset else {
        let n = maybe_integer((to - from) / size, SNAP_TOLERANCE).ceil().max(1.0);
        return (if resolution > 0.0 { from } else { to }, n);
    };
    let shift = offset * size;
    let first = maybe_integer((from - shift) / size, SNAP_TOLERANCE).floor();
    let last = maybe_integer((to - shift) / size, SNAP_TOLERANCE).ceil();
    let n = (last - first).max(1.0);
    let start = if resolution > 0.0 { first } else { first + n };
    (start * size + shift, n)
}

/// `v`, or the nearest integer where that is within `tolerance`.
pub(crate) fn maybe_integer(v: f64, tolerance: f64) -> f64 {
    let nearest = v.round();
    if (v - nearest).abs() < tolerance { nearest } else { v }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn box_on_multiples_makes_no_extra_pixel() {
        let crs = Crs::epsg(32633).unwrap();
        let bbox = BoundingBox::new(600_000.0, 4_600_000.0, 600_200.0, 4_600_100.0);
        let g = GeoBox::from_bbox(bbox, crs, Resolution::square(10.0), Anchor::Edge).unwrap();
        assert_eq!(g.shape, Shape::new(10, 20));
        assert_eq!(g.affine, Affine::new(10.0, 0.0, 600_000.0, 0.0, -10.0, 4_600_100.0));
        assert_eq!(g.bounding_box(), bbox);
    }

    #[test]
    fn grid_is_found_again_from_its_box_and_anchor() {
        for (c, f) in [(600_000.0, 4_700_000.0), (600_005.0, 4_700_005.0), (600_003.0, 4_700_001.0), (-600_003.0, -1.0)]
        {
            let affine = Affine::new(10.0, 0.0, c, 0.0, -10.0, f);
            let grid = GeoBox::new(Shape::new(30, 20), affine, Crs::epsg(32633).unwrap()).unwrap();
            let again = GeoBox::from_bbox(grid.bounding_box(), grid.crs.clone(), grid.resolution(), grid.anchor());
            assert_eq!(again.unwrap(), grid, "{c} {f}");
        }
    }

    #[test]
    fn padded_and_cropped_grids_stay_aligned() {
        let affine = Affine::new(10.0, 0.0, 600_003.0, 0.0, -10.0, 4_700_000.0);
        let grid = GeoBox::new(Shape::new(30, 20), affine, Crs::epsg(32633).unwrap()).unwrap();
        let wide = grid.buffered(25.0, 10.5);
        assert_eq!(wide, grid.pad(1, 3));
        assert!(wide.is_aligned(&grid) && grid.crop(Window::new(3, 4, 5, 6)).is_aligned(&wide));
        assert_eq!(wide.crop(Window::new(1, 3, 30, 20)), grid);
        let shifted = GeoBox { affine: Affine { c: 600_004.0, ..affine }, ..grid.clone() };
        assert!(!shifted.is_aligned(&grid) && !grid.zoom_out(2.0).is_aligned(&grid));
    }

    #[test]
    fn grid_of_a_polygon_holds_its_bulging_edge() {
        let europe = Footprint::from_lonlat_bbox(BoundingBox::new(-10.0, 35.0, 30.0, 70.0)).unwrap();
        let crs = Crs::epsg(3035).unwrap();
        let grid = GeoBox::from_geopolygon(&europe, crs.clone(), 1000.0.into(), Anchor::Edge).unwrap();
        let to = crate::Transform::new(&Crs::lonlat().unwrap(), &crs).unwrap();
        let lowest = to.point(10.0, 35.0).unwrap().1;
        assert!(grid.bounding_box().bottom <= lowest && grid.bounding_box().bottom > lowest - 1001.0);
        assert_eq!(grid.anchor(), Anchor::Edge);
    }

    #[test]
    fn shape_fills_the_box() {
        let bbox = BoundingBox::new(11.9, 41.8, 12.6, 42.4);
        let grid = GeoBox::from_shape(bbox, Shape::new(12, 14), Crs::lonlat().unwrap()).unwrap();
        assert!((grid.affine.a - 0.05).abs() < 1e-12 && (grid.affine.e + 0.05).abs() < 1e-12);
        assert!(GeoBox::from_shape(bbox, Shape::new(0, 14), Crs::lonlat().unwrap()).is_err());
    }

    #[test]
    fn wkt_of_an_epsg_code_is_that_code() {
        let utm = Crs::epsg(32633).unwrap();
        assert_eq!(Crs::parse(utm.wkt()).unwrap(), utm);
        assert_eq!(utm.unit(), "metre");
        assert_eq!(Crs::lonlat().unwrap().dimension_names(), ("latitude", "longitude"));
    }

    #[test]
    fn coordinates_are_lon_lat_whatever_the_authority_says() {
        let to_utm = crate::Transform::new(&Crs::lonlat().unwrap(), &Crs::epsg(32633).unwrap()).unwrap();
        let (x, y) = to_utm.point(15.0, 0.0).unwrap();
        assert!((x - 500_000.0).abs() < 1e-6 && y.abs() < 1e-6, "{x} {y}");
    }

    #[test]
    fn unknown_crs_says_what_to_give() {
        let error = Crs::parse("EPSG:999999").unwrap_err().to_string();
        assert!(error.contains("EPSG:999999") && error.contains("authority code"), "{error}");
    }
}
