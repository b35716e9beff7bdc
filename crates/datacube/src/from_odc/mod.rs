//! Moving in: an existing index of the Open Data Cube is copied into the catalog.

mod datasets;
mod definitions;
mod lineage;
mod report;
mod writer;

use std::time::Instant;

use cube_catalog::OdcIndex;

use crate::{Datacube, Error};

pub use cube_catalog::OdcSchema;
pub use report::{CopiedProduct, CopyCounts, FromOdcReport, StateCounts};

/// How to copy an index of ODC.
#[derive(Default)]
pub struct FromOdcOptions<'a> {
    /// The schema to read, where the database has both.
    pub schema: Option<OdcSchema>,
    /// Names of products; all of them where empty.
    pub products: Vec<String>,
    /// Follow what changed in ODC since an earlier copy: definitions, documents, locations, and what is archived.
    pub update: bool,
    /// Check everything, write nothing.
    pub dry_run: bool,
    /// How many threads parse; all cores where `None`.
    pub jobs: Option<usize>,
    /// Called with (datasets done, datasets in all).
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
}

impl Datacube {
    /// Copies metadata types, products, datasets (documents, locations, when they were added and archived), lineage and
    /// homes out of the index of ODC in the PostgreSQL database at `url`, as they are at one instant; nothing is written
    /// there. Each dataset passes the checks that it would pass when its document is indexed; one that does not is refused
    /// with its reason and stops no other. The same copy again changes nothing.
    ///
    /// # Errors
    /// Where there is no index of ODC, a product that is named is not in it, or one of the databases fails; what was
    /// written before that stays, and the same copy goes on after it.
    pub fn index_from_odc(&self, url: &str, options: &FromOdcOptions<'_>) -> Result<FromOdcReport, Error> {
        let started = Instant::now();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.jobs.unwrap_or(0))
            .build()
            .map_err(|e| Error::NoThreads { reason: e.to_string() })?;
        // A URL may be copied out of ODC's configuration, with the name of a Python library in it.
        let plain = crate::config::plain_postgres_url(url);
        let mut index = self.wait(OdcIndex::open(plain.as_deref().unwrap_or(url), options.schema))?;
        let mut report = FromOdcReport::new(index.url(), index.schema());
        let mut copy = Copy { dc: self, options, pool, report: &mut report, done: 0, total: 0 };
        let products = copy.definitions(&mut index)?;
        let counts =
            self.wait(index.counts(&products.iter().map(|(product, _)| product.clone()).collect::<Vec<_>>()))?;
        copy.total = counts.iter().map(|counts| counts.active + counts.archived).sum();
        for ((odc, product), counts) in products.iter().zip(counts) {
            copy.product(&mut index, odc, product.as_ref(), counts)?;
        }
        copy.lineage(&mut index)?;
        self.wait(index.close())?;
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }
}

/// A copy that is being made.
struct Copy<'a> {
    dc: &'a Datacube,
    options: &'a FromOdcOptions<'a>,
    pool: rayon::ThreadPool,
    report: &'a mut FromOdcReport,
    /// Datasets that are settled, and those that there are.
    done: u64,
    total: u64,
}
