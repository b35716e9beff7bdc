//! The cache: what searches by product, place, time and status walk through, in memory.
//!
//! A tree holds its product as of one version. A search first reads the versions of its products, one small statement,
//! and uses only trees of these very versions: an older one is brought up to date by what changed since, a newer one
//! (another search was faster) is not used. So what the cache answers is what SQL would answer in the same state of the
//! catalog. `docs/design/catalog.md` says more, with figures.

mod builder;
mod finding;
pub(crate) mod fixed;
mod hilbert;
mod packed;
mod shape;
#[cfg(test)]
mod speed;
mod tree;

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use builder::Builder;
pub(crate) use finding::{Found, Hit, Question};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
pub(crate) use tree::Tree;

use crate::Result;
use crate::rows::{Changes, Version};
use crate::store::Transaction;

/// The trees of all products searched so far.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    slots: RwLock<HashMap<i64, Arc<Slot>>>,
}

/// What the cache holds in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheSize {
    /// Products that have a tree.
    pub products: usize,
    /// Boxes in their trees: one a dataset, or two where it crosses the antimeridian.
    pub boxes: usize,
    /// Bytes of all trees.
    pub bytes: usize,
}

#[derive(Debug, Default)]
struct Slot {
    /// Whether it was searched before.
    searched: AtomicBool,
    /// Replaced as a whole: who searches holds the old one.
    tree: RwLock<Option<Arc<Tree>>>,
    /// One search at a time brings it up to date; the others wait for it instead of reading the same.
    turn: Mutex<()>,
}

impl Slot {
    fn tree(&self) -> Option<Arc<Tree>> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Days since 1970: of the size of degrees, so that neither dimension rules a tree of both.
#[expect(clippy::cast_precision_loss, reason = "what is found by it is tested again by whole microseconds")]
pub(crate) fn days(micros: i64) -> f64 {
    micros as f64 / 86_400e6
}

impl Cache {
    /// Whether there is a tree of each of these products, of whatever version.
    pub(crate) fn holds(&self, products: impl IntoIterator<Item = i64>) -> bool {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        products.into_iter().all(|product| slots.get(&product).is_some_and(|slot| slot.tree().is_some()))
    }

    /// The trees of these products, of whatever version.
    pub(crate) fn latest(&self, products: impl IntoIterator<Item = i64>) -> Option<Vec<Arc<Tree>>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        products.into_iter().map(|product| slots.get(&product)?.tree()).collect()
    }

    /// The trees of these products, where all are of these versions.
    pub(crate) fn trees(&self, versions: &[Version]) -> Option<Vec<Arc<Tree>>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let of = |version: &Version| slots.get(&version.product)?.tree().filter(|tree| tree.version == version.number);
        versions.iter().map(of).collect()
    }

    /// The trees of these products, brought up to the versions that the transaction sees; `None` where SQL must be asked.
    ///
    /// A product gets its tree with its second search: a command that searches once would pay for a tree it never
    /// uses again.
    pub(crate) async fn refreshed(
        &self,
        transaction: &mut dyn Transaction,
        versions: &[Version],
    ) -> Result<Option<Vec<Arc<Tree>>>> {
        let slots: Vec<Arc<Slot>> = versions.iter().map(|version| self.slot(version.product)).collect();
        let mut searched = true;
        for slot in &slots {
            searched &= slot.searched.swap(true, Ordering::Relaxed);
        }
        if !searched {
            return Ok(None);
        }
        let mut trees = Vec::with_capacity(versions.len());
        for (slot, version) in slots.iter().zip(versions) {
            match refreshed(slot, transaction, *version).await? {
                Some(tree) => trees.push(tree),
                None => return Ok(None),
            }
        }
        Ok(Some(trees))
    }

    fn slot(&self, product: i64) -> Arc<Slot> {
        if let Some(slot) = self.slots.read().unwrap_or_else(PoisonError::into_inner).get(&product) {
            return Arc::clone(slot);
        }
        Arc::clone(self.slots.write().unwrap_or_else(PoisonError::into_inner).entry(product).or_default())
    }

    /// What the trees are.
    pub(crate) fn size(&self) -> CacheSize {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.values().filter_map(|slot| slot.tree()).fold(CacheSize::default(), |size, tree| CacheSize {
            products: size.products + 1,
            boxes: size.boxes + tree.len(),
            bytes: size.bytes + tree.bytes(),
        })
    }
}

/// The tree of a product as of this version; `None` where it is further already.
async fn refreshed(slot: &Slot, transaction: &mut dyn Transaction, version: Version) -> Result<Option<Arc<Tree>>> {
    let fits = |tree: Arc<Tree>| Some(tree).filter(|tree| tree.version == version.number);
    if let Some(tree) = slot.tree().filter(|tree| tree.version >= version.number) {
        return Ok(fits(tree));
    }
    let _turn = slot.turn.lock().await;
    // Another search may have moved it while this one waited.
    let held = slot.tree();
    if let Some(tree) = held.clone().filter(|tree| tree.version >= version.number) {
        return Ok(fits(tree));
    }
    let base = held.filter(|tree| tree.version >= version.reload);
    let changes = transaction.changes(version.product, base.as_ref().map(|tree| tree.version)).await?;
    let tree = Arc::new(grown(base, version.number, changes).await);
    *slot.tree.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&tree));
    Ok(Some(tree))
}

/// A new tree, or the next one after `base`, made where it holds up no other search.
async fn grown(base: Option<Arc<Tree>>, version: i64, changes: Changes) -> Tree {
    let make = move || match base {
        Some(base) if !changes.whole => base.advance(version, changes),
        _ => Tree::new(version, changes),
    };
    match spawn_blocking(make).await {
        Ok(tree) => tree,
        // The runtime ends, and with it this search; or the tree failed, and this search with it.
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}
