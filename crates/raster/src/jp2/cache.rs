//! Tiles that were unpacked last, of all files together: windows of a load cut the same tile again and again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::tiles::Samples;

/// Bytes that are kept: 64 tiles of Sentinel-2.
const MOST_BYTES: usize = 128 << 20;

/// The number of an open file, its level, and column and row of the tile.
pub(super) type Key = (u64, u32, u32, u32);
type Slot = Arc<Mutex<Option<Arc<Samples>>>>;

struct Entry {
    key: Key,
    bytes: usize,
    slot: Slot,
}

static KEPT: Mutex<VecDeque<Entry>> = Mutex::new(VecDeque::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tile of `key`, which has `bytes` bytes: `unpack` is called where it is not there. Two threads that ask for the same
/// one unpack it once.
pub(super) fn tile(
    key: Key,
    bytes: usize,
    unpack: impl FnOnce() -> Result<Samples, String>,
) -> Result<Arc<Samples>, String> {
    let slot = slot(key, bytes);
    let mut content = lock(&slot);
    if let Some(samples) = content.as_ref() {
        return Ok(samples.clone());
    }
    Ok(content.insert(Arc::new(unpack()?)).clone())
}

fn slot(key: Key, bytes: usize) -> Slot {
    let mut kept = lock(&KEPT);
    let found = kept.iter().rposition(|entry| entry.key == key).and_then(|at| kept.remove(at));
    let entry = found.unwrap_or_else(|| Entry { key, bytes, slot: Slot::default() });
    let slot = entry.slot.clone();
    kept.push_back(entry);
    let mut all: usize = kept.iter().map(|entry| entry.bytes).sum();
    while all > MOST_BYTES && kept.len() > 1 {
        all -= kept.pop_front().map_or(0, |entry| entry.bytes);
    }
    slot
}

/// Forgets the tiles of a file that was closed.
pub(super) fn forget(file: u64) {
    lock(&KEPT).retain(|entry| entry.key.0 != file);
}
