//! Text → document as written → validated noun.
//!
//! [`parse`] turns YAML or JSON into [`RawDocument`]s, which mean nothing yet; `from_document` of each noun checks one
//! and makes the noun, or says everything that is wrong with it, with line and column ([`DocumentError`]). Positions
//! are looked up only when an error needs them, so that good documents are read at full speed.

pub(crate) mod check;
mod dataset;
mod error;
pub(crate) mod geometry;
pub(crate) mod grids;
mod json;
mod kind;
mod load_hints;
mod location;
mod matching;
mod measurement;
mod metadata_type;
mod position;
mod product;
mod safe;
mod scalar;
mod text;
mod write;
mod yaml;

pub use error::{DocumentError, DocumentPath, Fault, Position, Rule, Step};
pub use kind::{DocumentKind, EO3_SCHEMA, kind};
pub(crate) use location::is_absolute;
pub use location::{resolve, unescaped};
pub use matching::ProductMatcher;
pub use metadata_type::default_metadata_types;
pub use safe::{SAFE_METADATA, SafeProduct};
pub use text::{RawDocument, parse, position_of};
pub use write::{YamlError, to_yaml};
