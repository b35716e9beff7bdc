//! Windows of pixels from the blocks that hold them: each is read and unpacked once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytemuck::Pod;
use cube_geo::Window;

use super::Failure;
use super::codec::{check_claim, decode};
use super::image::Image;
use crate::bytes::{ByteSource, Fetched};

/// Packed bytes that are fetched at once.
const MOST_FETCHED: u64 = 16 << 20;
/// Unpacked bytes that a file keeps; a single block that is larger is kept alone, up to the other limit.
const MOST_KEPT: usize = 32 << 20;
const MOST_KEPT_ALONE: usize = 128 << 20;
const MOST_BLOCKS_KEPT: usize = 256;
/// Blocks of a window whose bytes are summed up: more than any real image has.
const MOST_BLOCKS_COUNTED: usize = 1 << 20;
/// Blocks larger than this are kept although one band is all they hold: windows are mostly smaller.
const LARGE: usize = 4 << 20;

thread_local! {
    static FETCHED: RefCell<Fetched> = RefCell::default();
}

/// Samples of one block; words, so that they lie in memory as any type of pixel wants.
type Words = Box<[u64]>;
type Slot = Arc<Mutex<Option<Arc<Words>>>>;
/// Level, row and column of a block.
type Key = (usize, usize, usize);

/// The blocks of a file that were unpacked last, where more of them will be wanted: other bands of the same pixels,
/// other windows of a large strip.
#[derive(Default)]
pub(super) struct BlockCache(Mutex<VecDeque<(Key, usize, Slot)>>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BlockCache {
    /// The place of a block of `bytes` bytes; what was asked for longest ago goes.
    fn slot(&self, key: Key, bytes: usize) -> Slot {
        let mut slots = lock(&self.0);
        let found = slots.iter().position(|(there, ..)| *there == key).and_then(|at| slots.remove(at));
        let (_, _, slot) = slots.push_back_mut(found.unwrap_or_else(|| (key, bytes, Slot::default())));
        let slot = slot.clone();
        while slots.len() > 1
            && (slots.len() > MOST_BLOCKS_KEPT || slots.iter().map(|s| s.1).sum::<usize>() > MOST_KEPT)
        {
            slots.pop_front();
        }
        slot
    }
}

/// What is read: an image of a file (its level, for the cache; `None` keeps nothing) and a 0-based band of it.
pub(super) struct Plane<'f> {
    pub(super) source: &'f dyn ByteSource,
    pub(super) image: &'f Image,
    pub(super) band: usize,
    pub(super) kept: Option<(&'f BlockCache, usize)>,
}

/// The part of a window that lies in one block.
struct Part {
    /// Row and column among the blocks.
    block: (usize, usize),
    /// In the image's pixels.
    window: Window,
}

impl Plane<'_> {
    /// The pixels of `window` (which fits the image), row-major, as samples of type `S` turned into `T`. Blocks that were
    /// never written are `fill`. `S` must have the image's bytes a sample.
    pub(super) fn read<S: Pod, T: Pod + Default>(
        &self,
        window: Window,
        fill: T,
        convert: impl Fn(S) -> T + Copy,
    ) -> Result<Vec<T>, Failure> {
        if window.shape().is_empty() {
            return Ok(Vec::new());
        }
        let mut pixels = vec![T::default(); window.shape().pixels()];
        let together = self.image.together();
        let lane = if self.image.planar { 0 } else { self.band };
        self.visit(window, |part, samples| {
            let Window { row, col, rows, cols } = part.window;
            let place = (row - window.row) * window.cols + (col - window.col);
            let Some(samples) = samples else {
                for row in pixels[place..].chunks_mut(window.cols).take(rows) {
                    row[..cols].fill(fill);
                }
                return Ok(());
            };
            let samples: &[S] = bytemuck::try_cast_slice(samples).map_err(|e| format!("a block is askew: {e}"))?;
            let block = self.image.block;
            let first = ((row - part.block.0 * block.rows) * block.cols + col - part.block.1 * block.cols) * together;
            let from = samples.get(first..).unwrap_or_default().chunks(block.cols * together);
            for (to, from) in pixels[place..].chunks_mut(window.cols).zip(from).take(rows) {
                if together == 1 {
                    to.iter_mut().zip(&from[..cols.min(from.len())]).for_each(|(to, from)| *to = convert(*from));
                } else {
                    let from = from.chunks_exact(together).take(cols);
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = convert(from[lane]));
                }
            }
            Ok(())
        })?;
        Ok(pixels)
    }

    /// As [`Plane::read`] where samples are pixels. A window within one block is unpacked where its pixels stay.
    pub(super) fn read_same<T: Pod + Default>(&self, window: Window, fill: T) -> Result<Vec<T>, Failure> {
        let (image, parts) = (self.image, self.parts(window));
        let [part] = parts.as_slice() else { return self.read(window, fill, |same: T| same) };
        if image.together() > 1 || self.keeps() {
            return self.read(window, fill, |same: T| same);
        }
        let places = image.places(self.source, self.band, std::iter::once(part.block))?;
        let Some(place) = places.first().filter(|place| !place.is_empty()) else {
            return Ok(vec![fill; window.shape().pixels()]);
        };
        let rows = image.stored_rows(part.block.0);
        let mut pixels = FETCHED.with_borrow_mut(|fetched| {
            fetched.fetch(self.source, std::slice::from_ref(place))?;
            check_claim(image, fetched.get(0), rows)?;
            let mut pixels = vec![T::default(); rows * image.block.cols];
            let bytes = bytemuck::try_cast_slice_mut(&mut pixels).map_err(|e| format!("a block is askew: {e}"))?;
            decode(image, fetched.get(0), rows, bytes)?;
            fetched.shrink();
            Ok::<_, Failure>(pixels)
        })?;
        // The rows of the window move to the front, over what is not asked for.
        let stride = image.block.cols;
        let first = (window.row - part.block.0 * image.block.rows) * stride + window.col - part.block.1 * stride;
        if first > 0 || window.cols < stride {
            for row in 0..window.rows {
                let from = first + row * stride;
                pixels.copy_within(from..from + window.cols, row * window.cols);
            }
        }
        pixels.truncate(window.shape().pixels());
        if pixels.len() < pixels.capacity() / 2 {
            pixels.shrink_to_fit();
        }
        Ok(pixels)
    }

    /// Bytes of the file that a window takes; `None` where it has too many blocks to count them.
    pub(super) fn stored_bytes(&self, window: Window) -> Result<Option<u64>, Failure> {
        let block = self.image.block;
        let blocks = (window.rows / block.rows).saturating_mul(window.cols / block.cols);
        if blocks > MOST_BLOCKS_COUNTED {
            return Ok(None);
        }
        let parts = self.parts(window);
        let places = self.image.places(self.source, self.band, parts.iter().map(|part| part.block))?;
        Ok(Some(places.iter().map(|place| place.end - place.start).sum()))
    }

    /// Where the blocks of a window are in the file.
    pub(super) fn places(&self, window: Window) -> Result<Vec<Range<u64>>, Failure> {
        let parts = self.parts(window);
        self.image.places(self.source, self.band, parts.iter().map(|part| part.block))
    }

    fn parts(&self, window: Window) -> Vec<Part> {
        let block = self.image.block;
        let (first_row, first_col) = (window.row / block.rows, window.col / block.cols);
        let (end_row, end_col) = (window.row_end().div_ceil(block.rows), window.col_end().div_ceil(block.cols));
        let places = (first_row..end_row).flat_map(|row| (first_col..end_col).map(move |col| (row, col)));
        places
            .filter_map(|(row, col)| {
                let whole = Window::new(row * block.rows, col * block.cols, block.rows, block.cols);
                whole.intersection(window).map(|window| Part { block: (row, col), window })
            })
            .collect()
    }

    fn block_bytes(&self, row: usize) -> usize {
        self.image.stored_rows(row) * self.image.block.cols * self.image.together() * self.image.bytes()
    }

    /// True where unpacked blocks are kept for later reads.
    fn keeps(&self) -> bool {
        let bytes = self.block_bytes(0);
        self.kept.is_some() && (self.image.together() > 1 || bytes > LARGE) && bytes <= MOST_KEPT_ALONE
    }

    /// Gives the unpacked samples of each block that the window touches, `None` for one that was never written.
    fn visit(
        &self,
        window: Window,
        mut take: impl FnMut(&Part, Option<&[u8]>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut parts = self.parts(window);
        let keeps = self.keeps();
        if let (true, Some((cache, level))) = (keeps, self.kept) {
            for part in &parts {
                let bytes = self.block_bytes(part.block.0);
                let slot = cache.slot((level, part.block.0, part.block.1), bytes);
                let mut content = lock(&slot);
                if content.is_none() {
                    self.fetch(std::slice::from_ref(part), |_, packed| {
                        let Some(packed) = packed else { return Ok(()) };
                        check_claim(self.image, packed, self.image.stored_rows(part.block.0))?;
                        let mut words = vec![0_u64; bytes.div_ceil(8)].into_boxed_slice();
                        let out = bytemuck::cast_slice_mut(&mut words);
                        decode(self.image, packed, self.image.stored_rows(part.block.0), &mut out[..bytes])?;
                        *content = Some(Arc::new(words));
                        Ok(())
                    })?;
                }
                let block = content.clone();
                drop(content);
                take(part, block.as_ref().map(|words| &bytemuck::cast_slice(words)[..bytes]))?;
            }
            return Ok(());
        }
        let mut words = Vec::new();
        // In the order in which they lie in most files.
        parts.sort_by_key(|part| part.block);
        self.fetch(&parts, |part, packed| {
            let Some(packed) = packed else { return take(part, None) };
            let rows = self.image.stored_rows(part.block.0);
            let bytes = self.block_bytes(part.block.0);
            check_claim(self.image, packed, rows)?;
            words.resize(bytes.div_ceil(8), 0_u64);
            let out = &mut bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..bytes];
            decode(self.image, packed, rows, out)?;
            take(part, Some(out))
        })
    }

    /// Gives the packed bytes of each block, `None` for one that was never written.
    fn fetch(
        &self,
        parts: &[Part],
        mut take: impl FnMut(&Part, Option<&[u8]>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let places = self.image.places(self.source, self.band, parts.iter().map(|part| part.block))?;
        FETCHED.with_borrow_mut(|fetched| {
            let mut begin = 0;
            while begin < parts.len() {
                let end = batch(&places, begin);
                fetched.fetch(self.source, &places[begin..end])?;
                for (i, (part, place)) in parts[begin..end].iter().zip(&places[begin..end]).enumerate() {
                    take(part, (!place.is_empty()).then(|| fetched.get(i)))?;
                }
                begin = end;
            }
            fetched.shrink();
            Ok(())
        })
    }
}

/// The end of the run of places from `begin` that is fetched at once.
fn batch(places: &[Range<u64>], begin: usize) -> usize {
    let mut bytes = 0_u64;
    let more = places[begin..].iter().skip(1).take_while(|place| {
        bytes = bytes.saturating_add(place.end - place.start);
        bytes <= MOST_FETCHED
    });
    begin + 1 + more.count()
}
