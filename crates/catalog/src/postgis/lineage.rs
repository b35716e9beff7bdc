//! Lineage and homes in PostGIS. Neither end of an edge need be in the catalog.

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::errors::sql;
use super::text;
use crate::Result;
use crate::rows::{HomeRow, LineageRow};

pub(super) async fn edges(connection: &mut PgConnection, ids: &[Uuid], derived: bool) -> Result<Vec<LineageRow>> {
    let text = if derived {
        "SELECT derived, classifier, source FROM cube.dataset_lineage WHERE source = ANY ($1) ORDER BY 1, 2, 3"
    } else {
        "SELECT derived, classifier, source FROM cube.dataset_lineage WHERE derived = ANY ($1) ORDER BY 1, 2, 3"
    };
    sqlx::query(text)
        .bind(ids)
        .try_map(|row: PgRow| {
            let classifier = text::read(row.try_get(1)?);
            Ok(LineageRow { derived: row.try_get(0)?, classifier, source: row.try_get(2)? })
        })
        .fetch_all(connection)
        .await
        .map_err(sql("reading the lineage"))
}

/// Adds edges, each once and in an order that is everybody's. An edge that was added by itself before its dataset came is
/// the document's from then on, and stays so.
pub(super) async fn put(connection: &mut PgConnection, mut edges: Vec<LineageRow>, external: bool) -> Result<()> {
    if edges.is_empty() {
        return Ok(());
    }
    edges.sort_unstable();
    edges.dedup();
    let (derived, classifiers, sources) = columns(&edges);
    sqlx::query(
        "INSERT INTO cube.dataset_lineage AS l (derived, source, external, classifier)
         SELECT e.derived, e.source, $4, e.classifier
         FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS e (derived, source, classifier, number)
         ORDER BY e.number
         ON CONFLICT (derived, source, left(classifier, 100), hashtextextended(classifier, 0))
         DO UPDATE SET external = false WHERE l.external AND NOT excluded.external",
    )
    .bind(derived)
    .bind(sources)
    .bind(classifiers)
    .bind(external)
    .execute(connection)
    .await
    .map(drop)
    .map_err(sql("writing the lineage"))
}

pub(super) async fn remove(connection: &mut PgConnection, edges: &[LineageRow]) -> Result<()> {
    let (derived, classifiers, sources) = columns(edges);
    sqlx::query(
        "DELETE FROM cube.dataset_lineage l
         USING unnest($1::uuid[], $2::uuid[], $3::text[]) AS e (derived, source, classifier)
         WHERE l.derived = e.derived AND l.source = e.source AND l.classifier = e.classifier",
    )
    .bind(derived)
    .bind(sources)
    .bind(classifiers)
    .execute(connection)
    .await
    .map(drop)
    .map_err(sql("removing lineage"))
}

fn columns(edges: &[LineageRow]) -> (Vec<Uuid>, Vec<String>, Vec<Uuid>) {
    let classifiers = edges.iter().map(|edge| text::stored(&edge.classifier).into_owned()).collect();
    (edges.iter().map(|edge| edge.derived).collect(), classifiers, edges.iter().map(|edge| edge.source).collect())
}

pub(super) async fn homes(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<HomeRow>> {
    sqlx::query("SELECT dataset, home FROM cube.dataset_home WHERE dataset = ANY ($1) ORDER BY 1")
        .bind(ids)
        .try_map(|row: PgRow| Ok(HomeRow { dataset: row.try_get(0)?, home: text::read(row.try_get(1)?) }))
        .fetch_all(connection)
        .await
        .map_err(sql("reading the homes"))
}

pub(super) async fn put_homes(connection: &mut PgConnection, homes: &[HomeRow]) -> Result<()> {
    // One statement sets a row only once: the last home of a dataset counts.
    let homes: std::collections::BTreeMap<_, _> = homes.iter().map(|home| (home.dataset, &home.home)).collect();
    let datasets: Vec<Uuid> = homes.keys().copied().collect();
    let names: Vec<_> = homes.values().map(|home| text::stored(home).into_owned()).collect();
    sqlx::query(
        "INSERT INTO cube.dataset_home (dataset, home)
         SELECT h.dataset, h.home FROM unnest($1::uuid[], $2::text[]) AS h (dataset, home) ORDER BY h.dataset
         ON CONFLICT (dataset) DO UPDATE SET home = excluded.home",
    )
    .bind(datasets)
    .bind(names)
    .execute(connection)
    .await
    .map(drop)
    .map_err(sql("writing the homes"))
}

pub(super) async fn clear_homes(connection: &mut PgConnection, ids: &[Uuid]) -> Result<()> {
    sqlx::query("DELETE FROM cube.dataset_home WHERE dataset = ANY ($1)")
        .bind(ids)
        .execute(connection)
        .await
        .map(drop)
        .map_err(sql("clearing the homes"))
}
