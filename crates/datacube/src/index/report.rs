//! What an indexing run did.

use indexmap::IndexMap;
use serde::Serialize;

/// What became of the documents of one run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct IndexReport {
    /// Datasets that are new in the catalog.
    pub added: usize,
    /// Datasets that were there already, unchanged.
    pub present: usize,
    /// Those of them that are archived, and stay so.
    pub present_archived: usize,
    /// Products and metadata types that were there already.
    pub present_definitions: usize,
    /// Datasets whose document was replaced.
    pub updated: usize,
    /// Datasets that were archived because a more mature version came.
    pub archived: usize,
    /// Products that are new in the catalog.
    pub products: usize,
    /// Metadata types that are new in the catalog.
    pub metadata_types: usize,
    /// Documents that were refused, with reasons, in the order of the input; the first 10,000 of them.
    pub refused: Vec<Refusal>,
    /// How many were refused in all.
    pub refused_in_all: usize,
    /// The reasons, each with how many documents were refused for it; the most frequent first.
    pub reasons: Vec<Reason>,
    /// True where the run was stopped before its end: what was written stays, and the same run again goes on from there.
    pub stopped: bool,
    /// Seconds it took.
    pub seconds: f64,
}

/// One document that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Where the document is.
    pub source: String,
    /// Why, as a sentence with line and column.
    pub reason: String,
}

/// Why documents were refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Why, as a sentence without a place.
    pub reason: String,
    /// How many documents.
    pub count: usize,
    /// Where the first of them are.
    pub first: Vec<String>,
}

impl IndexReport {
    /// Documents that were looked at.
    #[must_use]
    pub fn seen(&self) -> usize {
        let definitions = self.products + self.metadata_types + self.present_definitions;
        self.added + self.present + self.updated + definitions + self.refused_in_all
    }

    /// The run in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let archived = match self.present_archived {
            0 => String::new(),
            n => format!(" ({n} of them archived: `cube dataset restore` brings them back)"),
        };
        let mut parts = vec![format!("{} added", self.added), format!("{} already there{archived}", self.present)];
        for (n, what) in [(self.updated, "updated"), (self.archived, "less mature ones archived")] {
            if n > 0 {
                parts.push(format!("{n} {what}"));
            }
        }
        for (n, what) in [(self.products, "product"), (self.metadata_types, "metadata type")] {
            if n > 0 {
                parts.push(format!("{n} {what}{}", if n == 1 { "" } else { "s" }));
            }
        }
        parts.push(format!("{} refused", self.refused_in_all));
        let head = if self.stopped { "stopped; " } else { "" };
        let tail = if self.stopped { ": the same command goes on from here" } else { "" };
        format!("{head}{} in {:.1} s{tail}", parts.join(", "), self.seconds)
    }
}

/// Refusals that are kept one by one.
const KEPT: usize = 10_000;
/// Reasons that are told apart.
const REASONS: usize = 1_000;
/// Places that a reason names.
const PLACES: usize = 3;

/// Why a document was refused: with its place, and without it, so that equal reasons can be counted.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) source: String,
    pub(super) reason: String,
    pub(super) plain: String,
}

/// What one stage of a run counted. Refusals carry the number of their document, since stages see them at unlike times.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) report: IndexReport,
    refused: Vec<(u64, Refusal)>,
    reasons: IndexMap<String, Group>,
}

#[derive(Debug, Default)]
struct Group {
    count: usize,
    first: Vec<(u64, String)>,
}

impl Tally {
    pub(super) fn refuse(&mut self, number: u64, refused: Refused) {
        let Refused { source, reason, plain } = refused;
        self.report.refused_in_all += 1;
        let known = self.reasons.len() < REASONS || self.reasons.contains_key(&plain);
        let group = self.reasons.entry(if known { plain } else { "for other reasons".to_owned() }).or_default();
        group.count += 1;
        if group.first.len() < PLACES {
            group.first.push((number, source.clone()));
        }
        if self.refused.len() < KEPT {
            self.refused.push((number, Refusal { source, reason }));
        }
    }

    /// Adds what another stage counted.
    pub(super) fn take_in(&mut self, other: Self) {
        let (mine, theirs) = (&mut self.report, other.report);
        mine.added += theirs.added;
        mine.present += theirs.present;
        mine.present_archived += theirs.present_archived;
        mine.present_definitions += theirs.present_definitions;
        mine.updated += theirs.updated;
        mine.archived += theirs.archived;
        mine.products += theirs.products;
        mine.metadata_types += theirs.metadata_types;
        mine.refused_in_all += theirs.refused_in_all;
        mine.stopped |= theirs.stopped;
        self.refused.extend(other.refused);
        for (reason, group) in other.reasons {
            let mine = self.reasons.entry(reason).or_default();
            mine.count += group.count;
            mine.first.extend(group.first);
        }
    }

    /// The report, with the refusals in the order of their documents.
    pub(super) fn finish(mut self) -> IndexReport {
        self.refused.sort_by_key(|(number, _)| *number);
        self.refused.truncate(KEPT);
        self.report.refused = self.refused.into_iter().map(|(_, refusal)| refusal).collect();
        let reason = |(reason, mut group): (String, Group)| {
            group.first.sort();
            let first = group.first.into_iter().take(PLACES).map(|(_, place)| place).collect();
            Reason { reason, count: group.count, first }
        };
        self.report.reasons = self.reasons.into_iter().map(reason).collect();
        self.report.reasons.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(place: usize, plain: &str) -> Refused {
        let source = format!("a.ndjson (line {place})");
        Refused { reason: format!("{source}: {plain}"), source, plain: plain.to_owned() }
    }

    #[test]
    fn refusals_of_all_stages_come_in_the_order_of_their_documents() {
        let (mut parser, mut writer) = (Tally::default(), Tally::default());
        for place in (0..30_000).step_by(2) {
            parser.refuse(place as u64, refused(place, "no time"));
            writer.refuse(place as u64 + 1, refused(place + 1, "another document"));
        }
        writer.refuse(30_001, refused(30_001, "no time"));
        parser.take_in(writer);
        let report = parser.finish();
        assert_eq!((report.refused_in_all, report.refused.len()), (30_001, KEPT));
        assert!(report.refused.iter().enumerate().all(|(i, r)| r.source == format!("a.ndjson (line {i})")));
        let reasons: Vec<_> = report.reasons.iter().map(|r| (r.reason.as_str(), r.count)).collect();
        assert_eq!(reasons, [("no time", 15_001), ("another document", 15_000)]);
        assert_eq!(report.reasons[1].first, [1, 3, 5].map(|n| format!("a.ndjson (line {n})")));
    }
}
