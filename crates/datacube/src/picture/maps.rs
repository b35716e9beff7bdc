//! Maps of values and classes.

use std::ops::Range;

use cube_geo::GeoBox;
use ndarray::{Array2, s};

use super::bar::{Bar, Key};
use super::canvas::{MISSING, float, single};
use super::colours::{Colours, class_colour};
use super::grid::{self, Frame, panel_spans};
use super::{Colour, Picture, PictureError};

/// One map.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What stands above it, such as a date.
    pub title: String,
    /// Values `[y, x]`, NaN where there is none.
    pub data: Array2<f32>,
    /// Where they lie; of the shape of `data`.
    pub geobox: GeoBox,
}

/// How maps look.
#[derive(Debug, Clone, PartialEq)]
pub struct MapStyle {
    title: String,
    label: String,
    colours: Colours,
    range: Option<(f64, f64)>,
    classes: Vec<(String, f64)>,
    missing: String,
}

impl MapStyle {
    /// Maps under this title, viridis, from the 2nd to the 98th percentile of all values.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            label: String::new(),
            colours: Colours::viridis(),
            range: None,
            classes: Vec::new(),
            missing: "no data".to_owned(),
        }
    }

    /// What the colour bar shows with its units, such as `2 metre temperature (K)`.
    #[must_use]
    pub fn units(self, label: &str) -> Self {
        Self { label: label.to_owned(), ..self }
    }

    /// The colour map of this name: viridis, cividis, magma, inferno, plasma, turbo, blues, greens, reds, greys, ylgnbu,
    /// rdylbu, rdbu, brbg or temperature; `_r` at the end turns it around.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn colours(self, name: &str) -> Result<Self, PictureError> {
        Ok(Self { colours: Colours::named(name)?, ..self })
    }

    /// The values at the ends of the colour bar, in place of percentiles.
    #[must_use]
    pub const fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// The values are classes: names and values, in place of a colour bar. The first is pale as the ground, the second
    /// blue as water. Values that are none of them are shown as missing.
    #[must_use]
    pub fn legend(self, classes: &[(&str, f64)]) -> Self {
        Self { classes: classes.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(), ..self }
    }

    /// What pixels without a value are called; `no data` unless said.
    #[must_use]
    pub fn missing(self, name: &str) -> Self {
        Self { missing: name.to_owned(), ..self }
    }
}

/// Draws maps side by side with one colour bar or legend, north up, degrees along their frames. A map with more pixels
/// than the picture shows means of them (of classes the middle one); pixels without a value are grey.
///
/// # Errors
/// Where there is no panel or no pixel, data and GeoBox differ in shape, the range is none, or no panel has a value and
/// no range was given.
pub fn map_panels(panels: &[Panel], style: &MapStyle) -> Result<Picture, PictureError> {
    for panel in panels {
        let shape = (panel.geobox.shape.rows, panel.geobox.shape.cols);
        if panel.data.dim() != shape {
            let what = format!("pixels of the map {:?}", panel.title);
            let (expected, got) = (format!("{shape:?}"), format!("{:?}", panel.data.dim()));
            return Err(PictureError::Mismatch { what, expected, got });
        }
    }
    let frames: Vec<Frame<'_>> = panels.iter().map(|p| Frame { title: &p.title, geobox: &p.geobox }).collect();
    if !style.classes.is_empty() {
        let colour = |v: f32| class_of(&style.classes, v).map_or(MISSING, class_colour);
        let known = style.classes.iter().enumerate().map(|(i, (name, _))| (name.clone(), class_colour(i)));
        let mut names: Vec<(String, Colour)> = known.collect();
        if panels.iter().any(|p| p.data.iter().any(|v| class_of(&style.classes, *v).is_none())) {
            names.push((style.missing.clone(), MISSING));
        }
        let paint = |i: usize, w: usize, h: usize| {
            paint(&panels[i], w, h, |rows, cols| colour(middle(&panels[i].data, rows, cols)))
        };
        return grid::draw(&frames, &style.title, &Key::Classes(names), paint);
    }
    let range = range(panels, style.range)?;
    let values = || panels.iter().flat_map(|p| p.data.iter().map(|v| f64::from(*v)));
    let slack = 1e-6 * (range.1 - range.0);
    let key = Key::Bar(Bar {
        colours: style.colours.clone(),
        low: range.0,
        high: range.1,
        label: style.label.clone(),
        beyond: (values().any(|v| v < range.0 - slack), values().any(|v| v > range.1 + slack)),
        missing: values().any(f64::is_nan).then(|| style.missing.clone()),
    });
    let colour = |v: f32| {
        if v.is_nan() { MISSING } else { style.colours.at(single((f64::from(v) - range.0) / (range.1 - range.0))) }
    };
    let paint =
        |i: usize, w: usize, h: usize| paint(&panels[i], w, h, |rows, cols| colour(mean(&panels[i].data, rows, cols)));
    grid::draw(&frames, &style.title, &key, paint)
}

fn paint(
    panel: &Panel,
    width: usize,
    height: usize,
    colour: impl Fn(&Range<usize>, &Range<usize>) -> Colour,
) -> Vec<Colour> {
    let (rows, cols) = panel_spans(&panel.geobox, width, height);
    rows.iter().flat_map(|r| cols.iter().map(|c| colour(r, c)).collect::<Vec<_>>()).collect()
}

/// The mean of the values under a pixel of the picture, NaN without any.
pub(crate) fn mean(data: &Array2<f32>, rows: &Range<usize>, cols: &Range<usize>) -> f32 {
    if rows.len() == 1 && cols.len() == 1 {
        return data[[rows.start, cols.start]];
    }
    let (sum, n) = data
        .slice(s![rows.clone(), cols.clone()])
        .iter()
        .filter(|v| !v.is_nan())
        .fold((0.0_f32, 0), |(sum, n), v| (sum + v, n + 1));
    if n == 0 { f32::NAN } else { sum / float(n) }
}

fn middle(data: &Array2<f32>, rows: &Range<usize>, cols: &Range<usize>) -> f32 {
    data[[usize::midpoint(rows.start, rows.end - 1), usize::midpoint(cols.start, cols.end - 1)]]
}

fn class_of(classes: &[(String, f64)], value: f32) -> Option<usize> {
    classes.iter().position(|(_, v)| (f64::from(value) - v).abs() < 1e-6)
}

/// The given range, or the 2nd to the 98th percentile, or (where those are equal) a range around the values.
fn range(panels: &[Panel], given: Option<(f64, f64)>) -> Result<(f64, f64), PictureError> {
    if let Some((low, high)) = given {
        let good = low.is_finite() && high.is_finite() && low < high;
        return if good { Ok((low, high)) } else { Err(PictureError::BadRange { low, high }) };
    }
    let mut values = sample(panels.iter().map(|p| &p.data));
    let Some((low, high)) = percentiles(&mut values, 0.02, 0.98) else {
        return Err(PictureError::Empty { what: "no pixel has a value".to_owned() });
    };
    if high > low {
        return Ok((low, high));
    }
    let (low, high) = percentiles(&mut values, 0.0, 1.0).unwrap_or((low, high));
    if high > low {
        return Ok((low, high));
    }
    let around = (0.01 * low.abs()).max(1e-6);
    Ok((low - around, high + around))
}

/// Values that percentiles are taken of: all where there are few, else evenly spaced ones.
const SAMPLE: usize = 4_000_000;

/// Finite values of several arrays.
pub(crate) fn sample<'a>(arrays: impl Iterator<Item = &'a Array2<f32>> + Clone) -> Vec<f32> {
    let total: usize = arrays.clone().map(Array2::len).sum();
    // An odd distance does not fall into step with rows of a round length.
    let every = if total > SAMPLE { total.div_ceil(SAMPLE) | 1 } else { 1 };
    arrays.flat_map(|a| a.iter().copied()).step_by(every).filter(|v| v.is_finite()).collect()
}

/// Two percentiles (shares 0..1, nearest rank) of values that are all finite; `None` without any.
pub(crate) fn percentiles(values: &mut [f32], low: f32, high: f32) -> Option<(f64, f64)> {
    let last = float(values.len().checked_sub(1)?);
    let mut at = |share: f32| {
        let (_, value, _) = values.select_nth_unstable_by(super::text::whole((share * last).round()), f32::total_cmp);
        f64::from(*value)
    };
    Some((at(low), at(high)))
}

#[cfg(test)]
mod tests {
    use cube_geo::{Affine, Crs, Shape};

    use super::*;

    fn panel(data: Array2<f32>) -> Panel {
        let (rows, cols) = data.dim();
        let affine = Affine::new(0.1, 0.0, 11.9, 0.0, -0.1, 42.4);
        let geobox = GeoBox::new(Shape::new(rows, cols), affine, Crs::lonlat().unwrap()).unwrap();
        Panel { title: "2034-05-15".into(), data, geobox }
    }

    fn has(p: &Picture, colour: Colour) -> usize {
        p.pixels.chunks(3).filter(|q| *q == colour).count()
    }

    #[test]
    fn values_have_their_colours_and_missing_ones_are_grey() {
        let data = Array2::from_shape_vec((2, 2), vec![0.0, 10.0, f32::NAN, 10.0]).unwrap();
        let style = MapStyle::new("t").units("K").range(0.0, 10.0);
        let p = map_panels(&[panel(data)], &style).unwrap();
        let (low, high, missing) = (has(&p, [68, 1, 84]), has(&p, [254, 232, 37]), has(&p, MISSING));
        assert!(low > 50_000 && missing > 50_000 && high.abs_diff(2 * low) < low / 50, "{low} {high} {missing}");
    }

    #[test]
    fn classes_are_drawn_by_value_and_others_are_missing() {
        let data = Array2::from_shape_vec((1, 3), vec![0.0, 1.0, f32::NAN]).unwrap();
        let p = map_panels(&[panel(data)], &MapStyle::new("Water").legend(&[("land", 0.0), ("water", 1.0)])).unwrap();
        let n = [class_colour(0), class_colour(1), MISSING].map(|c| has(&p, c));
        assert!(n[0] > 10_000 && n.iter().all(|m| m.abs_diff(n[0]) < n[0] / 20), "{n:?}");
    }

    #[test]
    fn the_range_is_robust_and_never_empty() {
        let mut data = Array2::from_shape_fn((10, 100), |(r, c)| float(r * 100 + c));
        data[[0, 0]] = 1e9;
        let (low, high) = range(&[panel(data)], None).unwrap();
        assert!((low - 21.0).abs() < 2.0 && (high - 980.0).abs() < 2.0, "{low} {high}");
        let (low, high) = range(&[panel(Array2::from_elem((2, 2), 5.0))], None).unwrap();
        assert!(low < 5.0 && high > 5.0);
    }

    #[test]
    fn empty_maps_and_wrong_shapes_are_refused() {
        let style = MapStyle::new("t");
        assert!(matches!(map_panels(&[], &style), Err(PictureError::Empty { .. })));
        assert!(matches!(
            map_panels(&[panel(Array2::from_elem((2, 2), f32::NAN))], &style),
            Err(PictureError::Empty { .. })
        ));
        assert!(map_panels(&[panel(Array2::from_elem((2, 2), f32::NAN))], &style.clone().range(0.0, 1.0)).is_ok());
        let mut wrong = panel(Array2::zeros((2, 2)));
        wrong.data = Array2::zeros((2, 3));
        let error = map_panels(&[wrong], &style).unwrap_err().to_string();
        assert!(error.contains("(2, 2)") && error.contains("(2, 3)"), "{error}");
        let mut none = panel(Array2::zeros((2, 2)));
        (none.geobox.shape, none.data) = (Shape::new(0, 2), Array2::zeros((0, 2)));
        assert!(matches!(map_panels(&[none], &style.clone().range(0.0, 1.0)), Err(PictureError::Empty { .. })));
        assert!(matches!(
            map_panels(&[panel(Array2::zeros((2, 2)))], &style.range(1.0, 1.0)),
            Err(PictureError::BadRange { .. })
        ));
    }

    #[test]
    fn north_is_up_whatever_the_rows_say() {
        let data = Array2::from_shape_vec((2, 1), vec![0.0, 1.0]).unwrap();
        let mut p = panel(data);
        p.geobox.affine.e = 0.1;
        let picture = map_panels(&[p], &MapStyle::new("t").range(0.0, 1.0)).unwrap();
        let first = |c: Colour| picture.pixels.chunks(3).position(|q| q == c).unwrap() / picture.width;
        assert!(first([254, 232, 37]) < first([68, 1, 84]), "the second row is north");
    }
}
