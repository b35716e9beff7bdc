//! Files of pixels.

use std::sync::Arc;

use cube_geo::{Shape, Window};
use cube_model::Pixels;
use cube_raster::{ByteSource, Raster, RasterError, RasterLocation, open_geotiff, open_jp2};

/// Images larger than this are read in part.
const MOST_PIXELS: usize = 1 << 18;

/// A GeoTIFF: its header, some windows of its first bands and levels, and their masks. A window is what the same place of
/// the whole image is; an error names the file. True where all could be read.
#[must_use]
pub fn tiff(bytes: &[u8]) -> bool {
    all_bands(bytes, "fuzzed.tif", open_geotiff)
}

/// The same of JPEG 2000.
#[must_use]
pub fn jp2(bytes: &[u8]) -> bool {
    all_bands(bytes, "fuzzed.jp2", open_jp2)
}

type Open = fn(Arc<dyn ByteSource>, &RasterLocation) -> Result<Box<dyn Raster>, RasterError>;

fn all_bands(bytes: &[u8], name: &str, open: Open) -> bool {
    let source = Arc::new(bytes.to_vec());
    for band in 1..=3 {
        let location = RasterLocation { url: name.to_owned(), layer: None, band };
        match open(source.clone(), &location).map(|mut raster| read(raster.as_mut())) {
            Ok(Ok(())) => {}
            Err(RasterError::NoBand { .. }) if band > 1 => break,
            Ok(Err(error)) | Err(error) => {
                assert!(error.to_string().starts_with(name), "{error}");
                return false;
            }
        }
    }
    true
}

fn read(raster: &mut dyn Raster) -> Result<(), RasterError> {
    let header = raster.header().clone();
    assert_eq!(header.overviews.len(), header.overview_blocks.len(), "each overview has its blocks");
    for (level, shape) in std::iter::once(header.shape).chain(header.overviews.clone()).enumerate().take(3) {
        assert!(!shape.is_empty() && !header.block_of(level).is_empty(), "{header:?} has an empty level");
        // A block of a forged size may be as large as the codec can fill: one window of each such is enough.
        let small = shape.rows.saturating_mul(shape.cols) <= MOST_PIXELS;
        let whole = if small { shape.whole() } else { Window::new(shape.rows / 2, shape.cols / 2, 1, 1) };
        let pixels = raster.read(level, whole)?;
        assert_eq!(pixels.shape(), [whole.rows, whole.cols]);
        let mask = raster.read_mask(level, whole)?;
        assert_eq!(mask.is_some(), header.has_mask, "the header tells whether there is a mask");
        assert!(mask.is_none_or(|mask| mask.len() == whole.shape().pixels()));
        let _ = raster.stored_bytes(level, whole);
        if small {
            let part = part_of(shape);
            assert!(same(&raster.read(level, part)?, &pixels, part), "{part} of level {level} differs from the whole");
        }
    }
    Ok(())
}

/// A window away from the sides, where there is room for one.
fn part_of(shape: Shape) -> Window {
    let (row, col) = (shape.rows / 3, shape.cols / 3);
    Window::new(row, col, (shape.rows - row).div_ceil(2), (shape.cols - col).div_ceil(2))
}

fn same(part: &Pixels, whole: &Pixels, window: Window) -> bool {
    let (part, whole) = (part.to_f64(), whole.to_f64());
    let mut places = (0..window.rows).flat_map(|row| (0..window.cols).map(move |col| (row, col)));
    places.all(|(row, col)| {
        let (a, b) = (part[[row, col]], whole[[window.row + row, window.col + col]]);
        a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
    })
}
