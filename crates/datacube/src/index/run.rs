//! An indexing run: four stages, each on its own, with a short queue between two.
//!
//! One thread reads; one asks the catalog which texts it knows; the caller's parses the others on all cores; one writes.
//! So the cores parse one piece while another is read and a third is written, and memory holds a few pieces and batches,
//! however much there is to index.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::checking::Checker;
use super::known::{LookedUp, look_up};
use super::options::{IndexOptions, stopped};
use super::pieces::{Piece, PieceReader, WAITING};
use super::report::{IndexReport, Refused, Tally};
use super::sources::{Rasters, Source, find_sources};
use super::stac::Elsewhere;
use super::writer::Writer;
use crate::{Datacube, Error};

/// How long a stage waits for input before it looks whether the run was stopped.
const LOOK_UP: Duration = Duration::from_millis(100);

impl Datacube {
    /// Indexes what the arguments name: documents in files, directories, globs, archives and on standard input
    /// (`-`), and, where a product is given, raster files. Products and metadata types among the documents are added
    /// too. Of STAC APIs, catalogs and collections, by URL or in a file, the collections become products and the items that
    /// the options ask for datasets; a later state of an item replaces the one that came from there before. A document that is refused is reported and stops nothing else; a batch lands whole or not at all, and the
    /// same run again goes on where one ended. A text that was indexed before at the same place is not parsed again.
    ///
    /// # Errors
    /// Where a product that the options name is not there, or the catalog cannot be written; what was written before
    /// that stays, and the error counts it ([`Error::IndexBrokeOff`]).
    pub fn index(&self, arguments: &[String], options: &IndexOptions<'_>) -> Result<IndexReport, Error> {
        let started = Instant::now();
        for product in options.products.iter().chain(&options.exclude_products) {
            self.product(product)?;
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.jobs.unwrap_or(0))
            .build()
            .map_err(|e| Error::NoThreads { reason: e.to_string() })?;
        let elsewhere = Elsewhere::new(&options.http, &options.stac)?;
        let mut tally = Tally::default();
        let sources = sources(arguments, options, &mut tally);
        let is_stac = |source: &Source| matches!(source, Source::Url(_) | Source::Catalog(_));
        if !options.stac.is_empty() && tally.report.refused_in_all == 0 && !sources.iter().any(is_stac) {
            let reason = "--collection, --bbox, --time, --filter, --limit and --measurements ask a STAC API or catalog, and none of the sources is one (a URL, or a catalog.json)";
            return Err(Error::Usage { reason: reason.to_owned() });
        }
        let total = options.progress.and_then(|_| sources.iter().map(Source::size).sum());
        self.stages((sources, elsewhere), options, &Arc::new(pool), total, &mut tally)?;
        let mut report = tally.finish();
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }

    fn stages(
        &self,
        (sources, elsewhere): (Vec<Source>, Elsewhere),
        options: &IndexOptions<'_>,
        pool: &Arc<rayon::ThreadPool>,
        total: Option<u64>,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let (pieces, to_look_up) = mpsc::sync_channel(WAITING);
        let (looked_up, to_check) = mpsc::sync_channel(WAITING);
        // No queue: one batch is written while the next fills, and a third would only take memory.
        let (batches, to_write) = mpsc::sync_channel(0);
        // Not of the scope below: a read from a pipe may block for ever, and a run that is stopped does not wait for it.
        let reader = PieceReader::new(sources, elsewhere, Arc::clone(pool), pieces);
        let reader = std::thread::Builder::new()
            .name("index-read".to_owned())
            .spawn(move || reader.run())
            .map_err(|e| Error::NoThreads { reason: e.to_string() })?;
        // Less mature versions may still be active of a dataset that is there: a run may have ended in between.
        let (way, stop, ask) = (options.way(), options.stop, !options.archive_less_mature);
        let mut checker = Checker::new(self, options, pool, batches)?;
        std::thread::scope(|scope| {
            let lookup = scope.spawn(move || self.look_up_all(pool, &to_look_up, &looked_up, ask, stop));
            let batches = Writer { dc: self, way, stop };
            let storing = scope.spawn(move || batches.run(&to_write));
            let ran = checker.run(&to_check, total);
            drop(to_check);
            // Ends the writer: no more batches come.
            tally.take_in(checker.finish());
            let broke_off = |_| Error::NoThreads { reason: "a thread of the run broke off".to_owned() };
            let looked_up = lookup.join().map_err(broke_off)?;
            let (counted, outcome) = storing.join().map_err(broke_off)?;
            tally.take_in(counted);
            let read = if stopped(stop) || ran.is_err() || looked_up.is_err() || outcome.is_err() {
                Ok(())
            } else {
                reader.join().map_err(broke_off)
            };
            // A writer that failed ends the others: its error is the cause, theirs the consequence.
            match (outcome.and(ran).and(looked_up).and(read), tally.report.added + tally.report.updated) {
                (Err(source), written) if written > 0 && !options.dry_run => {
                    Err(Error::IndexBrokeOff { written, source: Box::new(source) })
                }
                (result, _) => result,
            }
        })
    }

    /// Looks up all pieces until no more come, nobody takes them, or the run is stopped.
    fn look_up_all(
        &self,
        pool: &rayon::ThreadPool,
        pieces: &mpsc::Receiver<Piece>,
        looked_up: &mpsc::SyncSender<LookedUp>,
        ask: bool,
        stop: Option<&AtomicBool>,
    ) -> Result<(), Error> {
        while !stopped(stop) {
            let piece = match pieces.recv_timeout(LOOK_UP) {
                Ok(piece) => piece,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if looked_up.send(look_up(self, pool, piece, ask)?).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// What the arguments name, in their order; what cannot be reached is refused.
fn sources(arguments: &[String], options: &IndexOptions<'_>, tally: &mut Tally) -> Vec<Source> {
    let rasters = if options.products.is_empty() { Rasters::Told } else { Rasters::Taken };
    let mut sources = Vec::new();
    for argument in arguments {
        match find_sources(argument, rasters) {
            Ok(found) => {
                sources.extend(found.sources);
                for refusal in found.refused {
                    let plain = "it cannot be reached".to_owned();
                    tally.refuse(0, Refused { source: refusal.source, reason: refusal.reason, plain });
                }
            }
            Err(error) => {
                let reason = error.to_string();
                tally.refuse(0, Refused { source: argument.clone(), plain: reason.clone(), reason });
            }
        }
    }
    sources
}

#[cfg(test)]
mod tests;
