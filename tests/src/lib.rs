//! The harness of the end-to-end tests: finds the built `cube`, runs it in a sandbox, knows where data lies.
//!
//! ```no_run
//! use cube_tests::{Sandbox, sample_data};
//!
//! let sandbox = Sandbox::new();
//! sandbox.cube(["init"]).succeeds();
//! let products = sandbox.cube(["product", "list", "--json"]).succeeds().json();
//! assert_eq!(products.as_array().map(Vec::len), Some(0));
//!
//! let refused = sandbox.cube(["index", "no-such-file.yaml"]).fails(1);
//! assert!(refused.stderr.contains("no-such-file.yaml"), "{refused}");
//! # let _ = sample_data();
//! ```
//!
//! A test that needs data or an interpreter which this machine may lack asks [`shared`] or [`python`] and
//! returns early on `None`: the reason has then been printed as `skipped: …`.
#![expect(clippy::panic, reason = "a harness reports a broken test set-up by failing the test")]

pub mod fuzzed;

mod binary;
mod places;
pub mod postgres;
mod python;
mod sandbox;
pub mod scenes;
pub mod server;

pub use binary::cube_binary;
pub use places::{documents, product_definitions, repository, sample_data, shared};
pub use python::{grib_python, odc_python, python, stac_interpreter};
pub use sandbox::{Run, Sandbox};
