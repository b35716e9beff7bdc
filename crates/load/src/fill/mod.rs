//! One chunk filled from its sources.

mod blend;
mod cells;
mod first;
mod marks;
mod read;
mod seam;

use std::sync::atomic::{AtomicBool, Ordering};

use cube_geo::Window;
use ndarray::ArrayViewMut2;

pub(crate) use blend::{MOST_STACK, fill_blended, fill_counted};
pub(crate) use cells::edge_steps;
pub(crate) use first::fill_kept;
pub(crate) use marks::Provenance;
use read::fill_from;

use crate::blocks::BlockStore;
use crate::files::SourceFile;
use crate::maps::Maps;
use crate::plan::{Chunk, PlannedMeasurement};
use crate::target::Target;
use crate::warp::Sample;
use crate::{ChunkSource, FuseFunction, Geometry, Hole, LoadError, LoadPlan};

/// What all chunks share.
pub(crate) struct Context<'a> {
    pub(crate) plan: &'a LoadPlan,
    pub(crate) geometry: &'a Geometry<'a>,
    /// Maps of the source grids that lie in another CRS.
    pub(crate) maps: Maps,
    pub(crate) files: crate::files::Files,
    pub(crate) store: BlockStore,
    /// The caller's own way to fuse, in place of the plan's.
    pub(crate) fuse_with: Option<&'a FuseFunction<'a>>,
    pub(crate) cancel: &'a AtomicBool,
}

/// A function that fills a chunk: its window of an array, and that of its provenance where the plan asks for it.
pub(crate) type Fill<T> = fn(
    &Context<'_>,
    Chunk,
    &[ChunkSource],
    ArrayViewMut2<'_, T>,
    Option<Provenance<'_>>,
) -> Result<Vec<Hole>, LoadError>;

/// Takes down what of a source cannot be read.
struct Broken<'h> {
    file: &'h SourceFile,
    plan: &'h LoadPlan,
    holes: &'h mut Vec<Hole>,
}

impl Broken<'_> {
    /// A hole where the plan skips what is broken; else, and when the load is cancelled, the error.
    fn leave_out(&mut self, error: LoadError) -> Result<(), LoadError> {
        if !self.plan.skip_broken || matches!(error, LoadError::Cancelled) {
            return Err(error);
        }
        self.holes.push(self.file.hole(self.plan, &error));
        Ok(())
    }
}

/// The sources of a chunk, one after the other, with what they may do.
struct Sources<'c, 'a> {
    context: &'c Context<'a>,
    planned: &'c PlannedMeasurement,
    chunk: Chunk,
    holes: Vec<Hole>,
}

impl<'c, 'a> Sources<'c, 'a> {
    fn new(context: &'c Context<'a>, chunk: Chunk) -> Result<Self, LoadError> {
        let no_plan = || LoadError::BadPlan { reason: "a chunk of it belongs to no measurement".to_owned() };
        let planned = context.plan.measurements.get(chunk.measurement).ok_or_else(no_plan)?;
        Ok(Self { context, planned, chunk, holes: Vec::new() })
    }

    /// Fills what `source` has of the target's pixels inside `part` that are not filled yet. True where it could be
    /// read; a source that cannot be and may be skipped becomes a hole.
    fn fill<T: Sample>(
        &mut self,
        source: ChunkSource,
        part: Window,
        target: &mut Target<'_, T>,
    ) -> Result<bool, LoadError> {
        self.check()?;
        let Some(file) = self.context.files.of(source.dataset, self.chunk) else { return Ok(true) };
        let mut broken = Broken { file, plan: self.context.plan, holes: &mut self.holes };
        match fill_from(self.context, file, self.planned.resampling, part, target, &mut broken) {
            Err(error) => broken.leave_out(error).map(|()| false),
            Ok(()) => Ok(true),
        }
    }

    fn check(&self) -> Result<(), LoadError> {
        if self.context.cancel.load(Ordering::Relaxed) { Err(LoadError::Cancelled) } else { Ok(()) }
    }
}
