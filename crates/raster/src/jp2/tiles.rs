//! Tiles unpacked: a codestream of some tiles is cut out, and the library unpacks it.

use std::cell::RefCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};

use super::codestream::{Codestream, EOC, SIZ, SOC, SOT_BYTES, check_part, put_segment};
use crate::bytes::{ByteSource, Fetched};

/// Packed bytes of the tiles that are unpacked together.
const MOST_BYTES: u64 = 512 << 20;

thread_local! {
    static FETCHED: RefCell<Fetched> = RefCell::default();
}

/// Samples of each component of a tile, row-major; signed ones as the bits of an `i16`.
pub(super) type Samples = Vec<Box<[u16]>>;

/// Unpacks a tile at a level.
pub(super) fn unpack(
    codestream: &Codestream,
    source: &dyn ByteSource,
    (col, row): (u32, u32),
    level: u32,
) -> Result<Samples, String> {
    let size = &codestream.size;
    let wide = |axis: usize, n: u32| {
        // The library finds the level by the size of what it is given, and finds none where a side is less than a pixel
        // of it: the tile before a narrow last one comes along.
        let Range { start, end } = size.tile(axis, n);
        (if end - start < 1 << level { n.saturating_sub(1) } else { n })..n + 1
    };
    let (cols, rows) = (wide(0, col), wide(1, row));
    let (bytes, pixels) = cut(codestream, source, &cols, &rows)?;
    let target_resolution = (level > 0).then_some((pixels[0] >> level, pixels[1] >> level));
    let settings = DecodeSettings { target_resolution, strict: true, resolve_palette_indices: false };
    let [xs, ys] = [size.tile_at(0, col, level), size.tile_at(1, row, level)];
    let (left, top) = (size.tile_at(0, cols.start, level).start, size.tile_at(1, rows.start, level).start);
    // It is written not to panic, but what a forged file does to it is not ours to promise.
    let unpacked = catch_unwind(AssertUnwindSafe(|| {
        let image = Image::new(&bytes, &settings).map_err(|error| error.to_string())?;
        let (width, height) = (image.width() as usize, image.height() as usize);
        if (width, height) != (xs.end - left, ys.end - top) {
            return Err(format!(
                "a tile has {height} by {width} pixels instead of {} by {}",
                ys.end - top,
                xs.end - left
            ));
        }
        let mut context = DecoderContext::default();
        let decoded = image.decode(&mut context).map_err(|error| error.to_string())?;
        let components = decoded.components();
        if components.len() != size.components {
            return Err(format!("it has {} components instead of {}", components.len(), size.components));
        }
        let sample = converter(size.precision, size.signed);
        let part = |samples: &[f32]| {
            let rows = samples.chunks_exact(width.max(1)).skip(ys.start - top).take(ys.len());
            rows.flat_map(|row| row.get(xs.start - left..xs.end - left).unwrap_or_default())
                .map(|v| sample(*v))
                .collect()
        };
        Ok(components.iter().map(|c| part(c.samples())).collect::<Samples>())
    }));
    let samples = unpacked.unwrap_or_else(|_| Err("the decoder gave up".to_owned()))?;
    let whole = samples.iter().all(|s| s.len() == xs.len() * ys.len());
    if whole { Ok(samples) } else { Err("a tile is not whole".to_owned()) }
}

/// From the library's floats, in which all samples count from 0, to the bits of a pixel.
fn converter(precision: u32, signed: bool) -> impl Fn(f32) -> u16 {
    let most = f32::from(u16::MAX >> (16 - precision));
    let shift = if signed { 1_u16 << (precision - 1) } else { 0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    move |value: f32| (value.round_ties_even().clamp(0.0, most) as u16).wrapping_sub(shift)
}

/// A codestream of some tiles, and the pixels it has from left to right and from top to bottom.
fn cut(
    codestream: &Codestream,
    source: &dyn ByteSource,
    cols: &Range<u32>,
    rows: &Range<u32>,
) -> Result<(Vec<u8>, [u32; 2]), String> {
    let tiles = rows.clone().flat_map(|row| cols.clone().map(move |col| (col, row)));
    let (mut ranges, mut numbers) = (Vec::new(), Vec::new());
    for (number, (col, row)) in tiles.enumerate() {
        let parts = codestream.parts(col, row);
        if parts.is_empty() {
            return Err(format!("the tile in row {row} and column {col} is missing"));
        }
        if parts.last().is_some_and(|part| part.end > source.length()) {
            return Err(format!("it ends within the tile in row {row} and column {col}"));
        }
        ranges.extend_from_slice(parts);
        numbers.resize(ranges.len(), u16::try_from(number).unwrap_or(u16::MAX));
    }
    if ranges.iter().map(|r| r.end - r.start).sum::<u64>() > MOST_BYTES {
        return Err(format!("a tile has more than {MOST_BYTES} packed bytes"));
    }
    let (size, pixels) = codestream.size.cut(cols, rows);
    let mut bytes = SOC.to_be_bytes().to_vec();
    put_segment(&mut bytes, SIZ, &size);
    bytes.extend(&codestream.markers);
    FETCHED.with_borrow_mut(|fetched| {
        fetched.fetch(source, &ranges).map_err(|error| error.to_string())?;
        for (i, number) in numbers.into_iter().enumerate() {
            let part = fetched.get(i);
            check_part(part)?;
            let (Some(head), Some(body)) = (part.get(..4), part.get(SOT_BYTES..)) else {
                return Err("the part of a tile is too short".to_owned());
            };
            bytes.extend(head);
            bytes.extend(number.to_be_bytes());
            // Without a length the last part of a file reaches to its end: here others follow.
            bytes.extend(u32::try_from(part.len()).map_err(|e| e.to_string())?.to_be_bytes());
            bytes.extend(&part[10..SOT_BYTES]);
            bytes.extend(body);
        }
        fetched.shrink();
        Ok(())
    })?;
    bytes.extend(EOC.to_be_bytes());
    Ok((bytes, pixels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_rounded_and_stay_in_their_range() {
        let of = converter(15, false);
        assert_eq!([-3.0, 0.49, 1.5, 40_000.0].map(of), [0, 0, 2, 32_767]);
        let signed = converter(16, true);
        assert_eq!([0.0, 32_767.0, 32_768.0, 65_535.0].map(|v| signed(v).cast_signed()), [i16::MIN, -1, 0, i16::MAX]);
    }
}
