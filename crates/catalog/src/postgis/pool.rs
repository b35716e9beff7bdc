//! The connections of one catalog.
//!
//! Not sqlx's pool: that one asks the server for a sign of life each time a connection comes back, and takes a server
//! that is not there for one that is about to start.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, raw_sql};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::errors::{is_lost, sql};
use super::{PATIENCE, connecting};
use crate::{CatalogError, Result};

/// How many statements of one catalog run at once.
const CONNECTIONS: usize = 8;

/// A connection that nobody used for so long is not trusted: what stands between may have forgotten it, and then a
/// statement on it waits for ever.
const IDLE: Duration = Duration::from_mins(5);

/// Connections that are open and wait for work, and the right to open more.
pub(super) struct Pool {
    options: PgConnectOptions,
    /// Without password.
    url: String,
    idle: Mutex<Vec<(PgConnection, Instant)>>,
    permits: Arc<Semaphore>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn new(url: String, options: PgConnectOptions) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        Arc::new(Self { options, url, idle: Mutex::default(), permits })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(PgConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection of one's own, until it is dropped.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease> {
        let doing = "waiting for a connection";
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| CatalogError::Locked { doing, seconds: PATIENCE.as_secs() })?
            .map_err(|_| sql(doing)(sqlx::Error::PoolClosed))?;
        let waiting = {
            let mut idle = self.idle();
            // The last that came back is the youngest: where it is too old, all are.
            match idle.pop() {
                Some((_, since)) if since.elapsed() > IDLE => {
                    idle.clear();
                    None
                }
                other => other.map(|(connection, _)| connection),
            }
        };
        let reused = waiting.is_some();
        let connection = match waiting {
            Some(connection) => connection,
            None => connecting::connect(&self.url, &self.options).await?,
        };
        Ok(Lease {
            connection: Some(connection),
            reused,
            state: State::Idle,
            pool: Arc::clone(self),
            permit: Some(permit),
        })
    }

    /// Closes the connections that are not in use, and lets no new ones begin.
    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for (connection, _) in idle {
            // The server ends it in any case.
            let _ = connection.close().await;
        }
    }

    fn take_back(&self, connection: PgConnection) {
        if !self.permits.is_closed() {
            self.idle().push((connection, Instant::now()));
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// As new.
    Idle,
    /// In a transaction.
    Open,
    /// In the middle of a statement: where it stays so, the connection is of no use any more.
    Busy,
    /// In a transaction that failed.
    Failed,
}

/// A connection on loan. Dropped in a transaction, it rolls that back.
pub(super) struct Lease {
    connection: Option<PgConnection>,
    /// Whether it was open before: then the server may have closed it meanwhile.
    pub(super) reused: bool,
    state: State,
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lease {
    /// Begins a transaction.
    pub(super) async fn begin(&mut self, statements: &'static str) -> sqlx::Result<()> {
        self.state = State::Busy;
        raw_sql(statements).execute(self.open()?).await?;
        self.state = State::Open;
        Ok(())
    }

    /// Does something that does not change whether there is a transaction.
    pub(super) async fn run<'a, T>(
        &'a mut self,
        work: impl FnOnce(&'a mut PgConnection) -> crate::store::Answer<'a, T> + Send,
    ) -> Result<T> {
        let before = self.state;
        let Self { connection, state, .. } = self;
        let connection = connection.as_mut().ok_or_else(|| sql("using a connection")(sqlx::Error::PoolClosed))?;
        *state = State::Busy;
        let done = work(connection).await;
        *state = match &done {
            Err(error) if lost(error) => State::Busy,
            Err(_) if before == State::Open => State::Failed,
            _ => before,
        };
        done
    }

    /// Commits. PostgreSQL answers a commit of a transaction that failed by rolling it back without a word.
    pub(super) async fn commit(mut self) -> Result<()> {
        let doing = "committing";
        if self.state != State::Open {
            return Err(sql(doing)(sqlx::Error::BeginFailed));
        }
        self.state = State::Busy;
        let done = raw_sql("COMMIT").execute(self.open().map_err(sql(doing))?).await;
        match done {
            Ok(_) => {
                self.state = State::Idle;
                Ok(())
            }
            // The server said no: nothing is kept.
            Err(error @ sqlx::Error::Database(_)) if !is_lost(&error) => {
                self.state = State::Idle;
                Err(sql(doing)(error))
            }
            Err(source) => Err(CatalogError::Uncertain { source }),
        }
    }

    fn open(&mut self) -> sqlx::Result<&mut PgConnection> {
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }
}

pub(super) fn lost(error: &CatalogError) -> bool {
    matches!(error, CatalogError::Sql { source, .. } if is_lost(source))
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let permit = self.permit.take();
        match self.state {
            State::Idle => self.pool.take_back(connection),
            // A closed connection is rolled back by the server.
            State::Busy => drop(connection),
            State::Open | State::Failed => {
                let pool = Arc::clone(&self.pool);
                let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
                runtime.spawn(async move {
                    let rolled_back =
                        tokio::time::timeout(PATIENCE, raw_sql("ROLLBACK").execute(&mut connection)).await;
                    if let Ok(Ok(_)) = rolled_back {
                        pool.take_back(connection);
                    }
                    drop(permit);
                });
            }
        }
    }
}
