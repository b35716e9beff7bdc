//! STAC APIs: a search of items, or the items of collections where there is none.

use serde_json::Value;
use url::Url;

use super::pages::Pages;
use super::place::Place;
use super::{Walk, collection, id_of, link, links};
use crate::Error;
use crate::http::{Request, remote, told};
use crate::index::reading::Ended;

/// Most collections that an error lists.
const LISTED: usize = 20;

/// True for the landing page of an API.
pub(super) fn is_api(root: &Value) -> bool {
    root.get("conformsTo").is_some() || links(root, "search").next().is_some()
}

/// True where an API says that it has a class of conformance.
fn conforms(root: &Value, class: &str) -> bool {
    let classes = root.get("conformsTo").and_then(Value::as_array);
    classes.is_some_and(|classes| classes.iter().filter_map(Value::as_str).any(|one| one.contains(class)))
}

impl Walk<'_> {
    /// Reads the collections that are asked for and their items.
    pub(super) fn api(&mut self, url: &Url, root: &Value) -> Result<(), Ended> {
        let collections = self.query().collections.clone();
        if collections.is_empty() {
            return Err(self.which(url, root).into());
        }
        if self.query().filter.is_some() && !conforms(root, "item-search#filter") {
            let reason = "this API says that it takes no filter (it lacks the conformance class item-search#filter); leave --filter out";
            return Err(remote(url, reason).into());
        }
        for id in &collections {
            if self.is_full() {
                break;
            }
            let at = collection_url(url, root, id);
            let document = match at.and_then(|at| self.read(&Place::Url(at))) {
                Ok((Place::Url(at), document)) => (at, document),
                Ok(_) => continue,
                Err(error) => {
                    self.broken(format!("collection {id}"), error)?;
                    continue;
                }
            };
            let (at, document) = document;
            match self.first(url, root, id, &at, &document) {
                Ok(first) => self.pages(&at, Some(document), Pages::new(first))?,
                Err(error) => self.broken(format!("collection {id}"), error)?,
            }
        }
        Ok(())
    }

    /// Reads the pages of an API's collection that the user named by its own URL.
    pub(super) fn items_of(&mut self, at: &Url, document: Value) -> Result<(), Ended> {
        if self.query().filter.is_some() {
            let root = link(&document, "root").unwrap_or("of the API");
            let reason = format!(
                "a filter needs the API's search: give the URL of its landing page ({root}) and --collection {}",
                id_of(&document)
            );
            return Err(remote(at, reason).into());
        }
        let first = self.items_request(at, &document)?;
        self.pages(at, Some(document), Pages::new(first))
    }

    /// Reads a page of items that the user named, and those after it.
    pub(super) fn pages_from(&mut self, url: &Url, mut page: Value) -> Result<(), Ended> {
        let pages = Pages::after(url, &page);
        if let Some(Value::Array(items)) = page.get_mut("features").map(Value::take) {
            self.items(url, items, None)?;
        }
        self.pages(url, None, pages?)
    }

    /// Hands on a collection and all its pages; a page that fails ends it.
    fn pages(&mut self, at: &Url, document: Option<Value>, mut pages: Pages) -> Result<(), Ended> {
        let mut document = document;
        let id = document.as_ref().map(id_of);
        loop {
            if self.is_full() && document.is_none() {
                return Ok(());
            }
            let place = pages.place();
            let (url, items) = match pages.next(self.client, self.bytes) {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) => {
                    self.broken(place.unwrap_or_default(), error)?;
                    break;
                }
            };
            if let Some(document) = document.take() {
                self.collection(&Place::Url(at.clone()), document, &items)?;
            }
            self.items(&url, items, id.as_deref())?;
        }
        // Without any item it is a product all the same.
        if let Some(document) = document {
            self.collection(&Place::Url(at.clone()), document, &[])?;
        }
        Ok(())
    }

    fn items(&mut self, url: &Url, items: Vec<Value>, collection: Option<&str>) -> Result<(), Ended> {
        for item in items {
            // An item of an API is named by its own address, as a page's changes from search to search.
            let own = item.get("collection").and_then(Value::as_str).or(collection);
            let name = match (own, item.get("id").and_then(Value::as_str)) {
                (Some(own), Some(id)) => item_url(url, own, id),
                _ => url.clone(),
            };
            self.item(item, &crate::http::plain(&name), collection)?;
        }
        Ok(())
    }

    /// Hands on a collection, completed.
    pub(super) fn collection(&mut self, place: &Place, mut document: Value, items: &[Value]) -> Result<(), Ended> {
        collection::complete(&mut document, items, &self.elsewhere.map, place);
        self.hand_on_document(&document, &place.name(), false)
    }

    /// The first request for the items of a collection.
    fn first(&self, url: &Url, root: &Value, id: &str, at: &Url, document: &Value) -> Result<Request, Error> {
        let search = || links(root, "search");
        let is = |link: &Value, method: &str| {
            link.get("method").and_then(Value::as_str).unwrap_or("GET").eq_ignore_ascii_case(method)
        };
        let (get, post) = (search().find(|link| is(link, "GET")), search().find(|link| is(link, "POST")));
        // A filter as text is certain in a URL alone.
        let posted = if self.query().filter.is_some() && get.is_some() { None } else { post };
        let Some(chosen) = posted.or(get) else { return self.items_request(at, document) };
        let href = chosen.get("href").and_then(Value::as_str).unwrap_or("search");
        let mut target = url.join(href).map_err(|e| remote(url, format!("its search link is no URL ({e})")))?;
        if posted.is_some() {
            return Ok(Request { url: target, body: Some(self.query().body(id)), headers: Vec::new(), search: true });
        }
        self.query().in_url(&mut target, Some(id));
        Ok(Request { search: true, ..Request::get(target) })
    }

    /// The first request for the items of a collection, without a search.
    fn items_request(&self, at: &Url, document: &Value) -> Result<Request, Error> {
        let mut target = match link(document, "items") {
            Some(href) => at.join(href).map_err(|e| remote(at, format!("its items link is no URL ({e})")))?,
            None => below(at, &["items"]),
        };
        self.query().in_url(&mut target, None);
        Ok(Request { search: true, ..Request::get(target) })
    }

    /// That a collection must be named, and which there are.
    fn which(&self, url: &Url, root: &Value) -> Error {
        let listing =
            link(root, "data").and_then(|href| url.join(href).ok()).unwrap_or_else(|| below(url, &["collections"]));
        let listed = self.read(&Place::Url(listing)).ok().map(|(_, listed)| listed);
        let all = listed.as_ref().and_then(|l| l.get("collections")).and_then(Value::as_array);
        let ids: Vec<String> = all.into_iter().flatten().map(id_of).collect();
        let there = match ids.as_slice() {
            [] => String::new(),
            few if few.len() <= LISTED => format!("; it has {}", few.join(", ")),
            many => format!("; it has {}, …", many[..LISTED].join(", ")),
        };
        Error::Usage {
            reason: format!(
                "{}: say which collections of this STAC API to index with --collection ID{there}",
                told(url)
            ),
        }
    }
}

/// Where an API has a collection.
fn collection_url(url: &Url, root: &Value, id: &str) -> Result<Url, Error> {
    let all = match link(root, "data") {
        Some(href) => url.join(href).map_err(|e| remote(url, format!("its data link is no URL ({e})")))?,
        None => below(url, &["collections"]),
    };
    Ok(below(&all, &[id]))
}

/// A URL with more parts to its path.
fn below(url: &Url, parts: &[&str]) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    url
}

/// The address of an item of an API, by the address of a page.
fn item_url(page: &Url, collection: &str, id: &str) -> Url {
    let mut root = page.clone();
    let parts: Vec<String> = page.path_segments().map(|p| p.map(str::to_owned).collect()).unwrap_or_default();
    let end = parts.iter().rposition(|part| part == "search" || part == "collections").unwrap_or(parts.len());
    root.set_path(&parts[..end].join("/"));
    below(&root, &["collections", collection, "items", id])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_have_one_address_whatever_page_they_came_on() {
        let address = "https://host/stac/v1/collections/a%20b/items/x";
        for page in ["https://host/stac/v1/search?token=t", "https://host/stac/v1/collections/a%20b/items?limit=2"] {
            assert_eq!(item_url(&Url::parse(page).unwrap(), "a b", "x").as_str(), address);
        }
    }
}
