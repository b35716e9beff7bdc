//! Seconds of this process: wall, user and system, from one moment to another.
#![expect(unsafe_code, reason = "getrusage has no safe form in the standard library")]

use std::mem::MaybeUninit;
use std::time::Instant;

/// A moment in the life of this process.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    wall: Instant,
    user: f64,
    system: f64,
}

/// Seconds between two moments, of all threads.
#[derive(Debug, Clone, Copy)]
pub struct Seconds {
    /// On the clock.
    pub wall: f64,
    /// Of computing.
    pub user: f64,
    /// Of the system: page faults, reads and writes.
    pub system: f64,
}

impl Moment {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        let (user, system) = used();
        Self { wall: Instant::now(), user, system }
    }

    /// What was taken since.
    #[must_use]
    pub fn since(&self) -> Seconds {
        let (user, system) = used();
        Seconds { wall: self.wall.elapsed().as_secs_f64(), user: user - self.user, system: system - self.system }
    }
}

/// User and system seconds of this process so far; 0 where the system does not say.
fn used() -> (f64, f64) {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the pointer is valid for one rusage, which the call fills where it answers 0.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) != 0 {
            return (0.0, 0.0);
        }
        usage.assume_init()
    };
    let seconds = |t: libc::timeval| {
        #[expect(clippy::cast_precision_loss, reason = "seconds and millionths of a process")]
        let seconds = t.tv_sec as f64 + t.tv_usec as f64 * 1e-6;
        seconds
    };
    (seconds(usage.ru_utime), seconds(usage.ru_stime))
}
