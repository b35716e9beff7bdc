//! The second stage: texts that were indexed before are told by their digest and never parsed.

use std::borrow::Cow;

use cube_catalog::{Outcome, SourceDigest};
use rayon::prelude::*;
use uuid::Uuid;

use super::pieces::{Item, Piece};
use super::reading::SourceText;
use crate::{Datacube, Error};

/// A piece, with what is known of each of its items.
pub(super) struct LookedUp {
    pub(super) piece: Piece,
    pub(super) known: Vec<Known>,
}

/// What is known of one item before it is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Of a text.
    pub(super) digest: Option<SourceDigest>,
    /// What indexing it would say, where the catalog holds the dataset of this very text.
    pub(super) outcome: Option<Outcome>,
}

/// Looks up which texts of a piece the catalog knows. Where `ask` is false, nothing is asked and only digests are made.
pub(super) fn look_up(dc: &Datacube, pool: &rayon::ThreadPool, piece: Piece, ask: bool) -> Result<LookedUp, Error> {
    let tell = |item: &Item| match item {
        Item::Text(text) => (Some(SourceDigest::of(&text.name, &text.text)), guess_id(text)),
        _ => (None, None),
    };
    let told: Vec<(Option<SourceDigest>, Option<Uuid>)> =
        pool.install(|| piece.items.par_iter().with_min_len(64).map(tell).collect());
    let asked: Vec<(Uuid, SourceDigest)> =
        told.iter().filter_map(|(digest, id)| (*id).zip(*digest)).filter(|_| ask).collect();
    let answers = if asked.is_empty() { Vec::new() } else { dc.wait(dc.catalog.already_there(&asked))? };
    let mut answers = answers.into_iter();
    let known = told
        .into_iter()
        .map(|(digest, id)| {
            let outcome = if ask && digest.is_some() && id.is_some() { answers.next().flatten() } else { None };
            Known { digest, outcome }
        })
        .collect();
    Ok(LookedUp { piece, known })
}

/// The id of the dataset that a document is, as far as a look at the text tells: the value of its first `id`; of a STAC
/// item, what is made of the collection and it. A guess may be wrong or missing; then the document is parsed.
fn guess_id(text: &SourceText) -> Option<Uuid> {
    first_id(&text.text).or_else(|| id_of_item(&text.text))
}

fn id_of_item(text: &str) -> Option<Uuid> {
    #[derive(serde::Deserialize)]
    struct Head<'t> {
        #[serde(borrow)]
        id: Cow<'t, str>,
        #[serde(borrow)]
        collection: Option<Cow<'t, str>>,
    }
    if !text.starts_with('{') || !text.contains("\"stac_version\"") {
        return None;
    }
    let head: Head<'_> = serde_json::from_str(text).ok()?;
    Some(cube_model::stac::dataset_id(head.collection.as_deref(), &head.id))
}

fn first_id(text: &str) -> Option<Uuid> {
    let after = if text.trim_start().starts_with('{') {
        &text[text.find("\"id\"")? + 4..]
    } else if let Some(rest) = text.strip_prefix("id") {
        rest
    } else {
        &text[text.find("\nid:")? + 3..]
    };
    let value = after.trim_start().strip_prefix(':')?.trim_start().trim_start_matches(['"', '\'']);
    Uuid::try_parse(value.get(..36)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_seen_in_json_and_yaml() {
        let id = "f884df9b-4458-47fd-a9d2-1a52a2db8a1a";
        for (text, seen) in [
            (format!("{{\"$schema\": \"x\", \"id\": \"{id}\", \"label\": \"y\"}}"), true),
            (format!("  {{\"id\":\"{id}\"}}"), true),
            (format!("---\n$schema: x\nid: {id}\nlabel: y\n"), true),
            (format!("id: '{id}'\n"), true),
            (format!("# a comment\r\nid: \"{id}\"\r\n"), true),
            ("{\"id\": \"a\", \"properties\": {}}".to_owned(), false),
            (format!("product:\n  id: {id}\n"), false),
            ("id: S2A_33TTG_20340517_0_L2A\n".to_owned(), false),
            ("{\"id\": \"é".to_owned(), false),
            ("{}".to_owned(), false),
        ] {
            let text = SourceText { name: "x".into(), text, line: None, renew: false };
            assert_eq!(guess_id(&text), seen.then(|| id.parse().unwrap()), "{}", text.text);
        }
        let text = "{\"id\": \"a\", \"collection\": \"c\", \"stac_version\": \"1.0.0\"}".to_owned();
        let item = SourceText { name: "x".into(), text, line: None, renew: false };
        assert_eq!(guess_id(&item), Some(cube_model::stac::dataset_id(Some("c"), "a")));
    }
}
