//! Which source pixels are measurements.

use cube_model::Pixel;

/// Tells whether a source pixel is a measurement.
pub(crate) trait Validity<T> {
    /// `index` counts row-major in the source window, `value` is the pixel there.
    fn holds(&self, index: usize, value: T) -> bool;
}

/// All pixels are measurements, but NaN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present;

/// All but one value, and NaN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unlike<T>(pub(crate) T);

/// Those marked with other than 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Masked<'a>(pub(crate) &'a [u8]);

impl<T: Pixel> Validity<T> for Present {
    #[inline]
    fn holds(&self, _: usize, value: T) -> bool {
        !value.is_nan()
    }
}

impl<T: Pixel> Validity<T> for Unlike<T> {
    #[inline]
    fn holds(&self, _: usize, value: T) -> bool {
        value != self.0 && !value.is_nan()
    }
}

impl<T: Pixel> Validity<T> for Masked<'_> {
    #[inline]
    fn holds(&self, index: usize, value: T) -> bool {
        self.0.get(index).is_some_and(|&m| m != 0) && !value.is_nan()
    }
}
