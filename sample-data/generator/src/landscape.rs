//! The made-up country around the lake: hills, woods, fields, towns, and what they reflect through the year.

use crate::lake::Shore;
use crate::noise::{cell, fractal, hash, in_steps, step};

/// Reflectances of the five bands, 0 to 1, in the order blue, green, red, nir, swir16.
pub(crate) type Spectrum = [f64; 5];

const GREEN_CROP: Spectrum = [0.030, 0.068, 0.036, 0.400, 0.165];
const STRAW: Spectrum = [0.085, 0.130, 0.170, 0.270, 0.310];
const BROADLEAF: Spectrum = [0.020, 0.040, 0.024, 0.300, 0.115];
const BARE_SOIL: Spectrum = [0.082, 0.112, 0.142, 0.225, 0.310];
const ROOFS: Spectrum = [0.110, 0.132, 0.150, 0.200, 0.225];
/// Sand, mud and reeds: wet, but drier than water in the shortwave infrared, so that MNDWI keeps it land.
const SHORE: Spectrum = [0.062, 0.085, 0.088, 0.165, 0.150];
const DEEP_WATER: Spectrum = [0.042, 0.055, 0.026, 0.014, 0.008];
/// What a shallow bed adds.
const SHALLOW: Spectrum = [0.014, 0.026, 0.014, 0.004, 0.0];

/// Share of green plants on the fields through the six dates, a row a crop: winter wheat, maize, pasture, olives,
/// set-aside.
const GREENNESS: [[f64; 6]; 5] = [
    [0.92, 0.35, 0.04, 0.02, 0.05, 0.25],
    [0.12, 0.55, 0.92, 0.75, 0.30, 0.05],
    [0.85, 0.60, 0.38, 0.28, 0.38, 0.62],
    [0.48, 0.44, 0.40, 0.38, 0.40, 0.45],
    [0.70, 0.45, 0.25, 0.18, 0.22, 0.40],
];

/// Towns: east and north of the centre and radius, in metres. Bracciano, Anguillara on its cape, Trevignano, and
/// Vigna di Valle.
const TOWNS: [(f64, f64, f64); 4] =
    [(-5200.0, -1700.0, 620.0), (2950.0, -2950.0, 560.0), (1250.0, 3750.0, 380.0), (-300.0, -4480.0, 250.0)];

#[derive(Debug, Clone, Copy)]
enum Cover {
    Forest,
    Field { crop: usize, soil: f64 },
    Town,
}

/// One pixel of the country: what does not change from date to date.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground {
    cover: Cover,
    /// Metres to the shore of the full lake, negative inside.
    shore: f64,
    /// Brightness of the slope: 1 on the plain, less where it turns from the sun, which stands in the south-east at
    /// ten in the morning.
    light: f64,
    /// Fine texture, −1 to 1, in steps.
    grain: f64,
    /// Slow patches on the water, −0.5 to 0.5.
    patch: f64,
}

/// Height above the lake in metres: a crater rim that rises from the shore, and hills on it.
fn height(east: f64, north: f64, shore: &Shore) -> f64 {
    let distance = shore.distance(east, north).max(0.0);
    let hills = fractal(east / 2600.0, north / 2600.0, 4, 11) - 0.42;
    150.0 * step(0.0, 2600.0, distance) + 620.0 * hills * step(100.0, 1800.0, distance)
}

impl Ground {
    /// The ground at a point of the drawing plane.
    #[must_use]
    pub(crate) fn at(east: f64, north: f64, shore: &Shore) -> Self {
        let distance = shore.distance(east, north);
        let h = height(east, north, shore);
        let slope_east = (height(east + 30.0, north, shore) - h) / 30.0;
        let slope_north = (height(east, north + 30.0, shore) - h) / 30.0;
        // In steps, as all that varies slowly: that is what keeps the files small.
        let light = in_steps((1.0 - 0.9 * slope_east + 0.9 * slope_north).clamp(0.62, 1.22), 25.0);
        // Old fields follow the ground: the mosaic is stretched and bent by slow noise.
        let bend = 700.0 * (fractal(east / 3000.0, north / 3000.0, 2, 21) - 0.5);
        let (along, across) = (0.93 * east + 0.37 * north + bend, 0.93 * north - 0.37 * east - bend);
        let parcel = cell(along / 430.0, across / 250.0, 31);
        let town = TOWNS.iter().any(|&(e, n, radius)| {
            let ragged = 0.65 + 0.7 * fractal(east / 260.0, north / 260.0, 2, 41);
            (east - e).hypot(north - n) < radius * ragged
        });
        let wood = fractal(east / 1500.0, north / 1500.0, 4, 51) + 0.0011 * (h - 60.0);
        let cover = if town {
            Cover::Town
        } else if wood > 0.55 || (parcel.border < 0.035 && parcel.name > 0.8) {
            Cover::Forest // woods, and the hedges between fields
        } else {
            let crop = match (parcel.name * 97.0).fract() {
                x if x < 0.30 => 0,
                x if x < 0.46 => 1,
                x if x < 0.68 => 2,
                x if x < 0.88 => 3,
                _ => 4,
            };
            Cover::Field { crop, soil: 0.82 + 0.36 * (parcel.name * 31.0).fract() }
        };
        // Clumps of a few pixels: what differs from pixel to pixel does not compress.
        let (i, j) = ((east / 64.0).floor() as i64, (north / 64.0).floor() as i64);
        let grain = match hash(i, j, 61) {
            x if x < 0.12 => -1.0,
            x if x > 0.88 => 1.0,
            _ => 0.0,
        };
        let patch = in_steps(fractal(east / 900.0, north / 900.0, 2, 71) - 0.5, 8.0);
        Self { cover, shore: distance, light, grain, patch }
    }

    /// What the ground reflects on date `date` (0 to 5) where it is dry. Ground that the falling lake has left is
    /// shore.
    #[must_use]
    pub(crate) fn land(&self, date: usize) -> Spectrum {
        if self.shore < 55.0 {
            return SHORE.map(|r| r * (1.0 + 0.04 * self.grain));
        }
        let (spectrum, grain) = match self.cover {
            Cover::Forest => {
                let autumn = if date == 5 { 0.16 } else { 0.0 };
                (mix(BROADLEAF, STRAW, autumn), 0.055)
            }
            Cover::Field { crop, soil } => {
                let bare = if crop == 0 && date == 2 { STRAW } else { BARE_SOIL };
                (mix(bare.map(|r| r * soil), GREEN_CROP, GREENNESS[crop][date]), 0.012)
            }
            Cover::Town => (mix(ROOFS, GREEN_CROP, 0.12), 0.10),
        };
        spectrum.map(|r| r * self.light * (1.0 + grain * self.grain))
    }

    /// What the ground reflects on any date where it is under water: darker with depth, which grows from the shore.
    #[must_use]
    pub(crate) fn water(&self) -> Spectrum {
        let shallow = (self.shore.min(0.0) / 180.0).exp();
        let mut spectrum = DEEP_WATER;
        for (r, bed) in spectrum.iter_mut().zip(SHALLOW) {
            *r = *r * (1.0 + 0.22 * self.patch) + bed * shallow;
        }
        spectrum
    }
}

/// `a` with a share of `b`.
#[must_use]
pub(crate) fn mix(a: Spectrum, b: Spectrum, share: f64) -> Spectrum {
    let mut out = a;
    for (a, b) in out.iter_mut().zip(b) {
        *a += (b - *a) * share;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::Lake;

    fn mndwi(s: Spectrum) -> f64 {
        (s[1] - s[4]) / (s[1] + s[4])
    }

    #[test]
    fn dry_ground_is_land_and_wet_ground_is_water_by_mndwi_on_every_date() {
        let shore = Shore::new(&Lake::full());
        for i in 0..120 {
            for j in 0..120 {
                let ground = Ground::at(f64::from(i - 60) * 100.0, f64::from(j - 60) * 80.0, &shore);
                assert!(mndwi(ground.water()) > 0.3);
                for date in 0..6 {
                    assert!(mndwi(ground.land(date)) < -0.1, "{ground:?} on date {date}");
                }
            }
        }
    }

    #[test]
    fn a_share_of_one_half_lies_in_the_middle() {
        assert!((mix(ROOFS, SHORE, 0.5)[3] - 0.1825).abs() < 1e-12);
    }
}
