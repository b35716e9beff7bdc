//! Searches: which datasets.

mod area;
mod expression;
mod grammar;
mod order;
#[cfg(test)]
mod tests;

use std::ops::Bound;

use cube_geo::Footprint;
use uuid::Uuid;

use crate::{TimeError, TimeRange, parse_instant};

pub use area::area_from_text;
pub use order::OrderBy;

/// Which datasets are asked for. Terms are joined by AND; the values of one term by OR.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Search {
    /// Names of products; all products where empty.
    pub products: Vec<String>,
    /// These datasets only, where given.
    pub ids: Option<Vec<Uuid>>,
    /// Datasets whose time overlaps any of these ranges; any time where empty.
    pub times: Vec<TimeRange>,
    /// Datasets whose footprint touches this area. Exact: holes and several parts are respected.
    pub area: Option<Footprint>,
    /// Tests on search fields of the metadata type.
    pub fields: Vec<FieldTerm>,
    /// Active, archived or all datasets.
    pub status: Status,
    /// The order of what is found: by the first of these, where that is equal by the second, and so on; what is still
    /// equal, and all without any, by (centre time, id).
    pub order_by: Vec<OrderBy>,
    /// At most so many, over all products together: the first in the order.
    pub limit: Option<usize>,
    /// What a builder refused; the search tells it when it runs (see [`Search::check`]).
    pub fault: Option<SearchError>,
}

/// Most values that one term may list.
const MOST_VALUES: usize = 500;

impl Search {
    /// Checks what no single builder sees: what one of them refused, and how long the lists are.
    ///
    /// # Errors
    /// The fault, or a list that is too long.
    pub fn check(&self) -> Result<(), SearchError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let times = ("time", self.times.len());
        let fields = self.fields.iter().map(|term| (term.name.as_str(), term.any.len()));
        match std::iter::once(times).chain(fields).find(|(_, count)| *count > MOST_VALUES) {
            Some((name, count)) => Err(SearchError::TooMany { name: name.to_owned(), count, most: MOST_VALUES }),
            None => Ok(()),
        }
    }
}

/// A test on one search field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldTerm {
    /// The field's name, such as `cloud_cover`.
    pub name: String,
    /// Any of these tests.
    pub any: Vec<FieldTest>,
    /// True where none of the tests may hold.
    pub negated: bool,
}

/// What a field's value must be.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldTest {
    /// Equal; for a range field: contains.
    Equals(FieldValue),
    /// Between two values, both included, either open; for a range field: overlaps.
    Between(Option<FieldValue>, Option<FieldValue>),
    /// As [`FieldTest::Between`], with ends that may be left out of the range. A value that names a time to the day or
    /// month is left out with all of that day or month. Texts have no such ends.
    Within(Bound<FieldValue>, Bound<FieldValue>),
}

/// A value in a search.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FieldValue {
    Text(String),
    Number(f64),
    Bool(bool),
    Time(jiff::Timestamp),
}

/// Which state of datasets is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// Not archived (the default).
    #[default]
    Active,
    /// Archived only.
    Archived,
    /// Both.
    All,
}

/// A search could not be understood.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// The expression does not parse.
    #[error("cannot read the search {expression:?} at column {column}: {reason}")]
    Syntax {
        /// The expression as given.
        expression: String,
        /// 1-based column of the first character that does not fit.
        column: usize,
        /// What was expected.
        reason: String,
    },
    /// A time in it does not parse.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// A term lists too many values.
    #[error("the search lists {count} values for {name:?}; at most {most}: search in several steps")]
    TooMany {
        /// The term.
        name: String,
        /// How many values it lists.
        count: usize,
        /// How many it may.
        most: usize,
    },
    /// A place in it is off the Earth or empty.
    #[error("the area is not usable: {reason}")]
    Area {
        /// Why.
        reason: String,
    },
}

impl Search {
    /// All datasets of one product.
    #[must_use]
    pub fn product(name: impl Into<String>) -> Self {
        Self { products: vec![name.into()], ..Self::default() }
    }

    /// And in this time.
    #[must_use]
    pub fn time(mut self, range: TimeRange) -> Self {
        self.times.push(range);
        self
    }

    /// And of this search field.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, test: FieldTest) -> Self {
        self.add_field(name.into(), test, false);
        self
    }

    /// And not of this search field: several such tests on one field are each forbidden. What has no value passes.
    #[must_use]
    pub fn not_field(mut self, name: impl Into<String>, test: FieldTest) -> Self {
        self.add_field(name.into(), test, true);
        self
    }

    /// In the order of this field, `-` in front for the greatest first; after the orders given before.
    #[must_use]
    pub fn order_by(mut self, order: impl Into<OrderBy>) -> Self {
        self.order_by.push(order.into());
        self
    }

    /// And touching this area.
    #[must_use]
    pub fn area(mut self, area: Footprint) -> Self {
        self.area = Some(area);
        self
    }

    /// At most `n`.
    #[must_use]
    pub const fn limit(mut self, n: usize) -> Self {
        self.limit = Some(n);
        self
    }
}

impl FieldValue {
    /// As a number; text that is one counts.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Bool(_) | Self::Time(_) => None,
        }
    }

    /// As text, for fields that hold text.
    #[must_use]
    pub fn as_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Time(time) => time.to_string(),
        }
    }

    /// As a truth value; the texts true and false count.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => text.to_ascii_lowercase().parse().ok(),
            Self::Number(_) | Self::Time(_) => None,
        }
    }

    /// As an instant; text that is one counts.
    #[must_use]
    pub fn as_time(&self) -> Option<jiff::Timestamp> {
        match self {
            Self::Time(time) => Some(*time),
            Self::Text(text) => parse_instant(text).ok(),
            Self::Number(_) | Self::Bool(_) => None,
        }
    }
}
