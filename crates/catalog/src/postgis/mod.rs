//! The store in a `PostgreSQL` database with PostGIS, in its schema `cube`.

mod connecting;
mod copy;
mod errors;
mod facts;
mod lineage;
mod pool;
mod reading;
mod selection;
mod text;
mod writing;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::time::Duration;

use cube_model::Status;
use jiff::Timestamp;
use uuid::Uuid;

use self::errors::sql;
use self::pool::{Lease, Pool};
use crate::rows::{
    Candidate, Changes, DatasetRow, DefinitionRows, FactRow, HomeRow, KnownRow, LineageRow, ProductChange, ProductRow,
    Selection, Span, State, StoredRow, Values,
};
use crate::store::{Answer, Purpose, Store, Transaction};
use crate::{CatalogUrl, Result};

/// How long one waits for another: for a lock, a connection, a server that is full.
const PATIENCE: Duration = Duration::from_mins(1);

/// The advisory lock of the definitions: writers of datasets share it, who changes definitions has it alone. The number
/// before it is that of `cube init`.
const LOCK: i64 = 0x6375_6265_0000_0002;

/// A catalog in PostGIS.
#[derive(Debug)]
pub(crate) struct PostgisStore {
    pool: Arc<Pool>,
}

impl PostgisStore {
    /// Opens a database that holds a catalog of the schema version this program needs.
    pub(crate) async fn open(url: &str) -> Result<Self> {
        let pool = Pool::new(shown(url), connecting::options(url)?);
        let mut lease = pool.lease().await?;
        let shown = shown(url);
        lease.run(|connection| Box::pin(async move { connecting::check(&shown, connection).await })).await?;
        drop(lease);
        Ok(Self { pool })
    }

    /// Opens a database, and creates the schema in it or upgrades it where needed.
    pub(crate) async fn init(url: &str) -> Result<Self> {
        connecting::migrate(&shown(url), &connecting::options(url)?).await?;
        Self::open(url).await
    }
}

/// The URL without its password.
fn shown(url: &str) -> String {
    CatalogUrl::Postgis(url.to_owned()).to_string()
}

impl Store for PostgisStore {
    fn begin(&self, purpose: Purpose) -> Answer<'_, Box<dyn Transaction>> {
        Box::pin(async move {
            // Whoever reads sees one state; whoever writes sees what others committed, once it has locked what it
            // changes. No setting of the server or the user decides, and nobody waits or holds for ever. Compiling a
            // statement costs more than it gains here.
            let statements = match purpose {
                Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off",
                Purpose::Write => {
                    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL jit = off; SET LOCAL lock_timeout = '1min';
                     SET LOCAL idle_in_transaction_session_timeout = '5min';
                     SELECT pg_advisory_xact_lock_shared(7166742567961231362)"
                }
                Purpose::Define => {
                    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL jit = off; SET LOCAL lock_timeout = '1min';
                     SET LOCAL idle_in_transaction_session_timeout = '5min';
                     SELECT pg_advisory_xact_lock(7166742567961231362)"
                }
            };
            loop {
                let mut lease = self.pool.lease().await?;
                match lease.begin(statements).await {
                    Ok(()) => return Ok(Box::new(PostgisTransaction { lease }) as Box<dyn Transaction>),
                    // The server closed it while it was not in use.
                    Err(error) if lease.reused && errors::is_lost(&error) => {}
                    Err(error) => return Err(sql("beginning a transaction")(error)),
                }
            }
        })
    }

    fn state<'a>(&'a self, products: Option<&'a [i64]>) -> Answer<'a, State> {
        Box::pin(async move {
            loop {
                let mut lease = self.pool.lease().await?;
                let reused = lease.reused;
                let state = lease.run(|connection| Box::pin(reading::state(connection, products))).await;
                match state {
                    Err(error) if reused && pool::lost(&error) => {}
                    other => return other,
                }
            }
        })
    }

    fn schema_version(&self) -> Answer<'_, i64> {
        Box::pin(async move {
            let mut lease = self.pool.lease().await?;
            lease.run(|connection| Box::pin(connecting::schema_version(connection))).await
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.pool.close().await;
            Ok(())
        })
    }
}

/// A transaction of PostgreSQL; rolled back where it is dropped.
struct PostgisTransaction {
    lease: Lease,
}

impl Transaction for PostgisTransaction {
    fn commit(self: Box<Self>) -> Answer<'static, ()> {
        Box::pin(self.lease.commit())
    }

    fn state<'a>(&'a mut self, products: Option<&'a [i64]>) -> Answer<'a, State> {
        Box::pin(self.lease.run(move |c| Box::pin(reading::state(c, products))))
    }

    fn definitions(&mut self) -> Answer<'_, DefinitionRows> {
        Box::pin(self.lease.run(|c| Box::pin(reading::definitions(c))))
    }

    fn put_metadata_type<'a>(&'a mut self, name: &'a str, document: &'a str, now: Timestamp) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(writing::put_metadata_type(c, name, document, now))))
    }

    fn put_product<'a>(&'a mut self, product: &'a ProductRow, fields: &'a [&'a str], now: Timestamp) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(writing::put_product(c, product, fields, now))))
    }

    fn delete_product(&mut self, product: i64) -> Answer<'_, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(writing::delete_product(c, product))))
    }

    fn stored<'a>(&'a mut self, ids: &'a [Uuid], lock: bool) -> Answer<'a, Vec<StoredRow>> {
        Box::pin(self.lease.run(move |c| Box::pin(reading::stored(c, ids, lock))))
    }

    fn known<'a>(&'a mut self, ids: &'a [Uuid]) -> Answer<'a, Vec<KnownRow>> {
        Box::pin(self.lease.run(move |c| Box::pin(reading::known(c, ids))))
    }

    fn insert<'a>(&'a mut self, rows: &'a [&'a DatasetRow], now: Timestamp) -> Answer<'a, Vec<Option<i64>>> {
        Box::pin(self.lease.run(move |c| Box::pin(writing::insert(c, rows, now))))
    }

    fn replace<'a>(&'a mut self, key: i64, row: &'a DatasetRow, now: Timestamp) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(writing::replace(c, key, row, now))))
    }

    fn put_values<'a>(&'a mut self, key: i64, values: &'a Values) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(writing::put_values(c, key, values))))
    }

    fn set_archived<'a>(&'a mut self, keys: &'a [i64], archived: Option<Timestamp>) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(writing::set_archived(c, keys, archived))))
    }

    fn delete<'a>(&'a mut self, keys: &'a [i64]) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(writing::delete(c, keys))))
    }

    fn bump<'a>(&'a mut self, products: &'a [ProductChange]) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(writing::bump(c, products))))
    }

    fn changes(&mut self, product: i64, since: Option<i64>) -> Answer<'_, Changes> {
        Box::pin(self.lease.run(move |c| Box::pin(reading::changes(c, product, since))))
    }

    fn candidates<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, Vec<Candidate>> {
        Box::pin(self.lease.run(move |c| Box::pin(selection::candidates(c, selection))))
    }

    fn count<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, u64> {
        Box::pin(self.lease.run(move |c| Box::pin(selection::count(c, selection))))
    }

    fn span<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, Option<Span>> {
        Box::pin(self.lease.run(move |c| Box::pin(selection::span(c, selection))))
    }

    fn count_product(&mut self, product: i64, status: Status) -> Answer<'_, u64> {
        Box::pin(self.lease.run(move |c| Box::pin(reading::count_product(c, product, status))))
    }

    fn page(&mut self, product: i64, after: i64, limit: u32) -> Answer<'_, Vec<StoredRow>> {
        Box::pin(self.lease.run(move |c| Box::pin(reading::page(c, product, after, limit))))
    }

    fn facts<'a>(&'a mut self, ids: &'a [Uuid], fields: &'a [i64]) -> Answer<'a, Vec<FactRow>> {
        Box::pin(self.lease.run(move |c| Box::pin(facts::facts(c, ids, fields))))
    }

    fn last_change(&mut self, product: i64) -> Answer<'_, Option<i64>> {
        Box::pin(self.lease.run(move |c| Box::pin(facts::last_change(c, product))))
    }

    fn lineage<'a>(&'a mut self, ids: &'a [Uuid], derived: bool) -> Answer<'a, Vec<LineageRow>> {
        Box::pin(self.lease.run(move |c| Box::pin(lineage::edges(c, ids, derived))))
    }

    fn put_lineage<'a>(&'a mut self, edges: &'a [LineageRow]) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(lineage::put(c, edges.to_vec(), true))))
    }

    fn remove_lineage<'a>(&'a mut self, edges: &'a [LineageRow]) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(lineage::remove(c, edges))))
    }

    fn homes<'a>(&'a mut self, ids: &'a [Uuid]) -> Answer<'a, Vec<HomeRow>> {
        Box::pin(self.lease.run(move |c| Box::pin(lineage::homes(c, ids))))
    }

    fn put_homes<'a>(&'a mut self, homes: &'a [HomeRow]) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(lineage::put_homes(c, homes))))
    }

    fn clear_homes<'a>(&'a mut self, ids: &'a [Uuid]) -> Answer<'a, ()> {
        Box::pin(self.lease.run(move |c| Box::pin(lineage::clear_homes(c, ids))))
    }
}
