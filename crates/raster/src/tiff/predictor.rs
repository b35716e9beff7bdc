//! Undoes predictors, in place: from differences to samples.

use super::sums::{sum_u8, sum_u16};

/// A whole number that is summed up, wrapping.
trait Wrapping: bytemuck::Pod {
    fn plus(self, other: Self) -> Self;
}

macro_rules! wrapping {
    ($($type:ty)*) => {
        $(impl Wrapping for $type {
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
        })*
    };
}

wrapping!(u8 u16 u32 u64);

/// Sums up each row of samples of `bytes` bytes, in the machine's byte order; `stride` samples belong to a pixel.
/// A buffer that does not begin at a multiple of `bytes` in memory is refused with `false`.
pub(super) fn undo_horizontal(rows: &mut [u8], row_bytes: usize, bytes: usize, stride: usize) -> bool {
    fn typed<T: Wrapping>(rows: &mut [u8], row_bytes: usize, stride: usize, one: fn(&mut [T])) -> bool {
        let Ok(samples) = bytemuck::try_cast_slice_mut::<u8, T>(rows) else { return false };
        for row in samples.chunks_exact_mut((row_bytes / size_of::<T>()).max(1)) {
            match stride {
                1 => one(row),
                2 => fixed::<T, 2>(row),
                3 => fixed::<T, 3>(row),
                4 => fixed::<T, 4>(row),
                _ => {
                    for i in stride..row.len() {
                        row[i] = row[i].plus(row[i - stride]);
                    }
                }
            }
        }
        true
    }
    match bytes {
        1 => typed::<u8>(rows, row_bytes, stride, sum_u8),
        2 => typed::<u16>(rows, row_bytes, stride, sum_u16),
        4 => typed::<u32>(rows, row_bytes, stride, fixed::<u32, 1>),
        _ => typed::<u64>(rows, row_bytes, stride, fixed::<u64, 1>),
    }
}

/// Sums up a row of pixels of `N` samples; the sums stay in registers.
fn fixed<T: Wrapping, const N: usize>(row: &mut [T]) {
    let mut sums = [T::zeroed(); N];
    for pixel in row.as_chunks_mut::<N>().0 {
        for (sum, sample) in sums.iter_mut().zip(pixel) {
            *sum = sum.plus(*sample);
            *sample = *sum;
        }
    }
}

/// Undoes the predictor of floats of `bytes` bytes: each row holds the differences of all most significant bytes, then of
/// the next ones. The result is in the machine's byte order.
pub(super) fn undo_float(rows: &mut [u8], row_bytes: usize, bytes: usize, stride: usize, spare: &mut Vec<u8>) {
    for row in rows.chunks_exact_mut(row_bytes.max(1)) {
        match stride {
            1 => sum_u8(row),
            _ => {
                for i in stride..row.len() {
                    row[i] = row[i].wrapping_add(row[i - stride]);
                }
            }
        }
        spare.clear();
        spare.extend_from_slice(row);
        let count = row.len() / bytes;
        match bytes {
            2 => join::<2>(row, spare, count),
            4 => join::<4>(row, spare, count),
            _ => join::<8>(row, spare, count),
        }
    }
}

/// Puts the `N` planes of bytes of a row together.
fn join<const N: usize>(row: &mut [u8], planes: &[u8], count: usize) {
    for (i, sample) in row.as_chunks_mut::<N>().0.iter_mut().enumerate() {
        let mut all = [0; N];
        for (n, byte) in all.iter_mut().enumerate() {
            *byte = planes.get(n * count + i).copied().unwrap_or(0);
        }
        if cfg!(target_endian = "little") {
            all.reverse();
        }
        *sample = all;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples that use all bits, as differences of their neighbours.
    fn differences<T: Wrapping>(samples: &[T], row: usize, stride: usize, minus: fn(T, T) -> T) -> Vec<T> {
        let rows = samples.chunks(row);
        rows.flat_map(|row| {
            (0..row.len()).map(|i| if i < stride { row[i] } else { minus(row[i], row[i - stride]) }).collect::<Vec<_>>()
        })
        .collect()
    }

    #[test]
    fn sums_undo_differences_of_every_width_and_stride() {
        fn check<T: Wrapping + PartialEq + std::fmt::Debug>(make: fn(u64) -> T, minus: fn(T, T) -> T) {
            for (cols, stride) in [(1, 1), (7, 1), (16, 1), (67, 1), (33, 2), (50, 3), (31, 4), (9, 5)] {
                let mut state = 7_u64;
                let samples: Vec<T> = (0..cols * stride * 3)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                        make(state >> 20)
                    })
                    .collect();
                let mut packed = differences(&samples, cols * stride, stride, minus);
                let bytes = bytemuck::cast_slice_mut(&mut packed);
                assert!(undo_horizontal(bytes, cols * stride * size_of::<T>(), size_of::<T>(), stride));
                assert_eq!(packed, samples, "{cols} columns of {stride}");
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "any bits do")]
        {
            check::<u8>(|v| v as u8, u8::wrapping_sub);
            check::<u16>(|v| v as u16, u16::wrapping_sub);
            check::<u32>(|v| v as u32, u32::wrapping_sub);
        }
        check::<u64>(|v| v, u64::wrapping_sub);
    }

    #[test]
    fn planes_of_bytes_become_floats_again() {
        let values = [1.5_f32, -3.25e7, f32::NAN, 0.0, 7.0e-12];
        let mut planes: Vec<u8> = (0..4).flat_map(|n| values.map(|v| v.to_be_bytes()[n])).collect();
        planes = differences(&planes, planes.len(), 1, u8::wrapping_sub);
        let length = planes.len();
        undo_float(&mut planes, length, 4, 1, &mut Vec::new());
        let back: Vec<u32> = planes.as_chunks().0.iter().map(|b| u32::from_ne_bytes(*b)).collect();
        assert_eq!(back, values.map(f32::to_bits));
    }
}
