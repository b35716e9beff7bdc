//! The grammar of search expressions: text → terms, with no meaning yet.

use winnow::ascii::{multispace0, multispace1};
use winnow::combinator::{alt, cut_err, delimited, eof, opt, peek, preceded, repeat, separated, terminated};
use winnow::error::{ContextError, StrContext, StrContextValue};
use winnow::stream::LocatingSlice;
use winnow::token::{one_of, take_while};
use winnow::{ModalResult, Parser};

use super::SearchError;

/// One term: a field, a relation and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) field: String,
    pub(super) relation: Relation,
    /// True after `not`, and for `!=`.
    pub(super) negated: bool,
    pub(super) values: Vec<Word>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equals,
    /// `in` and one value without brackets.
    In,
    /// `in [a, b, …]`.
    InList,
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// A value as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) quoted: bool,
    /// 1-based, in characters.
    pub(super) column: usize,
}

type Input<'i> = LocatingSlice<&'i str>;

/// All terms of an expression.
pub(super) fn parse(expression: &str) -> Result<Vec<Term>, SearchError> {
    let terms = repeat(0.., terminated(term, multispace0));
    let end = eof.context(expected("a field name, such as product or time"));
    let mut whole = delimited(multispace0, terms, end);
    let mut terms: Vec<Term> = whole.parse(LocatingSlice::new(expression)).map_err(|e| {
        let joined = joining_word(expression, e.offset());
        SearchError::Syntax {
            expression: expression.to_owned(),
            column: column(expression, joined.unwrap_or(e.offset())),
            reason: match joined {
                Some(_) => {
                    "terms stand side by side, and all must hold; for OR, give a field twice: a=1 a=2".to_owned()
                }
                None => reason(expression, e.offset(), e.inner()),
            },
        }
    })?;
    for word in terms.iter_mut().flat_map(|t| &mut t.values) {
        word.column = column(expression, word.column);
    }
    Ok(terms)
}

/// Where an `and` or `or` stands right before this place, taken for a field.
fn joining_word(expression: &str, offset: usize) -> Option<usize> {
    let before = expression.get(..offset)?.trim_end();
    let word = before.rsplit(char::is_whitespace).next()?;
    let joins = word.len() < before.len() && ["and", "or"].iter().any(|w| word.eq_ignore_ascii_case(w));
    joins.then(|| before.len() - word.len())
}

/// The 1-based column of a byte offset.
fn column(expression: &str, offset: usize) -> usize {
    expression.get(..offset).map_or(0, |before| before.chars().count()) + 1
}

fn reason(expression: &str, offset: usize, error: &ContextError) -> String {
    let wanted: Vec<String> = error
        .context()
        .filter_map(|c| if let StrContext::Expected(what) = c { Some(what.to_string()) } else { None })
        .collect();
    let rest = expression.get(offset..).unwrap_or_default();
    let got = match rest.split_whitespace().next() {
        Some(word) => format!("got {:?}", word.chars().take(40).collect::<String>()),
        None => "the expression ends".to_owned(),
    };
    format!("expected {}, {got}", wanted.first().map_or("something else", String::as_str))
}

fn expected(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

fn term(input: &mut Input<'_>) -> ModalResult<Term> {
    // `not` is a word of its own only before a whole term: it may be the name of a field too.
    let not = terminated("not", (multispace1, peek((field, multispace0, relation))));
    let before = opt(not).parse_next(input)?.is_some();
    let field = field.parse_next(input)?;
    multispace0.parse_next(input)?;
    let (relation, unequal) = cut_err(relation)
        .context(expected("=, !=, in, not in, >, >=, < or <= after the field name"))
        .parse_next(input)?;
    multispace0.parse_next(input)?;
    let (relation, values) = if relation == Relation::In {
        let list = delimited(
            ('[', multispace0),
            separated(1.., terminated(cut_err(word), multispace0), (',', multispace0)),
            cut_err(']').context(expected("a comma or ] after the value")),
        );
        alt((list.map(|v: Vec<Word>| (Relation::InList, v)), cut_err(word).map(|w| (Relation::In, vec![w]))))
            .parse_next(input)?
    } else {
        (relation, vec![cut_err(word).parse_next(input)?])
    };
    Ok(Term { field: field.to_owned(), relation, negated: before != unequal, values })
}

fn field<'i>(input: &mut Input<'i>) -> ModalResult<&'i str> {
    (one_of(|c: char| c.is_ascii_alphabetic()), take_while(0.., |c: char| c.is_alphanumeric() || c == '_'))
        .take()
        .parse_next(input)
}

/// A relation, and whether it is one that must not hold.
fn relation(input: &mut Input<'_>) -> ModalResult<(Relation, bool)> {
    let within = || terminated("in", alt((multispace1.void(), peek("[").void(), eof.void())));
    alt((
        "!=".value((Relation::Equals, true)),
        ">=".value((Relation::AtLeast, false)),
        "<=".value((Relation::AtMost, false)),
        "=".value((Relation::Equals, false)),
        ">".value((Relation::Above, false)),
        "<".value((Relation::Below, false)),
        within().value((Relation::In, false)),
        ("not", multispace1, within()).value((Relation::In, true)),
    ))
    .parse_next(input)
}

/// A value: in quotes, where `\` takes the next character as it is, or bare up to a blank, a comma or a bracket.
fn word(input: &mut Input<'_>) -> ModalResult<Word> {
    let escaped = preceded('\\', winnow::token::any);
    let double = delimited(
        '"',
        repeat(0.., alt((escaped, winnow::token::none_of(['"', '\\'])))),
        cut_err('"').context(expected("a closing quote")),
    );
    let single = delimited('\'', take_while(0.., |c| c != '\''), cut_err('\'').context(expected("a closing quote")));
    let bare = take_while(1.., |c: char| !c.is_whitespace() && !",[]\"'".contains(c));
    alt((
        double.map(|text: String| (text, true)),
        single.map(|text: &str| (text.to_owned(), true)),
        bare.map(|text: &str| (text.to_owned(), false)),
    ))
    .with_span()
    .map(|((text, quoted), span)| Word { text, quoted, column: span.start })
    .context(expected("a value: a number, a date, a name or a text in quotes"))
    .parse_next(input)
}
