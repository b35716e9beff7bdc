//! What every store must do, whatever the database. Each fact gets a new, empty catalog.

mod definitions;
mod queries;

mod life;
mod lineage;

use cube_model::documents::RawDocument;
use cube_model::{Dataset, FieldTest, FieldValue, MetadataType, Search, Status};
use serde_json::json;
use uuid::Uuid;

use crate::samples::{Sample, area, between, equals, product, product_document, product_of};
use crate::{Added, Catalog, CatalogError, Outcome};

/// Runs every fact on catalogs that `open` makes.
pub(crate) async fn run(open: impl AsyncFn() -> Catalog) {
    default_metadata_types_are_there(open().await).await;
    products_are_added_once(open().await).await;
    unknown_names_are_told_near_ones(open().await).await;
    unsafe_product_changes_need_leave(open().await).await;
    another_metadata_type_brings_its_fields(open().await).await;
    products_with_active_datasets_stay(open().await).await;
    indexing_again_changes_nothing(open().await).await;
    another_record_under_an_id_is_reported_or_updated(open().await).await;
    a_batch_with_an_unknown_product_leaves_nothing(open().await).await;
    records_come_back_as_they_went_in(open().await).await;
    archived_datasets_are_hidden_and_restored(open().await).await;
    only_archived_datasets_are_purged(open().await).await;
    lineage_is_kept_both_ways(open().await).await;
    results_are_ordered_and_limited_over_all_products(open().await).await;
    time_terms_overlap(open().await).await;
    fields_are_searched_by_their_kind(open().await).await;
    bad_fields_and_values_are_sentences(open().await).await;
    holes_parts_and_the_antimeridian_are_respected(open().await).await;
    the_box_fields_lat_and_lon_work(open().await).await;
    hostile_text_is_only_text(open().await).await;
    changes_are_seen_by_the_next_search(open().await).await;
    more_datasets_than_a_statement_takes(open().await).await;
    definitions::run(&open).await;
    queries::run(&open).await;
    life::run(&open).await;
    lineage::run(&open).await;
}

async fn with_product(catalog: &Catalog, name: &str) {
    assert_eq!(catalog.add_product(&product(name)).await.unwrap(), Added::New);
}

async fn fill(catalog: &Catalog, samples: &[Sample]) -> Vec<Dataset> {
    let datasets: Vec<_> = samples.iter().map(Sample::dataset).collect();
    let outcomes = catalog.add_datasets(&datasets).await.unwrap();
    assert!(outcomes.iter().all(|o| *o == Outcome::Added), "{outcomes:?}");
    datasets
}

/// The numbers of the samples found; both ways of searching must agree, and the count with them.
async fn found(catalog: &Catalog, samples: &[Sample], search: &Search) -> Vec<usize> {
    let number = |id: &Uuid| samples.iter().position(|s| s.id == *id).unwrap();
    let first = catalog.search_ids(search).await.unwrap();
    for _ in 0..2 {
        assert_eq!(catalog.search_ids(search).await.unwrap(), first, "the cache agrees");
    }
    assert_eq!(catalog.clone().without_cache().search_ids(search).await.unwrap(), first, "SQL agrees");
    assert_eq!(catalog.count(search).await.unwrap(), first.len() as u64);
    first.iter().map(number).collect()
}

async fn default_metadata_types_are_there(catalog: Catalog) {
    let types = catalog.metadata_types().await.unwrap();
    assert!(types.iter().any(|t| t.name == "eo3"));
    let eo3 = catalog.metadata_type("eo3").await.unwrap();
    assert_eq!(catalog.add_metadata_type(&eo3).await.unwrap(), Added::AlreadyThere);
    // One that no product uses would give way.
    with_product(&catalog, "lake").await;
    let mut other = (*eo3).clone();
    other.document["description"] = json!("another");
    let error = catalog.add_metadata_type(&other).await.unwrap_err().to_string();
    assert!(error.contains("another definition") && error.contains("description"), "{error}");
    other.name = "mine".to_owned();
    other.document["name"] = json!("mine");
    assert_eq!(catalog.add_metadata_type(&other).await.unwrap(), Added::New);
    assert_eq!(catalog.metadata_type("mine").await.unwrap().document, other.document);
}

async fn products_are_added_once(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    assert_eq!(catalog.add_product(&product("lake")).await.unwrap(), Added::AlreadyThere);
    let mut document = product_document("lake");
    document["measurements"][0]["dtype"] = json!("int16");
    let error = catalog.add_product(&product_of(document)).await.unwrap_err().to_string();
    assert!(error.contains("measurements.0.dtype was \"uint16\", is \"int16\""), "{error}");
    assert_eq!(*catalog.require_product("lake").await.unwrap(), product("lake"));
    assert_eq!(catalog.products().await.unwrap().len(), 1);
    assert!(catalog.product("sea").await.unwrap().is_none());

    let mut document = product_document("river");
    document["metadata_type"] = json!("eo4");
    let error = catalog.add_product(&product_of(document)).await.unwrap_err().to_string();
    assert!(error.contains("no metadata type \"eo4\": did you mean eo or eo3?"), "{error}");
}

async fn unknown_names_are_told_near_ones(catalog: Catalog) {
    with_product(&catalog, "sentinel2_l2a").await;
    for error in [
        catalog.require_product("sentinel2_l2").await.unwrap_err(),
        catalog.search(&Search::product("Sentinel2_L2A")).await.unwrap_err(),
        catalog.count(&Search::product("sentinel_l2a")).await.unwrap_err(),
        catalog.delete_product("sentinel2l2a", false).await.unwrap_err(),
        catalog.add_datasets(&[Sample::new("sentinel2_l2b", 0).dataset()]).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("did you mean sentinel2_l2a?"), "{error}");
    }
}

async fn unsafe_product_changes_need_leave(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let mut document = product_document("lake");
    document["measurements"][0]["nodata"] = json!(1);
    assert!(catalog.update_product(&product_of(document.clone()), false).await.unwrap(), "no datasets yet");
    assert!(!catalog.update_product(&product_of(document.clone()), false).await.unwrap(), "nothing differs");
    fill(&catalog, &[Sample::new("lake", 0)]).await;
    document["description"] = json!("other words");
    assert!(catalog.update_product(&product_of(document.clone()), false).await.unwrap());
    document["measurements"][0]["nodata"] = json!(2);
    let error = catalog.update_product(&product_of(document.clone()), false).await.unwrap_err();
    assert!(matches!(error, CatalogError::UnsafeChange { datasets: 1, .. }), "{error}");
    assert!(error.to_string().contains("measurements.0.nodata was 1, is 2"), "{error}");
    assert!(catalog.update_product(&product_of(document.clone()), true).await.unwrap());
    assert_eq!(catalog.require_product("lake").await.unwrap().document, document);
}

async fn another_metadata_type_brings_its_fields(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples: Vec<_> = (0..3).map(|n| Sample::new("lake", n)).collect();
    fill(&catalog, &samples).await;
    let mut document = catalog.metadata_type("eo3").await.unwrap().document.clone();
    document["name"] = json!("mine");
    let fields = document["dataset"]["search_fields"].as_object_mut().unwrap();
    fields.remove("platform");
    fields.insert("file_format".to_owned(), json!({"description": "x", "offset": ["properties", "odc:file_format"]}));
    let mine = MetadataType::from_document(&RawDocument::from_value(document, "test")).unwrap();
    catalog.add_metadata_type(&mine).await.unwrap();
    let mut document = product_document("lake");
    document["metadata_type"] = json!("mine");
    assert!(catalog.update_product(&product_of(document), false).await.unwrap(), "a safe change");

    let by = |field: &str, value: &str| Search { fields: vec![equals(field, &[value])], ..Search::product("lake") };
    assert_eq!(
        found(&catalog, &samples, &by("file_format", "GeoTIFF")).await,
        [0, 1, 2],
        "what was there has the field"
    );
    assert_eq!(found(&catalog, &samples, &by("cloud_cover", "12.5")).await, [0, 1, 2]);
    assert!(catalog.search(&by("platform", "sentinel-2a")).await.unwrap_err().to_string().contains("no search field"));
}

async fn products_with_active_datasets_stay(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples = [Sample::new("lake", 0), Sample::new("lake", 1)];
    fill(&catalog, &samples).await;
    let error = catalog.delete_product("lake", false).await.unwrap_err();
    assert!(matches!(error, CatalogError::ProductInUse { datasets: 2, .. }), "{error}");
    catalog.archive(&[samples[0].id]).await.unwrap();
    assert!(catalog.delete_product("lake", false).await.is_err());
    catalog.archive(&[samples[1].id]).await.unwrap();
    assert_eq!(catalog.delete_product("lake", false).await.unwrap(), 2);
    assert!(catalog.dataset(samples[0].id).await.unwrap().is_none());
    with_product(&catalog, "lake").await;
    assert_eq!(catalog.count(&Search::product("lake")).await.unwrap(), 0, "a new product has none of the old");
    fill(&catalog, &samples).await;
    assert_eq!(catalog.delete_product("lake", true).await.unwrap(), 2);
}

async fn indexing_again_changes_nothing(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples: Vec<_> = (0..5).map(|n| Sample::new("lake", n)).collect();
    let datasets = fill(&catalog, &samples).await;
    assert_eq!(catalog.add_datasets(&datasets).await.unwrap(), vec![Outcome::AlreadyThere; 5]);
    assert_eq!(catalog.update_datasets(&datasets).await.unwrap(), vec![Outcome::AlreadyThere; 5]);
    assert_eq!(catalog.add_datasets(&[]).await.unwrap(), []);
    assert_eq!(catalog.count(&Search::default()).await.unwrap(), 5);
    let new = Sample::new("lake", 9).dataset();
    let twice = catalog.add_datasets(&[new.clone(), new]).await.unwrap();
    assert_eq!(twice, [Outcome::Added, Outcome::AlreadyThere]);
}

async fn another_record_under_an_id_is_reported_or_updated(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let sample = Sample::new("lake", 0);
    fill(&catalog, std::slice::from_ref(&sample)).await;
    let moved = sample.clone().cloud(80.0).at(50.0, 0.0, 51.0, 1.0);
    let Outcome::Changed { differs } = &catalog.add_datasets(&[moved.dataset()]).await.unwrap()[0] else {
        panic!("a changed record must be reported")
    };
    assert!(differs.iter().any(|d| d == "properties.eo:cloud_cover was 12.5, is 80.0"), "{differs:?}");
    assert_eq!(catalog.dataset(sample.id).await.unwrap().unwrap(), sample.dataset(), "nothing was overwritten");

    let there = Search::product("lake").area(area(50.2, 0.2, 50.4, 0.4));
    assert_eq!(found(&catalog, std::slice::from_ref(&sample), &there).await, [] as [usize; 0]);
    assert_eq!(catalog.update_datasets(&[moved.dataset()]).await.unwrap(), [Outcome::Updated]);
    assert_eq!(catalog.dataset(sample.id).await.unwrap().unwrap(), moved.dataset());
    assert_eq!(found(&catalog, std::slice::from_ref(&sample), &there).await, [0], "found where it is now");
    let cloudy = Search { fields: vec![between("cloud_cover", 70.0, 90.0)], ..Search::default() };
    assert_eq!(found(&catalog, std::slice::from_ref(&sample), &cloudy).await, [0]);

    let mut other = Sample::new("sea", 0);
    other.id = sample.id;
    let Outcome::Changed { differs } = &catalog.update_datasets(&[other.dataset()]).await.unwrap()[0] else {
        panic!("a dataset does not change its product")
    };
    assert!(differs[0].contains("product was lake, is sea"), "{differs:?}");
    let mut elsewhere = moved.clone();
    elsewhere.location = None;
    let Outcome::Changed { differs } = &catalog.add_datasets(&[elsewhere.dataset()]).await.unwrap()[0] else {
        panic!("another location must be reported")
    };
    assert!(differs[0].contains("location was /data/lake/0"), "{differs:?}");
}

async fn a_batch_with_an_unknown_product_leaves_nothing(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let batch = [Sample::new("lake", 0).dataset(), Sample::new("sea", 0).dataset()];
    assert!(catalog.add_datasets(&batch).await.is_err());
    assert_eq!(catalog.count(&Search { status: Status::All, ..Search::default() }).await.unwrap(), 0);
}

async fn records_come_back_as_they_went_in(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let mut sample = Sample::new("lake", 0).at(179.0, -10.0, 181.0, 10.0);
    sample.time = ("1969-12-31T23:59:59.000001Z".to_owned(), "2034-01-01T00:00:00.999999Z".to_owned());
    sample.location = Some("s3://bucket/a'b\"c\\d/ü.yaml".to_owned());
    let datasets = fill(&catalog, std::slice::from_ref(&sample)).await;
    assert_eq!(catalog.dataset(sample.id).await.unwrap().unwrap(), datasets[0]);
    assert_eq!(catalog.search(&Search::product("lake")).await.unwrap(), datasets);
    let by_location =
        Search { fields: vec![equals("uri", &[sample.location.as_deref().unwrap()])], ..Search::default() };
    assert_eq!(catalog.search(&by_location).await.unwrap(), datasets);
    let (a, b) = (Sample::new("lake", 1), Sample::new("lake", 2));
    fill(&catalog, &[a.clone(), b.clone()]).await;
    let asked = catalog.datasets(&[b.id, Uuid::nil(), sample.id, a.id]).await.unwrap();
    assert_eq!(asked.iter().map(|d| d.id).collect::<Vec<_>>(), [b.id, sample.id, a.id]);
}

async fn archived_datasets_are_hidden_and_restored(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples: Vec<_> = (0..4).map(|n| Sample::new("lake", n)).collect();
    let datasets = fill(&catalog, &samples).await;
    let here = |status| Search { status, ..Search::product("lake").area(area(10.2, 40.2, 10.4, 40.4)) };
    assert_eq!(found(&catalog, &samples, &here(Status::Active)).await, [0, 1, 2, 3]);
    assert_eq!(catalog.archive(&[samples[1].id, samples[3].id]).await.unwrap(), 2);
    assert_eq!(catalog.archive(&[samples[1].id]).await.unwrap(), 0, "it is archived already");
    assert_eq!(found(&catalog, &samples, &here(Status::Active)).await, [0, 2]);
    assert_eq!(found(&catalog, &samples, &here(Status::Archived)).await, [1, 3]);
    assert_eq!(found(&catalog, &samples, &here(Status::All)).await, [0, 1, 2, 3]);
    let since = catalog.archived(&[samples[0].id, samples[1].id]).await.unwrap();
    assert_eq!(since.keys().collect::<Vec<_>>(), [&samples[1].id]);
    assert_eq!(catalog.add_datasets(&datasets[1..2]).await.unwrap(), [Outcome::Archived]);
    let error = catalog.restore(&[samples[1].id, Uuid::nil()]).await.unwrap_err();
    assert!(matches!(&error, CatalogError::UnknownDatasets { ids } if ids[..] == [Uuid::nil()]), "{error}");
    assert_eq!(found(&catalog, &samples, &here(Status::Active)).await, [0, 2], "all or none");
    assert_eq!(catalog.restore(&[samples[1].id]).await.unwrap(), 1);
    assert_eq!(found(&catalog, &samples, &here(Status::Active)).await, [0, 1, 2]);
}

async fn only_archived_datasets_are_purged(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples: Vec<_> = (0..3).map(|n| Sample::new("lake", n)).collect();
    fill(&catalog, &samples).await;
    let all = Search { status: Status::All, ..Search::product("lake").area(area(10.2, 40.2, 10.4, 40.4)) };
    assert_eq!(found(&catalog, &samples, &all).await, [0, 1, 2]);
    catalog.archive(&[samples[0].id]).await.unwrap();
    let error = catalog.purge(&[samples[0].id, samples[1].id], false).await.unwrap_err();
    assert!(matches!(&error, CatalogError::NotArchived { ids } if ids[..] == [samples[1].id]), "{error}");
    assert_eq!(catalog.purge(&[samples[0].id], false).await.unwrap(), 1);
    assert_eq!(catalog.purge(&[samples[1].id], true).await.unwrap(), 1);
    assert_eq!(found(&catalog, &samples, &all).await, [2]);
    assert!(catalog.dataset(samples[0].id).await.unwrap().is_none());
    assert_eq!(catalog.add_datasets(&[samples[0].dataset()]).await.unwrap(), [Outcome::Added]);
    assert_eq!(found(&catalog, &samples, &all).await, [0, 2]);
}

async fn lineage_is_kept_both_ways(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let level1 = Sample::new("lake", 0);
    let elsewhere = Uuid::from_u128(7);
    let mut level2 = Sample::new("lake", 1);
    level2.sources = vec![level1.id, elsewhere];
    fill(&catalog, &[level1.clone(), level2.clone()]).await;
    let sources = catalog.sources(level2.id).await.unwrap();
    assert_eq!(sources.len(), 2);
    assert!(sources.iter().all(|link| link.classifier == "level1" && level2.sources.contains(&link.dataset)));
    assert_eq!(catalog.derived(elsewhere).await.unwrap()[0].dataset, level2.id);
    catalog.purge(&[level2.id], true).await.unwrap();
    assert!(catalog.derived(level1.id).await.unwrap().is_empty());
}

async fn results_are_ordered_and_limited_over_all_products(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    with_product(&catalog, "sky").await;
    let mut samples: Vec<_> =
        ["sea", "lake", "sky"].iter().flat_map(|product| (0..4).map(|n| Sample::new(product, 7 - n))).collect();
    fill(&catalog, &samples).await;
    samples.sort_by(|a, b| a.time.cmp(&b.time).then(a.id.cmp(&b.id)));
    let all = found(&catalog, &samples, &Search::default()).await;
    assert_eq!(all, (0..12).collect::<Vec<_>>(), "by (centre time, id)");
    assert_eq!(found(&catalog, &samples, &Search::default().limit(5)).await, all[..5]);
    let two = Search { products: vec!["sea".to_owned(), "lake".to_owned()], ..Search::default() };
    let of_two: Vec<_> = (0..12).filter(|n| samples[*n].product != "sky").collect();
    assert_eq!(found(&catalog, &samples, &two).await, of_two);
    let near = two.clone().area(area(10.2, 40.2, 10.4, 40.4)).limit(3);
    assert_eq!(found(&catalog, &samples, &near).await, of_two[..3]);
    assert_eq!(found(&catalog, &samples, &Search::default().limit(0)).await, [] as [usize; 0]);
    let ids = Search { ids: Some(vec![samples[3].id, Uuid::nil(), samples[1].id]), ..Search::default() };
    assert_eq!(found(&catalog, &samples, &ids).await, [1, 3]);
    assert_eq!(found(&catalog, &samples, &Search { ids: Some(vec![]), ..Search::default() }).await, [] as [usize; 0]);
}

async fn time_terms_overlap(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let mut samples: Vec<_> = (0..4).map(|n| Sample::new("lake", n)).collect();
    samples[3].time = ("2034-01-01T00:00:00Z".to_owned(), "2034-01-31T23:59:59.999999Z".to_owned());
    fill(&catalog, &samples).await;
    let at = |text: &str| Search::product("lake").time(text.parse().unwrap());
    assert_eq!(found(&catalog, &samples, &at("2034-01-01")).await, [0, 3]);
    assert_eq!(found(&catalog, &samples, &at("2034-01-02T12:00:00Z")).await, [1, 3], "ends count");
    assert_eq!(found(&catalog, &samples, &at("2034-01-31")).await, [3]);
    assert_eq!(found(&catalog, &samples, &at("2034-02")).await, [] as [usize; 0]);
    let two = at("2034-01-01").time("2034-01-03".parse().unwrap());
    assert_eq!(found(&catalog, &samples, &two).await, [0, 2, 3], "either of two times");
    let field = |text: &str| Search { fields: vec![equals("time", &[text])], ..Search::product("lake") };
    assert_eq!(found(&catalog, &samples, &field("2034-01-02")).await, [1, 3], "a date is the whole day");
    let mut not = field("2034-01-02");
    not.fields[0].negated = true;
    assert_eq!(found(&catalog, &samples, &not).await, [0, 2]);
}

async fn fields_are_searched_by_their_kind(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let mut samples: Vec<_> = (0..5).map(|n| Sample::new("lake", n).cloud(f64::from(n) * 10.0)).collect();
    samples[1].platform = Some("landsat-8".to_owned());
    samples[2].platform = None;
    samples[3].cloud_cover = None;
    fill(&catalog, &samples).await;
    let with = |fields: Vec<_>| Search { fields, ..Search::default() };
    assert_eq!(found(&catalog, &samples, &with(vec![between("cloud_cover", 10.0, 20.0)])).await, [1, 2]);
    let open = cube_model::FieldTerm {
        name: "cloud_cover".to_owned(),
        any: vec![FieldTest::Between(Some(FieldValue::Text("20".to_owned())), None)],
        negated: false,
    };
    assert_eq!(found(&catalog, &samples, &with(vec![open])).await, [2, 4]);
    assert_eq!(found(&catalog, &samples, &with(vec![equals("cloud_cover", &["40"])])).await, [4]);
    assert_eq!(found(&catalog, &samples, &with(vec![equals("platform", &["landsat-8"])])).await, [1]);
    let either = equals("platform", &["landsat-8", "sentinel-2a"]);
    assert_eq!(found(&catalog, &samples, &with(vec![either.clone()])).await, [0, 1, 3, 4]);
    let mut neither = either.clone();
    neither.negated = true;
    assert_eq!(found(&catalog, &samples, &with(vec![neither])).await, [2], "no value is none of the values");
    let both = with(vec![either, between("cloud_cover", 0.0, 10.0)]).area(area(10.2, 40.2, 10.4, 40.4));
    assert_eq!(found(&catalog, &samples, &both).await, [0, 1]);
    let product = with(vec![equals("product", &["lake"]), equals("id", &[&samples[2].id.to_string()])]);
    assert_eq!(found(&catalog, &samples, &product).await, [2]);
    assert_eq!(found(&catalog, &samples, &with(vec![equals("metadata_type", &["eo3"])])).await, [0, 1, 2, 3, 4]);
    let tomorrow = equals("indexed_time", &["2034-01-01/2400-01-01"]);
    assert_eq!(found(&catalog, &samples, &with(vec![tomorrow])).await.len(), if future() { 5 } else { 0 });
}

/// Whether the clock of this machine is past 2034.
fn future() -> bool {
    jiff::Timestamp::now() > "2034-01-01T00:00:00Z".parse().unwrap()
}

async fn bad_fields_and_values_are_sentences(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let message = async |field| {
        let search = Search { fields: vec![field], ..Search::product("lake") };
        catalog.search(&search).await.unwrap_err().to_string()
    };
    let unknown = message(equals("cloudiness", &["1"])).await;
    assert!(unknown.contains("product \"lake\" has no search field \"cloudiness\"; there are "), "{unknown}");
    assert!(unknown.contains("cloud_cover") && unknown.contains("lat"), "{unknown}");
    let word = message(equals("cloud_cover", &["low"])).await;
    assert!(word.contains("holds number values, \"low\" is none"), "{word}");
    assert!(message(between("cloud_cover", 20.0, 10.0)).await.contains("swap them"));
    assert!(message(between("cloud_cover", f64::NAN, 10.0)).await.contains("give a number"));
    assert!(message(equals("time", &["soon"])).await.contains("2034-05"));
    assert!(message(equals("id", &["7"])).await.contains("hexadecimal"));
    assert!(message(equals("product", &["lak"])).await.contains("did you mean lake?"));
}

async fn holes_parts_and_the_antimeridian_are_respected(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let mut samples: Vec<_> = (0..5).map(|n| Sample::new("lake", n)).collect();
    // a frame with a hole in the middle
    samples[0] = samples[0].clone().at(0.0, 0.0, 9.0, 9.0);
    let hole = Sample::new("lake", 9).at(3.0, 3.0, 6.0, 6.0).polygons.0[0].exterior().clone();
    samples[0].polygons.0[0].interiors_push(hole);
    // two parts far from each other
    samples[1] = samples[1].clone().at(20.0, 0.0, 21.0, 1.0);
    samples[1].polygons.0.push(Sample::new("lake", 9).at(40.0, 0.0, 41.0, 1.0).polygons.0[0].clone());
    // across the antimeridian, written past 180
    samples[2] = samples[2].clone().at(178.0, 0.0, 182.0, 4.0);
    // to the antimeridian from the west
    samples[3] = samples[3].clone().at(170.0, 50.0, 180.0, 60.0);
    // a cap over the pole, in a polar CRS
    samples[4].crs = "EPSG:3413";
    samples[4] = samples[4].clone().at(-500_000.0, -500_000.0, 500_000.0, 500_000.0);
    fill(&catalog, &samples).await;
    let none = [] as [usize; 0];
    let at = |w, s, e, n| Search::product("lake").area(area(w, s, e, n));
    assert_eq!(found(&catalog, &samples, &at(4.0, 4.0, 5.0, 5.0)).await, none, "in the hole");
    assert_eq!(found(&catalog, &samples, &at(5.0, 5.0, 6.0, 6.0)).await, [0], "touching the hole's edge");
    assert_eq!(found(&catalog, &samples, &at(25.0, 0.0, 35.0, 1.0)).await, none, "between the parts");
    assert_eq!(found(&catalog, &samples, &at(40.5, 0.5, 45.0, 5.0)).await, [1]);
    assert_eq!(found(&catalog, &samples, &at(-179.0, 1.0, -178.5, 2.0)).await, [2], "from the east");
    assert_eq!(found(&catalog, &samples, &at(178.5, 1.0, 179.0, 2.0)).await, [2], "from the west");
    assert_eq!(found(&catalog, &samples, &at(-177.0, 1.0, 177.0, 2.0)).await, [0, 1], "not the long way round");
    assert_eq!(found(&catalog, &samples, &at(-180.0, 52.0, -170.0, 53.0)).await, [3], "±180 is one meridian");
    assert_eq!(found(&catalog, &samples, &at(175.0, 52.0, 185.0, 53.0)).await, [3]);
    assert_eq!(found(&catalog, &samples, &at(100.0, 89.0, 110.0, 89.5)).await, [4], "near the pole, on any side");
    assert_eq!(found(&catalog, &samples, &at(-100.0, 89.9, -90.0, 90.0)).await, [4]);
}

async fn the_box_fields_lat_and_lon_work(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples = [
        Sample::new("lake", 0).at(10.0, 40.0, 11.0, 41.0),
        Sample::new("lake", 1).at(10.0, -40.0, 11.0, -39.0),
        Sample::new("lake", 2).at(179.0, 40.0, 181.0, 41.0),
    ];
    fill(&catalog, &samples).await;
    let with = |fields: Vec<_>| Search { fields, ..Search::default() };
    assert_eq!(found(&catalog, &samples, &with(vec![between("lat", 40.5, 50.0)])).await, [0, 2]);
    assert_eq!(found(&catalog, &samples, &with(vec![between("lon", 11.0, 12.0)])).await, [0, 1]);
    assert_eq!(found(&catalog, &samples, &with(vec![between("lon", -179.5, -170.0)])).await, [2]);
    let both = vec![between("lat", 40.5, 50.0), between("lon", 10.5, 10.6)];
    assert_eq!(found(&catalog, &samples, &with(both)).await, [0]);
    let mut not = between("lat", 0.0, 90.0);
    not.negated = true;
    assert_eq!(found(&catalog, &samples, &with(vec![not])).await, [1]);
}

async fn hostile_text_is_only_text(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let big = "x".repeat(1 << 20);
    let hostile = ["'; DROP TABLE dataset; --", "\\", "\"", "%", "_", "a\0b", "?1", "", big.as_str()];
    let samples: Vec<_> = (0..)
        .zip(hostile)
        .map(|(n, text)| {
            let mut sample = Sample::new("lake", n);
            sample.platform = Some(text.to_owned());
            sample
        })
        .collect();
    fill(&catalog, &samples).await;
    for (n, text) in hostile.iter().enumerate() {
        let search = Search { fields: vec![equals("platform", &[text])], ..Search::default() };
        assert_eq!(found(&catalog, &samples, &search).await, [n], "{:?}", text.chars().take(20).collect::<String>());
        assert!(matches!(catalog.search(&Search::product(*text)).await, Err(CatalogError::UnknownProduct { .. })));
    }
}

async fn changes_are_seen_by_the_next_search(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let here = Search::product("lake").area(area(10.2, 40.2, 10.4, 40.4));
    let samples: Vec<_> = (0..30).map(|n| Sample::new("lake", n)).collect();
    for (n, sample) in samples.iter().enumerate() {
        fill(&catalog, std::slice::from_ref(sample)).await;
        assert_eq!(found(&catalog, &samples, &here).await, (0..=n).collect::<Vec<_>>());
    }
}

async fn more_datasets_than_a_statement_takes(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples: Vec<_> = (0..1000).map(|n| Sample::new("lake", n)).collect();
    fill(&catalog, &samples).await;
    let here = Search::product("lake").area(area(10.2, 40.2, 10.4, 40.4));
    assert_eq!(found(&catalog, &samples, &here).await, (0..1000).collect::<Vec<_>>());
    let ids: Vec<_> = samples.iter().map(|s| s.id).collect();
    assert_eq!(catalog.archive(&ids).await.unwrap(), 1000);
    assert_eq!(found(&catalog, &samples, &here).await, [] as [usize; 0]);
    assert_eq!(catalog.purge(&ids, false).await.unwrap(), 1000);
}
