//! Packed values of one field.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cube_model::Pixels;

use super::bytes::Section;
use super::field::{Field, Packed};
use crate::bytes::ByteSource;
use crate::netcdf_reader::pixels_of;

/// Most bytes of packed values of one field.
const MOST_PACKED: u64 = 4 << 30;

/// The values of a field in its header's shape; NaN where one is missing.
pub(super) fn field(source: &dyn ByteSource, field: &Field) -> Result<Pixels, String> {
    let shape = field.grid.shape();
    match &field.packed {
        Packed::One { decimal, bitmap, data } => {
            let [bitmap, data] = bytes(source, &[bitmap.clone().unwrap_or(0..0), data.clone()])?;
            let values = simple(Section(&data), *decimal, bitmap.get(6..), shape.pixels())?;
            Ok(pixels_of(shape, field.grid.in_rows(values)))
        }
        Packed::Two { representation, bitmap, data, points } => {
            let [representation, bitmap, data] =
                bytes(source, &[representation.clone(), bitmap.clone().unwrap_or(0..0), data.clone()])?;
            let bitmap = if bitmap.is_empty() { vec![0, 0, 0, 6, 6, 255] } else { bitmap };
            check(Section(&representation), &data, bitmap.get(6..).filter(|b| !b.is_empty()), *points)?;
            let values = edition2(*points, representation, bitmap, data)?;
            Ok(pixels_of(shape, field.grid.in_rows(values)))
        }
    }
}

/// Ranges of a file, read at once.
fn bytes<const N: usize>(source: &dyn ByteSource, ranges: &[Range<u64>; N]) -> Result<[Vec<u8>; N], String> {
    let mut read: [Vec<u8>; N] = std::array::from_fn(|_| Vec::new());
    let mut parts = Vec::with_capacity(N);
    for (buffer, range) in read.iter_mut().zip(ranges) {
        let length = range.end.saturating_sub(range.start);
        // Lengths are from the file: those past its end were refused when it was indexed.
        if length > MOST_PACKED || range.end > source.length() {
            return Err(format!("a section of {length} bytes"));
        }
        buffer.resize(usize::try_from(length).map_err(|e| e.to_string())?, 0);
        if length > 0 {
            parts.push((range.start, buffer.as_mut_slice()));
        }
    }
    source.read(&mut parts).map_err(|e| e.to_string())?;
    drop(parts);
    Ok(read)
}

/// Simple packing of edition 1: `(R + X · 2^E) / 10^D`, X in so many bits; points without a bit in the bitmap are missing.
fn simple(section: Section<'_>, decimal: i32, bitmap: Option<&[u8]>, points: usize) -> Result<Vec<f64>, String> {
    let binary = section.signed(4, 2);
    let reference = section.ibm_float(6);
    let bits = usize::from(section.byte(10));
    if bits > 32 {
        return Err(format!("its values have {bits} bits"));
    }
    let packed = section.0.get(11..).unwrap_or_default();
    if bitmap.is_some_and(|b| b.len() < points.div_ceil(8)) {
        return Err("its bitmap is shorter than its grid".to_owned());
    }
    let has = |i: usize| bitmap.is_none_or(|b| b[i / 8] & (0x80 >> (i % 8)) != 0);
    let stored = (0..points).filter(|i| has(*i)).count();
    if packed.len() < (stored * bits).div_ceil(8) {
        return Err(format!("{stored} values of {bits} bits do not fit its {} bytes", packed.len()));
    }
    let (step, divisor) = (2_f64.powi(binary), 10_f64.powi(decimal.abs()));
    let scaled = |value: f64| if decimal >= 0 { value / divisor } else { value * divisor };
    let mut at = 0;
    let mut next = || {
        let n = take_bits(packed, at, bits);
        at += bits;
        scaled(reference + f64::from(n) * step)
    };
    Ok((0..points).map(|i| if has(i) { next() } else { f64::NAN }).collect())
}

/// Up to 32 bits from a bit on; what is past the end is 0.
fn take_bits(bytes: &[u8], at: usize, bits: usize) -> u32 {
    if bits == 0 {
        return 0;
    }
    let first = at / 8;
    let word = (0..5).fold(0_u64, |word, i| word << 8 | u64::from(bytes.get(first + i).copied().unwrap_or(0)));
    let word = word >> (40 - at % 8 - bits) & ((1 << bits) - 1);
    u32::try_from(word).unwrap_or(u32::MAX)
}

/// Refuses what would make the unpacking take far more memory or time than the grid needs.
fn check(representation: Section<'_>, data: &[u8], bitmap: Option<&[u8]>, points: usize) -> Result<(), String> {
    let encoded = representation.number(5, 4) as usize;
    let due = match bitmap {
        Some(bitmap) if bitmap.len() < points.div_ceil(8) => {
            return Err("its bitmap is shorter than its grid".to_owned());
        }
        Some(bitmap) => (0..points).filter(|i| bitmap[i / 8] & (0x80 >> (i % 8)) != 0).count(),
        None => points,
    };
    if encoded != due {
        return Err(format!("{encoded} values are packed, its grid and bitmap ask for {due}"));
    }
    let payload = Section(data.get(5..).unwrap_or_default());
    // Width and height of an image.
    let image = match representation.number(9, 2) {
        40 if payload.number(0, 4) == 0xff4f_ff51 => Some((payload.number(8, 4), payload.number(12, 4))),
        41 if payload.0.starts_with(b"\x89PNG") => Some((payload.number(16, 4), payload.number(20, 4))),
        _ => None,
    };
    match image {
        Some((width, height)) if u64::from(width) * u64::from(height) != encoded as u64 => {
            Err(format!("an image of {width} x {height} holds its {encoded} values"))
        }
        _ => Ok(()),
    }
}

/// Values of edition 2 by the `grib` crate, whose decoders may panic where packed values are broken.
fn edition2(points: usize, representation: Vec<u8>, bitmap: Vec<u8>, data: Vec<u8>) -> Result<Vec<f32>, String> {
    let unpacked = catch_unwind(AssertUnwindSafe(|| {
        let decoder = grib::Grib2SubmessageDecoder::new(points, representation, bitmap, data)?;
        let values: Vec<f32> = decoder.dispatch()?.take(points).collect();
        Ok::<_, grib::GribError>(values)
    }));
    let values = unpacked.map_err(|_| "its packed values are broken".to_owned())?.map_err(|e| e.to_string())?;
    if values.len() == points { Ok(values) } else { Err(format!("{} values came, expected {points}", values.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_taken_across_bytes() {
        let bytes = [0b1010_1100, 0b0111_0001, 0xff, 0x00, 0xaa];
        assert_eq!(take_bits(&bytes, 0, 3), 0b101);
        assert_eq!(take_bits(&bytes, 6, 5), 0b00011);
        assert_eq!(take_bits(&bytes, 7, 32), 0b0011_1000_1111_1111_1000_0000_0101_0101);
        assert_eq!(take_bits(&bytes, 0, 0), 0);
    }

    #[test]
    fn simple_packing_is_undone_and_missing_points_are_nan() {
        // R = 1 (IBM: 0x41100000), E = 1, 4 bits a value.
        let section = [0, 0, 14, 0, 0, 1, 0x41, 0x10, 0, 0, 4, 0x12, 0x30];
        let bitmap = [0b1011_0000];
        let values = simple(Section(&section), 1, Some(&bitmap), 4).unwrap();
        assert!(values[1].is_nan());
        for (value, due) in [(values[0], 0.3), (values[2], 0.5), (values[3], 0.7)] {
            assert!((value - due).abs() < 1e-12, "{value}");
        }
        simple(Section(&section[..12]), 1, None, 4).unwrap_err();
    }
}
