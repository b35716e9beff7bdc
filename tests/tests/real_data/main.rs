//! Files that satellites and models made, through the command, against other software's answers. They lie outside
//! the project: a test whose data is absent says that it was skipped.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test function may do, its set-up may too")]

mod era5;
mod jpeg2000;
mod landsat_coast;
mod landsat_espa;
mod safe;
mod sentinel2_series;
mod written_by_xarray;

use cube_tests::{Sandbox, product_definitions};

/// A catalog with the products that ship with the command.
fn catalog() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    sandbox.cube(["product".into(), "add".into(), product_definitions()]).succeeds();
    sandbox
}

/// Shows what a script found: numbers that a reader wants to see, not only that they passed.
fn show(said: Option<String>) {
    if let Some(said) = said {
        eprint!("{said}");
    }
}
