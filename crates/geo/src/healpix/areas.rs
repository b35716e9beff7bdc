//! Which part of an area each cell covers.
//!
//! On a plane whose axes run along the cells' edges every cell is a unit square and areas are true: the share of a cell in an
//! area is that of a square in a polygon. Between the caps the whole globe lies on that plane in one piece, in each cap a quarter
//! of it; so a polygon is first cut along four meridians and the two parallels where the caps begin. Of its sides those along
//! meridians and parallels are straight lines there, others become straight between the points that are given.

use std::f64::consts::FRAC_PI_2;

use super::Healpix;
use super::cells::CAP;

/// A point of a polygon: (longitude, sine of the latitude), or a point of the plane.
type Point = (f64, f64);

/// Shares of cells in areas. It keeps its buffers from one area to the next.
#[derive(Debug, Clone)]
pub struct CellOverlap {
    cells: Healpix,
    outline: Vec<Point>,
    part: Vec<Point>,
    piece: Vec<Point>,
    line: Vec<Point>,
    square: Vec<Point>,
}

/// A latitude this close to a pole (degrees) has no longitude of its own.
const POLE: f64 = 1e-9;
/// Shares below this part of an area are rounding.
const LEAST: f64 = 1e-12;

impl CellOverlap {
    /// For a grid.
    #[must_use]
    pub const fn new(cells: Healpix) -> Self {
        Self { cells, outline: Vec::new(), part: Vec::new(), piece: Vec::new(), line: Vec::new(), square: Vec::new() }
    }

    /// Cells under the polygon with these corners (degrees of longitude and latitude; it closes itself, may cross the
    /// antimeridian and hold a pole), with the area that each shares with it, in cells. They are put into `shares`, what was
    /// there before is gone; a cell may come more than once. Nothing comes where a corner is NaN.
    ///
    /// Between two corners the side is straight in longitude and sine of latitude; give points along it where it is not.
    pub fn shares(&mut self, corners: &[(f64, f64)], shares: &mut Vec<(u32, f64)>) {
        shares.clear();
        if corners.len() < 3 || corners.iter().any(|(lon, lat)| !lon.is_finite() || lat.is_nan() || lat.abs() > 90.5) {
            return;
        }
        self.unwrap(corners);
        let (west, east) = span(&self.outline, |p| p.0);
        let (south, north) = span(&self.outline, |p| p.1);
        let (first, last) = ((west / 90.0).floor(), (east / 90.0).ceil());
        let zones = [(f64::NEG_INFINITY, -CAP), (-CAP, CAP), (CAP, f64::INFINITY)];
        let mut quarter = first;
        while quarter < last.max(first + 1.0) {
            self.part.clear();
            self.part.extend_from_slice(&self.outline);
            cut(&mut self.part, &mut self.piece, |p| p.0 - quarter * 90.0);
            cut(&mut self.part, &mut self.piece, |p| (quarter + 1.0) * 90.0 - p.0);
            for (low, high) in zones.into_iter().filter(|(low, high)| south < *high && north > *low) {
                self.zone(quarter, (low, high), shares);
            }
            quarter += 1.0;
        }
        // Clockwise outlines have negative areas.
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        if sum < 0.0 {
            for (_, share) in shares.iter_mut() {
                *share = -*share;
            }
        }
        let noise = LEAST * sum.abs();
        shares.retain(|(_, share)| share.abs() > noise);
    }

    /// The outline with longitudes that do not jump, and sines of latitude; over a pole it goes along the pole.
    fn unwrap(&mut self, corners: &[(f64, f64)]) {
        self.outline.clear();
        let at_pole = |lat: f64| lat.abs() >= 90.0 - POLE;
        let sine = |lat: f64| lat.clamp(-90.0, 90.0).to_radians().sin();
        let Some(start) = corners.iter().position(|(_, lat)| !at_pole(*lat)) else { return };
        let first = corners[start].0;
        let mut lon = first;
        // A corner at the pole lies on the meridians of both its neighbours.
        let mut pole: Option<f64> = None;
        let around = corners.iter().cycle().skip(start + 1).take(corners.len());
        self.outline.push((first, sine(corners[start].1)));
        for &(next, lat) in around {
            if at_pole(lat) {
                // Along the edge of a grid that ends at the pole the longitude goes on.
                if pole.is_none() {
                    self.outline.push((lon, lat.signum()));
                }
                pole = Some(lat.signum());
                continue;
            }
            let mut step = (next - lon).rem_euclid(360.0);
            if step > 180.0 {
                step -= 360.0;
            }
            lon += step;
            if let Some(z) = pole.take() {
                self.outline.push((lon, z));
            }
            self.outline.push((lon, sine(lat)));
        }
        // The last point is the first one again, unless the way led around a pole.
        let turned = lon - first;
        if turned.abs() < 180.0 {
            self.outline.pop();
        } else {
            let mean: f64 = self.outline.iter().map(|p| p.1).sum();
            let z = mean.signum();
            self.outline.push((lon, z));
            self.outline.push((first, z));
        }
    }

    /// What lies between two sines of latitude of the part in a quarter.
    fn zone(&mut self, quarter: f64, (low, high): (f64, f64), shares: &mut Vec<(u32, f64)>) {
        self.line.clear();
        self.line.extend_from_slice(&self.part);
        if low.is_finite() {
            cut(&mut self.line, &mut self.piece, |p| p.1 - low);
        }
        if high.is_finite() {
            cut(&mut self.line, &mut self.piece, |p| high - p.1);
        }
        if self.line.len() < 3 {
            return;
        }
        let n = f64::from(self.cells.nside);
        let q = quarter.rem_euclid(4.0);
        for point in &mut self.line {
            let tp = (point.0 / 90.0 - quarter).clamp(0.0, 1.0);
            let z = point.1;
            *point = if low.is_finite() && high.is_finite() {
                (n * (0.5 + q + tp) - 0.75 * n * z, n * (0.5 + q + tp) + 0.75 * n * z)
            } else {
                let rings = n * (3.0 * (1.0 - z.abs())).max(0.0).sqrt();
                let (near, far) = (n * q + tp * rings, n * (2.0 + q) - (1.0 - tp) * rings);
                if z > 0.0 { (near, far) } else { (far, near) }
            };
        }
        self.squares(shares);
    }

    /// The unit squares that share something with the polygon in `line`.
    fn squares(&mut self, shares: &mut Vec<(u32, f64)>) {
        let Self { cells, part: _, piece, line, square, outline: _ } = self;
        let whole = std::mem::take(line);
        let (low, high) = span(&whole, |p| p.1);
        let mut row = low.floor();
        let mut strip = Vec::new();
        while row < high {
            strip.clear();
            strip.extend_from_slice(&whole);
            if low < row {
                cut(&mut strip, piece, |p| p.1 - row);
            }
            if high > row + 1.0 {
                cut(&mut strip, piece, |p| row + 1.0 - p.1);
            }
            let (left, right) = span(&strip, |p| p.0);
            let mut col = left.floor();
            while col < right {
                square.clear();
                square.extend_from_slice(&strip);
                if left < col {
                    cut(square, piece, |p| p.0 - col);
                }
                if right > col + 1.0 {
                    cut(square, piece, |p| col + 1.0 - p.0);
                }
                let area = area(square);
                if area != 0.0 {
                    shares.push((cells.number(cells.on_lines(index(col), index(row))), area));
                }
                col += 1.0;
            }
            row += 1.0;
        }
        *line = whole;
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 or more, below 6 · 8192")]
fn index(line: f64) -> u32 {
    line.max(0.0) as u32
}

/// The smallest and the largest of a coordinate.
fn span(points: &[Point], of: impl Fn(&Point) -> f64) -> (f64, f64) {
    points.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

/// Keeps the part of a polygon where `inside` is not negative (Sutherland and Hodgman 1974).
fn cut(polygon: &mut Vec<Point>, kept: &mut Vec<Point>, inside: impl Fn(&Point) -> f64) {
    kept.clear();
    let Some(mut before) = polygon.last().copied() else { return };
    let mut before_in = inside(&before);
    for &point in polygon.iter() {
        let point_in = inside(&point);
        if (before_in >= 0.0) != (point_in >= 0.0) {
            let t = before_in / (before_in - point_in);
            kept.push((before.0 + t * (point.0 - before.0), before.1 + t * (point.1 - before.1)));
        }
        if point_in >= 0.0 {
            kept.push(point);
        }
        (before, before_in) = (point, point_in);
    }
    std::mem::swap(polygon, kept);
}

/// Signed area by the shoelace formula, from the first point so that large coordinates do not cancel.
fn area(polygon: &[Point]) -> f64 {
    let Some(first) = polygon.first() else { return 0.0 };
    let from = |p: &Point| (p.0 - first.0, p.1 - first.1);
    polygon.windows(2).map(|pair| (from(&pair[0]), from(&pair[1]))).map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum::<f64>()
        / 2.0
}

impl Healpix {
    /// Steradians of a cell.
    #[must_use]
    pub fn cell_area(self) -> f64 {
        8.0 * FRAC_PI_2 / f64::from(self.count())
    }
}
