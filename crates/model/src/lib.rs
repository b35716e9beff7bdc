//! The nouns: products, measurements, datasets, searches, cubes, and their documents.
//!
//! Pure vocabulary: nothing here opens a file, asks a database or computes a pixel. Documents (YAML, JSON)
//! become nouns in [`documents`] and keep what was written beside what it means.

pub mod documents;
pub mod stac;

mod cube;
mod dataset;
mod dtype;
mod measurement;
mod metadata_type;
mod pixels;
mod product;
mod search;
mod time;

pub use cube::{Cube, CubeArray, CubeError, ExtraDimension};
pub use dataset::{Dataset, Grid, MeasurementPath};
pub use dtype::DataType;
pub use measurement::{Flag, Flags, Measurement};
pub use metadata_type::{FieldContent, FieldType, MetadataType, SearchField};
pub use pixels::{Pixel, Pixels};
pub use product::{LoadHints, Product};
pub use search::{FieldTerm, FieldTest, FieldValue, OrderBy, Search, SearchError, Status, area_from_text};
pub use time::{CalendarPeriod, TimeError, TimeRange, parse_instant};
