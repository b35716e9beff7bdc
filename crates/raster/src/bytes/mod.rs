//! Where the bytes of files come from: a disk, memory, object stores and HTTP. All formats read through this room.
//!
//! [`ByteSource`] gives ranges of one file. [`Access`] knows the places that are not on this machine, and which places may be
//! read at all. Waiting for a network is done by one small runtime inside [`remote`]; all calls from outside are plain ones.

mod fetched;
mod local;
mod location;
mod remote;

use std::io;
use std::ops::Range;

pub(crate) use fetched::Fetched;
#[cfg(test)]
pub(crate) use fetched::tests::Watched;
pub(crate) use local::LocalFile;
pub(crate) use location::{Location, Remote, shown};
pub use remote::{Access, AccessSettings, Listed};
pub(crate) use remote::{Coming, RemoteFile};

/// Ranges of bytes of one file, from any thread: a file on disk, bytes in memory, an object of a store.
pub trait ByteSource: Send + Sync {
    /// Bytes that the file has.
    fn length(&self) -> u64;

    /// Bytes between two ranges that cost less to read than a read of its own.
    fn gap(&self) -> u64;

    /// Fills each buffer from its offset. All parts are asked for at once, so that a remote source can fetch them side
    /// by side.
    ///
    /// # Errors
    /// Where the source cannot be read, or ends before a buffer is full.
    fn read(&self, parts: &mut [(u64, &mut [u8])]) -> io::Result<()>;

    /// Tells that these ranges will be read soon. A source that is far away begins to fetch them; false where it has begun
    /// so much already that it would have to hold too many bytes: tell it again later. What is near does nothing.
    fn expect(&self, ranges: &[Range<u64>]) -> bool {
        let _ = ranges;
        true
    }

    /// True where a read waits for a network, so that it pays to tell early what will be read.
    fn is_far(&self) -> bool {
        false
    }
}

/// Bytes in memory.
impl ByteSource for Vec<u8> {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn gap(&self) -> u64 {
        0
    }

    fn read(&self, parts: &mut [(u64, &mut [u8])]) -> io::Result<()> {
        for (offset, buffer) in parts {
            let found = usize::try_from(*offset).ok().and_then(|o| self.get(o..)?.get(..buffer.len()));
            buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        }
        Ok(())
    }
}
