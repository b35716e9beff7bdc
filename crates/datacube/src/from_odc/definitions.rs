//! Metadata types and products of an index of ODC.

use std::sync::Arc;

use cube_catalog::{Added, CatalogError, OdcIndex, OdcMetadataType, OdcProduct};
use cube_model::documents::RawDocument;
use cube_model::{MetadataType, Product};

use super::Copy;
use crate::Error;

/// Most names that an error suggests.
const NEAR: usize = 10;

/// A product of the ODC index, and what the catalog makes of it or why it is refused.
pub(super) type Asked = (OdcProduct, Result<Arc<Product>, String>);

impl Copy<'_> {
    /// Takes over the definitions. Answers the products that were asked for, each with what the catalog makes of it, or
    /// with the reason why it is refused.
    pub(super) fn definitions(&mut self, index: &mut OdcIndex) -> Result<Vec<Asked>, Error> {
        let mut products = self.dc.wait(index.products())?;
        if !self.options.products.is_empty() {
            let unknown = self.options.products.iter().find(|name| products.iter().all(|p| p.name != **name));
            if let Some(name) = unknown {
                let like = |p: &&OdcProduct| p.name.contains(name.as_str()) || name.contains(&p.name);
                let near: Vec<&str> = products.iter().filter(like).map(|p| p.name.as_str()).take(NEAR).collect();
                let hint = if near.is_empty() {
                    let names: Vec<&str> = products.iter().map(|p| p.name.as_str()).take(NEAR).collect();
                    format!("it has {}, such as {}", products.len(), names.join(", "))
                } else {
                    format!("did you mean {}?", near.join(", "))
                };
                let reason = format!("the ODC index {} has no product {name:?}; {hint}", index.url());
                return Err(Error::Usage { reason });
            }
            products.retain(|product| self.options.products.contains(&product.name));
        }
        for metadata_type in self.dc.wait(index.metadata_types())? {
            if self.options.products.is_empty() || products.iter().any(|p| p.metadata_type == metadata_type.name) {
                self.metadata_type(&metadata_type, index)?;
            }
        }
        products
            .into_iter()
            .map(|odc| {
                let product = self.definition(&odc, index)?;
                if let Err(reason) = &product {
                    self.report.refuse(format!("product {}", odc.name), reason.clone());
                }
                Ok((odc, product))
            })
            .collect()
    }

    /// Takes over a metadata type. Where the catalog has another definition under its name and no dataset that is
    /// described by it (a new catalog has the default types), ODC's takes its place.
    fn metadata_type(&mut self, odc: &OdcMetadataType, index: &OdcIndex) -> Result<(), Error> {
        let place = format!("metadata type {} of {}", odc.name, index.url());
        let document = RawDocument::from_value(odc.document.clone(), place.clone());
        let metadata_type = match MetadataType::from_document(&document) {
            Ok(metadata_type) => metadata_type,
            Err(error) => {
                self.report.refuse(place, error.to_string());
                return Ok(());
            }
        };
        let catalog = &self.dc.catalog;
        let written = if self.options.dry_run {
            match self.dc.wait(catalog.metadata_type(&odc.name)) {
                Ok(there) if there.document == metadata_type.document => Ok(false),
                Ok(_) => self.dc.wait(catalog.compare_metadata_type(&metadata_type)).map(|_| true),
                Err(Error::Catalog(CatalogError::UnknownMetadataType { .. })) => Ok(true),
                Err(error) => Err(error),
            }
        } else {
            match self.dc.wait(catalog.add_metadata_type(&metadata_type)) {
                Ok(added) => Ok(added == Added::New),
                Err(Error::Catalog(CatalogError::MetadataTypeDiffers { .. })) => {
                    self.dc.wait(catalog.update_metadata_type(&metadata_type, self.options.update))
                }
                Err(error) => Err(error),
            }
        };
        match written {
            Ok(written) => self.report.metadata_types += usize::from(written),
            Err(Error::Catalog(
                error @ (CatalogError::UnsafeMetadataChange { .. } | CatalogError::MetadataTypeDiffers { .. }),
            )) => {
                self.report.refuse(place, format!("{error}; --update takes ODC's"));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What the catalog makes of a product's definition, or why it does not take it.
    fn definition(&self, odc: &OdcProduct, index: &OdcIndex) -> Result<Result<Arc<Product>, String>, Error> {
        let place = format!("product {} of {}", odc.name, index.url());
        let document = RawDocument::from_value(odc.document.clone(), place);
        let product = match Product::from_document(&document) {
            Ok(product) => product,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let catalog = &self.dc.catalog;
        if !self.options.dry_run {
            let written = match self.dc.wait(catalog.add_product(&product)) {
                Err(Error::Catalog(CatalogError::ProductDiffers { .. })) if self.options.update => {
                    self.dc.wait(catalog.update_product(&product, true)).map(drop)
                }
                written => written.map(drop),
            };
            match written {
                Ok(()) => {}
                Err(Error::Catalog(error @ CatalogError::ProductDiffers { .. })) => {
                    return Ok(Err(format!("{error}, or --update to take ODC's")));
                }
                Err(Error::Catalog(error @ CatalogError::UnknownMetadataType { .. })) => {
                    return Ok(Err(error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Ok(Arc::new(product)))
    }
}
