//! Made-up fields of 2 metre temperature and precipitation over Italy.

use std::f64::consts::TAU;

use jiff::civil::{DateTime, date};

use crate::italy::{height, land_share};
use crate::noise::{fractal, step};

/// What one step of a series stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// One hour at noon: the temperature of the moment, the precipitation of the hour before.
    Noon,
    /// One month, labelled by its first moment: mean temperature, total precipitation.
    Month,
}

/// A regular grid of latitudes and longitudes, and the times that there are fields for.
#[derive(Debug)]
pub(crate) struct Series {
    /// The product that the datasets belong to.
    pub(crate) product: &'static str,
    /// What the grid covers, one word.
    pub(crate) region: &'static str,
    /// Longitude of the first column's and latitude of the first row's grid points; rows run southwards.
    pub(crate) first: (f64, f64),
    /// Degrees between grid points.
    pub(crate) resolution: f64,
    /// Rows and columns.
    pub(crate) shape: (usize, usize),
    /// What a step is.
    pub(crate) step: Step,
}

/// The box around the lake on eight days, and Italy in twelve months.
pub(crate) const SERIES: [Series; 2] = [
    Series {
        product: "climatedt_2t_prec",
        region: "bracciano",
        first: (11.9, 42.4),
        resolution: 0.05,
        shape: (13, 15),
        step: Step::Noon,
    },
    Series {
        product: "climatedt_2t_prec_monthly",
        region: "italy",
        first: (6.0, 47.5),
        resolution: 0.25,
        shape: (47, 53),
        step: Step::Month,
    },
];

/// The fields of one step, rows from north, then columns from west.
#[derive(Debug)]
pub(crate) struct Fields {
    /// 2 metre temperature in K.
    pub(crate) t2: Vec<f32>,
    /// Total precipitation in m.
    pub(crate) tp: Vec<f32>,
}

/// The variables of every series.
pub(crate) const VARIABLES: [&str; 2] = ["2t", "tp"];

impl Fields {
    /// The field of one of [`VARIABLES`].
    #[must_use]
    pub(crate) fn of(&self, variable: &str) -> &[f32] {
        if variable == "2t" { &self.t2 } else { &self.tp }
    }
}

/// A coordinate or a value without the dust of binary fractions.
fn rounded(value: f64, unit: f64) -> f64 {
    (value * unit).round() / unit
}

impl Series {
    /// The times of the steps, in UTC.
    #[must_use]
    pub(crate) fn times(&self) -> Vec<DateTime> {
        match self.step {
            Step::Noon => (3..=10).map(|month| date(2034, month, 15).at(12, 0, 0, 0)).collect(),
            Step::Month => (1..=12).map(|month| date(2034, month, 1).at(0, 0, 0, 0)).collect(),
        }
    }

    /// Latitudes of the rows in degrees north.
    #[must_use]
    pub(crate) fn latitudes(&self) -> Vec<f64> {
        (0..self.shape.0).map(|row| rounded(self.first.1 - row as f64 * self.resolution, 1e9)).collect()
    }

    /// Longitudes of the columns in degrees east.
    #[must_use]
    pub(crate) fn longitudes(&self) -> Vec<f64> {
        (0..self.shape.1).map(|column| rounded(self.first.0 + column as f64 * self.resolution, 1e9)).collect()
    }

    /// West, south, east and north edge of the pixels, half a step outside the outermost grid points.
    #[must_use]
    pub(crate) fn edges(&self) -> (f64, f64, f64, f64) {
        let half = self.resolution / 2.0;
        let west = self.first.0 - half;
        let north = self.first.1 + half;
        let south = north - self.shape.0 as f64 * self.resolution;
        let east = west + self.shape.1 as f64 * self.resolution;
        (rounded(west, 1e9), rounded(south, 1e9), rounded(east, 1e9), rounded(north, 1e9))
    }

    /// The fields of step `index` at `time`.
    #[must_use]
    pub(crate) fn fields(&self, index: usize, time: DateTime) -> Fields {
        // A month is felt in its middle.
        let day = f64::from(time.date().day_of_year()) + if self.step == Step::Month { 14.5 } else { 0.0 };
        let cells = self.shape.0 * self.shape.1;
        let mut fields = Fields { t2: Vec::with_capacity(cells), tp: Vec::with_capacity(cells) };
        for lat in self.latitudes() {
            for lon in self.longitudes() {
                let land = land_share(lon, lat, self.resolution);
                let place = Place { lon, lat, land, height: height(lon, lat) * land, day, seed: 300 + index as u64 };
                let (t2, tp) = match self.step {
                    Step::Noon => (place.mean_temperature() + place.noon_excess(), place.rain_of_an_hour()),
                    Step::Month => (place.mean_temperature(), place.rain_of_a_month()),
                };
                fields.t2.push(rounded(t2, 100.0) as f32);
                fields.tp.push(rounded(tp, 1e6) as f32);
            }
        }
        fields
    }
}

/// A place on a day of the year.
struct Place {
    lon: f64,
    lat: f64,
    /// Share of land.
    land: f64,
    /// Metres above the sea.
    height: f64,
    /// Day of the year, from 1.
    day: f64,
    /// Picks the weather.
    seed: u64,
}

impl Place {
    /// A yearly wave that peaks with 1 on day `peak`.
    fn wave(&self, peak: f64) -> f64 {
        ((self.day - peak) / 365.0 * TAU).cos()
    }

    /// Daily mean in K: the sea is mild and late, the land is not, and it cools by 6.5 K a kilometre.
    fn mean_temperature(&self) -> f64 {
        let sea = 291.8 - 0.55 * (self.lat - 40.0) + 5.6 * self.wave(232.0);
        let amplitude = 8.3 + 0.35 * (self.lat - 40.0);
        let land = 290.6 - 0.62 * (self.lat - 40.0) + amplitude * self.wave(205.0) - 0.0065 * self.height;
        let weather = 2.4 * (fractal(self.lon / 4.0, self.lat / 3.0, 3, self.seed) - 0.5);
        sea + (land - sea) * self.land + weather
    }

    /// How much warmer noon is than the day, in K: a lot over land in summer.
    fn noon_excess(&self) -> f64 {
        0.8 + self.land * (4.2 + 1.6 * self.wave(190.0)) + 0.5 * (fractal(self.lon * 9.0, self.lat * 9.0, 2, 207) - 0.5)
    }

    /// Precipitation of a month in m: winter rain in the south, summer rain in the Alps, more on the heights.
    fn rain_of_a_month(&self) -> f64 {
        let north = step(43.5, 46.0, self.lat);
        let winter = 0.060 + 0.042 * self.wave(340.0);
        let summer = 0.085 + 0.030 * self.wave(190.0);
        let base = winter + (summer - winter) * north;
        let lift = 1.0 + 0.55 * (self.height / 1000.0).min(2.0);
        base * lift * (0.45 + 1.1 * fractal(self.lon / 1.8, self.lat / 1.5, 4, self.seed + 40))
    }

    /// Precipitation of an hour in m: showers on some of the days, none on the others.
    fn rain_of_an_hour(&self) -> f64 {
        let wetness = [0.50, 0.42, 0.60, 2.0, 2.0, 0.68, 0.48, 0.38][(self.seed % 300) as usize % 8];
        let shower = fractal(self.lon * 2.4, self.lat * 3.0, 3, self.seed + 80) - wetness;
        (0.009 * shower * (1.0 + self.height / 1500.0)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(series: &Series, index: usize, lon: f64, lat: f64) -> (f32, f32) {
        let fields = series.fields(index, series.times()[index]);
        let column = ((lon - series.first.0) / series.resolution).round() as usize;
        let row = ((series.first.1 - lat) / series.resolution).round() as usize;
        let i = row * series.shape.1 + column;
        (fields.t2[i], fields.tp[i])
    }

    #[test]
    fn the_grids_cover_the_boxes_that_the_documents_state() {
        assert_eq!(SERIES[0].edges(), (11.875, 41.775, 12.625, 42.425));
        assert_eq!(SERIES[1].edges(), (5.875, 35.875, 19.125, 47.625));
        assert_eq!(SERIES[0].latitudes().last().copied(), Some(41.8));
        assert_eq!(SERIES[1].longitudes().last().copied(), Some(19.0));
        assert_eq!((SERIES[0].times().len(), SERIES[1].times().len()), (8, 12));
    }

    #[test]
    fn summer_is_warm_winter_is_cold_and_the_alps_are_colder() {
        let italy = &SERIES[1];
        let (july, january) = (at(italy, 6, 12.5, 42.0).0, at(italy, 0, 12.5, 42.0).0);
        assert!((294.0..302.0).contains(&july), "{july}");
        assert!((277.0..285.0).contains(&january), "{january}");
        assert!(at(italy, 6, 10.0, 46.5).0 < july - 8.0);
        // The sea lags and keeps warm in winter.
        assert!(at(italy, 0, 12.0, 40.0).0 > january + 3.0);
    }

    #[test]
    fn precipitation_is_never_negative_and_some_days_are_dry() {
        let totals: Vec<f32> =
            SERIES[0].times().iter().enumerate().map(|(i, t)| SERIES[0].fields(i, *t).tp.iter().sum()).collect();
        assert!(totals.iter().all(|t| *t >= 0.0));
        assert!(totals.contains(&0.0) && totals.iter().any(|t| *t > 0.0), "{totals:?}");
        let month = SERIES[1].fields(10, SERIES[1].times()[10]);
        assert!(month.tp.iter().all(|v| (0.005..0.6).contains(v)));
    }
}
