//! Kernels against GDAL: `gdalwarp -et 0` with XSCALE=YSCALE=1 and full resolution is the oracle.
//!
//! Its answers to small cases are kept in `tests/oracles`, one GeoTIFF a case with a band for each mode, so that every
//! machine can compare with them. `make oracle` compares many and larger cases with the installed gdalwarp, and
//! `scripts/oracle keep` writes the kept answers anew.
#![expect(clippy::unwrap_used, reason = "a test's own set-up")]
#![expect(clippy::float_cmp, reason = "exact values are asked for")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel counts and values of small pictures"
)]

mod cases;
mod chunks;
mod engine;
mod gdal_files;
mod verdict;

use std::path::PathBuf;
use std::process::Command;

use cube_geo::Resampling;
use cube_model::DataType;

use cases::{Case, kept_cases, large_cases};
use gdal_files::{answers, ask_gdalwarp, keep_answers, write_source};
use verdict::Verdict;

fn kept(case: &Case) -> PathBuf {
    cube_tests::repository().join("tests/oracles").join(format!("{}.tif", case.name()))
}

fn have_gdalwarp() -> bool {
    let have = Command::new("gdalwarp").arg("--version").output().is_ok_and(|o| o.status.success());
    if !have {
        eprintln!("skipped: there is no gdalwarp to compare with");
    }
    have
}

/// Compares all modes of a case; the sentences on what differs too much.
fn compare(case: &Case, want: impl Fn(Resampling) -> Vec<f64>) -> Vec<String> {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("source.tif");
    let values = case.texture();
    write_source(&file, case, &values);
    let mut wrong = Vec::new();
    for mode in case.modes() {
        let got = engine::load(&file, case, mode, None);
        let verdict = Verdict::of(case, mode, &values, &got, &want(mode));
        println!("{} {mode}: {verdict}", case.name());
        wrong.extend(verdict.faults(mode, case).map(|fault| format!("{} {mode}: {fault} ({verdict})", case.name())));
    }
    wrong
}

#[test]
fn all_modes_agree_with_the_kept_answers() {
    let mut wrong = Vec::new();
    for case in kept_cases() {
        let bands = answers(&kept(&case), &case);
        wrong.extend(compare(&case, |mode| bands[&mode].clone()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_installed_gdalwarp_agrees_on_one_case() {
    if !have_gdalwarp() {
        return;
    }
    let case = Case { side: 150, out_side: 130, ..kept_cases().swap_remove(0) };
    let wrong = compare(&case, |mode| ask_gdalwarp(&case, mode));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `make oracle`.
#[test]
#[ignore = "some minutes; make oracle"]
fn the_installed_gdalwarp_agrees_on_all_cases() {
    if !have_gdalwarp() {
        return;
    }
    let only = std::env::var("CUBE_ORACLE_ONLY").unwrap_or_default();
    let mut wrong = Vec::new();
    for case in large_cases().into_iter().filter(|case| case.name().contains(&only)) {
        wrong.extend(compare(&case, |mode| ask_gdalwarp(&case, mode)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `scripts/oracle keep`.
#[test]
#[ignore = "writes tests/oracles anew; scripts/oracle keep"]
fn keep_the_answers_of_the_installed_gdalwarp() {
    if std::env::var_os("CUBE_ORACLE_KEEP").is_none() || !have_gdalwarp() {
        return;
    }
    for case in kept_cases() {
        keep_answers(&kept(&case), &case);
    }
}

#[test]
fn every_mode_and_common_type_is_compared() {
    let cases = kept_cases();
    let types = [DataType::UInt8, DataType::UInt16, DataType::Int16, DataType::Float32];
    assert!(types.iter().all(|dtype| cases.iter().any(|case| case.dtype == *dtype)));
    assert!(cases.iter().any(|case| case.modes().count() == Resampling::ALL.len()));
}
