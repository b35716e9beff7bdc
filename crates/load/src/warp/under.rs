//! The pixels that a block of positions lies in, with the instructions of AVX2.
//!
//! One of them cuts off the fractions of four numbers; portable code needs four for what it does. It is used where a whole
//! block is well inside the window, which is told after the fact from the least and the greatest; other blocks are placed
//! by the portable code of each kernel, to the same pixels.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "code for AVX2 may only run where the processor has it; that is asked before the one call"
    )
)]

use super::BLOCK;

/// How positions become whole numbers of columns and rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Row and column that are taken off the positions, then what is added to both.
    pub(super) first: (f64, f64),
    pub(super) add: f64,
    /// Rows and columns from this one on...
    pub(super) least: usize,
    /// ...up to these are inside.
    pub(super) end: (usize, usize),
    /// Columns of the window.
    pub(super) cols: usize,
}

/// Finds the row-major index of the pixel that is `frame.least` rows and columns before the one that each position lies
/// in, and how far the position lies past the latter (columns, rows). False where the machine cannot do it so, or not all
/// positions are inside; the numbers then mean nothing.
#[inline]
pub(super) fn all_under(
    positions: (&[f64; BLOCK], &[f64; BLOCK]),
    frame: Frame,
    index: &mut [usize; BLOCK],
    past: Option<&mut ([f64; BLOCK], [f64; BLOCK])>,
) -> bool {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { with_avx2(positions, frame, index, past) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (positions, frame, index, past);
    false
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[expect(clippy::needless_pass_by_value, reason = "lent, if at all")]
fn with_avx2(
    (xs, ys): (&[f64; BLOCK], &[f64; BLOCK]),
    frame: Frame,
    index: &mut [usize; BLOCK],
    past: Option<&mut ([f64; BLOCK], [f64; BLOCK])>,
) -> bool {
    use std::arch::x86_64::{
        __m128i, __m256d, _mm_add_epi32, _mm_max_epu32, _mm_mullo_epi32, _mm_set1_epi32, _mm_setzero_si128,
        _mm_sub_epi32, _mm256_add_pd, _mm256_cvtepi32_epi64, _mm256_cvtepi32_pd, _mm256_cvttpd_epi32, _mm256_min_pd,
        _mm256_set1_pd, _mm256_setr_pd, _mm256_storeu_pd, _mm256_storeu_si256, _mm256_sub_pd,
    };
    let whole = |n: usize| i32::try_from(n).ok();
    let (Some(cols), Some(end_row), Some(end_col), Some(least)) =
        (whole(frame.cols), whole(frame.end.0), whole(frame.end.1), whole(frame.least))
    else {
        return false;
    };
    // All indices have 32 bits.
    if end_col > cols || cols > i32::MAX / 4 || cols.checked_mul(end_row).is_none() {
        return false;
    }
    let (first_x, first_y) = (_mm256_set1_pd(frame.first.1), _mm256_set1_pd(frame.first.0));
    let (add, width, back) = (_mm256_set1_pd(frame.add), _mm_set1_epi32(cols), _mm_set1_epi32(least * (cols + 1)));
    let load = |v: &[f64; 4]| -> __m256d { _mm256_setr_pd(v[0], v[1], v[2], v[3]) };
    let place = |x: &[f64; 4], y: &[f64; 4]| {
        let u = _mm256_add_pd(_mm256_sub_pd(load(x), first_x), add);
        let v = _mm256_add_pd(_mm256_sub_pd(load(y), first_y), add);
        // Where the whole number has no 32 bits, and for NaN, only the highest bit is set: no column, no row.
        (u, v, _mm256_cvttpd_epi32(u), _mm256_cvttpd_epi32(v))
    };
    let (mut lowest, mut last_col, mut last_row) =
        (_mm256_set1_pd(f64::INFINITY), _mm_setzero_si128(), _mm_setzero_si128());
    let mut inside = |u: __m256d, v: __m256d, col: __m128i, row: __m128i| {
        last_col = _mm_max_epu32(last_col, col);
        last_row = _mm_max_epu32(last_row, row);
        // Between -1 and 0 the whole number is 0. (A NaN does not come through, but has no column or row.)
        lowest = _mm256_min_pd(_mm256_min_pd(u, v), lowest);
        _mm256_cvtepi32_epi64(_mm_sub_epi32(_mm_add_epi32(_mm_mullo_epi32(row, width), col), back))
    };
    let positions = xs.as_chunks().0.iter().zip(ys.as_chunks().0).zip(index.as_chunks_mut::<4>().0);
    if let Some((past_x, past_y)) = past {
        let past = past_x.as_chunks_mut::<4>().0.iter_mut().zip(past_y.as_chunks_mut::<4>().0);
        for (((x, y), index), (past_x, past_y)) in positions.zip(past) {
            let (u, v, col, row) = place(x, y);
            // SAFETY: each array is as long as the register, and any bits are an index or a float.
            unsafe {
                _mm256_storeu_pd(past_x.as_mut_ptr(), _mm256_sub_pd(u, _mm256_cvtepi32_pd(col)));
                _mm256_storeu_pd(past_y.as_mut_ptr(), _mm256_sub_pd(v, _mm256_cvtepi32_pd(row)));
                _mm256_storeu_si256(index.as_mut_ptr().cast(), inside(u, v, col, row));
            }
        }
    } else {
        for ((x, y), index) in positions {
            let (u, v, col, row) = place(x, y);
            // SAFETY: four indices are as long as the register, and any bits are an index.
            unsafe { _mm256_storeu_si256(index.as_mut_ptr().cast(), inside(u, v, col, row)) };
        }
    }
    // SAFETY: a register has the bits of as many numbers, and any bits are numbers.
    let (lowest, last_col, last_row) = unsafe {
        use std::mem::transmute;
        (
            transmute::<__m256d, [f64; 4]>(lowest),
            transmute::<__m128i, [u32; 4]>(last_col),
            transmute::<__m128i, [u32; 4]>(last_row),
        )
    };
    let below = |v: [u32; 4], n: i32| v.iter().all(|v| *v < n.cast_unsigned());
    lowest.iter().all(|v| *v >= f64::from(least)) && below(last_col, end_col) && below(last_row, end_row)
}
