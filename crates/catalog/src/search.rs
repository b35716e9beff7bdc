//! Searches.

use std::sync::Arc;

use cube_model::{Dataset, Search};
use uuid::Uuid;

use crate::datasets::stored_datasets;
use crate::definitions::{Definitions, ProductEntry};
use crate::geometry::{Area, footprint};
use crate::rows::{Candidate, Micros, Place, Selection, Version};
use crate::store::{Purpose, Transaction};
use crate::terms::{Compiled, boxes_of, compile};
use crate::{Catalog, Result};

/// A search made ready for one state of the catalog: what the store selects, and what is tested after it.
struct Plan {
    selection: Selection,
    places: Vec<Place>,
    limit: Option<usize>,
}

impl Catalog {
    /// The datasets that a search asks for, in the order of (centre time, id); a limit counts over all products
    /// together.
    ///
    /// An area is compared with footprints exactly, in longitude and latitude: holes and parts count, edges that touch
    /// touch, ±180 is one meridian. The fields `id`, `product`, `metadata_type`, `time`, `lat`, `lon`, `location` (or
    /// `uri`) and `indexed_time` are there for every product; `lat` and `lon` are those of the box around a footprint.
    /// A product without a field that others have, or a dataset without a value, passes no test on it, and so passes a
    /// negated one. Times are compared by whole microseconds.
    ///
    /// # Errors
    /// Where the search is faulty, a product is unknown, no product searched has a field, a value does not fit its field, or the area cannot
    /// be shown in longitude and latitude.
    pub async fn search(&self, search: &Search) -> Result<Vec<Dataset>> {
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        let found = self.find(&mut *transaction, plan(search, &definitions)?, &versions).await?;
        stored_datasets(&mut *transaction, &definitions, &found).await
    }

    /// The ids of the datasets that [`Catalog::search`] finds, in its order.
    ///
    /// # Errors
    /// As [`Catalog::search`].
    pub async fn search_ids(&self, search: &Search) -> Result<Vec<Uuid>> {
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        self.find(&mut *transaction, plan(search, &definitions)?, &versions).await
    }

    /// How many datasets [`Catalog::search`] finds.
    ///
    /// # Errors
    /// As [`Catalog::search`].
    pub async fn count(&self, search: &Search) -> Result<u64> {
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        let plan = plan(search, &definitions)?;
        if plan.places.is_empty() {
            let count = transaction.count(&plan.selection).await?;
            return Ok(plan.limit.map_or(count, |limit| count.min(limit as u64)));
        }
        Ok(self.find(&mut *transaction, plan, &versions).await?.len() as u64)
    }

    async fn begin_search(&self, search: &Search) -> Result<(Box<dyn Transaction>, Arc<Definitions>, Vec<Version>)> {
        search.check()?;
        let mut transaction = self.store.begin(Purpose::Read).await?;
        let wanted = |definitions: &Definitions| product_keys(search, definitions);
        let (definitions, state) = self.state(&mut *transaction, wanted).await?;
        Ok((transaction, definitions, state.versions))
    }

    async fn find(&self, transaction: &mut dyn Transaction, mut plan: Plan, versions: &[Version]) -> Result<Vec<Uuid>> {
        if plan.limit == Some(0) {
            return Ok(Vec::new());
        }
        let Selection { boxes, times, status, ids, .. } = &plan.selection;
        let asked = ids.is_none() && !(boxes.is_empty() && times.is_empty());
        if let Some(cache) = self.cache.as_ref().filter(|_| asked) {
            plan.selection.keys = cache.find(transaction, versions, boxes, times, *status).await?;
            if plan.selection.keys.as_ref().is_some_and(Vec::is_empty) {
                return Ok(Vec::new());
            }
        }
        plan.selection.place = !plan.places.is_empty();
        if plan.places.is_empty() {
            plan.selection.limit = plan.limit;
        }
        let mut found = Vec::new();
        for candidate in transaction.candidates(&plan.selection).await? {
            if passes(&plan.places, &candidate)? {
                found.push(candidate.id);
                if Some(found.len()) == plan.limit {
                    break;
                }
            }
        }
        Ok(found)
    }
}

fn passes(places: &[Place], candidate: &Candidate) -> Result<bool> {
    let Some((boxes, bytes)) = &candidate.place else { return Ok(true) };
    for place in places {
        if !place.accepts(boxes, || footprint(bytes))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The keys of the products a search names; `None` for all.
fn product_keys(search: &Search, definitions: &Definitions) -> Result<Option<Vec<i64>>> {
    if search.products.is_empty() {
        return Ok(None);
    }
    search.products.iter().map(|name| definitions.product(name).map(|p| p.key)).collect::<Result<_>>().map(Some)
}

fn plan(search: &Search, definitions: &Definitions) -> Result<Plan> {
    let searched: Vec<&ProductEntry> = if search.products.is_empty() {
        definitions.products().map(Arc::as_ref).collect()
    } else {
        search.products.iter().map(|name| definitions.product(name).map(Arc::as_ref)).collect::<Result<_>>()?
    };
    let mut places = Vec::new();
    let mut terms = Vec::new();
    for term in &search.fields {
        match compile(term, &searched, definitions)? {
            Compiled::Values(term) => terms.push(term),
            Compiled::Place(place) => places.push(place),
        }
    }
    let mut boxes = boxes_of(&places).unwrap_or_default();
    if let Some(area) = &search.area {
        let area = Area::new(area)?;
        boxes = area.boxes().to_vec();
        places.push(Place::Area(Box::new(area)));
    }
    let selection = Selection {
        products: product_keys(search, definitions)?,
        keys: None,
        ids: search.ids.clone(),
        times: search.times.iter().map(|time| Micros::inside(time.begin, time.end)).collect(),
        boxes,
        terms,
        status: search.status,
        limit: None,
        place: false,
    };
    Ok(Plan { selection, places, limit: search.limit })
}
