//! What a load should make of the datasets that a search found.

use cube_geo::{Anchor, Crs, Footprint, GeoBox, Resampling, Resolution, Shape};
use serde::{Deserialize, Serialize};

/// Which datasets become one time plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// Those with the same centre time (the default).
    #[default]
    Time,
    /// Those of the same solar day: the date of their centre time moved by their longitude.
    SolarDay,
    /// Each dataset by itself.
    Dataset,
}

/// What happens where datasets of one time plane overlap. Datasets are in order of (centre time, id). Each rule works on
/// one dataset too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fuse {
    /// The first valid pixel wins (the default).
    #[default]
    First,
    /// The last valid pixel wins.
    Last,
    /// The smallest valid pixel wins.
    Min,
    /// The largest valid pixel wins.
    Max,
    /// The mean of the valid pixels, as `float32` with NaN where there are none.
    Mean,
    /// The median of the valid pixels (of an even number the mean of the two in the middle), as `float32` with NaN.
    Median,
    /// How many datasets have a valid pixel, as `uint16`; 0 where none has.
    Count,
}

impl Fuse {
    /// True where each pixel of the result is a pixel of one dataset, and keeps its type.
    #[must_use]
    pub const fn keeps_pixels(self) -> bool {
        matches!(self, Self::First | Self::Last | Self::Min | Self::Max)
    }

    /// The rule's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::Min => "min",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Count => "count",
        }
    }

    /// Every rule.
    pub const ALL: [Self; 7] = [Self::First, Self::Last, Self::Min, Self::Max, Self::Mean, Self::Median, Self::Count];
}

impl std::fmt::Display for Fuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for GroupBy {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "time" => Ok(Self::Time),
            "solar_day" => Ok(Self::SolarDay),
            "dataset" => Ok(Self::Dataset),
            _ => Err(UnknownName { what: "grouping", name: name.to_owned(), known: "time, solar_day, dataset" }),
        }
    }
}

impl std::str::FromStr for Fuse {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let known = "first, last, min, max, mean, median, count";
        Self::ALL.into_iter().find(|fuse| fuse.name() == name).ok_or_else(|| UnknownName {
            what: "fuse rule",
            name: name.to_owned(),
            known,
        })
    }
}

/// A name that stands for no grouping or fuse rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {name:?}: use one of {known}")]
pub struct UnknownName {
    what: &'static str,
    name: String,
    known: &'static str,
}

/// Which pixels: grid, measurements, resampling, grouping. What is left out comes from the product's load hints.
///
/// A builder: nothing is checked here, [`crate::output_geobox`] and [`crate::plan`] check all of it at once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadSpec {
    pub(crate) like: Option<GeoBox>,
    pub(crate) crs: Option<Crs>,
    pub(crate) resolution: Option<Resolution>,
    pub(crate) align: Option<(f64, f64)>,
    pub(crate) anchor: Option<Anchor>,
    pub(crate) area: Option<Footprint>,
    pub(crate) measurements: Option<Vec<String>>,
    pub(crate) resampling: Resampling,
    pub(crate) resampling_for: Vec<(String, Resampling)>,
    pub(crate) group_by: GroupBy,
    pub(crate) fuse: Fuse,
    pub(crate) fill_value: Option<f64>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) skip_broken: bool,
    pub(crate) scale: bool,
    pub(crate) provenance: bool,
    pub(crate) chunk: Option<Shape>,
}

impl LoadSpec {
    /// Pixels of `resolution` (a size in CRS units, or [`Resolution`] with signs) in `crs`.
    #[must_use]
    pub fn new(crs: Crs, resolution: impl Into<Resolution>) -> Self {
        Self::default().crs(crs).resolution(resolution)
    }

    /// The pixels of this very grid. Excludes CRS, resolution, alignment and area.
    #[must_use]
    pub fn like(geobox: GeoBox) -> Self {
        Self { like: Some(geobox), ..Self::default() }
    }

    /// The output CRS.
    #[must_use]
    pub fn crs(mut self, crs: Crs) -> Self {
        self.crs = Some(crs);
        self
    }

    /// The output pixel size.
    #[must_use]
    pub fn resolution(mut self, resolution: impl Into<Resolution>) -> Self {
        self.resolution = Some(resolution.into());
        self
    }

    /// Offset of the pixel edges from multiples of the resolution, (x, y) in CRS units.
    #[must_use]
    pub const fn align(mut self, align: (f64, f64)) -> Self {
        self.align = Some(align);
        self
    }

    /// Which point of a pixel sits on multiples of the resolution. Excludes [`LoadSpec::align`].
    #[must_use]
    pub const fn anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = Some(anchor);
        self
    }

    /// The ground that the output covers: its box in the output CRS; nothing inside the box is masked.
    #[must_use]
    pub fn area(mut self, area: Footprint) -> Self {
        self.area = Some(area);
        self
    }

    /// The measurements, by name or alias; the arrays are named as asked here. All of the product's where not given.
    #[must_use]
    pub fn measurements(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.measurements = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The resampling of all measurements but those of [`LoadSpec::resampling_for`]; nearest where not given.
    #[must_use]
    pub const fn resampling(mut self, resampling: Resampling) -> Self {
        self.resampling = resampling;
        self
    }

    /// The resampling of one measurement, by the name it is asked for, its own name or an alias; that of `*` is the one
    /// of all others, as [`LoadSpec::resampling`].
    #[must_use]
    pub fn resampling_for(mut self, measurement: impl Into<String>, resampling: Resampling) -> Self {
        let measurement = measurement.into();
        if measurement == "*" {
            return self.resampling(resampling);
        }
        self.resampling_for.push((measurement, resampling));
        self
    }

    /// Which datasets become one time plane.
    #[must_use]
    pub const fn group_by(mut self, group_by: GroupBy) -> Self {
        self.group_by = group_by;
        self
    }

    /// The grouping asked for.
    #[must_use]
    pub const fn grouping(&self) -> GroupBy {
        self.group_by
    }

    /// The output CRS, where one was given.
    #[must_use]
    pub const fn output_crs(&self) -> Option<&Crs> {
        self.crs.as_ref()
    }

    /// The output pixel size, where one was given.
    #[must_use]
    pub const fn pixel_size(&self) -> Option<Resolution> {
        self.resolution
    }

    /// The measurements asked for, where any were.
    #[must_use]
    pub fn names(&self) -> Option<&[String]> {
        self.measurements.as_deref()
    }

    /// What happens where datasets of one time plane overlap.
    #[must_use]
    pub const fn fuse(mut self, fuse: Fuse) -> Self {
        self.fuse = fuse;
        self
    }

    /// The value written where nothing was measured, in place of the product's nodata.
    #[must_use]
    pub const fn fill_value(mut self, value: f64) -> Self {
        self.fill_value = Some(value);
        self
    }

    /// Most bytes that the load may take, the result in memory included. A load that needs more is refused before it
    /// starts; one that writes as it goes makes do with smaller stores first. Where not given: what the machine has free.
    #[must_use]
    pub const fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// True: a source that cannot be read leaves a hole, which the result lists. False (the default): it is an error.
    #[must_use]
    pub const fn skip_broken(mut self, skip: bool) -> Self {
        self.skip_broken = skip;
        self
    }

    /// True: scale factor and offset are applied (the dataset's own, else the product's), and the measurements that
    /// have any become floats with NaN as nodata. False (the default): pixels as they are stored.
    #[must_use]
    pub const fn scale(mut self, scale: bool) -> Self {
        self.scale = scale;
        self
    }

    /// True: the result has, beside each measurement, which dataset gave each pixel: an array `provenance` (with several
    /// measurements `{name}_provenance`) of numbers whose flags name the datasets; 0 where nothing was measured. Only for
    /// fuse rules that keep pixels.
    #[must_use]
    pub const fn provenance(mut self, provenance: bool) -> Self {
        self.provenance = provenance;
        self
    }

    /// Rows and columns of the pieces that the load works on. The result does not depend on it.
    #[must_use]
    pub const fn chunk(mut self, chunk: Shape) -> Self {
        self.chunk = Some(chunk);
        self
    }
}
