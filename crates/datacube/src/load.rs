//! Running a plan, into memory or into a file.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use cube_load::{FuseFunction, Hole, LoadPlan, Loaded, RunOptions, Written};
use cube_raster::Access;

use crate::Error;
use crate::export::{ExportOptions, open_sink};

/// How a load runs.
#[derive(Default)]
pub struct LoadOptions<'a> {
    /// How many threads compute; all cores where `None`.
    pub jobs: Option<usize>,
    /// Told after each chunk how many are done, and of how many; from any thread.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
    /// Another thread sets it to true to stop the load at the next chunk; the load then fails as cancelled.
    pub cancel: Option<&'a AtomicBool>,
    /// Fuses the datasets of a time plane in place of the plan's rule.
    pub fuse_with: Option<&'a FuseFunction<'a>>,
    /// How files are reached, and which may be read; `None` is the way of the process, which allows all.
    pub access: Option<&'a Access>,
}

/// Runs a plan. What the plan warns of, and what had to be left out, is logged as warnings too.
///
/// # Errors
/// Where a file cannot be read, the result would not fit into memory, or the load is cancelled.
pub fn run(plan: &LoadPlan, options: &LoadOptions<'_>) -> Result<Loaded, Error> {
    warn_of(plan);
    let loaded = cube_load::run(plan, &options.run())?;
    tell(&loaded.holes);
    Ok(loaded)
}

/// Runs a plan chunk by chunk into a file (or a directory, by its name as [`crate::export`] says), so that the result may be
/// larger than memory. What is written is what [`run`] and [`crate::export`] would write; it appears under its name only when
/// it is complete.
///
/// # Errors
/// As [`run`], but for the size of the result; and as [`crate::export`].
pub fn run_into(
    plan: &LoadPlan,
    path: &Path,
    export: &ExportOptions,
    options: &LoadOptions<'_>,
) -> Result<Written, Error> {
    warn_of(plan);
    cube_load::check_streamed(plan, options.jobs.unwrap_or(0))?;
    keep_sources(plan, path)?;
    let sink = open_sink(plan.layout(), path, export)?;
    let written = cube_load::run_into(plan, sink, &options.run())?;
    tell(&written.holes);
    Ok(written)
}

/// Refuses an output that would replace a file which the load reads, or a folder that holds one.
fn keep_sources(plan: &LoadPlan, path: &Path) -> Result<(), Error> {
    let Ok(output) = path.canonicalize() else { return Ok(()) };
    let replaces_folder = output.is_dir() && crate::Format::of(path)? != crate::Format::CogDirectory;
    for dataset in 0..plan.datasets.len() {
        for location in (0..plan.measurements.len()).filter_map(|m| plan.location(dataset, m, 0)) {
            let Some(file) = location.local_path().and_then(|file| file.canonicalize().ok()) else { continue };
            if file == output || (replaces_folder && file.starts_with(&output)) {
                let reason = format!("the load reads {}; name another output", file.display());
                return Err(Error::Unwritable { path: path.to_owned(), reason });
            }
        }
    }
    Ok(())
}

impl<'a> LoadOptions<'a> {
    fn run(&self) -> RunOptions<'a> {
        let never = RunOptions::default();
        RunOptions {
            threads: self.jobs.unwrap_or(0),
            progress: self.progress,
            cancel: self.cancel.unwrap_or(never.cancel),
            fuse_with: self.fuse_with,
            access: self.access,
        }
    }
}

fn warn_of(plan: &LoadPlan) {
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
}

fn tell(holes: &[Hole]) {
    for hole in holes {
        tracing::warn!("left out: {hole}");
    }
}
