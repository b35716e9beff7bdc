//! A parsed file, and what it says of its bands.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cube_geo::{Shape, Window};
use cube_model::DataType;

use super::boxes::{Boxes, Head};
use super::codestream::Codestream;
use super::tiles::Samples;
use super::{DRIVER, cache, place, tiles};
use crate::RasterHeader;
use crate::bytes::ByteSource;
use crate::tiff::{Place, Refusal};

/// Halvings that are offered at most: beyond, images are of a few pixels.
const MOST_LEVELS: u32 = 16;

/// Numbers for the cache.
static FILES: AtomicU64 = AtomicU64::new(0);

/// A parsed file, shared by the readers of all its bands.
pub(crate) struct Jp2File {
    source: Arc<dyn ByteSource>,
    codestream: Codestream,
    place: Place,
    /// Levels beside full resolution.
    levels: u32,
    number: u64,
}

impl Drop for Jp2File {
    fn drop(&mut self) {
        cache::forget(self.number);
    }
}

/// The part of a window that lies in one tile.
struct Part {
    tile: (u32, u32),
    rows: Range<usize>,
    cols: Range<usize>,
}

impl Jp2File {
    /// Reads the header.
    pub(crate) fn read(source: Arc<dyn ByteSource>) -> Result<Self, Refusal> {
        let mut head = Head::of(source.as_ref());
        let boxes = Boxes::read(&mut head)?;
        let codestream = Codestream::read(&mut head, &boxes.codestream)?;
        let place = place::read(&boxes)?;
        let levels = (1..=codestream.levels.min(MOST_LEVELS)).take_while(|l| codestream.size.has_level(*l)).count();
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        Ok(Self { source, codestream, place, levels: u32::try_from(levels).unwrap_or(0), number })
    }

    /// Why the CRS is not told, where the file has one that no EPSG code names.
    pub(crate) fn foreign_crs(&self) -> Option<&str> {
        self.place.foreign_crs.as_deref()
    }

    /// True where the file tells where its pixels are.
    pub(crate) fn has_affine(&self) -> bool {
        self.place.affine.is_some()
    }

    /// True where unpacking gives the integers back that went in.
    #[cfg(test)]
    pub(super) fn is_reversible(&self) -> bool {
        self.codestream.reversible
    }

    pub(super) fn bands(&self) -> usize {
        self.codestream.size.components
    }

    pub(super) fn dtype(&self) -> DataType {
        match (self.codestream.size.precision, self.codestream.size.signed) {
            (..=8, _) => DataType::UInt8,
            (_, false) => DataType::UInt16,
            (_, true) => DataType::Int16,
        }
    }

    fn shape(&self, level: u32) -> Shape {
        Shape::new(self.codestream.size.pixels(1, level), self.codestream.size.pixels(0, level))
    }

    fn block(&self, level: u32) -> Shape {
        Shape::new(self.codestream.size.tile_pixels(1, level), self.codestream.size.tile_pixels(0, level))
    }

    /// What the file says of each of its bands.
    pub(super) fn header(&self) -> RasterHeader {
        RasterHeader {
            dtype: self.dtype(),
            shape: self.shape(0),
            affine: self.place.affine,
            crs: self.place.crs.clone(),
            nodata: None,
            has_mask: false,
            scale_offset: None,
            overviews: (1..=self.levels).map(|l| self.shape(l)).collect(),
            overview_blocks: (1..=self.levels).map(|l| self.block(l)).collect(),
            block: self.block(0),
            stored_bytes: Some(self.source.length() / self.bands().max(1) as u64),
            time: None,
            units: None,
            healpix: None,
            driver: DRIVER.to_owned(),
        }
    }

    /// The tiles that a window of a level touches.
    fn parts(&self, level: u32, window: Window) -> Vec<Part> {
        let size = &self.codestream.size;
        let touched = |axis: usize, from: usize, count: usize| {
            (0..size.tiles(axis)).filter_map(move |n| {
                let tile = size.tile_at(axis, n, level);
                let both = tile.start.max(from)..tile.end.min(from + count);
                (!both.is_empty()).then_some((n, both))
            })
        };
        let cols: Vec<_> = touched(0, window.col, window.cols).collect();
        touched(1, window.row, window.rows)
            .flat_map(|(row, rows)| {
                let part = move |(col, cols): &(u32, Range<usize>)| Part {
                    tile: (*col, row),
                    rows: rows.clone(),
                    cols: cols.clone(),
                };
                cols.iter().map(part).collect::<Vec<_>>()
            })
            .collect()
    }

    fn tile(&self, level: u32, (col, row): (u32, u32)) -> Result<Arc<Samples>, String> {
        let size = &self.codestream.size;
        let pixels = size.tile_at(0, col, level).len() * size.tile_at(1, row, level).len();
        cache::tile((self.number, level, col, row), pixels * size.components * 2, || {
            tiles::unpack(&self.codestream, self.source.as_ref(), (col, row), level)
        })
    }

    /// The pixels of a window (which fits the level) of a 0-based band, row-major, turned into `T`.
    pub(super) fn pixels<T: Copy + Default>(
        &self,
        level: usize,
        window: Window,
        band: usize,
        convert: impl Fn(u16) -> T,
    ) -> Result<Vec<T>, String> {
        let level = u32::try_from(level).map_err(|e| e.to_string())?;
        let mut pixels = vec![T::default(); window.shape().pixels()];
        for part in self.parts(level, window) {
            let size = &self.codestream.size;
            let tile = self.tile(level, part.tile)?;
            let samples = tile.get(band).ok_or("there is no such band")?;
            let (xs, ys) = (size.tile_at(0, part.tile.0, level), size.tile_at(1, part.tile.1, level));
            for row in part.rows {
                let from = (row - ys.start) * xs.len() + (part.cols.start - xs.start);
                let to = (row - window.row) * window.cols + (part.cols.start - window.col);
                let from = samples.get(from..from + part.cols.len()).ok_or("a tile is not whole")?;
                let to = pixels.get_mut(to..to + part.cols.len()).ok_or("a window is not whole")?;
                to.iter_mut().zip(from).for_each(|(to, from)| *to = convert(*from));
            }
        }
        Ok(pixels)
    }

    /// Packed bytes of the tiles of a window, which are read as wholes at each level.
    pub(super) fn stored_bytes(&self, level: usize, window: Window) -> Option<u64> {
        let parts = self.parts(u32::try_from(level).ok()?, window);
        let of =
            |part: &Part| self.codestream.parts(part.tile.0, part.tile.1).iter().map(|r| r.end - r.start).sum::<u64>();
        Some(parts.iter().map(of).sum())
    }
}
