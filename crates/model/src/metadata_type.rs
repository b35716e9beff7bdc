//! Metadata types: which search fields datasets have, and where in the document they stand.

mod extract;

use indexmap::IndexMap;

pub use extract::FieldContent;

/// Which search fields exist and where in a dataset document they are found.
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataType {
    /// Its name, such as `eo3`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The search fields by name, in the document's order.
    pub search_fields: IndexMap<String, SearchField>,
    /// The document as written.
    pub document: serde_json::Value,
}

/// One search field.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchField {
    /// What it is.
    pub description: Option<String>,
    /// What its values are.
    pub kind: FieldType,
    /// For a scalar: the one place it is read from. For a range: the places whose least value is the beginning.
    pub min_offsets: Vec<Vec<String>>,
    /// For a range: the places whose greatest value is the end. Empty for a scalar.
    pub max_offsets: Vec<Vec<String>>,
    /// Whether the document asks for an index on it.
    pub indexed: bool,
}

/// What a search field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FieldType {
    String,
    Double,
    Integer,
    Numeric,
    Boolean,
    Datetime,
    Object,
    DoubleRange,
    IntegerRange,
    NumericRange,
    FloatRange,
    DatetimeRange,
}

impl FieldType {
    /// Every type.
    pub const ALL: [Self; 12] = [
        Self::String,
        Self::Double,
        Self::Integer,
        Self::Numeric,
        Self::Boolean,
        Self::Datetime,
        Self::Object,
        Self::DoubleRange,
        Self::IntegerRange,
        Self::NumericRange,
        Self::FloatRange,
        Self::DatetimeRange,
    ];

    /// The type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// The name it has in documents, such as `datetime-range`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Double => "double",
            Self::Integer => "integer",
            Self::Numeric => "numeric",
            Self::Boolean => "boolean",
            Self::Datetime => "datetime",
            Self::Object => "object",
            Self::DoubleRange => "double-range",
            Self::IntegerRange => "integer-range",
            Self::NumericRange => "numeric-range",
            Self::FloatRange => "float-range",
            Self::DatetimeRange => "datetime-range",
        }
    }

    /// True where the field has a beginning and an end.
    #[must_use]
    pub const fn is_range(self) -> bool {
        matches!(
            self,
            Self::DoubleRange | Self::IntegerRange | Self::NumericRange | Self::FloatRange | Self::DatetimeRange
        )
    }
}
