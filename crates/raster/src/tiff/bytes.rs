//! Where the bytes of a file come from.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

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
}

/// A file on disk, opened once and read from all threads.
pub(crate) struct LocalFile {
    file: File,
    length: u64,
}

impl LocalFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }
}

impl ByteSource for LocalFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn gap(&self) -> u64 {
        4096
    }

    #[cfg(unix)]
    fn read(&self, parts: &mut [(u64, &mut [u8])]) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        parts.iter_mut().try_for_each(|(offset, buffer)| self.file.read_exact_at(buffer, *offset))
    }

    #[cfg(not(unix))]
    fn read(&self, parts: &mut [(u64, &mut [u8])]) -> io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        // The position of a file is shared by all who read it: a handle of our own.
        let mut file = self.file.try_clone()?;
        parts.iter_mut().try_for_each(|(offset, buffer)| {
            file.seek(SeekFrom::Start(*offset))?;
            file.read_exact(buffer)
        })
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

/// Bytes of several ranges, read with as few reads as the source likes.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    bytes: Vec<u8>,
    /// Where in `bytes` each range begins, and its length.
    places: Vec<(usize, usize)>,
}

impl Fetched {
    /// Reads `ranges`, which must lie within the file; the buffer of an earlier fetch is used again.
    pub(crate) fn fetch(&mut self, source: &dyn ByteSource, ranges: &[Range<u64>]) -> io::Result<()> {
        self.places.clear();
        self.places.resize(ranges.len(), (0, 0));
        let mut order: Vec<usize> = (0..ranges.len()).filter(|i| !ranges[*i].is_empty()).collect();
        order.sort_by_key(|i| ranges[*i].start);
        let mut spans: Vec<Range<u64>> = Vec::new();
        // Where the bytes of the spans before the last one end.
        let mut before = 0;
        for i in order {
            let range = &ranges[i];
            match spans.last_mut() {
                Some(span) if range.start <= span.end.saturating_add(source.gap()) => {
                    span.end = span.end.max(range.end);
                }
                last => {
                    before += last.map_or(0, |span| span.end - span.start);
                    spans.push(range.clone());
                }
            }
            let span = spans.last().map_or(0, |span| span.start);
            let place = usize::try_from(before + range.start - span).map_err(|_| io::ErrorKind::OutOfMemory)?;
            let length = usize::try_from(range.end - range.start).map_err(|_| io::ErrorKind::OutOfMemory)?;
            self.places[i] = (place, length);
        }
        let all = spans.iter().map(|span| span.end - span.start).sum::<u64>();
        let all = usize::try_from(all).map_err(|_| io::ErrorKind::OutOfMemory)?;
        if self.bytes.len() < all {
            self.bytes.resize(all, 0);
        }
        let mut rest = self.bytes.as_mut_slice();
        let mut parts = Vec::with_capacity(spans.len());
        for span in spans {
            let length = usize::try_from(span.end - span.start).map_err(|_| io::ErrorKind::OutOfMemory)?;
            let (part, after) = rest.split_at_mut(length.min(rest.len()));
            parts.push((span.start, part));
            rest = after;
        }
        source.read(&mut parts)
    }

    /// The bytes of the `i`-th range.
    pub(crate) fn get(&self, i: usize) -> &[u8] {
        let (start, length) = self.places.get(i).copied().unwrap_or_default();
        self.bytes.get(start..).and_then(|rest| rest.get(..length)).unwrap_or_default()
    }

    /// Frees a buffer that is larger than most reads need.
    pub(crate) fn shrink(&mut self) {
        const USUAL: usize = 8 << 20;
        if self.bytes.len() > USUAL {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Bytes in memory that write down what was read.
    pub(in crate::tiff) struct Watched {
        pub(in crate::tiff) bytes: Vec<u8>,
        pub(in crate::tiff) gap: u64,
        pub(in crate::tiff) reads: Mutex<Vec<Range<u64>>>,
    }

    impl Watched {
        /// Begin and end of each read since the last call.
        pub(in crate::tiff) fn taken(&self) -> Vec<(u64, u64)> {
            self.reads.lock().unwrap().drain(..).map(|range| (range.start, range.end)).collect()
        }
    }

    impl ByteSource for Watched {
        fn length(&self) -> u64 {
            self.bytes.length()
        }

        fn gap(&self) -> u64 {
            self.gap
        }

        fn read(&self, parts: &mut [(u64, &mut [u8])]) -> io::Result<()> {
            self.reads.lock().unwrap().extend(parts.iter().map(|(o, b)| *o..*o + b.len() as u64));
            self.bytes.read(parts)
        }
    }

    #[test]
    fn neighbouring_ranges_are_one_read_and_come_in_the_order_asked_for() {
        let source = Watched { bytes: (0..=255).collect(), gap: 8, reads: Mutex::default() };
        let mut fetched = Fetched::default();
        fetched.fetch(&source, &[100..104, 10..12, 0..0, 18..20, 2..5]).unwrap();
        let got: Vec<&[u8]> = (0..5).map(|i| fetched.get(i)).collect();
        assert_eq!(got, [&[100, 101, 102, 103][..], &[10, 11], &[], &[18, 19], &[2, 3, 4]]);
        assert_eq!(source.taken(), [(2, 20), (100, 104)]);
    }

    #[test]
    fn a_range_past_the_end_is_an_error() {
        let error = Fetched::default().fetch(&vec![0_u8; 10], std::slice::from_ref(&(8..12))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
