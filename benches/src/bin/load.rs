//! One load in a process of its own, nothing written: what `scripts/bench-load` measures beside a peer.
//!
//! usage: `load PRODUCT MEASUREMENTS CRS LEFT,BOTTOM,RIGHT,TOP RESOLUTION MODE [EXPR]`
//!
//! Prints JSON: seconds of the load itself (`wall`, `user`, `sys`; search and plan counted, opening the catalog not),
//! its bytes, times and the sum of its pixels. The catalog is that of `CUBE_CATALOG`.

use std::error::Error;

use cube::{Config, Datacube};
use cube_benches::asked::Asked;
use cube_benches::usage::Moment;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Asked { search, spec, measurements } = Asked::from_words(&words)?;
    let dc = Datacube::open(&Config::from_env()?)?;
    let started = Moment::now();
    let cube = dc.load(&search, &spec)?;
    let took = started.since();
    let (mut sum, mut bytes) = (0_u64, 0);
    for measurement in &measurements {
        let pixels = cube.array::<u16>(measurement)?;
        sum += pixels.iter().map(|&p| u64::from(p)).sum::<u64>();
        bytes += pixels.len() * size_of::<u16>();
    }
    println!(
        "{{\"wall\": {:.4}, \"user\": {:.4}, \"sys\": {:.4}, \"sum\": {sum}, \"bytes\": {bytes}, \"times\": {}}}",
        took.wall,
        took.user,
        took.system,
        cube.times.len()
    );
    Ok(())
}
