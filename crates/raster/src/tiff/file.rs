//! What the images of a TIFF are to each other: full resolution, overviews, masks.

use std::sync::Arc;

use cube_geo::Shape;
use cube_model::DataType;
use jiff::Timestamp;

use super::blocks::BlockCache;
use super::geokeys::{self, Place};
use super::ifd::HeaderReader;
use super::image::Image;
use super::metadata::{Metadata, float, whole};
use super::{DRIVER, Refusal};
use crate::RasterHeader;
use crate::bytes::ByteSource;
use crate::items::{Items, plane_time};
use crate::tiff_tags::SUBFILE_TYPE;

/// Bits of the tag `NewSubfileType`.
const REDUCED: u64 = 1;
const MASK: u64 = 4;
/// Kinds of extra samples that are opacity.
const ALPHA: [u64; 2] = [1, 2];

/// A parsed file, shared by the readers of all its bands.
pub(crate) struct TiffFile {
    pub(super) source: Arc<dyn ByteSource>,
    /// Full resolution, then the overviews.
    pub(super) levels: Vec<Level>,
    pub(super) metadata: Metadata,
    pub(super) cache: BlockCache,
    place: Place,
    time: Option<Timestamp>,
}

/// One resolution of a file.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) image: Image,
    /// Its internal mask.
    pub(super) mask: Option<Image>,
}

/// What tells which pixels of a band are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validity {
    /// Nothing, or the nodata value.
    InPixels,
    /// An image of the file.
    Mask,
    /// This 0-based band.
    Alpha(usize),
}

impl TiffFile {
    /// Reads the header.
    pub(crate) fn read(source: Arc<dyn ByteSource>) -> Result<Self, Refusal> {
        let Some((mut reader, first)) = HeaderReader::begin(source.as_ref())? else {
            return Err(Refusal::broken("it does not begin as a TIFF"));
        };
        let directories = reader.directories(first)?;
        let (mut levels, mut masks) = (Vec::<Level>::new(), Vec::new());
        for (i, directory) in directories.iter().enumerate() {
            let kind = reader.integer(directory, SUBFILE_TYPE)?.unwrap_or(0);
            if i > 0 && kind & MASK != 0 {
                masks.push(Image::read(&mut reader, directory, true)?);
            } else if i == 0 || kind & REDUCED != 0 {
                let image = Image::read(&mut reader, directory, false)?;
                if let Some(full) = levels.first() {
                    if image.samples != full.image.samples {
                        continue;
                    }
                    if image.stored != full.image.stored {
                        return Err(Refusal::foreign("its overviews are of another type"));
                    }
                }
                levels.push(Level { image, mask: None });
            }
        }
        // Directories of the mask of an overview may come before or after it: the size tells them apart.
        for mask in masks {
            let level = levels.iter_mut().find(|l| l.mask.is_none() && l.image.shape == mask.shape);
            match level {
                Some(level) if mask.samples == 1 || mask.samples == level.image.samples => level.mask = Some(mask),
                _ => {}
            }
        }
        // The mask of the file decides what is valid. Overviews that were made before it have none, and would show what
        // it covers as measurements: they are left out, and the numbers of levels count those that stay.
        if levels.first().is_some_and(|full| full.mask.is_some()) {
            levels.retain(|level| level.mask.is_some());
        }
        let main = directories.first().ok_or_else(|| Refusal::broken("it has no directory"))?;
        let metadata = Metadata::read(&mut reader, main)?;
        if metadata.item(None, "NODATA_VALUES").is_some() {
            return Err(Refusal::foreign("its nodata is a value for each band, together"));
        }
        let place = geokeys::read(&mut reader, main)?;
        let time = metadata.item(None, "time").and_then(|text| text.parse().ok());
        let file = Self { source, levels, metadata, cache: BlockCache::default(), place, time };
        file.check_nodata()?;
        Ok(file)
    }

    /// A header's nodata is a float: of 64 bits it holds whole numbers up to 2⁵³, and some beyond. Where it does not hold
    /// the nodata of whole pixels, values beside it would be taken for it, by GDAL's reader too.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "looks for what is lost")]
    fn check_nodata(&self) -> Result<(), Refusal> {
        match self.whole_nodata() {
            Some(value) if (value as f64) as i128 != value => Err(Refusal::broken(format!(
                "its nodata value {value} of {} is no number that a float of 64 bits holds, so that values beside it would \
                 be missing too; give those pixels a value that it holds, such as {}, and set it as nodata",
                self.dtype(),
                if value < 0 { i128::from(i64::MIN) } else { 1 << 62 }
            ))),
            _ => Ok(()),
        }
    }

    /// The nodata value where pixels are whole numbers of 64 bits, and one of them can be it.
    fn whole_nodata(&self) -> Option<i128> {
        let value = whole(self.metadata.nodata.as_deref()?)?;
        match self.dtype() {
            DataType::UInt64 => u64::try_from(value).is_ok().then_some(value),
            DataType::Int64 => i64::try_from(value).is_ok().then_some(value),
            _ => None,
        }
    }

    /// Why the CRS is not told, where the file has one that no EPSG code names.
    pub(crate) fn foreign_crs(&self) -> Option<&str> {
        self.place.foreign_crs.as_deref()
    }

    /// True where the file tells where its pixels are.
    pub(crate) fn has_affine(&self) -> bool {
        self.place.affine.is_some()
    }

    /// Number of bands.
    pub(super) fn bands(&self) -> usize {
        self.full().map_or(0, |image| image.samples)
    }

    fn full(&self) -> Option<&Image> {
        self.levels.first().map(|level| &level.image)
    }

    /// The type of the pixels as they are read.
    pub(super) fn dtype(&self) -> DataType {
        match self.full().map_or(DataType::UInt8, |image| image.stored) {
            DataType::Float16 => DataType::Float32,
            other => other,
        }
    }

    /// The nodata value as a number, whatever the pixels can hold.
    pub(super) fn raw_nodata(&self) -> Option<f64> {
        float(self.metadata.nodata.as_deref()?)
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "whole numbers were checked")]
    fn nodata(&self) -> Option<f64> {
        let dtype = self.dtype();
        match dtype {
            DataType::UInt64 | DataType::Int64 => self.whole_nodata().map(|v| v as f64),
            DataType::Float32 => self.raw_nodata().map(|v| f64::from(v as f32)),
            _ => self.raw_nodata(),
        }
        .filter(|value| dtype.holds(*value))
    }

    /// What tells which pixels of a 0-based band are valid, in GDAL's order: an internal mask, nodata, and an alpha band
    /// beside one or three others of a picture.
    pub(super) fn validity(&self, band: usize) -> Validity {
        let Some(full) = self.levels.first() else { return Validity::InPixels };
        if full.mask.is_some() {
            return Validity::Mask;
        }
        if self.nodata_in_range() {
            return Validity::InPixels;
        }
        let image = &full.image;
        let colours = image.samples.saturating_sub(image.extra_samples.len());
        let is_alpha = |band: usize| {
            // GDAL says it in words where the tag says something else.
            if let Some(meaning) = self.metadata.role(band, "colorinterp") {
                return meaning.eq_ignore_ascii_case("alpha");
            }
            let extra = band.checked_sub(colours).and_then(|at| image.extra_samples.get(at));
            extra.is_some_and(|kind| ALPHA.contains(kind))
        };
        let picture = matches!(image.stored, DataType::UInt8 | DataType::UInt16);
        match image.samples {
            2 | 4 if picture && is_alpha(image.samples - 1) && band < image.samples - 1 => {
                Validity::Alpha(image.samples - 1)
            }
            _ => Validity::InPixels,
        }
    }

    /// True where pixels can reach the nodata value, were it even between two of them.
    fn nodata_in_range(&self) -> bool {
        let dtype = self.dtype();
        self.raw_nodata()
            .is_some_and(|value| dtype.holds(value) || dtype.holds(value.trunc()) && dtype.holds(value.round()))
    }

    /// What the file says of a 0-based band.
    pub(super) fn header(&self, band: usize) -> RasterHeader {
        let (shapes, blocks): (Vec<Shape>, Vec<Shape>) =
            self.levels.iter().map(|level| (level.image.shape, level.image.block)).unzip();
        let full = |shapes: &[Shape]| shapes.first().copied().unwrap_or(Shape::new(0, 0));
        let items = Items {
            band: &|name| self.metadata.item(Some(band), name).map(str::to_owned),
            file: &|name| self.metadata.item(None, name).map(str::to_owned),
        };
        let units = self.metadata.role(band, "unittype").filter(|units| !units.is_empty()).map(str::to_owned);
        let units = units.or_else(|| (items.band)("GRIB_UNIT"));
        RasterHeader {
            dtype: self.dtype(),
            shape: full(&shapes),
            affine: self.place.affine,
            crs: self.place.crs.clone(),
            healpix: None,
            nodata: self.nodata(),
            has_mask: self.validity(band) != Validity::InPixels,
            scale_offset: self.metadata.scale_offset(band),
            overviews: shapes.get(1..).unwrap_or_default().to_vec(),
            overview_blocks: blocks.get(1..).unwrap_or_default().to_vec(),
            block: full(&blocks),
            stored_bytes: Some(self.source.length() / self.bands().max(1) as u64),
            time: plane_time(&items, self.time),
            units: units.map(|units| units.trim_matches(['[', ']']).to_owned()),
            driver: DRIVER.to_owned(),
        }
    }

    /// What the file calls a 0-based band.
    pub(super) fn name(&self, band: usize) -> Option<String> {
        let item = |name: &str| self.metadata.item(Some(band), name);
        let name = item("GRIB_ELEMENT").or_else(|| item("NETCDF_VARNAME"));
        name.or_else(|| self.metadata.role(band, "description")).filter(|name| !name.is_empty()).map(str::to_owned)
    }
}
