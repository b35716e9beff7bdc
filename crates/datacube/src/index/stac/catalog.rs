//! Static catalogs: documents that link to documents.

use serde_json::Value;

use super::place::{Place, kind_of};
use super::{Walk, api, id_of, links};
use crate::Error;
use crate::index::reading::Ended;
use cube_model::documents::DocumentKind;

/// What a link leads to, with its name.
type Named = (String, Result<(Place, Value), Error>);

/// How deep catalogs may lie in each other.
const DEEPEST: usize = 32;
/// Items that are fetched at once: a server that is far away answers many as fast as one.
const AT_ONCE: usize = 16;
/// Items that tell what a collection leaves out.
const TELLING: usize = 4;

impl Walk<'_> {
    /// Reads a catalog or collection with all below it.
    pub(super) fn catalog(&mut self, place: &Place, document: Value) -> Result<(), Ended> {
        let before = self.taken + self.passed;
        let is_collection = kind_of(&document) == DocumentKind::StacCollection;
        self.seen.insert(place.key());
        self.below(place, document, 0)?;
        if self.taken + self.passed == before && !is_collection && self.seen.len() == 1 {
            let reason =
                "this catalog links to no item, collection or catalog; name documents, or a catalog with links to them"
                    .to_owned();
            return Err(Error::Remote { url: place.name(), reason }.into());
        }
        Ok(())
    }

    fn below(&mut self, place: &Place, document: Value, depth: usize) -> Result<(), Ended> {
        if depth > DEEPEST {
            let reason =
                format!("catalogs lie more than {DEEPEST} deep in each other here; index the lower ones by themselves");
            return self.broken(place.name(), Error::Remote { url: place.name(), reason });
        }
        let is_collection = kind_of(&document) == DocumentKind::StacCollection;
        let id = is_collection.then(|| id_of(&document));
        let wanted = id.as_deref().is_none_or(|id| self.query().wants_collection(id));
        let pages = links(&document, "items").next().is_some() && links(&document, "item").next().is_none();
        if let (true, true, Place::Url(url)) = (is_collection, pages, place) {
            return if wanted { self.items_of(url, document) } else { Ok(()) };
        }
        let leads = |relation| -> Vec<String> {
            links(&document, relation).filter_map(|link| Some(link.get("href")?.as_str()?.to_owned())).collect()
        };
        let (items, children) = (leads("item"), leads("child"));
        let mut document = Some(document).filter(|_| is_collection && wanted);
        if wanted {
            for hrefs in items.chunks(AT_ONCE) {
                if self.is_full() {
                    return Ok(());
                }
                let read = self.read_all(place, hrefs);
                if let Some(document) = document.take() {
                    let first = read.iter().filter_map(|(_, read)| Some(read.as_ref().ok()?.1.clone()));
                    let first: Vec<Value> = first.take(TELLING).collect();
                    self.collection(place, document, &first)?;
                }
                for (name, read) in read {
                    match read {
                        Ok((at, item)) if kind_of(&item) == DocumentKind::StacItem => {
                            self.item(item, &at.name(), id.as_deref())?;
                        }
                        Ok((at, _)) => {
                            let reason =
                                "expected a STAC item, as the link to it says, got another document".to_owned();
                            self.broken(name, Error::Remote { url: at.name(), reason })?;
                        }
                        Err(error) => self.broken(name, error)?,
                    }
                }
            }
        }
        if let Some(document) = document {
            self.collection(place, document, &[])?;
        }
        for href in children {
            if self.is_full() {
                return Ok(());
            }
            self.child(place, &href, depth)?;
        }
        Ok(())
    }

    /// Reads what a link of a catalog leads to. A document is read once.
    fn child(&mut self, place: &Place, href: &str, depth: usize) -> Result<(), Ended> {
        let read = place
            .join(href)
            .and_then(|at| if self.seen.insert(at.key()) { self.read(&at).map(Some) } else { Ok(None) });
        match read {
            Ok(None) => Ok(()),
            Ok(Some((at, document))) => match kind_of(&document) {
                DocumentKind::StacCatalog if api::is_api(&document) => {
                    let reason =
                        "this part of the catalog is a STAC API; index it by its own URL with --collection".to_owned();
                    self.broken(at.name(), Error::Remote { url: at.name(), reason })
                }
                DocumentKind::StacCatalog | DocumentKind::StacCollection => self.below(&at, document, depth + 1),
                DocumentKind::StacItem => self.item(document, &at.name(), None),
                _ => {
                    let reason = "expected a STAC catalog or collection, as the link to it says, got another document"
                        .to_owned();
                    self.broken(at.name(), Error::Remote { url: at.name(), reason })
                }
            },
            Err(error) => self.broken(href, error),
        }
    }

    /// Reads documents, several at once where they come over the network; each with its name, in their order.
    fn read_all(&mut self, place: &Place, hrefs: &[String]) -> Vec<Named> {
        let mut wanted = Vec::new();
        for href in hrefs {
            let at = place.join(href);
            let name = at.as_ref().map_or_else(|_| href.clone(), Place::name);
            if self.seen.insert(at.as_ref().map_or_else(|_| href.clone(), Place::key)) {
                wanted.push((name, at));
            }
        }
        let (client, bytes) = (self.client, self.bytes);
        std::thread::scope(|scope| {
            let reading: Vec<_> = wanted
                .into_iter()
                .map(|(name, at)| match at {
                    Ok(at @ Place::Url(_)) => (name, Err(scope.spawn(move || at.read(client, bytes)))),
                    Ok(at) => (name, Ok(at.read(client, bytes))),
                    Err(error) => (name, Ok(Err(error))),
                })
                .collect();
            let gone = |_| Err(Error::NoThreads { reason: "a thread that read a document broke off".to_owned() });
            reading
                .into_iter()
                .map(|(name, read)| (name, read.unwrap_or_else(|thread| thread.join().unwrap_or_else(gone))))
                .collect()
        })
    }
}
