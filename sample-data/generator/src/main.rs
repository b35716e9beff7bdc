//! Makes the sample data that is committed beside it: two Sentinel-2-like tiles of a lake whose area is known on six
//! dates, and climate grids with several time steps a file, with EO3 documents for all of it.
//!
//! `cube-sample-data [OUT_DIR]` writes into `OUT_DIR` (default `sample-data`); `cube-sample-data --check DIR` makes
//! everything anew in a temporary directory and compares it with `DIR`. Everything is computed from fixed seeds: the
//! same GDAL, netCDF and zstd write the same bytes.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rows, columns and noise lattices of pictures under 500 pixels wide"
)]

mod cf;
mod check;
mod climate;
mod clouds;
mod cog;
mod documents;
mod error;
mod italy;
mod lake;
mod landscape;
mod make;
mod netcdf_file;
mod noise;
mod scene;
mod tile;
mod truth;
mod zarr_group;

use std::path::Path;
use std::process::ExitCode;

use crate::error::{Result, SampleError};

fn run(arguments: &[String]) -> Result<()> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--check", directory] => {
            let compared = check::check(Path::new(directory))?;
            println!("{compared} files are what the generator makes");
        }
        [] | [_] if !arguments.iter().any(|a| a.starts_with('-')) => {
            let out = arguments.first().map_or("sample-data", String::as_str);
            print!("{}", truth::csv(&make::everything(Path::new(out))?));
        }
        _ => return Err(SampleError::Usage { given: arguments.to_vec() }),
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e @ SampleError::Usage { .. }) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
