//! Figures, printed and not asserted: `cargo test -p cube-catalog -- --ignored --nocapture postgis`.
//! `CUBE_SPEED_DATASETS` sets how many datasets.

use std::time::{Duration, Instant};

use cube_model::Search;

use super::database::Database;
use crate::Catalog;
use crate::postgis::tests::Purpose;
use crate::samples::{area, product};

/// Seconds of CPU that all server processes of this machine have taken, those that ended too.
fn server_cpu() -> f64 {
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0.0 };
    let ticks = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        let times: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
        (name == "postgres").then_some(times)
    };
    processes.flatten().filter_map(ticks).sum::<f64>() / 100.0
}

#[tokio::test]
#[ignore = "measures and takes long"]
async fn speed_of_postgis() {
    let Some(database) = Database::new().await else { return };
    let count = std::env::var("CUBE_SPEED_DATASETS").ok().map_or(20_000, |n| n.parse().unwrap());
    let catalog = database.catalog().await;
    catalog.add_product(&product("scenes")).await.unwrap();
    let preparer = catalog.preparer().await.unwrap();
    let mut all = crate::speed::datasets(count);
    let (mut adding, mut cpu) = (Duration::ZERO, 0.0);
    loop {
        let batch: Vec<_> = all.by_ref().take(5000).map(|d| preparer.prepare(&d, None).unwrap()).collect();
        if batch.is_empty() {
            break;
        }
        let (begin, before) = (Instant::now(), server_cpu());
        catalog.add_prepared(batch, false).await.unwrap();
        adding += begin.elapsed();
        cpu += server_cpu() - before;
    }
    let rate = |seconds: f64| f64::from(count) / seconds;
    println!("indexing {:.0}/s, {:.0} a second of the server's CPU", rate(adding.as_secs_f64()), rate(cpu));
    let mut transaction = catalog.store.begin(Purpose::Read).await.unwrap();
    let begin = Instant::now();
    let rows = transaction.changes(1, None).await.unwrap().rows.keys().count();
    println!("all {rows} rows for the cache {:?}", begin.elapsed());
    drop(transaction);
    searches("just after", &catalog).await;
    database.execute("VACUUM ANALYZE").await;
    searches("after VACUUM ANALYZE", &catalog).await;
    let mut rounds: Vec<_> = Vec::new();
    for _ in 0..1000 {
        let begin = Instant::now();
        catalog.store.state(Some(&[1])).await.unwrap();
        rounds.push(begin.elapsed());
    }
    rounds.sort_unstable();
    println!("the state: p50 {:?}, p99 {:?}", rounds[500], rounds[990]);
}

async fn searches(when: &str, catalog: &Catalog) {
    let sql = catalog.clone().without_cache();
    let (mut times, mut hits) = (Vec::new(), 0);
    for n in 0..300 {
        let (west, south) = (f64::from(n * 37 % 350) - 178.0, f64::from(n * 53 % 150) - 78.0);
        let search = Search::product("scenes")
            .area(area(west, south, west + 2.0, south + 2.0))
            .time("2034-03/2034-06".parse().unwrap());
        let begin = Instant::now();
        hits += sql.search_ids(&search).await.unwrap().len();
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    println!("2° and four months by SQL, {when}: p50 {:?}, p99 {:?}, {hits} hits", times[150], times[297]);
}
