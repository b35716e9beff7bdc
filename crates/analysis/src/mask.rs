//! Masks: true = keep.

use cube_model::{Cube, CubeArray, Pixel, for_each_dtype};
use ndarray::{Array3, ArrayD};

use crate::flags::{in_three_dimensions, lowest_bit, test_bits};
use crate::real::typed_nodata;
use crate::{AnalysisError, scaled};

/// The scene classes of `Sen2Cor` (SCL) that show the ground: 4 vegetation, 5 not vegetated, 6 water,
/// 7 unclassified (also "cloud low probability").
pub const CLEAR_CLASSES: [u64; 4] = [4, 5, 6, 7];

/// The scene classes used for water: [`CLEAR_CLASSES`] and 2, dark area, where `Sen2Cor` puts much deep or shaded
/// water. Left out are 3, cloud shadow, although `Sen2Cor` takes some water for it, since shadow passes for water in
/// every index; and 11, snow or ice, since ice on a lake says nothing of its shore.
pub const WATER_CLASSES: [u64; 5] = [2, 4, 5, 6, 7];

/// Which pixels count as clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearSpec {
    /// The quality measurement; found by name and flags where `None`.
    pub quality: Option<String>,
    /// The scene classes to keep where the quality measurement is an SCL.
    pub classes: Vec<u64>,
}

impl Default for ClearSpec {
    fn default() -> Self {
        Self { quality: None, classes: CLEAR_CLASSES.to_vec() }
    }
}

impl ClearSpec {
    /// The classes of [`WATER_CLASSES`].
    #[must_use]
    pub fn for_water() -> Self {
        Self { quality: None, classes: WATER_CLASSES.to_vec() }
    }
}

/// True where something was measured: neither nodata nor NaN.
///
/// # Errors
/// Where the array has an extra dimension.
pub fn valid_mask(array: &CubeArray) -> Result<Array3<bool>, AnalysisError> {
    in_three_dimensions(array, valid(array))
}

/// [`valid_mask`] with any number of dimensions.
pub(crate) fn valid(array: &CubeArray) -> ArrayD<bool> {
    fn of<T: Pixel>(array: &CubeArray) -> ArrayD<bool> {
        let nodata = typed_nodata::<T>(array.nodata);
        T::view(&array.pixels).map_or_else(
            || ArrayD::from_elem(array.pixels.shape(), false),
            |a| a.mapv(|p| !(p.is_nan() || nodata == Some(p))),
        )
    }
    for_each_dtype!(array.pixels.dtype(), T => of::<T>(array), _ => ArrayD::from_elem(array.pixels.shape(), false))
}

/// True where the pixel is one of `classes`.
///
/// # Errors
/// Where the pixels are floats or the array has an extra dimension.
pub fn class_mask(array: &CubeArray, classes: &[u64]) -> Result<Array3<bool>, AnalysisError> {
    test_bits(array, |pixel| classes.contains(&pixel))
}

/// True where the quality measurement says that the ground was seen. An SCL keeps the classes of `spec`. A bit
/// field keeps pixels that are not fill and have neither cloud, dilated cloud, cirrus, cloud shadow nor snow, by the
/// names of its flags; a confidence counts only where the flag itself is missing, and then only `high`. The flag
/// `clear` of Landsat is not used: in Collection 1 it is off over water. Pixels where the quality measurement itself
/// is nodata are not kept.
///
/// # Errors
/// Where no quality measurement is found, several are, or it names no clouds.
pub fn clear_mask(cube: &Cube, spec: &ClearSpec) -> Result<Array3<bool>, AnalysisError> {
    let array = quality(cube, spec)?;
    let mut mask = if is_scene_classification(array) {
        class_mask(array, &spec.classes)?
    } else {
        let unclear = unclear_patterns(array)?;
        test_bits(array, |pixel| unclear.iter().all(|(field, value)| pixel & field != *value))?
    };
    mask.zip_mut_with(&valid_mask(array)?, |keep, valid| *keep &= valid);
    Ok(mask)
}

/// The array with its nodata value wherever `keep` is false; a whole-number array without nodata becomes a float
/// of real values with NaN. `keep` is `[time, y, x]`.
///
/// # Errors
/// Where the shapes differ or the array has an extra dimension.
pub fn masked(array: &CubeArray, keep: &Array3<bool>) -> Result<CubeArray, AnalysisError> {
    fn blank<T: Pixel>(out: &mut CubeArray, keep: &Array3<bool>, fill: f64) {
        if let Some(pixels) = T::view_mut(&mut out.pixels) {
            ndarray::Zip::from(pixels).and(&keep.view().into_dyn()).for_each(|p, k| {
                if !k {
                    *p = T::from_f64(fill);
                }
            });
        }
    }
    same_shape("the mask", array.pixels.shape(), keep.shape())?;
    let dtype = array.pixels.dtype();
    let mut out = match array.nodata {
        Some(n) if dtype.holds(n) => array.clone(),
        _ if dtype.integer_range().is_none() => CubeArray { nodata: Some(f64::NAN), ..array.clone() },
        _ => scaled(array),
    };
    let fill = out.nodata.unwrap_or(f64::NAN);
    for_each_dtype!(out.pixels.dtype(), T => blank::<T>(&mut out, keep, fill), _ => ());
    Ok(out)
}

/// An error where two shapes differ.
pub(crate) fn same_shape(what: &str, expected: &[usize], got: &[usize]) -> Result<(), AnalysisError> {
    if expected == got {
        return Ok(());
    }
    Err(AnalysisError::Shape { what: what.to_owned(), expected: expected.to_vec(), got: got.to_vec() })
}

/// The names by which quality measurements go, best first.
const QUALITY_NAMES: [&str; 8] =
    ["scl", "SCL", "pixel_qa", "qa_pixel", "QA_PIXEL", "oa_fmask", "fmask", "pixel_quality"];

fn quality<'a>(cube: &'a Cube, spec: &ClearSpec) -> Result<&'a CubeArray, AnalysisError> {
    if let Some(name) = &spec.quality {
        let by_alias = || cube.arrays.values().find(|a| a.measurement.answers_to(name));
        return match cube.get(name) {
            Ok(array) => Ok(array),
            Err(error) => by_alias().ok_or(AnalysisError::Cube(error)),
        };
    }
    let by_name = |name: &&str| {
        cube.arrays.iter().find(|(key, a)| key.as_str() == *name || a.measurement.answers_to(name)).map(|(_, a)| a)
    };
    if let Some(array) = QUALITY_NAMES.iter().find_map(by_name) {
        return Ok(array);
    }
    let with_cloud: Vec<_> = cube.arrays.iter().filter(|(_, a)| a.measurement.flags.contains_key("cloud")).collect();
    match with_cloud.as_slice() {
        [] => Err(AnalysisError::NoQuality { has: cube.arrays.keys().cloned().collect() }),
        [(_, array)] => Ok(array),
        many => Err(AnalysisError::ManyQualities { found: many.iter().map(|(name, _)| (*name).clone()).collect() }),
    }
}

fn is_scene_classification(array: &CubeArray) -> bool {
    let m = &array.measurement;
    m.answers_to("scl") || m.answers_to("SCL") || m.flags.contains_key("scl")
}

/// What a flag's name makes of its values: all but zero are bad, or only those of these names.
enum Bad {
    Set,
    Named(&'static [&'static str]),
}

/// Flags that speak of the view of the ground, by name; the second name is the flag that makes this one needless.
const UNCLEAR_FLAGS: [(&str, Option<&str>, Bad); 16] = [
    ("nodata", None, Bad::Set),
    ("fill", None, Bad::Set),
    ("designated_fill", None, Bad::Set),
    ("cloud", None, Bad::Set),
    ("opaque_clouds", None, Bad::Set),
    ("dilated_cloud", None, Bad::Set),
    ("cloud_shadow", None, Bad::Set),
    ("cirrus", None, Bad::Set),
    ("snow", None, Bad::Set),
    ("snow_ice", None, Bad::Set),
    ("cloud_confidence", Some("cloud"), Bad::Named(&["high"])),
    ("cloud_shadow_confidence", Some("cloud_shadow"), Bad::Named(&["high"])),
    ("cirrus_confidence", Some("cirrus"), Bad::Named(&["high"])),
    ("snow_ice_confidence", Some("snow"), Bad::Named(&["high"])),
    ("fmask", None, Bad::Named(&["nodata", "cloud", "shadow", "snow"])),
    ("oa_fmask", None, Bad::Named(&["nodata", "cloud", "shadow", "snow"])),
];

/// Bit patterns (field, value) that a clear pixel does not have.
fn unclear_patterns(array: &CubeArray) -> Result<Vec<(u64, u64)>, AnalysisError> {
    let flags = &array.measurement.flags;
    let mut patterns = Vec::new();
    let mut names_clouds = false;
    for (name, needless_with, bad) in &UNCLEAR_FLAGS {
        let Some(flag) = flags.get(*name) else { continue };
        if needless_with.is_some_and(|other| flags.contains_key(other)) {
            continue;
        }
        names_clouds |= name.contains("cloud") || name.contains("fmask");
        let field = flag.mask();
        let highest = field.checked_shr(lowest_bit(flag)).unwrap_or(0).min(u64::from(u16::MAX));
        let value_name = |n: u64| flag.values.get(&n).map(String::as_str);
        patterns.extend(
            (0..=highest)
                .filter(|n| match bad {
                    Bad::Set => *n != 0,
                    Bad::Named(bad) => value_name(*n).is_some_and(|v| bad.contains(&v)),
                })
                .map(|n| (field, n << lowest_bit(flag))),
        );
    }
    if !names_clouds {
        return Err(AnalysisError::NoCloudFlag {
            measurement: array.measurement.name.clone(),
            has: flags.keys().cloned().collect(),
        });
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::tests::flag;
    use crate::real::tests::array;
    use crate::water::tests::cube_of;

    fn clear(array: CubeArray, spec: &ClearSpec) -> Vec<bool> {
        clear_mask(&cube_of(vec![array]), spec).unwrap().into_iter().collect()
    }

    #[test]
    fn valid_is_neither_nodata_nor_nan() {
        let a = array("t", &[1, 1, 3], &[1.0_f32, f32::NAN, -9999.0], Some(-9999.0));
        assert_eq!(valid_mask(&a).unwrap().into_raw_vec_and_offset().0, [true, false, false]);
    }

    #[test]
    fn scene_classes_keep_ground_and_for_water_also_dark_areas() {
        let scl = array("scl", &[1, 3, 4], &[0_u8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], Some(0.0));
        let kept = |spec| -> Vec<usize> {
            clear(scl.clone(), &spec).iter().enumerate().filter(|(_, k)| **k).map(|(i, _)| i).collect()
        };
        assert_eq!(kept(ClearSpec::default()), [4, 5, 6, 7]);
        assert_eq!(kept(ClearSpec::for_water()), [2, 4, 5, 6, 7]);
    }

    #[test]
    fn landsat_collection_1_keeps_water_although_its_clear_bit_is_off() {
        // fill, clear land, water, shadow, snow, cloud, high cirrus without a cirrus flag, low cirrus
        let mut qa = array("pixel_qa", &[1, 2, 4], &[1_u16, 322, 324, 328, 336, 352, 834, 578], Some(1.0));
        for (name, bits) in [
            ("nodata", vec![0]),
            ("clear", vec![1]),
            ("water", vec![2]),
            ("cloud_shadow", vec![3]),
            ("snow", vec![4]),
            ("cloud", vec![5]),
        ] {
            qa.measurement.flags.insert(name.into(), flag(&bits, &[(0, "false"), (1, "true")]));
        }
        qa.measurement
            .flags
            .insert("cirrus_confidence".into(), flag(&[8, 9], &[(0, "none"), (1, "low"), (2, "medium"), (3, "high")]));
        assert_eq!(clear(qa, &ClearSpec::default()), [false, true, true, false, false, false, false, true]);
    }

    #[test]
    fn fmask_is_read_by_the_names_of_its_values() {
        let mut fmask = array("oa_fmask", &[1, 1, 6], &[0_u8, 1, 2, 3, 4, 5], Some(0.0));
        let values = [(0, "nodata"), (1, "valid"), (2, "cloud"), (3, "shadow"), (4, "snow"), (5, "water")];
        fmask.measurement.flags.insert("fmask".into(), flag(&[0, 1, 2, 3, 4, 5, 6, 7], &values));
        assert_eq!(clear(fmask, &ClearSpec::default()), [false, true, false, false, false, true]);
    }

    #[test]
    fn cube_without_quality_says_what_to_load() {
        let cube = cube_of(vec![array("red", &[1, 1, 1], &[1_u8], None)]);
        let error = clear_mask(&cube, &ClearSpec::default()).unwrap_err().to_string();
        assert!(error.contains("scl") && error.contains("red"), "{error}");
        let mut named = array("pixel_qa", &[1, 1, 1], &[1_u8], None);
        named.measurement.flags.insert("water".into(), flag(&[2], &[]));
        let error = clear_mask(&cube_of(vec![named]), &ClearSpec::default()).unwrap_err();
        assert!(matches!(error, AnalysisError::NoCloudFlag { .. }), "{error}");
    }

    #[test]
    fn masked_pixels_become_nodata_and_need_a_value_for_it() {
        let keep = Array3::from_shape_vec((1, 1, 2), vec![true, false]).unwrap();
        let with = masked(&array("red", &[1, 1, 2], &[7_u8, 8], Some(255.0)), &keep).unwrap();
        assert_eq!(with.pixels, array("red", &[1, 1, 2], &[7_u8, 255], None).pixels);
        let without = masked(&array("red", &[1, 1, 2], &[7_u8, 8], None), &keep).unwrap();
        let values = f32::view(&without.pixels).unwrap();
        assert!((values[[0, 0, 0]] - 7.0).abs() < f32::EPSILON && values[[0, 0, 1]].is_nan());
        assert!(masked(&with, &Array3::from_elem((1, 2, 1), true)).is_err());
    }
}
