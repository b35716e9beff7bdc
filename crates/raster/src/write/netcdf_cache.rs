//! How many chunks netcdf-c keeps in memory for a variable that is made: 64 MiB of them unless told.
#![expect(unsafe_code, reason = "nc_set_chunk_cache, which the netcdf crate does not offer")]

use netcdf_sys::{NC_NOERR, libnetcdf_lock, nc_get_chunk_cache, nc_set_chunk_cache};

/// While it lives, variables that are made keep no chunk. Files that another thread opens meanwhile read as right, if
/// slower.
pub(super) struct SmallCache {
    size: usize,
    slots: usize,
    preemption: f32,
}

impl SmallCache {
    /// `None` where netcdf-c refuses, which costs memory only.
    pub(super) fn begin() -> Option<Self> {
        let mut before = Self { size: 0, slots: 0, preemption: 0.0 };
        let known = {
            let _lock = libnetcdf_lock.lock();
            // SAFETY: the three places outlive the call, which writes one value to each; the lock is held.
            unsafe { nc_get_chunk_cache(&raw mut before.size, &raw mut before.slots, &raw mut before.preemption) }
        };
        // A size of one byte: zero stands for none given.
        (known == NC_NOERR && set(1, before.slots, before.preemption)).then_some(before)
    }
}

impl Drop for SmallCache {
    fn drop(&mut self) {
        if !set(self.size, self.slots, self.preemption) {
            tracing::debug!("netcdf-c keeps its small cache of chunks");
        }
    }
}

fn set(size: usize, slots: usize, preemption: f32) -> bool {
    let _lock = libnetcdf_lock.lock();
    // SAFETY: a call by value, under the library's lock.
    unsafe { nc_set_chunk_cache(size, slots, preemption) == NC_NOERR }
}
