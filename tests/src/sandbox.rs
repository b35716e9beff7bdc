//! A place of its own for each test, and the command run in it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cube_binary;

/// A temporary folder with its own home, user directories and catalog. Nothing of the machine's
/// configuration reaches the command: its environment is built anew.
///
/// The folder goes when the value is dropped, or stays where `CUBE_TEST_KEEP` is set (its path is printed).
#[derive(Debug)]
pub struct Sandbox {
    folder: tempfile::TempDir,
    /// Where its catalog is, if not in the folder.
    catalog: Option<String>,
}

/// What a command did.
#[derive(Debug)]
pub struct Run {
    /// The command as it was called, for messages.
    pub command: String,
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// An empty sandbox; the catalog does not exist yet (`cube init` makes it).
    ///
    /// # Panics
    /// Where no temporary folder can be made.
    #[must_use]
    pub fn new() -> Self {
        let mut folder = tempfile::Builder::new()
            .prefix("cube-test-")
            .tempdir()
            .unwrap_or_else(|e| panic!("no temporary folder for the test: {e}"));
        if std::env::var_os("CUBE_TEST_KEEP").is_some() {
            folder.disable_cleanup(true);
            eprintln!("kept: {}", folder.path().display());
        }
        let sandbox = Self { folder, catalog: None };
        for place in ["home", "work", "tmp"] {
            let place = sandbox.folder.path().join(place);
            std::fs::create_dir(&place).unwrap_or_else(|e| panic!("{}: {e}", place.display()));
        }
        sandbox
    }

    /// An empty sandbox whose catalog is at this URL.
    ///
    /// # Panics
    /// Where no temporary folder can be made.
    #[must_use]
    pub fn with_catalog(url: String) -> Self {
        Self { catalog: Some(url), ..Self::new() }
    }

    /// `name` in the folder that the command runs in. An absolute `name` stays as it is.
    #[must_use]
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// Writes a file into that folder, with the folders above it, and returns its path.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, content))
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }

    /// The URL of this sandbox's catalog; the command gets it as `CUBE_CATALOG`.
    #[must_use]
    pub fn catalog(&self) -> String {
        self.catalog
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.folder.path().join("home").join("catalog.db").display()))
    }

    /// The command, ready to be changed (`env`, `current_dir`) and handed to [`Sandbox::run`].
    #[must_use]
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let home = self.folder.path().join("home");
        let mut command = Command::new(cube_binary());
        command.args(arguments).current_dir(self.folder.path().join("work")).stdin(Stdio::null()).env_clear();
        // What a process needs to live and to find GDAL, and what coverage tools need to see it.
        for kept in ["PATH", "LD_LIBRARY_PATH", "CUBE_GDAL_LIBRARY", "SYSTEMROOT", "LLVM_PROFILE_FILE"] {
            command.envs(std::env::var_os(kept).map(|value| (kept, value)));
        }
        for (name, place) in [
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_STATE_HOME", "state"),
        ] {
            command.env(name, home.join(place));
        }
        command
            .env("HOME", &home)
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env("CUBE_CATALOG", self.catalog())
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC");
        command
    }

    /// Runs `cube` with these arguments, with nothing on stdin.
    ///
    /// # Panics
    /// Where the command does not start.
    pub fn cube<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        self.run(self.command(arguments))
    }

    /// Runs `cube` with these arguments and `input` on stdin.
    ///
    /// # Panics
    /// Where the command does not start.
    pub fn cube_with_stdin<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: impl AsRef<[u8]>,
    ) -> Run {
        let mut file = tempfile::tempfile_in(self.folder.path()).unwrap_or_else(|e| panic!("no file for stdin: {e}"));
        // From a file, not a pipe: a command that never reads its stdin cannot block the test.
        file.write_all(input.as_ref())
            .and_then(|()| std::io::Seek::rewind(&mut file))
            .unwrap_or_else(|e| panic!("no file for stdin: {e}"));
        let mut command = self.command(arguments);
        command.stdin(file);
        self.run(command)
    }

    /// Runs a command that [`Sandbox::command`] began.
    ///
    /// # Panics
    /// Where the command does not start.
    pub fn run(&self, mut command: Command) -> Run {
        let words: Vec<OsString> =
            std::iter::once("cube".into()).chain(command.get_args().map(OsStr::to_owned)).collect();
        let output = command.output().unwrap_or_else(|e| panic!("{} does not start: {e}", cube_binary().display()));
        Run {
            command: words.iter().map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" "),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The files that stand in the working folder and all below it, sorted, as paths relative to it: to show
    /// that a failed command left nothing behind.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let root = self.path("");
        let (mut folders, mut files) = (vec![root.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.extend(path.strip_prefix(&root).map(Path::to_owned));
                }
            }
        }
        files.sort();
        files
    }
}

#[expect(
    clippy::return_self_not_must_use,
    clippy::must_use_candidate,
    reason = "an assertion is complete in itself: `run.succeeds();` is a whole sentence"
)]
impl Run {
    /// The run itself, once it is sure that the exit code is 0.
    ///
    /// # Panics
    /// On any other exit code, with all that the command said.
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// The run itself, once it is sure that it failed with `code` (1: failed, 2: usage) and said why on stderr.
    ///
    /// # Panics
    /// On any other exit code, and on a silent failure.
    pub fn fails(self, code: i32) -> Self {
        let run = self.exits(code);
        assert!(!run.stderr.trim().is_empty(), "a failure without a word:\n{run}");
        run
    }

    fn exits(self, code: i32) -> Self {
        assert!(self.code == Some(code), "expected exit code {code}:\n{self}");
        self
    }

    /// Stdout as one JSON value.
    ///
    /// # Panics
    /// Where stdout is not exactly that.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("stdout is no JSON ({e}):\n{self}"))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "$ {}\nexit code {code}", self.command)?,
            None => writeln!(f, "$ {}\nended by a signal", self.command)?,
        }
        write!(f, "--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(code: i32, stderr: &str) -> Run {
        Run { command: "cube".to_owned(), code: Some(code), stdout: "[1]".to_owned(), stderr: stderr.to_owned() }
    }

    #[test]
    fn json_is_read_from_stdout_alone() {
        assert_eq!(run(0, "words").json(), serde_json::json!([1]));
    }

    #[test]
    #[should_panic(expected = "without a word")]
    fn a_silent_failure_fails_the_test() {
        run(1, "\n").fails(1);
    }

    #[test]
    #[should_panic(expected = "expected exit code 2")]
    fn another_exit_code_fails_the_test() {
        run(1, "no").fails(2);
    }

    #[test]
    fn files_are_listed_relative_and_sorted() {
        let sandbox = Sandbox::new();
        sandbox.write("b/c.txt", "1");
        sandbox.write("a.txt", "2");
        assert_eq!(sandbox.files(), [PathBuf::from("a.txt"), PathBuf::from("b/c.txt")]);
    }
}
