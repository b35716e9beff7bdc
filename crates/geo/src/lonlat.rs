//! Longitudes go round: footprints and boxes at the antimeridian and at the poles.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use georust::{BooleanOps, BoundingRect, Intersects, MapCoords};
use serde::{Deserialize, Serialize};

use crate::footprint::{FootprintError, box_polygon};
use crate::trace::{Space, trace, unwrap};
use crate::{BoundingBox, Transform};

/// Rounding that a coordinate in degrees may carry (0.1 mm).
const HAIR: f64 = 1e-9;
/// Clipping works on a grid of about 1e-7 of a degree: points this close to a seam are put on it.
const SEAM_TOLERANCE: f64 = 1e-6;

/// A range of longitudes and latitudes in degrees. `west` lies in −180..180, and `west <= east`: where the range
/// crosses the antimeridian, `east` is greater than 180.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LonLatExtent {
    /// Westernmost longitude.
    pub west: f64,
    /// Southernmost latitude.
    pub south: f64,
    /// Easternmost longitude, perhaps past 180.
    pub east: f64,
    /// Northernmost latitude.
    pub north: f64,
}

impl LonLatExtent {
    /// The range around polygons in −180..180, `None` without any. Where they reach both +180 and −180, they are taken
    /// to cross the antimeridian, and the widest gap between them is left out.
    pub(crate) fn around(polygons: &MultiPolygon<f64>) -> Option<Self> {
        let all = polygons.bounding_rect()?;
        let (south, north) = (all.min().y, all.max().y);
        let simple = Self { west: all.min().x, south, east: all.max().x, north };
        if simple.west > -180.0 + HAIR || simple.east < 180.0 - HAIR {
            return Some(simple);
        }
        let mut spans: Vec<(f64, f64)> =
            polygons.0.iter().filter_map(BoundingRect::bounding_rect).map(|r| (r.min().x, r.max().x)).collect();
        spans.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut reach = f64::NEG_INFINITY;
        let mut widest = (0.0, 0.0);
        for (from, to) in spans {
            if reach.is_finite() && from - reach > widest.1 - widest.0 {
                widest = (reach, from);
            }
            reach = reach.max(to);
        }
        let (gap_from, gap_to) = widest;
        if gap_to - gap_from < HAIR {
            return Some(simple);
        }
        Some(Self { west: gap_to, south, east: gap_from + 360.0, north })
    }

    /// The longitude in the middle, in (−180, 180].
    #[must_use]
    pub fn middle_lon(self) -> f64 {
        let middle = f64::midpoint(self.west, self.east);
        if middle > 180.0 {
            middle - 360.0
        } else if middle <= -180.0 {
            middle + 360.0
        } else {
            middle
        }
    }

    /// The range as one box, or as two where it crosses the antimeridian; longitudes in −180..180.
    #[must_use]
    pub fn boxes(self) -> Vec<BoundingBox> {
        let Self { west, south, east, north } = self;
        if east - west >= 360.0 {
            vec![BoundingBox::new(-180.0, south, 180.0, north)]
        } else if east > 180.0 {
            vec![BoundingBox::new(west, south, 180.0, north), BoundingBox::new(-180.0, south, east - 360.0, north)]
        } else {
            vec![BoundingBox::new(west, south, east, north)]
        }
    }
}

impl BoundingBox {
    /// A query box in longitude and latitude as boxes in −180..180: two where it crosses the antimeridian, either because
    /// its west (`left`) is greater than its east (`right`) or because it runs past ±180.
    ///
    /// # Errors
    /// Where a longitude is outside −360..360 or a latitude outside −90..90, or the south lies above the north.
    pub fn lonlat_parts(self) -> Result<Vec<Self>, FootprintError> {
        check(self.left, self.bottom)?;
        check(self.right, self.top)?;
        if self.bottom > self.top {
            return Err(FootprintError::Reversed { bbox: self });
        }
        let width = if self.left <= self.right { self.right - self.left } else { self.right + 360.0 - self.left };
        if !(0.0..360.0).contains(&width) {
            return Ok(vec![Self { left: -180.0, right: 180.0, ..self }]);
        }
        let mut west = self.left;
        if west < -180.0 {
            west += 360.0;
        } else if west > 180.0 || (west >= 180.0 && width > 0.0) {
            west -= 360.0;
        }
        Ok(LonLatExtent { west, south: self.bottom, east: west + width, north: self.top }.boxes())
    }
}

/// Longitude in −360..360 and latitude in −90..90, or an error that says so.
pub(crate) fn check(lon: f64, lat: f64) -> Result<(), FootprintError> {
    if lon.abs() <= 360.0 + HAIR && lat.abs() <= 90.0 + HAIR {
        Ok(())
    } else {
        Err(FootprintError::OffEarth { lon, lat })
    }
}

/// Polygons in longitude and latitude, in −180..180. `transform` leads to a geographic CRS.
pub(crate) fn to_lonlat(polygons: &MultiPolygon<f64>, transform: &Transform) -> MultiPolygon<f64> {
    if transform.from().is_geographic() {
        let moved = if transform.is_identity() { polygons.clone() } else { shift_datum(polygons, transform) };
        return split(&moved, -180.0);
    }
    MultiPolygon::new(polygons.0.iter().flat_map(|p| polygon_to_lonlat(p, transform).0).collect())
}

/// From one geographic CRS to another: each vertex stays on its own turn of the Earth.
fn shift_datum(polygons: &MultiPolygon<f64>, transform: &Transform) -> MultiPolygon<f64> {
    polygons.map_coords(|c| match transform.point(c.x, c.y) {
        Some((x, y)) => Coord { x: unwrap(x, c.x), y },
        None => c,
    })
}

/// Where the poles lie in the source CRS.
struct Poles {
    north: Option<(f64, f64)>,
    south: Option<(f64, f64)>,
}

impl Poles {
    fn of(transform: &Transform) -> Self {
        let back = Transform::new(transform.to(), transform.from()).ok();
        let at = |lat: f64| {
            let (x, y) = back.as_ref()?.point(0.0, lat)?;
            // A pole that does not come back is a projection's guess.
            let (_, again) = transform.point(x, y)?;
            ((again - lat).abs() < 1e-6).then_some((x, y))
        };
        Self { north: at(90.0), south: at(-90.0) }
    }
}

fn polygon_to_lonlat(polygon: &Polygon<f64>, transform: &Transform) -> MultiPolygon<f64> {
    let Some(exterior) = ring_to_lonlat(polygon.exterior(), transform) else {
        return box_of_inside(polygon, transform);
    };
    let holes: Vec<LineString> =
        polygon.interiors().iter().filter_map(|ring| ring_to_lonlat(ring, transform)).collect();
    normalise(exterior, &holes)
}

/// The ring with its longitudes unwrapped, and closed by way of the pole where it goes round one. `None` where part of
/// it has no image.
fn ring_to_lonlat(ring: &LineString, transform: &Transform) -> Option<LineString> {
    let traced = trace(ring, transform, Space::LonLat);
    if traced.broken || traced.points.len() < 3 {
        return None;
    }
    let n = traced.points.len();
    let is_pole = |c: Coord| c.y.abs() > 90.0 - HAIR;
    let mut out: Vec<Coord> = Vec::with_capacity(n + 4);
    // The longitude of a pole says nothing: the ring comes in on one meridian and leaves on another.
    let start = traced.points.iter().position(|c| !is_pole(*c))?;
    let mut lon = traced.points[start].x;
    out.push(traced.points[start]);
    let mut at_pole = None;
    for i in 1..=n {
        let c = traced.points[(start + i) % n];
        if is_pole(c) {
            at_pole = Some(c.y);
            continue;
        }
        let next = unwrap(c.x, lon);
        if let Some(y) = at_pole.take() {
            out.push(Coord { x: lon, y });
            out.push(Coord { x: next, y });
        }
        out.push(Coord { x: next, y: c.y });
        lon = next;
    }
    let first = out[0];
    if (lon - first.x).abs() > 180.0 {
        let poles = Poles::of(transform);
        let source = Polygon::new(ring.clone(), vec![]);
        let holds = |pole: Option<(f64, f64)>| pole.is_some_and(|(x, y)| source.intersects(&Coord { x, y }));
        let mean = out.iter().map(|c| c.y).sum::<f64>();
        let north = match (holds(poles.north), holds(poles.south)) {
            (true, false) => true,
            (false, true) => false,
            _ => mean >= 0.0,
        };
        let y = if north { 90.0 } else { -90.0 };
        out.push(Coord { x: lon, y });
        out.push(Coord { x: first.x, y });
    }
    Some(LineString::new(out))
}

/// Outer ring and holes, each on whatever turn it was traced, as polygons in −180..180.
fn normalise(exterior: LineString, holes: &[LineString]) -> MultiPolygon<f64> {
    let near = |ring: &LineString, lon: f64| {
        let turn = ring.0.first().map_or(0.0, |c| unwrap(c.x, lon) - c.x);
        ring.map_coords(|c| Coord { x: c.x + turn, y: c.y })
    };
    let middle = exterior.bounding_rect().map_or(0.0, |r| f64::midpoint(r.min().x, r.max().x));
    let simple = holes.iter().all(|h| span(h) < 180.0) && span(&exterior) < 180.0;
    if simple {
        let holes = holes.iter().map(|h| near(h, middle)).collect();
        return split(&MultiPolygon::new(vec![Polygon::new(exterior, holes)]), -180.0);
    }
    // A ring so wide (most go round a pole) has no one turn that its holes belong to: take them out of the pieces.
    let pieces = split(&MultiPolygon::new(vec![Polygon::new(exterior, vec![])]), -180.0);
    holes.iter().fold(pieces, |pieces, hole| {
        let hole = split(&MultiPolygon::new(vec![Polygon::new(hole.clone(), vec![])]), -180.0);
        snap(&pieces.difference(&hole), &[-180.0, 180.0])
    })
}

fn span(ring: &LineString) -> f64 {
    ring.bounding_rect().map_or(0.0, georust::Rect::width)
}

/// The polygons cut at `seam` (a longitude) and moved by whole turns into `seam..seam + 360`.
pub(crate) fn split(polygons: &MultiPolygon<f64>, seam: f64) -> MultiPolygon<f64> {
    let mut out = Vec::with_capacity(polygons.0.len());
    for polygon in &polygons.0 {
        let Some(rect) = polygon.bounding_rect() else { continue };
        let first = ((rect.min().x - seam + HAIR) / 360.0).floor();
        let last = ((rect.max().x - seam - HAIR) / 360.0).floor().max(first);
        let mut turn = first;
        while turn <= last {
            let by = -turn * 360.0;
            let moved = polygon.map_coords(|c| Coord { x: c.x + by, y: c.y });
            if last > first {
                let window = box_polygon(BoundingBox::new(seam, -91.0, seam + 360.0, 91.0));
                out.extend(snap(&moved.intersection(&window), &[seam, seam + 360.0]));
            } else {
                out.push(moved.map_coords(|c| Coord { x: c.x, y: c.y.clamp(-90.0, 90.0) }));
            }
            turn += 1.0;
        }
    }
    MultiPolygon::new(out)
}

/// Puts what clipping and rounding moved by a hair back on the seams and the poles.
fn snap(polygons: &MultiPolygon<f64>, seams: &[f64]) -> MultiPolygon<f64> {
    polygons.map_coords(|c| {
        let x = seams.iter().copied().find(|s| (c.x - s).abs() < SEAM_TOLERANCE).unwrap_or(c.x);
        let y = if c.y.abs() < 90.0 - SEAM_TOLERANCE { c.y } else { 90.0_f64.copysign(c.y) };
        Coord { x, y }
    })
}

/// A polygon that leaves the projection's domain: the box around the images of a lattice of points inside it, a lattice
/// step wider. Too large rather than too small, so that a search misses nothing.
fn box_of_inside(polygon: &Polygon<f64>, transform: &Transform) -> MultiPolygon<f64> {
    const STEPS: u32 = 64;
    let none = MultiPolygon::new(vec![]);
    let Some(rect) = polygon.bounding_rect() else { return none };
    let at = |i: u32, low: f64, size: f64| low + size * f64::from(i) / f64::from(STEPS);
    let lattice = (0..=STEPS).flat_map(|j| (0..=STEPS).map(move |i| (i, j)));
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) =
        lattice.map(|(i, j)| (at(i, rect.min().x, rect.width()), at(j, rect.min().y, rect.height()))).unzip();
    transform.apply(&mut xs, &mut ys);
    let mut lons: Vec<f64> = xs.iter().copied().filter(|x| x.is_finite()).collect();
    let Some(around) = BoundingBox::around(xs.iter().copied().zip(ys.iter().copied())) else { return none };
    lons.sort_by(f64::total_cmp);
    let wrap = lons.first().zip(lons.last()).map_or(0.0, |(first, last)| first + 360.0 - last);
    let (mut west, mut east, mut gap) = (around.left, around.right, wrap);
    for pair in lons.windows(2) {
        if pair[1] - pair[0] > gap {
            gap = pair[1] - pair[0];
            (west, east) = (pair[1], pair[0] + 360.0);
        }
    }
    let margin = |size: f64| size / f64::from(STEPS) * 2.0;
    let (dx, dy) = (margin(east - west), margin(around.height()));
    let (west, east) = if gap < 2.0 * dx { (-180.0, 180.0) } else { (west - dx, east + dx) };
    let bbox = BoundingBox::new(west, (around.bottom - dy).max(-90.0), east, (around.top + dy).min(90.0));
    split(&MultiPolygon::new(vec![box_polygon(bbox)]), -180.0)
}

/// The longitude where the map of a world projection begins, from which it runs 360° eastwards; −180 where it has no
/// seam. `transform` leads from longitude and latitude to the projected CRS.
pub(crate) fn seam(transform: &Transform) -> f64 {
    const LAT: f64 = 5.0;
    let xs: Vec<f64> = (-180..=180).map(|lon| transform.point(f64::from(lon), LAT).map_or(f64::NAN, |p| p.0)).collect();
    let (low, high) =
        xs.iter().filter(|x| x.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    let half = (high - low) / 2.0;
    let Some(at) = xs.windows(2).position(|w| (w[1] - w[0]).abs() > half) else { return -180.0 };
    let (mut a, mut b) = (-180.0 + crate::geobox::index(at), -179.0 + crate::geobox::index(at));
    for _ in 0..50 {
        let middle = f64::midpoint(a, b);
        let x = transform.point(middle, LAT).map_or(f64::NAN, |p| p.0);
        if (x - xs[at]).abs() > half { b = middle } else { a = middle }
    }
    // Central meridians are round numbers: so are seams.
    let exact = f64::midpoint(a, b);
    let round = (exact * 1e6).round() / 1e6;
    if round >= 180.0 { round - 360.0 } else { round }
}

/// Each edge that is longer than half a turn goes the shorter way.
pub(crate) fn unwrap_polygon(polygon: &Polygon<f64>) -> Polygon<f64> {
    let crosses = |line: &LineString| line.lines().any(|l| l.dx().abs() > 180.0 && l.dx().abs() < 360.0 - HAIR);
    if !crosses(polygon.exterior()) {
        return polygon.clone();
    }
    let start = polygon.exterior().0.first().map_or(0.0, |c| c.x);
    let ring = |line: &LineString| {
        let mut lon = start;
        line.0
            .iter()
            .map(|c| {
                lon = unwrap(c.x, lon);
                Coord { x: lon, y: c.y }
            })
            .collect::<LineString>()
    };
    Polygon::new(ring(polygon.exterior()), polygon.interiors().iter().map(ring).collect())
}
