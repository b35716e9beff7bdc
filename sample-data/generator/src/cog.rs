//! Bands into cloud-optimised GeoTIFF files, through GDAL's COG driver.

use std::path::Path;

use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{DriverManager, errors::GdalError};

use crate::error::{Result, SampleError};
use crate::tile::{PIXEL, Tile};

/// How an overview is made from the level below it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Overview {
    /// Mean of the valid pixels, for quantities.
    Average,
    /// One of the pixels, for classes.
    Nearest,
}

/// Writes one band, rows from north, nodata 0. Deflate level 9 with horizontal differencing, 256-pixel blocks. No clock
/// and no path goes into the file: the same GDAL writes the same bytes.
pub(crate) fn write<T: GdalType + Copy>(path: &Path, tile: &Tile, pixels: Vec<T>, overview: Overview) -> Result<()> {
    write_band(path, tile, pixels, overview).map_err(|source| SampleError::Gdal { path: path.to_owned(), source })
}

fn write_band<T: GdalType + Copy>(
    path: &Path,
    tile: &Tile,
    pixels: Vec<T>,
    overview: Overview,
) -> std::result::Result<(), GdalError> {
    let (rows, columns) = tile.shape;
    let mut memory = DriverManager::get_driver_by_name("MEM")?.create_with_band_type::<T, _>("", columns, rows, 1)?;
    memory.set_geo_transform(&[tile.left, PIXEL, 0.0, tile.top, 0.0, -PIXEL])?;
    memory.set_spatial_ref(&SpatialRef::from_epsg(tile.epsg)?)?;
    let mut band = memory.rasterband(1)?;
    band.set_no_data_value(Some(0.0))?;
    band.write((0, 0), (columns, rows), &mut Buffer::new((columns, rows), pixels))?;
    let resampling = match overview {
        Overview::Average => "OVERVIEW_RESAMPLING=AVERAGE",
        Overview::Nearest => "OVERVIEW_RESAMPLING=NEAREST",
    };
    let options = RasterCreationOptions::from_iter([
        "COMPRESS=DEFLATE",
        "LEVEL=9",
        "PREDICTOR=STANDARD",
        "BLOCKSIZE=256",
        "OVERVIEWS=IGNORE_EXISTING",
        resampling,
    ]);
    memory.create_copy(&DriverManager::get_driver_by_name("COG")?, path, &options)?.close()
}
