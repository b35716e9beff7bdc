//! What the CF conventions ask a file to say of its variables, for NetCDF and Zarr alike.

use jiff::civil::{DateTime, date};

use crate::climate::{Series, Step};

/// Name and text of an attribute.
pub(crate) type Attributes = Vec<(&'static str, &'static str)>;

/// Of the file as a whole.
pub(crate) fn global() -> Attributes {
    vec![
        ("Conventions", "CF-1.8"),
        ("title", "Sample 2 metre temperature and precipitation, made up"),
        ("license", "CC0-1.0"),
        ("source", "cube-sample-data"),
    ]
}

/// Of `time`, `latitude` and `longitude`.
pub(crate) fn coordinate(name: &str) -> Attributes {
    match name {
        "time" => vec![
            ("standard_name", "time"),
            ("long_name", "time"),
            ("units", "hours since 1970-01-01 00:00:00"),
            ("calendar", "proleptic_gregorian"),
            ("axis", "T"),
        ],
        "latitude" => {
            vec![("standard_name", "latitude"), ("long_name", "latitude"), ("units", "degrees_north"), ("axis", "Y")]
        }
        _ => vec![("standard_name", "longitude"), ("long_name", "longitude"), ("units", "degrees_east"), ("axis", "X")],
    }
}

/// Of the variable `2t` or `tp`.
pub(crate) fn variable(name: &str, step: Step) -> Attributes {
    match (name, step) {
        ("2t", Step::Noon) => temperature("time: point"),
        ("2t", Step::Month) => temperature("time: mean"),
        (_, Step::Noon) => precipitation("total precipitation of the hour before"),
        (_, Step::Month) => precipitation("total precipitation of the month"),
    }
}

fn temperature(cell_methods: &'static str) -> Attributes {
    vec![
        ("standard_name", "air_temperature"),
        ("long_name", "2 metre temperature"),
        ("units", "K"),
        ("cell_methods", cell_methods),
    ]
}

fn precipitation(long_name: &'static str) -> Attributes {
    vec![
        ("standard_name", "lwe_thickness_of_precipitation_amount"),
        ("long_name", long_name),
        ("units", "m"),
        ("cell_methods", "time: sum"),
    ]
}

/// The steps' times as the file stores them: hours since 1970-01-01 00:00:00 UTC.
#[must_use]
pub(crate) fn hours(series: &Series) -> Vec<i64> {
    let epoch = date(1970, 1, 1).at(0, 0, 0, 0);
    series.times().into_iter().map(|time: DateTime| time.duration_since(epoch).as_hours()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::climate::SERIES;

    #[test]
    fn times_are_hours_since_1970() {
        // 64 years with 16 leap days.
        assert_eq!(hours(&SERIES[1])[0], (64 * 365 + 16) * 24);
        assert_eq!(hours(&SERIES[1])[1] - hours(&SERIES[1])[0], 31 * 24);
    }
}
