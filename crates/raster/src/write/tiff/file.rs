//! One cloud-optimised GeoTIFF that is made from tiles as they come.

use std::io;
use std::path::{Path, PathBuf};

use cube_geo::GeoBox;
use cube_model::Pixels;
use jiff::Timestamp;

use super::super::atomic::{Staging, describe};
use super::super::plane::whole_tile;
use super::super::{Compression, WriteOptions};
use super::body::{Body, Extent};
use super::directory::{Directory, Value, header, tag};
use super::encode::{compression_code, encode, predictor_code};
use super::geo_keys::place;
use super::labels::{Label, date_time, metadata, nodata};
use super::levels::{Level, TILE, levels};
use super::overviews::{Overviews, Reduction, Tile};
use super::sample::{Missing, Sample};
use crate::RasterError;

/// The file of compressed tiles beside the one that is made.
const SCRATCH: &str = ".tiles";

/// What a file is to hold. All bands are of one type.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) geobox: GeoBox,
    pub(crate) time: Option<Timestamp>,
    pub(crate) bands: Vec<Label>,
    /// As the file states it.
    pub(crate) nodata: Option<f64>,
    pub(crate) reduction: Reduction,
}

/// A file that takes tiles of `TILE` pixels a side, from any thread and in any order.
pub(crate) trait TileFile: Send + Sync {
    /// Takes a tile of a band, without what lies beyond the edge of the image.
    fn put(&self, band: usize, row: usize, col: usize, pixels: Pixels) -> Result<(), RasterError>;

    /// Completes the file; it still has to be published.
    fn seal(self: Box<Self>) -> Result<Staging, RasterError>;

    /// Bytes that wait for more tiles at most, when they come band by band in row-major order.
    fn working_bytes(&self) -> u64;
}

/// A file of pixels of one type.
pub(crate) struct TypedFile<T> {
    target: PathBuf,
    /// Closes before its folder goes.
    body: Body,
    staging: Staging,
    plan: Plan,
    place: Directory,
    levels: Vec<Level>,
    overviews: Overviews<T>,
    missing: Missing<T>,
    compress: Compression,
    big: bool,
}

impl<T: Sample> TypedFile<T> {
    /// Begins a file.
    ///
    /// # Errors
    /// Where the target exists or cannot be written, or its CRS cannot be said in a GeoTIFF.
    pub(crate) fn begin(target: &Path, plan: Plan, options: WriteOptions) -> Result<Self, RasterError> {
        Self::begin_within(u64::from(u32::MAX), target, plan, options)
    }

    /// Begins a file that is a BigTIFF where it may become longer than `classic` bytes.
    fn begin_within(classic: u64, target: &Path, plan: Plan, options: WriteOptions) -> Result<Self, RasterError> {
        let place = place(target, &plan.geobox)?;
        let staging = Staging::begin(target, options.overwrite)?;
        let compress = options.compress.unwrap_or(Compression::Deflate);
        let levels = levels(plan.geobox.shape);
        let tiles = plan.bands.len() * levels.iter().map(|level| level.grid.pixels()).sum::<usize>();
        let length = TILE * TILE * size_of::<T>();
        // What stands around a tile and in the header for it, and how much longer codecs make what they cannot shorten.
        let longer = match compress {
            Compression::None => 0,
            Compression::Deflate | Compression::Zstd => length / 128 + 128,
            Compression::Lzw => length / 2,
        };
        let most = (tiles as u64).saturating_mul((length + longer + 32) as u64).saturating_add(1 << 20);
        let big = most > classic;
        let start = header(&directories::<T>(&plan, &place, &levels, &[], compress, big), big).len() as u64;
        let unwritable =
            |error: io::Error| RasterError::Unwritable { path: target.to_owned(), reason: describe(&error) };
        let body = match compress {
            Compression::None => Body::plain(&staging.path(), start, u32::try_from(length).unwrap_or(u32::MAX)),
            _ => Body::scratch(&staging.path(), start, &staging.scratch(SCRATCH), tiles),
        };
        let missing = Missing::new(plan.nodata);
        let overviews = Overviews::new(levels.clone(), plan.reduction, missing);
        let body = body.map_err(unwritable)?;
        let target = target.to_owned();
        Ok(Self { target, body, staging, plan, place, levels, overviews, missing, compress, big })
    }

    /// Which tile of the file it is: the smallest overview lies first, then by band, row and column.
    fn index(&self, tile: Tile) -> usize {
        let smaller = self.levels.iter().skip(tile.level + 1).map(|level| level.grid.pixels()).sum::<usize>();
        let grid = self.levels.get(tile.level).map_or(cube_geo::Shape::new(0, 0), |level| level.grid);
        smaller * self.plan.bands.len() + tile.band * grid.pixels() + tile.row * grid.cols + tile.col
    }

    /// Writes a tile and the tiles of the overviews that it completes.
    fn write(&self, tile: Tile, mut pixels: Vec<T>) -> io::Result<()> {
        for (above, pixels) in self.overviews.add(tile, &pixels) {
            self.write(above, pixels)?;
        }
        let index = self.index(tile);
        match self.compress {
            Compression::None => self.body.put(index, bytemuck::cast_slice(&pixels)),
            compress => self.body.put(index, &encode(&mut pixels, compress)?),
        }
    }
}

impl<T: Sample> TileFile for TypedFile<T> {
    fn put(&self, band: usize, row: usize, col: usize, pixels: Pixels) -> Result<(), RasterError> {
        let mut pixels = whole_tile::<T>(pixels, cube_geo::Shape::new(TILE, TILE), self.missing.fill);
        self.missing.replace_nan(&mut pixels);
        let written = self.write(Tile { band, level: 0, row, col }, pixels);
        written.map_err(|error| RasterError::Unwritable { path: self.target.clone(), reason: describe(&error) })
    }

    fn seal(mut self: Box<Self>) -> Result<Staging, RasterError> {
        let tiles = self.plan.bands.len() * self.levels.iter().map(|level| level.grid.pixels()).sum::<usize>();
        let sealed = self.body.join(tiles).and_then(|places| {
            let all = directories::<T>(&self.plan, &self.place, &self.levels, &places, self.compress, self.big);
            self.body.head(&header(&all, self.big))
        });
        sealed.map_err(|error| RasterError::Unwritable { path: self.target.clone(), reason: describe(&error) })?;
        if self.compress != Compression::None {
            let removed = std::fs::remove_file(self.staging.scratch(SCRATCH));
            tracing::trace!(?removed, "the scratch file");
        }
        Ok(self.staging)
    }

    fn working_bytes(&self) -> u64 {
        self.overviews.working_bytes()
    }
}

/// The directories of all images; `places` of the tiles in the order of the file, zeros where there are none yet.
fn directories<T: Sample>(
    plan: &Plan,
    place: &Directory,
    levels: &[Level],
    places: &[Extent],
    compress: Compression,
    big: bool,
) -> Vec<Directory> {
    debug_assert!(big || places.iter().all(|p| u32::try_from(p.offset).is_ok()), "a classic TIFF beyond 4 GiB");
    let bands = plan.bands.len();
    let mut end = levels.iter().map(|level| level.grid.pixels() * bands).sum::<usize>();
    let mut all = Vec::with_capacity(levels.len());
    for (index, level) in levels.iter().enumerate() {
        let tiles = level.grid.pixels() * bands;
        end -= tiles;
        let mut directory = image::<T>(plan, level, compress);
        let extent = |tile: usize| places.get(end + tile).copied().unwrap_or_default();
        directory.push((tag::TILE_OFFSETS, Value::Offsets((0..tiles).map(|tile| extent(tile).offset).collect())));
        directory.push((tag::TILE_COUNTS, Value::Longs((0..tiles).map(|tile| extent(tile).length).collect())));
        if index == 0 {
            directory.extend(place.iter().cloned());
            directory.push((tag::GDAL_METADATA, Value::Text(metadata(plan.time, &plan.bands))));
            directory.extend(plan.time.map(|time| (tag::DATE_TIME, Value::Text(date_time(time)))));
        } else {
            directory.push((tag::SUBFILE_TYPE, Value::Longs(vec![1])));
        }
        all.push(directory);
    }
    all
}

/// What an image says of its pixels.
#[expect(clippy::cast_possible_truncation, reason = "bits of a type, and the tile's side")]
fn image<T: Sample>(plan: &Plan, level: &Level, compress: Compression) -> Directory {
    let bands = plan.bands.len();
    let long = |value: usize| Value::Longs(vec![u32::try_from(value).unwrap_or(u32::MAX)]);
    let short = |value: u16| Value::Shorts(vec![value]);
    let format = match T::DTYPE.integer_range() {
        None => 3,
        Some((lowest, _)) if lowest < 0 => 2,
        Some(_) => 1,
    };
    let mut directory = vec![
        (tag::WIDTH, long(level.shape.cols)),
        (tag::HEIGHT, long(level.shape.rows)),
        (tag::BITS, Value::Shorts(vec![size_of::<T>() as u16 * 8; bands])),
        (tag::COMPRESSION, short(compression_code(compress))),
        // Black is zero; more bands than one mean nothing to TIFF.
        (tag::PHOTOMETRIC, short(1)),
        (tag::SAMPLES, short(u16::try_from(bands).unwrap_or(u16::MAX))),
        // Bands apart: pixels come measurement by measurement, and are read so.
        (tag::PLANAR, short(if bands > 1 { 2 } else { 1 })),
        (tag::TILE_WIDTH, short(TILE as u16)),
        (tag::TILE_HEIGHT, short(TILE as u16)),
        (tag::SAMPLE_FORMAT, Value::Shorts(vec![format; bands])),
    ];
    if bands > 1 {
        directory.push((tag::EXTRA_SAMPLES, Value::Shorts(vec![0; bands - 1])));
    }
    if compress != Compression::None {
        directory.push((tag::PREDICTOR, short(predictor_code::<T>())));
    }
    directory.extend(plan.nodata.map(|value| (tag::GDAL_NODATA, Value::Text(nodata(T::DTYPE, value)))));
    directory
}

#[cfg(all(test, feature = "gdal"))]
mod tests {
    use cube_geo::{Affine, Crs, Shape};
    use cube_model::{DataType, Measurement};

    use super::*;
    use crate::{RasterLocation, open};

    #[expect(clippy::float_cmp, reason = "pixels come back exactly or not at all")]
    #[test]
    fn a_big_tiff_is_read_as_a_classic_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let affine = Affine::new(20.0, 0.0, 600_000.0, 0.0, -20.0, 4_700_000.0);
        let geobox = GeoBox::new(Shape::new(600, 40), affine, Crs::epsg(32633).unwrap()).unwrap();
        for compress in [Compression::None, Compression::Deflate] {
            for (classic, magic) in [(u64::MAX, 42), (0, 43)] {
                let target = folder.path().join(format!("{magic}{compress:?}.tif"));
                let label = |name: &str| Label {
                    name: name.to_owned(),
                    measurement: Measurement::new(name, DataType::Int16, Some(-1.0)),
                };
                let plan = Plan {
                    geobox: geobox.clone(),
                    time: None,
                    bands: vec![label("a"), label("b")],
                    nodata: Some(-1.0),
                    reduction: Reduction::Average,
                };
                let options = WriteOptions { compress: Some(compress), overwrite: false };
                let file = TypedFile::<i16>::begin_within(classic, &target, plan, options).unwrap();
                for (band, row, rows, value) in [(1, 1, 88, 4.0), (0, 0, 512, 1.0), (1, 0, 512, 3.0), (0, 1, 88, 2.0)] {
                    let pixels = Pixels::filled(DataType::Int16, &[rows, 40], value).unwrap();
                    file.put(band, row, 0, pixels).unwrap();
                }
                Box::new(file).seal().unwrap().publish().unwrap();
                let bytes = std::fs::read(&target).unwrap();
                assert_eq!(u16::from_ne_bytes([bytes[2], bytes[3]]), magic);
                for (band, top, bottom) in [(1, 1.0, 2.0), (2, 3.0, 4.0)] {
                    let url = target.to_str().unwrap().to_owned();
                    let mut raster = open(&RasterLocation { url, layer: None, band }).unwrap();
                    assert_eq!(raster.header().overviews, [Shape::new(300, 20)]);
                    let full = raster.read(0, Shape::new(600, 40).whole()).unwrap().to_f64();
                    assert!(full.indexed_iter().all(|(at, v)| *v == if at[0] < 512 { top } else { bottom }));
                    let small = raster.read(1, Shape::new(300, 20).whole()).unwrap().to_f64();
                    assert!(small.indexed_iter().all(|(at, v)| *v == if at[0] < 256 { top } else { bottom }));
                }
            }
        }
    }
}
