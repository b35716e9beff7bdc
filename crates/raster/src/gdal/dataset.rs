//! Safe types before GDAL's datasets and bands.
//!
//! A call that fails says so here, and why it says to [`super::messages::listen`].
#![expect(unsafe_code, reason = "C functions are called")]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::marker::PhantomData;
use std::ptr::null;

use cube_geo::{Shape, Window};

use super::functions::{CE_NONE, Functions, GDAL_OF_RASTER, GDAL_OF_VERBOSE_ERROR, GF_READ, Handle};
use super::functions::{GMF_ALL_VALID, GMF_NODATA, GMF_PER_DATASET};

/// A call of GDAL that failed, where GDAL itself gives no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum GdalFailure {
    /// It answers so.
    #[error("{call} fails and gives no reason")]
    Silent {
        /// The C function.
        call: &'static str,
    },
    /// It cannot be asked.
    #[error("its name holds a zero byte, with which a name ends for GDAL")]
    ZeroByte,
}

const fn silent(call: &'static str) -> GdalFailure {
    GdalFailure::Silent { call }
}

/// A copy of a C string; `None` for null.
///
/// # Safety
/// Null, or a C string that stays while it is copied.
pub(super) unsafe fn text(string: *const c_char) -> Option<String> {
    // SAFETY: the caller's.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned())
}

/// An item of the metadata of a live dataset, band or driver.
pub(super) fn item(gdal: &Functions, of: Handle, key: &str, domain: &str) -> Option<String> {
    let (key, domain) = (CString::new(key).ok()?, CString::new(domain).ok()?);
    // SAFETY: the object lives, and its answer stays until it is asked again.
    unsafe { text((gdal.metadata_item)(of, key.as_ptr(), domain.as_ptr())) }
}

/// An opened dataset, closed when it goes.
pub(super) struct Dataset {
    gdal: &'static Functions,
    handle: Handle,
}

// SAFETY: any thread may use a dataset and close it, though only one at a time: it is not `Sync`.
unsafe impl Send for Dataset {}

impl Drop for Dataset {
    fn drop(&mut self) {
        // SAFETY: it is open, and no band of it lives on.
        unsafe { (self.gdal.close)(self.handle) };
    }
}

impl Dataset {
    /// Opens a raster to read it.
    pub(super) fn open(gdal: &'static Functions, name: &str) -> Result<Self, GdalFailure> {
        let name = CString::new(name).map_err(|_| GdalFailure::ZeroByte)?;
        let flags = GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR;
        // SAFETY: a C string; null stands for all drivers, no options and siblings unknown.
        let handle = unsafe { (gdal.open)(name.as_ptr(), flags, null(), null(), null()) };
        Ok(Self { gdal, handle: handle.ok_or(silent("GDALOpenEx"))? })
    }

    /// How many bands it has.
    pub(super) fn band_count(&self) -> usize {
        // SAFETY: an open dataset.
        size(unsafe { (self.gdal.band_count)(self.handle) })
    }

    /// A band by its number, from 1.
    pub(super) fn band(&self, number: usize) -> Result<Band<'_>, GdalFailure> {
        let failed = silent("GDALGetRasterBand");
        let number = c_int::try_from(number).map_err(|_| failed.clone())?;
        // SAFETY: an open dataset; GDAL answers a number outside with null.
        let handle = unsafe { (self.gdal.band)(self.handle, number) };
        Ok(Band { gdal: self.gdal, handle: handle.ok_or(failed)?, dataset: PhantomData })
    }

    /// The CRS as WKT; `None` where there is none.
    pub(super) fn projection(&self) -> Option<String> {
        // SAFETY: an open dataset; the answer is copied at once.
        unsafe { text((self.gdal.projection)(self.handle)) }.filter(|wkt| !wkt.is_empty())
    }

    /// The affine in GDAL's order, where the file has one.
    pub(super) fn geo_transform(&self) -> Option<[f64; 6]> {
        let mut numbers = [0.0; 6];
        // SAFETY: an open dataset, and six numbers to write.
        let answer = unsafe { (self.gdal.geo_transform)(self.handle, numbers.as_mut_ptr()) };
        (answer == CE_NONE).then_some(numbers)
    }

    /// The short name of its driver.
    pub(super) fn driver(&self) -> String {
        // SAFETY: an open dataset, and its driver, which stays; the name is copied at once.
        let name = unsafe {
            (self.gdal.driver_of)(self.handle).and_then(|driver| text((self.gdal.driver_short_name)(driver)))
        };
        name.unwrap_or_default()
    }

    /// An item of its metadata.
    pub(super) fn item(&self, key: &str) -> Option<String> {
        item(self.gdal, self.handle, key, "")
    }

    /// The lines `KEY=value` of the domain `SUBDATASETS`.
    pub(super) fn subdatasets(&self) -> Vec<String> {
        let mut lines = Vec::new();
        // SAFETY: an open dataset. The answer is null or a list of C strings that ends with null; it belongs to the
        // dataset and stays while it is copied.
        unsafe {
            let mut next = (self.gdal.metadata)(self.handle, c"SUBDATASETS".as_ptr());
            while !next.is_null()
                && let Some(line) = text(*next)
            {
                lines.push(line);
                next = next.add(1);
            }
        }
        lines
    }
}

/// A band of an open dataset, its mask or one of its overviews.
#[derive(Clone, Copy)]
pub(super) struct Band<'d> {
    gdal: &'static Functions,
    handle: Handle,
    dataset: PhantomData<&'d Dataset>,
}

impl<'d> Band<'d> {
    fn of(self, handle: Option<Handle>, call: &'static str) -> Result<Self, GdalFailure> {
        Ok(Self { handle: handle.ok_or(silent(call))?, ..self })
    }

    /// Rows and columns.
    pub(super) fn shape(self) -> Shape {
        // SAFETY: a band of an open dataset.
        let (rows, cols) = unsafe { ((self.gdal.rows)(self.handle), (self.gdal.cols)(self.handle)) };
        Shape::new(size(rows), size(cols))
    }

    /// Rows and columns of its blocks.
    pub(super) fn block(self) -> Shape {
        let (mut cols, mut rows) = (0, 0);
        // SAFETY: a band of an open dataset, and two numbers to write.
        unsafe { (self.gdal.block_size)(self.handle, &raw mut cols, &raw mut rows) };
        Shape::new(size(rows), size(cols))
    }

    /// What GDAL calls its type, such as `UInt16`.
    pub(super) fn type_name(self) -> String {
        // SAFETY: a band of an open dataset; the name of a type stays.
        unsafe { text((self.gdal.type_name)((self.gdal.data_type)(self.handle))) }.unwrap_or_default()
    }

    /// How many overviews it has.
    pub(super) fn overview_count(self) -> usize {
        // SAFETY: a band of an open dataset.
        size(unsafe { (self.gdal.overview_count)(self.handle) })
    }

    /// An overview, from 0.
    pub(super) fn overview(self, index: usize) -> Result<Band<'d>, GdalFailure> {
        let index = c_int::try_from(index).map_err(|_| silent("GDALGetOverview"))?;
        // SAFETY: a band of an open dataset, which owns its overviews; an index outside is answered with null.
        let handle = unsafe { (self.gdal.overview)(self.handle, index) };
        self.of(handle, "GDALGetOverview")
    }

    /// Its mask.
    pub(super) fn mask(self) -> Result<Band<'d>, GdalFailure> {
        // SAFETY: a band of an open dataset, which owns its mask.
        let handle = unsafe { (self.gdal.mask)(self.handle) };
        self.of(handle, "GDALGetMaskBand")
    }

    /// True where it has a mask of its own: `nodata` alone is none, a value per dataset (`NODATA_VALUES`) is one.
    pub(super) fn has_mask(self) -> bool {
        // SAFETY: a band of an open dataset.
        let flags = unsafe { (self.gdal.mask_flags)(self.handle) };
        flags & GMF_ALL_VALID == 0 && (flags & GMF_NODATA == 0 || flags & GMF_PER_DATASET != 0)
    }

    /// Asks for a number that may be absent.
    fn number<N>(self, ask: unsafe extern "C" fn(Handle, *mut c_int) -> N) -> Option<N> {
        let mut is_there = 1;
        // SAFETY: a band of an open dataset, and a number to write.
        let number = unsafe { ask(self.handle, &raw mut is_there) };
        (is_there == 1).then_some(number)
    }

    /// The value that means "no measurement", of a type that `f64` holds.
    pub(super) fn nodata(self) -> Option<f64> {
        self.number(self.gdal.nodata)
    }

    /// That of an `Int64` band.
    pub(super) fn nodata_i64(self) -> Option<i64> {
        self.number(self.gdal.nodata_i64?)
    }

    /// That of a `UInt64` band.
    pub(super) fn nodata_u64(self) -> Option<u64> {
        self.number(self.gdal.nodata_u64?)
    }

    /// Factor from pixels to real values; 1 from drivers whose format has none.
    pub(super) fn scale(self) -> Option<f64> {
        self.number(self.gdal.scale)
    }

    /// What is added to that; 0 likewise.
    pub(super) fn offset(self) -> Option<f64> {
        self.number(self.gdal.offset)
    }

    /// Its unit.
    pub(super) fn unit(self) -> Option<String> {
        // SAFETY: a band of an open dataset; the answer is copied at once.
        unsafe { text((self.gdal.unit)(self.handle)) }.filter(|unit| !unit.is_empty())
    }

    /// What the file calls it.
    pub(super) fn description(self) -> Option<String> {
        // SAFETY: as above.
        unsafe { text((self.gdal.description)(self.handle)) }
    }

    /// An item of its metadata.
    pub(super) fn item(self, key: &str, domain: &str) -> Option<String> {
        item(self.gdal, self.handle, key, domain)
    }

    /// Reads a window in its own resolution, rows after one another.
    pub(super) fn read<T: GdalPixel>(self, window: Window) -> Result<Vec<T>, GdalFailure> {
        let failed = silent("GDALRasterIOEx");
        let [col, row, cols, rows] = [window.col, window.row, window.cols, window.rows].map(c_int::try_from);
        let (Ok(col), Ok(row), Ok(cols), Ok(rows)) = (col, row, cols, rows) else { return Err(failed) };
        let mut values = vec![T::default(); window.shape().pixels()];
        let buffer = values.as_mut_ptr().cast::<c_void>();
        // SAFETY: a band of an open dataset. GDAL checks the window, and the buffer has room for its columns times its
        // rows of the type that is named. Null stands for no further arguments.
        let answer = unsafe {
            let null = std::ptr::null_mut();
            let raster_io = self.gdal.raster_io;
            raster_io(self.handle, GF_READ, col, row, cols, rows, buffer, cols, rows, T::CODE, 0, 0, null)
        };
        if answer == CE_NONE { Ok(values) } else { Err(failed) }
    }
}

/// A size that GDAL gives as an `int`; none is below 0.
fn size(number: c_int) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// A type of pixels that GDAL fills a buffer with.
///
/// # Safety
/// GDAL's type of that code is as long as this one, and all its bits are values.
pub(super) unsafe trait GdalPixel: Copy + Default {
    /// The `GDALDataType`.
    const CODE: c_uint;
}

macro_rules! gdal_pixel {
    ($($type:ty: $code:literal,)*) => {
        $(
            // SAFETY: so `GDALDataType` says; GDAL converts what the file has into it.
            unsafe impl GdalPixel for $type {
                const CODE: c_uint = $code;
            }
        )*
    };
}

// GDT_Byte, GDT_UInt16, GDT_Int16, GDT_UInt32, GDT_Int32, GDT_Float32, GDT_Float64; GDT_UInt64 and GDT_Int64 are
// younger (GDAL 3.5), and no band of an older GDAL has them.
gdal_pixel! { u8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, f64: 7, u64: 12, i64: 13, }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gdal::messages::listen;
    use crate::gdal::setup::setup;

    #[test]
    fn what_is_not_there_is_a_failure_with_a_reason() {
        let gdal = setup().unwrap();
        assert_eq!(Dataset::open(gdal, "a.tif\0.jp2").err(), Some(GdalFailure::ZeroByte));
        let (opened, said) = listen(|| Dataset::open(gdal, "/no/such/file.jp2"));
        assert_eq!(opened.err(), Some(silent("GDALOpenEx")));
        assert!(said.unwrap().contains("/no/such/file.jp2"));

        let seed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/tiff/lerc.tif");
        let dataset = Dataset::open(gdal, seed.to_str().unwrap()).unwrap();
        assert_eq!((dataset.driver().as_str(), dataset.band_count()), ("GTiff", 1));
        for number in [0, 2, usize::MAX] {
            assert_eq!(dataset.band(number).err(), Some(silent("GDALGetRasterBand")), "{number}");
        }
        let band = dataset.band(1).unwrap();
        for index in [band.overview_count(), usize::MAX] {
            assert_eq!(band.overview(index).err(), Some(silent("GDALGetOverview")), "{index}");
        }
        let Shape { rows, cols } = band.shape();
        assert_eq!(band.read::<u8>(Window::new(0, 0, rows, cols)).unwrap().len(), rows * cols);
        for window in [Window::new(rows - 1, 0, 2, cols), Window::new(0, 0, usize::MAX, 1)] {
            assert_eq!(band.read::<u8>(window), Err(silent("GDALRasterIOEx")), "{window}");
        }
    }
}
