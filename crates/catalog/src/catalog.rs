//! The catalog as a whole: opening, creating, and the one way in to its transactions.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;

use crate::cache::Cache;
use crate::definitions::Definitions;
use crate::postgis::PostgisStore;
use crate::rows::State;
use crate::sqlite::SqliteStore;
use crate::store::{Purpose, Store, Transaction};
use crate::{CatalogError, CatalogUrl, Result};

/// A catalog of products and datasets. Clones share connections and cache.
///
/// Its calls are async and need tokio's runtime with time enabled, the same one for the whole life of the catalog.
/// Every call is one transaction: what it changes is there whole or not at all, and what it reads is one state of the
/// catalog. A call that begins after another one (of any process) has ended sees what that one changed.
#[derive(Debug, Clone)]
pub struct Catalog {
    url: CatalogUrl,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cache: Option<Arc<Cache>>,
    definitions: Arc<RwLock<Arc<Definitions>>>,
}

impl Catalog {
    /// Opens a catalog that is there; `memory:` is always a new one.
    ///
    /// # Errors
    /// Where there is none, or its schema is older or newer than this program's.
    pub async fn open(url: &CatalogUrl) -> Result<Self> {
        match url {
            CatalogUrl::Sqlite(path) => Ok(Self::new(url, SqliteStore::open(path).await?)),
            CatalogUrl::Memory => Self::init(url).await,
            CatalogUrl::Postgis(address) => Ok(Self::new(url, PostgisStore::open(address).await?)),
        }
    }

    /// Creates a catalog or upgrades its schema, and adds the default metadata types that are not there. Doing it
    /// again changes nothing.
    ///
    /// # Errors
    /// Where the database is somebody else's, the schema is newer than this program's, or the database refuses.
    pub async fn init(url: &CatalogUrl) -> Result<Self> {
        let catalog = match url {
            CatalogUrl::Sqlite(path) => Self::new(url, SqliteStore::init(path).await?),
            CatalogUrl::Memory => Self::new(url, SqliteStore::in_memory().await?),
            CatalogUrl::Postgis(address) => Self::new(url, PostgisStore::init(address).await?),
        };
        catalog.add_default_metadata_types().await?;
        Ok(catalog)
    }

    fn new(url: &CatalogUrl, store: impl Store + 'static) -> Self {
        Self {
            url: url.clone(),
            store: Arc::new(store),
            cache: Some(Arc::default()),
            definitions: Arc::new(RwLock::new(Arc::new(Definitions::unread()))),
        }
    }

    /// The same catalog, with every search answered by SQL alone. The answers are the same.
    #[must_use]
    pub fn without_cache(mut self) -> Self {
        self.cache = None;
        self
    }

    /// Where it is.
    #[must_use]
    pub const fn url(&self) -> &CatalogUrl {
        &self.url
    }

    /// The version of its schema: the number of its newest migration.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn schema_version(&self) -> Result<i64> {
        self.store.schema_version().await
    }

    /// Closes its connections, those of its clones too.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn close(&self) -> Result<()> {
        self.store.close().await
    }

    /// Begins to read: a transaction with the definitions as it sees them.
    pub(crate) async fn read(&self) -> Result<(Box<dyn Transaction>, Arc<Definitions>)> {
        let mut transaction = self.store.begin(Purpose::Read).await?;
        let (definitions, _) = self.state(&mut *transaction, |_| Ok(Some(Vec::new()))).await?;
        Ok((transaction, definitions))
    }

    /// Begins to write.
    pub(crate) async fn write(&self) -> Result<(Box<dyn Transaction>, Arc<Definitions>)> {
        let mut transaction = self.store.begin(Purpose::Write).await?;
        let (definitions, _) = self.state(&mut *transaction, |_| Ok(Some(Vec::new()))).await?;
        Ok((transaction, definitions))
    }

    /// Begins to change definitions.
    pub(crate) async fn define(&self) -> Result<(Box<dyn Transaction>, Arc<Definitions>)> {
        let mut transaction = self.store.begin(Purpose::Define).await?;
        let (definitions, _) = self.state(&mut *transaction, |_| Ok(Some(Vec::new()))).await?;
        Ok((transaction, definitions))
    }

    /// The definitions as they were when last read.
    pub(crate) fn held(&self) -> Arc<Definitions> {
        Arc::clone(&self.definitions.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a transaction sees: the definitions, and the versions of the products that `wanted` takes from them
    /// (`None`: all). One small read where the definitions held are still right.
    pub(crate) async fn state(
        &self,
        transaction: &mut dyn Transaction,
        wanted: impl Fn(&Definitions) -> Result<Option<Vec<i64>>> + Send,
    ) -> Result<(Arc<Definitions>, State)> {
        let held = self.held();
        // What is held may be behind, and know no product of that name yet.
        let keys = wanted(&held).unwrap_or(Some(Vec::new()));
        let state = transaction.state(keys.as_deref()).await?;
        if state.definitions == held.generation {
            // Only now does an unknown product count.
            wanted(&held)?;
            return Ok((held, state));
        }
        let read = Arc::new(Definitions::new(transaction.definitions().await?)?);
        let keys = wanted(&read)?;
        let state = transaction.state(keys.as_deref()).await?;
        let mut current = self.definitions.write().unwrap_or_else(PoisonError::into_inner);
        if current.generation < read.generation {
            *current = Arc::clone(&read);
        }
        drop(current);
        Ok((read, state))
    }
}

/// Whether a call that changes the catalog is worth doing once more: it and another waited for each other in a circle, or
/// read what the other was changing, and the database ended this one. Pauses before it says yes.
pub(crate) async fn again(error: &CatalogError, attempt: &mut u32) -> bool {
    *attempt += 1;
    if !error.is_passing() || *attempt > 5 {
        return false;
    }
    tokio::time::sleep(jitter(Duration::from_millis(20) * 2_u32.pow(*attempt))).await;
    true
}

/// Something between nothing and `most`, so that processes that began together do not go on together.
pub(crate) fn jitter(most: Duration) -> Duration {
    let random = u32::try_from(RandomState::new().hash_one(0) >> 40).unwrap_or_default();
    most.mul_f64(f64::from(random) / f64::from(1_u32 << 24))
}

/// The time that goes into `added`, `updated` and `archived`.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
