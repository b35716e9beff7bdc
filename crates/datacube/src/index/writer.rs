//! The last stage: batches of datasets into the catalog, each in one transaction.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};

use cube_catalog::{ArchiveOptions, Chosen, MATURITY_DELTA, Outcome, Prepared};
use cube_model::Dataset;
use uuid::Uuid;

use super::ground::Ready;
use super::options::{Way, stopped};
use super::reading::place;
use super::report::{Refused, Tally};
use crate::{Datacube, Error};

/// The writing side of a run.
pub(super) struct Writer<'a> {
    pub(super) dc: &'a Datacube,
    pub(super) way: Way,
    pub(super) stop: Option<&'a AtomicBool>,
}

/// Where a dataset that is written came from, for what is said of it afterwards.
struct Written {
    number: u64,
    name: Arc<str>,
    line: Option<usize>,
    id: Uuid,
    /// See [`super::reading::SourceText::renew`].
    renew: bool,
}

impl Writer<'_> {
    /// Writes batches until no more come, one fails, or the run is stopped; says what was written in any case.
    pub(super) fn run(&self, batches: &mpsc::Receiver<Vec<Ready>>) -> (Tally, Result<(), Error>) {
        let mut tally = Tally::default();
        let mut earlier = HashMap::new();
        for batch in batches {
            if stopped(self.stop) {
                tally.report.stopped = true;
                break;
            }
            if let Err(error) = self.batch(batch, &mut tally, &mut earlier) {
                return (tally, Err(error));
            }
        }
        (tally, Ok(()))
    }

    /// Writes one batch. In a dry run `earlier` has a digest of every dataset that a batch before would have written.
    fn batch(&self, batch: Vec<Ready>, tally: &mut Tally, earlier: &mut HashMap<Uuid, u64>) -> Result<(), Error> {
        let (batch, less_mature) = self.mature(batch, tally)?;
        if batch.is_empty() {
            return Ok(());
        }
        let mut written = Vec::with_capacity(batch.len());
        let (mut prepared, mut datasets) = (Vec::with_capacity(batch.len()), Vec::new());
        for ready in batch {
            let id =
                ready.prepared.as_ref().map(cube_catalog::Prepared::id).or_else(|| Some(ready.dataset.as_ref()?.id));
            let Ready { number, name, line, renew, .. } = ready;
            written.push(Written { number, name, line, id: id.unwrap_or_default(), renew });
            prepared.extend(ready.prepared);
            datasets.extend(ready.dataset.filter(|_| self.way.dry_run).map(|dataset| *dataset));
        }
        let outcomes = if self.way.dry_run {
            let mut outcomes = self.compare(&datasets, earlier)?;
            for at in self.later(&written, &outcomes)?.into_values() {
                outcomes[at] = Outcome::Updated;
            }
            outcomes
        } else {
            // Those of which a later state may have come, for a second call: most are as they were.
            let later: Vec<_> = if self.way.update {
                Vec::new()
            } else {
                prepared.iter().zip(&written).filter(|(_, w)| w.renew).map(|(p, _)| p.clone()).collect()
            };
            let mut outcomes = self.dc.wait(self.dc.catalog.add_prepared(prepared, self.way.update))?;
            self.renew(later, &written, &mut outcomes)?;
            outcomes
        };
        let mut less = Vec::new();
        // What is in the catalog under such an id is another dataset than the one of this batch.
        let mut others = HashSet::new();
        for ((written, outcome), its_less) in written.into_iter().zip(outcomes).zip(less_mature) {
            if matches!(outcome, Outcome::Changed { .. }) {
                others.insert(written.id);
            } else {
                less.extend(its_less);
            }
            count(tally, written, outcome);
        }
        less.retain(|id| !others.contains(id));
        self.archive(less, tally)
    }

    /// Replaces datasets by a later state that came from the place where the catalog has them from.
    fn renew(&self, later: Vec<Prepared>, written: &[Written], outcomes: &mut [Outcome]) -> Result<(), Error> {
        let mut changed = self.later(written, outcomes)?;
        changed.retain(|id, _| later.iter().any(|p| p.id() == *id));
        if changed.is_empty() {
            return Ok(());
        }
        let mut taken = HashSet::new();
        let later: Vec<_> =
            later.into_iter().filter(|p| changed.contains_key(&p.id()) && taken.insert(p.id())).collect();
        let ids: Vec<Uuid> = later.iter().map(Prepared::id).collect();
        let renewed = self.dc.wait(self.dc.catalog.add_prepared(later, true))?;
        for (id, outcome) in ids.into_iter().zip(renewed) {
            if let Some(at) = changed.get(&id) {
                outcomes[*at] = outcome;
            }
        }
        Ok(())
    }

    /// Those datasets of a batch that are there in an earlier state from the same place, each with its number in the batch.
    fn later(&self, written: &[Written], outcomes: &[Outcome]) -> Result<HashMap<Uuid, usize>, Error> {
        let is_changed =
            |(written, outcome): &(&Written, &Outcome)| written.renew && matches!(outcome, Outcome::Changed { .. });
        let mut changed: HashMap<Uuid, usize> = HashMap::new();
        for (at, (one, _)) in written.iter().zip(outcomes).enumerate().filter(|(_, both)| is_changed(both)) {
            changed.entry(one.id).or_insert(at);
        }
        let ids: Vec<Uuid> = changed.keys().copied().collect();
        if ids.is_empty() {
            return Ok(changed);
        }
        for there in self.dc.datasets(&ids)? {
            let same_place = |at: &usize| there.location.as_deref() == Some(&*written[*at].name);
            if !changed.get(&there.id).is_some_and(same_place) {
                changed.remove(&there.id);
            }
        }
        Ok(changed)
    }

    /// Those of a batch that may come, each with its less mature versions.
    fn mature(&self, batch: Vec<Ready>, tally: &mut Tally) -> Result<(Vec<Ready>, Vec<Vec<Uuid>>), Error> {
        if !self.way.archive_less_mature {
            let none = vec![Vec::new(); batch.len()];
            return Ok((batch, none));
        }
        let datasets: Vec<Dataset> = batch.iter().filter_map(|r| r.dataset.as_deref().cloned()).collect();
        let found = self.dc.wait(self.dc.catalog.find_less_mature_of(&datasets, MATURITY_DELTA))?;
        let mut wanted = Vec::with_capacity(batch.len());
        let mut less_mature = Vec::with_capacity(batch.len());
        for (ready, found) in batch.into_iter().zip(found) {
            match found {
                Ok(less) => {
                    wanted.push(ready);
                    less_mature.push(less);
                }
                Err(error) => {
                    let source = ready.place();
                    let reason = format!("{source}: {error}");
                    let plain = "a version as mature is there already, or the maturity is not known".to_owned();
                    tally.refuse(ready.number, Refused { source, reason, plain });
                }
            }
        }
        Ok((wanted, less_mature))
    }

    fn archive(&self, mut less: Vec<Uuid>, tally: &mut Tally) -> Result<(), Error> {
        less.sort_unstable();
        less.dedup();
        if less.is_empty() {
            return Ok(());
        }
        tally.report.archived += if self.way.dry_run {
            less.len()
        } else {
            self.dc.wait(self.dc.catalog.archive_with(Chosen::Ids(&less), ArchiveOptions::default()))?.len()
        };
        Ok(())
    }

    /// What writing a batch would do.
    fn compare(&self, batch: &[Dataset], earlier: &mut HashMap<Uuid, u64>) -> Result<Vec<Outcome>, Error> {
        let mut outcomes = self.dc.wait(self.dc.catalog.compare_datasets(batch, self.way.update))?;
        for (dataset, outcome) in batch.iter().zip(&mut outcomes) {
            let new = digest(dataset);
            *outcome = match earlier.get(&dataset.id) {
                Some(old) if *old == new => Outcome::AlreadyThere,
                Some(_) if self.way.update => Outcome::Updated,
                Some(_) => Outcome::Changed { differs: vec!["its id came before in this run".to_owned()] },
                None => continue,
            };
        }
        let written = batch.iter().zip(&outcomes).filter(|(_, o)| matches!(o, Outcome::Added | Outcome::Updated));
        earlier.extend(written.map(|(dataset, _)| (dataset.id, digest(dataset))));
        Ok(outcomes)
    }
}

/// Tells datasets of one id apart within a run.
fn digest(dataset: &Dataset) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&dataset.product, &dataset.location, dataset.document.to_string()).hash(&mut hasher);
    hasher.finish()
}

fn count(tally: &mut Tally, written: Written, outcome: Outcome) {
    match outcome {
        Outcome::Added => tally.report.added += 1,
        Outcome::AlreadyThere => tally.report.present += 1,
        Outcome::Archived => {
            tally.report.present += 1;
            tally.report.present_archived += 1;
        }
        Outcome::Updated => tally.report.updated += 1,
        Outcome::Changed { differs } => {
            let Written { number, name, line, id, .. } = written;
            let place = place(&name, line);
            let how = differs.join("; ");
            let head = format!("dataset {id} is in the catalog with another document");
            let reason = format!("{place}: {head} ({how}); --update replaces it");
            let plain = "the dataset is in the catalog with another document; --update replaces it".to_owned();
            tally.refuse(number, Refused { source: place, reason, plain });
        }
    }
}
