//! What an indexing run did.

use serde::Serialize;

/// What became of the documents of one run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct IndexReport {
    /// Datasets that are new in the catalog.
    pub added: usize,
    /// Datasets that were there already, unchanged.
    pub present: usize,
    /// Datasets whose document was replaced.
    pub updated: usize,
    /// Products that are new in the catalog.
    pub products: usize,
    /// Metadata types that are new in the catalog.
    pub metadata_types: usize,
    /// Documents that were refused, with reasons.
    pub refused: Vec<Refusal>,
    /// Seconds it took.
    pub seconds: f64,
}

/// One document that was refused.
#[derive(Debug, Clone, Serialize)]
pub struct Refusal {
    /// Where the document is.
    pub source: String,
    /// Why, as a sentence with line and column.
    pub reason: String,
}

impl IndexReport {
    /// Documents that were looked at.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.added + self.present + self.updated + self.products + self.metadata_types + self.refused.len()
    }

    /// Adds what another part of the run counted.
    pub(super) fn take_in(&mut self, other: Self) {
        self.added += other.added;
        self.present += other.present;
        self.updated += other.updated;
        self.products += other.products;
        self.metadata_types += other.metadata_types;
        self.refused.extend(other.refused);
    }

    /// The run in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut parts = vec![format!("{} added", self.added), format!("{} already there", self.present)];
        if self.updated > 0 {
            parts.push(format!("{} updated", self.updated));
        }
        for (n, what) in [(self.products, "product"), (self.metadata_types, "metadata type")] {
            if n > 0 {
                parts.push(format!("{n} {what}{}", if n == 1 { "" } else { "s" }));
            }
        }
        parts.push(format!("{} refused", self.refused.len()));
        format!("{} in {:.1} s", parts.join(", "), self.seconds)
    }
}
