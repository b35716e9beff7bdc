//! Running a plan: chunks on threads, into one cube.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use cube_geo::{Relation, Resampling, Shape, Window};
use cube_model::{Cube, CubeArray, Pixel, Pixels, for_each_dtype};
use cube_raster::RasterLocation;
use indexmap::IndexMap;
use ndarray::{ArrayD, ArrayViewMut2, Axis};
use uuid::Uuid;

use crate::blocks::BlockStore;
use crate::files::{FileIndex, SourceFile};
use crate::fill::{Context, TaskSource, fill_chunk};
use crate::plan::Chunk;
use crate::target::around;
use crate::warp::Sample;
use crate::{Geometry, LoadError, LoadPlan, memory};

/// How to run a plan.
#[derive(Clone, Copy)]
pub struct RunOptions<'a> {
    /// How many threads compute; 0 means one a core.
    pub threads: usize,
    /// Told after each chunk how many are done, and of how many. Called from any thread.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
    /// Set it to true to stop at the next chunk or source.
    pub cancel: &'a AtomicBool,
}

static NEVER: AtomicBool = AtomicBool::new(false);

impl Default for RunOptions<'_> {
    fn default() -> Self {
        Self { threads: 0, progress: None, cancel: &NEVER }
    }
}

impl std::fmt::Debug for RunOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunOptions").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// What a load gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The pixels.
    pub cube: Cube,
    /// The sources that could not be read; empty unless the plan says to skip them.
    pub holes: Vec<Hole>,
}

/// A source that could not be read: where it alone has pixels, the cube has nodata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The dataset.
    pub dataset: Uuid,
    /// The measurement.
    pub measurement: String,
    /// The file.
    pub location: RasterLocation,
    /// What went wrong.
    pub reason: String,
}

impl std::fmt::Display for Hole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "dataset {}, measurement {}, {}: {}", self.dataset, self.measurement, self.location, self.reason)
    }
}

/// Bytes of decoded blocks that are kept for other chunks.
const BLOCK_STORE: usize = 96 << 20;
/// Bytes that one thread may take beside that: its window of a source, its blocks and marks.
const A_THREAD: u64 = 64 << 20;

/// Runs a plan and gives the cube. The result depends on the plan and the files alone, not on chunks or threads.
///
/// # Errors
/// Where the cube would not fit into memory (before anything is read), a source cannot be reached, opened or read
/// (unless the plan skips those), a file's grid or time is not its document's, a value does not fit its type, or the load
/// is cancelled.
pub fn run(plan: &LoadPlan, options: &RunOptions<'_>) -> Result<Loaded, LoadError> {
    plan.check()?;
    let threads = threads(options.threads);
    check_memory(plan, threads)?;
    let geometry = Geometry::new(plan)?;
    let mut arrays = allocate(plan)?;
    let (context, sources) = prepare(plan, &geometry, options.cancel);
    let holes = work(&context, &sources, &mut arrays, threads, options)?;
    let measurements = plan.measurements.iter().zip(arrays).map(|(m, pixels)| {
        (m.name.clone(), CubeArray { pixels, nodata: m.nodata, measurement: m.measurement.clone() })
    });
    let cube = Cube {
        geobox: plan.geobox.clone(),
        times: plan.planes.iter().map(|p| p.time).collect(),
        extra: plan.extra.clone(),
        arrays: measurements.collect::<IndexMap<_, _>>(),
    };
    Ok(Loaded { cube, holes })
}

pub(crate) fn threads(asked: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if asked == 0 { cores() } else { asked }
}

/// Bytes that a run takes at most, the result included.
pub(crate) fn needed_bytes(plan: &LoadPlan, threads: usize) -> u64 {
    let each = A_THREAD.saturating_mul(threads as u64);
    plan.output_bytes().saturating_add(BLOCK_STORE as u64).saturating_add(each)
}

fn check_memory(plan: &LoadPlan, threads: usize) -> Result<(), LoadError> {
    let (needed, output) = (needed_bytes(plan, threads), plan.output_bytes());
    match plan.memory_limit.or_else(memory::available) {
        Some(limit) if needed > limit => Err(LoadError::TooLarge { needed, output, limit }),
        _ => Ok(()),
    }
}

/// All arrays, zeroed by the system: a page costs nothing until a thread fills it.
fn allocate(plan: &LoadPlan) -> Result<Vec<Pixels>, LoadError> {
    let arrays = plan.measurements.iter().enumerate().map(|(i, m)| {
        let shape = plan.array_shape(i);
        for_each_dtype!(m.dtype, T => Ok(T::wrap(ArrayD::<T>::from_elem(shape, T::default()))),
            _ => Err(LoadError::TypeNotLoadable { measurement: m.name.clone(), dtype: m.dtype }))
    });
    arrays.collect()
}

/// The files that the chunks need and, for each chunk in order, its sources.
fn prepare<'a>(
    plan: &'a LoadPlan,
    geometry: &'a Geometry<'a>,
    cancel: &'a AtomicBool,
) -> (Context<'a>, Vec<Vec<TaskSource>>) {
    let mut files: Vec<SourceFile> = Vec::new();
    let mut index = FileIndex::new();
    let mut known: HashMap<(usize, Resampling, Window), Option<(Window, Window)>> = HashMap::new();
    let mut tasks = Vec::new();
    let mut maps: HashMap<(usize, Resampling), Option<Window>> = HashMap::new();
    for chunk in plan.chunks() {
        // PROJ answers once for a grid and a window, and on this thread alone.
        let mut windows = |grid: usize, resampling: Resampling, relation: &Relation| {
            let found =
                *known.entry((grid, resampling, chunk.window)).or_insert_with(|| relation.windows(chunk.window));
            if let Some((_, dst)) = found.filter(|_| relation.linear().is_none()) {
                let all = maps.entry((grid, resampling)).or_default();
                *all = Some(all.map_or(dst, |w| around(w, dst)));
            }
            found
        };
        let sources = geometry.sources_with(chunk, &mut windows);
        let sources = sources.into_iter().filter_map(|source| {
            let Chunk { measurement, extra, .. } = chunk;
            let file = *index.entry((source.dataset, measurement, extra)).or_insert(files.len());
            if file == files.len() {
                let location = plan.location(source.dataset, measurement, extra)?;
                files.push(SourceFile::new(file, source.dataset, measurement, location));
            }
            files[file].chunks_left.fetch_add(1, Ordering::Relaxed);
            Some(TaskSource { file, dst_window: source.dst_window })
        });
        tasks.push(sources.collect());
    }
    let maps =
        maps.into_iter().filter_map(|(key, window)| Some((key, geometry.relation(key.0, key.1)?.pixel_map(window?))));
    let maps = maps.collect();
    (Context { plan, geometry, maps, files, store: BlockStore::new(BLOCK_STORE), cancel }, tasks)
}

type Work<'a> = Box<dyn FnOnce(&Context<'_>) -> Result<Vec<Hole>, LoadError> + Send + 'a>;

/// What came of the chunks, by their numbers.
#[derive(Default)]
struct Outcome {
    error: Option<(usize, LoadError)>,
    holes: Vec<(usize, Hole)>,
}

/// Runs all chunks; threads take them in order, so that neighbours share blocks.
fn work(
    context: &Context<'_>,
    sources: &[Vec<TaskSource>],
    arrays: &mut [Pixels],
    threads: usize,
    options: &RunOptions<'_>,
) -> Result<Vec<Hole>, LoadError> {
    let tasks = tasks(context.plan, sources, arrays)?;
    let total = tasks.len();
    let queue = Mutex::new(tasks.into_iter().enumerate());
    let done = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let outcome = Mutex::new(Outcome::default());
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let Some((i, task)) = queue.lock().unwrap_or_else(PoisonError::into_inner).next() else { break };
            let result = if context.cancel.load(Ordering::Relaxed) { Err(LoadError::Cancelled) } else { task(context) };
            for source in &sources[i] {
                context.files[source.file].done_with_chunk(&context.store);
            }
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(holes) => outcome.holes.extend(holes.into_iter().map(|hole| (i, hole))),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    // Of several, the first in the order of chunks.
                    if outcome.error.as_ref().is_none_or(|(first, _)| i < *first) {
                        outcome.error = Some((i, error));
                    }
                }
            }
            drop(outcome);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(progress) = options.progress {
                progress(done, total);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(total) {
            scope.spawn(worker);
        }
        worker();
    });
    let Outcome { error, mut holes } = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, error)) = error {
        return Err(error);
    }
    holes.sort_by_key(|(i, _)| *i);
    let mut unique: Vec<Hole> = Vec::new();
    for (_, hole) in holes {
        if !unique
            .iter()
            .any(|h| (h.dataset, &h.measurement, &h.location) == (hole.dataset, &hole.measurement, &hole.location))
        {
            unique.push(hole);
        }
    }
    Ok(unique)
}

/// The work of each chunk, in the plan's order, each with its own piece of the arrays.
fn tasks<'a>(
    plan: &LoadPlan,
    sources: &'a [Vec<TaskSource>],
    arrays: &'a mut [Pixels],
) -> Result<Vec<Work<'a>>, LoadError> {
    let bad = || LoadError::BadPlan { reason: "its chunks do not account for its arrays".to_owned() };
    // Per measurement, the work of its planes in order; then dealt out by plane.
    let mut by_measurement: Vec<std::vec::IntoIter<Piece<'a>>> = Vec::with_capacity(arrays.len());
    for (pixels, measurement) in arrays.iter_mut().zip(&plan.measurements) {
        let pieces = for_each_dtype!(measurement.dtype, T => pieces::<T>(T::view_mut(pixels).ok_or_else(bad)?, plan.chunk)?,
            _ => return Err(bad()));
        by_measurement.push(pieces.into_iter());
    }
    let mut tasks = Vec::with_capacity(sources.len());
    for (chunk, sources) in plan.chunks().zip(sources) {
        let piece = by_measurement.get_mut(chunk.measurement).and_then(Iterator::next).ok_or_else(bad)?;
        tasks.push(piece(chunk, sources));
    }
    Ok(tasks)
}

/// A piece of an array that waits for its chunk.
type Piece<'a> = Box<dyn FnOnce(Chunk, &'a [TaskSource]) -> Work<'a> + 'a>;

fn pieces<T: Sample>(array: &mut ArrayD<T>, chunk: Shape) -> Result<Vec<Piece<'_>>, LoadError> {
    let bad = || LoadError::BadPlan { reason: "an array cannot be cut into its planes".to_owned() };
    let shape = array.shape().to_vec();
    let [outer @ .., rows, cols] = &shape[..] else { return Err(bad()) };
    let planes = (outer.iter().product::<usize>(), *rows, *cols);
    let view = array.view_mut().into_shape_with_order(planes).map_err(|_| bad())?;
    let mut out: Vec<Piece<'_>> = Vec::new();
    let mut rest = view;
    while rest.len_of(Axis(0)) > 0 {
        let (plane, after) = rest.split_at(Axis(0), 1);
        rest = after;
        for piece in cut(plane.index_axis_move(Axis(0), 0), chunk) {
            out.push(Box::new(move |chunk: Chunk, sources| {
                Box::new(move |context: &Context<'_>| {
                    fill_chunk(context, chunk.measurement, chunk.window, sources, piece)
                })
            }));
        }
    }
    Ok(out)
}

/// A plane in pieces of `chunk`, row-major: as [`Window::tiles`] of the whole plane.
fn cut<T>(plane: ArrayViewMut2<'_, T>, chunk: Shape) -> Vec<ArrayViewMut2<'_, T>> {
    let mut out = Vec::new();
    let mut below = plane;
    while below.nrows() > 0 {
        let rows = chunk.rows.min(below.nrows());
        let (mut band, rest) = below.split_at(Axis(0), rows);
        below = rest;
        while band.ncols() > 0 {
            let cols = chunk.cols.min(band.ncols());
            let (piece, right) = band.split_at(Axis(1), cols);
            out.push(piece);
            band = right;
        }
    }
    out
}

#[cfg(test)]
mod tests;
