//! True areas of pixels and polygons, on the WGS 84 ellipsoid.

use geo_types::{LineString, Polygon};
use georust::GeodesicArea;

use crate::geobox::index;
use crate::trace::unwrap;
use crate::{Affine, Crs, CrsError, GeoBox, Shape, Transform};

/// Semi-major axis of WGS 84 in metres.
const A: f64 = 6_378_137.0;
/// Flattening of WGS 84.
const F: f64 = 1.0 / 298.257_223_563;
/// First eccentricity squared.
const E2: f64 = F * (2.0 - F);
/// Nodes and weights of Gauss-Legendre quadrature of order 5 on 0..1 (Abramowitz & Stegun, table 25.4).
const GAUSS: [(f64, f64); 5] = [
    (0.046_910_077_030_668, 0.118_463_442_528_094_5),
    (0.230_765_344_947_158_5, 0.239_314_335_249_683_2),
    (0.5, 0.284_444_444_444_444_4),
    (0.769_234_655_052_841_5, 0.239_314_335_249_683_2),
    (0.953_089_922_969_332, 0.118_463_442_528_094_5),
];
/// Longest step in latitude that the quadrature takes, in degrees; its error is then below 1e-13.
const STEP: f64 = 10.0;

/// Area in m² between the equator and `lat` (degrees, negative in the south) over one radian of longitude: Snyder, *Map
/// Projections: A Working Manual* (1987), equation 3-12 times a²/2.
#[must_use]
pub fn strip(lat: f64) -> f64 {
    let e = E2.sqrt();
    let s = lat.to_radians().sin();
    A * A * (1.0 - E2) / 2.0 * (s / (1.0 - E2 * s * s) + (e * s).atanh() / e)
}

/// The mean of [`strip`] along a straight edge in longitude and latitude.
fn mean_strip(from: f64, to: f64) -> f64 {
    let pieces = ((to - from).abs() / STEP).ceil().max(1.0);
    let mut sum = 0.0;
    let mut piece = 0.0;
    while piece < pieces {
        for (at, weight) in GAUSS {
            sum += weight * strip(from + (to - from) * (piece + at) / pieces);
        }
        piece += 1.0;
    }
    sum / pieces
}

/// Area in m² inside a small ring of (longitude, latitude). Edges are straight in those, or, near a pole, where they go
/// through many longitudes, geodesics (Karney 2013, *Algorithms for geodesics*).
fn ring_area(lons: &[f64], lats: &[f64]) -> f64 {
    let points = || lons.iter().copied().zip(lats.iter().copied());
    let Some(first) = points().next() else { return 0.0 };
    if points().any(|(lon, _)| (unwrap(lon, first.0) - first.0).abs() > 2.0) {
        return Polygon::new(points().collect(), vec![]).geodesic_area_signed().abs();
    }
    // Areas are taken against the first latitude and not the equator, which keeps small rings exact.
    let base = strip(first.1);
    let mut area = 0.0;
    let mut last = first;
    for point in points().skip(1).chain(std::iter::once(first)) {
        let width = unwrap(point.0, last.0) - last.0;
        if width != 0.0 {
            area += (mean_strip(last.1, point.1) - base) * width.to_radians();
        }
        last = point;
    }
    area.abs()
}

/// Area in m² inside a closed ring whose longitudes are as they stand: an edge may be longer than half a turn.
fn closed_ring_area(ring: &LineString) -> f64 {
    let base = ring.0.first().map_or(0.0, |c| strip(c.y));
    let sum: f64 = ring.lines().map(|l| (mean_strip(l.start.y, l.end.y) - base) * l.dx().to_radians()).sum();
    sum.abs()
}

/// Area in m² of a polygon in longitude and latitude, its edges straight in those, its holes taken off.
pub(crate) fn polygon_area(polygon: &Polygon<f64>) -> f64 {
    let holes: f64 = polygon.interiors().iter().map(closed_ring_area).sum();
    (closed_ring_area(polygon.exterior()) - holes).max(0.0)
}

/// The true area of every pixel of a grid, in m² on the WGS 84 ellipsoid.
///
/// In a geographic CRS it is exact (one value a row; latitudes beyond a pole count as the pole). In other CRSs it is
/// exact at nodes and bilinear between them, the nodes so close (64 pixels or fewer) that the error stays at about 1e-6.
/// A pixel without place on the Earth has the area NaN.
#[derive(Debug, Clone)]
pub struct CellAreas {
    shape: Shape,
    areas: Areas,
}

#[derive(Debug, Clone)]
enum Areas {
    Rows(Vec<f64>),
    Nodes(Nodes),
}

#[derive(Debug, Clone)]
struct Nodes {
    step: usize,
    cols: usize,
    values: Vec<f64>,
    exact: Exact,
}

#[derive(Debug, Clone)]
struct Exact {
    affine: Affine,
    to_lonlat: Transform,
    /// Into how many pieces the edge of a pixel is cut.
    pieces: u32,
}

/// Relative error that interpolated areas may have.
const AREA_TOLERANCE: f64 = 1e-6;

impl CellAreas {
    /// The areas of the pixels of `geobox`.
    ///
    /// # Errors
    /// Where there is no transform from its CRS to longitude and latitude.
    pub fn new(geobox: &GeoBox) -> Result<Self, CrsError> {
        let shape = geobox.shape;
        if geobox.crs.is_geographic() && geobox.affine.is_rectilinear() {
            return Ok(Self { shape, areas: Areas::Rows(row_areas(geobox)) });
        }
        let to_lonlat = Transform::new(&geobox.crs, &Crs::lonlat()?)?;
        // Edges of small pixels are straight wherever one looks from.
        let unit = geobox.crs.unit_factor();
        let size = geobox.affine.determinant().abs().sqrt() * unit;
        let exact = Exact { affine: geobox.affine, to_lonlat, pieces: if size > 1000.0 { 8 } else { 1 } };
        let mut step = 64;
        loop {
            let nodes = Nodes::new(shape, step, exact.clone());
            if step == 1 || nodes.is_good(shape) {
                return Ok(Self { shape, areas: Areas::Nodes(nodes) });
            }
            step /= 2;
        }
    }

    /// Rows and columns of the grid.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The area of pixel (`row`, `col`) in m²; NaN outside the grid.
    #[must_use]
    pub fn area(&self, row: usize, col: usize) -> f64 {
        if row >= self.shape.rows || col >= self.shape.cols {
            return f64::NAN;
        }
        match &self.areas {
            Areas::Rows(rows) => rows[row],
            Areas::Nodes(nodes) => {
                let v = nodes.interpolate(self.shape, row, col);
                if v.is_nan() { nodes.exact.area(row, col) } else { v }
            }
        }
    }

    /// The areas of one row in m², one a column.
    #[must_use]
    pub fn row(&self, row: usize) -> Vec<f64> {
        match &self.areas {
            Areas::Rows(rows) => vec![rows.get(row).copied().unwrap_or(f64::NAN); self.shape.cols],
            Areas::Nodes(_) => (0..self.shape.cols).map(|col| self.area(row, col)).collect(),
        }
    }

    /// The rows from the first to the last, as [`CellAreas::row`].
    pub fn rows(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        (0..self.shape.rows).map(|row| self.row(row))
    }

    /// The area of the whole grid in m², pixels that are not on the Earth left out.
    #[must_use]
    pub fn total(&self) -> f64 {
        match &self.areas {
            Areas::Rows(rows) => rows.iter().sum::<f64>() * index(self.shape.cols),
            Areas::Nodes(_) => self.rows().map(|row| row.iter().filter(|a| !a.is_nan()).sum::<f64>()).sum(),
        }
    }
}

fn row_areas(geobox: &GeoBox) -> Vec<f64> {
    let degree = geobox.crs.unit_factor().to_degrees();
    let width = (geobox.affine.a * degree).to_radians().abs();
    let edge = |row: usize| (geobox.affine.apply(0.0, index(row)).1 * degree).clamp(-90.0, 90.0);
    (0..geobox.shape.rows).map(|row| width * (strip(edge(row)) - strip(edge(row + 1))).abs()).collect()
}

impl Exact {
    fn area(&self, row: usize, col: usize) -> f64 {
        self.areas(&[(row, col)])[0]
    }

    fn areas(&self, pixels: &[(usize, usize)]) -> Vec<f64> {
        let n = f64::from(self.pieces);
        let edge: Vec<(f64, f64)> =
            [(0.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 1.0), (1.0, 1.0, -1.0, 0.0), (0.0, 1.0, 0.0, -1.0)]
                .into_iter()
                .flat_map(|(x, y, dx, dy)| {
                    (0..self.pieces).map(move |i| (x + dx * f64::from(i) / n, y + dy * f64::from(i) / n))
                })
                .collect();
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = pixels
            .iter()
            .flat_map(|&(row, col)| edge.iter().map(move |(x, y)| self.affine.apply(index(col) + x, index(row) + y)))
            .unzip();
        self.to_lonlat.apply(&mut xs, &mut ys);
        xs.chunks_exact(edge.len())
            .zip(ys.chunks_exact(edge.len()))
            .map(|(xs, ys)| if xs.iter().chain(ys).all(|v| v.is_finite()) { ring_area(xs, ys) } else { f64::NAN })
            .collect()
    }
}

/// Pixel of node `k` along an axis of `n` pixels: the last node is the last pixel.
fn node_pixel(k: usize, step: usize, n: usize) -> usize {
    (k * step).min(n.saturating_sub(1))
}

fn node_count(step: usize, n: usize) -> usize {
    n.saturating_sub(1).div_ceil(step) + 1
}

impl Nodes {
    fn new(shape: Shape, step: usize, exact: Exact) -> Self {
        let (rows, cols) = (node_count(step, shape.rows), node_count(step, shape.cols));
        if shape.is_empty() {
            return Self { step, cols, values: Vec::new(), exact };
        }
        let values = (0..rows)
            .flat_map(|r| {
                let row = node_pixel(r, step, shape.rows);
                let line: Vec<_> = (0..cols).map(|c| (row, node_pixel(c, step, shape.cols))).collect();
                exact.areas(&line)
            })
            .collect();
        Self { step, cols, values, exact }
    }

    /// True where the middles of (a sample of) the cells are within tolerance.
    fn is_good(&self, shape: Shape) -> bool {
        let rows = self.values.len() / self.cols.max(1);
        let cells = rows.saturating_sub(1).max(1) * self.cols.saturating_sub(1).max(1);
        let every = cells.div_ceil(1024);
        let middles: Vec<(usize, usize)> = (0..cells)
            .step_by(every)
            .map(|cell| {
                let per_row = self.cols.saturating_sub(1).max(1);
                let row = (cell / per_row * self.step + self.step / 2).min(shape.rows.saturating_sub(1));
                (row, (cell % per_row * self.step + self.step / 2).min(shape.cols.saturating_sub(1)))
            })
            .collect();
        let exact = self.exact.areas(&middles);
        middles.iter().zip(exact).all(|(&(row, col), exact)| {
            let v = self.interpolate(shape, row, col);
            v.is_nan() || exact.is_nan() || (v - exact).abs() <= AREA_TOLERANCE * exact
        })
    }

    /// Bilinear between the four nodes around the pixel, NaN where one of them is NaN.
    fn interpolate(&self, shape: Shape, row: usize, col: usize) -> f64 {
        let place = |i: usize, n: usize| {
            let k = i / self.step;
            let (from, to) = (node_pixel(k, self.step, n), node_pixel(k + 1, self.step, n));
            if to > from { (k, k + 1, index(i - from) / index(to - from)) } else { (k, k, 0.0) }
        };
        let (r0, r1, v) = place(row, shape.rows);
        let (c0, c1, u) = place(col, shape.cols);
        let at = |r: usize, c: usize| self.values[r * self.cols + c];
        let top = at(r0, c0) + (at(r0, c1) - at(r0, c0)) * u;
        let bottom = at(r1, c0) + (at(r1, c1) - at(r1, c0)) * u;
        top + (bottom - top) * v
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BoundingBox, Footprint};

    fn grid(code: u32, left: f64, top: f64, size: f64, n: usize) -> GeoBox {
        let affine = Affine::new(size, 0.0, left, 0.0, -size, top);
        GeoBox::new(Shape::new(n, n), affine, Crs::epsg(code).unwrap()).unwrap()
    }

    fn assert_near(got: f64, want: f64, tolerance: f64) {
        assert!((got / want - 1.0).abs() < tolerance, "{got} is not {want}");
    }

    // The numbers are pyproj 3.7.2's `Geod(ellps="WGS84").polygon_area_perimeter` over outlines with thousands of points.

    #[test]
    fn geographic_cells_have_their_area() {
        assert_near(CellAreas::new(&grid(4326, 12.0, 42.25, 0.25, 1)).unwrap().area(0, 0), 574_041_705.830_4, 1e-9);
        assert_near(CellAreas::new(&grid(4326, 0.0, 0.125, 0.25, 1)).unwrap().area(0, 0), 769_316_411.018_2, 1e-9);
        // A row centred on the pole is half as high.
        let polar = CellAreas::new(&grid(4326, 0.0, 90.125, 0.25, 2)).unwrap();
        assert_near(polar.area(0, 0), 425_271.958_27, 1e-7);
        assert!(polar.area(2, 0).is_nan());
    }

    #[test]
    fn projected_pixels_have_their_area() {
        assert_near(
            CellAreas::new(&grid(32633, 600_000.0, 4_700_010.0, 10.0, 1)).unwrap().area(0, 0),
            100.055_413,
            1e-7,
        );
        assert_near(
            CellAreas::new(&grid(32633, 600_000.0, 4_700_000.0, 100.0, 1000)).unwrap().total(),
            10_002_258_286.3,
            1e-6,
        );
        assert_near(
            CellAreas::new(&grid(3857, 1_361_000.0, 5_177_000.0, 1000.0, 1)).unwrap().area(0, 0),
            550_087.688_6,
            1e-7,
        );
        assert_near(
            CellAreas::new(&grid(3031, 500_000.0, 525_000.0, 25_000.0, 1)).unwrap().area(0, 0),
            656_026_583.3,
            1e-5,
        );
        assert_near(
            CellAreas::new(&grid(3031, -12_500.0, 12_500.0, 25_000.0, 1)).unwrap().area(0, 0),
            660_480_466.3,
            1e-4,
        );
        assert_near(CellAreas::new(&grid(6933, 0.0, 4e6, 1000.0, 100)).unwrap().area(50, 50), 1e6, 1e-6);
    }

    #[test]
    fn interpolated_areas_are_within_two_millionths() {
        for grid in [grid(3995, -3e6, 3e6, 25_000.0, 240), grid(3857, 1e6, 8e6, 1000.0, 700)] {
            let areas = CellAreas::new(&grid).unwrap();
            let exact = Exact {
                affine: grid.affine,
                to_lonlat: Transform::new(&grid.crs, &Crs::lonlat().unwrap()).unwrap(),
                pieces: 8,
            };
            for (row, col) in [(0, 0), (13, 77), (119, 120), (200, 31), (239, 239), (101, 99)] {
                assert_near(areas.area(row, col), exact.area(row, col), 2e-6);
            }
        }
    }

    #[test]
    fn earth_has_its_area_and_the_rest_is_no_number() {
        let crs = Crs::parse("+proj=sinu +datum=WGS84 +units=m").unwrap();
        let affine = Affine::new(2e5, 0.0, -2.1e7, 0.0, -2e5, 1.02e7);
        let areas = CellAreas::new(&GeoBox::new(Shape::new(102, 210), affine, crs).unwrap()).unwrap();
        assert!(areas.area(0, 0).is_nan());
        // Pixels that hang over the map's edge are not counted.
        assert!((0.95..0.995).contains(&(areas.total() / 5.100_656_217e14)), "{}", areas.total());
        assert_eq!(areas.rows().count(), 102);
    }

    #[test]
    fn polygon_with_short_edges_has_its_geodesic_area() {
        let ring = (0..60).map(|i| {
            let t = f64::from(i) * std::f64::consts::TAU / 60.0;
            (12.23 + 0.05 * t.cos() * (1.0 + 0.1 * (3.0 * t).sin()), 42.12 + 0.04 * t.sin())
        });
        let lake = Polygon::new(ring.collect(), vec![]);
        assert_near(lake.geodesic_area_unsigned(), 57_607_179.728_5, 1e-12);
        let area = Footprint::from_polygon(lake, Crs::lonlat().unwrap()).unwrap().area().unwrap();
        assert_near(area, 57_607_179.728_5, 1e-6);
        let square = BoundingBox::new(600_000.0, 4_600_000.0, 700_000.0, 4_700_000.0);
        let square = Footprint::from_bbox(square, Crs::epsg(32633).unwrap()).unwrap();
        assert_near(square.area().unwrap(), 10_002_258_286.3, 1e-5);
    }
}
