//! Documents for `scripts/bench-catalog`, on standard output as lines of JSON.
//!
//! usage: `documents products | scenes BEGIN END | near COUNT | world COUNT`
//!
//! `near` are scenes of 0 to 40° east and 20 to 60° north.

use std::error::Error;
use std::io::{BufWriter, Write};

use cube_benches::documents::{Place, scene, scenes_product, world, world_products};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    match words.as_slice() {
        ["products"] => {
            scenes_product(&mut out)?;
            world_products(&mut out)?;
        }
        ["scenes", begin, end] => (begin.parse()?..end.parse()?).try_for_each(|n| scene(&mut out, n))?,
        ["near", count] => {
            let near = (0..).filter(|&n| {
                let (lon, lat) = Place::of(n).lonlat;
                (0.0..40.0).contains(&lon) && (20.0..60.0).contains(&lat)
            });
            near.take(count.parse()?).try_for_each(|n| scene(&mut out, n))?;
        }
        ["world", count] => (0..count.parse()?).try_for_each(|n| world(&mut out, n))?,
        _ => return Err("usage: documents products | scenes BEGIN END | near COUNT | world COUNT".into()),
    }
    Ok(out.flush()?)
}
