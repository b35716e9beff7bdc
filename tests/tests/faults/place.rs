//! Where a fault test keeps its catalog: a SQLite file, or a database in a PostgreSQL server.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use cube_tests::postgres::{Cluster, Database};
use cube_tests::{Run, Sandbox};

use crate::archive;

/// An initialised catalog with the product of [`archive`], and a sandbox to run `cube` on it.
pub(crate) struct Place {
    pub(crate) sandbox: Sandbox,
    pub(crate) database: Option<Database>,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self { sandbox: Sandbox::new(), database: None }.initialised()
    }

    /// `None`, with the reason printed, where there is no PostgreSQL.
    pub(crate) fn postgis() -> Option<Self> {
        Database::new().map(|database| Self::of(database).initialised())
    }

    pub(crate) fn inside(cluster: &Cluster) -> Self {
        Self::of(cluster.database()).initialised()
    }

    /// A database in which nothing was done yet.
    pub(crate) fn of(database: Database) -> Self {
        Self { sandbox: Sandbox::with_catalog(database.url()), database: Some(database) }
    }

    fn initialised(self) -> Self {
        self.sandbox.cube(["init"]).succeeds();
        self.sandbox.write("faulty.odc-product.yaml", archive::product());
        self.sandbox.cube(["product", "add", "faulty.odc-product.yaml"]).succeeds();
        self
    }

    pub(crate) fn url(&self) -> String {
        self.sandbox.catalog()
    }

    /// Begins `cube` with these words; what it says goes to files, so that it never waits for a reader.
    pub(crate) fn begin(&self, words: &[&str]) -> Running {
        Running::of(self.sandbox.command(words))
    }

    /// The same with a file of the sandbox on stdin.
    pub(crate) fn begin_with_stdin(&self, words: &[&str], name: &str) -> Running {
        let mut command = self.sandbox.command(words);
        command.stdin(File::open(self.sandbox.path(name)).unwrap());
        Running::of(command)
    }
}

/// A command that runs.
pub(crate) struct Running {
    words: String,
    child: Child,
    stdout: File,
    stderr: File,
    started: Instant,
}

impl Running {
    pub(crate) fn of(mut command: Command) -> Self {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        command.stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
        Self { words: words.join(" "), child: command.spawn().unwrap(), stdout, stderr, started: Instant::now() }
    }

    /// Ends it as a crash does (SIGKILL), where it still runs.
    pub(crate) fn kill(mut self) -> Run {
        self.child.kill().unwrap();
        self.wait(Duration::from_secs(10))
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// Where that takes longer than `patience`: it hangs.
    pub(crate) fn wait(mut self, patience: Duration) -> Run {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let (stdout, stderr) = (text(&mut self.stdout), text(&mut self.stderr));
                return Run { command: self.words, code: status.code(), stdout, stderr };
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                let said = text(&mut self.stderr);
                panic!("{} hangs, after {:.0?}:\n{said}", self.words, self.started.elapsed());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).unwrap();
    text
}
