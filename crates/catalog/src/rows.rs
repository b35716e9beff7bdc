//! What goes in and out of a store: plain rows.

use cube_geo::{BoundingBox, Footprint};
use cube_model::{Dataset, Status};
use jiff::Timestamp;
use uuid::Uuid;

use crate::cache::Builder;
use crate::geometry::{Area, wkb};
use crate::{CatalogError, Result, SourceDigest, outline};

/// How far the catalog is, as each search reads it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// The number of the definitions: products and metadata types.
    pub(crate) definitions: i64,
    /// The versions of the products.
    pub(crate) versions: Vec<Version>,
}

/// The version of one product's datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) product: i64,
    /// Goes up with each transaction that changes its datasets.
    pub(crate) number: i64,
    /// What is known as of an older version than this cannot be brought up to date by changes alone.
    pub(crate) reload: i64,
}

/// A product whose datasets a transaction changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProductChange {
    pub(crate) product: i64,
    /// The keys of the datasets that were added, changed or deleted.
    pub(crate) datasets: Vec<i64>,
}

impl ProductChange {
    /// One change a product, in the order of their keys, of products and keys of datasets.
    pub(crate) fn all_of(datasets: impl IntoIterator<Item = (i64, i64)>) -> Vec<Self> {
        let mut products = std::collections::BTreeMap::<i64, Vec<i64>>::new();
        for (product, key) in datasets {
            products.entry(product).or_default().push(key);
        }
        products.into_iter().map(|(product, datasets)| Self { product, datasets }).collect()
    }
}

/// Keys as bytes: the first and the last of each run of neighbours, little-endian. A bulk load is one run.
pub(crate) fn key_bytes(keys: &[i64]) -> Vec<u8> {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let runs = sorted.chunk_by(|a, b| a + 1 == *b);
    runs.flat_map(|run| [run[0], run[run.len() - 1]]).flat_map(i64::to_le_bytes).collect()
}

/// The keys of bytes.
pub(crate) fn keys(bytes: &[u8]) -> impl Iterator<Item = i64> + '_ {
    let ends = |run: &[u8; 16]| {
        let (first, last) = run.split_at(8);
        let end = |bytes: &[u8]| bytes.try_into().map(i64::from_le_bytes).unwrap_or_default();
        end(first)..=end(last)
    };
    bytes.as_chunks().0.iter().flat_map(ends)
}

/// All definitions.
#[derive(Debug, Clone, Default)]
pub(crate) struct DefinitionRows {
    pub(crate) generation: i64,
    /// Names and documents.
    pub(crate) metadata_types: Vec<(String, String)>,
    /// Keys and rows.
    pub(crate) products: Vec<(i64, ProductRow)>,
    /// Key, product key and name of each search field.
    pub(crate) fields: Vec<(i64, i64, String)>,
}

/// A product as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProductRow {
    pub(crate) name: String,
    pub(crate) metadata_type: String,
    pub(crate) document: String,
}

/// A dataset as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct DatasetRow {
    pub(crate) id: Uuid,
    pub(crate) product: i64,
    pub(crate) time: Micros,
    pub(crate) center: i64,
    pub(crate) location: Option<String>,
    /// One box, or two where the footprint crosses the antimeridian.
    pub(crate) boxes: Vec<BoundingBox>,
    /// WKB in lon/lat.
    pub(crate) footprint: Vec<u8>,
    /// The footprint for the cache: see `outline.rs`.
    pub(crate) outline: Vec<u8>,
    pub(crate) document: String,
    /// What its source text is told by, where it is known.
    pub(crate) digest: Option<SourceDigest>,
    pub(crate) values: Values,
    /// Classifier and id of each source.
    pub(crate) lineage: Vec<(String, Uuid)>,
    /// When another catalog, which it is copied from, took it in; now where there is none.
    pub(crate) added: Option<i64>,
    /// Since when it is archived there. Only an insert looks at it.
    pub(crate) archived: Option<i64>,
}

impl DatasetRow {
    pub(crate) fn new(dataset: &Dataset, product: i64, values: Values, digest: Option<SourceDigest>) -> Result<Self> {
        let id = dataset.id;
        let refuse = |source| CatalogError::Footprint { id, source };
        let lonlat = dataset.footprint.to_lonlat().map_err(refuse)?;
        let boxes = lonlat.lonlat_boxes().map_err(refuse)?;
        Ok(Self {
            id,
            product,
            time: Micros::around(dataset.time.begin, dataset.time.end),
            center: dataset.time.center().as_microsecond(),
            location: dataset.location.clone(),
            outline: outline::encode(lonlat.polygons(), &boxes),
            boxes,
            footprint: wkb(lonlat.polygons()),
            document: dataset.document.to_string(),
            digest,
            values,
            lineage: dataset
                .lineage
                .iter()
                .flat_map(|(classifier, ids)| ids.iter().map(move |source| (classifier.clone(), *source)))
                .collect(),
            added: None,
            archived: None,
        })
    }
}

/// A range of time in microseconds since 1970, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Micros {
    pub(crate) begin: i64,
    pub(crate) end: i64,
}

impl Micros {
    /// Always.
    pub(crate) const EVER: Self = Self { begin: i64::MIN, end: i64::MAX };

    /// The whole microseconds around a stored range: never less than the range.
    pub(crate) fn around(begin: Timestamp, end: Timestamp) -> Self {
        Self { begin: floor_micros(begin), end: ceil_micros(end) }
    }

    /// The whole microseconds inside an asked range: what is stored is whole microseconds, so that nothing is lost. An
    /// instant between two of them stands for the one before.
    pub(crate) fn inside(begin: Timestamp, end: Timestamp) -> Self {
        let end = floor_micros(end);
        Self { begin: ceil_micros(begin).min(end), end }
    }

    pub(crate) const fn overlaps(self, other: Self) -> bool {
        self.begin <= other.end && other.begin <= self.end
    }
}

fn floor_micros(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond().div_euclid(1000)).unwrap_or(at.as_microsecond())
}

fn ceil_micros(at: Timestamp) -> i64 {
    i64::try_from(-(-at.as_nanosecond()).div_euclid(1000)).unwrap_or(at.as_microsecond())
}

/// The values of a dataset's search fields, by field key.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Values {
    pub(crate) texts: Vec<(i64, String)>,
    pub(crate) numbers: Vec<(i64, f64, f64)>,
    pub(crate) times: Vec<(i64, Micros)>,
}

/// A dataset as it comes out.
#[derive(Debug, Clone)]
pub(crate) struct StoredRow {
    pub(crate) key: i64,
    pub(crate) id: Uuid,
    pub(crate) product: i64,
    pub(crate) archived: Option<i64>,
    pub(crate) location: Option<String>,
    pub(crate) document: String,
}

/// What is known of a dataset without its document.
#[derive(Debug, Clone)]
pub(crate) struct FactRow {
    pub(crate) key: i64,
    pub(crate) id: Uuid,
    pub(crate) product: i64,
    pub(crate) time: Micros,
    pub(crate) archived: Option<i64>,
    pub(crate) added: i64,
    pub(crate) location: Option<String>,
    pub(crate) boxes: Vec<BoundingBox>,
    /// Of the fields asked for.
    pub(crate) values: Values,
}

/// What a duplicate is told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownRow {
    pub(crate) id: Uuid,
    pub(crate) archived: bool,
    pub(crate) digest: Option<SourceDigest>,
}

/// What the cache knows of a dataset.
#[derive(Debug, Clone)]
pub(crate) struct BoxRow {
    pub(crate) key: i64,
    pub(crate) id: Uuid,
    pub(crate) time: Micros,
    pub(crate) center: i64,
    pub(crate) boxes: Vec<BoundingBox>,
    /// See `outline.rs`.
    pub(crate) outline: Vec<u8>,
    pub(crate) archived: bool,
}

/// What changed of a product, or all of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// Datasets as they are now, each put away as it is read: a million rows as values of their own would take thrice the
    /// memory.
    pub(crate) rows: Builder,
    /// Keys of datasets that are not there any more.
    pub(crate) gone: Vec<i64>,
    /// True where these are all datasets of the product, and not only what changed.
    pub(crate) whole: bool,
}

/// Where more datasets changed than so many, reading the whole product takes less time and memory than reading them by
/// their keys.
const MOST_CHANGES: i64 = 100_000;

/// The keys of lists of changes, each once; `None` where they are too many.
pub(crate) fn changed_keys(lists: &[Vec<u8>]) -> Option<Vec<i64>> {
    let many = |list: &[u8]| -> i64 {
        let end = |bytes: &[u8]| bytes.try_into().map(i64::from_le_bytes).unwrap_or_default();
        let runs =
            list.as_chunks::<16>().0.iter().map(|run| end(&run[8..]).saturating_sub(end(&run[..8])).saturating_add(1));
        runs.fold(0, i64::saturating_add)
    };
    if lists.iter().fold(0_i64, |sum, list| sum.saturating_add(many(list))) > MOST_CHANGES {
        return None;
    }
    let mut all: Vec<i64> = lists.iter().flat_map(|list| keys(list)).collect();
    all.sort_unstable();
    all.dedup();
    Some(all)
}

/// From the first begin to the last end of some datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) time: Micros,
    pub(crate) count: u64,
}

/// A dataset that a selection found.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) key: i64,
    pub(crate) id: Uuid,
    /// Boxes and footprint, where the selection asked for them.
    pub(crate) place: Option<(Vec<BoundingBox>, Vec<u8>)>,
}

/// An edge of the lineage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LineageRow {
    pub(crate) derived: Uuid,
    pub(crate) classifier: String,
    pub(crate) source: Uuid,
}

/// The name of the catalog where a dataset is at home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HomeRow {
    pub(crate) dataset: Uuid,
    pub(crate) home: String,
}

/// Which datasets: a search in the store's own terms. All terms must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// Of these products; of all without.
    pub(crate) products: Option<Vec<i64>>,
    /// With these keys, as the cache found them for `boxes` and `times`.
    pub(crate) keys: Option<Vec<i64>>,
    pub(crate) ids: Option<Vec<Uuid>>,
    /// Overlapping any of these; at any time where empty.
    pub(crate) times: Vec<Micros>,
    /// With a box that touches any of these; anywhere where empty. A store may find more than it was asked for.
    pub(crate) boxes: Vec<BoundingBox>,
    pub(crate) terms: Vec<Term>,
    pub(crate) status: Status,
    pub(crate) limit: Option<usize>,
    /// Whether candidates bring their place.
    pub(crate) place: bool,
}

/// A test on values: any of the conditions holds, or, negated, none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    pub(crate) any: Vec<Condition>,
    pub(crate) negated: bool,
}

/// A condition on a value of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// One of these fields has a text from the first to the last, either open.
    Text(Vec<i64>, Option<String>, Option<String>),
    /// One of these fields overlaps these numbers.
    Number(Vec<i64>, f64, f64),
    /// One of these fields overlaps this time.
    Time(Vec<i64>, Micros),
    /// The dataset's own time overlaps this.
    DatasetTime(Micros),
    /// It was indexed in this time.
    Indexed(Micros),
    /// Its location is this.
    Location(String),
    /// Its location begins with this.
    LocationPrefix(String),
    /// Its product is one of these.
    Product(Vec<i64>),
    /// Its id is this.
    Id(Uuid),
}

/// A test in space that no store does: footprints and boxes, exactly.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// The footprint touches this area.
    Area(Box<Area>),
    /// A box overlaps any of these longitudes (or none, negated).
    Longitude(Vec<(f64, f64)>, bool),
    /// A box overlaps any of these latitudes (or none, negated).
    Latitude(Vec<(f64, f64)>, bool),
}

impl Place {
    /// Whether a dataset with these boxes and this footprint passes.
    pub(crate) fn accepts(&self, boxes: &[BoundingBox], footprint: impl Fn() -> Result<Footprint>) -> Result<bool> {
        match self {
            Self::Area(area) => area.touches(boxes, footprint),
            Self::Longitude(ranges, negated) => {
                Ok(*negated
                    != boxes.iter().any(|b| ranges.iter().any(|(low, high)| b.left <= *high && *low <= b.right)))
            }
            Self::Latitude(ranges, negated) => {
                Ok(*negated
                    != boxes.iter().any(|b| ranges.iter().any(|(low, high)| b.bottom <= *high && *low <= b.top)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_their_runs() {
        for list in [vec![], vec![7], vec![1, 2, 3, 9, 11, 12], vec![i64::MIN, i64::MAX]] {
            assert_eq!(keys(&key_bytes(&list)).collect::<Vec<_>>(), list);
        }
        assert_eq!(key_bytes(&(5..10_005).rev().collect::<Vec<_>>()).len(), 16);
    }

    #[test]
    fn asked_times_keep_every_whole_microsecond_inside_them() {
        let at = |ns| Timestamp::from_nanosecond(ns).unwrap();
        assert_eq!(Micros::inside(at(1_001), at(5_999)), Micros { begin: 2, end: 5 });
        assert_eq!(Micros::inside(at(-1_999), at(-1)), Micros { begin: -1, end: -1 });
        assert_eq!(Micros::inside(at(1_500), at(1_500)), Micros { begin: 1, end: 1 });
        assert_eq!(Micros::around(at(1_001), at(5_001)), Micros { begin: 1, end: 6 });
    }
}
