//! The life of datasets: what becomes of them between being indexed and being purged.

mod lineage;
mod update;

use std::path::{Component, Path};
use std::time::Duration;

use cube_catalog::{ArchiveOptions, Chosen, Duplicates, LocationMode, PurgeOptions, RestoreOptions, Touched};
use cube_model::{Dataset, Search, Status};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Datacube, Error};

pub use lineage::lineage_from_files;
pub use update::{UpdateOptions, UpdateReport};

/// What the catalog knows of a dataset beside its document.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetInfo {
    /// Its id.
    pub id: Uuid,
    /// Its product.
    pub product: String,
    /// Since when it is archived, as text in UTC; `None` where it is active.
    pub archived: Option<String>,
    /// When it was indexed, as text in UTC.
    pub indexed: Option<String>,
    /// Where its document is.
    pub location: Option<String>,
    /// The values of the search fields of its metadata type; null where it has none.
    pub fields: Map<String, Value>,
}

impl Datacube {
    /// Those of these datasets that are in the catalog, active or archived, in the order of the ids.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn datasets(&self, ids: &[Uuid]) -> Result<Vec<Dataset>, Error> {
        self.wait(self.catalog.datasets(ids))
    }

    /// Which of these datasets are in the catalog, active or archived, in the order of the ids.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn has(&self, ids: &[Uuid]) -> Result<Vec<bool>, Error> {
        self.wait(self.catalog.has(ids))
    }

    /// What is known of those of these datasets that are in the catalog, in the order of the ids.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn dataset_info(&self, ids: &[Uuid]) -> Result<Vec<DatasetInfo>, Error> {
        let mut infos = Vec::with_capacity(ids.len());
        for id in ids {
            let everywhere = Search::default();
            let own = ["product", "archived", "indexed_time", "location"];
            let Some(row) = self.wait(self.catalog.fields_of(&[*id], &everywhere, &own))?.pop() else { continue };
            let mut row = row.into_iter().map(|value| value.as_str().map(str::to_owned));
            let mut next = || row.next().flatten();
            let (product, archived, indexed, location) = (next().unwrap_or_default(), next(), next(), next());
            let metadata_type = self.product(&product)?.metadata_type.clone();
            let names: Vec<String> =
                self.wait(self.catalog.metadata_type(&metadata_type))?.search_fields.keys().cloned().collect();
            let of_product = Search::product(&product);
            let values = self.wait(self.catalog.fields_of(&[*id], &of_product, &names))?.pop().unwrap_or_default();
            let fields = names.into_iter().zip(values).collect();
            infos.push(DatasetInfo { id: *id, product, archived, indexed, location, fields });
        }
        Ok(infos)
    }

    /// The ids of all datasets, of one product or of all, in the order of (centre time, id).
    ///
    /// # Errors
    /// Where there is no such product.
    pub fn dataset_ids(&self, product: Option<&str>, status: Status) -> Result<Vec<Uuid>, Error> {
        self.wait(self.catalog.dataset_ids(product, status))
    }

    /// Hides datasets from searches, with what was made from them where that is asked for; answers those that were
    /// active. All or nothing.
    ///
    /// # Errors
    /// Where one that was named is not in the catalog, or the search is faulty.
    pub fn archive_with(&self, chosen: Chosen<'_>, options: ArchiveOptions) -> Result<Vec<Touched>, Error> {
        self.wait(self.catalog.archive_with(chosen, options))
    }

    /// Brings archived datasets back, with what was made from them where that is asked for; answers those that were
    /// archived. All or nothing.
    ///
    /// # Errors
    /// Where one that was named is not in the catalog, or the search is faulty.
    pub fn restore_with(&self, chosen: Chosen<'_>, options: RestoreOptions) -> Result<Vec<Touched>, Error> {
        self.wait(self.catalog.restore_with(chosen, options))
    }

    /// Deletes archived datasets for good, where it is forced active ones too; answers them. All or nothing.
    ///
    /// # Errors
    /// Where one that was named is not in the catalog, or is active and not forced, or the search is faulty.
    pub fn purge_with(&self, chosen: Chosen<'_>, options: PurgeOptions) -> Result<Vec<Touched>, Error> {
        self.wait(self.catalog.purge_with(chosen, options))
    }

    /// Where the document of a dataset is; `None` where that was not said.
    ///
    /// # Errors
    /// Where the dataset is not in the catalog.
    pub fn location(&self, id: Uuid) -> Result<Option<String>, Error> {
        self.wait(self.catalog.location(id))
    }

    /// The datasets at a path or URL, active and archived, in the order of (centre time, id). A relative path starts in
    /// the directory that this process works in.
    ///
    /// # Errors
    /// Where the location is empty.
    pub fn datasets_at(&self, location: &str, mode: LocationMode) -> Result<Vec<Touched>, Error> {
        let absolute = absolute(location)?;
        self.wait(self.catalog.datasets_at(&absolute, mode))
    }

    /// The active datasets of these products (of all that have the fields, without) that share the values of these
    /// fields.
    ///
    /// # Errors
    /// Where no field is named, a product is not there or lacks a field, or no product has them all.
    pub fn duplicates(&self, products: &[String], fields: &[String]) -> Result<Vec<Duplicates>, Error> {
        self.wait(self.catalog.duplicates(products, fields))
    }

    /// The active datasets that are less mature versions of this one: same product and region, times within `delta`
    /// ([`crate::MATURITY_DELTA`]), maturity after it in the order final, interim, nrt.
    ///
    /// # Errors
    /// Where one that is as mature or more mature is there, or a region or maturity is missing.
    pub fn find_less_mature(&self, dataset: &Dataset, delta: Duration) -> Result<Vec<Uuid>, Error> {
        self.wait(self.catalog.find_less_mature(dataset, delta))
    }

    /// Archives the less mature versions of a dataset; answers their ids.
    ///
    /// # Errors
    /// As [`Datacube::find_less_mature`]: then none is archived.
    pub fn archive_less_mature(&self, dataset: &Dataset, delta: Duration) -> Result<Vec<Uuid>, Error> {
        self.wait(self.catalog.archive_less_mature(dataset, delta))
    }
}

/// A path as locations are recorded: absolute, and without `..` where it can be told what that means. URLs stand as they
/// are.
fn absolute(location: &str) -> Result<String, Error> {
    let relative = !location.is_empty() && !location.starts_with('/') && !location.contains(':');
    let local = relative || location.starts_with('/');
    if !local || (!relative && !location.contains("/../")) {
        return Ok(location.to_owned());
    }
    let path = Path::new(location);
    let above = path.components().any(|part| part == Component::ParentDir);
    let known = above.then(|| path.canonicalize().ok()).flatten();
    let path = known.map_or_else(|| std::path::absolute(path), Ok).map_err(|e| Error::Unreadable {
        path: location.into(),
        reason: format!("its absolute path cannot be told: {e}"),
    })?;
    let mut absolute = path.to_string_lossy().into_owned();
    // A prefix that ends in a slash is a directory, and not all that begins as it does.
    if location.ends_with('/') && !absolute.ends_with('/') {
        absolute.push('/');
    }
    Ok(absolute)
}
