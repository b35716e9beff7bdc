//! Pixel types as kernels need them: rounded as GDAL rounds.

use cube_model::Pixel;

/// A pixel that can be computed.
pub(crate) trait Sample: Pixel {
    /// From a computed value: unsigned integers `trunc(v + 0.5)`, signed integers `floor(v + 0.5)`, clamped to the range;
    /// floats as they are.
    fn rounded(value: f64) -> Self;

    /// The next value below; the next above where there is none.
    fn beside(self) -> Self;
}

macro_rules! unsigned {
    ($($t:ty)*) => {$(
        impl Sample for $t {
            #[inline]
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` cuts off and clamps: that is the rule")]
            fn rounded(value: f64) -> Self {
                (value + 0.5) as $t
            }

            fn beside(self) -> Self {
                self.checked_sub(1).unwrap_or(1)
            }
        }
    )*};
}

macro_rules! signed {
    ($($t:ty)*) => {$(
        impl Sample for $t {
            #[inline]
            #[expect(clippy::cast_possible_truncation, reason = "`as` clamps: that is the rule")]
            fn rounded(value: f64) -> Self {
                (value + 0.5).floor() as $t
            }

            fn beside(self) -> Self {
                self.checked_sub(1).unwrap_or(<$t>::MIN + 1)
            }
        }
    )*};
}

unsigned! { u8 u16 u32 u64 }
signed! { i8 i16 i32 i64 }

impl Sample for f32 {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "computed in double, stored in single precision")]
    fn rounded(value: f64) -> Self {
        value as Self
    }

    fn beside(self) -> Self {
        let below = self.next_down();
        if below.is_finite() { below } else { self.next_up() }
    }
}

impl Sample for f64 {
    #[inline]
    fn rounded(value: f64) -> Self {
        value
    }

    fn beside(self) -> Self {
        let below = self.next_down();
        if below.is_finite() { below } else { self.next_up() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_up_and_values_are_clamped() {
        assert_eq!((u8::rounded(2.5), u8::rounded(-0.6), u8::rounded(255.7)), (3, 0, 255));
        assert_eq!((i16::rounded(-2.5), i16::rounded(2.5), i16::rounded(-40_000.0)), (-2, 3, i16::MIN));
    }

    #[test]
    fn beside_is_below_or_above_the_minimum() {
        assert_eq!((0_u16.beside(), 7_u16.beside(), i8::MIN.beside()), (1, 6, -127));
        assert!((-9999.0_f32).beside() < -9999.0);
        assert!(f32::MIN.beside() > f32::MIN && f32::MIN.beside().is_finite());
    }
}
