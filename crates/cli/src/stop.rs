//! Ctrl-C: a command ends at once and leaves nothing half written, or, where it asks for that, at its next good place.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// True while a command comes to an end by itself when it is asked to.
static GENTLY: AtomicBool = AtomicBool::new(false);
/// Set once such a command is asked to.
static ASKED: AtomicBool = AtomicBool::new(false);
/// The signal that asked.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Says that the command looks at this flag and ends soon after it is set; a second signal still ends it at once.
pub(crate) fn gently() -> &'static AtomicBool {
    GENTLY.store(true, Ordering::SeqCst);
    &ASKED
}

/// Ends the process as the signal says that asked a command to end, so that a shell loop around it stops too.
pub(crate) fn end() -> ! {
    let signal = SIGNAL.load(Ordering::SeqCst);
    end_by(signal)
}

/// Ends the process when all is done. The exit handlers of C libraries would only take their tables apart: PROJ's alone
/// cost more than reading a small window.
pub(crate) fn leave(code: u8) -> ! {
    // What stdout still holds. A reader that is gone has seen enough.
    let _ = std::io::stdout().flush();
    // Coverage is written by an exit handler.
    #[cfg(unix)]
    if std::env::var_os("LLVM_PROFILE_FILE").is_none() {
        signal_hook::low_level::exit(i32::from(code));
    }
    std::process::exit(i32::from(code))
}

/// Watches for SIGINT and SIGTERM on a thread of its own. What is being written is removed (an output has its name only
/// when it is complete; a catalog's transaction is rolled back by itself), then the process ends as the signal says.
///
/// A command is asked to come to an end first only where it says that it will soon ([`gently`]): a read from a storage
/// that does not answer would hold everything up.
#[cfg(unix)]
pub(crate) fn on_signals() {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = match Signals::new([SIGINT, SIGTERM]) {
        Ok(signals) => signals,
        Err(error) => {
            tracing::debug!(%error, "signals keep their default effect");
            return;
        }
    };
    let watch = move || {
        for signal in signals.forever() {
            SIGNAL.store(signal, Ordering::SeqCst);
            if GENTLY.load(Ordering::SeqCst) && !ASKED.swap(true, Ordering::SeqCst) {
                crate::output::complain("stopping after the batch that is being written; once more stops at once");
                continue;
            }
            cube::discard_unfinished();
            crate::output::complain("stopped; what was not complete is not there");
            end_by(signal);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("signals".to_owned()).spawn(watch) {
        tracing::debug!(%error, "no thread that watches for signals");
    }
}

/// Ends the process by the signal. No exit handler runs: those of C libraries do not expect threads that are still at
/// work.
#[cfg(unix)]
fn end_by(signal: i32) -> ! {
    let failed = signal_hook::low_level::emulate_default_handler(signal);
    tracing::debug!(?failed, "the default effect of the signal");
    signal_hook::low_level::exit(128 + signal)
}

/// Elsewhere the system's own way stands.
#[cfg(not(unix))]
pub(crate) fn on_signals() {}

#[cfg(not(unix))]
fn end_by(_: i32) -> ! {
    std::process::exit(1)
}
