//! Where a Zarr store lies: in a folder, or under a prefix of an object store or HTTP server.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::Value;
use zarrs::filesystem::FilesystemStore;
use zarrs::storage::byte_range::{ByteRange, ByteRangeIterator};
use zarrs::storage::{MaybeBytes, MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey};

use crate::bytes::{ByteSource, Coming, Remote};
use crate::{Access, RasterError};

/// Longest document of metadata.
const LONGEST: u64 = 256 << 20;
/// Longest chunk that is fetched whole.
const LONGEST_CHUNK: u64 = 1 << 30;
/// Objects up to this size are kept, up to so many bytes together.
const SMALL: usize = 64 << 10;
const MOST_SMALL: usize = 8 << 20;
/// Nodes of a group that are looked at.
const MOST_NODES: usize = 100_000;
/// Names of the documents of version 3, and of version 2.
pub(crate) const DOCUMENTS: [&str; 4] = ["zarr.json", ".zarray", ".zgroup", ".zattrs"];

/// What zarrs reads from.
pub(crate) type Storage = dyn ReadableStorageTraits;

/// The place of a store.
#[derive(Clone)]
pub(crate) enum StorePlace {
    Folder(PathBuf),
    Far(Arc<FarStore>),
}

/// A store whose objects are fetched.
pub(crate) struct FarStore {
    access: Access,
    root: Remote,
    /// The documents of the whole store, where its root has them together (consolidated metadata).
    documents: Option<HashMap<String, Bytes>>,
    /// Small objects that came, and their bytes together: coordinates, which each plane that is opened asks for.
    small: Mutex<(HashMap<String, Bytes>, usize)>,
    /// Chunks on their way.
    coming: Mutex<HashMap<String, Coming>>,
    /// What went wrong last: zarrs hands on texts alone.
    failure: Mutex<Option<RasterError>>,
}

fn join(group: &str, name: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") }
}

fn unreadable(location: &str, reason: String) -> RasterError {
    RasterError::Unreadable { location: location.to_owned(), driver: "Zarr".to_owned(), reason }
}

impl StorePlace {
    /// A store under a prefix, with its consolidated metadata where there are some.
    pub(crate) fn far(access: &Access, root: &Remote) -> Result<Self, RasterError> {
        let mut store = FarStore::new(access.clone(), root.clone());
        store.documents = store.consolidated()?;
        Ok(Self::Far(Arc::new(store)))
    }

    /// The folder that this one is in, and its name there.
    pub(crate) fn parent(&self) -> Option<(Self, String)> {
        match self {
            Self::Folder(path) => {
                let name = path.file_name()?.to_string_lossy().into_owned();
                Some((Self::Folder(path.parent().map_or_else(|| PathBuf::from("."), PathBuf::from)), name))
            }
            Self::Far(store) => {
                let (root, name) = store.root.parent()?;
                Some((Self::Far(Arc::new(FarStore::new(store.access.clone(), root))), name))
            }
        }
    }

    pub(crate) fn storage(&self, location: &str) -> Result<Arc<Storage>, RasterError> {
        match self {
            Self::Folder(path) => {
                let store = FilesystemStore::new(path).map_err(|error| unreadable(location, error.to_string()))?;
                Ok(Arc::new(store))
            }
            Self::Far(store) => Ok(store.clone()),
        }
    }

    /// A document of metadata; `None` where there is none.
    pub(crate) fn document(&self, key: &str, location: &str) -> Result<Option<Bytes>, RasterError> {
        match self {
            Self::Folder(path) => {
                let path = path.join(key);
                let Ok(found) = path.metadata() else { return Ok(None) };
                if found.len() > LONGEST {
                    return Err(unreadable(location, format!("{} has {} bytes", path.display(), found.len())));
                }
                let text = std::fs::read(&path).map_err(|error| unreadable(location, error.to_string()))?;
                Ok(Some(text.into()))
            }
            Self::Far(store) => store.fetch(key),
        }
    }

    /// Names of what lies directly in a group, sorted.
    pub(crate) fn names(&self, group: &str) -> Result<Vec<String>, RasterError> {
        let mut names: Vec<String> = match self {
            Self::Folder(path) => {
                let Ok(entries) = std::fs::read_dir(path.join(group)) else { return Ok(Vec::new()) };
                entries.take(MOST_NODES).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
            }
            Self::Far(store) => store.names(group)?,
        };
        names.retain(|name| !name.starts_with('.') && name != "zarr.json");
        names.sort();
        Ok(names)
    }

    /// Bytes of a chunk, where that can be told without a request.
    pub(crate) fn chunk_bytes(&self, key: &str) -> Option<u64> {
        match self {
            Self::Folder(path) => Some(path.join(key).metadata().map_or(0, |found| found.len())),
            Self::Far(_) => None,
        }
    }

    /// Fetches chunks side by side that will be read; nothing for a folder.
    pub(crate) fn expect(&self, keys: impl Iterator<Item = String>) -> bool {
        match self {
            Self::Folder(_) => true,
            Self::Far(store) => store.expect(keys),
        }
    }

    /// What went wrong with the network while zarrs read.
    pub(crate) fn failure(&self) -> Option<RasterError> {
        match self {
            Self::Folder(_) => None,
            Self::Far(store) => store.failure.lock().unwrap_or_else(PoisonError::into_inner).take(),
        }
    }

    /// True where chunks come over a network.
    pub(crate) fn is_far(&self) -> bool {
        matches!(self, Self::Far(_))
    }
}

impl FarStore {
    fn new(access: Access, root: Remote) -> Self {
        Self {
            access,
            root,
            documents: None,
            small: Mutex::default(),
            coming: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    fn place(&self, key: &str) -> Result<Remote, RasterError> {
        let location = self.root.to_string();
        self.root.child(key).ok_or_else(|| unreadable(&location, format!("{key:?} is no name of an object")))
    }

    /// An object, whole; from the documents that are known where it is one.
    fn fetch(&self, key: &str) -> Result<Option<Bytes>, RasterError> {
        let is_document = DOCUMENTS.iter().any(|name| key == *name || key.ends_with(&format!("/{name}")));
        if let (true, Some(documents)) = (is_document, &self.documents) {
            return Ok(documents.get(key).cloned());
        }
        let mut small = self.small.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = small.0.get(key) {
            return Ok(Some(bytes.clone()));
        }
        drop(small);
        let coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        let fetched = if let Some(coming) = coming {
            coming.wait()
        } else {
            self.access.get_remote(&self.place(key)?, if is_document { LONGEST } else { LONGEST_CHUNK })
        };
        match fetched {
            Ok(bytes) => {
                small = self.small.lock().unwrap_or_else(PoisonError::into_inner);
                if bytes.len() <= SMALL && small.1 + bytes.len() <= MOST_SMALL {
                    small.1 += bytes.len();
                    small.0.insert(key.to_owned(), bytes.clone());
                }
                Ok(Some(bytes))
            }
            Err(RasterError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All documents of the store, by their keys.
    fn consolidated(&self) -> Result<Option<HashMap<String, Bytes>>, RasterError> {
        let location = self.root.to_string();
        let parse = |text: &Bytes, name: &str| {
            serde_json::from_slice::<Value>(text).map_err(|error| unreadable(&location, format!("{name}: {error}")))
        };
        if let Some(text) = self.fetch("zarr.json")? {
            let json = parse(&text, "zarr.json")?;
            let Some(Value::Object(all)) = json.pointer("/consolidated_metadata/metadata") else { return Ok(None) };
            let below = all.iter().map(|(path, json)| (join(path, "zarr.json"), Bytes::from(json.to_string())));
            return Ok(Some(below.chain([("zarr.json".to_owned(), text)]).collect()));
        }
        let Some(text) = self.fetch(".zmetadata")? else { return Ok(None) };
        let json = parse(&text, ".zmetadata")?;
        let Some(Value::Object(all)) = json.get("metadata") else { return Ok(None) };
        Ok(Some(all.iter().map(|(key, json)| (key.clone(), Bytes::from(json.to_string()))).collect()))
    }

    fn names(&self, group: &str) -> Result<Vec<String>, RasterError> {
        if let Some(documents) = &self.documents {
            let prefix = if group.is_empty() { String::new() } else { format!("{group}/") };
            let below = documents.keys().filter_map(|key| key.strip_prefix(&prefix)?.split_once('/'));
            return Ok(below.map(|(name, _)| name.to_owned()).collect::<BTreeSet<_>>().into_iter().collect());
        }
        let place = if group.is_empty() { self.root.clone() } else { self.place(group)? };
        self.access.folders(&place, MOST_NODES)
    }

    fn expect(&self, keys: impl Iterator<Item = String>) -> bool {
        /// Chunks that are on their way, or wait to be read, at most.
        const MOST: usize = 32;
        let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            if coming.contains_key(&key) {
                continue;
            }
            if coming.len() >= MOST {
                return false;
            }
            let Ok(place) = self.place(&key) else { continue };
            match self.access.begin_get(&place, LONGEST_CHUNK) {
                Ok(begun) => coming.insert(key, begun),
                // Who reads it is told.
                Err(_) => return true,
            };
        }
        true
    }

    fn told<T>(&self, result: Result<T, RasterError>) -> Result<T, StorageError> {
        result.map_err(|error| {
            let text = error.to_string();
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            StorageError::Other(text)
        })
    }

    fn parts(&self, key: &str, ranges: ByteRangeIterator<'_>) -> Result<Option<Vec<Bytes>>, RasterError> {
        // A chunk that was told ahead is on its way, whole.
        let coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        let source: Result<Box<dyn ByteSource>, RasterError> = match coming {
            Some(coming) => coming.wait().map(|bytes| Box::new(Vec::from(bytes)) as _),
            None => self.access.open(&self.place(key)?).map(|file| Box::new(file) as _),
        };
        let file = match source {
            Ok(file) => file,
            Err(RasterError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let size = file.length();
        let outside = || unreadable(&self.root.to_string(), format!("a part of {key} lies outside its {size} bytes"));
        let mut buffers = Vec::new();
        for range in ranges {
            let (start, end) = match range {
                ByteRange::Suffix(length) => (size.checked_sub(length), Some(size)),
                ByteRange::FromStart(start, None) => (Some(start), Some(size)),
                ByteRange::FromStart(start, Some(length)) => (Some(start), start.checked_add(length)),
            };
            let (start, end) = start.zip(end).filter(|(_, end)| *end <= size).ok_or_else(outside)?;
            let length = end.checked_sub(start).ok_or_else(outside)?;
            buffers.push((start, vec![0; usize::try_from(length).map_err(|_| outside())?]));
        }
        let mut parts: Vec<_> = buffers.iter_mut().map(|(start, bytes)| (*start, bytes.as_mut_slice())).collect();
        file.read(&mut parts).map_err(|error| match error.downcast::<RasterError>() {
            Ok(known) => known,
            Err(error) => unreadable(&self.root.to_string(), error.to_string()),
        })?;
        Ok(Some(buffers.into_iter().map(|(_, bytes)| bytes.into()).collect()))
    }
}

impl ReadableStorageTraits for FarStore {
    fn get(&self, key: &StoreKey) -> Result<MaybeBytes, StorageError> {
        self.told(self.fetch(key.as_str()))
    }

    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let parts = self.told(self.parts(key.as_str(), byte_ranges))?;
        let Some(parts) = parts else { return Ok(None) };
        let parts: Box<dyn Iterator<Item = Result<Bytes, StorageError>> + 'a> = Box::new(parts.into_iter().map(Ok));
        Ok(Some(parts))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        let opened = self.place(key.as_str()).and_then(|place| self.access.open(&place));
        match opened {
            Ok(file) => Ok(Some(file.length())),
            Err(RasterError::Missing { .. }) => Ok(None),
            Err(error) => self.told(Err(error)),
        }
    }

    fn supports_get_partial(&self) -> bool {
        true
    }
}
