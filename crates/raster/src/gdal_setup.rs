//! GDAL's process-wide settings and its messages.

use std::cell::RefCell;
use std::sync::Once;

use gdal::config::{clear_thread_local_config_option, get_config_option, set_config_option};
use gdal::config::{set_error_handler, set_thread_local_config_option};
use gdal::errors::CplErrType;
use gdal::{DriverManager, Metadata};

static SETUP: Once = Once::new();

thread_local! {
    static MESSAGES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Most messages that are kept of one call: a corrupt file can complain about each block.
const MOST_MESSAGES: usize = 3;

/// Sets GDAL up on the first call.
pub(crate) fn setup() {
    SETUP.call_once(|| {
        let set = |key: &str, value: &str| {
            if let Err(error) = set_config_option(key, value) {
                tracing::warn!(key, %error, "GDAL refuses a setting");
            }
        };
        // Else Kelvin silently becomes Celsius.
        set("GRIB_NORMALIZE_UNITS", "NO");
        // Sidecars (.ovr, .msk, .aux.xml, world files) are looked for by name; folders of a large archive are
        // not listed at each open. `EMPTY_DIR`, which finds no sidecar, is for remote files: see `RemoteOpen`.
        if get_config_option("GDAL_DISABLE_READDIR_ON_OPEN", "").is_ok_and(|v| v.is_empty()) {
            set("GDAL_DISABLE_READDIR_ON_OPEN", "TRUE");
        }
        set_error_handler(|class, _number, message| match class {
            CplErrType::Failure | CplErrType::Fatal => MESSAGES.with_borrow_mut(|messages| {
                if messages.len() < MOST_MESSAGES {
                    messages.push(message.trim().to_owned());
                }
            }),
            CplErrType::Warning => tracing::debug!(message, "GDAL warns"),
            CplErrType::Debug | CplErrType::None => tracing::trace!(message, "GDAL"),
        });
        DriverManager::register_all();
    });
}

/// Runs GDAL calls and returns their result with the failures that GDAL reported on this thread meanwhile.
pub(crate) fn listen<T>(call: impl FnOnce() -> T) -> (T, Option<String>) {
    setup();
    MESSAGES.with_borrow_mut(Vec::clear);
    let result = call();
    let messages = MESSAGES.with_borrow_mut(std::mem::take);
    (result, (!messages.is_empty()).then(|| messages.join("; ")))
}

/// While it lives, this thread opens files without looking for sidecars: each would be a request.
pub(crate) struct RemoteOpen(());

impl RemoteOpen {
    const KEY: &'static str = "GDAL_DISABLE_READDIR_ON_OPEN";

    /// For a remote `/vsi…` name, else nothing.
    pub(crate) fn begin(name: &str) -> Option<Self> {
        let remote = ["/vsicurl", "/vsis3", "/vsigs", "/vsiaz", "/vsiadls", "/vsioss", "/vsiswift"];
        let is_remote = remote.iter().any(|prefix| name.contains(prefix));
        (is_remote && set_thread_local_config_option(Self::KEY, "EMPTY_DIR").is_ok()).then_some(Self(()))
    }
}

impl Drop for RemoteOpen {
    fn drop(&mut self) {
        if let Err(error) = clear_thread_local_config_option(Self::KEY) {
            tracing::warn!(%error, "GDAL keeps a setting");
        }
    }
}

/// GDAL's version and the short names of its raster drivers.
pub(crate) fn version_and_drivers() -> (Option<String>, Vec<String>) {
    setup();
    let mut drivers: Vec<String> = DriverManager::all()
        .filter(|driver| driver.metadata_item("DCAP_RASTER", "").as_deref() == Some("YES"))
        .map(|driver| driver.short_name())
        .collect();
    drivers.sort();
    (Some(gdal::version::VersionInfo::release_name()), drivers)
}
