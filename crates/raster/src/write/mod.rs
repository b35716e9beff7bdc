//! Cubes into files. Every writer works beside its target and renames at the end: a file appears under its name
//! only when it is complete.

mod atomic;
mod cf_out;
mod codec;
#[cfg(feature = "gdal")]
mod cog;
mod gathered;
#[cfg(feature = "gdal")]
mod geotiffs;
mod netcdf;
mod pieces;
mod plane;
mod sink;
mod whole;
mod zarr;

pub use atomic::{Staging, discard_unfinished};
#[cfg(feature = "gdal")]
pub use cog::write_cog;
pub use gathered::{cog_sink, geotiffs_sink};
#[cfg(feature = "gdal")]
pub use geotiffs::write_geotiffs;
pub use netcdf::{netcdf_sink, write_netcdf};
pub use sink::{ArrayLayout, CubeLayout, CubeSink, Place};
pub use whole::put_cube;
pub use zarr::{write_zarr, zarr_sink};

/// How pixels are compressed in an output; all choices are lossless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Deflate (gzip in Zarr): read everywhere.
    Deflate,
    /// Zstandard: faster, not read by old software; not in NetCDF.
    Zstd,
    /// LZW: GeoTIFF only.
    Lzw,
}

/// How an output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteOptions {
    /// `None` takes the format's usual one: deflate in GeoTIFF and NetCDF, Zstandard in Zarr.
    pub compress: Option<Compression>,
    /// Replace what stands at the target.
    pub overwrite: bool,
}

#[cfg(not(feature = "gdal"))]
mod without_gdal {
    use std::path::{Path, PathBuf};

    use cube_model::Cube;

    use super::WriteOptions;
    use crate::RasterError;

    fn refuse(path: &Path) -> RasterError {
        RasterError::Unsupported {
            location: path.display().to_string(),
            what: "this build writes no GeoTIFF, it has no GDAL".to_owned(),
            remedy: "write Zarr or NetCDF, or use a build with the feature `gdal`".to_owned(),
        }
    }

    /// Refuses: GeoTIFF needs a build with GDAL.
    ///
    /// # Errors
    /// Always.
    pub fn write_cog(path: &Path, _cube: &Cube, _options: &WriteOptions) -> Result<(), RasterError> {
        Err(refuse(path))
    }

    /// Refuses: GeoTIFF needs a build with GDAL.
    ///
    /// # Errors
    /// Always.
    pub fn write_geotiffs(folder: &Path, _cube: &Cube, _options: &WriteOptions) -> Result<Vec<PathBuf>, RasterError> {
        Err(refuse(folder))
    }
}
#[cfg(not(feature = "gdal"))]
pub use without_gdal::{write_cog, write_geotiffs};
