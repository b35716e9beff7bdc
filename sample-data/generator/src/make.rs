//! Everything into a directory.

use std::fs;
use std::path::Path;

use jiff::civil::date;

use crate::climate::{Fields, SERIES};
use crate::cog::{self, Overview};
use crate::documents::{self, Format, SceneFacts};
use crate::error::{Result, SampleError};
use crate::lake::{Lake, Shore};
use crate::scene::{BANDS, Country, DATES, Scene};
use crate::tile::TILES;
use crate::truth::{self, Truth};
use crate::{netcdf_file, zarr_group};

/// What [`everything`] makes in the output directory; the rest of it is written by hand.
pub(crate) const MADE: [&str; 4] = ["lake.geojson", "truth.csv", "s2", "climatedt"];

/// Makes the whole sample set in `out`, in place of what was made there before.
pub(crate) fn everything(out: &Path) -> Result<Vec<Truth>> {
    fs::create_dir_all(out).map_err(SampleError::file(out))?;
    for name in ["s2", "climatedt"] {
        let old = out.join(name);
        if old.exists() {
            fs::remove_dir_all(&old).map_err(SampleError::file(&old))?;
        }
    }
    let lake = Lake::full();
    let truths = Truth::all(&lake)?;
    write(&out.join("lake.geojson"), &lake.geojson())?;
    write(&out.join("truth.csv"), &truth::csv(&truths))?;
    scenes(&out.join("s2"), &lake)?;
    climate(&out.join("climatedt"))?;
    Ok(truths)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(SampleError::file(path))
}

fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(SampleError::file(directory))
}

/// Six dates of two tiles, a directory each.
fn scenes(out: &Path, lake: &Lake) -> Result<()> {
    let shore = Shore::new(lake);
    for tile in &TILES {
        let country = Country::survey(tile, lake, &shore)?;
        for (index, on) in DATES.iter().enumerate() {
            let scene = Scene::paint(tile, &country, index)?;
            let (year, month, day) = on.day;
            let time = date(year, month, day).at(10, 5, tile.second, 0);
            let directory = out.join(format!("{}_{}", time.date(), tile.name));
            create(&directory)?;
            let edge = on.edge.filter(|(name, _)| *name == tile.name).map(|(_, edge)| edge);
            let facts = SceneFacts { time, cloud_percent: scene.cloud_percent(), edge };
            write(&directory.join("odc-metadata.yaml"), &documents::scene(tile, &facts))?;
            for ((_, band), pixels) in BANDS.iter().zip(scene.bands) {
                cog::write(&directory.join(format!("{band}.tif")), tile, pixels, Overview::Average)?;
            }
            cog::write(&directory.join("SCL.tif"), tile, scene.classes, Overview::Nearest)?;
        }
    }
    Ok(())
}

/// Both series in both formats. The documents beside the files take the box from NetCDF and Italy from Zarr; those in
/// `other-format` take each from the other file, for a test that both give the same pixels.
fn climate(out: &Path) -> Result<()> {
    let other = out.join("other-format");
    create(&other)?;
    for series in &SERIES {
        let times = series.times();
        let steps: Vec<Fields> = times.iter().enumerate().map(|(index, time)| series.fields(index, *time)).collect();
        netcdf_file::write(&out.join(Format::NetCdf.file(series)), series, &steps)?;
        zarr_group::write(&out.join(Format::Zarr.file(series)), series, &steps)?;
        let (first, second) = match series.region {
            "italy" => (Format::Zarr, Format::NetCdf),
            _ => (Format::NetCdf, Format::Zarr),
        };
        for (index, time) in times.into_iter().enumerate() {
            let name = format!("{}_{}.odc-metadata.yaml", series.product, time.date());
            write(&out.join(&name), &documents::step(series, index, time, first, ""))?;
            write(&other.join(&name), &documents::step(series, index, time, second, "../"))?;
        }
    }
    Ok(())
}
