//! Cloud-optimised GeoTIFF.

use std::path::{Path, PathBuf};

use cube_geo::Shape;
use cube_model::{Cube, Pixels, for_each_dtype};

use super::WriteOptions;
use super::pieces::Pieces;
use super::sink::{ArrayLayout, CubeLayout, CubeSink, Place};
use super::tiff::{Label, Plan, Reduction, TILE, TileFile, TypedFile};
use super::whole::put_cube;
use crate::RasterError;

/// Writes one time of a cube as a cloud-optimised GeoTIFF: tiles of 512 pixels, overviews, CRS and affine, and
/// one named band a measurement (one a value of the extra dimension) with its nodata, units, scale and offset.
///
/// NaN is the nodata of floats that have no other, and becomes that other where they have one. Overviews are the
/// nearest pixel where a measurement has flags, averages of valid pixels otherwise.
///
/// # Errors
/// Where the cube has several times, or measurements of several types or nodata values, which one GeoTIFF cannot
/// hold, or a CRS that GeoTIFF has no keys for; where the target exists; where it cannot be written.
pub fn write_cog(path: &Path, cube: &Cube, options: &WriteOptions) -> Result<(), RasterError> {
    put_cube(cog_sink(path, CubeLayout::of(cube), options)?, cube).map(drop)
}

/// Begins what [`write_cog`] writes, for pieces as they come: each is one tile of one band, compressed and written by
/// the thread that puts it. Bands lie apart in the file, as they come.
///
/// # Errors
/// As [`write_cog`].
pub fn cog_sink(path: &Path, layout: CubeLayout, options: &WriteOptions) -> Result<Box<dyn CubeSink>, RasterError> {
    if layout.times.len() != 1 {
        return Err(inexpressible(path, format!("it has {} times", layout.times.len())));
    }
    let mut before = 0;
    let first_bands = layout.arrays.iter().map(|array| {
        let first = before;
        before += layout.extras(array);
        first
    });
    let first_bands = first_bands.collect();
    let file = begin_file(path, &layout, 0, &layout.arrays, *options)?;
    let pieces = Pieces::new(path, layout, Shape::new(TILE, TILE));
    Ok(Box::new(CogSink { path: path.to_owned(), file, first_bands, pieces }))
}

struct CogSink {
    path: PathBuf,
    file: Box<dyn TileFile>,
    /// The band of the first plane of each array.
    first_bands: Vec<usize>,
    pieces: Pieces,
}

impl CubeSink for CogSink {
    fn tile(&self) -> Shape {
        self.pieces.tile()
    }

    fn working_bytes(&self) -> u64 {
        self.file.working_bytes()
    }

    fn put(&self, place: Place, pixels: Pixels) -> Result<(), RasterError> {
        let (row, col) = self.pieces.take(place, &pixels)?;
        let band = self.first_bands.get(place.array).copied().unwrap_or(0) + place.extra;
        self.file.put(band, row, col, pixels)
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, RasterError> {
        let Self { path, file, pieces, .. } = *self;
        pieces.complete()?;
        file.seal()?.publish()?;
        Ok(vec![path])
    }
}

/// Begins a file of all planes that `arrays` have at one time.
///
/// # Errors
/// Where they do not go into one file, or it cannot be written.
pub(super) fn begin_file(
    path: &Path,
    layout: &CubeLayout,
    time: usize,
    arrays: &[ArrayLayout],
    options: WriteOptions,
) -> Result<Box<dyn TileFile>, RasterError> {
    const MOST_BANDS: usize = 65_535;
    let Some(first) = arrays.first() else { return Err(inexpressible(path, "it has no measurement".to_owned())) };
    if let Some(other) = arrays.iter().find(|array| array.dtype != first.dtype) {
        let types = format!("{} is {}, {} is {}", first.name, first.dtype, other.name, other.dtype);
        return Err(inexpressible(path, types));
    }
    let nodata = first.stated_nodata();
    if let Some(other) = arrays.iter().find(|array| !same(array.stated_nodata(), nodata)) {
        let show = |n: Option<f64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let (one, another) = (show(nodata), show(other.stated_nodata()));
        let what = format!("the nodata of {} is {one}, that of {} is {another}", first.name, other.name);
        return Err(inexpressible(path, what));
    }
    let bands: Vec<Label> = arrays
        .iter()
        .flat_map(|array| (0..layout.extras(array)).map(move |extra| (array, extra)))
        .map(|(array, extra)| Label { name: layout.plane_name(array, extra), measurement: array.measurement.clone() })
        .collect();
    if bands.is_empty() || bands.len() > MOST_BANDS || layout.geobox.shape.is_empty() {
        let what = format!("it has {} planes of {}", bands.len(), layout.geobox.shape);
        return Err(inexpressible(path, what));
    }
    let flagged = arrays.iter().any(|array| !array.measurement.flags.is_empty());
    let plan = Plan {
        geobox: layout.geobox.clone(),
        time: layout.times.get(time).copied(),
        bands,
        nodata,
        reduction: if flagged { Reduction::Nearest } else { Reduction::Average },
    };
    for_each_dtype!(
        first.dtype,
        T => Ok(Box::new(TypedFile::<T>::begin(path, plan, options)?)),
        _ => Err(inexpressible(path, format!("{} is {}", first.name, first.dtype)))
    )
}

fn inexpressible(path: &Path, what: String) -> RasterError {
    RasterError::Inexpressible {
        path: path.to_owned(),
        what,
        remedy:
            "a GeoTIFF holds one time and one data type with one nodata value; write a folder (-o dir/), .zarr or .nc"
                .to_owned(),
    }
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    a == b || matches!((a, b), (Some(a), Some(b)) if a.is_nan() && b.is_nan())
}
