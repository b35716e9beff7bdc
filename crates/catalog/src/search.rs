//! Searches.

use std::collections::HashSet;
use std::sync::Arc;

use cube_geo::BoundingBox;
use cube_model::{Dataset, Search};
use uuid::Uuid;

use crate::cache::{CacheSize, Found, Hit, Question, Tree};
use crate::datasets::stored_datasets;
use crate::definitions::{Definitions, ProductEntry};
use crate::geometry::{Area, footprint};
use crate::returning::{is_ordered, ordered};
use crate::rows::{Candidate, Micros, Place, Selection, Version};
use crate::store::{Purpose, Transaction};
use crate::terms::{Compiled, boxes_of, compile};
use crate::{Catalog, Result};

/// Where the cache finds more than so many, the database's own index is faster than a list of them.
const MOST_KEYS: usize = 10_000;
/// So many footprints are read at once to settle what the cache leaves open.
const CHUNK: usize = 512;

/// A search made ready for one state of the catalog: what the store selects, and what is tested after it.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) selection: Selection,
    pub(crate) places: Vec<Place>,
    /// The area as rectangles; `None` where it, or another test in space, is more than that.
    rectangles: Option<Vec<BoundingBox>>,
    /// How many are wanted in the order of (centre time, id); none where the search wants another order.
    pub(crate) limit: Option<usize>,
}

impl Catalog {
    /// The datasets that a search asks for, in its order, else in that of (centre time, id); a limit counts over all
    /// products together.
    ///
    /// A search may be ordered by what [`Catalog::fields_of`] returns. Ranges are ordered by their middle; datasets without
    /// a value come last; what is equal is in the order of (centre time, id).
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
        let found = self.find_ordered(&mut *transaction, search, &definitions, &versions).await?;
        stored_datasets(&mut *transaction, &definitions, &found).await
    }

    /// The ids of the datasets that a search finds, and the transaction that they were found in.
    pub(crate) async fn found(&self, search: &Search) -> Result<(Box<dyn Transaction>, Arc<Definitions>, Vec<Uuid>)> {
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        let found = self.find(&mut *transaction, plan(search, &definitions)?, &versions).await?;
        Ok((transaction, definitions, found))
    }

    /// The ids of the datasets that [`Catalog::search`] finds, in its order.
    ///
    /// # Errors
    /// As [`Catalog::search`].
    pub async fn search_ids(&self, search: &Search) -> Result<Vec<Uuid>> {
        if let Some(found) = self.remembered(search).await? {
            return Ok(found);
        }
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        self.find_ordered(&mut *transaction, search, &definitions, &versions).await
    }

    /// How many datasets [`Catalog::search`] finds.
    ///
    /// # Errors
    /// As [`Catalog::search`].
    pub async fn count(&self, search: &Search) -> Result<u64> {
        if let Some(found) = self.remembered(search).await? {
            return Ok(found.len() as u64);
        }
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        let mut plan = plan(search, &definitions)?;
        plan.limit = search.limit;
        self.count_of(&mut *transaction, plan, &versions).await
    }

    /// How many datasets a plan finds.
    pub(crate) async fn count_of(
        &self,
        transaction: &mut dyn Transaction,
        plan: Plan,
        versions: &[Version],
    ) -> Result<u64> {
        if plan.places.is_empty() && !self.remembers(&plan, versions) {
            let count = transaction.count(&plan.selection).await?;
            return Ok(plan.limit.map_or(count, |limit| count.min(limit as u64)));
        }
        Ok(self.find(transaction, plan, versions).await?.len() as u64)
    }

    pub(crate) async fn begin_search(
        &self,
        search: &Search,
    ) -> Result<(Box<dyn Transaction>, Arc<Definitions>, Vec<Version>)> {
        search.check()?;
        let mut transaction = self.store.begin(Purpose::Read).await?;
        let wanted = |definitions: &Definitions| product_keys(search, definitions);
        let (definitions, state) = self.state(&mut *transaction, wanted).await?;
        Ok((transaction, definitions, state.versions))
    }

    /// What the cache says without a look at the database: ids as of the last search that asked it, perhaps behind.
    /// `None` where it cannot say: a product has no tree yet, the search asks for more than product, place, time and
    /// status, or a footprint must be looked at. To measure the cache alone; [`Catalog::search_ids`] is never behind.
    ///
    /// # Errors
    /// As [`Catalog::search`].
    pub fn ids_in_cache(&self, search: &Search) -> Result<Option<Vec<Uuid>>> {
        search.check()?;
        let definitions = self.held();
        let Some(cache) = self.cache.as_ref().filter(|_| is_plain(search)) else { return Ok(None) };
        let trees = match product_keys(search, &definitions)? {
            Some(keys) => cache.latest(keys),
            None => cache.latest(definitions.products().map(|product| product.key)),
        };
        let Some(trees) = trees else { return Ok(None) };
        let hits = look_up(&trees, &plan(search, &definitions)?);
        let sure = hits.iter().all(|hit| !hit.doubtful);
        Ok(sure.then(|| hits.into_iter().map(|hit| hit.id).collect()))
    }

    /// What the cache holds; nothing without one.
    #[must_use]
    pub fn cache_size(&self) -> CacheSize {
        self.cache.as_ref().map(|cache| cache.size()).unwrap_or_default()
    }

    /// The answer from memory: where the search asks of product, place, time and status alone, and all its trees are of
    /// the versions that one statement reads now.
    async fn remembered(&self, search: &Search) -> Result<Option<Vec<Uuid>>> {
        let Some(cache) = &self.cache else { return Ok(None) };
        search.check()?;
        if !is_plain(search) {
            return Ok(None);
        }
        let definitions = self.held();
        // A product may be new: only what the database says now counts.
        let Ok(products) = product_keys(search, &definitions) else { return Ok(None) };
        let held = match &products {
            Some(keys) => cache.holds(keys.iter().copied()),
            None => cache.holds(definitions.products().map(|product| product.key)),
        };
        if !held {
            return Ok(None);
        }
        let state = self.store.state(products.as_deref()).await?;
        if state.definitions != definitions.generation {
            return Ok(None);
        }
        let Some(trees) = cache.trees(&state.versions) else { return Ok(None) };
        let plan = plan(search, &definitions)?;
        let hits = look_up(&trees, &plan);
        if hits.iter().all(|hit| !hit.doubtful) {
            return Ok(Some(hits.into_iter().map(|hit| hit.id).collect()));
        }
        let (mut transaction, _, versions) = self.begin_search(search).await?;
        if versions != state.versions {
            return Ok(None);
        }
        settle(&mut *transaction, plan, hits).await.map(Some)
    }

    /// Whether the cache has, or now gets, what answers a search without its terms.
    fn remembers(&self, plan: &Plan, versions: &[Version]) -> bool {
        let asked = plan.is_placed() && plan.selection.terms.is_empty();
        asked && self.cache.as_ref().is_some_and(|cache| cache.holds(versions.iter().map(|version| version.product)))
    }

    /// What a search finds, in its order.
    pub(crate) async fn find_ordered(
        &self,
        transaction: &mut dyn Transaction,
        search: &Search,
        definitions: &Definitions,
        versions: &[Version],
    ) -> Result<Vec<Uuid>> {
        let found = self.find(transaction, plan(search, definitions)?, versions).await?;
        if is_ordered(search) { ordered(transaction, definitions, search, found).await } else { Ok(found) }
    }

    async fn find(&self, transaction: &mut dyn Transaction, mut plan: Plan, versions: &[Version]) -> Result<Vec<Uuid>> {
        if plan.limit == Some(0) {
            return Ok(Vec::new());
        }
        if let Some(cache) = self.cache.as_ref().filter(|_| plan.is_placed())
            && let Some(trees) = cache.refreshed(transaction, versions).await?
        {
            if plan.selection.terms.is_empty() {
                let hits = look_up(&trees, &plan);
                return settle(transaction, plan, hits).await;
            }
            // The limit counts what passes the terms too.
            let limit = plan.limit.take();
            let hits = look_up(&trees, &plan);
            plan.limit = limit;
            if hits.is_empty() {
                return Ok(Vec::new());
            }
            if hits.len() <= MOST_KEYS {
                if hits.iter().all(|hit| !hit.doubtful) {
                    plan.places = Vec::new();
                }
                plan.selection.keys = Some(hits.into_iter().map(|hit| hit.key).collect());
            }
        }
        from_store(transaction, plan).await
    }
}

impl Plan {
    /// Whether it asks for a place or a time, among all datasets.
    fn is_placed(&self) -> bool {
        self.selection.ids.is_none() && !(self.selection.boxes.is_empty() && self.selection.times.is_empty())
    }
}

/// Whether a search asks of product, place, time and status alone.
fn is_plain(search: &Search) -> bool {
    search.fields.is_empty() && search.ids.is_none() && !is_ordered(search)
}

/// What the trees say of products, place, times and status, in the order of the answer. What they leave doubtful has only
/// its boxes in the place.
fn look_up(trees: &[Arc<Tree>], plan: &Plan) -> Vec<Hit> {
    let Selection { boxes, times, status, .. } = &plan.selection;
    let question = match &plan.rectangles {
        Some(rectangles) => Question::new(rectangles, true, times, *status),
        None => Question::new(boxes, false, times, *status),
    };
    let mut found = Found::new(plan.limit);
    for tree in trees {
        tree.find(&question, &mut found);
    }
    found.into_hits()
}

/// The answer of what the trees said, with the footprints asked where they left it open.
async fn settle(transaction: &mut dyn Transaction, plan: Plan, hits: Vec<Hit>) -> Result<Vec<Uuid>> {
    let open = hits.iter().filter(|hit| hit.doubtful).count();
    if open > MOST_KEYS && plan.limit.is_none() {
        return from_store(transaction, plan).await;
    }
    let limit = plan.limit.unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let mut rest = &hits[..];
    while found.len() < limit && !rest.is_empty() {
        // As many as hold a chunk of open ones.
        let end = rest.iter().enumerate().filter(|(_, hit)| hit.doubtful).nth(CHUNK - 1);
        let (chunk, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at + 1));
        rest = after;
        let keys: Vec<i64> = chunk.iter().filter(|hit| hit.doubtful).map(|hit| hit.key).collect();
        let passed: HashSet<Uuid> = if keys.is_empty() {
            HashSet::new()
        } else {
            let selection = Selection { keys: Some(keys), place: true, ..plan.selection.clone() };
            passing(transaction.candidates(&selection).await?, &plan.places, usize::MAX)?.into_iter().collect()
        };
        found.extend(chunk.iter().filter(|hit| !hit.doubtful || passed.contains(&hit.id)).map(|hit| hit.id));
    }
    found.truncate(limit);
    Ok(found)
}

/// The answer of the database.
async fn from_store(transaction: &mut dyn Transaction, mut plan: Plan) -> Result<Vec<Uuid>> {
    plan.selection.place = !plan.places.is_empty();
    if plan.places.is_empty() {
        plan.selection.limit = plan.limit;
    }
    let candidates = transaction.candidates(&plan.selection).await?;
    passing(candidates, &plan.places, plan.limit.unwrap_or(usize::MAX))
}

/// The first of these that pass all tests in space.
fn passing(candidates: Vec<Candidate>, places: &[Place], limit: usize) -> Result<Vec<Uuid>> {
    let mut found = Vec::new();
    for candidate in candidates {
        if found.len() == limit {
            break;
        }
        if passes(places, &candidate)? {
            found.push(candidate.id);
        }
    }
    Ok(found)
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

pub(crate) fn plan(search: &Search, definitions: &Definitions) -> Result<Plan> {
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
    let mut rectangles = places.is_empty().then(Vec::new);
    if let Some(area) = &search.area {
        let area = Area::new(area)?;
        boxes = area.boxes().to_vec();
        rectangles = rectangles.and_then(|_| area.rectangles());
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
    let limit = if is_ordered(search) { None } else { search.limit };
    Ok(Plan { selection, places, rectangles, limit })
}
