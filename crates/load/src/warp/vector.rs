//! Interpolation with the vector unit that the machine has.
//!
//! The portable code is compiled a second time for AVX2, four numbers at a time in place of two: bilinear and cubic take
//! about two thirds of the time. Without fused multiply-add, which rounds differently, the results have the same bits.
#![expect(
    unsafe_code,
    reason = "code for AVX2 may only run where the processor has it; that is asked before the one call"
)]

use super::filters::Filter;
use super::interpolate::interpolate;
use super::{Row, Sample, SourceWindow, Validity};

/// Interpolates the pixels of a row that are not filled yet.
pub(super) fn interpolate_row<T: Sample, F: Filter<N>, const N: usize>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    positions: (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { with_avx2::<T, F, N>(source, valid, positions, row) };
    }
    interpolate::<T, F, N>(source, valid, positions, row);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<T: Sample, F: Filter<N>, const N: usize>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    positions: (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    interpolate::<T, F, N>(source, valid, positions, row);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warp::Unlike;
    use crate::warp::filters::{Cubic, Lanczos, Linear, Spline};

    fn both<F: Filter<N>, const N: usize>() {
        let image: Vec<u16> =
            (0..50_u32 * 50).map(|i| u16::try_from(i.wrapping_mul(2_654_435_761) >> 18).unwrap()).collect();
        let source = SourceWindow { pixels: &image, rows: 50, cols: 50, first: (3.0, 4.0) };
        let xs: Vec<f64> = (0..300).map(|i| 3.0 + f64::from(i) * 0.173).collect();
        let ys: Vec<f64> = (0..300).map(|i| 2.0 + f64::from(i) * 0.1713).collect();
        let run = |way: &dyn Fn(&mut Row<'_, u16>)| {
            let (mut pixels, mut filled) = (vec![0; 300], vec![0; 300]);
            way(&mut Row { pixels: &mut pixels, filled: &mut filled, nodata: Some(7) });
            (pixels, filled)
        };
        let valid = Unlike(image[612]);
        let portable = run(&|row| interpolate::<u16, F, N>(source, &valid, (&xs, &ys), row));
        assert!(portable == run(&|row| interpolate_row::<u16, F, N>(source, &valid, (&xs, &ys), row)));
        assert!(portable.1.iter().filter(|f| **f != 0).count() > 200);
    }

    #[test]
    fn both_ways_have_the_same_bits() {
        both::<Linear, 2>();
        both::<Cubic, 4>();
        both::<Spline, 4>();
        both::<Lanczos, 6>();
    }
}
