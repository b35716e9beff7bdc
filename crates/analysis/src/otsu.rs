//! Otsu's threshold.

use crate::sums::float;

/// A threshold between two classes of values, and how well it parts them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Otsu {
    /// Values above it are the upper class.
    pub threshold: f64,
    /// Between-class variance over total variance, 0..1. A normal distribution that is one heap gives 2/π = 0.64, a
    /// uniform one 0.75; two heaps far apart come near 1.
    pub separability: f64,
    /// Mean of the values at or below the threshold.
    pub lower_mean: f64,
    /// Mean of the values above the threshold.
    pub upper_mean: f64,
    /// How many values there were.
    pub count: usize,
}

/// Below this separability the values are one heap, and the threshold cuts it somewhere in the middle: it is the
/// separability of a uniform distribution, the widest single heap.
pub const SEPARABILITY_LIMIT: f64 = 0.75;

/// Number of bins.
const BINS: usize = 256;

/// Otsu's threshold (IEEE Trans. Systems, Man and Cybernetics 9(1), 1979) of values in −1..1: the cut that makes the
/// variance between the two classes largest, on 256 bins of 1/128. The range is fixed, so that a few wild values do
/// not widen the bins; values beyond count in the outermost bins, NaN not at all. Where several cuts are equally
/// good (an empty gap between two heaps) it is the middle one. `None` where fewer than two bins hold values.
pub fn otsu(values: impl IntoIterator<Item = f32>) -> Option<Otsu> {
    let mut histogram = [0_usize; BINS];
    for v in values {
        if !v.is_nan() {
            histogram[bin(v)] += 1;
        }
    }
    of_histogram(&histogram)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the bins; `as` saturates")]
fn bin(value: f32) -> usize {
    ((f64::from(value) + 1.0) * (float(BINS) / 2.0)).floor().clamp(0.0, float(BINS - 1)) as usize
}

/// The value at the lower edge of bin `i`.
fn edge(i: f64) -> f64 {
    i * (2.0 / float(BINS)) - 1.0
}

fn of_histogram(histogram: &[usize; BINS]) -> Option<Otsu> {
    let count: usize = histogram.iter().sum();
    let total = float(count);
    let moment = |power: i32| -> f64 {
        histogram.iter().enumerate().map(|(i, n)| float(*n) * edge(float(i) + 0.5).powi(power)).sum::<f64>() / total
    };
    if count == 0 {
        return None;
    }
    let mean = moment(1);
    let total_variance = moment(2) - mean * mean;
    let (mut weight, mut partial) = (0.0, 0.0);
    // Best cut so far: (between-class variance, first cut, last cut, mean below, mean above).
    let mut best: Option<(f64, usize, usize, f64, f64)> = None;
    for (i, n) in histogram.iter().enumerate().take(BINS - 1) {
        weight += float(*n) / total;
        partial += float(*n) / total * edge(float(i) + 0.5);
        let rest = 1.0 - weight;
        if weight <= 0.0 || histogram[i + 1..].iter().all(|n| *n == 0) {
            continue;
        }
        let (below, above) = (partial / weight, (mean - partial) / rest);
        let between = weight * rest * (above - below).powi(2);
        best = match best {
            Some((most, first, _, b, a)) if *n == 0 && between >= most => Some((most, first, i, b, a)),
            Some(known) if between <= known.0 => Some(known),
            _ => Some((between, i, i, below, above)),
        };
    }
    let (between, first, last, lower_mean, upper_mean) = best?;
    Some(Otsu {
        threshold: edge(f64::midpoint(float(first), float(last)) + 1.0),
        separability: if total_variance > 0.0 { (between / total_variance).min(1.0) } else { 0.0 },
        lower_mean,
        upper_mean,
        count,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_heaps_are_parted_in_the_middle_of_the_gap() {
        // Bins of -0.5 and 0.5 begin at 64 and 192: the gap is between the edges of bins 65 and 192.
        let o = otsu([-0.5_f32, -0.5, -0.5, 0.5]).unwrap();
        assert!((o.threshold - f64::midpoint(edge(65.0), edge(192.0))).abs() < 1e-12, "{o:?}");
        assert!((o.separability - 1.0).abs() < 1e-9);
        assert!(
            (o.lower_mean - (-0.5 + 1.0 / 256.0)).abs() < 1e-12 && (o.upper_mean - (0.5 + 1.0 / 256.0)).abs() < 1e-12
        );
    }

    #[test]
    fn one_heap_is_told_by_its_separability() {
        // A triangle of values around -0.3: one heap.
        let one = (0..200_i16).flat_map(|i| (0..200_i16).map(move |j| -0.6 + f32::from(i + j) * 0.0015));
        assert!(otsu(one).unwrap().separability < SEPARABILITY_LIMIT);
        let flat = (0..4096_i16).map(|i| f32::from(i) / 2048.0 - 1.0);
        assert!((otsu(flat).unwrap().separability - 0.75).abs() < 1e-3);
    }

    #[test]
    fn nothing_and_one_value_give_no_threshold() {
        assert_eq!(otsu([]), None);
        assert_eq!(otsu([f32::NAN, 0.3, 0.3]), None);
    }

    proptest! {
        #[test]
        fn the_cut_is_the_best_of_all_cuts(values in prop::collection::vec(-1.2_f32..1.2, 2..200)) {
            let centre = |v: f32| edge(float(bin(v)) + 0.5);
            let between = |cut: f64| {
                let (low, high): (Vec<f64>, Vec<f64>) = values.iter().map(|v| centre(*v)).partition(|v| *v < cut);
                if low.is_empty() || high.is_empty() {
                    return 0.0;
                }
                let mean = |v: &[f64]| v.iter().sum::<f64>() / float(v.len());
                float(low.len()) * float(high.len()) * (mean(&low) - mean(&high)).powi(2)
            };
            if let Some(o) = otsu(values.iter().copied()) {
                let best = (0..BINS).map(|i| between(edge(float(i)))).fold(0.0, f64::max);
                prop_assert!(between(o.threshold) >= best * (1.0 - 1e-9), "{o:?}");
            }
        }
    }
}
