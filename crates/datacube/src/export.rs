//! Cubes into files.

use std::path::{Path, PathBuf};

use cube_model::Cube;
use cube_raster::{Compression, WriteOptions};

use crate::Error;

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
    let refuse = |reason: &str| Err(Error::Unwritable { path: path.to_owned(), reason: reason.to_owned() });
    if path.exists() && !options.overwrite {
        return refuse("it is there already; --overwrite replaces it");
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        return refuse("its directory does not exist; create it first");
    }
    writable_directory(parent, path)
}

/// Tries to create a file in a directory (or in the nearest one above that exists).
fn writable_directory(dir: &Path, path: &Path) -> Result<(), Error> {
    let existing = dir.ancestors().find(|d| d.is_dir() && !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match tempfile::Builder::new().prefix(".cube-").tempfile_in(existing) {
        Ok(_) => Ok(()),
        Err(e) => Err(Error::Unwritable { path: path.to_owned(), reason: e.to_string() }),
    }
}

/// Writes a cube in the format of its name; says which files came of it. Each appears under its name only when it is
/// complete.
///
/// # Errors
/// Where the name says no format, a GeoTIFF would have to hold several times or types, or a file cannot be written.
pub fn export(cube: &Cube, path: &Path, options: &ExportOptions) -> Result<Vec<PathBuf>, Error> {
    let options = WriteOptions { compress: options.compress, overwrite: options.overwrite };
    match Format::of(path)? {
        Format::Cog => {
            check_one_tiff(cube, path)?;
            cube_raster::write_cog(path, cube, &options)?;
        }
        Format::CogDirectory => return Ok(cube_raster::write_geotiffs(path, cube, &options)?),
        Format::Zarr => cube_raster::write_zarr(path, cube, &options)?,
        Format::NetCdf => cube_raster::write_netcdf(path, cube, &options)?,
    }
    Ok(vec![path.to_owned()])
}

fn check_one_tiff(cube: &Cube, path: &Path) -> Result<(), Error> {
    let mut dtypes = cube.arrays.values().map(|a| a.pixels.dtype().name()).collect::<Vec<_>>();
    dtypes.sort_unstable();
    dtypes.dedup();
    if cube.times.len() == 1 && dtypes.len() == 1 {
        return Ok(());
    }
    Err(Error::NotOneTiff { path: path.to_owned(), times: cube.times.len(), dtypes: dtypes.join(", ") })
}

/// Writes rows under headings as CSV; the file appears under its name only when it is complete.
pub(crate) fn write_csv<const N: usize>(
    path: &Path,
    headings: &[&str; N],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<(), Error> {
    let unwritable = |reason: String| Error::Unwritable { path: path.to_owned(), reason };
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = visible_temporary(parent).map_err(|e| unwritable(e.to_string()))?;
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
