//! How much is asked of one host.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Semaphore;

/// Requests of one host that are under way at once.
const IN_FLIGHT: usize = 48;
/// Second attempts that a host gets before it answered anything: a single file survives a fault, and an outage does not
/// multiply the requests. 60 files that cannot be reached cost 80 requests.
const RESERVE: f64 = 20.0;
/// Second attempts that each answer earns, up to the reserve.
const EARNED: f64 = 0.5;

/// A host, or a bucket: what has its own connections and limits.
pub(super) struct Host {
    pub(super) in_flight: Semaphore,
    attempts: Mutex<f64>,
}

impl Host {
    pub(super) fn new() -> Self {
        Self { in_flight: Semaphore::new(IN_FLIGHT), attempts: Mutex::new(RESERVE) }
    }

    /// True where one more attempt may be made.
    pub(super) fn try_again(&self) -> bool {
        let mut left = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let may = *left >= 1.0;
        if may {
            *left -= 1.0;
        }
        may
    }

    /// It answered.
    pub(super) fn answered(&self) {
        let mut left = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + EARNED).min(RESERVE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_uses_up_the_attempts_and_answers_earn_them_again() {
        let host = Host::new();
        assert_eq!((0..100).filter(|_| host.try_again()).count(), 20);
        host.answered();
        assert!(!host.try_again());
        host.answered();
        assert!(host.try_again() && !host.try_again());
    }
}
