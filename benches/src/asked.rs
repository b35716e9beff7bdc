//! The load that words on a command line ask for.

use std::error::Error;

use cube::{BoundingBox, Crs, Footprint, GroupBy, LoadSpec, Search};

/// What the words are.
pub const USAGE: &str = "PRODUCT MEASUREMENTS CRS LEFT,BOTTOM,RIGHT,TOP RESOLUTION MODE [EXPR]";

/// A load: which datasets, and which pixels of them.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which datasets.
    pub search: Search,
    /// Which pixels; datasets are grouped by solar day.
    pub spec: LoadSpec,
    /// The measurements, as named.
    pub measurements: Vec<String>,
}

impl Asked {
    /// Reads the words of [`USAGE`]. The box is in units of the CRS, measurements are separated by commas.
    ///
    /// # Errors
    /// Where a word is missing or is not what it should be.
    pub fn from_words(words: &[String]) -> Result<Self, Box<dyn Error>> {
        let [product, measurements, crs, bbox, resolution, mode, rest @ ..] = words else {
            return Err(format!("usage: {USAGE}").into());
        };
        let crs = Crs::parse(crs)?;
        let edges = bbox.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let &[left, bottom, right, top] = edges.as_slice() else { return Err("the box has four numbers".into()) };
        let area = Footprint::from_bbox(BoundingBox::new(left, bottom, right, top), crs.clone())?;
        let mut search = if rest.is_empty() { Search::default() } else { Search::parse(&rest.join(" "))? }.area(area);
        search.products.push(product.clone());
        let measurements: Vec<String> = measurements.split(',').map(ToOwned::to_owned).collect();
        let spec = LoadSpec::new(crs, resolution.parse::<f64>()?)
            .measurements(&measurements)
            .resampling(mode.parse()?)
            .group_by(GroupBy::SolarDay);
        Ok(Self { search, spec, measurements })
    }
}
