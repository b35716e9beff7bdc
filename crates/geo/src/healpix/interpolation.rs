//! Interpolation between the four nearest centres on two rings.

use std::f64::consts::{PI, TAU};

use super::cells::radians;
use super::{Healpix, HealpixOrder};

/// Weights of cells at places, with the colatitudes of the rings at hand.
#[derive(Debug, Clone)]
pub struct Interpolation {
    cells: Healpix,
    /// Colatitude of the centres of each ring, from ring 1 on; entry 0 is not used.
    thetas: Vec<f64>,
}

impl Interpolation {
    /// For a grid.
    #[must_use]
    pub fn new(cells: Healpix) -> Self {
        let thetas = std::iter::once(0.0).chain((1..4 * cells.nside).map(|ring| cells.ring_theta(ring))).collect();
        Self { cells, thetas }
    }

    /// The grid.
    #[must_use]
    pub const fn cells(&self) -> Healpix {
        self.cells
    }

    /// The four cells around a place (degrees), linear along both rings and between them: what `healpy.get_interp_weights`
    /// gives, whose weights add up to 1. `None` for NaN and for latitudes past the poles. A cell may stand there twice.
    #[must_use]
    pub fn taps(&self, lon: f64, lat: f64) -> Option<[(u32, f64); 4]> {
        if lat.is_nan() || lat.abs() > 90.0 || !lon.is_finite() {
            return None;
        }
        let (theta, phi) = radians(lon, lat);
        let phi = phi - (phi / TAU).floor() * TAU;
        let n = self.cells.nside;
        let above = self.cells.ring_above(theta.cos()).min(4 * n - 1);
        let below = above + 1;
        let theta_of = |ring: u32| self.thetas.get(ring as usize).copied().unwrap_or(PI);
        let mut taps = [(0, 0.0); 4];
        if above > 0 {
            let [a, b] = self.along(above, phi);
            (taps[0], taps[1]) = (a, b);
        }
        if below < 4 * n {
            let [a, b] = self.along(below, phi);
            (taps[2], taps[3]) = (a, b);
        }
        if above == 0 {
            // Over the pole the four cells of the first ring share what the ring itself leaves.
            let down = theta / theta_of(below);
            let rest = (1.0 - down) * 0.25;
            taps[0] = ((taps[2].0 + 2) & 3, rest);
            taps[1] = ((taps[3].0 + 2) & 3, rest);
            for tap in &mut taps[2..] {
                tap.1 = tap.1 * down + rest;
            }
        } else if below == 4 * n {
            let cap = self.cells.count() - 4;
            let down = (theta - theta_of(above)) / (PI - theta_of(above));
            let rest = down * 0.25;
            taps[2] = (((taps[0].0 - cap + 2) & 3) + cap, rest);
            taps[3] = (((taps[1].0 - cap + 2) & 3) + cap, rest);
            for tap in &mut taps[..2] {
                tap.1 = tap.1 * (1.0 - down) + rest;
            }
        } else {
            let down = (theta - theta_of(above)) / (theta_of(below) - theta_of(above));
            for tap in &mut taps[..2] {
                tap.1 *= 1.0 - down;
            }
            for tap in &mut taps[2..] {
                tap.1 *= down;
            }
        }
        if self.cells.order == HealpixOrder::Nested {
            for tap in &mut taps {
                tap.0 = self.cells.nested_of_ring(tap.0);
            }
        }
        Some(taps)
    }

    /// The two cells of a ring around a longitude, by their numbers in rings.
    fn along(&self, ring: u32, phi: f64) -> [(u32, f64); 2] {
        let info = self.cells.ring_info(ring);
        let width = TAU / f64::from(info.cells);
        let position = phi / width - if info.shifted { 0.5 } else { 0.0 };
        let first = position.floor();
        let weight = position - first;
        #[expect(clippy::cast_possible_truncation, reason = "from -1 to the number of cells")]
        let wrapped = |i: f64| (i as i64).rem_euclid(i64::from(info.cells));
        let cell = |i: f64| info.first + u32::try_from(wrapped(i)).unwrap_or(0);
        [(cell(first), 1.0 - weight), (cell(first + 1.0), weight)]
    }
}
