//! What a catalog holds, in a form that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use cube_catalog::{Catalog, CatalogUrl};
use cube_model::{Search, Status};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::place::Place;

/// All that a catalog holds and finds.
#[derive(PartialEq)]
pub(crate) struct State {
    /// Location and document of each dataset.
    datasets: BTreeMap<Uuid, (Option<String>, String)>,
    /// What some searches find, in their order, through the cache and without it.
    found: Vec<(String, Vec<Uuid>)>,
}

/// Searches of each kind of field, by place and by time.
const SEARCHES: [&str; 7] = [
    "product=faulty",
    "platform=\"sentinel-2a\" cloud_cover in [10, 40]",
    "region_code=\"T07\"",
    "time in [2034-03-01, 2034-05-31]",
    "lon in [-100, 14.9] lat in [30, 50]",
    "lon in [10, 20] lat in [40, 45] time in 2034-06",
    "not platform=\"sentinel-2a\" cloud_cover > 95",
];

impl State {
    /// Reads the whole catalog, as another process than those that wrote it.
    pub(crate) fn of(place: &Place) -> Self {
        let url: CatalogUrl = place.url().parse().unwrap();
        runtime().block_on(async {
            let catalog = Catalog::open(&url).await.unwrap();
            let everything = Search { status: Status::All, ..Search::default() };
            let datasets = catalog.search(&everything).await.unwrap();
            // Sandboxes differ in their paths alone.
            let folder = place.sandbox.path("").display().to_string();
            let datasets = datasets
                .into_iter()
                .map(|d| (d.id, (d.location.as_deref().map(|l| l.replace(&folder, "")), d.document.to_string())))
                .collect();
            let mut found = Vec::new();
            for text in SEARCHES {
                let search = Search::parse(text).unwrap();
                // The cache serves from the second search on.
                for _ in 0..2 {
                    found.push((text.to_owned(), catalog.search_ids(&search).await.unwrap()));
                }
                found.push((text.to_owned(), catalog.clone().without_cache().search_ids(&search).await.unwrap()));
            }
            catalog.close().await.unwrap();
            Self { datasets, found }
        })
    }

    /// How many datasets there are.
    pub(crate) fn len(&self) -> usize {
        self.datasets.len()
    }

    pub(crate) fn ids(&self) -> BTreeSet<Uuid> {
        self.datasets.keys().copied().collect()
    }

    /// Makes sure that this is what `clean` would be if it had only the datasets that are here: each is here whole or
    /// not at all.
    pub(crate) fn is_part_of(&self, clean: &Self) {
        let here = |id: &Uuid| self.datasets.contains_key(id);
        let part = Self {
            datasets: clean.datasets.iter().filter(|(id, _)| here(id)).map(|(id, d)| (*id, d.clone())).collect(),
            found: clean
                .found
                .iter()
                .map(|(text, ids)| (text.clone(), ids.iter().copied().filter(here).collect()))
                .collect(),
        };
        self.is(&part);
    }

    /// Makes sure that this is `other`, and says what differs.
    pub(crate) fn is(&self, other: &Self) {
        assert_eq!(self.len(), other.len(), "the number of datasets");
        for ((id, here), (other_id, there)) in self.datasets.iter().zip(&other.datasets) {
            assert_eq!((id, here), (other_id, there), "the datasets differ");
        }
        for ((text, here), (_, there)) in self.found.iter().zip(&other.found) {
            let (mine, theirs): (BTreeSet<_>, BTreeSet<_>) = (here.iter().collect(), there.iter().collect());
            let only = mine.symmetric_difference(&theirs).take(5).collect::<Vec<_>>();
            assert!(here == there, "{text}: {} against {} datasets, such as {only:?}", here.len(), there.len());
        }
        assert!(self == other);
    }
}

/// As many datasets as `cube index` writes in one transaction (`crates/datacube/src/index/checking.rs`).
const BATCH: usize = 5_000;

impl State {
    /// Makes sure that an index run of `all` documents that broke off left whole batches.
    pub(crate) fn has_whole_batches(&self, all: usize) {
        let there = self.len();
        assert!(there == all || there.is_multiple_of(BATCH), "{there} of {all} datasets are there: part of a batch");
    }
}

/// Somebody else who looks at a catalog while it is being written.
pub(crate) struct Watch {
    runtime: Runtime,
    catalog: Catalog,
    /// Most datasets that were seen: these are committed.
    pub(crate) seen: usize,
}

impl Watch {
    pub(crate) fn of(place: &Place) -> Self {
        let url: CatalogUrl = place.url().parse().unwrap();
        let runtime = runtime();
        let catalog = runtime.block_on(Catalog::open(&url)).unwrap();
        Self { runtime, catalog, seen: 0 }
    }

    /// Looks again and again until then.
    pub(crate) fn until(&mut self, end: Instant) {
        let search = Search { status: Status::All, ..Search::default() };
        while Instant::now() < end {
            let count = self.runtime.block_on(self.catalog.count(&search)).unwrap();
            self.seen = self.seen.max(usize::try_from(count).unwrap());
            std::thread::sleep((end - Instant::now().min(end)).min(Duration::from_millis(10)));
        }
    }
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
