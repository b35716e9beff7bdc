//! Pixels as real values.

use cube_model::{CubeArray, DataType, Measurement, Pixel, Pixels, for_each_dtype};
use ndarray::{ArrayD, CowArray, IxDyn};

/// The real values of an array: `scale_factor · pixel + add_offset`, computed in `f64`, NaN where the pixel is
/// nodata or NaN. Shape and axis order as the array.
#[must_use]
pub fn real_values(array: &CubeArray) -> ArrayD<f64> {
    let source = RealSource::new(array);
    let mut out = ArrayD::zeros(array.pixels.shape());
    if let Some(slice) = out.as_slice_mut() {
        source.fill(0, slice);
    }
    out
}

/// The array with its scale factor and offset applied: `float64` where the pixels have more than 24 significant
/// bits (32- and 64-bit integers, `float64`), else `float32`; NaN is its nodata, and no scale is left to apply.
#[must_use]
pub fn scaled(array: &CubeArray) -> CubeArray {
    let values = real_values(array);
    CubeArray {
        pixels: float_pixels(values, float_type(array)),
        nodata: Some(f64::NAN),
        measurement: float_measurement(array),
    }
}

/// The float type that holds the array's real values.
pub(crate) fn float_type(array: &CubeArray) -> DataType {
    match array.pixels.dtype() {
        DataType::UInt8 | DataType::Int8 | DataType::UInt16 | DataType::Int16 | DataType::Float32 => DataType::Float32,
        _ => DataType::Float64,
    }
}

/// The measurement of the array's real values: a float with NaN for nodata and nothing left to scale.
pub(crate) fn float_measurement(array: &CubeArray) -> Measurement {
    Measurement {
        dtype: float_type(array),
        nodata: Some(f64::NAN),
        scale_factor: None,
        add_offset: None,
        ..array.measurement.clone()
    }
}

/// Values as `float32` or `float64` pixels.
pub(crate) fn float_pixels(values: ArrayD<f64>, dtype: DataType) -> Pixels {
    if dtype == DataType::Float32 { f32::wrap(values.mapv(f32::from_f64)) } else { f64::wrap(values) }
}

/// The pixels of an array in C order, ready to be handed out piece by piece as real values, so that a large
/// integer array never stands in memory as floats too.
pub(crate) struct RealSource<'a> {
    pixels: StandardPixels<'a>,
    nodata: Option<f64>,
    scale: f64,
    offset: f64,
}

enum StandardPixels<'a> {
    Borrowed(&'a Pixels),
    Owned(Pixels),
}

impl<'a> RealSource<'a> {
    pub(crate) fn new(array: &'a CubeArray) -> Self {
        Self {
            pixels: standard(&array.pixels),
            nodata: array.nodata,
            scale: array.measurement.scale_factor.unwrap_or(1.0),
            offset: array.measurement.add_offset.unwrap_or(0.0),
        }
    }

    /// Writes the real values of pixels `start..start + out.len()` (C order); NaN past the end.
    pub(crate) fn fill(&self, start: usize, out: &mut [f64]) {
        let pixels = match &self.pixels {
            StandardPixels::Borrowed(p) => p,
            StandardPixels::Owned(p) => p,
        };
        for_each_dtype!(pixels.dtype(), T => self.fill_from(T::view(pixels), start, out), _ => out.fill(f64::NAN));
    }

    fn fill_from<T: Pixel>(&self, array: Option<&ArrayD<T>>, start: usize, out: &mut [f64]) {
        let Some(slice) = array.and_then(|a| a.as_slice()).and_then(|s| s.get(start..)) else {
            return out.fill(f64::NAN);
        };
        let nodata = typed_nodata::<T>(self.nodata);
        #[expect(clippy::float_cmp, reason = "exactly one and zero leave pixels as they are")]
        let plain = self.scale == 1.0 && self.offset == 0.0;
        let n = slice.len().min(out.len());
        for (value, pixel) in out.iter_mut().zip(slice) {
            *value = if pixel.is_nan() || nodata == Some(*pixel) {
                f64::NAN
            } else if plain {
                pixel.to_f64()
            } else {
                self.scale * pixel.to_f64() + self.offset
            };
        }
        out[n..].fill(f64::NAN);
    }
}

/// The nodata value as a pixel; `None` where no pixel of this type can have it. Comparing in the pixel's own type
/// finds a float32 nodata that a document wrote with all its decimals.
pub(crate) fn typed_nodata<T: Pixel>(nodata: Option<f64>) -> Option<T> {
    nodata.filter(|n| T::DTYPE.holds(*n) && !n.is_nan()).map(T::from_f64)
}

fn standard(pixels: &Pixels) -> StandardPixels<'_> {
    for_each_dtype!(pixels.dtype(), T => match T::view(pixels) {
        Some(a) if !a.is_standard_layout() => {
            let copy: CowArray<'_, T, IxDyn> = a.as_standard_layout();
            StandardPixels::Owned(T::wrap(copy.into_owned()))
        }
        _ => StandardPixels::Borrowed(pixels),
    }, _ => StandardPixels::Borrowed(pixels))
}

#[cfg(test)]
pub(crate) mod tests {
    use ndarray::Array;

    use super::*;

    /// An array of one measurement named `name`.
    pub(crate) fn array<T: Pixel>(name: &str, shape: &[usize], values: &[T], nodata: Option<f64>) -> CubeArray {
        CubeArray {
            pixels: T::wrap(Array::from_shape_vec(shape, values.to_vec()).unwrap()),
            nodata,
            measurement: Measurement::new(name, T::DTYPE, nodata),
        }
    }

    #[test]
    fn scale_and_offset_are_applied_and_nodata_is_nan() {
        let mut a = array("red", &[1, 1, 3], &[0_u16, 1000, 3000], Some(0.0));
        a.measurement.scale_factor = Some(1e-4);
        a.measurement.add_offset = Some(-0.1);
        let real = real_values(&a);
        assert!(real[[0, 0, 0]].is_nan());
        assert!(real[[0, 0, 1]].abs() < 1e-15 && (real[[0, 0, 2]] - 0.2).abs() < 1e-15);
        let s = scaled(&a);
        assert_eq!(
            (s.pixels.dtype(), s.measurement.scale_factor, s.measurement.add_offset),
            (DataType::Float32, None, None)
        );
    }

    #[test]
    fn float32_nodata_is_found_although_the_document_wrote_it_in_decimal() {
        let a = array("t", &[1, 1, 2], &[-3.4e38_f32, 1.0], Some(-3.4e38));
        assert!(real_values(&a)[[0, 0, 0]].is_nan());
    }

    #[test]
    fn nodata_outside_the_type_matches_nothing() {
        let a = array("b", &[1, 1, 2], &[0_u8, 255], Some(-1.0));
        assert_eq!(real_values(&a).into_raw_vec_and_offset().0, vec![0.0, 255.0]);
    }

    #[test]
    fn arrays_in_another_memory_order_give_the_same_values() {
        let c = array("b", &[1, 2, 3], &[1_u8, 2, 3, 4, 5, 6], None);
        let reversed = Array::from_shape_vec(vec![3, 2, 1], vec![1_u8, 4, 2, 5, 3, 6]).unwrap().reversed_axes();
        let f = CubeArray { pixels: u8::wrap(reversed), ..c.clone() };
        assert_eq!(real_values(&c), real_values(&f));
    }
}
