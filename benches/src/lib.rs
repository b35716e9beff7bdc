//! The kernels' benches stand in `benches/`, one file a subject; `scripts/bench` runs them, and whole commands.
