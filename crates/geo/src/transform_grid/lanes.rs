//! Positions along a row, for the vector unit that the machine has.
//!
//! The portable loops are compiled a second time for AVX2, four numbers at a time in place of two. Without fused
//! multiply-add, which rounds differently, the results have the same bits.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "code for AVX2 may only run where the processor has it; that is asked before the one call"
    )
)]
#![expect(clippy::inline_always, reason = "a loop must be compiled for the vector unit of its caller")]

use super::Cubic;
use crate::Affine;
use crate::geobox::index;

/// Columns that are done at a time.
const LENGTH: usize = 64;
/// The first columns, counted.
const COUNT: [f64; LENGTH] = {
    let mut count = [0.0; LENGTH];
    let mut i = 1;
    while i < LENGTH {
        count[i] = count[i - 1] + 1.0;
        i += 1;
    }
    count
};

/// What gives a position for a column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Along {
    /// Polynomials of the column times a factor.
    Cubics { x: Cubic, y: Cubic, factor: f64 },
    /// A row of an affine, at this height.
    Affine { affine: Affine, row: f64 },
}

/// Positions of the columns from `start` on, one apart. Each is computed from its column alone.
pub(super) fn positions(along: Along, start: f64, xs: &mut [f64], ys: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { with_avx2(along, start, xs, ys) };
    }
    portable(along, start, xs, ys);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(along: Along, start: f64, xs: &mut [f64], ys: &mut [f64]) {
    portable(along, start, xs, ys);
}

#[inline(always)]
fn portable(along: Along, start: f64, xs: &mut [f64], ys: &mut [f64]) {
    match along {
        Along::Cubics { x, y, factor } => {
            each(start, xs, ys, |col| {
                let t = col * factor;
                (x.at(t), y.at(t))
            });
        }
        Along::Affine { affine, row } => {
            let (x0, y0) = (affine.b * row + affine.c, affine.e * row + affine.f);
            each(start, xs, ys, |col| (affine.a * col + x0, affine.d * col + y0));
        }
    }
}

#[inline(always)]
fn each(start: f64, xs: &mut [f64], ys: &mut [f64], at: impl Fn(f64) -> (f64, f64)) {
    for (block, (xs, ys)) in xs.chunks_mut(LENGTH).zip(ys.chunks_mut(LENGTH)).enumerate() {
        // Whole numbers and halves: their sums are exact.
        let start = start + index(block * LENGTH);
        for ((x, y), count) in xs.iter_mut().zip(ys).zip(&COUNT) {
            (*x, *y) = at(start + count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "equal to the last bit is what is asked for")]
    fn lanes_have_the_bits_of_single_columns() {
        let x = Cubic { a: 3.1, b: 77.3, c: -0.017, d: 0.003 };
        let y = Cubic { a: -5.2, b: 0.37, c: 0.011, d: -0.007 };
        let affine = Affine::new(1.25, 0.01, 4.7, -0.02, 1.3, 9.1);
        for n in [1, 3, 64, 100, 200] {
            for start in [0.0, 0.5, 1234.5] {
                for along in [Along::Cubics { x, y, factor: 1.0 / 64.0 }, Along::Affine { affine, row: 3.5 }] {
                    let (mut xs, mut ys) = (vec![0.0; n], vec![0.0; n]);
                    positions(along, start, &mut xs, &mut ys);
                    let mut plain = (vec![0.0; n], vec![0.0; n]);
                    portable(along, start, &mut plain.0, &mut plain.1);
                    assert!(xs == plain.0 && ys == plain.1);
                    for i in 0..n {
                        let (mut x, mut y) = ([0.0], [0.0]);
                        positions(along, start + index(i), &mut x, &mut y);
                        assert!(x[0] == xs[i] && y[0] == ys[i], "column {i} of {n}");
                    }
                }
            }
        }
    }
}
