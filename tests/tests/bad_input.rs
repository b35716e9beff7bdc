//! Bad input gets a sentence on stderr that says where and what to do, exit code 1 or 2, nothing on stdout, and leaves no
//! file behind.
#![expect(clippy::unwrap_used, reason = "the functions that tests share fail them in the same way")]

use std::fmt::Write;

use cube_tests::scenes::{BOX, GRID, PRODUCT, copied, indexed, load};
use cube_tests::{Run, Sandbox, product_definitions, sample_data};

/// The sentence of a run that failed with `code`: all of stderr, once it is sure that it is nothing but sentences.
fn sentence(run: Run, code: i32) -> String {
    let run = run.fails(code);
    assert_eq!(run.stdout, "", "nothing but data belongs on stdout:\n{run}");
    let said = run.stderr.to_lowercase();
    for word in ["panicked", "backtrace", "(os error", "unwrap", "error { ", "\u{1b}["] {
        assert!(!said.contains(word), "{word:?} is no word for people:\n{run}");
    }
    assert!(run.stderr.contains("error: "), "{run}");
    run.stderr
}

/// As [`sentence`], which says each of `parts`; and the working folder is as it was.
fn refused(sandbox: &Sandbox, arguments: &[&str], code: i32, parts: &[&str]) -> String {
    let before = sandbox.files();
    let said = sentence(sandbox.cube(arguments), code);
    for part in parts {
        assert!(said.contains(part), "{arguments:?} should say {part:?}:\n{said}");
    }
    assert_eq!(sandbox.files(), before, "{arguments:?} left something behind");
    said
}

/// A load of the lake that differs from a good one in `more`, and writes `out.nc`.
fn refused_load(sandbox: &Sandbox, more: &[&str], code: i32, parts: &[&str]) -> String {
    refused(sandbox, &[&load("out.nc")[..], more].concat(), code, parts)
}

// Files of pixels

#[test]
fn a_truncated_tiff_is_named_and_can_be_skipped() {
    let sandbox = copied();
    let file = sandbox.path("s2/2034-07-12_33TTG/B03.tif");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    // At full resolution: the overviews stand in the half that is left.
    let july = ["--time", "2034-07", "-m", "green,red", "--resolution", "20"];
    let words = |more: &[&'static str]| {
        let [start @ .., _, _, _, _, output, name] = load("out.nc");
        [&start[..], &["--group-by", "solar-day", output, name], &july, more].concat()
    };
    refused(
        &sandbox,
        &words(&[]),
        1,
        &["a1ae3c35-6909-5743-b5b7-ae693105884b", "2034-07-12_33TTG/B03.tif", "truncated", "fetch it again"],
    );

    let run = sandbox.cube(words(&["--skip-broken"])).succeeds();
    assert!(run.stderr.contains("left out: dataset a1ae3c35"), "{run}");
    assert_eq!(run.stderr.matches("B03.tif: ").count(), 1, "the file is named once:\n{run}");
}

#[test]
fn a_tiff_of_which_nothing_is_left_is_named() {
    let sandbox = copied();
    for rest in [&b""[..], b"II*\0", b"hello"] {
        std::fs::write(sandbox.path("s2/2034-07-12_33TTG/B03.tif"), rest).unwrap();
        refused_load(&sandbox, &["--time", "2034-07", "-m", "green"], 1, &["2034-07-12_33TTG/B03.tif"]);
    }
}

#[test]
fn a_missing_tiff_is_named() {
    let sandbox = copied();
    std::fs::remove_file(sandbox.path("s2/2034-07-12_32TQM/B03.tif")).unwrap();
    refused_load(&sandbox, &["--time", "2034-07"], 1, &["2034-07-12_32TQM/B03.tif: no such file", "check the path"]);
    refused_load(&sandbox, &["--time", "2034-07", "--explain"], 1, &["2034-07-12_32TQM/B03.tif: no such file"]);
}

#[test]
fn a_tiff_whose_grid_is_not_its_documents_is_refused() {
    let sandbox = copied();
    let place = |name: &str| sandbox.path(format!("s2/2034-07-12_{name}/B03.tif"));
    std::fs::copy(place("32TQM"), place("33TTG")).unwrap();
    refused_load(
        &sandbox,
        &["--time", "2034-07", "-m", "green"],
        1,
        &["2034-07-12_33TTG/B03.tif", "the document says", "mend the document"],
    );
}

// Documents

/// A good dataset document with `from` replaced by `to`, indexed.
fn refused_document(from: &str, to: &str, parts: &[&str]) {
    let sandbox = copied();
    let good = std::fs::read_to_string(sandbox.path("s2/2034-07-12_33TTG/odc-metadata.yaml")).unwrap();
    assert!(good.contains(from), "{good}");
    sandbox.write("bad.yaml", good.replace(from, to));
    let said = refused(&sandbox, &["index", "bad.yaml"], 1, parts);
    assert!(said.contains("bad.yaml:"), "{said}");
    assert!(said.contains("1 refused"), "{said}");
}

#[test]
fn a_document_with_an_unknown_measurement_in_place_of_a_known_one_is_refused() {
    refused_document("  green:", "  violet:", &["bad.yaml:31:3", "green", PRODUCT, "add them"]);
}

#[test]
fn a_nan_in_an_affine_is_refused_with_its_place() {
    refused_document(
        "transform: [20.0,",
        "transform: [.nan,",
        &["bad.yaml:15:17", "grids.default.transform[0]", "finite number"],
    );
    refused_document(
        "transform: [20.0,",
        "transform: [.inf,",
        &["bad.yaml:15:17", "grids.default.transform[0]", "finite number"],
    );
}

#[test]
fn a_document_in_an_unknown_crs_is_refused() {
    refused_document("crs: epsg:32633", "crs: epsg:999999", &["bad.yaml:8:6", "999999"]);
}

#[test]
fn a_document_of_an_unknown_product_is_refused() {
    refused_document("name: s2_l2a_bracciano", "name: s3_l2a_bracciano", &["s3_l2a_bracciano"]);
}

#[test]
fn a_nodata_that_does_not_fit_its_dtype_is_refused() {
    let sandbox = indexed();
    let definition = sample_data().join("products/s2_l2a_bracciano.odc-product.yaml");
    let good = std::fs::read_to_string(definition).unwrap().replace("name: s2_l2a_bracciano", "name: other");
    let at = good.find("nodata: 0").expect("the product has a nodata of 0");
    for (nodata, got) in [("70000", "70000"), ("-1", "-1"), (".nan", "NaN"), ("0.5", "0.5")] {
        let bad = format!("{}nodata: {nodata}{}", &good[..at], &good[at + "nodata: 0".len()..]);
        sandbox.write("bad.yaml", bad);
        let parts = ["bad.yaml:", "at measurements[0].nodata", "from 0 to 65535 (uint16)", got, "choose"];
        refused(&sandbox, &["product", "add", "bad.yaml"], 1, &parts);
    }
    sandbox.cube(["product", "show", "other"]).fails(1);
}

#[test]
fn an_alias_bomb_is_refused_before_it_unfolds() {
    let sandbox = indexed();
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let tenfold = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(bomb, "a{n}: &a{n} [{tenfold}]").unwrap();
    }
    sandbox.write("bomb.yaml", bomb);
    for command in [&["index"][..], &["product", "add"], &["metadata", "add"]] {
        let begun = std::time::Instant::now();
        refused(&sandbox, &[command, &["bomb.yaml"]].concat(), 1, &["bomb.yaml:", "aliases", "write the values out"]);
        assert!(begun.elapsed().as_secs() < 20, "it took {:?}", begun.elapsed());
    }
}

#[test]
fn text_that_is_no_document_is_refused_with_its_place() {
    let sandbox = indexed();
    for (name, text, parts) in [
        ("syntax.yaml", &b"hello: ["[..], &["syntax.yaml:1:8", "not YAML", "mend"][..]),
        ("twice.yaml", b"name: x\nname: y\n", &["twice.yaml:2:1", "\"name\" stands twice"]),
        ("latin.yaml", b"name: \xff\xfe\n", &["latin.yaml", "not UTF-8", "byte 6"]),
        ("empty.yaml", b"\n", &["empty.yaml", "holds no document"]),
        ("json.json", b"{\"a\": 1,}", &["json.json:1:"]),
        ("short.gz", b"\x1f\x8b\x08", &["short.gz"]),
        ("no.tar", b"this is no archive", &["no.tar"]),
    ] {
        sandbox.write(name, text);
        refused(&sandbox, &["index", name], 1, parts);
        refused(&sandbox, &["product", "add", name], 1, parts);
    }
}

#[test]
fn a_document_of_another_kind_is_sent_to_its_command() {
    let sandbox = copied();
    let dataset = "s2/2034-07-12_33TTG/odc-metadata.yaml";
    refused(&sandbox, &["product", "add", dataset], 1, &["dataset document, not a product definition", "`cube index`"]);
    refused(&sandbox, &["metadata", "add", dataset], 1, &["not a metadata type", "`cube index`"]);
    sandbox.write("any.yaml", "hello: 1\n");
    refused(&sandbox, &["index", "any.yaml"], 1, &["any.yaml:1:1", "$schema"]);
}

#[test]
fn one_bad_document_does_not_stop_the_others() {
    let sandbox = copied();
    sandbox.cube(["product", "delete", "--force", PRODUCT]).succeeds();
    sandbox.cube(["product", "add", &sample_data().join("products").display().to_string()]).succeeds();
    sandbox.write("s2/2034-06-00/bad.yaml", "hello: [");
    let said = sentence(sandbox.cube(["index", "no-such-folder", "s2", "no*such.yaml"]), 1);
    for part in [
        "12 added",
        "3 refused",
        "bad.yaml:1:8",
        "no-such-folder: no such file or directory",
        "no*such.yaml: no document",
    ] {
        assert!(said.contains(part), "{part:?}:\n{said}");
    }
    let files = [
        sample_data().join("products").display().to_string(),
        "none.yaml".to_owned(),
        product_definitions().display().to_string(),
    ];
    let said = sentence(sandbox.cube(["product", "add"].map(str::to_owned).into_iter().chain(files)), 1);
    assert!(said.contains("none.yaml: no such file") && said.contains("product sentinel2_l2a: added"), "{said}");
}

#[test]
fn a_source_with_nothing_in_it_is_named() {
    let sandbox = indexed();
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    refused(&sandbox, &["index", "empty"], 1, &["empty: no document found"]);
    refused(&sandbox, &["index", "missing.yaml"], 1, &["missing.yaml: no such file or directory"]);
    refused(&sandbox, &["index", "[.yaml"], 1, &["[.yaml", "unclosed"]);
    refused(&sandbox, &["index", "-"], 1, &["standard input: it holds no document"]);
    refused(
        &sandbox,
        &["index", "ftp://example.org/a.yaml"],
        1,
        &["ftp://example.org/a.yaml", "fetch the documents first"],
    );
    refused(&sandbox, &["index"], 2, &["<SOURCE>"]);
}

#[test]
fn a_raster_is_indexed_only_with_a_product_that_it_fits() {
    let sandbox = indexed();
    let raster = sample_data().join("climatedt/climatedt_2t_prec_2034.nc").display().to_string();
    refused(&sandbox, &["index", &raster], 1, &["climatedt_2t_prec_2034.nc is a raster", "--product NAME"]);
    refused(&sandbox, &["index", "--product", "nope", &raster], 1, &["no product \"nope\""]);
    refused(&sandbox, &["index", "--product", PRODUCT, &raster], 1, &["none of its planes (2t, tp)", "blue, green"]);
}

// Searches

#[test]
fn a_load_that_finds_nothing_names_the_term_that_emptied_it() {
    let sandbox = indexed();
    let grid = [&["load", PRODUCT, "-o", "out.nc"][..], &GRID].concat();
    for (terms, parts) in [
        (
            &["--bbox", "0,0,1,1"][..],
            &["none of the 12 datasets", "touches the area asked for (0,0,1,1 in EPSG:4326)"][..],
        ),
        (
            &["--time", "2040"],
            &["none of the 12 datasets", "of the time 2040-01-01", "from 2034-05-03T10:05:12Z to 2034-10-30"],
        ),
        (&["--bbox", BOX, "--time", "2034-08-17"], &["in the area is of the time 2034-08-17"]),
        (&["--query", "cloud_cover in [99,100]"], &["cloud_cover", "cube search"]),
        (&["--query", "id=7f3bd8b5-8d5a-5b8e-9d0a-2f8f5c1c1d11"], &["has the id asked for"]),
    ] {
        refused(&sandbox, &[&grid[..], terms].concat(), 1, &[&["nothing found: "], parts].concat());
    }
    sandbox.cube(["product", "add", &product_definitions().display().to_string()]).succeeds();
    refused(&sandbox, &["load", "era5_t2m", "-o", "out.nc"], 1, &["era5_t2m has no datasets yet", "`cube index`"]);
    let ids = sandbox.cube(["search", "--csv"]).succeeds();
    let ids: Vec<&str> = ids.stdout.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    sandbox.cube([&["dataset", "archive"][..], &ids].concat()).succeeds();
    refused(&sandbox, &grid, 1, &["all archived (12 of them)", "`cube dataset restore`"]);
}

#[test]
fn a_search_that_finds_nothing_is_no_failure() {
    let run = indexed().cube(["search", "time in 2040"]).succeeds();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", "no datasets\n"));
}

#[test]
fn names_that_are_not_there_are_answered_with_those_that_are() {
    let sandbox = indexed();
    refused_load(
        &sandbox,
        &["-m", "green,violet"],
        1,
        &["no measurement \"violet\"", "blue, green, red, nir, swir16, scl"],
    );
    refused(
        &sandbox,
        &["load", "s2_l2a_braciano", "-o", "out.nc"],
        1,
        &["\"s2_l2a_braciano\"", "did you mean s2_l2a_bracciano?"],
    );
    refused(&sandbox, &["search", "product=s2_l2a_braciano"], 1, &["did you mean s2_l2a_bracciano?"]);
    refused(&sandbox, &["search", "colour=blue"], 1, &["no search field \"colour\"", "cloud_cover"]);
    refused(&sandbox, &["product", "show", "nope"], 1, &["no product \"nope\"", "`cube product list`"]);
    refused(&sandbox, &["product", "delete", "nope"], 1, &["no product \"nope\""]);
    refused(&sandbox, &["metadata", "show", "eo4"], 1, &["no metadata type \"eo4\"", "eo3"]);
    let id = "7f3bd8b5-8d5a-5b8e-9d0a-2f8f5c1c1d11";
    for verb in ["show", "archive", "restore", "purge"] {
        refused(&sandbox, &["dataset", verb, id], 1, &[id, "is not in the catalog"]);
        refused(&sandbox, &["dataset", verb, "nope"], 2, &["\"nope\" is not a dataset id", "UUID"]);
    }
    refused(&sandbox, &["frobnicate"], 2, &["'frobnicate'", "--help"]);
}

#[test]
fn two_products_without_the_field_are_not_said_to_lack_none() {
    let sandbox = indexed();
    sandbox.cube(["product", "add", &product_definitions().display().to_string()]).succeeds();
    let said = refused(&sandbox, &["search", "colour=blue"], 1, &["products searched have no search field \"colour\""]);
    assert!(!said.contains("none of"), "{said}");
}

#[test]
fn times_that_cannot_be_are_refused() {
    let sandbox = indexed();
    refused_load(
        &sandbox,
        &["--time", "2034-07/2034-05"],
        2,
        &["ends (2034-05-31", "before it begins (2034-07-01", "swap"],
    );
    refused(&sandbox, &["search", "time in [2034-07,2034-05]"], 2, &["before it begins"]);
    refused(&sandbox, &["search", "--time", "yesterday"], 2, &["\"yesterday\" is not a time", "2034-05-17"]);
    refused(&sandbox, &["search", "--time", "2034-02-30"], 2, &["2034-02-30"]);
}

#[test]
fn places_off_the_earth_are_refused() {
    let sandbox = indexed();
    for (place, parts) in [
        ("10,91,12,95", &["latitude 91 is not on the Earth"][..]),
        ("500,45,512,47", &["longitude 500", "not on the Earth"]),
        ("10,45,12,42", &["south above its north", "west,south,east,north"]),
        ("1,2,3", &["4 numbers", "11.9,41.8,12.6,42.4"]),
        ("nan,42,12,43", &["4 numbers"]),
        ("1,inf,2,3", &["4 numbers"]),
        ("", &["4 numbers"]),
    ] {
        refused(&sandbox, &["search", "--bbox", place], 2, parts);
        refused(&sandbox, &[&["load", PRODUCT, "-o", "out.nc", "--bbox", place][..], &GRID].concat(), 2, parts);
    }
    refused(&sandbox, &["search", "lat in [91,95]"], 2, &["not on the Earth"]);
    refused(
        &sandbox,
        &["search", "--bbox", "5,5,1,1", "--bbox-crs", "EPSG:32633"],
        2,
        &["is empty", "left,bottom,right,top"],
    );
    refused(&sandbox, &["search", "--bbox", BOX, "lat in [42,43]"], 2, &["the place once"]);
}

#[test]
fn geometries_that_are_none_are_refused() {
    let sandbox = indexed();
    refused(&sandbox, &["search", "--geometry", "lake.geojson"], 2, &["\"lake.geojson\"", "there is no such file"]);
    refused(&sandbox, &["search", "--geometry", "POLYGON((1 2,3"], 2, &["GeoJSON or WKT"]);
    refused(&sandbox, &["search", "--geometry", "{\"type\": \"Polygon\"}"], 2, &["GeoJSON", "coordinates"]);
    refused(&sandbox, &["search", "--geometry", "POLYGON((1 2, 3 400, 5 6, 1 2))"], 2, &["not on the Earth"]);
}

#[test]
fn an_expression_is_refused_with_its_column() {
    let sandbox = indexed();
    for (expression, column) in [
        ("time in", "column 8"),
        ("time > ", "column 8"),
        ("lat in [42", "column 11"),
        ("lat in [42,nan]", "column 12"),
        ("cloud_cover in [0,", "column 19"),
        ("= 5", "column 1"),
    ] {
        refused(&sandbox, &["search", expression], 2, &["cannot read the search", column, "expected"]);
    }
}

// Grids and numbers

#[test]
fn an_unknown_crs_is_refused_with_the_ways_to_say_one() {
    let sandbox = indexed();
    for crs in ["EPSG:999999", "hello", "", "EPSG:", "+proj=nonsense"] {
        let arguments = ["load", PRODUCT, "--bbox", BOX, "--resolution", "20", "-o", "out.nc", "--crs", crs];
        let said = refused(&sandbox, &arguments, 2, &["unknown CRS", crs, "EPSG:32633"]);
        assert!(!said.contains("Unknown error"), "{said}");
    }
    refused(&sandbox, &["search", "--bbox", BOX, "--bbox-crs", "EPSG:999999"], 2, &["unknown CRS"]);
}

#[test]
fn a_pixel_size_that_is_none_is_refused() {
    let sandbox = indexed();
    let with = |size| ["load", PRODUCT, "--bbox", BOX, "--crs", "EPSG:32633", "-o", "out.nc", "--resolution", size];
    for (size, parts) in [
        ("0", &["\"0\"", "such as 20"][..]),
        ("20,0", &["\"20,0\"", "such as 20"]),
        ("-20", &["\"-20\"", "has no sign"]),
        ("NaN", &["\"NaN\": expected a number"]),
        ("inf", &["\"inf\": expected a number"]),
        ("1,2,3", &["2 numbers separated by commas"]),
        ("1e-9", &["too many", "EPSG:32633"]),
        ("1e300", &["the resolution"]),
    ] {
        refused(&sandbox, &with(size), 2, parts);
    }
    refused(&sandbox, &with("0.001"), 1, &["the load needs", "coarser resolution"]);
}

#[test]
fn a_load_without_a_grid_says_what_to_give() {
    let sandbox = indexed();
    refused(&sandbox, &["load", PRODUCT, "-o", "out.nc"], 2, &["EPSG:32632 and EPSG:32633", "--crs and --resolution"]);
    refused(
        &sandbox,
        &["load", PRODUCT, "--crs", "utm", "--resolution", "20", "-o", "out.nc"],
        2,
        &["--bbox or --geometry"],
    );
    refused(
        &sandbox,
        &["load", PRODUCT, "--like", "none.tif", "-o", "out.nc"],
        1,
        &["--like none.tif: there is no such file"],
    );
    sandbox.write("like.tif", "hello");
    refused(&sandbox, &["load", PRODUCT, "--like", "like.tif", "-o", "out.nc"], 1, &["like.tif"]);
}

#[test]
fn a_load_beyond_the_memory_limit_is_refused_with_its_estimate() {
    let sandbox = indexed();
    refused_load(&sandbox, &["--memory-limit", "1MB"], 1, &["the load needs", "the limit is 1.0 MB", "smaller area"]);
    for limit in ["lots", "inf", "nan", "-1GB", "0"] {
        refused_load(&sandbox, &["--memory-limit", limit], 2, &[&format!("{limit:?}"), "4GB"]);
    }
}

#[test]
fn options_that_cannot_be_are_refused() {
    let sandbox = indexed();
    refused_load(&sandbox, &["--resampling", "wibble"], 2, &["unknown resampling \"wibble\"", "nearest, bilinear"]);
    refused_load(&sandbox, &["--resampling", "violet=average"], 1, &["\"violet\"", "not loaded"]);
    refused_load(&sandbox, &["--align", "5"], 2, &["--align \"5\": expected 2 numbers"]);
    refused_load(&sandbox, &["--align", "nan,0"], 2, &["--align"]);
    refused_load(&sandbox, &["--limit", "0"], 2, &["--limit 0"]);
    refused(&sandbox, &["search", "--limit", "-1"], 2, &["--limit"]);
    refused(&sandbox, &["search", "--sort", "colour"], 1, &["no search field \"colour\"", "cloud_cover"]);
    refused(&sandbox, &["search", "--csv", "--json"], 2, &["--csv", "--json"]);
    refused(&sandbox, &["load", PRODUCT], 2, &["--output"]);
    refused(&sandbox, &["load"], 2, &["<PRODUCT>"]);
}

// Outputs

#[test]
fn an_output_that_cannot_be_written_is_refused_before_anything_is_read() {
    // Without its files the load would fail for another reason, if it came so far.
    let sandbox = copied();
    for scene in std::fs::read_dir(sandbox.path("s2")).unwrap() {
        std::fs::remove_file(scene.unwrap().path().join("B03.tif")).unwrap();
    }
    sandbox.write("there.nc", "old");
    sandbox.write("file", "old");
    for (output, code, parts) in [
        ("there.nc", 1, &["there.nc is there already", "--overwrite"][..]),
        ("no/such/out.nc", 1, &["no/such/out.nc", "no directory no/such", "make it first"]),
        ("/proc/out.nc", 1, &["/proc/out.nc", "name another place"]),
        ("file/", 1, &["file"]),
        ("file/out.nc", 1, &["file/out.nc"]),
        ("out.png", 2, &["out.png", ".tif, .zarr, .nc"]),
        ("out", 2, &["out: cannot tell the format", ".tif, .zarr, .nc"]),
        ("out.tif", 2, &["out.tif: one GeoTIFF holds one time, and there are 6", "-o out/"]),
    ] {
        refused(&sandbox, &load(output), code, parts);
    }
    let one_time = ["--time", "2034-07", "-m", "green,scl"];
    refused(
        &sandbox,
        &[&load("out.tif")[..], &one_time].concat(),
        2,
        &["uint16 (green)", "uint8 (scl)", "choose measurements"],
    );
    assert_eq!(std::fs::read_to_string(sandbox.path("there.nc")).unwrap(), "old");
}

#[test]
fn files_in_an_output_directory_are_kept_without_overwrite() {
    let sandbox = indexed();
    let arguments = [&load("out/")[..], &["--time", "2034-07", "-m", "red"]].concat();
    sandbox.cube(&arguments).succeeds();
    refused(&sandbox, &arguments, 1, &["out/20340712T100512Z_red.tif is there already", "--overwrite"]);
    sandbox.cube([&arguments[..], &["--overwrite"]].concat()).succeeds();
}

#[test]
fn applications_check_their_outputs_before_they_read() {
    let sandbox = copied();
    for scene in std::fs::read_dir(sandbox.path("s2")).unwrap() {
        std::fs::remove_file(scene.unwrap().path().join("B03.tif")).unwrap();
    }
    sandbox.write("there.png", "old");
    sandbox.write("done/water_extent.csv", "old");
    for (arguments, code, parts) in [
        (&["water", PRODUCT, "-o", "there.png"][..], 1, &["there.png", "directory"][..]),
        (&["water", PRODUCT, "-o", "done"], 1, &["done/water_extent.csv is there already", "--overwrite"]),
        (&["water", PRODUCT, "-o", "out", "--truth", "none.csv"], 1, &["--truth none.csv: there is no such file"]),
        (&["water", PRODUCT, "-o", "out", "--threshold", "7"], 2, &["--threshold \"7\"", "from -1 to 1, or otsu"]),
        (&["series", PRODUCT, "-o", "out.pdf"], 2, &["out.pdf", ".csv or .png"]),
        (&["series", PRODUCT, "-o", "there.png"], 1, &["there.png is there already"]),
        (&["plot", PRODUCT, "-o", "out.jpg"], 2, &["out.jpg", ".png"]),
        (&["plot", PRODUCT, "-o", "there.png"], 1, &["there.png is there already"]),
        (&["plot", PRODUCT, "-o", "out.png", "--range", "5,nan"], 2, &["--range \"5,nan\""]),
        (&["plot", PRODUCT, "-o", "out.png", "--range", "5,4"], 2, &["--range \"5,4\"", "smaller"]),
        (&["plot", PRODUCT, "-o", "out.png", "--rgb", "red,green"], 2, &["--rgb", "three"]),
        (&["plot", PRODUCT, "-o", "out.png", "--times", "2050"], 1, &["no time plane near 2050"]),
    ] {
        refused(&sandbox, arguments, code, parts);
    }
}

// Catalogs

#[test]
fn a_missing_catalog_is_answered_with_the_line_that_makes_one() {
    let sandbox = Sandbox::new();
    let mend = format!("cube init --catalog {}", sandbox.catalog());
    for arguments in [
        &["search"][..],
        &["product", "list"],
        &["index", "a.yaml"],
        &["load", PRODUCT, "-o", "a.nc"],
        &["metadata", "list"],
    ] {
        refused(&sandbox, arguments, 1, &["there is no catalog", &mend]);
    }
}

#[test]
fn a_catalog_that_is_no_sqlite_file_is_left_alone() {
    let sandbox = Sandbox::new();
    let junk = sandbox.write("junk.db", "hello, this is a text and no database at all");
    let url = format!("sqlite://{}", junk.display());
    for command in ["search", "init"] {
        refused(&sandbox, &["--catalog", &url, command], 1, &["junk.db", "no SQLite file", "name another file"]);
    }
    assert!(std::fs::read_to_string(junk).unwrap().starts_with("hello"));
}

#[test]
fn a_catalog_that_cannot_be_made_says_why() {
    let sandbox = Sandbox::new();
    let at = |path: &str| format!("sqlite://{}", sandbox.path(path).display());
    sandbox.write("file", "");
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    refused(
        &sandbox,
        &["init", "--catalog", &at("no/such/a.db")],
        1,
        &["no/such/a.db", "there is no directory", "make it first"],
    );
    refused(&sandbox, &["init", "--catalog", &at("folder")], 1, &["it is a directory", "name a file in it"]);
    refused(
        &sandbox,
        &["init", "--catalog", "ftp://x"],
        2,
        &["\"ftp://x\" is not the URL of a catalog", "sqlite:///path"],
    );
    let said = refused(
        &sandbox,
        &["init", "--catalog", "postgresql://me:secret@127.0.0.1:1/db"],
        1,
        &["postgresql://me:***@127.0.0.1:1/db", "there is no connection to PostgreSQL", "check that it runs"],
    );
    assert!(!said.contains("secret"), "{said}");
}
