//! Archiving, restoring and purging, with what was derived from a dataset where that is asked for.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use cube_model::{Search, Status};
use jiff::Timestamp;
use uuid::Uuid;

use crate::catalog::now;
use crate::definitions::Definitions;
use crate::lineage::{Direction, closure};
use crate::rows::ProductChange;
use crate::store::Transaction;
use crate::{Catalog, CatalogError, Result};

/// Ids and keys that one statement takes.
const TOGETHER: usize = 1000;

/// How long before or after its source a derived dataset may have been archived to be restored with it: ODC's.
pub const DERIVED_TOLERANCE: Duration = Duration::from_mins(10);

/// Which datasets a change is for.
#[derive(Debug, Clone, Copy)]
pub enum Chosen<'a> {
    /// These: all must be there.
    Ids(&'a [Uuid]),
    /// Those that a search finds. Its status does not matter: the change says which state it is for.
    Found(&'a Search),
}

/// How datasets are archived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// All that was made from them too, step by step.
    pub derived: bool,
    /// Say what would happen, write nothing.
    pub dry_run: bool,
}

/// How datasets are restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestoreOptions {
    /// All that was made from them too, step by step, where it was archived within this time of the dataset asked for
    /// (whenever, where that one is active).
    pub derived: Option<Duration>,
    /// Say what would happen, write nothing.
    pub dry_run: bool,
}

/// How datasets are deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgeOptions {
    /// Active ones too.
    pub force: bool,
    /// Say what would happen, write nothing.
    pub dry_run: bool,
}

/// A dataset that a change touched, or would touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its id.
    pub id: Uuid,
    /// Its product.
    pub product: String,
    /// Where its document is.
    pub location: Option<String>,
    /// Since when it was archived before the change; `None` where it was active.
    pub archived: Option<Timestamp>,
}

/// A dataset with its key.
struct Row {
    key: i64,
    product: i64,
    touched: Touched,
}

impl Catalog {
    /// Hides datasets from searches for active ones. Answers how many were active.
    ///
    /// # Errors
    /// Where one is not there: then none is archived.
    pub async fn archive(&self, ids: &[Uuid]) -> Result<usize> {
        Ok(self.archive_with(Chosen::Ids(ids), ArchiveOptions::default()).await?.len())
    }

    /// Makes archived datasets active again. Answers how many were archived.
    ///
    /// # Errors
    /// Where one is not there: then none is restored.
    pub async fn restore(&self, ids: &[Uuid]) -> Result<usize> {
        Ok(self.restore_with(Chosen::Ids(ids), RestoreOptions::default()).await?.len())
    }

    /// Deletes datasets from the catalog: archived ones, and with `force` active ones too. Their pixels stay where they
    /// are. Answers how many were deleted.
    ///
    /// # Errors
    /// Where one is not there, or is active and not forced: then none is deleted.
    pub async fn purge(&self, ids: &[Uuid], force: bool) -> Result<usize> {
        Ok(self.purge_with(Chosen::Ids(ids), PurgeOptions { force, dry_run: false }).await?.len())
    }

    /// Archives datasets, and answers those that were active. All or nothing.
    ///
    /// # Errors
    /// Where an id is not there, or the search is faulty: then none is archived.
    pub async fn archive_with(&self, chosen: Chosen<'_>, options: ArchiveOptions) -> Result<Vec<Touched>> {
        let ids = self.chosen(chosen, Status::Active).await?;
        let (mut transaction, definitions) = self.begin(options.dry_run).await?;
        let ids = self.settled(&mut *transaction, &definitions, chosen, ids, Status::Active, options.dry_run).await?;
        let mut wanted = ids.clone();
        if options.derived {
            wanted = closure(&mut *transaction, &ids, Direction::Derived, None).await?.ids;
        }
        let must = if matches!(chosen, Chosen::Ids(_)) { &ids[..] } else { &[] };
        let mut rows = rows(&mut *transaction, &definitions, wanted, must, !options.dry_run).await?;
        rows.retain(|row| row.touched.archived.is_none());
        set_archived(transaction, rows, Some(now()), options.dry_run).await
    }

    /// Restores datasets, and answers those that were archived. All or nothing.
    ///
    /// # Errors
    /// Where an id is not there, or the search is faulty: then none is restored.
    pub async fn restore_with(&self, chosen: Chosen<'_>, options: RestoreOptions) -> Result<Vec<Touched>> {
        let ids = self.chosen(chosen, Status::Archived).await?;
        let (mut transaction, definitions) = self.begin(options.dry_run).await?;
        let ids = self.settled(&mut *transaction, &definitions, chosen, ids, Status::Archived, options.dry_run).await?;
        let must = if matches!(chosen, Chosen::Ids(_)) { &ids[..] } else { &[] };
        let depth = if options.derived.is_some() { None } else { Some(0) };
        let reached = closure(&mut *transaction, &ids, Direction::Derived, depth).await?;
        let mut rows = rows(&mut *transaction, &definitions, reached.ids, must, !options.dry_run).await?;
        if let Some(tolerance) = options.derived {
            let mut below: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
            for edge in reached.edges {
                below.entry(edge.source).or_default().push(edge.derived);
            }
            let archived: HashMap<Uuid, Option<Timestamp>> =
                rows.iter().map(|row| (row.touched.id, row.touched.archived)).collect();
            let wanted = near_in_time(&ids, &below, &archived, tolerance);
            rows.retain(|row| wanted.contains(&row.touched.id));
        }
        rows.retain(|row| row.touched.archived.is_some());
        set_archived(transaction, rows, None, options.dry_run).await
    }

    /// Deletes archived datasets from the catalog, with [`PurgeOptions::force`] active ones too, and answers them. Their
    /// pixels stay where they are. All or nothing.
    ///
    /// # Errors
    /// Where an id is not there, or is active and not forced, or the search is faulty: then none is deleted.
    pub async fn purge_with(&self, chosen: Chosen<'_>, options: PurgeOptions) -> Result<Vec<Touched>> {
        let status = if options.force { Status::All } else { Status::Archived };
        let ids = self.chosen(chosen, status).await?;
        let (mut transaction, definitions) = self.begin(options.dry_run).await?;
        let ids = self.settled(&mut *transaction, &definitions, chosen, ids, status, options.dry_run).await?;
        let must = if matches!(chosen, Chosen::Ids(_)) { &ids[..] } else { &[] };
        let rows = rows(&mut *transaction, &definitions, ids.clone(), must, !options.dry_run).await?;
        let active = rows.iter().filter(|row| row.touched.archived.is_none()).map(|row| row.touched.id);
        let active: Vec<Uuid> = active.collect();
        if !options.force && !active.is_empty() {
            return Err(CatalogError::NotArchived { ids: active });
        }
        if !options.dry_run && !rows.is_empty() {
            let keys: Vec<i64> = rows.iter().map(|row| row.key).collect();
            for some in keys.chunks(TOGETHER) {
                transaction.delete(some).await?;
            }
            transaction.bump(&ProductChange::all_of(rows.iter().map(|row| (row.product, row.key)))).await?;
            transaction.commit().await?;
        }
        Ok(rows.into_iter().map(|row| row.touched).collect())
    }

    /// Which of these datasets are there, active or archived, in the order of the ids.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn has(&self, ids: &[Uuid]) -> Result<Vec<bool>> {
        let (mut transaction, _) = self.read().await?;
        let mut there = HashSet::with_capacity(ids.len());
        for some in ids.chunks(TOGETHER) {
            there.extend(transaction.known(some).await?.into_iter().map(|row| row.id));
        }
        Ok(ids.iter().map(|id| there.contains(id)).collect())
    }

    /// The ids of all datasets, of one product or of all, in the order of (centre time, id). They are 16 bytes each; what
    /// else is wanted of them is best asked for a thousand at a time.
    ///
    /// # Errors
    /// Where the product is not there.
    pub async fn dataset_ids(&self, product: Option<&str>, status: Status) -> Result<Vec<Uuid>> {
        let products = product.map(str::to_owned).into_iter().collect();
        self.search_ids(&Search { products, status, ..Search::default() }).await
    }

    /// The ids chosen, each once, in order.
    async fn chosen(&self, chosen: Chosen<'_>, status: Status) -> Result<Vec<Uuid>> {
        let ids: BTreeSet<Uuid> = match chosen {
            Chosen::Ids(ids) => ids.iter().copied().collect(),
            Chosen::Found(search) => {
                let search = Search { status, ..search.clone() };
                self.search_ids(&search).await?.into_iter().collect()
            }
        };
        Ok(ids.into_iter().collect())
    }

    /// Those of the chosen that a search still finds, now that nobody else changes them until the transaction ends.
    async fn settled(
        &self,
        transaction: &mut dyn Transaction,
        definitions: &Definitions,
        chosen: Chosen<'_>,
        ids: Vec<Uuid>,
        status: Status,
        dry_run: bool,
    ) -> Result<Vec<Uuid>> {
        let Chosen::Found(search) = chosen else { return Ok(ids) };
        if dry_run || ids.is_empty() {
            return Ok(ids);
        }
        rows(transaction, definitions, ids.clone(), &[], true).await?;
        let again = Search { ids: Some(ids), status, limit: None, order_by: Vec::new(), ..search.clone() };
        let mut found = self.find_ordered(transaction, &again, definitions, &[]).await?;
        found.sort_unstable();
        Ok(found)
    }

    async fn begin(&self, dry_run: bool) -> Result<(Box<dyn Transaction>, std::sync::Arc<Definitions>)> {
        if dry_run { self.read().await } else { self.write().await }
    }
}

/// The rows of those of these ids that are there, in the order of the ids whatever order they come in: two who change the
/// same datasets then lock them in the same order. `must`, which is in order, has to be there.
async fn rows(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    mut ids: Vec<Uuid>,
    must: &[Uuid],
    lock: bool,
) -> Result<Vec<Row>> {
    ids.sort_unstable();
    let mut rows = Vec::with_capacity(ids.len());
    for some in ids.chunks(TOGETHER) {
        for row in transaction.stored(some, lock).await? {
            let touched = Touched {
                id: row.id,
                product: definitions.product_of_key(row.product)?.row.name.clone(),
                location: row.location,
                archived: row.archived.and_then(|at| Timestamp::from_microsecond(at).ok()),
            };
            rows.push(Row { key: row.key, product: row.product, touched });
        }
    }
    rows.sort_unstable_by_key(|row| row.touched.id);
    let there = |id: &Uuid| rows.binary_search_by_key(id, |row| row.touched.id).is_ok();
    let missing: Vec<Uuid> = must.iter().copied().filter(|id| !there(id)).collect();
    if missing.is_empty() { Ok(rows) } else { Err(CatalogError::UnknownDatasets { ids: missing }) }
}

async fn set_archived(
    mut transaction: Box<dyn Transaction>,
    rows: Vec<Row>,
    archived: Option<Timestamp>,
    dry_run: bool,
) -> Result<Vec<Touched>> {
    if !dry_run && !rows.is_empty() {
        let keys: Vec<i64> = rows.iter().map(|row| row.key).collect();
        for some in keys.chunks(TOGETHER) {
            transaction.set_archived(some, archived).await?;
        }
        transaction.bump(&ProductChange::all_of(rows.iter().map(|row| (row.product, row.key)))).await?;
        transaction.commit().await?;
    }
    Ok(rows.into_iter().map(|row| row.touched).collect())
}

/// The datasets that are restored together with those asked for: themselves, and what was derived from each and was
/// archived within the tolerance of it.
fn near_in_time(
    asked: &[Uuid],
    below: &HashMap<Uuid, Vec<Uuid>>,
    archived: &HashMap<Uuid, Option<Timestamp>>,
    tolerance: Duration,
) -> HashSet<Uuid> {
    let since = |id: &Uuid| archived.get(id).copied().flatten();
    let mut wanted: HashSet<Uuid> = asked.iter().copied().collect();
    for root in asked {
        let of_root = since(root);
        let mut seen = HashSet::from([*root]);
        let mut open = vec![*root];
        while let Some(id) = open.pop() {
            for derived in below.get(&id).into_iter().flatten().filter(|derived| seen.insert(**derived)) {
                let near = match (of_root, since(derived)) {
                    (Some(a), Some(b)) => a.duration_since(b).unsigned_abs() <= tolerance,
                    _ => true,
                };
                if near {
                    wanted.insert(*derived);
                }
                open.push(*derived);
            }
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_archived_about_then_comes_back() {
        let id = Uuid::from_u128;
        let at = |second| Timestamp::from_second(second).unwrap();
        let below = HashMap::from([(id(1), vec![id(2), id(3)]), (id(3), vec![id(4), id(1)]), (id(8), vec![id(9)])]);
        let archived = HashMap::from([
            (id(1), Some(at(1000))),
            (id(2), Some(at(1600))),
            (id(3), Some(at(300))),
            (id(4), Some(at(1001))),
            (id(8), None),
            (id(9), Some(at(5))),
        ]);
        let wanted = near_in_time(&[id(1)], &below, &archived, Duration::from_mins(10));
        assert_eq!(wanted, HashSet::from([id(1), id(2), id(4)]), "through one that stays, and through a circle");
        let of_active = near_in_time(&[id(8)], &below, &archived, Duration::ZERO);
        assert_eq!(of_active, HashSet::from([id(8), id(9)]));
    }
}
