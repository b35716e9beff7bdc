//! Pixel types as kernels need them: rounded as GDAL rounds.

use cube_model::Pixel;

/// A pixel that can be computed.
pub(crate) trait Sample: Pixel {
    /// From a computed value: unsigned integers `trunc(v + 0.5)`, signed integers `floor(v + 0.5)`, clamped to the range;
    /// floats as they are.
    fn rounded(value: f64) -> Self;

    /// The next value below; the next above where there is none.
    fn beside(self) -> Self;

    /// Its bits where there are eight of them: a bin of a small histogram.
    fn byte(self) -> Option<u8> {
        None
    }
}

/// 1.5 · 2^52: a number of less than 2^51 that is added to it loses its fraction, and the lower bits of the sum are the
/// whole number. `floor` and casts of a baseline x86 are no vector code; this is.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// The largest whole number that is not above `value`, whose size is below 2^51.
#[inline(always)]
pub(super) fn floor(value: f64) -> f64 {
    let near = (value + WHOLE) - WHOLE;
    near - if near > value { 1.0 } else { 0.0 }
}

/// The smallest whole number that is not below `value`, whose size is below 2^51.
#[inline(always)]
pub(super) fn ceil(value: f64) -> f64 {
    let near = (value + WHOLE) - WHOLE;
    near + if near < value { 1.0 } else { 0.0 }
}

/// A whole number from 0 to 2^51 as an index.
#[inline(always)]
pub(super) fn to_index(whole: f64) -> usize {
    ((whole + WHOLE).to_bits() & ((1 << 51) - 1)) as usize
}

/// The lower bits of `floor(value + 0.5)`, that clamped to the range first.
#[inline(always)]
fn rounded_bits(value: f64, (low, high): (f64, f64)) -> u64 {
    let value = value + 0.5;
    // A NaN fails both comparisons and becomes `low`.
    let value = if value > low { value } else { low };
    let value = if value < high { value } else { high };
    (floor(value) + WHOLE).to_bits()
}

macro_rules! narrow {
    ($($t:ty, $byte:expr;)*) => {$(
        impl Sample for $t {
            #[inline(always)]
            #[expect(clippy::cast_possible_truncation, clippy::cast_lossless, reason = "the lower bits are the number")]
            fn rounded(value: f64) -> Self {
                rounded_bits(value, (<$t>::MIN as f64, <$t>::MAX as f64)) as $t
            }

            #[inline]
            fn beside(self) -> Self {
                self.checked_sub(1).unwrap_or(<$t>::MIN + 1)
            }

            #[inline]
            fn byte(self) -> Option<u8> {
                $byte(self)
            }
        }
    )*};
}

macro_rules! wide {
    ($($t:ty)*) => {$(
        impl Sample for $t {
            #[inline]
            #[expect(clippy::cast_possible_truncation, reason = "`as` clamps: that is the rule")]
            fn rounded(value: f64) -> Self {
                (value + 0.5).floor() as $t
            }

            #[inline]
            fn beside(self) -> Self {
                self.checked_sub(1).unwrap_or(<$t>::MIN + 1)
            }
        }
    )*};
}

narrow! {
    u8, Some;
    i8, |v: i8| Some(v.cast_unsigned());
    u16, |_| None;
    i16, |_| None;
    u32, |_| None;
    i32, |_| None;
}
wide! { i64 }

impl Sample for u64 {
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` cuts off and clamps: that is the rule"
    )]
    fn rounded(value: f64) -> Self {
        (value + 0.5) as Self
    }

    #[inline]
    fn beside(self) -> Self {
        self.checked_sub(1).unwrap_or(1)
    }
}

impl Sample for f32 {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "computed in double, stored in single precision")]
    fn rounded(value: f64) -> Self {
        value as Self
    }

    #[inline]
    fn beside(self) -> Self {
        let below = self.next_down();
        if below.is_finite() { below } else { self.next_up() }
    }
}

impl Sample for f64 {
    #[inline(always)]
    fn rounded(value: f64) -> Self {
        value
    }

    #[inline]
    fn beside(self) -> Self {
        let below = self.next_down();
        if below.is_finite() { below } else { self.next_up() }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values are asked for")]
mod tests {
    use super::*;

    #[test]
    fn halves_go_up_and_values_are_clamped() {
        assert_eq!((u8::rounded(2.5), u8::rounded(-0.6), u8::rounded(255.7)), (3, 0, 255));
        assert_eq!((i16::rounded(-2.5), i16::rounded(2.5), i16::rounded(-40_000.0)), (-2, 3, i16::MIN));
        assert_eq!((i32::rounded(-0.5), i32::rounded(-0.51), i32::rounded(3e9)), (0, -1, i32::MAX));
        assert_eq!((u32::rounded(4_294_967_294.5), u32::rounded(-3.0), u32::rounded(1e300)), (u32::MAX, 0, u32::MAX));
        assert_eq!((i8::rounded(-128.5), i8::rounded(-128.4), i8::rounded(127.4)), (-128, -128, 127));
        assert_eq!((u64::rounded(0.5), i64::rounded(-0.5), i64::rounded(-1.5)), (1, 0, -1));
        assert_eq!(
            (u16::rounded(f64::NAN), u16::rounded(f64::INFINITY), i8::rounded(f64::NEG_INFINITY)),
            (0, 65535, -128)
        );
    }

    #[test]
    fn floor_is_floor() {
        for v in [0.0, 0.5, 1.0, 1.5, 2.5, -0.5, -1.0, -1.5, 0.499_999_999_999_999_94, 65_534.999_999_999, -3.2e9] {
            assert!(floor(v) == f64::floor(v), "{v}");
        }
        assert_eq!((to_index(0.0), to_index(7.0), to_index(4e12)), (0, 7, 4_000_000_000_000));
    }

    #[test]
    fn beside_is_below_or_above_the_minimum() {
        assert_eq!((0_u16.beside(), 7_u16.beside(), i8::MIN.beside()), (1, 6, -127));
        assert!((-9999.0_f32).beside() < -9999.0);
        assert!(f32::MIN.beside() > f32::MIN && f32::MIN.beside().is_finite());
    }
}
