//! New documents for datasets that are there.

use std::time::Duration;

use cube_catalog::{ArchiveOptions, CatalogError, Chosen, DatasetUpdate, UpdateOutcome, UpdateRules};
use cube_model::Dataset;
use cube_model::documents::{self, ProductMatcher, RawDocument};
use uuid::Uuid;

use crate::export_documents::Record;
use crate::index::{Rasters, Refusal, find_sources, read_parts};
use crate::{Datacube, Error};

/// Datasets that go into one transaction.
const BATCH: usize = 500;

/// How datasets are updated.
#[derive(Debug, Clone, Default)]
pub struct UpdateOptions {
    /// Which changes may be made, what becomes of locations, and whether anything is written.
    pub rules: UpdateRules,
    /// Archive the less mature versions of what was updated, where their times differ by so much at most.
    pub archive_less_mature: Option<Duration>,
}

/// What an update did, or would do.
#[derive(Debug, Clone, Default)]
pub struct UpdateReport {
    /// Each dataset whose document was read, in the order of the documents.
    pub updates: Vec<DatasetUpdate>,
    /// Documents that are no datasets, files that cannot be read, and datasets of which a version that is as mature is
    /// there.
    pub refused: Vec<Refusal>,
    /// Less mature versions that were archived.
    pub archived: Vec<Uuid>,
}

impl UpdateReport {
    /// How many datasets came to this end.
    #[must_use]
    pub fn count(&self, outcome: impl Fn(&UpdateOutcome) -> bool) -> usize {
        self.updates.iter().filter(|update| outcome(&update.outcome)).count()
    }

    /// How many datasets and documents were refused, for whatever reason.
    #[must_use]
    pub fn failed(&self) -> usize {
        let done = |outcome: &UpdateOutcome| matches!(outcome, UpdateOutcome::Updated | UpdateOutcome::Unchanged);
        self.refused.len() + self.count(|outcome| !done(outcome))
    }
}

impl Datacube {
    /// Puts the documents in these files (directories, globs, `-`) in the place of those that are in the catalog, each
    /// where all its changes are safe or allowed. A document that is refused stops none of the others.
    ///
    /// # Errors
    /// Where the catalog cannot be read or written; the batches before that stay written.
    pub fn update_datasets(&self, files: &[String], options: &UpdateOptions) -> Result<UpdateReport, Error> {
        let matcher = ProductMatcher::new(self.products()?);
        let mut report = UpdateReport::default();
        let mut batch = Vec::new();
        for file in files {
            let refusal =
                |source: &str, error: &Error| Refusal { source: source.to_owned(), reason: error.to_string() };
            let found = match find_sources(file, Rasters::PassedOver) {
                Ok(found) => found,
                Err(error) => {
                    report.refused.push(refusal(file, &error));
                    continue;
                }
            };
            report.refused.extend(found.refused);
            for source in &found.sources {
                let mut broken = false;
                let read = read_parts(source, &mut |read| {
                    let text = match read {
                        Ok(text) => text,
                        Err((place, error)) => {
                            report.refused.push(Refusal { source: place, reason: error.to_string() });
                            return Ok(());
                        }
                    };
                    match documents::parse(&text.text, &text.place()) {
                        Ok(documents) => {
                            for document in &documents {
                                match dataset(document, &text.name, &matcher) {
                                    Ok(dataset) => batch.push(dataset),
                                    Err(refused) => report.refused.push(refused),
                                }
                            }
                        }
                        Err(error) => report.refused.push(refusal(&text.place(), &error.into())),
                    }
                    if batch.len() < BATCH {
                        return Ok(());
                    }
                    let written = self.update_batch(std::mem::take(&mut batch), options, &mut report);
                    broken = written.is_err();
                    written
                });
                match read {
                    Err(error) if broken => return Err(error),
                    Err(error) => report.refused.push(refusal(file, &error)),
                    Ok(()) => {}
                }
            }
        }
        self.update_batch(batch, options, &mut report)?;
        Ok(report)
    }

    fn update_batch(
        &self,
        mut batch: Vec<Dataset>,
        options: &UpdateOptions,
        report: &mut UpdateReport,
    ) -> Result<(), Error> {
        let mut less_mature: Vec<(Uuid, Vec<Uuid>)> = Vec::new();
        if let Some(delta) = options.archive_less_mature {
            let found = self.wait(self.catalog.find_less_mature_of(&batch, delta))?;
            let mut found = found.into_iter();
            batch.retain(|dataset| match found.next() {
                Some(Err(error)) => {
                    let source = dataset.location.clone().unwrap_or_default();
                    report.refused.push(Refusal { reason: format!("{source}: {error}"), source });
                    false
                }
                Some(Ok(ids)) => {
                    less_mature.push((dataset.id, ids));
                    true
                }
                None => true,
            });
        }
        let updates = self.wait(self.catalog.update_with(&batch, &options.rules))?;
        let done = |id: &Uuid| {
            let fine =
                |update: &&DatasetUpdate| matches!(update.outcome, UpdateOutcome::Updated | UpdateOutcome::Unchanged);
            updates.iter().filter(fine).any(|update| update.id == *id)
        };
        let ids: Vec<Uuid> = less_mature.into_iter().filter(|(id, _)| done(id)).flat_map(|(_, ids)| ids).collect();
        if !ids.is_empty() {
            let how = ArchiveOptions { dry_run: options.rules.dry_run, ..ArchiveOptions::default() };
            let archived = self.wait(self.catalog.archive_with(Chosen::Ids(&ids), how))?;
            report.archived.extend(archived.into_iter().map(|touched| touched.id));
        }
        report.updates.extend(updates);
        Ok(())
    }
}

/// The dataset of a document, which lies somewhere on the Earth.
fn dataset(document: &RawDocument, location: &str, matcher: &ProductMatcher) -> Result<Dataset, Refusal> {
    let refusal = |reason: String| Refusal { source: document.source.clone(), reason };
    let mut document = document.clone();
    // What was exported says where it was.
    let record = Record::take_from(&mut document.value).map_err(|e| refusal(format!("{}: {e}", document.source)))?;
    let location = record.map_or_else(|| Some(location.to_owned()), |record| record.location);
    let dataset =
        Dataset::from_document(&document, location.as_deref(), matcher).map_err(|e| refusal(e.to_string()))?;
    match dataset.footprint.lonlat_extent() {
        Ok(_) => Ok(dataset),
        Err(source) => {
            let error = CatalogError::Footprint { id: dataset.id, source };
            Err(refusal(format!("{}: {error}", document.source)))
        }
    }
}
