//! The lake: its outline, its true area, and how it shrinks.

use std::f64::consts::TAU;

use geo_types::{LineString, Polygon};
use georust::algorithm::GeodesicArea;

/// Longitude and latitude of the centre that the outline is drawn and scaled about.
pub(crate) const CENTRE: (f64, f64) = (12.23, 42.12);

/// Geodesic area of the full lake in km².
pub(crate) const FULL_AREA_KM2: f64 = 57.0;

/// Metres in one degree of longitude and of latitude at the centre (WGS 84); fixed numbers, because drawing and
/// texture need a plane and not a survey.
const METRES_PER_DEGREE: (f64, f64) = (82_689.0, 111_069.0);

/// The outline, drawn by hand after the look of Lake Bracciano: (east, north) of the centre in kilometres,
/// counter-clockwise from the east. Trevignano's bay is in the north-east, the town's cape west of it, the straight
/// Bracciano shore in the west, Vigna di Valle in the south, Anguillara's cape in the south-east. A drawing, not a
/// survey.
const DRAWN: [(f64, f64); 63] = [
    (4.75, 0.35),
    (4.70, 0.90),
    (4.52, 1.42),
    (4.30, 1.85),
    (4.15, 2.25),
    (3.92, 2.62),
    (3.55, 2.95),
    (3.20, 3.12),
    (2.88, 3.42),
    (2.45, 3.66),
    (2.02, 3.72),
    (1.72, 3.60),
    (1.45, 3.30),
    (1.18, 3.32),
    (0.86, 3.70),
    (0.45, 3.92),
    (-0.02, 4.05),
    (-0.50, 4.06),
    (-0.98, 3.98),
    (-1.42, 3.85),
    (-1.88, 3.62),
    (-2.30, 3.42),
    (-2.72, 3.12),
    (-3.12, 2.86),
    (-3.48, 2.48),
    (-3.78, 2.14),
    (-4.02, 1.72),
    (-4.28, 1.32),
    (-4.42, 0.86),
    (-4.55, 0.40),
    (-4.60, -0.08),
    (-4.52, -0.55),
    (-4.46, -1.02),
    (-4.28, -1.46),
    (-4.02, -1.84),
    (-3.82, -2.26),
    (-3.50, -2.62),
    (-3.12, -2.92),
    (-2.78, -3.26),
    (-2.36, -3.54),
    (-1.92, -3.78),
    (-1.46, -3.92),
    (-1.02, -4.12),
    (-0.55, -4.22),
    (-0.08, -4.10),
    (0.38, -4.20),
    (0.86, -4.14),
    (1.32, -4.02),
    (1.78, -3.92),
    (2.20, -3.70),
    (2.50, -3.40),
    (2.58, -2.98),
    (2.52, -2.58),
    (2.68, -2.34),
    (2.98, -2.36),
    (3.32, -2.52),
    (3.62, -2.40),
    (3.88, -2.08),
    (4.12, -1.72),
    (4.35, -1.32),
    (4.52, -0.88),
    (4.66, -0.44),
    (4.74, -0.05),
];

/// A lake outline in longitude and latitude.
#[derive(Debug, Clone)]
pub(crate) struct Lake {
    /// The vertices, counter-clockwise, the first not repeated.
    vertices: Vec<(f64, f64)>,
}

/// Longitude and latitude → metres east and north of the centre on the drawing plane.
#[must_use]
pub(crate) fn to_plane(lon: f64, lat: f64) -> (f64, f64) {
    ((lon - CENTRE.0) * METRES_PER_DEGREE.0, (lat - CENTRE.1) * METRES_PER_DEGREE.1)
}

/// Metres east and north of the centre → longitude and latitude, the reverse of [`to_plane`].
#[must_use]
pub(crate) fn from_plane(east: f64, north: f64) -> (f64, f64) {
    (CENTRE.0 + east / METRES_PER_DEGREE.0, CENTRE.1 + north / METRES_PER_DEGREE.1)
}

impl Lake {
    /// The full lake: the drawn outline, scaled so that its geodesic area is [`FULL_AREA_KM2`]. The vertices are
    /// rounded to 1e-9 degrees, as `lake.geojson` holds them.
    #[must_use]
    pub(crate) fn full() -> Self {
        let drawn = Self { vertices: DRAWN.iter().map(|&(e, n)| from_plane(e * 1000.0, n * 1000.0)).collect() };
        // The area goes with the square of the scale but for the Earth's curvature: a few steps settle it.
        let mut scale = 1.0;
        for _ in 0..8 {
            scale *= (FULL_AREA_KM2 / drawn.scaled(scale).area_km2()).sqrt();
        }
        let mut lake = drawn.scaled(scale);
        for (lon, lat) in &mut lake.vertices {
            *lon = (*lon * 1e9).round() / 1e9;
            *lat = (*lat * 1e9).round() / 1e9;
        }
        lake
    }

    /// This outline with every vertex moved to `factor` times its distance from the centre (in degrees of longitude
    /// and latitude).
    #[must_use]
    pub(crate) fn scaled(&self, factor: f64) -> Self {
        let vertices = self
            .vertices
            .iter()
            .map(|&(lon, lat)| (CENTRE.0 + (lon - CENTRE.0) * factor, CENTRE.1 + (lat - CENTRE.1) * factor))
            .collect();
        Self { vertices }
    }

    /// The vertices as (lon, lat), the first not repeated.
    #[must_use]
    pub(crate) fn vertices(&self) -> &[(f64, f64)] {
        &self.vertices
    }

    /// The area on the WGS 84 ellipsoid between geodesics, in km² (Karney 2013, as `GeographicLib` computes it).
    #[must_use]
    pub(crate) fn area_km2(&self) -> f64 {
        let ring = LineString::from(self.vertices.clone());
        Polygon::new(ring, vec![]).geodesic_area_unsigned() / 1e6
    }

    /// The outline as GeoJSON text.
    #[must_use]
    pub(crate) fn geojson(&self) -> String {
        let mut ring: Vec<String> = self.vertices.iter().map(|(lon, lat)| format!("        [{lon}, {lat}]")).collect();
        ring.extend(ring.first().cloned());
        format!(
            "{{\n  \"type\": \"Feature\",\n  \"properties\": {{\"name\": \"sample lake\", \"area_km2\": {FULL_AREA_KM2:.1}}},\n  \
             \"geometry\": {{\n    \"type\": \"Polygon\",\n    \"coordinates\": [\n      [\n{}\n      ]\n    ]\n  }}\n}}\n",
            ring.join(",\n")
        )
    }
}

/// How far a point of the drawing plane is from the full lake's shore, cheaply: the outline is seen from the centre
/// as a radius for every direction.
#[derive(Debug)]
pub(crate) struct Shore {
    radii: Vec<f64>,
}

impl Shore {
    /// Directions that the radius is tabled for.
    const DIRECTIONS: usize = 1440;

    /// The shore of `lake`, whose outline every ray from the centre must cross once.
    #[must_use]
    pub(crate) fn new(lake: &Lake) -> Self {
        let points: Vec<(f64, f64)> = lake.vertices.iter().map(|&(lon, lat)| to_plane(lon, lat)).collect();
        let radius = |direction: usize| {
            let (sin, cos) = (direction as f64 / Self::DIRECTIONS as f64 * TAU).sin_cos();
            let next = points.iter().cycle().skip(1);
            points
                .iter()
                .zip(next)
                .filter_map(|(&(x0, y0), &(x1, y1))| {
                    // The ray t·(cos, sin) meets p0 + s·(p1 − p0).
                    let (dx, dy) = (x1 - x0, y1 - y0);
                    let det = cos * dy - sin * dx;
                    let (t, s) = ((x0 * dy - y0 * dx) / det, (x0 * sin - y0 * cos) / det);
                    (t > 0.0 && (-1e-9..=1.0 + 1e-9).contains(&s)).then_some(t)
                })
                .fold(0.0, f64::max)
        };
        Self { radii: (0..Self::DIRECTIONS).map(radius).collect() }
    }

    /// Metres from the shore along the ray from the centre: negative within the full lake.
    #[must_use]
    pub(crate) fn distance(&self, east: f64, north: f64) -> f64 {
        let turn = north.atan2(east).rem_euclid(TAU) / TAU * Self::DIRECTIONS as f64;
        let first = turn.floor();
        let index = first as usize % Self::DIRECTIONS;
        let share = turn - first;
        let radius = self.radii[index] * (1.0 - share) + self.radii[(index + 1) % Self::DIRECTIONS] * share;
        east.hypot(north) - radius
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_lake_covers_57_square_kilometres() {
        assert!((Lake::full().area_km2() - 57.0).abs() < 1e-6);
    }

    #[test]
    fn the_area_falls_with_nearly_the_square_of_the_factor() {
        let area = Lake::full().scaled(0.98).area_km2();
        assert!((area / 57.0 - 0.98 * 0.98).abs() < 1e-4, "{area}");
    }

    #[test]
    fn the_plane_and_its_reverse_agree() {
        let (lon, lat) = from_plane(1234.0, -987.0);
        let (east, north) = to_plane(lon, lat);
        assert!((east - 1234.0).abs() < 1e-6 && (north + 987.0).abs() < 1e-6);
    }

    #[test]
    fn every_ray_crosses_the_outline_once() {
        let lake = Lake::full();
        let turns: Vec<f64> = lake
            .vertices()
            .iter()
            .map(|&(lon, lat)| {
                let (e, n) = to_plane(lon, lat);
                n.atan2(e).rem_euclid(TAU)
            })
            .collect();
        let falls = turns.windows(2).filter(|w| w[1] < w[0]).count();
        assert!(falls <= 1, "the outline turns back {falls} times");
    }

    #[test]
    fn the_shore_is_at_distance_zero_and_the_centre_deep_inside() {
        let lake = Lake::full();
        let shore = Shore::new(&lake);
        for &(lon, lat) in lake.vertices() {
            let (e, n) = to_plane(lon, lat);
            assert!(shore.distance(e, n).abs() < 25.0);
        }
        assert!(shore.distance(10.0, 10.0) < -3000.0);
    }
}
