//! Dates along the axis of a time series.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::canvas::single;

/// A tick: where (0..1), its label, and the larger unit below it where that is new.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DateTick {
    pub(crate) at: f32,
    pub(crate) label: String,
    pub(crate) below: Option<String>,
}

/// Distance between ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Seconds(i64),
    Days(i8),
    Months(i8),
    Years(i16),
}

const STEPS: [Step; 29] = [
    Step::Seconds(1),
    Step::Seconds(5),
    Step::Seconds(15),
    Step::Seconds(30),
    Step::Seconds(60),
    Step::Seconds(300),
    Step::Seconds(900),
    Step::Seconds(1800),
    Step::Seconds(3600),
    Step::Seconds(2 * 3600),
    Step::Seconds(3 * 3600),
    Step::Seconds(6 * 3600),
    Step::Seconds(12 * 3600),
    Step::Days(1),
    Step::Days(2),
    Step::Days(5),
    Step::Days(10),
    Step::Days(15),
    Step::Months(1),
    Step::Months(2),
    Step::Months(3),
    Step::Months(6),
    Step::Years(1),
    Step::Years(2),
    Step::Years(5),
    Step::Years(10),
    Step::Years(20),
    Step::Years(50),
    Step::Years(100),
];

/// The most ticks that a step is tried with.
const MOST: usize = 60;

/// Ticks (UTC) from `begin` to `end` on an axis of `length` points, so many that labels keep apart; `size` gives a
/// label's width.
pub(crate) fn date_ticks(begin: Timestamp, end: Timestamp, length: f32, size: impl Fn(&str) -> f32) -> Vec<DateTick> {
    let fits = |ticks: &Vec<DateTick>| {
        let widest = |t: &DateTick| t.below.as_deref().map_or(0.0, &size).max(size(&t.label));
        ticks
            .windows(2)
            .all(|pair| (pair[1].at - pair[0].at) * length >= f32::midpoint(widest(&pair[0]), widest(&pair[1])) + 10.0)
    };
    STEPS.iter().filter_map(|step| ticks_of(*step, begin, end)).find(fits).unwrap_or_default()
}

/// `None` where the step makes too many.
fn ticks_of(step: Step, begin: Timestamp, end: Timestamp) -> Option<Vec<DateTick>> {
    let (first, last) = (begin.to_zoned(TimeZone::UTC), end.to_zoned(TimeZone::UTC));
    let whole = end.duration_since(begin).as_secs_f64().max(1e-9);
    let mut ticks: Vec<DateTick> = Vec::new();
    let mut last_below = String::new();
    for instant in instants(step, &first, &last)? {
        let time = instant.timestamp();
        if time < begin || time > end {
            continue;
        }
        let (label, below) = labels(step, &instant);
        let below = (below != last_below && !below.is_empty()).then(|| {
            last_below.clone_from(&below);
            below
        });
        ticks.push(DateTick { at: single(time.duration_since(begin).as_secs_f64() / whole), label, below });
    }
    Some(ticks)
}

fn labels(step: Step, t: &Zoned) -> (String, String) {
    match step {
        Step::Seconds(n) if n < 60 => (t.strftime("%H:%M:%S").to_string(), t.strftime("%-d %b %Y").to_string()),
        Step::Seconds(_) => (t.strftime("%H:%M").to_string(), t.strftime("%-d %b %Y").to_string()),
        Step::Days(_) => (t.strftime("%-d %b").to_string(), t.year().to_string()),
        Step::Months(_) => (t.strftime("%b").to_string(), t.year().to_string()),
        Step::Years(_) => (t.year().to_string(), String::new()),
    }
}

/// Instants of a step around the range; `None` where there are too many.
fn instants(step: Step, first: &Zoned, last: &Zoned) -> Option<Vec<Zoned>> {
    let midnight = |d: Date| d.to_zoned(TimeZone::UTC).ok();
    let mut found = Vec::new();
    match step {
        Step::Seconds(n) => {
            let mut at = first.timestamp().as_second().div_euclid(n) * n;
            while at <= last.timestamp().as_second() {
                found.push(Timestamp::from_second(at).ok()?.to_zoned(TimeZone::UTC));
                at += n;
                if found.len() > MOST {
                    return None;
                }
            }
        }
        Step::Days(n) => {
            let mut day = first.date();
            while day <= last.date() {
                // Days of the month 1, 1 + n, …, without one that crowds the next month's first.
                let left = day.days_in_month() - day.day() + 1;
                if (day.day() - 1) % n == 0 && (day.day() == 1 || 2 * left > n) {
                    found.extend(midnight(day));
                }
                day = day.tomorrow().ok()?;
                if found.len() > MOST {
                    return None;
                }
            }
        }
        Step::Months(n) => {
            let mut day = first.date().first_of_month();
            while day <= last.date() {
                if (day.month() - 1) % n == 0 {
                    found.extend(midnight(day));
                }
                day = day.last_of_month().tomorrow().ok()?;
                if found.len() > MOST {
                    return None;
                }
            }
        }
        Step::Years(n) => {
            let mut year = first.year().div_euclid(n) * n;
            while year <= last.year() {
                found.extend(midnight(date(year.max(-9999), 1, 1)));
                year = year.checked_add(n)?;
                if found.len() > MOST {
                    return None;
                }
            }
        }
    }
    Some(found)
}

/// The range of an axis: a little wider than the times, and an hour or a day wide where there is one time only.
pub(crate) fn padded(first: Timestamp, last: Timestamp) -> (Timestamp, Timestamp) {
    let width = last.duration_since(first);
    let pad = if width.is_zero() { SignedDuration::from_hours(24) } else { width / 40 };
    (first.checked_sub(pad).unwrap_or(first), last.checked_add(pad).unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticks(begin: &str, end: &str, length: f32) -> Vec<(String, Option<String>)> {
        let size = |l: &str| 6.0 * f32::from(u8::try_from(l.chars().count()).unwrap());
        let found = date_ticks(begin.parse().unwrap(), end.parse().unwrap(), length, size);
        found.into_iter().map(|t| (t.label, t.below)).collect()
    }

    fn expect(list: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), b.map(str::to_owned))).collect()
    }

    #[test]
    fn months_carry_the_year_where_it_is_new() {
        assert_eq!(
            ticks("2033-11-20T00:00:00Z", "2034-03-10T00:00:00Z", 300.0),
            expect(&[("Dec", Some("2033")), ("Jan", Some("2034")), ("Feb", None), ("Mar", None)])
        );
    }

    #[test]
    fn days_do_not_crowd_the_next_first() {
        assert_eq!(
            ticks("2034-01-20T00:00:00Z", "2034-02-12T00:00:00Z", 300.0),
            expect(&[("21 Jan", Some("2034")), ("26 Jan", None), ("1 Feb", None), ("6 Feb", None), ("11 Feb", None)])
        );
    }

    #[test]
    fn hours_carry_the_day() {
        assert_eq!(
            ticks("2034-05-15T20:00:00Z", "2034-05-16T13:00:00Z", 330.0),
            expect(&[("00:00", Some("16 May 2034")), ("06:00", None), ("12:00", None)])
        );
    }

    proptest! {
        #[test]
        fn labels_never_touch_and_there_are_some(begin in 0_i64..4_000_000_000, width in 60_i64..3_000_000_000, length in 250.0_f32..900.0) {
            let size = |l: &str| 6.0 * f32::from(u8::try_from(l.chars().count()).unwrap());
            let (from, to) = (Timestamp::from_second(begin).unwrap(), Timestamp::from_second(begin + width).unwrap());
            let found = date_ticks(from, to, length, size);
            prop_assert!(!found.is_empty());
            for pair in found.windows(2) {
                let gap = (pair[1].at - pair[0].at) * length;
                prop_assert!(gap >= f32::midpoint(size(&pair[0].label), size(&pair[1].label)));
            }
        }
    }
}
