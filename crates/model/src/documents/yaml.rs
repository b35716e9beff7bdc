//! YAML text → values, read as `PyYAML` reads it, but with duplicate keys refused and every document kept small.

use std::borrow::Cow;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag, options};
use serde_json::{Map, Value};

use super::error::{Position, Rule};
use super::scalar;

/// Deepest nesting of a document. Real ones have about ten levels.
pub(super) const MAX_DEPTH: usize = 100;

/// Most values in one document.
pub(super) const MAX_VALUES: usize = 2_000_000;

/// Most bytes that the aliases of one document may unfold to.
pub(super) const MAX_ALIAS_BYTES: usize = 32 << 20;

/// A value of one document, and where the document begins in the text.
pub(super) struct YamlDocument {
    pub(super) value: Value,
    /// Byte offset of the document's first line.
    pub(super) offset: usize,
    /// Lines before it.
    pub(super) lines: usize,
}

/// The text is not a document.
#[derive(Debug)]
pub(super) struct YamlError {
    pub(super) rule: Rule,
    pub(super) position: Position,
    pub(super) message: String,
    pub(super) help: String,
}

/// All documents of a text; empty ones are left out.
pub(super) fn read(text: &str) -> Result<Vec<YamlDocument>, YamlError> {
    let mut documents = Vec::new();
    let mut builder = Builder::default();
    let mut start = (0, 0);
    for event in parser(text) {
        let (event, span) = event.map_err(|e| syntax(&e))?;
        match event {
            Event::DocumentStart(..) => {
                builder = Builder::default();
                start = (span.start.byte_offset().unwrap_or(0), span.start.line().saturating_sub(1));
            }
            Event::DocumentEnd => {
                if let Some(value) = builder.root.take().filter(|v| !v.is_null()) {
                    documents.push(YamlDocument { value, offset: start.0, lines: start.1 });
                }
            }
            event => builder.event(event, span.start)?,
        }
    }
    Ok(documents)
}

/// The events of a text, without comments.
pub(super) fn parser(text: &str) -> Parser<'_, granit_parser::StrInput<'_>> {
    // Keys of up to 4096 characters: WKT stands in keys of some documents.
    let options = options! {
        emit_comments: false,
        simple_key_max_lookahead: 4096,
        block_scalar_eof_without_line_feed: true,
    };
    Parser::new_from_str_with_options(text, options)
}

fn syntax(error: &granit_parser::ScanError) -> YamlError {
    YamlError {
        rule: Rule::Syntax,
        position: position(*error.marker()),
        message: format!("this is not YAML: {}", error.info()),
        help: "mend the text here or on the line before".to_owned(),
    }
}

pub(super) fn position(mark: Marker) -> Position {
    Position { line: mark.line(), column: mark.col() + 1 }
}

/// A value under construction.
enum Frame {
    List { items: Vec<Value>, size: Size, anchor: usize },
    Mapping { map: Map<String, Value>, key: Option<Key>, merges: Vec<Map<String, Value>>, size: Size, anchor: usize },
}

/// The key whose value comes next.
enum Key {
    Name(String),
    /// `<<`: the value's keys are taken over where the mapping does not have them itself.
    Merge,
}

/// What a value costs.
#[derive(Clone, Copy, Default)]
struct Size {
    bytes: usize,
    depth: usize,
}

#[derive(Default)]
struct Builder {
    stack: Vec<Frame>,
    root: Option<Value>,
    /// Values by anchor number; `None` while the value is under construction.
    anchors: Vec<Option<(Value, Size)>>,
    alias_bytes: usize,
    values: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, at: Marker) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag.as_deref(), at),
            Event::SequenceStart(_, anchor, tag) => {
                Self::check_tag(tag.as_deref(), "seq", at)?;
                self.open(Frame::List { items: Vec::new(), size: Size::default(), anchor }, anchor, at)
            }
            Event::MappingStart(_, anchor, tag) => {
                Self::check_tag(tag.as_deref(), "map", at)?;
                let (map, merges) = (Map::new(), Vec::new());
                self.open(Frame::Mapping { map, key: None, merges, size: Size::default(), anchor }, anchor, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(anchor) => {
                let Some((value, size)) = self.anchors.get(anchor).and_then(Option::as_ref) else {
                    return Err(fault(
                        at,
                        Rule::Value,
                        "this alias stands inside the value it names",
                        "write the value out",
                    ));
                };
                let (value, size) = (value.clone(), *size);
                self.alias_bytes += size.bytes;
                if self.alias_bytes > MAX_ALIAS_BYTES {
                    let message =
                        format!("the aliases of this document unfold to more than {} MB", MAX_ALIAS_BYTES >> 20);
                    return Err(fault(at, Rule::Limit, message, "write the values out"));
                }
                if matches!(self.stack.last(), Some(Frame::Mapping { key: None, .. })) {
                    let key = key_text(value, at)?;
                    return self.set_key(Key::Name(key), at);
                }
                self.add(value, size, at)
            }
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: Marker,
    ) -> Result<(), YamlError> {
        let is_key = matches!(self.stack.last(), Some(Frame::Mapping { key: None, .. }));
        if is_key && style == ScalarStyle::Plain && tag.is_none() && text == "<<" {
            return self.set_key(Key::Merge, at);
        }
        let value = match tag {
            Some(tag) if tag.handle().is_empty() && tag.suffix() == "!" => Value::String(text.into_owned()),
            Some(tag) => {
                let kind = tag.suffix_in_namespace("tag:yaml.org,2002:");
                kind.as_deref().and_then(|kind| scalar::tagged(kind, &text)).ok_or_else(|| {
                    let message = format!("the tag {} with {text:?} is not a plain value", tag.original());
                    fault(at, Rule::Unsupported, message, "leave the tag out")
                })?
            }
            None if style == ScalarStyle::Plain => scalar::plain(&text),
            None => Value::String(text.into_owned()),
        };
        let bytes = 48 + value.as_str().map_or(0, str::len);
        if anchor > 0 {
            self.remember(anchor, Some((value.clone(), Size { bytes, depth: 0 })));
        }
        if is_key {
            let key = key_text(value, at)?;
            return self.set_key(Key::Name(key), at);
        }
        self.add(value, Size { bytes, depth: 0 }, at)
    }

    fn check_tag(tag: Option<&Tag>, kind: &str, at: Marker) -> Result<(), YamlError> {
        match tag {
            Some(tag) if tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() != Some(kind) => {
                let message = format!("the tag {} is not known", tag.original());
                Err(fault(at, Rule::Unsupported, message, "leave the tag out"))
            }
            _ => Ok(()),
        }
    }

    fn remember(&mut self, anchor: usize, value: Option<(Value, Size)>) {
        if anchor >= self.anchors.len() {
            self.anchors.resize_with(anchor + 1, || None);
        }
        self.anchors[anchor] = value;
    }

    fn open(&mut self, frame: Frame, anchor: usize, at: Marker) -> Result<(), YamlError> {
        if matches!(self.stack.last(), Some(Frame::Mapping { key: None, .. })) {
            return Err(fault(
                at,
                Rule::Value,
                "a key must be a plain value, not a list or mapping",
                "give the key a name",
            ));
        }
        if anchor > 0 {
            self.remember(anchor, None);
        }
        self.stack.push(frame);
        if self.stack.len() > MAX_DEPTH { Err(too_deep(at)) } else { Ok(()) }
    }

    fn set_key(&mut self, name: Key, at: Marker) -> Result<(), YamlError> {
        let Some(Frame::Mapping { map, key, .. }) = self.stack.last_mut() else { return Ok(()) };
        if let Key::Name(name) = &name
            && map.contains_key(name)
        {
            let message = format!("the key {name:?} stands twice in this mapping");
            return Err(fault(at, Rule::Syntax, message, "keep one of them"));
        }
        *key = Some(name);
        Ok(())
    }

    fn close(&mut self, at: Marker) -> Result<(), YamlError> {
        let (value, mut size, anchor) = match self.stack.pop() {
            Some(Frame::List { items, size, anchor }) => (Value::Array(items), size, anchor),
            Some(Frame::Mapping { map, merges, size, anchor, .. }) => {
                (Value::Object(merged(map, merges)), size, anchor)
            }
            None => return Ok(()),
        };
        size.bytes += 48;
        size.depth += 1;
        if anchor > 0 {
            self.remember(anchor, Some((value.clone(), size)));
        }
        self.add(value, size, at)
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, value: Value, size: Size, at: Marker) -> Result<(), YamlError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            let message = format!("the document has more than {MAX_VALUES} values");
            return Err(fault(at, Rule::Limit, message, "split the document"));
        }
        // Only an alias can bring a value that is deeper than the stack ever was.
        if self.stack.len() + size.depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
        match self.stack.last_mut() {
            None => self.root = Some(value),
            Some(Frame::List { items, size: total, .. }) => {
                total.grow(size);
                items.push(value);
            }
            Some(Frame::Mapping { map, key, merges, size: total, .. }) => {
                total.grow(size);
                match key.take() {
                    Some(Key::Name(name)) => {
                        total.bytes += 64 + name.len();
                        map.insert(name, value);
                    }
                    Some(Key::Merge) => merge(merges, value, at)?,
                    None => {}
                }
            }
        }
        Ok(())
    }
}

impl Size {
    fn grow(&mut self, part: Self) {
        self.bytes += part.bytes;
        self.depth = self.depth.max(part.depth);
    }
}

/// Takes a merge key's value: a mapping, or a list of them of which the earlier win.
fn merge(merges: &mut Vec<Map<String, Value>>, value: Value, at: Marker) -> Result<(), YamlError> {
    match value {
        Value::Object(map) => merges.push(map),
        Value::Array(maps) => {
            for map in maps {
                match map {
                    Value::Object(map) => merges.push(map),
                    _ => return Err(not_mergeable(at)),
                }
            }
        }
        _ => return Err(not_mergeable(at)),
    }
    Ok(())
}

fn not_mergeable(at: Marker) -> YamlError {
    fault(at, Rule::Value, "the key << needs a mapping or a list of mappings", "give it an alias of a mapping")
}

/// The mapping with what it takes over: its own keys win, then the earlier merges.
fn merged(own: Map<String, Value>, merges: Vec<Map<String, Value>>) -> Map<String, Value> {
    if merges.is_empty() {
        return own;
    }
    let mut all = Map::new();
    for (key, value) in merges.into_iter().flatten() {
        if !all.contains_key(&key) {
            all.insert(key, value);
        }
    }
    for (key, value) in own {
        all.insert(key, value);
    }
    all
}

/// A key as text, as JSON writes it: `10`, `true`, `null`.
fn key_text(value: Value, at: Marker) -> Result<String, YamlError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Array(_) | Value::Object(_) => {
            Err(fault(at, Rule::Value, "a key must be a plain value, not a list or mapping", "give the key a name"))
        }
        other => Ok(other.to_string()),
    }
}

fn too_deep(at: Marker) -> YamlError {
    fault(at, Rule::Limit, format!("the document is nested deeper than {MAX_DEPTH} levels"), "flatten it")
}

fn fault(at: Marker, rule: Rule, message: impl Into<String>, help: &str) -> YamlError {
    YamlError { rule, position: position(at), message: message.into(), help: help.to_owned() }
}
