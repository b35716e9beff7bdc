//! Searches with `not`, orders and chosen fields, counts and extents, from the command line, on both stores.
#![expect(clippy::unwrap_used, reason = "the functions that tests share fail them in the same way")]

use cube_tests::postgres::Database;
use cube_tests::scenes::PRODUCT;
use cube_tests::{Sandbox, sample_data};
use serde_json::{Value, json};

/// Runs a test with the sample scenes in a SQLite file, and in PostGIS where there is a server.
fn on_both_stores(test: impl Fn(&Sandbox)) {
    let run = |sandbox: &Sandbox| {
        sandbox.cube(["init"]).succeeds();
        sandbox.cube(["product".as_ref(), "add".as_ref(), sample_data().join("products").as_path()]).succeeds();
        sandbox.cube(["index".as_ref(), sample_data().join("s2").as_path()]).succeeds();
        test(sandbox);
    };
    run(&Sandbox::new());
    if let Some(database) = Database::new() {
        run(&Sandbox::with_catalog(database.url()));
    }
}

/// The documents of the twelve scenes in the order of (time, id).
fn scenes(sandbox: &Sandbox) -> Vec<Value> {
    let found = sandbox.cube(["search", "--json"]).succeeds().json();
    found.as_array().unwrap().iter().map(|one| one["document"].clone()).collect()
}

fn cloud(document: &Value) -> f64 {
    document["properties"]["eo:cloud_cover"].as_f64().unwrap()
}

#[test]
fn terms_may_be_turned_round_and_bounds_left_out() {
    on_both_stores(|sandbox| {
        let count = |words: &str| {
            let run = sandbox.cube([&["search", "--count"][..], &words.split(' ').collect::<Vec<_>>()].concat());
            run.succeeds().stdout.trim().parse::<usize>().unwrap()
        };
        let all = scenes(sandbox);
        let having = |test: &dyn Fn(f64) -> bool| all.iter().filter(|document| test(cloud(document))).count();
        let least = all.iter().map(cloud).fold(f64::INFINITY, f64::min);
        let most = all.iter().map(cloud).fold(f64::NEG_INFINITY, f64::max);
        assert!(least < most, "the scenes differ");
        assert_eq!(count(&format!("cloud_cover > {least}")), having(&|c| c > least));
        assert_eq!(count(&format!("cloud_cover <= {least}")), having(&|c| c <= least));
        assert_eq!(count(&format!("cloud_cover < {most}")), having(&|c| c < most));
        assert_eq!(count(&format!("not cloud_cover < {most}")), having(&|c| c >= most));
        assert_eq!(count(&format!("cloud_cover in [{least}, {most}]")), 12);
        assert_eq!(count(&format!("cloud_cover = {least} cloud_cover = {most}")), having(&|c| c <= least || c >= most));
        assert_eq!(count("region_code = 33TTG"), 6);
        for turned in ["region_code != 33TTG", "not region_code = 33TTG", "region_code not in [33TTG, x]"] {
            assert_eq!(count(turned), 6, "{turned}");
        }
        assert_eq!(count("region_code in [33TTG, 32TQM]"), 12);
        assert_eq!(count("not time in 2034-07"), 10);
        assert_eq!(count(&format!("not product = {PRODUCT}")), 0);
        assert_eq!(count("not lat > 80"), 12);
    });
}

#[test]
fn any_field_orders_and_the_limit_comes_after() {
    on_both_stores(|sandbox| {
        let ids = |words: &[&str]| -> Vec<Value> {
            let rows = sandbox.cube([&["search", "--json", "--fields", "id"], words].concat()).succeeds().json();
            rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect()
        };
        let mut expected = scenes(sandbox);
        // A stable sort: what is equally cloudy stays in the order of (time, id).
        expected.sort_by(|a, b| cloud(b).total_cmp(&cloud(a)));
        let expected: Vec<Value> = expected.iter().map(|document| document["id"].clone()).collect();
        assert_eq!(ids(&["--sort", "-cloud_cover"]), expected);
        assert_eq!(ids(&["--sort", "-cloud_cover", "--limit", "5"]), expected[..5]);
        assert_eq!(ids(&["--sort", "-properties.eo:cloud_cover"]), expected, "a value of the document");
        let by_region = sandbox.cube(["search", "--csv", "--fields", "region_code,time", "--sort=-region_code,-time"]);
        let rows: Vec<String> = by_region.succeeds().stdout.lines().skip(1).map(str::to_owned).collect();
        assert!(rows.is_sorted_by(|a, b| a >= b) && rows.len() == 12, "{rows:?}");
        let unknown = sandbox.cube(["search", "--sort", "cloudcover"]).fails(1);
        assert!(unknown.stderr.contains("Did you mean cloud_cover?"), "{unknown}");
    });
}

#[test]
fn chosen_fields_are_printed_in_every_format() {
    on_both_stores(|sandbox| {
        let fields = ["--fields", "id,time,cloud_cover,region_code,properties.eo:gsd,measurements.red.path,archived"];
        let search = |more: &[&str]| sandbox.cube([&["search"], &fields[..], more].concat()).succeeds();
        let first = &scenes(sandbox)[0];
        let rows = search(&["--json"]).json();
        assert_eq!(rows.as_array().unwrap().len(), 12);
        let time = rows[0]["time"]["begin"].as_str().unwrap();
        assert!(time.starts_with("2034-05-03T") && time.ends_with('Z'), "{time}");
        assert_eq!(
            rows[0],
            json!({
                "id": first["id"], "time": {"begin": time, "end": time}, "cloud_cover": rows[0]["cloud_cover"],
                "region_code": first["properties"]["odc:region_code"], "properties.eo:gsd": 20,
                "measurements.red.path": "B04.tif", "archived": null
            })
        );
        assert!((rows[0]["cloud_cover"].as_f64().unwrap() - cloud(first)).abs() < 1e-12);
        let csv = search(&["--csv", "--limit", "1"]).stdout;
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "id,time,cloud_cover,region_code,properties.eo:gsd,measurements.red.path,archived");
        assert!(lines[1].starts_with(&format!("{},{time},", first["id"].as_str().unwrap())), "{csv}");
        let table = search(&["--limit", "1"]).stdout;
        assert!(table.contains("B04.tif") && table.lines().count() == 3, "{table}");
        let features = search(&["--geojson"]).json();
        assert_eq!(features["features"][0]["properties"], rows[0]);
        assert_eq!(features["features"].as_array().unwrap().len(), 12);
        // Nothing found is an empty list, and an unknown field is told all the same.
        let none = ["time in 2050"];
        assert_eq!(search(&[&["--json"], &none[..]].concat()).json(), json!([]));
        assert_eq!(search(&[&["--geojson"], &none[..]].concat()).json()["features"], json!([]));
        for format in ["--json", "--csv", "--geojson"] {
            let run = sandbox.cube(["search", "time in 2050", "--fields", "regioncode", format]).fails(1);
            assert!(run.stderr.contains("Did you mean region_code?"), "{run}");
        }
    });
}

#[test]
fn datasets_are_counted_by_product_and_through_time() {
    on_both_stores(|sandbox| {
        let mut other = sandbox.cube(["product", "show", PRODUCT, "--json"]).succeeds().json()[0].take();
        other["name"] = json!("other");
        other["metadata"]["product"]["name"] = json!("other");
        sandbox.write("other.json", other.to_string());
        sandbox.cube(["product", "add", "other.json"]).succeeds();
        let count = |words: &[&str]| sandbox.cube([&["count"], words].concat()).succeeds();
        let expected = json!({"count": 12, "products": [
            {"product": "other", "count": 0}, {"product": PRODUCT, "count": 12}]});
        assert_eq!(count(&["--json"]).json(), expected);
        assert_eq!(count(&["--csv", PRODUCT]).stdout, format!("product,count\n{PRODUCT},12\n"));
        assert_eq!(count(&[PRODUCT, "region_code=33TTG", "--total"]).stdout, "6\n");
        assert_eq!(count(&[PRODUCT, "time", "in", "2034-07", "--total"]).stdout, "2\n");
        assert_eq!(count(&["--total", "--status", "archived"]).stdout, "0\n");
        assert!(count(&[]).stdout.lines().last().unwrap().trim_start().starts_with("all together"));

        let csv = count(&["--csv", "--period", "1 month"]).stdout;
        let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
        let months: Vec<_> = rows.iter().map(|row| (row[1], row[3])).collect();
        let expected = ["05", "06", "07", "08", "09", "10"].map(|month| format!("2034-{month}-01T00:00:00Z"));
        assert_eq!(months, expected.each_ref().map(|month| (month.as_str(), "2")));
        assert!(rows.iter().all(|row| row[0] == PRODUCT), "{csv}");
        let asked = count(&[PRODUCT, "--time", "2034-06-10/2034-08", "--period", "month", "--json"]).json();
        let counts: Vec<_> =
            asked.as_array().unwrap().iter().map(|c| (c["begin"].as_str().unwrap(), &c["count"])).collect();
        let expected = [("2034-06-10T00:00:00Z", 0), ("2034-07-10T00:00:00Z", 2), ("2034-08-10T00:00:00Z", 2)];
        assert_eq!(counts.len(), 3);
        for ((begin, count), (expected_begin, expected_count)) in counts.iter().zip(expected) {
            assert_eq!((*begin, count.as_u64()), (expected_begin, Some(expected_count)));
        }
        assert_eq!(asked[2]["end"], "2034-08-31T23:59:59.999999Z");

        assert!(sandbox.cube(["count", "--period", "fortnight"]).fails(2).stderr.contains("6 months"));
        assert!(sandbox.cube(["count", "oter"]).fails(1).stderr.contains("did you mean other?"));
        let wrong = sandbox.cube(["count", PRODUCT, "cloud_cover", "<"]).fails(2);
        assert!(wrong.stderr.contains("expected a value"), "{wrong}");
    });
}

#[test]
fn extents_say_where_and_when() {
    on_both_stores(|sandbox| {
        let extent = |more: &[&str]| sandbox.cube([&["product", "extent", PRODUCT], more].concat()).succeeds();
        let one = extent(&["--json"]).json()[0].take();
        assert_eq!((&one["product"], &one["datasets"]), (&json!(PRODUCT), &json!(12)), "{one}");
        assert!(one["time"]["begin"].as_str().unwrap().starts_with("2034-05-03T"), "{one}");
        assert!(one["time"]["end"].as_str().unwrap().starts_with("2034-10-30T"), "{one}");
        assert!(one["most_recent_change"].is_string());
        let side = |n: usize| one["boxes"][0][n].as_f64().unwrap();
        assert!(
            side(0) < 12.156 && side(1) < 42.077 && side(2) > 12.303 && side(3) > 42.163,
            "all the scenes are inside: {one}"
        );
        assert!(side(2) - side(0) < 1.0 && one["boxes"].as_array().unwrap().len() == 1, "{one}");
        assert_eq!(one["outline"]["type"], "Polygon", "the tiles overlap: {one}");
        let metres = extent(&["--json", "--crs", "EPSG:32633"]).json()[0].take();
        assert_eq!(metres["crs"], "EPSG:32633");
        assert!(metres["outline"]["coordinates"][0][0][0].as_f64().unwrap() > 100_000.0, "{metres}");
        assert_eq!(metres["boxes"], one["boxes"], "boxes are in longitude and latitude");
        assert_eq!(extent(&["--geojson"]).json()["features"][0]["geometry"], one["outline"]);
        assert!(extent(&[]).stdout.contains("2034-10-30T"));
        let none = extent(&["--json", "--status", "archived"]).json()[0].take();
        assert!(none["datasets"] == 0 && none["outline"].is_null() && none["boxes"] == json!([]), "{none}");
        assert!(sandbox.cube(["product", "extent", "s2_l2a"]).fails(1).stderr.contains("did you mean"));
    });
}

#[test]
fn hostile_words_are_sentences_or_find_nothing() {
    on_both_stores(|sandbox| {
        let long = "x".repeat(100_000);
        for text in ["'; DROP TABLE dataset; --", "\" OR 1=1", "\\", "$1", "%", "]", "\u{1}", "ü''", &long] {
            let quoted = format!("platform = \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            assert_eq!(sandbox.cube(["search", "--count", &quoted]).succeeds().stdout, "0\n");
            assert_eq!(sandbox.cube(["search", "--count", &format!("not {quoted}")]).succeeds().stdout, "12\n");
            sandbox.cube(["search", "--fields", "id", "--sort", &format!("a{text}")]).fails(1);
            let bare = sandbox.cube(["search", "--count", &format!("platform = {text}")]);
            assert!(bare.code == Some(0) || bare.code == Some(2), "{bare}");
        }
        assert_eq!(sandbox.cube(["search", "--count"]).succeeds().stdout, "12\n");
    });
}
