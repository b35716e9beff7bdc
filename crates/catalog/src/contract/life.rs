//! The life of datasets: archived and restored with what was derived from them, updated, found by location, by what they
//! share, by maturity.

use std::time::Duration;

use cube_model::{Dataset, Search, Status};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{fill, with_product};
use crate::samples::{Sample, equals};
use crate::{
    ArchiveOptions, Catalog, CatalogError, Chosen, LocationMode, MATURITY_DELTA, Outcome, PurgeOptions, RestoreOptions,
    Touched, UpdateOutcome, UpdateRules,
};

pub(super) async fn run(open: &impl AsyncFn() -> Catalog) {
    derived_datasets_are_archived_and_restored_with_their_source(open().await).await;
    datasets_are_chosen_by_a_search(open().await).await;
    a_dry_run_writes_nothing(open().await).await;
    known_ids_are_told(open().await).await;
    updates_need_leave_for_what_is_not_safe(open().await).await;
    updates_move_a_dataset_or_keep_it(open().await).await;
    locations_are_found_exactly_and_by_prefix(open().await).await;
    duplicates_share_fields_and_times(open().await).await;
    less_mature_versions_are_archived(open().await).await;
    a_batch_is_mature_in_its_own_order(open().await).await;
}

fn ids(touched: &[Touched]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = touched.iter().map(|touched| touched.id).collect();
    ids.sort_unstable();
    ids
}

fn sorted(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.sort_unstable();
    ids
}

async fn active(catalog: &Catalog) -> Vec<Uuid> {
    catalog.dataset_ids(None, Status::Active).await.unwrap()
}

/// A dataset whose document was changed.
fn changed(sample: &Sample, change: impl FnOnce(&mut Value)) -> Dataset {
    let mut document = sample.document();
    change(&mut document);
    Dataset::from_stored(document, sample.location.as_deref(), &sample.product).unwrap()
}

/// Level 1, level 2, fractional cover, each made from the one before, and another scene.
fn chain() -> Vec<Sample> {
    let mut samples: Vec<_> = (0..4).map(|n| Sample::new("lake", n)).collect();
    samples[1].sources = vec![samples[0].id];
    samples[2].sources = vec![samples[1].id, Uuid::from_u128(7)];
    samples
}

async fn derived_datasets_are_archived_and_restored_with_their_source(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples = chain();
    fill(&catalog, &samples).await;
    let all = ArchiveOptions { derived: true, dry_run: false };
    let touched = catalog.archive_with(Chosen::Ids(&[samples[0].id]), all).await.unwrap();
    assert_eq!(ids(&touched), sorted(samples[..3].iter().map(|s| s.id).collect()));
    assert!(touched.iter().all(|t| t.archived.is_none() && t.product == "lake" && t.location.is_some()), "as before");
    assert_eq!(active(&catalog).await, [samples[3].id]);
    assert!(catalog.archive_with(Chosen::Ids(&[samples[0].id]), all).await.unwrap().is_empty(), "all are archived");

    let only = RestoreOptions::default();
    assert_eq!(ids(&catalog.restore_with(Chosen::Ids(&[samples[0].id]), only).await.unwrap()), [samples[0].id]);
    // Its source is active: what was derived comes back whenever it was archived.
    let derived = RestoreOptions { derived: Some(Duration::ZERO), dry_run: false };
    let touched = catalog.restore_with(Chosen::Ids(&[samples[0].id]), derived).await.unwrap();
    assert_eq!(ids(&touched), sorted(vec![samples[1].id, samples[2].id]));

    // Archived some time before its source: that it was not wanted had another reason.
    catalog.archive(&[samples[2].id]).await.unwrap();
    std::thread::sleep(Duration::from_millis(60));
    catalog.archive(&[samples[0].id, samples[1].id]).await.unwrap();
    let narrow = RestoreOptions { derived: Some(Duration::from_millis(50)), dry_run: false };
    let touched = catalog.restore_with(Chosen::Ids(&[samples[0].id]), narrow).await.unwrap();
    assert_eq!(ids(&touched), sorted(vec![samples[0].id, samples[1].id]));
    let error = catalog.archive_with(Chosen::Ids(&[samples[0].id, Uuid::nil()]), all).await.unwrap_err();
    assert!(matches!(&error, CatalogError::UnknownDatasets { ids } if ids[..] == [Uuid::nil()]), "{error}");
    assert!(active(&catalog).await.contains(&samples[0].id), "all or nothing");
}

async fn datasets_are_chosen_by_a_search(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let samples: Vec<_> = (0..4).map(|n| Sample::new(if n < 3 { "lake" } else { "sea" }, n)).collect();
    fill(&catalog, &samples).await;
    let first_days = Search::product("lake").time("2034-01-01/2034-01-02".parse().unwrap());
    let found = Chosen::Found(&first_days);
    let touched = catalog.archive_with(found, ArchiveOptions::default()).await.unwrap();
    assert_eq!(ids(&touched), sorted(vec![samples[0].id, samples[1].id]));
    assert!(catalog.archive_with(found, ArchiveOptions::default()).await.unwrap().is_empty());
    assert_eq!(catalog.restore_with(found, RestoreOptions::default()).await.unwrap().len(), 2);
    catalog.archive(&[samples[0].id]).await.unwrap();
    let purged = catalog.purge_with(Chosen::Found(&Search::default()), PurgeOptions::default()).await.unwrap();
    assert_eq!(ids(&purged), [samples[0].id], "only archived ones are found to be purged");
    let forced = PurgeOptions { force: true, dry_run: false };
    let purged = catalog.purge_with(Chosen::Found(&Search::product("lake")), forced).await.unwrap();
    assert_eq!(ids(&purged), sorted(vec![samples[1].id, samples[2].id]));
    assert_eq!(active(&catalog).await, [samples[3].id]);
    let error = catalog.purge_with(Chosen::Ids(&[samples[3].id]), PurgeOptions::default()).await.unwrap_err();
    assert!(matches!(error, CatalogError::NotArchived { .. }), "{error}");
}

async fn a_dry_run_writes_nothing(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let samples = chain();
    fill(&catalog, &samples).await;
    let every = Search::default();
    let all = Chosen::Found(&every);
    let dry = ArchiveOptions { derived: true, dry_run: true };
    assert_eq!(catalog.archive_with(Chosen::Ids(&[samples[1].id]), dry).await.unwrap().len(), 2);
    assert_eq!(active(&catalog).await.len(), 4);
    catalog.archive(&[samples[0].id, samples[1].id]).await.unwrap();
    let dry = RestoreOptions { derived: Some(Duration::from_mins(10)), dry_run: true };
    assert_eq!(catalog.restore_with(all, dry).await.unwrap().len(), 2);
    let dry = PurgeOptions { force: true, dry_run: true };
    assert_eq!(catalog.purge_with(all, dry).await.unwrap().len(), 4);
    assert_eq!(catalog.dataset_ids(None, Status::Archived).await.unwrap().len(), 2);
    assert_eq!(active(&catalog).await.len(), 2);
}

async fn known_ids_are_told(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let samples: Vec<_> = (0..3).map(|n| Sample::new("lake", n)).collect();
    fill(&catalog, &samples).await;
    catalog.archive(&[samples[1].id]).await.unwrap();
    let asked = [samples[2].id, Uuid::nil(), samples[1].id];
    assert_eq!(catalog.has(&asked).await.unwrap(), [true, false, true]);
    assert_eq!(catalog.dataset_ids(Some("lake"), Status::Active).await.unwrap(), [samples[0].id, samples[2].id]);
    assert_eq!(catalog.dataset_ids(Some("lake"), Status::All).await.unwrap().len(), 3);
    assert!(catalog.dataset_ids(Some("sea"), Status::All).await.unwrap().is_empty());
    assert!(catalog.dataset_ids(Some("lak"), Status::All).await.is_err());
}

async fn updates_need_leave_for_what_is_not_safe(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let samples: Vec<_> = (0..4).map(|n| Sample::new("lake", n)).collect();
    fill(&catalog, &samples[..3]).await;
    let mut moved_product = Sample::new("sea", 2);
    moved_product.id = samples[2].id;
    let given = [
        changed(&samples[0], |d| d["accessories"] = json!({"thumbnail": {"path": "t.png"}})),
        changed(&samples[1], |d| d["properties"]["eo:cloud_cover"] = json!(99.0)),
        moved_product.dataset(),
        samples[3].dataset(),
        samples[0].dataset(),
    ];
    let outcomes = async |datasets: &[Dataset], rules: &UpdateRules| {
        let updates = catalog.update_with(datasets, rules).await.unwrap();
        updates.into_iter().map(|update| update.outcome).collect::<Vec<_>>()
    };
    let dry = UpdateRules { dry_run: true, ..UpdateRules::default() };
    let updates = catalog.update_with(&given, &dry).await.unwrap();
    assert_eq!(updates[0].safe, ["accessories is new: {\"thumbnail\":{\"path\":\"t.png\"}}"]);
    assert_eq!(updates[1].not_safe, ["properties.eo:cloud_cover was 12.5, is 99.0"]);
    assert_eq!(updates[2].outcome, UpdateOutcome::OtherProduct { there: "lake".to_owned() });
    assert_eq!(catalog.dataset(samples[0].id).await.unwrap().unwrap(), samples[0].dataset(), "nothing was written");

    let strict = outcomes(&given[..2], &UpdateRules::default()).await;
    assert_eq!(strict, [UpdateOutcome::Updated, UpdateOutcome::Refused], "one refusal stops no other");
    assert_eq!(catalog.dataset(samples[0].id).await.unwrap().unwrap(), given[0]);
    assert_eq!(catalog.dataset(samples[1].id).await.unwrap().unwrap(), samples[1].dataset());
    let cloudy = Search { fields: vec![equals("cloud_cover", &["99"])], ..Search::default() };
    assert!(catalog.search_ids(&cloudy).await.unwrap().is_empty());

    let allowing = |rule: &str| UpdateRules { allow_any: vec![rule.to_owned()], ..UpdateRules::default() };
    assert_eq!(outcomes(&given[1..2], &allowing("properties")).await, [UpdateOutcome::Updated]);
    assert_eq!(catalog.search_ids(&cloudy).await.unwrap(), [samples[1].id], "its fields are searched as they are now");
    assert_eq!(outcomes(&given[1..2], &UpdateRules::default()).await, [UpdateOutcome::Unchanged]);
    assert_eq!(outcomes(&given[4..], &UpdateRules::default()).await, [UpdateOutcome::Refused], "a key goes");
    assert_eq!(outcomes(&given[3..4], &UpdateRules::default()).await, [UpdateOutcome::NotThere]);

    catalog.archive(&[samples[0].id]).await.unwrap();
    assert_eq!(outcomes(&given[4..], &allowing("accessories")).await, [UpdateOutcome::Updated]);
    assert!(!active(&catalog).await.contains(&samples[0].id), "it stays archived");

    // The same dataset twice in a call: the second is compared with the first.
    let twice = [given[1].clone(), changed(&samples[1], |d| d["properties"]["eo:cloud_cover"] = json!(50.0))];
    let rules = allowing("*.eo:cloud_cover");
    assert_eq!(outcomes(&twice, &rules).await, [UpdateOutcome::Unchanged, UpdateOutcome::Updated]);
    assert_eq!(catalog.dataset(samples[1].id).await.unwrap().unwrap(), twice[1]);
}

async fn updates_move_a_dataset_or_keep_it(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let sample = Sample::new("lake", 0);
    fill(&catalog, std::slice::from_ref(&sample)).await;
    let mut elsewhere = sample.clone();
    elsewhere.location = Some("/moved/0.yaml".to_owned());
    let keep = UpdateRules { keep_location: true, ..UpdateRules::default() };
    let kept = catalog.update_with(&[elsewhere.dataset()], &keep).await.unwrap();
    assert_eq!((&kept[0].outcome, &kept[0].moved), (&UpdateOutcome::Unchanged, &None));
    let new_key = Dataset { location: elsewhere.location.clone(), ..changed(&sample, |d| d["new"] = json!(1)) };
    assert_eq!(catalog.update_with(&[new_key], &keep).await.unwrap()[0].outcome, UpdateOutcome::Updated);
    assert_eq!(catalog.location(sample.id).await.unwrap(), sample.location);
    let moving = Dataset { location: elsewhere.location.clone(), ..changed(&sample, |d| d["new"] = json!(1)) };
    let moved = catalog.update_with(&[moving], &UpdateRules::default()).await.unwrap();
    assert_eq!(moved[0].moved, Some((sample.location.clone(), elsewhere.location.clone())));
    assert_eq!(catalog.location(sample.id).await.unwrap(), elsewhere.location);
    let error = catalog.location(Uuid::nil()).await.unwrap_err();
    assert!(matches!(error, CatalogError::UnknownDatasets { .. }), "{error}");
}

async fn locations_are_found_exactly_and_by_prefix(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let places = [
        Some("/data/a/1.yaml"),
        Some("/data/a/1.yaml.old"),
        Some("/data/a b/%_2.yaml"),
        Some("s3://bucket/scene/3.yaml"),
        Some("file:///data/a%20b/4.yaml"),
        Some("/data/all.nc#part=5"),
        None,
    ];
    let mut samples: Vec<_> = (0..).zip(places).map(|(n, _)| Sample::new("lake", n)).collect();
    for (sample, place) in samples.iter_mut().zip(places) {
        sample.location = place.map(str::to_owned);
    }
    fill(&catalog, &samples).await;
    catalog.archive(&[samples[1].id]).await.unwrap();
    let at = async |location: &str, mode| -> Vec<usize> {
        let found = catalog.datasets_at(location, mode).await.unwrap();
        found.iter().map(|touched| samples.iter().position(|s| s.id == touched.id).unwrap()).collect()
    };
    let none = [] as [usize; 0];
    assert_eq!(at("/data/a/1.yaml", LocationMode::Exact).await, [0]);
    assert_eq!(at("file:///data/a/1.yaml", LocationMode::Exact).await, [0], "a path and its URL are one place");
    assert_eq!(at("/data/a/1.yaml", LocationMode::Prefix).await, [0, 1], "archived ones too");
    assert_eq!(at("/data/a/1.yaml", LocationMode::Guess).await, [0, 1]);
    assert_eq!(at("/data/all.nc#part=5", LocationMode::Guess).await, [5]);
    assert_eq!(at("/data/all.nc#part", LocationMode::Guess).await, none);
    assert_eq!(at("/data/", LocationMode::Prefix).await, [0, 1, 2, 4, 5]);
    assert_eq!(at("/data/a b/", LocationMode::Prefix).await, [2, 4]);
    assert_eq!(at("/data/a b/4.yaml", LocationMode::Exact).await, [4]);
    assert_eq!(at("s3://bucket/", LocationMode::Prefix).await, [3]);
    assert_eq!(at("s3://bucket", LocationMode::Exact).await, none);
    assert_eq!(at("%", LocationMode::Prefix).await, none, "no letter is a wildcard");
    assert_eq!(at("/data/a b/%_", LocationMode::Prefix).await, [2]);
    assert_eq!(at("/data/_", LocationMode::Prefix).await, none);
    assert!(catalog.datasets_at("", LocationMode::Prefix).await.is_err());
    let found = catalog.datasets_at("/data/a/1.yaml.old", LocationMode::Exact).await.unwrap();
    assert!(found[0].archived.is_some() && found[0].product == "lake");
}

/// A version of one scene: of region and maturity, so many milliseconds into 2034.
fn version(n: u32, region: &str, maturity: &str, millisecond: i64) -> Dataset {
    let mut sample = Sample::new("lake", n);
    let at = jiff::Timestamp::from_millisecond(2_019_686_400_000 + millisecond).unwrap();
    sample.time = (at.to_string(), at.to_string());
    changed(&sample, |d| {
        d["properties"]["odc:region_code"] = json!(region);
        if !maturity.is_empty() {
            d["properties"]["dea:dataset_maturity"] = json!(maturity);
        }
    })
}

async fn duplicates_share_fields_and_times(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    with_product(&catalog, "sea").await;
    let day = 86_400_000;
    let datasets = [
        version(0, "090086", "final", 0),
        version(1, "090086", "nrt", 400),
        version(2, "090086", "final", day),
        version(3, "090087", "final", 0),
        version(4, "090087", "final", 3 * day),
        version(5, "090086", "final", 0),
        Sample::new("lake", 6).dataset(),
        Sample::new("sea", 7).dataset(),
        Sample::new("sea", 8).dataset(),
    ];
    catalog.add_datasets(&datasets).await.unwrap();
    let id = |n: usize| datasets[n].id;
    let groups = async |products: &[&str], fields: &[&str]| {
        let [products, fields] =
            [products, fields].map(|names| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>());
        catalog.duplicates(&products, &fields).await
    };
    let found = groups(&["lake"], &["region_code"]).await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].values, [json!("090086")]);
    assert_eq!(sorted(found[0].ids.clone()), sorted(vec![id(0), id(1), id(2), id(5)]));
    assert_eq!(found[1].ids, [id(3), id(4)], "in the order of time");

    let found = groups(&[], &["region_code", "time"]).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(sorted(found[0].ids.clone()), sorted(vec![id(0), id(1), id(5)]));
    assert_eq!(found[0].values[1]["begin"], "2034-01-01T00:00:00Z");
    assert_eq!(found[0].values[1]["end"], "2034-01-01T00:00:00.4Z", "the range of all of them");
    let found = groups(&[], &["region_code", "time", "dataset_maturity"]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(sorted(found[0].ids.clone()), sorted(vec![id(0), id(5)]));

    catalog.archive(&[id(0)]).await.unwrap();
    assert!(groups(&[], &["time", "region_code", "dataset_maturity"]).await.unwrap().is_empty(), "active ones only");
    let found = groups(&[], &["platform", "cloud_cover"]).await.unwrap();
    assert_eq!(found.iter().map(|group| group.product.as_str()).collect::<Vec<_>>(), ["lake", "sea"]);
    assert_eq!(found[1].values, [json!("sentinel-2a"), json!(12.5)]);
    let error = groups(&["lake"], &["regioncode"]).await.unwrap_err().to_string();
    assert!(error.contains("\"regioncode\"") && error.contains("region_code"), "{error}");
    assert!(groups(&[], &["regioncode"]).await.unwrap_err().to_string().contains("no product has"));
    assert!(groups(&[], &[]).await.is_err());
    assert!(groups(&["lak"], &["time"]).await.is_err());
}

async fn less_mature_versions_are_archived(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let nrt = version(0, "090086", "nrt", 0);
    let interim = version(1, "090086", "interim", 400);
    let elsewhere = version(2, "090087", "nrt", 0);
    let later = version(3, "090086", "nrt", 60_000);
    catalog.add_datasets(&[nrt.clone(), interim.clone(), elsewhere.clone(), later.clone()]).await.unwrap();
    let last = version(4, "090086", "final", 800);
    let find = async |dataset: &Dataset, delta| catalog.find_less_mature(dataset, delta).await;
    assert_eq!(find(&last, MATURITY_DELTA).await.unwrap(), [interim.id], "nrt lies 800 ms away");
    let wide = find(&last, Duration::from_secs(1)).await.unwrap();
    assert_eq!(wide, sorted(vec![nrt.id, interim.id]));
    assert_eq!(catalog.dataset_ids(None, Status::Archived).await.unwrap().len(), 0, "finding changes nothing");
    let archived = catalog.archive_less_mature(&last, Duration::from_secs(1)).await.unwrap();
    assert_eq!(sorted(archived), wide);
    assert_eq!(active(&catalog).await, [elsewhere.id, later.id], "another region, another time");
    assert!(find(&last, MATURITY_DELTA).await.unwrap().is_empty(), "archived versions have no say");

    catalog.add_datasets(std::slice::from_ref(&last)).await.unwrap();
    assert!(find(&last, MATURITY_DELTA).await.unwrap().is_empty(), "it is no version of itself");
    for (given, mature) in [(version(5, "090086", "nrt", 900), "final"), (version(6, "090086", "final", 900), "final")]
    {
        let error = find(&given, MATURITY_DELTA).await.unwrap_err();
        let told =
            matches!(&error, CatalogError::NotMoreMature { there, mature: m, .. } if *there == last.id && m == mature);
        assert!(told, "{error}");
    }
    for (given, lacks) in [
        (Sample::new("lake", 7).dataset(), "region_code"),
        (version(7, "090086", "", 0), "dataset_maturity"),
        (version(7, "090086", "ripe", 0), "\"ripe\""),
    ] {
        let error = find(&given, MATURITY_DELTA).await.unwrap_err();
        assert!(matches!(error, CatalogError::NoMaturity { .. }) && error.to_string().contains(lacks), "{error}");
    }
    catalog.add_datasets(&[version(8, "090088", "", 0)]).await.unwrap();
    let error = find(&version(9, "090088", "final", 0), MATURITY_DELTA).await.unwrap_err();
    assert!(matches!(error, CatalogError::NoMaturity { id, .. } if id == Sample::new("lake", 8).id), "{error}");
}

async fn a_batch_is_mature_in_its_own_order(catalog: Catalog) {
    with_product(&catalog, "lake").await;
    let there = version(0, "a", "nrt", 0);
    catalog.add_datasets(std::slice::from_ref(&there)).await.unwrap();
    let batch = [
        version(1, "a", "interim", 100),
        version(2, "a", "final", 200),
        version(3, "a", "nrt", 300),
        version(4, "b", "final", 0),
        Sample::new("lake", 5).dataset(),
    ];
    let found = catalog.find_less_mature_of(&batch, MATURITY_DELTA).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap(), &[there.id]);
    assert_eq!(
        found[1].as_ref().unwrap(),
        &sorted(vec![there.id, batch[0].id]),
        "one that comes before in the batch too"
    );
    let refused = found[2].as_ref().unwrap_err();
    assert!(matches!(refused, CatalogError::NotMoreMature { there, .. } if *there == batch[1].id), "{refused}");
    assert!(found[3].as_ref().unwrap().is_empty());
    assert!(matches!(found[4], Err(CatalogError::NoMaturity { .. })));

    // The same again, once it is written: nothing is refused that is there, but what was refused.
    let accepted: Vec<Dataset> = batch[..2].iter().chain(&batch[3..4]).cloned().collect();
    assert_eq!(catalog.add_datasets(&accepted).await.unwrap(), [const { Outcome::Added }; 3]);
    catalog.archive(&[there.id, batch[0].id]).await.unwrap();
    let again = catalog.find_less_mature_of(&batch[..3], MATURITY_DELTA).await.unwrap();
    assert!(again[0].as_ref().unwrap().is_empty(), "it is archived and has no say");
    assert!(again[1].as_ref().unwrap().is_empty());
    assert!(again[2].is_err());
}
