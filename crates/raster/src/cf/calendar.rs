//! Calendars of CF: ours, and those of models.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// The first day of the Gregorian calendar, 1582-10-15, in days since 1970. CF's `standard` calendar is Julian
/// before it.
const GREGORIAN: i128 = -141_427;

const NANOSECONDS: i128 = 86_400_000_000_000;

/// A calendar of the CF conventions (section 4.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calendar {
    /// Gregorian since 1582-10-15, Julian before.
    Standard,
    /// Gregorian all along.
    Proleptic,
    Julian,
    /// No year has a 29 February.
    NoLeap,
    /// Every year has one.
    AllLeap,
    /// Twelve months of thirty days.
    Days360,
}

impl Calendar {
    pub(super) fn named(name: Option<&str>) -> Option<Self> {
        Some(match name.unwrap_or("standard").trim().to_ascii_lowercase().as_str() {
            "standard" | "gregorian" => Self::Standard,
            "proleptic_gregorian" => Self::Proleptic,
            "julian" => Self::Julian,
            "noleap" | "365_day" => Self::NoLeap,
            "all_leap" | "366_day" => Self::AllLeap,
            "360_day" => Self::Days360,
            _ => return None,
        })
    }

    /// Nanoseconds of a month, where all have the same.
    pub(super) fn month(self) -> Option<i128> {
        (self == Self::Days360).then_some(30 * NANOSECONDS)
    }

    /// Days before a date: since 1970 in our calendar, since the year 0 in those of models. `None` where there is no such
    /// date.
    pub(super) fn days(self, year: i16, month: i8, day: i8) -> Option<i128> {
        match self {
            Self::Standard if (year, month, day) < (1582, 10, 15) => {
                let gap = GREGORIAN - Self::Julian.days(1582, 10, 5)?;
                Some(Self::Julian.days(year, month, day)? + gap)
            }
            Self::Standard | Self::Proleptic => Some(civil_days(Date::new(year, month, day).ok()?)?),
            _ => {
                let (month, day) = (usize::try_from(month).ok()?, i128::from(day));
                let length = self.month_days(i128::from(year), month)?;
                let months = (1..month).filter_map(|m| self.month_days(i128::from(year), m)).sum::<i128>();
                (1..=length).contains(&day).then(|| self.before_year(i128::from(year)) + months + day - 1)
            }
        }
    }

    /// The instant of a count of nanoseconds that begins where [`Calendar::days`] does.
    pub(super) fn instant(self, nanoseconds: i128) -> Option<Timestamp> {
        match self {
            Self::Standard if nanoseconds < GREGORIAN * NANOSECONDS => None,
            Self::Standard | Self::Proleptic => Timestamp::from_nanosecond(nanoseconds).ok(),
            _ => {
                let days = civil_days(self.date(nanoseconds.div_euclid(NANOSECONDS))?)?;
                Timestamp::from_nanosecond(days * NANOSECONDS + nanoseconds.rem_euclid(NANOSECONDS)).ok()
            }
        }
    }

    /// The date of a model's day, where our calendar has one of that name.
    fn date(self, days: i128) -> Option<Date> {
        let mut year = (days * 4).div_euclid(match self {
            Self::Days360 => 1440,
            Self::NoLeap => 1460,
            Self::AllLeap => 1464,
            _ => 1461,
        });
        while self.before_year(year) > days {
            year -= 1;
        }
        while self.before_year(year + 1) <= days {
            year += 1;
        }
        let mut rest = days - self.before_year(year);
        let mut month = 1;
        while rest >= self.month_days(year, month)? {
            rest -= self.month_days(year, month)?;
            month += 1;
        }
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(rest + 1).ok()?).ok()
    }

    fn before_year(self, year: i128) -> i128 {
        match self {
            Self::Days360 => 360 * year,
            Self::NoLeap => 365 * year,
            Self::AllLeap => 366 * year,
            // Years that four divides are leap years, the year 0 too.
            _ => 365 * year + (year + 3).div_euclid(4),
        }
    }

    fn month_days(self, year: i128, month: usize) -> Option<i128> {
        const USUAL: [i128; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let usual = *USUAL.get(month.checked_sub(1)?)?;
        Some(match self {
            Self::Days360 => 30,
            Self::AllLeap if month == 2 => 29,
            Self::Julian if month == 2 && year.rem_euclid(4) == 0 => 29,
            _ => usual,
        })
    }
}

fn civil_days(date: Date) -> Option<i128> {
    let midnight = DateTime::from_parts(date, Time::midnight()).to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_nanosecond().div_euclid(NANOSECONDS))
}
