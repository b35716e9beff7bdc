//! Where meridians and parallels cross the frame of a map.

use cube_geo::{Crs, CrsError, GeoBox, Transform};

use super::canvas::{float, single};
use super::ticks::multiples;

/// A labelled place on an edge: 0 at its left or upper end, 1 at the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Degree {
    pub(crate) at: f32,
    pub(crate) label: String,
}

/// Which edge of the map, and with it which coordinate is read there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// Longitudes along the lower edge.
    Lower,
    /// Latitudes along the left edge.
    Left,
}

/// Longitude or latitude along an edge of the drawn map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EdgeDegrees {
    edge: Edge,
    /// (place 0..1, degrees); longitudes run on over 180°.
    samples: Vec<(f64, f64)>,
}

/// Distances between ticks in degrees, finest first, with the decimals that they need.
const STEPS: [(f64, usize); 23] = [
    (1e-5, 5),
    (2e-5, 5),
    (5e-5, 5),
    (1e-4, 4),
    (2e-4, 4),
    (5e-4, 4),
    (1e-3, 3),
    (2e-3, 3),
    (5e-3, 3),
    (0.01, 2),
    (0.02, 2),
    (0.05, 2),
    (0.1, 1),
    (0.2, 1),
    (0.5, 1),
    (1.0, 0),
    (2.0, 0),
    (5.0, 0),
    (10.0, 0),
    (15.0, 0),
    (30.0, 0),
    (60.0, 0),
    (90.0, 0),
];

/// Points along an edge at which the CRS is asked.
const SAMPLES: usize = 129;

/// True where the first row is the northernmost and the first column the westernmost, as they are drawn.
pub(crate) fn turned(geobox: &GeoBox) -> (bool, bool) {
    (geobox.affine.e > 0.0, geobox.affine.a < 0.0)
}

impl EdgeDegrees {
    /// Reads the degrees along an edge of `geobox` as it is drawn (north up, west left).
    ///
    /// # Errors
    /// Where there is no transform from its CRS to longitude and latitude.
    pub(crate) fn of(geobox: &GeoBox, edge: Edge) -> Result<Self, CrsError> {
        let (rows_turned, cols_turned) = turned(geobox);
        let (rows, cols) = (f64::from(float(geobox.shape.rows)), f64::from(float(geobox.shape.cols)));
        let place = |i: usize| f64::from(float(i)) / f64::from(float(SAMPLES - 1));
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = (0..SAMPLES)
            .map(|i| {
                let (u, v) = if edge == Edge::Lower { (place(i), 1.0) } else { (0.0, place(i)) };
                let u = if cols_turned { 1.0 - u } else { u };
                let v = if rows_turned { 1.0 - v } else { v };
                geobox.affine.apply(u * cols, v * rows)
            })
            .unzip();
        Transform::new(&geobox.crs, &Crs::lonlat()?)?.apply(&mut xs, &mut ys);
        let degrees = if edge == Edge::Lower { xs } else { ys };
        let mut samples: Vec<(f64, f64)> = Vec::with_capacity(SAMPLES);
        for (i, mut value) in degrees.into_iter().enumerate().filter(|(_, v)| v.is_finite()) {
            if let (Edge::Lower, Some((_, last))) = (edge, samples.last()) {
                // A jump of more than half a turn is the same place counted another way.
                value -= ((value - last) / 360.0).round() * 360.0;
            }
            samples.push((place(i), value));
        }
        Ok(Self { edge, samples })
    }

    /// The finest round degrees whose labels keep apart on an edge of `length` points; `size` gives a label's extent
    /// along the edge, and a label may stand out over the end of the edge by `overhang`, else it is left out.
    pub(crate) fn ticks(&self, length: f32, overhang: f32, size: impl Fn(&str) -> f32) -> Vec<Degree> {
        let fits = |tick: &Degree| {
            let (at, half) = (tick.at * length, size(&tick.label) / 2.0);
            at - half >= -overhang && at + half <= length + overhang
        };
        STEPS
            .iter()
            .map(|(step, decimals)| self.crossings(*step, *decimals).into_iter().filter(fits).collect::<Vec<_>>())
            .find(|ticks| {
                let apart = |pair: &[Degree]| {
                    let room = f32::midpoint(size(&pair[0].label), size(&pair[1].label));
                    (pair[1].at - pair[0].at) * length >= 1.35 * room + 4.0
                };
                (1..=MOST).contains(&ticks.len()) && ticks.windows(2).all(apart)
            })
            .unwrap_or_default()
    }

    fn crossings(&self, step: f64, decimals: usize) -> Vec<Degree> {
        let mut ticks: Vec<Degree> = Vec::new();
        let low = self.samples.iter().map(|s| s.1).fold(f64::INFINITY, f64::min);
        let high = self.samples.iter().map(|s| s.1).fold(f64::NEG_INFINITY, f64::max);
        if (high - low) / step > 4.0 * f64::from(float(MOST)) {
            return Vec::new();
        }
        for value in multiples(low, high, step).unwrap_or_default() {
            for pair in self.samples.windows(2) {
                let ((from, a), (to, b)) = (pair[0], pair[1]);
                let share = (value - a) / (b - a);
                // An end that misses by rounding still counts.
                let end = if to >= 1.0 { 1.0 + 1e-6 } else { 1.0 };
                if (-1e-6..end).contains(&share) {
                    let at = single(from + share.clamp(0.0, 1.0) * (to - from));
                    if ticks.iter().all(|t| (t.at - at).abs() > 1e-4) {
                        ticks.push(Degree { at, label: self.label(value, decimals) });
                    }
                }
            }
        }
        ticks.sort_by(|a, b| a.at.total_cmp(&b.at));
        ticks
    }

    fn label(&self, value: f64, decimals: usize) -> String {
        let (value, east, west) = if self.edge == Edge::Lower {
            // Into -180..=180.
            (value - ((value / 360.0) - 0.5).ceil() * 360.0, "E", "W")
        } else {
            (value, "N", "S")
        };
        let number = format!("{:.decimals$}", value.abs());
        let zero = number.chars().all(|c| matches!(c, '0' | '.'));
        let half_turn = self.edge == Edge::Lower && (value.abs() - 180.0).abs() < 1e-9;
        let side = if zero || half_turn {
            ""
        } else if value > 0.0 {
            east
        } else {
            west
        };
        format!("{number}°{side}")
    }
}

/// Most ticks on an edge.
const MOST: usize = 7;

#[cfg(test)]
mod tests {
    use cube_geo::{Affine, Shape};

    use super::*;

    fn labels(geobox: &GeoBox, edge: Edge, length: f32) -> Vec<(String, f32)> {
        let ticks = EdgeDegrees::of(geobox, edge).unwrap().ticks(length, 30.0, |l| 6.0 * float(l.chars().count()));
        ticks.into_iter().map(|t| (t.label, (t.at * 100.0).round() / 100.0)).collect()
    }

    fn lonlat(affine: Affine, rows: usize, cols: usize) -> GeoBox {
        GeoBox::new(Shape::new(rows, cols), affine, Crs::lonlat().unwrap()).unwrap()
    }

    #[test]
    fn degrees_stand_where_they_are_on_a_degree_grid() {
        let g = lonlat(Affine::new(0.05, 0.0, 11.9, 0.0, -0.05, 42.4), 12, 14);
        assert_eq!(
            labels(&g, Edge::Lower, 200.0),
            [("12.0°E".into(), 0.14), ("12.2°E".into(), 0.43), ("12.4°E".into(), 0.71), ("12.6°E".into(), 1.0)]
        );
        let left: Vec<String> = labels(&g, Edge::Left, 360.0).into_iter().map(|l| l.0).collect();
        assert_eq!(left, ["42.4°N", "42.3°N", "42.2°N", "42.1°N", "42.0°N", "41.9°N", "41.8°N"]);
    }

    #[test]
    fn labels_that_stand_out_too_far_give_way_to_others() {
        let g = lonlat(Affine::new(0.01, 0.0, 15.0, 0.0, -0.01, 45.0), 2, 2);
        let edge = EdgeDegrees::of(&g, Edge::Lower).unwrap();
        let at = |overhang| edge.ticks(77.0, overhang, |_| 38.0).into_iter().map(|t| t.label).collect::<Vec<_>>();
        assert_eq!(at(19.0), ["15.00°E", "15.02°E"]);
        assert_eq!(at(7.0), ["15.01°E"]);
    }

    #[test]
    fn south_up_grids_are_drawn_north_up() {
        let g = lonlat(Affine::new(1.0, 0.0, -1.0, 0.0, 1.0, -1.0), 2, 2);
        assert_eq!(labels(&g, Edge::Left, 100.0), [("1°N".into(), 0.0), ("0°".into(), 0.5), ("1°S".into(), 1.0)]);
        assert_eq!(
            labels(&g, Edge::Lower, 200.0).iter().map(|l| l.0.as_str()).collect::<Vec<_>>(),
            ["1.0°W", "0.5°W", "0.0°", "0.5°E", "1.0°E"]
        );
    }

    #[test]
    fn longitudes_run_on_over_the_antimeridian() {
        let g = lonlat(Affine::new(1.0, 0.0, 170.0, 0.0, -1.0, 10.0), 20, 20);
        let names: Vec<String> = labels(&g, Edge::Lower, 250.0).into_iter().map(|l| l.0).collect();
        assert_eq!(names, ["170°E", "175°E", "180°", "175°W", "170°W"]);
    }

    #[test]
    fn meridians_cross_a_utm_grid_where_they_should() {
        // The middle column of UTM zone 33 is 15 degrees east.
        let affine = Affine::new(1000.0, 0.0, 400_000.0, 0.0, -1000.0, 4_700_000.0);
        let g = GeoBox::new(Shape::new(100, 200), affine, Crs::epsg(32633).unwrap()).unwrap();
        let ticks = labels(&g, Edge::Lower, 300.0);
        assert!(ticks.contains(&("15.0°E".to_owned(), 0.5)) || ticks.contains(&("15°E".to_owned(), 0.5)), "{ticks:?}");
    }
}
