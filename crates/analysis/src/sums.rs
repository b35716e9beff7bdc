//! Sums of many floats without losing the small ones.

/// A running sum with Neumaier's compensation (ZAMM 54, 1974): the error does not grow with the number of terms.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        let next = self.total + value;
        self.lost +=
            if self.total.abs() >= value.abs() { (self.total - next) + value } else { (value - next) + self.total };
        self.total = next;
    }

    /// The sum; infinities stay infinite (their compensation is NaN and is left out).
    pub(crate) fn value(self) -> f64 {
        if self.lost.is_finite() { self.total + self.lost } else { self.total }
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sum = Self::default();
        values.into_iter().for_each(|v| sum.add(v));
        sum
    }
}

/// A count as a float. Exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "arrays in memory are far smaller than 2^53")]
pub(crate) const fn float(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_survive_large_ones() {
        let sum: Sum = [1.0, 1e100, 1.0, -1e100].into_iter().collect();
        assert!((sum.value() - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn infinity_stays_infinite() {
        let sum: Sum = [f64::INFINITY, 1.0].into_iter().collect();
        assert!(sum.value().is_infinite());
    }
}
