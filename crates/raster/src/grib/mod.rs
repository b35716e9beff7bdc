//! GRIB, editions 1 and 2: an index of a file's fields, and one field of it as a raster.
//!
//! Headers are read from the first bytes of each message, once a file; of the packed values only those of the field that is
//! wanted. Edition 1 is read by code of our own, the fields of edition 2 are unpacked by the `grib` crate. Degrees of latitude
//! and longitude are taken for those of WGS 84 whatever sphere a message names; values keep their units.

mod bytes;
mod edition1;
mod edition2;
mod field;
mod grid;
mod index;
mod parameters;
mod unpack;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cube_geo::Window;
use cube_model::{Pixel, Pixels};

use crate::bytes::{ByteSource, LocalFile};
use crate::error::check_size;
use crate::netcdf_reader::{check_window, pixels, pixels_of};
use crate::{Plane, Raster, RasterError, RasterHeader, RasterLocation};

use field::Field;
pub(crate) use index::Refusal;

/// A GRIB file with the index of its fields.
pub(crate) struct GribFile {
    source: Box<dyn ByteSource>,
    fields: Vec<Field>,
    /// The field that was unpacked last, for a second reader of it.
    last: Mutex<Option<(usize, Arc<Pixels>)>>,
}

/// True for a file that begins with these bytes.
pub(crate) fn is_grib(magic: &[u8]) -> bool {
    magic.starts_with(b"GRIB")
}

/// Reads the headers of a file on disk.
pub(crate) fn open_path(path: &Path) -> Result<GribFile, Refusal> {
    let source = LocalFile::open(path).map_err(|e| Refusal::Broken(e.to_string()))?;
    GribFile::new(Box::new(source))
}

impl GribFile {
    /// Walks over the headers of all messages.
    pub(crate) fn new(source: Box<dyn ByteSource>) -> Result<Self, Refusal> {
        let fields = index::fields(source.as_ref())?;
        Ok(Self { source, fields, last: Mutex::default() })
    }

    /// All values of a field, in its header's shape.
    fn unpacked(&self, number: usize, location: &str) -> Result<Arc<Pixels>, RasterError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((there, pixels)) = last.as_ref()
            && *there == number
        {
            return Ok(pixels.clone());
        }
        let no_field = || RasterError::NoBand { location: location.to_owned(), band: number, has: self.fields.len() };
        let field = number.checked_sub(1).and_then(|i| self.fields.get(i)).ok_or_else(no_field)?;
        let header = field.header();
        let (shape, window) = (header.shape, header.shape.whole());
        check_size(location, || format!("a field of {shape}"), [shape.rows, shape.cols], header.dtype.bytes())?;
        let corrupt = |reason| RasterError::Corrupt { location: location.to_owned(), level: 0, window, reason };
        let pixels = Arc::new(unpack::field(self.source.as_ref(), field).map_err(corrupt)?);
        *last = Some((number, pixels.clone()));
        Ok(pixels)
    }

    /// What an index is made from.
    pub(crate) fn planes(&self) -> Vec<Plane> {
        let plane = |(field, band): (&Field, usize)| {
            let header = field.header();
            Plane { layer: None, band, name: Some(field.name()), keys: field.keys(), time: header.time, header }
        };
        self.fields.iter().zip(1..).map(plane).collect()
    }
}

/// One field of a file.
#[derive(Clone)]
pub(crate) struct GribRaster {
    file: Arc<GribFile>,
    number: usize,
    location: String,
    header: Arc<RasterHeader>,
    /// Its values, unpacked when they are first asked for; shared by its readers.
    values: Arc<OnceLock<Arc<Pixels>>>,
}

impl GribRaster {
    /// The field whose number is the location's band.
    pub(crate) fn of(file: Arc<GribFile>, location: &RasterLocation) -> Result<Self, RasterError> {
        let place = location.to_string();
        if let Some(layer) = &location.layer {
            return Err(RasterError::NoLayer { location: place, layer: layer.clone(), has: Vec::new() });
        }
        let field = location.band.checked_sub(1).and_then(|i| file.fields.get(i));
        let Some(field) = field else {
            return Err(RasterError::NoBand { location: place, band: location.band, has: file.fields.len() });
        };
        let header = Arc::new(field.header());
        Ok(Self { number: location.band, header, location: place, values: Arc::default(), file })
    }

    fn values(&self) -> Result<Arc<Pixels>, RasterError> {
        if let Some(values) = self.values.get() {
            return Ok(values.clone());
        }
        let values = self.file.unpacked(self.number, &self.location)?;
        Ok(self.values.get_or_init(|| values).clone())
    }
}

impl Raster for GribRaster {
    fn header(&self) -> &RasterHeader {
        &self.header
    }

    fn read(&mut self, level: usize, window: Window) -> Result<Pixels, RasterError> {
        check_window(&self.location, &self.header, level, window)?;
        let all = self.values()?;
        if window == self.header.shape.whole() {
            return Ok((*all).clone());
        }
        Ok(match &*all {
            Pixels::Float64(values) => cut(values.as_slice().unwrap_or_default(), self.header.shape.cols, window),
            Pixels::Float32(values) => cut(values.as_slice().unwrap_or_default(), self.header.shape.cols, window),
            _ => pixels::<f64>(window.shape(), std::iter::empty()),
        })
    }

    fn read_mask(&mut self, _level: usize, _window: Window) -> Result<Option<Vec<u8>>, RasterError> {
        Ok(None)
    }

    fn another(&self) -> Option<Box<dyn Raster>> {
        Some(Box::new(self.clone()))
    }
}

/// A window of an image whose rows have `cols` values.
fn cut<T: Pixel>(values: &[T], cols: usize, window: Window) -> Pixels {
    let mut kept = Vec::with_capacity(window.shape().pixels());
    for row in window.row..window.row_end() {
        let start = row * cols + window.col;
        kept.extend_from_slice(values.get(start..start + window.cols).unwrap_or_default());
    }
    pixels_of(window.shape(), kept)
}

#[cfg(test)]
mod tests;
