//! What PostgreSQL says, in sentences.

use std::borrow::Cow;

use sqlx::postgres::PgConnectOptions;

use super::PATIENCE;
use crate::CatalogError;

/// A database error with what was being done.
pub(super) fn sql(doing: &'static str) -> impl Fn(sqlx::Error) -> CatalogError {
    move |source| match code(&source).as_deref() {
        Some("55P03") => CatalogError::Locked { doing, seconds: PATIENCE.as_secs() },
        _ => CatalogError::Sql { doing, source },
    }
}

/// The SQLSTATE.
pub(super) fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code)
}

/// True where the connection is of no use any more: the server ended it, or the line broke.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        // Class 08, connection exceptions; 57P01 to 57P05, the server shuts down or ended this session;
        // 25P03, the session was idle in a transaction for too long.
        _ => code(error).is_some_and(|code| code.starts_with("08") || code.starts_with("57P") || code == "25P03"),
    }
}

/// Why no connection came to be, and what to do.
pub(super) fn unreachable(url: &str, options: &PgConnectOptions, error: &sqlx::Error) -> CatalogError {
    let at = server(options);
    let user = options.get_username();
    let database = options.get_database().unwrap_or(user);
    let reason = match (error, code(error).as_deref()) {
        (sqlx::Error::Io(e), _) => format!(
            "there is no connection to PostgreSQL at {at} ({e}); check that it runs, listens on this address and is not kept off by a firewall",
            e = e.to_string().split(" (os error").next().unwrap_or_default()
        ),
        (sqlx::Error::Tls(e), _) => format!(
            "no safe connection to PostgreSQL at {at} came to be ({e}); check sslmode and sslrootcert in the URL"
        ),
        (_, Some("28P01" | "28000")) => format!(
            "PostgreSQL at {at} refuses user {user:?} for database {database:?} ({error}); check the password in the URL, PGPASSWORD or ~/.pgpass, and the server's pg_hba.conf"
        ),
        (_, Some("3D000")) => {
            format!("PostgreSQL at {at} has no database {database:?}; make it with `createdb {database}`")
        }
        (_, Some("53300")) => format!(
            "PostgreSQL at {at} has no free connection for {} s ({error}); let others end, or raise max_connections there",
            PATIENCE.as_secs()
        ),
        (_, Some("57P03")) => format!("PostgreSQL at {at} does not answer for {} s ({error})", PATIENCE.as_secs()),
        _ => format!("PostgreSQL at {at} does not let us in ({error})"),
    };
    CatalogError::Unopenable { url: url.to_owned(), reason }
}

/// Where the server is, for people.
pub(super) fn server(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => format!("the socket in {} (port {})", folder.display(), options.get_port()),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}
