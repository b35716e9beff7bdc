//! An object that was opened: ranges of one version of it.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::access::{Inner, PIECE, begin};
use super::heads::Head;
use super::pending::Pending;
use super::request::{Answer, Ask, fetch};
use super::spans::spans;
use crate::RasterError;
use crate::bytes::{ByteSource, Remote};

/// More than this of a file is not fetched ahead at once.
const MOST_TOLD: u64 = 32 << 20;

/// An object of a store or of an HTTP server.
pub(crate) struct RemoteFile {
    inner: Arc<Inner>,
    place: Remote,
    head: Head,
    /// Ranges that were told ahead, by their first byte, until they are read.
    ahead: Mutex<BTreeMap<u64, Told>>,
}

/// Bytes on their way.
struct Span {
    start: u64,
    bytes: Arc<Pending<Result<Bytes, RasterError>>>,
    /// Gives back, when nobody needs the bytes any more, what may be fetched ahead.
    _held: Option<OwnedSemaphorePermit>,
}

/// A range that was told ahead.
struct Told {
    end: u64,
    /// Those that hold it, in order.
    spans: Vec<Arc<Span>>,
}

impl RemoteFile {
    pub(super) fn new(inner: Arc<Inner>, place: Remote, head: Head) -> Self {
        Self { inner, place, head, ahead: Mutex::default() }
    }

    /// The first bytes, which came when it was opened.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head.bytes
    }

    fn begin(&self, range: Range<u64>, held: Option<OwnedSemaphorePermit>) -> Result<Span, RasterError> {
        let (inner, place) = (self.inner.clone(), self.place.clone());
        let ask = Ask::Range(range.clone(), self.head.identity.clone());
        let bytes = begin(&self.place, async move {
            let fetched = fetch(&inner, &place, &ask).await;
            if matches!(fetched, Err(RasterError::Changed { .. })) {
                inner.forget_head(&place);
            }
            match fetched? {
                Answer::Bytes(bytes, _) => Ok(bytes),
                Answer::Unchanged => Ok(Bytes::new()),
            }
        })?;
        Ok(Span { start: range.start, bytes, _held: held })
    }

    fn ahead(&self) -> MutexGuard<'_, BTreeMap<u64, Told>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_head(&self, range: &Range<u64>) -> Option<&[u8]> {
        let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
        self.head.bytes.get(start..end)
    }

    /// The spans that hold a range, where all of it was told ahead; they are let go with it.
    fn taken(&self, range: &Range<u64>) -> Option<Vec<Arc<Span>>> {
        let mut ahead = self.ahead();
        let mut at = range.start;
        let mut keys = Vec::new();
        while at < range.end {
            let (start, told) = ahead.range(..=at).next_back().filter(|(_, told)| told.end > at)?;
            keys.push(*start);
            at = told.end;
        }
        let told = keys.iter().filter_map(|key| {
            // One of which more will be read stays.
            let whole = ahead.get(key).is_some_and(|told| range.start <= *key && told.end <= range.end);
            if whole { ahead.remove(key).map(|told| told.spans) } else { ahead.get(key).map(|told| told.spans.clone()) }
        });
        Some(told.flatten().collect())
    }

    fn read_parts(&self, parts: &mut [(u64, &mut [u8])]) -> Result<(), RasterError> {
        let range = |offset: u64, buffer: &[u8]| offset..offset.saturating_add(buffer.len() as u64);
        let mut found: Vec<Option<Vec<Arc<Span>>>> = Vec::with_capacity(parts.len());
        let mut missing = Vec::new();
        for (offset, buffer) in parts.iter_mut() {
            let range = range(*offset, buffer);
            if range.end > self.length() {
                return Err(RasterError::Unreadable {
                    location: self.place.to_string(),
                    driver: "the network".to_owned(),
                    reason: format!("it ends at byte {}, before byte {}", self.length(), range.end),
                });
            }
            if let Some(bytes) = self.in_head(&range) {
                buffer.copy_from_slice(bytes);
                found.push(Some(Vec::new()));
                continue;
            }
            let told = self.taken(&range);
            if told.is_none() {
                missing.push(range);
            }
            found.push(told);
        }
        let mut fetched = Vec::new();
        for span in spans(&missing) {
            fetched.push(Arc::new(self.begin(span, None)?));
        }
        for ((offset, buffer), told) in parts.iter_mut().zip(&found) {
            let range = range(*offset, buffer);
            match told {
                Some(spans) if spans.is_empty() => {}
                Some(spans) => self.copy(&range, spans, buffer)?,
                None => {
                    // The spans are sorted and do not overlap.
                    let first = fetched.partition_point(|span| span.start <= range.start).saturating_sub(1);
                    self.copy(&range, fetched.get(first..).unwrap_or_default(), buffer)?;
                }
            }
        }
        Ok(())
    }

    /// Puts together a range from the spans that hold it.
    fn copy(&self, range: &Range<u64>, spans: &[Arc<Span>], buffer: &mut [u8]) -> Result<(), RasterError> {
        let mut filled = 0;
        for span in spans {
            let at = range.start + filled as u64;
            if filled == buffer.len() || span.start > at {
                break;
            }
            let bytes = span.bytes.wait()?;
            let Some(bytes) = usize::try_from(at - span.start).ok().and_then(|from| bytes.get(from..)) else {
                continue;
            };
            let length = bytes.len().min(buffer.len() - filled);
            buffer[filled..filled + length].copy_from_slice(&bytes[..length]);
            filled += length;
        }
        if filled < buffer.len() {
            return Err(RasterError::Unreadable {
                location: self.place.to_string(),
                driver: "the network".to_owned(),
                reason: format!("bytes {} to {} of it did not come", range.start, range.end),
            });
        }
        Ok(())
    }
}

impl ByteSource for RemoteFile {
    fn length(&self) -> u64 {
        self.head.identity.size
    }

    /// None: which ranges are fetched together is decided here, where it is known what is there already.
    fn gap(&self) -> u64 {
        0
    }

    fn read(&self, parts: &mut [(u64, &mut [u8])]) -> io::Result<()> {
        self.read_parts(parts).map_err(io::Error::other)
    }

    fn is_far(&self) -> bool {
        true
    }

    fn expect(&self, ranges: &[Range<u64>]) -> bool {
        let wanted: Vec<Range<u64>> = {
            let ahead = self.ahead();
            let new = |range: &&Range<u64>| {
                range.start < range.end
                    && range.end <= self.length()
                    && self.in_head(range).is_none()
                    && ahead.range(..=range.start).next_back().is_none_or(|(_, told)| told.end < range.end)
            };
            ranges.iter().filter(new).cloned().collect()
        };
        if wanted.is_empty() {
            return true;
        }
        let requests = spans(&wanted);
        if requests.iter().map(|request| request.end - request.start).sum::<u64>() > MOST_TOLD {
            // There will never be room for it.
            return true;
        }
        // All of them or none: what is told again would come twice.
        let mut held = Vec::with_capacity(requests.len());
        for request in &requests {
            let pieces = u32::try_from((request.end - request.start).div_ceil(PIECE as u64)).unwrap_or(u32::MAX);
            let Ok(permit) = self.inner.ahead.clone().try_acquire_many_owned(pieces) else { return false };
            held.push(permit);
        }
        let mut begun = Vec::with_capacity(requests.len());
        for (request, permit) in requests.iter().zip(held) {
            // Who reads it finds out why.
            let Ok(span) = self.begin(request.clone(), Some(permit)) else { return true };
            begun.push(Arc::new(span));
        }
        let mut ahead = self.ahead();
        for range in wanted {
            let first = begun.partition_point(|span| span.start <= range.start).saturating_sub(1);
            let last = begun.partition_point(|span| span.start < range.end);
            let spans = begun.get(first..last).unwrap_or_default().to_vec();
            ahead.insert(range.start, Told { end: range.end, spans });
        }
        true
    }
}
