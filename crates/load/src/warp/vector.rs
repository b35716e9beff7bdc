//! Kernels for the vector unit that the machine has.
//!
//! The portable code is compiled a second time for AVX2, four numbers at a time in place of two. Without fused
//! multiply-add, which rounds differently, the results have the same bits.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "code for AVX2 may only run where the processor has it; that is asked before the one call"
    )
)]

/// Work on a row. What it calls must be inlined into it.
pub(super) trait Kernel: Sized {
    /// Does it, by code that is worth to be compiled for AVX2.
    fn run(self);

    /// Does it by code for a processor without: where `run` needs so many registers that it is no gain there, pixel by
    /// pixel. The results have the same bits.
    fn plain(self) {
        self.run();
    }
}

/// Runs a kernel in the way that is best here.
#[inline]
pub(super) fn run(kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { with_avx2(kernel) };
    }
    kernel.plain();
}

/// Asks for a pixel to be brought into the first cache; where there is none, nothing happens.
#[inline(always)]
pub(super) fn prefetch<T>(pixels: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, and takes any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(pixels.as_ptr().wrapping_add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (pixels, index);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(kernel: impl Kernel) {
    kernel.run();
}
