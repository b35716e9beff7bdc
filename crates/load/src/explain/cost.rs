//! What decoding and warping cost, about.

use cube_geo::Resampling;
use serde::Serialize;

use super::ExplainedFile;
use crate::LoadPlan;

/// Estimates of the work on pixels: at most so much, since what is filled already is neither read nor warped. Seconds
/// are those of one core of an ordinary machine, to tell a second from an hour.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Cost {
    /// Bytes of pixels to decode.
    pub decoded_bytes: u64,
    /// Seconds for that.
    pub decode_seconds: f64,
    /// Pixels of the output to resample; pasted ones are not counted.
    pub warped_pixels: u64,
    /// Seconds for that.
    pub warp_seconds: f64,
}

/// Bytes of pixels that deflate with a predictor gives in a second.
const DECODED_BYTES: f64 = 400e6;

/// Nanoseconds for a pixel of the output.
const fn nanoseconds(mode: Resampling) -> f64 {
    match mode {
        Resampling::Nearest => 3.0,
        Resampling::Bilinear => 5.0,
        Resampling::Cubic | Resampling::CubicSpline => 15.0,
        Resampling::Lanczos => 40.0,
        Resampling::Average | Resampling::Sum | Resampling::Rms | Resampling::Min | Resampling::Max => 10.0,
        Resampling::Mode | Resampling::Med | Resampling::Q1 | Resampling::Q3 => 30.0,
    }
}

/// Nanoseconds for a pixel of the source that an area mode looks at.
const fn nanoseconds_within(mode: Resampling) -> f64 {
    match mode {
        Resampling::Mode | Resampling::Med | Resampling::Q1 | Resampling::Q3 => 10.0,
        mode if mode.is_area() => 2.0,
        _ => 0.0,
    }
}

impl Cost {
    pub(super) fn of(files: &[ExplainedFile], plan: &LoadPlan) -> Self {
        let mut cost = Self::default();
        for file in files {
            cost.decoded_bytes = cost.decoded_bytes.saturating_add(file.decoded_bytes);
            if file.way == "paste" {
                continue;
            }
            let planned = plan.measurements.iter().find(|m| m.name == file.measurement);
            let mode = planned.map_or_else(Resampling::default, |m| m.resampling);
            cost.warped_pixels = cost.warped_pixels.saturating_add(file.output_pixels);
            let within = float(file.window.shape().pixels() as u64) * nanoseconds_within(mode);
            cost.warp_seconds += (float(file.output_pixels) * nanoseconds(mode) + within) * 1e-9;
        }
        cost.decode_seconds = float(cost.decoded_bytes) / DECODED_BYTES;
        cost
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn float(n: u64) -> f64 {
    n as f64
}
