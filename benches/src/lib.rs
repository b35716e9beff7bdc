//! The kernels' benches stand in `benches/`, one file a subject; `scripts/bench`, `scripts/bench-load` and
//! `scripts/bench-catalog` run them and the programs of `src/bin/`, which measure whole commands and searches.

pub mod asked;
pub mod documents;
pub mod tiff;
pub mod usage;
