//! Which requests fetch a number of ranges.

use std::ops::Range;

/// Bytes between two ranges that are fetched with them rather than asked around: what comes in the time that one more request
/// takes.
const GAP: u64 = 256 << 10;
/// Bytes of one request at most: a fault costs no more than that again, and long ranges come over several connections.
pub(super) const MOST: u64 = 8 << 20;

/// The requests that fetch all `ranges`, in order; together they cover each byte of them once.
pub(super) fn spans(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted: Vec<_> = ranges.iter().filter(|range| range.start < range.end).cloned().collect();
    sorted.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            Some(last) if range.start - last.end <= GAP && range.end - last.start <= MOST => last.end = range.end,
            _ => merged.push(range),
        }
    }
    merged.into_iter().flat_map(cut).collect()
}

/// A range in parts of about the same length, none longer than [`MOST`].
fn cut(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let length = range.end - range.start;
    let parts = length.div_ceil(MOST);
    let each = length.div_ceil(parts.max(1));
    (0..parts).map(move |i| range.start + i * each..(range.start + (i + 1) * each).min(range.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_are_one_request_and_long_ones_are_several() {
        let near = [1000..2000, 0..10, 2000 + GAP..2000 + GAP + 5, 5..8];
        assert_eq!(spans(&near), vec![0..2005 + GAP; 1]);
        assert_eq!(spans(&[0..10, 11 + GAP..12 + GAP, 4..4]), [0..10, 11 + GAP..12 + GAP]);
        let long = spans(std::slice::from_ref(&(7..7 + 2 * MOST + 1)));
        assert_eq!(long.len(), 3);
        assert!(long.iter().all(|span| span.end - span.start <= MOST));
        assert!(long.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!((long[0].start, long[2].end), (7, 8 + 2 * MOST));
        let full = [0..MOST - 10, MOST - 5..MOST + 5];
        assert_eq!(spans(&full), full, "two that would be longer than a request together stay two");
    }
}
