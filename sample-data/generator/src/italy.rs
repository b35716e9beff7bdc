//! A crude map of Italy: where there is land and how high it is. Drawn by hand, good enough for a temperature map
//! on which a person knows the country again.

use crate::lake::CENTRE;
use crate::noise::fractal;

type Point = (f64, f64);

/// Coasts as rings of (lon, lat): the mainland with what lies north and east of it, Sicily, Sardinia, Corsica, Tunisia.
const COASTS: [&[Point]; 5] = [
    &[
        (5.0, 43.3),
        (6.2, 43.1),
        (6.9, 43.4),
        (7.5, 43.8),
        (8.2, 44.0),
        (8.8, 44.4),
        (9.5, 44.2),
        (10.1, 43.9),
        (10.3, 43.4),
        (10.6, 42.9),
        (11.1, 42.4),
        (11.75, 42.1),
        (12.2, 41.75),
        (13.0, 41.25),
        (13.7, 41.2),
        (14.2, 40.8),
        (14.7, 40.6),
        (15.0, 40.2),
        (15.6, 40.0),
        (15.8, 39.6),
        (16.1, 39.0),
        (16.15, 38.7),
        (15.85, 38.4),
        (15.65, 38.0),
        (16.1, 37.95),
        (16.55, 38.4),
        (17.1, 38.95),
        (17.1, 39.4),
        (16.6, 39.7),
        (16.7, 40.3),
        (17.0, 40.5),
        (17.8, 40.3),
        (18.1, 39.9),
        (18.4, 39.8),
        (18.5, 40.2),
        (18.0, 40.65),
        (17.2, 41.0),
        (16.2, 41.4),
        (15.95, 41.65),
        (16.15, 41.9),
        (15.3, 41.92),
        (14.7, 42.15),
        (14.2, 42.5),
        (13.9, 42.9),
        (13.6, 43.5),
        (12.9, 43.95),
        (12.4, 44.25),
        (12.3, 44.8),
        (12.5, 45.0),
        (12.3, 45.3),
        (13.1, 45.65),
        (13.7, 45.75),
        (13.5, 45.45),
        (13.9, 44.85),
        (14.3, 45.3),
        (14.9, 45.0),
        (15.2, 44.2),
        (16.0, 43.5),
        (17.0, 43.1),
        (18.1, 42.6),
        (18.6, 42.2),
        (19.3, 41.8),
        (19.4, 40.5),
        (20.5, 40.0),
        (20.5, 49.0),
        (5.0, 49.0),
    ],
    &[
        (12.45, 37.95),
        (12.75, 38.15),
        (13.35, 38.2),
        (14.0, 38.05),
        (15.6, 38.28),
        (15.25, 37.8),
        (15.1, 37.3),
        (15.3, 37.0),
        (15.1, 36.68),
        (14.4, 36.8),
        (13.9, 37.1),
        (13.0, 37.5),
        (12.45, 37.7),
    ],
    &[
        (8.2, 40.9),
        (8.8, 40.95),
        (9.2, 41.25),
        (9.6, 40.9),
        (9.75, 40.4),
        (9.6, 39.6),
        (9.5, 39.15),
        (9.0, 39.0),
        (8.65, 38.9),
        (8.4, 39.2),
        (8.5, 39.9),
        (8.4, 40.3),
        (8.15, 40.6),
    ],
    &[(8.6, 42.35), (9.0, 42.65), (9.35, 43.0), (9.5, 42.7), (9.55, 42.1), (9.25, 41.4), (8.8, 41.55), (8.6, 41.95)],
    &[(5.0, 36.8), (8.2, 36.95), (9.8, 37.3), (10.3, 37.1), (11.0, 37.05), (10.6, 36.4), (10.5, 35.5), (5.0, 35.5)],
];

/// Mountain chains: crest height in metres, half width in degrees, and the crest as (lon, lat).
const CHAINS: [(f64, f64, &[Point]); 13] = [
    // Alps
    (
        1900.0,
        0.50,
        &[
            (7.0, 44.1),
            (6.9, 44.8),
            (6.9, 45.4),
            (7.6, 45.9),
            (8.6, 46.3),
            (9.8, 46.4),
            (11.0, 46.9),
            (12.5, 47.0),
            (13.8, 46.8),
        ],
    ),
    // and the lower ranges north of them
    (950.0, 1.0, &[(6.4, 45.3), (7.6, 46.4), (9.8, 46.8), (11.5, 47.2), (14.0, 47.2)]),
    // Apennines
    (
        1250.0,
        0.38,
        &[
            (8.3, 44.4),
            (9.6, 44.4),
            (10.6, 44.1),
            (11.8, 43.8),
            (12.7, 43.2),
            (13.4, 42.6),
            (13.9, 42.0),
            (14.6, 41.5),
            (15.3, 40.8),
            (15.9, 40.2),
            (16.2, 39.6),
            (16.4, 39.1),
            (16.0, 38.3),
        ],
    ),
    // Gran Sasso and Maiella
    (1000.0, 0.18, &[(13.5, 42.45), (14.1, 42.1)]),
    // Dinarides
    (1200.0, 0.50, &[(14.2, 45.6), (15.2, 44.9), (16.5, 43.9), (18.0, 43.3), (19.2, 42.6)]),
    // Corsica, Sardinia
    (1400.0, 0.22, &[(9.1, 42.4), (9.1, 41.8)]),
    (750.0, 0.32, &[(9.4, 40.3), (9.2, 39.8)]),
    // Sicily, Etna, the Calabrian Sila
    (950.0, 0.25, &[(13.5, 37.9), (14.8, 37.95)]),
    (1900.0, 0.16, &[(15.0, 37.75), (15.0, 37.76)]),
    (700.0, 0.25, &[(16.5, 39.3), (16.55, 39.0)]),
    // Around the lake: the Tolfa hills, Monte Cimino, the Sabine hills
    (480.0, 0.09, &[(11.93, 42.13), (12.02, 42.18)]),
    (820.0, 0.07, &[(12.17, 42.38), (12.22, 42.42)]),
    (620.0, 0.10, &[(12.68, 42.30), (12.72, 42.05)]),
];

fn within(ring: &[Point], x: f64, y: f64) -> bool {
    let mut inside = false;
    for (i, &(x0, y0)) in ring.iter().enumerate() {
        let (x1, y1) = ring[(i + 1) % ring.len()];
        if (y0 > y) != (y1 > y) && x < x0 + (y - y0) / (y1 - y0) * (x1 - x0) {
            inside = !inside;
        }
    }
    inside
}

/// Share of land, 0 to 1, in the grid cell of `size` degrees around a point: 5 × 5 points are asked.
#[must_use]
pub(crate) fn land_share(lon: f64, lat: f64, size: f64) -> f64 {
    let mut hits = 0_u32;
    for j in -2..=2 {
        for i in -2..=2 {
            let (x, y) = (lon + f64::from(i) * size / 5.0, lat + f64::from(j) * size / 5.0);
            hits += u32::from(COASTS.iter().any(|ring| within(ring, x, y)));
        }
    }
    f64::from(hits) / 25.0
}

/// Distance of a point from a line of (lon, lat) points, in degrees of latitude.
fn distance(line: &[Point], lon: f64, lat: f64) -> f64 {
    let narrow = lat.to_radians().cos();
    line.windows(2)
        .map(|ends| {
            let (ax, ay) = ((ends[0].0 - lon) * narrow, ends[0].1 - lat);
            let (dx, dy) = ((ends[1].0 - ends[0].0) * narrow, ends[1].1 - ends[0].1);
            let t = (-(ax * dx + ay * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
            (ax + t * dx).hypot(ay + t * dy)
        })
        .fold(f64::INFINITY, f64::min)
}

/// Height above the sea in metres where there is land.
#[must_use]
pub(crate) fn height(lon: f64, lat: f64) -> f64 {
    let chains: f64 =
        CHAINS.iter().map(|&(crest, width, line)| crest * (-(distance(line, lon, lat) / width).powi(2)).exp()).sum();
    // The crater rim of the sample lake, and hills everywhere.
    let ring = ((lon - CENTRE.0) * 0.742).hypot(lat - CENTRE.1);
    let rim = 260.0 * (-((ring - 0.07) / 0.035).powi(2)).exp();
    let hills = 170.0 * fractal(lon * 3.0, lat * 4.0, 4, 201);
    // Valleys cut the chains.
    let cut = 0.55 + 0.9 * fractal(lon * 4.0, lat * 5.0, 3, 202);
    chains * cut + rim + hills
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cities_lie_on_land_and_seas_are_seas() {
        for (lon, lat) in [(12.5, 41.9), (9.2, 45.45), (16.0, 40.8), (14.0, 37.5), (9.0, 40.0)] {
            assert!(land_share(lon, lat, 0.05) > 0.99, "{lon} {lat}");
        }
        for (lon, lat) in [(12.0, 40.0), (15.0, 43.2), (18.0, 38.0), (7.5, 42.5)] {
            assert!(land_share(lon, lat, 0.05) < 0.01, "{lon} {lat}");
        }
    }

    #[test]
    fn mountains_stand_where_they_should() {
        assert!(height(10.0, 46.5) > 2000.0);
        assert!(height(13.5, 42.5) > 1200.0);
        assert!(height(10.0, 45.2) < 700.0);
    }
}
