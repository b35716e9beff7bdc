//! Which kind of document one is.

use serde_json::Value;

use super::RawDocument;

/// The `$schema` of EO3 dataset documents.
pub const EO3_SCHEMA: &str = "https://schemas.opendatacube.org/dataset";

/// Kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// Search fields and where they stand.
    MetadataType,
    /// A product definition.
    Product,
    /// A dataset document of EO3.
    Eo3Dataset,
    /// A dataset document from before EO3, without `$schema`.
    LegacyDataset,
    /// A STAC item.
    StacItem,
    /// A STAC collection.
    StacCollection,
    /// A STAC catalog, which only links to others.
    StacCatalog,
    /// Anything else.
    Unknown,
}

impl std::fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MetadataType => "a metadata type",
            Self::Product => "a product definition",
            Self::Eo3Dataset => "an EO3 dataset document",
            Self::LegacyDataset => "a dataset document from before EO3",
            Self::StacItem => "a STAC item",
            Self::StacCollection => "a STAC collection",
            Self::StacCatalog => "a STAC catalog",
            Self::Unknown => "a document of no kind that is known",
        })
    }
}

impl RawDocument {
    /// The kind of document that this is, by the keys that tell kinds apart.
    #[must_use]
    pub fn kind(&self) -> DocumentKind {
        let has = |key: &str| self.value.get(key).is_some();
        let text = |key: &str| self.value.get(key).and_then(Value::as_str);
        if let Some(schema) = text("$schema") {
            return if schema == EO3_SCHEMA { DocumentKind::Eo3Dataset } else { DocumentKind::Unknown };
        }
        match text("type") {
            Some("Feature") if has("stac_version") => return DocumentKind::StacItem,
            Some("Collection") if has("stac_version") => return DocumentKind::StacCollection,
            Some("Catalog") if has("stac_version") => return DocumentKind::StacCatalog,
            // Before 1.0.0 collections and catalogs had no type.
            None if has("stac_version") && has("extent") => return DocumentKind::StacCollection,
            None if has("stac_version") && has("links") => return DocumentKind::StacCatalog,
            _ => {}
        }
        if has("metadata_type") || (has("measurements") && has("name") && has("metadata")) {
            DocumentKind::Product
        } else if has("name") && has("dataset") {
            DocumentKind::MetadataType
        } else if has("id") {
            DocumentKind::LegacyDataset
        } else {
            DocumentKind::Unknown
        }
    }
}

/// The kind of a document.
#[must_use]
pub fn kind(document: &RawDocument) -> DocumentKind {
    document.kind()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_told_apart() {
        for (value, kind) in [
            (json!({"$schema": EO3_SCHEMA}), DocumentKind::Eo3Dataset),
            (json!({"$schema": "https://schemas.opendatacube.org/eo4"}), DocumentKind::Unknown),
            (json!({"id": "x", "product_type": "y"}), DocumentKind::LegacyDataset),
            (json!({"name": "x", "metadata_type": "eo3"}), DocumentKind::Product),
            (json!({"name": "x", "dataset": {}}), DocumentKind::MetadataType),
            (json!({"type": "Feature", "stac_version": "1.0.0", "id": "x"}), DocumentKind::StacItem),
            (json!({"type": "Collection", "stac_version": "1.0.0", "id": "x"}), DocumentKind::StacCollection),
            (json!({"type": "Catalog", "stac_version": "1.1.0", "id": "x"}), DocumentKind::StacCatalog),
            (json!({"stac_version": "1.0.0-beta.2", "id": "x", "extent": {}}), DocumentKind::StacCollection),
            (json!({"stac_version": "1.0.0-beta.2", "id": "x", "links": []}), DocumentKind::StacCatalog),
            (json!([1]), DocumentKind::Unknown),
        ] {
            assert_eq!(RawDocument::from_value(value.clone(), "test").kind(), kind, "{value}");
        }
    }
}
