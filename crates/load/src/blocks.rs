//! Decoded blocks, kept while other chunks may need them.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cube_geo::Shape;

/// File, then row and column of the block among the file's blocks.
pub(crate) type BlockKey = (usize, usize, usize);

type Decoded = Arc<dyn Any + Send + Sync>;

/// A bounded store of decoded blocks. The block that was longest not asked for goes first. Two threads that want the
/// same block decode it once: the second waits.
pub(crate) struct BlockStore {
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    slots: HashMap<BlockKey, Entry>,
    /// Keys by when they were last asked for.
    order: BTreeMap<u64, BlockKey>,
    clock: u64,
    bytes: usize,
}

struct Entry {
    slot: Arc<Mutex<Option<Decoded>>>,
    asked: u64,
    bytes: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BlockStore {
    /// A store of `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, inner: Mutex::default() }
    }

    /// The block of this key, decoded by `decode` (which tells its size in bytes too) if it is not there. With it may come
    /// another one that will be wanted soon: the first of `soon` that is neither there nor being decoded is named to
    /// `decode`.
    ///
    /// # Errors
    /// What `decode` says of the block; nothing is stored then. What it says of the other one is left to when that is wanted.
    pub(crate) fn block<B: Send + Sync + 'static, E>(
        &self,
        key: BlockKey,
        soon: impl Iterator<Item = BlockKey>,
        decode: impl FnOnce(Option<BlockKey>) -> (Result<(B, usize), E>, Option<(B, usize)>),
    ) -> Result<Arc<B>, E> {
        let slot = self.slot(key);
        let mut content = lock(&slot);
        if let Some(block) = content.as_ref().and_then(|block| block.clone().downcast::<B>().ok()) {
            return Ok(block);
        }
        let other = soon.map(|key| (key, self.slot(key))).find(|(_, slot)| slot.try_lock().is_ok_and(|b| b.is_none()));
        // Nobody waits for a slot that it does not hold yet but for its first one: there is no circle.
        let mut beside = other.as_ref().and_then(|(key, slot)| Some((*key, slot.try_lock().ok()?)));
        let (block, more) = decode(beside.as_ref().map(|(key, _)| *key));
        let grown = beside.as_mut().zip(more).map(|((key, content), (block, bytes))| {
            **content = Some(Arc::new(block));
            (*key, bytes)
        });
        drop(beside);
        if let Some((key, bytes)) = grown {
            self.grown(key, bytes);
        }
        let (block, bytes) = block?;
        let block = Arc::new(block);
        *content = Some(block.clone());
        drop(content);
        self.grown(key, bytes);
        Ok(block)
    }

    fn slot(&self, key: BlockKey) -> Arc<Mutex<Option<Decoded>>> {
        let mut guard = lock(&self.inner);
        let Inner { slots, order, clock, .. } = &mut *guard;
        *clock += 1;
        let entry = slots.entry(key).or_insert_with(|| Entry { slot: Arc::default(), asked: *clock, bytes: 0 });
        order.remove(&entry.asked);
        entry.asked = *clock;
        order.insert(*clock, key);
        entry.slot.clone()
    }

    fn grown(&self, key: BlockKey, bytes: usize) {
        let mut inner = lock(&self.inner);
        if let Some(entry) = inner.slots.get_mut(&key) {
            let before = std::mem::replace(&mut entry.bytes, bytes);
            inner.bytes = inner.bytes + bytes - before;
        }
        while inner.bytes > self.most
            && let Some((_, oldest)) = inner.order.pop_first()
        {
            inner.remove(oldest);
        }
    }

    /// Forgets all blocks of a file.
    pub(crate) fn forget(&self, file: usize) {
        let mut inner = lock(&self.inner);
        let keys: Vec<BlockKey> = inner.slots.keys().filter(|key| key.0 == file).copied().collect();
        for key in keys {
            inner.remove(key);
        }
    }
}

impl Inner {
    fn remove(&mut self, key: BlockKey) {
        if let Some(entry) = self.slots.remove(&key) {
            self.order.remove(&entry.asked);
            self.bytes -= entry.bytes;
        }
    }
}

/// Pixels that one block of ours has at least where the file has strips: several are read at a time.
const LEAST: usize = 1 << 18;
/// Pixels on a side that one block of ours has at least where the file has tiles: more would be read for nothing at the edges
/// of a window.
const LEAST_SIDE: usize = 256;
/// Bytes that one block of ours has at most: larger ones are read in parts, the reader keeps what it must.
const MOST_BYTES: usize = 32 << 20;
/// Pixels on a side of such a part.
const PART: usize = 1024;

/// Rows and columns of our blocks for a file whose own blocks are `block`, of pixels of `bytes` bytes: whole blocks, several where they are small.
pub(crate) fn block_shape(block: Shape, image: Shape, bytes: usize) -> Shape {
    let (rows, cols) = (block.rows.clamp(1, image.rows), block.cols.clamp(1, image.cols));
    if rows.saturating_mul(cols).saturating_mul(bytes) > MOST_BYTES {
        return Shape::new(rows.min(PART), cols.min(PART));
    }
    let grown = |n: usize, step: usize, size: usize| n.max(1).saturating_mul(step).min(size);
    if cols < image.cols {
        let side = |n: usize, size: usize| grown(LEAST_SIDE.div_ceil(n), n, size);
        return Shape::new(side(rows, image.rows), side(cols, image.cols));
    }
    let rows = grown((LEAST / cols).div_ceil(rows), rows, image.rows);
    Shape::new(rows, cols)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_blocks_are_whole_blocks_of_the_file() {
        let image = Shape::new(10_980, 10_980);
        let block_shape = |block, image| block_shape(block, image, 2);
        assert_eq!(block_shape(Shape::new(512, 512), image), Shape::new(512, 512));
        assert_eq!(block_shape(Shape::new(1024, 1024), image), Shape::new(1024, 1024));
        assert_eq!(block_shape(Shape::new(1, 10_980), image), Shape::new(23, 10_980));
        assert_eq!(block_shape(Shape::new(256, 256), image), Shape::new(256, 256));
        assert_eq!(block_shape(Shape::new(100, 128), image), Shape::new(300, 256));
        assert_eq!(block_shape(Shape::new(10_980, 10_980), image), Shape::new(1024, 1024));
        assert_eq!(block_shape(Shape::new(721, 1440), Shape::new(721, 1440)), Shape::new(721, 1440));
        assert_eq!(block_shape(Shape::new(256, 256), Shape::new(20, 30)), Shape::new(20, 30));
    }

    #[test]
    fn block_is_decoded_once_and_the_oldest_goes_first() {
        let store = BlockStore::new(20);
        let decoded = std::cell::RefCell::new(Vec::new());
        let read = |key: BlockKey| {
            store.block(key, std::iter::empty(), |_| {
                decoded.borrow_mut().push(key);
                (Ok::<_, ()>((key, 10)), None)
            })
        };
        for key in [(0, 0, 0), (0, 0, 1), (0, 0, 0), (0, 0, 2), (0, 0, 0), (0, 0, 1)] {
            assert_eq!(*read(key).unwrap(), key);
        }
        // (0, 0, 1) went when (0, 0, 2) came.
        assert_eq!(*decoded.borrow(), [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 1)]);
        store.forget(0);
        assert_eq!(lock(&store.inner).bytes, 0);
    }

    #[test]
    fn failed_decode_stores_nothing() {
        let store = BlockStore::new(100);
        let alone = std::iter::empty;
        assert_eq!(store.block::<u8, _>((0, 0, 0), alone(), |_| (Err("no"), None)).unwrap_err(), "no");
        assert_eq!(*store.block::<u8, ()>((0, 0, 0), alone(), |_| (Ok((7, 1)), None)).unwrap(), 7);
    }

    #[test]
    fn block_that_is_wanted_soon_is_decoded_with_another() {
        let store = BlockStore::new(100);
        let soon = || [(0, 0, 1), (0, 0, 2)].into_iter();
        let first = store.block::<u8, ()>((0, 0, 0), soon(), |other| {
            assert_eq!(other, Some((0, 0, 1)));
            (Ok((10, 1)), Some((11, 1)))
        });
        assert_eq!(*first.unwrap(), 10);
        // It is there, and so is no longer named.
        assert_eq!(*store.block::<u8, ()>((0, 0, 1), soon(), |_| unreachable!()).unwrap(), 11);
        let third = store.block::<u8, ()>((0, 0, 3), soon(), |other| {
            assert_eq!(other, Some((0, 0, 2)));
            (Ok((13, 1)), None)
        });
        assert_eq!(*third.unwrap(), 13);
        assert_eq!(*store.block::<u8, ()>((0, 0, 2), soon(), |_| (Ok((12, 1)), None)).unwrap(), 12);
        assert_eq!(lock(&store.inner).bytes, 4);
    }
}
