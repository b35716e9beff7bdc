//! Metadata types and products of a catalog.

use std::sync::Arc;

use cube_model::documents::default_metadata_types;
use cube_model::{MetadataType, Product, Status};

use crate::catalog::now;
use crate::definitions::{Definitions, ProductEntry, parsed};
use crate::differences::{differences, phrases};
use crate::fields;
use crate::rows::{ProductChange, ProductRow, Selection};
use crate::store::Transaction;
use crate::{Catalog, CatalogError, Result};

/// What became of a definition that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    New,
    /// The same was there already.
    AlreadyThere,
}

impl Catalog {
    /// Adds a metadata type.
    ///
    /// # Errors
    /// Where one of the same name with another definition is there.
    pub async fn add_metadata_type(&self, metadata_type: &MetadataType) -> Result<Added> {
        let (mut transaction, definitions) = self.define().await?;
        let name = &metadata_type.name;
        if let Some(there) = definitions.metadata_types.get(name) {
            let changes = differences(&there.document, &metadata_type.document);
            return if changes.is_empty() {
                Ok(Added::AlreadyThere)
            } else {
                Err(CatalogError::MetadataTypeDiffers { name: name.clone(), changes: phrases(&changes) })
            };
        }
        transaction.put_metadata_type(name, &metadata_type.document.to_string(), now()).await?;
        transaction.commit().await?;
        Ok(Added::New)
    }

    /// Adds those of the default metadata types whose names are free.
    pub(crate) async fn add_default_metadata_types(&self) -> Result<()> {
        let (mut transaction, definitions) = self.define().await?;
        let defaults = default_metadata_types().map_err(|e| CatalogError::Unreadable {
            what: "default metadata types".to_owned(),
            reason: e.to_string(),
        })?;
        for metadata_type in defaults {
            if !definitions.metadata_types.contains_key(&metadata_type.name) {
                let document = metadata_type.document.to_string();
                transaction.put_metadata_type(&metadata_type.name, &document, now()).await?;
            }
        }
        transaction.commit().await
    }

    /// The metadata type of this name.
    ///
    /// # Errors
    /// Where there is none; names that are near are named.
    pub async fn metadata_type(&self, name: &str) -> Result<Arc<MetadataType>> {
        let (_, definitions) = self.read().await?;
        definitions.metadata_type(name).map(Arc::clone)
    }

    /// All metadata types, by name.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn metadata_types(&self) -> Result<Vec<Arc<MetadataType>>> {
        let (_, definitions) = self.read().await?;
        Ok(definitions.metadata_types.values().map(Arc::clone).collect())
    }

    /// Adds a product.
    ///
    /// # Errors
    /// Where one of the same name with another definition is there, or its metadata type is not.
    pub async fn add_product(&self, product: &Product) -> Result<Added> {
        let (mut transaction, definitions) = self.define().await?;
        if let Some(there) = definitions.find(&product.name) {
            let changes = differences(&there.document()?, &product.document);
            return if changes.is_empty() {
                Ok(Added::AlreadyThere)
            } else {
                Err(CatalogError::ProductDiffers { name: product.name.clone(), changes: phrases(&changes) })
            };
        }
        put(&mut *transaction, &definitions, product).await?;
        transaction.commit().await?;
        Ok(Added::New)
    }

    /// Gives a product a new definition. True where it differs from the old one. A change that may make datasets wrong
    /// (all but description, licence, metadata type, fewer terms to match, fewer storage hints) is refused while there
    /// are datasets, unless `allow_unsafe`. Under another metadata type the datasets' search fields are read anew.
    ///
    /// # Errors
    /// Where the product or its metadata type is not there, or the change is refused.
    pub async fn update_product(&self, product: &Product, allow_unsafe: bool) -> Result<bool> {
        let (mut transaction, definitions) = self.define().await?;
        let there = definitions.product(&product.name)?;
        let changes = differences(&there.document()?, &product.document);
        if changes.is_empty() {
            return Ok(false);
        }
        let datasets = transaction.count_product(there.key, Status::All).await?;
        let risky: Vec<_> = changes.iter().filter(|c| !c.is_safe_for_product()).collect();
        if datasets > 0 && !risky.is_empty() && !allow_unsafe {
            let changes = phrases(risky);
            return Err(CatalogError::UnsafeChange { name: product.name.clone(), datasets, changes });
        }
        put(&mut *transaction, &definitions, product).await?;
        if datasets > 0 && there.row.metadata_type != product.metadata_type {
            let definitions = Definitions::new(transaction.definitions().await?)?;
            read_fields_anew(&mut *transaction, definitions.product(&product.name)?).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// The product of this name, where it is there.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn product(&self, name: &str) -> Result<Option<Arc<Product>>> {
        let (_, definitions) = self.read().await?;
        definitions.find(name).map(|entry| entry.product()).transpose()
    }

    /// The product of this name.
    ///
    /// # Errors
    /// Where there is none; names that are near are named.
    pub async fn require_product(&self, name: &str) -> Result<Arc<Product>> {
        let (_, definitions) = self.read().await?;
        definitions.product(name)?.product()
    }

    /// All products, by name.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn products(&self) -> Result<Vec<Arc<Product>>> {
        let (_, definitions) = self.read().await?;
        definitions.products().map(|entry| entry.product()).collect()
    }

    /// Deletes a product with its archived datasets, and with `force` its active ones too. Answers how many datasets
    /// went with it.
    ///
    /// # Errors
    /// Where the product is not there, or has active datasets and is not forced.
    pub async fn delete_product(&self, name: &str, force: bool) -> Result<u64> {
        let (mut transaction, definitions) = self.define().await?;
        let key = definitions.product(name)?.key;
        let active = transaction.count_product(key, Status::Active).await?;
        if active > 0 && !force {
            return Err(CatalogError::ProductInUse { name: name.to_owned(), datasets: active });
        }
        let all = Selection { products: Some(vec![key]), status: Status::All, ..Selection::default() };
        let keys: Vec<i64> = transaction.candidates(&all).await?.into_iter().map(|c| c.key).collect();
        transaction.delete(&keys).await?;
        transaction.bump(&[ProductChange { product: key, datasets: keys.clone() }]).await?;
        transaction.delete_product(key).await?;
        transaction.commit().await?;
        Ok(keys.len() as u64)
    }
}

async fn put(transaction: &mut dyn Transaction, definitions: &Definitions, product: &Product) -> Result<()> {
    let metadata_type = definitions.metadata_type(&product.metadata_type)?;
    let row = ProductRow {
        name: product.name.clone(),
        metadata_type: product.metadata_type.clone(),
        document: product.document.to_string(),
    };
    transaction.put_product(&row, &fields::indexed(metadata_type), now()).await
}

/// Extracts the search fields of all datasets of a product again.
async fn read_fields_anew(transaction: &mut dyn Transaction, entry: &ProductEntry) -> Result<()> {
    let mut last = i64::MIN;
    loop {
        let page = transaction.page(entry.key, last, 500).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.key;
        for row in &page {
            let document = parsed(&row.document, || format!("dataset {}", row.id))?;
            transaction.put_values(row.key, &fields::values(&document, entry)).await?;
        }
    }
}
