//! Facts about orders, chosen fields, counts and extents.

use cube_geo::Crs;
use cube_model::{Search, Status};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{fill, found, with_product};
use crate::samples::{Sample, area, between, equals};
use crate::{Catalog, CatalogError};

pub(super) async fn run(open: &impl AsyncFn() -> Catalog) {
    any_field_orders_and_the_limit_comes_after(open().await).await;
    the_newest_come_first_in_groups_of_one_time(open().await).await;
    chosen_fields_come_back_in_order(open().await).await;
    unknown_fields_are_told_near_ones(open().await).await;
    negated_terms_find_all_the_others(open().await).await;
    counts_are_told_by_product(open().await).await;
    counts_through_time_are_by_overlap(open().await).await;
    extents_hold_all_footprints(open().await).await;
    the_last_change_is_told(open().await).await;
    hostile_words_are_only_words(open().await).await;
}

async fn any_field_orders_and_the_limit_comes_after(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let mut samples: Vec<_> = [("lake", 40.0), ("sea", 10.0), ("lake", 30.0), ("sea", 10.0), ("lake", 20.0)]
        .into_iter()
        .zip(0..)
        .map(|((product, cloud), n)| Sample::new(product, n).cloud(cloud))
        .collect();
    samples[4].cloud_cover = None;
    samples[0].location = None;
    samples[2] = samples[2].clone().at(-50.0, 0.0, -49.0, 1.0);
    fill(&catalog, &samples).await;
    let by = |orders: &[&str]| orders.iter().fold(Search::default(), |search, order| search.order_by(*order));
    assert_eq!(found(&catalog, &samples, &by(&["cloud_cover"])).await, [1, 3, 2, 0, 4], "without a value: last");
    assert_eq!(found(&catalog, &samples, &by(&["-cloud_cover"])).await, [0, 2, 1, 3, 4], "ties by time, last too");
    assert_eq!(found(&catalog, &samples, &by(&["cloud_cover", "-time"])).await, [3, 1, 2, 0, 4]);
    assert_eq!(found(&catalog, &samples, &by(&["product", "-time"])).await, [4, 2, 0, 3, 1]);
    assert_eq!(found(&catalog, &samples, &by(&["time"])).await, [0, 1, 2, 3, 4]);
    assert_eq!(found(&catalog, &samples, &by(&["lon"])).await, [2, 0, 1, 3, 4]);
    assert_eq!(found(&catalog, &samples, &by(&["-uri"])).await, [3, 1, 4, 2, 0]);
    assert_eq!(found(&catalog, &samples, &by(&["-properties.eo:cloud_cover"])).await, [0, 2, 1, 3, 4]);
    let two = by(&["-cloud_cover"]).limit(2);
    assert_eq!(found(&catalog, &samples, &two).await, [0, 2], "of all products together");
    assert_eq!(
        catalog.search(&two).await.unwrap().iter().map(|d| d.id).collect::<Vec<_>>(),
        [samples[0].id, samples[2].id]
    );
    let here = by(&["-cloud_cover"]).area(area(10.2, 40.2, 10.4, 40.4)).limit(2);
    assert_eq!(found(&catalog, &samples, &here).await, [0, 1]);
    let mut ids: Vec<_> = (0..5).collect();
    ids.sort_by_key(|n: &usize| samples[*n].id);
    assert_eq!(found(&catalog, &samples, &by(&["id"])).await, ids);
}

async fn the_newest_come_first_in_groups_of_one_time(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    // More than are read at once, five of each day.
    let mut samples: Vec<Sample> = (0..1_210).map(|n| Sample::new("lake", n)).collect();
    for n in 0..samples.len() {
        samples[n].time = samples[n / 5].time.clone();
    }
    fill(&catalog, &samples).await;
    let mut expected: Vec<usize> = (0..samples.len()).collect();
    expected.sort_by(|a, b| samples[*b].time.cmp(&samples[*a].time).then(samples[*a].id.cmp(&samples[*b].id)));
    let newest = Search::default().order_by("-time");
    assert_eq!(found(&catalog, &samples, &newest).await, expected);
    for limit in [0, 1, 7, 1_003, 2_000] {
        let some = &expected[..limit.min(expected.len())];
        assert_eq!(found(&catalog, &samples, &newest.clone().limit(limit)).await, some);
    }
}

async fn chosen_fields_come_back_in_order(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let mut samples = vec![Sample::new("lake", 0), Sample::new("sea", 1).cloud(3.0).at(179.0, -1.0, 181.0, 1.0)];
    samples[1].platform = None;
    samples[1].time.1 = "2034-01-02T13:00:00.5Z".to_owned();
    fill(&catalog, &samples).await;
    catalog.archive(&[samples[1].id]).await.unwrap();
    let all = Search { status: Status::All, ..Search::default() };
    let fields = [
        "id",
        "product",
        "metadata_type",
        "time",
        "lon",
        "lat",
        "uri",
        "platform",
        "cloud_cover",
        "properties.odc:file_format",
        "measurements.red.path",
        ".crs",
        "nothing.there",
        "label",
    ];
    let rows = catalog.search_returning(&all, &fields).await.unwrap();
    let expected = json!([
        [
            samples[0].id, "lake", "eo3", {"begin": "2034-01-01T12:00:00Z", "end": "2034-01-01T12:00:00Z"},
            {"begin": 10, "end": 11}, {"begin": 40, "end": 41}, "/data/lake/0.odc-metadata.yaml", "sentinel-2a", 12.5,
            "GeoTIFF", "red.tif", "EPSG:4326", null, null,
        ],
        [
            samples[1].id, "sea", "eo3", {"begin": "2034-01-02T12:00:00Z", "end": "2034-01-02T13:00:00.5Z"},
            {"begin": 179, "end": 181}, {"begin": -1, "end": 1}, "/data/sea/1.odc-metadata.yaml", null, 3,
            "GeoTIFF", "red.tif", "EPSG:4326", null, null,
        ],
    ]);
    assert_eq!(Value::from(rows.iter().map(|row| Value::from(row.clone())).collect::<Vec<_>>()), expected);
    let since = catalog.search_returning(&all, &["archived", "indexed_time"]).await.unwrap();
    assert!(since[0][0].is_null() && since[1][0].is_string() && since[0][1].is_string(), "{since:?}");
    let newest = Search { status: Status::All, ..Search::default().order_by("-time").limit(1) };
    assert_eq!(catalog.search_returning(&newest, &["product"]).await.unwrap(), [[json!("sea")]]);
    let asked = [samples[1].id, Uuid::nil(), samples[0].id];
    let some = catalog.fields_of(&asked, &Search::default(), &["product"]).await.unwrap();
    assert_eq!(some, [[json!("sea")], [json!("lake")]], "in the order of the ids");
}

async fn unknown_fields_are_told_near_ones(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    for error in [
        catalog.search_returning(&Search::default(), &["cloudcover"]).await.unwrap_err(),
        catalog.search(&Search::default().order_by("-cloudcover")).await.unwrap_err(),
        catalog.search(&Search { fields: vec![equals("cloudcover", &["1"])], ..Search::default() }).await.unwrap_err(),
    ] {
        assert!(matches!(error, CatalogError::UnknownField { .. }), "{error}");
        assert!(error.to_string().ends_with("Did you mean cloud_cover?"), "{error}");
    }
}

async fn negated_terms_find_all_the_others(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let samples: Vec<_> = (0..4)
        .map(|n| Sample::new(if n < 3 { "lake" } else { "sea" }, n).cloud(f64::from(n) * 10.0))
        .map(|s| if s.cloud_cover == Some(0.0) { s.at(-60.0, -20.0, -59.0, -19.0) } else { s })
        .collect();
    fill(&catalog, &samples).await;
    for (expression, expected) in [
        ("not product = sea", vec![0, 1, 2]),
        ("product = lake not cloud_cover = 10", vec![0, 2]),
        ("not cloud_cover < 20", vec![2, 3]),
        ("not cloud_cover in [5, 25]", vec![0, 3]),
        ("not time in 2034-01-02", vec![0, 2, 3]),
        ("not time in [2034-01-02, 2034-01-03]", vec![0, 3]),
        ("not lat > 0", vec![0]),
        ("not lon in [-70, -50]", vec![1, 2, 3]),
        ("cloud_cover > 10 cloud_cover <= 30", vec![2, 3]),
        ("cloud_cover = 10 cloud_cover = 30", vec![1, 3]),
        ("cloud_cover in [10, 30]", vec![1, 2, 3]),
    ] {
        let search = Search::parse(expression).unwrap();
        assert_eq!(found(&catalog, &samples, &search).await, expected, "{expression}");
    }
    let not_this = Search::parse(&format!("id != {}", samples[1].id)).unwrap();
    assert_eq!(found(&catalog, &samples, &not_this).await, [0, 2, 3]);
}

async fn counts_are_told_by_product(catalog: Catalog) {
    for name in ["sea", "lake", "sky"] {
        with_product(&catalog, name).await;
    }
    let mut samples: Vec<_> = (0..6).map(|n| Sample::new(if n % 3 == 0 { "sea" } else { "lake" }, n)).collect();
    samples[5] = samples[5].clone().at(50.0, 0.0, 51.0, 1.0);
    fill(&catalog, &samples).await;
    catalog.archive(&[samples[0].id]).await.unwrap();
    let counts = async |search: &Search| {
        let counts = catalog.count_by_product(search).await.unwrap();
        let sum: u64 = counts.iter().map(|(_, n)| n).sum();
        assert_eq!(sum, catalog.count(&Search { limit: None, ..search.clone() }).await.unwrap());
        counts.into_iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>()
    };
    assert_eq!(counts(&Search::default().limit(1)).await, ["lake 4", "sea 1", "sky 0"]);
    assert_eq!(counts(&Search { status: Status::All, ..Search::default() }).await, ["lake 4", "sea 2", "sky 0"]);
    assert_eq!(counts(&Search { status: Status::Archived, ..Search::product("sea") }).await, ["sea 1"]);
    let here = Search::default().area(area(10.2, 40.2, 10.4, 40.4));
    for _ in 0..3 {
        assert_eq!(counts(&here).await, ["lake 3", "sea 1", "sky 0"], "the cache agrees");
    }
    let cloudy = Search { fields: vec![between("cloud_cover", 0.0, 5.0)], ..Search::default() };
    assert_eq!(counts(&cloudy).await, ["lake 0", "sea 0", "sky 0"]);
}

async fn counts_through_time_are_by_overlap(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let mut samples: Vec<_> = (0..60).step_by(10).map(|n| Sample::new("lake", n)).collect();
    // The whole of January.
    samples[0].time = ("2034-01-01T00:00:00Z".to_owned(), "2034-01-31T23:59:59.999999Z".to_owned());
    samples[1].time = ("2034-01-31T23:59:59.999999Z".to_owned(), "2034-02-01T00:00:00Z".to_owned());
    fill(&catalog, &samples).await;
    let counts = async |search: &Search, period: &str| {
        let counts = catalog.count_through_time(search, period.parse().unwrap()).await.unwrap();
        counts
            .iter()
            .map(|c| format!("{} {} {}", c.product, &c.period.begin.to_string()[..10], c.count))
            .collect::<Vec<_>>()
    };
    // 20 and 30 are in January, 40 and 50 in February.
    let all = counts(&Search::default(), "month").await;
    assert_eq!(all, ["lake 2034-01-01 4", "lake 2034-02-01 3"], "no periods for a product without datasets");
    let asked = |text: &str| Search::product("lake").time(text.parse().unwrap());
    assert_eq!(
        counts(&asked("2033-12/2034-02"), "1 month").await,
        ["lake 2033-12-01 0", "lake 2034-01-01 4", "lake 2034-02-01 3"]
    );
    assert_eq!(counts(&asked("2034-02-10/.."), "10 days").await, ["lake 2034-02-10 1", "lake 2034-02-20 1"]);
    let here = asked("2034").area(area(10.2, 40.2, 10.4, 40.4));
    for _ in 0..3 {
        assert_eq!(counts(&here, "year").await, ["lake 2034-01-01 6"], "the cache agrees");
    }
    let either = asked("2034-01-01").time("2034-02-10".parse().unwrap());
    let counted = counts(&either, "month").await;
    assert_eq!(counted, ["lake 2034-01-01 1", "lake 2034-02-01 1"], "what was not asked for is not counted");
    let days = asked("1000/3000");
    let error = catalog.count_through_time(&days, "day".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CatalogError::TooManyPeriods { .. }), "{error}");
}

async fn extents_hold_all_footprints(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let samples = [
        Sample::new("lake", 0).at(10.0, 40.0, 11.0, 41.0),
        Sample::new("lake", 1).at(10.5, 40.0, 12.0, 41.0),
        Sample::new("lake", 2).at(20.0, 40.0, 21.0, 42.0),
        Sample::new("sea", 3).at(178.0, -2.0, 183.0, 2.0),
        Sample::new("sea", 4).at(170.0, -1.0, 171.0, 1.0),
    ];
    fill(&catalog, &samples).await;
    let lake = catalog.extent(&Search::product("lake"), None).await.unwrap().unwrap();
    assert_eq!(lake.datasets, 3);
    assert_eq!(lake.time.to_string(), "2034-01-01T12:00:00Z/2034-01-03T12:00:00Z");
    // Whole degrees, so that they are told exactly.
    let sides =
        |e: &crate::Extent| [e.lonlat.west, e.lonlat.south, e.lonlat.east, e.lonlat.north].map(|side| side.to_string());
    assert_eq!(sides(&lake), ["10", "40", "21", "42"]);
    assert_eq!(lake.outline.polygons().0.len(), 2, "two of them overlap");
    assert!(lake.outline.contains_point(11.8, 40.5) && !lake.outline.contains_point(15.0, 40.5));
    let sea = catalog.extent(&Search::product("sea"), None).await.unwrap().unwrap();
    assert_eq!(sides(&sea), ["170", "-2", "183", "2"], "the short way round");
    assert_eq!(sea.lonlat.boxes().len(), 2);
    assert!(sea.outline.contains_point(-178.0, 0.0) && sea.outline.contains_point(179.0, 0.0));
    assert!(!sea.outline.contains_point(0.0, 0.0));
    let ids = Search { ids: Some(vec![samples[0].id, samples[2].id]), ..Search::default() };
    let some = catalog.extent(&ids, Some(&Crs::epsg(32633).unwrap())).await.unwrap().unwrap();
    assert_eq!((some.datasets, some.outline.crs().epsg_code()), (2, Some(32633)));
    assert_eq!(sides(&some), ["10", "40", "21", "42"]);
    assert_eq!(catalog.temporal_extent(&Search::product("lake")).await.unwrap(), Some(lake.time));
    let near = Search::product("lake").area(area(20.2, 40.2, 20.4, 40.4));
    assert_eq!(catalog.temporal_extent(&near).await.unwrap().unwrap().begin.to_string(), "2034-01-03T12:00:00Z");
    catalog.archive(&[samples[3].id, samples[4].id]).await.unwrap();
    assert_eq!(catalog.extent(&Search::product("sea"), None).await.unwrap(), None);
    assert_eq!(catalog.temporal_extent(&Search::product("sea")).await.unwrap(), None);
}

async fn the_last_change_is_told(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    assert_eq!(catalog.most_recent_change("lake").await.unwrap(), None);
    let before = jiff::Timestamp::now() - jiff::SignedDuration::from_millis(1);
    let samples = [Sample::new("lake", 0), Sample::new("lake", 1)];
    fill(&catalog, &samples).await;
    let added = catalog.most_recent_change("lake").await.unwrap().unwrap();
    assert!(added > before && added <= jiff::Timestamp::now(), "{added}");
    catalog.update_datasets(&[samples[0].clone().cloud(1.0).dataset()]).await.unwrap();
    let updated = catalog.most_recent_change("lake").await.unwrap().unwrap();
    assert!(updated > added);
    catalog.archive(&[samples[1].id]).await.unwrap();
    assert!(catalog.most_recent_change("lake").await.unwrap().unwrap() > updated);
    assert!(catalog.most_recent_change("lak").await.is_err());
}

async fn hostile_words_are_only_words(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples = [Sample::new("lake", 0)];
    fill(&catalog, &samples).await;
    let big = "x".repeat(1 << 20);
    let brackets = "[".repeat(1 << 20);
    for text in ["'; DROP TABLE dataset; --", "\\", "\"", "%", "a\0b", "$1", "?1", "\u{1}", &big, &brackets] {
        for field in ["platform", "location", "uri", "region_code"] {
            let search = Search { fields: vec![equals(field, &[text])], ..Search::default() };
            assert_eq!(found(&catalog, &samples, &search).await, [] as [usize; 0]);
            let mut not = search.clone();
            not.fields[0].negated = true;
            assert_eq!(found(&catalog, &samples, &not).await, [0]);
        }
        // Words where names, numbers and times are expected are sentences.
        for field in ["product", "metadata_type", "id", "time", "indexed_time", "cloud_cover", "lat", text] {
            let search = Search { fields: vec![equals(field, &[text])], ..Search::default() };
            assert!(catalog.search_ids(&search).await.is_err());
            assert!(catalog.count_by_product(&search).await.is_err());
        }
        assert!(catalog.search_returning(&Search::default(), &[text]).await.is_err());
        assert!(catalog.search_ids(&Search::default().order_by(text)).await.is_err());
        // A path is a path, whatever its keys.
        let path = format!("properties.{text}");
        assert_eq!(catalog.search_returning(&Search::default(), &[path.as_str()]).await.unwrap(), [[Value::Null]]);
        assert!(catalog.extent(&Search::product(text), None).await.is_err());
        assert!(catalog.most_recent_change(text).await.is_err());
        assert!(catalog.delete_products(&[text], true).await.is_err());
        let _ = Search::parse(&format!("platform = {text}"));
    }
    assert_eq!(catalog.count(&Search::default()).await.unwrap(), 1);
}
