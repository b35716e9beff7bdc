//! The metadata types of a catalog.

use std::sync::Arc;

use cube_model::documents::default_metadata_types;
use cube_model::{MetadataType, Status};

use crate::catalog::now;
use crate::definitions::{Definitions, ProductEntry};
use crate::differences::{DefinitionChanges, Difference, differences, phrases};
use crate::fields;
use crate::products::{Added, read_fields_anew};
use crate::store::Transaction;
use crate::{Catalog, CatalogError, Result};

impl Catalog {
    /// Adds a metadata type. A default type of the same name, as every new catalog has them, gives way to it while no
    /// product is described by it.
    ///
    /// # Errors
    /// Where one of the same name with another definition is there.
    pub async fn add_metadata_type(&self, metadata_type: &MetadataType) -> Result<Added> {
        let (mut transaction, definitions) = self.define().await?;
        let name = &metadata_type.name;
        if let Some(there) = definitions.metadata_types.get(name) {
            let changes = differences(&there.document, &metadata_type.document);
            if changes.is_empty() {
                return Ok(Added::AlreadyThere);
            }
            let gives_way = is_default(there)? && products_of(&definitions, name).next().is_none();
            if !gives_way {
                return Err(CatalogError::MetadataTypeDiffers { name: name.clone(), changes: phrases(&changes) });
            }
        }
        transaction.put_metadata_type(name, &metadata_type.document.to_string(), now()).await?;
        transaction.commit().await?;
        Ok(Added::New)
    }

    /// What [`Catalog::update_metadata_type`] would change. Nothing is written.
    ///
    /// # Errors
    /// Where there is no such metadata type.
    pub async fn compare_metadata_type(&self, metadata_type: &MetadataType) -> Result<DefinitionChanges> {
        let (mut transaction, definitions) = self.read().await?;
        let (found, datasets) = compare(&mut *transaction, &definitions, metadata_type).await?;
        Ok(DefinitionChanges::new(&metadata_type.name, found, datasets, Difference::is_safe_for_metadata_type))
    }

    /// Gives a metadata type a new definition. True where it differs from the old one. A change of what is there, other
    /// than of its description, is refused while its products have datasets, unless `allow_unsafe`. Where it changes the
    /// search fields, the values of all datasets of its products are read anew, in the same transaction: nobody ever
    /// finds by the old ones what has the new.
    ///
    /// # Errors
    /// Where there is no such metadata type, or the change is refused.
    pub async fn update_metadata_type(&self, metadata_type: &MetadataType, allow_unsafe: bool) -> Result<bool> {
        let (mut transaction, definitions) = self.define().await?;
        let name = &metadata_type.name;
        let (found, datasets) = compare(&mut *transaction, &definitions, metadata_type).await?;
        if found.is_empty() {
            return Ok(false);
        }
        let fields_change = found.iter().any(Difference::is_of_search_fields);
        let changes = DefinitionChanges::new(name, found, datasets, Difference::is_safe_for_metadata_type);
        if changes.needs_leave() && !allow_unsafe {
            return Err(CatalogError::UnsafeMetadataChange { name: name.clone(), datasets, changes: changes.risky() });
        }
        transaction.put_metadata_type(name, &metadata_type.document.to_string(), now()).await?;
        if fields_change {
            let fields = fields::indexed(metadata_type);
            for entry in products_of(&definitions, name) {
                transaction.put_product(&entry.row, &fields, now()).await?;
            }
            let definitions = Definitions::new(transaction.definitions().await?)?;
            for entry in products_of(&definitions, name) {
                read_fields_anew(&mut *transaction, entry).await?;
            }
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Adds those of the default metadata types whose names are free.
    pub(crate) async fn add_default_metadata_types(&self) -> Result<()> {
        let (mut transaction, definitions) = self.define().await?;
        for metadata_type in defaults()? {
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
}

/// True for a metadata type that is as a new catalog has it.
fn is_default(metadata_type: &MetadataType) -> Result<bool> {
    Ok(defaults()?.iter().any(|default| default == metadata_type))
}

fn defaults() -> Result<Vec<MetadataType>> {
    default_metadata_types()
        .map_err(|e| CatalogError::Unreadable { what: "default metadata types".to_owned(), reason: e.to_string() })
}

fn products_of<'d>(
    definitions: &'d Definitions,
    metadata_type: &'d str,
) -> impl Iterator<Item = &'d Arc<ProductEntry>> {
    definitions.products().filter(move |entry| entry.row.metadata_type == metadata_type)
}

/// How a metadata type differs from the one that is there, and how many datasets that one has.
async fn compare(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    metadata_type: &MetadataType,
) -> Result<(Vec<Difference>, u64)> {
    let there = definitions.metadata_type(&metadata_type.name)?;
    let found = differences(&there.document, &metadata_type.document);
    let mut datasets = 0;
    for entry in products_of(definitions, &metadata_type.name) {
        datasets += transaction.count_product(entry.key, Status::All).await?;
    }
    Ok((found, datasets))
}
