//! Lineage: trees, external lineage from files, homes.

use std::collections::BTreeMap;

use cube_catalog::{Direction, Lineage, LineageEdge, LineageTree, MergeOptions, MergeReport};
use cube_model::documents;
use uuid::Uuid;

use crate::index::{Rasters, find_sources, read_sources};
use crate::{Datacube, Error};

impl Datacube {
    /// The tree of the datasets that this one was made from, or that were made from it, down to `max_depth` levels
    /// (`None`: all). The dataset need not be in the catalog.
    ///
    /// # Errors
    /// Where the tree would hold more than 100,000 datasets.
    pub fn lineage_tree(&self, id: Uuid, direction: Direction, max_depth: Option<usize>) -> Result<LineageTree, Error> {
        self.wait(self.catalog.lineage_tree(id, direction, max_depth))
    }

    /// Adds edges and homes whose datasets need not be in the catalog, consistently with what is there. All or nothing.
    ///
    /// # Errors
    /// Where what is given contradicts itself or, without leave to update, the catalog, or would close a circle.
    pub fn merge_lineage(&self, lineage: &Lineage, options: MergeOptions) -> Result<MergeReport, Error> {
        self.wait(self.catalog.merge_lineage(lineage, options))
    }

    /// Removes the edges of a dataset in one direction, down to `max_depth` levels (`None`: all); says how many.
    ///
    /// # Errors
    /// Where it would be the edges of more than 100,000 datasets.
    pub fn remove_lineage(&self, id: Uuid, direction: Direction, max_depth: Option<usize>) -> Result<usize, Error> {
        self.wait(self.catalog.remove_lineage(id, direction, max_depth))
    }

    /// Removes these edges; says how many of them there were.
    ///
    /// # Errors
    /// Where the catalog cannot be written.
    pub fn remove_lineage_edges(&self, edges: &[LineageEdge]) -> Result<usize, Error> {
        self.wait(self.catalog.remove_lineage_edges(edges))
    }

    /// The homes of those of these datasets that have one.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn homes(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, String>, Error> {
        self.wait(self.catalog.homes(ids))
    }

    /// Sets the home of datasets, which need not be in the catalog; says how many were set or changed.
    ///
    /// # Errors
    /// Where one has another home and `allow_updates` is not set: then none is set.
    pub fn set_home(&self, home: &str, ids: &[Uuid], allow_updates: bool) -> Result<usize, Error> {
        self.wait(self.catalog.set_home(home, ids, allow_updates))
    }

    /// Forgets the homes of datasets; says how many had one.
    ///
    /// # Errors
    /// Where the catalog cannot be written.
    pub fn clear_home(&self, ids: &[Uuid]) -> Result<usize, Error> {
        self.wait(self.catalog.clear_home(ids))
    }
}

/// The edges and homes that documents say ([`Lineage::from_document`] has the forms): YAML or JSON in files,
/// directories, or on standard input (`-`). Of trees the first `max_depth` levels count (`None`: all).
///
/// # Errors
/// Where a file cannot be read, or a document says no lineage.
pub fn lineage_from_files(files: &[String], max_depth: Option<usize>) -> Result<Lineage, Error> {
    let mut lineage = Lineage::default();
    for file in files {
        let found = find_sources(file, Rasters::PassedOver)?;
        if let Some(refusal) = found.refused.into_iter().next() {
            return Err(Error::Usage { reason: refusal.reason });
        }
        for source in &found.sources {
            read_sources(source, &mut |text| {
                for document in documents::parse(&text.text, &text.place())? {
                    let said = Lineage::from_document(&document.value, &document.source, max_depth)?;
                    lineage.edges.extend(said.edges);
                    for (id, home) in said.homes {
                        let known = lineage.homes.entry(id).or_insert_with(|| home.clone());
                        if *known != home {
                            let (first, second) = (known.clone(), home);
                            return Err(cube_catalog::CatalogError::HomeContradicts { id, first, second }.into());
                        }
                    }
                }
                Ok(())
            })?;
        }
    }
    Ok(lineage)
}
