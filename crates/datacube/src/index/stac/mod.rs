//! STAC from elsewhere: APIs, static catalogs, collections and items become documents, one text each, for the stages that
//! check and write them.
//!
//! A collection goes before its items, completed by what its first items and the user's map say of the measurements.
//! What cannot be read is handed on as broken, and the rest is read: a run takes what it can reach.

mod api;
mod catalog;
mod collection;
mod grids;
mod map;
mod pages;
mod place;
mod query;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use cube_model::documents::DocumentKind;
use serde_json::Value;
use url::Url;

use super::reading::{Broken, Each, Ended, LARGEST_DOCUMENT, SourceText, Stored, hand_on, read_stored};
use super::sources::{is_by_line, kind_of};
use crate::Error;
use crate::http::{Client, HttpOptions, Request, remote};
pub(super) use grids::completed;
use map::MeasurementMap;
use place::Place;
pub use query::StacQuery;

/// Everything that reading from elsewhere needs.
#[derive(Default)]
pub(super) struct Elsewhere {
    http: HttpOptions,
    query: StacQuery,
    map: MeasurementMap,
}

impl Elsewhere {
    /// # Errors
    /// Where the map of measurements cannot be read.
    pub(super) fn new(http: &HttpOptions, query: &StacQuery) -> Result<Self, Error> {
        let map = query.measurements.as_deref().map(MeasurementMap::read).transpose()?.unwrap_or_default();
        Ok(Self { http: http.clone(), query: query.clone(), map })
    }

    /// Reads what is at a URL.
    ///
    /// # Errors
    /// Where nothing can be read from it. What was handed on before stays good.
    pub(super) fn read_url(&self, url: &str, bytes: &AtomicU64, each: Each<'_>) -> Result<(), Error> {
        let url = Url::parse(url)
            .map_err(|e| Error::Remote { url: url.to_owned(), reason: format!("this is no URL ({e}); check it") })?;
        let client = Client::new(&self.http, Some(&url));
        let mut walk = self.walk(&client, bytes, each);
        ended(walk.start(&url))
    }

    /// Reads the catalog, collection or item that is in a file, with all it links to.
    ///
    /// # Errors
    /// As [`Elsewhere::read_url`].
    pub(super) fn read_catalog(&self, path: &std::path::Path, bytes: &AtomicU64, each: Each<'_>) -> Result<(), Error> {
        let client = Client::new(&self.http, None);
        let mut walk = self.walk(&client, bytes, each);
        let read = walk.read(&Place::of_file(path)?);
        ended(read.map_err(Ended::from).and_then(|(place, value)| walk.visit(&place, value)))
    }

    fn walk<'a>(&'a self, client: &'a Client, bytes: &'a AtomicU64, each: Each<'a>) -> Walk<'a> {
        Walk { elsewhere: self, client, bytes, each, taken: 0, passed: 0, seen: HashSet::new() }
    }
}

fn ended(read: Result<(), Ended>) -> Result<(), Error> {
    match read {
        Ok(()) | Err(Ended::Enough) => Ok(()),
        Err(Ended::Error(error)) => Err(*error),
    }
}

/// One walk through a catalog.
struct Walk<'a> {
    elsewhere: &'a Elsewhere,
    client: &'a Client,
    bytes: &'a AtomicU64,
    each: Each<'a>,
    /// Items that were handed on.
    taken: usize,
    /// Items that the query does not want.
    passed: usize,
    /// Documents of static catalogs that were read.
    seen: HashSet<String>,
}

impl Walk<'_> {
    fn query(&self) -> &StacQuery {
        &self.elsewhere.query
    }

    /// Reads what is at the URL that the user gave: documents by its name, else whatever answers.
    fn start(&mut self, url: &Url) -> Result<(), Ended> {
        let name = Place::Url(url.clone()).file_name();
        let (kind, gzipped) = kind_of(std::path::Path::new(&name));
        if gzipped || kind == "tar" || is_by_line(&kind) || matches!(kind.as_str(), "yaml" | "yml") {
            let (_, reader) = self.client.open(url)?;
            let stored = Stored { name: crate::http::plain(url).into(), kind, gzipped };
            return read_stored(reader, &stored, self.bytes, self.each);
        }
        let answer = self.client.fetch(&Request::get(url.clone()), LARGEST_DOCUMENT)?;
        self.bytes.fetch_add(answer.body.len() as u64, Ordering::Relaxed);
        if let Ok(value) = serde_json::from_slice::<Value>(&answer.body) {
            return self.visit(&Place::Url(answer.url), value);
        }
        let is_page = answer.media_type.contains("html") || answer.body.trim_ascii_start().starts_with(b"<");
        match String::from_utf8(answer.body) {
            // Perhaps YAML: an EO3 document under any name.
            Ok(text) if !is_page && !text.trim().is_empty() => {
                let name = crate::http::plain(&answer.url).into();
                hand_on(self.each, Ok(SourceText { name, text, line: None, renew: false }))
            }
            _ => Err(not_stac(url, &answer.media_type).into()),
        }
    }

    /// Takes in a document with all it links to.
    fn visit(&mut self, place: &Place, value: Value) -> Result<(), Ended> {
        let kind = place::kind_of(&value);
        let is_page = value.get("type").and_then(Value::as_str) == Some("FeatureCollection");
        match (kind, place) {
            (DocumentKind::StacItem, _) => self.item(value, &place.name(), None),
            (DocumentKind::StacCatalog, Place::Url(url)) if api::is_api(&value) => self.api(url, &value),
            (DocumentKind::StacCatalog | DocumentKind::StacCollection, _) => self.catalog(place, value),
            (_, Place::Url(url)) if is_page => self.pages_from(url, value),
            _ => self.hand_on_document(&value, &place.name(), false),
        }?;
        if self.passed > 0 {
            tracing::info!("{} items came that the query does not want", self.passed);
        }
        Ok(())
    }

    /// Hands on an item that the query wants, until it has as many as it asks for.
    fn item(&mut self, mut item: Value, name: &str, collection: Option<&str>) -> Result<(), Ended> {
        if let (Some(collection), Some(map)) = (collection, item.as_object_mut())
            && map.get("collection").is_none_or(Value::is_null)
        {
            map.insert("collection".to_owned(), collection.into());
        }
        if !self.query().wants(&item) {
            self.passed += 1;
            return Ok(());
        }
        if self.query().limit.is_some_and(|limit| self.taken >= limit) {
            return Err(Ended::Enough);
        }
        self.taken += 1;
        let own = link(&item, "self").filter(|href| href.contains("://")).map(str::to_owned);
        self.hand_on_document(&item, own.as_deref().unwrap_or(name), true)
    }

    /// True where the query has all it asks for.
    fn is_full(&self) -> bool {
        self.query().limit.is_some_and(|limit| self.taken >= limit)
    }

    fn hand_on_document(&mut self, value: &Value, name: &str, renew: bool) -> Result<(), Ended> {
        let text = SourceText { name: name.into(), text: value.to_string(), line: None, renew };
        hand_on(self.each, Ok(text))
    }

    /// Hands on that something cannot be read.
    fn broken(&mut self, place: impl Into<String>, error: Error) -> Result<(), Ended> {
        if (self.each)(Err(Broken { place: place.into(), error })).is_break() { Err(Ended::Enough) } else { Ok(()) }
    }

    /// Reads a JSON document.
    fn read(&self, place: &Place) -> Result<(Place, Value), Error> {
        place.read(self.client, self.bytes)
    }
}

/// Where the first link of a relation leads.
fn link<'v>(value: &'v Value, relation: &'v str) -> Option<&'v str> {
    links(value, relation).next()?.get("href")?.as_str()
}

/// All links of a relation.
fn links<'v>(value: &'v Value, relation: &'v str) -> impl Iterator<Item = &'v Value> {
    let all = value.get("links").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(move |link| link.get("rel").and_then(Value::as_str) == Some(relation))
}

fn not_stac(url: &Url, media_type: &str) -> Error {
    let got = if media_type.is_empty() { "something else" } else { media_type };
    remote(url, format!("this is no STAC API, catalog or document: expected JSON, got {got}; check the URL"))
}

/// The id of a document, for people.
fn id_of(value: &Value) -> String {
    value.get("id").and_then(Value::as_str).unwrap_or_default().chars().take(200).collect()
}
