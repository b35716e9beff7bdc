//! The datasets of an index of ODC, piece by piece.

use cube_model::documents::resolve;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::{OdcIndex, OdcProduct, OdcSchema, document, sql};
use crate::definitions::parsed;
use crate::{LineageEdge, Result, SourceDigest};

/// A dataset of an index of ODC.
#[derive(Debug, Clone, PartialEq)]
pub struct OdcDataset {
    /// Its id.
    pub id: Uuid,
    /// Where its document is: an absolute path for a `file:` URL, as indexing records it, else the URL.
    pub location: Option<String>,
    /// How many other locations, active or archived, ODC has of it.
    pub other_locations: u64,
    /// Since when it is archived, if it is.
    pub archived: Option<Timestamp>,
    /// When it was added to ODC.
    pub added: Timestamp,
    /// The document as ODC stores it.
    text: String,
    /// Classifier and id of its sources, which ODC keeps apart from the document.
    sources: Vec<(String, Uuid)>,
    /// Whether its driver numbers classifiers.
    numbered: bool,
}

/// A document as ODC was given it, and what has no place in it.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenDocument {
    /// The document.
    pub document: Value,
    /// Edges of a document that has no section for them.
    pub edges: Vec<LineageEdge>,
}

impl OdcDataset {
    /// The document as ODC was given it: without the extent, the `grid_spatial` section and the numbers of classifiers
    /// that ODC adds when it indexes, and with the lineage that it takes out. What ODC loses for good is the order of
    /// keys and of sources, lists of sources that were empty, and, in the postgres driver, whether the classifiers `a1`
    /// and `a2` were written so, or were two sources of `a`, which is taken.
    ///
    /// # Errors
    /// Where what ODC stores is no JSON.
    pub fn given(&self) -> Result<GivenDocument> {
        let stored = parsed(&self.text, || format!("the dataset {} of the ODC index", self.id))?;
        let (document, left) = document::as_given(stored, &self.sources, self.numbered);
        let edge = |(classifier, source)| LineageEdge { derived: self.id, classifier, source };
        Ok(GivenDocument { document, edges: left.into_iter().map(edge).collect() })
    }

    /// What the record is told by, so that it is not read again when it is copied again.
    #[must_use]
    pub fn digest(&self) -> SourceDigest {
        let text = format!("{}{:?}", self.text, self.sources);
        SourceDigest::of(self.location.as_deref().unwrap_or_default(), &text)
    }
}

/// The columns of both drivers, in one order. Instants in microseconds since 1970.
const AGDC: &str = "SELECT d.id, d.metadata::text,
    round(extract(epoch FROM d.archived) * 1000000)::bigint, round(extract(epoch FROM d.added) * 1000000)::bigint,
    (SELECT l.uri_scheme || ':' || l.uri_body FROM agdc.dataset_location l
     WHERE l.dataset_ref = d.id AND l.archived IS NULL ORDER BY l.added DESC, l.id DESC LIMIT 1),
    (SELECT count(*) FROM agdc.dataset_location l WHERE l.dataset_ref = d.id),
    ARRAY(SELECT s.classifier::text FROM agdc.dataset_source s WHERE s.dataset_ref = d.id ORDER BY s.classifier),
    ARRAY(SELECT s.source_dataset_ref FROM agdc.dataset_source s WHERE s.dataset_ref = d.id ORDER BY s.classifier)
    FROM agdc.dataset d WHERE d.dataset_type_ref =";
const ODC: &str = "SELECT d.id, d.metadata::text,
    round(extract(epoch FROM d.archived) * 1000000)::bigint, round(extract(epoch FROM d.added) * 1000000)::bigint,
    d.uri_scheme || ':' || d.uri_body,
    CASE WHEN d.uri_body IS NULL THEN 0 ELSE 1 END::bigint,
    ARRAY(SELECT s.classifier::text FROM odc.dataset_lineage s WHERE s.derived_dataset_ref = d.id
          ORDER BY s.classifier, s.source_dataset_ref),
    ARRAY(SELECT s.source_dataset_ref FROM odc.dataset_lineage s WHERE s.derived_dataset_ref = d.id
          ORDER BY s.classifier, s.source_dataset_ref)
    FROM odc.dataset d WHERE d.product_ref =";

impl OdcIndex {
    /// Begins to read the datasets of a product, in the order that the database likes best; [`OdcIndex::next`] hands
    /// them out.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn start(&mut self, product: &OdcProduct) -> Result<()> {
        let select = if self.schema == OdcSchema::Agdc { AGDC } else { ODC };
        // A cursor takes no parameters; the key is a number.
        let declare = format!("DECLARE pages NO SCROLL CURSOR FOR {select} {}", product.key);
        self.open_cursor(declare).await
    }

    /// The next datasets, at most so many; none at the end.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn next(&mut self, most: u32) -> Result<Vec<OdcDataset>> {
        let numbered = self.schema == OdcSchema::Agdc;
        let wrong = sql("reading the datasets of the ODC index");
        self.fetch(most).await?.iter().map(|row| dataset(row, numbered).map_err(&wrong)).collect()
    }

    /// Opens the one cursor that is open at a time.
    pub(super) async fn open_cursor(&mut self, declare: String) -> Result<()> {
        let wrong = sql("reading the ODC index");
        if std::mem::replace(&mut self.paging, true) {
            sqlx::query("CLOSE pages").execute(&mut self.connection).await.map_err(&wrong)?;
        }
        sqlx::query(AssertSqlSafe(declare)).persistent(false).execute(&mut self.connection).await.map_err(&wrong)?;
        Ok(())
    }

    pub(super) async fn fetch(&mut self, most: u32) -> Result<Vec<PgRow>> {
        sqlx::query(AssertSqlSafe(format!("FETCH {most} FROM pages")))
            .fetch_all(&mut self.connection)
            .await
            .map_err(sql("reading the ODC index"))
    }
}

fn dataset(row: &PgRow, numbered: bool) -> Result<OdcDataset, sqlx::Error> {
    let instant = |micros: i64| Timestamp::from_microsecond(micros).map_err(|e| sqlx::Error::Decode(Box::new(e)));
    let location: Option<String> = row.try_get(4)?;
    let locations: i64 = row.try_get(5)?;
    let (classifiers, sources): (Vec<String>, Vec<Uuid>) = (row.try_get(6)?, row.try_get(7)?);
    Ok(OdcDataset {
        id: row.try_get(0)?,
        text: row.try_get(1)?,
        archived: row.try_get::<Option<i64>, _>(2)?.map(instant).transpose()?,
        added: instant(row.try_get(3)?)?,
        other_locations: locations.cast_unsigned().saturating_sub(u64::from(location.is_some())),
        location: location.map(as_indexed),
        sources: classifiers.into_iter().zip(sources).collect(),
        numbered,
    })
}

/// A `file:` URL as the path that indexing the file would record; anything else as it is.
fn as_indexed(uri: String) -> String {
    match uri.starts_with("file:").then(|| resolve(Some(&uri), "")).flatten() {
        Some((path, None)) => path,
        _ => uri,
    }
}
