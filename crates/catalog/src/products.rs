//! The products of a catalog.

use std::sync::Arc;

use cube_model::documents::DocumentError;
use cube_model::{MetadataType, Product, Status};
use serde_json::Value;

use crate::catalog::now;
use crate::definitions::{Definitions, ProductEntry, parsed};
use crate::differences::{DefinitionChanges, Difference, differences, phrases};
use crate::fields;
use crate::rows::{ProductRow, Selection};
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
    /// Adds a product. A metadata type that stands in its document is added too, where it is not there; the document
    /// then names it.
    ///
    /// # Errors
    /// Where one of the same name with another definition is there, or its metadata type is not.
    pub async fn add_product(&self, product: &Product) -> Result<Added> {
        let (mut transaction, definitions) = self.define().await?;
        let document = named(product);
        if let Some(there) = definitions.find(&product.name) {
            let changes = differences(&there.document()?, &document);
            return if changes.is_empty() {
                Ok(Added::AlreadyThere)
            } else {
                Err(CatalogError::ProductDiffers { name: product.name.clone(), changes: phrases(&changes) })
            };
        }
        put(&mut *transaction, &definitions, product, &document).await?;
        transaction.commit().await?;
        Ok(Added::New)
    }

    /// What [`Catalog::update_product`] would change. Nothing is written.
    ///
    /// # Errors
    /// Where there is no such product, or its new metadata type is not there.
    pub async fn compare_product(&self, product: &Product) -> Result<DefinitionChanges> {
        let (mut transaction, definitions) = self.read().await?;
        metadata_type_of(&definitions, product)?;
        compare(&mut *transaction, definitions.product(&product.name)?, product).await
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
        let changes = compare(&mut *transaction, there, product).await?;
        if changes.changes.is_empty() {
            return Ok(false);
        }
        if changes.needs_leave() && !allow_unsafe {
            let (datasets, changes) = (changes.datasets, changes.risky());
            return Err(CatalogError::UnsafeChange { name: product.name.clone(), datasets, changes });
        }
        put(&mut *transaction, &definitions, product, &named(product)).await?;
        if changes.datasets > 0 && there.row.metadata_type != product.metadata_type {
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
        Ok(self.delete_products(&[name], force).await?.into_iter().sum())
    }

    /// Deletes products as [`Catalog::delete_product`], all of them or none. Answers how many datasets went with each,
    /// in their order.
    ///
    /// # Errors
    /// As [`Catalog::delete_product`].
    pub async fn delete_products(&self, names: &[impl AsRef<str> + Sync], force: bool) -> Result<Vec<u64>> {
        let (mut transaction, definitions) = self.define().await?;
        let mut gone = Vec::with_capacity(names.len());
        let mut products = Vec::with_capacity(names.len());
        for name in names {
            let name = name.as_ref();
            let key = definitions.product(name)?.key;
            if products.contains(&key) {
                gone.push(0);
                continue;
            }
            let active = transaction.count_product(key, Status::Active).await?;
            if active > 0 && !force {
                return Err(CatalogError::ProductInUse { name: name.to_owned(), datasets: active });
            }
            let some = Selection {
                products: Some(vec![key]),
                status: Status::All,
                limit: Some(DELETED_AT_ONCE),
                ..Selection::default()
            };
            let mut datasets = 0;
            loop {
                let keys: Vec<i64> = transaction.candidates(&some).await?.into_iter().map(|c| c.key).collect();
                if keys.is_empty() {
                    break;
                }
                transaction.delete(&keys).await?;
                datasets += keys.len() as u64;
            }
            products.push(key);
            gone.push(datasets);
        }
        // A cache that holds a product asks for its version before anything else, and finds none.
        for key in products {
            transaction.delete_product(key).await?;
        }
        transaction.commit().await?;
        Ok(gone)
    }
}

/// Datasets that are deleted by one statement: a product may have millions.
const DELETED_AT_ONCE: usize = 10_000;

/// The document of a product, with the metadata type that stands in it replaced by its name, as datacube stores it.
fn named(product: &Product) -> Value {
    let mut document = product.document.clone();
    if document.get("metadata_type").is_some_and(Value::is_object) {
        document["metadata_type"] = Value::from(product.metadata_type.as_str());
    }
    document
}

/// A product's metadata type, and whether it has to be added.
fn metadata_type_of(definitions: &Definitions, product: &Product) -> Result<(Arc<MetadataType>, bool)> {
    let unreadable = |e: DocumentError| CatalogError::Unreadable {
        what: format!("the metadata type of product {:?}", product.name),
        reason: e.to_string(),
    };
    let Some(embedded) = product.embedded_metadata_type().map_err(unreadable)? else {
        return Ok((Arc::clone(definitions.metadata_type(&product.metadata_type)?), false));
    };
    let Some(there) = definitions.metadata_types.get(&embedded.name) else { return Ok((Arc::new(embedded), true)) };
    let changes = differences(&there.document, &embedded.document);
    if changes.is_empty() {
        Ok((Arc::clone(there), false))
    } else {
        Err(CatalogError::MetadataTypeDiffers { name: embedded.name, changes: phrases(&changes) })
    }
}

async fn compare(
    transaction: &mut dyn Transaction,
    there: &ProductEntry,
    product: &Product,
) -> Result<DefinitionChanges> {
    let datasets = transaction.count_product(there.key, Status::All).await?;
    let differences = differences(&there.document()?, &named(product));
    Ok(DefinitionChanges::new(&product.name, differences, datasets, Difference::is_safe_for_product))
}

async fn put(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    product: &Product,
    document: &Value,
) -> Result<()> {
    let (metadata_type, new) = metadata_type_of(definitions, product)?;
    if new {
        transaction.put_metadata_type(&metadata_type.name, &metadata_type.document.to_string(), now()).await?;
    }
    let row = ProductRow {
        name: product.name.clone(),
        metadata_type: metadata_type.name.clone(),
        document: document.to_string(),
    };
    transaction.put_product(&row, &fields::indexed(&metadata_type), now()).await
}

/// Extracts the search fields of all datasets of a product again.
pub(crate) async fn read_fields_anew(transaction: &mut dyn Transaction, entry: &ProductEntry) -> Result<()> {
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
