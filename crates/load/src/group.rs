//! Which datasets become one time plane, and in which order.

use std::collections::BTreeMap;

use cube_model::Dataset;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use uuid::Uuid;

use crate::{GroupBy, LoadError};

/// The datasets of one time plane, in fuse order: by (centre time, id).
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetGroup {
    /// The label of the plane: the earliest centre time.
    pub time: Timestamp,
    /// At least one dataset.
    pub datasets: Vec<Dataset>,
}

/// What datasets of one plane have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Time(Timestamp),
    Day(Date),
    Dataset(Timestamp, Uuid),
}

/// Sorts datasets into time planes, planes in order of time (datacube's `group_datasets` and `solar_day`).
///
/// # Errors
/// By solar day: where a dataset's footprint has no longitude.
pub fn group(datasets: Vec<Dataset>, by: GroupBy) -> Result<Vec<DatasetGroup>, LoadError> {
    let mut planes: BTreeMap<Key, Vec<(Timestamp, Dataset)>> = BTreeMap::new();
    for dataset in datasets {
        let center = dataset.time.center();
        let key = match by {
            GroupBy::Time => Key::Time(center),
            GroupBy::SolarDay => Key::Day(solar_day(center, middle_lon(&dataset)?)),
            GroupBy::Dataset => Key::Dataset(center, dataset.id),
        };
        planes.entry(key).or_default().push((center, dataset));
    }
    let mut groups: Vec<DatasetGroup> = planes
        .into_values()
        .filter_map(|mut datasets| {
            datasets.sort_by_key(|(center, dataset)| (*center, dataset.id));
            let time = datasets.first()?.0;
            Some(DatasetGroup { time, datasets: datasets.into_iter().map(|(_, dataset)| dataset).collect() })
        })
        .collect();
    groups.sort_by_key(|g| (g.time, g.datasets.first().map(|d| d.id)));
    Ok(groups)
}

fn middle_lon(dataset: &Dataset) -> Result<f64, LoadError> {
    let extent = dataset
        .footprint
        .lonlat_extent()
        .map_err(|source| LoadError::DatasetFootprint { dataset: dataset.id, source: Box::new(source) })?;
    Ok(extent.middle_lon())
}

/// The date of the UTC time moved by 240 seconds a degree of longitude, the seconds cut off towards zero.
fn solar_day(center: Timestamp, lon: f64) -> Date {
    #[expect(clippy::cast_possible_truncation, reason = "a longitude times 240 is small; cutting off is the rule")]
    let seconds = (lon * 240.0) as i64;
    let moved = center.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(center);
    Offset::UTC.to_datetime(moved).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{dataset, dataset_at};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn solar_day_moves_four_minutes_a_degree() {
        assert_eq!(solar_day(at("2024-06-01T23:30:00Z"), 7.5).to_string(), "2024-06-02");
        assert_eq!(solar_day(at("2024-06-01T23:30:00Z"), 7.49).to_string(), "2024-06-01");
        assert_eq!(solar_day(at("2024-06-01T00:30:00Z"), -7.5).to_string(), "2024-06-01");
        assert_eq!(solar_day(at("2024-06-01T00:30:00Z"), -7.51).to_string(), "2024-05-31");
    }

    #[test]
    fn seconds_of_the_solar_shift_are_cut_off_towards_zero() {
        // -0.004 degrees are -0.96 s: cut off to none.
        assert_eq!(solar_day(at("2024-06-01T00:00:00Z"), -0.004).to_string(), "2024-06-01");
    }

    #[test]
    fn plane_has_the_earliest_centre_time_and_ids_break_ties() {
        let (a, b, c) = (
            dataset(3, "2024-06-01T10:10:05Z"),
            dataset(2, "2024-06-01T10:10:00Z"),
            dataset(1, "2024-06-01T10:10:05Z"),
        );
        let groups = group(vec![a, b, c], GroupBy::SolarDay).unwrap();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].time, at("2024-06-01T10:10:00Z"));
        let ids: Vec<u128> = groups[0].datasets.iter().map(|d| d.id.as_u128()).collect();
        assert_eq!(ids, [2, 1, 3]);
    }

    #[test]
    fn without_grouping_every_dataset_is_a_plane() {
        let groups =
            group(vec![dataset(2, "2024-06-01T10:00:00Z"), dataset(1, "2024-06-01T10:00:00Z")], GroupBy::Dataset);
        let ids: Vec<u128> = groups.unwrap().iter().map(|g| g.datasets[0].id.as_u128()).collect();
        assert_eq!(ids, [1, 2]);
    }

    #[test]
    fn times_that_differ_by_a_second_are_two_planes() {
        let groups = group(vec![dataset(1, "2024-06-01T10:00:01Z"), dataset(2, "2024-06-01T10:00:00Z")], GroupBy::Time);
        let times: Vec<String> = groups.unwrap().iter().map(|g| g.time.to_string()).collect();
        assert_eq!(times, ["2024-06-01T10:00:00Z", "2024-06-01T10:00:01Z"]);
    }

    #[test]
    fn a_footprint_over_the_antimeridian_has_its_middle_there() {
        // 179..181 degrees east: the middle is 180, twelve hours ahead, not the 0 of the mean of -179 and 179.
        let over = dataset_at(1, "2024-06-01T12:30:00Z", 179.0, 181.0);
        let west = dataset_at(2, "2024-06-02T05:00:00Z", 0.0, 1.0);
        let groups = group(vec![over, west], GroupBy::SolarDay).unwrap();
        assert_eq!(groups.len(), 1, "both are of 2 June");
    }
}
