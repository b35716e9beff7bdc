//! What GDAL says of its failures.
#![expect(unsafe_code, reason = "GDAL calls a function of ours with a C string")]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_uint};
use std::panic::catch_unwind;

use super::functions::{CE_DEBUG, CE_NONE, CE_WARNING};

thread_local! {
    static MESSAGES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Most messages that are kept of one call: a corrupt file can complain about each block.
const MOST_MESSAGES: usize = 3;

/// Runs GDAL calls and returns their result with the failures that GDAL reported on this thread meanwhile.
pub(super) fn listen<T>(call: impl FnOnce() -> T) -> (T, Option<String>) {
    MESSAGES.with_borrow_mut(Vec::clear);
    let result = call();
    let messages = MESSAGES.with_borrow_mut(std::mem::take);
    (result, (!messages.is_empty()).then(|| messages.join("; ")))
}

/// The `CPLErrorHandler` of the process: GDAL calls it on the thread that made the call.
///
/// # Safety
/// The message is a C string or null, as GDAL says.
pub(super) unsafe extern "C" fn error_handler(class: c_uint, _number: c_int, message: *const c_char) {
    if message.is_null() {
        return;
    }
    // SAFETY: as said above; it is copied before GDAL goes on.
    let message = unsafe { CStr::from_ptr(message) }.to_string_lossy();
    // A panic (of a subscriber to the log, say) must not unwind into C. There is nobody to tell.
    let _ = catch_unwind(|| hear(class, message.trim()));
}

fn hear(class: c_uint, message: &str) {
    match class {
        CE_NONE | CE_DEBUG => tracing::trace!(message, "GDAL"),
        CE_WARNING => tracing::debug!(message, "GDAL warns"),
        // A thread that ends closes datasets when its values are gone already.
        _ => {
            let keep = |messages: &RefCell<Vec<String>>| {
                if let Ok(mut messages) = messages.try_borrow_mut()
                    && messages.len() < MOST_MESSAGES
                {
                    messages.push(message.to_owned());
                }
            };
            // Where a thread that ends closes datasets its list is gone already, and nobody listens.
            let _ = MESSAGES.try_with(keep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(class: c_uint, message: &CStr) {
        // SAFETY: a C string.
        unsafe { error_handler(class, 1, message.as_ptr()) }
    }

    #[test]
    fn failures_are_heard_on_the_thread_that_called() {
        let ((), said) = listen(|| {
            say(CE_WARNING, c"a warning");
            say(3, c" no such band \n");
            std::thread::spawn(|| say(3, c"elsewhere")).join().unwrap();
            say(4, c"and fatal");
        });
        assert_eq!(said.as_deref(), Some("no such band; and fatal"));
        let ((), said) = listen(|| say(CE_NONE, c"nothing"));
        assert_eq!(said, None);
    }

    #[test]
    fn of_many_messages_the_first_are_kept() {
        let ((), said) = listen(|| (0..1000).for_each(|_| say(3, c"a broken block")));
        assert_eq!(said.unwrap(), ["a broken block"; MOST_MESSAGES].join("; "));
        // SAFETY: null is answered.
        unsafe { error_handler(3, 1, std::ptr::null()) }
    }
}
