//! Reductions over time: composites and anomalies.

use cube_model::{Cube, CubeArray, DataType, Measurement, Pixel, for_each_dtype};
use ndarray::{Array3, ArrayD, IxDyn};
use rayon::prelude::*;

use crate::AnalysisError;
use crate::mask::same_shape;
use crate::masked;
use crate::real::{RealSource, float_measurement, float_pixels, float_type, typed_nodata};
use crate::sums::{Sum, float};

/// What a row of values becomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// The arithmetic mean.
    Mean,
    /// The middle value; the mean of the two middle ones of an even number.
    Median,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// Standard deviation of the values themselves (divided by n, as numpy and xarray do).
    Std,
    /// How many there are.
    Count,
    /// The earliest.
    First,
    /// The latest.
    Last,
    /// The value below which this percentage lies, 0 to 100, linear between neighbours as numpy does.
    Percentile(f64),
}

impl Statistic {
    /// Its name, such as `median` or `p90`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Mean => "mean".into(),
            Self::Median => "median".into(),
            Self::Min => "min".into(),
            Self::Max => "max".into(),
            Self::Std => "std".into(),
            Self::Count => "count".into(),
            Self::First => "first".into(),
            Self::Last => "last".into(),
            Self::Percentile(p) => format!("p{p}"),
        }
    }

    /// The statistic of this name (`p90` is a percentile).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "mean" => Self::Mean,
            "median" => Self::Median,
            "min" => Self::Min,
            "max" => Self::Max,
            "std" => Self::Std,
            "count" => Self::Count,
            "first" => Self::First,
            "last" => Self::Last,
            _ => Self::Percentile(name.strip_prefix('p')?.parse().ok().filter(|p| (0.0..=100.0).contains(p))?),
        })
    }

    /// Of the values that are not NaN, in their order; NaN without any (zero for a count). Sorts `values`.
    pub(crate) fn of(self, values: &mut Vec<f64>) -> f64 {
        values.retain(|v| !v.is_nan());
        let n = values.len();
        match self {
            Self::Count => return float(n),
            _ if n == 0 => return f64::NAN,
            Self::First => return values[0],
            Self::Last => return values[n - 1],
            Self::Min => return values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => return values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Mean => return mean(values),
            Self::Std => {
                let mean = mean(values);
                let squares: Sum = values.iter().map(|v| (v - mean).powi(2)).collect();
                return (squares.value() / float(n)).sqrt();
            }
            Self::Median | Self::Percentile(_) => {}
        }
        values.sort_unstable_by(f64::total_cmp);
        let percent = if let Self::Percentile(p) = self { p } else { 50.0 };
        quantile(values, percent / 100.0)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().copied().collect::<Sum>().value() / float(values.len())
}

/// Linear between the two neighbours; `sorted` is not empty.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * float(sorted.len() - 1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the indices of a slice")]
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let part = place - place.floor();
    if part == 0.0 { sorted[below] } else { sorted[below] + (sorted[above] - sorted[below]) * part }
}

/// A statistic over time, pixel by pixel: `[1, y, x]` or `[1, extra, y, x]`.
///
/// `First`, `Last`, `Min` and `Max` keep the pixels' type, nodata, scale and offset; `Count` is `uint32` without
/// nodata; the others are real values, `float32` or `float64` as [`crate::scaled`], NaN where there was none. Missing
/// pixels (and those where `keep`, `[time, y, x]`, is false) do not count.
///
/// # Errors
/// Where the array has no time plane, the mask another shape, or a percentile is not in 0..100.
pub fn over_time(
    array: &CubeArray,
    statistic: Statistic,
    keep: Option<&Array3<bool>>,
) -> Result<CubeArray, AnalysisError> {
    if let Statistic::Percentile(value) = statistic
        && !(0.0..=100.0).contains(&value)
    {
        return Err(AnalysisError::Percentile { value });
    }
    let shape = array.pixels.shape();
    if shape.first().is_none_or(|times| *times == 0) {
        return Err(AnalysisError::Empty {
            what: format!("measurement {:?}", array.measurement.name),
            shape: shape.to_vec(),
        });
    }
    let kept;
    let array = match keep {
        Some(keep) => {
            kept = masked(array, keep)?;
            &kept
        }
        None => array,
    };
    Ok(match statistic {
        Statistic::First | Statistic::Last | Statistic::Min | Statistic::Max => chosen(array, statistic),
        Statistic::Count => {
            let counts = reduced(array, statistic).mapv(u32::from_f64);
            let mut measurement = Measurement::new(&*array.measurement.name, DataType::UInt32, None);
            measurement.extra_dim.clone_from(&array.measurement.extra_dim);
            CubeArray { pixels: u32::wrap(counts), nodata: None, measurement }
        }
        _ => {
            let mut measurement = float_measurement(array);
            measurement.flags.clear();
            let pixels = float_pixels(reduced(array, statistic), float_type(array));
            CubeArray { pixels, nodata: Some(f64::NAN), measurement }
        }
    })
}

/// A statistic over time of every array of a cube. Arrays with flags (classes, bit fields) hold no quantities: only
/// `First`, `Last` and `Count` are taken of them, and other statistics leave them out. The one time is the first of
/// the cube.
///
/// # Errors
/// As [`over_time`].
pub fn composite(cube: &Cube, statistic: Statistic, keep: Option<&Array3<bool>>) -> Result<Cube, AnalysisError> {
    let of_classes = matches!(statistic, Statistic::First | Statistic::Last | Statistic::Count);
    let arrays = cube
        .arrays
        .iter()
        .filter(|(_, array)| of_classes || array.measurement.flags.is_empty())
        .map(|(name, array)| Ok((name.clone(), over_time(array, statistic, keep)?)))
        .collect::<Result<_, AnalysisError>>()?;
    let times = cube.times.iter().take(1).copied().collect();
    Ok(Cube { geobox: cube.geobox.clone(), times, extra: cube.extra.clone(), arrays })
}

/// Real values less a reference of one time plane (such as [`over_time`] with the mean), `float32` or `float64` as
/// [`crate::scaled`]; NaN where either is missing. Shape of `array`.
///
/// # Errors
/// Where the reference is not one time plane of the same shape.
pub fn anomaly(array: &CubeArray, reference: &CubeArray) -> Result<CubeArray, AnalysisError> {
    let mut expected = array.pixels.shape().to_vec();
    if let Some(times) = expected.first_mut() {
        *times = 1;
    }
    same_shape("the reference", &expected, reference.pixels.shape())?;
    let values = crate::real_values(array) - crate::real_values(reference);
    let mut measurement = float_measurement(array);
    measurement.name.push_str("_anomaly");
    Ok(CubeArray { pixels: float_pixels(values, float_type(array)), nodata: Some(f64::NAN), measurement })
}

/// Pixels of one piece of work.
const CHUNK: usize = 1 << 13;

fn plane_shape(array: &CubeArray) -> (Vec<usize>, usize, usize) {
    let mut shape = array.pixels.shape().to_vec();
    let times = std::mem::replace(&mut shape[0], 1);
    let pixels = shape.iter().product();
    (shape, times, pixels)
}

/// The statistic of the real values of every pixel.
fn reduced(array: &CubeArray, statistic: Statistic) -> ArrayD<f64> {
    let (shape, times, pixels) = plane_shape(array);
    let source = RealSource::new(array);
    let mut out = vec![f64::NAN; pixels];
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
        let n = out.len();
        let mut values = vec![0.0; times * n];
        for (time, plane) in values.chunks_mut(n).enumerate() {
            source.fill(time * pixels + i * CHUNK, plane);
        }
        let mut series = Vec::with_capacity(times);
        for (at, out) in out.iter_mut().enumerate() {
            series.clear();
            series.extend(values.iter().skip(at).step_by(n));
            *out = statistic.of(&mut series);
        }
    });
    ArrayD::from_shape_vec(IxDyn(&shape), out).unwrap_or_else(|_| ArrayD::zeros(IxDyn(&shape)))
}

/// The pixel itself that is first, last, smallest or largest as a real value.
fn chosen(array: &CubeArray, statistic: Statistic) -> CubeArray {
    fn of<T: Pixel>(array: &CubeArray, statistic: Statistic) -> Option<CubeArray> {
        let (shape, ..) = plane_shape(array);
        let nodata = typed_nodata::<T>(array.nodata);
        let missing = |p: T| p.is_nan() || nodata == Some(p);
        // A negative scale turns the order around.
        let falls = array.measurement.scale_factor.is_some_and(|s| s < 0.0);
        let better = |new: T, old: T| match statistic {
            Statistic::Min => {
                if falls {
                    new > old
                } else {
                    new < old
                }
            }
            Statistic::Max => {
                if falls {
                    new < old
                } else {
                    new > old
                }
            }
            Statistic::Last => true,
            _ => false,
        };
        let planes = T::view(&array.pixels)?;
        let mut planes = planes.outer_iter();
        let mut best = planes.next()?.into_owned();
        for plane in planes {
            ndarray::Zip::from(&mut best).and(&plane).par_for_each(|best, new| {
                if !missing(*new) && (missing(*best) || better(*new, *best)) {
                    *best = *new;
                }
            });
        }
        let pixels = T::wrap(best.into_shape_with_order(IxDyn(&shape)).ok()?);
        Some(CubeArray { pixels, nodata: array.nodata, measurement: array.measurement.clone() })
    }
    for_each_dtype!(array.pixels.dtype(), T => of::<T>(array, statistic), _ => None).unwrap_or_else(|| array.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::real::tests::array;
    use crate::real_values;

    /// Four times of two pixels; the second pixel has one value.
    fn series() -> CubeArray {
        let mut a = array("b", &[4, 1, 2], &[-1_i16, -1, 10, -1, 40, 7, 20, -1], Some(-1.0));
        a.measurement.scale_factor = Some(0.5);
        a
    }

    fn values(statistic: Statistic) -> Vec<f64> {
        real_values(&over_time(&series(), statistic, None).unwrap()).into_raw_vec_and_offset().0
    }

    #[test]
    fn statistics_are_those_computed_by_hand() {
        // Real values of the first pixel are 5, 20, 10, of the second 3.5.
        let std = (350.0_f64 / 9.0).sqrt();
        for (statistic, want) in [
            (Statistic::Mean, [35.0 / 3.0, 3.5]),
            (Statistic::Median, [10.0, 3.5]),
            (Statistic::Min, [5.0, 3.5]),
            (Statistic::Max, [20.0, 3.5]),
            (Statistic::Std, [std, 0.0]),
            (Statistic::Count, [3.0, 1.0]),
            (Statistic::First, [5.0, 3.5]),
            (Statistic::Last, [10.0, 3.5]),
            (Statistic::Percentile(25.0), [7.5, 3.5]),
        ] {
            let got = values(statistic);
            assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-6), "{statistic:?}: {got:?}, not {want:?}");
        }
    }

    #[test]
    fn chosen_pixels_keep_their_type_and_scale() {
        let a = over_time(&series(), Statistic::Max, None).unwrap();
        assert_eq!(a.pixels, array("b", &[1, 1, 2], &[40_i16, 7], None).pixels);
        assert_eq!(a.measurement.scale_factor, Some(0.5));
        let mut falling = series();
        falling.measurement.scale_factor = Some(-0.5);
        let a = over_time(&falling, Statistic::Max, None).unwrap();
        assert_eq!(a.pixels, array("b", &[1, 1, 2], &[10_i16, 7], None).pixels);
    }

    #[test]
    fn masked_pixels_do_not_count_and_none_left_is_missing() {
        let keep = Array3::from_shape_fn((4, 1, 2), |(t, _, x)| x == 0 && t == 1);
        let a = over_time(&series(), Statistic::Median, Some(&keep)).unwrap();
        let v = real_values(&a);
        assert!((v[[0, 0, 0]] - 5.0).abs() < 1e-9 && v[[0, 0, 1]].is_nan());
        let first = over_time(&series(), Statistic::First, Some(&keep)).unwrap();
        assert_eq!(first.pixels, array("b", &[1, 1, 2], &[10_i16, -1], None).pixels);
    }

    #[test]
    fn composites_leave_classes_out_where_a_mean_has_no_meaning() {
        let mut scl = array("scl", &[4, 1, 2], &[4_u8; 8], Some(0.0));
        scl.measurement.flags.insert("scl".into(), crate::flags::tests::flag(&[0, 1, 2, 3], &[]));
        let cube = crate::water::tests::cube_of(vec![series(), scl]);
        let names = |s| composite(&cube, s, None).unwrap().arrays.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(Statistic::Mean), ["b"]);
        assert_eq!(names(Statistic::Last), ["b", "scl"]);
    }

    #[test]
    fn anomalies_sum_to_zero() {
        let mean = over_time(&series(), Statistic::Mean, None).unwrap();
        let a = real_values(&anomaly(&series(), &mean).unwrap());
        let sum: f64 = a.iter().filter(|v| !v.is_nan()).sum();
        assert!(sum.abs() < 1e-5 && a[[0, 0, 0]].is_nan());
        assert!(anomaly(&series(), &series()).is_err());
    }

    #[test]
    fn an_extra_dimension_is_carried() {
        let a = array("b", &[2, 2, 1, 2], &[1_u8, 2, 3, 4, 5, 6, 7, 8], None);
        let mean = over_time(&a, Statistic::Mean, None).unwrap();
        assert_eq!(mean.pixels.shape(), [1, 2, 1, 2]);
        assert_eq!(real_values(&mean).into_raw_vec_and_offset().0, [3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn names_go_both_ways_and_percentiles_are_bounded() {
        for s in [Statistic::Mean, Statistic::Std, Statistic::Count, Statistic::Percentile(97.5)] {
            assert_eq!(Statistic::from_name(&s.name()), Some(s));
        }
        assert_eq!(Statistic::from_name("p101"), None);
        assert!(over_time(&series(), Statistic::Percentile(f64::NAN), None).is_err());
    }

    proptest! {
        #[test]
        fn quantiles_lie_between_their_neighbours(mut v in prop::collection::vec(-1e6_f64..1e6, 1..40), p in 0.0_f64..=100.0) {
            let q = Statistic::Percentile(p).of(&mut v);
            prop_assert!(v.first().unwrap() <= &q && &q <= v.last().unwrap());
            let below = v.iter().filter(|x| **x <= q).count();
            prop_assert!(float(below) >= (p / 100.0 * float(v.len() - 1)).floor() + 1.0 - 1e-9);
        }
    }
}
