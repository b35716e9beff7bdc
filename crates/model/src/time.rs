//! Instants and ranges of time, always UTC.

mod read;
mod step;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use read::parse_instant;
pub(crate) use read::read_period;
pub use step::CalendarPeriod;

/// From `begin` to `end`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first instant.
    pub begin: Timestamp,
    /// The last instant; not before `begin`.
    pub end: Timestamp,
}

/// A time could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a date or time that is known.
    #[error(
        "{text:?} is not a time: give 2034, 2034-05, 2034-05-17, 2034-05-17T10:00:00Z or a range A/B, where .. leaves an end open"
    )]
    Unreadable {
        /// The text as given.
        text: String,
    },
    /// Not a period of the calendar.
    #[error("{text:?} is not a period: give day, month or year, or some of them such as 10 days or 6 months")]
    Period {
        /// The text as given.
        text: String,
    },
    /// The end lies before the beginning.
    #[error("the time range ends ({end}) before it begins ({begin}): swap the two")]
    Reversed {
        /// The beginning as given.
        begin: Timestamp,
        /// The end as given.
        end: Timestamp,
    },
}

impl TimeRange {
    /// Every time there is: the years 1 to 9999, so that both ends fit every store.
    pub const ALL: Self = Self { begin: Timestamp::constant(-62_135_596_800, 0), end: Timestamp::MAX };

    /// From `begin` to `end`.
    ///
    /// # Errors
    /// Where the end lies before the beginning.
    pub fn new(begin: Timestamp, end: Timestamp) -> Result<Self, TimeError> {
        if end < begin { Err(TimeError::Reversed { begin, end }) } else { Ok(Self { begin, end }) }
    }

    /// The one instant.
    #[must_use]
    pub const fn instant(at: Timestamp) -> Self {
        Self { begin: at, end: at }
    }

    /// The middle, as datacube computes it: `begin + (end − begin) / 2`, to the microsecond.
    #[must_use]
    pub fn center(self) -> Timestamp {
        let half = (self.end.as_microsecond() - self.begin.as_microsecond()).div_euclid(2);
        Timestamp::from_microsecond(self.begin.as_microsecond() + half).unwrap_or(self.begin)
    }

    /// True where the ranges share an instant.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.begin <= other.end && other.begin <= self.end
    }
}

/// `A/B`, with `..` at an open end; one instant alone.
impl std::fmt::Display for TimeRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.begin == self.end {
            return write!(f, "{}", self.begin);
        }
        if self.begin == Self::ALL.begin {
            f.write_str("..")?;
        } else {
            write!(f, "{}", self.begin)?;
        }
        f.write_str("/")?;
        if self.end == Self::ALL.end { f.write_str("..") } else { write!(f, "{}", self.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> String {
        text.parse::<TimeRange>().unwrap().to_string()
    }

    #[test]
    fn a_month_ends_with_its_last_microsecond() {
        assert_eq!(range("2034-02"), "2034-02-01T00:00:00Z/2034-02-28T23:59:59.999999Z");
        assert_eq!(range("2034"), "2034-01-01T00:00:00Z/2034-12-31T23:59:59.999999Z");
        assert_eq!(range("2034-05-17T10"), "2034-05-17T10:00:00Z/2034-05-17T10:59:59.999999Z");
    }

    #[test]
    fn ends_may_be_open() {
        assert_eq!(range("../2034"), "../2034-12-31T23:59:59.999999Z");
        assert_eq!(range("2034-05-17/.."), "2034-05-17T00:00:00Z/..");
        assert_eq!("../..".parse(), Ok(TimeRange::ALL));
    }

    #[test]
    fn the_range_of_two_dates_holds_both() {
        assert_eq!(range("2034-05-01/2034-05-03"), "2034-05-01T00:00:00Z/2034-05-03T23:59:59.999999Z");
        assert_eq!(range("2034-05-01, 2034-05-03"), range("2034-05-01/2034-05-03"));
    }

    #[test]
    fn a_reversed_range_is_refused() {
        assert!(matches!("2035/2034".parse::<TimeRange>(), Err(TimeError::Reversed { .. })));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "x", "2034-13", "2034-02-30", "2034-05-17T25", "1/2/3", "20340", "2034-05-17T10:00:00+99:00", "/"]
        {
            assert!(text.parse::<TimeRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_centre_is_the_middle() {
        let day: TimeRange = "2034-05-17T00:00:00.000000Z/2034-05-17T00:00:01.000001Z".parse().unwrap();
        assert_eq!(day.center().to_string(), "2034-05-17T00:00:00.5Z");
    }
}
