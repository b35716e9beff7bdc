//! From pixels as a file has them to pixels as the load wants them.

use cube_model::{DataType, Pixel, Pixels, for_each_dtype};

use crate::warp::Sample;

/// What has to be done to a file's pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Conversion {
    /// The file's value for "no measurement".
    pub(crate) missing: Option<f64>,
    /// `real = scale · pixel + offset`, where that is wanted.
    pub(crate) scale: Option<(f64, f64)>,
}

/// Decoded pixels, row-major.
#[derive(Debug)]
pub(crate) struct Block<T> {
    /// The pixels.
    pub(crate) pixels: Vec<T>,
    /// 0 where a pixel is missing; `None` where the value tells ([`Conversion::unlike`], NaN).
    pub(crate) valid: Option<Vec<u8>>,
}

impl<T: Sample> Block<T> {
    /// `n` pixels that could not be read.
    pub(crate) fn missing(n: usize) -> Self {
        Self { pixels: vec![T::default(); n], valid: Some(vec![0; n]) }
    }
}

impl Conversion {
    /// True where the pixels stay as they are.
    fn keeps(self, file: DataType, to: DataType) -> bool {
        self.scale.is_none() && file == to
    }

    /// The value in converted pixels that means "no measurement". Where pixels are changed on the way, missing ones have
    /// become NaN or are marked.
    pub(crate) fn unlike<T: Pixel>(self, file: DataType) -> Option<T> {
        let value = self.missing.filter(|v| self.keeps(file, T::DTYPE) && T::DTYPE.holds(*v) && !v.is_nan())?;
        Some(T::from_f64(value))
    }

    /// The pixels as `T`, missing ones known.
    ///
    /// # Errors
    /// The first value that `T` cannot hold.
    pub(crate) fn convert<T: Sample>(self, mut pixels: Pixels, mask: Option<Vec<u8>>) -> Result<Block<T>, f64> {
        if self.keeps(pixels.dtype(), T::DTYPE)
            && let Some(array) = T::view_mut(&mut pixels)
        {
            let array = std::mem::take(array);
            let array = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
            return Ok(self.marked(array.into_raw_vec_and_offset().0, mask));
        }
        for_each_dtype!(pixels.dtype(), F => match F::view(&pixels) {
            Some(array) => self.changed::<F, T>(array.iter().copied(), mask.as_deref()),
            None => Ok(Block { pixels: Vec::new(), valid: None }),
        }, _ => Ok(Block { pixels: Vec::new(), valid: None }))
    }

    /// Pixels that stay as they are, with the file's mask and its nodata value joined.
    fn marked<T: Sample>(self, pixels: Vec<T>, mask: Option<Vec<u8>>) -> Block<T> {
        let Some(mut valid) = mask else { return Block { pixels, valid: None } };
        let missing = self.unlike::<T>(T::DTYPE);
        for (valid, pixel) in valid.iter_mut().zip(&pixels) {
            *valid = u8::from(*valid != 0 && Some(*pixel) != missing);
        }
        Block { pixels, valid: Some(valid) }
    }

    fn changed<F: Pixel, T: Sample>(
        self,
        values: impl ExactSizeIterator<Item = F>,
        mask: Option<&[u8]>,
    ) -> Result<Block<T>, f64> {
        let missing = self.missing.filter(|v| F::DTYPE.holds(*v)).map(F::from_f64);
        let n = values.len();
        let mut pixels = Vec::with_capacity(n);
        let mut valid: Option<Vec<u8>> = None;
        for (i, value) in values.enumerate() {
            let masked = mask.is_some_and(|m| m.get(i).is_none_or(|v| *v == 0));
            if masked || value.is_nan() || Some(value) == missing {
                if T::DTYPE.is_float() {
                    pixels.push(T::from_f64(f64::NAN));
                } else {
                    valid.get_or_insert_with(|| vec![1; n])[i] = 0;
                    pixels.push(T::default());
                }
                continue;
            }
            let value = value.to_f64();
            pixels.push(match self.scale {
                Some((scale, offset)) => T::rounded(scale * value + offset),
                None if fits::<F, T>(value) => T::from_f64(value),
                None => return Err(value),
            });
        }
        Ok(Block { pixels, valid })
    }
}

/// True where a value passes from `F` to `T` by way of `f64` and stays what it is (floats may be rounded).
fn fits<F: Pixel, T: Pixel>(value: f64) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let exact = F::DTYPE.is_float() || T::DTYPE.is_float() || value.abs() < EXACT;
    exact && T::DTYPE.holds(value)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values are asked for")]
mod tests {
    use ndarray::ArrayD;

    use super::*;

    fn pixels<T: Pixel>(values: &[T]) -> Pixels {
        T::wrap(ArrayD::from_shape_vec(vec![1, values.len()], values.to_vec()).unwrap())
    }

    const PLAIN: Conversion = Conversion { missing: Some(-9999.0), scale: None };

    #[test]
    fn value_outside_the_type_is_an_error() {
        assert_eq!(PLAIN.convert::<u16>(pixels(&[1_i16, -3]), None).unwrap_err(), -3.0);
        assert_eq!(PLAIN.convert::<u8>(pixels(&[1.0_f32, 0.5]), None).unwrap_err(), 0.5);
        assert_eq!(PLAIN.convert::<u8>(pixels(&[256_u16]), None).unwrap_err(), 256.0);
        assert!(PLAIN.convert::<u64>(pixels(&[i64::MAX]), None).is_err());
    }

    #[test]
    fn nodata_that_the_type_cannot_hold_is_marked() {
        let block = PLAIN.convert::<u16>(pixels(&[7_i16, -9999]), None).unwrap();
        assert_eq!((block.pixels, block.valid), (vec![7, 0], Some(vec![1, 0])));
    }

    #[test]
    fn scaled_pixels_are_floats_with_nan() {
        let scaled = Conversion { missing: Some(0.0), scale: Some((0.0001, -0.1)) };
        let block = scaled.convert::<f32>(pixels(&[0_u16, 6000]), None).unwrap();
        assert!(block.pixels[0].is_nan());
        assert_eq!(block.pixels[1], 0.5);
    }

    #[test]
    fn mask_and_nodata_are_joined() {
        let block = PLAIN.convert::<i16>(pixels(&[1_i16, -9999, 3]), Some(vec![255, 255, 0])).unwrap();
        assert_eq!(block.valid, Some(vec![1, 0, 0]));
        assert_eq!(PLAIN.unlike::<i16>(DataType::Int16), Some(-9999));
        assert_eq!(PLAIN.unlike::<u16>(DataType::UInt16), None);
    }
}
