//! The writing side of a copy.

use std::sync::mpsc;

use cube_catalog::{MergeOptions, Outcome};
use cube_model::Dataset;
use jiff::Timestamp;
use uuid::Uuid;

use super::datasets::{Item, Piece, What};
use super::lineage::merge;
use super::report::CopiedProduct;
use super::{FromOdcOptions, FromOdcReport};
use crate::{Datacube, Error};

/// Writes pieces, each in one transaction, and counts what became of them.
pub(super) struct Writer<'a> {
    pub(super) dc: &'a Datacube,
    pub(super) options: &'a FromOdcOptions<'a>,
    pub(super) report: &'a mut FromOdcReport,
    pub(super) copied: &'a mut CopiedProduct,
    pub(super) done: u64,
    pub(super) total: u64,
}

/// What one dataset is waiting for.
struct Waiting {
    id: Uuid,
    place: String,
    archived: Option<Timestamp>,
}

impl Writer<'_> {
    /// Writes until no more pieces come or one fails; says how many datasets are done.
    pub(super) fn run(mut self, pieces: &mpsc::Receiver<Piece>) -> Result<u64, Error> {
        for piece in pieces {
            let many = piece.items.len() as u64;
            self.piece(piece)?;
            self.done += many;
            if let Some(progress) = self.options.progress {
                progress(self.done, self.total);
            }
        }
        Ok(self.done)
    }

    fn piece(&mut self, piece: Piece) -> Result<(), Error> {
        let mut prepared = Vec::new();
        let mut checked: Vec<Dataset> = Vec::new();
        let mut waiting = Vec::new();
        let mut settled: Vec<(Waiting, Outcome)> = Vec::new();
        for Item { id, place, archived, what } in piece.items {
            let one = Waiting { id, place, archived };
            match what {
                What::Ready(ready) => {
                    prepared.push(*ready);
                    waiting.push(one);
                }
                What::Checked(dataset) => {
                    checked.push(*dataset);
                    waiting.push(one);
                }
                What::Known(outcome) => settled.push((one, outcome)),
                What::Refused(reason) => {
                    self.counts(&one).refused += 1;
                    self.report.refuse(one.place, reason);
                }
            }
        }
        let catalog = &self.dc.catalog;
        let outcomes = if self.options.dry_run {
            self.dc.wait(catalog.compare_datasets(&checked, self.options.update))?
        } else if prepared.is_empty() {
            Vec::new()
        } else {
            self.dc.wait(catalog.add_prepared(prepared, self.options.update))?
        };
        settled.extend(waiting.into_iter().zip(outcomes));
        self.settle(settled)?;
        self.report.more_locations += piece.more_locations;
        let options = MergeOptions { allow_updates: self.options.update, dry_run: self.options.dry_run };
        merge(self.dc, piece.edges, options, self.report)
    }

    /// Counts what became of datasets, and makes those archived or active that are not as they are in ODC.
    fn settle(&mut self, settled: Vec<(Waiting, Outcome)>) -> Result<(), Error> {
        let updated: Vec<Uuid> =
            settled.iter().filter(|(_, outcome)| *outcome == Outcome::Updated).map(|(one, _)| one.id).collect();
        // What was updated does not tell whether it is archived.
        let archived = if updated.is_empty() {
            std::collections::HashMap::new()
        } else {
            self.dc.wait(self.dc.catalog.archived(&updated))?
        };
        let mut states = Vec::new();
        for (one, outcome) in settled {
            let is_archived = match &outcome {
                Outcome::Added => one.archived.is_some(),
                Outcome::AlreadyThere => false,
                Outcome::Archived => true,
                Outcome::Updated => archived.contains_key(&one.id),
                Outcome::Changed { differs } => {
                    let reason = format!(
                        "{}: the catalog has it with another document ({}); --update takes ODC's",
                        one.place,
                        differs.join("; ")
                    );
                    self.counts(&one).refused += 1;
                    self.report.refuse(one.place, reason);
                    continue;
                }
            };
            let moved = is_archived != one.archived.is_some();
            if moved && !self.options.update {
                let (there, here) = if is_archived { ("active", "archived") } else { ("archived", "active") };
                self.counts(&one).refused += 1;
                let reason =
                    format!("{}: it is {there} in ODC and {here} in the catalog; --update follows ODC", one.place);
                self.report.refuse(one.place, reason);
                continue;
            }
            let counts = self.counts(&one);
            match outcome {
                Outcome::Added => counts.copied += 1,
                Outcome::Updated => counts.updated += 1,
                _ if moved => counts.updated += 1,
                _ => counts.present += 1,
            }
            if moved {
                states.push((one.id, one.archived));
            }
        }
        if !states.is_empty() && !self.options.dry_run {
            self.dc.wait(self.dc.catalog.set_states(&states))?;
        }
        Ok(())
    }

    fn counts(&mut self, one: &Waiting) -> &mut super::CopyCounts {
        if one.archived.is_some() { &mut self.copied.archived } else { &mut self.copied.active }
    }
}
