//! What can go wrong while the sample data is made or checked.

use std::path::PathBuf;

/// Making or checking the sample data failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SampleError {
    /// The command was called in another way than the usage line says.
    #[error("usage: cube-sample-data [OUT_DIR] | --check DIR; got {given:?}")]
    Usage {
        /// The arguments as given.
        given: Vec<String>,
    },
    /// A file or directory could not be read or written.
    #[error("{}: {source}; is the directory there and writable?", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// GDAL could not write or read a COG.
    #[error("{}: GDAL says: {source}", path.display())]
    Gdal {
        /// The file.
        path: PathBuf,
        /// What GDAL says.
        source: gdal::errors::GdalError,
    },
    /// The NetCDF library could not write or read a file.
    #[error("{}: netCDF says: {source}", path.display())]
    NetCdf {
        /// The file.
        path: PathBuf,
        /// What netCDF says.
        source: netcdf::Error,
    },
    /// A Zarr group or array could not be written.
    #[error("{}: Zarr says: {reason}", path.display())]
    Zarr {
        /// The Zarr group.
        path: PathBuf,
        /// What zarrs says.
        reason: String,
    },
    /// A CRS or a transform is missing.
    #[error(transparent)]
    Crs(#[from] cube_geo::CrsError),
    /// A calendar date or time of the sample set does not exist.
    #[error("a time of the sample set: {0}")]
    Time(#[from] jiff::Error),
    /// The committed files are not those that the generator makes.
    #[error("{} of {compared} files differ from what the generator makes:\n  {}\nrun `cargo run -p cube-sample-data` and commit, or undo the change", differences.len(), differences.join("\n  "))]
    Differs {
        /// How many files were compared.
        compared: usize,
        /// One sentence a file.
        differences: Vec<String>,
    },
}

impl SampleError {
    /// A closure for `map_err` on file system calls about `path`.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}

pub(crate) type Result<T> = std::result::Result<T, SampleError>;
