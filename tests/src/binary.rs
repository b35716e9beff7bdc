//! The `cube` executable under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

use crate::repository;

/// The `cube` executable of this build: `CUBE_TEST_BINARY` where that is set, else the one in the profile's
/// folder that this test itself was built into. It is built first where it is missing or older than a source
/// file, so that `cargo test -p cube-tests` alone never tests yesterday's command.
///
/// # Panics
/// Where it cannot be built.
#[must_use]
pub fn cube_binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(find_or_build);
    &BINARY
}

fn find_or_build() -> PathBuf {
    if let Some(given) = std::env::var_os("CUBE_TEST_BINARY").map(PathBuf::from) {
        assert!(given.is_file(), "CUBE_TEST_BINARY is {}, which is no file", given.display());
        return given;
    }
    let folder = profile_folder();
    let binary = folder.join(format!("cube{}", std::env::consts::EXE_SUFFIX));
    if modified(&binary).is_none_or(|built| newest_source() > Some(built)) {
        build(&folder);
    }
    assert!(binary.is_file(), "cargo built no {}", binary.display());
    binary
}

/// `target/debug` or `target/release`: this test is `<that>/deps/<name>-<hash>`.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_else(|e| panic!("this test does not know its own path: {e}"));
    let folder = test.ancestors().nth(2).unwrap_or_else(|| panic!("{} is not in a target folder", test.display()));
    folder.to_owned()
}

fn build(folder: &Path) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository()).args(["build", "--quiet", "--package", "terracube-cli"]);
    if folder.file_name().is_some_and(|name| name == "release") {
        cargo.arg("--release");
    }
    if let Some(target) = folder.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let output = cargo.output().unwrap_or_else(|e| panic!("cargo does not start: {e}"));
    assert!(output.status.success(), "cube does not build:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// When the last source file of the command changed: Rust sources, manifests and the files they embed.
fn newest_source() -> Option<SystemTime> {
    let mut newest = modified(&repository().join("Cargo.toml"));
    let mut folders: Vec<PathBuf> =
        ["crates", "migrations", "product-definitions"].map(|d| repository().join(d)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is = |extension| path.extension().is_some_and(|e| e == extension);
            if path.is_dir() {
                // A crate's own tests and benches are no part of the command.
                if !["tests", "benches"].iter().any(|skip| path.ends_with(skip)) {
                    folders.push(path);
                }
            } else if ["rs", "toml", "sql", "yaml"].into_iter().any(is) {
                newest = newest.max(modified(&path));
            }
        }
    }
    newest
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|m| m.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_runs_from_a_profile_folder() {
        assert!(profile_folder().join("deps").is_dir());
    }

    #[test]
    fn sources_are_found_and_older_than_now() {
        let newest = newest_source().expect("the workspace has sources");
        assert!(newest <= SystemTime::now());
        assert!(newest >= modified(&repository().join("crates/geo/src/lib.rs")).unwrap());
    }
}
