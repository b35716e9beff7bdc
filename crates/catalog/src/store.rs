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
    Candidate, Changes, DatasetRow, DefinitionRows, FactRow, HomeRow, KnownRow, LineageRow, ProductChange, ProductRow,
    Selection, Span, State, StoredRow, Values,
};

/// What a store answers with, once.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading one state of the catalog.
    Read,
    /// Changing datasets: waits for other writers where the database has one writer at a time.
    Write,
    /// Changing metadata types or products: nobody writes datasets meanwhile.
    Define,
}

/// A database that holds a catalog of the schema version this program needs.
pub(crate) trait Store: Debug + Send + Sync {
    /// Begins a transaction.
    fn begin(&self, purpose: Purpose) -> Answer<'_, Box<dyn Transaction>>;

    /// What [`Transaction::state`] says, as one statement without a transaction around it: all that a search which the
    /// cache can answer asks of the database.
    fn state<'a>(&'a self, products: Option<&'a [i64]>) -> Answer<'a, State>;

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

    /// What is there under these ids; ids that are not there have no row. With `lock`, nobody else changes these
    /// datasets until the transaction ends.
    fn stored<'a>(&'a mut self, ids: &'a [Uuid], lock: bool) -> Answer<'a, Vec<StoredRow>>;

    /// Ids, states and digests of those of these datasets that are there: what a duplicate is told by, without its
    /// document.
    fn known<'a>(&'a mut self, ids: &'a [Uuid]) -> Answer<'a, Vec<KnownRow>>;

    /// Adds datasets, with their fields and lineage. Answers the key of each row, in their order; `None` where another
    /// writer was faster and a dataset of this id is there by now (and can be read in this transaction).
    fn insert<'a>(&'a mut self, rows: &'a [&'a DatasetRow], now: Timestamp) -> Answer<'a, Vec<Option<i64>>>;

    /// Puts a dataset's new record in the place of the old; it stays archived where it is.
    fn replace<'a>(&'a mut self, key: i64, row: &'a DatasetRow, now: Timestamp) -> Answer<'a, ()>;

    /// Puts new values of the search fields in the place of a dataset's old.
    fn put_values<'a>(&'a mut self, key: i64, values: &'a Values) -> Answer<'a, ()>;

    /// Archives datasets (with an instant) or restores them (without).
    fn set_archived<'a>(&'a mut self, keys: &'a [i64], archived: Option<Timestamp>) -> Answer<'a, ()>;

    /// Deletes datasets, with all that belongs to them but the lineage that was not part of their documents.
    fn delete<'a>(&'a mut self, keys: &'a [i64]) -> Answer<'a, ()>;

    /// Counts the versions of these products up, and notes which datasets the new versions changed. Comes last, with
    /// the products in the order of their keys, so that writers never wait for each other in a circle.
    ///
    /// Fails where a product is not there any more: then the transaction must be dropped.
    fn bump<'a>(&'a mut self, products: &'a [ProductChange]) -> Answer<'a, ()>;

    /// What changed of a product after version `since`; all its datasets without. A `since` older than the product's
    /// `reload` is not asked for.
    fn changes(&mut self, product: i64, since: Option<i64>) -> Answer<'_, Changes>;

    /// The datasets of a selection, by (centre time, id).
    fn candidates<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, Vec<Candidate>>;

    /// How many datasets a selection has; its limit is not looked at.
    fn count<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, u64>;

    /// From when to when the datasets of a selection reach, and how many they are; `None` where there are none. The
    /// selection's limit is not looked at.
    fn span<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, Option<Span>>;

    /// How many datasets a product has.
    fn count_product(&mut self, product: i64, status: Status) -> Answer<'_, u64>;

    /// Up to `limit` datasets of a product with keys greater than `after`, by key.
    fn page(&mut self, product: i64, after: i64, limit: u32) -> Answer<'_, Vec<StoredRow>>;

    /// What is known of those of these datasets that are there, but their documents: in no order, with their values of
    /// these fields.
    fn facts<'a>(&'a mut self, ids: &'a [Uuid], fields: &'a [i64]) -> Answer<'a, Vec<FactRow>>;

    /// When a dataset of a product was last added, changed or archived; `None` where it has none.
    fn last_change(&mut self, product: i64) -> Answer<'_, Option<i64>>;

    /// The lineage edges whose source is one of these (`derived`), or whose derived dataset is (otherwise), by
    /// (derived, classifier, source).
    fn lineage<'a>(&'a mut self, ids: &'a [Uuid], derived: bool) -> Answer<'a, Vec<LineageRow>>;

    /// Adds lineage edges that no document says. Those that are there stay as they are.
    fn put_lineage<'a>(&'a mut self, edges: &'a [LineageRow]) -> Answer<'a, ()>;

    /// Removes lineage edges, whoever said them.
    fn remove_lineage<'a>(&'a mut self, edges: &'a [LineageRow]) -> Answer<'a, ()>;

    /// The homes of those of these datasets that have one.
    fn homes<'a>(&'a mut self, ids: &'a [Uuid]) -> Answer<'a, Vec<HomeRow>>;

    /// Sets the homes of datasets, which need not be in this catalog.
    fn put_homes<'a>(&'a mut self, homes: &'a [HomeRow]) -> Answer<'a, ()>;

    /// Forgets the homes of datasets.
    fn clear_homes<'a>(&'a mut self, ids: &'a [Uuid]) -> Answer<'a, ()>;
}
