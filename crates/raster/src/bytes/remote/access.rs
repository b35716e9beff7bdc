//! What may be read, and by which settings.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::ObjectStore;
use tokio::sync::Semaphore;

use super::file::RemoteFile;
use super::heads::Heads;
use super::hosts::Host;
use super::pending::Pending;
use super::request::{Answer, Ask, FIRST_BYTE, fetch};
use super::service::Connector;
use super::stores::{self, Variables};
use super::waiting::runtime;
use crate::RasterError;
use crate::bytes::Remote;
use crate::bytes::location::{Location, Scheme, shown};

/// Bytes that are fetched or held at once of what will be read soon.
const MOST_AHEAD: usize = 96 << 20;
/// They are counted in pieces of this.
pub(super) const PIECE: usize = 4 << 10;
/// Stores that are kept open.
const MOST_STORES: usize = 64;

/// How stores are reached, and which locations may be read.
#[derive(Clone, Default)]
pub struct AccessSettings {
    /// Variables as in the environment: `AWS_…` (keys, `AWS_SESSION_TOKEN`, `AWS_PROFILE`, `AWS_ENDPOINT_URL`,
    /// `AWS_NO_SIGN_REQUEST`, `AWS_REQUEST_PAYER`), `GOOGLE_…`, `AZURE_…`, and `HOME`, where profiles are.
    pub variables: BTreeMap<String, String>,
    /// Folders, buckets, prefixes of keys and hosts (`/data`, `s3://bucket/key`, `https://host`) under which locations may
    /// be read; nothing else is then. `None` allows all.
    pub only_under: Option<Vec<String>>,
}

impl std::fmt::Debug for AccessSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.variables.keys().collect();
        f.debug_struct("AccessSettings").field("variables", &names).field("only_under", &self.only_under).finish()
    }
}

impl AccessSettings {
    /// Those of the environment of the process; all locations are allowed.
    #[must_use]
    pub fn from_env() -> Self {
        let wanted = |name: &str| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|p| name.starts_with(p)) || name == "HOME";
        let all =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { variables: all.filter(|(name, _)| wanted(name)).collect(), only_under: None }
    }
}

/// The way to files and objects: settings of stores, connections that are kept, and which places may be read. Clones share
/// all of it.
///
/// The default one is shared by the whole process: its settings are those of the environment when it is first needed, and it
/// allows everything.
#[derive(Clone)]
pub struct Access(pub(super) Arc<Inner>);

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its URL.
    pub url: String,
    /// How many bytes it has.
    pub bytes: u64,
}

static OF_PROCESS: LazyLock<Access> = LazyLock::new(|| Access::unlimited(AccessSettings::from_env().variables));

impl Default for Access {
    fn default() -> Self {
        OF_PROCESS.clone()
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("only_under", &self.0.only_under).finish_non_exhaustive()
    }
}

/// What clones share.
pub(super) struct Inner {
    variables: Variables,
    only_under: Option<Arc<[Location]>>,
    stores: Mutex<Stores>,
    hosts: Mutex<Hosts>,
    pub(super) heads: Heads,
    /// Bytes that may be fetched ahead, in [`PIECE`]s.
    pub(super) ahead: Arc<Semaphore>,
}

/// By scheme and name.
type Hosts = HashMap<(Scheme, Arc<str>), Arc<Host>>;

/// What tells one store from another: scheme, host and query.
type StoreKey = (Scheme, Arc<str>, Option<Arc<str>>);

#[derive(Default)]
struct Stores {
    connectors: Option<(Connector, Connector)>,
    open: HashMap<StoreKey, Arc<dyn ObjectStore>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Access {
    /// Access by settings of one's own.
    ///
    /// # Errors
    /// Where a place of `only_under` is no location.
    pub fn new(settings: AccessSettings) -> Result<Self, RasterError> {
        let only_under = match settings.only_under {
            None => None,
            Some(roots) => Some(roots.iter().map(|root| Location::parse(root)).collect::<Result<Arc<[_]>, _>>()?),
        };
        Ok(Self::with(settings.variables, only_under))
    }

    fn unlimited(variables: Variables) -> Self {
        Self::with(variables, None)
    }

    fn with(variables: Variables, only_under: Option<Arc<[Location]>>) -> Self {
        Self(Arc::new(Inner {
            variables,
            only_under,
            stores: Mutex::default(),
            hosts: Mutex::default(),
            heads: Heads::default(),
            ahead: Arc::new(Semaphore::new(MOST_AHEAD / PIECE)),
        }))
    }

    /// All bytes of a file or object of at most `most` bytes: a document.
    ///
    /// # Errors
    /// Where it may not be read, is not there, is larger, or cannot be fetched.
    pub fn get(&self, url: &str, most: u64) -> Result<Vec<u8>, RasterError> {
        match self.locate(url)? {
            Location::Local(path) => whole_file(&path, url, most),
            Location::Remote(place) => self.get_remote(&place, most).map(Vec::from),
        }
    }

    pub(crate) fn get_remote(&self, place: &Remote, most: u64) -> Result<Bytes, RasterError> {
        self.begin_get(place, most)?.wait()
    }

    /// Begins to fetch an object whole.
    pub(crate) fn begin_get(&self, place: &Remote, most: u64) -> Result<Coming, RasterError> {
        let (inner, at) = (self.0.clone(), place.clone());
        let begun = begin(place, async move {
            match fetch(&inner, &at, &Ask::Whole { most }).await? {
                Answer::Bytes(bytes, _) => Ok(bytes),
                Answer::Unchanged => Ok(Bytes::new()),
            }
        });
        begun.map(Coming)
    }

    /// Names of the folders directly under a prefix; at most `most` of them.
    pub(crate) fn folders(&self, place: &Remote, most: usize) -> Result<Vec<String>, RasterError> {
        if place.scheme.is_http() {
            return Err(RasterError::Unsupported {
                location: place.to_string(),
                what: "an HTTP server does not tell what is in a folder".to_owned(),
                remedy: "write consolidated metadata into the Zarr store (zarr.consolidate_metadata)".to_owned(),
            });
        }
        let (inner, at) = (self.0.clone(), place.clone());
        wait(place, async move {
            let (inner, at) = (&*inner, &at);
            again(inner, at, move || folders_once(inner, at, most)).await
        })
    }

    /// The objects under a prefix, in order of their names; at most `most` of them.
    ///
    /// # Errors
    /// Where it may not be read or cannot be listed (HTTP servers cannot), or there are more.
    pub fn list(&self, url: &str, most: usize) -> Result<Vec<Listed>, RasterError> {
        let unsupported = |what: &str, remedy: &str| RasterError::Unsupported {
            location: shown(url),
            what: what.to_owned(),
            remedy: remedy.to_owned(),
        };
        let place = match self.locate(url)? {
            Location::Remote(place) if !place.scheme.is_http() => place,
            Location::Remote(_) => {
                return Err(unsupported("an HTTP server tells no list of its files", "name the documents themselves"));
            }
            Location::Local(_) => return Err(unsupported("a folder is not listed here", "walk through it")),
        };
        let mut listed = self.list_remote(&place, most)?;
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        let root = format!("{}://{}", place.scheme.name(), place.host);
        Ok(listed.into_iter().map(|(key, bytes)| Listed { url: format!("{root}/{key}"), bytes }).collect())
    }

    /// Keys and sizes under a prefix.
    fn list_remote(&self, place: &Remote, most: usize) -> Result<Vec<(String, u64)>, RasterError> {
        let (inner, at) = (self.0.clone(), place.clone());
        wait(place, async move {
            let (inner, at) = (&*inner, &at);
            again(inner, at, move || list_once(inner, at, most)).await
        })
    }

    /// What a URL means, if it may be read.
    pub(crate) fn locate(&self, url: &str) -> Result<Location, RasterError> {
        let location = Location::parse(url)?;
        if self.0.may_read(&location) {
            return Ok(location);
        }
        Err(RasterError::NotAllowed { location: shown(url) })
    }

    /// Opens an object for ranges of it: one request, of its first bytes.
    pub(crate) fn open(&self, place: &Remote) -> Result<RemoteFile, RasterError> {
        let head = self.0.head(place)?.wait()?;
        Ok(RemoteFile::new(self.0.clone(), place.clone(), head))
    }

    /// Begins to open an object, without waiting.
    pub(crate) fn expect(&self, place: &Remote) {
        // Who opens it is told what went wrong.
        let _ = self.0.head(place);
    }
}

impl Inner {
    /// True where a location lies under an allowed root.
    fn may_read(&self, location: &Location) -> bool {
        let Some(roots) = &self.only_under else { return true };
        roots.iter().any(|root| match (location, root) {
            (Location::Remote(place), Location::Remote(root)) => place.is_below(root),
            // Links are followed before it is decided. What is not there cannot be read.
            (Location::Local(path), Location::Local(root)) => {
                path.canonicalize().is_ok_and(|path| root.canonicalize().is_ok_and(|root| path.starts_with(root)))
            }
            _ => false,
        })
    }

    pub(super) fn host(&self, place: &Remote) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        hosts.entry((place.scheme, place.host.clone())).or_insert_with(|| Arc::new(Host::new())).clone()
    }

    /// The store of a place, opened the first time.
    pub(super) fn store(&self, place: &Remote) -> Result<Arc<dyn ObjectStore>, RasterError> {
        let key = (place.scheme, place.host.clone(), place.query.clone());
        let mut stores = lock(&self.stores);
        if let Some(store) = stores.open.get(&key) {
            return Ok(store.clone());
        }
        if stores.connectors.is_none() {
            stores.connectors = Some(self.connectors(place)?);
        }
        let Stores { connectors: Some((plain, following)), open } = &mut *stores else {
            return Err(no_client(place, "it was not made"));
        };
        let store = stores::store(place, &self.variables, plain, following)?;
        if open.len() >= MOST_STORES {
            open.clear();
        }
        open.insert(key, store.clone());
        Ok(store)
    }

    /// Reads settings and profiles of a place anew the next time: its credentials may have been renewed.
    pub(super) fn forget_store(&self, place: &Remote) {
        lock(&self.stores).open.remove(&(place.scheme, place.host.clone(), place.query.clone()));
    }

    fn connectors(&self, place: &Remote) -> Result<(Connector, Connector), RasterError> {
        let roots = self.only_under.clone();
        let may_follow = move |url: &url::Url| {
            let Some(roots) = &roots else { return true };
            let Ok(Location::Remote(to)) = Location::parse(url.as_str()) else { return false };
            roots.iter().any(|root| matches!(root, Location::Remote(root) if to.is_below(root)))
        };
        let failed = |error: reqwest::Error| no_client(place, &error.without_url().to_string());
        let following = Connector::new(Some(Arc::new(may_follow))).map_err(failed)?;
        Ok((Connector::new(None).map_err(failed)?, following))
    }
}

fn no_client(place: &Remote, reason: &str) -> RasterError {
    RasterError::Unreadable {
        location: place.to_string(),
        driver: "the HTTP client".to_owned(),
        reason: reason.to_owned(),
    }
}

/// Waits for what the runtime does.
pub(super) fn wait<T: Clone + Send + 'static>(
    place: &Remote,
    work: impl Future<Output = Result<T, RasterError>> + Send + 'static,
) -> Result<T, RasterError> {
    begin(place, work)?.wait()
}

/// Lets the runtime do it.
pub(super) fn begin<T: Clone + Send + 'static>(
    place: &Remote,
    work: impl Future<Output = Result<T, RasterError>> + Send + 'static,
) -> Result<Arc<Pending<Result<T, RasterError>>>, RasterError> {
    let (pending, giver) = Pending::new(Err(no_client(place, "it was stopped")));
    runtime(place)?.spawn(async move { giver.give(work.await) });
    Ok(pending)
}

/// What is on its way.
pub(crate) struct Coming(Arc<Pending<Result<Bytes, RasterError>>>);

impl Coming {
    pub(crate) fn wait(&self) -> Result<Bytes, RasterError> {
        self.0.wait()
    }
}

/// Asks for a list a few times, where a fault may pass.
async fn again<T, F: Future<Output = Result<T, RasterError>>>(
    inner: &Inner,
    place: &Remote,
    ask: impl Fn() -> F,
) -> Result<T, RasterError> {
    const ATTEMPTS: u32 = 3;
    let host = inner.host(place);
    let mut attempts = 1;
    loop {
        match ask().await {
            Err(RasterError::Unreachable { location, range, reason, .. }) => {
                if attempts == ATTEMPTS || !host.try_again() {
                    return Err(RasterError::Unreachable { location, range, attempts, reason });
                }
                attempts += 1;
            }
            other => return other,
        }
    }
}

async fn folders_once(inner: &Inner, place: &Remote, most: usize) -> Result<Vec<String>, RasterError> {
    let store = inner.store(place)?;
    let listed = tokio::time::timeout(2 * FIRST_BYTE, store.list_with_delimiter(Some(&place.key))).await;
    let listed = listed.map_err(|_| too_slow(place))?.map_err(|error| list_error(place, &error))?;
    if listed.common_prefixes.len() > most {
        return Err(too_many(place, most));
    }
    Ok(listed.common_prefixes.iter().filter_map(|key| key.filename().map(str::to_owned)).collect())
}

async fn list_once(inner: &Inner, place: &Remote, most: usize) -> Result<Vec<(String, u64)>, RasterError> {
    let store = inner.store(place)?;
    let mut stream = store.list(Some(&place.key));
    let mut found = Vec::new();
    loop {
        let next = tokio::time::timeout(FIRST_BYTE, stream.next()).await;
        match next.map_err(|_| too_slow(place))? {
            None => return Ok(found),
            Some(Err(error)) => return Err(list_error(place, &error)),
            Some(Ok(_)) if found.len() == most => return Err(too_many(place, most)),
            Some(Ok(meta)) => found.push((meta.location.to_string(), meta.size)),
        }
    }
}

fn too_slow(place: &Remote) -> RasterError {
    unlisted(place, format!("no answer came within {} s", FIRST_BYTE.as_secs()))
}

fn unlisted(place: &Remote, reason: String) -> RasterError {
    RasterError::Unreachable { location: place.to_string(), range: None, attempts: 1, reason }
}

fn list_error(place: &Remote, error: &object_store::Error) -> RasterError {
    match error {
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            RasterError::Denied { location: place.to_string(), attempts: 1 }
        }
        object_store::Error::NotFound { .. } => RasterError::Missing { location: place.to_string() },
        error => {
            let cause = super::service::deepest(error);
            match cause.downcast_ref().map(|super::service::Status(status)| status.as_u16()) {
                Some(401 | 403) => RasterError::Denied { location: place.to_string(), attempts: 1 },
                Some(404) => RasterError::Missing { location: place.to_string() },
                _ => unlisted(place, cause.to_string()),
            }
        }
    }
}

fn too_many(place: &Remote, most: usize) -> RasterError {
    RasterError::TooLarge {
        location: place.to_string(),
        what: "the list of what is under it".to_owned(),
        bytes: most as u128 + 1,
        most: most as u128,
    }
}

fn whole_file(path: &Path, url: &str, most: u64) -> Result<Vec<u8>, RasterError> {
    use std::io::Read;
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => RasterError::Missing { location: url.to_owned() },
        _ => RasterError::Unreadable {
            location: url.to_owned(),
            driver: "the file system".to_owned(),
            reason: error.to_string(),
        },
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(RasterError::TooLarge {
            location: url.to_owned(),
            what: "it".to_owned(),
            bytes: bytes.len() as u128,
            most: u128::from(most),
        });
    }
    Ok(bytes)
}
