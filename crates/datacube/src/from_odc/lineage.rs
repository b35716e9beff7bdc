//! Lineage and homes of an index of ODC beside its documents.

use cube_catalog::{CatalogError, Lineage, LineageEdge, MergeOptions, OdcIndex};

use super::{Copy, FromOdcReport};
use crate::{Datacube, Error};

/// Edges or homes that go into one transaction.
const TOGETHER: u32 = 5000;

impl Copy<'_> {
    /// Copies the lineage of datasets that are not in the index, and the homes. Where only some products are asked for,
    /// it stays behind: nobody can say whose it is.
    pub(super) fn lineage(&mut self, index: &mut OdcIndex) -> Result<(), Error> {
        if !self.options.products.is_empty() {
            return Ok(());
        }
        let options = MergeOptions { allow_updates: self.options.update, dry_run: self.options.dry_run };
        self.dc.wait(index.start_edges())?;
        loop {
            let edges = self.dc.wait(index.next_edges(TOGETHER))?;
            if edges.is_empty() {
                break;
            }
            merge(self.dc, edges, options, self.report)?;
        }
        let homes: Vec<_> = self.dc.wait(index.homes())?.homes.into_iter().collect();
        for some in homes.chunks(TOGETHER as usize) {
            merge_all(
                self.dc,
                Lineage { edges: Vec::new(), homes: some.iter().cloned().collect() },
                options,
                self.report,
            )?;
        }
        Ok(())
    }
}

/// Merges edges into the catalog; one that contradicts it is refused and stops no other.
pub(super) fn merge(
    dc: &Datacube,
    edges: Vec<LineageEdge>,
    options: MergeOptions,
    report: &mut FromOdcReport,
) -> Result<(), Error> {
    merge_all(dc, Lineage { edges, ..Lineage::default() }, options, report)
}

fn merge_all(dc: &Datacube, lineage: Lineage, options: MergeOptions, report: &mut FromOdcReport) -> Result<(), Error> {
    let many = lineage.edges.len() + lineage.homes.len();
    if many == 0 {
        return Ok(());
    }
    match dc.wait(dc.catalog.merge_lineage(&lineage, options)) {
        Ok(merged) => {
            report.edges += merged.added + merged.changed;
            report.homes += merged.homes;
            Ok(())
        }
        Err(Error::Catalog(error)) if is_of_lineage(&error) && many == 1 => {
            let id = lineage.edges.first().map(|edge| edge.derived).or_else(|| lineage.homes.keys().next().copied());
            report.refuse(format!("the lineage of dataset {}", id.unwrap_or_default()), error.to_string());
            Ok(())
        }
        // One of them is at fault: halves are tried until it is alone.
        Err(Error::Catalog(error)) if is_of_lineage(&error) => {
            let Lineage { mut edges, homes } = lineage;
            let mut homes: Vec<_> = homes.into_iter().collect();
            let (more_edges, more_homes) = (edges.split_off(edges.len() / 2), homes.split_off(homes.len().div_ceil(2)));
            for (edges, homes) in [(edges, homes), (more_edges, more_homes)] {
                merge_all(dc, Lineage { edges, homes: homes.into_iter().collect() }, options, report)?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// True where the lineage itself is at fault, not the database.
fn is_of_lineage(error: &CatalogError) -> bool {
    matches!(
        error,
        CatalogError::LineageEmpty { .. }
            | CatalogError::LineageCircle { .. }
            | CatalogError::LineageContradicts { .. }
            | CatalogError::LineageDiffers { .. }
            | CatalogError::HomeContradicts { .. }
            | CatalogError::HomeDiffers { .. }
            | CatalogError::TooMuchLineage { .. }
    )
}
