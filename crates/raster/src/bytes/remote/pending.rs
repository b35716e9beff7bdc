//! What is being fetched, for those who wait for it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A value that comes later, once, for any number of readers.
pub(super) struct Pending<T> {
    state: Mutex<Option<(T, Instant)>>,
    ready: Condvar,
}

/// Gives the value; where it is dropped before, readers get what stands for "it never came".
pub(super) struct Giver<T: Clone> {
    to: Arc<Pending<T>>,
    never: Option<T>,
}

impl<T: Clone> Pending<T> {
    pub(super) fn new(never: T) -> (Arc<Self>, Giver<T>) {
        let pending = Arc::new(Self { state: Mutex::default(), ready: Condvar::new() });
        (pending.clone(), Giver { to: pending, never: Some(never) })
    }

    fn lock(&self) -> MutexGuard<'_, Option<(T, Instant)>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, when it has come.
    pub(super) fn wait(&self) -> T {
        let mut state = self.lock();
        loop {
            if let Some((value, _)) = state.as_ref() {
                return value.clone();
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The value and when it came, if it is there.
    pub(super) fn now(&self) -> Option<(T, Instant)> {
        self.lock().clone()
    }

    fn set(&self, value: T) {
        *self.lock() = Some((value, Instant::now()));
        self.ready.notify_all();
    }
}

impl<T: Clone> Giver<T> {
    pub(super) fn give(mut self, value: T) {
        self.never = None;
        self.to.set(value);
    }
}

impl<T: Clone> Drop for Giver<T> {
    fn drop(&mut self) {
        if let Some(never) = self.never.take() {
            self.to.set(never);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_wait_get_the_value_and_none_waits_forever() {
        let (pending, giver) = Pending::new(0);
        let waiting = pending.clone();
        let thread = std::thread::spawn(move || waiting.wait());
        giver.give(7);
        assert_eq!((thread.join().unwrap(), pending.wait()), (7, 7));
        let (pending, giver) = Pending::new(-1);
        drop(giver);
        assert_eq!(pending.wait(), -1);
    }
}
