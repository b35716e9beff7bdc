//! Databases for tests, in the server whose superuser URL `CUBE_TEST_POSTGRES` holds.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, raw_sql};

use crate::{Catalog, CatalogUrl};

/// An empty database, dropped with the value.
pub(crate) struct Database {
    server: String,
    pub(crate) name: String,
}

impl Database {
    /// `None`, said loudly, where there is no server.
    pub(crate) async fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var("CUBE_TEST_POSTGRES") else {
            eprintln!("skipped: no PostgreSQL (CUBE_TEST_POSTGRES; see scripts/postgres)");
            return None;
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("cube_unit_{}_{number}", std::process::id());
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        Some(Self { server, name })
    }

    /// Its URL as the server's superuser.
    pub(crate) fn text(&self) -> String {
        self.text_as("")
    }

    /// Its URL for a user: `anna` or `anna:password`.
    pub(crate) fn text_as(&self, user: &str) -> String {
        let (address, options) = self.server.split_once('?').map_or((self.server.as_str(), ""), |(a, o)| (a, o));
        let address = address.rsplit_once('/').unwrap().0;
        let address = match (user, address.rsplit_once('@')) {
            ("", _) => address.to_owned(),
            (user, Some((_, host))) => format!("postgresql://{user}@{host}"),
            (user, None) => address.replacen("://", &format!("://{user}@"), 1),
        };
        let mark = if options.is_empty() { "" } else { "?" };
        format!("{address}/{}{mark}{options}", self.name)
    }

    pub(crate) fn url(&self) -> CatalogUrl {
        CatalogUrl::Postgis(self.text())
    }

    /// Runs SQL in it.
    pub(crate) async fn execute(&self, text: &str) {
        execute(&self.text(), text).await;
    }

    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnectOptions::from_str(&self.text()).unwrap().connect().await.unwrap()
    }

    /// A new catalog in it; whatever was there is gone.
    pub(crate) async fn catalog(&self) -> Catalog {
        self.execute("DROP SCHEMA IF EXISTS cube CASCADE").await;
        Catalog::init(&self.url()).await.unwrap()
    }
}

async fn execute(url: &str, text: &str) {
    let mut connection = PgConnectOptions::from_str(url).unwrap().connect().await.unwrap();
    raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let drop = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(execute(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        };
        if std::thread::spawn(drop).join().is_err() {
            eprintln!("the database {} is left over", self.name);
        }
    }
}
