//! Pixels from a source's grid to the output grid.
//!
//! A kernel works on one row of a chunk: it gets the source positions of the row's pixels, a contiguous window of the
//! source, and the row itself with the marks of what is filled. It writes only where nothing is filled yet, and marks
//! what it writes: the first valid pixel wins, without a buffer in between.
#![expect(clippy::inline_always, reason = "what a kernel calls must be compiled for the vector unit of its caller")]

mod area;
mod boxes;
mod filters;
mod interpolate;
mod map;
mod mean;
mod missing;
mod nearest;
mod paste;
mod pick;
mod rows;
mod sample;
mod sum;
#[cfg(test)]
mod testing;
mod under;
mod validity;
mod vector;

pub(crate) use map::{Map, Positions, Turn};
pub(crate) use paste::paste_row;
pub(crate) use rows::rows;
pub(crate) use sample::Sample;
pub(crate) use validity::{Masked, Present, Unlike, Validity};

/// A contiguous piece of a source image, row-major.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceWindow<'a, T> {
    /// `rows × cols` pixels.
    pub(crate) pixels: &'a [T],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// Row and column of the first pixel in the image.
    pub(crate) first: (f64, f64),
}

/// One row of a chunk.
pub(crate) struct Row<'a, T> {
    /// The pixels.
    pub(crate) pixels: &'a mut [T],
    /// Not 0 where a pixel is filled; as long as `pixels`.
    pub(crate) filled: &'a mut [u8],
    /// The value that a computed pixel must not have.
    pub(crate) nodata: Option<T>,
}

impl<T: Sample> Row<'_, T> {
    /// A computed value, moved off the value that means "no measurement".
    #[inline]
    pub(crate) fn computed(nodata: Option<T>, value: f64) -> T {
        let pixel = T::rounded(value);
        if nodata == Some(pixel) { pixel.beside() } else { pixel }
    }
}

/// Pixels that most kernels do at a time: their numbers stay in the first cache.
pub(crate) const BLOCK: usize = 64;

/// True where every pixel of a block is filled.
#[inline(always)]
pub(crate) fn all_filled(filled: &[u8]) -> bool {
    filled.iter().fold(0, |empty, filled| empty | u8::from(*filled == 0)) == 0
}

/// Writes those of a block's values that are marked with 1 where nothing is filled, and marks them as filled. `marks` then
/// tells what was written.
#[inline(always)]
fn write<T: Sample>(values: &[T; BLOCK], marks: &mut [u8; BLOCK], pixels: &mut [T], filled: &mut [u8]) {
    // One thing after the other: such loops become vector code.
    for (mark, filled) in marks.iter_mut().zip(&mut *filled) {
        *mark &= u8::from(*filled == 0);
        *filled |= *mark;
    }
    for ((pixel, value), mark) in pixels.iter_mut().zip(values).zip(&*marks) {
        // Both are read, whatever the mark: no jump.
        let (old, new) = (*pixel, *value);
        *pixel = if *mark == 0 { old } else { new };
    }
}

/// As [`write()`] for computed values, rounded and moved off `nodata`.
#[inline(always)]
fn write_computed<T: Sample>(
    values: &[f64; BLOCK],
    nodata: Option<T>,
    marks: &mut [u8; BLOCK],
    pixels: &mut [T],
    filled: &mut [u8],
) {
    let (avoid, beside) = nodata.map_or((None, T::default()), |n| (Some(n), n.beside()));
    let values = values.map(|value| {
        let value = T::rounded(value);
        if Some(value) == avoid { beside } else { value }
    });
    write(&values, marks, pixels, filled);
}
