//! What documents are checked against, and what one document turns out to be.

use std::sync::Arc;

use cube_catalog::{CatalogError, Prepared, Preparer, SourceDigest};
use cube_model::documents::{self, DocumentError, DocumentKind, Fault, ProductMatcher, RawDocument};
use cube_model::{Dataset, Product};
use jiff::Timestamp;

use super::options::{IndexOptions, Way};
use super::reading::{SourceText, place};
use super::report::Refused;
use super::stac::completed;
use crate::export_documents::Record;

/// A dataset on its way to the writer.
pub(super) struct Ready {
    /// The number of its text in the input.
    pub(super) number: u64,
    pub(super) name: Arc<str>,
    pub(super) line: Option<usize>,
    /// What goes into the catalog; `None` in a dry run.
    pub(super) prepared: Option<Prepared>,
    /// Where the writer needs it: see [`Way::needs_datasets`].
    pub(super) dataset: Option<Box<Dataset>>,
    /// About how many bytes of the input it was.
    pub(super) size: usize,
    /// See [`SourceText::renew`].
    pub(super) renew: bool,
}

impl Ready {
    pub(super) fn place(&self) -> String {
        place(&self.name, self.line)
    }
}

/// What one document turned out to be.
pub(super) enum Checked {
    Ready(Box<Ready>),
    /// A product or metadata type, with the number of its text.
    Definition(u64, RawDocument),
    Refused(u64, Refused),
}

/// A text with its number in the input and its digest.
pub(super) struct Numbered<'t> {
    pub(super) text: &'t SourceText,
    pub(super) number: u64,
    pub(super) digest: Option<SourceDigest>,
}

/// What documents are checked against.
pub(super) struct Ground {
    pub(super) matcher: ProductMatcher,
    pub(super) preparer: Preparer,
    pub(super) way: Way,
}

/// Finds the products of datasets among those that the options want. Where they want one by name, STAC items are taken for
/// datasets of it.
pub(super) fn matcher(products: &[Arc<Product>], options: &IndexOptions<'_>) -> ProductMatcher {
    let matcher = ProductMatcher::new(products.iter().filter(|p| options.wants(p)).cloned());
    match options.products.as_slice() {
        [product] => matcher.with_items_of(product),
        _ => matcher,
    }
}

impl Ground {
    /// The documents of a text.
    pub(super) fn check(&self, numbered: &Numbered<'_>) -> Vec<Checked> {
        let Numbered { text, number, digest } = numbered;
        let parsed = match documents::parse(&text.text, &text.place()) {
            Ok(parsed) => parsed,
            Err(error) => return vec![Checked::Refused(*number, of_document(&error))],
        };
        // A digest tells one dataset: a text with several is read each time.
        let digest = digest.filter(|_| parsed.len() == 1);
        let size = text.text.len() / parsed.len().max(1);
        parsed
            .into_iter()
            .map(|mut document| match documents::kind(&document) {
                DocumentKind::Product | DocumentKind::MetadataType | DocumentKind::StacCollection => {
                    Checked::Definition(*number, document)
                }
                _ => match Record::take_from(&mut document.value) {
                    Ok(Some(record)) => match document.into_dataset(record.location.as_deref(), &self.matcher) {
                        Ok(dataset) => archived_since(
                            self.ready(dataset, &text.name, text.line, *number, digest, size),
                            record.archived,
                        ),
                        Err(error) => Checked::Refused(*number, of_document(&error)),
                    },
                    Ok(None) => {
                        let (document, why) = completed(document, &text.name, &self.matcher);
                        match document.into_dataset(Some(&text.name), &self.matcher) {
                            Ok(dataset) => {
                                renewed(self.ready(dataset, &text.name, text.line, *number, digest, size), text.renew)
                            }
                            Err(error) => Checked::Refused(*number, with_reason(of_document(&error), why)),
                        }
                    }
                    Err(plain) => {
                        let source = document.source.clone();
                        Checked::Refused(*number, Refused { reason: format!("{source}: {plain}"), source, plain })
                    }
                },
            })
            .collect()
    }

    /// Makes a dataset ready for the writer. One that lies nowhere on the Earth is refused.
    pub(super) fn ready(
        &self,
        dataset: Dataset,
        name: &Arc<str>,
        line: Option<usize>,
        number: u64,
        digest: Option<SourceDigest>,
        size: usize,
    ) -> Checked {
        let prepared = if self.way.dry_run {
            let refuse = |source| CatalogError::Footprint { id: dataset.id, source };
            dataset.footprint.to_lonlat().map(|_| None).map_err(refuse)
        } else {
            self.preparer.prepare(&dataset, digest).map(Some)
        };
        match prepared {
            Ok(prepared) => {
                let dataset = self.way.needs_datasets().then(|| Box::new(dataset));
                Checked::Ready(Box::new(Ready {
                    number,
                    name: Arc::clone(name),
                    line,
                    prepared,
                    dataset,
                    size,
                    renew: false,
                }))
            }
            Err(error) => {
                let source = place(name, line);
                let plain = match &error {
                    CatalogError::Footprint { .. } => "the footprint lies nowhere on the Earth".to_owned(),
                    other => other.to_string(),
                };
                Checked::Refused(number, Refused { reason: format!("{source}: {error}"), source, plain })
            }
        }
    }
}

/// A dataset of an export comes in as it was there.
fn archived_since(mut checked: Checked, archived: Option<Timestamp>) -> Checked {
    if let Checked::Ready(ready) = &mut checked {
        ready.prepared = ready.prepared.take().map(|prepared| prepared.with_history(None, archived));
    }
    checked
}

fn renewed(mut checked: Checked, renew: bool) -> Checked {
    if let Checked::Ready(ready) = &mut checked {
        ready.renew = renew;
    }
    checked
}

/// A refusal with why the headers of the files did not help.
fn with_reason(mut refused: Refused, why: Option<String>) -> Refused {
    if let Some(why) = why {
        refused.reason = format!("{}; the headers of its files do not say it either: {why}", refused.reason);
    }
    refused
}

fn of_document(error: &DocumentError) -> Refused {
    let plain = error.faults.first().map_or_else(|| error.to_string(), Fault::reason);
    Refused { source: error.document.clone(), reason: error.to_string(), plain }
}
