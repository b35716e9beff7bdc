//! Reading through GDAL.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cube_geo::{Affine, Crs, Shape, Window};
use cube_model::{DataType, Pixels};
use jiff::Timestamp;

use super::dataset::{Band, Dataset, GdalFailure, GdalPixel};
use super::messages::listen;
use super::setup::{RemoteOpen, setup};
use crate::error::check_size;
use crate::items::{Items, plane_time};
use crate::netcdf_reader::{check_window, pixels};
use crate::{Plane, Raster, RasterError, RasterHeader, RasterLocation};

/// A file that GDAL reads, with the handles that no thread uses. A handle belongs to one thread at a time, so there are as
/// many as threads read at once, however many bands they read.
pub(crate) struct GdalFile {
    name: String,
    layer: Option<String>,
    idle: Mutex<Vec<Handle>>,
}

/// An opened dataset.
struct Handle {
    dataset: Dataset,
    shared: Shared,
    /// The layer that was asked for is this dataset.
    layer_found: bool,
}

impl GdalFile {
    /// The file that GDAL calls `name`, at a layer; it is opened when it is read.
    pub(crate) fn new(name: &str, layer: Option<&str>) -> Self {
        Self { name: name.to_owned(), layer: layer.map(str::to_owned), idle: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Handle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the handles that no thread uses; the file can still be read.
    pub(crate) fn close_idle(&self) {
        self.lock().clear();
    }

    /// Runs `work` with a handle, and keeps it for the next one.
    fn with_handle<T>(&self, location: &str, work: impl FnOnce(&Handle) -> T) -> Result<T, RasterError> {
        let idle = self.lock().pop();
        let handle = if let Some(handle) = idle {
            handle
        } else {
            let (dataset, layer_found) = open_layer(&self.name, self.layer.as_deref(), location)?;
            let shared = Shared::read(&dataset, &self.name);
            Handle { dataset, shared, layer_found }
        };
        let result = work(&handle);
        self.lock().push(handle);
        Ok(result)
    }
}

/// One band of a GDAL dataset.
#[derive(Clone)]
pub(crate) struct GdalRaster {
    file: Arc<GdalFile>,
    band: usize,
    location: String,
    header: Arc<RasterHeader>,
}

impl GdalRaster {
    /// The band of `location`, which lies in `file`.
    pub(crate) fn of(file: Arc<GdalFile>, location: &RasterLocation) -> Result<Self, RasterError> {
        let place = location.to_string();
        let found = file.with_handle(&place, |handle| band_of(handle, location, &place))?;
        let (band, header) = found?;
        Ok(Self { file, band, location: place, header: Arc::new(header) })
    }

    /// Runs `read` on the band of a level and turns failures into sentences.
    fn on_band<T>(
        &self,
        level: usize,
        window: Window,
        read: impl FnOnce(Band<'_>) -> Result<T, GdalFailure>,
    ) -> Result<T, RasterError> {
        let (result, said) = self.file.with_handle(&self.location, |handle| {
            listen(|| {
                let full = handle.dataset.band(self.band)?;
                read(if level == 0 { full } else { full.overview(level - 1)? })
            })
        })?;
        let corrupt = |reason| RasterError::Corrupt { location: self.location.clone(), level, window, reason };
        match (result, said) {
            // Some drivers report a broken block and go on: pixels of such a read are not to be trusted.
            (Ok(_), Some(said)) => Err(corrupt(said)),
            (Ok(value), None) => Ok(value),
            (Err(error), said) => Err(corrupt(said.unwrap_or_else(|| error.to_string()))),
        }
    }

    fn values<T: GdalPixel>(&self, level: usize, window: Window) -> Result<Vec<T>, RasterError> {
        self.on_band(level, window, |band| band.read(window))
    }
}

impl Raster for GdalRaster {
    fn header(&self) -> &RasterHeader {
        &self.header
    }

    fn read(&mut self, level: usize, window: Window) -> Result<Pixels, RasterError> {
        check_window(&self.location, &self.header, level, window)?;
        let shape = window.shape();
        macro_rules! read {
            ($type:ty) => {
                Ok(pixels(shape, self.values::<$type>(level, window)?.into_iter()))
            };
        }
        match self.header.dtype {
            // Before GDAL 3.7 signed bytes are bytes with a note; from there a type that `i16` holds exactly.
            DataType::Int8 => {
                let native = self.on_band(level, window, |band| Ok(band.type_name() == "Int8"))?;
                if native {
                    let wide = self.values::<i16>(level, window)?;
                    #[expect(clippy::cast_possible_truncation, reason = "the band's type is int8")]
                    return Ok(pixels(shape, wide.into_iter().map(|v| v as i8)));
                }
                Ok(pixels(shape, self.values::<u8>(level, window)?.into_iter().map(u8::cast_signed)))
            }
            DataType::UInt8 => read!(u8),
            DataType::UInt16 => read!(u16),
            DataType::Int16 => read!(i16),
            DataType::UInt32 => read!(u32),
            DataType::Int32 => read!(i32),
            DataType::UInt64 => read!(u64),
            DataType::Int64 => read!(i64),
            DataType::Float32 => read!(f32),
            DataType::Float64 => read!(f64),
            other => Err(unsupported_type(&self.location, other.name())),
        }
    }

    fn read_mask(&mut self, level: usize, window: Window) -> Result<Option<Vec<u8>>, RasterError> {
        if !self.header.has_mask {
            return Ok(None);
        }
        check_window(&self.location, &self.header, level, window)?;
        self.on_band(level, window, |band| band.mask()?.read(window)).map(Some)
    }

    fn another(&self) -> Option<Box<dyn Raster>> {
        Some(Box::new(self.clone()))
    }
}

/// The number of the band that `location` means, and what the file says of it.
fn band_of(handle: &Handle, location: &RasterLocation, place: &str) -> Result<(usize, RasterHeader), RasterError> {
    let Handle { dataset, shared, layer_found } = handle;
    // Old documents number the bands of a GeoTIFF in `layer`.
    let numbered = location.layer.as_deref().and_then(|l| l.parse::<usize>().ok()).filter(|_| location.band == 1);
    let band = match numbered {
        Some(number) if !layer_found => number,
        _ if !layer_found && location.layer.is_some() => return Err(no_layer(dataset, location, place)),
        _ => location.band,
    };
    let has = dataset.band_count();
    if has == 0 {
        let layers = subdatasets(dataset).into_iter().map(|(layer, _)| layer).collect::<Vec<_>>();
        let location = place.to_owned();
        return Err(if layers.is_empty() {
            RasterError::NotAGrid { location, what: "it holds no image".to_owned() }
        } else {
            RasterError::ManyLayers { location, has: layers }
        });
    }
    if band == 0 || band > has {
        return Err(RasterError::NoBand { location: place.to_owned(), band, has });
    }
    Ok((band, band_header(dataset, band, shared, place)?))
}

/// All planes of a file: the bands, or the bands of all its layers.
pub(crate) fn planes(name: &str, layer: Option<&str>) -> Result<Vec<Plane>, RasterError> {
    let (dataset, found) = open_layer(name, layer, name)?;
    if layer.is_some() && !found {
        let location = RasterLocation { url: name.to_owned(), layer: layer.map(str::to_owned), band: 1 };
        return Err(no_layer(&dataset, &location, name));
    }
    if dataset.band_count() > 0 {
        return band_planes(&dataset, name, layer);
    }
    let mut all = Vec::new();
    for (layer, subdataset) in subdatasets(&dataset) {
        let dataset = open_dataset(&subdataset, name)?;
        all.extend(band_planes(&dataset, name, Some(&layer))?);
    }
    if all.is_empty() {
        return Err(RasterError::NotAGrid { location: name.to_owned(), what: "it holds no image".to_owned() });
    }
    Ok(all)
}

fn band_planes(dataset: &Dataset, name: &str, layer: Option<&str>) -> Result<Vec<Plane>, RasterError> {
    let shared = Shared::read(dataset, name);
    (1..=dataset.band_count())
        .map(|band| {
            let header = band_header(dataset, band, &shared, name)?;
            let (described, _) = listen(|| {
                let band = dataset.band(band).ok()?;
                let item = |key| band.item(key, "");
                item("GRIB_ELEMENT").or_else(|| item("NETCDF_VARNAME")).or_else(|| band.description())
            });
            let described = described.filter(|text| !text.is_empty());
            Ok(Plane {
                layer: layer.map(str::to_owned),
                band,
                name: described,
                keys: BTreeMap::new(),
                time: header.time,
                header,
            })
        })
        .collect()
}

fn open_dataset(name: &str, location: &str) -> Result<Dataset, RasterError> {
    let gdal = setup().map_err(|none| none.error(location, "it is for GDAL"))?;
    let _remote = RemoteOpen::begin(gdal, name);
    let unpadded = unpadded_grib(name);
    let name = unpadded.as_deref().unwrap_or(name);
    let (opened, said) = listen(|| Dataset::open(gdal, name));
    opened.map_err(|error| {
        let reason = said.unwrap_or_else(|| error.to_string());
        if reason.contains("No such file or directory") || reason.contains("does not exist in the file system") {
            return RasterError::Missing { location: location.to_owned() };
        }
        RasterError::Unreadable { location: location.to_owned(), driver: "GDAL".to_owned(), reason }
    })
}

/// The name of a GRIB file without the zeros that pad its end, `None` where there are none. GDAL takes such zeros
/// for a broken message and prints a warning to stdout, past its own error handler: our stdout is data.
fn unpadded_grib(name: &str) -> Option<String> {
    const TAIL: u64 = 64 * 1024;
    let mut file = File::open(name).ok()?;
    let mut head = [0; 4];
    file.read_exact(&mut head).ok()?;
    if &head != b"GRIB" {
        return None;
    }
    let length = file.metadata().ok()?.len();
    let tail_start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(tail_start)).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail).ok()?;
    let kept = tail.iter().rposition(|byte| *byte != 0)? + 1;
    (kept < tail.len() && tail[..kept].ends_with(b"7777"))
        .then(|| format!("/vsisubfile/0_{},{name}", tail_start + kept as u64))
}

/// The dataset of a layer, and whether the layer was found as one; without layers the file itself.
fn open_layer(name: &str, layer: Option<&str>, location: &str) -> Result<(Dataset, bool), RasterError> {
    let dataset = open_dataset(name, location)?;
    let Some(layer) = layer else { return Ok((dataset, false)) };
    let wanted = layer.trim_matches('/');
    if let Some((_, subdataset)) = subdatasets(&dataset).into_iter().find(|(name, _)| name == wanted) {
        return Ok((open_dataset(&subdataset, location)?, true));
    }
    let (only, _) = listen(|| dataset.band(1).ok().and_then(|b| b.item("NETCDF_VARNAME", "")));
    let found = only.as_deref() == Some(wanted);
    Ok((dataset, found))
}

fn no_layer(dataset: &Dataset, location: &RasterLocation, place: &str) -> RasterError {
    RasterError::NoLayer {
        location: place.to_owned(),
        layer: location.layer.clone().unwrap_or_default(),
        has: subdatasets(dataset).into_iter().map(|(layer, _)| layer).collect(),
    }
}

/// Layers of a container: their names and what GDAL calls them (`HDF5:"f.h5"://group/array`).
fn subdatasets(dataset: &Dataset) -> Vec<(String, String)> {
    let entries = dataset.subdatasets();
    entries
        .iter()
        .filter_map(|entry| {
            let (key, name) = entry.split_once('=')?;
            let layer = name.rsplit(':').next()?.trim_matches(['/', '"']);
            key.ends_with("_NAME").then(|| (layer.to_owned(), name.to_owned()))
        })
        .collect()
}

/// What all bands of a dataset share.
struct Shared {
    affine: Option<Affine>,
    crs: Option<Crs>,
    driver: String,
    bytes: Option<u64>,
    time: Option<Timestamp>,
}

impl Shared {
    fn read(dataset: &Dataset, name: &str) -> Self {
        let (shared, _) = listen(|| {
            let crs = dataset.projection().map(|wkt| Crs::parse(&wkt)).and_then(|crs| {
                crs.inspect_err(|error| tracing::debug!(name, %error, "its CRS is not understood")).ok()
            });
            Self {
                affine: dataset.geo_transform().map(Affine::from_gdal),
                crs,
                driver: dataset.driver(),
                bytes: std::fs::metadata(name).ok().map(|m| m.len()),
                time: dataset.item("time").and_then(|text| text.parse().ok()),
            }
        });
        shared
    }
}

fn band_header(dataset: &Dataset, number: usize, shared: &Shared, location: &str) -> Result<RasterHeader, RasterError> {
    let (header, said) = listen(|| -> Result<Result<RasterHeader, String>, GdalFailure> {
        let band = dataset.band(number)?;
        let type_name = band.type_name();
        let Some(dtype) = data_type(band, &type_name) else { return Ok(Err(type_name)) };
        let (overviews, overview_blocks) = (0..band.overview_count())
            .map(|level| band.overview(level).map(|overview| (overview.shape(), overview.block())))
            .collect::<Result<(Vec<Shape>, Vec<Shape>), GdalFailure>>()?;
        let items = Items { band: &|key| band.item(key, ""), file: &|key| dataset.item(key) };
        // Drivers answer 1 and 0 for bands that say nothing.
        let scale_offset =
            Some((band.scale().unwrap_or(1.0), band.offset().unwrap_or(0.0))).filter(|said| *said != (1.0, 0.0));
        let units = band.unit().or_else(|| band.item("GRIB_UNIT", ""));
        Ok(Ok(RasterHeader {
            dtype,
            shape: band.shape(),
            affine: shared.affine,
            crs: shared.crs.clone(),
            healpix: None,
            nodata: nodata(band, dtype),
            has_mask: band.has_mask(),
            scale_offset,
            overviews,
            overview_blocks,
            block: band.block(),
            stored_bytes: shared.bytes.map(|all| all / dataset.band_count().max(1) as u64),
            time: plane_time(&items, shared.time),
            units: units.map(|u| u.trim_matches(['[', ']']).to_owned()),
            driver: shared.driver.clone(),
        }))
    });
    let header = match header {
        Ok(Ok(header)) => header,
        Ok(Err(type_name)) => return Err(unsupported_type(location, &type_name)),
        Err(error) => {
            return Err(RasterError::Unreadable {
                location: location.to_owned(),
                driver: format!("GDAL ({})", shared.driver),
                reason: said.unwrap_or_else(|| error.to_string()),
            });
        }
    };
    let block = header.block;
    check_size(location, || format!("a block of {block}"), [block.rows, block.cols], header.dtype.bytes())?;
    Ok(header)
}

fn unsupported_type(location: &str, type_name: &str) -> RasterError {
    RasterError::Unsupported {
        location: location.to_owned(),
        what: format!("its pixels are of type {type_name} (complex or unknown), which is not read"),
        remedy: "convert it to real numbers, such as amplitude and phase, first".to_owned(),
    }
}

fn data_type(band: Band<'_>, name: &str) -> Option<DataType> {
    Some(match name {
        "Byte" => match band.item("PIXELTYPE", "IMAGE_STRUCTURE").as_deref() {
            Some("SIGNEDBYTE") => DataType::Int8,
            _ => DataType::UInt8,
        },
        "Int8" => DataType::Int8,
        "UInt16" => DataType::UInt16,
        "Int16" => DataType::Int16,
        "UInt32" => DataType::UInt32,
        "Int32" => DataType::Int32,
        "UInt64" => DataType::UInt64,
        "Int64" => DataType::Int64,
        // Half precision comes widened.
        "Float16" | "Float32" => DataType::Float32,
        "Float64" => DataType::Float64,
        _ => return None,
    })
}

/// The nodata value as pixels show it; one that no pixel of the type can have says nothing.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a header's nodata is a float")]
fn nodata(band: Band<'_>, dtype: DataType) -> Option<f64> {
    match dtype {
        DataType::UInt64 => band.nodata_u64().map(|v| v as f64),
        DataType::Int64 => band.nodata_i64().map(|v| v as f64),
        DataType::Float32 => band.nodata().map(|v| f64::from(v as f32)),
        _ => band.nodata(),
    }
    .filter(|value| dtype.holds(*value))
}
