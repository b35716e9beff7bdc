//! What a copy of an index of ODC did.

use serde::Serialize;

use crate::Refusal;

/// Most refusals that are kept one by one; more are only counted.
const KEPT: usize = 100_000;

/// What became of an index of ODC that was copied.
#[derive(Debug, Clone, Serialize)]
pub struct FromOdcReport {
    /// The database, without a password.
    pub source: String,
    /// The schema that was read.
    pub schema: &'static str,
    /// Metadata types that are new in the catalog or were changed.
    pub metadata_types: usize,
    /// The products, by name.
    pub products: Vec<CopiedProduct>,
    /// Lineage edges beside those of the documents that are new in the catalog.
    pub edges: usize,
    /// Homes of datasets that were set.
    pub homes: usize,
    /// Datasets that have more locations in ODC than the one, the newest, that was taken.
    pub more_locations: u64,
    /// Definitions, datasets and lineage that were refused, with reasons; at most the first 100,000.
    pub refused: Vec<Refusal>,
    /// How many were refused.
    pub refused_count: u64,
    /// Seconds it took.
    pub seconds: f64,
}

/// One product that was copied.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CopiedProduct {
    /// Its name.
    pub name: String,
    /// Why it was refused as a whole, with all its datasets, where it was.
    pub refused: Option<String>,
    /// Its active datasets.
    pub active: CopyCounts,
    /// Its archived datasets.
    pub archived: CopyCounts,
    /// What the catalog holds of it after the copy; `None` after a dry run.
    pub here: Option<StateCounts>,
    /// Whether every dataset that ODC has is in the catalog as it is there, and the catalog has no others of the product.
    pub matches: bool,
}

/// How many datasets are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StateCounts {
    /// Those that searches find.
    pub active: u64,
    /// The others.
    pub archived: u64,
}

/// What became of datasets of one state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CopyCounts {
    /// Those that ODC has.
    pub there: u64,
    /// Those that are new in the catalog.
    pub copied: u64,
    /// Those that the catalog had already.
    pub present: u64,
    /// Those that the catalog had otherwise and that were changed.
    pub updated: u64,
    /// Those that were refused.
    pub refused: u64,
}

impl CopyCounts {
    /// True where all that ODC has are here.
    fn whole(&self) -> bool {
        self.there == self.copied + self.present + self.updated
    }

    fn add(&mut self, other: &Self) {
        self.there += other.there;
        self.copied += other.copied;
        self.present += other.present;
        self.updated += other.updated;
        self.refused += other.refused;
    }
}

impl CopiedProduct {
    /// Compares ODC's counts with the catalog's.
    pub(super) fn compare(&mut self, here: Option<StateCounts>) {
        let there = StateCounts { active: self.active.there, archived: self.archived.there };
        self.here = here;
        self.matches = self.active.whole() && self.archived.whole() && here.is_none_or(|here| here == there);
    }
}

impl FromOdcReport {
    pub(super) fn new(source: &str, schema: cube_catalog::OdcSchema) -> Self {
        Self {
            source: source.to_owned(),
            schema: schema.name(),
            metadata_types: 0,
            products: Vec::new(),
            edges: 0,
            homes: 0,
            more_locations: 0,
            refused: Vec::new(),
            refused_count: 0,
            seconds: 0.0,
        }
    }

    pub(super) fn refuse(&mut self, source: String, reason: String) {
        self.refused_count += 1;
        if self.refused.len() < KEPT {
            self.refused.push(Refusal { source, reason });
        }
    }

    /// All datasets together.
    #[must_use]
    pub fn total(&self) -> CopyCounts {
        let mut total = CopyCounts::default();
        for product in &self.products {
            total.add(&product.active);
            total.add(&product.archived);
        }
        total
    }

    /// The copy in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let total = self.total();
        let mut parts = vec![format!("{} copied", total.copied), format!("{} already there", total.present)];
        if total.updated > 0 {
            parts.push(format!("{} updated", total.updated));
        }
        parts.push(format!("{} refused", self.refused_count));
        let matching = self.products.iter().filter(|product| product.matches).count();
        let of = self.products.len();
        let verdict = match (matching == of, of) {
            (true, 1) => "the product matches".to_owned(),
            (false, 1) => "the product does not match".to_owned(),
            (true, _) => format!("all {of} products match"),
            (false, _) => format!("{} of {of} products do not match", of - matching),
        };
        format!("{} in {:.1} s; {verdict}", parts.join(", "), self.seconds)
    }
}
