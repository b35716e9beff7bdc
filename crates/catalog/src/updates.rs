//! Updates of datasets, with an eye on what changes.

use std::collections::HashMap;

use cube_model::Dataset;
use uuid::Uuid;

use crate::catalog::now;
use crate::definitions::parsed;
use crate::differences::{Difference, differences};
use crate::fields;
use crate::rows::{DatasetRow, ProductChange, StoredRow};
use crate::{Catalog, Result};

/// Which changes of a dataset's document an update may make, and what becomes of its location.
///
/// Without leave only a new key at the top of the document is safe, as in `datacube`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateRules {
    /// Places in the document below which anything may change: `properties`, `measurements.*.path`. A `*` stands for one
    /// key or index.
    pub allow_any: Vec<String>,
    /// The dataset keeps the location that the catalog has, instead of that of the new document.
    pub keep_location: bool,
    /// Check everything, write nothing.
    pub dry_run: bool,
}

/// What became of a dataset that was to be updated, or would become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetUpdate {
    /// The dataset.
    pub id: Uuid,
    /// What became of it.
    pub outcome: UpdateOutcome,
    /// The changes that are safe or allowed, a phrase each.
    pub safe: Vec<String>,
    /// The changes that are not, a phrase each.
    pub not_safe: Vec<String>,
    /// The location before and after, where it changes.
    pub moved: Option<(Option<String>, Option<String>)>,
}

/// See [`DatasetUpdate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// The new document has taken the place of the old.
    Updated,
    /// Nothing differs.
    Unchanged,
    /// There are changes that are not safe: nothing was changed.
    Refused,
    /// There is no dataset of this id.
    NotThere,
    /// It is in another product, and stays there.
    OtherProduct {
        /// The product that it is in.
        there: String,
    },
}

impl UpdateRules {
    /// Whether a change is safe or allowed.
    fn allow(&self, change: &Difference) -> bool {
        let path = change.path();
        change.is_new() && path.len() == 1
            || self.allow_any.iter().any(|rule| {
                let mut rule = rule.split('.');
                let mut path = path.iter();
                rule.all(|key| path.next().is_some_and(|at| key == "*" || key == at))
            })
    }
}

impl Catalog {
    /// Puts new documents in the place of those that are there, each where all its changes are safe or allowed. Each has
    /// its outcome, in their order; what is refused stops none of the others. An archived dataset stays archived.
    ///
    /// # Errors
    /// Where a footprint cannot be shown in longitude and latitude, or the database refuses: then nothing is changed.
    pub async fn update_with(&self, datasets: &[Dataset], rules: &UpdateRules) -> Result<Vec<DatasetUpdate>> {
        let (mut transaction, definitions) = if rules.dry_run { self.read().await? } else { self.write().await? };
        let ids: Vec<Uuid> = datasets.iter().map(|dataset| dataset.id).collect();
        let mut there: HashMap<Uuid, StoredRow> =
            transaction.stored(&ids, !rules.dry_run).await?.into_iter().map(|row| (row.id, row)).collect();
        let mut updates = Vec::with_capacity(datasets.len());
        let mut changed = Vec::new();
        for dataset in datasets {
            let mut update = DatasetUpdate {
                id: dataset.id,
                outcome: UpdateOutcome::NotThere,
                safe: Vec::new(),
                not_safe: Vec::new(),
                moved: None,
            };
            if let Some(old) = there.get_mut(&dataset.id) {
                let entry = definitions.product_of_key(old.product)?;
                let document = parsed(&old.document, || format!("dataset {}", old.id))?;
                let location = if rules.keep_location { &old.location } else { &dataset.location };
                for change in differences(&document, &dataset.document) {
                    if rules.allow(&change) { &mut update.safe } else { &mut update.not_safe }.push(change.phrase());
                }
                if *location != old.location {
                    update.moved = Some((old.location.clone(), location.clone()));
                }
                update.outcome = if entry.row.name != dataset.product {
                    UpdateOutcome::OtherProduct { there: entry.row.name.clone() }
                } else if !update.not_safe.is_empty() {
                    UpdateOutcome::Refused
                } else if update.safe.is_empty() && update.moved.is_none() {
                    UpdateOutcome::Unchanged
                } else {
                    UpdateOutcome::Updated
                };
                if update.outcome == UpdateOutcome::Updated {
                    let mut placed = dataset.clone();
                    placed.location.clone_from(location);
                    let values = fields::values(&placed.document, entry);
                    let row = DatasetRow::new(&placed, entry.key, values, None)?;
                    if !rules.dry_run {
                        transaction.replace(old.key, &row, now()).await?;
                    }
                    changed.push((old.product, old.key));
                    // Should the same dataset come again, it is compared with what is there then.
                    old.document = row.document;
                    old.location = row.location;
                }
            }
            updates.push(update);
        }
        if !rules.dry_run && !changed.is_empty() {
            changed.sort_unstable();
            changed.dedup();
            transaction.bump(&ProductChange::all_of(changed)).await?;
            transaction.commit().await?;
        }
        Ok(updates)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(allow: &[&str], change: impl FnOnce(&mut Value)) -> Vec<String> {
        let old = json!({"label": "a", "properties": {"x": 1}, "measurements": {"red": {"path": "a"}, "nir": {"path": "b"}},
            "accessories": [{"path": "a"}]});
        let mut new = old.clone();
        change(&mut new);
        let rules =
            UpdateRules { allow_any: allow.iter().map(|&rule| rule.to_owned()).collect(), ..Default::default() };
        differences(&old, &new).iter().filter(|change| !rules.allow(change)).map(|c| c.path().join(".")).collect()
    }

    #[test]
    fn without_leave_only_new_keys_at_the_top_are_safe() {
        assert!(refused(&[], |d| d["crs"] = json!("EPSG:4326")).is_empty());
        assert_eq!(refused(&[], |d| d["properties"]["y"] = json!(1)), ["properties.y"]);
        assert_eq!(refused(&[], |d| d["label"] = json!("b")), ["label"]);
        assert_eq!(refused(&[], |d| d["measurements"] = json!({"red": {"path": "a"}})), ["measurements.nir"]);
    }

    #[test]
    fn leave_reaches_all_below_a_place() {
        let change = |d: &mut Value| {
            d["properties"]["x"] = json!(2);
            d["properties"]["y"] = json!({"z": 1});
        };
        assert!(refused(&["properties"], change).is_empty());
        assert_eq!(refused(&["properties.x"], change), ["properties.y"]);
        assert_eq!(refused(&["properties.x.deeper", "prop"], change).len(), 2);
    }

    #[test]
    fn a_star_stands_for_one_key_or_index() {
        let change = |d: &mut Value| {
            d["measurements"]["red"]["path"] = json!("c");
            d["measurements"]["nir"]["band"] = json!(2);
            d["accessories"][0]["path"] = json!("c");
        };
        assert_eq!(refused(&["measurements.*.path", "*.0.path"], change), ["measurements.nir.band"]);
        assert_eq!(refused(&["measurements.*"], change), ["accessories.0.path"]);
    }
}
