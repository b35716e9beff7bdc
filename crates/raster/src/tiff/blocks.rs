//! Windows of pixels from the blocks that hold them: each is read and unpacked once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytemuck::Pod;
use cube_geo::Window;

use super::Failure;
use super::codec::{Packed, check_claim, decode, decode_two};
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
        let Some(part) = self.alone(window) else { return self.read(window, fill, |same: T| same) };
        self.fetch(&[part], |found| {
            let [(part, packed)] = found else { return Err("a block is lost".into()) };
            let Some(packed) = packed else { return Ok(vec![fill; part.window.shape().pixels()]) };
            let mut pixels = self.room::<T>(part, packed)?;
            decode(self.image, packed, self.image.stored_rows(part.block.0), bytes_of(&mut pixels)?)?;
            Ok(self.cut(pixels, part))
        })
        .and_then(|mut pixels| pixels.pop().ok_or_else(|| "a block is lost".into()))
    }

    /// As [`Plane::read_same`] of two windows. Each within a block of its own are unpacked at once.
    pub(super) fn read_same_two<T: Pod + Default>(
        &self,
        windows: [Window; 2],
        fill: T,
    ) -> [Result<Vec<T>, Failure>; 2] {
        let [one, two] = windows;
        let one_by_one = || [self.read_same(one, fill), self.read_same(two, fill)];
        let (Some(a), Some(b)) = (self.alone(one), self.alone(two)) else { return one_by_one() };
        let mut found = None;
        let said = self.fetch(&[a, b], |blocks| {
            if let [(a, Some(packed)), (b, Some(also))] = blocks
                && let (Ok(mut first), Ok(mut second)) = (self.room::<T>(a, packed), self.room::<T>(b, also))
            {
                let rows = |part: &Part| self.image.stored_rows(part.block.0);
                let blocks: (Packed<'_>, Packed<'_>) =
                    ((*packed, rows(a), bytes_of(&mut first)?), (*also, rows(b), bytes_of(&mut second)?));
                let (done, done_too) = decode_two(self.image, blocks);
                let cut = |done: Result<(), String>, pixels, part: &Part| Ok(done.map(|()| self.cut(pixels, part))?);
                found = Some([cut(done, first, a), cut(done_too, second, b)]);
            }
            Ok(())
        });
        match said {
            Ok(_) => found.unwrap_or_else(one_by_one),
            // To ask again, for one of them, is left to who wants it alone.
            Err(failure) => [Err(failure), Err("a block beside it cannot be read".into())],
        }
    }

    /// The part of the only block that a window touches, if no more is made of it than its pixels.
    fn alone(&self, window: Window) -> Option<Part> {
        let (image, block) = (self.image, self.image.block);
        let within = |first: usize, end: usize, size: usize| first / size == end.saturating_sub(1) / size;
        let one = within(window.row, window.row_end(), block.rows) && within(window.col, window.col_end(), block.cols);
        let plain = one && !window.shape().is_empty() && image.together() == 1 && !self.keeps();
        plain.then(|| Part { block: (window.row / block.rows, window.col / block.cols), window })
    }

    /// Room for all pixels of a block.
    fn room<T: Pod + Default>(&self, part: &Part, packed: &[u8]) -> Result<Vec<T>, Failure> {
        let rows = self.image.stored_rows(part.block.0);
        check_claim(self.image, packed, rows)?;
        Ok(vec![T::default(); rows * self.image.block.cols])
    }

    /// Of the pixels of a block, those of its part: they move to the front, over what is not asked for.
    fn cut<T: Copy>(&self, mut pixels: Vec<T>, part: &Part) -> Vec<T> {
        let (block, window) = (self.image.block, part.window);
        let stride = block.cols;
        let first = (window.row - part.block.0 * block.rows) * stride + window.col - part.block.1 * stride;
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
        pixels
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
                    self.fetch(std::slice::from_ref(part), |found| {
                        let [(_, Some(packed))] = found else { return Ok(()) };
                        let rows = self.image.stored_rows(part.block.0);
                        check_claim(self.image, packed, rows)?;
                        let mut words = vec![0_u64; bytes.div_ceil(8)].into_boxed_slice();
                        decode(self.image, packed, rows, &mut bytemuck::cast_slice_mut(&mut words)[..bytes])?;
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
        let (mut words, mut more) = (Vec::new(), Vec::new());
        // In the order in which they lie in most files.
        parts.sort_by_key(|part| part.block);
        let each = self.fetch(&parts, |found| {
            if let [(a, Some(packed)), (b, Some(also))] = found {
                let (first, second) = (self.packed(a, packed, &mut words)?, self.packed(b, also, &mut more)?);
                let (done, done_too) = decode_two(self.image, (first, second));
                done?;
                take(a, Some(self.unpacked(a, &words)))?;
                done_too?;
                return take(b, Some(self.unpacked(b, &more)));
            }
            found.iter().try_for_each(|(part, packed)| {
                let Some(packed) = packed else { return take(part, None) };
                let (packed, rows, out) = self.packed(part, packed, &mut words)?;
                decode(self.image, packed, rows, out)?;
                take(part, Some(self.unpacked(part, &words)))
            })
        });
        each.map(|_| ())
    }

    /// A block with room for it in `words`.
    fn packed<'b>(&self, part: &Part, packed: &'b [u8], words: &'b mut Vec<u64>) -> Result<Packed<'b>, String> {
        let rows = self.image.stored_rows(part.block.0);
        check_claim(self.image, packed, rows)?;
        let bytes = self.block_bytes(part.block.0);
        words.resize(bytes.div_ceil(8), 0);
        Ok((packed, rows, &mut bytemuck::cast_slice_mut(words)[..bytes]))
    }

    fn unpacked<'b>(&self, part: &Part, words: &'b [u64]) -> &'b [u8] {
        &bytemuck::cast_slice(words)[..self.block_bytes(part.block.0)]
    }

    /// Gives the packed bytes of the blocks, two at a time, `None` for one that was never written; collects what comes of
    /// them.
    fn fetch<R>(
        &self,
        parts: &[Part],
        mut take: impl FnMut(&[(&Part, Option<&[u8]>)]) -> Result<R, Failure>,
    ) -> Result<Vec<R>, Failure> {
        let places = self.image.places(self.source, self.band, parts.iter().map(|part| part.block))?;
        FETCHED.with_borrow_mut(|fetched| {
            let mut made = Vec::with_capacity(parts.len().div_ceil(2));
            let mut begin = 0;
            while begin < parts.len() {
                let end = batch(&places, begin);
                fetched.fetch(self.source, &places[begin..end])?;
                let mut found = parts[begin..end].iter().zip(&places[begin..end]).enumerate();
                let mut next = || {
                    let (i, (part, place)) = found.next()?;
                    Some((part, (!place.is_empty()).then(|| fetched.get(i))))
                };
                while let Some(one) = next() {
                    made.push(match next() {
                        Some(two) => take(&[one, two])?,
                        None => take(&[one])?,
                    });
                }
                begin = end;
            }
            fetched.shrink();
            Ok(made)
        })
    }
}

/// Where pixels are unpacked.
fn bytes_of<T: Pod>(pixels: &mut [T]) -> Result<&mut [u8], String> {
    bytemuck::try_cast_slice_mut(pixels).map_err(|e| format!("a block is askew: {e}"))
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
