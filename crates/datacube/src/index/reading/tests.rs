use std::io::Write;

use super::*;

/// Places of the texts, and reasons of what cannot be read.
fn read(source: &Source) -> (Vec<String>, Vec<String>, Result<(), Error>) {
    let (mut places, mut reasons) = (Vec::new(), Vec::new());
    let ended = read_source(source, &AtomicU64::new(0), &mut |read| {
        match read {
            Ok(text) => places.push(text.place()),
            Err(broken) => reasons.push(broken.error.to_string()),
        }
        ControlFlow::Continue(())
    });
    (places, reasons, ended)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

#[test]
fn one_json_object_over_several_lines_is_not_ndjson() {
    assert!(looks_like_ndjson("{\"a\": 1}\n{\"a\": 2}\n"));
    assert!(!looks_like_ndjson("{\n\"a\": 1}\n"));
    assert!(!looks_like_ndjson("a: 1\n"));
}

#[test]
fn archives_and_plain_files_give_the_same_texts() {
    let dir = tempfile::tempdir().unwrap();
    let text = "name: x\n";
    std::fs::write(dir.path().join("a.yaml"), text).unwrap();
    let tar_path = dir.path().join("b.tar.gz");
    let gz = flate2::write::GzEncoder::new(File::create(&tar_path).unwrap(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gz);
    tar.append_path_with_name(dir.path().join("a.yaml"), "in/a.yaml").unwrap();
    tar.into_inner().unwrap().finish().unwrap();
    for (source, name) in [("a.yaml", "a.yaml"), ("b.tar.gz", "in/a.yaml")] {
        let mut texts = Vec::new();
        read_sources(&Source::Documents(dir.path().join(source)), &mut |t| {
            texts.push(t);
            Ok(())
        })
        .unwrap();
        assert_eq!(texts.len(), 1);
        assert_eq!(texts[0].text, text);
        assert!(texts[0].name.ends_with(name), "{}", texts[0].name);
    }
}

#[test]
fn a_line_that_is_no_text_is_refused_with_its_number_and_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let lines = b"{\"a\": 1}\n{\"a\": \xff}\n\n{\"a\": 3}\n";
    for (name, bytes) in [("a.ndjson", lines.to_vec()), ("a.ndjson.gz", packed(lines))] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (places, reasons, ended) = read(&Source::Documents(path));
        ended.unwrap();
        assert!(places.len() == 2 && places[1].ends_with("(line 4)"), "{places:?}");
        assert!(reasons.len() == 1 && reasons[0].contains("line 2: it is not UTF-8"), "{reasons:?}");
    }
}

#[test]
fn a_line_too_long_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.ndjson.gz");
    let mut text = b"{\"a\": 1}\n".to_vec();
    text.resize(text.len() + usize::try_from(LARGEST_DOCUMENT).unwrap() + 10_000_000, b' ');
    text.extend_from_slice(b"\n{\"a\": 3}\n");
    std::fs::write(&path, packed(&text)).unwrap();
    let (places, reasons, ended) = read(&Source::Documents(path));
    ended.unwrap();
    assert!(places.len() == 2 && places[1].ends_with("(line 3)"), "{places:?}");
    assert!(reasons.len() == 1 && reasons[0].contains("line 2") && reasons[0].contains("64 MiB"), "{reasons:?}");
}

#[test]
fn a_tar_that_breaks_off_gives_what_stands_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    add("a.yaml", b"name: x\n");
    add("b.yaml", b"name: \xff\n");
    add("c.yaml.gz", &packed(b"name: z\n")[..10]);
    add("d.yaml", b"name: y\n");
    add("e.yaml", &[b' '; 5000]);
    let whole = tar.into_inner().unwrap();
    let path = dir.path().join("a.tar");
    std::fs::write(&path, &whole[..whole.len() - 1024 - 5120 + 512]).unwrap();
    let (places, reasons, ended) = read(&Source::Documents(path));
    assert!(places.len() == 2 && places[1].ends_with("d.yaml"), "{places:?}");
    assert!(reasons[0].contains("b.yaml: it is not UTF-8"), "{reasons:?}");
    assert!(reasons[1].contains("c.yaml.gz"), "{reasons:?}");
    let told = reasons.get(2).cloned().unwrap_or_else(|| ended.unwrap_err().to_string());
    assert!(told.contains("breaks off") || told.contains("e.yaml"), "{told}");
}

#[test]
fn lines_are_handed_on_one_by_one_with_their_numbers() {
    let mut places = Vec::new();
    let read = read_stream(&b"{\"a\": 1}\n\n{\"a\": 2}\n"[..], "standard input", &mut |text| {
        places.push(text.unwrap().place());
        ControlFlow::Continue(())
    });
    assert!(read.is_ok());
    assert_eq!(places, ["standard input (line 1)", "standard input (line 3)"]);
}

#[test]
fn an_endless_line_ends_at_the_limit() {
    let Err(Ended::Error(error)) =
        read_stream(std::io::repeat(b' '), "standard input", &mut |_| ControlFlow::Continue(()))
    else {
        unreachable!("an endless line has no end")
    };
    assert!(error.to_string().contains("64 MiB"), "{error}");
}

#[test]
fn whoever_has_enough_gets_no_more() {
    let mut handed = 0;
    let read = read_stream(&b"{\"a\": 1}\n{\"a\": 2}\n{\"a\": 3}\n"[..], "standard input", &mut |_| {
        handed += 1;
        if handed == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(read, Err(Ended::Enough)));
    assert_eq!(handed, 2);
}
