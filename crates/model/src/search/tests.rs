use super::*;

fn parse(text: &str) -> Search {
    Search::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

fn error(text: &str) -> String {
    Search::parse(text).unwrap_err().to_string()
}

fn times(text: &str) -> Vec<String> {
    parse(text).times.iter().map(ToString::to_string).collect()
}

#[test]
fn datacubes_own_examples_parse() {
    assert_eq!(parse("product=ls5_nbar_albers"), Search::product("ls5_nbar_albers"));
    assert_eq!(times("time in 1996"), ["1996-01-01T00:00:00Z/1996-12-31T23:59:59.999999Z"]);
    assert_eq!(times("time in [1996-01-01, 1996-12-31]"), times("time in 1996"));
    assert_eq!(times("time in [1996,1996-12]"), times("time in 1996"));
    assert_eq!(times("time > 2020-01"), ["2020-01-01T00:00:00Z/.."]);
    assert_eq!(times("time<2020-1"), ["../2020-01-31T23:59:59.999999Z"]);
    let place = parse("lon in [130, 140] lat in [-40, -30]").area.unwrap();
    assert_eq!(place.bounding_box(), cube_geo::BoundingBox::new(130.0, -40.0, 140.0, -30.0));
}

#[test]
fn values_are_numbers_names_texts_and_urls() {
    let value = |text: &str| match parse(text).fields.remove(0).any.remove(0) {
        FieldTest::Equals(value) => value,
        FieldTest::Between(..) | FieldTest::Within(..) => panic!("{text}"),
    };
    let text = |t: &str| FieldValue::Text(t.to_owned());
    assert_eq!(value("platform = landsat-8"), text("landsat-8"));
    assert_eq!(value("platform=\"LANDSAT 8 \\\"x\\\"\""), text("LANDSAT 8 \"x\""));
    assert_eq!(value("platform='LANDSAT 8'"), text("LANDSAT 8"));
    assert_eq!(value("cloud_cover = -1.5"), FieldValue::Number(-1.5));
    assert_eq!(value("region_code = 090086"), text("090086"));
    assert_eq!(value("version = 3.10"), text("3.10"));
    assert_eq!(value("region_code = \"55\""), text("55"));
    assert_eq!(value("region_code = 55HBU"), text("55HBU"));
    assert_eq!(value("uri = s3://bucket/a/b.yaml?x=1"), text("s3://bucket/a/b.yaml?x=1"));
    assert_eq!(value("flag = nan"), text("nan"));
}

#[test]
fn a_repeated_field_may_have_any_of_its_values() {
    let search = parse("platform=a product=p platform=b product=q platform != c");
    assert_eq!(search.products, ["p", "q"]);
    let equals = |t: &str| FieldTest::Equals(FieldValue::Text(t.to_owned()));
    let term = |any, negated| FieldTerm { name: "platform".into(), any, negated };
    assert_eq!(search.fields, [term(vec![equals("a"), equals("b")], false), term(vec![equals("c")], true)]);
    assert_eq!(parse("platform in [a, b]").fields, [term(vec![equals("a"), equals("b")], false)]);
    assert_eq!(times("time in 2034-01 time in 2035").len(), 2);
}

#[test]
fn a_lower_and_an_upper_bound_make_one_range() {
    assert_eq!(times("time > 2034-01 time < 2034-03"), times("time in [2034-01, 2034-03]"));
    let number = |n| Some(FieldValue::Number(n));
    let between = vec![FieldTest::Between(number(0.0), number(20.0))];
    assert_eq!(parse("cloud_cover >= 0 cloud_cover <= 20").fields[0].any, between);
    assert_eq!(parse("cloud_cover in [0,20]").fields[0].any, between);
    assert_eq!(parse("cloud_cover<=20").fields[0].any, [FieldTest::Between(None, number(20.0))]);
}

#[test]
fn bounds_may_be_left_out() {
    let number = |n| FieldValue::Number(n);
    let test = |text: &str| parse(text).fields.remove(0).any.remove(0);
    assert_eq!(test("cc < 10"), FieldTest::Within(Bound::Unbounded, Bound::Excluded(number(10.0))));
    assert_eq!(test("cc > 5 cc <= 10"), FieldTest::Within(Bound::Excluded(number(5.0)), Bound::Included(number(10.0))));
    let may = Bound::Excluded(FieldValue::Text("2034-05".to_owned()));
    assert_eq!(test("created > 2034-05"), FieldTest::Within(may, Bound::Unbounded), "all of May is left out");
    let north = parse("lat > 40 lat < 50").area.unwrap();
    assert_eq!(north.bounding_box(), cube_geo::BoundingBox::new(-180.0, 40.0, 180.0, 50.0));
}

#[test]
fn not_turns_any_term_round() {
    let not = parse("not platform = a");
    assert_eq!(not, parse("platform != a"));
    assert_eq!(not, parse("platform not in a"));
    assert_eq!(parse("not platform != a"), parse("platform = a"));
    assert_eq!(not.fields[0], FieldTerm { negated: true, ..parse("platform = a").fields.remove(0) });
    for (text, name, tests) in [
        ("not product in [a, b]", "product", 2),
        ("product != a", "product", 1),
        ("id != f884df9b-4458-47fd-a9d2-1a52a2db8a1a", "id", 1),
        ("not time in 2034-05", "time", 1),
        ("not time > 2034-05", "time", 1),
        ("not latitude in [1, 2]", "lat", 1),
        ("cloud_cover not in [0, 20]", "cloud_cover", 1),
        ("not cloud_cover > 20", "cloud_cover", 1),
        ("cloud_cover not in [1, 2, 3]", "cloud_cover", 3),
    ] {
        let search = parse(text);
        assert_eq!(search, Search { fields: search.fields.clone(), ..Search::default() }, "{text}");
        let [term] = search.fields.as_slice() else { panic!("{text}") };
        assert_eq!((term.name.as_str(), term.any.len(), term.negated), (name, tests, true), "{text}");
    }
    // A field of that name stays one.
    assert_eq!(parse("not = 5").fields[0].name, "not");
    assert_eq!(parse("not in [1, 2]").fields[0].name, "not");
    assert_eq!(parse("not in = 5").fields[0], FieldTerm { negated: true, ..parse("in = 5").fields.remove(0) });
}

#[test]
fn ids_are_uuids() {
    let id = "f884df9b-4458-47fd-a9d2-1a52a2db8a1a";
    assert_eq!(parse(&format!("id={id}")).ids.unwrap()[0].to_string(), id);
    assert_eq!(
        error("product=x id=nonsense"),
        "cannot read the search \"product=x id=nonsense\" at column 14: expected the UUID of a dataset, got \"nonsense\""
    );
}

#[test]
fn one_axis_alone_is_a_band_around_the_earth() {
    let band = parse("lat in [41.9, 42.3]").area.unwrap();
    assert_eq!(band.bounding_box(), cube_geo::BoundingBox::new(-180.0, 41.9, 180.0, 42.3));
    let point = parse("lat = 42 lon = 12").area.unwrap().bounding_box();
    assert!((point.width() - 2e-6).abs() < 1e-9, "{point:?}");
}

#[test]
fn longitudes_that_run_backwards_cross_the_antimeridian() {
    let fiji = parse("lon in [177, -178] lat in [-20, -15]").area.unwrap();
    assert!(fiji.contains_point(179.0, -17.0) && fiji.contains_point(-179.0, -17.0));
    assert!(!fiji.contains_point(0.0, -17.0));
    assert_eq!(Search::default().lonlat(177.0..-178.0, -20.0..-15.0).area, Some(fiji));
    let off = Search::default().lonlat(12.0..13.0, 42.0..142.0);
    assert!(matches!(off.check(), Err(SearchError::Area { .. })), "{off:?}");
}

#[test]
fn errors_name_the_column_and_what_was_expected() {
    let tail = |text: &str| error(text).split_once(" at ").unwrap().1.to_owned();
    assert_eq!(
        tail("product"),
        "column 8: expected =, !=, in, not in, >, >=, < or <= after the field name, the expression ends"
    );
    assert_eq!(
        tail("product="),
        "column 9: expected a value: a number, a date, a name or a text in quotes, the expression ends"
    );
    assert_eq!(tail("a=1 =2"), "column 5: expected a field name, such as product or time, got \"=2\"");
    assert_eq!(tail("cloud_cover in [0 20]"), "column 19: expected a comma or ] after the value, got \"20]\"");
    assert_eq!(tail("a=\"é"), "column 5: expected a closing quote, the expression ends");
    assert_eq!(
        tail("time in 20x4"),
        "column 9: expected a date such as 2034, 2034-05 or 2034-05-17T10:00, got \"20x4\""
    );
    assert_eq!(tail("lat in [north, 3]"), "column 9: expected degrees, got \"north\"");
    assert_eq!(tail("cc > 5 cc >= 7"), "column 14: cc has a second lower bound; give one");
    assert_eq!(tail("id > 5"), "column 6: id takes only =, != and in");
    assert_eq!(tail("not product < 5"), "column 15: product takes only =, != and in");
    assert_eq!(tail("cc in [20, 0]"), "column 8: the range ends before it begins: write [0, 20]");
    assert!(tail("time in [2035, 2034]").starts_with("column 10: the time range ends"));
    assert!(error("lat in [-100, 0]").contains("not on the Earth"));
    assert!(error(&"x=1 y=2 ".repeat(400)).contains("160000 boxes"));
}

#[test]
fn an_empty_expression_asks_for_everything() {
    assert_eq!(parse("  "), Search::default());
}

#[test]
fn areas_are_read_from_geojson_and_wkt() {
    let wkt = "POLYGON((12 42, 13 42, 13 43, 12 43, 12 42), (12.4 42.4, 12.6 42.4, 12.6 42.6, 12.4 42.4))";
    let json = r#"{"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates":
        [[[12, 42], [13, 42], [13, 43], [12, 43], [12, 42]], [[12.4, 42.4], [12.6, 42.4], [12.6, 42.6], [12.4, 42.4]]]}}"#;
    let area = area_from_text(wkt).unwrap();
    assert_eq!(area_from_text(json).unwrap(), area);
    assert!(area.contains_point(12.1, 42.1) && !area.contains_point(12.58, 42.5));
    assert!(area_from_text("POINT(12 42)").is_ok());
}

#[test]
fn areas_that_are_none_are_refused() {
    let short = r#"{"type":"Polygon","coordinates":[[[0,0],[1],[1,1],[0,0]]]}"#;
    for text in
        ["", "{}", short, "LINESTRING(0 0, 1 1)", "POLYGON((200 95, 1 0, 1 1, 200 95))", "POLYGON EMPTY", "nonsense"]
    {
        assert!(matches!(area_from_text(text), Err(SearchError::Area { .. })), "{text}");
    }
    assert!(area_from_text(&"GEOMETRYCOLLECTION(".repeat(100_000)).is_err());
    assert!(area_from_text(&r#"{"type":"GeometryCollection","geometries":["#.repeat(100_000)).is_err());
}
