//! The runtime that waits for networks.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

use crate::RasterError;

/// Threads that wait. They copy bytes and undo TLS, nothing else.
const THREADS: usize = 2;

static RUNTIME: LazyLock<Result<Runtime, String>> = LazyLock::new(|| {
    let built = Builder::new_multi_thread().worker_threads(THREADS).thread_name("cube-fetch").enable_all().build();
    built.map_err(|error| error.to_string())
});

/// The one runtime of the process.
pub(super) fn runtime(location: &dyn std::fmt::Display) -> Result<&'static Runtime, RasterError> {
    RUNTIME.as_ref().map_err(|reason| RasterError::Unreadable {
        location: location.to_string(),
        driver: "the network".to_owned(),
        reason: format!("threads that wait for it cannot start: {reason}"),
    })
}
