//! An output appears under its name only when it is complete.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use super::sync::{Early, list};
use crate::RasterError;

/// The hidden folders of the outputs that are being made in this process.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes what outputs that are not complete yet have on disk, for a process that is about to end without returning
/// from the writers (Ctrl-C). No writer can begin another output afterwards: it waits for the end.
pub fn discard_unfinished() {
    let folders = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    for folder in folders.iter() {
        let removed = bar_and_remove(folder);
        tracing::debug!(?removed, folder = %folder.display(), "an unfinished output");
    }
    if !folders.is_empty() {
        // Writers that are at work meet the bars and give up; they wait for this lock then.
        std::thread::sleep(Duration::from_millis(50));
    }
    for folder in folders.iter() {
        let removed = fs::remove_file(folder);
        tracing::trace!(?removed, "a bar");
    }
    // Never unlocked, so that nothing begins between this and the end of the process.
    std::mem::forget(folders);
}

/// Removes a folder that others still write into, and leaves a file of its name there, so that they cannot make it anew.
fn bar_and_remove(folder: &Path) -> std::io::Result<()> {
    const ATTEMPTS: usize = 100;
    for attempt in 0..ATTEMPTS {
        let away = folder.with_extension(format!("stopped{attempt}"));
        fs::rename(folder, &away)?;
        let bar = File::create_new(folder);
        fs::remove_dir_all(&away)?;
        // Where a writer was faster, the folder is there again.
        if bar.is_ok() {
            break;
        }
    }
    Ok(())
}

/// A hidden folder beside the target, on the same file system, in which the output is made. It goes, with all in
/// it, when the value is dropped without [`Staging::publish`].
pub struct Staging {
    target: PathBuf,
    /// Before the folder that its files are in.
    on_disk: Early,
    folder: TempDir,
    overwrite: bool,
}

impl Staging {
    /// Begins an output at `target`.
    ///
    /// # Errors
    /// Where the target exists and must not be replaced, or its folder cannot be written.
    pub fn begin(target: &Path, overwrite: bool) -> Result<Self, RasterError> {
        let unwritable = |reason: String| RasterError::Unwritable { path: target.to_owned(), reason };
        if target.file_name().is_none() {
            return Err(unwritable("it is no file name; name an output file".to_owned()));
        }
        if target.symlink_metadata().is_ok() && !overwrite {
            return Err(RasterError::Exists { path: target.to_owned() });
        }
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !parent.is_dir() {
            return Err(unwritable(format!("there is no folder {}; make it first", parent.display())));
        }
        let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::Builder::new()
            .prefix(".cube-writing-")
            .tempdir_in(parent)
            .map_err(|error| unwritable(describe(&error)))?;
        // As an absolute path: the process may change its directory before it is stopped.
        unfinished.push(std::path::absolute(folder.path()).unwrap_or_else(|_| folder.path().to_owned()));
        drop(unfinished);
        Ok(Self { target: target.to_owned(), folder, overwrite, on_disk: Early::default() })
    }

    /// Where the output is made until it is published.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(self.target.file_name().unwrap_or_default())
    }

    /// A scratch file that goes with the staging folder.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Says that a file of the output is complete, so that it goes to disk while others are made.
    pub(crate) fn complete(&self, path: PathBuf, file: File) {
        self.on_disk.put(path, file);
    }

    /// As [`Staging::complete`], for all files that are there.
    pub(crate) fn complete_all(&self) -> std::io::Result<()> {
        let mut files = Vec::new();
        list(&self.path(), &mut files)?;
        for path in files {
            let file = File::open(&path)?;
            self.complete(path, file);
        }
        Ok(())
    }

    /// Puts the output on disk for good and gives it its name.
    ///
    /// # Errors
    /// Where the disk is full or broken, or the target appeared meanwhile and must not be replaced.
    pub fn publish(self) -> Result<(), RasterError> {
        let made = self.path();
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::AlreadyExists => RasterError::Exists { path: self.target.clone() },
            _ => RasterError::Unwritable { path: self.target.clone(), reason: describe(&error) },
        };
        self.on_disk.rest(&made).map_err(failed)?;
        if !self.overwrite && made.is_file() {
            // A link refuses an existing name in one step, where a rename would replace it.
            match fs::hard_link(&made, &self.target) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(failed(error)),
                // Not every file system has links.
                Err(_) if self.target.symlink_metadata().is_ok() => {
                    return Err(RasterError::Exists { path: self.target.clone() });
                }
                Err(_) => fs::rename(&made, &self.target).map_err(failed)?,
            }
        } else {
            // A folder cannot be renamed over another one: the old one moves aside and goes with the staging.
            let is_folder = self.target.symlink_metadata().is_ok_and(|m| m.is_dir());
            if is_folder && self.overwrite {
                let aside = self.folder.path().join(".replaced");
                fs::rename(&self.target, &aside).map_err(failed)?;
                if let Err(error) = fs::rename(&made, &self.target) {
                    let restored = fs::rename(&aside, &self.target);
                    tracing::debug!(?restored, "the old output was put back");
                    return Err(failed(error));
                }
            } else {
                fs::rename(&made, &self.target).map_err(failed)?;
            }
        }
        if let Some(parent) = self.folder.path().parent()
            && let Ok(parent) = File::open(parent)
        {
            // Some file systems cannot sync a folder; the output is complete all the same.
            let synced = parent.sync_all();
            tracing::trace!(?synced, "the folder of the output");
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let name = self.folder.path().file_name();
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|folder| folder.file_name() != name);
    }
}

/// An error of the system as what to do about it.
pub(crate) fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => "you may not write there; choose a folder of your own".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; choose another folder".to_owned(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full; free some space".to_owned(),
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            "a file stands where a folder is needed; name another place".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_dropped_output_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::begin(&folder.path().join("a.tif"), false).unwrap();
        fs::write(staging.path(), "half").unwrap();
        drop(staging);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_published_output_has_its_name_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.tif");
        for (text, overwrite) in [("one", false), ("two", true)] {
            let staging = Staging::begin(&target, overwrite).unwrap();
            fs::write(staging.path(), text).unwrap();
            fs::write(staging.scratch("scratch"), "x").unwrap();
            staging.publish().unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), text);
        }
        assert_eq!(names(folder.path()), ["a.tif"]);
    }

    #[test]
    fn an_existing_output_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.tif");
        let staging = Staging::begin(&target, false).unwrap();
        fs::write(staging.path(), "new").unwrap();
        fs::write(&target, "old").unwrap();
        assert_eq!(staging.publish(), Err(RasterError::Exists { path: target.clone() }));
        assert_eq!(Staging::begin(&target, false).err(), Some(RasterError::Exists { path: target.clone() }));
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        assert_eq!(names(folder.path()), ["a.tif"]);
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.zarr");
        for file in ["one", "two"] {
            let staging = Staging::begin(&target, true).unwrap();
            fs::create_dir(staging.path()).unwrap();
            fs::write(staging.path().join(file), "x").unwrap();
            staging.publish().unwrap();
            assert_eq!(names(&target), [file]);
        }
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = Staging::begin(Path::new("/no/such/folder/a.tif"), false).err().unwrap();
        assert_eq!(
            error.to_string(),
            "cannot write /no/such/folder/a.tif: there is no folder /no/such/folder; make it first"
        );
    }
}
