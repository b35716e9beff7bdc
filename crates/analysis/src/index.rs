//! Spectral indices: normalised differences of real values.

use cube_model::{Cube, CubeArray, CubeError, DataType, Measurement, Pixel};
use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;

use crate::AnalysisError;
use crate::mask::same_shape;
use crate::real::RealSource;

/// A normalised difference of two measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Index {
    /// Vegetation, (nir − red) / (nir + red): Rouse et al., *Monitoring vegetation systems in the Great Plains with
    /// ERTS*, 1974.
    Ndvi,
    /// Water, (green − nir) / (green + nir): `McFeeters`, Int. J. Remote Sensing 17(7), 1996. Water is above 0; built-up
    /// land may be too.
    Ndwi,
    /// Water, (green − swir16) / (green + swir16): Xu, Int. J. Remote Sensing 27(14), 2006. Water is above 0, and
    /// built-up land is not; snow is.
    Mndwi,
}

/// Pixels of one piece of work.
const CHUNK: usize = 1 << 15;

impl Index {
    /// Its name in lower case, such as `mndwi`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ndvi => "ndvi",
            Self::Ndwi => "ndwi",
            Self::Mndwi => "mndwi",
        }
    }

    /// The index of this name, whatever its case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Ndvi, Self::Ndwi, Self::Mndwi].into_iter().find(|i| i.name().eq_ignore_ascii_case(name))
    }

    /// The names that its two measurements may have, best first: `(first, second)` of (first − second) / (first +
    /// second).
    #[must_use]
    pub const fn measurements(self) -> (&'static [&'static str], &'static [&'static str]) {
        const GREEN: &[&str] = &["green", "B03", "nbart_green"];
        const RED: &[&str] = &["red", "B04", "nbart_red"];
        const NIR: &[&str] = &["nir", "B08", "nir08", "nir_1", "nbart_nir", "nbart_nir_1"];
        const SWIR: &[&str] = &["swir16", "B11", "swir1", "swir_1", "nbart_swir_1", "nbart_swir_2"];
        match self {
            Self::Ndvi => (NIR, RED),
            Self::Ndwi => (GREEN, NIR),
            Self::Mndwi => (GREEN, SWIR),
        }
    }

    /// The arrays of its two measurements in `cube`, found by name, then by alias.
    ///
    /// # Errors
    /// Where the cube has none of the names.
    pub fn arrays(self, cube: &Cube) -> Result<(&CubeArray, &CubeArray), AnalysisError> {
        let find = |wanted: &'static [&'static str]| {
            let by_name = wanted.iter().find_map(|name| cube.arrays.get(*name));
            let by_alias =
                || wanted.iter().find_map(|name| cube.arrays.values().find(|a| a.measurement.answers_to(name)));
            by_name.or_else(by_alias).ok_or_else(|| AnalysisError::NoMeasurement {
                index: self.name(),
                wanted: wanted.to_vec(),
                has: cube.arrays.keys().cloned().collect(),
            })
        };
        let (first, second) = self.measurements();
        Ok((find(first)?, find(second)?))
    }
}

/// The index of a cube, `float32` with NaN; shape of the cube's arrays.
///
/// # Errors
/// Where the cube lacks a measurement, or its arrays differ in shape.
pub fn index(cube: &Cube, index: Index) -> Result<CubeArray, AnalysisError> {
    let (first, second) = index.arrays(cube)?;
    let mut array = normalised_difference(first, second)?;
    index.name().clone_into(&mut array.measurement.name);
    Ok(array)
}

/// `(a − b) / (a + b)` of the real values (scale factor and offset applied first: with an offset the index of the
/// pixels is another number), computed in `f64`, kept as `float32`.
///
/// NaN where either is missing and where the sum is not positive: two reflectances that were corrected to zero or
/// below hold no signal, and a negative sum would turn the sign of the index around. One of the two may be negative;
/// the index then leaves −1..1.
///
/// # Errors
/// Where the shapes differ.
pub fn normalised_difference(a: &CubeArray, b: &CubeArray) -> Result<CubeArray, AnalysisError> {
    let what = format!("measurement {:?}", b.measurement.name);
    same_shape(&what, a.pixels.shape(), b.pixels.shape())?;
    let mut values = vec![0.0_f32; a.pixels.shape().iter().product()];
    let (first, second) = (RealSource::new(a), RealSource::new(b));
    values.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
        let mut x = vec![0.0; out.len()];
        let mut y = vec![0.0; out.len()];
        first.fill(i * CHUNK, &mut x);
        second.fill(i * CHUNK, &mut y);
        for ((out, a), b) in out.iter_mut().zip(x).zip(y) {
            let sum = a + b;
            *out = if sum > 0.0 { f32::from_f64((a - b) / sum) } else { f32::NAN };
        }
    });
    let pixels = ArrayD::from_shape_vec(IxDyn(a.pixels.shape()), values).map_err(|_| {
        AnalysisError::Cube(CubeError::WrongDimensions {
            name: a.measurement.name.clone(),
            has: a.pixels.shape().len(),
        })
    })?;
    let name = format!("normalised_difference_{}_{}", a.measurement.name, b.measurement.name);
    let mut measurement = Measurement::new(name, DataType::Float32, Some(f64::NAN));
    measurement.extra_dim.clone_from(&a.measurement.extra_dim);
    Ok(CubeArray { pixels: f32::wrap(pixels), nodata: Some(f64::NAN), measurement })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::tests::array;
    use crate::water::tests::cube_of;

    fn values(a: &CubeArray) -> Vec<f32> {
        f32::view(&a.pixels).unwrap().iter().copied().collect()
    }

    #[test]
    fn offset_changes_the_index() {
        let mut nir = array("nir", &[1, 1, 1], &[4000_u16], Some(0.0));
        let mut red = array("red", &[1, 1, 1], &[2000_u16], Some(0.0));
        for a in [&mut nir, &mut red] {
            a.measurement.scale_factor = Some(1e-4);
        }
        let without = values(&normalised_difference(&nir, &red).unwrap())[0];
        assert!((without - 1.0 / 3.0).abs() < 1e-6, "{without}");
        for a in [&mut nir, &mut red] {
            a.measurement.add_offset = Some(-0.1);
        }
        // (0.3 - 0.1) / (0.3 + 0.1)
        let with = values(&normalised_difference(&nir, &red).unwrap())[0];
        assert!((with - 0.5).abs() < 1e-6, "{with}");
    }

    #[test]
    fn missing_and_signal_free_pixels_are_nan() {
        let a = array("green", &[1, 1, 5], &[-9999_i16, 5, 0, -20, 30], Some(-9999.0));
        let b = array("swir16", &[1, 1, 5], &[5_i16, -9999, 0, 10, -10], Some(-9999.0));
        let v = values(&normalised_difference(&a, &b).unwrap());
        assert!(v[..4].iter().all(|v| v.is_nan()), "{v:?}");
        assert!((v[4] - 2.0).abs() < f32::EPSILON);
    }

    #[test]
    fn measurements_are_found_by_alias() {
        let mut green = array("sr_band3", &[1, 1, 1], &[30_i16], None);
        green.measurement.aliases.push("green".into());
        let swir = array("swir1", &[1, 1, 1], &[10_i16], None);
        let mndwi = index(&cube_of(vec![green, swir]), Index::Mndwi).unwrap();
        assert_eq!(mndwi.measurement.name, "mndwi");
        assert!((values(&mndwi)[0] - 0.5).abs() < 1e-7);
        let error =
            index(&cube_of(vec![array("red", &[1, 1, 1], &[1_u8], None)]), Index::Ndvi).unwrap_err().to_string();
        assert!(error.contains("ndvi") && error.contains("nir") && error.contains("red"), "{error}");
    }

    #[test]
    fn order_of_work_does_not_change_long_arrays() {
        let size = CHUNK + 17;
        let ramp = |wrap: usize| -> Vec<u16> { (0..size).map(|i| u16::try_from(i % wrap + 1).unwrap()).collect() };
        let (nir, red) = (ramp(5000), ramp(3000));
        let as_array = |pixels: &[u16]| array("a", &[1, 1, size], pixels, None);
        let found = values(&normalised_difference(&as_array(&nir), &as_array(&red)).unwrap());
        for i in [0, CHUNK - 1, CHUNK, size - 1] {
            let (x, y) = (f64::from(nir[i]), f64::from(red[i]));
            assert!((f64::from(found[i]) - (x - y) / (x + y)).abs() < 1e-7);
        }
    }
}
