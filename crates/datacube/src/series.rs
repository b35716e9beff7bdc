//! Means over an area through time.

use std::path::Path;

use cube_analysis::over_space;
use cube_geo::CellAreas;
use cube_load::LoadSpec;
use cube_model::Search;
use jiff::Timestamp;
use serde::Serialize;

use crate::picture::{self, Series, SeriesStyle};
use crate::units::{Display, significant};
use crate::{Datacube, Error, ExportOptions, LoadOptions, place};

/// What to average.
#[derive(Debug, Clone)]
pub struct SeriesRequest {
    /// Which datasets.
    pub search: Search,
    /// Which pixels.
    pub spec: LoadSpec,
    /// Weight pixels by their true area; else each counts the same.
    pub weighted: bool,
    /// Show kelvin as degrees Celsius.
    pub celsius: bool,
}

/// The means of one measurement.
#[derive(Debug, Clone, Serialize)]
pub struct SeriesOf {
    /// The measurement.
    pub name: String,
    /// Units of the values.
    pub units: String,
    /// One point a time plane.
    pub points: Vec<SeriesPoint>,
}

/// The values of one time plane over the area; NaN where nothing was measured.
#[derive(Debug, Clone, Serialize)]
pub struct SeriesPoint {
    /// The plane's time.
    pub time: Timestamp,
    /// The mean.
    pub mean: f64,
    /// Standard deviation over the area.
    pub std: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// Share of the area with a value, in percent.
    pub seen_percent: f64,
}

impl Datacube {
    /// The mean over the area of a search on each time plane, a series a measurement.
    ///
    /// # Errors
    /// Where nothing is found or the load fails.
    pub fn series(&self, request: &SeriesRequest, options: &LoadOptions<'_>) -> Result<Vec<SeriesOf>, Error> {
        let (products, datasets) = self.find_for_load(&request.search)?;
        let mut spec = request.spec.clone().scale(true);
        if spec.names().is_none() {
            // Classes and bit fields have no mean.
            let values = products[0].measurements.iter().filter(|m| m.flags.is_empty()).map(|m| m.name.clone());
            spec = spec.measurements(values);
        }
        let spec = place::complete_grid(spec, &products, &datasets, request.search.area.as_ref())?;
        let plan = crate::plan_datasets(&products, datasets, &request.search, &spec)?;
        let cube = crate::run(&plan, options)?.cube;
        let areas = if request.weighted { Some(CellAreas::new(&cube.geobox)?) } else { None };
        let mut all = Vec::new();
        for (name, array) in &cube.arrays {
            let display = Display::of(&array.measurement.units, request.celsius);
            if array.pixels.shape().len() != 3 {
                let reason = format!("{name} has an extra dimension; a series is of one plane a time");
                return Err(Error::Usage { reason });
            }
            let summaries = over_space(array, areas.as_ref(), None)?;
            let points = cube.times.iter().zip(summaries).map(|(&time, s)| SeriesPoint {
                time,
                mean: display.value(s.mean),
                std: s.std,
                min: display.value(s.min),
                max: display.value(s.max),
                seen_percent: s.seen * 100.0,
            });
            all.push(SeriesOf { name: name.clone(), units: display.units.clone(), points: points.collect() });
        }
        Ok(all)
    }
}

/// Headings of a series as a table or CSV.
pub const HEADINGS: [&str; 8] = ["time", "measurement", "units", "mean", "std", "min", "max", "seen_percent"];

impl SeriesOf {
    /// The series in one line, for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let times = self.points.len();
        let s = if times == 1 { "" } else { "s" };
        let mean = self.overall_mean().map_or_else(
            || "no values".to_owned(),
            |mean| format!("mean {}{}", significant(mean, 6), Display::behind(&self.units)),
        );
        format!("{}: {times} time{s}, {mean}", self.name)
    }

    /// The mean of the means, `None` without values.
    #[must_use]
    pub fn overall_mean(&self) -> Option<f64> {
        let values = self.points.iter().map(|p| p.mean).filter(|m| !m.is_nan()).collect::<Vec<_>>();
        #[expect(clippy::cast_precision_loss, reason = "a count of time planes")]
        let n = values.len() as f64;
        (n > 0.0).then(|| values.iter().sum::<f64>() / n)
    }

    /// The series as rows under [`HEADINGS`].
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<String>> {
        // One digit more than a float32 has.
        let number = |v: f64| significant(v, 8);
        self.points
            .iter()
            .map(|p| {
                let mut row = vec![p.time.to_string(), self.name.clone(), self.units.clone()];
                row.extend([p.mean, p.std, p.min, p.max].map(number));
                row.push(format!("{:.2}", p.seen_percent));
                row
            })
            .collect()
    }
}

/// Checks that a file name says how a series is to be written.
///
/// # Errors
/// Where it ends in neither .csv nor .png.
pub fn check_name(path: &Path) -> Result<(), Error> {
    if matches!(path.extension().and_then(|e| e.to_str()), Some("csv" | "png")) {
        return Ok(());
    }
    let reason = format!("{}: a series is written as .csv or .png; end the name in one of them", path.display());
    Err(Error::Usage { reason })
}

/// Writes series into a file: `.csv` as a table, `.png` as a picture.
///
/// # Errors
/// Where the name says neither, or the file cannot be written, or is there and `overwrite` is off.
pub fn write_series(all: &[SeriesOf], path: &Path, title: Option<&str>, options: &ExportOptions) -> Result<(), Error> {
    check_name(path)?;
    crate::check_free(path, options)?;
    if path.extension().is_some_and(|e| e == "csv") {
        return crate::export::write_csv(path, &HEADINGS, all.iter().flat_map(SeriesOf::rows));
    }
    draw(all, path, title)
}

fn draw(all: &[SeriesOf], path: &Path, title: Option<&str>) -> Result<(), Error> {
    let units = all.first().map(|s| s.units.clone()).unwrap_or_default();
    if let Some(other) = all.iter().find(|s| s.units != units) {
        let reason = format!(
            "one picture has one axis: {} is in {}, {} in {units}; choose with -m",
            other.name, other.units, all[0].name
        );
        return Err(Error::Usage { reason });
    }
    let lines = all.iter().map(|s| {
        let times = s.points.iter().map(|p| p.time).collect::<Vec<_>>();
        let of = |f: fn(&SeriesPoint) -> f64| s.points.iter().map(f).collect::<Vec<_>>();
        let line = Series::new(&s.name, times, of(|p| p.mean));
        if all.len() == 1 { line.band(of(|p| p.mean - p.std), of(|p| p.mean + p.std)) } else { line }
    });
    let names = all.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
    let title = title.map_or_else(|| format!("{names}: mean over the area"), ToOwned::to_owned);
    let label = if units == "1" || units.is_empty() { names } else { format!("{names} ({units})") };
    let mut style = SeriesStyle::new(&title, &label);
    if all.len() == 1 && all[0].points.len() > 1 {
        style = style.note("shaded: one standard deviation over the area");
    }
    picture::write_png(path, &picture::time_series(&lines.collect::<Vec<_>>(), &style)?)?;
    Ok(())
}
