//! PostgreSQL for tests: databases in a server that is there, and servers of their own for tests that end them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::repository;

/// An empty database of its own, dropped with the value, whoever is still connected.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// A database in the server whose superuser URL `CUBE_TEST_POSTGRES` holds; `None`, with the reason printed, where
    /// that is not set. `make test` sets it, and `scripts/postgres run COMMAND…` for one command.
    ///
    /// # Panics
    /// Where the server does not answer.
    #[must_use]
    pub fn new() -> Option<Self> {
        let Ok(server) = std::env::var("CUBE_TEST_POSTGRES") else {
            eprintln!("skipped: no PostgreSQL (CUBE_TEST_POSTGRES; see scripts/postgres)");
            return None;
        };
        Some(Self::inside(&server))
    }

    fn inside(server: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("cube_test_{}_{number}", std::process::id());
        sql(server, &format!("CREATE DATABASE {name}"));
        Self { server: server.to_owned(), name }
    }

    /// Its URL, as a catalog's: `postgresql://postgres@127.0.0.1:PORT/NAME`.
    #[must_use]
    pub fn url(&self) -> String {
        let server = self.server.rsplit_once('/').map_or(self.server.as_str(), |(server, _)| server);
        format!("{server}/{}", self.name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL with `psql`; what it answers, one line a row, columns parted by `|`.
    ///
    /// # Panics
    /// Where the server refuses it.
    #[expect(clippy::must_use_candidate, reason = "statements are run for what they do, too")]
    pub fn sql(&self, statement: &str) -> String {
        sql(&self.url(), statement)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that a test has ended takes its databases with it.
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        if let Err(said) = try_sql(&self.server, &statement) {
            eprintln!("{}: {said}", self.name);
        }
    }
}

/// A server of its own. It ends with the value.
#[derive(Debug)]
pub struct Cluster {
    folder: tempfile::TempDir,
    url: String,
}

impl Cluster {
    /// Starts one with these words of `scripts/postgres start`: `--fsync`, `NAME=VALUE`. `None`, with the reason
    /// printed, where the machine has no PostgreSQL with PostGIS.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(options: &[&str]) -> Option<Self> {
        if programs().is_none() {
            eprintln!("skipped: no PostgreSQL with PostGIS (scripts/setup test installs it)");
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("cube-pg-")
            .tempdir()
            .unwrap_or_else(|e| panic!("no temporary folder for PostgreSQL: {e}"));
        let url =
            script([OsStr::new("start"), folder.path().as_os_str()].into_iter().chain(options.iter().map(OsStr::new)));
        Some(Self { folder, url: url.trim().to_owned() })
    }

    /// An empty database in it.
    ///
    /// # Panics
    /// Where the server refuses.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::inside(&self.url)
    }

    /// Ends the server as a crash does (SIGKILL to its first process), and waits until all its processes are gone.
    ///
    /// # Panics
    /// Where it does not run, or does not end within ten seconds.
    pub fn kill(&self) {
        let file = self.folder.path().join("data").join("postmaster.pid");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let pid = text.lines().next().unwrap_or_default().trim();
        assert!(pid.parse::<u32>().is_ok(), "{} holds no process id: {text}", file.display());
        let killed = Command::new("sh").args(["-c", "kill -9 \"$1\"", "sh", pid]).status();
        assert!(killed.is_ok_and(|status| status.success()), "process {pid} cannot be killed");
        let deadline = Instant::now() + Duration::from_secs(10);
        while Path::new("/proc").join(pid).exists() {
            assert!(Instant::now() < deadline, "process {pid} was killed and is still there");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts the server again after [`Cluster::kill`], at the same URL, and waits until it has recovered.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start_again(&self) {
        script([OsStr::new("start"), self.folder.path().as_os_str()]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stopped = Command::new(repository().join("scripts").join("postgres"))
            .arg("stop")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            eprintln!("PostgreSQL in {} was not stopped", self.folder.path().display());
        }
    }
}

/// Runs SQL in the database of this URL with `psql`; what it answers.
///
/// # Panics
/// Where the server refuses it.
#[expect(clippy::must_use_candidate, reason = "statements are run for what they do, too")]
pub fn sql(url: &str, statement: &str) -> String {
    try_sql(url, statement).unwrap_or_else(|said| panic!("{statement}\n{said}"))
}

/// Like [`sql`]; what `psql` said of the failure otherwise.
///
/// # Errors
/// Where the server refuses it, or does not answer.
///
/// # Panics
/// Where there is no `psql`.
pub fn try_sql(url: &str, statement: &str) -> Result<String, String> {
    let psql = programs().map_or_else(|| PathBuf::from("psql"), |folder| folder.join("psql"));
    let output = Command::new(&psql)
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, url])
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{} does not start: {e}", psql.display()));
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said.trim_end().to_owned()) } else { Err(complained.into_owned()) }
}

/// The folder of the server's programs.
fn programs() -> Option<&'static Path> {
    static PROGRAMS: LazyLock<String> = LazyLock::new(|| script(["programs"]).trim().to_owned());
    (!PROGRAMS.is_empty()).then(|| Path::new(PROGRAMS.as_str()))
}

fn script<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> String {
    let output = Command::new(repository().join("scripts").join("postgres"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("scripts/postgres does not start: {e}"));
    assert!(output.status.success(), "scripts/postgres: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_server_comes_back_with_what_was_committed() {
        let Some(cluster) = Cluster::start(&["--fsync"]) else { return };
        let database = cluster.database();
        database.sql("CREATE EXTENSION postgis; CREATE TABLE kept AS SELECT 7 AS n");
        cluster.kill();
        try_sql(&database.url(), "SELECT 1").unwrap_err();
        cluster.start_again();
        assert_eq!(database.sql("SELECT n, current_setting('fsync') FROM kept"), "7|on");
    }

    #[test]
    fn a_database_is_new_and_goes_with_its_value() {
        let Some(database) = Database::new() else { return };
        let (url, name) = (database.url(), database.name().to_owned());
        assert_eq!(database.sql("SELECT current_database()"), name);
        drop(database);
        assert!(try_sql(&url, "SELECT 1").unwrap_err().contains(&name));
    }
}
