//! Pixels in and out of files.
//!
//! One small trait, [`Raster`], stands for an opened file; [`open`] picks the implementation. Writers turn a
//! cube into COG, Zarr v3 or NetCDF. Nothing here knows what a product means.

mod bytes;
mod cf;
mod drivers;
mod error;
#[cfg(feature = "gdal")]
mod gdal;
mod grib;
mod inflate;
mod items;
mod jp2;
mod location;
mod netcdf_reader;
mod open;
mod open_files;
mod planes;
mod source;
mod tiff;
mod tiff_tags;
mod write;
mod zarr_place;
mod zarr_reader;

pub use bytes::{Access, AccessSettings, ByteSource, Listed};
pub use drivers::{Drivers, available_drivers};
pub use error::RasterError;
pub use jp2::open_jp2;
pub use location::RasterLocation;
pub use open::{dimensions, open, planes};
pub use open_files::OpenFiles;
pub use planes::{Dimension, Plane};
pub use source::{Raster, RasterHeader};
pub use tiff::open_geotiff;
pub use write::{
    ArrayLayout, Compression, CubeLayout, CubeSink, Place, Staging, WriteOptions, cog_sink, discard_unfinished,
    geotiffs_sink, netcdf_sink, put_cube, write_cog, write_geotiffs, write_netcdf, write_zarr, zarr_sink,
};
