//! GDAL's process-wide settings.
#![expect(unsafe_code, reason = "C functions are called")]

use std::ffi::{CStr, c_char};
use std::sync::OnceLock;

use super::absence::NoGdal;
use super::dataset::{item, text};
use super::functions::Functions;
use super::library;
use super::messages::error_handler;
use super::names::VARIABLE;

/// Opened and set up, or why not: found out once, by the first thread that asks, while others wait.
static GDAL: OnceLock<Result<Functions, NoGdal>> = OnceLock::new();

/// Drivers that are not there for us: what they open names other places in turn, on this machine or on a network, past what
/// may be read.
const SKIPPED: &CStr =
    c"VRT,DERIVED,GTI,WMS,WMTS,WCS,HTTP,PLMOSAIC,EEDAI,EEDA,DAAS,STACTA,STACIT,OGCAPI,NGW,PostGISRaster";
const READDIR: &CStr = c"GDAL_DISABLE_READDIR_ON_OPEN";

/// GDAL's functions; the first call loads and sets it up.
pub(super) fn setup() -> Result<&'static Functions, &'static NoGdal> {
    GDAL.get_or_init(|| {
        let gdal = library::open(std::env::var_os(VARIABLE).map(|name| name.to_string_lossy().into_owned()))?;
        configure(&gdal);
        Ok(gdal)
    })
    .as_ref()
}

/// Loads GDAL where that was not done yet.
pub(crate) fn load() -> Result<(), &'static NoGdal> {
    setup().map(|_| ())
}

fn configure(gdal: &Functions) {
    // SAFETY: keys and values are C strings, which GDAL copies; its answers are read at once. The handler lives as long
    // as the process.
    unsafe {
        // Else Kelvin silently becomes Celsius.
        (gdal.set_config_option)(c"GRIB_NORMALIZE_UNITS".as_ptr(), c"NO".as_ptr());
        // Sidecars (.ovr, .msk, .aux.xml, world files) are looked for by name; folders of a large archive are
        // not listed at each open. `EMPTY_DIR`, which finds no sidecar, is for remote files: see `RemoteOpen`.
        if text((gdal.config_option)(READDIR.as_ptr(), c"".as_ptr())).is_none_or(|value| value.is_empty()) {
            (gdal.set_config_option)(READDIR.as_ptr(), c"TRUE".as_ptr());
        }
        (gdal.set_error_handler)(Some(error_handler));
        (gdal.set_config_option)(c"GDAL_SKIP".as_ptr(), SKIPPED.as_ptr());
        (gdal.register_drivers)();
    }
}

/// While it lives, this thread opens files without looking for sidecars: each would be a request.
pub(super) struct RemoteOpen(&'static Functions);

impl RemoteOpen {
    /// For a remote `/vsi…` name, else nothing.
    pub(super) fn begin(gdal: &'static Functions, name: &str) -> Option<Self> {
        let remote = ["/vsicurl", "/vsis3", "/vsigs", "/vsiaz", "/vsiadls", "/vsioss", "/vsiswift"];
        remote.iter().any(|prefix| name.contains(prefix)).then(|| Self::set(gdal, c"EMPTY_DIR".as_ptr()))
    }

    /// Sets the option of this thread; null unsets it.
    fn set(gdal: &'static Functions, value: *const c_char) -> Self {
        // SAFETY: C strings, or null for the value, which GDAL copies.
        unsafe { (gdal.set_thread_config_option)(READDIR.as_ptr(), value) };
        Self(gdal)
    }
}

impl Drop for RemoteOpen {
    fn drop(&mut self) {
        // SAFETY: as in `set`.
        unsafe { (self.0.set_thread_config_option)(READDIR.as_ptr(), std::ptr::null()) };
    }
}

/// GDAL's version and the short names of its raster drivers, sorted.
pub(crate) fn version_and_drivers() -> Result<(String, Vec<String>), &'static NoGdal> {
    let gdal = setup()?;
    // SAFETY: the key is a C string and the answer is read at once.
    let version = unsafe { text((gdal.version_info)(c"RELEASE_NAME".as_ptr())) };
    // SAFETY: no arguments, once the drivers are registered.
    let count = unsafe { (gdal.driver_count)() };
    let mut drivers: Vec<String> = (0..count)
        .filter_map(|index| {
            // SAFETY: GDAL answers an index outside with null, and a driver lives as long as the process.
            let driver = unsafe { (gdal.driver)(index) }?;
            let is_raster = item(gdal, driver, "DCAP_RASTER", "").as_deref() == Some("YES");
            // SAFETY: a driver, whose name is read at once.
            is_raster.then(|| unsafe { text((gdal.driver_short_name)(driver)) }).flatten()
        })
        .collect();
    drivers.sort();
    Ok((version.unwrap_or_default(), drivers))
}
