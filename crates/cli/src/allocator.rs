//! Memory that is given back is kept for the next buffer.
//!
//! A load takes and gives back buffers of some megabytes, thousands of them. By default the C library maps each anew and
//! returns it at once: the system clears every page again, which took a fifth of the time of a native load.
#![expect(unsafe_code, reason = "mallopt, which no crate wraps")]

/// Tells the C library's allocator to keep what is freed, up to half a gigabyte.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn keep_freed_memory() {
    /// The largest that glibc takes.
    const MAPPED_FROM: libc::c_int = 32 << 20;
    const KEPT: libc::c_int = 512 << 20;
    // SAFETY: the options exist and take numbers; no other thread runs yet. A refusal changes nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
    }
}

/// Other allocators do well by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) const fn keep_freed_memory() {}
