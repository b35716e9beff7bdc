//! Masks from bit fields.

use cube_model::{CubeArray, Flag, Pixels};
use ndarray::{Array3, ArrayD, Ix3};

use crate::AnalysisError;

/// True where every wanted flag has the wanted value, as `datacube.utils.masking.make_mask`: only the bits are
/// looked at, so a pixel without data is judged by its bits too (see [`crate::valid_mask`]). A value is one of the
/// flag's names (`high_confidence`, `true`) or, where it has no such name, its number. Shape `[time, y, x]`.
///
/// # Errors
/// Where the flag or the value is unknown, the pixels are floats, or the array has an extra dimension.
pub fn make_mask(array: &CubeArray, wanted: &[(&str, &str)]) -> Result<Array3<bool>, AnalysisError> {
    let (mut mask, mut value) = (0_u64, 0_u64);
    let mut contradiction = false;
    for &(name, want) in wanted {
        let flag = find_flag(array, name)?;
        let number = flag_value(array, name, flag, want)?;
        let field = flag.mask();
        let shifted = number.checked_shl(lowest_bit(flag)).unwrap_or(0);
        // The same flag asked to have two values holds nowhere.
        contradiction |= (value ^ shifted) & mask & field != 0;
        mask |= field;
        value |= shifted;
    }
    test_bits(array, move |pixel| !contradiction && pixel & mask == value)
}

fn find_flag<'a>(array: &'a CubeArray, name: &str) -> Result<&'a Flag, AnalysisError> {
    array.measurement.flags.get(name).ok_or_else(|| AnalysisError::UnknownFlag {
        measurement: array.measurement.name.clone(),
        flag: name.to_owned(),
        has: array.measurement.flags.keys().cloned().collect(),
    })
}

fn flag_value(array: &CubeArray, name: &str, flag: &Flag, want: &str) -> Result<u64, AnalysisError> {
    let named = flag.values.iter().find(|(_, v)| v.as_str() == want).map(|(n, _)| *n);
    let fits = |n: &u64| flag.value(n.checked_shl(lowest_bit(flag)).unwrap_or(0)) == *n;
    named.or_else(|| want.parse::<u64>().ok().filter(fits)).ok_or_else(|| AnalysisError::UnknownFlagValue {
        measurement: array.measurement.name.clone(),
        flag: name.to_owned(),
        value: want.to_owned(),
        has: flag.values.iter().map(|(n, v)| format!("{n} = {v}")).collect(),
    })
}

pub(crate) fn lowest_bit(flag: &Flag) -> u32 {
    flag.bits.iter().min().copied().map_or(0, u32::from)
}

/// A mask from a test of each pixel's bits.
pub(crate) fn test_bits(array: &CubeArray, keep: impl Fn(u64) -> bool) -> Result<Array3<bool>, AnalysisError> {
    let whole = bits(&array.pixels, keep).ok_or_else(|| AnalysisError::NotWhole {
        measurement: array.measurement.name.clone(),
        dtype: array.pixels.dtype(),
    })?;
    in_three_dimensions(array, whole)
}

/// `[time, y, x]`, or the error that says that there is an extra dimension.
pub(crate) fn in_three_dimensions<T>(array: &CubeArray, whole: ArrayD<T>) -> Result<Array3<T>, AnalysisError> {
    let has = whole.ndim();
    let name = array.measurement.name.clone();
    whole
        .into_dimensionality::<Ix3>()
        .map_err(|_| AnalysisError::Cube(cube_model::CubeError::WrongDimensions { name, has }))
}

/// Tests each whole-number pixel by its bits (two's complement, sign extended); `None` for floats.
fn bits(pixels: &Pixels, keep: impl Fn(u64) -> bool) -> Option<ArrayD<bool>> {
    Some(match pixels {
        Pixels::UInt8(a) => a.mapv(|v| keep(u64::from(v))),
        Pixels::UInt16(a) => a.mapv(|v| keep(u64::from(v))),
        Pixels::UInt32(a) => a.mapv(|v| keep(u64::from(v))),
        Pixels::UInt64(a) => a.mapv(keep),
        Pixels::Int8(a) => a.mapv(|v| keep(i64::from(v).cast_unsigned())),
        Pixels::Int16(a) => a.mapv(|v| keep(i64::from(v).cast_unsigned())),
        Pixels::Int32(a) => a.mapv(|v| keep(i64::from(v).cast_unsigned())),
        Pixels::Int64(a) => a.mapv(|v| keep(v.cast_unsigned())),
        Pixels::Float32(_) | Pixels::Float64(_) => return None,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::real::tests::array;

    /// A flag of `bits` with values.
    pub(crate) fn flag(bits: &[u8], values: &[(u64, &str)]) -> Flag {
        Flag {
            bits: bits.to_vec(),
            values: values.iter().map(|(n, v)| (*n, (*v).to_owned())).collect(),
            description: None,
        }
    }

    fn quality(values: &[u16]) -> CubeArray {
        let mut a = array("qa_pixel", &[1, 1, values.len()], values, Some(1.0));
        a.measurement.flags.insert("cloud".into(), flag(&[3], &[(0, "not_high_confidence"), (1, "high_confidence")]));
        a.measurement.flags.insert("cloud_confidence".into(), flag(&[8, 9], &[(0, "none"), (1, "low"), (3, "high")]));
        a
    }

    fn keeps(a: &CubeArray, wanted: &[(&str, &str)]) -> Vec<bool> {
        make_mask(a, wanted).unwrap().into_iter().collect()
    }

    #[test]
    fn flags_are_tested_by_name_and_value() {
        let a = quality(&[0, 0b1000, 0b11_0000_1000, 0b01_0000_0000]);
        assert_eq!(keeps(&a, &[("cloud", "not_high_confidence")]), [true, false, false, true]);
        assert_eq!(
            keeps(&a, &[("cloud", "high_confidence"), ("cloud_confidence", "high")]),
            [false, false, true, false]
        );
        assert_eq!(keeps(&a, &[("cloud_confidence", "1")]), [false, false, false, true]);
        assert_eq!(keeps(&a, &[("cloud", "0"), ("cloud", "1")]), [false; 4]);
        assert_eq!(keeps(&a, &[]), [true; 4]);
    }

    #[test]
    fn highest_bits_of_signed_and_64_bit_pixels_are_seen() {
        let mut a = array("q", &[1, 1, 2], &[i16::MIN, 1], None);
        a.measurement.flags.insert("top".into(), flag(&[15], &[(1, "set")]));
        assert_eq!(keeps(&a, &[("top", "set")]), [true, false]);
        let mut a = array("q", &[1, 1, 2], &[1_u64 << 63 | 1, 1], None);
        a.measurement.flags.insert("bottom".into(), flag(&[0], &[(1, "set")]));
        a.measurement.flags.insert("top".into(), flag(&[63], &[(1, "set")]));
        assert_eq!(keeps(&a, &[("top", "set"), ("bottom", "1")]), [true, false]);
    }

    #[test]
    fn unknown_flags_and_values_name_what_there_is() {
        let a = quality(&[0]);
        let error = make_mask(&a, &[("clouds", "1")]).unwrap_err().to_string();
        assert!(error.contains("\"clouds\"") && error.contains("cloud, cloud_confidence"), "{error}");
        let error = make_mask(&a, &[("cloud", "2")]).unwrap_err().to_string();
        assert!(error.contains("1 = high_confidence"), "{error}");
        let float = array("t", &[1, 1, 1], &[1.0_f32], None);
        assert!(matches!(test_bits(&float, |_| true), Err(AnalysisError::NotWhole { .. })));
    }
}
