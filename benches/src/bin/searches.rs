//! Searches in a process of their own, as `scripts/bench-catalog` measures them. Prints JSON; times in microseconds.
//!
//! usage: `searches URL sql|cache COUNT`                ids of boxes of 2° and 90 days, by SQL alone or through the cache
//!        `searches URL documents COUNT`                the same with whole documents, through the cache
//!        `searches URL find W,S,E,N,BEGIN,END,PRODUCT…`   whole documents; medians of eleven
//!
//! Beside each search of ids stands one plain `SELECT 1` on a connection of its own, in turn with the searches: what any
//! question to the database costs at least.

use std::error::Error;
use std::time::Instant;

use cube_benches::documents::{Place, SCENES, mix};
use cube_catalog::{Catalog, CatalogUrl};
use cube_model::Search;
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::runtime::Runtime;

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, mode, rest @ ..] = arguments.as_slice() else { return Err("usage: searches URL MODE …".into()) };
    // As the facade has it.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let parsed: CatalogUrl = url.parse()?;
    let catalog = runtime.block_on(Catalog::open(&parsed))?;
    let said = match (mode.as_str(), rest) {
        ("sql", [count]) => many(&runtime, &catalog.without_cache(), url, count.parse()?)?,
        ("cache", [count]) => {
            let count = count.parse()?;
            let built = build(&runtime, &catalog)?;
            let whole = many(&runtime, &catalog, url, count)?;
            json!({"built": built, "whole": whole, "alone": alone(&catalog, count)?})
        }
        ("documents", [count]) => documents(&runtime, &catalog, count.parse()?)?,
        ("find", finds) if !finds.is_empty() => {
            finds.iter().map(|find| one(&runtime, &catalog, find)).collect::<Fallible<Vec<_>>>()?.into()
        }
        _ => return Err("the modes are: sql COUNT, cache COUNT, documents COUNT, find BOX,TIME,PRODUCT".into()),
    };
    println!("{said}");
    Ok(())
}

/// Search `n`: 2° around a place where scenes lie, and 90 days.
fn search(n: u64) -> Fallible<Search> {
    let (lon, lat) = Place::of(mix(n ^ 0x005e_a4c4)).lonlat;
    let (lon, lat) = (lon.clamp(-179.0, 179.0), lat.clamp(-88.0, 88.0));
    let day = i64::try_from(mix(n ^ 0x4d) % 3_500)?;
    let begin = jiff::Timestamp::from_second(1_388_534_400 + day * 86_400)?;
    let end = jiff::Timestamp::from_second(1_388_534_400 + (day + 90) * 86_400)?;
    let search = Search::product(SCENES).bbox(lon - 1.0, lat - 1.0, lon + 1.0, lat + 1.0)?;
    Ok(search.time(format!("{begin}/{end}").parse()?))
}

/// The first two searches, which read the product and build its cache, and the memory that the cache holds. Beside it
/// by how much the process grew, with what was in passing.
fn build(runtime: &Runtime, catalog: &Catalog) -> Fallible<Value> {
    let before = resident()?;
    let begin = Instant::now();
    let datasets = runtime.block_on(catalog.count(&Search::product(SCENES)))?;
    let counted = micros(begin);
    let begin = Instant::now();
    for n in 0..2 {
        runtime.block_on(catalog.search_ids(&search(n)?))?;
    }
    let build = micros(begin);
    let (held, grown) = (catalog.cache_size().bytes, resident()?.saturating_sub(before));
    Ok(json!({"datasets": datasets, "count": counted, "build": build, "bytes": held, "grown": grown}))
}

/// The cache without the database. It leaves the searches to the database in which a footprint must be looked at.
fn alone(catalog: &Catalog, count: u64) -> Fallible<Value> {
    let (mut times, mut hits, mut left) = (Vec::new(), 0, 0);
    for n in 0..count + count / 5 {
        let search = search(n)?;
        let begin = Instant::now();
        let found = catalog.ids_in_cache(&search)?;
        let took = micros(begin);
        if n >= count / 5 {
            times.push(took);
            match found {
                Some(found) => hits += found.len(),
                None => left += 1,
            }
        }
    }
    Ok(json!({"searches": count, "hits": hits, "left": left, "time": percentiles(times)}))
}

fn many(runtime: &Runtime, catalog: &Catalog, url: &str, count: u64) -> Fallible<Value> {
    let mut plain = Plain::connect(runtime, url)?;
    let (mut times, mut trips, mut hits) = (Vec::new(), Vec::new(), 0);
    // The first ones warm up.
    for n in 0..count + count / 5 {
        let search = search(n)?;
        let begin = Instant::now();
        let found = runtime.block_on(catalog.search_ids(&search))?;
        let took = micros(begin);
        let begin = Instant::now();
        plain.ask(runtime)?;
        if n >= count / 5 {
            times.push(took);
            trips.push(micros(begin));
            hits += found.len();
        }
    }
    let (times, trips) = (percentiles(times), percentiles(trips));
    Ok(json!({"searches": count, "hits": hits, "time": times, "round_trip": trips}))
}

fn documents(runtime: &Runtime, catalog: &Catalog, count: u64) -> Fallible<Value> {
    let (mut times, mut hits) = (Vec::new(), 0);
    for n in 0..count + count / 5 {
        let search = search(n)?;
        let begin = Instant::now();
        let found = runtime.block_on(catalog.search(&search))?;
        if n >= count / 5 {
            times.push(micros(begin));
            hits += found.len();
        }
    }
    Ok(json!({"searches": count, "hits": hits, "time": percentiles(times)}))
}

fn one(runtime: &Runtime, catalog: &Catalog, find: &str) -> Fallible<Value> {
    let words: Vec<&str> = find.split(',').collect();
    let [west, south, east, north, begin, end, product] = words.as_slice() else {
        return Err(format!("{find} is not W,S,E,N,BEGIN,END,PRODUCT").into());
    };
    let search = Search::product(*product).bbox(west.parse()?, south.parse()?, east.parse()?, north.parse()?)?;
    let search = search.time(format!("{begin}/{end}").parse()?);
    let (mut times, mut hits) = (Vec::new(), 0);
    for _ in 0..12 {
        let begin = Instant::now();
        hits = runtime.block_on(catalog.search(&search))?.len();
        times.push(micros(begin));
    }
    // The first one begins with a cold catalog: told apart.
    let first = times.remove(0);
    times.sort_by(f64::total_cmp);
    Ok(json!({"first": first, "median": times[times.len() / 2], "hits": hits}))
}

/// A connection that the catalog knows nothing of.
enum Plain {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Plain {
    fn connect(runtime: &Runtime, url: &str) -> Fallible<Self> {
        Ok(if url.starts_with("sqlite:") {
            Self::Sqlite(runtime.block_on(sqlx::SqliteConnection::connect(url))?)
        } else {
            Self::Postgres(runtime.block_on(sqlx::PgConnection::connect(url))?)
        })
    }

    fn ask(&mut self, runtime: &Runtime) -> Fallible<()> {
        const ONE: &str = "SELECT 1";
        match self {
            Self::Sqlite(connection) => {
                runtime.block_on(sqlx::query(ONE).fetch_one(connection))?;
            }
            Self::Postgres(connection) => {
                runtime.block_on(sqlx::query(ONE).fetch_one(connection))?;
            }
        }
        Ok(())
    }
}

fn micros(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e6
}

fn percentiles(mut times: Vec<f64>) -> Value {
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    json!({"p50": at(50), "p99": at(99)})
}

/// Bytes of memory that the process holds.
fn resident() -> Fallible<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024)
}
