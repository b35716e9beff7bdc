//! Data types of pixels, by numpy's names.

use serde::{Deserialize, Serialize};

/// The type of one pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum DataType {
    UInt8,
    Int8,
    UInt16,
    Int16,
    UInt32,
    Int32,
    UInt64,
    Int64,
    Float16,
    Float32,
    Float64,
    Complex64,
    Complex128,
}

impl DataType {
    /// Every type, in the order of width.
    pub const ALL: [Self; 13] = [
        Self::UInt8,
        Self::Int8,
        Self::UInt16,
        Self::Int16,
        Self::UInt32,
        Self::Int32,
        Self::UInt64,
        Self::Int64,
        Self::Float16,
        Self::Float32,
        Self::Float64,
        Self::Complex64,
        Self::Complex128,
    ];

    /// numpy's name, such as `uint16`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UInt8 => "uint8",
            Self::Int8 => "int8",
            Self::UInt16 => "uint16",
            Self::Int16 => "int16",
            Self::UInt32 => "uint32",
            Self::Int32 => "int32",
            Self::UInt64 => "uint64",
            Self::Int64 => "int64",
            Self::Float16 => "float16",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Complex64 => "complex64",
            Self::Complex128 => "complex128",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Bytes a pixel.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::UInt8 | Self::Int8 => 1,
            Self::UInt16 | Self::Int16 | Self::Float16 => 2,
            Self::UInt32 | Self::Int32 | Self::Float32 => 4,
            Self::UInt64 | Self::Int64 | Self::Float64 | Self::Complex64 => 8,
            Self::Complex128 => 16,
        }
    }

    /// True for the floating-point types, in which NaN always means a missing value.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::Float16 | Self::Float32 | Self::Float64)
    }

    /// True for the complex types.
    #[must_use]
    pub const fn is_complex(self) -> bool {
        matches!(self, Self::Complex64 | Self::Complex128)
    }

    /// The smallest and largest value of an integer type, `None` for the others.
    #[must_use]
    pub const fn integer_range(self) -> Option<(i128, i128)> {
        Some(match self {
            Self::UInt8 => (0, u8::MAX as i128),
            Self::Int8 => (i8::MIN as i128, i8::MAX as i128),
            Self::UInt16 => (0, u16::MAX as i128),
            Self::Int16 => (i16::MIN as i128, i16::MAX as i128),
            Self::UInt32 => (0, u32::MAX as i128),
            Self::Int32 => (i32::MIN as i128, i32::MAX as i128),
            Self::UInt64 => (0, u64::MAX as i128),
            Self::Int64 => (i64::MIN as i128, i64::MAX as i128),
            _ => return None,
        })
    }

    /// True where `value` can stand in a pixel of this type without changing: an integer in range, or any
    /// number for a floating-point type (a finite one must not overflow to infinity).
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        #[expect(
            clippy::cast_precision_loss,
            reason = "bounds of 64-bit integers are exact enough to compare whole floats"
        )]
        #[expect(clippy::cast_possible_truncation, reason = "the question is whether it overflows")]
        match self.integer_range() {
            Some((low, high)) => value.fract() == 0.0 && value >= low as f64 && value <= high as f64,
            None => match self {
                Self::Float16 => !value.is_finite() || value.abs() <= 65504.0,
                Self::Float32 | Self::Complex64 => !value.is_finite() || (value as f32).is_finite(),
                _ => true,
            },
        }
    }
}

impl std::fmt::Display for DataType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_9999_fits_int16_and_not_uint16() {
        assert!(DataType::Int16.holds(-9999.0));
        assert!(!DataType::UInt16.holds(-9999.0));
        assert!(!DataType::UInt8.holds(f64::NAN));
        assert!(DataType::Float32.holds(f64::NAN));
    }
}
