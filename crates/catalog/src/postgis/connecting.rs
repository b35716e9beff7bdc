//! Finding the server and its schema, and making the schema.

use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, raw_sql};

use super::errors::{code, server, sql, unreachable};
use super::{LOCK, PATIENCE};
use crate::catalog::jitter;
use crate::{CatalogError, CatalogUrl, Result};

/// The migrations, with the list of those done in our schema too.
pub(super) fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("../../migrations/postgis");
    migrations.dangerous_set_table_name("cube._sqlx_migrations");
    migrations.create_schema("cube");
    migrations
}

pub(super) fn newest_version() -> i64 {
    migrations().iter().map(|m| m.version).max().unwrap_or(0)
}

/// How long one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(10);

/// The oldest PostgreSQL that has all the migrations ask for.
const OLDEST: i32 = 14;

/// What a URL asks for; what it leaves open comes from `PG*` variables and `~/.pgpass`, as with libpq.
pub(super) fn options(url: &str) -> Result<PgConnectOptions> {
    let given = PgConnectOptions::from_str(url).map_err(|e| CatalogError::Url {
        url: CatalogUrl::Postgis(url.to_owned()).to_string(),
        reason: std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string),
    })?;
    let named = given.get_application_name().is_some();
    // Poolers in between refuse settings that they do not know.
    let given = given.extra_float_digits(None).disable_statement_logging();
    Ok(if named { given } else { given.application_name("cube") })
}

/// A new connection. Where the server is full or about to start, it is waited for.
pub(super) async fn connect(url: &str, options: &PgConnectOptions) -> Result<PgConnection> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(20);
    loop {
        let error = match tokio::time::timeout(ATTEMPT, options.connect()).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error,
            Err(_) => sqlx::Error::Io(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("no answer within {} s", ATTEMPT.as_secs()),
            )),
        };
        let passing = matches!(code(&error).as_deref(), Some("53300" | "57P03"));
        if !passing || begin.elapsed() + pause > PATIENCE {
            return Err(unreachable(url, options, &error));
        }
        tokio::time::sleep(pause + jitter(pause)).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// What a database holds.
struct Found {
    /// The version of our schema.
    version: Option<i64>,
    /// A table that is in our schema and not ours.
    foreign: Option<String>,
    /// Whether ODC's schemas are there.
    odc: bool,
}

async fn look(connection: &mut PgConnection) -> Result<Found> {
    let wrong = sql("reading the schema version");
    let (odc, list, ours, other): (bool, bool, bool, Option<String>) = sqlx::query_as(
        "SELECT to_regnamespace('agdc') IS NOT NULL OR to_regnamespace('odc') IS NOT NULL,
                to_regclass('cube._sqlx_migrations') IS NOT NULL,
                to_regclass('cube.catalog_state') IS NOT NULL,
                (SELECT min(c.relname::text) FROM pg_catalog.pg_class c
                 WHERE c.relnamespace = to_regnamespace('cube') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                 AND c.relname <> '_sqlx_migrations')",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(&wrong)?;
    // The list of migrations comes before the first of them: it stands alone while another process begins, or where
    // one was killed there.
    let version = if list && ours { Some(schema_version(connection).await?) } else { None };
    Ok(Found { version, foreign: other.filter(|_| version.is_none()), odc })
}

pub(super) async fn schema_version(connection: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar("SELECT max(version) FROM cube._sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await
        .map_err(sql("reading the schema version"))
}

/// Fails where there is no catalog of the schema version that this program needs.
pub(super) async fn check(url: &str, connection: &mut PgConnection) -> Result<()> {
    let known = newest_version();
    let Found { version, foreign, odc } = look(connection).await?;
    let url = url.to_owned();
    match version {
        None if foreign.is_some() => Err(not_ours(&url, foreign)),
        None if odc => Err(CatalogError::OdcCatalog { url }),
        None => Err(CatalogError::Missing { url }),
        Some(found) if found > known => Err(CatalogError::TooNew { url, found, known }),
        Some(found) if found < known => Err(CatalogError::TooOld { url, found, known }),
        Some(_) => Ok(()),
    }
}

fn not_ours(url: &str, table: Option<String>) -> CatalogError {
    let table = table.unwrap_or_default();
    CatalogError::Foreign {
        url: url.to_owned(),
        reason: format!("its schema cube holds other tables, such as {table}"),
    }
}

/// Creates the schema or upgrades it.
pub(super) async fn migrate(url: &str, options: &PgConnectOptions) -> Result<()> {
    // A connection of its own, closed in the end: the lock and the search path end with it.
    let mut connection = connect(url, options).await?;
    let done = migrate_on(url, options, &mut connection).await;
    let _ = connection.close().await;
    done
}

async fn migrate_on(url: &str, options: &PgConnectOptions, connection: &mut PgConnection) -> Result<()> {
    let known = newest_version();
    // One at a time. Who waited finds the work done.
    sqlx::query("SET lock_timeout = '1min'")
        .execute(&mut *connection)
        .await
        .map_err(sql("waiting for another `cube init`"))?;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK - 1)
        .execute(&mut *connection)
        .await
        .map_err(sql("waiting for another `cube init`"))?;
    let Found { version, foreign, .. } = look(connection).await?;
    match version {
        Some(found) if found > known => return Err(CatalogError::TooNew { url: url.to_owned(), found, known }),
        Some(found) if found == known => return Ok(()),
        None if foreign.is_some() => return Err(not_ours(url, foreign)),
        _ => {}
    }
    extensions(url, options, connection).await?;
    let migrated = migrations().run_direct(None, connection, false).await;
    migrated.map_err(|source| {
        let cause = match &source {
            MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => code(e),
            _ => None,
        };
        if cause.as_deref() == Some("42501") {
            let (user, database) = (options.get_username(), database(options));
            let reason = format!(
                "user {user:?} may not create the schema cube in it; let its owner run `GRANT CREATE ON DATABASE \"{database}\" TO \"{user}\"`, then run `cube init` again"
            );
            return CatalogError::Unopenable { url: url.to_owned(), reason };
        }
        CatalogError::Migration { url: url.to_owned(), known, source }
    })
}

fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or(options.get_username())
}

/// Sees to it that PostGIS and `btree_gist` are there, and puts their schemas into the search path.
async fn extensions(url: &str, options: &PgConnectOptions, connection: &mut PgConnection) -> Result<()> {
    let refuse = |reason: String| Err(CatalogError::Unopenable { url: url.to_owned(), reason });
    let wrong = sql("looking for PostGIS");
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int / 10000")
        .fetch_one(&mut *connection)
        .await
        .map_err(&wrong)?;
    if version < OLDEST {
        let at = server(options);
        return refuse(format!("PostgreSQL at {at} has version {version}, version {OLDEST} or later is needed"));
    }
    for (name, create) in [
        // Not in the first schema of the search path, which may be one of ODC's: those are left as they are.
        ("postgis", "CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public"),
        ("btree_gist", "CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public"),
    ] {
        let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = $1)")
            .bind(name)
            .fetch_one(&mut *connection)
            .await
            .map_err(&wrong)?;
        if there {
            continue;
        }
        if let Err(error) = raw_sql(create).execute(&mut *connection).await {
            let database = database(options);
            return match code(&error).as_deref() {
                // Not installed beside the server.
                Some("58P01" | "0A000") => refuse(format!(
                    "PostgreSQL at {} has no extension {name} ({error}); install it there (on Debian the package postgresql-{version}-postgis-3 or postgresql-contrib)",
                    server(options)
                )),
                Some("42501") => refuse(format!(
                    "it needs the extension {name}, which user {:?} may not create; let a superuser run `CREATE EXTENSION {name} SCHEMA public` in database {database:?}, then run `cube init` again",
                    options.get_username()
                )),
                _ => Err(sql("creating the extension PostGIS")(error)),
            };
        }
    }
    sqlx::query(
        "SELECT set_config('search_path', string_agg(DISTINCT quote_ident(n.nspname), ', '), false)
         FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname IN ('postgis', 'btree_gist')",
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(wrong)
}
