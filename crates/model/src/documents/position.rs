//! Where each value of a document stands in its text.

use std::borrow::Cow;
use std::rc::Rc;

use granit_parser::{Event, ScalarStyle};
use serde_json::Value;

use super::error::{Position, Step};
use super::scalar;
use super::yaml::{parser, position};

/// The places of all values of one document.
pub(super) struct Places(Rc<Place>);

/// One value.
struct Place {
    at: Position,
    inside: Inside,
}

enum Inside {
    Scalar,
    List(Vec<Rc<Place>>),
    /// Key, where the key stands, and the value.
    Mapping(Vec<(String, Position, Rc<Place>)>),
}

/// A collection under construction.
struct Open {
    at: Position,
    anchor: usize,
    key: Option<(String, Position)>,
    inside: Inside,
}

impl Places {
    /// Reads the first document of a text that is known to be one; `None` where it is not.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut stack: Vec<Open> = Vec::new();
        let mut anchors: Vec<(usize, Rc<Place>)> = Vec::new();
        for event in parser(text) {
            let (event, span) = event.ok()?;
            let at = position(span.start);
            let (place, anchor) = match event {
                Event::SequenceStart(_, anchor, _) => {
                    stack.push(Open { at, anchor, key: None, inside: Inside::List(Vec::new()) });
                    continue;
                }
                Event::MappingStart(_, anchor, _) => {
                    stack.push(Open { at, anchor, key: None, inside: Inside::Mapping(Vec::new()) });
                    continue;
                }
                Event::Scalar(text, style, anchor, _) => {
                    if let Some(Open { key: key @ None, inside: Inside::Mapping(_), .. }) = stack.last_mut() {
                        *key = Some((key_name(text, style), at));
                        continue;
                    }
                    (Rc::new(Place { at, inside: Inside::Scalar }), anchor)
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let open = stack.pop()?;
                    (Rc::new(Place { at: open.at, inside: open.inside }), open.anchor)
                }
                Event::Alias(anchor) => {
                    let place = anchors.iter().rev().find(|(a, _)| *a == anchor).map(|(_, p)| Rc::clone(p));
                    (place.unwrap_or_else(|| Rc::new(Place { at, inside: Inside::Scalar })), 0)
                }
                Event::DocumentEnd | Event::StreamEnd => return None,
                _ => continue,
            };
            if anchor > 0 {
                anchors.push((anchor, Rc::clone(&place)));
            }
            match stack.last_mut() {
                None => return Some(Self(place)),
                Some(open) => open.add(place, at),
            }
        }
        None
    }

    /// Where the value at `path` stands, or its key; the nearest value around it where the path leads nowhere.
    pub(super) fn find(&self, path: &[Step], key: bool) -> Position {
        let mut place = &self.0;
        let mut at = place.at;
        for (i, step) in path.iter().enumerate() {
            let Some((key_at, next)) = place.step(step) else { break };
            at = if key && i + 1 == path.len() { key_at } else { next.at };
            place = next;
        }
        at
    }
}

/// A key as the value has it: `010` is "8".
fn key_name(text: Cow<'_, str>, style: ScalarStyle) -> String {
    match style {
        ScalarStyle::Plain => match scalar::plain(&text) {
            Value::String(text) => text,
            other => other.to_string(),
        },
        _ => text.into_owned(),
    }
}

impl Open {
    fn add(&mut self, place: Rc<Place>, at: Position) {
        match &mut self.inside {
            Inside::List(items) => items.push(place),
            Inside::Mapping(entries) => match self.key.take() {
                Some((key, key_at)) => entries.push((key, key_at, place)),
                // An alias that stands for a key.
                None => self.key = Some((String::new(), at)),
            },
            Inside::Scalar => {}
        }
    }
}

impl Place {
    fn step(&self, step: &Step) -> Option<(Position, &Rc<Self>)> {
        match (&self.inside, step) {
            (Inside::List(items), Step::Index(i)) => items.get(*i).map(|p| (p.at, p)),
            (Inside::Mapping(entries), Step::Key(name)) => {
                entries.iter().find(|(key, ..)| key == name).map(|(_, at, p)| (*at, p)).or_else(|| {
                    entries.iter().filter(|(key, ..)| key == "<<").find_map(|(.., merged)| merged.merged(step))
                })
            }
            _ => None,
        }
    }

    /// A step into what a merge key takes over.
    fn merged(&self, step: &Step) -> Option<(Position, &Rc<Self>)> {
        match &self.inside {
            Inside::List(maps) => maps.iter().find_map(|m| m.step(step)),
            _ => self.step(step),
        }
    }
}
