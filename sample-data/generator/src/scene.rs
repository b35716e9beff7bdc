//! One date of one tile: six bands of pixels.

use crate::clouds::{Sky, SwathEdge};
use crate::error::Result;
use crate::lake::{Lake, Shore};
use crate::landscape::{Ground, Spectrum, mix};
use crate::tile::Tile;

/// One date of the series.
#[derive(Debug)]
pub(crate) struct Date {
    /// Year, month, day.
    pub(crate) day: (i16, i8, i8),
    /// The lake's outline is the full one times this, about its centre.
    pub(crate) factor: f64,
    /// The weather.
    pub(crate) sky: Sky,
    /// Where the swath of a tile ends, by the tile's name.
    pub(crate) edge: Option<(&'static str, SwathEdge)>,
}

/// Six dates of one dry summer, multiples of five days apart as one satellite comes by.
pub(crate) const DATES: [Date; 6] = [
    Date { day: (2034, 5, 3), factor: 1.0, sky: Sky::Clear, edge: None },
    Date { day: (2034, 6, 7), factor: 0.996, sky: Sky::Cumulus, edge: None },
    Date { day: (2034, 7, 12), factor: 0.990, sky: Sky::Clear, edge: None },
    Date {
        day: (2034, 8, 16),
        factor: 0.983,
        sky: Sky::Clear,
        edge: Some(("32TQM", SwathEdge { top: 70.0, bottom: 350.0 })),
    },
    Date { day: (2034, 9, 20), factor: 0.977, sky: Sky::Bands, edge: None },
    Date { day: (2034, 10, 30), factor: 0.973, sky: Sky::Clear, edge: None },
];

/// The bands as measurement and file name, in the order of a [`Spectrum`].
pub(crate) const BANDS: [(&str, &str); 5] =
    [("blue", "B02"), ("green", "B03"), ("red", "B04"), ("nir", "B08"), ("swir16", "B11")];

const CLOUD: Spectrum = [0.60, 0.58, 0.59, 0.64, 0.40];

/// Values of the scene classification.
pub(crate) mod scl {
    pub(crate) const NO_DATA: u8 = 0;
    pub(crate) const SHADOW: u8 = 3;
    pub(crate) const VEGETATION: u8 = 4;
    pub(crate) const BARE: u8 = 5;
    pub(crate) const WATER: u8 = 6;
    pub(crate) const CLOUD_MEDIUM: u8 = 8;
    pub(crate) const CLOUD_HIGH: u8 = 9;
}

/// The pixels of one tile on one date, rows from north, columns from west.
#[derive(Debug)]
pub(crate) struct Scene {
    /// Five bands of `10000·reflectance + 1000`, multiples of 8, nodata 0.
    pub(crate) bands: [Vec<u16>; 5],
    /// Scene classification, nodata 0.
    pub(crate) classes: Vec<u8>,
}

impl Scene {
    /// Paints `date` over the `ground` of `tile`.
    pub(crate) fn paint(tile: &Tile, country: &Country, index: usize) -> Result<Self> {
        let date = &DATES[index];
        let share = tile.water_share(&country.lake.scaled(date.factor))?;
        let (rows, columns) = tile.shape;
        let edge = date.edge.filter(|(name, _)| *name == tile.name).map(|(_, edge)| edge);
        let mut scene = Self { bands: Default::default(), classes: Vec::with_capacity(rows * columns) };
        for (i, (ground, &(east, north))) in country.ground.iter().zip(&country.plane).enumerate() {
            if edge.is_some_and(|edge| !edge.sees(i / columns, i % columns, rows)) {
                scene.push([0; 5], scl::NO_DATA);
                continue;
            }
            let water = f64::from(share[i]);
            let below = mix(ground.land(index), ground.water(), water);
            let cover = date.sky.at(east, north);
            let dimmed = below.map(|r| r * (1.0 - 0.6 * cover.shadow));
            let seen = mix(dimmed, CLOUD, cover.cloud);
            let class = match cover {
                c if c.cloud >= 0.6 => scl::CLOUD_HIGH,
                c if c.cloud > 0.0 => scl::CLOUD_MEDIUM,
                c if c.shadow > 0.0 => scl::SHADOW,
                _ if water >= 0.5 => scl::WATER,
                _ if (below[3] - below[2]) / (below[3] + below[2]) > 0.4 => scl::VEGETATION,
                _ => scl::BARE,
            };
            scene.push(seen.map(pixel), class);
        }
        Ok(scene)
    }

    fn push(&mut self, pixels: [u16; 5], class: u8) {
        for (band, pixel) in self.bands.iter_mut().zip(pixels) {
            band.push(pixel);
        }
        self.classes.push(class);
    }

    /// Percent of the seen pixels that are cloud.
    #[must_use]
    pub(crate) fn cloud_percent(&self) -> f64 {
        let seen = self.classes.iter().filter(|c| **c != scl::NO_DATA).count();
        let cloudy = self.classes.iter().filter(|c| matches!(**c, scl::CLOUD_MEDIUM | scl::CLOUD_HIGH)).count();
        100.0 * cloudy as f64 / seen.max(1) as f64
    }
}

/// Reflectance → stored value: `10000·reflectance + 1000` (processing baseline 04.00 and later), never 0, which means
/// nodata. So that the files compress, values are rounded to steps that grow with brightness: multiples of 8 below
/// 1500, of 16 below 2500, of 32 above, which is a hundredth of what is seen.
fn pixel(reflectance: f64) -> u16 {
    let value = reflectance * 10_000.0 + 1000.0;
    let step = match value {
        v if v < 1500.0 => 8.0,
        v if v < 2500.0 => 16.0,
        _ => 32.0,
    };
    ((value / step).round() * step).clamp(8.0, 65_504.0) as u16
}

/// The ground of one tile: what all its dates share.
#[derive(Debug)]
pub(crate) struct Country {
    lake: Lake,
    plane: Vec<(f64, f64)>,
    ground: Vec<Ground>,
}

impl Country {
    /// Surveys the ground of `tile`.
    pub(crate) fn survey(tile: &Tile, lake: &Lake, shore: &Shore) -> Result<Self> {
        let plane = tile.plane()?;
        let ground = plane.iter().map(|&(east, north)| Ground::at(east, north, shore)).collect();
        Ok(Self { lake: lake.clone(), plane, ground })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_values_are_multiples_of_8_and_carry_the_offset() {
        assert_eq!(pixel(0.0), 1000);
        assert_eq!(pixel(0.3), 4000);
        assert_eq!(pixel(0.025), 1248);
        assert_eq!(pixel(0.1), 2000);
        assert_eq!(pixel(-0.2), 8);
        assert_eq!(pixel(0.123_45) % 8, 0);
    }
}
