//! Water extents: which pixels are water on which date, and how large that is.

use cube_geo::{CellAreas, GeoBox};
use cube_model::{Cube, CubeArray, DataType, Flag, Measurement, Pixel};
use indexmap::IndexMap;
use jiff::Timestamp;
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis, Zip};
use rayon::prelude::*;

use crate::flags::in_three_dimensions;
use crate::mask::same_shape;
use crate::sums::Sum;
use crate::{
    AnalysisError, ClearSpec, Connectivity, Index, Otsu, SEPARABILITY_LIMIT, clear_mask, index, otsu,
    remove_small_bodies,
};

/// Where the index parts water from land.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// At this value; 0 is that of the authors of both water indices.
    Fixed(f64),
    /// At Otsu's threshold over the clear pixels of all dates together: one value for all dates, so that two areas
    /// differ because the lake does and not because the threshold did, and so that a cloudy date leans on the clear
    /// ones. It falls back to 0 where the values are one heap or the heaps do not lie on both sides of 0.
    Otsu,
}

/// How water is found.
#[derive(Debug, Clone, PartialEq)]
pub struct WaterSpec {
    /// [`Index::Mndwi`] or [`Index::Ndwi`].
    pub index: Index,
    /// Pixels with an index above it are water.
    pub threshold: Threshold,
    /// Which pixels are looked at; `None` looks at all that have an index.
    pub clear: Option<ClearSpec>,
    /// Bodies of fewer pixels become dry land; 0 and 1 keep all. See [`remove_small_bodies`].
    pub smallest_body: usize,
}

impl Default for WaterSpec {
    fn default() -> Self {
        Self {
            index: Index::Mndwi,
            threshold: Threshold::Fixed(0.0),
            clear: Some(ClearSpec::for_water()),
            smallest_body: 0,
        }
    }
}

/// What a pixel of the measurement `water` is: dry.
const DRY: u8 = 0;
/// Water.
const WET: u8 = 1;
/// What a pixel of the measurement `water` is where it was not seen (cloud, nodata): its nodata value.
pub const WATER_UNKNOWN: u8 = 255;

/// The water of a cube.
#[derive(Debug, Clone, PartialEq)]
pub struct Water {
    /// One measurement, `water`, `uint8 [time, y, x]`: 0 dry, 1 water, 255 (nodata) not seen.
    pub extent: Cube,
    /// Over all dates, one time plane (the first date's time): `water_frequency`, `float32`, the share of the clear
    /// dates on which the pixel is water, NaN where it was never clear; `clear_count`, `uint16`, the number of them.
    pub frequency: Cube,
    /// The threshold that parted water from land.
    pub threshold: ThresholdUsed,
    /// One a date, in the cube's order.
    pub dates: Vec<WaterDate>,
}

/// The threshold that was used and where it came from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ThresholdUsed {
    /// As asked for.
    Fixed(f64),
    /// Otsu's.
    Otsu(Otsu),
    /// Otsu's was not to be trusted (`None`: there were no values), and 0 was used.
    FellBack(Option<Otsu>),
}

/// The areas of one date, in m² on the ellipsoid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaterDate {
    /// The date's time.
    pub time: Timestamp,
    /// Area seen to be water.
    pub water: f64,
    /// Area seen to be dry.
    pub dry: f64,
    /// Area that was not seen.
    pub unknown: f64,
    /// Seen share of the box, 0..1 by area.
    pub seen: f64,
    /// Seen share of the ground that is water on any of the dates, 0..1 by area: near 1 the date's water area is whole
    /// and can be compared with others; `None` where no date has water.
    pub seen_extent: Option<f64>,
    /// Share of the pixels at the water's edge that border ground which was not seen, 0..1: near 0 the shore is that of
    /// the water and not of a cloud. `None` where the water has no edge inside the box.
    pub open_edge: Option<f64>,
}

impl ThresholdUsed {
    /// Its value.
    #[must_use]
    pub const fn value(&self) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Otsu(otsu) => otsu.threshold,
            Self::FellBack(_) => 0.0,
        }
    }
}

impl std::fmt::Display for ThresholdUsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(value) => write!(f, "fixed threshold {value}"),
            Self::Otsu(o) => write!(f, "Otsu threshold {:.3} (separability {:.2})", o.threshold, o.separability),
            Self::FellBack(None) => f.write_str("threshold 0, because there were no two clear values for Otsu's"),
            Self::FellBack(Some(o)) if o.separability < SEPARABILITY_LIMIT => write!(
                f,
                "threshold 0, because Otsu's ({:.3}) does not part the values into two (separability {:.2} < {SEPARABILITY_LIMIT})",
                o.threshold, o.separability
            ),
            Self::FellBack(Some(o)) => write!(
                f,
                "threshold 0, because Otsu's ({:.3}) parts values of one side of 0 (means {:.2} and {:.2})",
                o.threshold, o.lower_mean, o.upper_mean
            ),
        }
    }
}

/// Finds water in a cube that has the index's two measurements and, unless the spec says otherwise, a quality
/// measurement. `areas` are those of the cube's GeoBox. A pixel is seen on a date where it is clear and has an index.
///
/// # Errors
/// Where a measurement is missing, arrays differ in shape, the cube is empty, or the threshold is no number in −1..1.
pub fn water(cube: &Cube, areas: &CellAreas, spec: &WaterSpec) -> Result<Water, AnalysisError> {
    let values = index(cube, spec.index)?;
    let shape = values.pixels.shape().to_vec();
    if values.pixels.shape().contains(&0) {
        return Err(AnalysisError::Empty { what: "the cube".to_owned(), shape });
    }
    let grid = areas.shape();
    same_shape("the areas' grid", &shape[shape.len().saturating_sub(2)..], &[grid.rows, grid.cols])?;
    same_shape("the list of times", &shape[..1], &[cube.times.len()])?;
    let seen = spec.clear.as_ref().map(|clear| clear_mask(cube, clear)).transpose()?;
    let values = match f32::view(&values.pixels) {
        Some(v) => in_three_dimensions(&values, v.view().into_owned())?,
        None => return Err(AnalysisError::Empty { what: "the index".to_owned(), shape }),
    };
    if let Some(seen) = &seen {
        same_shape("the quality measurement", &shape, seen.shape())?;
    }
    let threshold = used_threshold(spec.threshold, &values, seen.as_ref())?;
    let mut states = classify(&values, seen.as_ref(), threshold.value());
    states.axis_iter_mut(Axis(0)).into_par_iter().for_each(|plane| {
        remove_small_bodies(plane, WET, DRY, spec.smallest_body, Connectivity::Eight);
    });
    let dates = measure(&states.view(), &cube.times, areas);
    let frequency = frequency_cube(&states.view(), cube);
    let water = CubeArray {
        pixels: u8::wrap(states.into_dyn()),
        nodata: Some(f64::from(WATER_UNKNOWN)),
        measurement: water_measurement(),
    };
    let extent = cube_of_one(cube.geobox.clone(), cube.times.clone(), vec![water]);
    Ok(Water { extent, frequency, threshold, dates })
}

fn used_threshold(
    asked: Threshold,
    values: &Array3<f32>,
    seen: Option<&Array3<bool>>,
) -> Result<ThresholdUsed, AnalysisError> {
    match asked {
        Threshold::Fixed(value) if (-1.0..=1.0).contains(&value) => Ok(ThresholdUsed::Fixed(value)),
        Threshold::Fixed(value) => Err(AnalysisError::Threshold { value }),
        Threshold::Otsu => {
            let found = match seen {
                Some(seen) => otsu(values.iter().zip(seen).filter(|(_, s)| **s).map(|(v, _)| *v)),
                None => otsu(values.iter().copied()),
            };
            let good = |o: &Otsu| o.separability >= SEPARABILITY_LIMIT && o.lower_mean < 0.0 && o.upper_mean > 0.0;
            Ok(found.filter(good).map_or(ThresholdUsed::FellBack(found), ThresholdUsed::Otsu))
        }
    }
}

fn classify(values: &Array3<f32>, seen: Option<&Array3<bool>>, threshold: f64) -> Array3<u8> {
    let state = |value: f32, seen: bool| match seen && !value.is_nan() {
        true if f64::from(value) > threshold => WET,
        true => DRY,
        false => WATER_UNKNOWN,
    };
    match seen {
        Some(seen) => Zip::from(values).and(seen).par_map_collect(|v, s| state(*v, *s)),
        None => Zip::from(values).par_map_collect(|v| state(*v, true)),
    }
}

/// Sums of one date: water, dry, unknown, and how much of the extent of all dates was seen.
#[derive(Clone, Copy, Default)]
struct Sums {
    water: Sum,
    dry: Sum,
    unknown: Sum,
    extent_seen: Sum,
}

/// Areas of each date; rows in parallel, added in the order of rows. Pixels that are not on the Earth have no area.
fn measure(states: &ArrayView3<'_, u8>, times: &[Timestamp], areas: &CellAreas) -> Vec<WaterDate> {
    let rows: Vec<(Vec<Sums>, Sum)> =
        (0..states.len_of(Axis(1))).into_par_iter().map(|row| measure_row(states, row, &areas.row(row))).collect();
    let mut totals = vec![Sums::default(); times.len()];
    let mut extent = Sum::default();
    for (dates, of_extent) in rows {
        extent.add(of_extent.value());
        for (total, date) in totals.iter_mut().zip(dates) {
            total.water.add(date.water.value());
            total.dry.add(date.dry.value());
            total.unknown.add(date.unknown.value());
            total.extent_seen.add(date.extent_seen.value());
        }
    }
    let extent = extent.value();
    let of_date = |(time, sums): (&Timestamp, Sums)| {
        let (water, dry, unknown) = (sums.water.value(), sums.dry.value(), sums.unknown.value());
        let whole = water + dry + unknown;
        WaterDate {
            time: *time,
            water,
            dry,
            unknown,
            seen: if whole > 0.0 { (water + dry) / whole } else { 0.0 },
            seen_extent: (extent > 0.0).then(|| (sums.extent_seen.value() / extent).min(1.0)),
            open_edge: None,
        }
    };
    let mut dates: Vec<WaterDate> = times.iter().zip(totals).map(of_date).collect();
    let edges = states.outer_iter().into_par_iter().map(|plane| open_edge(&plane)).collect::<Vec<_>>();
    for (date, open) in dates.iter_mut().zip(edges) {
        date.open_edge = open;
    }
    dates
}

/// Of the water pixels that border (by an edge) ground that is not water, the share that borders ground not seen.
fn open_edge(plane: &ArrayView2<'_, u8>) -> Option<f64> {
    let (rows, cols) = plane.dim();
    let (mut edge, mut open) = (0_u64, 0_u64);
    for ((row, col), _) in plane.indexed_iter().filter(|(_, state)| **state == WET) {
        let above = row.checked_sub(1).map(|r| (r, col));
        let left = col.checked_sub(1).map(|c| (row, c));
        let below = (row + 1 < rows).then_some((row + 1, col));
        let right = (col + 1 < cols).then_some((row, col + 1));
        let neighbours = [above, left, below, right].into_iter().flatten().map(|at| plane[at]);
        let (mut at_edge, mut at_unseen) = (false, false);
        for state in neighbours {
            at_edge |= state != WET;
            at_unseen |= state == WATER_UNKNOWN;
        }
        edge += u64::from(at_edge);
        open += u64::from(at_unseen);
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of pixels")]
    (edge > 0).then(|| open as f64 / edge as f64)
}

fn measure_row(states: &ArrayView3<'_, u8>, row: usize, areas: &[f64]) -> (Vec<Sums>, Sum) {
    let row = states.index_axis(Axis(1), row); // [time, x]
    let mut dates = vec![Sums::default(); row.nrows()];
    let mut extent = Sum::default();
    for (column, area) in row.columns().into_iter().zip(areas) {
        if area.is_nan() {
            continue;
        }
        let ever_wet = column.iter().any(|s| *s == WET);
        if ever_wet {
            extent.add(*area);
        }
        for (sums, state) in dates.iter_mut().zip(column) {
            match *state {
                WET => sums.water.add(*area),
                DRY => sums.dry.add(*area),
                _ => sums.unknown.add(*area),
            }
            if ever_wet && *state != WATER_UNKNOWN {
                sums.extent_seen.add(*area);
            }
        }
    }
    (dates, extent)
}

fn frequency_cube(states: &ArrayView3<'_, u8>, cube: &Cube) -> Cube {
    let shape = (states.len_of(Axis(1)), states.len_of(Axis(2)));
    let (mut wet, mut clear) = (Array2::<u16>::zeros(shape), Array2::<u16>::zeros(shape));
    for plane in states.axis_iter(Axis(0)) {
        Zip::from(&plane).and(&mut wet).and(&mut clear).par_for_each(|state, wet, clear| {
            *wet = wet.saturating_add(u16::from(*state == WET));
            *clear = clear.saturating_add(u16::from(*state != WATER_UNKNOWN));
        });
    }
    let of_pixel = |wet: &u16, clear: &u16| if *clear == 0 { f32::NAN } else { f32::from(*wet) / f32::from(*clear) };
    let frequency = Zip::from(&wet).and(&clear).par_map_collect(of_pixel);
    let frequency = CubeArray {
        pixels: f32::wrap(frequency.insert_axis(Axis(0)).into_dyn()),
        nodata: Some(f64::NAN),
        measurement: Measurement::new("water_frequency", DataType::Float32, Some(f64::NAN)),
    };
    let count = CubeArray {
        pixels: u16::wrap(clear.insert_axis(Axis(0)).into_dyn()),
        nodata: None,
        measurement: Measurement::new("clear_count", DataType::UInt16, None),
    };
    cube_of_one(cube.geobox.clone(), cube.times.iter().take(1).copied().collect(), vec![frequency, count])
}

fn water_measurement() -> Measurement {
    let mut measurement = Measurement::new("water", DataType::UInt8, Some(f64::from(WATER_UNKNOWN)));
    let values = [(DRY, "dry"), (WET, "water"), (WATER_UNKNOWN, "not seen")];
    let flag = Flag {
        bits: (0..8).collect(),
        values: values.map(|(n, name)| (u64::from(n), name.to_owned())).into_iter().collect(),
        description: Some("water on the date".to_owned()),
    };
    measurement.flags.insert("water".to_owned(), flag);
    measurement
}

fn cube_of_one(geobox: GeoBox, times: Vec<Timestamp>, arrays: Vec<CubeArray>) -> Cube {
    let arrays: IndexMap<_, _> = arrays.into_iter().map(|a| (a.measurement.name.clone(), a)).collect();
    Cube { geobox, times, extra: None, arrays }
}

#[cfg(test)]
pub(crate) mod tests;
