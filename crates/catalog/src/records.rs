//! Datasets as they are stored, for those who copy a catalog: into a file, or from another catalog.

use std::collections::{BTreeMap, HashMap};

use cube_model::Search;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::definitions::{Definitions, parsed};
use crate::rows::{ProductChange, StoredRow};
use crate::store::Transaction;
use crate::{Catalog, CatalogError, Result};

/// A dataset as it is stored: its document, and what the catalog knows beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetRecord {
    /// Its id.
    pub id: Uuid,
    /// The name of its product.
    pub product: String,
    /// Where its document is.
    pub location: Option<String>,
    /// Since when it is archived, if it is.
    pub archived: Option<Timestamp>,
    /// Its document.
    pub document: Value,
}

impl Catalog {
    /// The records of these datasets, in the order of the ids; a dataset that is not there has none.
    ///
    /// # Errors
    /// Where the database refuses, or a document does not read back.
    pub async fn records(&self, ids: &[Uuid]) -> Result<Vec<DatasetRecord>> {
        let (mut transaction, definitions) = self.read().await?;
        records(&mut *transaction, &definitions, ids).await
    }

    /// Hands out the records of the datasets that a search finds, in its order, at most `together` at once, all as of one
    /// state of the catalog. Only their ids are held in memory at the same time. `each` says whether it wants more.
    ///
    /// # Errors
    /// As [`Catalog::search`]; and where a document does not read back.
    pub async fn each_record(
        &self,
        search: &Search,
        together: usize,
        mut each: impl FnMut(Vec<DatasetRecord>) -> bool,
    ) -> Result<()> {
        let (mut transaction, definitions, ids) = self.found(search).await?;
        for some in ids.chunks(together.max(1)) {
            if !each(records(&mut *transaction, &definitions, some).await?) {
                break;
            }
        }
        Ok(())
    }

    /// Makes datasets archived since an instant (with one) or active (without). Answers how many were not so before; when
    /// one was archived that is archived still does not matter.
    ///
    /// # Errors
    /// Where one is not there: then nothing is changed.
    pub async fn set_states(&self, states: &[(Uuid, Option<Timestamp>)]) -> Result<usize> {
        let (mut transaction, _) = self.write().await?;
        let ids: Vec<Uuid> = states.iter().map(|(id, _)| *id).collect();
        let there: HashMap<Uuid, StoredRow> =
            transaction.stored(&ids, true).await?.into_iter().map(|row| (row.id, row)).collect();
        let missing: Vec<Uuid> = ids.into_iter().filter(|id| !there.contains_key(id)).collect();
        if !missing.is_empty() {
            return Err(CatalogError::UnknownDatasets { ids: missing });
        }
        let mut keys: BTreeMap<Option<Timestamp>, Vec<i64>> = BTreeMap::new();
        let mut changed = Vec::new();
        for (id, archived) in states {
            if let Some(row) = there.get(id).filter(|row| row.archived.is_some() != archived.is_some()) {
                keys.entry(*archived).or_default().push(row.key);
                changed.push((row.product, row.key));
            }
        }
        if changed.is_empty() {
            return Ok(0);
        }
        for (archived, keys) in &keys {
            transaction.set_archived(keys, *archived).await?;
        }
        let count = changed.len();
        transaction.bump(&ProductChange::all_of(changed)).await?;
        transaction.commit().await?;
        Ok(count)
    }
}

async fn records(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    ids: &[Uuid],
) -> Result<Vec<DatasetRecord>> {
    let mut rows: HashMap<Uuid, StoredRow> =
        transaction.stored(ids, false).await?.into_iter().map(|row| (row.id, row)).collect();
    ids.iter()
        .filter_map(|id| rows.remove(id))
        .map(|row| {
            Ok(DatasetRecord {
                id: row.id,
                product: definitions.product_of_key(row.product)?.row.name.clone(),
                document: parsed(&row.document, || format!("dataset {}", row.id))?,
                location: row.location,
                archived: row.archived.and_then(|at| Timestamp::from_microsecond(at).ok()),
            })
        })
        .collect()
}
