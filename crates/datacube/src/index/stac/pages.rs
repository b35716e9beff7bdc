//! Pages of items, each linking to the next.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use url::Url;

use super::{links, not_stac};
use crate::Error;
use crate::http::{Client, Request, remote, told};
use crate::index::reading::LARGEST_DOCUMENT;

/// Most pages of one search.
const MOST_PAGES: usize = 100_000;
/// Most pages without items that follow each other.
const MOST_EMPTY: usize = 20;

/// The pages of a search, one after the other.
pub(super) struct Pages {
    next: Option<Request>,
    /// Requests that were made: a page that links to one of them would go on for ever.
    made: HashSet<String>,
    empty: usize,
}

impl Pages {
    pub(super) fn new(first: Request) -> Self {
        Self { next: Some(first), made: HashSet::new(), empty: 0 }
    }

    /// The pages after one that is there.
    pub(super) fn after(url: &Url, page: &Value) -> Result<Self, Error> {
        let request = Request::get(url.clone());
        let mut pages = Self { next: None, made: HashSet::from([key(&request)]), empty: 0 };
        pages.next = next(&request, url, page)?;
        Ok(pages)
    }

    /// Where the next page is.
    pub(super) fn place(&self) -> Option<String> {
        self.next.as_ref().map(|request| told(&request.url))
    }

    /// The items of the next page; `None` after the last. After an error there is none either.
    pub(super) fn next(&mut self, client: &Client, bytes: &AtomicU64) -> Result<Option<(Url, Vec<Value>)>, Error> {
        let Some(request) = self.next.take() else { return Ok(None) };
        if !self.made.insert(key(&request)) {
            return Err(remote(
                &request.url,
                "the `next` link of its last page leads to a page that came before; the items so far were taken",
            ));
        }
        if self.made.len() > MOST_PAGES {
            return Err(remote(
                &request.url,
                format!("the search has more than {MOST_PAGES} pages; narrow it with --bbox or --time"),
            ));
        }
        let answer = client.fetch(&request, LARGEST_DOCUMENT)?;
        bytes.fetch_add(answer.body.len() as u64, Ordering::Relaxed);
        let mut page: Value =
            serde_json::from_slice(&answer.body).map_err(|_| not_stac(&request.url, &answer.media_type))?;
        let features = page.get_mut("features").map(Value::take);
        let Some(Value::Array(items)) = features else {
            let got = page.get("type").and_then(Value::as_str).unwrap_or("another document");
            return Err(remote(&request.url, format!("expected a page of items (a FeatureCollection), got {got}")));
        };
        self.empty = if items.is_empty() { self.empty + 1 } else { 0 };
        self.next = next(&request, &answer.url, &page)?;
        if self.next.is_some() && self.empty > MOST_EMPTY {
            return Err(remote(
                &request.url,
                format!("{MOST_EMPTY} pages without items followed each other; the search seems to have no end"),
            ));
        }
        Ok(Some((answer.url, items)))
    }
}

/// A request as a text, equal for equal requests.
fn key(request: &Request) -> String {
    format!("{} {}", request.url, request.body.as_ref().map(Value::to_string).unwrap_or_default())
}

/// The request that the `next` link of a page asks for.
fn next(last: &Request, url: &Url, page: &Value) -> Result<Option<Request>, Error> {
    let Some(link) = links(page, "next").next() else { return Ok(None) };
    let Some(href) = link.get("href").and_then(Value::as_str) else {
        return Err(remote(url, "the `next` link of a page says no href"));
    };
    let target = url.join(href).map_err(|e| remote(url, format!("the `next` link of a page is no URL ({e})")))?;
    if target.host_str() != url.host_str() && target.host_str() != last.url.host_str() {
        let reason =
            format!("the `next` link of a page leads to another host ({}), which is not followed", told(&target));
        return Err(remote(url, reason));
    }
    let method = link.get("method").and_then(Value::as_str).unwrap_or("GET");
    let body = if method.eq_ignore_ascii_case("POST") {
        let new = link.get("body").filter(|body| body.is_object());
        let merge = link.get("merge").and_then(Value::as_bool).unwrap_or(false);
        match (&last.body, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) if merge => {
                let mut body = old.clone();
                body.extend(new.clone());
                Some(Value::Object(body))
            }
            (_, Some(new)) => Some(new.clone()),
            (old, None) => Some(old.clone().unwrap_or_else(|| Value::Object(serde_json::Map::new()))),
        }
    } else {
        None
    };
    let headers = link.get("headers").and_then(Value::as_object).into_iter().flatten();
    let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    Ok(Some(Request { url: target, body, headers, search: true }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(link: &Value) -> Result<Option<Request>, Error> {
        let url = Url::parse("https://host/stac/search").unwrap();
        let last = Request {
            url: url.clone(),
            body: Some(json!({"limit": 2, "collections": ["c"]})),
            headers: Vec::new(),
            search: true,
        };
        next(&last, &url, &json!({"links": [{"rel": "self", "href": "x"}, link]}))
    }

    #[test]
    fn bodies_are_merged_where_the_link_says_so() {
        let merged = json!({"rel": "next", "href": "https://host/stac/search", "method": "POST", "merge": true, "body": {"token": "t"}});
        assert_eq!(of(&merged).unwrap().unwrap().body, Some(json!({"limit": 2, "collections": ["c"], "token": "t"})));
        let whole = json!({"rel": "next", "href": "/stac/search", "method": "POST", "body": {"token": "t"}});
        assert_eq!(of(&whole).unwrap().unwrap().body, Some(json!({"token": "t"})));
        let same = json!({"rel": "next", "href": "?page=2", "method": "POST", "headers": {"x-page": "2"}});
        let same = of(&same).unwrap().unwrap();
        assert_eq!((same.body.is_some(), same.url.as_str()), (true, "https://host/stac/search?page=2"));
        assert_eq!(same.headers, [("x-page".to_owned(), "2".to_owned())]);
        let got = of(&json!({"rel": "next", "href": "https://host/stac/search?token=t"})).unwrap().unwrap();
        assert_eq!((got.body, got.url.query()), (None, Some("token=t")));
    }

    #[test]
    fn another_host_is_not_followed() {
        let said = of(&json!({"rel": "next", "href": "https://elsewhere/search?token=t"})).unwrap_err().to_string();
        assert!(said.contains("another host (https://elsewhere/search?…)"), "{said}");
    }
}
