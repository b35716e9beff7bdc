//! Figures of the cache alone, printed and not asserted:
//! `CUBE_SPEED_BOXES=1000000 cargo test --release -p cube-catalog cache::speed -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use cube_geo::BoundingBox;
use cube_model::Status;
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use uuid::Uuid;

use super::finding::{Found, Question};
use super::tree::Tree;
use crate::outline;
use crate::rows::{BoxRow, Changes, Micros};

const DAY: i64 = 86_400_000_000;
/// Three years.
const DAYS: u64 = 1095;

/// Numbers that look random and are the same in each run (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / f64::from(u32::MAX)
    }

    fn below(&mut self, end: u64) -> i64 {
        i64::try_from(self.next() % end).unwrap()
    }
}

/// A scene 110 km wide as it looks in lon/lat: sides that lean, northern and southern edges that bulge, 40 vertices. Of
/// each third one the edge of the swath cuts a part off.
fn scene(numbers: &mut Numbers) -> (MultiPolygon<f64>, BoundingBox) {
    let (lat, lon) = (numbers.share() * 130.0 - 60.0, numbers.share() * 356.0 - 179.0);
    let width = 1.0 / lat.to_radians().cos();
    let bulge = 110.0 / (8.0 * 6371.0) * lat.to_radians().tan();
    let lean = width * 0.01 * (numbers.share() - 0.5);
    let cut = if numbers.next().is_multiple_of(3) { numbers.share() * 0.8 } else { 0.0 };
    let at = |u: f64, v: f64| Coord {
        x: lon + width * (u + (0.5 - u) * 0.02 * v * lat.signum()) + lean * v,
        y: lat + v + bulge * 4.0 * u * (1.0 - u),
    };
    let step = |i: u32| f64::from(i) / 19.0;
    let south = (0..20).map(|i| at(cut + (1.0 - cut) * step(i), 0.0));
    let north = (0..20).rev().map(|i| at(cut * 0.8 + (1.0 - cut * 0.8) * step(i), 1.0));
    let mut ring: Vec<Coord> = south.chain(north).collect();
    ring.push(ring[0]);
    let around = BoundingBox::around(ring.iter().map(|c| (c.x, c.y))).unwrap();
    (MultiPolygon::new(vec![Polygon::new(LineString::new(ring), vec![])]), around)
}

fn row(key: i64, numbers: &mut Numbers, encoding: &mut Duration) -> BoxRow {
    let (polygons, around) = scene(numbers);
    let begin = numbers.below(DAYS) * DAY + numbers.below(DAY.unsigned_abs());
    let time = Micros { begin, end: begin + numbers.below(30_000_000) };
    let started = Instant::now();
    let outline = outline::encode(&polygons, &[around]);
    *encoding += started.elapsed();
    BoxRow {
        key,
        id: Uuid::from_u64_pair(numbers.next(), numbers.next()),
        time,
        center: time.begin + (time.end - time.begin) / 2,
        outline,
        boxes: vec![around],
        archived: false,
    }
}

#[test]
#[ignore = "measures and takes long"]
fn speed_of_the_cache_alone() {
    let count: i64 = std::env::var("CUBE_SPEED_BOXES").ok().map_or(100_000, |n| n.parse().unwrap());
    let mut numbers = Numbers(1);
    let (mut encoding, mut taking) = (Duration::ZERO, Duration::ZERO);
    let mut all = Changes::default();
    for batch in 0..count / 1000 {
        let rows: Vec<_> = (0..1000).map(|n| row(batch * 1000 + n, &mut numbers, &mut encoding)).collect();
        let begin = Instant::now();
        for row in &rows {
            all.rows.push(row);
        }
        taking += begin.elapsed();
    }
    println!("{count} footprints, outlines made in {encoding:?}, rows taken in {taking:?}");
    let begin = Instant::now();
    let tree = Tree::new(1, all);
    println!("tree built in {:?}, {:.1} bytes a footprint", begin.elapsed(), per(tree.bytes(), tree.len()));
    let later: Vec<_> = (0..1000).map(|key| row(key, &mut numbers, &mut encoding)).collect();
    let later = Changes { rows: later.iter().collect(), gone: Vec::new(), whole: false };
    let begin = Instant::now();
    let tree = tree.advance(2, later);
    println!("1,000 changes taken in {:?}", begin.elapsed());

    for (what, size, days, limit) in [
        ("a point, three years", 0.0, DAYS, None),
        ("0.1°, a year", 0.1, 365, None),
        ("2°, a month", 2.0, 30, None),
        ("2°, four months", 2.0, 120, None),
        ("10°, a day", 10.0, 1, None),
        ("10°, a year", 10.0, 365, None),
        ("the Earth, a day", 360.0, 1, None),
        ("2°, a year, the first 10", 2.0, 365, Some(10)),
        ("the Earth, always, the first 10", 360.0, DAYS, Some(10)),
    ] {
        let mut numbers = Numbers(2);
        let mut took = Vec::new();
        let (mut hits, mut open, mut searches) = (0, 0, 0);
        for _ in 0..2000 {
            let (west, south) = (numbers.share() * 350.0 - 178.0, numbers.share() * 125.0 - 59.0);
            let area = if size < 180.0 {
                BoundingBox::new(west, south, west + size, south + size)
            } else {
                BoundingBox::new(-180.0, -90.0, 180.0, 90.0)
            };
            let first = numbers.below(DAYS + 1 - days) * DAY;
            let times = [Micros { begin: first, end: first + i64::try_from(days).unwrap() * DAY }];
            let begin = Instant::now();
            let question = Question::new(&[area], true, &times, Status::Active);
            let mut found = Found::new(limit);
            tree.find(&question, &mut found);
            let found = found.into_hits();
            took.push(begin.elapsed());
            hits += found.len();
            let doubtful = found.iter().filter(|hit| hit.doubtful).count();
            open += doubtful;
            searches += usize::from(doubtful > 0);
        }
        took.sort_unstable();
        let at = |share: usize| micros(took[took.len() * share / 1000]);
        println!(
            "{what:32} p50 {:9.1} µs, p99 {:9.1} µs, hits {:8.1}, open {:.4} of hits, in {:.3} of searches",
            at(500),
            at(990),
            per(hits, took.len()),
            per(open, hits.max(1)),
            per(searches, took.len()),
        );
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a figure to read")]
fn per(sum: usize, count: usize) -> f64 {
    sum as f64 / count as f64
}
