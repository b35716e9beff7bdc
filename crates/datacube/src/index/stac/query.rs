//! Which items are wanted.

use std::path::PathBuf;

use cube_model::{TimeRange, parse_instant};
use serde_json::{Map, Value, json};
use url::Url;

/// Items that a page holds at most, as it is asked for.
const PAGE: usize = 200;

/// Which items of STAC are wanted, and what is known of their measurements. An API answers it; of static catalogs, and of
/// what an API answers beyond it, the items are looked at here.
#[derive(Debug, Clone, Default)]
pub struct StacQuery {
    /// Only items of these collections; of all where empty.
    pub collections: Vec<String>,
    /// West, south, east, north in degrees; over 180° where west is more than east.
    pub bbox: Option<[f64; 4]>,
    /// Only items of this time.
    pub time: Option<TimeRange>,
    /// A filter in the text form of CQL2, for the API.
    pub filter: Option<String>,
    /// Most items.
    pub limit: Option<usize>,
    /// A file that says what collections leave out about their measurements.
    pub measurements: Option<PathBuf>,
}

impl StacQuery {
    /// True where nothing is asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.collections.is_empty()
            && self.bbox.is_none()
            && self.time.is_none()
            && self.filter.is_none()
            && self.limit.is_none()
            && self.measurements.is_none()
    }

    /// How many items a page is asked for.
    fn page(&self) -> usize {
        self.limit.map_or(PAGE, |limit| limit.clamp(1, PAGE))
    }

    /// The query as a posted search of a collection.
    pub(super) fn body(&self, collection: &str) -> Value {
        let mut body = Map::new();
        body.insert("collections".to_owned(), json!([collection]));
        if let Some(bbox) = self.bbox {
            body.insert("bbox".to_owned(), json!(bbox));
        }
        if let Some(time) = self.time {
            body.insert("datetime".to_owned(), interval(time).into());
        }
        if let Some(filter) = &self.filter {
            body.insert("filter-lang".to_owned(), "cql2-text".into());
            body.insert("filter".to_owned(), filter.as_str().into());
        }
        body.insert("limit".to_owned(), self.page().into());
        body.into()
    }

    /// The query in a URL; without the collection where the URL names it.
    pub(super) fn in_url(&self, url: &mut Url, collection: Option<&str>) {
        let mut pairs = url.query_pairs_mut();
        if let Some(collection) = collection {
            pairs.append_pair("collections", collection);
        }
        if let Some(bbox) = self.bbox {
            pairs.append_pair("bbox", &bbox.map(|v| v.to_string()).join(","));
        }
        if let Some(time) = self.time {
            pairs.append_pair("datetime", &interval(time));
        }
        if let Some(filter) = &self.filter {
            pairs.append_pair("filter-lang", "cql2-text").append_pair("filter", filter);
        }
        pairs.append_pair("limit", &self.page().to_string());
    }

    /// True where a collection may hold wanted items.
    pub(super) fn wants_collection(&self, id: &str) -> bool {
        self.collections.is_empty() || self.collections.iter().any(|one| one == id)
    }

    /// True where an item is wanted as far as it tells: what says no place or time may be.
    pub(super) fn wants(&self, item: &Value) -> bool {
        let collection = item.get("collection").and_then(Value::as_str);
        let properties = item.get("properties");
        collection.is_none_or(|id| self.wants_collection(id))
            && (collection.is_some() || self.collections.is_empty())
            && self.bbox.is_none_or(|bbox| box_of(item).is_none_or(|own| meet(bbox, own)))
            && self.time.is_none_or(|time| time_of(properties).is_none_or(|own| time.overlaps(own)))
    }
}

/// The time as STAC writes it; open where it is.
fn interval(time: TimeRange) -> String {
    let end = |at: jiff::Timestamp, open: bool| if open { "..".to_owned() } else { at.to_string() };
    let begin = end(time.begin, time.begin == TimeRange::ALL.begin);
    format!("{begin}/{}", end(time.end, time.end == TimeRange::ALL.end))
}

/// The box of an item in two dimensions.
fn box_of(item: &Value) -> Option<[f64; 4]> {
    let numbers: Vec<f64> = item.get("bbox")?.as_array()?.iter().map_while(Value::as_f64).collect();
    match numbers[..] {
        [west, south, east, north] | [west, south, _, east, north, _] => Some([west, south, east, north]),
        _ => None,
    }
}

/// True where two boxes in degrees share a point. Either may go over 180°.
fn meet(a: [f64; 4], b: [f64; 4]) -> bool {
    let spans = |[west, _, east, _]: [f64; 4]| {
        if west <= east { vec![(west, east)] } else { vec![(west, 180.0), (-180.0, east)] }
    };
    let lon = spans(a).iter().any(|(w, e)| spans(b).iter().any(|(v, f)| w <= f && v <= e));
    lon && a[1] <= b[3] && b[1] <= a[3]
}

fn time_of(properties: Option<&Value>) -> Option<TimeRange> {
    let at = |key: &str| parse_instant(properties?.get(key)?.as_str()?).ok();
    match (at("start_datetime"), at("end_datetime"), at("datetime")) {
        (Some(begin), Some(end), _) if begin <= end => Some(TimeRange { begin, end }),
        (_, _, Some(at)) => Some(TimeRange::instant(at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_meet_over_the_antimeridian() {
        assert!(meet([170.0, -10.0, -170.0, 10.0], [-175.0, 0.0, -174.0, 1.0]));
        assert!(meet([170.0, -10.0, -170.0, 10.0], [179.0, 0.0, -179.0, 1.0]));
        assert!(!meet([170.0, -10.0, -170.0, 10.0], [0.0, 0.0, 1.0, 1.0]));
        assert!(!meet([0.0, 0.0, 1.0, 1.0], [0.0, 2.0, 1.0, 3.0]));
    }

    #[test]
    fn a_query_is_written_as_stac_has_it() {
        let time = "2034-05-17/..".parse().unwrap();
        let query =
            StacQuery { bbox: Some([1.0, 2.0, 3.5, 4.0]), time: Some(time), limit: Some(7), ..StacQuery::default() };
        let body = json!({"collections": ["c"], "bbox": [1.0, 2.0, 3.5, 4.0], "datetime": "2034-05-17T00:00:00Z/..", "limit": 7});
        assert_eq!(query.body("c"), body);
        let mut url = Url::parse("https://host/search").unwrap();
        query.in_url(&mut url, Some("c"));
        assert_eq!(
            url.query(),
            Some("collections=c&bbox=1%2C2%2C3.5%2C4&datetime=2034-05-17T00%3A00%3A00Z%2F..&limit=7")
        );
    }

    #[test]
    fn items_are_wanted_by_collection_place_and_time() {
        let item =
            json!({"collection": "c", "bbox": [0, 0, 0, 1, 1, 9], "properties": {"datetime": "2034-05-17T10:00:00Z"}});
        let wants = |query: StacQuery| query.wants(&item);
        assert!(wants(StacQuery::default()));
        assert!(wants(StacQuery {
            bbox: Some([0.5, 0.5, 2.0, 2.0]),
            time: "2034-05".parse().ok(),
            ..StacQuery::default()
        }));
        assert!(!wants(StacQuery { collections: vec!["d".to_owned()], ..StacQuery::default() }));
        assert!(!wants(StacQuery { time: "2034-06".parse().ok(), ..StacQuery::default() }));
        assert!(!wants(StacQuery { bbox: Some([1.5, 0.5, 2.0, 2.0]), ..StacQuery::default() }));
    }
}
