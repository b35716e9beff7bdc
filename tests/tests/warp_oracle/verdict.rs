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
    /// The largest difference.
    worst: f64,
    /// The largest difference as part of the range of the source pixels around.
    worst_of_range: f64,
    /// The largest difference as part of the value itself.
    worst_of_value: f64,
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
            worst: 0.0,
            worst_of_range: 0.0,
            worst_of_value: 0.0,
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
            // GDAL gives the outermost pixels of a sum more than their part of a source pixel that reaches out of the picture.
            let last = case.out_side - 1;
            let outermost = [i % case.out_side, i / case.out_side].iter().any(|i| *i == 0 || *i == last);
            if mode == Resampling::Sum && outermost {
                continue;
            }
            verdict.pixels += 1;
            let centre = transform.point(x + 0.5, y + 0.5).unwrap_or((f64::NAN, f64::NAN));
            let edges = if mode.is_area() { [corners[0], corners[3]] } else { [centre, centre] };
            let tie = edges.iter().any(|(x, y)| from_whole(*x).min(from_whole(*y)) < TIE);
            if std::env::var_os("SHOW").is_some()
                && mode == Resampling::Sum
                && !tie
                && (missing(got) != missing(want) || (got - want).abs() > 1.0)
            {
                println!("  {x} {y}: got {got} want {want} corners {corners:?}");
            }
            if missing(got) != missing(want) {
                verdict.validity += usize::from(!tie);
            } else if !missing(got) {
                verdict.valid += 1;
                let off = (got - want).abs();
                if off > 0.0 {
                    verdict.worst_of_value = verdict.worst_of_value.max(off / want.abs().max(1e-9));
                    verdict.different += 1;
                    verdict.off_ties += usize::from(!tie);
                    verdict.worst = verdict.worst.max(off);
                    let range = range_around(case, source, &corners);
                    verdict.worst_of_range = verdict.worst_of_range.max(off / range);
                }
            }
        }
        verdict
    }

    /// What the tolerances do not allow.
    pub(crate) fn faults(&self, mode: Resampling, case: &Case) -> impl Iterator<Item = &'static str> + use<> {
        let few = (self.valid as f64 * 0.001).ceil() as usize;
        let exact = self.different <= few;
        let float = case.dtype.is_float();
        // In floats all that is computed differs in the last bits.
        let close = if float { self.worst_of_range <= 1e-5 } else { self.worst <= 1.0 };
        let values = match mode {
            Resampling::Nearest => exact && self.off_ties == 0,
            Resampling::Bilinear | Resampling::Cubic | Resampling::CubicSpline | Resampling::Lanczos => {
                close && (exact || float)
            }
            // Corners within 2e-5 of a pixel give weights within some 1e-4.
            Resampling::Average | Resampling::Rms => close || float && self.worst_of_range <= 1e-4,
            Resampling::Sum => close || self.worst_of_value <= 1e-4,
            _ => exact,
        };
        let found = [
            (self.valid * 10 > self.pixels && self.pixels > 0, "too little to compare"),
            (self.validity == 0, "valid pixels differ"),
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
            "{identical:.3} % of {} identical, worst {} ({:.1e} of the range), {} off ties, validity {}",
            self.valid, self.worst, self.worst_of_range, self.off_ties, self.validity
        )
    }
}

/// The range of the source's valid pixels under and around a destination pixel.
fn range_around(case: &Case, source: &[f64], corners: &[(f64, f64); 4]) -> f64 {
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
    (high - low).max(high.abs() * 1e-6)
}
