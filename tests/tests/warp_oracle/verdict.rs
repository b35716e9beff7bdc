//! How far two pictures are apart, and how far they may be.

use std::fmt;

use cube_geo::{PixelTransform, Resampling};

use crate::cases::Case;

/// A position this near to a pixel's edge may fall on either side.
const TIE: f64 = 1e-3;

pub(crate) struct Verdict {
    /// Pixels that were compared.
    pixels: usize,
    /// Of those, valid in both.
    valid: usize,
    different: usize,
    /// Of the different ones, those beyond the mode's tolerance.
    far: usize,
    /// The largest difference.
    worst: f64,
    /// The largest difference as part of the range of the source pixels around.
    worst_of_range: f64,
    /// Different ones that lie at no tie.
    off_ties: usize,
    /// Valid in one alone, and farther from an edge than a tie.
    validity: usize,
}

/// How far a number is from a whole one.
fn from_whole(v: f64) -> f64 {
    (v - v.round()).abs()
}

impl Verdict {
    pub(crate) fn of(case: &Case, mode: Resampling, source: &[f64], got: &[f64], want: &[f64]) -> Self {
        let transform = PixelTransform::new(&case.source(), &case.output()).unwrap();
        let side = case.side as f64;
        let missing = |v: f64| v.is_nan() || v == case.nodata;
        let mut verdict = Self {
            pixels: 0,
            valid: 0,
            different: 0,
            far: 0,
            worst: 0.0,
            worst_of_range: 0.0,

            off_ties: 0,
            validity: 0,
        };
        for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
            let (x, y) = ((i % case.out_side) as f64, (i / case.out_side) as f64);
            let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
                .map(|(dx, dy)| transform.point(x + dx, y + dy).unwrap_or((f64::NAN, f64::NAN)));
            // GDAL gives pixels across the image's edge more weight than they have, and drops some of them.
            let inside = |v: f64| v > 0.5 && v < side - 0.5;
            if mode.is_area() && !corners.iter().all(|(x, y)| inside(*x) && inside(*y)) {
                continue;
            }
            // A source pixel that reaches out of the picture is given to the pixels inside as a whole.
            let reach = (case.pixel / case.out_pixel).ceil().clamp(1.0, 10.0) as usize;
            let inner = reach..case.out_side - reach;
            if mode == Resampling::Sum
                && !(inner.contains(&(i % case.out_side)) && inner.contains(&(i / case.out_side)))
            {
                continue;
            }
            verdict.pixels += 1;
            let centre = transform.point(x + 0.5, y + 0.5).unwrap_or((f64::NAN, f64::NAN));
            let edges = if mode.is_area() { [corners[0], corners[3]] } else { [centre, centre] };
            let tie = edges.iter().any(|(x, y)| from_whole(*x).min(from_whole(*y)) < TIE);
            if missing(got) != missing(want) {
                verdict.validity += usize::from(!tie);
            } else if !missing(got) {
                verdict.valid += 1;
                let off = (got - want).abs();
                if off > 0.0 {
                    verdict.different += 1;
                    verdict.off_ties += usize::from(!tie);
                    verdict.worst = verdict.worst.max(off);
                    let (range, largest) = range_around(case, source, &corners);
                    verdict.worst_of_range = verdict.worst_of_range.max(off / range);
                    verdict.far += usize::from(match (case.dtype.is_float(), mode) {
                        (false, _) => off > 1.0,
                        // GDAL measures areas in the output's CRS, we in the source's.
                        (true, Resampling::Sum) => off > 1e-4 * largest,
                        (true, Resampling::Average | Resampling::Rms) => off > 3e-5 * range,
                        (true, _) => off > 1e-5 * range,
                    });
                }
            }
        }
        verdict
    }

    /// What the tolerances do not allow.
    pub(crate) fn faults(&self, mode: Resampling, case: &Case) -> impl Iterator<Item = &'static str> + use<> {
        let few = (self.valid as f64 * 0.001).ceil() as usize;
        let float = case.dtype.is_float();
        // In floats all that is computed differs in the last bits; a missing pixel right at an edge may change a few.
        let close = self.far <= if float { few } else { 0 };
        let exact = self.different <= few;
        let values = match mode {
            Resampling::Nearest => exact && self.off_ties == 0,
            Resampling::Bilinear | Resampling::Cubic | Resampling::CubicSpline | Resampling::Lanczos => {
                close && (exact || float)
            }
            Resampling::Average | Resampling::Rms => close,
            // gdalwarp works in parts, and a sum loses or gains pixels where two of them meet.
            Resampling::Sum => self.far <= 5 * few,
            _ => exact,
        };
        let few_missing = if mode == Resampling::Sum { 5 * few } else { 0 };
        let found = [
            (self.valid * 10 > self.pixels && self.pixels > 0, "too little to compare"),
            (self.validity <= few_missing, "valid pixels differ"),
            (values, "values differ"),
        ];
        found.into_iter().filter(|(good, _)| !good).map(|(_, fault)| fault)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identical = 100.0 * (1.0 - self.different as f64 / self.valid.max(1) as f64);
        write!(
            f,
            "{identical:.3} % of {} identical, worst {} ({:.1e} of the range), {} beyond the tolerance, {} off ties, validity {}",
            self.valid, self.worst, self.worst_of_range, self.far, self.off_ties, self.validity
        )
    }
}

/// The range of the source's valid pixels under and around a destination pixel, and the largest size of one.
fn range_around(case: &Case, source: &[f64], corners: &[(f64, f64); 4]) -> (f64, f64) {
    let side = case.side as f64;
    let along = |values: [f64; 4]| {
        let low = values.into_iter().fold(f64::INFINITY, f64::min) - 3.0;
        let high = values.into_iter().fold(f64::NEG_INFINITY, f64::max) + 3.0;
        low.clamp(0.0, side) as usize..high.clamp(0.0, side) as usize
    };
    let (cols, rows) = (along(corners.map(|c| c.0)), along(corners.map(|c| c.1)));
    let values = rows.flat_map(|row| cols.clone().map(move |col| source[row * case.side + col]));
    let (low, high) = values
        .filter(|v| !v.is_nan() && *v != case.nodata)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let largest = high.abs().max(low.abs());
    ((high - low).max(largest * 1e-6), largest)
}
