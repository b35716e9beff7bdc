//! Datasets of the catalog, read back.

use std::collections::HashMap;

use cube_model::Dataset;
use jiff::Timestamp;
use rayon::prelude::*;
use uuid::Uuid;

use crate::definitions::{Definitions, parsed};
use crate::rows::{LineageRow, StoredRow};
use crate::store::Transaction;
use crate::{Catalog, CatalogError, Result};

/// A link between two datasets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageLink {
    /// What the source is to the derived dataset, such as `level1`.
    pub classifier: String,
    /// The dataset at the other end; it need not be in this catalog.
    pub dataset: Uuid,
}

impl Catalog {
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

/// Those of these datasets that are there, in the order of the ids.
pub(crate) async fn stored_datasets(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    ids: &[Uuid],
) -> Result<Vec<Dataset>> {
    let mut rows: HashMap<Uuid, StoredRow> =
        transaction.stored(ids, false).await?.into_iter().map(|row| (row.id, row)).collect();
    let rows: Vec<StoredRow> = ids.iter().filter_map(|id| rows.remove(id)).collect();
    // Making nouns of documents takes far longer than reading them.
    rows.par_iter().with_min_len(16).map(|row| dataset(row, definitions)).collect()
}

fn dataset(row: &StoredRow, definitions: &Definitions) -> Result<Dataset> {
    let document = parsed(&row.document, || format!("dataset {}", row.id))?;
    let product = &definitions.product_of_key(row.product)?.row.name;
    Dataset::from_stored(document, row.location.as_deref(), product)
        .map_err(|e| CatalogError::Unreadable { what: format!("dataset {}", row.id), reason: e.to_string() })
}
