//! Files on disk for good.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Files that wait for the disk at most; a writer never waits for it.
const MOST_WAITING: usize = 64;
/// Files that are waited for at once: they share the commits of the file system's journal.
const AT_ONCE: usize = 16;
/// A file that takes longer is waited for beside others. On a file system in memory none does, and threads would only cost.
const LONG: Duration = Duration::from_micros(500);

/// Puts files on disk on a thread of its own, while others are made: at the end little is left to wait for.
#[derive(Default)]
pub(super) struct Early(Mutex<Option<Helper>>);

struct Helper {
    files: SyncSender<(PathBuf, File)>,
    /// Set at the end: what waits still is then waited for by several threads.
    stop: Arc<AtomicBool>,
    /// Gives the files that are on disk.
    thread: JoinHandle<io::Result<HashSet<PathBuf>>>,
}

impl Helper {
    fn start() -> io::Result<Self> {
        let (files, waiting) = sync_channel(MOST_WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread =
            std::thread::Builder::new().name("disk".to_owned()).spawn(move || sync_each(&waiting, &stopped))?;
        Ok(Self { files, stop, thread })
    }
}

impl Early {
    /// Takes a complete file, unless too many wait: then it is left for the end.
    pub(super) fn put(&self, path: PathBuf, file: File) {
        let mut helper = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if helper.is_none() {
            *helper = Helper::start().ok();
        }
        let taken = helper.as_ref().is_some_and(|helper| helper.files.try_send((path, file)).is_ok());
        tracing::trace!(taken, "a file for the disk");
    }

    /// Waits until the file `made`, or all files in it, are on disk.
    ///
    /// # Errors
    /// Where the disk is full or broken.
    pub(super) fn rest(&self, made: &Path) -> io::Result<()> {
        let helper = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let done = match helper {
            None => HashSet::new(),
            Some(Helper { files, stop, thread }) => {
                stop.store(true, Ordering::Relaxed);
                drop(files);
                // A thread that panicked synced nothing that is known.
                thread.join().unwrap_or_else(|_| Ok(HashSet::new()))?
            }
        };
        let mut files = Vec::new();
        list(made, &mut files)?;
        files.retain(|file| !done.contains(file));
        sync(&files)
    }
}

impl Drop for Early {
    fn drop(&mut self) {
        // An output that is given up needs no disk. Its files are closed before its folder is removed.
        if let Some(Helper { files, stop, thread }) = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            stop.store(true, Ordering::Relaxed);
            drop(files);
            let _ = thread.join();
        }
    }
}

fn sync_each(files: &Receiver<(PathBuf, File)>, stop: &AtomicBool) -> io::Result<HashSet<PathBuf>> {
    let mut done = HashSet::new();
    for (path, file) in files {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        file.sync_all()?;
        done.insert(path);
    }
    Ok(done)
}

/// Waits until files are on disk.
fn sync(files: &[PathBuf]) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let one = || files.get(next.fetch_add(1, Ordering::Relaxed)).map(|file| File::open(file)?.sync_all());
    loop {
        let begin = Instant::now();
        let Some(synced) = one() else { return Ok(()) };
        synced?;
        if begin.elapsed() > LONG {
            break;
        }
    }
    let all = || std::iter::from_fn(one).collect::<io::Result<()>>();
    let left = files.len().saturating_sub(next.load(Ordering::Relaxed));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..left.min(AT_ONCE)).map(|_| scope.spawn(all)).collect();
        let own = all();
        // A thread that panicked synced nothing.
        let panicked = |_| Err(io::Error::other("a thread that waits for the disk stopped"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).fold(own, Result::and)
    })
}

/// All files at or below a path.
pub(super) fn list(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        return list_folder(path, files);
    }
    files.push(path.to_owned());
    Ok(())
}

fn list_folder(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list_folder(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_went_early_and_late_are_all_there() {
        let folder = tempfile::tempdir().unwrap();
        let early = Early::default();
        fs::create_dir(folder.path().join("below")).unwrap();
        for i in 0..3 * MOST_WAITING {
            let path = folder.path().join("below").join(i.to_string());
            fs::write(&path, "x").unwrap();
            if i % 3 > 0 {
                early.put(path.clone(), File::open(path).unwrap());
            }
        }
        early.rest(folder.path()).unwrap();
        let mut files = Vec::new();
        list(folder.path(), &mut files).unwrap();
        assert_eq!(files.len(), 3 * MOST_WAITING);
        assert!(early.rest(&folder.path().join("missing")).is_err());
    }
}
