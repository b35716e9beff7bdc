//! Lineage and homes of datasets that an index of ODC knows only by name.

use sqlx::Row;
use uuid::Uuid;

use super::{OdcIndex, OdcSchema, sql};
use crate::{Lineage, LineageEdge, Result};

/// Edges of derived datasets that are not in the index. The postgres driver cannot have any.
const EXTERNAL: &str = "SELECT s.derived_dataset_ref, s.classifier::text, s.source_dataset_ref
    FROM odc.dataset_lineage s
    WHERE NOT EXISTS (SELECT FROM odc.dataset d WHERE d.id = s.derived_dataset_ref)
    ORDER BY s.derived_dataset_ref, s.classifier, s.source_dataset_ref";

impl OdcIndex {
    /// Begins to read the lineage that no dataset of the index brings with it; [`OdcIndex::next_edges`] hands it out.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn start_edges(&mut self) -> Result<()> {
        let none = "SELECT NULL::uuid, NULL::text, NULL::uuid WHERE false";
        let select = if self.schema == OdcSchema::Agdc { none } else { EXTERNAL };
        self.open_cursor(format!("DECLARE pages NO SCROLL CURSOR FOR {select}")).await
    }

    /// The next edges, at most so many; none at the end.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn next_edges(&mut self, most: u32) -> Result<Vec<LineageEdge>> {
        let wrong = sql("reading the lineage of the ODC index");
        let edge = |row: &sqlx::postgres::PgRow| {
            Ok(LineageEdge { derived: row.try_get(0)?, classifier: row.try_get(1)?, source: row.try_get(2)? })
        };
        self.fetch(most).await?.iter().map(|row| edge(row).map_err(&wrong)).collect()
    }

    /// The homes of datasets.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn homes(&mut self) -> Result<Lineage> {
        if self.schema == OdcSchema::Agdc {
            return Ok(Lineage::default());
        }
        let rows: Vec<(Uuid, String)> = sqlx::query_as("SELECT dataset_ref, home FROM odc.dataset_home")
            .fetch_all(&mut self.connection)
            .await
            .map_err(sql("reading the homes of the ODC index"))?;
        Ok(Lineage { edges: Vec::new(), homes: rows.into_iter().collect() })
    }
}
