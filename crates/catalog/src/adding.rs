//! Datasets on their way into the catalog: prepared outside, added in one transaction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use cube_model::Dataset;
use jiff::Timestamp;
use rayon::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use crate::catalog::{again, now};
use crate::definitions::{Definitions, parsed};
use crate::differences::{differences, phrases};
use crate::rows::{DatasetRow, KnownRow, ProductChange, StoredRow};
use crate::store::Purpose;
use crate::{Catalog, CatalogError, Result, SourceDigest, fields};

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

/// A dataset made ready to be added: all that takes time is done, and what is left takes little more memory than its
/// document.
#[derive(Debug, Clone)]
pub struct Prepared {
    row: DatasetRow,
    product: String,
    /// The number of the definitions that it was made ready for.
    generation: i64,
}

impl Prepared {
    /// The id of the dataset.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.row.id
    }

    /// The name of its product.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.product
    }

    /// Where its document is.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.row.location.as_deref()
    }

    /// As another catalog has it that it is copied from: added then (now, without), and archived since then. Where a dataset of this id
    /// is there already, neither changes.
    #[must_use]
    pub fn with_history(mut self, added: Option<Timestamp>, archived: Option<Timestamp>) -> Self {
        self.row.added = added.map(Timestamp::as_microsecond);
        self.row.archived = archived.map(Timestamp::as_microsecond);
        self
    }

    fn same_as(&self, other: &Self) -> bool {
        let record = |p: &Self| (p.row.document == other.row.document, p.row.location == other.row.location);
        record(self) == (true, true) && self.product == other.product
    }
}

/// Makes datasets ready to be added, on as many threads as one likes. It knows the products as they were when it was
/// made; what has changed by the time that datasets are added is noticed there.
#[derive(Debug, Clone)]
pub struct Preparer {
    definitions: Arc<Definitions>,
}

impl Preparer {
    /// Makes a dataset ready. `digest` is that of the text that it was read from; it is stored beside the dataset, so
    /// that [`Catalog::already_there`] knows the text again.
    ///
    /// # Errors
    /// Where its product is not there, or its footprint cannot be shown in longitude and latitude.
    pub fn prepare(&self, dataset: &Dataset, digest: Option<SourceDigest>) -> Result<Prepared> {
        let entry = self.definitions.product(&dataset.product)?;
        Ok(Prepared {
            row: DatasetRow::new(dataset, entry.key, fields::values(&dataset.document, entry), digest)?,
            product: dataset.product.clone(),
            generation: self.definitions.generation,
        })
    }

    /// Makes it ready again where definitions have changed since.
    fn again(&self, prepared: Prepared) -> Result<Prepared> {
        if prepared.generation == self.definitions.generation {
            return Ok(prepared);
        }
        let Prepared { row, product, .. } = prepared;
        let what = || format!("dataset {}", row.id);
        let document = parsed(&row.document, what)?;
        let dataset = Dataset::from_stored(document, row.location.as_deref(), &product)
            .map_err(|e| CatalogError::Unreadable { what: what(), reason: e.to_string() })?;
        let mut prepared = self.prepare(&dataset, row.digest)?;
        (prepared.row.added, prepared.row.archived) = (row.added, row.archived);
        Ok(prepared)
    }
}

impl Catalog {
    /// Adds datasets, all of them or, where an error comes, none. Each has an outcome, in their order. A dataset whose
    /// id is there already changes nothing, so the same call again is harmless.
    ///
    /// # Errors
    /// Where a product is not there or a footprint cannot be shown in longitude and latitude.
    pub async fn add_datasets(&self, datasets: &[Dataset]) -> Result<Vec<Outcome>> {
        self.add_prepared(self.prepared(datasets).await?, false).await
    }

    /// As [`Catalog::add_datasets`], but a record that differs takes the place of the one that is there: all but its
    /// product, which stays ([`Outcome::Changed`]).
    ///
    /// # Errors
    /// As [`Catalog::add_datasets`].
    pub async fn update_datasets(&self, datasets: &[Dataset]) -> Result<Vec<Outcome>> {
        self.add_prepared(self.prepared(datasets).await?, true).await
    }

    async fn prepared(&self, datasets: &[Dataset]) -> Result<Vec<Prepared>> {
        let preparer = self.preparer().await?;
        // A few are done before other threads have woken up.
        if datasets.len() < 32 {
            datasets.iter().map(|dataset| preparer.prepare(dataset, None)).collect()
        } else {
            datasets.par_iter().map(|dataset| preparer.prepare(dataset, None)).collect()
        }
    }

    /// What makes datasets ready for [`Catalog::add_prepared`].
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn preparer(&self) -> Result<Preparer> {
        let (_, definitions) = self.read().await?;
        Ok(Preparer { definitions })
    }

    /// As [`Catalog::add_datasets`], or [`Catalog::update_datasets`] with `update`, of datasets made ready before: the
    /// way in for very many. Some 10,000 in a call go fastest, since a transaction writes each page of the database's
    /// indexes once.
    ///
    /// # Errors
    /// As [`Catalog::add_datasets`].
    pub async fn add_prepared(&self, mut prepared: Vec<Prepared>, update: bool) -> Result<Vec<Outcome>> {
        let mut attempt = 0;
        loop {
            match self.add_once(&mut prepared, update).await {
                // Another writer had it, and purged it again: now it can be added.
                Err(CatalogError::UnknownDatasets { .. }) if attempt < 5 => attempt += 1,
                Err(error) if again(&error, &mut attempt).await => {}
                done => return done,
            }
        }
    }

    async fn add_once(&self, prepared: &mut Vec<Prepared>, update: bool) -> Result<Vec<Outcome>> {
        let (mut transaction, definitions) = self.write().await?;
        if prepared.iter().any(|p| p.generation != definitions.generation) {
            let anew = Preparer { definitions: Arc::clone(&definitions) };
            *prepared = std::mem::take(prepared).into_iter().map(|p| anew.again(p)).collect::<Result<_>>()?;
        }
        let ids: Vec<Uuid> = prepared.iter().map(Prepared::id).collect();
        let mut there: HashMap<Uuid, StoredRow> =
            transaction.stored(&ids, update).await?.into_iter().map(|row| (row.id, row)).collect();

        let mut outcomes: Vec<Option<Outcome>> = vec![None; prepared.len()];
        // The same id twice in a call: the first counts.
        let mut first: HashMap<Uuid, usize> = HashMap::with_capacity(prepared.len());
        let mut new = Vec::new();
        for (at, one) in prepared.iter().enumerate() {
            match first.entry(one.id()) {
                Entry::Occupied(before) => outcomes[at] = Some(twice(&prepared[*before.get()], one)?),
                Entry::Vacant(slot) => {
                    slot.insert(at);
                    if !there.contains_key(&one.id()) {
                        new.push(at);
                    }
                }
            }
        }
        let rows: Vec<&DatasetRow> = new.iter().map(|at| &prepared[*at].row).collect();
        let mut changed: Vec<(i64, i64)> = Vec::new();
        let mut overtaken = Vec::new();
        if !rows.is_empty() {
            for (at, key) in new.iter().zip(transaction.insert(&rows, now()).await?) {
                let row = &prepared[*at].row;
                if let Some(key) = key {
                    changed.push((row.product, key));
                    outcomes[*at] = Some(Outcome::Added);
                } else {
                    overtaken.push(row.id);
                }
            }
        }
        if !overtaken.is_empty() {
            there.extend(transaction.stored(&overtaken, update).await?.into_iter().map(|row| (row.id, row)));
        }
        for (outcome, one) in outcomes.iter_mut().zip(&*prepared).filter(|(outcome, _)| outcome.is_none()) {
            let old = there.get(&one.id()).ok_or_else(|| CatalogError::UnknownDatasets { ids: vec![one.id()] })?;
            let differs = difference(old, one, &definitions)?;
            *outcome = Some(if differs.is_empty() {
                if old.archived.is_some() { Outcome::Archived } else { Outcome::AlreadyThere }
            } else if update && old.product == one.row.product {
                transaction.replace(old.key, &one.row, now()).await?;
                changed.push((old.product, old.key));
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
                (Entry::Occupied(first), _) => twice_given(first.get(), dataset),
                (Entry::Vacant(slot), None) => {
                    slot.insert(dataset);
                    Outcome::Added
                }
                (Entry::Vacant(slot), Some(old)) => {
                    slot.insert(dataset);
                    let differs = difference_of(old, dataset, &definitions)?;
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
}

/// The outcome of a dataset whose id came before in the same call.
fn twice(first: &Prepared, second: &Prepared) -> Result<Outcome> {
    if first.same_as(second) {
        return Ok(Outcome::AlreadyThere);
    }
    let what = || format!("dataset {}", first.id());
    let (first, second) = (parsed(&first.row.document, what)?, parsed(&second.row.document, what)?);
    Ok(came_twice(&first, &second))
}

fn twice_given(first: &Dataset, second: &Dataset) -> Outcome {
    if first == second { Outcome::AlreadyThere } else { came_twice(&first.document, &second.document) }
}

fn came_twice(first: &Value, second: &Value) -> Outcome {
    let mut differs = vec!["its id came twice in one batch, the first is taken".to_owned()];
    differs.extend(phrases(&differences(first, second)));
    Outcome::Changed { differs }
}

/// What differs between what is there and what came, a phrase each.
fn difference(old: &StoredRow, new: &Prepared, definitions: &Definitions) -> Result<Vec<String>> {
    let mut differs = moved(old, &new.product, new.location(), definitions)?;
    if old.document != new.row.document {
        let what = || format!("dataset {}", old.id);
        let changes = differences(&parsed(&old.document, what)?, &parsed(&new.row.document, what)?);
        differs.extend(phrases(&changes));
    }
    Ok(differs)
}

fn difference_of(old: &StoredRow, new: &Dataset, definitions: &Definitions) -> Result<Vec<String>> {
    let mut differs = moved(old, &new.product, new.location.as_deref(), definitions)?;
    let document = new.document.to_string();
    if old.document != document {
        let changes = differences(&parsed(&old.document, || format!("dataset {}", old.id))?, &new.document);
        differs.extend(phrases(&changes));
    }
    Ok(differs)
}

/// What differs in product and location.
fn moved(old: &StoredRow, product: &str, location: Option<&str>, definitions: &Definitions) -> Result<Vec<String>> {
    let mut differs = Vec::new();
    let there = &definitions.product_of_key(old.product)?.row.name;
    if there != product {
        differs.push(format!("its product was {there}, is {product}"));
    }
    if old.location.as_deref() != location {
        differs.push(format!(
            "its location was {}, is {}",
            old.location.as_deref().unwrap_or("nowhere"),
            location.unwrap_or("nowhere")
        ));
    }
    Ok(differs)
}
