//! Clouds, their shadows, and where the swath ends.

use crate::noise::{fractal, in_steps, step};

/// The sky over one date.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sky {
    /// Nothing in the way.
    Clear,
    /// Fair-weather clouds, each with its shadow.
    Cumulus,
    /// Long bands of bright cloud from the west-south-west, thin at their edges.
    Bands,
}

/// What the sky does to one pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cover {
    /// Share of the light that comes from the cloud, 0 or 1/12 to 1 in twelfths: a cloud too thin for the scene classification
    /// is no cloud here, so that a pixel classified as clear is clear.
    pub(crate) cloud: f64,
    /// Share of the sunlight that a cloud takes from the ground, 0 or 0.3 to 1.
    pub(crate) shadow: f64,
}

/// How far a shadow falls from its cloud, metres east and north: the sun stands in the south-east.
const SHADOW: (f64, f64) = (-520.0, 610.0);

impl Sky {
    /// Thickness of the cloud above a point of the drawing plane, 0 to 1.
    fn cloud(self, east: f64, north: f64) -> f64 {
        let thickness = match self {
            Self::Clear => 0.0,
            Self::Cumulus => step(0.55, 0.66, fractal(east / 1900.0, north / 1700.0, 5, 81)),
            Self::Bands => {
                // Along and across the bands.
                let (along, across) = (0.94 * east + 0.34 * north, -0.34 * east + 0.94 * north);
                let wave = fractal(along / 9000.0, across / 1700.0, 3, 91);
                step(0.53, 0.70, wave + 0.08 * (fractal(east / 700.0, north / 700.0, 3, 92) - 0.5))
            }
        };
        if thickness < 0.1 { 0.0 } else { in_steps(thickness, 12.0) }
    }

    /// Cloud and shadow at a point of the drawing plane.
    #[must_use]
    pub(crate) fn at(self, east: f64, north: f64) -> Cover {
        let cloud = self.cloud(east, north);
        let shadow = self.cloud(east - SHADOW.0, north - SHADOW.1);
        Cover { cloud, shadow: if shadow < 0.3 { 0.0 } else { shadow } }
    }
}

/// The edge of a swath across one tile: a line from (`top`, first row) to (`bottom`, last row), in columns at the
/// tile's upper and lower edge. What lies east of it was not seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SwathEdge {
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl SwathEdge {
    /// True where the centre of the pixel lies in the swath, in a tile of `rows` rows.
    #[must_use]
    pub(crate) fn sees(self, row: usize, column: usize, rows: usize) -> bool {
        let along = (row as f64 + 0.5) / rows as f64;
        column as f64 + 0.5 < self.top + (self.bottom - self.top) * along
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_sky_leaves_every_pixel_alone() {
        assert_eq!(Sky::Clear.at(100.0, -300.0), Cover { cloud: 0.0, shadow: 0.0 });
    }

    #[test]
    fn a_cloudy_sky_has_clouds_shadows_and_gaps() {
        for sky in [Sky::Cumulus, Sky::Bands] {
            let seen: Vec<Cover> = (0..10_000)
                .map(|i| sky.at(f64::from(i % 100) * 100.0 - 5000.0, f64::from(i / 100) * 100.0 - 5000.0))
                .collect();
            let cloudy = seen.iter().filter(|c| c.cloud > 0.0).count();
            assert!((500..7000).contains(&cloudy), "{sky:?} covers {cloudy} of 10000");
            assert!(seen.iter().any(|c| c.cloud == 0.0 && c.shadow > 0.0));
        }
    }

    #[test]
    fn the_swath_ends_at_its_edge() {
        let edge = SwathEdge { top: 100.0, bottom: 300.0 };
        assert!(edge.sees(0, 99, 490) && !edge.sees(0, 101, 490));
        assert!(edge.sees(489, 299, 490) && !edge.sees(489, 300, 490));
    }
}
