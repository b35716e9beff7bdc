//! The store in a SQLite file or in memory.

mod facts;
mod lineage;
mod reading;
mod selection;
mod writing;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use cube_model::Status;
use jiff::Timestamp;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Sqlite};
use uuid::Uuid;

use crate::rows::{
    Candidate, Changes, DatasetRow, DefinitionRows, FactRow, HomeRow, KnownRow, LineageRow, ProductChange, ProductRow,
    Selection, Span, State, StoredRow, Values,
};
use crate::store::{Answer, Purpose, Store, Transaction};
use crate::{CatalogError, CatalogUrl, Result};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_mins(1);

/// A catalog in SQLite.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    /// Opens a file that holds a catalog of the schema version this program needs.
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let url = CatalogUrl::sqlite(path);
        if !path.exists() {
            return Err(CatalogError::Missing { url: url.to_string() });
        }
        let store = Self::connect(&url, file_options(path).create_if_missing(false)).await?;
        let known = newest_version();
        match store.found_version(&url).await? {
            None => Err(CatalogError::Missing { url: url.to_string() }),
            Some(found) if found > known => Err(CatalogError::TooNew { url: url.to_string(), found, known }),
            Some(found) if found < known => Err(CatalogError::TooOld { url: url.to_string(), found, known }),
            Some(_) => Ok(store),
        }
    }

    /// Opens a file, and creates it or upgrades its schema where needed.
    pub(crate) async fn init(path: &Path) -> Result<Self> {
        let url = CatalogUrl::sqlite(path);
        let store = Self::connect(&url, file_options(path).create_if_missing(true)).await?;
        store.migrate(&url).await?;
        Ok(store)
    }

    /// A new catalog in memory.
    pub(crate) async fn in_memory() -> Result<Self> {
        // The memory belongs to its one connection, which therefore must never be let go.
        let options = tuned(SqliteConnectOptions::new().in_memory(true));
        let pool = SqlitePoolOptions::new().min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None);
        let pool = pool.connect_with(options).await.map_err(sql("opening the catalog"))?;
        let store = Self { pool };
        store.migrate(&CatalogUrl::Memory).await?;
        Ok(store)
    }

    async fn connect(url: &CatalogUrl, options: SqliteConnectOptions) -> Result<Self> {
        let pool = SqlitePoolOptions::new().max_connections(8).acquire_timeout(PATIENCE);
        let pool = pool.connect_with(tuned(options)).await.map_err(|source| refused(url, source))?;
        Ok(Self { pool })
    }

    /// The version of the newest migration there; `None` in an empty database.
    async fn found_version(&self, url: &CatalogUrl) -> Result<Option<i64>> {
        let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .fetch_all(&self.pool)
            .await
            .map_err(|source| refused(url, source))?;
        // The list of migrations comes before the first of them: it stands alone while another process begins, or where
        // one was killed there.
        let ours = |name: &str| name == "_sqlx_migrations" || name == "sqlite_sequence";
        match tables.iter().find(|name| !ours(name)) {
            None => return Ok(None),
            Some(_) if tables.iter().any(|name| name == "catalog_state") => {}
            Some(other) => {
                let reason = format!("it holds other tables, such as {other}");
                return Err(CatalogError::Foreign { url: url.to_string(), reason });
            }
        }
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
            .fetch_one(&self.pool)
            .await
            .map_err(sql("reading the schema version"))
    }

    async fn migrate(&self, url: &CatalogUrl) -> Result<()> {
        let known = newest_version();
        // Each migration is one transaction. Where two processes begin at once, one of them finds the work done.
        for attempt in 1.. {
            if let Some(found) = self.found_version(url).await? {
                if found > known {
                    return Err(CatalogError::TooNew { url: url.to_string(), found, known });
                }
                if found == known {
                    return Ok(());
                }
            }
            match MIGRATIONS.run(&self.pool).await {
                Ok(()) => return Ok(()),
                Err(_) if attempt < 20 => tokio::time::sleep(Duration::from_millis(50 * attempt)).await,
                Err(source) => return Err(CatalogError::Migration { url: url.to_string(), known, source }),
            }
        }
        Ok(())
    }
}

fn newest_version() -> i64 {
    MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0)
}

fn file_options(path: &Path) -> SqliteConnectOptions {
    // WAL lets readers go on while one writer writes; FULL keeps what was committed even through a power cut.
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE)
}

fn tuned(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .foreign_keys(true)
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "-65536")
        // Checkpoints copy each page once, so that fewer of them write less; 64 MiB of log at most.
        .pragma("wal_autocheckpoint", "16384")
        .row_buffer_size(1024)
        .disable_statement_logging()
}

/// A database error with what was being done.
fn sql(doing: &'static str) -> impl Fn(sqlx::Error) -> CatalogError {
    move |source| {
        // 5 is SQLITE_BUSY, in the low byte of the extended codes.
        let busy = source
            .as_database_error()
            .and_then(|e| e.code().and_then(|code| code.parse::<i64>().ok()))
            .is_some_and(|code| code & 0xff == 5);
        if busy {
            CatalogError::Locked { doing, seconds: PATIENCE.as_secs() }
        } else {
            CatalogError::Sql { doing, source }
        }
    }
}

/// A file that SQLite itself refuses (26, `SQLITE_NOTADB`) is somebody else's.
fn refused(url: &CatalogUrl, source: sqlx::Error) -> CatalogError {
    match source.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() {
        Some("26") => CatalogError::Foreign { url: url.to_string(), reason: "it is no SQLite file".to_owned() },
        // SQLITE_CANTOPEN and SQLITE_READONLY.
        Some("14" | "8") => CatalogError::Unopenable { url: url.to_string(), reason: why_not(url) },
        _ => sql("opening the catalog")(source),
    }
}

/// Why a file cannot be opened or created, which SQLite does not say.
fn why_not(url: &CatalogUrl) -> String {
    let CatalogUrl::Sqlite(path) = url else { return "SQLite cannot open it".to_owned() };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        "it is a directory; name a file in it".to_owned()
    } else if folder.is_dir() {
        format!("you may not write in {}; name a place of your own", folder.display())
    } else {
        format!("there is no directory {}; make it first", folder.display())
    }
}

impl Store for SqliteStore {
    fn begin(&self, purpose: Purpose) -> Answer<'_, Box<dyn Transaction>> {
        Box::pin(async move {
            // A writer takes its place in the queue at once: one that only reads first could not write any more if
            // another wrote in between.
            let statement = match purpose {
                Purpose::Read => "BEGIN DEFERRED",
                Purpose::Write | Purpose::Define => "BEGIN IMMEDIATE",
            };
            let inner = self.pool.begin_with(statement).await.map_err(sql("beginning a transaction"))?;
            Ok(Box::new(SqliteTransaction { inner }) as Box<dyn Transaction>)
        })
    }

    fn state<'a>(&'a self, products: Option<&'a [i64]>) -> Answer<'a, State> {
        Box::pin(async move {
            let mut connection = self.pool.acquire().await.map_err(sql("reading the versions"))?;
            reading::state(&mut connection, products).await
        })
    }

    fn schema_version(&self) -> Answer<'_, i64> {
        Box::pin(async move {
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(&self.pool)
                .await
                .map_err(sql("reading the schema version"))
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.pool.close().await;
            Ok(())
        })
    }
}

/// A transaction of SQLite; rolled back where it is dropped.
struct SqliteTransaction {
    inner: sqlx::Transaction<'static, Sqlite>,
}

impl Transaction for SqliteTransaction {
    fn commit(self: Box<Self>) -> Answer<'static, ()> {
        Box::pin(async move { self.inner.commit().await.map_err(sql("committing")) })
    }

    fn state<'a>(&'a mut self, products: Option<&'a [i64]>) -> Answer<'a, State> {
        Box::pin(reading::state(&mut self.inner, products))
    }

    fn definitions(&mut self) -> Answer<'_, DefinitionRows> {
        Box::pin(reading::definitions(&mut self.inner))
    }

    fn put_metadata_type<'a>(&'a mut self, name: &'a str, document: &'a str, now: Timestamp) -> Answer<'a, ()> {
        Box::pin(writing::put_metadata_type(&mut self.inner, name, document, now))
    }

    fn put_product<'a>(&'a mut self, product: &'a ProductRow, fields: &'a [&'a str], now: Timestamp) -> Answer<'a, ()> {
        Box::pin(writing::put_product(&mut self.inner, product, fields, now))
    }

    fn delete_product(&mut self, product: i64) -> Answer<'_, ()> {
        Box::pin(writing::delete_product(&mut self.inner, product))
    }

    fn stored<'a>(&'a mut self, ids: &'a [Uuid], _lock: bool) -> Answer<'a, Vec<StoredRow>> {
        // A transaction that writes has the database to itself.
        Box::pin(reading::stored(&mut self.inner, ids))
    }

    fn known<'a>(&'a mut self, ids: &'a [Uuid]) -> Answer<'a, Vec<KnownRow>> {
        Box::pin(reading::known(&mut self.inner, ids))
    }

    fn insert<'a>(&'a mut self, rows: &'a [&'a DatasetRow], now: Timestamp) -> Answer<'a, Vec<Option<i64>>> {
        Box::pin(writing::insert(&mut self.inner, rows, now))
    }

    fn replace<'a>(&'a mut self, key: i64, row: &'a DatasetRow, now: Timestamp) -> Answer<'a, ()> {
        Box::pin(writing::replace(&mut self.inner, key, row, now))
    }

    fn put_values<'a>(&'a mut self, key: i64, values: &'a Values) -> Answer<'a, ()> {
        Box::pin(writing::put_values(&mut self.inner, key, values))
    }

    fn set_archived<'a>(&'a mut self, keys: &'a [i64], archived: Option<Timestamp>) -> Answer<'a, ()> {
        Box::pin(writing::set_archived(&mut self.inner, keys, archived))
    }

    fn delete<'a>(&'a mut self, keys: &'a [i64]) -> Answer<'a, ()> {
        Box::pin(writing::delete(&mut self.inner, keys))
    }

    fn bump<'a>(&'a mut self, products: &'a [ProductChange]) -> Answer<'a, ()> {
        Box::pin(writing::bump(&mut self.inner, products))
    }

    fn changes(&mut self, product: i64, since: Option<i64>) -> Answer<'_, Changes> {
        Box::pin(reading::changes(&mut self.inner, product, since))
    }

    fn candidates<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, Vec<Candidate>> {
        Box::pin(selection::candidates(&mut self.inner, selection))
    }

    fn count<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, u64> {
        Box::pin(selection::count(&mut self.inner, selection))
    }

    fn span<'a>(&'a mut self, selection: &'a Selection) -> Answer<'a, Option<Span>> {
        Box::pin(selection::span(&mut self.inner, selection))
    }

    fn count_product(&mut self, product: i64, status: Status) -> Answer<'_, u64> {
        Box::pin(reading::count_product(&mut self.inner, product, status))
    }

    fn page(&mut self, product: i64, after: i64, limit: u32) -> Answer<'_, Vec<StoredRow>> {
        Box::pin(reading::page(&mut self.inner, product, after, limit))
    }

    fn facts<'a>(&'a mut self, ids: &'a [Uuid], fields: &'a [i64]) -> Answer<'a, Vec<FactRow>> {
        Box::pin(facts::facts(&mut self.inner, ids, fields))
    }

    fn last_change(&mut self, product: i64) -> Answer<'_, Option<i64>> {
        Box::pin(facts::last_change(&mut self.inner, product))
    }

    fn lineage<'a>(&'a mut self, ids: &'a [Uuid], derived: bool) -> Answer<'a, Vec<LineageRow>> {
        Box::pin(lineage::edges(&mut self.inner, ids, derived))
    }

    fn put_lineage<'a>(&'a mut self, edges: &'a [LineageRow]) -> Answer<'a, ()> {
        Box::pin(lineage::put(&mut self.inner, edges))
    }

    fn remove_lineage<'a>(&'a mut self, edges: &'a [LineageRow]) -> Answer<'a, ()> {
        Box::pin(lineage::remove(&mut self.inner, edges))
    }

    fn homes<'a>(&'a mut self, ids: &'a [Uuid]) -> Answer<'a, Vec<HomeRow>> {
        Box::pin(lineage::homes(&mut self.inner, ids))
    }

    fn put_homes<'a>(&'a mut self, homes: &'a [HomeRow]) -> Answer<'a, ()> {
        Box::pin(lineage::put_homes(&mut self.inner, homes))
    }

    fn clear_homes<'a>(&'a mut self, ids: &'a [Uuid]) -> Answer<'a, ()> {
        Box::pin(lineage::clear_homes(&mut self.inner, ids))
    }
}
