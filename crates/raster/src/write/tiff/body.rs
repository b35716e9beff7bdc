//! Where the tiles of a file go: without compression straight to their places, else to a scratch file, as their sizes
//! are known only at the end, and from there in order behind the header.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes before a tile (its size) and behind it (its last four bytes again), as the header promises.
const FRAME: u64 = 8;

/// Where a tile is: its first byte and its length, without what stands around it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) length: u32,
}

/// The tiles of a file in the order in which they will lie in it.
pub(super) struct Body {
    out: File,
    /// Where the first tile begins.
    start: u64,
    kind: Kind,
}

enum Kind {
    /// All tiles are of one size.
    Plain { length: u32 },
    /// Tiles lie in the scratch file as they came.
    Scratch { file: File, end: AtomicU64, tiles: Mutex<Vec<Extent>> },
}

impl Body {
    /// A body of `tiles` tiles, each of `length` bytes, that begins at `start`.
    pub(super) fn plain(out: &Path, start: u64, length: u32) -> io::Result<Self> {
        Ok(Self { out: File::create_new(out)?, start, kind: Kind::Plain { length } })
    }

    /// A body of `tiles` tiles whose sizes show only when they come.
    pub(super) fn scratch(out: &Path, start: u64, scratch: &Path, tiles: usize) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create_new(true).open(scratch)?;
        let tiles = Mutex::new(vec![Extent::default(); tiles]);
        Ok(Self { out: File::create_new(out)?, start, kind: Kind::Scratch { file, end: AtomicU64::new(0), tiles } })
    }

    /// Writes the tile that is the `index`-th in the file.
    pub(super) fn put(&self, index: usize, bytes: &[u8]) -> io::Result<()> {
        let too_long = |_| io::Error::other("a tile of 4 GiB");
        let length = u32::try_from(bytes.len()).map_err(too_long)?;
        let leader = length.to_le_bytes();
        let mut trailer = [0; 4];
        trailer.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(out, byte)| *out = *byte);
        match &self.kind {
            Kind::Plain { length } => {
                let at = self.start + index as u64 * (u64::from(*length) + FRAME);
                write_at(&self.out, &leader, at)?;
                write_at(&self.out, bytes, at + 4)?;
                write_at(&self.out, &trailer, at + 4 + u64::from(*length))
            }
            Kind::Scratch { file, end, tiles } => {
                let at = end.fetch_add(u64::from(length) + FRAME, Ordering::Relaxed);
                if let Some(tile) = tiles.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
                    *tile = Extent { offset: at + 4, length };
                }
                let framed = [&leader, bytes, &trailer].concat();
                write_at(file, &framed, at)
            }
        }
    }

    /// Brings the tiles to their places; gives the places of all `tiles`, for the header.
    pub(super) fn join(&mut self, tiles: usize) -> io::Result<Vec<Extent>> {
        match &mut self.kind {
            Kind::Plain { length } => {
                let step = u64::from(*length) + FRAME;
                let place = |index| Extent { offset: self.start + index as u64 * step + 4, length: *length };
                Ok((0..tiles).map(place).collect())
            }
            Kind::Scratch { file, tiles, .. } => {
                let mut tiles = std::mem::take(tiles.get_mut().unwrap_or_else(PoisonError::into_inner));
                let mut at = self.start;
                self.out.seek(SeekFrom::Start(at))?;
                // Neighbours in the scratch file are copied at once, by the kernel where it can.
                let mut run = 0..0;
                for tile in &mut tiles {
                    let (first, length) = (tile.offset.saturating_sub(4), u64::from(tile.length) + FRAME);
                    if run.end != first {
                        copy(file, &self.out, &run)?;
                        run = first..first;
                    }
                    run.end += length;
                    tile.offset = at + 4;
                    at += length;
                }
                copy(file, &self.out, &run)?;
                Ok(tiles)
            }
        }
    }

    /// Writes the header.
    pub(super) fn head(&self, header: &[u8]) -> io::Result<()> {
        write_at(&self.out, header, 0)
    }
}

fn copy(mut from: &File, mut to: &File, run: &std::ops::Range<u64>) -> io::Result<()> {
    if run.is_empty() {
        return Ok(());
    }
    from.seek(SeekFrom::Start(run.start))?;
    let length = run.end - run.start;
    if io::copy(&mut from.take(length), &mut to)? == length {
        return to.flush();
    }
    Err(io::Error::other("the scratch file beside it was cut while it was written"))
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
        at += written as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_that_come_in_any_order_lie_in_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let (out, scratch) = (folder.path().join("out"), folder.path().join("scratch"));
        let mut body = Body::scratch(&out, 10, &scratch, 3).unwrap();
        for (index, bytes) in [(2, b"cccccc".as_slice()), (0, b"a"), (1, b"bbbbb")] {
            body.put(index, bytes).unwrap();
        }
        let places = body.join(3).unwrap();
        body.head(b"0123456789").unwrap();
        let made = std::fs::read(&out).unwrap();
        assert_eq!(made, b"0123456789\x01\0\0\0a\0\0\0a\x05\0\0\0bbbbbbbbb\x06\0\0\0cccccccccc");
        let found = places.iter().map(|place| {
            let start = usize::try_from(place.offset).unwrap();
            &made[start..start + place.length as usize]
        });
        let found: Vec<&[u8]> = found.collect();
        assert_eq!(found, [b"a".as_slice(), b"bbbbb", b"cccccc"]);
    }
}
