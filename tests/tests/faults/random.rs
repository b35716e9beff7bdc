//! Random numbers that can be had again.

use std::time::Duration;

/// `SplitMix64`.
pub(crate) struct Random(u64);

impl Random {
    /// Begins with the seed of `CUBE_FAULTS_SEED`, else a fixed one, and prints it.
    pub(crate) fn of(test: &str) -> Self {
        let seed = std::env::var("CUBE_FAULTS_SEED").map_or(2034, |text| text.parse().unwrap());
        eprintln!("{test}: seed {seed}");
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// A moment within this time.
    pub(crate) fn moment(&mut self, within: Duration) -> Duration {
        Duration::from_micros(self.next() % u64::try_from(within.as_micros().max(1)).unwrap())
    }

    /// Fisher and Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (2..=items.len()).rev() {
            items.swap(end - 1, self.below(end));
        }
    }
}
