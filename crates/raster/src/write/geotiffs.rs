//! A folder of `GeoTIFF` files, one a time and measurement.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use cube_geo::Shape;
use cube_model::{Cube, Pixels};
use jiff::Timestamp;

use super::WriteOptions;
use super::atomic::{Staging, describe};
use super::cog::begin_file;
use super::pieces::Pieces;
use super::sink::{CubeLayout, CubeSink, Place};
use super::tiff::{TILE, TileFile};
use super::whole::put_cube;
use crate::RasterError;

/// Writes each measurement of each time as a cloud-optimised GeoTIFF `{time}_{measurement}.tif` in `folder`,
/// which is made where it does not exist; values of an extra dimension become bands. Returns the files, in the
/// order of times and measurements. They get their names once all are complete.
///
/// # Errors
/// As [`super::write_cog`]; where two planes or measurements would be one file, as planes of one instant are (loaded with
/// each dataset by itself), nothing is written.
pub fn write_geotiffs(folder: &Path, cube: &Cube, options: &WriteOptions) -> Result<Vec<PathBuf>, RasterError> {
    put_cube(geotiffs_sink(folder, CubeLayout::of(cube), options)?, cube)
}

/// Begins what [`write_geotiffs`] writes, for pieces as they come. A file is open from its first piece to its last one.
///
/// # Errors
/// As [`write_geotiffs`].
pub fn geotiffs_sink(
    folder: &Path,
    layout: CubeLayout,
    options: &WriteOptions,
) -> Result<Box<dyn CubeSink>, RasterError> {
    let is_new = !folder.exists();
    std::fs::create_dir_all(folder)
        .map_err(|error| RasterError::Unwritable { path: folder.to_owned(), reason: describe(&error) })?;
    let new_folder = NewFolder(is_new.then(|| folder.to_owned()));
    let name = |time: &Timestamp, name: &str| format!("{}_{}.tif", stamp(*time), name.replace(['/', '\\'], "_"));
    let paths: Vec<PathBuf> = layout
        .times
        .iter()
        .flat_map(|time| layout.arrays.iter().map(move |array| folder.join(name(time, &array.name))))
        .collect();
    let mut seen = HashSet::new();
    if let Some((index, path)) = paths.iter().enumerate().find(|(_, path)| !seen.insert(*path)) {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = layout.arrays.get(index % layout.arrays.len().max(1)).map_or("", |array| &array.name);
        return Err(RasterError::Inexpressible {
            path: folder.to_owned(),
            what: format!("two planes of one time, or two measurements, would be {file} (measurement {name:?})"),
            remedy: "group by time, rename the measurement, or write NetCDF or Zarr".to_owned(),
        });
    }
    // All names are tried before the first is written: no half of a series over an old one.
    if !options.overwrite
        && let Some(path) = paths.iter().find(|path| path.exists())
    {
        return Err(RasterError::Exists { path: path.clone() });
    }
    let mut working_bytes = 0;
    if let (Some(path), [first, ..]) = (paths.first(), layout.arrays.as_slice()) {
        // What cannot be written is told before the first piece is made; one file is open at a time where pieces come
        // in order, and all are of one shape.
        let wide = layout.arrays.iter().max_by_key(|array| array.dtype.bytes()).unwrap_or(first);
        let trial = WriteOptions { overwrite: true, ..*options };
        working_bytes = begin_file(path, &layout, 0, std::slice::from_ref(wide), trial)?.working_bytes();
    }
    let grid = layout.geobox.shape.whole().tiles(Shape::new(TILE, TILE)).count();
    let slot = |index: usize| {
        let array = layout.arrays.get(index % layout.arrays.len().max(1));
        let remaining = AtomicUsize::new(grid * array.map_or(0, |array| layout.extras(array)));
        Slot { state: RwLock::new(State::Waiting), remaining }
    };
    let slots = (0..paths.len()).map(slot).collect();
    let pieces = Pieces::new(folder, layout, Shape::new(TILE, TILE));
    Ok(Box::new(FolderSink { slots, paths, options: *options, working_bytes, pieces, new_folder }))
}

/// A folder that goes again, where it is empty, unless it is to stay.
struct NewFolder(Option<PathBuf>);

impl Drop for NewFolder {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            let removed = std::fs::remove_dir(folder);
            tracing::trace!(?removed, "a folder that was made for files that did not come");
        }
    }
}

/// One file of the folder.
struct Slot {
    state: RwLock<State>,
    /// Pieces that have still to come.
    remaining: AtomicUsize,
}

enum State {
    Waiting,
    Open(Box<dyn TileFile>),
    /// Complete but for its name.
    Sealed(Staging),
}

struct FolderSink {
    /// One a path.
    slots: Vec<Slot>,
    paths: Vec<PathBuf>,
    options: WriteOptions,
    working_bytes: u64,
    pieces: Pieces,
    /// Last: the files in it go before it does.
    new_folder: NewFolder,
}

impl FolderSink {
    /// Begins the file of a place where it has not begun yet.
    fn begin(&self, place: Place, path: &Path, state: &RwLock<State>) -> Result<(), RasterError> {
        if !matches!(*state.read().unwrap_or_else(PoisonError::into_inner), State::Waiting) {
            return Ok(());
        }
        let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Waiting)
            && let Some(array) = self.pieces.layout().arrays.get(place.array)
        {
            let file = begin_file(path, self.pieces.layout(), place.time, std::slice::from_ref(array), self.options)?;
            *state = State::Open(file);
        }
        Ok(())
    }
}

impl CubeSink for FolderSink {
    fn tile(&self) -> Shape {
        self.pieces.tile()
    }

    fn working_bytes(&self) -> u64 {
        self.working_bytes
    }

    fn put(&self, place: Place, pixels: Pixels) -> Result<(), RasterError> {
        let (row, col) = self.pieces.take(place, &pixels)?;
        let index = place.time * self.pieces.layout().arrays.len() + place.array;
        let (Some(slot), Some(path)) = (self.slots.get(index), self.paths.get(index)) else { return Ok(()) };
        self.begin(place, path, &slot.state)?;
        if let State::Open(file) = &*slot.state.read().unwrap_or_else(PoisonError::into_inner) {
            file.put(place.extra, row, col, pixels)?;
        }
        if slot.remaining.fetch_sub(1, Ordering::AcqRel) > 1 {
            return Ok(());
        }
        // The last piece: no other thread has the file any more.
        let mut state = slot.state.write().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(file) = std::mem::replace(&mut *state, State::Waiting) {
            *state = State::Sealed(file.seal()?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, RasterError> {
        // The folder goes last, once what is in it is gone.
        let Self { mut new_folder, slots, paths, options, pieces, .. } = *self;
        pieces.complete()?;
        for (index, slot) in slots.into_iter().enumerate() {
            let state = slot.state.into_inner().unwrap_or_else(PoisonError::into_inner);
            let published = if let State::Sealed(staging) = state { staging.publish() } else { Ok(()) };
            if published.is_err() && !options.overwrite {
                // Those that replaced nothing go again: all of them, or none.
                for path in paths.iter().take(index) {
                    let removed = std::fs::remove_file(path);
                    tracing::debug!(?removed, path = %path.display(), "a file of an output that failed");
                }
            }
            published?;
        }
        new_folder.0 = None;
        Ok(paths)
    }
}

/// A time in a file's name: `20340517T100000Z`, with a fraction where it has one.
fn stamp(time: Timestamp) -> String {
    let format = if time.subsec_nanosecond() == 0 { "%Y%m%dT%H%M%SZ" } else { "%Y%m%dT%H%M%S%.fZ" };
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_make_sortable_names() {
        assert_eq!(stamp("2034-05-17T10:00:00Z".parse().unwrap()), "20340517T100000Z");
        assert_eq!(stamp("2034-05-17T10:00:00.25Z".parse().unwrap()), "20340517T100000.25Z");
    }
}
