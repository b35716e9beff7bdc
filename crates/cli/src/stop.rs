//! Ctrl-C: the command ends at once and leaves nothing half written.

/// Watches for SIGINT and SIGTERM on a thread of its own. What is being written is removed (an output has its name only
/// when it is complete; a catalog's transaction is rolled back by itself), then the process ends as the signal says.
///
/// Nobody is asked to come to an end first: a read from a storage that does not answer would hold everything up.
#[cfg(unix)]
pub(crate) fn on_signals() {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::{emulate_default_handler, exit};

    let mut signals = match Signals::new([SIGINT, SIGTERM]) {
        Ok(signals) => signals,
        Err(error) => {
            tracing::debug!(%error, "signals keep their default effect");
            return;
        }
    };
    let watch = move || {
        let Some(signal) = signals.forever().next() else { return };
        cube::discard_unfinished();
        crate::output::complain("stopped; what was not complete is not there");
        // Ends the process by the signal, so that a shell loop around it stops too. No exit handler runs: those of C
        // libraries do not expect threads that are still at work.
        let failed = emulate_default_handler(signal);
        tracing::debug!(?failed, "the default effect of the signal");
        exit(128 + signal);
    };
    if let Err(error) = std::thread::Builder::new().name("signals".to_owned()).spawn(watch) {
        tracing::debug!(%error, "no thread that watches for signals");
    }
}

/// Elsewhere the system's own way stands.
#[cfg(not(unix))]
pub(crate) fn on_signals() {}
