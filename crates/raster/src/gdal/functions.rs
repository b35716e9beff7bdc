//! The C functions of GDAL that are used, as its headers `gdal.h`, `cpl_conv.h` and `cpl_error.h` declare them.
//!
//! All of these are the same in GDAL 3.4 to 3.12. `gdal-sys` declares them too, but it also links libgdal.
#![expect(unsafe_code, reason = "functions of a C library are looked up by name")]

use std::ffi::{c_char, c_double, c_int, c_longlong, c_uint, c_void};
use std::ptr::NonNull;

use libloading::Library;

/// A dataset, band or driver: `GDALDatasetH`, `GDALRasterBandH`, `GDALDriverH`, and `GDALMajorObjectH`, which is any of them.
pub(super) type Handle = NonNull<c_void>;

/// `CPLErrorHandler`: class, number, message.
pub(super) type ErrorHandler = unsafe extern "C" fn(c_uint, c_int, *const c_char);

/// Makes the table and its look-up of one list, so that a name stands beside its type and nowhere else.
macro_rules! functions {
    ($($field:ident: $symbol:literal fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// Functions that every GDAL since [`super::library::OLDEST`] has, and two of later ones.
        pub(super) struct Functions {
            $(pub(super) $field: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            /// `GDALGetRasterNoDataValueAsInt64`, since GDAL 3.5, which brought the type.
            pub(super) nodata_i64: Option<unsafe extern "C" fn(Handle, *mut c_int) -> i64>,
            /// `GDALGetRasterNoDataValueAsUInt64`, likewise.
            pub(super) nodata_u64: Option<unsafe extern "C" fn(Handle, *mut c_int) -> u64>,
        }

        impl Functions {
            /// Looks all functions up; an error is the name of one that is not there.
            ///
            /// # Safety
            /// The library is a GDAL, and it is never closed.
            pub(super) unsafe fn find(library: &Library) -> Result<Self, &'static str> {
                // SAFETY: the types are those of the headers, and the caller says that the library stays.
                unsafe {
                    Ok(Self {
                        $($field: *library.get(concat!($symbol, "\0").as_bytes()).map_err(|_| $symbol)?,)*
                        nodata_i64: library.get(b"GDALGetRasterNoDataValueAsInt64\0").ok().map(|found| *found),
                        nodata_u64: library.get(b"GDALGetRasterNoDataValueAsUInt64\0").ok().map(|found| *found),
                    })
                }
            }
        }
    };
}

functions! {
    // The process: settings, messages, drivers.
    set_config_option: "CPLSetConfigOption" fn(*const c_char, *const c_char);
    config_option: "CPLGetConfigOption" fn(*const c_char, *const c_char) -> *const c_char;
    set_thread_config_option: "CPLSetThreadLocalConfigOption" fn(*const c_char, *const c_char);
    set_error_handler: "CPLSetErrorHandler" fn(Option<ErrorHandler>) -> Option<ErrorHandler>;
    register_drivers: "GDALAllRegister" fn();
    driver_count: "GDALGetDriverCount" fn() -> c_int;
    driver: "GDALGetDriver" fn(c_int) -> Option<Handle>;
    driver_short_name: "GDALGetDriverShortName" fn(Handle) -> *const c_char;
    version_info: "GDALVersionInfo" fn(*const c_char) -> *const c_char;
    type_name: "GDALGetDataTypeName" fn(c_uint) -> *const c_char;
    // Any object.
    description: "GDALGetDescription" fn(Handle) -> *const c_char;
    metadata: "GDALGetMetadata" fn(Handle, *const c_char) -> *mut *mut c_char;
    metadata_item: "GDALGetMetadataItem" fn(Handle, *const c_char, *const c_char) -> *const c_char;
    // A dataset: name, flags, allowed drivers, options, siblings.
    open: "GDALOpenEx" fn(*const c_char, c_uint, *const *const c_char, *const *const c_char, *const *const c_char) -> Option<Handle>;
    // It gives a CPLErr since GDAL 3.7 and nothing before; of a file that was only read there is nothing to say.
    close: "GDALClose" fn(Handle);
    driver_of: "GDALGetDatasetDriver" fn(Handle) -> Option<Handle>;
    projection: "GDALGetProjectionRef" fn(Handle) -> *const c_char;
    geo_transform: "GDALGetGeoTransform" fn(Handle, *mut c_double) -> c_uint;
    band_count: "GDALGetRasterCount" fn(Handle) -> c_int;
    band: "GDALGetRasterBand" fn(Handle, c_int) -> Option<Handle>;
    // A band.
    data_type: "GDALGetRasterDataType" fn(Handle) -> c_uint;
    cols: "GDALGetRasterBandXSize" fn(Handle) -> c_int;
    rows: "GDALGetRasterBandYSize" fn(Handle) -> c_int;
    block_size: "GDALGetBlockSize" fn(Handle, *mut c_int, *mut c_int);
    overview_count: "GDALGetOverviewCount" fn(Handle) -> c_int;
    overview: "GDALGetOverview" fn(Handle, c_int) -> Option<Handle>;
    mask_flags: "GDALGetMaskFlags" fn(Handle) -> c_int;
    mask: "GDALGetMaskBand" fn(Handle) -> Option<Handle>;
    // The integers say whether there is a value.
    nodata: "GDALGetRasterNoDataValue" fn(Handle, *mut c_int) -> c_double;
    scale: "GDALGetRasterScale" fn(Handle, *mut c_int) -> c_double;
    offset: "GDALGetRasterOffset" fn(Handle, *mut c_int) -> c_double;
    unit: "GDALGetRasterUnitType" fn(Handle) -> *const c_char;
    // Direction; column, row, columns, rows of the window; buffer, its columns, rows, type, spacing of pixels and
    // lines in bytes (0: none between); more arguments (none: nearest).
    raster_io: "GDALRasterIOEx" fn(Handle, c_uint, c_int, c_int, c_int, c_int, *mut c_void, c_int, c_int, c_uint, c_longlong, c_longlong, *mut c_void) -> c_uint;
}

/// `CE_None` of `CPLErr`.
pub(super) const CE_NONE: c_uint = 0;
/// `CE_Debug`.
pub(super) const CE_DEBUG: c_uint = 1;
/// `CE_Warning`.
pub(super) const CE_WARNING: c_uint = 2;
/// `GF_Read` of `GDALRWFlag`.
pub(super) const GF_READ: c_uint = 0;
/// `GDAL_OF_RASTER`.
pub(super) const GDAL_OF_RASTER: c_uint = 0x02;
/// `GDAL_OF_VERBOSE_ERROR`.
pub(super) const GDAL_OF_VERBOSE_ERROR: c_uint = 0x40;
/// `GMF_ALL_VALID` of `GDALGetMaskFlags`.
pub(super) const GMF_ALL_VALID: c_int = 0x01;
/// `GMF_PER_DATASET`.
pub(super) const GMF_PER_DATASET: c_int = 0x02;
/// `GMF_NODATA`.
pub(super) const GMF_NODATA: c_int = 0x08;
