//! Product definitions and metadata types, from files into the catalog.

use cube_catalog::{Added, DefinitionChanges};
use cube_model::documents::{self, DocumentKind, RawDocument};
use cube_model::{MetadataType, Product};

use crate::index::{Rasters, Refusal, find_sources, read_sources};
use crate::{Datacube, Error};

impl Datacube {
    /// Adds the product definitions in these files; `each` hears of every one that is in the catalog afterwards. The
    /// refused ones, and files that cannot be read, come back with reasons and stop nothing else.
    pub fn add_products(&self, files: &[String], mut each: impl FnMut(&str, Added)) -> Vec<Refusal> {
        each_document(files, DocumentKind::Product, |document| {
            let product = Product::from_document(document)?;
            each(&product.name, self.wait(self.catalog.add_product(&product))?);
            Ok(())
        })
    }

    /// Replaces product definitions; `each` hears the name and whether it changed. Changes that datasets already indexed may
    /// not fit are refused unless `allow_unsafe`. What is refused comes back as of [`Datacube::add_products`].
    pub fn update_products(
        &self,
        files: &[String],
        allow_unsafe: bool,
        mut each: impl FnMut(&str, bool),
    ) -> Vec<Refusal> {
        each_document(files, DocumentKind::Product, |document| {
            let product = Product::from_document(document)?;
            let changed = self.wait(self.catalog.update_product(&product, allow_unsafe))?;
            each(&product.name, changed);
            Ok(())
        })
    }

    /// What [`Datacube::update_products`] would change; `each` hears of every product. What is refused comes back as of
    /// [`Datacube::add_products`].
    pub fn compare_products(&self, files: &[String], mut each: impl FnMut(DefinitionChanges)) -> Vec<Refusal> {
        each_document(files, DocumentKind::Product, |document| {
            let product = Product::from_document(document)?;
            each(self.wait(self.catalog.compare_product(&product))?);
            Ok(())
        })
    }

    /// Deletes a product that has no active datasets, with `force` also one that has; says how many datasets went with it.
    ///
    /// # Errors
    /// Where there is no such product, or it has datasets.
    pub fn delete_product(&self, name: &str, force: bool) -> Result<u64, Error> {
        self.wait(self.catalog.delete_product(name, force))
    }

    /// Deletes products as of [`Datacube::delete_product`], all of them or none; says how many datasets went with each.
    ///
    /// # Errors
    /// As [`Datacube::delete_product`].
    pub fn delete_products(&self, names: &[impl AsRef<str> + Sync], force: bool) -> Result<Vec<u64>, Error> {
        self.wait(self.catalog.delete_products(names, force))
    }

    /// Adds the metadata types in these files; see [`Datacube::add_products`].
    pub fn add_metadata_types(&self, files: &[String], mut each: impl FnMut(&str, Added)) -> Vec<Refusal> {
        each_document(files, DocumentKind::MetadataType, |document| {
            let metadata_type = MetadataType::from_document(document)?;
            each(&metadata_type.name, self.wait(self.catalog.add_metadata_type(&metadata_type))?);
            Ok(())
        })
    }

    /// Replaces metadata types; `each` hears the name and whether it changed. Where search fields change, the values of all
    /// their datasets are read anew. Changes of what is there are refused while there are datasets, unless `allow_unsafe`.
    /// What is refused comes back as of [`Datacube::add_products`].
    pub fn update_metadata_types(
        &self,
        files: &[String],
        allow_unsafe: bool,
        mut each: impl FnMut(&str, bool),
    ) -> Vec<Refusal> {
        each_document(files, DocumentKind::MetadataType, |document| {
            let metadata_type = MetadataType::from_document(document)?;
            let changed = self.wait(self.catalog.update_metadata_type(&metadata_type, allow_unsafe))?;
            each(&metadata_type.name, changed);
            Ok(())
        })
    }

    /// What [`Datacube::update_metadata_types`] would change; see [`Datacube::compare_products`].
    pub fn compare_metadata_types(&self, files: &[String], mut each: impl FnMut(DefinitionChanges)) -> Vec<Refusal> {
        each_document(files, DocumentKind::MetadataType, |document| {
            let metadata_type = MetadataType::from_document(document)?;
            each(self.wait(self.catalog.compare_metadata_type(&metadata_type))?);
            Ok(())
        })
    }
}

/// Hands every document of the files to `each`; what it refuses is collected.
fn each_document(
    files: &[String],
    wanted: DocumentKind,
    mut each: impl FnMut(&RawDocument) -> Result<(), Error>,
) -> Vec<Refusal> {
    let mut refused = Vec::new();
    let refusal = |source: &str, error: Error| Refusal { source: source.to_owned(), reason: error.to_string() };
    for file in files {
        let mut texts = Vec::new();
        let found =
            find_sources(file, Rasters::PassedOver).map_err(|e| refused.push(refusal(file, e))).unwrap_or_default();
        refused.extend(found.refused);
        for source in &found.sources {
            let mut keep = |text| {
                texts.push(text);
                Ok(())
            };
            if let Err(error) = read_sources(source, &mut keep) {
                refused.push(refusal(file, error));
            }
        }
        for text in texts {
            let documents = match documents::parse(&text.text, &text.place()) {
                Ok(documents) => documents,
                Err(error) => {
                    refused.push(refusal(&text.place(), error.into()));
                    continue;
                }
            };
            for document in &documents {
                let kind = documents::kind(document);
                // A collection is a product by another name.
                let is_product = kind == DocumentKind::StacCollection && wanted == DocumentKind::Product;
                let done = if kind == wanted || is_product || kind == DocumentKind::Unknown {
                    each(document)
                } else {
                    let command = match kind {
                        DocumentKind::Product => "`cube product add`",
                        DocumentKind::MetadataType => "`cube metadata add`",
                        _ => "`cube index`",
                    };
                    Err(Error::Usage {
                        reason: format!("{}: this is {kind}, not {wanted}; {command} takes it", document.source),
                    })
                };
                if let Err(error) = done {
                    refused.push(refusal(&document.source, error));
                }
            }
        }
    }
    refused
}
