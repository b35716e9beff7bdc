//! libgdal, opened at run time.
//!
//! Most loads read only GeoTIFF, Zarr and NetCDF. A process that is linked to libgdal pays for it all the same: the
//! dynamic linker loads and relocates over a hundred libraries before `main`, some 40 ms of CPU. And one that is
//! linked does not start where there is no GDAL.
#![expect(unsafe_code, reason = "a C library is opened and asked for its version")]

use std::ffi::{CStr, c_char};
use std::mem::ManuallyDrop;

use libloading::Library;

use super::absence::NoGdal;
use super::functions::Functions;
use super::names::candidates;

/// The oldest version that has all the functions, major and minor.
pub(super) const OLDEST: (u32, u32) = (3, 4);

/// Opens the first library of `chosen`, or of the names that libgdal has, that can be used.
pub(super) fn open(chosen: Option<String>) -> Result<Functions, NoGdal> {
    let mut none = NoGdal::default();
    for name in candidates(chosen) {
        match open_one(&name) {
            Ok(functions) => {
                tracing::debug!(library = name, "GDAL is loaded");
                return Ok(functions);
            }
            Err(Refused::Absent) => none.absent.push(name),
            Err(Refused::Unusable(why)) => none.unusable.push(format!("{name}: {why}")),
        }
    }
    Err(none)
}

#[derive(Debug)]
enum Refused {
    Absent,
    Unusable(String),
}

fn open_one(name: &str) -> Result<Functions, Refused> {
    // SAFETY: the initialisers of libgdal and of the libraries it brings run here, once; they ask nothing of us. The
    // name is libgdal's or the user's choice, who answers for it as for LD_LIBRARY_PATH.
    let opened = unsafe { load(name) };
    // Never closed, not even where it is refused: GDAL and the libraries it brings keep values of each thread and
    // handlers of the process's end, which would call code that is gone.
    let library = ManuallyDrop::new(opened.map_err(|error| refused(name, &error.to_string()))?);
    // SAFETY: `const char *GDALVersionInfo(const char *)` in every version; a library that is no GDAL has none.
    let version = unsafe {
        let version_info = library.get::<unsafe extern "C" fn(*const c_char) -> *const c_char>(b"GDALVersionInfo\0");
        let version_info = version_info.map_err(|_| no_function("GDALVersionInfo"))?;
        let said = version_info(c"VERSION_NUM".as_ptr());
        if said.is_null() { String::new() } else { CStr::from_ptr(said).to_string_lossy().into_owned() }
    };
    check_version(&version).map_err(Refused::Unusable)?;
    // SAFETY: it is a GDAL of a version that has these functions, and it stays open.
    unsafe { Functions::find(&library) }.map_err(no_function)
}

fn no_function(name: &str) -> Refused {
    Refused::Unusable(format!("it has no function {name}, so it is no GDAL that is known here"))
}

/// Opens a library with all its symbols bound now, and for this handle only.
///
/// Bound now: a symbol that one of its libraries lacks is an error here, and not the end of the process in the middle
/// of a read. For this handle only: its symbols serve nobody else. Not `RTLD_DEEPBIND`, which would make it prefer its own
/// copies of what the executable exports: the executable exports nothing that it could bind to, and the flag breaks
/// sanitizers and allocators that replace `malloc`.
///
/// # Safety
/// As [`Library::new`].
#[cfg(unix)]
unsafe fn load(name: &str) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{self, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: the caller's.
    unsafe { unix::Library::open(Some(name), RTLD_NOW | RTLD_LOCAL).map(Library::from) }
}

/// As above, where a library has no such flags.
///
/// # Safety
/// As [`Library::new`].
#[cfg(not(unix))]
unsafe fn load(name: &str) -> Result<Library, libloading::Error> {
    // SAFETY: the caller's.
    unsafe { Library::new(name) }
}

/// What the dynamic linker says of a name, told apart: nothing is there, or something is that cannot be loaded.
fn refused(name: &str, said: &str) -> Refused {
    let nothing = said.to_ascii_lowercase().contains("no such file");
    // One that is there, but brings a library that is not, is named by that one.
    let of_itself = said.starts_with(&format!("{name}: ")) || said.starts_with(&format!("dlopen({name}, "));
    let brings_missing = said.contains("Library not loaded");
    if nothing && of_itself && !brings_missing {
        return Refused::Absent;
    }
    Refused::Unusable(said.trim_start_matches(&format!("{name}: ")).to_owned())
}

/// Takes `VERSION_NUM`, such as 3060200 for 3.6.2.
fn check_version(number: &str) -> Result<(), String> {
    let Ok(parsed) = number.trim().parse::<u32>() else {
        return Err(format!("its version {number:?} is not understood"));
    };
    let version = (parsed / 1_000_000, parsed / 10_000 % 100);
    if version < OLDEST {
        return Err(format!(
            "it is GDAL {}.{}, and {}.{} is the oldest that is used",
            version.0, version.1, OLDEST.0, OLDEST.1
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(chosen: &str) -> String {
        open(Some(chosen.to_owned())).err().unwrap().to_string()
    }

    #[test]
    fn versions_before_the_oldest_are_refused() {
        for good in ["3040000", "3060200", "3120001", "4000000"] {
            check_version(good).unwrap();
        }
        assert_eq!(check_version("3030300").unwrap_err(), "it is GDAL 3.3, and 3.4 is the oldest that is used");
        assert_eq!(check_version("2040200").unwrap_err(), "it is GDAL 2.4, and 3.4 is the oldest that is used");
        check_version("").unwrap_err();
    }

    #[test]
    fn a_name_with_nothing_behind_it_is_told_from_a_library_that_cannot_be_loaded() {
        assert_eq!(none("/no/such/libgdal.so"), "none found (tried /no/such/libgdal.so)");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libgdal.so");
        std::fs::write(&path, "a text").unwrap();
        let said = none(path.to_str().unwrap());
        assert!(said.starts_with("none that can be used (") && said.contains("libgdal.so: "), "{said}");
        let said = "libarmadillo.so.11: cannot open shared object file: No such file or directory";
        assert!(matches!(refused("libgdal.so", said), Refused::Unusable(why) if why == said));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_library_that_is_no_gdal_is_refused() {
        let said = none("libm.so.6");
        assert!(said.contains("libm.so.6: it has no function GDALVersionInfo"), "{said}");
        assert!(none("lib\0gdal.so").starts_with("none that can be used"));
    }
}
