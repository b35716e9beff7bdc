//! Indexing very many documents: duplicates, interruptions, broken input, memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cube_tests::Sandbox;
use serde_json::{Value, json};
use uuid::Uuid;

const PRODUCT: &str = "name: scenes\ndescription: scenes\nmetadata_type: eo3\nmetadata: {product: {name: scenes}}\n\
                       measurements:\n- {name: red, dtype: uint16, nodata: 0, units: '1'}\n";

fn id(number: u128) -> Uuid {
    Uuid::from_u128((0x00C0_FFEE << 64) + number)
}

fn document(number: u128) -> Value {
    let small = |number: u128| f64::from(u32::try_from(number).unwrap());
    let (col, row) = (small(number % 60), small(number / 60 % 80));
    json!({
        "$schema": "https://schemas.opendatacube.org/dataset", "id": id(number),
        "label": format!("scene_{number}"), "product": { "name": "scenes" }, "crs": "EPSG:32633",
        "grids": { "default": {
            "shape": [100, 100],
            "transform": [10, 0, 300_000.0 + 1e3 * col, 0, -10, 4_650_000.0 + 1e3 * row, 0, 0, 1],
        } },
        "properties": {
            "datetime": format!("20{:02}-05-{:02}T10:00:00Z", 10 + number % 20, 1 + number % 28),
            "odc:processing_datetime": "2034-05-02T00:00:00Z", "odc:region_code": format!("{}", number % 100),
            "dea:dataset_maturity": "final", "eo:cloud_cover": small(number % 100),
        },
        "measurements": { "red": { "path": "red.tif" } }, "lineage": {},
    })
}

fn lines(numbers: impl Iterator<Item = u128>) -> String {
    numbers.fold(String::new(), |mut text, number| {
        writeln!(text, "{}", document(number)).unwrap();
        text
    })
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}

/// A sandbox whose catalog knows the product.
fn catalog() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    let product = sandbox.write("product.yaml", PRODUCT);
    sandbox.cube(["product", "add", product.to_str().unwrap()]).succeeds();
    sandbox
}

/// What `cube index --json` says, without how long it took.
fn index(sandbox: &Sandbox, words: &[&str]) -> Value {
    let run = sandbox.cube(["index", "--json"].iter().chain(words));
    assert!(matches!(run.code, Some(0 | 1)), "{run}");
    let mut report = run.json();
    assert_eq!(run.code == Some(0), report["refused_in_all"] == 0, "{run}");
    report.as_object_mut().unwrap().remove("seconds");
    report
}

fn counts(report: &Value) -> [u64; 4] {
    ["added", "present", "updated", "refused_in_all"].map(|key| report[key].as_u64().unwrap())
}

/// All datasets with their documents, in the order of their ids.
fn everything(sandbox: &Sandbox) -> Vec<Value> {
    let found = sandbox.cube(["search", "--json", "--status", "all"]).succeeds().json();
    let mut all = found.as_array().unwrap().clone();
    for one in &mut all {
        if let Some(object) = one.as_object_mut() {
            object.retain(|key, _| !key.starts_with("indexed") && !["added", "updated"].contains(&key.as_str()));
        }
    }
    all.sort_by_key(|one| one["id"].as_str().unwrap_or_default().to_owned());
    all
}

fn how_many(sandbox: &Sandbox) -> u64 {
    sandbox.cube(["search", "--count"]).succeeds().stdout.trim().parse().unwrap()
}

#[test]
fn a_catalog_is_whole_in_one_file_when_a_command_ends() {
    let sandbox = catalog();
    let file = PathBuf::from(sandbox.catalog().strip_prefix("sqlite://").unwrap());
    let log = file.with_extension("db-wal");
    for (from, to) in [(0, 500), (500, 501), (501, 3000)] {
        sandbox.cube_with_stdin(["index", "-"], lines(from..to)).succeeds();
        assert!(!log.exists(), "{} datasets: {} is left", to, log.display());
        let copy = sandbox.path("copy.db");
        std::fs::copy(&file, &copy).unwrap();
        let mut count = sandbox.command(["count"]);
        count.env("CUBE_CATALOG", format!("sqlite://{}", copy.display()));
        assert_eq!(sandbox.run(count).succeeds().stdout.split_whitespace().last(), Some(to.to_string().as_str()));
    }
}

#[test]
fn a_text_that_was_indexed_before_is_not_parsed_again() {
    let sandbox = catalog();
    let path = sandbox.write("all.ndjson", lines(0..5000));
    let path = path.to_str().unwrap();
    assert_eq!(counts(&index(&sandbox, &[path])), [5000, 0, 0, 0]);
    assert_eq!(counts(&index(&sandbox, &[path])), [0, 5000, 0, 0]);
    assert_eq!(counts(&index(&sandbox, &[path, "--update"])), [0, 5000, 0, 0]);
    // Whoever parsed them would refuse them all here: the only product is not wanted.
    let mut other = document(1);
    other["properties"]["eo:cloud_cover"] = json!(3.5);
    let changed = lines(0..1) + &format!("{other}\n") + &lines(2..5000);
    std::fs::write(path, &changed).unwrap();
    let report = index(&sandbox, &[path, "--exclude-product", "scenes"]);
    assert_eq!(counts(&report), [0, 4999, 0, 1]);
    assert!(report["refused"][0]["source"].as_str().unwrap().ends_with("(line 2)"), "{report}");
    // A text that differs is compared, and replaced where that is asked for.
    let report = index(&sandbox, &[path]);
    assert_eq!(counts(&report), [0, 4999, 0, 1]);
    assert!(report["refused"][0]["reason"].as_str().unwrap().contains("cloud_cover"), "{report}");
    assert_eq!(counts(&index(&sandbox, &[path, "--update"])), [0, 4999, 1, 0]);
    assert_eq!(counts(&index(&sandbox, &[path])), [0, 5000, 0, 0]);
    // The same in other words is the same, too, though it must be parsed.
    std::fs::write(path, changed.replace("\"id\":", "\"id\" : ")).unwrap();
    assert_eq!(counts(&index(&sandbox, &[path])), [0, 5000, 0, 0]);
    // An archived dataset stays archived, known or not.
    sandbox.cube(["dataset", "archive", &id(7).to_string()]).succeeds();
    std::fs::write(path, &changed).unwrap();
    assert_eq!(counts(&index(&sandbox, &[path])), [0, 5000, 0, 0]);
    assert_eq!(how_many(&sandbox), 4999);
}

#[test]
fn all_kinds_of_input_and_any_number_of_threads_end_alike() {
    let inputs = Sandbox::new();
    for number in 0..300 {
        inputs.write(&format!("tree/{}/{number}.odc-metadata.yaml", number % 7), document(number).to_string());
    }
    // A definition in a directory is taken before the datasets beside it.
    inputs.write("tree/z.odc-product.yaml", PRODUCT);
    inputs.write("lines.ndjson.gz", packed(lines(300..900).as_bytes()));
    for number in 900..1000 {
        inputs.write(&format!("packed/{number}.json"), document(number).to_string());
    }
    let tar = inputs.path("packed.tar.gz");
    let done = Command::new("tar").arg("-C").arg(inputs.path("")).args(["-czf"]).arg(&tar).arg("packed").status();
    assert!(done.unwrap().success());
    let mut plain = String::new();
    for number in 1000..1100 {
        let yaml = document(number).to_string();
        write!(plain, "---\n{yaml}\n").unwrap();
    }
    inputs.write("several.yaml", plain);
    let words: Vec<PathBuf> =
        ["tree", "lines.ndjson.gz", "packed.tar.gz", "several.yaml", "packed/*9.json"].map(|n| inputs.path(n)).to_vec();
    let words: Vec<&str> = words.iter().map(|p| p.to_str().unwrap()).collect();
    let mut ends = Vec::new();
    for jobs in ["1", "3"] {
        let sandbox = Sandbox::new();
        sandbox.cube(["init"]).succeeds();
        let report = index(&sandbox, &[&words[..], &["--jobs", jobs]].concat());
        // The ten of the glob were in the archive too, whose members stand beside it as if they were unpacked.
        assert_eq!((counts(&report), &report["products"]), ([1100, 10, 0, 0], &json!(1)), "{report}");
        let again = index(&sandbox, &words);
        assert_eq!(counts(&again), [0, 1110, 0, 0], "{again}");
        ends.push(everything(&sandbox));
    }
    assert!(ends[0] == ends[1] && ends[0].len() == 1100);
}

#[test]
fn what_is_broken_is_told_with_its_line_and_the_rest_is_indexed() {
    let sandbox = catalog();
    let mut text = lines(0..10).into_bytes();
    text.extend_from_slice(b"{\"id\": \"\xff\"}\n{\"id\": \n");
    text.extend_from_slice(lines(10..20).as_bytes());
    let broken = sandbox.write("broken.ndjson", &text);
    let whole = packed(&text);
    let cut = sandbox.write("cut.ndjson.gz", &whole[..whole.len() - 40]);
    let report = index(&sandbox, &[broken.to_str().unwrap()]);
    assert_eq!(counts(&report), [20, 0, 0, 2]);
    let places: Vec<&str> =
        report["refused"].as_array().unwrap().iter().map(|r| r["source"].as_str().unwrap()).collect();
    assert!(places[0].ends_with("(line 11)") && places[1].ends_with("(line 12)"), "{places:?}");
    // A file that breaks off gives what stands before.
    let report = index(&sandbox, &[cut.to_str().unwrap()]);
    assert!(report["refused"].to_string().contains("cut.ndjson.gz"), "{report}");
}

#[test]
fn thousands_of_refusals_are_told_by_their_reasons() {
    let sandbox = catalog();
    let mut text = String::new();
    for number in 0..12_000 {
        let mut other = document(number);
        if number % 3 == 0 {
            other["product"]["name"] = json!("unheard_of");
        } else {
            other["properties"].as_object_mut().unwrap().remove("datetime");
        }
        writeln!(text, "{other}").unwrap();
    }
    let path = sandbox.write("all.ndjson", text);
    let run = sandbox.cube(["index", path.to_str().unwrap()]).fails(1);
    let told: Vec<&str> = run.stderr.lines().collect();
    assert!(
        told.len() == 3 && told[0].contains("8000 refused: at properties") && told[0].contains("(line 2), "),
        "{run}"
    );
    assert!(
        told[1].contains("4000 refused") && told[1].contains("unheard_of") && told[1].contains("(line 1), "),
        "{run}"
    );
    assert!(told[2].contains("12000 refused"), "{run}");
    let report = index(&sandbox, &[path.to_str().unwrap()]);
    assert_eq!(report["refused"].as_array().unwrap().len(), 10_000);
    assert_eq!(report["reasons"][0]["count"], 8000);
}

#[test]
fn a_run_that_was_killed_and_run_again_ends_as_one_clean_run() {
    let clean = catalog();
    let path = clean.write("all.ndjson", lines(0..12_000));
    let words = ["index", path.to_str().unwrap()];
    clean.cube(words).succeeds();
    let due = everything(&clean);
    assert_eq!(due.len(), 12_000);
    for wait in [300, 900, 1700] {
        let sandbox = catalog();
        let mut child = quiet(sandbox.command(words)).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        let there = how_many(&sandbox);
        assert!([0, 5000, 10_000, 12_000].contains(&there), "half a batch: {there}");
        let report = index(&sandbox, &words[1..]);
        assert_eq!(counts(&report), [12_000 - there, there, 0, 0]);
        assert!(everything(&sandbox) == due, "killed after {wait} ms");
    }
}

fn quiet(mut command: Command) -> Command {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_run_after_a_batch_though_its_input_goes_on() {
    use std::os::unix::process::ExitStatusExt;

    let sandbox = catalog();
    let mut command = sandbox.command(["index", "-"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines(0..14_000).as_bytes()).unwrap();
    stdin.flush().unwrap();
    // Some of it is written; then nothing more comes, and nothing ends.
    let started = Instant::now();
    while how_many(&sandbox) == 0 && started.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let asked = Instant::now();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(30), "it took {:?} to stop", asked.elapsed());
    drop(stdin);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(2), "{said}");
    let there = how_many(&sandbox);
    assert!(there > 0 && there < 14_000 && said.contains(&format!("stopped; {there} added")), "{there} there: {said}");
    let again = sandbox.cube_with_stdin(["index", "-"], lines(0..14_000)).succeeds();
    assert!(again.stderr.contains(&format!("{} added, {there} already there", 14_000 - there)), "{again}");
}

#[test]
fn less_mature_versions_are_archived_and_come_no_more() {
    let sandbox = catalog();
    let version = |id: u128, maturity: &str, millis: u32| {
        let mut other = document(1);
        other["id"] = json!(Uuid::from_u128(id));
        other["properties"]["dea:dataset_maturity"] = json!(maturity);
        other["properties"]["datetime"] = json!(format!("2034-05-17T10:00:00.{millis:03}Z"));
        other.to_string()
    };
    let write = |name: &str, texts: &[String]| sandbox.write(name, texts.join("\n")).to_str().unwrap().to_owned();
    let early = write("early.ndjson", &[version(1, "nrt", 0), version(2, "nrt", 900)]);
    let late = write("late.ndjson", &[version(3, "interim", 100), version(4, "final", 200)]);
    assert_eq!(counts(&index(&sandbox, &[&early])), [2, 0, 0, 0]);
    for more in [&["--archive-less-mature", "--dry-run"][..], &["--archive-less-mature"]] {
        let report = index(&sandbox, &[&[late.as_str()][..], more].concat());
        assert_eq!(counts(&report), [2, 0, 0, 0], "{report}");
        assert_eq!(report["archived"], 2, "{report}");
    }
    // The second nrt is 700 ms away from the final one: another scene.
    assert_eq!(how_many(&sandbox), 2);
    let again = index(&sandbox, &[&late, "--archive-less-mature"]);
    assert_eq!((counts(&again), &again["archived"]), ([0, 2, 0, 0], &json!(0)), "{again}");
    let worse = write("worse.ndjson", &[version(5, "nrt", 300)]);
    let report = index(&sandbox, &[&worse, "--archive-less-mature"]);
    assert_eq!(counts(&report), [0, 0, 0, 1], "{report}");
}

/// The most memory that a process ever had, in MB; it is told while the process lives.
#[cfg(target_os = "linux")]
fn most_memory(child: &mut Child) -> u64 {
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = most.max(high_water(&status).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(10));
    }
    most / 1024
}

#[cfg(target_os = "linux")]
fn high_water(status: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    text.lines().find(|l| l.starts_with("VmHWM"))?.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_input() {
    let sandbox = catalog();
    // 100 MB of documents: as values they would take more than a gigabyte.
    let padding = "x".repeat(1200);
    let mut text = String::new();
    for number in 0..50_000 {
        let mut other = document(number);
        other["properties"]["comment"] = json!(padding);
        writeln!(text, "{other}").unwrap();
    }
    let path = sandbox.write("all.ndjson", text);
    for _ in 0..2 {
        let mut child = quiet(sandbox.command(["index", path.to_str().unwrap()])).spawn().unwrap();
        let most = most_memory(&mut child);
        assert!(child.wait().unwrap().success());
        assert!(most < 300, "{most} MB");
        assert!(most > 10, "nothing was measured");
    }
    assert_eq!(how_many(&sandbox), 50_000);
}
