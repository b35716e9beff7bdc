//! How much of a file's directories stays in memory, whatever the file claims.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that the values of tags and the places of blocks of one file take at most: 2 million blocks, many times what a
/// large COG has.
pub(super) const MOST_BYTES_KEPT: u64 = 32 << 20;

/// What is left of [`MOST_BYTES_KEPT`]; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<AtomicU64>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(MOST_BYTES_KEPT)))
    }

    /// Takes `bytes` where so many are left.
    #[must_use]
    pub(super) fn take(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    /// Gives back what was taken and is not kept after all.
    pub(super) fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_what_is_left() {
        let budget = Budget::new();
        let clone = budget.clone();
        assert!(clone.take(MOST_BYTES_KEPT - 1) && !budget.take(2) && budget.take(1) && !clone.take(1));
        budget.give_back(5);
        assert!(clone.take(5) && !clone.take(1));
    }
}
