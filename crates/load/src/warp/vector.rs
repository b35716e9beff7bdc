//! Kernels for the vector unit that the machine has.
//!
//! The portable code is compiled a second time for AVX2, four numbers at a time in place of two. Without fused
//! multiply-add, which rounds differently, the results have the same bits.
#![expect(
    unsafe_code,
    reason = "code for AVX2 may only run where the processor has it; that is asked before the one call"
)]

use cube_geo::NEAREST_TOLERANCE;

use super::nearest::BLOCK;

/// Work on a row. What it calls must be inlined into it.
pub(super) trait Kernel: Sized {
    /// Does it, by code that is worth to be compiled for AVX2.
    fn run(self);

    /// Does it by code for a processor without: where `run` needs so many registers that it is no gain there, pixel by
    /// pixel. The results have the same bits.
    fn plain(self) {
        self.run();
    }
}

/// Runs a kernel in the way that is best here.
#[inline]
pub(super) fn run(kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { with_avx2(kernel) };
    }
    kernel.plain();
}

/// Finds the pixels that a block of positions lies in: their row-major indices in a window of `shape` rows and columns.
/// False where the machine cannot do it so, or a position is not well inside; the indices then mean nothing.
#[inline]
pub(super) fn all_under(
    positions: (&[f64; BLOCK], &[f64; BLOCK]),
    first: (f64, f64),
    shape: (usize, usize),
    index: &mut [usize; BLOCK],
) -> bool {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { all_under_with_avx2(positions, first, shape, index) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (positions, first, shape, index);
    false
}

/// Four positions at a time: their whole numbers are made by the instruction that cuts off the fraction.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn all_under_with_avx2(
    (xs, ys): (&[f64; BLOCK], &[f64; BLOCK]),
    first: (f64, f64),
    (rows, cols): (usize, usize),
    index: &mut [usize; BLOCK],
) -> bool {
    use std::arch::x86_64::{
        __m256d, _mm_add_epi32, _mm_max_epu32, _mm_mullo_epi32, _mm_set1_epi32, _mm_setzero_si128, _mm256_add_pd,
        _mm256_cvtepi32_epi64, _mm256_cvttpd_epi32, _mm256_min_pd, _mm256_set1_pd, _mm256_setr_pd, _mm256_setzero_pd,
        _mm256_storeu_si256, _mm256_sub_pd,
    };
    let (Ok(wide), Ok(high)) = (i32::try_from(cols), i32::try_from(rows)) else { return false };
    if wide.checked_mul(high).is_none() {
        return false;
    }
    let (first_x, first_y) = (_mm256_set1_pd(first.1), _mm256_set1_pd(first.0));
    let (tolerance, cols) = (_mm256_set1_pd(NEAREST_TOLERANCE), _mm_set1_epi32(wide));
    let (mut least, mut last_col, mut last_row) = (_mm256_setzero_pd(), _mm_setzero_si128(), _mm_setzero_si128());
    let load = |v: &[f64; 4]| -> __m256d { _mm256_setr_pd(v[0], v[1], v[2], v[3]) };
    let positions = xs.as_chunks().0.iter().zip(ys.as_chunks().0);
    for ((xs, ys), index) in positions.zip(index.as_chunks_mut::<4>().0) {
        let u = _mm256_add_pd(_mm256_sub_pd(load(xs), first_x), tolerance);
        let v = _mm256_add_pd(_mm256_sub_pd(load(ys), first_y), tolerance);
        // Where the whole number has no 32 bits, and for NaN, only the highest bit is set: no column, no row.
        let (col, row) = (_mm256_cvttpd_epi32(u), _mm256_cvttpd_epi32(v));
        last_col = _mm_max_epu32(last_col, col);
        last_row = _mm_max_epu32(last_row, row);
        // Between -1 and 0 it is 0. (A NaN does not come through, but it was seen above.)
        least = _mm256_min_pd(_mm256_min_pd(u, v), least);
        let at = _mm256_cvtepi32_epi64(_mm_add_epi32(_mm_mullo_epi32(row, cols), col));
        // SAFETY: four indices are as long as the register, and any bits are an index.
        unsafe { _mm256_storeu_si256(index.as_mut_ptr().cast(), at) };
    }
    let lanes = |v: std::arch::x86_64::__m128i| -> [u32; 4] {
        // SAFETY: both have 16 bytes, and any bits are numbers.
        unsafe { std::mem::transmute(v) }
    };
    // SAFETY: both have 32 bytes, and any bits are numbers.
    let least: [f64; 4] = unsafe { std::mem::transmute(least) };
    let below = |v: [u32; 4], n: i32| v.iter().all(|v| *v < n.cast_unsigned());
    least.iter().all(|v| *v >= 0.0) && below(lanes(last_col), wide) && below(lanes(last_row), high)
}

/// Asks for a pixel to be brought into the first cache; where there is none, nothing happens.
#[inline(always)]
pub(super) fn prefetch<T>(pixels: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, and takes any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(pixels.as_ptr().wrapping_add(index).cast()) };
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(kernel: impl Kernel) {
    kernel.run();
}
