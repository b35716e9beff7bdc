//! One band of an opened file.

use std::collections::BTreeMap;
use std::sync::Arc;

use cube_geo::Window;
use cube_model::{DataType, Pixels};

use super::file::Jp2File;
use crate::netcdf_reader::{check_window, pixels_of};
use crate::{Plane, Raster, RasterError, RasterHeader, RasterLocation};

/// A band; the file is shared with the readers of others.
struct Jp2Raster {
    file: Arc<Jp2File>,
    /// 0-based.
    band: usize,
    location: Arc<str>,
    header: Arc<RasterHeader>,
}

/// Opens the band of `location` of a file that is read already.
pub(crate) fn open(file: Arc<Jp2File>, location: &RasterLocation) -> Result<Box<dyn Raster>, RasterError> {
    let place = location.to_string();
    if let Some(layer) = &location.layer {
        return Err(RasterError::NoLayer { location: place, layer: layer.clone(), has: Vec::new() });
    }
    let (band, has) = (location.band, file.bands());
    if band == 0 || band > has {
        return Err(RasterError::NoBand { location: place, band, has });
    }
    let header = Arc::new(file.header());
    Ok(Box::new(Jp2Raster { file, band: band - 1, location: place.into(), header }))
}

/// All bands of a file.
pub(crate) fn planes(file: &Jp2File) -> Vec<Plane> {
    let plane =
        |band| Plane { layer: None, band, name: None, keys: BTreeMap::new(), time: None, header: file.header() };
    (1..=file.bands()).map(plane).collect()
}

impl Raster for Jp2Raster {
    fn header(&self) -> &RasterHeader {
        &self.header
    }

    fn read(&mut self, level: usize, window: Window) -> Result<Pixels, RasterError> {
        check_window(&self.location, &self.header, level, window)?;
        let (file, shape, band) = (&self.file, window.shape(), self.band);
        let pixels = match file.dtype() {
            DataType::UInt8 => {
                // Clamped to 8 bits when it was unpacked.
                let byte = |v: u16| u8::try_from(v).unwrap_or(u8::MAX);
                file.pixels(level, window, band, byte).map(|v| pixels_of(shape, v))
            }
            DataType::Int16 => file.pixels(level, window, band, u16::cast_signed).map(|v| pixels_of(shape, v)),
            _ => file.pixels(level, window, band, |v| v).map(|v| pixels_of(shape, v)),
        };
        let location = self.location.to_string();
        pixels.map_err(|reason| RasterError::Corrupt { location, level, window, reason })
    }

    fn read_mask(&mut self, level: usize, window: Window) -> Result<Option<Vec<u8>>, RasterError> {
        check_window(&self.location, &self.header, level, window)?;
        Ok(None)
    }

    fn another(&self) -> Option<Box<dyn Raster>> {
        Some(Box::new(Self {
            file: self.file.clone(),
            band: self.band,
            location: self.location.clone(),
            header: self.header.clone(),
        }))
    }

    fn stored_bytes(&self, level: usize, window: Window) -> Option<u64> {
        check_window(&self.location, &self.header, level, window).ok()?;
        self.file.stored_bytes(level, window)
    }
}
