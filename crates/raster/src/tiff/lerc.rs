//! Blocks packed with LERC, which may be packed once more with Deflate or ZSTD.
//!
//! A block is one LERC image of all its samples, as several values a pixel ("depth") or several bands. Where it marks
//! pixels as invalid, those of floats are NaN, and a last sample that the image does not hold is their mask, as GDAL reads
//! it. Values of a file in the other byte order are packed with their bytes swapped.

use cube_model::DataType;
use lerc::{LercInfo, Sample, SampleData};

use super::image::Image;

/// What a LERC block is packed with once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outer {
    None,
    Deflate,
    Zstd,
}

impl Outer {
    /// From the tag `LercParameters`: the version of LERC and this number.
    pub(super) fn of(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Deflate),
            2 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Unpacked bytes of a block at most: few of its packed bytes tell nothing, as one value for all pixels takes none.
pub(super) const MOST_BLOCK_BYTES: u128 = 64 << 20;

/// True for types that LERC has.
pub(super) fn holds(stored: DataType) -> bool {
    !matches!(stored, DataType::Int64 | DataType::UInt64 | DataType::Float16)
}

/// Bytes of a LERC image of `expected` bytes of pixels at most: pixels as they are, a mask a band, headers.
pub(super) const fn most_bytes(expected: usize) -> usize {
    expected + expected / 4 + (64 << 10)
}

/// Refuses an image that is not the block it should be: its header says so before memory is asked for.
pub(super) fn check(image: &Image, blob: &[u8], rows: usize) -> Result<(), String> {
    let info = lerc::decode_info(blob).map_err(|error| format!("a block is no LERC: {error}"))?;
    let (cols, samples) = (image.block.cols, image.together());
    let values = info.depth as usize * info.bands as usize;
    // The sample that is missing is the mask.
    let masked = values + 1 == samples && image.stored == DataType::UInt8;
    if (info.height as usize, info.width as usize) != (rows, cols) || !(values == samples || masked) {
        return Err(format!(
            "a block is a LERC image of {} × {} × {values}, expected {rows} × {cols} × {samples}",
            info.height, info.width
        ));
    }
    if data_type(&info) != image.stored {
        return Err(format!("a block is a LERC image of {}, expected {}", data_type(&info), image.stored));
    }
    Ok(())
}

fn data_type(info: &LercInfo) -> DataType {
    match info.data_type {
        lerc::DataType::Char => DataType::Int8,
        lerc::DataType::Byte => DataType::UInt8,
        lerc::DataType::Short => DataType::Int16,
        lerc::DataType::UShort => DataType::UInt16,
        lerc::DataType::Int => DataType::Int32,
        lerc::DataType::UInt => DataType::UInt32,
        lerc::DataType::Float => DataType::Float32,
        lerc::DataType::Double => DataType::Float64,
    }
}

/// Unpacks the image `blob` into `out`: samples side by side.
pub(super) fn decode(image: &Image, blob: &[u8], rows: usize, out: &mut [u8]) -> Result<(), String> {
    check(image, blob, rows)?;
    let found = lerc::decode(blob).map_err(|error| format!("a block is no LERC: {error}"))?;
    let samples = image.together();
    match &found.data {
        SampleData::I8(values) => spread(&found, values, samples, None, out, i8::to_ne_bytes),
        SampleData::U8(values) => spread(&found, values, samples, None, out, u8::to_ne_bytes),
        SampleData::I16(values) => spread(&found, values, samples, None, out, i16::to_ne_bytes),
        SampleData::U16(values) => spread(&found, values, samples, None, out, u16::to_ne_bytes),
        SampleData::I32(values) => spread(&found, values, samples, None, out, i32::to_ne_bytes),
        SampleData::U32(values) => spread(&found, values, samples, None, out, u32::to_ne_bytes),
        SampleData::F32(values) => spread(&found, values, samples, Some(f32::NAN), out, f32::to_ne_bytes),
        SampleData::F64(values) => spread(&found, values, samples, Some(f64::NAN), out, f64::to_ne_bytes),
    }
}

/// From bands of pixels of values to pixels of all samples. `missing` takes the place of values that are marked invalid.
fn spread<T: Sample, const N: usize>(
    found: &lerc::Image,
    values: &[T],
    samples: usize,
    missing: Option<T>,
    out: &mut [u8],
    bytes: fn(T) -> [u8; N],
) -> Result<(), String> {
    let (depth, bands) = (found.depth as usize, found.bands as usize);
    let pixels = found.width as usize * found.height as usize;
    if values.len() != pixels * depth * bands || out.len() != pixels * samples * N {
        return Err(format!("a block has {} values, expected {}", values.len(), out.len() / N));
    }
    let out = out.as_chunks_mut::<N>().0;
    for (band, values) in values.chunks_exact((pixels * depth).max(1)).enumerate() {
        let mask = found.valid_masks.get(band).filter(|mask| !mask.is_all_valid());
        let pixel_values = values.chunks_exact(depth.max(1));
        for (at, (pixel, values)) in out.chunks_exact_mut(samples).zip(pixel_values).enumerate() {
            let missing = missing.filter(|_| mask.is_some_and(|mask| !mask.is_valid(at)));
            for (to, value) in pixel.iter_mut().skip(band * depth).zip(values) {
                *to = bytes(missing.unwrap_or(*value));
            }
        }
    }
    if depth * bands < samples {
        let mask = found.valid_masks.first();
        for (at, pixel) in out.chunks_exact_mut(samples).enumerate() {
            let valid = mask.is_none_or(|mask| mask.is_valid(at));
            if let Some(last) = pixel.last_mut() {
                *last = [if valid { 255 } else { 0 }; N];
            }
        }
    }
    Ok(())
}
