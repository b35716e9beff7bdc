//! Faults, each really injected: processes that are killed, servers that crash or are full, writers that race, clocks
//! and texts that lie. After each of them the catalog holds what one clean run would have made of the same documents.
//!
//! `make test` runs some rounds of each, `make faults` (`CUBE_FAULTS=all`) all of them. Random moments and orders come
//! from a seed that is printed; `CUBE_FAULTS_SEED` sets it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test function may do, its set-up may too")]

mod archive;
mod clients;
mod clocks;
mod crowd;
mod hostile;
mod migrations;
mod place;
mod race;
mod random;
mod servers;
mod state;

/// How many rounds: few in `make test`, all in `make faults`.
fn rounds(few: usize, all: usize) -> usize {
    if std::env::var("CUBE_FAULTS").is_ok_and(|value| value == "all") { all } else { few }
}
