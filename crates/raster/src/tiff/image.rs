//! One image of a TIFF: its size, how it is cut into blocks, and how they are stored.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use cube_geo::Shape;
use cube_model::DataType;

use super::budget::Budget;
use super::ifd::{Directory, Format, HeaderReader, StoredArray};
use super::lerc::{self, Outer};
use super::{Failure, Refusal};
use crate::bytes::ByteSource;
use crate::tiff_tags::{
    BITS, COMPRESSION, EXTRA_SAMPLES, FILL_ORDER, HEIGHT, JPEG_TABLES, LERC_PARAMETERS, PHOTOMETRIC, PLANAR, PREDICTOR,
    ROWS_PER_STRIP, SAMPLE_FORMAT, SAMPLES, STRIP_COUNTS, STRIP_OFFSETS, TILE_COUNTS, TILE_HEIGHT, TILE_OFFSETS,
    TILE_WIDTH, WIDTH,
};

/// Decoded bytes of one block at most: larger than any tile, and than most images of one strip.
const MOST_BLOCK_BYTES: u128 = 512 << 20;
/// Arrays of blocks up to this length are kept whole; of longer ones only what is needed is read.
const MOST_KEPT: u64 = 1 << 20;
/// An uncompressed image of one strip is read in pieces of about so many bytes.
const PIECE_BYTES: usize = 256 << 10;

/// How the bytes of a block are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Lzw,
    Deflate,
    PackBits,
    Zstd,
    Jpeg,
    WebP,
    /// With what packs it once more.
    Lerc(Outer),
}

/// What stands in the packed bytes instead of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// Differences of neighbours in a row.
    Horizontal,
    /// Differences of the bytes of floats, most significant ones first (Adobe's technical note 3).
    Float,
}

/// Offsets and byte counts of all blocks.
type Kept = (Box<[u64]>, Box<[u64]>);

/// An image and where its blocks are.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) shape: Shape,
    /// Rows and columns of a block; those of strips at the bottom of the image are shorter.
    pub(super) block: Shape,
    pub(super) tiled: bool,
    /// Values of a pixel.
    pub(super) samples: usize,
    /// The values of each block belong to one band.
    pub(super) planar: bool,
    /// As stored: `Float16` too.
    pub(super) stored: DataType,
    /// Bits of one value: those of `stored`, or 1 in a mask.
    pub(super) bits: usize,
    pub(super) codec: Codec,
    pub(super) predictor: Predictor,
    pub(super) photometric: u64,
    pub(super) extra_samples: Vec<u64>,
    pub(super) jpeg_tables: Option<Arc<[u8]>>,
    pub(super) format: Format,
    /// Rows of the strips as they are stored, where blocks are pieces of the only strip.
    split: bool,
    offsets: StoredArray,
    counts: StoredArray,
    kept: OnceLock<Kept>,
    budget: Budget,
}

impl Image {
    /// Reads the tags of one image. `mask` allows pixels of one bit.
    pub(super) fn read(reader: &mut HeaderReader<'_>, directory: &Directory, mask: bool) -> Result<Self, Refusal> {
        let shape = Shape::new(
            size(reader.integer(directory, HEIGHT)?, "height")?,
            size(reader.integer(directory, WIDTH)?, "width")?,
        );
        let samples = size(Some(reader.integer(directory, SAMPLES)?.unwrap_or(1)), "number of samples")?;
        if samples > usize::from(u16::MAX) {
            return Err(Refusal::broken(format!("it claims {samples} samples a pixel")));
        }
        let (stored, bits) = sample_type(reader, directory, samples, mask)?;
        let outer = reader.integers(directory, LERC_PARAMETERS, 2)?.unwrap_or_default();
        let outer = Outer::of(outer.get(1).copied().unwrap_or(0));
        let codec = codec(reader.integer(directory, COMPRESSION)?.unwrap_or(1), outer)?;
        if reader.integer(directory, FILL_ORDER)?.unwrap_or(1) != 1 {
            return Err(Refusal::foreign("its bits are stored in reverse"));
        }
        let planar = match reader.integer(directory, PLANAR)?.unwrap_or(1) {
            1 => false,
            2 => samples > 1,
            other => return Err(Refusal::broken(format!("it has a planar configuration of {other}"))),
        };
        let predictor = predictor(reader.integer(directory, PREDICTOR)?.unwrap_or(1), codec, stored, bits)?;
        let photometric = reader.integer(directory, PHOTOMETRIC)?.unwrap_or(u64::from(samples >= 3) + 1);
        let jpeg = codec == Codec::Jpeg;
        match photometric {
            0..=4 => {}
            6 if jpeg && samples == 3 && !planar => {}
            other => return Err(Refusal::foreign(format!("its colours are of kind {other}"))),
        }
        if jpeg && (stored != DataType::UInt8 || !(samples == 1 || planar || samples == 3))
            || matches!(codec, Codec::Lerc(_)) && !lerc::holds(stored)
            || codec == Codec::WebP && (stored != DataType::UInt8 || planar || !matches!(samples, 3 | 4))
        {
            return Err(Refusal::foreign(format!("it packs {samples} samples of {stored} as {codec:?}")));
        }
        let jpeg_tables = if jpeg { reader.raw(directory, JPEG_TABLES)?.map(Arc::from) } else { None };
        let tiled = directory.has(TILE_WIDTH) || directory.has(TILE_OFFSETS);
        let mut block = block(reader, directory, tiled, shape)?;
        let together = if planar { 1 } else { samples };
        let row_bits = block.cols as u128 * together as u128 * bits as u128;
        let split = !tiled && codec == Codec::None && block.rows == shape.rows && bits >= 8 && {
            row_bits / 8 * shape.rows as u128 > 4 * PIECE_BYTES as u128
        };
        if split {
            let row_bytes = usize::try_from(row_bits / 8).unwrap_or(usize::MAX);
            block.rows = (PIECE_BYTES / row_bytes.max(1)).clamp(1, shape.rows);
        }
        // As they are unpacked: a pixel of one bit becomes a byte.
        let row_bytes = block.cols as u128 * together as u128 * bits.div_ceil(8) as u128;
        let block_bytes = row_bytes * block.rows as u128;
        if block_bytes > MOST_BLOCK_BYTES {
            return Err(Refusal::broken(format!(
                "its blocks of {block} have {block_bytes} bytes, at most {MOST_BLOCK_BYTES} are read: write it again in \
                 small tiles"
            )));
        }
        if matches!(codec, Codec::Lerc(_)) && block_bytes > lerc::MOST_BLOCK_BYTES {
            return Err(Refusal::foreign(format!("its blocks of LERC have {block_bytes} bytes")));
        }
        let (offsets, counts) = if tiled { (TILE_OFFSETS, TILE_COUNTS) } else { (STRIP_OFFSETS, STRIP_COUNTS) };
        if !directory.has(counts) {
            return Err(Refusal::foreign("it does not tell how long its blocks are"));
        }
        let planes = if planar { samples as u64 } else { 1 };
        let grid = if split { 1 } else { blocks_of(shape, block) };
        let needs =
            grid.checked_mul(planes).ok_or_else(|| Refusal::broken(format!("it claims {grid} blocks a band")))?;
        let offsets = reader.stored(directory, offsets, needs)?;
        let counts = reader.stored(directory, counts, needs)?;
        let image = Self {
            shape,
            block,
            tiled,
            samples,
            planar,
            stored,
            bits,
            codec,
            predictor,
            photometric,
            extra_samples: reader.integers(directory, EXTRA_SAMPLES, samples)?.unwrap_or_default(),
            jpeg_tables,
            format: reader.format,
            split,
            kept: OnceLock::new(),
            budget: reader.budget.clone(),
            offsets,
            counts,
        };
        if let Some((offsets, counts)) = reader.loaded(&image.offsets, &image.counts) {
            let _ = image.kept.set((offsets.into(), counts.into()));
        }
        Ok(image)
    }

    /// Values of one pixel in one block.
    pub(super) fn together(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Bytes of one decoded value.
    pub(super) fn bytes(&self) -> usize {
        self.bits.div_ceil(8)
    }

    /// Blocks along the columns of the image.
    pub(super) fn across(&self) -> usize {
        self.shape.cols.div_ceil(self.block.cols)
    }

    /// Rows that the block in row `row` of blocks stores: all of a tile, what is left of a strip.
    pub(super) fn stored_rows(&self, row: usize) -> usize {
        if self.tiled {
            self.block.rows
        } else {
            self.block.rows.min(self.shape.rows.saturating_sub(row * self.block.rows))
        }
    }

    /// Where the blocks with these (row, column) places are in the file, for a 0-based band. An empty range is a block
    /// that was never written.
    pub(super) fn places(
        &self,
        source: &dyn ByteSource,
        band: usize,
        blocks: impl Iterator<Item = (usize, usize)>,
    ) -> Result<Vec<Range<u64>>, Failure> {
        let grid = if self.split { 1 } else { blocks_of(self.shape, self.block) };
        let plane = if self.planar { band as u64 * grid } else { 0 };
        blocks
            .map(|(row, col)| {
                let index = if self.split { 0 } else { row as u64 * self.across() as u64 + col as u64 };
                let (offset, count) = self.entry(source, plane + index)?;
                if offset == 0 || count == 0 {
                    return Ok(0..0);
                }
                let end = offset.checked_add(count).filter(|end| *end <= source.length()).ok_or_else(|| {
                    format!("a block of {count} bytes at byte {offset} lies past its end at {}", source.length())
                })?;
                if !self.split {
                    return Ok(offset..end);
                }
                let row_bytes = (self.block.cols * self.together() * self.bytes()) as u64;
                let begin = offset + (row * self.block.rows) as u64 * row_bytes;
                let piece = begin..begin + self.stored_rows(row) as u64 * row_bytes;
                if piece.end > end {
                    return Err(Failure::Broken(format!(
                        "its strip of {count} bytes ends before row {}",
                        (row + 1) * self.block.rows
                    )));
                }
                Ok(piece)
            })
            .collect()
    }

    /// Offset and byte count of a block.
    fn entry(&self, source: &dyn ByteSource, index: u64) -> Result<(u64, u64), Failure> {
        // Both lists at once: far sources fetch them side by side.
        let read = |values: Range<u64>| {
            let arrays = [&self.offsets, &self.counts];
            let mut buffers = Vec::with_capacity(arrays.len());
            for array in arrays {
                let range = array.range(values.clone());
                let length = usize::try_from(range.end - range.start).map_err(|e| e.to_string())?;
                buffers.push((range.start, vec![0; length]));
            }
            let mut parts: Vec<_> = buffers.iter_mut().map(|(start, bytes)| (*start, bytes.as_mut_slice())).collect();
            source.read(&mut parts)?;
            let mut lists = arrays.iter().zip(&buffers).map(|(a, (_, bytes))| self.format.integers(bytes, a.each));
            Ok::<_, Failure>((lists.next().unwrap_or_default(), lists.next().unwrap_or_default()))
        };
        let no_block = || format!("it has no block {index}");
        let bytes = self.offsets.kept_bytes().saturating_add(self.counts.kept_bytes());
        if self.kept.get().is_some() {
            // As for all but the first block.
        } else if self.offsets.count <= MOST_KEPT && self.budget.take(bytes) {
            let set =
                read(0..self.offsets.count).map(|(offsets, counts)| self.kept.set((offsets.into(), counts.into())));
            // Nothing came, or another thread was first.
            if !matches!(set, Ok(Ok(()))) {
                self.budget.give_back(bytes);
            }
            let _ = set?;
        } else {
            let one = index..index + 1;
            let (offset, count) = read(one)?;
            return offset.first().copied().zip(count.first().copied()).ok_or_else(|| no_block().into());
        }
        let (offsets, counts) = self.kept.get().ok_or_else(no_block)?;
        let at = usize::try_from(index).map_err(|_| no_block())?;
        offsets.get(at).copied().zip(counts.get(at).copied()).ok_or_else(|| no_block().into())
    }
}

fn blocks_of(shape: Shape, block: Shape) -> u64 {
    shape.rows.div_ceil(block.rows) as u64 * shape.cols.div_ceil(block.cols) as u64
}

/// A number that sizes are made of.
fn size(value: Option<u64>, what: &str) -> Result<usize, Refusal> {
    let value = value.ok_or_else(|| Refusal::broken(format!("it does not tell its {what}")))?;
    usize::try_from(value)
        .ok()
        .filter(|n| *n > 0 && i32::try_from(*n).is_ok())
        .ok_or_else(|| Refusal::broken(format!("it has a {what} of {value}")))
}

/// Rows and columns of a tile or strip.
fn block(reader: &mut HeaderReader<'_>, directory: &Directory, tiled: bool, image: Shape) -> Result<Shape, Refusal> {
    if tiled {
        let rows = size(reader.integer(directory, TILE_HEIGHT)?, "tile height")?;
        return Ok(Shape::new(rows, size(reader.integer(directory, TILE_WIDTH)?, "tile width")?));
    }
    let rows = reader.integer(directory, ROWS_PER_STRIP)?.unwrap_or(u64::MAX);
    let rows = size(Some(rows.min(image.rows as u64)), "number of rows a strip")?;
    Ok(Shape::new(rows, image.cols))
}

fn predictor(number: u64, codec: Codec, stored: DataType, bits: usize) -> Result<Predictor, Refusal> {
    match number {
        // Codecs of pictures have none, whatever stands there.
        _ if matches!(codec, Codec::None | Codec::PackBits | Codec::Jpeg | Codec::WebP | Codec::Lerc(_)) => {
            Ok(Predictor::None)
        }
        1 => Ok(Predictor::None),
        2 if bits >= 8 => Ok(Predictor::Horizontal),
        3 if stored.is_float() => Ok(Predictor::Float),
        other => Err(Refusal::broken(format!("its {stored} pixels have predictor {other}"))),
    }
}

/// `lerc` is what blocks of LERC are packed with once more.
fn codec(compression: u64, lerc: Option<Outer>) -> Result<Codec, Refusal> {
    Ok(match compression {
        1 => Codec::None,
        5 => Codec::Lzw,
        7 => Codec::Jpeg,
        8 | 32946 => Codec::Deflate,
        32773 => Codec::PackBits,
        50000 => Codec::Zstd,
        50001 => Codec::WebP,
        34887 => Codec::Lerc(lerc.ok_or_else(|| Refusal::foreign("its LERC blocks are packed in an unknown way"))?),
        other => return Err(Refusal::foreign(format!("it has compression {other}"))),
    })
}

/// Type and bits of the samples, which are the same for all of a pixel.
fn sample_type(
    reader: &mut HeaderReader<'_>,
    directory: &Directory,
    samples: usize,
    mask: bool,
) -> Result<(DataType, usize), Refusal> {
    let mut same = |tag: u16, usual: u64| {
        let values = reader.integers(directory, tag, samples)?.unwrap_or_default();
        let first = values.first().copied().unwrap_or(usual);
        if let Some(at) = values.iter().position(|v| *v != first) {
            return Err(Refusal::foreign(format!(
                "its samples are of several types (tag {tag} is {first} for the first band, {} for band {})",
                values.get(at).copied().unwrap_or(first),
                at + 1
            )));
        }
        Ok(first)
    };
    let (bits, format) = (same(BITS, 1)?, same(SAMPLE_FORMAT, 1)?);
    let stored = match (format, bits) {
        (1 | 4, 1) if mask => return Ok((DataType::UInt8, 1)),
        (1 | 4, 8) => DataType::UInt8,
        (1 | 4, 16) => DataType::UInt16,
        (1 | 4, 32) => DataType::UInt32,
        (1 | 4, 64) => DataType::UInt64,
        (2, 8) => DataType::Int8,
        (2, 16) => DataType::Int16,
        (2, 32) => DataType::Int32,
        (2, 64) => DataType::Int64,
        (3, 16) => DataType::Float16,
        (3, 32) => DataType::Float32,
        (3, 64) => DataType::Float64,
        (5 | 6, _) => return Err(Refusal::foreign("its pixels are complex")),
        (1..=4, 1..=64) => return Err(Refusal::foreign(format!("its samples have {bits} bits"))),
        _ => return Err(Refusal::broken(format!("its samples have {bits} bits of kind {format}"))),
    };
    Ok((stored, stored.bytes() * 8))
}
