//! The kernels' benches stand in `benches/`, one file a subject; `scripts/bench` and `scripts/bench-catalog` run them
//! and the programs of `src/bin/`, which measure whole commands and searches.

pub mod documents;
