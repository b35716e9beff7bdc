//! Periods of the calendar, for counts through time.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::{Span, Timestamp, ToSpan, tz::Offset};

use super::{TimeError, TimeRange};

/// A period of the calendar: some hours, days, weeks, months or years, in UTC. Written `month`, `6 months`, `1 year`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CalendarPeriod {
    count: u16,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl CalendarPeriod {
    /// The periods one after the other from the beginning of a range on; the last is cut where the range ends. Each ends
    /// a microsecond before the next begins. They are counted from the beginning, so that months after the 31st of January
    /// begin on the last of February and on the 31st of March.
    pub fn of(self, range: TimeRange) -> impl Iterator<Item = TimeRange> {
        let starts = (0..).map_while(move |n| self.after(range.begin, n)).take_while(move |at| *at <= range.end);
        let last = (1..).map(move |n| self.after(range.begin, n));
        starts.zip(last).map(move |(begin, next)| {
            let end = next.and_then(|next| next.checked_sub(1.microsecond()).ok()).unwrap_or(Timestamp::MAX);
            TimeRange { begin, end: end.min(range.end) }
        })
    }

    /// The range around a range that begins and ends with the calendar: where years, months, days or hours begin, and
    /// with a whole number of periods.
    #[must_use]
    pub fn around(self, range: TimeRange) -> TimeRange {
        let begin = self.floor(range.begin);
        let open = TimeRange { begin, end: TimeRange::ALL.end };
        let last = self.of(open).find(|period| period.end >= range.end);
        TimeRange { begin, end: last.map_or(range.end, |period| period.end) }
    }

    /// Where the `n`th period after an instant begins; `None` beyond the year 9999.
    fn after(self, at: Timestamp, n: i64) -> Option<Timestamp> {
        let n = n.checked_mul(i64::from(self.count))?;
        let span = match self.unit {
            Unit::Hour => Span::new().try_hours(n),
            Unit::Day => Span::new().try_days(n),
            Unit::Week => Span::new().try_weeks(n),
            Unit::Month => Span::new().try_months(n),
            Unit::Year => Span::new().try_years(n),
        };
        let civil = Offset::UTC.to_datetime(at).checked_add(span.ok()?).ok()?;
        Offset::UTC.to_timestamp(civil).ok()
    }

    /// Where the calendar unit of an instant begins; weeks begin on Monday.
    fn floor(self, at: Timestamp) -> Timestamp {
        let civil = Offset::UTC.to_datetime(at);
        let date = civil.date();
        let midnight = |date: Date| date.at(0, 0, 0, 0);
        let begin: Option<DateTime> = match self.unit {
            Unit::Hour => Some(date.at(civil.hour(), 0, 0, 0)),
            Unit::Day => Some(midnight(date)),
            Unit::Week => {
                let days = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(days.days()).ok().map(midnight)
            }
            Unit::Month => Some(midnight(date.first_of_month())),
            Unit::Year => Some(midnight(date.first_of_year())),
        };
        begin.and_then(|begin| Offset::UTC.to_timestamp(begin).ok()).unwrap_or(at)
    }
}

impl FromStr for CalendarPeriod {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let unreadable = || TimeError::Period { text: text.to_owned() };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (count, unit) = match words[..] {
            [unit] => match unit.find(|c: char| !c.is_ascii_digit()) {
                // 6months
                Some(at) if at > 0 => (&unit[..at], &unit[at..]),
                _ => ("1", unit),
            },
            [count, unit] => (count, unit),
            _ => return Err(unreadable()),
        };
        let unit = unit.to_ascii_lowercase();
        let unit = match unit.strip_suffix('s').unwrap_or(&unit) {
            "hour" => Unit::Hour,
            "day" => Unit::Day,
            "week" => Unit::Week,
            "month" => Unit::Month,
            "year" => Unit::Year,
            _ => return Err(unreadable()),
        };
        let count = count.parse().ok().filter(|count| *count > 0).ok_or_else(unreadable)?;
        Ok(Self { count, unit })
    }
}

impl std::fmt::Display for CalendarPeriod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.unit {
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        };
        write!(f, "{} {unit}{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(period: &str, range: &str) -> Vec<String> {
        let period: CalendarPeriod = period.parse().unwrap();
        period.of(range.parse().unwrap()).map(|r| r.begin.to_string()).collect()
    }

    #[test]
    fn periods_follow_each_other_without_gaps_to_the_end_of_the_range() {
        let period: CalendarPeriod = "1 month".parse().unwrap();
        let asked: TimeRange = "2034-01-10/2034-03-20".parse().unwrap();
        let all: Vec<TimeRange> = period.of(asked).collect();
        assert_eq!(all.len(), 3);
        assert_eq!((all[0].begin, all[2].end), (asked.begin, asked.end));
        assert!(all.windows(2).all(|w| w[1].begin.as_microsecond() - w[0].end.as_microsecond() == 1));
        assert_eq!(of("2 weeks", "2034-01-01/2034-01-15"), ["2034-01-01T00:00:00Z", "2034-01-15T00:00:00Z"]);
        assert_eq!(of("year", "2020/2023").len(), 4);
        assert_eq!(of("6 hours", "2034-01-01").len(), 4);
    }

    #[test]
    fn months_are_counted_from_the_beginning() {
        let days = of("month", "2034-01-31/2034-04-30");
        let expected = ["2034-01-31T00:00:00Z", "2034-02-28T00:00:00Z", "2034-03-31T00:00:00Z", "2034-04-30T00:00:00Z"];
        assert_eq!(days, expected);
    }

    #[test]
    fn the_range_around_is_one_of_whole_periods() {
        let around = |period: &str, range: &str| {
            period.parse::<CalendarPeriod>().unwrap().around(range.parse().unwrap()).to_string()
        };
        assert_eq!(around("month", "2034-01-10/2034-03-20"), "2034-01-01T00:00:00Z/2034-03-31T23:59:59.999999Z");
        assert_eq!(around("2 months", "2034-01-10/2034-03-20"), "2034-01-01T00:00:00Z/2034-04-30T23:59:59.999999Z");
        assert_eq!(around("week", "2034-01-04"), "2034-01-02T00:00:00Z/2034-01-08T23:59:59.999999Z");
        assert!(around("year", "9999-12-29").starts_with("9999-01-01T00:00:00Z/"));
    }

    #[test]
    fn periods_are_read_and_nonsense_is_refused() {
        for (text, shown) in
            [("month", "1 month"), ("1 Month", "1 month"), ("6months", "6 months"), ("10 days", "10 days")]
        {
            assert_eq!(text.parse::<CalendarPeriod>().unwrap().to_string(), shown);
        }
        for text in ["", "0 days", "-1 day", "fortnight", "1 2 days", "99999 days", "days 3"] {
            assert!(text.parse::<CalendarPeriod>().is_err(), "{text}");
        }
    }
}
