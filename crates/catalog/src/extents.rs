//! Where and when the datasets of a search are, all together.

use cube_geo::{BoundingBox, Crs, Footprint, LonLatExtent};
use cube_model::{Search, Status, TimeRange};
use jiff::Timestamp;
use uuid::Uuid;

use crate::geometry::footprint;
use crate::rows::{Micros, Selection};
use crate::search::plan;
use crate::store::Transaction;
use crate::{Catalog, CatalogError, Result};

/// Datasets that are read at once.
const AT_ONCE: usize = 1000;

/// Where and when some datasets are.
#[derive(Debug, Clone, PartialEq)]
pub struct Extent {
    /// How many datasets.
    pub datasets: u64,
    /// From the first begin to the last end.
    pub time: TimeRange,
    /// The range of longitudes and latitudes around them, in degrees; where they cross the antimeridian, its east is past
    /// 180.
    pub lonlat: LonLatExtent,
    /// The ground that any of them covers, in the CRS asked for. In longitude and latitude it is split at ±180.
    pub outline: Footprint,
}

impl Catalog {
    /// Where and when the datasets that a search finds are; `None` where it finds none. The outline is in longitude and
    /// latitude, or in `crs`.
    ///
    /// For some ids, give a search for these and [`Status::All`]; a product's extent is that of its active datasets.
    ///
    /// # Errors
    /// As [`Catalog::search`], or where the outline has no image in the CRS.
    pub async fn extent(&self, search: &Search, crs: Option<&Crs>) -> Result<Option<Extent>> {
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        let found = self.find_ordered(&mut *transaction, search, &definitions, &versions).await?;
        let mut time: Option<Micros> = None;
        let mut around = Around::default();
        let mut outline: Option<Footprint> = None;
        let refuse = |source| CatalogError::Area { source };
        for some in found.chunks(AT_ONCE) {
            for row in transaction.facts(some, &[]).await? {
                let so_far = time.get_or_insert(row.time);
                *so_far = Micros { begin: so_far.begin.min(row.time.begin), end: so_far.end.max(row.time.end) };
                around.add(&row.boxes);
            }
            let parts = footprints(&mut *transaction, some).await?;
            let parts = parts.into_iter().chain(outline.take()).flat_map(|one| one.into_polygons().0);
            let lonlat = Crs::lonlat().map_err(|e| refuse(e.into()))?;
            outline = Some(Footprint::union_of(parts, &lonlat).map_err(refuse)?);
        }
        let (Some(time), Some(mut outline)) = (time, outline) else { return Ok(None) };
        if let Some(crs) = crs {
            outline = outline.to_crs(crs).map_err(refuse)?;
        }
        let (datasets, lonlat) = (found.len() as u64, around.extent());
        Ok(Some(Extent { datasets, time: range(time), lonlat, outline }))
    }

    /// From the first begin to the last end of the datasets that a search finds; `None` where it finds none.
    ///
    /// # Errors
    /// As [`Catalog::search`].
    pub async fn temporal_extent(&self, search: &Search) -> Result<Option<TimeRange>> {
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        let plan = plan(search, &definitions)?;
        if plan.places.is_empty() && search.limit.is_none() {
            return Ok(transaction.span(&plan.selection).await?.map(|span| range(span.time)));
        }
        let found = self.find_ordered(&mut *transaction, search, &definitions, &versions).await?;
        let mut time: Option<Micros> = None;
        for some in found.chunks(AT_ONCE) {
            for row in transaction.facts(some, &[]).await? {
                let so_far = time.get_or_insert(row.time);
                *so_far = Micros { begin: so_far.begin.min(row.time.begin), end: so_far.end.max(row.time.end) };
            }
        }
        Ok(time.map(range))
    }

    /// When a dataset of a product was last added, changed or archived; `None` where it has none.
    ///
    /// # Errors
    /// Where there is no such product.
    pub async fn most_recent_change(&self, product: &str) -> Result<Option<Timestamp>> {
        let (mut transaction, definitions) = self.read().await?;
        let last = transaction.last_change(definitions.product(product)?.key).await?;
        Ok(last.and_then(|at| Timestamp::from_microsecond(at).ok()))
    }
}

/// The footprints of datasets, in longitude and latitude.
async fn footprints(transaction: &mut dyn Transaction, ids: &[Uuid]) -> Result<Vec<Footprint>> {
    let selection = Selection { ids: Some(ids.to_vec()), status: Status::All, place: true, ..Selection::default() };
    let found = transaction.candidates(&selection).await?;
    found.iter().filter_map(|one| one.place.as_ref()).map(|(_, wkb)| footprint(wkb)).collect()
}

fn range(time: Micros) -> TimeRange {
    let at = |micros| Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
    TimeRange { begin: at(time.begin), end: at(time.end) }
}

/// The box around boxes, the shorter way round the Earth.
#[derive(Debug)]
struct Around {
    south: f64,
    north: f64,
    /// Ranges of longitudes that do not meet, from west to east.
    lons: Vec<(f64, f64)>,
}

impl Default for Around {
    fn default() -> Self {
        Self { south: f64::INFINITY, north: f64::NEG_INFINITY, lons: Vec::new() }
    }
}

impl Around {
    fn add(&mut self, boxes: &[BoundingBox]) {
        for b in boxes {
            self.south = self.south.min(b.bottom);
            self.north = self.north.max(b.top);
            // All the ranges that the new one meets become one with it.
            let first = self.lons.partition_point(|(_, east)| *east < b.left);
            let after = self.lons.partition_point(|(west, _)| *west <= b.right);
            let met = &self.lons[first..after];
            let west = met.first().map_or(b.left, |range| range.0.min(b.left));
            let east = met.last().map_or(b.right, |range| range.1.max(b.right));
            self.lons.splice(first..after, [(west, east)]);
        }
    }

    /// The extent. Only what reaches ±180 from both sides is taken to cross it: then the widest gap is left out.
    fn extent(&self) -> LonLatExtent {
        let (Some((west, _)), Some((_, east))) = (self.lons.first().copied(), self.lons.last().copied()) else {
            return LonLatExtent { west: 0.0, south: 0.0, east: 0.0, north: 0.0 };
        };
        let (south, north) = (self.south, self.north);
        let gaps = self.lons.windows(2).map(|pair| (pair[0].1, pair[1].0));
        let widest = gaps.max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
        match widest {
            Some((from, to)) if west <= -180.0 && east >= 180.0 => {
                LonLatExtent { west: to, south, east: from + 360.0, north }
            }
            _ => LonLatExtent { west, south, east, north },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn around(ranges: &[(f64, f64)]) -> (f64, f64) {
        let mut around = Around::default();
        for (west, east) in ranges {
            around.add(&[BoundingBox::new(*west, 0.0, *east, 1.0)]);
        }
        let extent = around.extent();
        (extent.west, extent.east)
    }

    #[test]
    fn what_reaches_180_from_both_sides_crosses_it() {
        assert_eq!(around(&[(10.0, 11.0), (-5.0, 3.0)]), (-5.0, 11.0));
        assert_eq!(around(&[(170.0, 180.0), (-180.0, -175.0)]), (170.0, 185.0));
        assert_eq!(around(&[(170.0, 180.0), (-180.0, -175.0), (0.0, 100.0)]), (0.0, 185.0));
        assert_eq!(around(&[(-180.0, 180.0), (3.0, 4.0)]), (-180.0, 180.0));
        assert_eq!(around(&[(170.0, 179.0), (-179.0, -175.0)]), (-179.0, 179.0), "nothing is at 180");
    }

    proptest! {
        #[test]
        fn ranges_that_meet_become_one(all in proptest::collection::vec((0_i32..60, 0_i32..6), 1..30)) {
            let mut around = Around::default();
            for (west, width) in &all {
                around.add(&[BoundingBox::new(f64::from(*west), 0.0, f64::from(west + width), 1.0)]);
            }
            prop_assert!(around.lons.windows(2).all(|w| w[0].1 < w[1].0), "{:?}", around.lons);
            for half in 0..140 {
                let at = f64::from(half) / 2.0;
                let inside = |(west, width): &(i32, i32)| f64::from(*west) <= at && at <= f64::from(west + width);
                let held = around.lons.iter().any(|(west, east)| *west <= at && at <= *east);
                prop_assert_eq!(held, all.iter().any(inside), "{}", at);
            }
        }
    }
}
