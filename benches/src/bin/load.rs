//! One load in a process of its own, nothing written: what `scripts/bench` measures beside a peer.
//!
//! usage: `load PRODUCT MEASUREMENT CRS LEFT,BOTTOM,RIGHT,TOP RESOLUTION MODE [EXPR]`
//!
//! Prints JSON: seconds of the load itself (`wall`; search and plan counted, opening the catalog not) and the sum of
//! its pixels. The catalog is that of `CUBE_CATALOG`.

use std::error::Error;
use std::time::Instant;

use cube::{BoundingBox, Config, Crs, Datacube, Footprint, GroupBy, LoadSpec, Search};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [product, measurement, crs, bbox, resolution, mode, rest @ ..] = arguments.as_slice() else {
        return Err("usage: load PRODUCT MEASUREMENT CRS LEFT,BOTTOM,RIGHT,TOP RESOLUTION MODE [EXPR]".into());
    };
    let crs = Crs::parse(crs)?;
    let edges = bbox.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let &[left, bottom, right, top] = edges.as_slice() else { return Err("the box has four numbers".into()) };
    let area = Footprint::from_bbox(BoundingBox::new(left, bottom, right, top), crs.clone())?;
    let mut search = if rest.is_empty() { Search::default() } else { Search::parse(&rest.join(" "))? }.area(area);
    search.products.push(product.clone());
    let spec = LoadSpec::new(crs, resolution.parse::<f64>()?)
        .measurements([measurement])
        .resampling(mode.parse()?)
        .group_by(GroupBy::SolarDay);
    let dc = Datacube::open(&Config::from_env()?)?;
    let started = Instant::now();
    let cube = dc.load(&search, &spec)?;
    let wall = started.elapsed().as_secs_f64();
    let sum: u64 = cube.array::<u16>(measurement)?.iter().map(|&p| u64::from(p)).sum();
    println!("{{\"wall\": {wall:.3}, \"sum\": {sum}, \"times\": {}}}", cube.times.len());
    Ok(())
}
