//! Times as CF writes them: a number of units since a date.

use jiff::Timestamp;

use super::Numbers;
use super::calendar::Calendar;

/// A unit and a reference: `hours since 1900-01-01 00:00:00`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TimeUnits {
    /// Nanoseconds of one unit.
    step: i128,
    /// The reference in nanoseconds of the calendar's own count.
    reference: i128,
}

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// The instants of `values`, `None` for a value that is missing or beyond what a timestamp holds. `None`
/// altogether where `units` is no time, or nobody knows the calendar.
///
/// A date of a model's calendar (`noleap`, `360_day`, …) keeps its name: 2034-02-05 of 360 days is 2034-02-05 of ours, as
/// xarray's `convert_calendar` has it with `align_on="date"`. A date that our calendar lacks (30 February) is `None`.
pub(crate) fn decode_times(values: &Numbers, units: &str, calendar: Option<&str>) -> Option<Vec<Option<Timestamp>>> {
    let calendar = Calendar::named(calendar)?;
    let units = TimeUnits::parse(units, calendar)?;
    let instant = |offset: Option<i128>| calendar.instant(units.reference.checked_add(offset?)?);
    Some(match values {
        Numbers::Integers(values) => values.iter().map(|v| instant(i128::from(*v).checked_mul(units.step))).collect(),
        Numbers::Floats(values) => values.iter().map(|v| instant(units.offset(*v))).collect(),
    })
}

impl TimeUnits {
    fn parse(text: &str, calendar: Calendar) -> Option<Self> {
        let mut words = text.split_whitespace();
        let step = match words.next()?.to_ascii_lowercase().as_str() {
            "months" | "month" => calendar.month()?,
            "weeks" | "week" => 7 * DAY,
            "days" | "day" | "d" => DAY,
            "hours" | "hour" | "hrs" | "hr" | "h" => 3600 * SECOND,
            "minutes" | "minute" | "mins" | "min" => 60 * SECOND,
            "seconds" | "second" | "secs" | "sec" | "s" => SECOND,
            "milliseconds" | "millisecond" | "millisecs" | "millisec" | "msecs" | "msec" | "ms" => 1_000_000,
            "microseconds" | "microsecond" | "microsecs" | "microsec" | "us" => 1000,
            "nanoseconds" | "nanosecond" | "nanosecs" | "nanosec" | "ns" => 1,
            // CF's years, and other calendars' months, are fractions of a tropical year; no file of ours has them.
            _ => return None,
        };
        if !words.next()?.eq_ignore_ascii_case("since") {
            return None;
        }
        let reference: Vec<&str> = words.collect();
        Some(Self { step, reference: reference_nanoseconds(&reference.join(" "), calendar)? })
    }

    /// A float of units in nanoseconds. Whole units are exact; fractions are rounded to the microsecond, which
    /// is below what a float of days resolves.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "bounded below; rounded on purpose"
    )]
    fn offset(self, value: f64) -> Option<i128> {
        if !value.is_finite() || value.abs() > 1e18 {
            return None;
        }
        let whole = value.trunc();
        let fraction = ((value - whole) * self.step as f64 / 1000.0).round() as i128 * 1000;
        (whole as i128).checked_mul(self.step)?.checked_add(fraction)
    }
}

/// `1900-1-1`, `1970-01-01T00:00:00Z`, `2000-01-01 12:00:00.5 +01:00` and the like.
fn reference_nanoseconds(text: &str, calendar: Calendar) -> Option<i128> {
    let text = text.trim();
    let (date, rest) = text.split_once(['T', ' ']).unwrap_or((text.trim_end_matches('Z'), ""));
    let (sign, digits) = date.strip_prefix('-').map_or((1, date), |d| (-1, d));
    let mut parts = digits.split('-');
    let year: i16 = parts.next()?.parse().ok()?;
    let month: i8 = parts.next().map_or(Some(1), |p| p.parse().ok())?;
    let day: i8 = parts.next().map_or(Some(1), |p| p.parse().ok())?;
    let days = calendar.days(sign * year, month, day)?;

    let rest = rest.trim().trim_end_matches("UTC").trim_end_matches("GMT").trim_end_matches('Z').trim();
    let zone_at = rest.find(['+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    let time = clock_nanoseconds(clock.trim())?;
    let zone = match zone.split_at_checked(1) {
        None => 0,
        Some((sign, zone)) => {
            let zone = if zone.contains(':') || zone.len() <= 2 {
                clock_nanoseconds(zone)?
            } else {
                clock_nanoseconds(&format!("{}:{}", zone.get(..2)?, zone.get(2..)?))?
            };
            if sign == "-" { -zone } else { zone }
        }
    };
    Some(days * DAY + time - zone)
}

fn clock_nanoseconds(text: &str) -> Option<i128> {
    if text.is_empty() {
        return Some(0);
    }
    let mut parts = text.split(':');
    let hours: i128 = parts.next()?.parse().ok()?;
    let minutes: i128 = parts.next().map_or(Some(0), |p| p.parse().ok())?;
    let seconds = parts.next().unwrap_or("0");
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let whole: i128 = whole.parse().ok()?;
    let fraction: i128 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    (hours <= 24 && minutes < 60 && whole <= 60 && parts.next().is_none())
        .then_some((hours * 3600 + minutes * 60 + whole) * SECOND + fraction)
}

/// Whole numbers and units that say these instants without loss: seconds since 1970 where that is exact, else
/// microseconds, else nanoseconds.
pub(crate) fn encode_times(times: &[Timestamp]) -> (Vec<i64>, &'static str) {
    if times.iter().all(|t| t.subsec_nanosecond() == 0) {
        return (times.iter().map(|t| t.as_second()).collect(), "seconds since 1970-01-01 00:00:00");
    }
    let nanoseconds: Option<Vec<i64>> = times.iter().map(|t| i64::try_from(t.as_nanosecond()).ok()).collect();
    match nanoseconds {
        Some(nanoseconds) if times.iter().any(|t| t.subsec_nanosecond() % 1000 != 0) => {
            (nanoseconds, "nanoseconds since 1970-01-01 00:00:00")
        }
        _ => (times.iter().map(|t| t.as_microsecond()).collect(), "microseconds since 1970-01-01 00:00:00"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: f64, units: &str) -> Option<String> {
        decode_times(&Numbers::Floats(vec![value]), units, None)?[0].map(|t| t.to_string())
    }

    #[test]
    fn units_of_real_files_are_understood() {
        assert_eq!(one(1_043_160.0, "hours since 1900-01-01 00:00:00.0").unwrap(), "2019-01-02T00:00:00Z");
        assert_eq!(one(9803.0, "days since 1990-01-01").unwrap(), "2016-11-03T00:00:00Z");
        assert_eq!(one(0.5, "days since 2000-1-1T06:00:00Z").unwrap(), "2000-01-01T18:00:00Z");
        assert_eq!(one(0.0, "seconds since 1970-01-01 01:00:00 +01:00").unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(one(0.0, "seconds since 1970-01-01 00:00:00 UTC").unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(one(0.0, "minutes since 1970-01-01 00:00 -0130").unwrap(), "1970-01-01T01:30:00Z");
    }

    #[test]
    fn what_is_no_civil_time_is_none() {
        assert_eq!(one(1.0, "months since 2000-01-01"), None);
        assert_eq!(one(1.0, "K"), None);
        assert_eq!(one(f64::NAN, "days since 2000-01-01"), None);
        assert_eq!(one(1.0, "days since 2000-13-01"), None);
        let days = Numbers::Integers(vec![1]);
        assert_eq!(decode_times(&days, "days since 2000-01-01", Some("none")), None);
        assert_eq!(decode_times(&days, "days since 0001-01-01", Some("gregorian")), Some(vec![None]));
        assert!(decode_times(&days, "days since 0001-01-01", Some("proleptic_gregorian")).is_some());
    }

    #[test]
    fn dates_of_models_keep_their_names() {
        let dates = |values: &[f64], units: &str, calendar: &str| -> Vec<String> {
            let times = decode_times(&Numbers::Floats(values.to_vec()), units, Some(calendar)).unwrap();
            times
                .iter()
                .map(|t| t.map_or_else(|| "none".to_owned(), |t| t.strftime("%Y-%m-%dT%H").to_string()))
                .collect()
        };
        // What cftime's num2date says of each, with `none` where a date is not in our calendar.
        assert_eq!(
            dates(&[0.0, 30.0, 58.0, 59.0, 60.5, 360.0, 39_619.0], "days since 2034-01-01", "360_day"),
            ["2034-01-01T00", "2034-02-01T00", "none", "none", "2034-03-01T12", "2035-01-01T00", "2144-01-20T00"]
        );
        assert_eq!(
            dates(&[58.0, 59.0, 364.0, 365.0, 1460.0, 61_320.0], "days since 2000-01-01 00:00", "noleap"),
            ["2000-02-28T00", "2000-03-01T00", "2000-12-31T00", "2001-01-01T00", "2004-01-01T00", "2168-01-01T00"]
        );
        assert_eq!(dates(&[1.5], "hours since 1850-12-31 23:00", "365_day"), ["1851-01-01T00"]);
        assert_eq!(
            dates(&[58.0, 59.0, 60.0, 425.0], "days since 2000-01-01", "all_leap"),
            ["2000-02-28T00", "2000-02-29T00", "2000-03-01T00", "none"]
        );
        assert_eq!(dates(&[2.0, 1.5], "months since 2034-01-01", "360_day"), ["2034-03-01T00", "2034-02-16T00"]);
        assert_eq!(dates(&[59.0, 36_525.0], "days since 1900-01-01", "julian"), ["none", "2000-01-01T00"]);
    }

    #[test]
    fn the_standard_calendar_counts_from_a_julian_date_over_the_gap() {
        let days = Numbers::Integers(vec![577_737, 730_121, 577_736]);
        let times = decode_times(&days, "days since 0001-01-01", Some("standard")).unwrap();
        let texts: Vec<_> = times.iter().map(|t| t.map(|t| t.to_string())).collect();
        assert_eq!(texts, [Some("1582-10-15T00:00:00Z".to_owned()), Some("2000-01-01T00:00:00Z".to_owned()), None]);
    }

    #[test]
    fn written_times_come_back_exactly() {
        for texts in [
            vec!["2034-05-01T10:00:00Z", "2034-05-02T10:00:00Z"],
            vec!["1969-12-31T23:59:59.123456Z"],
            vec!["2034-05-01T10:00:00.123456789Z"],
        ] {
            let times: Vec<Timestamp> = texts.iter().map(|t| t.parse().unwrap()).collect();
            let (values, units) = encode_times(&times);
            let back = decode_times(&Numbers::Integers(values), units, Some("proleptic_gregorian")).unwrap();
            assert_eq!(back, times.iter().copied().map(Some).collect::<Vec<_>>());
        }
    }
}
