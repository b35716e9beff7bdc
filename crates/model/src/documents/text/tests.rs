use std::fmt::Write;
use std::time::Instant;

use serde_json::json;

use super::super::error::Rule;
use super::*;

fn one(text: &str) -> Value {
    let mut documents = parse(text, "test").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(documents.len(), 1);
    documents.remove(0).value
}

fn refused(text: &str) -> (Rule, String) {
    let error = parse(text, "test").unwrap_err();
    (error.faults[0].rule, error.to_string())
}

#[test]
fn a_stream_holds_several_documents_and_skips_empty_ones() {
    let documents = parse("---\na: 1\n---\n---\nb: 2\n...\n", "test").unwrap();
    assert_eq!(documents.iter().map(|d| d.value.clone()).collect::<Vec<_>>(), [json!({"a": 1}), json!({"b": 2})]);
    let key = |k: &str| vec![Step::Key(k.to_owned())];
    assert_eq!(documents[1].position_of(&key("b"), false), Some(Position { line: 5, column: 4 }));
    assert_eq!(documents[1].position_of(&key("b"), true), Some(Position { line: 5, column: 1 }));
    assert!(parse("", "test").unwrap().is_empty());
}

#[test]
fn json_reads_as_json_and_pythons_nan_too() {
    assert_eq!(one(r#" {"a": [1, 2.5, "x", null, true]}"#), json!({"a": [1, 2.5, "x", null, true]}));
    assert_eq!(one(r#"{"a": NaN, "b": -Infinity}"#), json!({"a": "NaN", "b": "-Infinity"}));
    assert_eq!(one("\u{feff}{\"a\": 1e5}"), json!({"a": 100_000.0}));
}

#[test]
fn quoted_scalars_and_tagged_ones_keep_their_kind() {
    assert_eq!(
        one("a: '010'\nb: \"yes\"\nc: !!str 12\nd: !!float 3\ne: !!int '7'\nf: |\n  text\ng: ! 12\nh: |\n  end"),
        json!({"a": "010", "b": "yes", "c": "12", "d": 3.0, "e": 7, "f": "text\n", "g": "12", "h": "end"})
    );
}

#[test]
fn keys_become_text_as_json_writes_them() {
    assert_eq!(
        one("0: a\n0x10: b\nyes: c\n~: d\n1.5: e"),
        json!({"0": "a", "16": "b", "true": "c", "null": "d", "1.5": "e"})
    );
}

#[test]
fn aliases_and_merge_keys_unfold() {
    assert_eq!(
        one("a: &x {p: 1, q: 2}\nb: *x\nc:\n  <<: *x\n  q: 3\nd:\n  <<: [{p: 9}, *x]\n"),
        json!({"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 2}, "c": {"p": 1, "q": 3}, "d": {"p": 9, "q": 2}})
    );
    // Where a key came from a merge, its place is the place it was written.
    let document = parse("a: &x\n  p: 1\nc:\n  <<: *x\n", "test").unwrap().remove(0);
    let path = [Step::Key("c".into()), Step::Key("p".into())];
    assert_eq!(document.position_of(&path, false), Some(Position { line: 2, column: 6 }));
}

#[test]
fn a_duplicate_key_is_refused() {
    let message = "test:3:1: the key \"a\" stands twice in this mapping; keep one of them";
    assert_eq!(refused("a: 1\nb: 2\na: 3\n"), (Rule::Syntax, message.to_owned()));
    assert_eq!(refused("{\"a\": 1, \"a\": 2}").0, Rule::Syntax);
    assert_eq!(refused("1: x\n'1': y").0, Rule::Syntax);
}

#[test]
fn broken_text_is_refused_with_its_place() {
    assert!(refused("a: [1, 2\nb: 3").1.starts_with("test:2:"), "{:?}", refused("a: [1, 2\nb: 3"));
    for text in ["a: b: c", "a: *nowhere", "a: &x [*x]", "? [1]\n: 2", "a: !!python/object:x {}", "<<: 3", "{\"a\": "] {
        assert!(parse(text, "test").is_err(), "{text}");
    }
}

#[test]
fn an_alias_bomb_is_refused_at_once() {
    let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for i in 1..30 {
        let list = vec![format!("*a{}", i - 1); 10].join(", ");
        writeln!(bomb, "a{i}: &a{i} [{list}]").unwrap();
    }
    let start = Instant::now();
    assert_eq!(refused(&bomb).0, Rule::Limit);
    // A long text has the same effect with few aliases.
    let long = format!("a: &a \"{}\"\nb: [{}]", "x".repeat(1 << 20), vec!["*a"; 1000].join(", "));
    assert_eq!(refused(&long).0, Rule::Limit);
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn deep_nesting_is_refused_at_once() {
    let start = Instant::now();
    for text in [
        "[".repeat(1_000_000),
        "{\"a\":".repeat(1_000_000),
        "- ".repeat(100_000),
        format!("{}1{}", "[".repeat(5000), "]".repeat(5000)),
    ] {
        assert!(parse(&text, "test").is_err());
    }
    let mut chain = "a0: &a0 [1]\n".to_owned();
    for i in 1..1000 {
        writeln!(chain, "a{i}: &a{i} [*a{}]", i - 1).unwrap();
    }
    assert_eq!(refused(&chain).0, Rule::Limit);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn positions_lead_into_lists_flow_and_json() {
    let text = "a:\n  - x\n  - {b: [1, 2]}\n";
    let path = [Step::Key("a".into()), Step::Index(1), Step::Key("b".into()), Step::Index(1)];
    assert_eq!(position_of(text, &path), Some(Position { line: 3, column: 13 }));
    // A path that leads nowhere ends at the nearest value around it.
    let lost = [Step::Key("a".into()), Step::Index(1), Step::Key("z".into())];
    assert_eq!(position_of(text, &lost), Some(Position { line: 3, column: 5 }));
    assert_eq!(
        position_of("{\"a\":\n {\"b\": 1}}", &[Step::Key("a".into()), Step::Key("b".into())]),
        Some(Position { line: 2, column: 8 })
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = parse(&text, "test");
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(0_u8..128, 0..200)) {
        let _ = parse(&String::from_utf8_lossy(&bytes), "test");
    }

    #[test]
    fn a_document_with_a_letter_changed_is_read_or_refused(at in 0_usize..600, to in "[-:\\[\\]{}&*!|>'\"%@` \\n\\t#,?a0]") {
        let text = "$schema: https://schemas.opendatacube.org/dataset\nid: &id f884df9b-4458-47fd-a9d2-1a52a2db8a1a\n\
            crs: epsg:32660\nproperties: {datetime: 2020-04-20 00:26:43+00:00, x: *id}\ngrids:\n  default:\n    shape: [7811, 7691]\n\
            \x20   transform: [30, 0, 618285, 0, -30, -1642485, 0, 0, 1]\nmeasurements:\n  red: {path: red.tif}\nlineage: {}\n";
        let mut changed: Vec<char> = text.chars().collect();
        let at = at % changed.len();
        changed[at] = to.chars().next().unwrap();
        let changed: String = changed.into_iter().collect();
        for document in parse(&changed, "test").unwrap_or_default() {
            let products = super::super::ProductMatcher::default();
            let _ = crate::Dataset::from_document(&document, None, &products);
            let _ = crate::Product::from_document(&document);
            let _ = crate::MetadataType::from_document(&document);
        }
    }
}
