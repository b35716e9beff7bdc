//! Chosen fields of what a search finds, and the order of the finds.

use std::cmp::Ordering;

use cube_model::Search;
use serde_json::Value;
use uuid::Uuid;

use crate::columns::{Cell, Column, cells};
use crate::definitions::Definitions;
use crate::store::Transaction;
use crate::{Catalog, Result};

/// Datasets that are asked about at once.
const AT_ONCE: usize = 1000;

impl Catalog {
    /// Chosen fields of what a search finds, in its order: a list as long as `fields` each, as [`Catalog::fields_of`] has
    /// them. No noun is made of a dataset, and its document is read only where a field stands nowhere else.
    ///
    /// # Errors
    /// As [`Catalog::search`] and [`Catalog::fields_of`].
    pub async fn search_returning(
        &self,
        search: &Search,
        fields: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<Vec<Value>>> {
        let (mut transaction, definitions, versions) = self.begin_search(search).await?;
        let columns = Column::all(fields, search, &definitions)?;
        let found = self.find_ordered(&mut *transaction, search, &definitions, &versions).await?;
        returned(&mut *transaction, &definitions, &found, &columns).await
    }

    /// Chosen fields of these datasets: of those that are there, in the order of the ids, a list as long as `fields`
    /// each. `search` says of which products the fields may be.
    ///
    /// A field is `id`, `product`, `metadata_type`, `time`, `lon`, `lat` (of the box around the footprint; past 180 where
    /// that crosses the antimeridian), `location` (or `uri`), `indexed_time`, `archived` (since when), `label`, a search
    /// field, or the place of a value in the document with points between the keys (`properties.eo:gsd`; `.crs` for the
    /// outermost). Times are text in UTC, to the microsecond; a range is `{"begin": …, "end": …}`, null at an open end; what
    /// is not there is null.
    ///
    /// # Errors
    /// Where no product searched has a field; near names are named.
    pub async fn fields_of(
        &self,
        ids: &[Uuid],
        search: &Search,
        fields: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<Vec<Value>>> {
        let (mut transaction, definitions) = self.read().await?;
        let columns = Column::all(fields, search, &definitions)?;
        returned(&mut *transaction, &definitions, ids, &columns).await
    }
}

/// The rows of those of these datasets that are there, in the order of the ids.
async fn returned(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    ids: &[Uuid],
    columns: &[Column],
) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        let found = cells(transaction, definitions, some, columns).await?;
        rows.extend(found.into_iter().map(|(_, cells)| cells.iter().map(Cell::json).collect::<Vec<_>>()));
    }
    Ok(rows)
}

/// Whether a search wants another order than that of (centre time, id).
pub(crate) fn is_ordered(search: &Search) -> bool {
    match &search.order_by[..] {
        [] => false,
        [only] => only.descending || only.field != "time",
        _ => true,
    }
}

/// Datasets in the order that a search wants, of ids in the order of (centre time, id); the first `limit` of them.
pub(crate) async fn ordered(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    search: &Search,
    mut ids: Vec<Uuid>,
) -> Result<Vec<Uuid>> {
    let limit = search.limit.unwrap_or(usize::MAX);
    let names: Vec<&str> = search.order_by.iter().map(|by| by.field.as_str()).collect();
    let columns = Column::all(&names, search, definitions)?;
    match (&columns[..], &search.order_by[..]) {
        ([Column::Time], [by]) if by.descending => return newest(transaction, definitions, ids, limit).await,
        ([] | [Column::Time], _) => {}
        _ => {
            let mut rows = Vec::with_capacity(ids.len());
            for some in ids.chunks(AT_ONCE) {
                rows.extend(cells(transaction, definitions, some, &columns).await?);
            }
            // Equal ones stay in the order of the ids.
            rows.sort_by(|(_, a), (_, b)| {
                let by_column = a.iter().zip(b).zip(&search.order_by).map(|((a, b), by)| in_order(a, b, by.descending));
                by_column.fold(Ordering::Equal, Ordering::then)
            });
            ids = rows.into_iter().map(|(id, _)| id).collect();
        }
    }
    ids.truncate(limit);
    Ok(ids)
}

/// The newest datasets first. Of one centre time they stay in the order of their ids, so they are turned round group by
/// group; only as many are asked about as are wanted.
async fn newest(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    mut ids: Vec<Uuid>,
    limit: usize,
) -> Result<Vec<Uuid>> {
    let mut found: Vec<Uuid> = Vec::new();
    // The group that may go on further back: its instant, and its datasets from the last to the first.
    let mut group: (Option<Cell>, Vec<Uuid>) = (None, Vec::new());
    while !ids.is_empty() && found.len() < limit {
        let last = ids.split_off(ids.len().saturating_sub(AT_ONCE));
        for (id, values) in cells(transaction, definitions, &last, &[Column::Time]).await?.into_iter().rev() {
            let time = values.into_iter().next();
            let goes_on = group.0.as_ref().zip(time.as_ref()).is_some_and(|(a, b)| a.compare(b).is_eq());
            if !goes_on {
                found.extend(group.1.drain(..).rev());
                group.0 = time;
            }
            group.1.push(id);
        }
    }
    found.extend(group.1.drain(..).rev());
    found.truncate(limit);
    Ok(found)
}

fn in_order(a: &Cell, b: &Cell, descending: bool) -> Ordering {
    match (a, b) {
        // What has no value comes last, whichever way it goes.
        (Cell::Nothing, _) | (_, Cell::Nothing) => a.compare(b),
        _ if descending => b.compare(a),
        _ => a.compare(b),
    }
}
