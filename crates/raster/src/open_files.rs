//! Files that are opened once, however many of their planes are read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bytes::Location;
use crate::open::SharedFile;
use crate::{Access, Raster, RasterError, RasterLocation};

/// URL and layer of a file.
type Key = (String, Option<String>);
type Slot = Arc<Mutex<Option<SharedFile>>>;

/// The files of a load. The header of a TIFF is parsed once for all its bands and threads, and what GDAL reads (a GRIB of
/// hundreds of messages) is opened once a thread. Readers stay good when their file is no longer kept here.
pub struct OpenFiles {
    access: Access,
    most: usize,
    /// The one that was asked for last is at the back.
    kept: Mutex<VecDeque<(Key, Slot)>>,
}

impl Default for OpenFiles {
    fn default() -> Self {
        Self::new(128)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OpenFiles {
    /// Keeps up to `most` files; the one that was longest not asked for goes first.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { access: Access::default(), most: most.max(1), kept: Mutex::default() }
    }

    /// Reaches files in this way, and not by the settings of the process.
    #[must_use]
    pub fn with_access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Tells that files will be opened soon: what is far away begins to come. Nothing is done for local files.
    pub fn expect(&self, location: &RasterLocation) {
        if !location.is_far() || self.is_kept(location) {
            return;
        }
        // Who opens it is told what is wrong with it.
        if let Ok(Location::Remote(place)) = self.access.locate(&location.url)
            && !place.has_extension("zarr")
        {
            self.access.expect(&place);
        }
    }

    fn is_kept(&self, location: &RasterLocation) -> bool {
        let same = |(url, layer): &Key| *url == location.url && *layer == location.layer;
        lock(&self.kept).iter().any(|(key, _)| same(key))
    }

    /// Opens a location at its layer and band, as [`crate::open`]; two threads that ask for the same file open it once.
    ///
    /// # Errors
    /// As [`crate::open`]. A file that could not be opened is tried again the next time.
    pub fn open(&self, location: &RasterLocation) -> Result<Box<dyn Raster>, RasterError> {
        let slot = self.slot(location);
        let mut content = lock(&slot);
        let file = match content.as_ref() {
            Some(file) => file.clone(),
            None => content.insert(SharedFile::find(location, &self.access)?).clone(),
        };
        drop(content);
        file.open(location)
    }

    fn slot(&self, location: &RasterLocation) -> Slot {
        let key = (location.url.clone(), location.layer.clone());
        let mut kept = lock(&self.kept);
        let found = kept.iter().rposition(|(there, _)| *there == key).and_then(|at| kept.remove(at));
        let entry = found.unwrap_or_else(|| (key, Slot::default()));
        let slot = entry.1.clone();
        kept.push_back(entry);
        let over = kept.len().saturating_sub(self.most);
        let gone: Vec<(Key, Slot)> = kept.drain(..over).collect();
        drop(kept);
        for (_, slot) in gone {
            // One that is being opened has nothing to close.
            if let Ok(file) = slot.try_lock()
                && let Some(file) = file.as_ref()
            {
                file.close_idle();
            }
        }
        slot
    }

    /// Forgets a file, and closes what no reader uses of it.
    pub fn forget(&self, location: &RasterLocation) {
        let same = |(url, layer): &Key| *url == location.url && *layer == location.layer;
        let mut kept = lock(&self.kept);
        let gone = kept.iter().position(|(key, _)| same(key)).and_then(|at| kept.remove(at));
        drop(kept);
        if let Some((_, slot)) = gone
            && let Some(file) = lock(&slot).as_ref()
        {
            file.close_idle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiff::written::Tiff;

    fn location(folder: &std::path::Path, name: &str, band: usize) -> RasterLocation {
        RasterLocation { url: folder.join(name).display().to_string(), layer: None, band }
    }

    #[test]
    fn a_file_is_read_from_its_first_handle_and_the_oldest_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.tif", "b.tif", "c.tif"] {
            std::fs::write(folder.path().join(name), Tiff::small().bytes()).unwrap();
        }
        let files = OpenFiles::new(2);
        let mut first = files.open(&location(folder.path(), "a.tif", 1)).unwrap();
        files.open(&location(folder.path(), "b.tif", 1)).unwrap();
        // A file that is opened is not looked for again.
        std::fs::remove_file(folder.path().join("a.tif")).unwrap();
        std::fs::remove_file(folder.path().join("b.tif")).unwrap();
        files.open(&location(folder.path(), "a.tif", 1)).unwrap();
        files.open(&location(folder.path(), "c.tif", 1)).unwrap();
        let gone = files.open(&location(folder.path(), "b.tif", 1)).err().unwrap();
        assert!(matches!(gone, RasterError::Missing { .. }), "{gone}");
        let whole = first.header().shape.whole();
        first.read(0, whole).unwrap();
        let band = files.open(&location(folder.path(), "c.tif", 2)).err().unwrap();
        assert!(matches!(band, RasterError::NoBand { .. }), "{band}");
        files.forget(&location(folder.path(), "c.tif", 1));
        assert_eq!(lock(&files.kept).len(), 1);
    }

    /// A file that our own reader leaves to GDAL.
    #[cfg(feature = "gdal")]
    #[test]
    fn a_file_of_gdal_is_opened_once_for_all_its_readers() {
        let folder = tempfile::tempdir().unwrap();
        let seed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/tiff/twelve-bits.tif");
        std::fs::copy(seed, folder.path().join("a.tif")).unwrap();
        let files = OpenFiles::default();
        let place = location(folder.path(), "a.tif", 1);
        let mut first = files.open(&place).unwrap();
        std::fs::remove_file(folder.path().join("a.tif")).unwrap();
        let mut second = files.open(&place).unwrap();
        let mut third = second.another().unwrap();
        let whole = first.header().shape.whole();
        let pixels = first.read(0, whole).unwrap();
        assert_eq!(second.read(0, whole).unwrap(), pixels);
        assert_eq!(third.read(0, whole).unwrap(), pixels);
        files.forget(&place);
        let gone = first.read(0, whole).unwrap_err();
        assert!(matches!(gone, RasterError::Missing { .. }), "its handle was closed: {gone}");
    }
}
