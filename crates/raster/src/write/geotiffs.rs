//! A folder of `GeoTIFF` files, one a time and measurement.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use cube_model::Cube;
use jiff::Timestamp;

use super::WriteOptions;
use super::cog::{Band, write_bands};
use super::gathered::extras;
use crate::RasterError;

/// Writes each measurement of each time as a cloud-optimised GeoTIFF `{time}_{measurement}.tif` in `folder`,
/// which is made where it does not exist; values of an extra dimension become bands. Returns the files, in the
/// order of times and measurements. Each file is complete or absent; an error leaves those written before it.
///
/// # Errors
/// As [`super::write_cog`]; where two planes or measurements would be one file, as planes of one instant are (loaded with
/// each dataset by itself), nothing is written.
pub fn write_geotiffs(folder: &Path, cube: &Cube, options: &WriteOptions) -> Result<Vec<PathBuf>, RasterError> {
    std::fs::create_dir_all(folder)
        .map_err(|error| RasterError::Unwritable { path: folder.to_owned(), reason: error.to_string() })?;
    let paths: Vec<(usize, &str, PathBuf)> = cube
        .times
        .iter()
        .enumerate()
        .flat_map(|(index, time)| {
            cube.arrays.keys().map(move |name| {
                let file = format!("{}_{}.tif", stamp(*time), name.replace(['/', '\\'], "_"));
                (index, name.as_str(), folder.join(file))
            })
        })
        .collect();
    let mut seen = HashSet::new();
    if let Some((_, name, path)) = paths.iter().find(|(_, _, path)| !seen.insert(path)) {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        return Err(RasterError::Inexpressible {
            path: folder.to_owned(),
            what: format!("two planes of one time, or two measurements, would be {file} (measurement {name:?})"),
            remedy: "group by time, rename the measurement, or write NetCDF or Zarr".to_owned(),
        });
    }
    // All names are tried before the first is written: no half of a series over an old one.
    if !options.overwrite
        && let Some((_, _, path)) = paths.iter().find(|(_, _, path)| path.exists())
    {
        return Err(RasterError::Exists { path: path.clone() });
    }
    let mut written = Vec::with_capacity(paths.len());
    for (time, name, path) in paths {
        let Some(array) = cube.arrays.get(name) else { continue };
        let bands: Vec<Band<'_>> = extras(cube, array)
            .into_iter()
            .map(|extra| {
                let value = extra.and_then(|i| cube.extra.as_ref()?.values.get(i));
                let name = value.map_or_else(|| name.to_owned(), |value| format!("{name}_{value}"));
                Band { name, array, extra }
            })
            .collect();
        write_bands(&path, cube, time, &bands, *options)?;
        written.push(path);
    }
    Ok(written)
}

/// A time in a file's name: `20340517T100000Z`, with a fraction where it has one.
fn stamp(time: Timestamp) -> String {
    let format = if time.subsec_nanosecond() == 0 { "%Y%m%dT%H%M%SZ" } else { "%Y%m%dT%H%M%S%.fZ" };
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_make_sortable_names() {
        assert_eq!(stamp("2034-05-17T10:00:00Z".parse().unwrap()), "20340517T100000Z");
        assert_eq!(stamp("2034-05-17T10:00:00.25Z".parse().unwrap()), "20340517T100000.25Z");
    }
}
