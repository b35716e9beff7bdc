//! From command-line words to a search and a load specification.

use std::path::Path;

use cube::{BoundingBox, Crs, Footprint, Fuse, GroupBy, LoadSpec, Resampling, Resolution, Search};

use crate::args::{FuseArg, GroupByArg, Pixels, Where};
use crate::output::Failure;

fn usage(sentence: impl Into<String>) -> Failure {
    Failure::Usage(sentence.into())
}

/// Numbers separated by commas, exactly as many as `N`.
pub(crate) fn numbers<const N: usize>(text: &str, what: &str, example: &str) -> Result<[f64; N], Failure> {
    let expected = if N == 1 { "a number".to_owned() } else { format!("{N} numbers separated by commas") };
    let bad = || usage(format!("{what} {text:?}: expected {expected}, such as {example}"));
    let mut out = [0.0; N];
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.len() != N {
        return Err(bad());
    }
    for (slot, part) in out.iter_mut().zip(parts) {
        *slot = part.parse().ok().filter(|v: &f64| v.is_finite()).ok_or_else(bad)?;
    }
    Ok(out)
}

/// The search of an expression; all datasets where it is empty.
pub(crate) fn expression(text: &str) -> Result<Search, Failure> {
    if text.trim().is_empty() { Ok(Search::default()) } else { Ok(Search::parse(text).map_err(cube::Error::from)?) }
}

/// The search of these products and terms.
pub(crate) fn search(products: &[String], place: &Where) -> Result<Search, Failure> {
    let mut search = expression(&place.query.join(" "))?;
    search.products.extend(products.iter().cloned());
    apply_place(&mut search, place)?;
    Ok(search)
}

/// Adds the options that say when and where.
pub(crate) fn apply_place(search: &mut Search, place: &Where) -> Result<(), Failure> {
    if let Some(time) = &place.time {
        search.times.push(time.parse().map_err(cube::Error::from)?);
    }
    let both = "give the place once: by --bbox or --geometry, or by lat and lon terms";
    if let Some(text) = &place.bbox {
        if search.area.is_some() {
            return Err(usage(both));
        }
        let [west, south, east, north] = numbers::<4>(text, "--bbox", "11.9,41.8,12.6,42.4")?;
        *search = match &place.bbox_crs {
            None => search.clone().bbox(west, south, east, north).map_err(cube::Error::from)?,
            Some(crs) => {
                let crs = parse_crs(crs)?;
                if west >= east || south >= north {
                    return Err(usage(format!(
                        "--bbox {text:?} is empty: give left,bottom,right,top in units of {crs}"
                    )));
                }
                search.clone().area(
                    Footprint::from_bbox(BoundingBox::new(west, south, east, north), crs).map_err(cube::Error::from)?,
                )
            }
        };
    }
    if let Some(geometry) = &place.geometry {
        if search.area.is_some() {
            return Err(usage(both));
        }
        let text = if Path::new(geometry).is_file() {
            std::fs::read_to_string(geometry).map_err(|e| Failure::Failed(format!("cannot read {geometry}: {e}")))?
        } else if !geometry.contains(['(', '{']) && !geometry.to_ascii_uppercase().contains("EMPTY") {
            return Err(usage(format!(
                "--geometry {geometry:?} is neither GeoJSON nor WKT, and there is no such file"
            )));
        } else {
            geometry.clone()
        };
        *search = search.clone().geometry(&text).map_err(cube::Error::from)?;
    }
    if place.limit.is_some() {
        search.limit = place.limit;
    }
    Ok(())
}

/// The load specification of these options. `area` is the search's, for `--crs utm`.
pub(crate) fn load_spec(pixels: &Pixels, area: Option<&Footprint>) -> Result<LoadSpec, Failure> {
    let mut spec = LoadSpec::default();
    if let Some(file) = &pixels.like {
        if !file.exists() {
            return Err(Failure::Failed(format!("--like {}: there is no such file; check the path", file.display())));
        }
        spec = LoadSpec::like(cube::geobox_of_file(file)?);
    }
    if let Some(crs) = &pixels.crs {
        spec = spec.crs(if crs.eq_ignore_ascii_case("utm") {
            let area =
                area.ok_or_else(|| usage("--crs utm needs a place to take the zone of: give --bbox or --geometry"))?;
            cube::utm_zone_of(area)?
        } else {
            parse_crs(crs)?
        });
    }
    if let Some(text) = &pixels.resolution {
        let size = if text.contains(',') {
            let [x, y] = numbers::<2>(text, "--resolution", "20 or 20,-20")?;
            Resolution::new(x, y)
        } else {
            let [size] = numbers::<1>(text, "--resolution", "20 or 20,-20")?;
            if size < 0.0 {
                let flipped =
                    "one size is for both axes and has no sign; to turn an axis around give both, such as 20,20";
                return Err(usage(format!("--resolution {text:?}: {flipped}")));
            }
            Resolution::square(size)
        };
        if size.x == 0.0 || size.y == 0.0 {
            let what = "a pixel has a size; give it in units of the output CRS, such as 20";
            return Err(usage(format!("--resolution {text:?}: {what}")));
        }
        spec = spec.resolution(size);
    }
    if let Some(text) = &pixels.align {
        let [x, y] = numbers::<2>(text, "--align", "0,0")?;
        spec = spec.align((x, y));
    }
    for item in &pixels.resampling {
        spec = match item.split_once('=') {
            Some((name, mode)) => spec.resampling_for(name.trim(), resampling(mode)?),
            None => spec.resampling(resampling(item)?),
        };
    }
    if !pixels.measurements.is_empty() {
        spec = spec.measurements(pixels.measurements.iter().map(|m| m.trim()));
    }
    if let Some(group_by) = pixels.group_by {
        spec = spec.group_by(match group_by {
            GroupByArg::Time => GroupBy::Time,
            GroupByArg::SolarDay => GroupBy::SolarDay,
            GroupByArg::Dataset => GroupBy::Dataset,
        });
    }
    if let Some(fuse) = pixels.fuse {
        spec = spec.fuse(match fuse {
            FuseArg::First => Fuse::First,
            FuseArg::Last => Fuse::Last,
            FuseArg::Min => Fuse::Min,
            FuseArg::Max => Fuse::Max,
            FuseArg::Mean => Fuse::Mean,
            FuseArg::Median => Fuse::Median,
            FuseArg::Count => Fuse::Count,
        });
    }
    if let Some(limit) = &pixels.memory_limit {
        spec = spec.memory_limit(bytes(limit)?);
    }
    Ok(spec.skip_broken(pixels.skip_broken))
}

/// A CRS; a bare number is an EPSG code.
pub(crate) fn parse_crs(text: &str) -> Result<Crs, Failure> {
    let crs = match text.trim().parse() {
        Ok(code) => Crs::epsg(code),
        Err(_) => Crs::parse(text),
    };
    Ok(crs.map_err(cube::Error::from)?)
}

/// Two numbers in ascending order.
pub(crate) fn range(text: &str) -> Result<(f64, f64), Failure> {
    let [low, high] = numbers::<2>(text, "--range", "270,300")?;
    if low < high {
        Ok((low, high))
    } else {
        Err(usage(format!("--range {text:?}: the first must be smaller than the second")))
    }
}

fn resampling(mode: &str) -> Result<Resampling, Failure> {
    mode.trim().parse().map_err(|e| usage(format!("--resampling: {e}")))
}

/// A size in bytes: `4GB`, `500MiB`, `1e9`.
fn bytes(text: &str) -> Result<u64, Failure> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| c.is_ascii_alphabetic() && c != 'e').unwrap_or(lower.len());
    let factor = match lower[digits..].trim() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => 0.0,
    };
    let value = lower[..digits].trim().parse::<f64>().unwrap_or(0.0) * factor;
    if (1.0..1e18).contains(&value) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 1e18")]
        return Ok(value as u64);
    }
    Err(usage(format!("--memory-limit {text:?} is not a size: give 4GB, 500MiB or bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(bytes("4GB").unwrap(), 4_000_000_000);
        assert_eq!(bytes("1.5 GiB").unwrap(), 1_610_612_736);
        assert_eq!(bytes("1e9").unwrap(), 1_000_000_000);
        assert!(bytes("lots").is_err());
    }

    #[test]
    fn a_bare_number_is_an_epsg_code() {
        assert_eq!(parse_crs("32633").unwrap(), parse_crs("EPSG:32633").unwrap());
        assert!(parse_crs("326").is_err());
    }

    #[test]
    fn a_box_of_three_numbers_is_refused_with_an_example() {
        let Err(Failure::Usage(sentence)) = numbers::<4>("1,2,3", "--bbox", "11.9,41.8,12.6,42.4") else { panic!() };
        assert!(sentence.contains("11.9,41.8,12.6,42.4"), "{sentence}");
    }
}
