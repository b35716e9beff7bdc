//! Search expressions: terms → search.

use std::ops::Bound;

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
    /// upper bound (`cloud_cover >= 10 cloud_cover < 20`) make one range. Both bounds of `time` are part of it, to the
    /// end of the period that they name, as datacube has it; on other fields `>` and `<` leave the bound out.
    ///
    /// `not` before a term, `!=` and `not in` ask for datasets of which the term does not hold; what a field has no value
    /// for passes. Several such terms must all not hold.
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
    lon: (Option<f64>, Option<f64>),
    lat: (Option<f64>, Option<f64>),
    fields: Vec<(String, Bound<FieldValue>, Bound<FieldValue>)>,
}

impl Reader<'_> {
    fn term(&mut self, mut term: Term, bounds: &mut Bounds) -> Result<(), SearchError> {
        match term.field.as_str() {
            "longitude" | "x" => "lon".clone_into(&mut term.field),
            "latitude" | "y" => "lat".clone_into(&mut term.field),
            _ => {}
        }
        match term.field.as_str() {
            "product" | "id" => self.only_values(&term)?,
            _ => {}
        }
        if term.negated {
            return self.negated(&term);
        }
        match term.field.as_str() {
            "product" => {
                self.search.products.extend(term.values.into_iter().map(|w| w.text));
                Ok(())
            }
            "id" => self.ids(&term),
            "time" => self.time(&term, bounds),
            "lon" => {
                let range = self.degrees(&term, &mut bounds.lon)?;
                self.lons.extend(range);
                Ok(())
            }
            "lat" => {
                let range = self.degrees(&term, &mut bounds.lat)?;
                self.lats.extend(range);
                Ok(())
            }
            _ => self.field(term, bounds),
        }
    }

    /// What must not hold is a test on a field, also where the search has a place of its own for what must.
    fn negated(&mut self, term: &Term) -> Result<(), SearchError> {
        let Term { field, relation, values, .. } = term;
        // Both bounds of a time are part of it.
        let of_time = field == "time";
        let relation = match relation {
            Relation::Above if of_time => Relation::AtLeast,
            Relation::Below if of_time => Relation::AtMost,
            other => *other,
        };
        let tests = match (relation, values.as_slice()) {
            (Relation::InList, [from, to]) if is_ordered(from) && is_ordered(to) => vec![self.between(from, to)?],
            (Relation::Equals | Relation::In | Relation::InList, words) => {
                words.iter().map(|word| FieldTest::Equals(value(word))).collect()
            }
            (_, words) => {
                words.iter().map(|word| one_sided(relation, word)).map(|(low, high)| test(low, high)).collect()
            }
        };
        for test in tests {
            self.search.add_field(field.clone(), test, true);
        }
        Ok(())
    }

    fn wrong(&self, word: &Word, reason: impl Into<String>) -> SearchError {
        SearchError::Syntax { expression: self.expression.to_owned(), column: word.column, reason: reason.into() }
    }

    fn only_values(&self, term: &Term) -> Result<(), SearchError> {
        match (term.relation, term.values.first()) {
            (Relation::Equals | Relation::In | Relation::InList, _) | (_, None) => Ok(()),
            (_, Some(word)) => Err(self.wrong(word, format!("{} takes only =, != and in", term.field))),
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
            (_, []) => return Ok(()),
        };
        self.search.times.push(range);
        Ok(())
    }

    /// A range of longitudes or latitudes; an open one is kept in `bounds`.
    fn degrees(&self, term: &Term, bounds: &mut (Option<f64>, Option<f64>)) -> Result<Option<(f64, f64)>, SearchError> {
        let number = |word: &Word| match word.text.parse::<f64>() {
            Ok(n) if n.is_finite() => Ok(n),
            _ => Err(self.wrong(word, format!("expected degrees, got {:?}", word.text))),
        };
        match (term.relation, term.values.as_slice()) {
            // A line has no width, so whether it is part of the place makes no difference.
            (Relation::Above | Relation::AtLeast, [one]) => {
                let n = number(one)?;
                bounds.0 = Some(bounds.0.map_or(n, |low| low.max(n)));
                Ok(None)
            }
            (Relation::Below | Relation::AtMost, [one]) => {
                let n = number(one)?;
                bounds.1 = Some(bounds.1.map_or(n, |high| high.min(n)));
                Ok(None)
            }
            (_, [one]) => number(one).map(|n| Some((n - POINT_SIZE, n + POINT_SIZE))),
            (_, [from, to]) => Ok(Some((number(from)?, number(to)?))),
            (_, [_, _, more, ..]) => {
                Err(self.wrong(more, "expected two numbers in the brackets, the least and the greatest"))
            }
            (_, []) => Ok(None),
        }
    }

    fn field(&mut self, term: Term, bounds: &mut Bounds) -> Result<(), SearchError> {
        let Term { field, relation, values, .. } = term;
        match (relation, values.as_slice()) {
            (Relation::Above | Relation::AtLeast | Relation::Below | Relation::AtMost, [word, ..]) => {
                let at = bounds.fields.iter().position(|(name, ..)| *name == field).unwrap_or_else(|| {
                    bounds.fields.push((field.clone(), Bound::Unbounded, Bound::Unbounded));
                    bounds.fields.len() - 1
                });
                let (_, low, high) = &mut bounds.fields[at];
                let (least, greatest) = one_sided(relation, word);
                for (held, given, which) in [(low, least, "lower"), (high, greatest, "upper")] {
                    match (&*held, &given) {
                        (_, Bound::Unbounded) => {}
                        (Bound::Unbounded, _) => *held = given,
                        _ => return Err(self.wrong(word, format!("{field} has a second {which} bound; give one"))),
                    }
                }
            }
            (Relation::InList, [from, to]) if is_ordered(from) && is_ordered(to) => {
                let between = self.between(from, to)?;
                self.search.add_field(field, between, false);
            }
            (_, words) => {
                for word in words {
                    self.search.add_field(field.clone(), FieldTest::Equals(value(word)), false);
                }
            }
        }
        Ok(())
    }

    /// From a number or date to another.
    fn between(&self, from: &Word, to: &Word) -> Result<FieldTest, SearchError> {
        let (low, high) = (bound(from, false), bound(to, true));
        let reversed = match (&low, &high) {
            (FieldValue::Number(a), FieldValue::Number(b)) => a > b,
            (FieldValue::Time(a), FieldValue::Time(b)) => a > b,
            _ => false,
        };
        if reversed {
            let reason = format!("the range ends before it begins: write [{}, {}]", to.text, from.text);
            return Err(self.wrong(from, reason));
        }
        Ok(FieldTest::Between(Some(low), Some(high)))
    }

    fn finish(mut self, bounds: Bounds) -> Result<Search, SearchError> {
        let (low, high) = bounds.time;
        if low.is_some() || high.is_some() {
            let range = TimeRange::new(low.unwrap_or(TimeRange::ALL.begin), high.unwrap_or(TimeRange::ALL.end))?;
            self.search.times.push(range);
        }
        for (name, low, high) in bounds.fields {
            self.search.add_field(name, test(low, high), false);
        }
        for ((low, high), ranges, whole) in
            [(bounds.lon, &mut self.lons, (-180.0, 180.0)), (bounds.lat, &mut self.lats, (-90.0, 90.0))]
        {
            if low.is_some() || high.is_some() {
                ranges.push((low.unwrap_or(whole.0), high.unwrap_or(whole.1)));
            }
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
    if is_code(word) {
        return value(word);
    }
    if let Some(number) = number(word) {
        return FieldValue::Number(number);
    }
    match read_period(&word.text) {
        Some(period) => FieldValue::Time(if upper { period.end } else { period.begin }),
        None => FieldValue::Text(word.text.clone()),
    }
}

/// The ends of a range with one bound. A bound that is left out stays as it is written: `> 2034-05` begins after May.
fn one_sided(relation: Relation, word: &Word) -> (Bound<FieldValue>, Bound<FieldValue>) {
    match relation {
        Relation::Above => (Bound::Excluded(value(word)), Bound::Unbounded),
        Relation::Below => (Bound::Unbounded, Bound::Excluded(value(word))),
        Relation::AtMost => (Bound::Unbounded, Bound::Included(bound(word, true))),
        _ => (Bound::Included(bound(word, false)), Bound::Unbounded),
    }
}

/// The plainest test of a range.
fn test(low: Bound<FieldValue>, high: Bound<FieldValue>) -> FieldTest {
    match (low, high) {
        (low @ Bound::Excluded(_), high) | (low, high @ Bound::Excluded(_)) => FieldTest::Within(low, high),
        (low, high) => {
            let end = |bound| if let Bound::Included(value) = bound { Some(value) } else { None };
            FieldTest::Between(end(low), end(high))
        }
    }
}

/// True for numbers and dates, of which two in brackets are a range. A code such as `090086` is neither.
fn is_ordered(word: &Word) -> bool {
    !word.quoted && !is_code(word) && (number(word).is_some() || read_period(&word.text).is_some())
}

/// True for digits that begin with a zero, as a number does not.
fn is_code(word: &Word) -> bool {
    let digits = word.text.as_bytes();
    digits.len() > 1 && digits[0] == b'0' && digits.iter().all(u8::is_ascii_digit)
}

fn number(word: &Word) -> Option<f64> {
    let looks = word.text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    word.text.parse().ok().filter(|n: &f64| looks && !word.quoted && n.is_finite())
}
