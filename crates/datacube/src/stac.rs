//! Datasets and products as STAC items and collections.

use std::collections::HashMap;
use std::sync::Arc;

use cube_model::stac::{CollectionExtent, CollectionOptions, ItemOptions, StacVersion, collection_of, item_of};
use cube_model::{Dataset, Product, Search};
use indexmap::IndexMap;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Datacube, Error};

impl Datacube {
    /// The STAC items of datasets, in their order. Items of datasets with lineage link to the documents of those sources
    /// that are in the catalog.
    ///
    /// # Errors
    /// Where the catalog cannot be read, or a footprint has no image in longitude and latitude.
    pub fn stac_items(&self, datasets: &[Dataset], version: StacVersion) -> Result<Vec<Value>, Error> {
        let products: HashMap<String, Arc<Product>> =
            self.products()?.into_iter().map(|product| (product.name.clone(), product)).collect();
        let options = ItemOptions { version, sources: self.places_of_sources(datasets)?, ..Default::default() };
        let item = |dataset: &Dataset| {
            item_of(dataset, products.get(&dataset.product).map(AsRef::as_ref), &options).map_err(Error::from)
        };
        datasets.iter().map(item).collect()
    }

    /// Where the documents of source datasets are, as far as the catalog has them.
    fn places_of_sources(&self, datasets: &[Dataset]) -> Result<IndexMap<Uuid, String>, Error> {
        let mut ids: Vec<Uuid> = datasets.iter().flat_map(|d| d.lineage.values().flatten().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(IndexMap::new());
        }
        let has = self.has(&ids)?;
        let there: Vec<Uuid> = ids.into_iter().zip(has).filter(|(_, has)| *has).map(|(id, _)| id).collect();
        let sources = self.datasets(&there)?;
        Ok(sources.into_iter().filter_map(|source| Some((source.id, source.location?))).collect())
    }

    /// The STAC collection of a product, with the extent of its active datasets.
    ///
    /// # Errors
    /// Where there is no such product, or the catalog cannot be read.
    pub fn stac_collection(&self, product: &str, version: StacVersion) -> Result<Value, Error> {
        let product = self.product(product)?;
        let extent = match self.extent(&Search::product(&product.name), None)? {
            Some(e) => CollectionExtent { area: Some(e.lonlat), time: Some((e.time.begin, e.time.end)) },
            None => CollectionExtent::default(),
        };
        Ok(collection_of(&product, &CollectionOptions { version, extent, ..Default::default() }))
    }
}

/// Items as one document: a STAC item collection.
#[must_use]
pub fn item_collection(items: &[Value]) -> Value {
    json!({ "type": "FeatureCollection", "features": items })
}
