//! Homes: the name of the catalog where a dataset of the lineage is at home.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::TOGETHER;
use super::merge::changed_homes;
use crate::store::Transaction;
use crate::{Catalog, CatalogError, Result};

impl Catalog {
    /// The homes of those of these datasets that have one. They need not be in this catalog.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn homes(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, String>> {
        let (mut transaction, _) = self.read().await?;
        Ok(of(&mut *transaction, ids).await?.into_iter().collect())
    }

    /// Sets the home of datasets, which need not be in this catalog. Answers how many were set or changed.
    ///
    /// # Errors
    /// Where one has another home and `allow_updates` is not set, or the home is an empty name: then none is set.
    pub async fn set_home(&self, home: &str, ids: &[Uuid], allow_updates: bool) -> Result<usize> {
        if home.is_empty() {
            return Err(CatalogError::LineageEmpty { id: ids.first().copied().unwrap_or_default(), what: "a home" });
        }
        let (mut transaction, _) = self.define().await?;
        let there = of(&mut *transaction, ids).await?;
        let given: BTreeMap<Uuid, String> = ids.iter().map(|id| (*id, home.to_owned())).collect();
        let changed = changed_homes(given, &there, allow_updates)?;
        if !changed.is_empty() {
            transaction.put_homes(&changed).await?;
            transaction.commit().await?;
        }
        Ok(changed.len())
    }

    /// Forgets the homes of datasets, and answers how many had one.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn clear_home(&self, ids: &[Uuid]) -> Result<usize> {
        let (mut transaction, _) = self.define().await?;
        let there: Vec<Uuid> = of(&mut *transaction, ids).await?.into_keys().collect();
        if !there.is_empty() {
            transaction.clear_homes(&there).await?;
            transaction.commit().await?;
        }
        Ok(there.len())
    }
}

pub(super) async fn of(transaction: &mut dyn Transaction, ids: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    let mut homes = HashMap::new();
    for some in ids.chunks(TOGETHER) {
        homes.extend(transaction.homes(some).await?.into_iter().map(|row| (row.dataset, row.home)));
    }
    Ok(homes)
}
