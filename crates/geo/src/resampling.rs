//! Resampling modes.

use serde::{Deserialize, Serialize};

/// How pixels of one grid become pixels of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    /// The pixel under the centre.
    #[default]
    Nearest,
    /// Linear between four pixels.
    Bilinear,
    /// Cubic convolution (Catmull-Rom, a = −0.5) over 4 × 4 pixels.
    Cubic,
    /// Cubic B-spline over 4 × 4 pixels; smooths.
    CubicSpline,
    /// Windowed sinc over 6 × 6 pixels.
    Lanczos,
    /// Mean, weighted by the covered area.
    Average,
    /// The most frequent value.
    Mode,
    /// The largest value.
    Max,
    /// The smallest value.
    Min,
    /// The median.
    Med,
    /// The first quartile.
    Q1,
    /// The third quartile.
    Q3,
    /// Sum, weighted by the covered fraction of each source pixel.
    Sum,
    /// Root mean square, weighted by the covered area.
    Rms,
}

/// A name that is no resampling mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown resampling {name:?}: use one of {}", Resampling::ALL.map(Resampling::name).join(", "))]
pub struct ResamplingError {
    /// The name as given.
    pub name: String,
}

impl Resampling {
    /// Every mode, in the order of the field's lists.
    pub const ALL: [Self; 14] = [
        Self::Nearest,
        Self::Bilinear,
        Self::Cubic,
        Self::CubicSpline,
        Self::Lanczos,
        Self::Average,
        Self::Mode,
        Self::Max,
        Self::Min,
        Self::Med,
        Self::Q1,
        Self::Q3,
        Self::Sum,
        Self::Rms,
    ];

    /// The name that GDAL, rasterio and ODC use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Cubic => "cubic",
            Self::CubicSpline => "cubic_spline",
            Self::Lanczos => "lanczos",
            Self::Average => "average",
            Self::Mode => "mode",
            Self::Max => "max",
            Self::Min => "min",
            Self::Med => "med",
            Self::Q1 => "q1",
            Self::Q3 => "q3",
            Self::Sum => "sum",
            Self::Rms => "rms",
        }
    }

    /// True where a destination pixel is made of every source pixel that it covers, false where it is made of
    /// a fixed number of source pixels around its centre.
    #[must_use]
    pub const fn is_area(self) -> bool {
        !matches!(self, Self::Nearest | Self::Bilinear | Self::Cubic | Self::CubicSpline | Self::Lanczos)
    }

    /// How far from its centre a destination pixel looks, in source pixels. Area modes look at the destination
    /// pixel itself and nothing around it: 0.
    #[must_use]
    pub const fn radius(self) -> f64 {
        match self {
            Self::Nearest => 0.5,
            Self::Bilinear => 1.0,
            Self::Cubic | Self::CubicSpline => 2.0,
            Self::Lanczos => 3.0,
            _ => 0.0,
        }
    }
}

impl std::fmt::Display for Resampling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Resampling {
    type Err = ResamplingError;

    fn from_str(name: &str) -> Result<Self, ResamplingError> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| ResamplingError { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_is_read_back_from_its_name() {
        for mode in Resampling::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
    }

    #[test]
    fn unknown_mode_lists_the_known_ones() {
        let error = "gauss".parse::<Resampling>().unwrap_err().to_string();
        assert!(error.contains("\"gauss\"") && error.contains("cubic_spline"), "{error}");
    }
}
