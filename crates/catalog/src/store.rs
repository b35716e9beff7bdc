//! What a database must do for a catalog: row by row work inside one transaction, nothing that decides.
//!
//! Everything above (what equals what, which change is safe, what a search means) is written once, on these traits.
//! A transaction sees one state of the catalog from its first statement to its last; one that is dropped without
//! [`Transaction::commit`] leaves no trace.

use std::fmt::Debug;
use std::pin::Pin;

use cube_model::Status;
use jiff::Timestamp;
use uuid::Uuid;

use crate::Result;
use crate::rows::{
    BoxRow, Candidate, DatasetRow, DefinitionRows, LineageRow, ProductChange, ProductRow, Selection, State, StoredRow,
    Values,
};

/// What a store answers with, once.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading one state of the catalog.
    Read,
    /// Changing it: waits for other writers where the database has one writer at a time.
    Write,
}

/// A database that holds a catalog of the schema version this program needs.
pub(crate) trait Store: Debug + Send + Sync {
    /// Begins a transaction.
    fn begin(&self, purpose: Purpose) -> Answer<'_, Box<dyn Transaction>>;

    /// The schema version.
    fn schema_version(&self) -> Answer<'_, i64>;

    /// Closes all connections.
    fn close(&self) -> Answer<'_, ()>;
}

/// One transaction. Keys are the store's own numbers of rows; they never leave this crate.
pub(crate) trait Transaction: Send {
    /// Makes the changes visible to all, at once.
    fn commit(self: Box<Self>) -> Answer<'static, ()>;

    /// The number of the definitions, and the versions of the products of these keys (all of them without). Small and
    /// fast: each search begins with it.
    fn state<'a>(&'a mut self, products: Option<&'a [i64]>) -> Answer<'a, State>;

    /// All metadata types, products and search fields.
    fn definitions(&mut self) -> Answer<'_, DefinitionRows>;

    /// Adds or replaces a metadata type and counts the definitions up.
    fn put_metadata_type<'a>(&'a mut self, name: &'a str, document: &'a str, now: Timestamp) -> Answer<'a, ()>;

    /// Adds or replaces a product, makes its search fields exactly these, and counts the definitions up.
    fn put_product<'a>(&'a mut self, product: &'a ProductRow, fields: &'a [&'a str], now: Timestamp) -> Answer<'a, ()>;

    /// Deletes a product that has no datasets, and counts the definitions up.
    fn delete_product(&mut self, product: i64) -> Answer<'_, ()>;

    /// What is there under these ids; ids that are not there have no row.
    fn stored<'a>(&'a mut self, ids: &'a [Uuid]) -> Answer<'a, Vec<StoredRow>>;

    /// Adds datasets that are not there, with their fields and lineage.
    fn insert<'a>(&'a mut self, rows: &'a [DatasetRow], now: Timestamp) -> Answer<'a, ()>;

    /// Puts a dataset's new record in the place of the old; it stays archived where it is.
    fn replace<'a>(&'a mut self, key: i64, row: &'a DatasetRow, now: Timestamp) -> Answer<'a, ()>;

    /// Puts new values of the search fields in the place of a dataset's old.
    fn put_values<'a>(&'a mut self, key: i64, values: &'a Values) -> Answer<'a, ()>;

    /// Archives datasets (with an instant) or restores them (without).
    fn set_archived<'a>(&'a mut self, keys: &'a [i64], archived: Option<Timestamp>) -> Answer<'a, ()>;

    /// Deletes datasets, with all that belongs to them.
    fn delete<'a>(&'a mut self, keys: &'a [i64]) -> Answer<'a, ()>;

    /// Counts the versions of these products up, and makes the changes of this transaction part of the new versions.
    /// Comes last, with the products in the order of their keys, so that writers never wait for each other in a circle.
    fn bump<'a>(&'a mut self, products: &'a [ProductChange]) -> Answer<'a, ()>;

    /// The datasets of a product that changed after version `since`; all of them without.
    fn changes(&mut self, product: i64, since: Option<i64>) -> Answer<'_, Vec<BoxRow>>;

    /// The datasets of a selection, by (centre time, id).
    fn candidates<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, Vec<Candidate>>;

    /// How many datasets a selection has; its limit is not looked at.
    fn count<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, u64>;

    /// How many datasets a product has.
    fn count_product(&mut self, product: i64, status: Status) -> Answer<'_, u64>;

    /// Up to `limit` datasets of a product with keys greater than `after`, by key.
    fn page(&mut self, product: i64, after: i64, limit: u32) -> Answer<'_, Vec<StoredRow>>;

    /// The lineage edges that lead out of (`derived`) or into this dataset.
    fn lineage(&mut self, id: Uuid, derived: bool) -> Answer<'_, Vec<LineageRow>>;
}
