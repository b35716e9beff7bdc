//! Running a plan: chunks on threads, into one cube or into a sink.

mod ahead;
mod budget;
mod holes;
mod pieces;
mod prepare;
mod queue;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use cube_model::{Cube, CubeArray, DataType, Pixels, for_each_dtype};
use cube_raster::{Access, CubeSink, Place};
use indexmap::IndexMap;
use ndarray::Array2;

use crate::fill::{Fill, Provenance, fill_blended, fill_counted, fill_kept};
use crate::plan::{Chunk, PlannedMeasurement};
use crate::warp::Sample;
use crate::{Fuse, Geometry, LoadError, LoadPlan};

pub(crate) use budget::Budget;
pub use holes::Hole;
use prepare::prepare;
use queue::{Task, work};

/// A caller's own way to fuse the datasets of a time plane. It is told the measurement, and gets the pixels so far and
/// those of the next dataset, both `[rows, cols]` of the measurement's type, with nodata where nothing was measured. It
/// changes the first in place, and must work pixel by pixel: pieces of any size are handed in. The first dataset is what it
/// starts from (ODC's rule for a `fuse_func`).
pub type FuseFunction<'a> = dyn Fn(&PlannedMeasurement, &mut Pixels, &Pixels) + Sync + 'a;

/// How to run a plan.
#[derive(Clone, Copy)]
pub struct RunOptions<'a> {
    /// How many threads compute; 0 means one a core.
    pub threads: usize,
    /// Told after each chunk how many are done, and of how many. Called from any thread.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
    /// Set it to true to stop at the next block.
    pub cancel: &'a AtomicBool,
    /// Fuses in place of the plan's rule, which must be one that keeps pixels.
    pub fuse_with: Option<&'a FuseFunction<'a>>,
    /// How files are reached, and which may be; `None` is the way of the process, which allows all.
    pub access: Option<&'a Access>,
}

static NEVER: AtomicBool = AtomicBool::new(false);

impl Default for RunOptions<'_> {
    fn default() -> Self {
        Self { threads: 0, progress: None, cancel: &NEVER, fuse_with: None, access: None }
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

/// What a load wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The files (a Zarr store counts as one).
    pub files: Vec<PathBuf>,
    /// The sources that could not be read; empty unless the plan says to skip them.
    pub holes: Vec<Hole>,
}

/// Runs a plan and gives the cube. The result depends on the plan and the files alone, not on chunks or threads.
///
/// # Errors
/// Where the cube would not fit into memory (before anything is read), a source cannot be reached, opened or read
/// (unless the plan skips those), a file's grid or time is not its document's, a value does not fit its type, or the load
/// is cancelled.
pub fn run(plan: &LoadPlan, options: &RunOptions<'_>) -> Result<Loaded, LoadError> {
    check(plan, options)?;
    let budget = Budget::of(plan, plan.output_bytes(), plan.chunk, options.threads)?;
    let geometry = Geometry::new(plan)?;
    let mut arrays = allocate(plan)?;
    let job = prepare(plan, &geometry, plan.chunk, budget, options);
    let tasks = pieces::tasks(plan, &mut arrays)?;
    let total = tasks.len();
    let holes = work(&job, tasks.into_iter(), plan.chunks(), total, options)?;
    let layouts = plan.arrays();
    let arrays = layouts.into_iter().zip(arrays).map(|(layout, pixels)| {
        (layout.name, CubeArray { pixels, nodata: layout.nodata, measurement: layout.measurement })
    });
    let cube = Cube {
        geobox: plan.geobox.clone(),
        times: plan.planes.iter().map(|p| p.time).collect(),
        extra: plan.extra.clone(),
        arrays: arrays.collect::<IndexMap<_, _>>(),
    };
    Ok(Loaded { cube, holes })
}

/// Runs a plan chunk by chunk into a sink made for [`LoadPlan::layout`]: only what the threads work on is in memory. What
/// is written is what [`run`] gives, bit by bit; nothing is left of a load that fails.
///
/// # Errors
/// As [`run`], but that the result need not fit into memory; and where the sink cannot take what comes.
pub fn run_into(plan: &LoadPlan, sink: Box<dyn CubeSink>, options: &RunOptions<'_>) -> Result<Written, LoadError> {
    check(plan, options)?;
    let tile = sink.tile();
    let budget = Budget::of(plan, sink.working_bytes(), tile, options.threads)?;
    let geometry = Geometry::new(plan)?;
    let job = prepare(plan, &geometry, tile, budget, options);
    let to: &dyn CubeSink = &*sink;
    let tasks = plan.chunks_of(tile).map(|chunk| {
        let task: Task<'_> = Box::new(move |context, sources| {
            let planned = context.plan.measurements.get(chunk.measurement).ok_or_else(no_measurement)?;
            visit(planned, context.plan.fuse, Streamed { context, chunk, sources, sink: to })?
        });
        (chunk, task)
    });
    let total = plan.chunks_of(tile).count();
    let holes = work(&job, tasks, plan.chunks_of(tile), total, options)?;
    drop(job);
    let files = sink.finish().map_err(|source| LoadError::Output { source: Box::new(source) })?;
    Ok(Written { files, holes })
}

/// Refuses a plan that [`run_into`] could not run within its memory, before an output is begun for it.
///
/// # Errors
/// As it says, with the estimate; and where the plan does not hold together.
pub fn check_streamed(plan: &LoadPlan, threads: usize) -> Result<(), LoadError> {
    plan.check()?;
    Budget::of(plan, 0, cube_geo::Shape::new(1024, 1024), threads).map(|_| ())
}

fn check(plan: &LoadPlan, options: &RunOptions<'_>) -> Result<(), LoadError> {
    plan.check()?;
    if options.fuse_with.is_some() && (plan.provenance || !plan.fuse.keeps_pixels()) {
        let reason = if plan.provenance {
            "a function of the caller's fuses its datasets, which tells no provenance"
        } else {
            "a function of the caller's fuses its datasets, and a rule is named too"
        };
        return Err(LoadError::BadPlan { reason: reason.to_owned() });
    }
    Ok(())
}

fn no_measurement() -> LoadError {
    LoadError::BadPlan { reason: "a chunk of it belongs to no measurement".to_owned() }
}

/// All arrays, zeroed by the system: a page costs nothing until a thread fills it.
fn allocate(plan: &LoadPlan) -> Result<Vec<Pixels>, LoadError> {
    let arrays = plan.arrays().into_iter().enumerate().map(|(i, array)| {
        Pixels::filled(array.dtype, &plan.array_shape(i), 0.0)
            .ok_or(LoadError::TypeNotLoadable { measurement: array.name, dtype: array.dtype })
    });
    arrays.collect()
}

/// What does something with arrays of whatever type a measurement has.
trait Visitor {
    type Output;
    fn visit<T: Sample>(self, fill: Fill<T>) -> Self::Output;
}

/// Calls the visitor with the function that fills chunks of a measurement.
fn visit<V: Visitor>(planned: &PlannedMeasurement, fuse: Fuse, visitor: V) -> Result<V::Output, LoadError> {
    let unlike = |dtype: DataType| LoadError::TypeNotLoadable { measurement: planned.name.clone(), dtype };
    match fuse {
        Fuse::First | Fuse::Last | Fuse::Min | Fuse::Max => {
            for_each_dtype!(planned.dtype, T => Ok(visitor.visit::<T>(fill_kept::<T>)), _ => Err(unlike(planned.dtype)))
        }
        Fuse::Mean | Fuse::Median => for_each_dtype!(planned.source_dtype,
            S => Ok(visitor.visit::<f32>(fill_blended::<S>)), _ => Err(unlike(planned.source_dtype))),
        Fuse::Count => for_each_dtype!(planned.source_dtype,
            S => Ok(visitor.visit::<u16>(fill_counted::<S>)), _ => Err(unlike(planned.source_dtype))),
    }
}

/// Fills a chunk of its own and hands it to the sink.
struct Streamed<'s, 'c, 'a> {
    context: &'c crate::fill::Context<'a>,
    chunk: Chunk,
    sources: &'c [crate::ChunkSource],
    sink: &'s dyn CubeSink,
}

impl Visitor for Streamed<'_, '_, '_> {
    type Output = Result<Vec<Hole>, LoadError>;

    fn visit<T: Sample>(self, fill: Fill<T>) -> Self::Output {
        let Self { context, chunk, sources, sink } = self;
        let Chunk { plane, measurement, extra, window } = chunk;
        let shape = (window.rows, window.cols);
        let mut pixels = Array2::<T>::default(shape);
        let put = |array: usize, pixels: Pixels| {
            let place = Place { time: plane, array, extra, window };
            sink.put(place, pixels).map_err(|source| LoadError::Output { source: Box::new(source) })
        };
        let plan = context.plan;
        let beside = plan.measurements.len() + measurement;
        let holes = match plan.provenance.then(|| plan.provenance_dtype()) {
            None => fill(context, chunk, sources, pixels.view_mut(), None)?,
            Some(DataType::UInt16) => {
                let mut numbers = Array2::<u16>::default(shape);
                let provenance = Some(Provenance::Short(numbers.view_mut()));
                let holes = fill(context, chunk, sources, pixels.view_mut(), provenance)?;
                put(beside, Pixels::UInt16(numbers.into_dyn()))?;
                holes
            }
            Some(_) => {
                let mut numbers = Array2::<u32>::default(shape);
                let provenance = Some(Provenance::Long(numbers.view_mut()));
                let holes = fill(context, chunk, sources, pixels.view_mut(), provenance)?;
                put(beside, Pixels::UInt32(numbers.into_dyn()))?;
                holes
            }
        };
        put(measurement, T::wrap(pixels.into_dyn()))?;
        Ok(holes)
    }
}

#[cfg(test)]
mod tests;
