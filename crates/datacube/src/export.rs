//! Cubes into files.

use std::path::{Path, PathBuf};

use cube_load::LoadPlan;
use cube_model::{Cube, DataType};
use cube_raster::{Compression, CubeLayout, CubeSink, RasterError, WriteOptions};
use indexmap::IndexMap;

use crate::Error;
use crate::error::why;

/// How to write.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExportOptions {
    /// How to compress; the format's usual way where `None`.
    pub compress: Option<Compression>,
    /// Replace what is there.
    pub overwrite: bool,
}

/// The format that a file's name asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One cloud-optimised GeoTIFF.
    Cog,
    /// A directory of them, `{time}_{measurement}.tif`.
    CogDirectory,
    /// Zarr v3.
    Zarr,
    /// NetCDF 4.
    NetCdf,
}

impl Format {
    /// The format of a path: by its extension; a trailing separator or an existing directory is a directory of COGs.
    ///
    /// # Errors
    /// Where the name says none.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        match extension.as_str() {
            "zarr" => Ok(Self::Zarr),
            "tif" | "tiff" => Ok(Self::Cog),
            "nc" | "nc4" => Ok(Self::NetCdf),
            _ if path.to_string_lossy().ends_with('/') || path.is_dir() => Ok(Self::CogDirectory),
            _ => Err(Error::UnknownFormat { path: path.to_owned() }),
        }
    }
}

/// Checks an output before anything is read for it: its name says a format, it is not there (unless it may be
/// replaced), and its directory can be written.
///
/// # Errors
/// As it says.
pub fn check_output(path: &Path, options: &ExportOptions) -> Result<(), Error> {
    if Format::of(path)? == Format::CogDirectory { writable_directory(path, path) } else { check_free(path, options) }
}

/// Checks that a file may be written at `path`.
///
/// # Errors
/// Where it is there already and may not be replaced, or its directory is missing or cannot be written.
pub fn check_free(path: &Path, options: &ExportOptions) -> Result<(), Error> {
    if path.exists() && !options.overwrite {
        return Err(Error::Exists { path: path.to_owned() });
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        let reason = format!("there is no directory {}; make it first", parent.display());
        return Err(Error::Unwritable { path: path.to_owned(), reason });
    }
    writable_directory(parent, path)
}

/// Tries to create a file in a directory (or in the nearest one above that exists).
fn writable_directory(dir: &Path, path: &Path) -> Result<(), Error> {
    let existing = dir.ancestors().find(|d| d.is_dir() && !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match tempfile::Builder::new().prefix(".cube-").tempfile_in(existing) {
        Ok(_) => Ok(()),
        // Of a place that takes no new files, such as /proc, systems say that there is no such file.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let reason = format!("{} takes no new files; name another place", existing.display());
            Err(Error::Unwritable { path: path.to_owned(), reason })
        }
        Err(e) => Err(Error::Unwritable { path: path.to_owned(), reason: why(&e) }),
    }
}

/// Checks an output as [`check_output`] does, and whether it can hold what a plan will give: before anything is read.
///
/// # Errors
/// As [`check_output`]; where one GeoTIFF would have to hold several times or data types.
pub fn check_output_of(plan: &LoadPlan, path: &Path, options: &ExportOptions) -> Result<(), Error> {
    check_output(path, options)?;
    if Format::of(path)? == Format::Cog {
        let layout = plan.layout();
        check_one_tiff(path, layout.times.len(), layout.arrays.iter().map(|a| (a.name.as_str(), a.dtype)))?;
    }
    Ok(())
}

/// Writes a cube in the format of its name; says which files came of it. Each appears under its name only when it is
/// complete.
///
/// # Errors
/// Where the name says no format, a GeoTIFF would have to hold several times or types, or a file cannot be written.
pub fn export(cube: &Cube, path: &Path, options: &ExportOptions) -> Result<Vec<PathBuf>, Error> {
    let sink = open_sink(CubeLayout::of(cube), path, options)?;
    cube_raster::put_cube(sink, cube).map_err(located)
}

/// Begins an output in the format of its name, for the pieces of a cube as they come: what [`export`] writes, without
/// the cube in memory.
///
/// # Errors
/// As [`export`].
pub fn open_sink(layout: CubeLayout, path: &Path, options: &ExportOptions) -> Result<Box<dyn CubeSink>, Error> {
    let options = WriteOptions { compress: options.compress, overwrite: options.overwrite };
    match Format::of(path)? {
        Format::Cog => {
            check_one_tiff(path, layout.times.len(), layout.arrays.iter().map(|a| (a.name.as_str(), a.dtype)))?;
            cube_raster::cog_sink(path, layout, &options)
        }
        Format::CogDirectory => cube_raster::geotiffs_sink(path, layout, &options),
        Format::Zarr => cube_raster::zarr_sink(path, layout, &options),
        Format::NetCdf => cube_raster::netcdf_sink(path, layout, &options),
    }
    .map_err(located)
}

/// One error for an output that is there, whoever finds it.
fn located(error: RasterError) -> Error {
    match error {
        RasterError::Exists { path } => Error::Exists { path },
        other => other.into(),
    }
}

/// Refuses several times, and several types of (name, type), for one GeoTIFF.
fn check_one_tiff<'a>(
    path: &Path,
    times: usize,
    measurements: impl Iterator<Item = (&'a str, DataType)>,
) -> Result<(), Error> {
    let path = path.to_owned();
    if times != 1 {
        return Err(Error::TimesInOneTiff { path, times });
    }
    let mut dtypes: IndexMap<DataType, Vec<&str>> = IndexMap::new();
    for (name, dtype) in measurements {
        dtypes.entry(dtype).or_default().push(name);
    }
    if dtypes.len() <= 1 {
        return Ok(());
    }
    let dtypes = dtypes.iter().map(|(dtype, names)| format!("{dtype} ({})", names.join(", "))).collect();
    Err(Error::TypesInOneTiff { path, dtypes })
}

/// Writes rows under headings as CSV; the file appears under its name only when it is complete.
pub(crate) fn write_csv<const N: usize>(
    path: &Path,
    headings: &[&str; N],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<(), Error> {
    let unwritable = |reason: String| Error::Unwritable { path: path.to_owned(), reason };
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = visible_temporary(parent).map_err(|e| unwritable(why(&e)))?;
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(headings).map_err(|e| unwritable(e.to_string()))?;
    for row in rows {
        writer.write_record(row).map_err(|e| unwritable(e.to_string()))?;
    }
    let file = writer.into_inner().map_err(|e| unwritable(e.error().to_string()))?;
    file.persist(path).map_err(|e| unwritable(e.error.to_string()))?;
    Ok(())
}

/// A temporary file that has the rights of any new file once it gets its name.
fn visible_temporary(dir: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cube-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(dir)
}
