//! Pictures in natural colours.

use cube_geo::GeoBox;
use cube_model::{Cube, CubeError};
use ndarray::{Array2, Axis, Ix3};

use super::bar::Key;
use super::canvas::{MISSING, byte, single};
use super::grid::{self, Frame, panel_spans};
use super::maps::{mean, percentiles, sample};
use super::{Colour, Picture, PictureError};

/// Which values are black and white. All three colours share them, so that grey ground stays grey.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stretch {
    /// These values.
    Range(f64, f64),
    /// These percentiles (0 to 100) of the three colours together.
    Percent(f32, f32),
}

/// How a picture in natural colours looks.
#[derive(Debug, Clone, PartialEq)]
pub struct RgbStyle {
    /// What stands above it.
    pub title: String,
    /// Which values are black and white.
    pub stretch: Stretch,
    /// Outlines the pixels that are true, `[y, x]`.
    pub outline: Option<Array2<bool>>,
}

impl RgbStyle {
    /// Without outline, from the 1st to the 98th percentile.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), stretch: Stretch::Percent(1.0, 98.0), outline: None }
    }
}

/// Colour of outlines.
const OUTLINE: Colour = [255, 221, 0];

/// Draws red, green and blue (real values `[y, x]`, NaN where there is none) as one map with degrees along its frame.
/// Reflectances are shown as they are between the two ends of the stretch, with no further tone curve.
///
/// # Errors
/// Where shapes differ, there is no pixel with all three values, or the stretch is no range.
pub fn rgb(bands: [&Array2<f32>; 3], geobox: &GeoBox, style: &RgbStyle) -> Result<Picture, PictureError> {
    let shape = (geobox.shape.rows, geobox.shape.cols);
    let outline = style.outline.as_ref().map(Array2::dim);
    if let Some(got) = bands.iter().map(|b| b.dim()).chain(outline).find(|got| *got != shape) {
        let what = "pixels of a picture in natural colours".to_owned();
        return Err(PictureError::Mismatch { what, expected: format!("{shape:?}"), got: format!("{got:?}") });
    }
    let (low, high) = ends(bands, style.stretch)?;
    let tone = |v: f32| byte(single((f64::from(v) - low) / (high - low) * 255.0));
    let paint = |_: usize, width: usize, height: usize| {
        let (rows, cols) = panel_spans(geobox, width, height);
        let colour = |r, c| {
            let values = bands.map(|b| mean(b, r, c));
            if values.iter().any(|v| v.is_nan()) { MISSING } else { values.map(tone) }
        };
        let mut pixels: Vec<Colour> =
            rows.iter().flat_map(|r| cols.iter().map(|c| colour(r, c)).collect::<Vec<_>>()).collect();
        if let Some(mask) = &style.outline {
            let inside = |i: usize, j: usize| mask[[rows[i].start, cols[j].start]];
            draw_outline(&mut pixels, width, height, inside);
        }
        pixels
    };
    grid::draw(&[Frame { title: "", geobox }], &style.title, &Key::None, paint)
}

/// The first three arrays of a cube as red, green and blue at time plane `time`, its date as title.
///
/// # Errors
/// Where the cube has fewer than three arrays or time planes, or an array has an extra dimension; and as [`rgb`].
pub fn rgb_cube(cube: &Cube, time: usize, title: Option<&str>) -> Result<Picture, PictureError> {
    let plane = |i: usize| -> Result<Array2<f32>, PictureError> {
        let Some((name, array)) = cube.arrays.get_index(i) else {
            let what = format!("natural colours need three measurements, the cube has {}", cube.arrays.len());
            return Err(PictureError::Empty { what });
        };
        let values = cube_analysis::real_values(array);
        let has = values.ndim();
        let values =
            values.into_dimensionality::<Ix3>().map_err(|_| CubeError::WrongDimensions { name: name.clone(), has })?;
        if time >= values.len_of(Axis(0)) {
            let what =
                format!("the cube has {} times, and time {time} (counted from 0) is asked for", cube.times.len());
            return Err(PictureError::Empty { what });
        }
        Ok(values.index_axis(Axis(0), time).mapv(single))
    };
    let [red, green, blue] = [plane(0)?, plane(1)?, plane(2)?];
    let date = cube.times.get(time).map(|t| t.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
    rgb([&red, &green, &blue], &cube.geobox, &RgbStyle::new(title.unwrap_or(&date)))
}

fn ends(bands: [&Array2<f32>; 3], stretch: Stretch) -> Result<(f64, f64), PictureError> {
    let (low, high) = match stretch {
        Stretch::Range(low, high) => (low, high),
        Stretch::Percent(low, high) => {
            if !(0.0 <= low && low < high && high <= 100.0) {
                return Err(PictureError::BadRange { low: f64::from(low), high: f64::from(high) });
            }
            let mut values = sample(bands.into_iter());
            let Some((low, high)) = percentiles(&mut values, low / 100.0, high / 100.0) else {
                return Err(PictureError::Empty { what: "no pixel has a value".to_owned() });
            };
            // One tone only: show it as mid-grey.
            if high > low { (low, high) } else { (low - 1.0, high + 1.0) }
        }
    };
    let good = low.is_finite() && high.is_finite() && low < high;
    if good { Ok((low, high)) } else { Err(PictureError::BadRange { low, high }) }
}

/// Colours the pixels inside a mask that touch one outside, two pixels wide.
fn draw_outline(pixels: &mut [Colour], width: usize, height: usize, inside: impl Fn(usize, usize) -> bool) {
    const REACH: usize = 2;
    for row in 0..height {
        for col in 0..width {
            if !inside(row, col) {
                continue;
            }
            let rows = row.saturating_sub(REACH)..(row + REACH + 1).min(height);
            let touches = rows.clone().any(|r| !inside(r, col))
                || (col.saturating_sub(REACH)..(col + REACH + 1).min(width)).any(|c| !inside(row, c));
            if touches {
                pixels[row * width + col] = OUTLINE;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cube_geo::{Affine, Crs, Shape};

    use super::*;

    fn utm(rows: usize, cols: usize) -> GeoBox {
        let affine = Affine::new(20.0, 0.0, 270_000.0, 0.0, -20.0, 4_670_000.0);
        GeoBox::new(Shape::new(rows, cols), affine, Crs::epsg(32633).unwrap()).unwrap()
    }

    fn has(p: &Picture, colour: Colour) -> usize {
        p.pixels.chunks(3).filter(|q| *q == colour).count()
    }

    #[test]
    fn the_ends_of_the_stretch_are_black_and_full() {
        let red = Array2::from_shape_vec((1, 3), vec![0.3, 0.0, f32::NAN]).unwrap();
        let other = Array2::from_shape_vec((1, 3), vec![0.0, 0.15, 0.1]).unwrap();
        let style = RgbStyle { stretch: Stretch::Range(0.0, 0.3), ..RgbStyle::new("t") };
        let p = rgb([&red, &other, &other], &utm(1, 3), &style).unwrap();
        let n = [[255, 0, 0], [0, 128, 128], MISSING].map(|c| has(&p, c));
        assert!(n.iter().all(|n| *n > 10_000), "{n:?}");
    }

    #[test]
    fn an_outline_runs_around_the_mask() {
        let grey = Array2::from_elem((10, 10), 0.1_f32);
        let mask = Array2::from_shape_fn((10, 10), |(r, c)| (3..7).contains(&r) && (3..7).contains(&c));
        let style = RgbStyle { outline: Some(mask), stretch: Stretch::Range(0.0, 1.0), ..RgbStyle::new("t") };
        let p = rgb([&grey, &grey, &grey], &utm(10, 10), &style).unwrap();
        // Four sides of four tenths of the map, two pixels wide.
        let side = p.width * 4 / 10;
        assert!(has(&p, OUTLINE) > 4 * side && has(&p, OUTLINE) < 4 * 2 * side, "{}", has(&p, OUTLINE));
    }

    #[test]
    fn wrong_shapes_and_empty_bands_are_refused() {
        let (a, b) = (Array2::zeros((2, 2)), Array2::zeros((2, 3)));
        assert!(matches!(rgb([&a, &b, &a], &utm(2, 2), &RgbStyle::new("t")), Err(PictureError::Mismatch { .. })));
        let nan = Array2::from_elem((2, 2), f32::NAN);
        assert!(matches!(rgb([&nan, &nan, &nan], &utm(2, 2), &RgbStyle::new("t")), Err(PictureError::Empty { .. })));
    }
}
