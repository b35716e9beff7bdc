//! Cloud-optimised GeoTIFF, through GDAL's COG driver.

use std::path::Path;

use cube_model::{Cube, CubeArray, DataType, Pixel};
use gdal::cpl::CslStringList;
use gdal::raster::{Buffer, GdalType};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager, Metadata};
use ndarray::{ArrayView2, s};

use super::atomic::Staging;
use super::gathered::{extras, plane};
use super::{Compression, WriteOptions};
use crate::RasterError;
use crate::gdal_setup::listen;

/// One band of the output: a plane of an array.
pub(super) struct Band<'c> {
    pub(super) name: String,
    pub(super) array: &'c CubeArray,
    pub(super) extra: Option<usize>,
}

/// Writes one time of a cube as a cloud-optimised GeoTIFF: blocks of 512 pixels, overviews, CRS and affine, and
/// one named band a measurement (one a value of the extra dimension) with its nodata, units, scale and offset.
///
/// NaN is the nodata of floats that have no other, and becomes that other where they have one. Overviews are the
/// nearest pixel where a measurement has flags, averages of valid pixels otherwise.
///
/// # Errors
/// Where the cube has several times, or measurements of several types or nodata values, which one GeoTIFF cannot
/// hold; where the target exists; where it cannot be written.
pub fn write_cog(path: &Path, cube: &Cube, options: &WriteOptions) -> Result<(), RasterError> {
    if cube.times.len() != 1 {
        return Err(inexpressible(path, format!("it has {} times", cube.times.len())));
    }
    let mut bands = Vec::new();
    for (name, array) in &cube.arrays {
        for extra in extras(cube, array) {
            let value = extra.and_then(|i| cube.extra.as_ref()?.values.get(i));
            let name = value.map_or_else(|| name.clone(), |value| format!("{name}_{value}"));
            bands.push(Band { name, array, extra });
        }
    }
    write_bands(path, cube, 0, &bands, *options)
}

/// Writes bands of the time with this index.
pub(super) fn write_bands(
    path: &Path,
    cube: &Cube,
    time: usize,
    bands: &[Band<'_>],
    options: WriteOptions,
) -> Result<(), RasterError> {
    let Some(first) = bands.first() else { return Err(inexpressible(path, "it has no measurement".to_owned())) };
    let dtype = first.array.pixels.dtype();
    if let Some(other) = bands.iter().find(|b| b.array.pixels.dtype() != dtype) {
        let types = format!("{} is {dtype}, {} is {}", first.name, other.name, other.array.pixels.dtype());
        return Err(inexpressible(path, types));
    }
    let nodata = nodata(first.array);
    if let Some(other) = bands.iter().find(|b| !same(self::nodata(b.array), nodata)) {
        let show = |n: Option<f64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let what = format!(
            "the nodata of {} is {}, that of {} is {}",
            first.name,
            show(nodata),
            other.name,
            show(self::nodata(other.array))
        );
        return Err(inexpressible(path, what));
    }
    let staging = Staging::begin(path, options.overwrite)?;
    let (made, said) = listen(|| {
        cube_model::for_each_dtype!(
            dtype,
            T => <T as Sample>::write(&staging, cube, time, bands, nodata, options),
            _ => Ok(())
        )
    });
    let reason = match (made, said) {
        (Ok(()), None) => return staging.publish(),
        (Ok(()), Some(said)) => said,
        (Err(error), said) => said.unwrap_or_else(|| error.to_string()),
    };
    Err(RasterError::Unwritable { path: path.to_owned(), reason })
}

fn inexpressible(path: &Path, what: String) -> RasterError {
    RasterError::Inexpressible {
        path: path.to_owned(),
        what,
        remedy:
            "a GeoTIFF holds one time and one data type with one nodata value; write a folder (-o dir/), .zarr or .nc"
                .to_owned(),
    }
}

/// The nodata value that the file states.
fn nodata(array: &CubeArray) -> Option<f64> {
    array.nodata.or_else(|| array.pixels.dtype().is_float().then_some(f64::NAN))
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    a == b || matches!((a, b), (Some(a), Some(b)) if a.is_nan() && b.is_nan())
}

/// How a pixel type goes into a GeoTIFF.
trait Sample: Pixel {
    /// The type that GDAL sees.
    type Stored: GdalType + Copy + Default;
    /// Converts; NaN becomes the nodata value.
    fn store(self, nodata: Option<f64>) -> Self::Stored;

    fn write(
        staging: &Staging,
        cube: &Cube,
        time: usize,
        bands: &[Band<'_>],
        nodata: Option<f64>,
        options: WriteOptions,
    ) -> gdal::errors::Result<()> {
        let working = working_file::<Self>(staging, cube, time, bands, nodata)?;
        let flagged = bands.iter().any(|b| !b.array.measurement.flags.is_empty());
        let mut list = CslStringList::new();
        for (key, value) in [
            ("BLOCKSIZE", "512"),
            ("BIGTIFF", "IF_SAFER"),
            ("NUM_THREADS", "ALL_CPUS"),
            ("OVERVIEWS", "AUTO"),
            ("OVERVIEW_RESAMPLING", if flagged { "NEAREST" } else { "AVERAGE" }),
            ("COMPRESS", compression(options.compress)),
            ("PREDICTOR", if options.compress == Some(Compression::None) { "NO" } else { "YES" }),
        ] {
            list.set_name_value(key, value)?;
        }
        let driver = DriverManager::get_driver_by_name("COG")?;
        working.create_copy(&driver, staging.path(), &list)?.close()
    }
}

macro_rules! samples {
    ($($type:ty => $stored:ty, $store:expr;)*) => {
        $(impl Sample for $type {
            type Stored = $stored;
            #[inline]
            fn store(self, nodata: Option<f64>) -> $stored {
                let store: fn($type, Option<f64>) -> $stored = $store;
                store(self, nodata)
            }
        })*
    };
}

samples! {
    u8 => u8, |v, _| v;
    // GDAL before 3.7 keeps signed bytes as bytes with a note.
    i8 => u8, |v, _| v.cast_unsigned();
    u16 => u16, |v, _| v;
    i16 => i16, |v, _| v;
    u32 => u32, |v, _| v;
    i32 => i32, |v, _| v;
    u64 => u64, |v, _| v;
    i64 => i64, |v, _| v;
    f32 => f32, |v, nodata| if v.is_nan() { nodata.map_or(v, f32::from_f64) } else { v };
    f64 => f64, |v, nodata| if v.is_nan() { nodata.unwrap_or(v) } else { v };
}

const fn compression(compress: Option<Compression>) -> &'static str {
    match compress {
        Some(Compression::None) => "NONE",
        None | Some(Compression::Deflate) => "DEFLATE",
        Some(Compression::Zstd) => "ZSTD",
        Some(Compression::Lzw) => "LZW",
    }
}

/// A dataset with all pixels and labels: in memory while small, else a tiled file that is read back piece by
/// piece, so that a large output does not take its size again.
fn working_file<T: Sample>(
    staging: &Staging,
    cube: &Cube,
    time: usize,
    bands: &[Band<'_>],
    nodata: Option<f64>,
) -> gdal::errors::Result<Dataset> {
    const MOST_IN_MEMORY: usize = 64 << 20;
    let shape = cube.geobox.shape;
    let is_small = shape.pixels().saturating_mul(bands.len() * size_of::<T>()) <= MOST_IN_MEMORY;
    // The memory driver does not keep the note that bytes are signed.
    let in_memory = is_small && T::DTYPE != DataType::Int8;
    let mut list = CslStringList::new();
    if T::DTYPE == DataType::Int8 {
        list.set_name_value("PIXELTYPE", "SIGNEDBYTE")?;
    }
    if !in_memory {
        for (key, value) in [("TILED", "YES"), ("BLOCKXSIZE", "512"), ("BLOCKYSIZE", "512"), ("BIGTIFF", "IF_SAFER")] {
            list.set_name_value(key, value)?;
        }
    }
    let driver = DriverManager::get_driver_by_name(if in_memory { "MEM" } else { "GTiff" })?;
    let mut dataset = driver.create_with_band_type_with_options::<T::Stored, _>(
        staging.scratch("working.tif"),
        shape.cols,
        shape.rows,
        bands.len(),
        &list,
    )?;
    dataset.set_geo_transform(&cube.geobox.affine.to_gdal())?;
    dataset.set_spatial_ref(&SpatialRef::from_definition(cube.geobox.crs.wkt())?)?;
    if let Some(time) = cube.times.get(time) {
        dataset.set_metadata_item("TIFFTAG_DATETIME", &time.strftime("%Y:%m:%d %H:%M:%S").to_string(), "")?;
        dataset.set_metadata_item("time", &time.to_string(), "")?;
    }
    for (number, band) in (1..).zip(bands) {
        label(&dataset, number, band, nodata)?;
        if let Some(pixels) = plane::<T>(band.array, time, band.extra) {
            write_pixels(&dataset, number, &pixels, nodata)?;
        }
    }
    dataset.flush_cache()?;
    Ok(dataset)
}

fn label(dataset: &Dataset, number: usize, band: &Band<'_>, nodata: Option<f64>) -> gdal::errors::Result<()> {
    let mut out = dataset.rasterband(number)?;
    let measurement = &band.array.measurement;
    out.set_description(&band.name)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to fit the type; `as` clamps")]
    match (band.array.pixels.dtype(), nodata.filter(|n| band.array.pixels.dtype().holds(*n))) {
        (_, None) => {}
        (DataType::UInt64, Some(value)) => out.set_no_data_value_u64(Some(value as u64))?,
        (DataType::Int64, Some(value)) => out.set_no_data_value_i64(Some(value as i64))?,
        (_, Some(value)) => out.set_no_data_value(Some(value))?,
    }
    if let Some(scale) = measurement.scale_factor {
        out.set_scale(scale)?;
    }
    if let Some(offset) = measurement.add_offset {
        out.set_offset(offset)?;
    }
    if measurement.units != "1" {
        set_unit(&out, &measurement.units)?;
    }
    Ok(())
}

#[expect(unsafe_code, reason = "GDALSetRasterUnitType, which the gdal crate does not offer")]
fn set_unit(band: &gdal::raster::RasterBand<'_>, unit: &str) -> gdal::errors::Result<()> {
    let unit = std::ffi::CString::new(unit)?;
    // SAFETY: the band lives as long as its dataset, which outlives the call; GDAL copies the text.
    let code = unsafe { gdal_sys::GDALSetRasterUnitType(band.c_rasterband(), unit.as_ptr()) };
    if code == gdal_sys::CPLErr::CE_None {
        Ok(())
    } else {
        Err(gdal::errors::GdalError::BadArgument(format!("the unit {} is refused", unit.to_string_lossy())))
    }
}

fn write_pixels<T: Sample>(
    dataset: &Dataset,
    number: usize,
    pixels: &ArrayView2<'_, T>,
    nodata: Option<f64>,
) -> gdal::errors::Result<()> {
    const ROWS: usize = 512;
    let mut band = dataset.rasterband(number)?;
    let (rows, cols) = pixels.dim();
    // From GDAL 3.7 on, signed bytes are a type of their own, which 16 bits reach without loss.
    let native_int8 = T::DTYPE == DataType::Int8 && band.band_type().name() == "Int8";
    for row in (0..rows).step_by(ROWS) {
        let end = rows.min(row + ROWS);
        let (origin, size) = ((0, isize::try_from(row)?), (cols, end - row));
        if native_int8 {
            #[expect(clippy::cast_possible_truncation, reason = "values of int8")]
            let values = pixels.slice(s![row..end, ..]).iter().map(|v| v.to_f64() as i16).collect();
            band.write(origin, size, &mut Buffer::new(size, values))?;
            continue;
        }
        let values: Vec<T::Stored> = pixels.slice(s![row..end, ..]).iter().map(|v| v.store(nodata)).collect();
        band.write(origin, size, &mut Buffer::new(size, values))?;
    }
    Ok(())
}
