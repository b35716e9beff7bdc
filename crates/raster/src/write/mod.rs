//! Cubes into files. Every writer works beside its target and renames at the end: a file appears under its name
//! only when it is complete.

mod atomic;
mod cf_out;
mod codec;
mod cog;
mod geotiffs;
mod netcdf;
mod netcdf_cache;
mod pieces;
mod plane;
mod sink;
mod sync;
mod tiff;
mod whole;
mod zarr;

pub use atomic::{Staging, discard_unfinished};
pub use cog::{cog_sink, write_cog};
pub use geotiffs::{geotiffs_sink, write_geotiffs};
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
