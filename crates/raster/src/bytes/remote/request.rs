//! One request of a range, made again where a fault may pass.
//!
//! An attempt ends without an answer after [`FIRST_BYTE`], and when less comes than [`LEAST_BYTES`] in [`WINDOW`]: slow is
//! alive, a trickle is not. Each attempt begins the range anew, bound to the identity that was seen first.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as _};

use super::access::Inner;
use super::identity::Identity;
use super::service::{Status, UNTOLD, deepest};
use crate::RasterError;
use crate::bytes::Remote;

/// The time in which an answer must begin.
pub(super) const FIRST_BYTE: Duration = Duration::from_secs(5);
/// In each stretch of this time at least so much must come: 4 kB/s.
const WINDOW: Duration = Duration::from_secs(5);
const LEAST_BYTES: usize = 20_000;
/// No attempt is begun that could end later than this after the first.
const LONGEST: Duration = Duration::from_secs(15);
const MOST_ATTEMPTS: u32 = 4;

/// What is asked of an object.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    /// Its first bytes, or to hear that they are still those of this identity.
    Head { length: u64, unless: Option<Identity> },
    /// A range of what has this identity.
    Range(Range<u64>, Identity),
    /// All of it, up to so many bytes.
    Whole { most: u64 },
}

/// What came.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Bytes(Bytes, Identity),
    /// The identity is still the one asked about.
    Unchanged,
}

/// Why an attempt brought nothing.
enum Fault {
    /// It may pass.
    Passing(String),
    /// Credentials may be too old.
    Denied,
    /// It stays.
    Final(RasterError),
}

impl Ask {
    fn range(&self) -> Option<Range<u64>> {
        match self {
            Self::Head { length, .. } => Some(0..*length),
            Self::Range(range, _) => Some(range.clone()),
            Self::Whole { .. } => None,
        }
    }

    fn options(&self) -> GetOptions {
        let mut options = GetOptions { range: self.range().map(GetRange::Bounded), ..GetOptions::default() };
        match self {
            Self::Head { unless: Some(identity), .. } => options.if_none_match = identity.etag().map(str::to_owned),
            Self::Range(_, identity) => options.if_match = identity.strong().map(str::to_owned),
            _ => {}
        }
        options
    }
}

/// Fetches what is asked for, in a few attempts.
pub(super) async fn fetch(inner: &Inner, place: &Remote, ask: &Ask) -> Result<Answer, RasterError> {
    let host = inner.host(place);
    // Not part of the time that a fault may take: others are served meanwhile.
    let permit = host.in_flight.acquire().await;
    let begun = Instant::now();
    let (mut attempts, mut renewed) = (0, false);
    loop {
        attempts += 1;
        let mut came = 0;
        let fault = match attempt(inner, place, ask, &mut came).await {
            Ok(answer) => {
                host.answered();
                drop(permit);
                return Ok(answer);
            }
            Err(fault) => fault,
        };
        let unreachable = |reason: String| RasterError::Unreachable {
            location: place.to_string(),
            range: ask.range(),
            attempts,
            reason,
        };
        let reason = match fault {
            Fault::Final(error) => return Err(error),
            Fault::Denied if !renewed && host.try_again() => {
                renewed = true;
                inner.forget_store(place);
                continue;
            }
            Fault::Denied => return Err(RasterError::Denied { location: place.to_string(), attempts }),
            Fault::Passing(reason) => reason,
        };
        tracing::debug!(location = %place, ?ask, attempts, reason, "a request failed");
        let pause = pause(attempts);
        let in_time = begun.elapsed() + pause + FIRST_BYTE <= LONGEST || attempts == 1 && came > LEAST_BYTES;
        if attempts == MOST_ATTEMPTS || !in_time || !host.try_again() {
            return Err(unreachable(reason));
        }
        tokio::time::sleep(pause).await;
    }
}

/// Longer after each attempt, and not the same for all who wait.
fn pause(attempts: u32) -> Duration {
    let nanos =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
    let jitter = nanos / 1000 % 100;
    Duration::from_millis((100 << (2 * (attempts - 1)).min(4)) + u64::from(jitter))
}

async fn attempt(inner: &Inner, place: &Remote, ask: &Ask, came: &mut usize) -> Result<Answer, Fault> {
    let store = inner.store(place).map_err(Fault::Final)?;
    let answer = tokio::time::timeout(FIRST_BYTE, store.get_opts(&place.key, ask.options())).await;
    let answer = match answer {
        Err(_) => return Err(Fault::Passing(format!("no answer came within {} s", FIRST_BYTE.as_secs()))),
        Ok(Err(object_store::Error::NotModified { .. })) => return Ok(Answer::Unchanged),
        Ok(Err(error)) => return Err(fault(place, &error)),
        Ok(Ok(answer)) => answer,
    };
    let identity = Identity::of(&answer.meta);
    if let Ask::Range(_, known) = ask
        && !known.is(&identity)
    {
        return Err(Fault::Final(RasterError::Changed { location: place.to_string() }));
    }
    let bytes = body(place, ask, answer, came).await?;
    Ok(Answer::Bytes(bytes, identity))
}

/// The bytes of an answer: as many as it promised.
async fn body(place: &Remote, ask: &Ask, answer: GetResult, came: &mut usize) -> Result<Bytes, Fault> {
    let promised = answer.range.end.saturating_sub(answer.range.start);
    let most = match ask {
        Ask::Whole { most } => *most,
        Ask::Head { length, .. } => *length,
        Ask::Range(range, _) => range.end - range.start,
    };
    let too_large = |bytes: u64| {
        Fault::Final(RasterError::TooLarge {
            location: place.to_string(),
            what: "it".to_owned(),
            bytes: u128::from(bytes),
            most: u128::from(most),
        })
    };
    if promised > most && promised != UNTOLD {
        return Err(too_large(promised));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(promised.min(most).min(super::spans::MOST)).unwrap_or(0));
    let mut stream = answer.into_stream();
    let mut mark = (Instant::now(), 0);
    loop {
        let next = tokio::time::timeout_at((mark.0 + WINDOW).into(), stream.next()).await;
        if mark.0.elapsed() >= WINDOW {
            if bytes.len() - mark.1 < LEAST_BYTES && !matches!(next, Ok(None)) {
                let seconds = WINDOW.as_secs();
                return Err(Fault::Passing(format!("{} bytes came in {seconds} s", bytes.len() - mark.1)));
            }
            mark = (Instant::now(), bytes.len());
        }
        match next {
            Err(_) => {}
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                let reason = deepest(&error);
                return Err(Fault::Passing(format!(
                    "it broke off after {} of {promised} bytes: {reason}",
                    bytes.len()
                )));
            }
            Ok(Some(Ok(chunk))) => {
                bytes.extend_from_slice(&chunk);
                *came = bytes.len();
                if bytes.len() as u64 > most {
                    return Err(too_large(bytes.len() as u64));
                }
            }
        }
    }
    if promised != UNTOLD && bytes.len() as u64 != promised {
        return Err(Fault::Passing(format!("{} bytes came of {promised}", bytes.len())));
    }
    Ok(bytes.into())
}

/// What an error of a store means here. Of its text only the part that tells no URL and no body is kept.
fn fault(place: &Remote, error: &object_store::Error) -> Fault {
    use object_store::Error;
    match error {
        Error::NotFound { .. } => Fault::Final(RasterError::Missing { location: place.to_string() }),
        Error::Precondition { .. } => Fault::Final(RasterError::Changed { location: place.to_string() }),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Fault::Denied,
        error => {
            let cause = deepest(error);
            if let Some(Status(status)) = cause.downcast_ref()
                && (status.is_client_error() || status.is_redirection())
                && !matches!(status.as_u16(), 408 | 429)
            {
                return Fault::Final(RasterError::Unreachable {
                    location: place.to_string(),
                    range: None,
                    attempts: 1,
                    reason: cause.to_string(),
                });
            }
            Fault::Passing(cause.to_string())
        }
    }
}
