//! Ranges of a source in one buffer.

use std::io;
use std::ops::Range;

use super::ByteSource;

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
pub(crate) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Bytes in memory that write down what was read.
    pub(crate) struct Watched {
        pub(crate) bytes: Vec<u8>,
        pub(crate) gap: u64,
        pub(crate) reads: Mutex<Vec<Range<u64>>>,
    }

    impl Watched {
        /// Begin and end of each read since the last call.
        pub(crate) fn taken(&self) -> Vec<(u64, u64)> {
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
