//! The filters of the interpolating modes: weights of the pixels in a row (or column) around a position.

use std::f64::consts::FRAC_PI_3;

/// A filter over `N` pixels. Along an axis, the first of them is `N/2 - 1` before the last pixel whose centre is not past
/// the position.
pub(super) trait Filter<const N: usize> {
    /// Weights for a position that lies `t` of a pixel past a centre, 0 ≤ t < 1. They sum to [`Filter::TOTAL`], or near it.
    fn weights(t: f64) -> [f64; N];

    /// What the weights of one axis sum to; `None` where it depends on the position.
    const TOTAL: Option<f64>;

    /// How it goes on where one of the pixels is missing.
    const MISSING: Missing;
}

/// What a filter makes of pixels that are missing: nodata, or outside the image. GDAL has a rule of its own for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The weights of those that are there are made to sum to one.
    Others,
    /// The same, where at least half of the pixels inside the image are there.
    HalfOrMore,
    /// Linear between the four nearest takes over.
    Linear,
}

/// Linear between two pixels.
pub(super) struct Linear;

impl Filter<2> for Linear {
    const TOTAL: Option<f64> = Some(1.0);
    const MISSING: Missing = Missing::Others;

    #[inline(always)]
    fn weights(t: f64) -> [f64; 2] {
        [1.0 - t, t]
    }
}

/// Cubic convolution with a = −0.5 (Keys 1981), also called Catmull-Rom.
pub(super) struct Cubic;

impl Filter<4> for Cubic {
    const TOTAL: Option<f64> = Some(1.0);
    const MISSING: Missing = Missing::Linear;

    #[inline(always)]
    fn weights(t: f64) -> [f64; 4] {
        let (t2, t3) = (t * t, t * t * t);
        [0.5 * (2.0 * t2 - t - t3), 1.0 + 0.5 * (3.0 * t3 - 5.0 * t2), 0.5 * (t + 4.0 * t2 - 3.0 * t3), 0.5 * (t3 - t2)]
    }
}

/// Cubic B-spline, six times as high: with whole numbers at t = 0 the weighted sum is one too, so that a half is a half.
pub(super) struct Spline;

impl Filter<4> for Spline {
    const TOTAL: Option<f64> = Some(6.0);
    const MISSING: Missing = Missing::Others;

    #[inline(always)]
    fn weights(t: f64) -> [f64; 4] {
        let (t2, t3, s) = (t * t, t * t * t, 1.0 - t);
        [s * s * s, 3.0 * t3 - 6.0 * t2 + 4.0, 3.0 * (t + t2 - t3) + 1.0, t3]
    }
}

/// Lanczos with three lobes: sinc(x) · sinc(x/3).
pub(super) struct Lanczos;

impl Filter<6> for Lanczos {
    const TOTAL: Option<f64> = None;
    const MISSING: Missing = Missing::HalfOrMore;

    /// sin(π(t − i)) is that of t but for its sign, and sin(π(t − i)/3) comes back after three pixels, with the other sign:
    /// their products have three values for all six pixels, from one sine. Past a half the filter is turned round: near 1
    /// the products lose digits.
    #[inline(always)]
    fn weights(t: f64) -> [f64; 6] {
        let turned = t > 0.5;
        let t = if turned { 1.0 - t } else { t };
        let s = sin_third(t);
        let c = (1.0 - s * s).sqrt();
        // 3/π² · sin(πt), which is sin(3·πt/3).
        let wave = 3.0 / (std::f64::consts::PI * std::f64::consts::PI) * (3.0 - 4.0 * s * s) * s;
        let (even, odd) = (-0.5 * wave * s, 3.0_f64.sqrt() / 2.0 * wave * c);
        let products = [wave * s, even - odd, even + odd];
        let mut weights = [0.0; 6];
        let places = [(-2.0, 2), (-1.0, 1), (0.0, 0), (1.0, 2), (2.0, 1), (3.0, 0)];
        for (weight, (place, product)) in weights.iter_mut().zip(places) {
            let x = t - place;
            *weight = if x == 0.0 { 1.0 } else { products[product] / (x * x) };
        }
        if turned {
            weights.reverse();
        }
        weights
    }
}

/// sin(π/3 · t) for t from 0 to 1 by its series: the first term left out is below 1e-16.
#[inline(always)]
fn sin_third(t: f64) -> f64 {
    let x = FRAC_PI_3 * t;
    let mut sum = 1.0;
    for n in [16.0, 14.0, 12.0, 10.0, 8.0, 6.0, 4.0, 2.0] {
        sum = 1.0 - x * x * (1.0 / (n * (n + 1.0))) * sum;
    }
    x * sum
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values are asked for")]
mod tests {
    use super::*;

    fn each(mut f: impl FnMut(f64)) {
        (0..1000).for_each(|i| f(f64::from(i) / 1000.0));
    }

    #[test]
    fn weights_sum_to_their_total() {
        each(|t| {
            assert!((Linear::weights(t).iter().sum::<f64>() - 1.0).abs() < 1e-15);
            assert!((Cubic::weights(t).iter().sum::<f64>() - 1.0).abs() < 1e-15);
            assert!((Spline::weights(t).iter().sum::<f64>() - 6.0).abs() < 1e-14);
            assert!((Lanczos::weights(t).iter().sum::<f64>() - 1.0).abs() < 0.02);
        });
    }

    #[test]
    fn lanczos_is_a_windowed_sinc() {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
        each(|t| {
            for (weight, i) in Lanczos::weights(t).into_iter().zip(-2..=3) {
                let x = t - f64::from(i);
                assert!((weight - sinc(x) * sinc(x / 3.0)).abs() < 1e-14, "{t} {i}: {weight}");
            }
        });
    }

    #[test]
    fn interpolating_filters_keep_a_centre() {
        assert_eq!(Cubic::weights(0.0), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(Lanczos::weights(0.0), [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(Spline::weights(0.0), [1.0, 4.0, 1.0, 0.0]);
        assert_eq!(Cubic::weights(0.5), [-0.0625, 0.5625, 0.5625, -0.0625]);
    }
}
