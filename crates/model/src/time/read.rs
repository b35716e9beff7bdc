//! Reading times as people and documents write them: to the year or to the microsecond, with or without a zone.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp, tz::Offset};

use super::{TimeError, TimeRange};

/// A written time: its first instant, and the last one of the period that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    /// The first instant.
    pub(crate) begin: Timestamp,
    /// The last microsecond.
    pub(crate) end: Timestamp,
}

/// The first instant of a written time: `2034-05-17T10:00:00.5+02:00`, a blank instead of the `T`, or only the first
/// parts of it. A time without a zone is UTC.
///
/// # Errors
/// Where the text is not a time.
pub fn parse_instant(text: &str) -> Result<Timestamp, TimeError> {
    read_period(text).map(|p| p.begin).ok_or_else(|| TimeError::Unreadable { text: text.to_owned() })
}

/// Datacube's rule: an end is the last instant of the period that its text names, so that `2034-05` ends with May.
impl FromStr for TimeRange {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let unreadable = || TimeError::Unreadable { text: text.to_owned() };
        let open = |part: &str| part.is_empty() || part == "..";
        let Some((begin, end)) = text.split_once('/').or_else(|| text.split_once(',')) else {
            let period = read_period(text).ok_or_else(unreadable)?;
            return Self::new(period.begin, period.end);
        };
        let (begin, end) = (begin.trim(), end.trim());
        if begin.is_empty() && end.is_empty() {
            return Err(unreadable());
        }
        let first = if open(begin) { Self::ALL.begin } else { read_period(begin).ok_or_else(unreadable)?.begin };
        let last = if open(end) { Self::ALL.end } else { read_period(end).ok_or_else(unreadable)?.end };
        Self::new(first, last)
    }
}

/// The period that a text names, `None` where it names none.
pub(crate) fn read_period(text: &str) -> Option<Period> {
    let mut rest = Rest(text.trim().as_bytes());
    let year = rest.digits(4)?;
    // Dates have dashes, or none as in 20340517T103000.
    let dashes = rest.take(b'-');
    if rest.is_empty() && !dashes {
        return period(date(year, 1, 1)?, date(year, 12, 31)?);
    }
    let month = rest.one_or_two(dashes)?;
    if rest.is_empty() && dashes {
        let first = date(year, month, 1)?;
        return period(first, first.last_of_month());
    }
    if dashes && !rest.take(b'-') {
        return None;
    }
    let day = date(year, month, rest.one_or_two(dashes)?)?;
    if rest.is_empty() {
        return period(day, day);
    }
    if !(rest.take(b'T') || rest.take(b't') || rest.take(b' ')) {
        return None;
    }
    rest.skip_blanks();
    let (hour, minute, second, nanosecond, lasts) = clock(&mut rest)?;
    rest.skip_blanks();
    let zone = zone(&mut rest)?;
    if !rest.is_empty() {
        return None;
    }
    let local = DateTime::new(day.year(), day.month(), day.day(), hour, minute, second, nanosecond).ok()?;
    let begin = zone.to_timestamp(local).ok()?;
    let end = begin.checked_add(lasts - SignedDuration::from_micros(1)).ok()?;
    Some(Period { begin, end })
}

fn date(year: i32, month: i32, day: i32) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// From the first instant of one day to the last microsecond of another.
fn period(first: Date, last: Date) -> Option<Period> {
    let begin = Offset::UTC.to_timestamp(first.at(0, 0, 0, 0)).ok()?;
    let end = Offset::UTC.to_timestamp(last.at(23, 59, 59, 999_999_000)).ok().unwrap_or(Timestamp::MAX);
    Some(Period { begin, end })
}

/// Hour, minute, second, nanosecond, and how long what was written lasts.
fn clock(rest: &mut Rest) -> Option<(i8, i8, i8, i32, SignedDuration)> {
    let two = |rest: &mut Rest| rest.digits(2).and_then(|n| i8::try_from(n).ok());
    let hour = two(rest)?;
    let colons = rest.take(b':');
    if !colons && !rest.starts_with_digit() {
        return Some((hour, 0, 0, 0, SignedDuration::from_hours(1)));
    }
    let minute = two(rest)?;
    let more = if colons { rest.take(b':') } else { rest.starts_with_digit() };
    if !more {
        return Some((hour, minute, 0, 0, SignedDuration::from_mins(1)));
    }
    let second = two(rest)?;
    if !rest.take(b'.') {
        return Some((hour, minute, second, 0, SignedDuration::from_secs(1)));
    }
    let (nanosecond, digits) = rest.fraction()?;
    let lasts = if digits <= 3 { SignedDuration::from_millis(1) } else { SignedDuration::from_micros(1) };
    Some((hour, minute, second, nanosecond, lasts))
}

/// The offset from UTC; none is UTC.
fn zone(rest: &mut Rest) -> Option<Offset> {
    if rest.is_empty() || rest.take(b'Z') || rest.take(b'z') || rest.take_word(b"UTC") {
        return Some(Offset::UTC);
    }
    let sign = if rest.take(b'+') {
        1
    } else if rest.take(b'-') {
        -1
    } else {
        return None;
    };
    let hours = rest.digits(2)?;
    let minutes = if rest.take(b':') || rest.starts_with_digit() { rest.digits(2)? } else { 0 };
    if hours > 25 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// What is left of the text.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn starts_with_digit(&self) -> bool {
        self.0.first().is_some_and(u8::is_ascii_digit)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn take_word(&mut self, word: &[u8]) -> bool {
        let rest = self.0.strip_prefix(word);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    /// Exactly so many digits as a number.
    fn digits(&mut self, count: usize) -> Option<i32> {
        let (head, tail) = self.0.split_at_checked(count)?;
        let number = head.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i32::from(b - b'0')))?;
        self.0 = tail;
        Some(number)
    }

    /// Two digits, or one where dashes stand around them.
    fn one_or_two(&mut self, dashes: bool) -> Option<i32> {
        self.digits(2).or_else(|| if dashes { self.digits(1) } else { None })
    }

    /// Digits after the point as nanoseconds, and how many there are; those beyond the ninth are dropped.
    fn fraction(&mut self) -> Option<(i32, usize)> {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        let digit = |i: usize| head.get(i).map_or(0, |b| i32::from(b - b'0'));
        (count > 0).then(|| ((0..9).fold(0, |n, i| n * 10 + digit(i)), count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_write_times_in_many_ways() {
        for (text, instant) in [
            ("2023-04-30 23:50:34.384549Z", "2023-04-30T23:50:34.384549Z"),
            ("2020-04-20 00:26:43+00:00", "2020-04-20T00:26:43Z"),
            ("2019-10-07T20:19:19.218290", "2019-10-07T20:19:19.21829Z"),
            ("2034-05-17T10:00:00+02:00", "2034-05-17T08:00:00Z"),
            ("2034-05-17T10:00:00 -0930", "2034-05-17T19:30:00Z"),
            ("2034-05-17 10:00:00 UTC", "2034-05-17T10:00:00Z"),
            ("20340517T103000Z", "2034-05-17T10:30:00Z"),
            ("20340517", "2034-05-17T00:00:00Z"),
            ("2034-05-17T10:00:00.123456789", "2034-05-17T10:00:00.123456789Z"),
        ] {
            assert_eq!(parse_instant(text).unwrap().to_string(), instant, "{text}");
        }
    }

    #[test]
    fn a_month_needs_its_dash() {
        assert_eq!(read_period("203405"), None);
        assert_eq!(read_period("2034-"), None);
        assert_eq!(read_period("2034-5"), read_period("2034-05"));
        assert_eq!(read_period("2034-5-1"), read_period("2034-05-01"));
    }

    #[test]
    fn the_end_lasts_as_long_as_what_is_written() {
        let lasts = |text: &str| {
            let p = read_period(text).unwrap();
            p.end.as_microsecond() - p.begin.as_microsecond() + 1
        };
        assert_eq!(lasts("2034-05-17T10:00"), 60_000_000);
        assert_eq!(lasts("2034-05-17T10:00:00"), 1_000_000);
        assert_eq!(lasts("2034-05-17T10:00:00.5"), 1_000);
        assert_eq!(lasts("2034-05-17T10:00:00.500000"), 1);
        assert_eq!(lasts("2034-05-17"), 86_400_000_000);
    }
}
