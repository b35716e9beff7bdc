//! Tiles as bytes: predictor and compression.

use std::io;

use super::super::Compression;
use super::super::codec::{Wrapper, deflate, lzw, zstd};
use super::levels::TILE;
use super::sample::Sample;

/// The number of a compression in the tag.
pub(super) const fn compression_code(compress: Compression) -> u16 {
    match compress {
        Compression::None => 1,
        Compression::Lzw => 5,
        Compression::Deflate => 8,
        Compression::Zstd => 50000,
    }
}

/// The number of the predictor of a type: differences of integers, of sorted bytes of floats.
pub(super) fn predictor_code<T: Sample>() -> u16 {
    if T::DTYPE.is_float() { 3 } else { 2 }
}

/// A tile compressed, after its predictor; the pixels are used up.
///
/// # Errors
/// Where a codec fails.
pub(super) fn encode<T: Sample>(pixels: &mut [T], compress: Compression) -> io::Result<Vec<u8>> {
    for row in pixels.chunks_exact_mut(TILE) {
        if T::DTYPE.is_float() {
            differences_of_sorted_bytes(row);
        } else {
            match size_of::<T>() {
                1 => differences::<u8>(bytemuck::cast_slice_mut(row), u8::wrapping_sub),
                2 => differences::<u16>(bytemuck::cast_slice_mut(row), u16::wrapping_sub),
                4 => differences::<u32>(bytemuck::cast_slice_mut(row), u32::wrapping_sub),
                _ => differences::<u64>(bytemuck::cast_slice_mut(row), u64::wrapping_sub),
            }
        }
    }
    let bytes = bytemuck::cast_slice(pixels);
    match compress {
        Compression::None => Ok(bytes.to_vec()),
        Compression::Deflate => deflate(bytes, Wrapper::Zlib),
        Compression::Zstd => zstd(bytes),
        Compression::Lzw => lzw(bytes),
    }
}

/// Predictor 2: each value less the one before it.
fn differences<U: Copy + Default>(row: &mut [U], less: impl Fn(U, U) -> U) {
    // A copy of the row lets the compiler take many at once.
    let mut before = [U::default(); TILE];
    for (kept, value) in before.iter_mut().skip(1).zip(&*row) {
        *kept = *value;
    }
    for (value, before) in row.iter_mut().zip(before) {
        *value = less(*value, before);
    }
}

/// Predictor 3: the highest bytes of all values, then the next ones; each byte less the one before it.
fn differences_of_sorted_bytes<T: Sample>(row: &mut [T]) {
    let size = size_of::<T>();
    let mut sorted = [0_u8; TILE * 8];
    let sorted = &mut sorted[..size * row.len().min(TILE)];
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(row);
    for (place, plane) in sorted.chunks_exact_mut(TILE).enumerate() {
        let byte = if cfg!(target_endian = "little") { size - 1 - place } else { place };
        for (out, value) in plane.iter_mut().zip(bytes.chunks_exact(size)) {
            *out = value[byte];
        }
    }
    let before = [0].iter().chain(&*sorted);
    for (out, (byte, before)) in bytes.iter_mut().zip(sorted.iter().zip(before)) {
        *out = byte.wrapping_sub(*before);
    }
}
