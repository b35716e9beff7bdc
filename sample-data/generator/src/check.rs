//! Are the committed files those that the generator makes?

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gdal::Dataset;
use walkdir::WalkDir;

use crate::error::{Result, SampleError};
use crate::make::{MADE, everything};

/// Share of a raster's pixels that may differ: the sines and exponentials of another C library may round the last bit
/// another way and tip a pixel into the next step of 8.
const TOLERANCE: f64 = 1e-4;

/// Makes everything anew in a temporary directory and compares it with `committed`: same files, same documents, same
/// pixels. Files that are equal byte for byte are not opened; another GDAL or netCDF may pack the same pixels into other
/// bytes. Returns how many files were compared.
///
/// # Errors
/// With a sentence for each file that differs, is missing or is one too many.
pub(crate) fn check(committed: &Path) -> Result<usize> {
    let fresh = tempfile::tempdir().map_err(SampleError::file(std::env::temp_dir()))?;
    everything(fresh.path())?;
    let (ours, theirs) = (files(fresh.path())?, files(committed)?);
    let mut differences: Vec<String> =
        ours.difference(&theirs).map(|f| format!("{} is missing", f.display())).collect();
    differences.extend(theirs.difference(&ours).map(|f| format!("{} is not made by the generator", f.display())));
    for file in ours.intersection(&theirs) {
        let (fresh, committed) = (fresh.path().join(file), committed.join(file));
        if let Some(difference) = difference(&fresh, &committed)? {
            differences.push(format!("{}: {difference}", file.display()));
        }
    }
    let compared = ours.len();
    if differences.is_empty() { Ok(compared) } else { Err(SampleError::Differs { compared, differences }) }
}

/// All files under the names that are made, relative to `root`.
fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for name in MADE {
        for entry in WalkDir::new(root.join(name)) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => {
                    let path = e.path().unwrap_or(root).to_owned();
                    return Err(SampleError::File { path, source: e.into() });
                }
            };
            // GDAL leaves statistics beside a file that somebody looked at.
            let aside = entry.path().extension().is_some_and(|e| e == "xml");
            if entry.file_type().is_file() && !aside {
                found.extend(entry.path().strip_prefix(root).ok().map(Path::to_owned));
            }
        }
    }
    Ok(found)
}

/// In which way two files differ, as a sentence; `None` where they hold the same.
fn difference(fresh: &Path, committed: &Path) -> Result<Option<String>> {
    let read = |path: &Path| fs::read(path).map_err(SampleError::file(path));
    if read(fresh)? == read(committed)? {
        return Ok(None);
    }
    match committed.extension().and_then(|e| e.to_str()) {
        Some("tif") => {
            let (a, b) = (pixels(fresh)?, pixels(committed)?);
            let differing = a.iter().zip(&b).filter(|(a, b)| (*a - *b).abs() > 0.0).count();
            let too_many = a.len() != b.len() || differing as f64 > TOLERANCE * a.len() as f64;
            Ok(too_many.then(|| format!("{differing} of {} values differ", a.len())))
        }
        Some("nc") => {
            let (a, b) = (values(fresh)?, values(committed)?);
            let differing = a.iter().zip(&b).filter(|(a, b)| (*a - *b).abs() > 0.011).count();
            Ok((a.len() != b.len() || differing > 0).then(|| format!("{differing} of {} values differ", a.len())))
        }
        _ => Ok(Some("the bytes differ".to_owned())),
    }
}

/// Georeference and pixels of a raster, as numbers.
fn pixels(path: &Path) -> Result<Vec<f64>> {
    let read = || -> std::result::Result<Vec<f64>, gdal::errors::GdalError> {
        let dataset = Dataset::open(path)?;
        let mut numbers = dataset.geo_transform()?.to_vec();
        numbers.push(f64::from(dataset.spatial_ref()?.auth_code()?));
        numbers.extend_from_slice(dataset.rasterband(1)?.read_band_as::<f64>()?.data());
        Ok(numbers)
    };
    read().map_err(|source| SampleError::Gdal { path: path.to_owned(), source })
}

/// All values of all variables of a NetCDF file, in the order of the variables.
fn values(path: &Path) -> Result<Vec<f64>> {
    let read = || -> std::result::Result<Vec<f64>, netcdf::Error> {
        let file = netcdf::open(path)?;
        let mut numbers = Vec::new();
        for variable in file.variables() {
            numbers.extend(variable.get_values::<f64, _>(..)?);
        }
        Ok(numbers)
    };
    read().map_err(|source| SampleError::NetCdf { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_sample_data_is_what_the_generator_makes() {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        match check(&committed) {
            Ok(files) => assert!(files > 100, "only {files} files"),
            Err(e) => panic!("{e}"),
        }
    }

    #[test]
    fn a_changed_document_is_named() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (a, b) = (directory.path().join("a.yaml"), directory.path().join("b.yaml"));
        fs::write(&a, "x: 1\n").expect("writable");
        fs::write(&b, "x: 2\n").expect("writable");
        assert_eq!(difference(&a, &a).expect("readable"), None);
        assert!(difference(&a, &b).expect("readable").is_some());
    }
}
