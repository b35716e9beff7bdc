//! One band of an opened file.

use std::collections::BTreeMap;
use std::sync::Arc;

use cube_geo::Window;
use cube_model::{DataType, Pixel, Pixels, for_each_dtype};

use super::Failure;
use super::blocks::Plane as Stored;
use super::codec::OLD_LZW;
use super::file::{TiffFile, Validity};
use super::image::Image;
use crate::netcdf_reader::{check_window, pixels_of};
use crate::{Plane, Raster, RasterError, RasterHeader, RasterLocation};

/// A band; the file is shared with the readers of others.
pub(crate) struct TiffRaster {
    file: Arc<TiffFile>,
    /// 0-based.
    band: usize,
    location: Arc<str>,
    header: Arc<RasterHeader>,
}

/// Opens the band of `location` of a file that is read already.
pub(crate) fn open(file: Arc<TiffFile>, location: &RasterLocation) -> Result<Box<dyn Raster>, RasterError> {
    let place = location.to_string();
    // Old documents number the bands of a GeoTIFF in `layer`.
    let band = match &location.layer {
        None => location.band,
        Some(layer) => match layer.parse::<usize>() {
            Ok(number) if location.band == 1 => number,
            _ => return Err(RasterError::NoLayer { location: place, layer: layer.clone(), has: Vec::new() }),
        },
    };
    let has = file.bands();
    if band == 0 || band > has {
        return Err(RasterError::NoBand { location: place, band, has });
    }
    let header = Arc::new(file.header(band - 1));
    Ok(Box::new(TiffRaster { file, band: band - 1, location: place.into(), header }))
}

/// All bands of a file.
pub(crate) fn planes(file: &TiffFile) -> Vec<Plane> {
    (0..file.bands())
        .map(|band| {
            let header = file.header(band);
            Plane {
                layer: None,
                band: band + 1,
                name: file.name(band),
                keys: BTreeMap::new(),
                time: header.time,
                header,
            }
        })
        .collect()
}

impl TiffRaster {
    fn stored<'f>(&'f self, image: &'f Image, band: usize, level: Option<usize>) -> Stored<'f> {
        Stored { source: self.file.source.as_ref(), image, band, kept: level.map(|level| (&self.file.cache, level)) }
    }

    fn values(&self, level: usize, window: Window) -> Result<Pixels, Failure> {
        let image = &self.file.levels.get(level).ok_or("there is no such level")?.image;
        let plane = self.stored(image, self.band, Some(level));
        let (shape, missing) = (window.shape(), self.file.raw_nodata().unwrap_or(0.0));
        if image.stored == DataType::Float16 {
            #[expect(clippy::cast_possible_truncation, reason = "the pixels are of that precision")]
            let fill = missing as f32;
            let values = plane.read(window, fill, |bits: u16| half::f16::from_bits(bits).to_f32())?;
            return Ok(pixels_of(shape, values));
        }
        for_each_dtype!(
            image.stored,
            T => {
                // A float holds the nodata of whole numbers: the file was refused where it does not.
                Ok(pixels_of(shape, plane.read_same::<T>(window, T::from_f64(missing))?))
            },
            _ => Err(Failure::Broken(format!("{} is no type of pixels", image.stored)))
        )
    }

    /// As `values`, of two windows at once, where the pixels are as they are stored.
    fn two_values(&self, level: usize, windows: [Window; 2]) -> Option<[Result<Pixels, Failure>; 2]> {
        let image = &self.file.levels.get(level)?.image;
        let (plane, missing) = (self.stored(image, self.band, Some(level)), self.file.raw_nodata().unwrap_or(0.0));
        let [one, two] = windows.map(Window::shape);
        for_each_dtype!(
            image.stored,
            T => {
                let [a, b] = plane.read_same_two::<T>(windows, T::from_f64(missing));
                Some([a.map(|values| pixels_of(one, values)), b.map(|values| pixels_of(two, values))])
            },
            _ => None
        )
    }

    fn validity(&self, level: usize, window: Window) -> Result<Option<Vec<u8>>, Failure> {
        let found = self.file.levels.get(level).ok_or("there is no such level")?;
        match self.file.validity(self.band) {
            Validity::InPixels => Ok(None),
            Validity::Mask => {
                let mask = found.mask.as_ref().ok_or("the level has no mask, unlike the file")?;
                let band = if mask.samples == 1 { 0 } else { self.band };
                self.stored(mask, band, None).read_same(window, 0_u8).map(Some)
            }
            Validity::Alpha(alpha) => {
                let plane = self.stored(&found.image, alpha, Some(level));
                if found.image.stored == DataType::UInt8 {
                    return plane.read_same(window, 0_u8).map(Some);
                }
                // As GDAL: 255 levels, and what is not quite transparent stays so.
                let byte =
                    |alpha: u16| u8::try_from(u32::from(alpha) * 255 / 65_535).unwrap_or(255).max(alpha.min(1) as u8);
                plane.read(window, 0, byte).map(Some)
            }
        }
    }

    fn corrupt(&self, level: usize, window: Window, failure: Failure) -> RasterError {
        let reason = match failure {
            Failure::Unreached(error) => return *error,
            Failure::Broken(reason) => reason,
        };
        if reason == OLD_LZW {
            // Sound, and only seen when it is unpacked: to fetch it again would not help.
            return RasterError::Unsupported {
                location: self.location.to_string(),
                what: reason,
                remedy: "convert the file: gdal_translate -of COG old.tif new.tif".to_owned(),
            };
        }
        RasterError::Corrupt { location: self.location.to_string(), level, window, reason }
    }
}

impl Raster for TiffRaster {
    fn header(&self) -> &RasterHeader {
        &self.header
    }

    fn read(&mut self, level: usize, window: Window) -> Result<Pixels, RasterError> {
        check_window(&self.location, &self.header, level, window)?;
        self.values(level, window).map_err(|failure| self.corrupt(level, window, failure))
    }

    fn read_two(&mut self, level: usize, windows: [Window; 2]) -> [Result<Pixels, RasterError>; 2] {
        let fit = windows.iter().all(|window| check_window(&self.location, &self.header, level, *window).is_ok());
        match fit.then(|| self.two_values(level, windows)).flatten() {
            Some([a, b]) => {
                let [one, two] = windows;
                [
                    a.map_err(|reason| self.corrupt(level, one, reason)),
                    b.map_err(|reason| self.corrupt(level, two, reason)),
                ]
            }
            None => windows.map(|window| self.read(level, window)),
        }
    }

    fn read_mask(&mut self, level: usize, window: Window) -> Result<Option<Vec<u8>>, RasterError> {
        check_window(&self.location, &self.header, level, window)?;
        self.validity(level, window).map_err(|failure| self.corrupt(level, window, failure))
    }

    fn another(&self) -> Option<Box<dyn Raster>> {
        Some(Box::new(Self {
            file: self.file.clone(),
            band: self.band,
            location: self.location.clone(),
            header: self.header.clone(),
        }))
    }

    fn expect(&self, level: usize, windows: &[Window]) -> bool {
        let source = self.file.source.as_ref();
        if !source.is_far() {
            return true;
        }
        let Some(found) = self.file.levels.get(level) else { return true };
        let mut images = vec![(&found.image, self.band)];
        match self.file.validity(self.band) {
            Validity::Mask => images.extend(found.mask.as_ref().map(|mask| (mask, 0))),
            Validity::Alpha(alpha) if found.image.planar => images.push((&found.image, alpha)),
            Validity::InPixels | Validity::Alpha(_) => {}
        }
        let mut ranges = Vec::new();
        for (image, band) in images {
            for window in windows.iter().filter_map(|window| window.intersection(image.shape.whole())) {
                // Who reads it is told what is wrong.
                ranges.extend(self.stored(image, band, None).places(window).unwrap_or_default());
            }
        }
        source.expect(&ranges)
    }

    fn stored_bytes(&self, level: usize, window: Window) -> Option<u64> {
        check_window(&self.location, &self.header, level, window).ok()?;
        let image = &self.file.levels.get(level)?.image;
        self.stored(image, self.band, None).stored_bytes(window).ok().flatten()
    }
}
