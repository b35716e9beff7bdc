//! Chunks dealt out to threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::ahead::{look_ahead, tell};
use super::holes::unique;
use super::prepare::Job;
use super::{Hole, RunOptions};
use crate::fill::Context;
use crate::plan::Chunk;
use crate::{ChunkSource, LoadError};

/// The work of one chunk.
pub(super) type Task<'t> = Box<dyn FnOnce(&Context<'_>, &[ChunkSource]) -> Result<Vec<Hole>, LoadError> + Send + 't>;

/// What came of the chunks, by their numbers.
#[derive(Default)]
struct Outcome {
    error: Option<(usize, LoadError)>,
    holes: Vec<(usize, Hole)>,
}

/// Set when this thread has no more to do, even if it panics.
struct SetAtEnd<'f>(&'f AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs all tasks, which are those of the chunks in order (`again` gives the chunks alone); threads take them in order, so that neighbours share blocks.
pub(super) fn work<'t>(
    job: &Job<'_>,
    tasks: impl Iterator<Item = (Chunk, Task<'t>)> + Send,
    again: impl Iterator<Item = Chunk> + Send,
    total: usize,
    options: &RunOptions<'_>,
) -> Result<Vec<Hole>, LoadError> {
    let queue = Mutex::new(tasks.enumerate());
    let taken = &AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let ended = &AtomicBool::new(false);
    let far = job.context.files.any_far();
    let stop = AtomicBool::new(false);
    let outcome = Mutex::new(Outcome::default());
    let context = &job.context;
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let Some((i, (chunk, task))) = queue.lock().unwrap_or_else(PoisonError::into_inner).next() else { break };
            let sources = job.sources_of(chunk);
            if far {
                taken.fetch_max(i + 1, Ordering::AcqRel);
                // What there is no room for is fetched when it is read.
                let _ = tell(job, chunk, &sources);
            }
            let cancelled = context.cancel.load(Ordering::Relaxed);
            let result = if cancelled { Err(LoadError::Cancelled) } else { task(context, &sources) };
            job.done_with(chunk, &sources);
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
        if far {
            let (stop, set) = (&stop, |flag: &AtomicBool| flag.load(Ordering::Relaxed));
            scope.spawn(move || look_ahead(job, again, taken, || set(stop) || set(ended) || set(context.cancel)));
        }
        for _ in 1..job.threads.min(total) {
            scope.spawn(worker);
        }
        let _end = SetAtEnd(ended);
        worker();
    });
    let Outcome { error, holes } = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    match error {
        Some((_, error)) => Err(error),
        None => Ok(unique(holes)),
    }
}
