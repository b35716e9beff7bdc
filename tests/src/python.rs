//! Python as a second pair of eyes: xarray, rasterio and ecCodes look at what the command wrote.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use crate::repository;

/// Runs a script with the packages of `scripts/test-requirements.txt` and returns what it printed; `None`,
/// with the reason printed, where that interpreter is absent (`scripts/setup test` makes it).
///
/// The interpreter is the one that `CUBE_TEST_PYTHON` names, else the one of `.tools/test-venv`.
///
/// # Panics
/// Where the script fails: an assertion in it is an assertion of the test.
pub fn python<A: AsRef<OsStr>>(script: &str, arguments: impl IntoIterator<Item = A>) -> Option<String> {
    run("CUBE_TEST_PYTHON", "test-venv", script, arguments)
}

/// Like [`python`], with the packages of `scripts/grib-requirements.txt`: cfgrib and ecCodes, which abort in
/// a process that holds rasterio or pyproj and so have an interpreter of their own (`CUBE_GRIB_PYTHON`).
///
/// # Panics
/// Where the script fails.
pub fn grib_python<A: AsRef<OsStr>>(script: &str, arguments: impl IntoIterator<Item = A>) -> Option<String> {
    run("CUBE_GRIB_PYTHON", "grib-venv", script, arguments)
}

/// Like [`python`], with the packages of `scripts/odc-requirements.txt`: the Open Data Cube itself, 1.9
/// (`CUBE_TEST_ODC_PYTHON`).
///
/// # Panics
/// Where the script fails.
pub fn odc_python<A: AsRef<OsStr>>(script: &str, arguments: impl IntoIterator<Item = A>) -> Option<String> {
    run("CUBE_TEST_ODC_PYTHON", "odc-venv", script, arguments)
}

/// The interpreter with the packages of `scripts/stac-requirements.txt`: a STAC API over PostgreSQL
/// (`CUBE_TEST_STAC_PYTHON`); `None`, with the reason printed, where it is absent.
#[must_use]
pub fn stac_interpreter() -> Option<PathBuf> {
    interpreter("CUBE_TEST_STAC_PYTHON", "stac-venv")
}

fn interpreter(variable: &str, venv: &str) -> Option<PathBuf> {
    let interpreter = std::env::var_os(variable)
        .map_or_else(|| repository().join(".tools").join(venv).join("bin").join("python"), PathBuf::from);
    if !interpreter.is_file() {
        eprintln!("skipped: no {} (run `scripts/setup test`, or set {variable})", interpreter.display());
        return None;
    }
    Some(interpreter)
}

fn run<A: AsRef<OsStr>>(
    variable: &str,
    venv: &str,
    script: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Option<String> {
    let interpreter = interpreter(variable, venv)?;
    let output = Command::new(&interpreter)
        .args(["-I", "-B", "-W", "ignore", "-c", script])
        .args(arguments)
        .env_remove("PROJ_LIB")
        .env_remove("PROJ_DATA")
        .env_remove("GDAL_DATA")
        .output()
        .unwrap_or_else(|e| panic!("{} does not start: {e}", interpreter.display()));
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}:\n{script}\n--- stdout\n{said}\n--- stderr\n{complained}", output.status);
    Some(said.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: &str = "import sys; print(sys.argv[1])";

    #[test]
    fn arguments_reach_the_script() {
        if let Some(said) = python(ECHO, ["a b"]) {
            assert_eq!(said, "a b\n");
        }
    }

    #[test]
    fn a_failing_script_fails_the_test() {
        if python(ECHO, ["x"]).is_some() {
            std::panic::catch_unwind(|| python("assert 1 == 2", [""; 0])).unwrap_err();
        }
    }
}
