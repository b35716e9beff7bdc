//! Arrays of pixels whose type is known only at run time.

use ndarray::ArrayD;

use crate::DataType;

/// A type that a pixel can have in memory.
pub trait Pixel: Copy + Default + PartialEq + PartialOrd + Send + Sync + std::fmt::Debug + 'static {
    /// Its data type.
    const DTYPE: DataType;

    /// As a float; exact but for 64-bit integers beyond 2^53.
    fn to_f64(self) -> f64;

    /// From a float: rounded to the nearest whole number for integers (halves away from zero) and clamped to
    /// the type's range; NaN becomes zero in an integer.
    fn from_f64(value: f64) -> Self;

    /// True for NaN.
    fn is_nan(self) -> bool;

    /// The array as a typed view, `None` where it holds another type.
    fn view(pixels: &Pixels) -> Option<&ArrayD<Self>>;

    /// The array as a typed mutable view, `None` where it holds another type.
    fn view_mut(pixels: &mut Pixels) -> Option<&mut ArrayD<Self>>;

    /// The typed array as pixels.
    fn wrap(array: ArrayD<Self>) -> Pixels;
}

macro_rules! pixels {
    ($($variant:ident $type:ty, $is_nan:expr, $from:expr;)*) => {
        /// An array of one data type, C order. Half-precision and complex files are read as `float32` and refused
        /// respectively, so that ten types remain.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "the variants are the data types")]
        pub enum Pixels {
            $($variant(ArrayD<$type>),)*
        }

        impl Pixels {
            /// An array of `shape`, filled with `fill` (see [`Pixel::from_f64`]); `None` for a type that arrays do
            /// not have (half precision, complex).
            #[must_use]
            pub fn filled(dtype: DataType, shape: &[usize], fill: f64) -> Option<Self> {
                match dtype {
                    $(DataType::$variant => {
                        Some(Self::$variant(ArrayD::from_elem(shape, <$type as Pixel>::from_f64(fill))))
                    })*
                    _ => None,
                }
            }

            /// The data type.
            #[must_use]
            pub const fn dtype(&self) -> DataType {
                match self {
                    $(Self::$variant(_) => DataType::$variant,)*
                }
            }

            /// Length of each dimension.
            #[must_use]
            pub fn shape(&self) -> &[usize] {
                match self {
                    $(Self::$variant(a) => a.shape(),)*
                }
            }

            /// All values as floats, in C order.
            #[must_use]
            pub fn to_f64(&self) -> ArrayD<f64> {
                match self {
                    $(Self::$variant(a) => a.mapv(Pixel::to_f64),)*
                }
            }
        }

        $(impl Pixel for $type {
            const DTYPE: DataType = DataType::$variant;

            #[inline]
            #[expect(clippy::allow_attributes, reason = "generated for ten types; not each lint fires for each")]
            #[allow(clippy::cast_precision_loss, clippy::cast_lossless, clippy::unnecessary_cast)]
            fn to_f64(self) -> f64 {
                self as f64
            }

            #[inline]
            fn from_f64(value: f64) -> Self {
                let from: fn(f64) -> $type = $from;
                from(value)
            }

            #[inline]
            fn is_nan(self) -> bool {
                let is_nan: fn($type) -> bool = $is_nan;
                is_nan(self)
            }

            fn view(pixels: &Pixels) -> Option<&ArrayD<Self>> {
                if let Pixels::$variant(a) = pixels { Some(a) } else { None }
            }

            fn view_mut(pixels: &mut Pixels) -> Option<&mut ArrayD<Self>> {
                if let Pixels::$variant(a) = pixels { Some(a) } else { None }
            }

            fn wrap(array: ArrayD<Self>) -> Pixels {
                Pixels::$variant(array)
            }
        })*
    };
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` clamps after rounding, as documented"
)]
mod generated {
    use super::{ArrayD, DataType, Pixel};

    pixels! {
        UInt8 u8, |_| false, |v| v.round() as u8;
        Int8 i8, |_| false, |v| v.round() as i8;
        UInt16 u16, |_| false, |v| v.round() as u16;
        Int16 i16, |_| false, |v| v.round() as i16;
        UInt32 u32, |_| false, |v| v.round() as u32;
        Int32 i32, |_| false, |v| v.round() as i32;
        UInt64 u64, |_| false, |v| v.round() as u64;
        Int64 i64, |_| false, |v| v.round() as i64;
        Float32 f32, f32::is_nan, |v| v as f32;
        Float64 f64, f64::is_nan, |v| v;
    }
}
pub use generated::Pixels;

/// Runs a generic block for the type inside [`Pixels`] (or for a [`DataType`]): binds the type to a name, so that
/// one generic function serves all types.
///
/// `for_each_dtype!(dtype, T => expression, _ => otherwise)`; the expression may use `T`.
#[macro_export]
macro_rules! for_each_dtype {
    ($dtype:expr, $t:ident => $body:expr, _ => $otherwise:expr) => {
        match $dtype {
            $crate::DataType::UInt8 => {
                type $t = u8;
                $body
            }
            $crate::DataType::Int8 => {
                type $t = i8;
                $body
            }
            $crate::DataType::UInt16 => {
                type $t = u16;
                $body
            }
            $crate::DataType::Int16 => {
                type $t = i16;
                $body
            }
            $crate::DataType::UInt32 => {
                type $t = u32;
                $body
            }
            $crate::DataType::Int32 => {
                type $t = i32;
                $body
            }
            $crate::DataType::UInt64 => {
                type $t = u64;
                $body
            }
            $crate::DataType::Int64 => {
                type $t = i64;
                $body
            }
            $crate::DataType::Float32 => {
                type $t = f32;
                $body
            }
            $crate::DataType::Float64 => {
                type $t = f64;
                $body
            }
            _ => $otherwise,
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_clamped() {
        assert_eq!(u8::from_f64(300.0), 255);
        assert_eq!(u16::from_f64(-3.0), 0);
        assert_eq!(i16::from_f64(-2.5), -3);
    }

    #[test]
    fn pixels_know_their_type() {
        let p = Pixels::filled(DataType::Int16, &[1, 2, 3], -9999.0).unwrap();
        assert_eq!((p.dtype(), p.shape()), (DataType::Int16, [1, 2, 3].as_slice()));
        assert!(u16::view(&p).is_none());
        let n = for_each_dtype!(p.dtype(), T => size_of::<T>(), _ => 0);
        assert_eq!(n, 2);
    }
}
