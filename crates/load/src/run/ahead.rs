//! What will be read is told to far files early, so that threads do not wait for each of them in turn.
//!
//! A thread of its own goes through the chunks before those that compute: it has many files opened at once, then has the
//! blocks fetched that the chunks need, as long as not too much is on its way. For local files there is no such thread.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cube_geo::Window;

use super::prepare::Job;
use crate::plan::Chunk;
use crate::{ChunkSource, Fuse};

/// Chunks that are looked at before those that compute.
const MOST_CHUNKS: usize = 64;
/// How long to wait before telling again what there was no room for.
const AGAIN: Duration = Duration::from_millis(3);

/// Goes before the threads, which have taken `taken` chunks, until they are done or `stop` is set.
pub(super) fn look_ahead(
    job: &Job<'_>,
    chunks: impl Iterator<Item = Chunk>,
    taken: &AtomicUsize,
    stop: impl Fn() -> bool,
) {
    let mut chunks = chunks.enumerate();
    let mut near: std::collections::VecDeque<(usize, Chunk, Vec<ChunkSource>)> = std::collections::VecDeque::new();
    loop {
        while near.len() < MOST_CHUNKS
            && let Some((i, chunk)) = chunks.next()
        {
            let sources = job.sources_of(chunk);
            expect_open(job, chunk, &sources);
            near.push_back((i, chunk, sources));
        }
        let Some((i, chunk, sources)) = near.pop_front() else { return };
        // Those that compute tell themselves what they begin with.
        let passed = || taken.load(Ordering::Acquire) > i;
        while !stop() && !passed() && (i >= taken.load(Ordering::Acquire) + MOST_CHUNKS || !tell(job, chunk, &sources))
        {
            std::thread::sleep(AGAIN);
        }
        if stop() {
            return;
        }
    }
}

fn expect_open(job: &Job<'_>, chunk: Chunk, sources: &[ChunkSource]) {
    for file in sources.iter().filter_map(|source| job.context.files.of(source.dataset, chunk)) {
        file.expect_open();
    }
}

/// Tells what a chunk needs of its sources. False where there is no room for all of it now.
pub(super) fn tell(job: &Job<'_>, chunk: Chunk, sources: &[ChunkSource]) -> bool {
    let context = &job.context;
    expect_open(job, chunk, sources);
    let keeps_first = matches!(context.plan.fuse, Fuse::First | Fuse::Last) && context.fuse_with.is_none();
    let holds = |outer: Window, inner: Window| outer.intersection(inner) == Some(inner);
    for source in sources {
        let Some(file) = context.files.of(source.dataset, chunk).filter(|file| file.location.is_far()) else {
            continue;
        };
        // What is wrong with it is told to those that compute.
        let Ok(opened) = file.opened(context.geometry, context.plan) else { continue };
        if !file.expect_window(&opened, source.src_window) {
            return false;
        }
        // Most often, later ones are not read where the first covers all.
        if keeps_first && holds(source.dst_window, chunk.window) {
            break;
        }
    }
    true
}
