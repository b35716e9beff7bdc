//! The life of a dataset in the catalog: added, archived, restored, purged.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use cube_model::Dataset;
use jiff::Timestamp;
use rayon::prelude::*;
use uuid::Uuid;

use crate::catalog::now;
use crate::definitions::{Definitions, parsed};
use crate::differences::{differences, phrases};
use crate::fields;
use crate::rows::{DatasetRow, KnownRow, LineageRow, ProductChange, StoredRow};
use crate::store::{Purpose, Transaction};
use crate::{Catalog, CatalogError, Result, SourceDigest};

/// What became of a dataset that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is there now.
    Added,
    /// The same was there already.
    AlreadyThere,
    /// The same was there already, archived, and stays archived.
    Archived,
    /// Its record has taken the place of the one that was there.
    Updated,
    /// Another record is there under its id, and stays.
    Changed {
        /// What differs, a phrase each.
        differs: Vec<String>,
    },
}

/// A dataset that is to be added, with what its source text is told by.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The dataset.
    pub dataset: Dataset,
    /// The digest of the text that it was read from; `None` where there is none. Stored beside the dataset, so that
    /// [`Catalog::already_there`] knows the text again.
    pub digest: Option<SourceDigest>,
}

impl From<Dataset> for Submission {
    fn from(dataset: Dataset) -> Self {
        Self { dataset, digest: None }
    }
}

/// A link between two datasets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageLink {
    /// What the source is to the derived dataset, such as `level1`.
    pub classifier: String,
    /// The dataset at the other end; it need not be in this catalog.
    pub dataset: Uuid,
}

impl Catalog {
    /// Adds datasets, all of them or, where an error comes, none. Each has an outcome, in their order. A dataset whose
    /// id is there already changes nothing, so the same call again is harmless. About 2,000 in a call go fastest.
    ///
    /// # Errors
    /// Where a product is not there or a footprint cannot be shown in longitude and latitude.
    pub async fn add_datasets(&self, datasets: &[Dataset]) -> Result<Vec<Outcome>> {
        self.put(datasets, |dataset| (dataset, None), false).await
    }

    /// As [`Catalog::add_datasets`], but a record that differs takes the place of the one that is there: all but its
    /// product, which stays ([`Outcome::Changed`]).
    ///
    /// # Errors
    /// As [`Catalog::add_datasets`].
    pub async fn update_datasets(&self, datasets: &[Dataset]) -> Result<Vec<Outcome>> {
        self.put(datasets, |dataset| (dataset, None), true).await
    }

    /// As [`Catalog::add_datasets`], or [`Catalog::update_datasets`] with `update`, with the digests of the texts that
    /// the datasets were read from.
    ///
    /// # Errors
    /// As [`Catalog::add_datasets`].
    pub async fn add_submissions(&self, submissions: &[Submission], update: bool) -> Result<Vec<Outcome>> {
        self.put(submissions, |submission| (&submission.dataset, submission.digest), update).await
    }

    /// Of documents that may have been indexed before, told by the id they may have and the digest of their text: what
    /// adding them would say ([`Outcome::AlreadyThere`] or [`Outcome::Archived`]) where the dataset of that id was
    /// indexed from this very text; `None` where the document must be read. A guessed id may be wrong: then no digest
    /// is equal.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn already_there(&self, texts: &[(Uuid, SourceDigest)]) -> Result<Vec<Option<Outcome>>> {
        let ids: Vec<Uuid> = texts.iter().map(|(id, _)| *id).collect();
        let mut transaction = self.store.begin(Purpose::Read).await?;
        let known: HashMap<Uuid, KnownRow> =
            transaction.known(&ids).await?.into_iter().map(|row| (row.id, row)).collect();
        let outcome = |row: &KnownRow| if row.archived { Outcome::Archived } else { Outcome::AlreadyThere };
        let same = |(id, digest): &(Uuid, SourceDigest)| {
            known.get(id).filter(|row| row.digest.as_ref() == Some(digest)).map(outcome)
        };
        Ok(texts.iter().map(same).collect())
    }

    /// What [`Catalog::add_datasets`], or [`Catalog::update_datasets`] with `update`, would make of these datasets.
    /// Nothing is written, and their products need not be there.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn compare_datasets(&self, datasets: &[Dataset], update: bool) -> Result<Vec<Outcome>> {
        let (mut transaction, definitions) = self.read().await?;
        let ids: Vec<Uuid> = datasets.iter().map(|dataset| dataset.id).collect();
        let there: HashMap<Uuid, StoredRow> =
            transaction.stored(&ids, false).await?.into_iter().map(|row| (row.id, row)).collect();
        let mut seen: HashMap<Uuid, &Dataset> = HashMap::with_capacity(datasets.len());
        let mut outcomes = Vec::with_capacity(datasets.len());
        for dataset in datasets {
            let outcome = match (seen.entry(dataset.id), there.get(&dataset.id)) {
                (Entry::Occupied(first), _) => twice(first.get(), dataset),
                (Entry::Vacant(slot), None) => {
                    slot.insert(dataset);
                    Outcome::Added
                }
                (Entry::Vacant(slot), Some(old)) => {
                    slot.insert(dataset);
                    let differs = difference(old, dataset, &dataset.document.to_string(), &definitions)?;
                    let product = &definitions.product_of_key(old.product)?.row.name;
                    match (differs.is_empty(), old.archived) {
                        (true, None) => Outcome::AlreadyThere,
                        (true, Some(_)) => Outcome::Archived,
                        (false, _) if update && *product == dataset.product => Outcome::Updated,
                        (false, _) => Outcome::Changed { differs },
                    }
                }
            };
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    async fn put<T: Sync>(
        &self,
        submissions: &[T],
        parts: impl Fn(&T) -> (&Dataset, Option<SourceDigest>) + Sync,
        update: bool,
    ) -> Result<Vec<Outcome>> {
        // Everything that takes time is made before the transaction: others may write meanwhile. The field keys are
        // looked at again inside.
        let mut definitions = self.read().await?.1;
        let mut rows = rows(submissions, &parts, &definitions)?;
        let datasets: Vec<&Dataset> = submissions.iter().map(|submission| parts(submission).0).collect();
        let (mut transaction, current) = self.write().await?;
        if current.generation != definitions.generation {
            definitions = current;
            rows = self::rows(submissions, &parts, &definitions)?;
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let mut there: HashMap<Uuid, StoredRow> =
            transaction.stored(&ids, update).await?.into_iter().map(|row| (row.id, row)).collect();

        // The same id twice in a call: the first counts.
        let mut first: HashMap<Uuid, usize> = HashMap::with_capacity(rows.len());
        let mut outcomes: Vec<Option<Outcome>> = vec![None; rows.len()];
        let mut rows: Vec<Option<DatasetRow>> = rows.into_iter().map(Some).collect();
        let mut new = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            match first.entry(*id) {
                Entry::Occupied(before) => outcomes[at] = Some(twice(datasets[*before.get()], datasets[at])),
                Entry::Vacant(slot) => {
                    slot.insert(at);
                    if !there.contains_key(id) {
                        new.extend(rows[at].take().map(|row| (at, row)));
                    }
                }
            }
        }
        let mut changed: Vec<(i64, i64)> = Vec::new();
        let (places, new): (Vec<usize>, Vec<DatasetRow>) = new.into_iter().unzip();
        let keys = if new.is_empty() { Vec::new() } else { transaction.insert(&new, now()).await? };
        let mut overtaken = Vec::new();
        for ((at, row), key) in places.into_iter().zip(new).zip(keys) {
            if let Some(key) = key {
                changed.push((row.product, key));
                outcomes[at] = Some(Outcome::Added);
            } else {
                overtaken.push(row.id);
                rows[at] = Some(row);
            }
        }
        if !overtaken.is_empty() {
            there.extend(transaction.stored(&overtaken, update).await?.into_iter().map(|row| (row.id, row)));
        }
        for at in 0..outcomes.len() {
            let (None, Some(row)) = (&outcomes[at], &rows[at]) else { continue };
            let Some(old) = there.get(&row.id) else { return Err(CatalogError::UnknownDatasets { ids: vec![row.id] }) };
            let differs = difference(old, datasets[at], &row.document, &definitions)?;
            outcomes[at] = Some(if differs.is_empty() {
                if old.archived.is_some() { Outcome::Archived } else { Outcome::AlreadyThere }
            } else if update && old.product == row.product {
                transaction.replace(old.key, row, now()).await?;
                changed.push((row.product, old.key));
                Outcome::Updated
            } else {
                Outcome::Changed { differs }
            });
        }
        if !changed.is_empty() {
            transaction.bump(&ProductChange::all_of(changed)).await?;
            transaction.commit().await?;
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// The dataset of this id, active or archived, where it is there.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn dataset(&self, id: Uuid) -> Result<Option<Dataset>> {
        Ok(self.datasets(&[id]).await?.pop())
    }

    /// Those of these datasets that are there, active or archived, in the order of the ids.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn datasets(&self, ids: &[Uuid]) -> Result<Vec<Dataset>> {
        let (mut transaction, definitions) = self.read().await?;
        stored_datasets(&mut *transaction, &definitions, ids).await
    }

    /// Since when those of these datasets are archived that are; the others have no entry.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn archived(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Timestamp>> {
        let (mut transaction, _) = self.read().await?;
        let since = |row: StoredRow| Some((row.id, Timestamp::from_microsecond(row.archived?).ok()?));
        Ok(transaction.stored(ids, false).await?.into_iter().filter_map(since).collect())
    }

    /// Hides datasets from searches for active ones. Answers how many were active.
    ///
    /// # Errors
    /// Where one is not there: then none is archived.
    pub async fn archive(&self, ids: &[Uuid]) -> Result<usize> {
        self.set_archived(ids, Some(now())).await
    }

    /// Makes archived datasets active again. Answers how many were archived.
    ///
    /// # Errors
    /// Where one is not there: then none is restored.
    pub async fn restore(&self, ids: &[Uuid]) -> Result<usize> {
        self.set_archived(ids, None).await
    }

    async fn set_archived(&self, ids: &[Uuid], archived: Option<Timestamp>) -> Result<usize> {
        let (mut transaction, _) = self.write().await?;
        let mut rows = all_stored(&mut *transaction, ids).await?;
        rows.retain(|row| row.archived.is_some() != archived.is_some());
        if rows.is_empty() {
            return Ok(0);
        }
        let keys: Vec<i64> = rows.iter().map(|row| row.key).collect();
        transaction.set_archived(&keys, archived).await?;
        transaction.bump(&ProductChange::all_of(rows.iter().map(|row| (row.product, row.key)))).await?;
        transaction.commit().await?;
        Ok(keys.len())
    }

    /// Deletes datasets from the catalog: archived ones, and with `force` active ones too. Their pixels stay where they
    /// are. Answers how many were deleted.
    ///
    /// # Errors
    /// Where one is not there, or is active and not forced: then none is deleted.
    pub async fn purge(&self, ids: &[Uuid], force: bool) -> Result<usize> {
        let (mut transaction, _) = self.write().await?;
        let rows = all_stored(&mut *transaction, ids).await?;
        let active: Vec<Uuid> = rows.iter().filter(|row| row.archived.is_none()).map(|row| row.id).collect();
        if !force && !active.is_empty() {
            return Err(CatalogError::NotArchived { ids: active });
        }
        let keys: Vec<i64> = rows.iter().map(|row| row.key).collect();
        transaction.delete(&keys).await?;
        transaction.bump(&ProductChange::all_of(rows.iter().map(|row| (row.product, row.key)))).await?;
        transaction.commit().await?;
        Ok(keys.len())
    }

    /// The datasets that this one was made from.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn sources(&self, id: Uuid) -> Result<Vec<LineageLink>> {
        self.lineage(id, false).await
    }

    /// The datasets that were made from this one.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn derived(&self, id: Uuid) -> Result<Vec<LineageLink>> {
        self.lineage(id, true).await
    }

    async fn lineage(&self, id: Uuid, derived: bool) -> Result<Vec<LineageLink>> {
        let (mut transaction, _) = self.read().await?;
        let rows = transaction.lineage(&[id], derived).await?;
        let other = |row: &LineageRow| if derived { row.derived } else { row.source };
        Ok(rows.into_iter().map(|row| LineageLink { dataset: other(&row), classifier: row.classifier }).collect())
    }
}

/// The rows of datasets, made on all cores.
fn rows<T: Sync>(
    submissions: &[T],
    parts: &(impl Fn(&T) -> (&Dataset, Option<SourceDigest>) + Sync),
    definitions: &Definitions,
) -> Result<Vec<DatasetRow>> {
    let row = |submission: &T| {
        let (dataset, digest) = parts(submission);
        let entry = definitions.product(&dataset.product)?;
        DatasetRow::new(dataset, entry.key, fields::values(&dataset.document, entry), digest)
    };
    // A few are done before other threads have woken up.
    if submissions.len() < 32 {
        submissions.iter().map(row).collect()
    } else {
        submissions.par_iter().map(row).collect()
    }
}

/// The outcome of a dataset whose id came before in the same call.
fn twice(first: &Dataset, second: &Dataset) -> Outcome {
    if first == second {
        return Outcome::AlreadyThere;
    }
    let mut differs = vec!["its id came twice in one batch, the first is taken".to_owned()];
    differs.extend(phrases(&differences(&first.document, &second.document)));
    Outcome::Changed { differs }
}

/// What differs between what is there and what came, a phrase each.
fn difference(old: &StoredRow, new: &Dataset, document: &str, definitions: &Definitions) -> Result<Vec<String>> {
    let mut differs = Vec::new();
    let product = &definitions.product_of_key(old.product)?.row.name;
    if *product != new.product {
        differs.push(format!("its product was {product}, is {}", new.product));
    }
    if old.location != new.location {
        let place = |location: &Option<String>| location.clone().unwrap_or_else(|| "nowhere".to_owned());
        differs.push(format!("its location was {}, is {}", place(&old.location), place(&new.location)));
    }
    if old.document != document {
        let what = || format!("dataset {}", old.id);
        let changes = differences(&parsed(&old.document, what)?, &new.document);
        differs.extend(phrases(&changes));
    }
    Ok(differs)
}

/// The rows of all these ids, which nobody else changes until the transaction ends.
async fn all_stored(transaction: &mut dyn Transaction, ids: &[Uuid]) -> Result<Vec<StoredRow>> {
    let rows = transaction.stored(ids, true).await?;
    let there: std::collections::HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
    let missing: Vec<Uuid> = ids.iter().copied().filter(|id| !there.contains(id)).collect();
    if missing.is_empty() { Ok(rows) } else { Err(CatalogError::UnknownDatasets { ids: missing }) }
}

/// Those of these datasets that are there, in the order of the ids.
pub(crate) async fn stored_datasets(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    ids: &[Uuid],
) -> Result<Vec<Dataset>> {
    let mut rows: HashMap<Uuid, StoredRow> =
        transaction.stored(ids, false).await?.into_iter().map(|row| (row.id, row)).collect();
    ids.iter().filter_map(|id| rows.remove(id)).map(|row| dataset(&row, definitions)).collect()
}

fn dataset(row: &StoredRow, definitions: &Definitions) -> Result<Dataset> {
    let document = parsed(&row.document, || format!("dataset {}", row.id))?;
    let product = &definitions.product_of_key(row.product)?.row.name;
    Dataset::from_stored(document, row.location.as_deref(), product)
        .map_err(|e| CatalogError::Unreadable { what: format!("dataset {}", row.id), reason: e.to_string() })
}
