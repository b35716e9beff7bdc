//! What a pixel type does in a GeoTIFF and its overviews.

use cube_model::Pixel;

/// A pixel that can be averaged and written.
pub(crate) trait Sample: Pixel + bytemuck::Pod {
    /// Holds the sum of four pixels without loss (floats: with more digits than they have).
    type Sum: Copy + Default + std::ops::Add<Output = Self::Sum>;
    /// The pixel as a sum.
    fn widen(self) -> Self::Sum;
    /// A quarter of a sum, to the nearest; halves go up.
    fn quarter(sum: Self::Sum) -> Self;
    /// A sum over `count` pixels, 1 to 4, to the nearest; halves go up.
    fn share(sum: Self::Sum, count: u8) -> Self;
    /// The value beside: one less, one more at the type's minimum; the next of a float.
    fn beside(self) -> Self;
}

macro_rules! integers {
    ($($type:ty, $sum:ty;)*) => {
        $(impl Sample for $type {
            type Sum = $sum;
            #[inline]
            fn widen(self) -> $sum {
                <$sum>::from(self)
            }
            #[inline]
            #[expect(clippy::allow_attributes, reason = "generated for eight types; not each lint fires for each")]
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean lies between its pixels")]
            fn quarter(sum: $sum) -> $type {
                ((sum + 2) >> 2) as $type
            }
            #[inline]
            #[expect(clippy::allow_attributes, reason = "generated for eight types; not each lint fires for each")]
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean lies between its pixels")]
            fn share(sum: $sum, count: u8) -> $type {
                let count = <$sum>::from(count);
                (2 * sum + count).div_euclid(2 * count) as $type
            }
            #[inline]
            fn beside(self) -> $type {
                self.checked_sub(1).unwrap_or(self.wrapping_add(1))
            }
        })*
    };
}

integers! {
    u8, u32;
    i8, i32;
    u16, u32;
    i16, i32;
    u32, u64;
    i32, i64;
    u64, u128;
    i64, i128;
}

impl Sample for f32 {
    type Sum = f64;
    #[inline]
    fn widen(self) -> f64 {
        f64::from(self)
    }
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a mean lies between its pixels")]
    fn quarter(sum: f64) -> Self {
        (sum * 0.25) as Self
    }
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a mean lies between its pixels")]
    fn share(sum: f64, count: u8) -> Self {
        (sum / f64::from(count)) as Self
    }
    #[inline]
    fn beside(self) -> Self {
        self.next_up()
    }
}

impl Sample for f64 {
    type Sum = Self;
    #[inline]
    fn widen(self) -> Self {
        self
    }
    #[inline]
    fn quarter(sum: Self) -> Self {
        sum * 0.25
    }
    #[inline]
    fn share(sum: Self, count: u8) -> Self {
        sum / Self::from(count)
    }
    #[inline]
    fn beside(self) -> Self {
        self.next_up()
    }
}

/// Which pixels are missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Missing<T> {
    /// The nodata value, where the file states one that is a number.
    value: Option<T>,
    /// What a missing pixel holds: nodata, NaN for floats without it, else zero.
    pub(super) fill: T,
}

impl<T: Sample> Missing<T> {
    pub(crate) fn new(nodata: Option<f64>) -> Self {
        let fill = T::from_f64(nodata.unwrap_or(if T::DTYPE.is_float() { f64::NAN } else { 0.0 }));
        Self { value: nodata.filter(|n| !n.is_nan()).map(|_| fill), fill }
    }

    #[inline]
    pub(super) fn is(&self, value: T) -> bool {
        value.is_nan() || self.value == Some(value)
    }

    /// A valid value as it is written: it may not be nodata by chance.
    #[inline]
    pub(super) fn keep(&self, value: T) -> T {
        if self.value == Some(value) { value.beside() } else { value }
    }

    /// Gives NaN the nodata value that the file states.
    pub(super) fn replace_nan(&self, values: &mut [T]) {
        if T::DTYPE.is_float() && self.value.is_some() {
            for value in values {
                if value.is_nan() {
                    *value = self.fill;
                }
            }
        }
    }
}

/// Averages the valid pixels of each two by two: `out` has half the pixels of each of the rows. One pass without a
/// branch where no pixel of the rows is missing, as most have it.
pub(super) fn halve_rows<T: Sample>(top: &[T], bottom: &[T], out: &mut [T], missing: &Missing<T>) {
    let any_missing = match missing.value {
        Some(nodata) => {
            let is = |value: T| value == nodata || value.is_nan();
            let any = |row: &[T]| row.iter().fold(false, |any, v| any | is(*v));
            any(top) || any(bottom)
        }
        None if T::DTYPE.is_float() => {
            let any = |row: &[T]| row.iter().fold(false, |any, v| any | v.is_nan());
            any(top) || any(bottom)
        }
        None => false,
    };
    let pairs = out.iter_mut().zip(top.chunks_exact(2).zip(bottom.chunks_exact(2)));
    if any_missing {
        for (out, (a, b)) in pairs {
            *out = mean_of_valid([a[0], a[1], b[0], b[1]], missing);
        }
        return;
    }
    // Where there is no nodata value, a value takes its own place.
    let (nodata, beside) = missing.value.map_or((T::default(), T::default()), |nodata| (nodata, nodata.beside()));
    for (out, (a, b)) in pairs {
        let mean = T::quarter(a[0].widen() + a[1].widen() + b[0].widen() + b[1].widen());
        *out = if mean == nodata { beside } else { mean };
    }
}

#[inline]
fn mean_of_valid<T: Sample>(four: [T; 4], missing: &Missing<T>) -> T {
    let (mut sum, mut count) = (T::Sum::default(), 0);
    for value in four {
        let valid = !missing.is(value);
        sum = sum + if valid { value.widen() } else { T::Sum::default() };
        count += u8::from(valid);
    }
    if count == 0 {
        return missing.fill;
    }
    // Integers are divided in hardware, one at a time: not where a shift does it.
    missing.keep(if count == 4 && !T::DTYPE.is_float() { T::quarter(sum) } else { T::share(sum, count) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halve<T: Sample>(top: &[T], bottom: &[T], nodata: Option<f64>) -> Vec<T> {
        let mut out = vec![T::default(); top.len() / 2];
        halve_rows(top, bottom, &mut out, &Missing::new(nodata));
        out
    }

    #[test]
    fn means_are_of_valid_pixels_to_the_nearest() {
        assert_eq!(halve::<u8>(&[255, 255, 1, 2], &[255, 255, 2, 2], None), [255, 2]);
        assert_eq!(halve::<u16>(&[0, 4, 0, 0], &[7, 0, 0, 0], Some(0.0)), [6, 0]);
        assert_eq!(halve::<i16>(&[-3, -2], &[-3, -2], Some(-9999.0)), [-2]);
        assert_eq!(halve::<i16>(&[-3, -3], &[-4, -9999], Some(-9999.0)), [-3]);
        assert_eq!(halve::<u64>(&[u64::MAX; 2], &[u64::MAX; 2], None), [u64::MAX]);
        assert_eq!(halve::<f32>(&[1.0, f32::NAN], &[2.0, f32::NAN], Some(f64::NAN)), [1.5]);
        assert!(halve::<f64>(&[f64::NAN; 2], &[f64::NAN; 2], None)[0].is_nan());
    }

    #[test]
    fn a_mean_is_not_nodata_by_chance() {
        assert_eq!(halve::<i16>(&[-1, 1], &[-1, 1], Some(0.0)), [-1]);
        assert_eq!(halve::<u8>(&[1, 3, 1, 3], &[1, 3, 1, 2], Some(2.0)), [1, 1]);
        assert_eq!(halve::<f32>(&[-1.0, 1.0], &[-1.0, 1.0], Some(0.0)), [0.0_f32.next_up()]);
    }
}
