//! Reductions over space: one number a time plane.

use cube_geo::CellAreas;
use cube_model::CubeArray;
use ndarray::Array3;
use rayon::prelude::*;

use crate::mask::same_shape;
use crate::real::RealSource;
use crate::sums::Sum;
use crate::{AnalysisError, masked};

/// The real values of one plane in a few numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxSummary {
    /// Mean, weighted by area where areas were given; NaN without values.
    pub mean: f64,
    /// Standard deviation around that mean, with the same weights.
    pub std: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// How many pixels had a value.
    pub count: usize,
    /// Their share of the box: by area where areas were given, else by number.
    pub seen: f64,
}

/// The real values of every plane over the whole box: one summary a time plane, or for `[time, extra, y, x]` one a
/// (time, extra) pair in C order. With `areas` (those of the array's grid) every pixel weighs its true area, which a
/// grid in degrees needs; `None` gives all pixels the same weight. Missing pixels, and those where `keep`
/// (`[time, y, x]`) is false, do not count; nor do pixels that are not on the Earth.
///
/// # Errors
/// Where the array has no pixels, or areas or mask have another shape.
pub fn over_space(
    array: &CubeArray,
    areas: Option<&CellAreas>,
    keep: Option<&Array3<bool>>,
) -> Result<Vec<BoxSummary>, AnalysisError> {
    let shape = array.pixels.shape();
    let (planes, rows, cols) = match *shape {
        [ref outer @ .., rows, cols] if !shape.contains(&0) => (outer.iter().product::<usize>(), rows, cols),
        _ => {
            let what = format!("measurement {:?}", array.measurement.name);
            return Err(AnalysisError::Empty { what, shape: shape.to_vec() });
        }
    };
    if let Some(areas) = areas {
        same_shape("the areas' grid", &[rows, cols], &[areas.shape().rows, areas.shape().cols])?;
    }
    let kept;
    let array = match keep {
        Some(keep) => {
            kept = masked(array, keep)?;
            &kept
        }
        None => array,
    };
    let source = RealSource::new(array);
    let weights = |row| areas.map_or_else(|| vec![1.0; cols], |a| a.row(row));
    let row_sums = |plane: usize, row: usize, weights: &[f64], about: f64, values: &mut [f64]| {
        source.fill((plane * rows + row) * cols, values);
        Sums::of(values, weights, about)
    };
    // Rows go in parallel, their sums are added in the order of rows; the second pass takes squares about the mean.
    let pass = |about: &[f64]| -> Vec<Sums> {
        let by_row: Vec<Vec<Sums>> = (0..rows)
            .into_par_iter()
            .map(|row| {
                let weights = weights(row);
                let mut values = vec![0.0; cols];
                (0..planes).map(|plane| row_sums(plane, row, &weights, about[plane], &mut values)).collect()
            })
            .collect();
        let mut totals = vec![Sums::default(); planes];
        for row in by_row {
            totals.iter_mut().zip(row).for_each(|(total, sums)| total.add(sums));
        }
        totals
    };
    let first = pass(&vec![0.0; planes]);
    let means: Vec<f64> = first.iter().map(Sums::mean).collect();
    let second = pass(&means);
    Ok(first.iter().zip(&means).zip(second).map(|((sums, mean), about)| sums.summary(*mean, &about)).collect())
}

#[derive(Clone, Copy)]
struct Sums {
    weight: Sum,
    all_weight: Sum,
    value: Sum,
    square: Sum,
    min: f64,
    max: f64,
    count: usize,
}

impl Default for Sums {
    fn default() -> Self {
        let zero = Sum::default();
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Self { weight: zero, all_weight: zero, value: zero, square: zero, min, max, count: 0 }
    }
}

impl Sums {
    /// Of one row; squares are taken about `about`.
    fn of(values: &[f64], weights: &[f64], about: f64) -> Self {
        let mut sums = Self::default();
        for (value, weight) in values.iter().zip(weights) {
            if weight.is_nan() {
                continue;
            }
            sums.all_weight.add(*weight);
            if value.is_nan() {
                continue;
            }
            sums.weight.add(*weight);
            sums.value.add(weight * value);
            sums.square.add(weight * (value - about).powi(2));
            sums.min = sums.min.min(*value);
            sums.max = sums.max.max(*value);
            sums.count += 1;
        }
        sums
    }

    fn add(&mut self, other: Self) {
        self.weight.add(other.weight.value());
        self.all_weight.add(other.all_weight.value());
        self.value.add(other.value.value());
        self.square.add(other.square.value());
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.count += other.count;
    }

    fn mean(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.value.value() / self.weight.value() }
    }

    fn summary(&self, mean: f64, about_mean: &Self) -> BoxSummary {
        let some = |v: f64| if self.count == 0 { f64::NAN } else { v };
        let all = self.all_weight.value();
        BoxSummary {
            mean,
            std: some((about_mean.square.value() / self.weight.value()).sqrt()),
            min: some(self.min),
            max: some(self.max),
            count: self.count,
            seen: if all > 0.0 { self.weight.value() / all } else { 0.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use cube_geo::{Affine, Crs, GeoBox, Shape};

    use super::*;
    use crate::real::tests::array;

    #[test]
    fn mean_of_a_degree_grid_is_weighted_by_true_area() {
        // Rows at 60-61 and 0-1 north: an unweighted mean would say 5.
        let affine = Affine::new(1.0, 0.0, 10.0, 0.0, -60.0, 61.0);
        let geobox = GeoBox::new(Shape::new(2, 1), affine, Crs::lonlat().unwrap()).unwrap();
        let areas = CellAreas::new(&geobox).unwrap();
        let a = array("t", &[1, 2, 1], &[0.0_f64, 10.0], None);
        let (north, south) = (areas.area(0, 0), areas.area(1, 0));
        let s = over_space(&a, Some(&areas), None).unwrap()[0];
        assert!((s.mean - 10.0 * south / (north + south)).abs() < 1e-12, "{s:?}");
        let plain = over_space(&a, None, None).unwrap()[0];
        assert_eq!((plain.mean, plain.std, plain.min, plain.max, plain.count), (5.0, 5.0, 0.0, 10.0, 2));
    }

    #[test]
    fn missing_and_masked_pixels_do_not_weigh() {
        let mut a = array("t", &[2, 1, 4], &[1_i16, 2, 3, -9, -9, -9, -9, -9], Some(-9.0));
        a.measurement.add_offset = Some(100.0);
        let keep = Array3::from_shape_fn((2, 1, 4), |(_, _, x)| x != 0);
        let s = over_space(&a, None, Some(&keep)).unwrap();
        assert!((s[0].mean - 102.5).abs() < 1e-12 && (s[0].std - 0.5).abs() < 1e-12);
        assert_eq!((s[0].count, s[0].seen), (2, 0.5));
        assert!(s[1].mean.is_nan() && s[1].min.is_nan() && s[1].count == 0 && s[1].seen == 0.0);
    }

    #[test]
    fn a_small_spread_on_a_large_value_is_not_lost() {
        let values: Vec<f64> = (0..1000_u32).map(|i| 1e9 + f64::from(i % 2)).collect();
        let s = over_space(&array("t", &[1, 10, 100], &values, None), None, None).unwrap()[0];
        assert!((s.mean - 1e9 - 0.5).abs() < 1e-6 && (s.std - 0.5).abs() < 1e-9, "{s:?}");
    }

    #[test]
    fn planes_of_an_extra_dimension_come_in_c_order() {
        let a = array("t", &[2, 2, 1, 1], &[1_u8, 2, 3, 4], None);
        let means: Vec<f64> = over_space(&a, None, None).unwrap().iter().map(|s| s.mean).collect();
        assert_eq!(means, [1.0, 2.0, 3.0, 4.0]);
        assert!(over_space(&array::<u8>("t", &[1, 0, 5], &[], None), None, None).is_err());
    }
}
