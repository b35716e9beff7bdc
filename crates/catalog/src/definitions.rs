//! The products and metadata types as of one state of the catalog, held by every search.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use cube_model::documents::RawDocument;
use cube_model::{MetadataType, Product};
use serde_json::Value;

use crate::near::near_names;
use crate::rows::{DefinitionRows, ProductRow};
use crate::{CatalogError, Result};

/// All products and metadata types.
#[derive(Debug)]
pub(crate) struct Definitions {
    /// The number that the catalog had.
    pub(crate) generation: i64,
    pub(crate) metadata_types: BTreeMap<String, Arc<MetadataType>>,
    products: BTreeMap<String, Arc<ProductEntry>>,
    by_key: HashMap<i64, Arc<ProductEntry>>,
}

/// A product with its keys.
#[derive(Debug)]
pub(crate) struct ProductEntry {
    pub(crate) key: i64,
    pub(crate) row: ProductRow,
    pub(crate) metadata_type: Arc<MetadataType>,
    /// The keys of its search fields.
    pub(crate) fields: HashMap<String, i64>,
    /// Made of the document when it is first asked for: a catalog of hundreds of products opens at once.
    noun: OnceLock<Arc<Product>>,
}

impl ProductEntry {
    /// The product.
    pub(crate) fn product(&self) -> Result<Arc<Product>> {
        if let Some(product) = self.noun.get() {
            return Ok(Arc::clone(product));
        }
        let unreadable = |reason| CatalogError::Unreadable { what: format!("product {:?}", self.row.name), reason };
        let document = RawDocument::from_value(self.document()?, format!("stored product {}", self.row.name));
        let product = Product::from_document(&document).map_err(|e| unreadable(e.to_string()))?;
        Ok(Arc::clone(self.noun.get_or_init(|| Arc::new(product))))
    }

    /// Its document as it was given.
    pub(crate) fn document(&self) -> Result<Value> {
        parsed(&self.row.document, || format!("product {:?}", self.row.name))
    }
}

impl Definitions {
    /// What is held before the catalog was read: a number that no catalog has, and nothing.
    pub(crate) fn unread() -> Self {
        Self { generation: -1, metadata_types: BTreeMap::new(), products: BTreeMap::new(), by_key: HashMap::new() }
    }

    pub(crate) fn new(rows: DefinitionRows) -> Result<Self> {
        let mut metadata_types = BTreeMap::new();
        for (name, document) in rows.metadata_types {
            let what = || format!("metadata type {name:?}");
            let document = RawDocument::from_value(parsed(&document, what)?, format!("stored metadata type {name}"));
            let noun = MetadataType::from_document(&document)
                .map_err(|e| CatalogError::Unreadable { what: what(), reason: e.to_string() })?;
            metadata_types.insert(name, Arc::new(noun));
        }
        let mut fields: HashMap<i64, HashMap<String, i64>> = HashMap::new();
        for (key, product, name) in rows.fields {
            fields.entry(product).or_default().insert(name, key);
        }
        let mut products = BTreeMap::new();
        let mut by_key = HashMap::new();
        for (key, row) in rows.products {
            let Some(metadata_type) = metadata_types.get(&row.metadata_type) else {
                let reason = format!("its metadata type {:?} is missing", row.metadata_type);
                return Err(CatalogError::Unreadable { what: format!("product {:?}", row.name), reason });
            };
            let entry = Arc::new(ProductEntry {
                key,
                metadata_type: Arc::clone(metadata_type),
                fields: fields.remove(&key).unwrap_or_default(),
                noun: OnceLock::new(),
                row,
            });
            by_key.insert(key, Arc::clone(&entry));
            products.insert(entry.row.name.clone(), entry);
        }
        Ok(Self { generation: rows.generation, metadata_types, products, by_key })
    }

    /// All products by name.
    pub(crate) fn products(&self) -> impl ExactSizeIterator<Item = &Arc<ProductEntry>> {
        self.products.values()
    }

    /// The product of this name, where it is there.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<ProductEntry>> {
        self.products.get(name)
    }

    /// The product of this name.
    pub(crate) fn product(&self, name: &str) -> Result<&Arc<ProductEntry>> {
        self.find(name).ok_or_else(|| CatalogError::UnknownProduct {
            name: name.to_owned(),
            near: near_names(name, self.products.keys().map(String::as_str)),
        })
    }

    /// The product of this key.
    pub(crate) fn product_of_key(&self, key: i64) -> Result<&Arc<ProductEntry>> {
        self.by_key.get(&key).ok_or_else(|| CatalogError::Unreadable {
            what: "a dataset".to_owned(),
            reason: format!("its product, key {key}, is missing"),
        })
    }

    /// The metadata type of this name.
    pub(crate) fn metadata_type(&self, name: &str) -> Result<&Arc<MetadataType>> {
        self.metadata_types.get(name).ok_or_else(|| CatalogError::UnknownMetadataType {
            name: name.to_owned(),
            near: near_names(name, self.metadata_types.keys().map(String::as_str)),
        })
    }
}

/// The JSON of a stored document.
pub(crate) fn parsed(text: &str, what: impl Fn() -> String) -> Result<Value> {
    serde_json::from_str(text).map_err(|e| CatalogError::Unreadable { what: what(), reason: e.to_string() })
}
