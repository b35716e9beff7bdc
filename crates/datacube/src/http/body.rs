//! The bytes of an answer, which must come at a pace.

use std::io::{Error, ErrorKind, Read, Result};
use std::time::{Duration, Instant};

/// How long an answer may come slower than [`PACE`].
const GRACE: Duration = Duration::from_secs(10);
/// Bytes a second below which a server counts as stuck.
const PACE: f64 = 2_000.0;

/// A reader that fails where bytes come too slowly for too long.
pub(super) struct Paced<R> {
    reader: R,
    started: Instant,
    bytes: u64,
    /// Time that passed inside the reader: the taker may be slow as it likes.
    waited: Duration,
}

impl<R: Read> Paced<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, started: Instant::now(), bytes: 0, waited: Duration::ZERO }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.started = Instant::now();
        let read = self.reader.read(buffer)?;
        self.waited += self.started.elapsed();
        self.bytes += read as u64;
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let pace = self.bytes as f64 / self.waited.as_secs_f64().max(1e-9);
        if read > 0 && self.waited > GRACE && pace < PACE {
            return Err(Error::new(ErrorKind::TimedOut, format!("it comes at {pace:.0} bytes a second")));
        }
        Ok(read)
    }
}
