//! Which source pixels are measurements.

use cube_model::Pixel;

/// Tells whether a source pixel is a measurement.
pub(crate) trait Validity<T> {
    /// True where the value alone tells: of many pixels together, that is asked at little cost.
    const BY_VALUE: bool = true;

    /// `index` counts row-major in the source window, `value` is the pixel there.
    fn holds(&self, index: usize, value: T) -> bool;

    /// The same of `N` pixels in a row, of which the first has `index`.
    #[inline(always)]
    fn all_hold<const N: usize>(&self, index: usize, values: &[T; N]) -> bool
    where
        T: Copy,
    {
        values.iter().enumerate().fold(true, |all, (i, value)| all & self.holds(index + i, *value))
    }

    /// The same of `N` pixels in each of some rows, from each of many starts on; the first row starts where `starts` tells,
    /// each other `cols` after the one before.
    #[inline(always)]
    fn all_of<const N: usize, const M: usize>(&self, starts: &[usize; M], cols: usize, rows: &[[[T; N]; M]]) -> bool
    where
        T: Copy,
    {
        rows.iter().enumerate().all(|(row, values)| {
            let starts = starts.iter().map(|start| start + row * cols);
            starts.zip(values).fold(true, |all, (start, values)| all & self.all_hold(start, values))
        })
    }

    /// The same, told pixel by pixel: 1 for a measurement, else 0.
    #[inline(always)]
    fn marks<const N: usize, const M: usize>(
        &self,
        starts: &[usize; M],
        cols: usize,
        rows: &[[[T; N]; M]],
        marks: &mut [[[u8; N]; M]],
    ) where
        T: Copy,
    {
        for (row, (values, marks)) in rows.iter().zip(marks).enumerate() {
            let starts = starts.iter().map(|start| start + row * cols);
            for ((start, values), marks) in starts.zip(values).zip(marks) {
                for (i, (value, mark)) in values.iter().zip(marks).enumerate() {
                    *mark = u8::from(self.holds(start + i, *value));
                }
            }
        }
    }
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
    #[inline(always)]
    fn holds(&self, _: usize, value: T) -> bool {
        !value.is_nan()
    }
}

impl<T: Pixel> Validity<T> for Unlike<T> {
    #[inline(always)]
    fn all_of<const N: usize, const M: usize>(&self, _: &[usize; M], _: usize, rows: &[[[T; N]; M]]) -> bool {
        rows.iter().all(|row| {
            let missing = row.as_flattened().iter().fold(0_u8, |n, v| n | u8::from((*v == self.0) | v.is_nan()));
            missing == 0
        })
    }

    #[inline(always)]
    fn holds(&self, _: usize, value: T) -> bool {
        value != self.0 && !value.is_nan()
    }
}

impl<T: Pixel> Validity<T> for Masked<'_> {
    const BY_VALUE: bool = false;

    #[inline(always)]
    #[expect(clippy::needless_bitwise_bool, reason = "without a jump it becomes vector code")]
    fn all_hold<const N: usize>(&self, index: usize, values: &[T; N]) -> bool {
        let marks = self.0.get(index..).and_then(|rest| rest.first_chunk::<N>());
        marks.is_some_and(|marks| marks.iter().zip(values).fold(true, |all, (m, v)| all & (*m != 0) & !v.is_nan()))
    }

    #[inline(always)]
    fn holds(&self, index: usize, value: T) -> bool {
        self.0.get(index).is_some_and(|&m| m != 0) && !value.is_nan()
    }
}
