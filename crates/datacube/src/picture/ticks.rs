//! Round numbers for axes.

/// Round numbers within a range and how to write them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ticks {
    pub(crate) values: Vec<f64>,
    decimals: usize,
    /// Labels are the values over ten to this power.
    pub(crate) exponent: i32,
}

impl Ticks {
    /// At most `most` (two or more) multiples of 1, 2 or 5 times a power of ten in `low..=high`.
    pub(crate) fn new(low: f64, high: f64, most: usize) -> Self {
        let width = high - low;
        let exponent = shared_exponent(low.abs().max(high.abs()));
        if width <= 0.0 || !width.is_finite() {
            return Self { values: vec![low], decimals: 2, exponent };
        }
        let mut step = 10_f64.powf((width / 1e3).log10().floor());
        let mut decade = [2.0, 2.5, 2.0].into_iter().cycle();
        let values = loop {
            match multiples(low, high, step) {
                Some(values) if values.len() <= most.max(2) => break values,
                _ => step *= decade.next().unwrap_or(10.0),
            }
        };
        let digits = -(step.log10() + 1e-9).floor() + f64::from(exponent);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a few digits")]
        let decimals = digits.clamp(0.0, 12.0) as usize;
        Self { values, decimals, exponent }
    }

    /// How a value of the axis is written, with a true minus sign.
    pub(crate) fn label(&self, value: f64) -> String {
        let scaled = value / 10_f64.powi(self.exponent);
        let text = format!("{scaled:.*}", self.decimals);
        let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
        if is_zero { text.replace('-', "") } else { text.replace('-', "−") }
    }

    /// `×10⁻⁶`, or nothing where labels are the values themselves.
    pub(crate) fn multiplier(&self) -> Option<String> {
        let superscript = |c: char| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '0' => '⁰',
            _ => char::from_u32(u32::from('⁴') + (u32::from(c) - u32::from('4'))).unwrap_or(c),
        };
        (self.exponent != 0)
            .then(|| format!("×10{}", self.exponent.to_string().chars().map(superscript).collect::<String>()))
    }
}

/// Most multiples that [`multiples`] lists.
const MOST_MULTIPLES: f64 = 1200.0;

/// Multiples of `step` in the range, with room for rounding; `None` where they are too many to be ticks.
pub(crate) fn multiples(low: f64, high: f64, step: f64) -> Option<Vec<f64>> {
    let slack = 1e-9 * (high - low).abs();
    let (first, last) = (((low - slack) / step).ceil(), ((high + slack) / step).floor());
    let count = last - first;
    if !count.is_finite() || count > MOST_MULTIPLES {
        return None;
    }
    let (mut values, mut k) = (Vec::new(), 0.0);
    while k <= count {
        values.push((first + k) * step);
        k += 1.0;
    }
    Some(values)
}

/// The power of ten (a multiple of three) that very large and very small numbers are written with.
fn shared_exponent(largest: f64) -> i32 {
    if largest == 0.0 || !largest.is_finite() || (1e-3..1e6).contains(&largest) {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a finite number is small")]
    let power = (largest.log10() / 3.0).floor() as i32;
    power * 3
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(low: f64, high: f64, most: usize) -> Vec<String> {
        let t = Ticks::new(low, high, most);
        t.values.iter().map(|v| t.label(*v)).collect()
    }

    #[test]
    fn labels_are_round_numbers_with_the_digits_they_need() {
        assert_eq!(labels(0.0, 100.0, 6), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(-0.31, 0.29, 7), ["−0.3", "−0.2", "−0.1", "0.0", "0.1", "0.2"]);
        assert_eq!(labels(280.2, 281.9, 5), ["280.5", "281.0", "281.5"]);
        assert_eq!(labels(12.0, 12.7, 4), ["12.0", "12.2", "12.4", "12.6"]);
    }

    #[test]
    fn very_small_numbers_share_a_power_of_ten() {
        let t = Ticks::new(0.0, 4e-8, 5);
        assert_eq!(t.multiplier().unwrap(), "×10⁻⁹");
        assert_eq!(t.values.iter().map(|v| t.label(*v)).collect::<Vec<_>>(), ["0", "10", "20", "30", "40"]);
        assert_eq!(Ticks::new(0.0, 5e7, 6).multiplier().unwrap(), "×10⁶");
        assert_eq!(Ticks::new(0.0, 300.0, 6).multiplier(), None);
    }

    #[test]
    fn a_range_too_narrow_for_its_numbers_still_ends() {
        assert!(Ticks::new(1e17, 1e17 + 64.0, 5).values.len() <= 5);
        assert_eq!(Ticks::new(3.0, 3.0, 5).values, [3.0]);
        assert_eq!(Ticks::new(f64::NAN, 3.0, 5).values.len(), 1);
    }

    proptest! {
        #[test]
        fn ticks_lie_inside_and_are_not_too_many(low in -1e9_f64..1e9, width in 1e-3_f64..1e9, most in 2_usize..12) {
            let t = Ticks::new(low, low + width, most);
            prop_assert!(t.values.len() <= most && !t.values.is_empty());
            prop_assert!(t.values.iter().all(|v| *v >= low - width * 1e-6 && *v <= low + width * (1.0 + 1e-6)));
            let labels: Vec<_> = t.values.iter().map(|v| t.label(*v)).collect();
            prop_assert!(labels.windows(2).all(|w| w[0] != w[1]), "{labels:?}");
        }
    }
}
