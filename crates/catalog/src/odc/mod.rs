//! An existing index of the Open Data Cube, read and never written: schema `agdc` of its postgres driver, schema `odc` of
//! its postgis driver (datacube 1.8 and 1.9).

mod document;
mod lineage;
mod paging;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use crate::definitions::parsed;
use crate::{CatalogError, CatalogUrl, Result};

pub use paging::{GivenDocument, OdcDataset};

/// Which of ODC's drivers made an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OdcSchema {
    /// The postgres driver: schema `agdc`.
    Agdc,
    /// The postgis driver: schema `odc`.
    Odc,
}

impl OdcSchema {
    /// The name of the schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agdc => "agdc",
            Self::Odc => "odc",
        }
    }
}

/// A metadata type of the index.
#[derive(Debug, Clone, PartialEq)]
pub struct OdcMetadataType {
    /// Its name.
    pub name: String,
    /// Its definition; the order of keys is lost in ODC.
    pub document: Value,
}

/// A product of the index.
#[derive(Debug, Clone, PartialEq)]
pub struct OdcProduct {
    key: i16,
    /// Its name.
    pub name: String,
    /// The name of its metadata type.
    pub metadata_type: String,
    /// Its definition; the order of keys is lost in ODC.
    pub document: Value,
}

/// How many datasets a product has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OdcCounts {
    /// Those that searches find.
    pub active: u64,
    /// The others.
    pub archived: u64,
}

/// An index of ODC, as it was when it was opened: all is read in one read-only transaction, whatever is written there
/// meanwhile.
#[derive(Debug)]
pub struct OdcIndex {
    connection: PgConnection,
    schema: OdcSchema,
    /// The address, without a password.
    url: String,
    /// True while a cursor is open.
    paging: bool,
}

impl OdcIndex {
    /// Opens the index in this database: in the schema that is named, else in the one that there is.
    ///
    /// # Errors
    /// Where the URL is none of PostgreSQL, the database cannot be reached, it holds no index of ODC, or two and none is
    /// named.
    pub async fn open(url: &str, schema: Option<OdcSchema>) -> Result<Self> {
        let shown = match url.parse::<CatalogUrl>()? {
            CatalogUrl::Postgis(_) => url.parse::<CatalogUrl>()?.to_string(),
            other => {
                let reason = "it is not a database of PostgreSQL: expected postgresql://user@host/database".to_owned();
                return Err(CatalogError::NoOdcIndex { url: other.to_string(), reason });
            }
        };
        let unreachable = |e: sqlx::Error| CatalogError::Unopenable { url: shown.clone(), reason: e.to_string() };
        let options = PgConnectOptions::from_str(url)
            .map_err(unreachable)?
            .application_name("cube index --from-odc")
            .disable_statement_logging();
        let mut connection = PgConnection::connect_with(&options).await.map_err(unreachable)?;
        let wrong = sql("opening the ODC index");
        sqlx::query("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .execute(&mut connection)
            .await
            .map_err(&wrong)?;
        let there: (bool, bool) = sqlx::query_as(
            "SELECT to_regclass('agdc.dataset_type') IS NOT NULL, to_regclass('odc.dataset_lineage') IS NOT NULL",
        )
        .fetch_one(&mut connection)
        .await
        .map_err(&wrong)?;
        let no = |reason: &str| Err(CatalogError::NoOdcIndex { url: shown.clone(), reason: reason.to_owned() });
        let schema = match (schema, there) {
            (Some(OdcSchema::Agdc), (false, _)) => return no("there is no schema agdc of datacube's postgres driver"),
            (Some(OdcSchema::Odc), (_, false)) => return no("there is no schema odc of datacube's postgis driver"),
            (Some(named), _) => named,
            (None, (true, true)) => return no("there are two, in the schemas agdc and odc: choose one with --schema"),
            (None, (true, false)) => OdcSchema::Agdc,
            (None, (false, true)) => OdcSchema::Odc,
            (None, (false, false)) => {
                return no(
                    "there is no schema agdc or odc, as `datacube system init` makes them: check the database's name",
                );
            }
        };
        Ok(Self { connection, schema, url: shown, paging: false })
    }

    /// The schema that is read.
    #[must_use]
    pub const fn schema(&self) -> OdcSchema {
        self.schema
    }

    /// The address, without a password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All metadata types, in the order they were added.
    ///
    /// # Errors
    /// Where the database refuses, or a definition is no JSON.
    pub async fn metadata_types(&mut self) -> Result<Vec<OdcMetadataType>> {
        let text = match self.schema {
            OdcSchema::Agdc => "SELECT name, definition::text FROM agdc.metadata_type ORDER BY id",
            OdcSchema::Odc => "SELECT name, definition::text FROM odc.metadata_type ORDER BY id",
        };
        let rows: Vec<(String, String)> = sqlx::query_as(text)
            .fetch_all(&mut self.connection)
            .await
            .map_err(sql("reading the metadata types of the ODC index"))?;
        rows.into_iter()
            .map(|(name, text)| {
                let document = parsed(&text, || format!("the metadata type {name:?} of the ODC index"))?;
                Ok(OdcMetadataType { document: document::ordered(document, &document::METADATA_TYPE), name })
            })
            .collect()
    }

    /// All products, by name.
    ///
    /// # Errors
    /// Where the database refuses, or a definition is no JSON.
    pub async fn products(&mut self) -> Result<Vec<OdcProduct>> {
        let text = match self.schema {
            OdcSchema::Agdc => {
                "SELECT p.id, p.name, t.name, p.definition::text
                 FROM agdc.dataset_type p JOIN agdc.metadata_type t ON t.id = p.metadata_type_ref ORDER BY p.name"
            }
            OdcSchema::Odc => {
                "SELECT p.id, p.name, t.name, p.definition::text
                 FROM odc.product p JOIN odc.metadata_type t ON t.id = p.metadata_type_ref ORDER BY p.name"
            }
        };
        let rows: Vec<(i16, String, String, String)> = sqlx::query_as(text)
            .fetch_all(&mut self.connection)
            .await
            .map_err(sql("reading the products of the ODC index"))?;
        rows.into_iter()
            .map(|(key, name, metadata_type, text)| {
                let document = parsed(&text, || format!("the product {name:?} of the ODC index"))?;
                Ok(OdcProduct { key, document: document::ordered(document, &document::PRODUCT), name, metadata_type })
            })
            .collect()
    }

    /// How many datasets each of these products has, in their order.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn counts(&mut self, products: &[OdcProduct]) -> Result<Vec<OdcCounts>> {
        let text = match self.schema {
            OdcSchema::Agdc => {
                "SELECT dataset_type_ref, count(*) FILTER (WHERE archived IS NULL), count(archived)
                 FROM agdc.dataset WHERE dataset_type_ref = ANY($1) GROUP BY 1"
            }
            OdcSchema::Odc => {
                "SELECT product_ref, count(*) FILTER (WHERE archived IS NULL), count(archived)
                 FROM odc.dataset WHERE product_ref = ANY($1) GROUP BY 1"
            }
        };
        let keys: Vec<i16> = products.iter().map(|product| product.key).collect();
        let rows: Vec<(i16, i64, i64)> = sqlx::query_as(text)
            .bind(&keys)
            .fetch_all(&mut self.connection)
            .await
            .map_err(sql("counting the datasets of the ODC index"))?;
        let of = |product: &OdcProduct| {
            let row = rows.iter().find(|(key, ..)| *key == product.key);
            row.map_or_else(OdcCounts::default, |(_, active, archived)| OdcCounts {
                active: active.cast_unsigned(),
                archived: archived.cast_unsigned(),
            })
        };
        Ok(products.iter().map(of).collect())
    }

    /// Ends the transaction and the connection.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn close(self) -> Result<()> {
        self.connection.close().await.map_err(sql("leaving the ODC index"))
    }
}

/// The error of a statement on an index of ODC.
fn sql(doing: &'static str) -> impl Fn(sqlx::Error) -> CatalogError {
    move |source| CatalogError::Sql { doing, source }
}
