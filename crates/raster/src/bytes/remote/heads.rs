//! The first bytes of objects, which hold the headers of most files.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::access::{Inner, begin};
use super::identity::Identity;
use super::pending::Pending;
use super::request::{Answer, Ask, fetch};
use crate::RasterError;
use crate::bytes::Remote;

/// Bytes that are fetched when an object is opened: all directories of most COGs.
pub(super) const HEAD: u64 = 32 << 10;
/// Heads that are kept: 32 MiB of them.
const MOST: usize = 1024;
/// After this time the server is asked whether a head is still good, which costs a request and no bytes. Until then the
/// identity that each later range is bound to tells that it is not.
const FRESH: Duration = Duration::from_mins(1);
/// A failure is told for so long to all who ask, so that each of them does not wait for it anew.
const FAILED: Duration = Duration::from_secs(2);

/// The first bytes of an object, and which version of it they are of.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) bytes: Bytes,
    pub(super) identity: Identity,
}

type Slot = Arc<Pending<Result<Head, RasterError>>>;

/// Heads by place; when each was asked for last.
#[derive(Default)]
pub(super) struct Heads(Mutex<HashMap<Remote, (Slot, Instant)>>);

impl Inner {
    /// The head of an object, which may still be on its way.
    pub(super) fn head(self: &Arc<Self>, place: &Remote) -> Result<Slot, RasterError> {
        let mut heads = self.heads.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unless = None;
        if let Some((slot, asked)) = heads.get_mut(place) {
            *asked = Instant::now();
            match slot.now() {
                None => return Ok(slot.clone()),
                Some((Ok(_), came)) if came.elapsed() < FRESH => return Ok(slot.clone()),
                Some((Err(_), came)) if came.elapsed() < FAILED => return Ok(slot.clone()),
                Some((Ok(head), _)) => unless = Some(head),
                Some((Err(_), _)) => {}
            }
        }
        let (inner, at) = (self.clone(), place.clone());
        let slot = begin(place, async move {
            let known = unless.as_ref().map(|head| head.identity.clone()).filter(|known| known.etag().is_some());
            match fetch(&inner, &at, &Ask::Head { length: HEAD, unless: known }).await? {
                Answer::Bytes(bytes, identity) => Ok(Head { bytes, identity }),
                Answer::Unchanged => unless.ok_or(RasterError::Missing { location: at.to_string() }),
            }
        })?;
        if heads.len() >= MOST
            && let Some(oldest) = heads.iter().min_by_key(|(_, (_, asked))| *asked).map(|(at, _)| at.clone())
        {
            heads.remove(&oldest);
        }
        heads.insert(place.clone(), (slot.clone(), Instant::now()));
        Ok(slot)
    }

    /// The object is another one by now.
    pub(super) fn forget_head(&self, place: &Remote) {
        self.heads.0.lock().unwrap_or_else(PoisonError::into_inner).remove(place);
    }
}
