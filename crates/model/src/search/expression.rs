//! Search expressions: terms → search.

use cube_geo::BoundingBox;
use uuid::Uuid;

use super::area::footprint_of_boxes;
use super::grammar::{self, Relation, Term, Word};
use super::{FieldTerm, FieldTest, FieldValue, Search, SearchError};
use crate::TimeRange;
use crate::time::read_period;

/// A scalar latitude or longitude becomes a box of this half size, as in datacube.
const POINT_SIZE: f64 = 1e-6;

/// Every range of longitudes is joined with every range of latitudes; so many boxes at most.
const MAX_BOXES: usize = 1000;

impl Search {
    /// Reads `product=landsat time in 2034-05 lat in [41.9, 42.3] cloud_cover in [0, 20]`: the grammar of `datacube
    /// dataset search`, and a little more. A field that stands several times may have any of its values; a lower and an
    /// upper bound (`time > 2034-01 time < 2034-03`) make one range. Both bounds of a time are part of it, to the end
    /// of the period that they name.
    ///
    /// # Errors
    /// Where the expression does not parse, with the column and what was expected there.
    pub fn parse(expression: &str) -> Result<Self, SearchError> {
        let mut reader = Reader { expression, search: Self::default(), lons: Vec::new(), lats: Vec::new() };
        let mut bounds = Bounds::default();
        for term in grammar::parse(expression)? {
            reader.term(term, &mut bounds)?;
        }
        reader.finish(bounds)
    }

    /// Adds a test on a field: one more value of a term that is there, or a new term.
    pub(super) fn add_field(&mut self, name: String, test: FieldTest, negated: bool) {
        match self.fields.iter_mut().find(|t| t.name == name && t.negated == negated) {
            Some(term) => term.any.push(test),
            None => self.fields.push(FieldTerm { name, any: vec![test], negated }),
        }
    }
}

struct Reader<'e> {
    expression: &'e str,
    search: Search,
    lons: Vec<(f64, f64)>,
    lats: Vec<(f64, f64)>,
}

/// One-sided bounds, which make one range where both are there.
#[derive(Default)]
struct Bounds {
    time: (Option<jiff::Timestamp>, Option<jiff::Timestamp>),
    fields: Vec<(String, Option<FieldValue>, Option<FieldValue>)>,
}

impl Reader<'_> {
    fn term(&mut self, term: Term, bounds: &mut Bounds) -> Result<(), SearchError> {
        match term.field.as_str() {
            "product" if term.relation != Relation::NotEquals => {
                self.only_values(&term)?;
                self.search.products.extend(term.values.into_iter().map(|w| w.text));
                Ok(())
            }
            "id" => self.ids(&term),
            "time" => self.time(&term, bounds),
            "lon" | "longitude" | "x" => {
                let range = self.degrees(&term)?;
                self.lons.push(range);
                Ok(())
            }
            "lat" | "latitude" | "y" => {
                let range = self.degrees(&term)?;
                self.lats.push(range);
                Ok(())
            }
            _ => self.field(term, bounds),
        }
    }

    fn wrong(&self, word: &Word, reason: impl Into<String>) -> SearchError {
        SearchError::Syntax { expression: self.expression.to_owned(), column: word.column, reason: reason.into() }
    }

    fn only_values(&self, term: &Term) -> Result<(), SearchError> {
        match (term.relation, term.values.first()) {
            (Relation::Equals | Relation::In | Relation::InList, _) | (_, None) => Ok(()),
            (_, Some(word)) => Err(self.wrong(word, format!("{} takes only = and in", term.field))),
        }
    }

    fn ids(&mut self, term: &Term) -> Result<(), SearchError> {
        self.only_values(term)?;
        for word in &term.values {
            let Ok(id) = Uuid::try_parse(&word.text) else {
                return Err(self.wrong(word, format!("expected the UUID of a dataset, got {:?}", word.text)));
            };
            self.search.ids.get_or_insert_default().push(id);
        }
        Ok(())
    }

    fn time(&mut self, term: &Term, bounds: &mut Bounds) -> Result<(), SearchError> {
        let period = |word: &Word| {
            read_period(&word.text).ok_or_else(|| {
                let text = &word.text;
                self.wrong(word, format!("expected a date such as 2034, 2034-05 or 2034-05-17T10:00, got {text:?}"))
            })
        };
        let first = match term.values.first() {
            // A/B, as --time has it.
            Some(word) if term.values.len() == 1 && word.text.contains('/') => {
                self.search.times.push(word.text.parse::<TimeRange>().map_err(|e| self.wrong(word, e.to_string()))?);
                return Ok(());
            }
            Some(word) => period(word)?,
            None => return Ok(()),
        };
        let range = match (term.relation, term.values.as_slice()) {
            (Relation::Equals | Relation::In, _) | (Relation::InList, [_]) => {
                TimeRange { begin: first.begin, end: first.end }
            }
            (Relation::InList, [from, to]) => {
                TimeRange::new(first.begin, period(to)?.end).map_err(|e| self.wrong(from, e.to_string()))?
            }
            (Relation::InList, [.., last]) => {
                return Err(self.wrong(last, "expected two dates in the brackets, the first and the last"));
            }
            (Relation::Above | Relation::AtLeast, _) => {
                bounds.time.0 = Some(bounds.time.0.map_or(first.begin, |t| t.max(first.begin)));
                return Ok(());
            }
            (Relation::Below | Relation::AtMost, _) => {
                bounds.time.1 = Some(bounds.time.1.map_or(first.end, |t| t.min(first.end)));
                return Ok(());
            }
            (_, [word, ..]) => return Err(self.wrong(word, "time takes only =, in, > and <")),
            (_, []) => return Ok(()),
        };
        self.search.times.push(range);
        Ok(())
    }

    /// A range of longitudes or latitudes.
    fn degrees(&self, term: &Term) -> Result<(f64, f64), SearchError> {
        self.only_values(term)?;
        let number = |word: &Word| match word.text.parse::<f64>() {
            Ok(n) if n.is_finite() => Ok(n),
            _ => Err(self.wrong(word, format!("expected degrees, got {:?}", word.text))),
        };
        match term.values.as_slice() {
            [one] => number(one).map(|n| (n - POINT_SIZE, n + POINT_SIZE)),
            [from, to] => Ok((number(from)?, number(to)?)),
            [_, _, more, ..] => {
                Err(self.wrong(more, "expected two numbers in the brackets, the least and the greatest"))
            }
            [] => Ok((0.0, 0.0)),
        }
    }

    fn field(&mut self, term: Term, bounds: &mut Bounds) -> Result<(), SearchError> {
        let Term { field, relation, values } = term;
        match (relation, values.as_slice()) {
            (Relation::Above | Relation::Below, [word, ..]) => {
                let sign = if relation == Relation::Above { ">=" } else { "<=" };
                return Err(self.wrong(word, format!("only time takes > and <; write {field} {sign} {}", word.text)));
            }
            (Relation::AtLeast | Relation::AtMost, [word, ..]) => {
                let value = bound(word, relation == Relation::AtMost);
                let at = bounds.fields.iter().position(|(name, ..)| *name == field).unwrap_or_else(|| {
                    bounds.fields.push((field.clone(), None, None));
                    bounds.fields.len() - 1
                });
                let (_, low, high) = &mut bounds.fields[at];
                *(if relation == Relation::AtLeast { low } else { high }) = Some(value);
            }
            (Relation::InList, [from, to]) if is_ordered(from) && is_ordered(to) => {
                let (low, high) = (bound(from, false), bound(to, true));
                let reversed = match (&low, &high) {
                    (FieldValue::Number(a), FieldValue::Number(b)) => a > b,
                    (FieldValue::Time(a), FieldValue::Time(b)) => a > b,
                    _ => false,
                };
                if reversed {
                    return Err(self
                        .wrong(from, format!("the range ends before it begins: write [{}, {}]", to.text, from.text)));
                }
                self.search.add_field(field, FieldTest::Between(Some(low), Some(high)), false);
            }
            (_, words) => {
                for word in words {
                    let test = FieldTest::Equals(value(word));
                    self.search.add_field(field.clone(), test, relation == Relation::NotEquals);
                }
            }
        }
        Ok(())
    }

    fn finish(mut self, bounds: Bounds) -> Result<Search, SearchError> {
        let (low, high) = bounds.time;
        if low.is_some() || high.is_some() {
            let range = TimeRange::new(low.unwrap_or(TimeRange::ALL.begin), high.unwrap_or(TimeRange::ALL.end))?;
            self.search.times.push(range);
        }
        for (name, low, high) in bounds.fields {
            self.search.add_field(name, FieldTest::Between(low, high), false);
        }
        if !(self.lons.is_empty() && self.lats.is_empty()) {
            let all = |ranges: Vec<(f64, f64)>, whole| if ranges.is_empty() { vec![whole] } else { ranges };
            let (lons, lats) = (all(self.lons, (-180.0, 180.0)), all(self.lats, (-90.0, 90.0)));
            let count = lons.len().saturating_mul(lats.len());
            if count > MAX_BOXES {
                let reason = format!("its longitudes and latitudes make {count} boxes, more than {MAX_BOXES}");
                return Err(SearchError::Area { reason });
            }
            let boxes = lats.iter().flat_map(|(south, north)| {
                lons.iter().map(move |(west, east)| BoundingBox::new(*west, *south, *east, *north))
            });
            self.search.area = Some(footprint_of_boxes(boxes)?);
        }
        Ok(self.search)
    }
}

/// A value, as a number only where nothing is lost by that: `3.10` and `090086` stay text.
fn value(word: &Word) -> FieldValue {
    match number(word) {
        Some(number) if number.to_string() == word.text => FieldValue::Number(number),
        _ => FieldValue::Text(word.text.clone()),
    }
}

/// An end of a range: a number or a date, else text.
fn bound(word: &Word, upper: bool) -> FieldValue {
    if let Some(number) = number(word) {
        return FieldValue::Number(number);
    }
    match read_period(&word.text) {
        Some(period) => FieldValue::Time(if upper { period.end } else { period.begin }),
        None => FieldValue::Text(word.text.clone()),
    }
}

/// True for numbers and dates, of which two in brackets are a range.
fn is_ordered(word: &Word) -> bool {
    !word.quoted && (number(word).is_some() || read_period(&word.text).is_some())
}

fn number(word: &Word) -> Option<f64> {
    let looks = word.text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    word.text.parse().ok().filter(|n: &f64| looks && !word.quoted && n.is_finite())
}
