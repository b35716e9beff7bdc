//! What a reader gives: a header, and windows of pixels.

use cube_geo::{Affine, Crs, Healpix, Shape, Window};
use cube_model::{DataType, Pixels};
use jiff::Timestamp;

use crate::RasterError;

/// What an opened file says of the one plane that was asked for. Rows run as they are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterHeader {
    /// Type of the pixels as they are read.
    pub dtype: DataType,
    /// Rows and columns at full resolution.
    pub shape: Shape,
    /// From (column, row) to (x, y), where the file says it.
    pub affine: Option<Affine>,
    /// The CRS, where the file says it.
    pub crs: Option<Crs>,
    /// The cells that the pixels are, where they are no image but cells of HEALPix in the order of their numbers, `12·nside` rows
    /// of `nside` of them.
    pub healpix: Option<Healpix>,
    /// The value that means "no measurement", where the file says it; NaN is missing in floats whatever stands here.
    pub nodata: Option<f64>,
    /// True where a mask beside the pixels tells which are valid (an internal mask or an alpha band).
    pub has_mask: bool,
    /// Scale factor and offset, where the file says them: `real = scale · pixel + offset`.
    pub scale_offset: Option<(f64, f64)>,
    /// Shapes of the reduced copies, largest first; level `n` of [`Raster::read`] is `overviews[n - 1]`.
    pub overviews: Vec<Shape>,
    /// Rows and columns of the blocks of each overview, beside `overviews`.
    pub overview_blocks: Vec<Shape>,
    /// Rows and columns of the blocks that are decoded at once, at full resolution.
    pub block: Shape,
    /// Bytes that the plane takes in the file (the file's size over its planes, or the size of the array's chunks),
    /// where that is known without reading it: for the cost of a plan.
    pub stored_bytes: Option<u64>,
    /// The time of the plane, where the file says it.
    pub time: Option<Timestamp>,
    /// Units, where the file says them.
    pub units: Option<String>,
    /// The name of the driver or library that reads it.
    pub driver: String,
}

impl RasterHeader {
    /// Rows and columns of the blocks of a level; those of full resolution where the level says nothing of its own.
    #[must_use]
    pub fn block_of(&self, level: usize) -> Shape {
        level.checked_sub(1).and_then(|n| self.overview_blocks.get(n)).copied().unwrap_or(self.block)
    }
}

/// An opened file, positioned at one plane. Implemented for GeoTIFF, JPEG 2000, GRIB, GDAL, Zarr and NetCDF.
pub trait Raster: Send {
    /// What the file says of itself.
    fn header(&self) -> &RasterHeader;

    /// The pixels of `window` as an array `[rows, cols]` of the header's type. `level` 0 is full resolution, `n` the
    /// `n`-th overview; the window is in that level's own pixels and must fit its shape.
    ///
    /// # Errors
    /// Where the window does not fit, or the file cannot be read or decoded.
    fn read(&mut self, level: usize, window: Window) -> Result<Pixels, RasterError>;

    /// The pixels of two windows, as [`Raster::read`] gives each. Formats whose blocks can be unpacked side by side take
    /// less time for them than one after the other.
    fn read_two(&mut self, level: usize, windows: [Window; 2]) -> [Result<Pixels, RasterError>; 2] {
        windows.map(|window| self.read(level, window))
    }

    /// Validity of the same pixels, row-major, 0 = missing; `None` where the file has no mask.
    ///
    /// # Errors
    /// As [`Raster::read`].
    fn read_mask(&mut self, level: usize, window: Window) -> Result<Option<Vec<u8>>, RasterError>;

    /// A second reader of the same plane, for another thread: it shares header and handle, so that a file is opened
    /// once. `None` where the format's library cannot share them.
    fn another(&self) -> Option<Box<dyn Raster>> {
        None
    }

    /// Tells that these windows (in pixels of `level`) will be read soon, with their masks: where the file is far away the
    /// bytes begin to come. False where too much is on its way: tell it again later.
    fn expect(&self, level: usize, windows: &[Window]) -> bool {
        let _ = (level, windows);
        true
    }

    /// Bytes of the file that reading this window (in pixels of `level`) takes, where the header tells it. The mask
    /// beside the pixels is not counted.
    fn stored_bytes(&self, level: usize, window: Window) -> Option<u64> {
        let _ = (level, window);
        None
    }
}
