//! Texts that PostgreSQL cannot store as they are.
//!
//! It has no U+0000 in its texts. Two characters stand for it, in such a way that texts keep their order, and that one text
//! begins with another exactly where the stored ones do. JSON documents need none of this: they write it as an escape.

use std::borrow::Cow;

/// As stored: U+0000 becomes U+0001 U+0001, and U+0001 becomes U+0001 U+0002.
pub(super) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', '\u{1}']) {
        return Cow::Borrowed(text);
    }
    let mut stored = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\0' => stored.push_str("\u{1}\u{1}"),
            '\u{1}' => stored.push_str("\u{1}\u{2}"),
            _ => stored.push(c),
        }
    }
    Cow::Owned(stored)
}

/// As it was before it was stored.
pub(super) fn read(stored: String) -> String {
    if !stored.contains('\u{1}') {
        return stored;
    }
    let mut text = String::with_capacity(stored.len());
    let mut chars = stored.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1}' => text.push(if chars.next() == Some('\u{1}') { '\0' } else { '\u{1}' }),
            _ => text.push(c),
        }
    }
    text
}

/// The first characters of a text, as `left(text, count)` has them.
pub(super) fn left(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

/// The least text that is greater than all that begin with `prefix`; `None` where there is none.
pub(super) fn after(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // Surrogates are no characters; the order of characters is that of their UTF-8 bytes.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nasty() -> impl Strategy<Value = String> {
        "[\u{0}\u{1}\u{2}a\u{d7ff}\u{e000}\u{10ffff}]{0,6}"
    }

    proptest! {
        #[test]
        fn every_text_comes_back_and_none_holds_a_zero(text in any::<String>(), other in nasty()) {
            for text in [text, other] {
                prop_assert!(!stored(&text).contains('\0'));
                prop_assert_eq!(read(stored(&text).into_owned()), text);
            }
        }

        #[test]
        fn order_and_beginnings_stay(a in nasty(), b in nasty()) {
            prop_assert_eq!(stored(&a).cmp(&stored(&b)), a.cmp(&b));
            prop_assert_eq!(stored(&a).starts_with(&*stored(&b)), a.starts_with(&b));
        }

        #[test]
        fn what_begins_with_a_prefix_lies_before_its_end(prefix in nasty(), text in nasty()) {
            let inside = text >= prefix && after(&prefix).is_none_or(|end| text < end);
            prop_assert_eq!(inside, text.starts_with(&prefix));
        }
    }

    #[test]
    fn the_left_of_a_text_is_counted_in_characters() {
        assert_eq!((left("äöü", 2), left("äöü", 3), left("äöü", 9), left("", 0)), ("äö", "äöü", "äöü", ""));
    }
}
