//! A series as one NetCDF-4 file.

use std::path::Path;

use netcdf::Error;

use crate::cf::{self, Attributes};
use crate::climate::{Fields, Series, VARIABLES};
use crate::error::{Result, SampleError};

/// Writes all steps of a series: `2t` and `tp` as float32 over (time, latitude, longitude), one chunk a step, shuffled
/// and deflated, missing value NaN.
pub(crate) fn write(path: &Path, series: &Series, steps: &[Fields]) -> Result<()> {
    write_file(path, series, steps).map_err(|source| SampleError::NetCdf { path: path.to_owned(), source })
}

fn write_file(path: &Path, series: &Series, steps: &[Fields]) -> std::result::Result<(), Error> {
    let mut file = netcdf::create(path)?;
    for (name, text) in cf::global() {
        file.add_attribute(name, text)?;
    }
    let (rows, columns) = series.shape;
    for (name, len) in [("time", steps.len()), ("latitude", rows), ("longitude", columns)] {
        file.add_dimension(name, len)?;
    }
    let mut time = file.add_variable::<i32>("time", &["time"])?;
    attributes(&mut time, cf::coordinate("time"))?;
    time.put_values(&cf::hours(series), ..)?;
    for (name, values) in [("latitude", series.latitudes()), ("longitude", series.longitudes())] {
        let mut coordinate = file.add_variable::<f64>(name, &[name])?;
        attributes(&mut coordinate, cf::coordinate(name))?;
        coordinate.put_values(&values, ..)?;
    }
    for name in VARIABLES {
        let mut variable = file.add_variable::<f32>(name, &["time", "latitude", "longitude"])?;
        variable.set_chunking(&[1, rows, columns])?;
        variable.set_compression(9, true)?;
        variable.set_fill_value(f32::NAN)?;
        attributes(&mut variable, cf::variable(name, series.step))?;
        for (index, step) in steps.iter().enumerate() {
            variable.put_values(step.of(name), (index, .., ..))?;
        }
    }
    file.close()
}

fn attributes(variable: &mut netcdf::VariableMut<'_>, texts: Attributes) -> std::result::Result<(), Error> {
    for (name, text) in texts {
        variable.put_attribute(name, text)?;
    }
    Ok(())
}
